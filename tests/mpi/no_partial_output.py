"""An output appears whole or not at all: however a run ends (killed, stopped by a signal, no room, no input, an input
that changes while it is read), the output's folder then holds a whole and right output or nothing, the exit code says
which, the end comes soon, and nothing temporary stays behind."""

import concurrent.futures
import os
import shutil
import signal
import time
import unittest

import support

MOMENTS = 10
# Runs under way at a time: mpirun mostly sleeps when it ends a run.
AT_ONCE = 3
# How soon a run has ended after SIGTERM or SIGINT, and after a SIGKILL of a part of it, on an idle machine. Each is
# allowed twice over here, since tests share the machine.
STOP_LIMIT_S, KILL_LIMIT_S = 2, 5


class Place:
    """A folder for one run: TMPDIR, and the output's folder in it."""

    def __init__(self):
        self.folder = support.make_folder()
        self.out_folder = os.path.join(self.folder, "out")
        os.mkdir(self.out_folder)
        self.env = support.environment(self.folder)

    def out(self, name):
        return os.path.join(self.out_folder, name)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class NoPartialOutput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = support.make_folder()
        cls.big = support.make_ppm(os.path.join(cls.folder, "big.ppm"), "tissue", 4000, 4500)
        place = Place()
        cls.whole, cls.seconds = {}, {}
        for rank_count in (0, 2):
            out = place.out("whole.png")
            words = support.command(rank_count, cls.big, "--force", "-o", out)
            result = support.run(words, place.env)
            if result.code != 0:
                raise AssertionError(str(result))
            cls.whole["png"] = support.digest(out)
            cls.seconds[rank_count] = result.seconds
        place.remove()

    def check(self, place, result, name="out.png", right=None, code=None):
        """After a run: a whole and right output, or none and an exit code that says so; at most one line. `code`: the
        exit code expected, None for any. True if there is an output."""
        right = right or {self.whole["png"]}
        self.assertIsNotNone(result.code, f"had to be ended: {result}")
        found = os.listdir(place.out_folder)
        self.assertIn(found, ([], [name]), result)
        if found:
            self.assertIn(support.digest(place.out(name)), right, result)
        else:
            self.assertNotEqual(result.code, 0, result)
        if code is not None:
            self.assertEqual(result.code, code, result)
        self.assertLessEqual(len(result.error_lines()), 1, result)
        self.assertEqual(support.program_rubbish(place.folder, place.out_folder), [], result)
        return bool(found)

    # ---- ended from outside ----

    def wait_until_reading(self, started, rank):
        """Until the rank has opened the input. A rank that is killed earlier, while it and mpirun make contact, makes
        Open MPI 4.1's mpirun wait for ever; nothing here can change that."""
        while started.process.poll() is None:
            pid = support.ranks_under(started.process.pid).get(rank)
            if pid is not None and self.big in support.open_files(pid):
                return
            time.sleep(0.002)

    def interrupt(self, rank_count, delay_s, victim, number):
        """Starts a run, and after delay_s sends a signal to the run ("all") or to one rank. Returns the place, the
        result, and what is wrong with the run's end, or None."""
        place = Place()
        # What a rank says goes straight to a file: mpirun loses what it has not yet passed on when it ends.
        said = os.path.join(place.folder, "said")
        wrapper = ("sh", "-c", 'exec "$@" 2>> "$0"', said)
        words = support.command(rank_count, self.big, "-o", place.out("out.png"), wrapper=wrapper)
        started = support.Started(words, place.env)
        if victim != "all":
            self.wait_until_reading(started, victim)
        time.sleep(delay_s)
        ranks = support.ranks_under(started.process.pid)
        everyone = [started.process.pid, *support.descendants(started.process.pid)]
        begun = self.big in support.open_files(ranks.get(0, started.process.pid))
        if victim == "all":
            support.kill(started.process.pid, number)
        elif victim in ranks:
            support.kill(ranks[victim], number)
        sent = time.monotonic()
        result = started.finish(20)
        limit_s = 2 * (KILL_LIMIT_S if number == signal.SIGKILL else STOP_LIMIT_S)
        while any(map(support.alive, everyone)) and time.monotonic() < sent + 20:
            time.sleep(0.01)
        taken_s = time.monotonic() - sent
        for pid in filter(support.alive, everyone):
            support.kill(pid, signal.SIGKILL)
        if os.path.exists(said):
            with open(said) as file:
                result.err += file.read()
        result.begun = begun  # the program was there, and at work, when the signal came
        wrong = f"ended {taken_s:.1f} s after the signal" if taken_s > limit_s else None
        return place, result, wrong

    def spread(self, rank_count, victim, number, least=MOMENTS // 2):
        """Interrupts at moments over the whole run; the results of the runs that made no output. Where the machine has
        become so much faster that fewer than `least` were interrupted, once more with earlier moments."""
        seconds = self.seconds[rank_count]
        for _ in range(3):
            failed = []
            delays_s = [seconds * (i + 0.5) / MOMENTS for i in range(MOMENTS)]
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                ends = list(pool.map(lambda delay_s: self.interrupt(rank_count, delay_s, victim, number), delays_s))
            for delay_s, (place, result, wrong) in zip(delays_s, ends):
                with self.subTest(ranks=rank_count, victim=victim, signal=number.name, delay_s=round(delay_s, 3)):
                    self.assertIsNone(wrong, result)
                    if not self.check(place, result):
                        failed.append(result)
                place.remove()
            if len(failed) >= least:
                return failed
            seconds /= 2
        self.fail("the runs were over before they could be interrupted")

    def check_spoken(self, failed):
        """A program that was at work says one line when it is asked to stop."""
        begun = [result for result in failed if result.begun]
        self.assertGreater(len(begun), 0)
        for result in begun:
            self.assertEqual(len(result.error_lines()), 1, result)

    def test_alone_sigkill(self):
        for result in self.spread(0, "all", signal.SIGKILL):
            self.assertEqual(result.code, -signal.SIGKILL, result)

    def test_alone_sigterm(self):
        failed = self.spread(0, "all", signal.SIGTERM)
        for result in failed:
            self.assertEqual(result.code, -signal.SIGTERM, result)
        self.check_spoken(failed)

    def test_alone_sigint(self):
        failed = self.spread(0, "all", signal.SIGINT)
        for result in failed:
            self.assertEqual(result.code, -signal.SIGINT, result)
        self.check_spoken(failed)

    def test_rank_0_sigkill(self):
        self.spread(2, 0, signal.SIGKILL)

    def test_rank_1_sigkill(self):
        self.spread(2, 1, signal.SIGKILL)

    def test_mpirun_sigkill(self):
        self.spread(2, "all", signal.SIGKILL)

    def test_rank_0_sigterm(self):
        self.check_spoken(self.spread(2, 0, signal.SIGTERM))

    # mpirun waits a second between hearing the signal and passing it on, so that many runs come to their good end; and
    # a rank may lose touch with mpirun, and be ended by that, before it has heard anything.

    def test_mpirun_sigterm(self):
        self.spread(2, "all", signal.SIGTERM, least=1)

    def test_mpirun_sigint(self):
        self.spread(2, "all", signal.SIGINT, least=1)

    # ---- no room, no folder, no leave ----

    def convert(self, rank_count, place, *arguments, prefix=(), **popen):
        return support.run([*prefix, *support.command(rank_count, *arguments)], place.env, **popen)

    def test_full_disk(self):
        script = ('mount -t tmpfs -o size=1m none "$0" || exit 99; "$@"; code=$?; '
                  'ls -A "$0" | sed "s/^/left: /"; exit $code')
        for rank_count in (0, 2):
            for name in ("out.png", "out.pgm"):
                with self.subTest(ranks=rank_count, name=name):
                    place = Place()
                    self.addCleanup(place.remove)
                    prefix = ("unshare", "--mount", "sh", "-c", script, place.out_folder)
                    result = self.convert(rank_count, place, self.big, "-o", place.out(name), prefix=prefix)
                    if os.geteuid() != 0 or result.code in (1, 99) and not result.error_lines():
                        self.skipTest("a small file system cannot be mounted here")
                    self.assertNotIn("left:", result.out)
                    self.assertEqual(len(result.error_lines()), 1, result)
                    self.check(place, result, code=support.EOUTPUT)

    def test_full_standard_output(self):
        place = Place()
        self.addCleanup(place.remove)
        with open("/dev/full", "wb") as full:
            result = self.convert(0, place, self.big, "--format", "png", "-o", "-", stdout=full)
        self.assertEqual(len(result.error_lines()), 1, result)
        self.check(place, result, code=support.EOUTPUT)

    def test_output_folder_missing(self):
        for rank_count in (0, 2):
            with self.subTest(ranks=rank_count):
                place = Place()
                self.addCleanup(place.remove)
                result = self.convert(rank_count, place, self.big, "-o", place.out("no/such/out.png"))
                self.assertEqual(len(result.error_lines()), 1, result)
                self.check(place, result, code=support.EOUTPUT)

    def test_output_exists(self):
        for rank_count in (0, 2):
            with self.subTest(ranks=rank_count):
                place = Place()
                self.addCleanup(place.remove)
                with open(place.out("out.png"), "w") as file:
                    file.write("precious")
                before = support.digest(place.out("out.png"))
                result = self.convert(rank_count, place, self.big, "-o", place.out("out.png"))
                self.assertEqual(len(result.error_lines()), 1, result)
                self.check(place, result, right={before}, code=support.EEXISTS)
                result = self.convert(rank_count, place, self.big, "-o", place.out("out.png"), "--force")
                self.check(place, result, code=support.OK)

    def test_replaced_output_is_the_old_or_the_new_one(self):
        """With --force and a kill, the old output stays until the new one is whole."""
        for i in range(3):
            with self.subTest(moment=i):
                place = Place()
                self.addCleanup(place.remove)
                with open(place.out("out.png"), "w") as file:
                    file.write("old")
                old = support.digest(place.out("out.png"))
                words = support.command(2, self.big, "--force", "-o", place.out("out.png"))
                started = support.Started(words, place.env)
                for rank in (0, 1):
                    self.wait_until_reading(started, rank)
                time.sleep(self.seconds[2] * 0.2 * i)
                for pid in support.ranks_under(started.process.pid).values():
                    support.kill(pid, signal.SIGKILL)
                self.assertTrue(self.check(place, started.finish(20), right={old, self.whole["png"]}))

    # ---- inputs ----

    def test_unreadable_input(self):
        broken = os.path.join(self.folder, "broken.ppm")
        with open(self.big, "rb") as source, open(broken, "wb") as copy:
            copy.write(source.read(5000000))
        for rank_count in (0, 2):
            for path, code in ((os.path.join(self.folder, "none.ppm"), support.EINPUT), (self.folder, support.EINPUT),
                               (broken, support.ECORRUPT)):
                with self.subTest(ranks=rank_count, path=os.path.basename(path)):
                    place = Place()
                    self.addCleanup(place.remove)
                    result = self.convert(rank_count, place, path, "-o", place.out("out.png"))
                    self.assertEqual(len(result.error_lines()), 1, result)
                    self.assertIn(os.path.basename(path), result.error_lines()[0])
                    self.check(place, result, code=code)

    def test_input_without_leave(self):
        place = Place()
        self.addCleanup(place.remove)
        secret = shutil.copy(self.big, os.path.join(place.folder, "secret.ppm"))
        os.chmod(secret, 0)
        prefix = ()
        if os.geteuid() == 0:  # root reads everything
            prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
            for folder in (place.folder, place.out_folder):
                os.chown(folder, 65534, 65534)
            if shutil.which("setpriv") is None:
                self.skipTest("there is no program setpriv")
            if support.run([*prefix, support.PROGRAM, "--help"], place.env).code != 0:
                self.skipTest("the program cannot be run as another user here")
        result = self.convert(0, place, secret, "-o", place.out("out.png"), prefix=prefix)
        self.assertEqual(len(result.error_lines()), 1, result)
        self.check(place, result, code=support.EINPUT)

    def change_input(self, rank_count, path, delay_s, change, right):
        """Converts `path` while `change` happens to it after delay_s; right: the outputs that are allowed."""
        place = Place()
        self.addCleanup(place.remove)
        started = support.Started(support.command(rank_count, path, "-o", place.out("out.png")), place.env)
        time.sleep(delay_s)
        change()
        result = started.finish(20)
        if not self.check(place, result, right=right):
            self.assertEqual(len(result.error_lines()), 1, result)
            self.assertIn(result.code, (support.EINPUT, support.ECORRUPT), result)
        place.remove()

    def test_input_changes_while_it_is_read(self):
        """Cut short, deleted, or another file put in its place: an error or the output of one of the two files, never a
        mixture."""
        other = support.make_ppm(os.path.join(self.folder, "other.ppm"), "photograph", 4000, 4500)
        place = Place()
        result = self.convert(0, place, other, "-o", place.out("out.png"))
        self.assertEqual(result.code, 0, result)
        right = {self.whole["png"], support.digest(place.out("out.png"))}
        place.remove()
        path, spare = os.path.join(self.folder, "changing.ppm"), os.path.join(self.folder, "spare.ppm")
        changes = {
            "cut": lambda: os.truncate(path, os.path.getsize(path) // 2),
            "deleted": lambda: os.remove(path),
            "replaced": lambda: os.rename(spare, path),
        }
        for rank_count in (0, 2):
            for name, change in changes.items():
                for part in (0.05, 0.15, 0.4):
                    with self.subTest(ranks=rank_count, change=name, part=part):
                        shutil.copyfile(self.big, path)
                        os.link(other, spare)
                        self.change_input(rank_count, path, self.seconds[rank_count] * part, change, right)
                        for used in (path, spare):
                            if os.path.exists(used):
                                os.remove(used)

    def test_cut_png_while_it_is_read(self):
        path = os.path.join(self.folder, "whole.png")
        if not os.path.exists(path):
            support.write_png(path, support.read_ppm(self.big))
        for rank_count in (0, 2):
            for part in (0.1, 0.3, 0.6):
                with self.subTest(ranks=rank_count, part=part):
                    changing = shutil.copyfile(path, os.path.join(self.folder, "changing.png"))
                    self.change_input(rank_count, changing, self.seconds[rank_count] * part,
                                      lambda: os.truncate(changing, os.path.getsize(changing) // 2), None)


if __name__ == "__main__":
    support.need_program()
    support.main()
