"""On a simulated cluster of several nodes (SimGrid's SMPI) the program comes to an end with 16 and with 64 ranks, and writes
the very bytes that one process writes: where every rank reads its own rows, where rank 0 scatters them in one chunk and
in several, and where raw rows are written in place.

Skipped where SimGrid is not installed.
"""

import os
import sys
import unittest

import support

SCRIPTS = os.path.join(os.environ["RGB2GRAY_SOURCE"], "scripts", "simulate")
sys.path.insert(0, SCRIPTS)

import build  # noqa: E402
import main as simulation  # noqa: E402
from cluster import Cluster  # noqa: E402

# 48 row blocks of PNG: several chunks of a band for 64 ranks, of which some have nothing to do.
WIDTH, HEIGHT = 8192, 6144
CORES = 8
LIMIT_S = 60


class Simulated(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        build_folder = os.environ["RGB2GRAY_BUILD"]
        cls.program = build.build(os.environ["RGB2GRAY_SOURCE"], os.path.join(build_folder, "simulate"), build_folder)
        simulation.allow_many_files()
        cls.folder = support.make_folder()
        cls.source = support.make_ppm(os.path.join(cls.folder, "in.ppm"), "noise", WIDTH, HEIGHT)
        cls.right = {}

    def alone(self, ending):
        """What one process writes."""
        if ending not in self.right:
            path = os.path.join(self.folder, "alone" + ending)
            result = support.run(support.command(0, self.source, "-o", path), support.environment(self.folder), 120)
            self.assertEqual(result.code, 0, result)
            self.right[ending] = support.digest(path)
        return self.right[ending]

    def check(self, name, path, place):
        case, cluster = simulation.CASES[name], Cluster(cores=CORES)
        for ranks in (16, 64):
            with self.subTest(case=name, ranks=ranks):
                output = os.path.join(self.folder, "simulated" + case.ending)
                report = simulation.simulate(self.program, case, cluster, ranks, self.source, output, self.folder,
                                             made_up=False, timeout=LIMIT_S)
                run, plan = report["runs"]["parallel"], report["plan"]
                self.assertEqual((plan["path"], plan["place"], plan["host_count"]), (path, place, ranks // CORES))
                self.assertEqual(len(run["ranks"]), ranks)
                self.assertEqual(sum(rank["row_count"] for rank in run["ranks"]), HEIGHT)
                self.assertEqual(support.digest(output), self.alone(case.ending))
                print(f"{name}, {ranks} ranks: {run['wall_ns'] / 1e6:.1f} ms of simulated time, "
                      f"{plan['band_blocks']} blocks a band", flush=True)

    def test_own_rows(self):
        self.check("own", "direct", True)

    def test_scatter(self):
        self.check("scatter", "scatter", True)

    def test_in_place(self):
        self.check("place", "direct", True)


if __name__ == "__main__":
    support.need_program()
    if support.SANITIZED:
        support.skip("the simulator switches stacks in a way that the sanitizers do not follow")
    lacks = build.missing()
    if lacks is not None:
        support.skip(lacks)
    support.main()
