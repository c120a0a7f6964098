"""The job scripts of scripts/slurm in a real Slurm: a batch over three nodes, by srun and by mpirun; an array of parts; a
job that ends in order before its time limit and goes on by itself, but not for ever; and lost nodes. In the end there are
always the very files of a plain run, and nothing was converted twice.

Hosts are namespaces (see tests/gateway/cluster.py), so this needs root. What waits for Slurm's own clocks (its look at time
limits, every 30 s; a node that does not answer) runs on nodes of its own meanwhile.
"""

import concurrent.futures
import csv
import glob
import os
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gateway"))
import cluster  # noqa: E402

cluster.enter((*cluster.SLURM, "srun", "mpirun"), seconds=280)

import support  # noqa: E402

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "slurm")
SLOW, FAST = 18, 12  # images; the slow ones take a tenth of a second and more
LIMIT_S = 120


def count_lines(folder, names="rank-*.jsonl"):
    """Images done, as the journal tells."""
    found = 0
    for path in glob.glob(os.path.join(folder, ".rgb2gray", "**", names), recursive=True):
        with open(path, encoding="utf-8") as file:
            found += file.read().count('"outcome":"done"')
    return found


def network_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return None


class Job:
    """A job of one of the scripts. Words that begin with a capital and have a '=' are environment."""

    def __init__(self, test, name, script, *words, sbatch=(), **env):
        self.slurm, self.log = test.slurm, os.path.join(test.folder, name + ".log")
        self.out = os.path.join(test.folder, name)
        self.env = dict(test.env, **env)
        command = ["sbatch", "--parsable", "--job-name=" + name, "--output=" + self.log, "--time=2", *sbatch,
                   os.path.join(SCRIPTS, script), *words]
        self.number = cluster.run(*command, env=self.env).strip().split(";")[0]

    def about(self, key):
        """A field of each of its entries, one for each task of an array."""
        return re.findall(rf"\b{key}=(\S+)", self.slurm.ask("scontrol", "show", "job", self.number))

    def wait(self, *states, seconds=LIMIT_S):
        def there():
            return all(state in states for state in self.about("JobState"))
        try:
            cluster.wait_until(there, f"job {self.number} does not become {states}", seconds)
        except RuntimeError as error:
            raise AssertionError(f"{error}: {self.about('JobState')}\n{self.text()}") from error

    def end(self, state, code, seconds=LIMIT_S):
        self.wait("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", seconds=seconds)
        if set(self.about("JobState")) != {state} or set(self.about("ExitCode")) != {code}:
            raise AssertionError(f"job {self.number} is not {state} with {code}: {self.about('JobState')} "
                                 f"{self.about('ExitCode')}\n{self.text()}")

    def start_now(self, *more):
        """Slurm holds a job that is queued again until its nodes cannot take it for the ended run any more, which they
        tell by the second."""
        time.sleep(1.5)
        self.slurm.ask("scontrol", "update", "JobId=" + self.number, "StartTime=now", *more)

    def text(self):
        texts = []
        for path in glob.glob(self.log.replace("%a", "*")):
            with open(path, encoding="utf-8", errors="replace") as file:
                texts.append(file.read())
        return "".join(texts)

    def summaries(self):
        """Those of its runs (of --report json), in order."""
        result = support.Result([], 0, self.text().encode(), b"", 0)
        return [report for report in result.reports() if report["event"] == "summary"]

    def processes(self, host=None):
        """The ranks of this job, on one host or all."""
        found = []
        for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
            words = support.read_proc(pid, "cmdline")  # '-o OUT' or '--output=OUT'
            if support.read_proc(pid, "comm").strip() == b"rgb2gray-mpi" and self.out.encode() + b"\0" in words:
                if not host or network_of(pid) == network_of(self.slurm.holders[host].pid):
                    found.append(pid)
        return found

    def signal(self, pids, number):
        for pid in pids:
            support.kill(pid, number)
        return pids

    def meet(self, least=2, host=None):
        """Stops the ranks (of one host, or all) in the middle of the work; they are returned."""
        cluster.wait_until(lambda: count_lines(self.out) >= least, f"no work is done: {self.text()}", LIMIT_S)
        pids = self.signal(self.processes(host), signal.SIGSTOP)
        if not pids or count_lines(self.out) >= SLOW + FAST:
            raise AssertionError(f"too late to meet {self.out}: {pids} {self.text()}")
        return pids

    def made(self):
        """Outputs that are done, each with what would change if it were made again."""
        found = {}
        for path in glob.glob(os.path.join(self.out, "*.png")):
            about = os.stat(path)
            found[path] = (about.st_ino, about.st_mtime_ns)
        return found


