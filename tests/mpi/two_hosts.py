"""Over two hosts the output is the same, byte for byte, also where only rank 0 sees the input, or only rank 0 the
output's folder; and a rank that is killed leaves nothing behind.

A host is a process that sleeps in network, host name and mount namespaces of its own; the two are joined by a pair of
virtual network devices. All of it ends with these processes, which end with this one, so that nothing can stay behind.
Needs root.
"""

import csv
import os
import shutil
import signal
import stat
import subprocess
import time
import unittest

import support

NAMES = ("r2gh1", "r2gh2")
NETWORK = "10.78.0."


class Hosts:
    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        table = "127.0.0.1 localhost\n" + "".join(f"{NETWORK}{i + 1} {name}\n" for i, name in enumerate(NAMES))
        self.table = self.write("hosts", table)
        self.hostfile = self.write("hostfile", "".join(f"{name} slots=2\n" for name in NAMES))
        try:
            self.start()
        except (OSError, subprocess.CalledProcessError) as error:
            self.stop()
            support.skip(f"namespaces cannot be made here: {error}")

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def start(self):
        for name in NAMES:
            script = 'hostname "$0" && mount --bind "$1" /etc/hosts && echo ready && exec sleep infinity'
            words = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--uts", "--mount"]
            process = subprocess.Popen([*words, "sh", "-c", script, name, self.table], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            self.processes.append(process)
            if process.stdout.readline() != b"ready\n":
                raise OSError(process.stderr.read().decode().strip() or "unshare failed")
        first, second = (process.pid for process in self.processes)
        words = f"ip link add name eth0 netns {first} type veth peer name eth0 netns {second}"
        subprocess.run(words.split(), check=True, capture_output=True)
        for i in range(len(NAMES)):
            for words in (f"addr add {NETWORK}{i + 1}/24 dev eth0", "link set eth0 up", "link set lo up"):
                self.run_on(i, "ip", *words.split())
        cases = "".join(f"{name}) pid={process.pid};;\n" for name, process in zip(NAMES, self.processes))
        self.agent = self.write("agent", f'#!/bin/sh\nhost=$1\nshift\ncase $host in\n{cases}esac\n'
                                'exec nsenter --target "$pid" --net --uts --mount -- sh -c "$*"\n')
        os.chmod(self.agent, stat.S_IRWXU)

    def enter(self, i):
        return ["nsenter", "--target", str(self.processes[i].pid), "--net", "--uts", "--mount", "--"]

    def run_on(self, i, *words):
        subprocess.run([*self.enter(i), *words], check=True, capture_output=True)

    def environment(self):
        return support.environment(self.folder, OMPI_MCA_plm_rsh_agent=self.agent, OMPI_MCA_mpi_yield_when_idle="1",
                                   OMPI_MCA_btl_tcp_if_include=NETWORK + "0/24",
                                   OMPI_MCA_oob_tcp_if_include=NETWORK + "0/24")

    def stop(self):
        for process in self.processes:
            process.kill()
            process.communicate()


def need_hosts():
    if os.geteuid() != 0:
        support.skip("making hosts out of namespaces needs root")
    for tool in ("ip", "unshare", "nsenter", "setpriv"):
        if shutil.which(tool) is None:
            support.skip(f"there is no program {tool} (packages iproute2, util-linux)")


def make_inputs(folder, scratch):
    support.make_ppm(os.path.join(folder, "raw.ppm"), "tissue", 1500, 3000)
    rgb = support.picture(scratch, "photograph", 1500, 2200, seed=2)
    support.write_png(os.path.join(folder, "ordered.png"), rgb)
    support.make_ppm(os.path.join(folder, "deep.ppm"), "tissue", 900, 1500, bits=16)
    support.make_ppm(os.path.join(folder, "tiny.ppm"), "tissue", 5, 3)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


class TwoHosts(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.base = support.make_folder()
        cls.hosts = Hosts(cls.base)
        cls.addClassCleanup(cls.hosts.stop)
        cls.in_folder = os.path.join(cls.base, "in")
        os.mkdir(cls.in_folder)
        cls.inputs = make_inputs(cls.in_folder, cls.base)
        cls.references = {}
        for form in ("png", "pgm"):
            out = os.path.join(cls.base, "alone-" + form)
            os.mkdir(out)
            result = support.run(support.command(0, "--format", form, "-o", out, *cls.inputs),
                                 support.environment(cls.base))
            if result.code != 0:
                raise AssertionError(str(result))
            cls.references[form] = support.digests(out)

    def setUp(self):
        self.out = os.path.join(self.base, "out", "")
        os.mkdir(self.out)
        self.addCleanup(shutil.rmtree, self.out)

    def cover(self, folder, other):
        """On the second host, `folder` is what `other` is."""
        self.hosts.run_on(1, "mount", "--bind", other, folder)
        self.addCleanup(self.hosts.run_on, 1, "umount", folder)

    def words(self, *arguments):
        """Starts four ranks from the first host, two on each."""
        mpirun = support.command(4, *arguments)
        return [*self.hosts.enter(0), mpirun[0], "--hostfile", self.hosts.hostfile, *mpirun[1:]]

    def convert(self, form):
        """Converts all inputs and compares with the runs without MPI; the plans by input name."""
        words = self.words("--format", form, "--report", "json", "-o", self.out, *self.inputs)
        result = support.run(words, self.hosts.environment())
        self.assertEqual(result.code, 0, result)
        self.assertEqual(support.digests(self.out), self.references[form])
        for report in result.reports():
            self.assertEqual(report["plan"]["host_count"], 2)
            self.assertEqual([place["host"] for place in report["places"]], [NAMES[0]] * 2 + [NAMES[1]] * 2)
        for name in os.listdir(self.out):
            os.remove(os.path.join(self.out, name))
        return {os.path.basename(report["in_path"]): report["plan"] for report in result.reports()}

    def test_input_seen_by_all(self):
        plans = self.convert("pgm")
        self.assertEqual((plans["raw.ppm"]["path"], plans["raw.ppm"]["place"]), ("direct", True))
        self.assertTrue(plans["raw.ppm"]["input_shared"])
        plans = self.convert("png")
        self.assertEqual((plans["raw.ppm"]["path"], plans["raw.ppm"]["place"]), ("direct", True))
        self.assertEqual(plans["ordered.png"]["path"], "scatter")
        self.assertEqual(plans["tiny.ppm"]["path"], "sequential")

    def test_input_seen_by_rank_0_only(self):
        empty = os.path.join(self.base, "empty-in")
        os.mkdir(empty)
        self.cover(self.in_folder, empty)
        for form in ("pgm", "png"):
            plans = self.convert(form)
            self.assertFalse(plans["raw.ppm"]["input_shared"])
            self.assertEqual(plans["raw.ppm"]["path"], "scatter" if form == "png" else "sequential")

    def test_another_file_of_the_same_name_and_size(self):
        other = os.path.join(self.base, "other-in")
        os.mkdir(other)
        for path in self.inputs:
            copy = shutil.copy2(path, other)  # the same size and time; at the end, past what is sampled, other pixels
            with open(copy, "r+b") as file:
                file.seek(-7, os.SEEK_END)
                file.write(b"\0\377\0\377\0\377\0")
            about = os.stat(path)
            os.utime(copy, ns=(about.st_atime_ns, about.st_mtime_ns))
        self.cover(self.in_folder, other)
        plans = self.convert("pgm")
        self.assertFalse(plans["raw.ppm"]["input_shared"])

    def test_output_folder_of_rank_0_only(self):
        empty = os.path.join(self.base, "empty-out")
        os.mkdir(empty)
        self.cover(self.out, empty)
        plans = self.convert("pgm")
        self.assertFalse(plans["raw.ppm"]["output_shared"])
        self.assertFalse(plans["raw.ppm"]["place"])
        self.assertEqual(os.listdir(empty), [])

    def test_started_by_the_program_itself(self):
        words = [*self.hosts.enter(0), support.PROGRAM, "-n", "4", "--hostfile", self.hosts.hostfile, "--format", "png",
                 "-o", self.out, *self.inputs]
        result = support.run(words, self.hosts.environment())
        self.assertEqual(result.code, 0, result)
        self.assertEqual(support.digests(self.out), self.references["png"])

    def test_scaling_is_measured_over_both(self):
        words = [*self.hosts.enter(0), support.PROGRAM, "bench", "scaling", self.inputs[2], "--hostfile",
                 self.hosts.hostfile, "--ranks", "1,2,4", "--repeat", "1", "-o", os.path.join(self.out, "page")]
        result = support.run(words, self.hosts.environment(), 120)
        self.assertEqual(result.code, 0, result)
        with open(os.path.join(self.out, "page", "scaling.csv"), newline="") as file:
            rows = list(csv.DictReader(file))
        for scaling in ("strong", "weak"):
            hosts = {row["ranks"]: row["hosts"] for row in rows if row["scaling"] == scaling}
            self.assertEqual(hosts, {"1": "1", "2": "1", "4": "2"}, rows)

    @unittest.skipUnless(os.environ.get("RGB2GRAY_FAULTS") == "1", "needs a build with RGB2GRAY_FAULTS")
    def test_a_rank_that_cannot_write_leaves_nothing(self):
        """Segments too are written by each rank here: one that cannot, in the middle or at its last write, ends all."""
        big = support.make_ppm(os.path.join(self.base, "big.ppm"), "tissue", 6000, 4000)
        self.addCleanup(os.remove, big)
        for victim in (1, 3):
            result, last = self.with_fault("write:0", victim, big)
            self.assertEqual(result.code, 0, result)
            os.remove(os.path.join(self.out, "big-gray.png"))
            self.assertGreater(last, 2)
            for site in (last // 2 + 1, last):
                with self.subTest(victim=victim, site=site, of=last):
                    self.fail_at(site, victim, big)

    def fail_at(self, site, victim, source):
        """How much a rank writes depends on how fast it is, so a late site is not reached every time."""
        for _ in range(10):
            result, passed = self.with_fault(f"write:{site}", victim, source)
            if result.code == 0 and passed < site:
                os.remove(os.path.join(self.out, "big-gray.png"))
                site = max(passed, 1)
                continue
            self.assertEqual(result.code, 7, result)
            self.assertEqual(os.listdir(self.out), [], result)
            return
        self.fail("the rank never wrote as often as before")

    def with_fault(self, fault, victim, source):
        """The result, and how often the rank came to a write where all went well."""
        log = os.path.join(self.base, "faults")
        env = {"RGB2GRAY_FAULT": fault, "RGB2GRAY_FAULT_RANK": str(victim), "RGB2GRAY_FAULT_LOG": log}
        words = self.words("--format", "png", "-o", self.out, source)
        at = words.index("--hostfile")
        words[at:at] = [word for name in env for word in ("-x", name)]
        result, passed = support.run(words, {**self.hosts.environment(), **env}), 0
        if os.path.exists(log):
            with open(log) as file:
                counts = [line.split() for line in file]
            os.remove(log)
            passed = sum(int(count) for rank, kind, count in counts if (int(rank), kind) == (victim, "write"))
        return result, passed

    def ranks(self, started):
        """The program's processes by rank, once all four run. Those of the second host are no descendants of mpirun."""
        found = {}
        while len(found) < 4 and started.process.poll() is None:
            time.sleep(0.01)
            for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
                words = support.read_proc(pid, "cmdline").split(b"\0")
                if words[0] == support.PROGRAM.encode() and self.out.encode() in words:
                    found[support.rank_of(pid)] = pid
            found.pop(None, None)
        return found

    def wait_for_output(self, started, ranks, form):
        """Until the output is begun and, where all write into it, every rank has it open."""
        writers = [0, 1, 2, 3] if form == "pgm" else [0]
        while started.process.poll() is None and not all(
                any(".part" in name for name in support.open_files(ranks[rank])) for rank in writers):
            time.sleep(0.002)

    def test_killed_rank_leaves_nothing(self):
        """While the work is under way the output has a temporary name, since other hosts must find it. A rank 0 that is
        killed cannot remove it: those that write into it do."""
        big = support.make_ppm(os.path.join(self.base, "big.ppm"), "tissue", 6000, 9000)
        self.addCleanup(os.remove, big)
        for victim, form in ((0, "pgm"), (1, "pgm"), (3, "pgm"), (1, "png"), (2, "png")):
            with self.subTest(victim=victim, format=form):
                words = self.words("--format", form, "-o", self.out, big)
                started = support.Started(words, self.hosts.environment())
                ranks = self.ranks(started)
                self.wait_for_output(started, ranks, form)
                support.kill(ranks[victim], signal.SIGKILL)
                result = started.finish(20)
                time.sleep(0.5)
                self.assertIsNotNone(result.code, f"still running after 20 s: {result}")
                left = os.listdir(self.out)
                for name in left:
                    os.remove(os.path.join(self.out, name))
                if left == ["big-gray." + form]:
                    continue  # the work was done by then
                self.assertNotEqual(result.code, 0, result)
                self.assertEqual(left, [], result)
                self.assertEqual([pid for pid in ranks.values() if support.alive(pid)], [], result)


if __name__ == "__main__":
    support.need_program()
    need_hosts()
    support.main()
