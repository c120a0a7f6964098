#!/usr/bin/env python3
"""What stands beside the colour samples is kept, applied or dropped by the written rules, and the report says so.

Inputs with one of everything are made by hand, converted to each format, and the outputs taken apart again here.
"""
import io
import json
import os
import struct
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
try:
    import numpy as np
    from PIL import Image
    import pictures
except ImportError as missing:
    print("skipped: this test needs numpy and Pillow (%s)" % missing)
    sys.exit(77)

checks = pictures.Checks()
random = np.random.default_rng(11)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
SECRET_TAG, SECRET = 0x010E, b"a description in EXIF"


def profile(space):
    """The smallest thing that is an ICC profile: a header and an empty tag table (ICC.1:2022, 7.2)."""
    return struct.pack(">I4sI4s4s4s12s4s", 132, b"test", 0x04200000, b"mntr", space, b"XYZ ", bytes(12), b"acsp") + \
        bytes(88) + struct.pack(">I", 0)


def thumbnail():
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (255, 0, 0)).save(file, "JPEG")
    return file.getvalue()


def full_exif(orientation, order="<"):
    return pictures.exif(orientation, order, [(SECRET_TAG, SECRET)], thumbnail())


class Converted:
    """One conversion: its output apart, and the report's list as {item: (fate, why)}."""

    def __init__(self, folder, source, extension, *options):
        self.name = "%s to %s %s" % (os.path.basename(source), extension, " ".join(options))
        path = os.path.join(folder, "out." + extension)
        done = pictures.convert(source, path, "--report", "json", *options)
        if not checks.that(done.returncode == 0, self.name, done.returncode, done.stderr):
            raise SystemExit(1)
        report = json.loads(done.stdout)
        self.report = report
        self.fates = {entry["item"]: entry["fate"] for entry in report["metadata"]}
        self.whys = {entry["item"]: entry["why"] for entry in report["metadata"]}
        checks.that(len(self.fates) == len(report["metadata"]), self.name, "an item is listed twice")
        checks.that(all(self.whys.values()), self.name, "an item without a reason")
        with open(path, "rb") as file:
            self.data = file.read()
        self.path = path

    def expect(self, fates):
        checks.that(self.fates == fates, self.name, "reports", self.fates, "not", fates)

    def that(self, condition, *what):
        checks.that(condition, self.name, *what)

    def chunks(self, kind):
        return [body for name, body in pictures.png_chunks(self.data) if name == kind]

    def segments(self, marker, prefix=b""):
        return [body[len(prefix):] for found, body in pictures.jpeg_segments(self.data)
                if found == marker and body.startswith(prefix)]


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def jpeg(image, *segments, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, **options)
    return pictures.jpeg_insert(file.getvalue(), *segments)


def international(key, text, compressed=False):
    body = text.encode("utf-8")
    return key + b"\0" + (b"\1" if compressed else b"\0") + b"\0en\0\0" + (zlib.compress(body) if compressed else body)


def full_png(folder, samples, depth, space):
    before = [("gAMA", struct.pack(">I", 45455)), ("cHRM", bytes(range(32))),
              ("iCCP", b"p\0\0" + zlib.compress(profile(space))), ("sBIT", bytes([5] * samples.shape[2])),
              ("pHYs", struct.pack(">IIB", 2835, 3937, 1)), ("acTL", struct.pack(">II", 2, 0)),
              ("tEXt", b"Author\0Ren\xe9"), ("zTXt", b"Warning\0\0" + zlib.compress(b"fragile")),
              ("iTXt", international(b"Title", "\u6f22\u5b57")),
              ("iTXt", international(b"XML:com.adobe.xmp", XMP.decode())),
              ("eXIf", full_exif(6))]
    after = [("tIME", struct.pack(">HBBBBB", 2020, 1, 2, 3, 4, 5)), ("prVt", b"private"),
             ("tEXt", b"Late\0after pixels")]
    name = "full-%d-%d.png" % (samples.shape[2], depth)
    return write(folder, name, pictures.png_encode(samples, depth, before, after))


