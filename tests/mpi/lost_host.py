"""A batch over three hosts that loses one, or a rank, at any moment: it ends within half a minute, says in one line what it
has lost, and goes on with --resume to the very files of an undisturbed run. So does one whose disk was full.

Hosts are namespaces (see tests/gateway/cluster.py), so this needs root. Which moments: RGB2GRAY_MOMENTS of them (by default
few), drawn by RGB2GRAY_SEED.
"""

import glob
import os
import random
import shutil
import signal
import stat
import sys
import time
import unittest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gateway"))
import cluster  # noqa: E402

MOMENTS = int(os.environ.get("RGB2GRAY_MOMENTS", "3"))
SEED = os.environ.get("RGB2GRAY_SEED", "1")

cluster.enter(("mpirun",), seconds=120 + 50 * MOMENTS)

import support  # noqa: E402

END_S = 30
SLOW, FAST = 24, 15  # images; the slow ones take a tenth of a second and more
RANKS = (1, 2, 2)    # of each host


class Agent:
    """Runs commands on hosts as ssh does: it does not end while the line is dead, since it cannot know what became of
    them."""

    def __init__(self, hosts):
        self.hosts = hosts
        self.path = os.path.join(hosts.folder, "steady-agent")
        with open(self.path, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\n"{hosts.agent}" "$@"\nstatus=$?\n'
                       f'while [ -e "{hosts.folder}/cut-$1" ]; do sleep 0.1; done\nexit $status\n')
        os.chmod(self.path, stat.S_IRWXU)

    def marker(self, name):
        return os.path.join(self.hosts.folder, "cut-" + name)

    def cut(self, name):
        with open(self.marker(name), "wb"):
            pass
        self.hosts.cut(name)

    def mend(self, name):
        self.hosts.mend(name)
        os.unlink(self.marker(name))


class Run:
    """One batch under way."""

    def __init__(self, test, out, *more):
        self.hosts, self.out = test.hosts, out
        self.started = support.Started(test.words(out, *more), test.env)

    def done(self):
        found = 0
        for path in glob.glob(os.path.join(self.out, ".rgb2gray", "*.jsonl")):
            try:
                with open(path, encoding="utf-8") as file:
                    found += file.read().count('"outcome":"done"')
            except FileNotFoundError:
                pass  # it has just been replaced
        return found

    def ranks(self):
        """Processes by rank: of this batch, and there whatever its host."""
        found = {}
        for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
            if support.read_proc(pid, "comm").strip() == b"rgb2gray-mpi":
                if self.out.encode() + b"\0" in support.read_proc(pid, "cmdline"):
                    found[support.rank_of(pid)] = pid
        found.pop(None, None)
        return found

    def children(self):
        """Names of what it has started."""
        return [support.read_proc(pid, "comm").decode().strip() for pid in support.descendants(self.started.process.pid)]

    def ended(self):
        return self.started.process.poll() is not None

    def wait(self, count):
        """Until `count` images are done (0: until all ranks run), or all of it is over."""
        until = time.monotonic() + 60
        while not self.ended() and (len(self.ranks()) < sum(RANKS) if count == 0 else self.done() < count):
            if time.monotonic() > until:
                raise AssertionError(f"{count} images are not done: {self.started.finish(0)}")
            time.sleep(0.005)


