"""A batch over two hosts makes the same files where the second host sees the inputs and the output folder, only one of them,
none, or other files under the same names; the summary tells what was found, and --resume goes on as on one host.

The hosts are those of two_hosts.py. Needs root.
"""

import csv
import os
import shutil
import unittest

import support
import two_hosts

SMALL = 60
COUNT = SMALL + 1


def make_inputs(folder):
    for i in range(SMALL):
        path = os.path.join(folder, "a" if i % 2 else "", f"{i}.ppm")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        support.make_ppm(path, "photograph", 300 + 10 * i, 500, seed=i + 1)
    support.make_ppm(os.path.join(folder, "large.ppm"), "photograph", 4000, 4000)  # which may be split over all
    with open(os.path.join(folder, "broken.png"), "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\nxx")
    with open(os.path.join(folder, "cut.ppm"), "wb") as file:
        file.write(b"P6 500 500 255\n" + bytes(1000))


class BatchHosts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = support.make_folder()
        cls.hosts = two_hosts.Hosts(cls.base)
        cls.addClassCleanup(cls.hosts.stop)
        cls.inputs = os.path.join(cls.base, "in")
        make_inputs(cls.inputs)
        alone = os.path.join(cls.base, "alone")
        result = support.run(support.command(0, "batch", cls.inputs, "-o", alone), support.environment(cls.base))
        assert result.code == 13, result
        cls.expected = support.batch_files(alone)
        assert len(cls.expected) == COUNT

    def setUp(self):
        self.out = os.path.join(self.base, "out")
        os.mkdir(self.out)
        self.addCleanup(shutil.rmtree, self.out)

    def cover(self, folder, other):
        """On the second host, `folder` is what `other` is."""
        os.makedirs(other, exist_ok=True)
        self.hosts.run_on(1, "mount", "--bind", other, folder)
        self.addCleanup(self.hosts.run_on, 1, "umount", folder)

    def convert(self, *arguments):
        """Four ranks, two on each host. Returns the summary and the statistics."""
        stats, manifest = os.path.join(self.base, "s.csv"), os.path.join(self.base, "m")
        mpirun = support.command(4, "batch", self.inputs, "-o", self.out, "--report", "json", "--stats", stats,
                                 "--manifest", manifest, "--force", *arguments)
        words = [*self.hosts.enter(0), mpirun[0], "--hostfile", self.hosts.hostfile, *mpirun[1:]]
        result = support.run(words, self.hosts.environment())
        self.assertEqual(result.code, 13, result)
        for name in ("broken.png", "cut.ppm"):
            lines = [line for line in result.error_lines() if os.path.join(self.inputs, name) in line]
            self.assertEqual(len(lines), 1, result)
        self.assertNotIn("/proc/", str(result.error_lines()))
        self.assertEqual(support.batch_files(self.out), self.expected)
        with open(stats, newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual({row["output"]: row["sha256"] for row in rows if row["outcome"] == "done"}, self.expected)
        self.assertEqual(len(rows), COUNT + 2)
        for row in rows:
            self.assertEqual(int(row["in_nbytes"]), os.path.getsize(row["input"]), row)
        self.assertEqual([name for name in os.listdir(self.base) if name.startswith("rgb2gray-batch")], [])
        return result.reports()[-1], rows

    def check(self, sent, returned):
        summary, rows = self.convert()
        self.assertEqual([rank["host"] for rank in summary["ranks"]], [two_hosts.NAMES[0]] * 2 + [two_hosts.NAMES[1]] * 2)
        self.assertEqual([rank["gets_inputs"] for rank in summary["ranks"]], [False] * 2 + [sent] * 2)
        self.assertEqual([rank["returns_outputs"] for rank in summary["ranks"]], [False] * 2 + [returned] * 2)
        self.assertTrue(any(row["host"] == two_hosts.NAMES[1] and row["outcome"] == "done" for row in rows))

    def test_all_sees_all(self):
        self.check(False, False)

    def test_inputs_seen_by_rank_0_only(self):
        self.cover(self.inputs, os.path.join(self.base, "empty"))
        self.check(True, False)

    def test_outputs_seen_by_rank_0_only(self):
        empty = os.path.join(self.base, "empty-out")
        self.cover(self.out, empty)
        self.check(False, True)
        self.assertEqual(os.listdir(empty), [])

    def test_nothing_is_shared(self):
        self.cover(self.inputs, os.path.join(self.base, "empty"))
        self.cover(self.out, os.path.join(self.base, "empty-out"))
        self.check(True, True)

    def test_other_files_under_the_same_names(self):
        """Of the same size and time, so that only a careful look tells."""
        other = os.path.join(self.base, "other")
        shutil.copytree(self.inputs, other, copy_function=shutil.copy2)
        self.addCleanup(shutil.rmtree, other)
        for place, _, names in os.walk(other):
            for name in names:
                path = os.path.join(place, name)
                about = os.stat(path)
                with open(path, "r+b") as file:
                    file.seek(-5, os.SEEK_END)
                    file.write(b"\0\377\0\377\0")
                os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
        self.cover(self.inputs, other)
        self.check(True, False)

    def test_resumes_what_was_returned(self):
        self.cover(self.inputs, os.path.join(self.base, "empty"))
        self.cover(self.out, os.path.join(self.base, "empty-out"))
        self.convert()
        os.remove(os.path.join(self.out, "a", "1.png"))
        summary, _ = self.convert("--resume")
        self.assertEqual((summary["done"], summary["skipped"], summary["failed"]), (1, COUNT - 1, 2))


if __name__ == "__main__":
    support.need_program()
    two_hosts.need_hosts()
    support.main()
