"""Failures: their exit codes, one line each that names the file, and several inputs of which the good ones are still
converted."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from program import check, environment, finish, ppm, read, run, temporary_folder, write  # noqa: E402

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

    write(folder, "bad\x1b[31mname.ppm", b"P6\nnonsense")
    result = run("bad\x1b[31mname.ppm", "-o", "x.png", cwd=folder)
    check(result.code != 0 and "\x1b" not in result.err, "a file name cannot steer the terminal", repr(result.err))
    result = run("a.ppm", "-o", "bad\x1b[31mout.png", "--report", "text", cwd=folder)
    check(result.code == 0 and "\x1b" not in result.text, "nor in a report", repr(result.text))
finish()
