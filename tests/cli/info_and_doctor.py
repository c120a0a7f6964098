"""info and doctor: lines for people, JSON for programs, exit codes; once under a launcher."""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from program import check, environment, finish, ppm, run, temporary_folder, write  # noqa: E402

CHECKS = ["MPI library", "launcher", "trial", "user", "CPU", "CPUs", "binding", "memory", "/dev/shm", "temporary files",
          "this folder", "Slurm"]


def info(folder):
    write(folder, "a.ppm", ppm())
    write(folder, "a-gray.png", b"precious")
    result = run("info", "a.ppm", cwd=folder)
    for text in ("PPM, 40 x 30, RGB, 8 bits", "a-gray.png", "PNG, 40 x 30, gray, 8 bits", "bt601 = (299 R + 587 G"):
        check(text in result.text, f"info says {text}", result)
    check(result.code == 0 and len(os.listdir(folder)) == 2, "info writes nothing, and minds no existing output", result)
    result = run("info", "none.ppm", "a.ppm", cwd=folder)
    check(result.code == 3 and result.text.startswith("input       a.ppm\n"), "info goes on after a failure", result)
    check(run("info", "--method", "green", "a.ppm", cwd=folder).text.count("green = G") == 1, "info heeds options")


def doctor(folder):
    result = run("doctor", "--report", "json", cwd=folder)
    report = json.loads(result.text)
    found = {entry["name"]: entry for entry in report["checks"]}
    check([name for name in CHECKS if name not in found] == [], "doctor makes all its checks", result)
    check(found["trial"]["level"] == "ok" and result.code == 0, "doctor finds MPI working", result)
    for entry in report["checks"]:
        check(entry["level"] == "ok" or entry["remedy"], f"{entry['name']}: a remedy", entry)
    result = run("doctor", cwd=folder)
    check(all(f"{name} " in result.text for name in CHECKS), "doctor in lines", result)
    check(all(len(line) <= 80 for line in result.text.splitlines()), "doctor fits 80 columns", result)

    # On PATH there is no mpirun, or one that fails, or one of another MPI.
    result = run("doctor", cwd=folder, env=environment(PATH=folder))
    check(result.code == 10 and "fail  launcher" in result.text and "apt-get" in result.text, "no mpirun", result)
    script = write(folder, "mpirun", b"#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'mpirun (Open MPI) 1.2.3'; exit 0;"
                                     b" fi\necho 'no such luck' >&2; exit 5\n")
    os.chmod(script, 0o755)
    result = run("doctor", cwd=folder, env=environment(PATH=folder))
    check(result.code == 10 and "fail  trial" in result.text and "no such luck" in result.text, "bad mpirun", result)
    check("warn  launcher" in result.text and "1.2.3" in result.text, "another version of mpirun", result)
    result = run("doctor", cwd=folder, env=environment(TMPDIR="/proc/none"))
    check("fail  temporary files" in result.text, "no temporary folder", result)
    result = run("doctor", cwd=folder, env=environment(RGB2GRAY_ISA="nonsense"))
    check("warn  CPU" in result.text, "an unknown RGB2GRAY_ISA", result)


def launched(folder):
    before = [shutil.which("mpirun"), "--oversubscribe", "-n", "3"]
    result = run("doctor", cwd=folder, before=before)
    check(result.code == 0 and "3 ranks on 1 host" in result.text, "doctor under mpirun", result)
    check(result.text.count("MPI start") == result.text.count("/dev/shm") == 1, "and only one rank speaks", result)
    result = run("--help", before=before)
    check(result.code == 0 and result.out == run("--help").out, "--help under mpirun comes once", result)


with temporary_folder() as work:
    info(work)
with temporary_folder() as work:
    doctor(work)
with temporary_folder() as work:
    launched(work)
finish()
