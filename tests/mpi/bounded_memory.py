"""Memory depends on the width of a picture, not on its height: a picture four times as high takes as much, on every
rank, whichever way the conversion goes.

With RGB2GRAY_BIG=1 a picture of 30,000 x 30,000 pixels is converted too, within 256 MiB a rank. That takes 6 GB of disk
in TMPDIR.
"""

import os
import sys
import unittest

import numpy

import support

WIDTH, LOW, HIGH = 12000, 2500, 10000
GROWTH = 1.10
# Shares follow measured speed, so a rank's part of a band, and with it its buffers, differs from run to run: by no more
# than a band's segments. A picture held in any form would need over 85 MiB more for the added rows.
VARIES_NBYTES = 24 << 20
BIG_SIDE, BIG_LIMIT_NBYTES = 30000, 256 << 20

# Runs the program and writes down the most memory it held (ru_maxrss, KiB), a file a rank.
MEASURE = """
import os, resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
rank = os.environ.get("OMPI_COMM_WORLD_RANK", "0")
with open(os.path.join(sys.argv[1], "rss" + rank), "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


def make_png(path, width, height):
    """A colour PNG made row by row, hardly compressed: a big one is made quickly and in little memory."""
    writer = support.PngWriter(path, width, height, 3, 8, level=0)
    rows = numpy.random.default_rng(1).integers(0, 256, (100, width, 3), numpy.uint8)
    for first in range(0, height, 100):
        writer.rows(rows[: height - first])
    writer.close()
    return path


def peak_nbytes(rank_count, source, ending):
    """Converts; the largest memory of any rank, and the way it went."""
    folder = support.make_folder()
    out = os.path.join(folder, "out" + ending)
    words = support.command(rank_count, source, "--report", "json", "-o", out,
                            wrapper=(sys.executable, "-c", MEASURE, folder))
    result = support.run(words, support.environment(folder), 600)
    if result.code != 0:
        raise AssertionError(str(result))
    os.remove(out)
    plan = result.reports()[0]["plan"]
    peaks = []
    for rank in range(max(rank_count, 1)):
        with open(os.path.join(folder, f"rss{rank}")) as file:
            peaks.append(int(file.read()) * 1024)
    return max(peaks), (plan["path"], plan["place"])


class BoundedMemory(unittest.TestCase):
    def make(self, ending, width, height):
        path = os.path.join(self.folder, f"{width}x{height}{ending}")
        if not os.path.exists(path):
            make_png(path, width, height) if ending == ".png" else support.make_ppm(path, "noise", width, height)
        return path

    def setUp(self):
        self.folder = support.make_folder()

    def check(self, ending, *outputs):
        low, high = self.make(ending, WIDTH, LOW), self.make(ending, WIDTH, HIGH)
        for out_ending, ways in outputs:
            for rank_count, way in zip((0, 2), ways):
                with self.subTest(input=ending, output=out_ending, ranks=rank_count):
                    before, way_before = peak_nbytes(rank_count, low, out_ending)
                    after, way_after = peak_nbytes(rank_count, high, out_ending)
                    print(f"{ending} to {out_ending}, {rank_count or 1} rank(s), {way_after}: "
                          f"{before >> 20} MiB for {LOW} rows, {after >> 20} MiB for {HIGH}", flush=True)
                    self.assertEqual((way_before, way_after), (way, way))
                    self.assertLess(after, before * GROWTH + VARIES_NBYTES)
                    # Far less than the picture: what was measured is no picture held whole.
                    self.assertLess(after, WIDTH * HIGH * 3 / 2)
        for path in (low, high):
            os.remove(path)

    def test_raw_input(self):
        self.check(".ppm", (".pgm", (("sequential", False), ("direct", True))),
                   (".png", (("sequential", False), ("direct", False))))

    def test_compressed_input(self):
        self.check(".png", (".png", (("sequential", False), ("scatter", False))))

    @unittest.skipUnless(os.environ.get("RGB2GRAY_BIG") == "1", "RGB2GRAY_BIG=1 converts 30,000 x 30,000 pixels")
    def test_big(self):
        for ending, outputs in ((".ppm", (".pgm", ".png")), (".png", (".png",))):
            path = self.make(ending, BIG_SIDE, BIG_SIDE)
            for out_ending in outputs:
                for rank_count in (0, 2, 4):
                    with self.subTest(input=ending, output=out_ending, ranks=rank_count):
                        peak, way = peak_nbytes(rank_count, path, out_ending)
                        print(f"{ending} to {out_ending}, {rank_count or 1} rank(s), {way}: {peak >> 20} MiB",
                              flush=True)
                        self.assertLess(peak, BIG_LIMIT_NBYTES)
            os.remove(path)


if __name__ == "__main__":
    support.need_program()
    support.main()
