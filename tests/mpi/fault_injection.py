"""Every allocation, read, write and MPI call may fail, on any rank: the run then ends soon, with a non-zero exit code,
one line that says why, and no partial output. Where a failure is tolerated by design, the output is whole and right.

Needs a build with RGB2GRAY_FAULTS (see src/base/fault.h). A sample of the sites is tried, the first and the last of
each kind among them; RGB2GRAY_FAULT_SITES=N sets how many of each kind, 0: all of them.
"""

import concurrent.futures
import os
import random
import shutil
import unittest

import support

END_LIMIT_S = 20
AT_ONCE = 5
SITES = int(os.environ.get("RGB2GRAY_FAULT_SITES", "3" if support.SANITIZED else "6"))
KINDS = ("alloc", "read", "write", "mpi")

# What may fail without failing the run, by way, rank and kind (None: any):
# - another rank than 0 that cannot open the input for itself is sent its rows, and one that cannot open the output for
#   itself has its segments written by rank 0;
# - a buffer that cannot grow by half, ahead of need, grows by what is needed (src/base/buffer.c).
TOLERATED = {(way, 1, kind) for way in ("placed", "gathered", "compare") for kind in ("read", "write")}
TOLERATED |= {(None, None, "alloc")}


def tolerated(way, rank, kind):
    return (way, rank, kind) in TOLERATED or (None, None, kind) in TOLERATED


class Way:
    """One way of converting: the arguments, and how often each kind of site is passed on each rank."""

    def __init__(self, name, rank_count, source, ending, *arguments, tried_ranks=None):
        self.name, self.rank_count, self.source, self.ending = name, rank_count, source, ending
        self.arguments = arguments
        self.tried_ranks = tried_ranks or range(max(rank_count, 1))
        self.counts, self.right = {}, None

    def run(self, **extra):
        """(Result, digest of the output or None, what else is in the output's folder, sites passed by (rank, kind))"""
        folder = support.make_folder()
        out_folder = os.path.join(folder, "out")
        os.mkdir(out_folder)
        out, log = os.path.join(out_folder, "out" + self.ending), os.path.join(folder, "log")
        words = support.command(self.rank_count, *self.arguments, self.source, "-o", out)
        result = support.run(words, support.environment(folder, RGB2GRAY_FAULT_LOG=log, **extra), END_LIMIT_S)
        digest = support.digest(out) if os.path.exists(out) else None
        rubbish = [name for name in os.listdir(out_folder) if name != "out" + self.ending]
        rubbish += support.program_rubbish(folder)
        passed = {}
        if os.path.exists(log):
            with open(log) as file:
                for line in file:
                    rank, kind, count = line.split()
                    passed[int(rank), kind] = int(count)
        shutil.rmtree(folder)
        return result, digest, rubbish, passed

    def trials(self):
        """(rank, kind, n) for the sites to be tried."""
        for (rank, kind), count in sorted(self.counts.items()):
            if rank not in self.tried_ranks:
                continue
            sites = range(1, count + 1)
            if 0 < SITES < count:
                inner = random.Random(f"{self.name} {rank} {kind}").sample(sites[1:-1], max(SITES - 2, 0))
                sites = [1, *sorted(inner), count]
            yield from ((rank, kind, n) for n in sites)

    def fail(self, rank, kind, n):
        return self.run(RGB2GRAY_FAULT=f"{kind}:{n}", RGB2GRAY_FAULT_RANK=str(rank))


class FaultInjection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = support.make_folder()
        ppm = support.make_ppm(os.path.join(folder, "in.ppm"), "tissue", 2000, 2200)
        png = support.write_png(os.path.join(folder, "in.png"), support.read_ppm(ppm))
        ways = (
            Way("alone", 0, png, ".png"),
            Way("scatter", 2, png, ".png"),
            Way("placed", 2, ppm, ".pgm"),
            Way("gathered", 2, ppm, ".png"),
            Way("compare", 2, ppm, ".png", "--compare", "--repeat", "1"),
            # memory for one row block at a time: a band is three chunks, as it is elsewhere with more than 17 ranks
            Way("chunks", 4, png, ".png", "--mem-limit", "16M", tried_ranks=(0, 3)),
        )
        cls.ways = {way.name: way for way in ways}
        if not cls.ways["alone"].run()[3]:
            support.skip("this build has no fault injection (RGB2GRAY_FAULTS)")

    def sweep(self, name):
        way = self.ways[name]
        result, way.right, rubbish, way.counts = way.run()
        self.assertEqual((result.code, rubbish), (0, []), result)
        self.assertEqual(len(way.counts), max(way.rank_count, 1) * len(KINDS), way.counts)
        trials = list(way.trials())
        print(f"{name}: {len(trials)} of {sum(way.counts.values())} sites", flush=True)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for trial, outcome in zip(trials, pool.map(lambda trial: way.fail(*trial), trials)):
                with self.subTest(way=name, site="rank %d %s:%d" % trial):
                    self.check(way, trial, *outcome)

    def check(self, way, trial, result, digest, rubbish, passed):
        rank, kind, n = trial
        self.assertIsNotNone(result.code, f"still running after {END_LIMIT_S} s: {result}")
        self.assertEqual(rubbish, [], result)
        self.assertEqual(result.sanitizer_lines(), [], result)
        if result.code == 0:
            self.assertEqual(digest, way.right, result)
            # How work is shared out depends on the time it took, so a site is not reached every time.
            reached = passed.get((rank, kind), n) >= n
            self.assertTrue(not reached or tolerated(way.name, rank, kind), f"was not noticed: {result}")
            return
        lines = result.error_lines()
        agreed = kind != "mpi" and (rank == 0 or f"(on rank {rank})" in result.err)
        if not agreed:
            # A rank that fails before it can reach the others, or can no longer reach them, says why and ends the job,
            # which also stops a rank 0 that has heard nothing.
            lines = [line for line in lines if "interrupted" not in line] or lines
        self.assertEqual(len(lines), 1, result)
        # The last agreement among the ranks comes when the output is whole.
        self.assertIn(digest, (None, way.right) if kind == "mpi" else (None,), result)

    def test_alone(self):
        self.sweep("alone")

    def test_scatter(self):
        self.sweep("scatter")

    def test_placed(self):
        self.sweep("placed")

    def test_gathered(self):
        self.sweep("gathered")

    def test_compare(self):
        self.sweep("compare")

    def test_chunks(self):
        self.sweep("chunks")


if __name__ == "__main__":
    support.need_program()
    support.main()
