"""Running the program under test in a temporary folder, and small pictures to run it on."""
import os
import subprocess
import sys
import tempfile

PROGRAM = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.environ["RGB2GRAY"])
LAUNCHER_VARIABLES = ("OMPI_", "PMIX_", "PMI_", "SLURM_")

failures = []


def environment(**changes):
    """This process's environment without any trace of a launcher; a change to None removes a variable."""
    result = {k: v for k, v in os.environ.items() if not k.startswith(LAUNCHER_VARIABLES)}
    result["OMPI_ALLOW_RUN_AS_ROOT"] = result["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    result.pop("RGB2GRAY_ISA", None)
    for name, value in changes.items():
        result.pop(name, None)
        if value is not None:
            result[name] = value
    return result


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.text = done.stdout.decode("utf-8", "replace")
        self.err = done.stderr.decode("utf-8", "replace")
        self.err_lines = self.err.splitlines()

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.text[:2000]}\n--- stderr\n{self.err[:2000]}"


def run(*arguments, stdin=b"", cwd=None, env=None, before=()):
    """Runs the program with these arguments; `before` is what stands in front of it, such as mpirun -n 2."""
    command = [*before, PROGRAM, *arguments]
    return Result(subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, env=env or environment(),
                                 timeout=120, check=False))


def check(condition, what, detail=""):
    if not condition:
        failures.append(what)
        print(f"FAILED: {what}\n{detail}\n")


def ppm(width=40, height=30):
    """A PPM whose colours differ from pixel to pixel."""
    samples = bytes((x * 7 + y * 13 + c * 85) % 256 for y in range(height) for x in range(width) for c in range(3))
    return b"P6\n%d %d\n255\n" % (width, height) + samples


def gray_of(data):
    """The bt601 gray samples of such a PPM."""
    pixels = data.split(b"\n", 3)[3]
    return bytes((299 * r + 587 * g + 114 * b + 500) // 1000
                 for r, g, b in zip(pixels[0::3], pixels[1::3], pixels[2::3]))


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def read(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def temporary_folder():
    return tempfile.TemporaryDirectory(prefix="rgb2gray-test-")


def finish():
    if failures:
        print(f"{len(failures)} checks failed")
    sys.exit(1 if failures else 0)
