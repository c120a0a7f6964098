"""What the tests of the gateway share: starting one on a free port with a spool of its own, asking it, looking at it."""
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("RGB2GRAY", "rgb2gray"))
GATEWAY = os.environ.get("RGB2GRAY_GATEWAY") or os.path.join(os.path.dirname(PROGRAM), "rgb2gray-gateway")
SOURCE = os.environ.get("RGB2GRAY_SOURCE",
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir))
CORPUS = os.environ.get("RGB2GRAY_CORPUS", os.path.join(SOURCE, os.pardir, "shared", "corpus"))
SANITIZED = os.environ.get("RGB2GRAY_SANITIZE") == "1"

failures = []

if not os.access(GATEWAY, os.X_OK):
    print(f"there is no gateway at {GATEWAY}: skipped")
    sys.exit(77)


def check(condition, what, detail=""):
    if not condition:
        failures.append(what)
        print(f"FAILED: {what}\n{detail}\n", flush=True)
    return bool(condition)


def finish():
    """What main returns: the exit status."""
    if failures:
        print(f"{len(failures)} checks failed")
    return 1 if failures else 0


def environment(**changes):
    """This process's environment without any trace of a launcher; a change to None removes a variable."""
    launchers = ("OMPI_", "PMIX_", "PMI_", "SLURM_")
    result = {name: value for name, value in os.environ.items() if not name.startswith(launchers)}
    result["OMPI_ALLOW_RUN_AS_ROOT"] = result["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    for name, value in changes.items():
        result.pop(name, None)
        if value is not None:
            result[name] = value
    return result


class Answer:
    """Of a request; the names of headers are in lower case."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def problem(self):
        """The problem's type without the common beginning, or "" where the body is none."""
        if self.headers.get("content-type") != "application/problem+json":
            return ""
        return self.json()["type"].removeprefix("urn:rgb2gray:problem:")

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r}"


class Gateway:
    """One that runs, with `options` of its command line; `config` is the text of a configuration file. As a context it
    is stopped at the end, which must end well."""

    def __init__(self, *options, spool=None, config=None, env=None):
        self.folder = tempfile.mkdtemp(prefix="rgb2gray-gateway-test-")
        self.spool = spool or os.path.join(self.folder, "spool")
        self.options = [str(option) for option in options]
        self.env = env or environment()
        self.scheme, self.port, self.process = "http", 0, None
        self._log = open(os.path.join(self.folder, "log"), "wb")
        if config is not None:
            path = os.path.join(self.folder, "gateway.conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write(config)
            os.chmod(path, 0o600)
            self.options += ["--config", path]
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def command(self):
        named = "--port" in self.options
        return [GATEWAY, *([] if named else ["--port", "0"]), "--spool", self.spool, "--program", PROGRAM, *self.options]

    def start(self):
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self._log, env=self.env)
        line = self.process.stdout.readline().decode()
        found = re.fullmatch(r"rgb2gray-gateway: (https?)://([^:]+):(\d+)\n", line)
        if not found:
            self.process.wait(30)
            raise RuntimeError(f"the gateway does not start (exit {self.process.returncode}): {line!r} {self.log()}")
        self.scheme, self.address, self.port = found[1], found[2], int(found[3])

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def restart(self):
        """After it was killed: one more on the same spool."""
        self.process.wait(30)
        self.process.stdout.close()
        self.start()

    def stop(self):
        """Asks it to end and returns its exit status."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return -signal.SIGKILL

    def log(self):
        with open(self._log.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        if self.process:
            self.stop()
            self.process.stdout.close()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        status = self.stop()
        if kind is None:
            check(status == 0, f"the gateway ended with {status}", self.log()[-3000:])
        self.close()

    def connect(self, source=None):
        """A plain socket to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60,
                                        source_address=(source, 0) if source else None)

    def raw(self, request, half_close=False, source=None, timeout=60):
        """Sends these bytes as they are, and returns all that comes until the connection is closed."""
        with self.connect(source) as sock:
            sock.settimeout(timeout)
            parts = []
            try:
                sock.sendall(request)
                if half_close:
                    sock.shutdown(socket.SHUT_WR)
                while piece := sock.recv(65536):
                    parts.append(piece)
            except (ConnectionResetError, BrokenPipeError):
                parts.append(b"<reset>")
            except socket.timeout:
                parts.append(b"<open>")
            return b"".join(parts)

    def request(self, method, path, body=None, headers=None, source=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120,
                                                source_address=(source, 0) if source else None)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()


