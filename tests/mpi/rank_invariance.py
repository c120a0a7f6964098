"""The output is the same, byte for byte, alone and at 1, 2, 3, 4 and 7 ranks, for every kind of picture, every output
format, and with the scalar kernels; and all ways a conversion can go were really gone."""

import glob
import os
import shutil
import unittest

import numpy

import support

RANKS = (1, 3) if support.SANITIZED else (1, 2, 3, 4, 7)
FORMATS = ("png", "jpeg", "bmp", "pgm")
# A JPEG ends at 65,500 pixels a side.
NOT_JPEG = ("widest.ppm",)


def with_alpha(rgb, seed):
    """The picture with an alpha channel that has clear, solid and half-clear places."""
    top = numpy.iinfo(rgb.dtype).max
    alpha = numpy.random.default_rng(seed).integers(0, top + 1, rgb.shape[:2], rgb.dtype)
    alpha[: rgb.shape[0] // 4] = 0
    alpha[rgb.shape[0] // 2 :] = top
    return numpy.dstack([rgb, alpha])


def make_small(folder, scratch):
    """Pictures of a single row block, and of fewer rows than ranks."""
    for width, height in ((1, 1), (5000, 1), (1, 5000), (5, 3), (257, 300), (20000, 3), (3, 20000)):
        name = os.path.join(folder, f"s{width}x{height}")
        support.make_ppm(name + ".ppm", "tissue", width, height)
        rgb = support.read_ppm(name + ".ppm")
        support.write_png(name + "i.png", rgb, interlaced=True)
    support.make_ppm(os.path.join(folder, "s16.ppm"), "tissue", 257, 300, bits=16)
    small = support.picture(scratch, "photograph", 257, 300)
    palette = numpy.random.default_rng(3).integers(0, 256, (256, 3))
    support.write_png(os.path.join(folder, "palette.png"), small[..., 0], palette=palette)
    support.write_png(os.path.join(folder, "rgba8.png"), with_alpha(small, 4))


def make_large(folder, scratch):
    """Pictures of several row blocks of about 1 MiB of gray."""
    tissue = support.picture(scratch, "tissue", 1500, 2200)
    support.write_pnm(os.path.join(folder, "big.ppm"), tissue)
    support.write_png(os.path.join(folder, "bigrgb.png"), tissue)
    support.write_png(os.path.join(folder, "biginterlaced.png"), tissue, interlaced=True)
    support.write_pnm(os.path.join(folder, "gray.pgm"), tissue[..., 1])
    support.write_pnm(os.path.join(folder, "alpha.pam"), with_alpha(tissue, 5))
    support.make_ppm(os.path.join(folder, "widest.ppm"), "ct", 700000, 9)  # a row block is one row
    deep = support.picture(scratch, "tissue", 900, 1800, bits=16)
    support.write_pnm(os.path.join(folder, "deep.ppm"), deep)
    support.write_png(os.path.join(folder, "deepalpha.png"), with_alpha(deep, 6))
    support.write_pnm(os.path.join(folder, "odd.ppm"), deep % 1001, maxval=1000)


def make_with_pillow(folder, scratch):
    try:
        from PIL import Image
    except ImportError:
        print("Pillow is not installed (package python3-pil): no JPEG and BMP inputs were made")
        return
    rgb = support.picture(scratch, "photograph", 1500, 2200)
    image = Image.fromarray(rgb)
    jpeg = os.path.join(folder, "j{}.jpg").format
    image.save(jpeg("420"), quality=85, subsampling=2)
    image.save(jpeg("444"), quality=95, subsampling=0)
    image.save(jpeg("progressive"), quality=85, subsampling=2, progressive=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    image.save(jpeg("turned"), quality=85, exif=exif)
    image.convert("CMYK").save(jpeg("cmyk"), quality=85)
    bmp = os.path.join(folder, "b{}.bmp").format
    image.convert("P", palette=Image.Palette.ADAPTIVE).save(bmp("8"))
    image.save(bmp("24"))
    Image.fromarray(with_alpha(rgb, 7)).save(bmp("32"))


def corpus_pictures():
    """Some real pictures of moderate size, from medicine first."""
    found = []
    for folder, ending, count in (("medical", "jpg", 4), ("medical", "png", 4), ("jpeg", "jpg", 3), ("png", "png", 3)):
        paths = sorted(glob.glob(os.path.join(support.CORPUS, folder, "**", "*." + ending), recursive=True))
        fitting = [path for path in paths if 20000 < os.path.getsize(path) < 4000000]
        found += fitting[:: max(1, len(fitting) // count)][:count]
    if not found:
        print(f"no pictures under RGB2GRAY_CORPUS ({support.CORPUS!r}): made pictures only")
    return found


def gather_inputs():
    folder, scratch = support.make_folder(), support.make_folder()
    make_small(folder, scratch)
    make_large(folder, scratch)
    make_with_pillow(folder, scratch)
    for i, path in enumerate(corpus_pictures()):
        os.symlink(os.path.abspath(path), os.path.join(folder, f"corpus{i}" + os.path.splitext(path)[1]))
    return sorted(os.path.join(folder, name) for name in os.listdir(folder))


class RankInvariance(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.inputs = gather_inputs()
        cls.references = {}
        cls.ways = set()  # (path, place, format) as reported

    def convert(self, form, rank_count, **extra):
        """Converts all inputs in one call; the outputs' digests by name."""
        inputs = [path for path in self.inputs if form != "jpeg" or os.path.basename(path) not in NOT_JPEG]
        out = os.path.join(support.make_folder(), "")
        words = support.command(rank_count, "--format", form, "--report", "json", "-o", out, *inputs)
        result = support.run(words, support.environment(support.make_folder(), **extra))
        self.assertEqual(result.sanitizer_lines(), [], result)
        refused = {report["in_path"]: report["error"] for report in result.reports() if report["error"]}
        # A corpus picture may be one the program refuses, but then always in the same way.
        self.assertEqual([path for path in refused if "corpus" not in path], [], result)
        self.assertEqual(len(result.reports()), len(inputs), result)
        for report in result.reports():
            if report["plan"]:
                self.ways.add((report["plan"]["path"], report["plan"]["place"], form))
        found = support.digests(out)
        shutil.rmtree(out)
        self.assertEqual(len(found), len(inputs) - len(refused), result)
        found.update({path: error["exit_code"] for path, error in refused.items()})
        return found

    def reference(self, form):
        if form not in self.references:
            self.references[form] = self.convert(form, 0)
        return self.references[form]

    def check(self, form):
        for rank_count in RANKS:
            with self.subTest(format=form, ranks=rank_count):
                self.assertEqual(self.convert(form, rank_count), self.reference(form))

    def test_png(self):
        self.check("png")

    def test_jpeg(self):
        self.check("jpeg")

    def test_bmp(self):
        self.check("bmp")

    def test_pgm(self):
        self.check("pgm")

    def test_scalar_kernels(self):
        for form in ("png", "pgm"):
            for rank_count in (0, 3):
                with self.subTest(format=form, ranks=rank_count):
                    self.assertEqual(self.convert(form, rank_count, RGB2GRAY_ISA="scalar"), self.reference(form))

    def test_what_is_always_the_same_is_right(self):
        folder = support.make_folder()
        path = next(path for path in self.inputs if path.endswith("big.ppm"))
        out = os.path.join(folder, "out.pgm")
        result = support.run(support.command(4, path, "-o", out), support.environment(folder))
        self.assertEqual(result.code, 0, result)
        expected = support.write_pnm(os.path.join(folder, "expected.pgm"), support.gray_of(support.read_ppm(path)))
        with open(out, "rb") as got, open(expected, "rb") as right:
            self.assertEqual(got.read().split(b"255\n", 1)[1], right.read().split(b"255\n", 1)[1])

    def test_zz_all_ways_were_gone(self):
        """After the others: no test above can have passed on a single path."""
        ways = {(path, place) for path, place, _ in self.ways}
        for way in (("sequential", False), ("scatter", False), ("direct", True), ("direct", False)):
            self.assertIn(way, ways)
        for form in FORMATS:
            ways = {path for path, _, made in self.ways if made == form}
            self.assertIn("direct", ways)
            # raw rows are never scattered
            self.assertIn("scatter" if form in ("png", "jpeg") else "sequential", ways)


if __name__ == "__main__":
    support.need_program()
    support.main()
