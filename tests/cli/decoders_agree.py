#!/usr/bin/env python3
"""Every picture of the corpus becomes exactly the gray that the formula makes of what other decoders see.

The output is compared with the formula on Pillow's RGB; that of a YCbCr JPEG with `djpeg -grayscale`, and with
--via-rgb with the formula on Pillow's RGB. Where Pillow fails, differs, or knows only 8 of 16 bits, ImageMagick, vips,
the PNG decoder in pictures.py and the reference pictures of PAIRS.tsv are asked too. --method green must give the G
that agreed.

What is neither "the same" nor "all refuse it" must stand in decoder_differences.tsv, with what each decoder did and
why: an unlisted difference fails, and so does a row that is no longer true. (`--list` prints the rows needed.)
"""
import collections
import concurrent.futures
import os
import shutil
import struct
import sys
import tempfile
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
try:
    import numpy as np
    from PIL import Image
    import pictures
except ImportError as missing:
    print("skipped: this test needs numpy and Pillow (%s)" % missing)
    sys.exit(77)

Image.MAX_IMAGE_PIXELS = 400_000_000
warnings.simplefilter("ignore")  # Pillow's, about damaged files
FOLDERS = ("png", "jpeg", "bmp", "pnm", "medical")
TABLE = os.path.join(pictures.SOURCE, "tests", "decoder_differences.tsv")
IMAGEMAGICK = "convert-im6.q16"


class Shallow(Exception):
    """The decoder shows fewer bits than the file has."""


class Decoded:
    """What another decoder sees: samples (rows, columns, 1 to 4 channels) from 0 to `maximum`."""

    def __init__(self, samples, maximum):
        self.samples, self.maximum = samples, maximum

    def gray(self, maximum):
        """(gray, alpha or None) from 0 to `maximum`, by the program's rules."""
        channels = self.samples.shape[2]
        value = pictures.gray(self.samples) if channels >= 3 else self.samples[..., 0]
        alpha = self.samples[..., -1] if channels in (2, 4) else None
        return tuple(v if v is None else scaled(v, self.maximum, maximum) for v in (value, alpha))