def check_png_output(out, gray_input):
    kinds = [kind for kind, _ in pictures.png_chunks(out.data)]
    allowed = {"IHDR", "IDAT", "IEND", "eXIf", "pHYs", "tEXt", "iTXt", "gAMA", "sRGB"}
    out.that(set(kinds) <= allowed | ({"iCCP"} if gray_input else set()), "has chunks", kinds)
    out.that(out.chunks("pHYs") == [struct.pack(">IIB", 2835, 3937, 1)], "density", out.chunks("pHYs"))
    out.that(out.chunks("gAMA") == [struct.pack(">I", 45455)], "gamma", out.chunks("gAMA"))
    texts = out.chunks("tEXt") + out.chunks("iTXt")
    for text in (b"Author\0Ren\xe9", b"Warning\0fragile", b"Late\0after pixels"):
        out.that(text in texts, "lost the text", text, texts)
    with Image.open(out.path) as image:
        image.load()
        out.that(image.text.get("Title") == "\u6f22\u5b57", "lost the UTF-8 text", image.text)
        out.that(("bt601" in image.text.get("Grayscale", "")) == (not gray_input), "method text", image.text)
    out.that(not any(b"xmpmeta" in text for text in texts), "kept XMP")


def check_exif(out, body, orientation, everything):
    tags, ifd1 = pictures.exif_entries(body)
    out.that(tags.get(0x0112) == orientation, "orientation", tags)
    out.that((SECRET in body) == everything, "EXIF beyond the orientation", body[:80])
    out.that(ifd1 == 0 and b"\xff\xd8\xff" not in body, "kept the thumbnail")


COMMON = {"orientation": "kept", "XMP": "dropped", "EXIF": "dropped", "density": "kept", "gamma": "kept",
          "text": "kept", "ICC profile": "dropped", "other": "dropped"}


def everything_in_a_png(folder):
    samples = random.integers(0, 256, (9, 14, 4))
    source = full_png(folder, samples, 8, b"RGB ")
    out = Converted(folder, source, "png")
    out.expect({**COMMON, "alpha": "kept"})
    for name in ("cHRM", "sBIT", "tIME", "prVt", "animation"):
        out.that(name in out.whys["other"], "does not name", name, out.whys["other"])
    check_png_output(out, False)
    check_exif(out, out.chunks("eXIf")[0], 6, False)

    out = Converted(folder, source, "png", "--keep-exif")
    out.expect({**COMMON, "alpha": "kept", "EXIF": "kept", "EXIF thumbnail": "dropped"})
    check_exif(out, out.chunks("eXIf")[0], 6, True)

    out = Converted(folder, source, "png", "--keep-exif", "--orient", "apply", "--alpha", "flatten")
    out.expect({**COMMON, "alpha": "applied", "orientation": "applied", "EXIF": "kept", "EXIF thumbnail": "dropped"})
    check_exif(out, out.chunks("eXIf")[0], 1, True)
    out.that(out.chunks("pHYs") == [struct.pack(">IIB", 3937, 2835, 1)], "density of turned axes", out.chunks("pHYs"))

    out = Converted(folder, source, "jpg")
    out.expect({**COMMON, "alpha": "applied", "gamma": "dropped"})
    out.that(not out.segments(0xE2), "has an APP2 segment")
    check_exif(out, out.segments(0xE1, b"Exif\0\0")[0], 6, False)
    comments = b"\n".join(out.segments(0xFE))
    for text in ("Ren\u00e9", "fragile", "\u6f22\u5b57", "bt601"):
        out.that(text.encode("utf-8") in comments, "lost the text", text, comments)
    out = Converted(folder, source, "jpg", "--keep-exif")
    check_exif(out, out.segments(0xE1, b"Exif\0\0")[0], 6, True)

    out = Converted(folder, source, "bmp")
    out.expect({**COMMON, "alpha": "applied", "orientation": "applied", "gamma": "dropped", "text": "dropped"})
    out.that(struct.unpack_from("<II", out.data, 38) == (3937, 2835), "density of turned axes", out.data[38:46])

    out = Converted(folder, source, "pgm", "--keep-exif")
    out.expect({**COMMON, "alpha": "applied", "orientation": "applied", "gamma": "dropped", "density": "dropped"})
    head = out.data[:2000]
    for text in ("Ren\u00e9", "fragile", "\u6f22\u5b57", "bt601"):
        out.that(text.encode("utf-8") in head, "lost the text", text)


