"""Running commands and measuring them, in turn."""
import os
import signal
import statistics
import subprocess

from contenders import PYTHON
from pictures import EXTENSIONS, BenchError

HERE = os.path.dirname(os.path.abspath(__file__))
TIME_LIMIT_S = 1800
SLOW_S, SLOW_RUNS = 5, 3  # a contender that took longer when it was checked is timed less often,
SLOW_TIMES = 4            # and not again where it also took so many times as long as the fastest


class Run:
    """One measured run of a command."""

    def __init__(self, fields, error, reported_s=None):
        wall, user, system, resident, self.code = fields
        self.wall_s = wall / 1e9
        self.cpu_s = (user + system) / 1e9
        self.resident_nbytes = resident * 1024
        self.error = error
        self.reported_s = reported_s  # the conversion alone, as the program tells


def end(process, number):
    """Ends a process and all it has started by a signal; it may have ended by itself just now."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
    process.wait()


class Runner:
    """Runs commands in a scratch folder through the small program timed.c."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.timed = os.path.join(scratch, "timed")
        self.count = 0
        compiler = os.environ.get("CC", "cc")
        try:
            done = subprocess.run([compiler, "-O2", "-D_GNU_SOURCE", "-o", self.timed, os.path.join(HERE, "timed.c")],
                                  capture_output=True, check=False)
        except FileNotFoundError:
            raise BenchError(f"there is no C compiler ({compiler})") from None
        if done.returncode != 0:
            raise BenchError(f"timed.c does not compile: {done.stderr.decode('utf-8', 'replace')}")

    def new_name(self, extension):
        """A name that was never used: writing over an existing file can wait for its old pages to reach the disk."""
        self.count += 1
        return os.path.join(self.scratch, f"{self.count}.{extension}")

    def run(self, command):
        result, printed = os.path.join(self.scratch, "result"), os.path.join(self.scratch, "printed")
        errors = os.path.join(self.scratch, "errors")
        with open(errors, "wb") as file:
            process = subprocess.Popen([self.timed, result, printed, *command], stdin=subprocess.DEVNULL, stderr=file,
                                       cwd=self.scratch, start_new_session=True)
            try:
                code = process.wait(TIME_LIMIT_S)
            except subprocess.TimeoutExpired:
                code = None
            except BaseException:
                end(process, signal.SIGTERM)
                raise
            if code is None:
                end(process, signal.SIGKILL)
                return Run((TIME_LIMIT_S * 1e9, 0, 0, 0, 124), f"stopped after {TIME_LIMIT_S} s")
        with open(errors, "rb") as file:
            error = file.read(4000).decode("utf-8", "replace").replace(self.scratch + "/", "").strip()
        if code != 0:
            return Run((0, 0, 0, 0, 127), error)
        with open(result, encoding="ascii") as file:
            fields = [int(word) for word in file.read().split()]
        return Run(fields, error)

    def convert(self, contender, path, source, target):
        """Runs a contender; the time that it tells itself is taken too."""
        run = self.run(contender.command(path, source, target))
        if run.code == 0 and not os.path.exists(target):
            run.code, run.error = 1, run.error or "no output"
        if run.code == 0:
            with open(os.path.join(self.scratch, "printed"), "rb") as file:
                run.reported_s = contender.own_time(file.read())
        return run


class Summary:
    """Several runs of one contender, each with the run of the same command on a tiny picture that went before it."""

    def __init__(self, runs, startups=()):
        pairs = list(zip(runs, startups))
        self.startup_s = statistics.median(tiny.wall_s for _, tiny in pairs) if pairs else None
        self.rest_s = statistics.median(run.wall_s - tiny.wall_s for run, tiny in pairs) if pairs else None
        walls = [run.wall_s for run in runs]
        self.runs = len(runs)
        self.median_s, self.min_s, self.max_s = statistics.median(walls), min(walls), max(walls)
        self.cpu_s = statistics.median(run.cpu_s for run in runs)
        self.resident_nbytes = max(run.resident_nbytes for run in runs)
        reported = [run.reported_s for run in runs if run.reported_s is not None]
        self.reported_s = statistics.median(reported) if reported else None


def runs_for(checked, fastest_s, wanted):
    """How often to time a contender, from its checking run; 0: that run has told enough."""
    if checked.wall_s <= SLOW_S:
        return wanted
    return 0 if checked.wall_s > SLOW_TIMES * fastest_s else min(wanted, SLOW_RUNS)


def in_turn(runner, path, source, tiny, counts, say):
    """Times the contenders of `counts` (contender: number of runs) A B C A B C, each round beginning one further on.

    Each run comes right after one on the picture `tiny` (None: there is none), which tells the start-up under the same
    conditions. Returns (contender: Summary, contender: text of a failure).
    """
    order, failed = list(counts), {}
    runs, startups = {contender: [] for contender in counts}, {contender: [] for contender in counts}
    for number in range(max(counts.values(), default=0)):
        say(f"round {number + 1} of {max(counts.values())}")
        first = number % len(order)
        for contender in order[first:] + order[:first]:
            if number >= counts[contender] or contender in failed:
                continue
            for picture, list_ in ((tiny, startups), (source, runs)):
                if picture is None:
                    continue
                target = runner.new_name(EXTENSIONS[path.target])
                run = runner.convert(contender, path, picture, target)
                if os.path.exists(target):
                    os.remove(target)
                if run.code == 0:
                    list_[contender].append(run)
                else:
                    failed[contender] = run.error or f"exit status {run.code}"
    return {contender: Summary(list_, startups[contender]) for contender, list_ in runs.items()
            if list_ and contender not in failed}, failed


def import_times(runner, contenders, count):
    """Median seconds that Python takes to start and import the module of each Python peer, in turn."""
    times = {one.module: [] for one in contenders if one.module}
    times["nothing"] = []
    for _ in range(count):
        for module, list_ in times.items():
            run = runner.run([PYTHON, "-c", f"import {module}" if module != "nothing" else "pass"])
            if run.code == 0:
                list_.append(run.wall_s)
    return {module: statistics.median(list_) for module, list_ in times.items() if list_}
