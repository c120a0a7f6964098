#!/usr/bin/env python3
"""An EXIF orientation is kept as a tag over untouched pixels, or applied to the pixels and gone: never both or twice.

The eight orientations, in PNG and JPEG inputs, to every output; turned pixels must be those of Pillow's exif_transpose.
"""
import io
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
try:
    import numpy as np
    from PIL import Image, ImageOps
    import pictures
except ImportError as missing:
    print("skipped: this test needs numpy and Pillow (%s)" % missing)
    sys.exit(77)

SIZES = ((1, 1), (3, 5), (5, 1), (200, 130))
KINDS = {"gray": (1, 8), "rgb": (3, 8), "rgba": (4, 8), "gray+alpha 16": (2, 16), "rgb 16": (3, 16), "rgba 16": (4, 16)}
checks = pictures.Checks()
random = np.random.default_rng(21)


def turned(plane, orientation):
    """Pillow's answer; samples of 16 bits go through it as two planes of bytes."""
    def turn(part):
        image = Image.fromarray(part.astype(np.uint8), "L")
        image.getexif()[0x0112] = orientation
        return np.asarray(ImageOps.exif_transpose(image)).astype(np.int64)
    return turn(plane >> 8) * 256 + turn(plane & 255)


def converted(folder, source, name, *options):
    target = os.path.join(folder, name)
    done = pictures.convert(source, target, *options)
    checks.that(done.returncode == 0 and not done.stderr, source, options, done)
    return target


def png_tag(path):
    """The orientation in a PNG's eXIf; 1 where there is none."""
    with open(path, "rb") as file:
        bodies = [body for kind, body in pictures.png_chunks(file.read()) if kind == "eXIf"]
    return pictures.exif_entries(bodies[0])[0].get(0x0112, 1) if bodies else 1


def jpeg_tag(path):
    with open(path, "rb") as file:
        bodies = [body[6:] for marker, body in pictures.jpeg_segments(file.read())
                  if marker == 0xE1 and body.startswith(b"Exif\0\0")]
    return pictures.exif_entries(bodies[0])[0].get(0x0112, 1) if bodies else 1


def check_pixels(what, got, wanted, alpha=None):
    """`got`: what decode_output gave."""
    same = got[0].shape == wanted.shape and np.array_equal(got[0], wanted)
    checks.that(same, *what, "gray: not the pixels expected")
    if alpha is not None:
        checks.that(got[1] is not None and np.array_equal(got[1], alpha), *what, "alpha: not the samples expected")


def read_gray(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("L")).astype(np.int64)


