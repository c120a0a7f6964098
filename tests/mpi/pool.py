"""A pool converts as the plain program does: same bytes, same exit codes, whatever was asked for before. Failed
conversions of every path leave it usable, what is no request ends it, as does the loss of a rank or of its server, and
idle ranks leave the processor to others."""

import json
import os
import resource
import signal
import socket
import time
import unittest

import support
from support import EEXISTS, EINPUT, EOUTPUT, OK

RANKS = (1, 2) if support.SANITIZED else (1, 2, 3)
EUSAGE, EFORMAT = 2, 4
WAIT_S = 60


class Pool:
    """A pool and the server's end of its socket. `launcher` words stand in front instead of -n."""

    def __init__(self, folder, rank_count, launcher=None):
        self.path = os.path.join(folder, "s")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen()
        listener.settimeout(WAIT_S)
        front = launcher or [support.PROGRAM, "-n", str(rank_count)]
        env = support.environment(folder)
        self.started = support.Started([*front, "pool", self.path], env, cwd=folder)
        try:
            self.socket = listener.accept()[0]
        finally:
            listener.close()
            os.unlink(self.path)
        self.socket.settimeout(WAIT_S)
        self.file = self.socket.makefile("rb")
        self.ready = self.read()
        self.rank_count = rank_count

    def read(self):
        try:
            line = self.file.readline()
        except ConnectionResetError:  # it left without having read all that was sent
            line = b""
        return json.loads(line) if line else None

    def send(self, identity, *arguments, **more):
        request = {"id": identity, "arguments": [str(word) for word in arguments], **more}
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def ask(self, *arguments, events=None):
        self.send("job", *arguments, progress=events is not None)
        while True:
            line = self.read()
            assert line is not None and line["id"] == "job", line
            if "exit" in line:
                return line
            events.append(line)

    def pids(self):
        pids = {pid: name for pid in [self.started.process.pid, *support.descendants(self.started.process.pid)]
                if (name := support.read_proc(pid, "comm").strip())}
        return sorted(pid for pid, name in pids.items()
                      if name.startswith(b"rgb2gray") and b"mpi" in os.readlink(f"/proc/{pid}/exe").encode())

    def end(self):
        """The server goes; returns how the pool ended."""
        self.file.close()
        self.socket.close()
        return self.started.finish(WAIT_S)


def processor_seconds(pid):
    fields = support.read_proc(pid, "stat").rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_nbytes(pid):
    return int(support.read_proc(pid, "statm").split()[1]) * os.sysconf("SC_PAGESIZE")


def make_pictures(folder):
    """One or more pictures for each way a conversion can go."""
    tissue = support.picture(folder, "tissue", 1500, 2200)
    small = support.picture(folder, "photograph", 61, 47)
    support.write_png(os.path.join(folder, "big.png"), tissue)
    support.write_png(os.path.join(folder, "interlaced.png"), tissue[:700, :900], interlaced=True)
    support.write_pnm(os.path.join(folder, "big.ppm"), tissue)
    support.write_png(os.path.join(folder, "small.png"), small)
    support.write_pnm(os.path.join(folder, "small.ppm"), small)
    support.make_ppm(os.path.join(folder, "deep.ppm"), "tissue", 300, 200, bits=16)
    try:
        from PIL import Image
    except ImportError:
        support.skip("this test needs Pillow (package python3-pil)")
    Image.fromarray(tissue).save(os.path.join(folder, "big.jpg"), quality=92)
    Image.fromarray(tissue).save(os.path.join(folder, "big.bmp"))


