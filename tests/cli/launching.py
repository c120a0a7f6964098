"""-n: starts mpirun on this program; same bytes, same exit codes, signals pass, nothing is left behind."""
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from program import PROGRAM, check, environment, finish, ppm, read, run, temporary_folder, write  # noqa: E402

MPIRUN = shutil.which("mpirun")


def converts(folder):
    run("a.ppm", "-o", "alone.png", cwd=folder)
    for ranks in ("1", "2", "3"):
        result = run("-n", ranks, "a.ppm", "-o", f"{ranks}.png", "--progress", "none", cwd=folder)
        check(result.code == 0 and result.out == b"" and result.err == "", f"-n {ranks} works in silence", result)
        check(read(folder, f"{ranks}.png") == read(folder, "alone.png"), f"-n {ranks} makes the same bytes")
    result = run("-fn2", "a.ppm", "-o", "2.png", cwd=folder)
    check(result.code == 0, "letters together with -n", result)
    result = run("-n", "2", "-", "--format", "png", stdin=read(folder, "a.ppm"), cwd=folder)
    check(result.out == read(folder, "alone.png"), "-n 2 from standard input to standard output", result.err)
    write(folder, "-odd name.ppm", ppm())
    result = run("-n", "2", "--format", "png", "--", "-odd name.ppm", cwd=folder)
    check(os.path.exists(os.path.join(folder, "-odd name-gray.png")), "names are passed on as they are", result)


def fails(folder):
    result = run("-n", "2", "none.ppm", "-o", "x.png", cwd=folder)
    check(result.code == 3 and len(result.err_lines) == 1, "a failure: its code and one line", result)
    result = run("a.ppm", "-n", "2", cwd=folder, before=[MPIRUN, "-q", "--oversubscribe", "-n", "2"])
    check(result.code == 2 and "leave -n to the launcher" in result.err and result.err.count("rgb2gray:") == 1,
          "-n under mpirun", result)
    # An mpirun that ends in a way the processes cannot have explained.
    for end, text in (("exit 213", "status 213"), ("kill -9 $$", "ended by signal 9"), ("exit 137", "signal 9")):
        script = write(folder, "mpirun", f"#!/bin/sh\n{end}\n".encode())
        os.chmod(script, 0o755)
        result = run("-n", "2", "a.ppm", "-o", "x.png", cwd=folder, env=environment(PATH=folder + ":/usr/bin:/bin"))
        check(result.code == 10 and text in result.err, f"mpirun that ends with {end}", result)
        os.remove(script)


def notes_root(folder):
    if os.geteuid() != 0:
        return
    env = environment(OMPI_ALLOW_RUN_AS_ROOT=None, OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=None)
    result = run("-f", "-n", "2", "a.ppm", "-o", "x.png", cwd=folder, env=env)
    check(result.code == 0 and result.err.count("note: running as root") == 1, "root is told", result)
    result = run("-q", "-f", "-n", "2", "a.ppm", "-o", "x.png", cwd=folder, env=env)
    check(result.code == 0 and result.err == "", "unless --quiet", result)


def stops(folder):
    """The input is a pipe that never ends, so that the signal always comes in the middle."""
    pipe = os.path.join(folder, "endless.ppm")
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    before = sorted(os.listdir(folder))
    for arguments in (["-n", "2"], []):
        os.write(writer, b"P6\n6000 4000\n255\n")
        process = subprocess.Popen([PROGRAM, *arguments, "endless.ppm", "-o", "big.png", "--progress", "json"],
                                   cwd=folder, stderr=subprocess.PIPE, env=environment())
        process.stderr.readline()  # it has begun
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=60)[1]
        check(process.returncode == -signal.SIGTERM, f"SIGTERM ends {arguments} by that signal", process.returncode)
        check(b"rgb2gray: interrupted" in rest, f"SIGTERM is told {arguments}", rest)
        check(sorted(os.listdir(folder)) == before, f"nothing is left {arguments}", os.listdir(folder))
    os.close(writer)


if not MPIRUN:
    print("mpirun is not installed")
    sys.exit(77)
with temporary_folder() as work:
    write(work, "a.ppm", ppm(300, 2000))
    converts(work)
    fails(work)
    notes_root(work)
    stops(work)
finish()
