"""--help and --version: on standard output, exit 0, 80 columns; the manual page has every option and exit status."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from program import check, environment, finish, run, temporary_folder, write  # noqa: E402

help_result = run("--help")
check(help_result.code == 0 and help_result.err == "", "--help exits 0 and leaves standard error alone", help_result)
check(run("-h").out == help_result.out, "-h is --help")
check(run("--method", "green", "--help", "x", "y").out == help_result.out, "--help goes before all else")
too_wide = [line for line in help_result.text.splitlines() if len(line) > 80]
check(not too_wide, "--help fits 80 columns", too_wide)
options = re.findall(r"^  (?:-\w, |    )(--[a-z-]+)", help_result.text, re.M)
check(len(options) >= 26, "--help lists the options", options)

version = run("--version")
check(version.code == 0 and re.match(r"rgb2gray \d+\.\d+\.\d+\n", version.text), "--version", version)
for word in ("MPI", "libpng", "libjpeg", "zlib", "instruction set"):
    check(word in version.text, f"--version names {word}", version)
forced = run("--version", env=environment(RGB2GRAY_ISA="scalar"))
check(re.search(r"instruction set +scalar", forced.text), "--version shows the instruction set in use", forced)

man = run("--man")
check(man.code == 0 and man.text.startswith(".TH RGB2GRAY 1 "), "--man prints troff", man)
for option in options:
    check(option.replace("-", "\\-") in man.text, f"the manual page has {option}")
for code in range(12):
    check(f".TP\n.B {code}\n" in man.text, f"the manual page has exit status {code}")
for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "METHODS", "FORMATS", "EXIT STATUS", "ENVIRONMENT",
                "EXAMPLES"):
    check(f".SH {section}\n" in man.text, f"the manual page has a section {section}")
if shutil.which("mandoc"):
    with temporary_folder() as folder:
        page = write(folder, "rgb2gray.1", man.out)
        lint = subprocess.run(["mandoc", "-T", "lint", page], capture_output=True, text=True, check=False)
        check(lint.returncode == 0 and lint.stdout == "", "mandoc finds nothing to blame", lint.stdout)
else:
    print("mandoc is not installed: the manual page was not linted")

with open("/dev/full", "wb") as full:
    done = subprocess.run([sys.argv[1] if len(sys.argv) > 1 else os.environ["RGB2GRAY"], "--help"], stdout=full,
                          stderr=subprocess.PIPE, check=False)
    check(done.returncode == 7, "a standard output that cannot be written is an error", done)
finish()
