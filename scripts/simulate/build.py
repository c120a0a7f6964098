"""Builds the program `rgb2gray-mpi` for SimGrid's SMPI, in a folder of its own.

All of its sources are compiled anew with smpicc, since SMPI has an mpi.h of its own and replaces the clock; with
`objects`, those of the layers that know neither are taken from a finished build. model.c, batch.c and storage.cc are linked in.
"""

import concurrent.futures
import os
import shutil
import subprocess
import sys

LAYERS = ("base", "pixel", "deflate", "codec", "pipeline", "parallel", "cli")
# Of a finished build: object libraries whose sources include no mpi.h. Not in them, or with a clock: CLOCK.
FINISHED = {"base": "r2g_base", "pixel": "r2g_pixel", "deflate": "r2g_deflate", "codec": "r2g_codec"}
CLOCK = ("base/clock.c", "base/json.c")
LIBRARIES = ("png", "jpeg", "z", "isal", "jansson", "crypto", "pthread", "simgrid")
# Where the program's own functions are taken by model.c and batch.c.
WRAPPED = ("r2g_block_read", "r2g_block_worker_run", "r2g_block_worker_place", "r2g_output_write_at", "r2g_job_open",
           "MPI_Type_contiguous", "smpi_getpid", "r2g_batch_work", "pthread_create", "pthread_cond_wait", "pthread_join")
HERE = os.path.dirname(os.path.abspath(__file__))


def missing():
    """What is missing to simulate, in a sentence; None if nothing is."""
    for tool in ("smpicc", "smpirun"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed: the simulation needs SimGrid (on Debian: apt-get install libsimgrid-dev)"
    if shutil.which("g++") is None:
        return "g++ is not installed: the simulation's own part is in C++"
    return None


def newest(folder):
    """The time of the newest header below a folder."""
    times = [0.0]
    for where, _, names in os.walk(folder):
        times += [os.path.getmtime(os.path.join(where, name)) for name in names if name.endswith(".h")]
    return max(times)


def compile_one(words, source, target, newest_header):
    if os.path.exists(target) and os.path.getmtime(target) > max(os.path.getmtime(source), newest_header):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    done = subprocess.run([*words, "-c", source, "-o", target], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{source} cannot be compiled:\n{done.stdout}")


def build(root, folder, objects=None, jobs=2):
    """Builds below `folder`; the path of the program, which smpirun starts."""
    source_folder = os.path.join(root, "src")
    flags = ["-std=c17", "-O2", "-g", "-fPIC", "-w", "-D_GNU_SOURCE", "-DSMPI_NO_OVERRIDE_MALLOC",
             '-DR2G_VERSION="simulated"', "-I" + os.path.join(root, "include"), "-I" + source_folder]
    header = max(newest(source_folder), newest(os.path.join(root, "include")), newest(HERE))
    linked, tasks = [], []
    for layer in LAYERS:
        finished = layer in FINISHED and objects
        for name in sorted(os.listdir(os.path.join(source_folder, layer))):
            short = f"{layer}/{name}"
            if not name.endswith(".c") or short == "cli/handover.c":
                continue
            if finished and short not in CLOCK:
                linked.append(os.path.join(objects, "src", "CMakeFiles", FINISHED[layer] + ".dir", short + ".o"))
                continue
            linked.append(os.path.join(folder, short + ".o"))
            tasks.append((["smpicc", *flags], os.path.join(source_folder, short), linked[-1]))
    for name, words in (("model.c", ["smpicc", *flags]), ("batch.c", ["smpicc", *flags]), ("storage.cc", ["g++", "-O2", "-fPIC"])):
        linked.append(os.path.join(folder, name + ".o"))
        tasks.append((words, os.path.join(HERE, name), linked[-1]))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for done in [pool.submit(compile_one, *task, header) for task in tasks]:
            done.result()
    program = os.path.join(folder, "rgb2gray-simulated")
    if not os.path.exists(program) or any(os.path.getmtime(path) > os.path.getmtime(program) for path in linked):
        words = ["smpicxx", "-fPIC", *linked, "-o", program, *("-Wl,--wrap=" + name for name in WRAPPED),
                 *("-l" + name for name in LIBRARIES)]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"the simulated program cannot be linked:\n{done.stdout}")
    return program


if __name__ == "__main__":
    print(build(*sys.argv[1:]))