def profiles(folder):
    """A gray profile stays on a gray picture and nowhere else; an RGB one stays nowhere."""
    for channels in (1, 2, 3, 4):
        for space in (b"GRAY", b"RGB ", b"CMYK"):
            source = full_png(folder, random.integers(0, 256, (5, 6, channels)), 8, space)
            keeps = channels < 3 and space == b"GRAY"
            for extension in ("png", "jpg", "bmp", "pgm"):
                out = Converted(folder, source, extension, *(("--keep-exif",) if channels & 1 else ()))
                kept = keeps and extension in ("png", "jpg")
                out.that(out.fates["ICC profile"] == ("kept" if kept else "dropped"), space, out.whys)
                if extension == "png":
                    found = [zlib.decompress(body[body.index(b"\0") + 2:]) for body in out.chunks("iCCP")]
                elif extension == "jpg":
                    found = out.segments(0xE2, b"ICC_PROFILE\0\1\1")
                else:
                    continue
                out.that(found == ([profile(space)] if kept else []), "profiles", found)
    for mode, space in (("L", b"GRAY"), ("L", b"RGB "), ("RGB", b"GRAY"), ("RGB", b"RGB ")):
        data = jpeg(Image.new(mode, (9, 9)), (0xE2, b"ICC_PROFILE\0\1\1" + profile(space)))
        for options in ((), ("--via-rgb",)):
            out = Converted(folder, write(folder, "%s-%s.jpg" % (mode, space.decode().strip()), data), "png", *options)
            kept = (mode, space) == ("L", b"GRAY")
            density = {"density": "kept"} if out.chunks("pHYs") else {}
            out.expect({"ICC profile": "kept" if kept else "dropped", **density})
            out.that(len(out.chunks("iCCP")) == kept, "profile in a PNG")


