"""Other programs read what this one writes, several row blocks included, and see the same pixels.

PNG at each compression, of 8 and 16 bits, with alpha; JPEG in restart intervals; BMP; PGM. Asked are Pillow, ImageMagick,
vips, netpbm, djpeg and pngcheck, those of them that are installed.
"""
import os
import shutil
import sys
import tempfile

try:
    import numpy as np
    from PIL import Image
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    import pictures
except ImportError as missing:
    print(f"skipped: this test needs numpy and Pillow ({missing})")
    sys.exit(77)

random = np.random.default_rng(7)
failures = checks = 0


def check(fine, *what):
    global failures, checks
    checks += 1
    if not fine:
        failures += 1
        print("FAILED:", *what)


def scene(rows, columns, channels, maximum):
    """Smooth with edges and noise, so that every filter and both ways of compressing have something to do."""
    y, x = np.mgrid[0:rows, 0:columns]
    base = (np.sin(x / 90) + np.cos(y / 70) + 2) / 4 * 0.8 + ((x // 200 + y // 150) % 2) * 0.15
    samples = [np.clip(base * (1 - 0.2 * i) + random.normal(0, 0.01, base.shape), 0, 1) for i in range(channels)]
    samples = np.stack(samples, -1)
    samples[rows // 3:rows // 2] = samples[rows // 3]  # repeating rows
    return np.round(samples * maximum).astype(np.uint16 if maximum > 255 else np.uint8)


def drawing(rows, columns):
    """Flat colours, lines, and letters that repeat: what matches are for."""
    y, x = np.mgrid[0:rows, 0:columns]
    letters = random.integers(0, 2, (8, 12, 9)) * 255
    page = letters[(x // 9 * 7 + y // 12 * 5) % 8, y % 12, x % 9]
    page = np.where((x // 300 + y // 200) % 3 == 0, 255, page)
    return np.repeat(page[..., None], 3, -1).astype(np.uint8)


def by_pillow(path, _folder):
    return np.asarray(Image.open(path)).astype(np.int64)


def through(*command):
    """Decodes with a command that writes PGM or PPM to a file; None where it is not installed."""
    def decode(path, folder):
        if not shutil.which(command[0]):
            return None
        target = os.path.join(folder, "decoded.pgm")
        done = pictures.run(*[{"IN": path, "OUT": target}.get(word, word) for word in command])
        if command[-1] != "OUT":
            with open(target, "wb") as file:
                file.write(done.stdout)
        check(done.returncode == 0, command[0], "refuses", os.path.basename(path), done.stderr)
        if done.returncode != 0:
            return None
        with open(target, "rb") as file:
            return pictures.read_pnm(file.read())[0][..., 0].astype(np.int64)
    return decode


MAGICK = through("convert-im6.q16", "IN", "OUT")
VIPS = through("vips", "copy", "IN", "OUT")
READERS = {
    "png": {"Pillow": by_pillow, "ImageMagick": MAGICK, "vips": VIPS, "netpbm": through("pngtopam", "IN")},
    "jpg": {"Pillow": by_pillow, "djpeg": through("djpeg", "-pnm", "IN"), "vips": VIPS},
    "bmp": {"Pillow": by_pillow, "netpbm": through("bmptopnm", "IN")},
    "pgm": {"Pillow": by_pillow, "ImageMagick": MAGICK, "vips": VIPS},
}


def everyone_sees_the_same(folder, source, extension, expected, *options):
    target = os.path.join(folder, "out." + extension)
    done = pictures.convert(source, target, *options)
    check(done.returncode == 0, "converting to", extension, done.stderr)
    seen = {name: reader(target, folder) for name, reader in READERS[extension].items()}
    if expected is None:  # a lossy format: all must agree with Pillow
        expected = seen["Pillow"]
    for name, pixels in seen.items():
        if pixels is not None:
            check(pixels.shape == expected.shape and (pixels == expected).all(), name, "sees other pixels in", extension,
                  options)
    if extension == "png" and shutil.which("pngcheck"):
        checked = pictures.run("pngcheck", "-q", target)
        check(checked.returncode == 0, "pngcheck:", checked.stdout)


with tempfile.TemporaryDirectory(prefix="r2g-test-") as work:
    colour = scene(2500, 1100, 3, 255)  # three row blocks
    source8 = os.path.join(work, "in.ppm")
    with open(source8, "wb") as out:
        out.write(b"P6\n1100 2500\n255\n" + colour.tobytes())
    gray8 = pictures.gray(colour)
    for level in ("fast", "default", "small"):
        everyone_sees_the_same(work, source8, "png", gray8, "--compression", level)
    pages = drawing(2500, 1100)
    source_pages = os.path.join(work, "drawing.ppm")
    with open(source_pages, "wb") as out:
        out.write(b"P6\n1100 2500\n255\n" + pages.tobytes())
    for level in ("fast", "default", "small"):
        everyone_sees_the_same(work, source_pages, "png", pictures.gray(pages), "--compression", level)
    for source in (source8, source_pages):
        files = set()
        for isa in ("scalar", "sse4", "avx2", "avx512", "neon"):  # another is used where this machine lacks one
            target = os.path.join(work, "isa.png")
            done = pictures.run(pictures.PROGRAM, source, "-o", target, "--force",
                                env={**os.environ, "RGB2GRAY_ISA": isa})
            check(done.returncode == 0, isa, done.stderr)
            with open(target, "rb") as file:
                files.add(file.read())
        check(len(files) == 1, "the bytes depend on the instruction set:", source)
    everyone_sees_the_same(work, source8, "bmp", gray8)
    everyone_sees_the_same(work, source8, "pgm", gray8)
    everyone_sees_the_same(work, source8, "jpg", None, "--quality", "90")
    check(abs(by_pillow(os.path.join(work, "out.jpg"), work) - gray8).mean() < 2, "the JPEG is another picture")
    deep = scene(1300, 700, 3, 65535)
    source16 = os.path.join(work, "in16.ppm")
    with open(source16, "wb") as out:
        out.write(b"P6\n700 1300\n65535\n" + deep.astype(">u2").tobytes())
    gray16 = pictures.gray(deep.astype(np.int64))
    everyone_sees_the_same(work, source16, "png", gray16)
    everyone_sees_the_same(work, source16, "pgm", gray16)
print(f"{checks} checks, {failures} failed")
sys.exit(1 if failures else 0)