def scaled(values, old, new):
    return values if old == new else (values.astype(np.int64) * new + old // 2) // old


def head_of(path, nbytes=65536):
    with open(path, "rb") as file:
        return file.read(nbytes)


# ---- the other decoders: a path to Decoded, or an exception ----

def by_pillow(path):
    head = head_of(path)
    with Image.open(path) as image:
        if image.mode == "CMYK":  # Pillow turns Adobe's inverted samples round
            cmyk = np.asarray(image).astype(np.int32)
            return Decoded(((255 - cmyk[..., :3]) * (255 - cmyk[..., 3:]) + 127) // 255, 255)
        if image.format == "PNG" and head[24] == 16 and (image.mode != "I" or "transparency" in image.info):
            raise Shallow
        if image.mode.startswith("I"):
            return Decoded(np.asarray(image)[..., None], 65535)
        if image.format == "PPM" and image.mode == "RGB" and pnm_maximum(head) > 255:
            raise Shallow
        transparent = "transparency" in image.info or image.mode in ("LA", "RGBA", "PA")
        image = image.convert("RGBA" if transparent else "L" if image.mode in ("1", "L") else "RGB")
        samples = np.asarray(image)
        return Decoded(samples.reshape(image.height, image.width, -1), 255)


def pnm_maximum(head):
    return int(b" ".join(line.split(b"#")[0] for line in head[:2048].split(b"\n")).split()[3])


def by_imagemagick(path):
    # The colour space is set, not converted to: samples count as they are stored. [0]: the first picture.
    done = pictures.run(IMAGEMAGICK, path + "[0]", "-set", "colorspace", "sRGB", "-type", "TrueColorAlpha", "-depth",
                        "16", "pam:-")
    if not done.stdout or done.returncode != 0:
        raise ValueError(done.stderr)
    samples, maximum = pictures.read_pnm(done.stdout)
    return Decoded(samples, maximum)


def by_vips(path):
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "out.v")
        done = pictures.run("vips", "copy", path, target)
        if done.returncode != 0:
            raise ValueError(done.stderr)
        with open(target, "rb") as file:
            data = file.read()
    width, height, bands, _, kind = struct.unpack_from("<5i", data, 4)
    dtype, maximum = {0: ("u1", 255), 2: ("<u2", 65535)}[kind]
    samples = np.frombuffer(data, dtype, width * height * bands, 64).reshape(height, width, bands)
    return Decoded(samples, maximum)


def by_own(path):
    data = head_of(path, -1)
    if data[:4] != b"\x89PNG" or any(kind == "tRNS" for kind, _ in pictures.png_chunks(data)):
        raise ValueError("not for this decoder")
    return Decoded(*pictures.png_decode(data))


def by_djpeg(path, *options):
    done = pictures.run("djpeg", "-pnm", *options, path)
    if not done.stdout or done.returncode not in (0, 2):  # 2: with warnings
        raise ValueError(done.stderr)
    return Decoded(*pictures.read_pnm(done.stdout))


def references():
    """{file: [its reference pictures]} of PAIRS.tsv."""
    pairs = collections.defaultdict(list)
    try:
        with open(os.path.join(pictures.CORPUS, "PAIRS.tsv"), encoding="utf-8") as file:
            for line in file:
                name, reference = line.split("\t")[:2]
                pairs[name].append(os.path.join(pictures.CORPUS, reference))
    except FileNotFoundError:
        pass
    return pairs


def is_ycbcr(path):
    """By the rules that all decoders share (JFIF; Adobe's transform; else the component names)."""
    names, adobe, jfif = b"", None, False
    try:
        for marker, body in pictures.jpeg_segments(head_of(path, 1 << 20)):
            jfif = jfif or (marker == 0xE0 and body[:5] == b"JFIF\0")
            if marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
                adobe = body[11]
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                names = body[6::3]
    except (AssertionError, IndexError, struct.error):
        return True
    if len(names) != 3:
        return False
    return jfif or (adobe != 0 if adobe is not None else names != b"RGB")


# ---- one file ----

def ask(decode, path):
    try:
        return decode(path)
    except Shallow:
        return "shallow"
    except Exception:  # whatever another decoder says, it means no
        return "refuses"


def compare(ours, other):
    """'same', 'differs', or what `ask` said."""
    if isinstance(other, str):
        return other
    gray, alpha, maximum = ours
    if other.samples.shape[:2] != gray.shape:
        return "differs"
    if other.maximum == 65535 and maximum == 255:  # ImageMagick shows all at 16 bits
        other = Decoded(scaled(other.samples, 65535, 255), 255)
    other_gray, other_alpha = other.gray(maximum)
    if alpha is None:
        opaque = other_alpha is None or bool(np.all(other_alpha == maximum))
    else:
        opaque = other_alpha is not None and np.array_equal(alpha, other_alpha)
    return "same" if opaque and np.array_equal(gray, other_gray) else "differs"


class Case:
    """What became of one file: `verdict`, and the row that the table needs ('ours', 'others') where there is one."""

    def __init__(self, path, name, folder, pairs):
        self.path, self.name, self.folder, self.pairs = path, name, folder, pairs
        self.problems = []

    def convert(self, *options, extension="png"):
        target = os.path.join(self.folder, self.name.replace("/", "_") + "." + extension)
        done = pictures.convert(self.path, target, "--compression", "fast", *options)
        if done.returncode not in pictures.EXIT_CODES:
            self.problems.append("exit code %d" % done.returncode)
        if done.returncode != 0:
            return done.returncode
        if extension == "png":
            ours = pictures.decode_output(target)
        else:
            samples, maximum = pictures.read_pnm(head_of(target, -1))
            ours = samples[..., 0], None, maximum
        os.unlink(target)
        return ours

    def quick_output(self):
        """PGM, which is quick to read here, unless pixels would be turned on the way to it."""
        head = head_of(self.path)
        return "png" if b"Exif\0" in head or b"eXIf" in head else "pgm"

    def first_opinions(self, ours):
        """[(name, what it says, what it decoded)] of the decoders that are always asked."""
        pillow = ask(by_pillow, self.path)
        if head_of(self.path, 2) != b"\xff\xd8":
            return [("pillow", compare(ours, pillow), pillow)]
        via_rgb = self.convert("--via-rgb", extension=self.quick_output())
        if not is_ycbcr(self.path):
            if isinstance(pillow, str):
                pillow = ask(by_djpeg, self.path)
            self.check(compare(via_rgb, pillow) == compare(ours, pillow), "--via-rgb should change nothing here")
            return [("pillow", compare(ours, pillow), pillow)]
        luma = ask(lambda path: by_djpeg(path, "-grayscale"), self.path)
        colour = ask(by_djpeg, self.path) if isinstance(pillow, str) else pillow
        return [("djpeg", compare(ours, luma), luma), ("rgb", compare(via_rgb, colour), colour)]

    def further_opinions(self, ours):
        for name, decode in (("imagemagick", by_imagemagick), ("vips", by_vips), ("own", by_own)):
            other = ask(decode, self.path)
            if (name, other) != ("own", "refuses"):
                yield name, compare(ours, other), other
        for path in self.pairs.get(self.name, ()):
            other = ask(by_pillow, path)
            if other == "shallow":
                other = ask(by_own, path)
            yield "reference", compare(ours, other), other

    def check(self, condition, text):
        if not condition:
            self.problems.append(text)

    def judge_decoded(self, ours):
        opinions = self.first_opinions(ours)
        if any(said != "same" for _, said, _ in opinions):
            opinions += self.further_opinions(ours)
        said = {name: word for name, word, _ in opinions}
        first = opinions[0][1]
        trusted = all(word in ("same", "refuses", "shallow") for word in said.values())
        if trusted and "same" in said.values() and (first == "same" or "pillow" in said):
            self.verdict = "same"
        else:
            self.verdict = "differs" if "differs" in said.values() else "others refuse"
            self.row = ("decodes", " ".join("%s=%s" % item for item in said.items()))
        agreed = next((other for _, word, other in reversed(opinions) if word == "same"), None)
        self.check_green(agreed, ours[1] is None)

    def check_green(self, other, opaque):
        if other is None or other.samples.shape[2] < 3:
            return
        gray, _, maximum = self.convert("--method", "green", extension=self.quick_output() if opaque else "png")
        green = scaled(other.samples[..., 1], other.maximum, maximum)
        self.check(np.array_equal(gray, green), "--method green is not the G that other decoders see")

    def judge_refused(self, code):
        decoders = [("pillow", by_pillow), ("imagemagick", by_imagemagick), ("vips", by_vips)]
        if head_of(self.path, 2) == b"\xff\xd8":
            decoders.append(("djpeg", by_djpeg))
        said = {name: "refuses" if ask(decode, self.path) == "refuses" else "decodes" for name, decode in decoders}
        if "decodes" not in said.values():
            self.verdict = "all refuse"
            return
        self.verdict = "we refuse"
        self.row = ("refuses %d" % code, " ".join("%s=%s" % item for item in said.items()))

    def judge(self):
        self.row = None
        ours = self.convert()
        if isinstance(ours, int):
            self.judge_refused(ours)
        else:
            self.judge_decoded(ours)
        return self


# ---- what to judge ----

def corpus_files():
    for folder in FOLDERS:
        path = os.path.join(pictures.CORPUS, folder)
        for file in sorted(os.listdir(path)) if os.path.isdir(path) else ():
            if file != "MANIFEST.tsv" and not file.endswith((".tif", ".tiff")):
                yield os.path.join(path, file), folder + "/" + file


def made_files(folder):
    """Pictures of all modes that Pillow and pictures.py can write."""
    random = np.random.default_rng(5)
    for width, height in ((1, 1), (7, 13), (130, 66)):
        noise = random.integers(0, 256, (height, width, 4), np.uint8)
        smooth = np.linspace(0, 255, width * height * 4).reshape(height, width, 4).astype(np.uint8)
        for kind, pixels in (("noise", noise), ("smooth", smooth)):
            rgba, rgb = Image.fromarray(pixels, "RGBA"), Image.fromarray(pixels[..., :3])
            bars = rgb.quantize(17)
            formats = {
                "png": [(m, rgb.convert(m), {}) for m in ("1", "L", "RGB")] +
                       [("RGBA", rgba, {}), ("LA", rgba.convert("LA"), {}), ("P", bars, {}),
                        ("P-transparent", bars, {"transparency": 3}), ("P-2bit", rgb.quantize(3), {"bits": 2}),
                        ("L-transparent", rgb.convert("L"), {"transparency": int(rgb.convert("L").getpixel((0, 0)))})],
                "jpg": [("L", rgb.convert("L"), {}), ("CMYK", rgb.convert("CMYK"), {}),
                        ("progressive", rgb, {"progressive": True})] +
                       [("RGB-%d" % s, rgb, {"subsampling": s, "quality": 80}) for s in (0, 1, 2)],
                "bmp": [(m, rgb.convert(m), {}) for m in ("1", "L", "RGB")] + [("P", bars, {}), ("RGBA", rgba, {})],
                "ppm": [(m, rgb.convert(m), {}) for m in ("1", "L", "RGB")],
            }
            for extension, variants in formats.items():
                for mode, image, options in variants:
                    path = os.path.join(folder, "%s-%dx%d-%s.%s" % (kind, width, height, mode, extension))
                    image.save(path, **options)
                    yield path, "made/" + os.path.basename(path)
        for channels in (1, 2, 3, 4):
            path = os.path.join(folder, "%dx%d-%d-channels-of-16-bits.png" % (width, height, channels))
            with open(path, "wb") as file:
                file.write(pictures.png_encode(random.integers(0, 65536, (height, width, channels)), 16))
            yield path, "made/" + os.path.basename(path)


def read_table():
    rows = {}
    with open(TABLE, encoding="utf-8") as file:
        for line in file.read().splitlines()[1:]:
            name, ours, others, why = line.split("\t")
            assert why and name not in rows, name
            rows[name] = (ours, others)
    return rows


def judge_all(folder):
    files = list(made_files(folder))
    if os.path.isdir(pictures.CORPUS):
        files += corpus_files()
    else:
        print("there is no corpus at %s: only pictures made here are compared" % pictures.CORPUS)
    pairs = references()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda item: Case(*item, folder, pairs).judge(), files))


def main():
    for tool in ("pngtopam", "djpeg", "vips", IMAGEMAGICK):
        if shutil.which(tool) is None:
            print("skipped: there is no %s" % tool)
            sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        cases = judge_all(folder)
    table = read_table()
    failures = 0
    for case in cases:
        listed = table.pop(case.name, None)
        if case.row != listed or case.problems:
            failures += 1
            print("FAILED: %s: %s; listed: %s %s" % (case.name, case.row, listed, "; ".join(case.problems)))
        if "--list" in sys.argv and case.row:
            print("ROW\t%s\t%s\t%s\t" % (case.name, *case.row))
    if os.path.isdir(pictures.CORPUS):
        failures += len(table)
        for name in table:
            print("FAILED: %s is listed, but there is no such file" % name)
    for group in ("made",) + FOLDERS + ("all",):
        counts = collections.Counter(case.verdict for case in cases if group in ("all", case.name.split("/")[0]))
        print("%-8s %s" % (group, ", ".join("%s: %d" % item for item in sorted(counts.items()))))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