class SlurmBatch(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.slurm = cluster.Slurm(7)
        cls.folder = cls.slurm.folder
        nodes = cls.slurm.names
        cls.first, cls.limit_nodes, cls.lost_nodes = nodes[:3], nodes[3:5], nodes[5:]
        network = cluster.SUBNET + "0/24"
        temporary = os.path.join(cls.folder, "temporary")
        os.mkdir(temporary)
        cls.env = support.environment(temporary, SLURM_CONF=cls.slurm.conf, RGB2GRAY=support.PROGRAM,
                                      OMPI_MCA_btl_tcp_if_include=network, OMPI_MCA_oob_tcp_if_include=network,
                                      OMPI_MCA_mpi_yield_when_idle="1")
        cls.inputs = os.path.join(cls.folder, "in")
        os.mkdir(cls.inputs)
        for i in range(SLOW + FAST):
            side = 620 + i if i < SLOW else 30 + i
            support.make_ppm(os.path.join(cls.inputs, f"{i}.ppm"), "noise", side, side, seed=i)
        plain = os.path.join(cls.folder, "plain")
        result = support.run(support.command(0, *cls.words(plain)), cls.env)
        assert result.code == 0, result
        cls.expected = cls.digests(plain)
        assert len(cls.expected) == SLOW + FAST
        cls.threads = concurrent.futures.ThreadPoolExecutor(2)
        cls.in_time = cls.threads.submit(cls.time_limit)
        cls.node_lost = cls.threads.submit(cls.lose_node)

    @classmethod
    def tearDownClass(cls):
        cls.threads.shutdown()

    @classmethod
    def words(cls, out):
        return ["batch", cls.inputs, "-o", out, "--compression", "small"]

    @classmethod
    def submit(cls, name, script, *more, nodes=None, tasks=None, sbatch=(), **env):
        nodes = nodes or cls.first
        place = [f"--nodelist={','.join(nodes)}", f"--nodes={len(nodes)}", f"--ntasks={len(nodes)}"]
        return Job(cls, name, script, cls.inputs, os.path.join(cls.folder, name), "--compression", "small", *more,
                   sbatch=[*(place if tasks is None else [f"--ntasks={tasks}"]), *sbatch], **env)

    @staticmethod
    def digests(folder):
        return {name: support.digest(os.path.join(folder, name)) for name in os.listdir(folder) if name[0] != "."}

    @classmethod
    def verify(cls, job, done):
        """All outputs are there and right; its runs together have done `done`."""
        found = cls.digests(job.out)
        assert found == cls.expected, (sorted(set(found) ^ set(cls.expected)), job.text())
        summaries = job.summaries()
        assert sum(summary["done"] for summary in summaries) == done, (done, job.text())
        assert not any(summary["failed"] for summary in summaries), job.text()
        return summaries

    # ---- on nodes of their own, in threads ----

    @classmethod
    def time_limit(cls):
        """Slurm itself tells the job, as it says in its script. The ranks wait for that, so that it always comes in the
        middle."""
        stats = os.path.join(cls.folder, "limit.csv")
        job = cls.submit("limit", "requeue.sbatch", "--report", "json", "--stats", stats, nodes=cls.limit_nodes,
                         sbatch=["--time=1", "--signal=B:TERM@59"])
        pids = job.meet()
        before = job.made()
        cluster.wait_until(lambda: "told to end" in job.text(), "Slurm does not tell of the time limit", 75)
        time.sleep(0.5)  # by now the ranks have been told
        job.signal(pids, signal.SIGCONT)
        job.wait("PENDING")
        began = time.monotonic()
        stopped = job.made()
        assert before.items() <= stopped.items() and len(stopped) < len(cls.expected), (before, stopped)
        job.start_now()
        job.end("COMPLETED", "0:0")
        seconds = time.monotonic() - began
        assert job.about("Restarts") == ["1"], job.about("Restarts")
        summaries = cls.verify(job, len(cls.expected))
        assert [summary["stopped"] for summary in summaries] == [True, False], summaries
        assert stopped.items() <= job.made().items(), "what was done was made again"
        with open(stats, newline="", encoding="utf-8") as file:
            rows = [row["output"] for row in csv.DictReader(file)]
        assert sorted(rows) == sorted(cls.expected), rows
        assert job.text().count("queued again") == 1, job.text()
        return seconds

    @classmethod
    def lose_node(cls):
        """A node is cut off. Slurm notices, and runs the job anew on others; a rank that lives on there does no harm."""
        near, far = cls.lost_nodes
        job = cls.submit("cut", "batch.sbatch", "--report", "json", nodes=[near, far], tasks=2,
                         sbatch=["--nodes=2", f"--exclude={','.join(cls.first + cls.limit_nodes)}"])
        pids = job.meet(host=far)
        cls.slurm.cut(far)
        cluster.wait_until(lambda: job.about("Restarts") == ["1"], "the job is not run anew", 90)
        job.start_now("ExcNodeList=" + far)
        known = count_lines(job.out)
        job.signal(pids, signal.SIGCONT)
        job.end("COMPLETED", "0:0")
        summaries = job.summaries()
        assert len(summaries) == 1 and 0 < known <= summaries[0]["skipped"], (known, job.text())
        cls.verify(job, len(cls.expected) - summaries[0]["skipped"])
        job.signal(pids, signal.SIGKILL)
        cls.slurm.mend(far)

    # ---- the tests ----

    def test_1_wrong_use(self):
        """One line, exit code 2, and nothing is made."""
        out = os.path.join(self.folder, "never")
        env = {name: value for name, value in self.env.items() if name != "RGB2GRAY"}
        job = dict(SLURM_JOB_ID="1")
        task = dict(job, SLURM_ARRAY_TASK_ID="2", SLURM_ARRAY_TASK_MIN="1", SLURM_ARRAY_TASK_MAX="2",
                    SLURM_ARRAY_TASK_COUNT="2")
        every = (((), {}, "usage: sbatch"), ((self.inputs,), {}, "usage: sbatch"),
                 (("--method", "bt709", self.inputs, out), {}, "usage: sbatch"),
                 ((self.inputs + "x", out), {}, "there is no input"), (("@" + out, out), {}, "there is no input"),
                 ((self.inputs + "/*.tif", out), {}, "there is no input"), ((self.inputs, out), {}, "this is a job script"),
                 ((self.inputs, out), dict(task, RGB2GRAY="/no/rgb2gray"), "no program /no/rgb2gray"),
                 ((self.inputs, out), dict(task, RGB2GRAY=support.PROGRAM, LAUNCH="ssh"), "LAUNCH is srun or mpirun"))
        array = (((self.inputs, out), job, "job arrays"),
                 ((self.inputs, out), dict(task, SLURM_ARRAY_TASK_MIN="2"), "must be 1-N"),
                 ((self.inputs, out), dict(task, SLURM_ARRAY_TASK_MAX="3"), "must be 1-N"),
                 ((self.inputs, out), dict(task, PARTS="1"), "none of the 1 parts"),
                 ((self.inputs, out), dict(task, PARTS="many"), "not 'many'"),
                 ((self.inputs, out, "--stats", "run.csv"), task, "put {part} into run.csv"),
                 ((self.inputs, out, "--manifest=all"), task, "put {part} into all"))
        requeue = (((self.inputs, out), dict(job, RESTARTS="-1"), "not '-1'"),)
        for script, more in (("batch", ()), ("array", array), ("requeue", requeue)):
            for words, extra, text in (*every, *more):
                with self.subTest(script=script, words=words, env=extra):
                    done = subprocess.run([os.path.join(SCRIPTS, script + ".sbatch"), *words], env={**env, **extra},
                                          capture_output=True, text=True, check=False)
                    self.assertEqual((done.returncode, done.stdout), (2, ""), done)
                    self.assertTrue(done.stderr.startswith(script + ".sbatch: ") and text in done.stderr, done.stderr)
                    self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertFalse(os.path.exists(out))

    def test_2_batch_on_three_nodes(self):
        for launch in ("srun", "mpirun"):
            with self.subTest(launch=launch):
                job = self.submit("batch-" + launch, "batch.sbatch", "--report", "json", LAUNCH=launch)
                job.end("COMPLETED", "0:0")
                summary, = self.verify(job, len(self.expected))
                self.assertEqual([rank["host"] for rank in summary["ranks"]], self.first)
        job = self.submit("batch-srun", "batch.sbatch", "--quiet")
        job.end("FAILED", "8:0")
        self.assertIn("--resume goes on with it", job.text())

    def test_3_array_of_parts(self):
        log = os.path.join(self.folder, "array-%a.log")
        place = [f"--exclude={','.join(self.limit_nodes + self.lost_nodes)}", "--output=" + log]
        files = ("--stats", os.path.join(self.folder, "part-{part}.csv"), "--manifest",
                 os.path.join(self.folder, "part-{part}.sha256"), "--report", "json")
        job = self.submit("array", "array.sbatch", *files, tasks=1, sbatch=[*place, "--array=1-3"])
        job.log = log
        job.end("COMPLETED", "0:0")
        summaries = self.verify(job, len(self.expected))
        self.assertEqual(len(summaries), 3)
        self.assertTrue(all(0 < summary["found"] < len(self.expected) for summary in summaries), summaries)
        # as array.sbatch says
        join = ("{ head -n 1 part-1-of-3.csv; tail -q -n +2 part-*-of-3.csv; } > all.csv && "
                "sort -k 2 part-*-of-3.sha256 > all.sha256 && cd array && sha256sum --check --quiet ../all.sha256")
        cluster.run("bash", "-c", f"cd '{self.folder}' && {join}")
        with open(os.path.join(self.folder, "all.csv"), newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(sorted((row["output"], row["sha256"]) for row in rows), sorted(self.expected.items()))
        before = job.made()
        again = self.submit("array", "array.sbatch", *files, "--resume", tasks=1, PARTS="3",
                            sbatch=[*place, "--output=" + self.folder + "/again.log", "--array=2"])
        again.log = os.path.join(self.folder, "again.log")
        again.end("COMPLETED", "0:0")
        self.assertEqual([summary["done"] for summary in again.summaries()], [0], again.text())
        self.assertEqual(job.made(), before)

    def test_4_told_to_end(self):
        """Under mpirun, whose way to the other nodes must outlive the signal; then no more restarts are allowed."""
        job = self.submit("told", "requeue.sbatch", "--report", "json", LAUNCH="mpirun", RESTARTS="1")
        pids = job.meet()
        cluster.run("scancel", "--batch", "--signal=TERM", job.number, env=self.env)
        job.signal(pids, signal.SIGCONT)
        job.wait("PENDING")
        self.assertIn("stopped after", job.text())
        self.assertNotIn("stopped before", job.text())
        stopped = job.made()
        job.start_now()
        pids = job.meet(least=1 + count_lines(job.out, "*.jsonl"))
        cluster.run("scancel", "--batch", "--signal=TERM", job.number, env=self.env)
        job.signal(pids, signal.SIGCONT)
        job.end("FAILED", "14:0")
        self.assertIn("not queued again: that was done RESTARTS=1 times", job.text())
        job = self.submit("told", "requeue.sbatch", "--report", "json")
        job.end("COMPLETED", "0:0")
        self.verify(job, len(self.expected))  # the log has all three runs
        self.assertLessEqual(stopped.items(), job.made().items())

    def test_5_no_progress(self):
        """One image that takes longer than there is time is not begun again and again."""
        folder, out = os.path.join(self.folder, "large"), os.path.join(self.folder, "large-out")
        os.mkdir(folder)
        support.make_ppm(os.path.join(folder, "large.ppm"), "noise", 5000, 5000)
        job = Job(self, "large-out", "requeue.sbatch", folder, out, "--compression", "small",
                  sbatch=["--ntasks=1", f"--nodelist={self.first[0]}"])
        cluster.wait_until(lambda: os.path.exists(os.path.join(out, ".rgb2gray", "rank-0.jsonl")), "it does not begin", 30)
        time.sleep(0.2)
        cluster.run("scancel", "--batch", "--signal=TERM", job.number, env=self.env)
        job.end("FAILED", "14:0")
        self.assertIn("not one image was finished", job.text())
        self.assertEqual(os.listdir(out), [".rgb2gray"])

    def test_6_node_killed(self):
        """Its slurmd and all that ran there: under mpirun the job ends with the reason, and goes on when asked."""
        far = self.first[1]
        job = self.submit("killed", "batch.sbatch", "--report", "json", LAUNCH="mpirun")
        pids = job.meet(host=far)
        self.slurm.kill_node(far)
        for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
            if support.read_proc(pid, "comm").strip() in (b"orted", b"slurmstepd"):
                if network_of(pid) == network_of(self.slurm.holders[far].pid):
                    support.kill(pid, signal.SIGKILL)
        job.signal(pids, signal.SIGKILL)
        job.end("FAILED", "10:0")
        self.assertRegex(job.text(), rf"rgb2gray: .*{far}.*--resume goes on")
        self.slurm.start_node(far)
        known = count_lines(job.out)
        job = self.submit("killed", "batch.sbatch", "--resume", "--report", "json")
        job.end("COMPLETED", "0:0")
        summary, = self.verify(job, len(self.expected) - known)
        self.assertEqual(summary["skipped"], known)

    def test_7_node_cut_off(self):
        self.node_lost.result()

    def test_8_time_limit(self):
        seconds = self.in_time.result()
        print(f"ended {seconds:.1f} s after it was queued again")


if __name__ == "__main__":
    support.need_program()
    support.main()
