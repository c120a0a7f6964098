"""Where outputs go: beside the input, to -o, into a folder, to standard output; and never over an existing file."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from program import check, finish, gray_of, ppm, read, run, temporary_folder, write  # noqa: E402

PICTURE = ppm()
GRAY = gray_of(PICTURE)


def is_gray(pgm):
    """Whether these are the bytes of the gray picture as PGM, whatever comments it has."""
    return pgm.startswith(b"P5\n") and pgm.endswith(b"\n40 30\n255\n" + GRAY)


def outputs(inputs, arguments, expected, stdin=b""):
    """Runs in a fresh folder and compares the names of the new files."""
    with temporary_folder() as folder:
        os.mkdir(os.path.join(folder, "out"))
        for name in inputs:
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            write(folder, name, PICTURE)
        result = run(*arguments, cwd=folder, stdin=stdin)
        found = sorted(os.path.relpath(os.path.join(where, name), folder)
                       for where, _, names in os.walk(folder) for name in names)
        made = [name for name in found if name not in inputs]
        check(result.code == 0 and made == sorted(expected), f"{arguments} makes {expected}", f"{made}\n{result}")
        for name in made:
            if name.endswith(".pgm"):
                check(is_gray(read(folder, name)), f"{name} of {arguments} holds the gray picture")


outputs(["a.ppm"], ["a.ppm"], ["a-gray.png"])
outputs(["a.bmp"], ["a.bmp"], ["a-gray.bmp"])
outputs(["a.JPG"], ["a.JPG"], ["a-gray.JPG"])
outputs(["a"], ["a"], ["a-gray.png"])
outputs(["a.tar.pgm"], ["a.tar.pgm"], ["a.tar-gray.pgm"])
outputs(["d.d/a"], ["d.d/a"], ["d.d/a-gray.png"])
outputs([".pgm"], [".pgm"], [".pgm-gray.png"])
outputs(["a.ppm"], ["a.ppm", "--format", "jpeg"], ["a-gray.jpg"])
outputs(["d/a.ppm", "b.ppm"], ["d/a.ppm", "b.ppm", "--format", "pgm"], ["d/a-gray.pgm", "b-gray.pgm"])
outputs(["d/a.ppm", "b.ppm"], ["d/a.ppm", "b.ppm", "--format", "pgm", "-o", "out"], ["out/a-gray.pgm", "out/b-gray.pgm"])
outputs(["a.ppm"], ["a.ppm", "-o", "out/"], ["out/a-gray.png"])
outputs(["a.ppm"], ["a.ppm", "-o", "new/", "--format", "pgm"], ["new/a-gray.pgm"])
outputs(["a.ppm"], ["a.ppm", "-o", "x.pgm"], ["x.pgm"])
outputs(["a.ppm"], ["a.ppm", "-o", "x.dat", "--format", "pgm"], ["x.dat"])
outputs(["-a.ppm"], ["-o", "x.pgm", "--", "-a.ppm"], ["x.pgm"])
outputs(["info"], ["./info", "--format", "pgm"], ["info-gray.pgm"])
outputs([], ["-", "-o", "x.pgm"], ["x.pgm"], stdin=PICTURE)
outputs([], ["-", "-o", "out", "--format", "pgm"], ["out/stdin-gray.pgm"], stdin=PICTURE)

result = run("-", "--format", "pgm", stdin=PICTURE)
check(result.code == 0 and is_gray(result.out) and result.err == "", "standard input to standard output", result.err)

with temporary_folder() as folder:
    write(folder, "a.ppm", PICTURE)
    result = run("--force", "a.ppm", "./a.ppm", cwd=folder)
    check(result.code == 2 and os.listdir(folder) == ["a.ppm"], "two spellings of one output are refused", result)
    for report in ("a.ppm", "./a.ppm", "a-gray.png"):
        result = run("--force", "a.ppm", "--report-file", report, cwd=folder)
        check(result.code == 2 and os.listdir(folder) == ["a.ppm"], f"a report does not go over {report}", result)
    write(folder, "r.txt", b"precious")
    result = run("a.ppm", "-o", "x.pgm", "--report-file", "r.txt", cwd=folder)
    check(result.code == 8 and read(folder, "r.txt") == b"precious", "a report replaces files with --force only", result)
    check(read(folder, "a.ppm") == PICTURE, "the input is untouched")

with temporary_folder() as folder:
    write(folder, "a.ppm", PICTURE)
    write(folder, "a-gray.pgm", b"precious")
    result = run("a.ppm", "--format", "pgm", cwd=folder)
    check(result.code == 8 and len(result.err_lines) == 1, "an existing output: exit 8, one line", result)
    check(read(folder, "a-gray.pgm") == b"precious", "an existing output is left alone")
    result = run("a.ppm", "--format", "pgm", "-f", cwd=folder)
    check(result.code == 0 and is_gray(read(folder, "a-gray.pgm")), "--force replaces it", result)
    result = run("a.ppm", "-o", "-", "--format", "pgm", cwd=folder)
    check(result.code == 0 and is_gray(result.out), "-o - writes to standard output", result.err)
finish()