def everything_in_a_jpeg(folder):
    picture = Image.fromarray(random.integers(0, 256, (9, 14, 3), np.uint8))
    segments = [(0xE1, b"Exif\0\0" + full_exif(8, ">")), (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
                (0xE2, b"ICC_PROFILE\0\1\1" + profile(b"RGB ")), (0xE2, b"MPF\0rest"), (0xED, b"Photoshop 3.0\0rest"),
                (0xFE, "Ren\u00e9".encode("utf-8")), (0xFE, b"two")]
    source = write(folder, "full.jpg", jpeg(picture, *segments, dpi=(300, 150)))
    fates = {**COMMON}
    del fates["gamma"]
    for options in ((), ("--keep-exif",)):
        for extension in ("png", "jpg", "bmp", "pgm"):
            out = Converted(folder, source, extension, *options)
            want = dict(fates)
            if extension in ("bmp", "pgm"):
                want["orientation"] = "applied"
            if extension == "bmp":
                want["text"] = "dropped"
            if extension == "pgm":
                want["density"] = "dropped"
            if options and extension in ("png", "jpg"):
                want.update({"EXIF": "kept", "EXIF thumbnail": "dropped"})
            out.expect(want)
            for name in ("MPF", "Photoshop"):
                out.that(name in out.whys["other"], "does not name", name, out.whys["other"])
            if extension == "png":
                check_exif(out, out.chunks("eXIf")[0], 8, bool(options))
                out.that(out.chunks("pHYs") == [struct.pack(">IIB", 11811, 5906, 1)], "density", out.chunks("pHYs"))
                texts = b"".join(out.chunks("tEXt"))
                for text in (b"Comment\0Ren\xe9", b"two", b"JPEG's own luma"):
                    out.that(text in texts, "lost the text", text, texts)
            if extension == "jpg":
                check_exif(out, out.segments(0xE1, b"Exif\0\0")[0], 8, bool(options))
                out.that(not out.segments(0xE2) and not out.segments(0xED), "kept APP2 or APP13")
                out.that(out.segments(0xE0, b"JFIF\0")[0][2:7] == struct.pack(">BHH", 1, 300, 150), "density")
                out.that("Ren\u00e9".encode("utf-8") in b" ".join(out.segments(0xFE)), "text", out.segments(0xFE))
            if extension == "bmp":  # turned
                out.that(struct.unpack_from("<II", out.data, 38) == (5906, 11811), "density", out.data[38:46])


def density(folder):
    """Carried between PNG, JPEG and BMP, in pixels per metre to within half a pixel of the target's own unit."""
    picture = Image.new("L", (4, 3))
    small = random.integers(0, 256, (3, 4, 1))

    def read(out, extension):
        if extension == "png":
            x, y, unit = struct.unpack(">IIB", out.chunks("pHYs")[0])
            return (x, y, 1) if unit == 1 else (x, y, 0)
        if extension == "jpg":
            unit, x, y = struct.unpack_from(">BHH", out.segments(0xE0, b"JFIF\0")[0], 2)
            return x, y, {0: 0, 1: 1 / 0.0254, 2: 100}[unit]
        return struct.unpack_from("<II", out.data, 38) + (1,)
    inputs = {}
    for per_inch in ((72, 72), (300, 600), (96, 95), (1, 1)):
        inputs["%dx%d-inch.jpg" % per_inch] = (jpeg(picture, dpi=per_inch), [d / 0.0254 for d in per_inch])
    cm = jpeg(picture, dpi=(118, 120))
    at = cm.index(b"JFIF\0") + 7
    inputs["cm.jpg"] = (cm[:at] + b"\2" + cm[at + 1:], [11800, 12000])
    for per_metre in ((2835, 2835), (11811, 5906), (39370, 40000)):
        inputs["%dx%d-metre.png" % per_metre] = (
            pictures.png_encode(small, before=[("pHYs", struct.pack(">IIB", *per_metre, 1))]), per_metre)
        bmp = io.BytesIO()
        picture.save(bmp, "BMP")
        data = bmp.getvalue()
        inputs["%dx%d-metre.bmp" % per_metre] = (data[:38] + struct.pack("<II", *per_metre) + data[46:], per_metre)
    for name, (data, wanted) in inputs.items():
        source = write(folder, name, data)
        for extension in ("png", "jpg", "bmp"):
            out = Converted(folder, source, extension)
            x, y, unit = read(out, extension)
            out.expect({"density": "kept"})
            out.that(unit > 0 and all(abs(have * unit - want) <= unit / 2 + 1e-9 for have, want in zip((x, y), wanted)),
                     "density", (x, y, unit), "for", wanted)
        Converted(folder, source, "pgm").expect({"density": "dropped"})
    aspects = {"aspect.png": pictures.png_encode(small, before=[("pHYs", struct.pack(">IIB", 2, 1, 0))]),
               "aspect.jpg": jpeg(picture)[:13] + struct.pack(">BHH", 0, 2, 1) + jpeg(picture)[18:]}
    for name, data in aspects.items():
        source = write(folder, name, data)
        for extension in ("png", "jpg"):
            out = Converted(folder, source, extension)
            out.expect({"density": "kept"})
            out.that(read(out, extension) == (2, 1, 0), "aspect ratio", read(out, extension))
        out = Converted(folder, source, "bmp")
        out.that(read(out, "bmp")[:2] == (0, 0), "an aspect ratio became a density")
        out.expect({"density": "dropped"})
    huge = pictures.png_encode(small, before=[("pHYs", struct.pack(">IIB", 1 << 30, 1 << 30, 1))])
    out = Converted(folder, write(folder, "huge.png", huge), "jpg")
    out.that(out.fates["density"] != "kept", "a density beyond JFIF's 65535 is said to be kept;",
             "it is", read(out, "jpg"))


def gamma(folder):
    samples = random.integers(0, 256, (3, 4, 3))
    chunks = {"gama.png": [("gAMA", struct.pack(">I", 100000))], "srgb.png": [("sRGB", b"\2")],
              "both.png": [("gAMA", struct.pack(">I", 45455)), ("sRGB", b"\0")]}
    for name, before in chunks.items():
        source = write(folder, name, pictures.png_encode(samples, before=before))
        out = Converted(folder, source, "png")
        out.expect({"gamma": "kept"})
        for kind, body in before:
            out.that(out.chunks(kind) == [body], kind, out.chunks(kind))
        Converted(folder, source, "jpg").expect({"gamma": "dropped"})
    source = write(folder, "plain.png", pictures.png_encode(samples))
    for extension in ("png", "jpg", "bmp", "pgm"):
        out = Converted(folder, source, extension)
        out.expect({})
    out = Converted(folder, source, "png")
    kinds = {kind for kind, _ in pictures.png_chunks(out.data)}
    out.that(kinds == {"IHDR", "tEXt", "IDAT", "IEND"}, "made up metadata", kinds)


def damaged_metadata(folder):
    """Dropped and named; the picture is converted all the same."""
    samples = random.integers(0, 256, (3, 4, 3))
    broken = {"iCCP": b"p\0\0nonsense", "eXIf": b"nonsense", "zTXt": b"key\0\0nonsense",
              "iTXt": b"key\0\0\0en\0\0\xff\xfe", "pHYs": b"short", "gAMA": b"", "sRGB": b"\7"}
    for kind, body in broken.items():
        source = write(folder, "damaged-%s.png" % kind, pictures.png_encode(samples, before=[(kind, body)]))
        out = Converted(folder, source, "png")
        out.expect({"other": "dropped"})
        out.that("%s (damaged)" % kind in out.whys["other"], "does not name", kind, out.whys)


def many_unknown_parts(folder):
    """Each is named, or the list says that there is more."""
    for count in (3, 25, 400):
        names = ["a" + chr(97 + i // 20) + "C" + chr(97 + i % 20) for i in range(count)]
        data = pictures.png_encode(random.integers(0, 256, (3, 4, 3)), before=[(name, b"?") for name in names])
        out = Converted(folder, write(folder, "chunks-%d.png" % count, data), "png")
        why = out.whys.get("other", "")
        out.that(why.endswith("and more") or all(name in why for name in names), "cuts the list short in silence:", why)
    parts = [(0xE0 + app, b"?") for app in range(16)] + [
        (0xE0, b"JFXX\0"), (0xE1, b"http://ns.adobe.com/xmp/extension/\0"), (0xE2, b"MPF\0"), (0xE2, b"FPXR\0"),
        (0xEB, b"JP"), (0xEC, b"Ducky"), (0xED, b"Photoshop 3.0\0"), (0xE2, b"ICC_PROFILE\0\5\1"),
        (0xE1, b"Exif\0\0" + pictures.exif(1))] + [(0xE1, b"Exif\0\0" + pictures.exif(1))] * 2
    source = write(folder, "parts.jpg", jpeg(Image.new("RGB", (9, 9)), *parts))
    out = Converted(folder, source, "png")
    names = ["APP%d" % app for app in range(16)] + ["JFXX", "extended XMP", "MPF", "FlashPix", "JUMBF", "Ducky",
                                                    "Photoshop", "damaged ICC profile", "second Exif"]
    why = out.whys["other"]
    out.that(why.endswith("and more") or all(name in why for name in names), "cuts the list short in silence:", why)


def laid(value, alpha, background, maximum):
    return (value * alpha + background * (maximum - alpha) + maximum // 2) // maximum


def alpha_kept_and_laid(folder):
    backgrounds = {None: (255, 255, 255), "black": (0, 0, 0), "#204060": (32, 64, 96), "255,0,7": (255, 0, 7)}
    for channels in (2, 4):
        for depth in (8, 16):
            maximum = (1 << depth) - 1
            samples = random.integers(0, maximum + 1, (67, 130, channels))
            samples[:20, :, -1] = maximum
            samples[20:40, :, -1] = 0
            value = pictures.gray(samples).astype(np.int64) if channels == 4 else samples[..., 0]
            alpha = samples[..., -1]
            source = write(folder, "alpha-%d-%d.png" % (channels, depth), pictures.png_encode(samples, depth))
            out = Converted(folder, source, "png")
            got = pictures.decode_output(out.path)
            out.that(np.array_equal(got[0], value) and np.array_equal(got[1], alpha) and got[2] == maximum, "samples")
            for name, colour in backgrounds.items():
                options = ("--background", name) if name else ()
                dot = int(pictures.gray(np.array(colour)[None, None])[0, 0])
                want = laid(value, alpha, (dot * maximum + 127) // 255, maximum)
                out = Converted(folder, source, "pgm", *options)
                got, top = pictures.read_pnm(out.data)
                out.that(top == maximum and np.array_equal(got[..., 0], want), "samples")
                out = Converted(folder, source, "png", "--alpha", "flatten", *options)
                flat = pictures.decode_output(out.path)
                out.that(flat[1] is None and np.array_equal(flat[0], want), "samples")
                if depth == 16:
                    value8, alpha8 = ((v * 255 + 32767) // 65535 for v in (value, alpha))
                else:
                    value8, alpha8 = value, alpha
                want8 = laid(value8, alpha8, dot, 255)
                out = Converted(folder, source, "bmp", *options)
                got = np.asarray(Image.open(out.path).convert("L"))
                out.that(np.array_equal(got, want8), "samples")
                out.expect({"alpha": "applied", **({"depth": "applied"} if depth == 16 else {})})


def alpha_in_a_jpeg(folder):
    """JPEG is lossy: a smooth picture comes back within 3."""
    ramp = np.linspace(0, 255, 64)[None, :].repeat(48, 0)
    samples = np.stack([ramp, ramp[:, ::-1], ramp * 0 + 90, np.linspace(0, 255, 48)[:, None].repeat(64, 1)], -1)
    samples = samples.astype(np.int64)
    source = write(folder, "smooth.png", pictures.png_encode(samples))
    for name, dot in (("white", 255), ("black", 0)):
        out = Converted(folder, source, "jpg", "--quality", "100", "--background", name)
        want = laid(pictures.gray(samples), samples[..., 3], dot, 255)
        got = np.asarray(Image.open(out.path)).astype(int)
        out.that(np.abs(got - want).max() <= 3, "samples differ by", np.abs(got - want).max())


def transparent_colours(folder):
    """tRNS becomes alpha: of a palette, of one gray, of one colour."""
    gray = np.arange(256).reshape(16, 16, 1)
    data = pictures.png_encode(gray, before=[("tRNS", b"\0\x07")])
    out = Converted(folder, write(folder, "gray-trns.png", data), "png")
    got = pictures.decode_output(out.path)
    out.expect({"alpha": "kept"})
    out.that(np.array_equal(got[0], gray[..., 0]), "samples")
    out.that(np.array_equal(got[1], np.where(gray[..., 0] == 7, 0, 255)), "alpha")
    rgb = random.integers(0, 65536, (16, 16, 3))
    key = struct.pack(">HHH", *map(int, rgb[3, 4]))
    data = pictures.png_encode(rgb, 16, before=[("tRNS", key)])
    out = Converted(folder, write(folder, "rgb-trns.png", data), "png")
    got = pictures.decode_output(out.path)
    hidden = (rgb == rgb[3, 4]).all(-1)
    out.that(np.array_equal(got[0], pictures.gray(rgb)), "samples")
    out.that(np.array_equal(got[1], np.where(hidden, 0, 65535)), "alpha")


def bmp_profile(folder):
    """A BMP with an embedded profile (BITMAPV5HEADER): dropped and named."""
    pixels = random.integers(0, 256, 4 * 12, np.uint8).tobytes()
    header = struct.pack("<IiiHHIIiiII", 124, 4, 4, 1, 24, 0, len(pixels), 2835, 2835, 0, 0) + bytes(16)
    header += b"DEBM" + bytes(48) + struct.pack("<IIII", 4, 124 + len(pixels), 132, 0)
    body = header + pixels + profile(b"RGB ")
    source = write(folder, "profile.bmp", struct.pack("<2sIHHI", b"BM", 14 + len(body), 0, 0, 138) + body)
    out = Converted(folder, source, "png")
    out.that("dropped" in out.fates.values() and "profile" in json.dumps(out.report["metadata"]).lower(),
             "does not name the profile", out.whys)
    out.that(not out.chunks("iCCP"), "kept an RGB profile")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for test in (everything_in_a_png, profiles, everything_in_a_jpeg, density, gamma, damaged_metadata,
                     many_unknown_parts, alpha_kept_and_laid, alpha_in_a_jpeg, transparent_colours, bmp_profile):
            test(folder)
    checks.end()


if __name__ == "__main__":
    main()
