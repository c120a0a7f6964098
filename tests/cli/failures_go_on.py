"""Failures: their exit codes, one line each that names the file, and several inputs of which the good ones are still
converted."""
import os
import resource
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from program import PROGRAM, check, environment, finish, ppm, read, run, temporary_folder, write  # noqa: E402

with temporary_folder() as folder:
    write(folder, "a.ppm", ppm())
    write(folder, "b.ppm", ppm(20, 20))
    write(folder, "short.ppm", ppm()[:1000])
    write(folder, "text.png", b"this is no picture at all, just words\n" * 10)
    os.mkdir(os.path.join(folder, "folder"))
    before = sorted(os.listdir(folder))

    for arguments, code, text in [
            (["none.ppm", "-o", "x.png"], 3, "none.ppm: "),
            (["folder", "-o", "x.png"], 3, "folder: is a folder"),
            (["text.png", "-o", "x.png"], 4, "text.png: "),
            (["short.ppm", "-o", "x.png"], 5, "short.ppm: "),
            (["a.ppm", "-o", "x.png", "--mem-limit", "1k"], 6, "a.ppm: "),
            (["a.ppm", "-o", "nowhere/x.png"], 7, "nowhere/x.png"),
            (["a.ppm", "-o", "b.ppm", "--format", "pgm"], 8, "b.ppm")]:
        result = run(*arguments, cwd=folder)
        check(result.code == code, f"{arguments}: exit {code}", result)
        check(result.out == b"" and len(result.err_lines) == 1, f"{arguments}: one line", result)
        check(result.err.startswith("rgb2gray: ") and text in result.err, f"{arguments}: names {text}", result)
        check(sorted(os.listdir(folder)) == before, f"{arguments}: leaves nothing behind", os.listdir(folder))

    result = run("a.ppm", "short.ppm", "none.ppm", "b.ppm", "-o", "folder", "--format", "pgm", cwd=folder)
    check(result.code == 5, "the first failure's code", result)
    check([line.split(":")[1] for line in result.err_lines] == [" short.ppm", " none.ppm"], "a line a failure", result)
    check(sorted(os.listdir(os.path.join(folder, "folder"))) == ["a-gray.pgm", "b-gray.pgm"], "the others are converted")

    result = run("-n", "2", "a.ppm", "-o", "x.png", cwd=folder, env=environment(PATH="/nonexistent"))
    check(result.code == 10 and "mpirun" in result.err and "apt-get" in result.err, "no mpirun: exit 10", result)
    result = run("a.ppm", "-o", "x.png", cwd=folder, env=environment(PMI_SIZE="2", PMI_RANK="0"))
    check(result.code == 10 and "srun --mpi=pmix" in result.err, "a foreign launcher is refused", result)
    result = run("a.ppm", "-o", "x.png", cwd=folder, env=environment(PMI_SIZE="2", PMI_RANK="1"))
    check(result.code == 10 and result.err == "", "and only its first process says so", result)

    result = run("-n", "2", "--hostfile", "none", "a.ppm", "-o", "x.png", cwd=folder)
    check(result.code == 3 and len(result.err_lines) == 1, "a host file that is not there", result)
    result = run("-n", "99999", "a.ppm", "-o", "x.png", cwd=folder)
    check(result.code == 2 and "processes are too many" in result.err, "more processes than sense", result)
    result = run("a.ppm", "-o", "x.png", "--force", cwd=folder, env=environment(RGB2GRAY_ISA="bogus"))
    check(result.code == 0 and "bogus" in result.err, "an instruction set that does not exist is noted", result)

    # A reader that has gone, and a file that may not grow: write errors, not deaths by a signal.
    write(folder, "big.ppm", ppm(600, 600))
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([PROGRAM, "big.ppm", "-o", "-", "--format", "pgm"], cwd=folder, stdout=writing,
                          stderr=subprocess.PIPE, env=environment(), check=False)
    os.close(writing)
    check(done.returncode == 7 and b"standard output" in done.stderr, "a closed pipe: exit 7", done)
    done = subprocess.run([PROGRAM, "big.ppm", "-o", "y.pgm"], cwd=folder, stderr=subprocess.PIPE, env=environment(),
                          check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
    check(done.returncode == 7 and b"y.pgm" in done.stderr, "a file size limit: exit 7", done)
    check(not os.path.exists(os.path.join(folder, "y.pgm")), "and no part of the file")

    write(folder, "bad\x1b[31mname.ppm", b"P6\nnonsense")
    result = run("bad\x1b[31mname.ppm", "-o", "x.png", cwd=folder)
    check(result.code != 0 and "\x1b" not in result.err, "a file name cannot steer the terminal", repr(result.err))
    result = run("a.ppm", "-o", "bad\x1b[31mout.png", "--report", "text", cwd=folder)
    check(result.code == 0 and "\x1b" not in result.text, "nor in a report", repr(result.text))
finish()
