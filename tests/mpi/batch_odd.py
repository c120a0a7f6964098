"""What a batch does where something is odd: each time one line that says what, the documented exit code, an end, nothing
lost without a word, and nothing replaced that is not its own."""

import concurrent.futures
import csv
import json
import os
import shutil
import signal
import struct
import subprocess
import time
import unittest
import zlib

import support

END_LIMIT_S = 30
AT_ONCE = 4


class BatchOdd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        support.need_program()
        cls.folder = support.make_folder()
        cls.env = support.environment(cls.folder)
        cls.small = [support.make_ppm(os.path.join(cls.folder, f"small{i}.ppm"), "noise", 40, 30, seed=i + 1)
                     for i in range(2)]
        cls.big = [support.write_png(os.path.join(cls.folder, f"big{i}.png"),
                                     support.picture(cls.folder, "tissue", 1400, 1500, seed=i + 1)) for i in range(2)]

    files = staticmethod(support.batch_files)

    def path(self, *names):
        folder = os.path.join(self.folder, self._testMethodName)
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, *names)

    def inputs(self, **files):
        """A folder with copies of files under these names, '_' for the dot."""
        folder = self.path("in")
        os.makedirs(folder)
        for name, source in files.items():
            shutil.copy(source, os.path.join(folder, name.replace("_", ".")))
        return folder

    def batch(self, ranks, *arguments, **popen):
        return support.run(support.command(ranks, "batch", *arguments), self.env, END_LIMIT_S, **popen)

    def one_line(self, result, code, *parts):
        self.assertEqual(result.code, code, result)
        lines = [line for line in result.error_lines() if not line.endswith("images failed")]
        self.assertEqual(len(lines), 1, result)
        for part in parts:
            self.assertIn(part, lines[0])

    def alone(self, source, ending=".png"):
        out = self.path("alone" + ending)
        self.assertEqual(support.run(support.command(0, source, "-f", "-o", out), self.env).code, 0)
        return support.digest(out)

    def summary(self, result, code=0):
        self.assertEqual(result.code, code, result)
        summary = result.reports()[-1]
        return summary["done"], summary["failed"], summary["skipped"]

    # ---- ends ----

    @unittest.skipUnless(os.environ.get("RGB2GRAY_FAULTS") == "1", "needs a build with RGB2GRAY_FAULTS")
    def test_a_failure_at_any_place_ends_all_ranks(self):
        """Also one that comes when some ranks have nothing left to do and wait for the picture that is split."""
        folder = self.inputs(small0_ppm=self.small[0], small1_ppm=self.small[1], big_png=self.big[0])
        sites = [(rank, "write", n) for rank in (0, 1) for n in range(1, 22, 2)]
        sites += [(1, "alloc", n) for n in (1, 4, 5, 6, 7, 8, 9, 12, 40)]

        def fail(site):
            rank, kind, n = site
            out = self.path(f"out-{rank}-{kind}-{n}")
            env = {**self.env, "RGB2GRAY_FAULT": f"{kind}:{n}", "RGB2GRAY_FAULT_RANK": str(rank)}
            result = support.run(support.command(3, "batch", folder, "-o", out), env, END_LIMIT_S)
            left = [name for _, _, names in os.walk(out) for name in names if ".part" in name]
            return result, left

        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for site, (result, left) in zip(sites, pool.map(fail, sites)):
                with self.subTest(site=site):
                    self.assertIsNotNone(result.code, f"still running after {END_LIMIT_S} s: {result}")
                    self.assertEqual(left, [], result)

    def test_a_pipe_is_no_image(self):
        pipe, out = self.path("pipe.ppm"), self.path("out")
        os.mkfifo(pipe)
        for ranks in (0, 2):
            self.one_line(self.batch(ranks, pipe, self.small[0], "-o", f"{out}{ranks}"), 13, "no regular file")
            self.assertEqual(set(self.files(f"{out}{ranks}")), {"small0.png"})
        folder, listed = self.inputs(**{f"a{i}_ppm": self.small[0] for i in range(10, 60)}), self.path("list")
        for i in range(10, 60):  # so many that each rank meets some
            os.mkfifo(os.path.join(folder, f"b{i}.ppm"))
        with open(listed, "w") as file:
            file.writelines(os.path.join(folder, name) + "\n" for name in os.listdir(folder))
        result = self.batch(3, f"@{listed}", "-o", f"{out}3", "--report", "json")
        self.assertEqual(self.summary(result, 13), (50, 50, 0))

    def test_hangup_is_ignored_where_it_was(self):
        out, journal = self.path("out"), self.path("out", ".rgb2gray", "rank-0.jsonl")
        words = support.command(0, "batch", *self.big, "-o", out, "--compression", "small")
        started = support.Started(words, self.env, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        while not os.path.exists(journal) and started.process.poll() is None:
            time.sleep(0.005)
        self.assertIsNone(started.process.poll())
        support.kill(started.process.pid, signal.SIGHUP)
        self.assertEqual(started.finish(60).code, 0)

    def test_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest("a small file system cannot be mounted here")
        out = self.path("out")
        os.mkdir(out)
        images = [support.make_ppm(self.path(f"{i}.ppm"), "noise", 300, 200, seed=i) for i in range(30)]
        script = 'mount -t tmpfs -o size=400k none "$0" || exit 99; exec "$@"'
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                words = support.command(ranks, "batch", *images, "-o", out, "--stats", os.path.join(out, "s.csv"))
                result = support.run(["unshare", "--mount", "sh", "-c", script, out, *words], self.env, END_LIMIT_S)
                self.one_line(result, support.EOUTPUT, "No space left")
                self.assertIn("--resume goes on", result.out)
                self.assertNotIn("s.csv", result.err)

    # ---- what counts as done ----

    def test_a_split_picture_that_changed_meanwhile_is_not_done(self):
        folder, out = self.inputs(big_png=self.big[0]), self.path("out")
        path = os.path.join(folder, "big.png")
        other = shutil.copy(self.big[1], self.path("other.png"))
        started = support.Started(support.command(2, "batch", folder, "-o", out, "--compression", "small"), self.env)
        while started.process.poll() is None and not any(
                name.startswith(out + "/") and ".rgb2gray" not in name
                for pid in support.ranks_under(started.process.pid).values() for name in support.open_files(pid)):
            time.sleep(0.002)  # until the output is begun
        os.rename(other, path)
        self.assertIn(started.finish(END_LIMIT_S).code, (0, 13))
        result = self.batch(2, folder, "-o", out, "--compression", "small", "--resume", "--report", "json")
        self.assertEqual(self.summary(result), (1, 0, 0))
        self.assertEqual(result.reports()[-1]["split"], 1)
        single = self.path("single.png")
        self.assertEqual(support.run(support.command(0, path, "--compression", "small", "-o", single), self.env).code, 0)
        self.assertEqual(self.files(out), {"big.png": support.digest(single)})

    def test_another_input_for_the_same_output_is_not_done(self):
        out, listed = self.path("out"), self.path("list")
        for image, resume in ((self.small[0], []), (self.small[1], ["--resume"])):
            same = self.path("a" if not resume else "b", "same.ppm")
            os.makedirs(os.path.dirname(same))
            shutil.copy(image, same)
            with open(listed, "w") as file:
                file.write(same + "\n")
            result = self.batch(0, f"@{listed}", "-o", out, "--name", "{stem}.pgm", "--format", "pgm", *resume,
                                "--report", "json")
            self.assertEqual(self.summary(result), (1, 0, 0))
            self.assertEqual(self.files(out), {"same.pgm": self.alone(image, ".pgm")})

    def test_an_output_that_was_replaced_is_not_done(self):
        folder, out = self.inputs(a_ppm=self.small[0]), self.path("out")
        words = (folder, "-o", out, "--format", "pgm", "--report", "json")
        self.assertEqual(self.summary(self.batch(0, *words)), (1, 0, 0))
        right = self.files(out)
        self.assertEqual(self.summary(self.batch(2, *words, "--resume")), (0, 0, 1))
        output = os.path.join(out, "a.pgm")  # of the same size
        self.assertEqual(support.run(support.command(0, self.small[1], "-f", "-o", output), self.env).code, 0)
        self.assertNotEqual(self.files(out), right)
        self.assertEqual(self.summary(self.batch(2, *words, "--resume")), (1, 0, 0))
        self.assertEqual(self.files(out), right)

    def test_names_that_are_no_utf8(self):
        folder, out, manifest, stats = self.inputs(), self.path("out"), self.path("m"), self.path("s.csv")
        names = [b"\xe9t\xe9", b"\xe8t\xe8", "\u00e9".encode(), b'a,"\xff']
        for name in names:
            shutil.copy(self.small[0], os.path.join(os.fsencode(folder), name + b".ppm"))
        words = (folder, "-o", out, "--stats", stats, "--manifest", manifest, "--report", "json")
        for resume, expected in ((False, (4, 0, 0)), (True, (0, 0, 4))):
            result = self.batch(2, *words, *(["--resume"] if resume else []))
            self.assertEqual(self.summary(result), expected)
            check = subprocess.run(["sha256sum", "--check", "--quiet", manifest], cwd=out, capture_output=True)
            self.assertEqual(check.returncode, 0, check)
            with open(stats, newline="", errors="surrogateescape") as file:
                outputs = [os.fsencode(row["output"]) for row in csv.DictReader(file)]
            self.assertEqual(sorted(outputs), sorted(name + b".png" for name in names))

    # ---- what is the user's ----

    def test_a_damaged_or_foreign_journal_is_left_alone(self):
        folder, out = self.inputs(a_ppm=self.small[0]), self.path("out")
        self.assertEqual(self.batch(0, folder, "-o", out).code, 0)
        run, lines = os.path.join(out, ".rgb2gray", "run.json"), os.path.join(out, ".rgb2gray", "rank-0.jsonl")
        with open(run) as file:
            right = file.read()
        for text in ("", "{", '{"mine": 1}'):
            with open(run, "w") as file:
                file.write(text)
            before = support.digest(lines)
            self.one_line(self.batch(2, folder, "-o", out, "--resume"), support.EEXISTS, "run.json", "--force")
            self.assertEqual(support.digest(lines), before)
        os.remove(run)
        self.one_line(self.batch(0, folder, "-o", out, "--resume"), support.EEXISTS, "rank-0.jsonl", "--force")
        with open(run, "w") as file:
            file.write(right)
        self.assertEqual(self.summary(self.batch(2, folder, "-o", out, "--resume", "--report", "json")), (0, 0, 1))

    def test_statistics_are_replaced_by_a_resumed_run_only(self):
        folder, out, stats = self.inputs(a_ppm=self.small[0]), self.path("out"), self.path("s.csv")
        with open(stats, "w") as file:
            file.write("mine")
        self.one_line(self.batch(0, folder, "-o", out, "--stats", stats, "--resume"), support.EEXISTS, "s.csv")
        with open(stats) as file:
            self.assertEqual(file.read(), "mine")
        self.assertEqual(self.batch(0, folder, "-o", out, "--stats", stats, "--force").code, 0)
        self.assertEqual(self.batch(0, folder, "-o", out, "--stats", stats, "--resume").code, 0)

    def test_a_manifest_takes_no_picture_and_no_table(self):
        folder, out = self.inputs(a_ppm=self.small[0]), self.path("out")
        before = support.digest(os.path.join(folder, "a.ppm"))
        for words in (["--manifest", os.path.join(folder, "a.ppm")],
                      ["--manifest", self.path("s.csv"), "--stats", self.path("s.csv")]):
            result = self.batch(0, folder, "-o", out, "-f", *words)
            self.assertEqual(result.code, 2, result)
        self.assertEqual(support.digest(os.path.join(folder, "a.ppm")), before)

    # ---- nothing is lost without a word ----

    def test_a_list_that_cannot_be_read(self):
        self.one_line(self.batch(0, f"@{self.folder}", "-o", self.path("out")), 13, self.folder, "Is a directory")

    def test_a_list_as_windows_writes_it(self):
        listed, out = self.path("list"), self.path("out")
        with open(listed, "wb") as file:
            file.write(b"\xef\xbb\xbf" + "\r\n".join(self.small).encode())
        self.assertEqual(self.batch(0, f"@{listed}", "-o", out, "--name", "{stem}.{ext}").code, 0)
        self.assertEqual(set(self.files(out)), {"small0.png", "small1.png"})

    def test_the_output_folder_as_an_input(self):
        folder = self.inputs(a_ppm=self.small[0])
        for words in ([folder], [os.path.join(folder, "*.ppm")]):
            result = self.batch(0, *words, "-o", folder, "-f")
            self.one_line(result, 13, "the output folder is not searched")
            self.assertIn("1 of 1 images failed", result.err)

    def test_two_inputs_with_one_output_in_two_parts(self):
        files = {f"p{i}_ppm": self.small[0] for i in range(6)}
        folder = self.inputs(**files)
        png = support.write_png(self.path("x.png"), support.picture(self.folder, "noise", 40, 30, seed=9))
        for i in range(6):
            shutil.copy(png, os.path.join(folder, f"p{i}.png"))
        failed, manifests = 0, b""
        for part in ("1/2", "2/2"):
            manifest = self.path("m" + part[0])
            result = self.batch(0, folder, "-o", self.path("out"), "--part", part, "-f", "--manifest", manifest,
                                "--format", "png", "--report", "json")
            failed += result.reports()[-1]["failed"]
            with open(manifest, "rb") as file:
                manifests += file.read()
        self.assertEqual(failed, 6)
        with open(self.path("m"), "wb") as file:
            file.write(manifests)
        check = subprocess.run(["sha256sum", "--check", "--quiet", self.path("m")], cwd=self.path("out"),
                               capture_output=True)
        self.assertEqual(check.returncode, 0, check)

    def test_a_file_where_a_folder_has_to_be(self):
        """One image's failure, of a whole one and of one that is split."""
        folder, stats = self.inputs(a_ppm=self.small[0]), self.path("s.csv")
        os.makedirs(os.path.join(folder, "sub"))
        shutil.copy(self.big[0], os.path.join(folder, "sub", "big.png"))
        for ranks in (0, 2):
            out = self.path(f"out{ranks}")
            os.mkdir(out)
            with open(os.path.join(out, "sub"), "w") as file:
                file.write("mine")
            self.one_line(self.batch(ranks, folder, "-o", out, "--stats", stats, "-f"), 13, "sub")
            self.assertTrue(os.path.exists(os.path.join(out, "a.png")))
            with open(stats, newline="") as file:
                outcomes = {row["output"]: row["outcome"] for row in csv.DictReader(file)}
            self.assertEqual(outcomes, {"a.png": "done", "sub/big.png": "failed"})

    def test_sizes_that_nobody_has(self):
        """The plan of a picture that claims to have 2^62 pixels."""
        path = self.path("huge.png")
        head = b"IHDR" + struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
        with open(path, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)))
        result = self.batch(2, path, *self.small, "-o", self.path("out"), "--explain", "--report", "json")
        for line in result.out.splitlines():
            event = json.loads(line)
            self.assertGreaterEqual(event.get("cost_ns", 0), 0, result)

    def test_quiet(self):
        result = self.batch(2, self.small[0], "-o", self.path("out"), "--quiet")
        self.assertEqual((result.code, result.out, result.err), (0, "", ""), result)


if __name__ == "__main__":
    support.main()