def cut(folder, name):
    """The picture without its second half."""
    with open(os.path.join(folder, name), "rb") as file:
        data = file.read()
    path = os.path.join(folder, "cut-" + name)
    with open(path, "wb") as file:
        file.write(data[:len(data) // 2])
    return path


class TestPool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        support.need_program()
        cls.pictures = support.make_folder()
        make_pictures(cls.pictures)

    def setUp(self):
        self.folder = support.make_folder()
        self.pools = []

    def tearDown(self):
        for pool in self.pools:
            for pid in [pool.started.process.pid, *support.descendants(pool.started.process.pid)]:
                support.kill(pid, signal.SIGKILL)

    def start(self, rank_count, launcher=None):
        pool = Pool(self.folder, rank_count, launcher)
        self.pools.append(pool)
        self.assertEqual((pool.ready["ready"], pool.ready["ranks"]), (True, rank_count))
        self.assertIn(pool.ready["pid"], pool.pids())
        return pool

    def finish(self, pool, code=OK):
        result = pool.end()
        self.pools.remove(pool)
        self.assertEqual(result.code, code, str(result))
        self.assertEqual(result.sanitizer_lines(), [], str(result))
        return result

    def path(self, name):
        return os.path.join(self.pictures, name)

    def same_as_plain(self, pool, name, target, *options):
        """Converts both ways and compares; returns the pool's answer."""
        warm, cold = os.path.join(self.folder, "warm-" + target), os.path.join(self.folder, "cold-" + target)
        answer = pool.ask("-f", *options, "-o", warm, "--", self.path(name))
        plain = support.run(support.command(0, "-f", *options, "-o", cold, "--", self.path(name)),
                            support.environment(self.folder))
        self.assertEqual((answer["exit"], answer["error"]), (OK, None), name)
        self.assertEqual(plain.code, OK, str(plain))
        self.assertEqual(support.digest(warm), support.digest(cold), (name, target, options))
        self.assertEqual(answer["report"]["schema"], "rgb2gray-report")
        self.assertEqual(answer["report"]["launch"], {"mpi_init_ns": None, "launch_ns": None}, "paid by no request")
        return answer

    def test_outputs_are_those_of_the_plain_program(self):
        cases = [("big.png", "a.png", ()), ("big.png", "a.pgm", ()), ("small.png", "a.jpg", ("--method", "bt709")),
                 ("interlaced.png", "a.png", ("--compression", "fast")), ("big.ppm", "a.pgm", ()),
                 ("big.ppm", "a.bmp", ("--weights", "1,2,1")), ("big.ppm", "a.png", ()), ("big.jpg", "a.jpg", ()),
                 ("big.jpg", "a.jpg", ("--quality", "70")), ("big.jpg", "a.png", ("--method", "green")),
                 ("big.bmp", "a.png", ()), ("deep.ppm", "a.png", ()), ("small.ppm", "a.bmp", ())]
        for rank_count in RANKS:
            with self.subTest(rank_count=rank_count):
                pool = self.start(rank_count)
                for rounds in range(1 if support.SANITIZED else 2):
                    answers = [self.same_as_plain(pool, name, target, *options) for name, target, options in cases]
                paths = {answer["report"]["plan"]["path"] for answer in answers}
                self.assertEqual(paths, {"sequential", "transcode"} | ({"scatter", "direct"} if rank_count > 1 else set()))
                self.assertEqual(support.program_rubbish(self.folder), [])
                self.finish(pool)

    def test_failures_leave_it_usable(self):
        for rank_count in RANKS:
            with self.subTest(rank_count=rank_count):
                pool = self.start(rank_count)
                for name in ("big.png", "big.ppm", "big.bmp", "interlaced.png", "big.jpg"):
                    path = cut(self.pictures, name)
                    out = os.path.join(self.folder, "never.png")
                    plain = support.run(support.command(0, "-o", out, path), support.environment(self.folder))
                    answer = pool.ask("-o", out, path)
                    self.assertEqual(answer["exit"], plain.code, (name, answer))
                    self.assertEqual(answer["error"], plain.error_lines()[0] if plain.code else None)
                    self.assertEqual(answer["report"]["error"] is None, plain.code == OK)
                    if plain.code == OK: # a JPEG cut short is tolerated by some
                        os.unlink(out)
                    self.assertFalse(os.path.exists(out))
                    self.same_as_plain(pool, "big.ppm", "b.png")
                absent = pool.ask("-o", os.path.join(self.folder, "x.png"), os.path.join(self.folder, "absent.png"))
                self.assertEqual(absent["exit"], EINPUT)
                nowhere = pool.ask("-o", os.path.join(self.folder, "no", "x.png"), self.path("big.png"))
                self.assertEqual(nowhere["exit"], EOUTPUT)
                exists = pool.ask("-o", os.path.join(self.folder, "warm-b.png"), self.path("big.png"))
                self.assertEqual(exists["exit"], EEXISTS)
                self.same_as_plain(pool, "big.png", "b.png")
                self.assertEqual(support.program_rubbish(self.folder), [])
                self.finish(pool)

    def test_full_disk_on_every_path(self):
        """A limit on the size of files stands in for the disk: writes beyond it fail in the same way."""
        rank_count = RANKS[-1]
        pool = self.start(rank_count)
        cases = [("big.png", "full.png"), ("big.ppm", "full.pgm"), ("big.jpg", "full.jpg"), ("big.bmp", "full.bmp")]
        for name, target in cases:
            for pid in pool.pids():
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (100000, resource.RLIM_INFINITY))
            out = os.path.join(self.folder, target)
            answer = pool.ask("-o", out, self.path(name))
            self.assertEqual(answer["exit"], EOUTPUT, (name, answer["error"]))
            self.assertFalse(os.path.exists(out))
            for pid in pool.pids():
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            self.same_as_plain(pool, name, "after-" + target)
        self.finish(pool)

    def test_refuses_what_is_no_conversion(self):
        pool = self.start(RANKS[-1])
        small = self.path("small.png")
        for arguments in (["info", small], ["doctor"], ["--help"], ["--version"], ["--man"], ["pool", "x"], [],
                          ["-n", "2", small], ["-n", "2", "--hostfile", small, small], ["-"], ["--format", "png", "-"],
                          ["--format", "png", "-o", "-", small], [small, small], ["--no-such-option", small],
                          ["--quality", "101", small], ["-o"], ["-o", "", small], ["--report-file", "-", small],
                          ["--format=" + "x" * 5000, small]):
            answer = pool.ask(*arguments)
            self.assertEqual((answer["exit"], answer["report"]), (EUSAGE, None), (arguments, answer))
            self.assertTrue(answer["error"].startswith("rgb2gray: "))
            self.assertNotIn("\n", answer["error"])
        self.same_as_plain(pool, "small.png", "c.png")
        self.finish(pool)

    def test_reports_comparisons_and_progress(self):
        pool = self.start(RANKS[-1])
        report = os.path.join(self.folder, "report.json")
        events = []
        answer = pool.ask("--report", "json", "--report-file", report, "--compression", "small", "-o",
                          os.path.join(self.folder, "d.png"), self.path("big.png"), events=events)
        with open(report) as file:
            self.assertEqual(json.load(file), answer["report"])
        self.assertEqual(answer["report"]["plan"]["rank_count"], RANKS[-1])
        self.assertTrue(events)
        for event in events:
            self.assertEqual(event["progress"]["event"], "progress")
            self.assertLessEqual(event["progress"]["done_rows"], event["progress"]["total_rows"])
        compared = pool.ask("--compare", "--repeat", "1", "-o", os.path.join(self.folder, "e.png"), self.path("big.ppm"))
        self.assertTrue(compared["report"]["compare"]["identical"], compared)
        self.assertEqual(self.finish(pool).out, "")

    def test_requests_may_wait_in_line(self):
        pool = self.start(RANKS[-1])
        for i in range(40):
            pool.send(f"job {i}", "-f", "-o", os.path.join(self.folder, f"f{i}.png"), self.path("small.png"))
        for i in range(40):
            answer = pool.read()
            self.assertEqual((answer["id"], answer["exit"]), (f"job {i}", OK))
        self.finish(pool)

    def test_lines_that_are_no_requests_end_it(self):
        good = json.dumps({"id": "a", "arguments": [self.path("small.png")]}).encode()
        lines = [b"hello", b"", b"\0" * 100, b"[" * 60000, b"[]", b'{"id":1,"arguments":[]}', b'{"arguments":[]}',
                 b'{"id":"a"}', b'{"id":"a","arguments":[1]}', b'{"id":"a","arguments":["\\u0000"]}',
                 b'{"id":"a","id":"b","arguments":[]}', b'{"id":"' + b"x" * 200 + b'","arguments":[]}',
                 good + b" " * 70000, good + good, b"\xff\xfe{}"]
        for i, line in enumerate(lines[::3] if support.SANITIZED else lines):
            with self.subTest(line=line[:60]):
                pool = self.start(RANKS[-1] if i == 0 else 1)
                pool.socket.sendall(line + b"\n")
                self.assertIsNone(pool.read())
                result = self.finish(pool, EUSAGE)
                self.assertEqual(len(result.error_lines()), 1, str(result))

    def test_half_a_line_and_the_end(self):
        pool = self.start(1)
        pool.socket.sendall(b'{"id":"a","argu')
        self.finish(pool)

    def test_needs_a_socket(self):
        env = support.environment(self.folder)
        for path, code in ((os.path.join(self.folder, "absent"), EINPUT), ("/tmp/" + "x" * 200, EUSAGE)):
            for rank_count in (0, 2):
                result = support.run(support.command(rank_count, "pool", path), env)
                self.assertEqual((result.code, len(result.error_lines())), (code, 1), str(result))
        for arguments in (["pool"], ["pool", "a", "b"], ["--method", "green", "pool", "a"], ["pool", "-o", "x", "a"]):
            self.assertEqual(support.run(support.command(0, *arguments), env).code, EUSAGE)

    def test_under_mpirun_itself(self):
        pool = self.start(2, ["mpirun", "--oversubscribe", "-n", "2", support.PROGRAM])
        self.same_as_plain(pool, "big.png", "g.png")
        self.finish(pool)

    def test_the_loss_of_a_rank_ends_it(self):
        for victim in (0, 1):
            pool = self.start(2)
            pids = pool.pids()
            self.assertEqual(len(pids), 2)
            pids.sort(key=lambda pid: support.rank_of(pid))
            os.kill(pids[victim], signal.SIGKILL)
            result = pool.started.finish(WAIT_S)
            self.pools.remove(pool)
            self.assertNotIn(result.code, (OK, None), str(result))
            self.assertIsNone(pool.read())
            self.assertFalse(any(support.alive(pid) for pid in pids))
            pool.socket.close()

    def test_a_signal_ends_it(self):
        for rank_count in (1, 2):
            pool = self.start(rank_count)
            pids = pool.pids()
            pool.started.process.send_signal(signal.SIGTERM)
            result = pool.started.finish(WAIT_S)
            self.pools.remove(pool)
            self.assertEqual(result.code, -signal.SIGTERM, str(result))
            self.assertFalse(any(support.alive(pid) for pid in pids))
            pool.socket.close()

    def test_idle_ranks_leave_the_processor_alone(self):
        pool = self.start(2)
        pool.ask("-o", os.path.join(self.folder, "h.png"), self.path("small.png"))
        time.sleep(0.2)
        before = [processor_seconds(pid) for pid in pool.pids()]
        time.sleep(2)
        used = [processor_seconds(pid) - start for pid, start in zip(pool.pids(), before)]
        self.assertEqual(len(used), 2)
        self.assertLess(max(used), 0.3)  # measured: 0.01 to 0.02; a rank that spins takes 2
        self.finish(pool)

    def test_nothing_piles_up(self):
        pool = self.start(2)
        names = ["small.png", "small.ppm", "deep.ppm", "absent.png", "cut-small.png"]
        cut(self.pictures, "small.png")
        seen = []
        for turn in range(3):
            for i in range(20 if support.SANITIZED else 150):
                pool.ask("-f", "-o", os.path.join(self.folder, "i.png"), self.path(names[i % len(names)]))
            seen.append([(resident_nbytes(pid), len(support.open_files(pid))) for pid in pool.pids()])
        for (first_nbytes, first_files), (last_nbytes, last_files) in zip(seen[0], seen[-1]):
            self.assertEqual(first_files, last_files)
            if not support.SANITIZED:  # which keeps freed memory for a while
                self.assertLess(last_nbytes - first_nbytes, 1 << 20)
        self.finish(pool)


if __name__ == "__main__":
    support.main()
