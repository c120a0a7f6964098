"""What the tests in this folder share: running the program, making pictures, looking for what was left behind.

Standard library, numpy and Pillow only. Every test works in a temporary folder of its own, which is also TMPDIR of what
it runs, and which goes when the test ends.
"""

import atexit
import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

try:
    import numpy
except ImportError:
    print("skipped: this test needs numpy (package python3-numpy)")
    sys.exit(77)

PROGRAM = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("RGB2GRAY", "rgb2gray"))
PICTURE = os.path.abspath(os.environ.get("RGB2GRAY_PICTURE", "make_picture"))
CORPUS = os.environ.get("RGB2GRAY_CORPUS", "")
# A build with sanitizers is several times slower: there, tests try less.
SANITIZED = os.environ.get("RGB2GRAY_SANITIZE") == "1"

# The program's exit codes, as in include/rgb2gray/status.h.
OK, EINPUT, ECORRUPT, ELIMIT, EOUTPUT, EEXISTS, EMPI = 0, 3, 5, 6, 7, 8, 10

RUN_LIMIT_S = 120


def skip(sentence):
    print("skipped: " + sentence)
    sys.exit(77)


def need_program():
    for path in (PROGRAM, PICTURE):
        if not os.access(path, os.X_OK):
            skip(f"there is no program {path}")
    if shutil.which("mpirun") is None:
        skip("there is no mpirun")