class LostHost(unittest.TestCase):
    maxDiff = None
    strikes = 0

    @classmethod
    def setUpClass(cls):
        cls.hosts = cluster.Hosts(3)
        cls.agent = Agent(cls.hosts)
        cls.folder = cls.hosts.folder
        network = cluster.SUBNET + "0/24"
        temporary = os.path.join(cls.folder, "temporary")
        os.mkdir(temporary)
        cls.env = support.environment(temporary, OMPI_MCA_plm_rsh_agent=cls.agent.path,
                                      OMPI_MCA_btl_tcp_if_include=network, OMPI_MCA_oob_tcp_if_include=network,
                                      OMPI_MCA_mpi_yield_when_idle="1")
        cls.hostfile = os.path.join(cls.folder, "hostfile")
        with open(cls.hostfile, "w", encoding="ascii") as file:
            file.writelines(f"{name} slots={slots}\n" for name, slots in zip(cls.hosts.names, RANKS))
        cls.inputs = os.path.join(cls.folder, "in")
        os.mkdir(cls.inputs)
        for i in range(SLOW + FAST):
            side = 500 + i if i < SLOW else 30 + i
            support.make_ppm(os.path.join(cls.inputs, f"{i}.ppm"), "noise", side, side, seed=i)
        undisturbed = os.path.join(cls.folder, "undisturbed")
        result = support.run(cls.words(undisturbed), cls.env)
        assert result.code == 0, result
        shutil.rmtree(os.path.join(undisturbed, ".rgb2gray"))
        cls.expected = support.digests(undisturbed)
        assert len(cls.expected) == SLOW + FAST

    @classmethod
    def words(cls, out, *more):
        return [support.PROGRAM, "-n", str(sum(RANKS)), "--hostfile", cls.hostfile, "batch", cls.inputs, "-o", out,
                "--compression", "small", "--report", "json", *more]

    def place_of(self, rank):
        """The host of a rank."""
        return [name for name, count in zip(self.hosts.names, RANKS) for _ in range(count)][rank]

    def resume(self, out, known):
        result = support.run(self.words(out, "--resume"), self.env)
        self.assertEqual(result.code, 0, result)
        summary = [report for report in result.reports() if report["event"] == "summary"][-1]
        self.assertEqual(summary["done"] + summary["skipped"], SLOW + FAST, summary)
        self.assertGreaterEqual(summary["skipped"], known, "what was done was done again")
        self.assertEqual(len({rank["host"] for rank in summary["ranks"]}), len(self.hosts.names))
        shutil.rmtree(os.path.join(out, ".rgb2gray"))
        self.assertEqual(support.digests(out), self.expected)
        shutil.rmtree(out)

    def clear(self, run):
        """What still runs on a host that was cut off, as if it were started anew."""
        for pid in run.ranks().values():
            support.kill(pid, signal.SIGKILL)
        for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
            if support.read_proc(pid, "comm").strip() == b"orted":
                support.kill(pid, signal.SIGKILL)

    def strike(self, kind, count, choice):
        """Loses a host or a rank when `count` images are done. How long it took to end; None where all was done by then."""
        self.strikes += 1
        out = os.path.join(self.folder, f"out{self.strikes}")
        run = Run(self, out)
        run.wait(count)
        ranks = run.ranks()
        if kind == "cut":
            host = self.hosts.names[1 + choice % 2]
            lost = [pid for rank, pid in ranks.items() if self.place_of(rank) == host]
            for pid in lost:  # so that it cannot end before the line is dead
                support.kill(pid, signal.SIGSTOP)
            self.agent.cut(host)
            for pid in lost:
                support.kill(pid, signal.SIGCONT)
            said = rf"the host {host} was lost"
        else:
            rank = choice % sum(RANKS)
            host = self.place_of(rank)
            if rank in ranks:
                support.kill(ranks[rank], signal.SIGKILL)
            said = rf"rank {rank} on host {host} was ended by signal 9"
        known, began = run.done(), time.monotonic()
        result = run.started.finish(END_S)
        seconds = time.monotonic() - began
        if kind == "cut":
            self.clear(run)
            self.agent.mend(host)
        self.assertIsNotNone(result.code, f"still at work after {END_S} s: {result}")
        if result.code == 0:
            seconds = None
        else:
            self.assertEqual(result.code, 10, result)
            self.assertEqual(len(result.error_lines()), 1, result)
            self.assertRegex(result.error_lines()[0], said + ".*--resume goes on")
        left = [pid for pid in run.ranks().values() if support.alive(pid)]
        self.assertEqual(left, [], result)
        self.resume(out, known)
        return seconds

    def test_lost(self):
        drawn = random.Random(SEED)
        for i in range(MOMENTS):
            kind = ("cut", "killed")[i % 2]
            count, choice = drawn.randrange(SLOW + FAST) * 2 // 3, drawn.randrange(1000)
            with self.subTest(kind=kind, count=count, choice=choice):
                seconds = self.strike(kind, count, choice)
                print(f"{kind} at {count} of {SLOW + FAST} images: " +
                      (f"ended after {seconds:.1f} s" if seconds else "all was done by then"), flush=True)

    def test_told_to_end(self):
        """What leads to the other hosts must outlive the signal that the ranks are given."""
        run = Run(self, os.path.join(self.folder, "told"))
        run.wait(5)
        self.assertIn(os.path.basename(self.agent.path), run.children())
        run.started.process.send_signal(signal.SIGTERM)
        result = run.started.finish(60)
        self.assertEqual(result.code, 14, result)
        self.assertRegex("".join(result.error_lines()), "^rgb2gray: stopped after [0-9]+ images; .*--resume")
        summary, = result.reports()
        self.assertEqual(summary["done"], run.done())
        self.resume(run.out, run.done())

    def test_full_disk(self):
        disk = os.path.join(self.folder, "disk")
        os.mkdir(disk)
        needed = sum(os.path.getsize(path) for path in glob.glob(os.path.join(self.folder, "undisturbed", "*.png")))
        cluster.run("mount", "-t", "tmpfs", "-o", f"size={needed // 2}", "none", disk)
        self.addCleanup(cluster.run, "umount", disk)
        out = os.path.join(disk, "out")
        run = Run(self, out)
        result = run.started.finish(60)
        self.assertEqual(result.code, 7, result)
        self.assertEqual(len(result.error_lines()), 1, result)
        self.assertRegex(result.error_lines()[0], "No space left on device")
        known = run.done()
        self.assertTrue(0 < known < SLOW + FAST, known)
        self.assertEqual([name for name in os.listdir(out) if not name.endswith(".png")], [".rgb2gray"])
        cluster.run("mount", "-o", f"remount,size={2 * needed + (16 << 20)}", disk)
        self.resume(out, known)


if __name__ == "__main__":
    support.need_program()
    support.main()
