#!/usr/bin/env python3
"""Settings: --help, --man, --version, the configuration file and its example, and what is refused with one line."""
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

import support
from support import check, run


def texts():
    shown = run("--help")
    check(shown.returncode == 0 and shown.stderr == "" and run("-h").stdout == shown.stdout, "--help", shown)
    wide = [line for line in shown.stdout.splitlines() if len(line) > 80]
    check(not wide, "--help fits 80 columns", wide)
    options = re.findall(r"^  (?:-\w, |    )(--[a-z-]+)", shown.stdout, re.M)
    check(len(options) >= 34, "--help lists the options", options)
    version = run("--version")
    check(version.returncode == 0 and re.match(r"rgb2gray-gateway \d+\.\d+\.\d+\n", version.stdout) and
          all(word in version.stdout for word in ("civetweb", "SQLite", "OpenSSL")), "--version", version)
    man = run("--man")
    check(man.returncode == 0 and man.stdout.startswith(".TH RGB2GRAY"), "--man prints troff", man.stdout[:100])
    for option in options:
        check(option.replace("-", "\\-") in man.stdout, f"the manual page has {option}")
    if shutil.which("mandoc"):
        with tempfile.TemporaryDirectory() as folder:
            page = os.path.join(folder, "rgb2gray-gateway.1")
            with open(page, "w", encoding="utf-8") as file:
                file.write(man.stdout)
            lint = subprocess.run(["mandoc", "-T", "lint", page], capture_output=True, text=True, check=False)
            faults = [line for line in lint.stdout.splitlines() if "referenced manual not found" not in line]
            check(not faults, "mandoc finds nothing to blame", lint.stdout)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([support.GATEWAY, "--help"], stdout=full, stderr=subprocess.PIPE, check=False)
        check(done.returncode == 7, "a standard output that cannot be written is an error", done)
    return {option[2:] for option in options}


def example(options):
    """Every setting stands in the example, with a value that is taken."""
    with open(os.path.join(support.SOURCE, "scripts", "gateway.conf.example"), encoding="utf-8") as file:
        text = file.read()
    names = re.findall(r"^#([a-z-]+) = ", text, re.M)
    commands = {"config", "new-token", "help", "version"}
    check(set(names) == (options | {"token"}) - commands, "the example has all settings",
          set(names) ^ ((options | {"token"}) - commands))
    values = re.sub(r"^#([a-z-]+ = )", r"\1", text, flags=re.M)
    # what lies elsewhere on this computer, or would need root
    values = re.sub(r"^(tls-cert|spool|web|program|hostfile|port) = .*\n", "", values, flags=re.M)
    with support.Gateway(config=values) as gateway:
        check(gateway.request("GET", "/healthz").status == 200, "the example's values are taken")


def refusals(folder):
    path = os.path.join(folder, "conf")
    for text, line, words in (
            ("port = 80\nprot = 1\n", 2, "did you mean port?"), ("nonsense\n", 1, "not name = value"),
            ("\n# x\nport = 70000\n", 3, "port takes"), ("launcher = mpi\n", 1, "launcher takes"),
            ("token = a:b\n", 1, "--new-token"), ("token = a b:" + "0" * 64 + "\n", 1, "--new-token"),
            ("config = x\n", 1, "no setting config"), ("help = yes\n", 1, "no setting help"),
            ("insecure = maybe\n", 1, "insecure takes"), ("expire = 0\n", 1, "expire takes"),
            ("expire = 99999999999999999999d\n", 1, "expire takes"), ("bind =\n", 1, "needs a value"),
            ("quota = lots\n", 1, "quota takes"), ("x" * 5000 + "\n", 1, "longer than")):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = run("--config", path)
        check(done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1 and
              f"{path}:{line}: " in done.stderr and words in done.stderr, f"{text[:30]!r} is refused", done)
    for arguments, code, words in (
            (["--prot", "1"], 2, "did you mean --port?"), (["--port", "x"], 2, "--port"),
            (["-x"], 2, "-x"), (["file.png"], 2, "takes no files"), (["--token", "a:b"], 2, "configuration file only"),
            (["--insecure=1"], 2, "takes no value"), (["--max-"], 2, "several options"),
            (["--new-token", "a b"], 2, "letters"), (["--config", folder + "/none"], 3, "none"),
            (["--ranks", "8", "--max-ranks", "4"], 2, "less than"), (["--port"], 2, "needs a value"),
            (["--insecure", "--bind", "nowhere"], 2, "--bind"),
            (["--config", path, "--config", "\x1b[31m"], 3, "?")):
        if path in arguments:
            open(path, "w", encoding="utf-8").close()
        done = run("--spool", os.path.join(folder, "spool"), *arguments)
        check(done.returncode == code and done.stdout == "" and done.stderr.count("\n") == 1 and words in done.stderr and
              "\x1b" not in done.stderr, f"{arguments} is refused", done)


def wins(folder):
    path = os.path.join(folder, "conf")
    token, line = support.new_token("a")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"connections = 20\nclient-connections = 20\nport = 1\n{line}\n")
    os.chmod(path, 0o644)
    with support.Gateway("--port", "0", "--config", path) as gateway:
        check(gateway.port != 1, "the command line wins")
        check("can be read by others" in gateway.log(), "tokens that others can read are spoken of", gateway.log())
        check(token not in gateway.log(), "no token is told")
        taken = run("--port", str(gateway.port), "--spool", os.path.join(folder, "other"))
        check(taken.returncode == 2 and str(gateway.port) in taken.stderr and taken.stderr.count("\n") == 1,
              "a port that is taken", taken)
        mode = stat.S_IMODE(os.stat(gateway.spool).st_mode)
        check(mode & 0o077 == 0, "the spool is closed to others", oct(mode))


def unit():
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is not installed: the unit was not checked")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rgb2gray-gateway.service")
        with open(os.path.join(support.SOURCE, "scripts", "rgb2gray-gateway.service"), encoding="utf-8") as file:
            text = file.read().replace("/usr/local/bin/rgb2gray-gateway", support.GATEWAY)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False)
        faults = [line for line in done.stderr.splitlines() if "rgb2gray-gateway.service" in line]
        check(not faults, "systemd takes the unit", done.stderr)


def main():
    options = texts()
    with tempfile.TemporaryDirectory(prefix="rgb2gray-test-") as folder:
        refusals(folder)
        wins(folder)
    example(options)
    unit()
    return support.finish()


sys.exit(main())
