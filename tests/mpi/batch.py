"""A batch makes the same files at any number of ranks, records each of them, and goes on where it was ended: by a signal,
by the death of a rank, with a journal whose last line was cut off."""

import csv
import os
import shutil
import signal
import subprocess
import time
import unittest

import support

COUNT = 30
MANY = 40


def make_inputs(folder):
    """Pictures in two folders, a broken one, and a file that is no picture."""
    os.makedirs(os.path.join(folder, "a", "b"))
    for i in range(COUNT):
        path = os.path.join(folder, "a", "b" if i % 3 else "", f"{i}.ppm")
        support.make_ppm(path, "photograph" if i % 2 else "noise", 40 + 7 * i, 30 + 5 * i, seed=i + 1)
    with open(os.path.join(folder, "broken.png"), "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\nxx")
    with open(os.path.join(folder, "notes.txt"), "w") as file:
        file.write("no picture")


class Batch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        support.need_program()
        cls.folder = support.make_folder()
        cls.env = support.environment(cls.folder)
        cls.inputs = os.path.join(cls.folder, "in")
        make_inputs(cls.inputs)
        cls.expected_folder = os.path.join(cls.folder, "expected")
        result = support.run(support.command(0, "batch", cls.inputs, "-o", cls.expected_folder), cls.env)
        assert result.code == 13, result
        cls.expected = cls.files(cls.expected_folder)

    files = staticmethod(support.batch_files)

    def path(self, name):
        return os.path.join(self.folder, self._testMethodName + "-" + name)

    def batch(self, ranks, *arguments):
        return support.run(support.command(ranks, "batch", *arguments), self.env)

    def test_same_files_at_any_number_of_ranks(self):
        self.assertEqual(len(self.expected), COUNT)
        for name in ("a/0.png", "a/b/1.png"):
            self.assertIn(name, self.expected)
        single = self.path("single.png")
        self.assertEqual(support.run(support.command(0, os.path.join(self.inputs, "a", "0.ppm"), "-o", single), self.env).code, 0)
        self.assertEqual(support.digest(single), self.expected["a/0.png"])
        for ranks in (1, 2, 3):
            out = self.path(f"out{ranks}")
            stats, manifest = self.path(f"s{ranks}.csv"), self.path(f"m{ranks}")
            result = self.batch(ranks, self.inputs, "-o", out, "--stats", stats, "--manifest", manifest, "--report", "json")
            self.assertEqual(result.code, 13, result)
            self.assertEqual(self.files(out), self.expected)
            self.assertEqual(sum("broken.png" in line for line in result.error_lines()), 1, result)
            summary = result.reports()[-1]
            self.assertEqual((summary["done"], summary["failed"], summary["passed_over"]), (COUNT, 1, 1))
            self.assertEqual(len(summary["ranks"]), ranks)
            with open(stats, newline="") as file:
                rows = list(csv.DictReader(file))
            self.assertEqual(len(rows), COUNT + 1)
            self.assertEqual({row["output"]: row["sha256"] for row in rows if row["outcome"] == "done"}, self.expected)
            check = subprocess.run(["sha256sum", "--check", "--quiet", manifest], cwd=out, capture_output=True)
            self.assertEqual(check.returncode, 0, check)

    def test_inputs_by_list_pattern_and_part(self):
        listed = self.path("list")
        with open(listed, "w") as file:
            file.write(os.path.join(self.inputs, "a", "0.ppm") + "\n\n" + os.path.join(self.inputs, "a", "3.ppm") + "\r\n")
        out = self.path("out")
        result = self.batch(0, f"@{listed}", "-o", out, "--name", "{stem}-gray.{ext}")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(set(self.files(out)), {"0-gray.png", "3-gray.png"})
        by_pattern = self.path("pattern")
        result = self.batch(0, os.path.join(self.inputs, "a", "*", "1?.ppm"), "-o", by_pattern)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(set(self.files(by_pattern)), {f"b/{i}.png" for i in range(10, 20) if i % 3})
        parts = {}
        for k in (1, 2, 3):
            folder = self.path(f"part{k}")
            result = self.batch(0, self.inputs, "-o", folder, "--part", f"{k}/3")
            self.assertIn(result.code, (0, 13), result)
            self.assertFalse(set(self.files(folder)) & set(parts))
            parts.update(self.files(folder))
        self.assertEqual(parts, self.expected)

    def test_two_inputs_with_one_output(self):
        """The second one is a failure, and so is what is not there: in the statistics too, and again with --resume."""
        twice, image, stats = self.path("twice"), os.path.join(self.inputs, "a", "0.ppm"), self.path("s.csv")
        missing, pattern = os.path.join(self.folder, "missing.png"), os.path.join(self.folder, "none-*.png")
        for resume in ([], ["--resume"]):
            result = self.batch(2, image, image, missing, pattern, "-o", twice, "--stats", stats, *resume)
            self.assertEqual(result.code, 13, result)
            self.assertIn("another input becomes 0.png too", result.err)
            self.assertEqual(set(self.files(twice)), {"0.png"})
            with open(stats, newline="") as file:
                rows = [(row["input"], row["outcome"]) for row in csv.DictReader(file)]
            self.assertEqual(sorted(rows), sorted([(image, "done"), (image, "failed"), (missing, "failed"), (pattern, "failed")]))

    def test_resume_checks_what_was_asked(self):
        out = self.path("out")
        self.assertEqual(self.batch(1, self.inputs, "-o", out).code, 13)
        result = self.batch(1, self.inputs, "-o", out)
        self.assertEqual(result.code, 8, result)
        self.assertIn("--resume", result.err)
        result = self.batch(2, self.inputs, "-o", out, "--resume", "--method", "bt709")
        self.assertEqual(result.code, 2, result)
        self.assertIn("method differs", result.err)
        result = self.batch(2, self.inputs, "-o", out, "--resume", "--report", "json")
        self.assertEqual((result.code, result.reports()[-1]["done"], result.reports()[-1]["skipped"]), (13, 0, COUNT), result)

    def test_torn_line_and_changed_files(self):
        out = self.path("out")
        self.assertEqual(self.batch(1, self.inputs, "-o", out).code, 13)
        journal = os.path.join(out, ".rgb2gray", "rank-0.jsonl")
        with open(journal, "rb") as file:
            lines = file.read().splitlines(keepends=True)
        done = [i for i, line in enumerate(lines) if b'"outcome":"done"' in line]
        torn = lines[done[-1]]
        with open(journal, "wb") as file:
            file.write(b"".join(lines[:done[-1]]) + torn[:len(torn) // 2])
        os.unlink(os.path.join(out, "a", "0.png"))
        result = self.batch(2, self.inputs, "-o", out, "--resume", "--report", "json", "--stats", self.path("s.csv"))
        self.assertEqual(result.code, 13, result)
        summary = result.reports()[-1]
        self.assertEqual(summary["done"] + summary["skipped"], COUNT, summary)
        self.assertIn(summary["done"], (1, 2), summary)
        self.assertEqual(self.files(out), self.expected)
        with open(self.path("s.csv"), newline="") as file:
            names = [row["output"] for row in csv.DictReader(file)]
        self.assertEqual(sorted(names), sorted([*self.expected, "broken.png"]))

    def test_the_plan_is_printed_and_nothing_is_made(self):
        folder, out = self.path("in"), self.path("out")
        shutil.copytree(self.inputs, folder)
        support.make_ppm(os.path.join(folder, "large.ppm"), "noise", 5000, 5000)
        for ranks in (0, 3):
            result = self.batch(ranks, folder, "-o", out, "--explain", "--report", "json")
            self.assertEqual(result.code, 13, result)
            *images, plan = result.reports()
            self.assertFalse(os.path.exists(out))
            self.assertEqual(sorted(image["output"] for image in images), sorted([*self.expected, "large.png"]))
            split = [image["output"] for image in images if image["split"]]
            self.assertEqual(split, ["large.png"] if ranks else [])
            self.assertEqual((plan["images"], plan["split"], plan["failed"]), (COUNT + 1, len(split), 1))
            for rank, told in enumerate(plan["ranks"]):
                own = [image["cost_ns"] for image in images if image["rank"] == rank]
                self.assertEqual((told["images"], told["cost_ns"]), (len(own), sum(own)))
        missing = self.batch(2, os.path.join(self.folder, "missing.png"), "-o", out, "--explain")
        self.assertEqual(missing.code, 13, missing)
        self.assertIn("missing.png: cannot be opened", missing.err)
        text = self.batch(2, folder, "-o", out, "--explain")
        self.assertIn("5000 x 5000", text.out)
        self.assertEqual(self.batch(0, folder, "-o", out, "--explain", "--resume").code, 2)

    def many(self):
        """Enough work that a run can be met in its middle."""
        folder = self.path("many")
        os.makedirs(folder)
        first = os.path.join(folder, "0.ppm")
        support.make_ppm(first, "noise", 900, 900)
        for i in range(1, MANY):
            shutil.copyfile(first, os.path.join(folder, f"{i}.ppm"))
        return folder

    def ended_in_its_middle(self, end):
        folder, out = self.many(), self.path("out")
        started = support.Started(support.command(2, "batch", folder, "-o", out, "--compression", "small"), self.env)
        until = time.monotonic() + 60
        while not (os.path.isdir(out) and any(name.endswith(".png") for name in os.listdir(out))):
            self.assertLess(time.monotonic(), until)
            self.assertIsNone(started.process.poll())
            time.sleep(0.01)
        end(started)
        ended = started.finish()
        made = [name for name in os.listdir(out) if not name.startswith(".rgb2gray")]
        self.assertTrue(all(name.endswith(".png") and not name.startswith(".") for name in made), made)
        self.assertLess(len(made), MANY)
        result = self.batch(2, folder, "-o", out, "--compression", "small", "--resume", "--report", "json")
        self.assertEqual(result.code, 0, result)
        summary = result.reports()[-1]
        self.assertEqual(summary["done"] + summary["skipped"], MANY, summary)
        self.assertGreater(summary["skipped"], 0)
        # each rank may have lost the one image that it had in hand
        self.assertLessEqual(len(made) - summary["skipped"], 2, summary)
        self.assertEqual(len(set(self.files(out).values())), 1)
        self.assertEqual(len(self.files(out)), MANY)
        return ended

    def test_a_killed_rank(self):
        def end(started):
            ranks = support.ranks_under(started.process.pid)
            support.kill(ranks[1], signal.SIGKILL)
        ended = self.ended_in_its_middle(end)
        self.assertNotEqual(ended.code, 0, ended)

    def test_a_signal(self):
        def end(started):
            for pid in support.ranks_under(started.process.pid).values():
                support.kill(pid, signal.SIGTERM)
        ended = self.ended_in_its_middle(end)
        self.assertEqual(ended.code, 14, ended)
        self.assertIn("--resume goes on", ended.err)


if __name__ == "__main__":
    support.main()