def make_folder():
    folder = tempfile.mkdtemp(prefix="r2g-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def main():
    """Runs the tests of the script. A SIGTERM (a test that timed out) still cleans up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    unittest.main(argv=[sys.argv[0]], verbosity=2)


def batch_files(folder):
    """The digests of a batch's outputs by their names below the folder; its journal is none of them."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".rgb2gray"]
        for name in names:
            path = os.path.join(place, name)
            found[os.path.relpath(path, folder)] = digest(path)
    return found


# ---- running the program ----


def environment(folder, **extra):
    """For a command that runs in `folder`: everything temporary goes there, Open MPI's own files too."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RGB2GRAY")}
    env.update(
        TMPDIR=folder,
        OMPI_ALLOW_RUN_AS_ROOT="1",
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
        OMPI_MCA_rmaps_base_oversubscribe="1",
        OMPI_MCA_btl_vader_backing_directory=folder,
        OMPI_MCA_pml="ob1",
        HWLOC_COMPONENTS="-opencl,-gl",
    )
    env.update(extra)
    return env


def command(rank_count, *arguments, wrapper=()):
    """rank_count 0: alone, without a launcher. `wrapper` stands in front of the program on every rank."""
    words = [*wrapper, PROGRAM, *map(str, arguments)]
    if rank_count > 0:
        words = ["mpirun", "--oversubscribe", "-n", str(rank_count), *words]
    return words


class Result:
    def __init__(self, words, code, out, err, seconds):
        self.words, self.code, self.seconds = words, code, seconds
        self.out, self.err = out.decode(errors="replace"), err.decode(errors="replace")

    def error_lines(self):
        lines = [line for line in self.err.splitlines() if line.startswith("rgb2gray:")]
        return [line for line in lines if not line.startswith("rgb2gray: note:")]

    def sanitizer_lines(self):
        return [line for line in self.err.splitlines() if "Sanitizer" in line or "runtime error:" in line]

    def reports(self):
        """The JSON reports on standard output, one for each picture."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    def __str__(self):
        return (f"{' '.join(self.words)[:400]}\n  exit code {self.code} after {self.seconds:.2f} s\n"
                f"  stdout: {self.out[-600:]!r}\n  stderr: {self.err[-1500:]!r}")


class Started:
    """A command under way, in a session of its own, so that all of it can be ended whatever happens."""

    def __init__(self, words, env, **popen):
        self.words, self.start = words, time.monotonic()
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", self.out)
        self.process = subprocess.Popen(words, env=env, stderr=self.err, start_new_session=True, **popen)

    def finish(self, limit_s=RUN_LIMIT_S):
        """Waits and returns the Result; after limit_s everything is killed and the code is None."""
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = None
            for pid in descendants(self.process.pid):
                kill(pid, signal.SIGKILL)
            kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
        seconds = time.monotonic() - self.start
        texts = []
        for file in (self.out, self.err):
            file.seek(0)
            texts.append(file.read())
            file.close()
        return Result(self.words, code, *texts, seconds)


def run(words, env, limit_s=RUN_LIMIT_S, **popen):
    return Started(words, env, **popen).finish(limit_s)


def kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


# ---- processes ----


def read_proc(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def descendants(pid):
    found = []
    for thread in os.listdir(f"/proc/{pid}/task") if os.path.isdir(f"/proc/{pid}/task") else []:
        for child in read_proc(pid, f"task/{thread}/children").split():
            found += [int(child), *descendants(int(child))]
    return found


def rank_of(pid):
    """The rank that a launcher gave a process, or None."""
    for word in read_proc(pid, "environ").split(b"\0"):
        if word.startswith(b"OMPI_COMM_WORLD_RANK="):
            return int(word.split(b"=")[1])
    return None


def ranks_under(pid):
    """The program's processes below `pid`, by rank."""
    ranks = {rank_of(child): child for child in descendants(pid)
             if read_proc(child, "cmdline").startswith(PROGRAM.encode() + b"\0")}
    ranks.pop(None, None)
    return ranks


def open_files(pid):
    folder, found = f"/proc/{pid}/fd", []
    try:
        for fd in os.listdir(folder):
            found.append(os.readlink(os.path.join(folder, fd)))
    except OSError:
        pass  # it has just ended, or closed one
    return found


def alive(pid):
    """True unless the process is gone, or dead and only not yet waited for."""
    stat = read_proc(pid, "stat")
    return bool(stat) and stat.rpartition(b")")[2].split()[0] not in (b"Z", b"X")


# ---- what was left behind ----


def program_rubbish(*folders):
    """Files of the program's own that should be gone: temporary names, spools, shared memory."""
    found = []
    for folder in (*folders, "/dev/shm"):
        for name in os.listdir(folder):
            if name.endswith(".part") or name.startswith((".rgb2gray", "rgb2gray")):
                found.append(os.path.join(folder, name))
    return found


def digest(path):
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            sha.update(chunk)
    return sha.hexdigest()


def digests(folder):
    return {name: digest(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}


# ---- pictures ----


def make_ppm(path, kind, width, height, bits=8, seed=1):
    subprocess.run([PICTURE, kind, str(width), str(height), str(seed), "--bits", str(bits), "-o", path], check=True)
    return path


def read_ppm(path):
    """A binary PPM as an array (height, width, 3) of uint8 or uint16."""
    with open(path, "rb") as file:
        words = []
        while len(words) < 4:
            words += file.readline().split(b"#")[0].split()
        width, height, maxval = map(int, words[1:4])
        samples = numpy.frombuffer(file.read(), ">u2" if maxval > 255 else "u1")
    return samples.reshape(height, width, 3).astype(numpy.uint16 if maxval > 255 else numpy.uint8)


def picture(folder, kind, width, height, bits=8, seed=1):
    """A made picture as an array."""
    path = os.path.join(folder, "picture.tmp")
    array = read_ppm(make_ppm(path, kind, width, height, bits, seed))
    os.remove(path)
    return array


def write_pnm(path, array, maxval=None):
    """P5, P6, or P7 with alpha, by the array's last axis."""
    array = array[..., None] if array.ndim == 2 else array
    height, width, depth = array.shape
    maxval = maxval or numpy.iinfo(array.dtype).max
    if depth in (1, 3):
        head = f"P{5 if depth == 1 else 6}\n{width} {height}\n{maxval}\n"
    else:
        kind = "GRAYSCALE_ALPHA" if depth == 2 else "RGB_ALPHA"
        head = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL {maxval}\nTUPLTYPE {kind}\nENDHDR\n"
    with open(path, "wb") as file:
        file.write(head.encode())
        file.write(array.astype(">u2" if array.dtype.itemsize == 2 else "u1").tobytes())
    return path


class PngWriter:
    """PNG, rows after rows, of any colour type and of 8 or 16 bits; what Pillow cannot write."""

    def __init__(self, path, width, height, channels, bits, interlaced=False, level=1, palette=None):
        self.file = open(path, "wb")
        self.deflate = zlib.compressobj(level)
        colour = 3 if palette is not None else {1: 0, 2: 4, 3: 2, 4: 6}[channels]
        self.file.write(b"\x89PNG\r\n\x1a\n")
        self.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced)))
        if palette is not None:
            self.chunk(b"PLTE", palette.astype("u1").tobytes())

    def chunk(self, kind, data):
        self.file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))

    def rows(self, array):
        """Adds rows, unfiltered: (rows, width, channels)."""
        samples = array.astype(">u2" if array.dtype.itemsize == 2 else "u1")
        lines = samples.reshape(array.shape[0], -1).view("u1")
        data = self.deflate.compress(numpy.pad(lines, ((0, 0), (1, 0))).tobytes())
        if data:
            self.chunk(b"IDAT", data)

    def close(self):
        self.chunk(b"IDAT", self.deflate.flush())
        self.chunk(b"IEND", b"")
        self.file.close()


# PNG (third edition), 8.1: first row, first column, row step, column step of the seven passes.
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def write_png(path, array, interlaced=False, level=1, palette=None):
    array = array[..., None] if array.ndim == 2 else array
    height, width, channels = array.shape
    writer = PngWriter(path, width, height, channels, array.dtype.itemsize * 8, interlaced, level, palette)
    if interlaced:
        for y, x, step_y, step_x in ADAM7:
            part = array[y::step_y, x::step_x]
            if part.size:
                writer.rows(numpy.ascontiguousarray(part))
    else:
        writer.rows(array)
    writer.close()
    return path


def gray_of(array):
    """The default formula over an array (…, 3): (299 R + 587 G + 114 B + 500) div 1000."""
    wide = array.astype(numpy.uint32)
    return ((299 * wide[..., 0] + 587 * wide[..., 1] + 114 * wide[..., 2] + 500) // 1000).astype(array.dtype)
