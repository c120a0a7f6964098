"""A failure that one rank alone can see ends all ranks together: the same exit code on every rank, one line that says
the same as a run without MPI, no output."""

import os
import re
import sys
import unittest
import zlib

import numpy

import support

RANKS = (2, 3, 4)

# Runs the program, writes down its exit code, a file a rank, and leaves when all have: mpirun ends the others with a
# signal as soon as one rank has left with an error.
RECORD = """
import os, subprocess, sys, time
folder, size = sys.argv[1], int(os.environ["OMPI_COMM_WORLD_SIZE"])
code = subprocess.call(sys.argv[2:])
with open(os.path.join(folder, "code" + os.environ["OMPI_COMM_WORLD_RANK"]), "w") as file:
    file.write(str(code))
end = time.monotonic() + 20
while time.monotonic() < end and sum(name.startswith("code") for name in os.listdir(folder)) < size:
    time.sleep(0.01)
sys.exit(code)
"""


class Agreement(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = support.make_folder()
        cls.rgb = support.picture(cls.folder, "tissue", 1500, 4000)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_all(self, rank_count, source, ending, *arguments):
        """(Result, exit codes by rank); nothing may be left in the output's folder."""
        folder = support.make_folder()
        out_folder = os.path.join(folder, "out")
        os.mkdir(out_folder)
        out = os.path.join(out_folder, "out" + ending)
        wrapper = (sys.executable, "-c", RECORD, folder) if rank_count else ()
        words = support.command(rank_count, source, "-o", out, *arguments, wrapper=wrapper)
        result = support.run(words, support.environment(folder), 60)
        self.assertEqual(os.listdir(out_folder), [], result)
        codes = {}
        for rank in range(rank_count):
            with open(os.path.join(folder, f"code{rank}")) as file:
                codes[rank] = int(file.read())
        return result, codes

    def message(self, result):
        """The one line, without the rank it may name."""
        self.assertEqual(len(result.error_lines()), 1, result)
        return re.sub(r" \(on rank \d+\)$", "", result.error_lines()[0])

    def check(self, source, ending, code, *arguments, other_rank=False):
        """`other_rank`: it must be reported to have been seen on a rank above 0."""
        alone, _ = self.run_all(0, source, ending, *arguments)
        self.assertEqual(alone.code, code, alone)
        expected = self.message(alone)
        for rank_count in RANKS:
            with self.subTest(source=os.path.basename(source), output=ending, ranks=rank_count):
                result, codes = self.run_all(rank_count, source, ending, *arguments)
                self.assertEqual(codes, {r: code for r in range(rank_count)}, result)
                self.assertEqual(result.code, code, result)
                self.assertEqual(self.message(result), expected)
                if other_rank:
                    self.assertRegex(result.error_lines()[0], r"\(on rank [1-9]\d*\)$")

    def test_png_cut_short(self):
        whole = support.write_png(self.path("whole.png"), self.rgb)
        with open(whole, "rb") as file:
            data = file.read()
        for part in (0.3, 0.6, 0.99):
            path = self.path(f"cut{int(100 * part)}.png")
            with open(path, "wb") as file:
                file.write(data[: int(len(data) * part)])
            self.check(path, ".png", support.ECORRUPT)

    def test_png_with_wrong_bytes_in_the_middle(self):
        """A chunk whose checksum is right, so that only the decoder of the pixels can find it."""
        path = self.path("wrong.png")
        writer = support.PngWriter(path, 1500, 4000, 3, 8)
        good = writer.deflate.compress(numpy.pad(self.rgb.reshape(4000, -1), ((0, 0), (1, 0)))[:2500].tobytes())
        good += writer.deflate.flush(zlib.Z_SYNC_FLUSH)
        writer.chunk(b"IDAT", good)
        writer.chunk(b"IDAT", b"\377" * 5000)  # no deflate block is of type 3 (RFC 1951, 3.2.3)
        writer.chunk(b"IEND", b"")
        writer.file.close()
        self.check(path, ".png", support.ECORRUPT)
        self.check(path, ".pgm", support.ECORRUPT)

    def bad_sample(self, name, row):
        """Samples up to 1000, but one above in this row."""
        rgb = self.rgb.astype(numpy.uint16) * 3
        rgb[row, 700, 1] = 1001
        return support.write_pnm(self.path(name), rgb, maxval=1000)

    def test_sample_above_the_maximum_in_the_last_rows(self):
        path = self.bad_sample("last.ppm", -2)
        self.check(path, ".pgm", support.ECORRUPT, other_rank=True)  # in place: the last rows are the last rank's
        self.check(path, ".png", support.ECORRUPT)

    def test_sample_above_the_maximum_in_the_first_rows(self):
        path = self.bad_sample("first.ppm", 1)
        self.check(path, ".pgm", support.ECORRUPT)
        self.check(path, ".png", support.ECORRUPT)

    def test_memory_limit(self):
        """Too little memory for a block of rows on any rank."""
        path = support.write_pnm(self.path("limit.ppm"), self.rgb)
        result, codes = self.run_all(2, path, ".png", "--mem-limit", "1MiB")
        self.assertEqual(codes, {0: support.ELIMIT, 1: support.ELIMIT}, result)
        self.message(result)

    def test_first_failure_counts_and_the_rest_is_done(self):
        """Of several inputs a bad one does not stop the others, on any rank."""
        bad = self.bad_sample("bad.ppm", -2)
        good = support.write_pnm(self.path("good.ppm"), self.rgb)
        also = support.write_pnm(self.path("also.ppm"), self.rgb[:1500])
        folder = support.make_folder()
        words = support.command(3, good, bad, also, "--format", "pgm", "-o", os.path.join(folder, "out", ""))
        os.mkdir(os.path.join(folder, "out"))
        result = support.run(words, support.environment(folder))
        self.assertEqual(result.code, support.ECORRUPT, result)
        self.message(result)
        self.assertEqual(sorted(os.listdir(os.path.join(folder, "out"))), ["also-gray.pgm", "good-gray.pgm"], result)

    def test_a_rank_that_cannot_be_reached(self):
        """Not seen by any call that fails: the others would wait for ever."""
        env = support.environment(self.folder, RGB2GRAY_START_LIMIT="2",
                                  LD_PRELOAD=os.path.join(os.environ["RGB2GRAY_BUILD"], "tests", "libwait_in_dup.so"))
        out = self.path("unreached.png")
        for rank_count, words in ((2, (self.rgb, "-o", out)), (3, ("batch", self.rgb, "-o", self.path("unreached/")))):
            with self.subTest(words=words):
                result = support.run(support.command(rank_count, *words), env, 30)
                self.assertEqual(result.code, support.EMPI, result)
                self.assertEqual(len(result.error_lines()), 1, result)
                self.assertIn("have not reached each other", result.error_lines()[0])
                self.assertFalse(os.path.exists(out), result)


if __name__ == "__main__":
    support.need_program()
    support.main()