def parse(raw):
    """The first answer in what raw() returned."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split()[1]) if lines[0].startswith("HTTP/1.1 ") else 0
    headers = dict((line.split(": ", 1)[0].lower(), line.split(": ", 1)[1]) for line in lines[1:] if ": " in line)
    if "content-length" in headers:
        body = body[:int(headers["content-length"])]
    return Answer(status, headers, body)


def run(*arguments, env=None, cwd=None):
    """Runs the gateway until it ends by itself."""
    return subprocess.run([GATEWAY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env=env or environment(), cwd=cwd, check=False)


def new_token(name):
    """A token and its line for the configuration file."""
    lines = run("--new-token", name).stdout.split("\n")
    return lines[1], lines[3]


def wait_for(condition, what, seconds=30):
    """Until condition() is true; its value, or a failed check."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    check(False, what)
    return None


# ---- processes ----

def memory_and_descriptors(pid):
    """Resident bytes and open descriptors of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        rss = int(re.search(r"^VmRSS:\s+(\d+) kB", file.read(), re.M)[1]) * 1024
    return rss, len(os.listdir(f"/proc/{pid}/fd"))


def _read(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def processes_of(spool, name=None):
    """The processes that work in a spool, but for the gateway itself: by their folder, words or environment."""
    place, found = os.path.realpath(spool).encode(), []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        comm = _read(pid, "comm").strip().decode("utf-8", "replace")
        if pid == os.getpid() or comm.startswith("rgb2gray-gatewa") or (name and comm != name[:15]):
            continue
        try:
            folder = os.readlink(f"/proc/{pid}/cwd").encode()
        except OSError:
            folder = b""
        if folder.startswith(place) or place in _read(pid, "cmdline") or place in _read(pid, "environ"):
            found.append(pid)
    return found


def job_runs(spool):
    """The job of each mpirun that works in a spool: one entry a run. What an mpirun has forked is called so too, until it
    has become a rank."""
    runs = processes_of(spool, "mpirun")
    parents = {pid: re.search(rb"PPid:\s(\d+)", _read(pid, "status")) for pid in runs}
    marks = (re.search(rb"\0RGB2GRAY_JOB=[^.\0]*\.([0-9a-f]{32})\0", b"\0" + _read(pid, "environ"))
             for pid in runs if parents[pid] and int(parents[pid][1]) not in runs)
    return [mark[1].decode() for mark in marks if mark]


# ---- pictures ----

def small_png(width=60, height=40, seed=1):
    import numpy
    from PIL import Image
    samples = numpy.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=numpy.uint8)
    out = io.BytesIO()
    Image.fromarray(samples).save(out, "PNG")
    return out.getvalue()


def convert(data, *options):
    """What the program makes of a picture; None where it refuses."""
    with tempfile.TemporaryDirectory(prefix="rgb2gray-test-") as folder:
        source = os.path.join(folder, "in")
        with open(source, "wb") as file:
            file.write(data)
        done = subprocess.run([PROGRAM, source, "-o", os.path.join(folder, "out"), *options], capture_output=True,
                              timeout=120, env=environment(), check=False)
        if done.returncode != 0:
            return None
        with open(os.path.join(folder, "out"), "rb") as file:
            return file.read()


def load_pictures():
    """Some pictures by name, each with what must come back; None for one that is broken."""
    import numpy
    from PIL import Image
    pictures = {}
    for number, (kind, size) in enumerate((("png", (64, 48)), ("png", (400, 300)), ("jpeg", (320, 200)),
                                           ("bmp", (120, 90)), ("ppm", (200, 100)))):
        rng = numpy.random.default_rng(number)
        samples = rng.integers(0, 256, (size[1], size[0], 3), dtype=numpy.uint8)
        out = io.BytesIO()
        Image.fromarray(samples).save(out, kind)
        data = out.getvalue()
        target = {"ppm": "pgm"}.get(kind, kind)
        pictures[f"{number}.{kind}"] = (data, convert(data, "--format", target))
    data = pictures["1.png"][0]
    pictures["broken.png"] = (data[:len(data) // 2], None)
    return pictures
