"""Every way from format to format under valgrind: no invalid access, no use of undefined bytes, no leak of its own.

Two row blocks and a rest, so that blocks meet; alone for each pair of formats, and over two ranks for each path. The
sanitizers do not see undefined bytes, nor inside the libraries; this does.
"""
import os
import shutil
import unittest

import support

SUPPRESSIONS = (os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "valgrind.supp"),
                "/usr/share/openmpi/openmpi-valgrind.supp")
FOUND = 99


def valgrind(log):
    return ["valgrind", "-q", "--keep-debuginfo=yes", "--leak-check=full", "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite", f"--error-exitcode={FOUND}", f"--log-file={log}.%p",
            *(f"--suppressions={path}" for path in SUPPRESSIONS if os.path.exists(path))]


class ValgrindClean(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = support.make_folder()
        make = lambda name, *words: support.make_ppm(os.path.join(cls.folder, name), *words)
        ppm = make("in.ppm", "photograph", 1100, 1100)
        cls.inputs = {"ppm": ppm}
        for name, words in (("none.png", ("vips", "copy", ppm, "OUT[filter=none]")),
                            ("paeth.png", ("vips", "copy", ppm, "OUT[filter=paeth]")),
                            ("wide.png", ("vips", "cast", ppm, "OUT", "ushort")),
                            ("444.jpg", ("cjpeg", "-quality", "90", "-sample", "1x1", "-outfile", "OUT", ppm)),
                            ("420.jpg", ("cjpeg", "-quality", "90", "-sample", "2x2", "-outfile", "OUT", ppm)),
                            ("progressive.jpg", ("cjpeg", "-progressive", "-outfile", "OUT", ppm)),
                            ("in.bmp", ("ppmtobmp", ppm))):
            if shutil.which(words[0]) is None:
                continue
            path = os.path.join(cls.folder, name)
            done = support.subprocess.run([word.replace("OUT", path) for word in words], capture_output=True)
            if "OUT" not in " ".join(words):
                with open(path, "wb") as file:
                    file.write(done.stdout)
            assert done.returncode == 0, done.stderr
            cls.inputs[name] = path

    def check(self, rank_count, name, ending, *options):
        log = os.path.join(self.folder, "valgrind")
        out = os.path.join(self.folder, "out" + ending)
        words = support.command(rank_count, "--force", self.inputs[name], "-o", out, *options, wrapper=valgrind(log))
        result = support.run(words, support.environment(self.folder))
        said = ""
        for found in os.listdir(self.folder):
            if found.startswith("valgrind."):
                with open(os.path.join(self.folder, found), encoding="utf-8", errors="replace") as file:
                    said += file.read()
                os.remove(os.path.join(self.folder, found))
        self.assertEqual((result.code, said), (0, ""), result)

    def test_alone(self):
        for name in self.inputs:
            for ending in (".png", ".jpg", ".pgm", ".bmp"):
                if name == "ppm" or ending == ".png" or (name.endswith(".jpg") and ending == ".jpg"):
                    with self.subTest(source=name, target=ending):
                        self.check(0, name, ending)

    def test_compression_levels(self):
        for level in ("fast", "small"):
            with self.subTest(level=level):
                self.check(0, "ppm", ".png", "--compression", level)

    def test_two_ranks(self):
        for name, ending in (("ppm", ".pgm"), ("ppm", ".png"), ("none.png", ".png"), ("444.jpg", ".jpg")):
            if name in self.inputs:
                with self.subTest(source=name, target=ending):
                    self.check(2, name, ending)


if __name__ == "__main__":
    support.need_program()
    if support.SANITIZED:
        support.skip("valgrind and the sanitizers exclude each other")
    if shutil.which("valgrind") is None:
        support.skip("there is no valgrind")
    support.main()