def laid_on_white(gray, alpha, maximum):
    if alpha is None:
        return gray
    return (gray.astype(np.int64) * alpha + maximum * (maximum - alpha) + maximum // 2) // maximum


def one_png(folder, kind, size, orientation, order):
    channels, depth = KINDS[kind]
    maximum = (1 << depth) - 1
    samples = random.integers(0, maximum + 1, (size[1], size[0], channels))
    gray = pictures.gray(samples) if channels >= 3 else samples[..., 0]
    alpha = samples[..., -1] if channels in (2, 4) else None
    upright_gray = turned(gray, orientation)
    upright_alpha = turned(alpha, orientation) if alpha is not None else None
    what = (kind, size, "orientation", orientation, order)
    body = pictures.exif(orientation, order, [(0x010E, b"text")])
    source = os.path.join(folder, "in.png")
    with open(source, "wb") as file:
        file.write(pictures.png_encode(samples, depth, [("eXIf", body)]))

    tagged = converted(folder, source, "tagged.png")
    check_pixels(what + ("tag",), pictures.decode_output(tagged), gray, alpha)
    checks.that(png_tag(tagged) == orientation, *what, "the tag became", png_tag(tagged))
    applied = converted(folder, source, "applied.png", "--orient", "apply", "--keep-exif")
    check_pixels(what + ("apply",), pictures.decode_output(applied), upright_gray, upright_alpha)
    checks.that(png_tag(applied) == 1, *what, "applied, and still tagged", png_tag(applied))
    once = converted(folder, tagged, "once.png", "--orient", "apply")
    check_pixels(what + ("tag, then apply",), pictures.decode_output(once), upright_gray, upright_alpha)
    twice = converted(folder, applied, "twice.png", "--orient", "apply")
    check_pixels(what + ("apply, then apply",), pictures.decode_output(twice), upright_gray, upright_alpha)

    flat = laid_on_white(upright_gray, upright_alpha, maximum)
    pgm = converted(folder, source, "out.pgm")
    with open(pgm, "rb") as file:
        rows, top = pictures.read_pnm(file.read())
    checks.that(top == maximum and np.array_equal(rows[..., 0], flat), *what, "PGM: not the pixels expected")
    if depth == 8:
        bmp = read_gray(converted(folder, source, "out.bmp"))
        checks.that(np.array_equal(bmp, flat), *what, "BMP: not the pixels expected")
        check_jpeg_outputs(folder, source, flat, orientation, what)


def check_jpeg_outputs(folder, source, upright, orientation, what):
    """JPEG is lossy: it must decode to what the same encoder makes of the picture that was turned beforehand."""
    if 1 in upright.shape:
        return
    plain = os.path.join(folder, "upright.png")
    Image.fromarray(upright.astype(np.uint8), "L").save(plain)
    wanted = read_gray(converted(folder, plain, "wanted.jpg"))
    applied = converted(folder, source, "applied.jpg", "--orient", "apply")
    checks.that(np.array_equal(read_gray(applied), wanted), *what, "JPEG: not the pixels expected")
    checks.that(jpeg_tag(applied) == 1, *what, "JPEG: applied, and still tagged")
    tagged = converted(folder, source, "tagged.jpg")
    checks.that(jpeg_tag(tagged) == orientation, *what, "JPEG: the tag became", jpeg_tag(tagged))
    with Image.open(tagged) as image:
        seen = np.asarray(ImageOps.exif_transpose(image)).astype(np.int64)
    checks.that(seen.shape == upright.shape, *what, "JPEG: seen at", seen.shape)


def one_jpeg(folder, size, orientation, options):
    """A JPEG's own luma, or its RGB, turned."""
    file = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (size[1], size[0], 3), np.uint8)).save(file, "JPEG", **options)
    source = os.path.join(folder, "in.jpg")
    with open(source, "wb") as out:
        out.write(pictures.jpeg_insert(file.getvalue(), (0xE1, b"Exif\0\0" + pictures.exif(orientation, ">"))))
    what = ("JPEG", size, options, "orientation", orientation)
    luma = pictures.read_pnm(pictures.run("djpeg", "-grayscale", "-pnm", source).stdout)[0][..., 0]
    tagged = converted(folder, source, "tagged.png")
    check_pixels(what + ("tag",), pictures.decode_output(tagged), luma)
    checks.that(png_tag(tagged) == orientation, *what, "the tag became", png_tag(tagged))
    upright = turned(luma.astype(np.int64), orientation)
    check_pixels(what, pictures.decode_output(converted(folder, source, "out.png", "--orient", "apply")), upright)
    checks.that(np.array_equal(read_gray(converted(folder, source, "out.bmp")), upright), *what, "BMP: pixels")
    with Image.open(source) as image:
        rgb = np.asarray(image.convert("RGB"))
    via_rgb = converted(folder, source, "rgb.png", "--orient", "apply", "--via-rgb")
    check_pixels(what + ("via RGB",), pictures.decode_output(via_rgb), turned(pictures.gray(rgb), orientation))


def values_that_are_none(folder):
    """0, 9 and 65535 are no orientations: nothing is turned, nothing tagged."""
    samples = random.integers(0, 256, (4, 6, 3))
    for value in (0, 9, 65535):
        source = os.path.join(folder, "none.png")
        with open(source, "wb") as file:
            file.write(pictures.png_encode(samples, before=[("eXIf", pictures.exif(value))]))
        for options in ((), ("--orient", "apply")):
            out = converted(folder, source, "out.png", *options)
            check_pixels((value, options), pictures.decode_output(out), pictures.gray(samples))
            checks.that(png_tag(out) == 1, value, options, "became the tag", png_tag(out))


def main():
    with tempfile.TemporaryDirectory() as folder:
        for orientation in range(1, 9):
            for size in SIZES:
                for kind in KINDS if size == (3, 5) else ("rgb", "rgba 16"):
                    one_png(folder, kind, size, orientation, "<" if orientation % 2 else ">")
                one_jpeg(folder, size, orientation, {"progressive": size[0] > 5})
        values_that_are_none(folder)
    checks.end()


if __name__ == "__main__":
    main()
