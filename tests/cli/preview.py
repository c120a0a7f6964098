#!/usr/bin/env python3
"""Previews show what the picture shows: each pixel is the mean of what it covers, tiles at full size are the very pixels,
all is upright, 8 bits and on white; and inputs that cannot be read leave nothing behind, nor does a signal.
"""
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
try:
    import numpy as np
    from PIL import Image
    import pictures
except ImportError as missing:
    print("skipped: this test needs numpy and Pillow (%s)" % missing)
    sys.exit(77)

Image.MAX_IMAGE_PIXELS = None
SANITIZED = os.environ.get("RGB2GRAY_SANITIZE", "0") == "1"
TILE = 512
OK, EUSAGE, EINPUT, EFORMAT, ECORRUPT, ELIMIT, EOUTPUT, EEXISTS = 0, 2, 3, 4, 5, 6, 7, 8
checks = pictures.Checks()
random = np.random.default_rng(5)
folder = tempfile.TemporaryDirectory(prefix="r2g-test-")


def path(name):
    return os.path.join(folder.name, name)


def preview(*arguments):
    return pictures.run(pictures.PROGRAM, "preview", *arguments)


def is_ok(what, condition, detail=""):
    checks.that(condition, what, detail)


def scene(width, height, channels=3):
    """A smooth picture with some noise, different along both axes and in all channels."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [(127 + 90 * np.sin(x / (9.0 + 7 * c)) + 60 * y / max(height, 1) + 20 * c) for c in range(channels)]
    picture = np.stack(planes, axis=-1) + random.integers(-20, 20, (height, width, channels))
    return np.clip(picture, 0, 255).astype(np.uint8)


def save_pnm(name, array, maxval=255):
    kind = b"P6" if array.ndim == 3 and array.shape[2] == 3 else b"P5"
    with open(path(name), "wb") as file:
        file.write(kind + b"\n%d %d\n%d\n" % (array.shape[1], array.shape[0], maxval))
        file.write(array.astype(">u2" if maxval > 255 else "u1").tobytes())
    return path(name)


def axis_mean(array, wanted):
    """The means of what each of `wanted` equal parts of the first axis covers: differences of the sums before its ends."""
    stored = array.shape[0]
    sums = np.cumsum(array, axis=0, dtype=float)
    sums = np.concatenate([np.zeros_like(sums[:1]), sums])
    edges = np.arange(wanted + 1) * (stored / wanted)
    whole = np.minimum(edges.astype(int), stored - 1)
    part = (edges - whole).reshape(-1, *[1] * (array.ndim - 1))
    return np.diff(sums[whole] + part * array[whole], axis=0) * (wanted / stored)


def box_mean(array, width, height):
    across = axis_mean(array.swapaxes(0, 1), width)
    return axis_mean(across.swapaxes(0, 1), height)


def luma_off(one, other):
    """The mean difference in luma: JPEG keeps colours less well."""
    weights = np.array([0.299, 0.587, 0.114]) if one.shape[2] == 3 else np.ones(1)
    return np.abs((one.astype(float) - other) @ weights).mean()


def wanted_size(width, height, size):
    longest = max(width, height)
    if longest <= size:
        return width, height
    return tuple(max((side * size + longest // 2) // longest, 1) for side in (width, height))


def pixels(file):
    """A picture file's pixels, (rows, columns, channels)."""
    with Image.open(file) as image:
        array = np.asarray(image)
    return array if array.ndim == 3 else array[..., None]


def upright(array, orientation):
    """What EXIF's orientation means (Exif 2.32, 4.6.5.1.6)."""
    turned = {1: array, 2: array[:, ::-1], 3: array[::-1, ::-1], 4: array[::-1], 5: array.transpose(1, 0, 2),
              6: array.transpose(1, 0, 2)[:, ::-1], 7: array[::-1, ::-1].transpose(1, 0, 2),
              8: array.transpose(1, 0, 2)[::-1]}
    return turned[orientation]


def check_single(what, source, expected, size=None, tolerance=1, options=()):
    """`expected` is what the picture shows, 8 bits, upright, (rows, columns, channels)."""
    target = path("single.png")
    done = preview(source, "-f", "-o", target, *(["--size", size] if size else []), *options)
    is_ok(what + ": exit code", done.returncode == OK and not done.stderr, done.stderr)
    if done.returncode != OK:
        return
    got = pixels(target)
    width, height = wanted_size(expected.shape[1], expected.shape[0], size or 1024)
    is_ok(what + ": size", got.shape == (height, width, expected.shape[2]), str(got.shape))
    if got.shape == (height, width, expected.shape[2]):
        worst = np.abs(got - box_mean(expected, width, height)).max()
        is_ok(what + ": mean", worst <= tolerance, "off by %g" % worst)


def halve(array):
    """Half the size: the mean of up to four pixels, halves rounded up."""
    padded = np.pad(array, ((0, array.shape[0] % 2), (0, array.shape[1] % 2), (0, 0)), mode="edge").astype(int)
    return ((padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2] + 2) // 4).astype(np.uint8)


def assemble(target, level, index, channels):
    whole = np.zeros((level["height"], level["width"], channels), np.uint8)
    for row in range(level["rows"]):
        for column in range(level["columns"]):
            tile = pixels(os.path.join(target, str(index), "%d_%d.%s" % (column, row, level["type"])))
            y, x = row * TILE, column * TILE
            place = whole[y:y + TILE, x:x + TILE]
            if tile.shape != place.shape:
                raise ValueError("tile %d/%d_%d has shape %s" % (index, column, row, tile.shape))
            place[...] = tile
    return whole


def check_tiles(what, source, expected, options=()):
    target = path("tiles")
    done = preview(source, "--tiles", "-o", target + "/", *options)
    is_ok(what + ": exit code", done.returncode == OK and not done.stderr, done.stderr)
    if done.returncode != OK:
        return
    with open(os.path.join(target, "tiles.json")) as file:
        told = json.load(file)
    is_ok(what + ": size", (told["height"], told["width"], told["channels"]) == expected.shape and
          told["tile"] == TILE, told)
    shape, count = expected, 1
    while max(shape.shape[:2]) > TILE:
        shape, count = halve(shape), count + 1
    is_ok(what + ": levels", len(told["levels"]) == count, told)
    shape = expected
    for index, level in enumerate(told["levels"]):
        try:
            whole = assemble(target, level, index, told["channels"])
        except (OSError, ValueError) as error:
            is_ok(what + ": tiles", False, error)
            break
        is_ok("%s: level %d's size" % (what, index), whole.shape == shape.shape, whole.shape)
        if index == 0:
            is_ok(what + ": level 0 has the very pixels", np.array_equal(whole, shape))
        else:
            off = luma_off(whole, shape)
            is_ok("%s: level %d" % (what, index), off < 5, "off by %g" % off)
        shape = halve(shape)
    names = sorted(os.listdir(target))
    is_ok(what + ": nothing else", names == sorted([str(i) for i in range(count)] + ["tiles.json"]), names)
    shutil.rmtree(target)


def test_sizes_and_formats():
    for width, height in ((1, 1), (1, 5000), (5000, 1), (513, 511), (1030, 600), (40, 30)):
        rgb, gray = scene(width, height), scene(width, height, 1)
        name = "%dx%d" % (width, height)
        for what, source, expected in ((name + ".ppm", save_pnm("a.ppm", rgb), rgb),
                                       (name + ".pgm", save_pnm("a.pgm", gray), gray)):
            for size in (100, None):
                check_single("%s at %s" % (what, size), source, expected, size)
            check_tiles(what + " as tiles", source, expected)
    rgb = scene(1100, 700)
    for extension in ("png", "bmp"):
        Image.fromarray(rgb).save(path("b." + extension))
        check_single(extension, path("b." + extension), rgb, 333)
        check_tiles(extension + " as tiles", path("b." + extension), rgb)
    gray = scene(300, 200, 1)
    Image.fromarray(gray[..., 0]).save(path("g.png"))
    check_single("gray png", path("g.png"), gray, 77)
    Image.fromarray(rgb).quantize(64).save(path("palette.png"))
    palette = np.asarray(Image.open(path("palette.png")).convert("RGB"))
    check_single("palette", path("palette.png"), palette, 200)


def test_jpeg():
    rgb = scene(900, 700)
    Image.fromarray(rgb).save(path("c.jpg"), quality=95, subsampling=0)
    shown = np.asarray(Image.open(path("c.jpg")))
    check_single("jpeg", path("c.jpg"), shown, 300, tolerance=2)
    check_tiles("jpeg as tiles", path("c.jpg"), shown)
    Image.fromarray(rgb).save(path("p.jpg"), quality=95, progressive=True, subsampling=0)
    check_single("progressive jpeg", path("p.jpg"), np.asarray(Image.open(path("p.jpg"))), 300, tolerance=2)
    done = preview(path("c.jpg"), "-o", path("out.jpg"), "--size", "300")
    is_ok("to jpeg", done.returncode == OK, done.stderr)
    got = pixels(path("out.jpg"))
    is_ok("to jpeg: size", got.shape == (233, 300, 3), got.shape)
    off = luma_off(got, box_mean(shown, 300, 233))
    is_ok("to jpeg: close", off < 3, "off by %g" % off)
    gray = scene(100, 100, 1)
    preview(save_pnm("d.pgm", gray), "-o", path("gray.jpeg"))
    is_ok("gray to jpeg", Image.open(path("gray.jpeg")).mode == "L")


def test_orientations():
    rgb = scene(700, 530)
    plain = io.BytesIO()
    Image.fromarray(rgb).save(plain, "JPEG", quality=95, subsampling=0)
    shown = np.asarray(Image.open(io.BytesIO(plain.getvalue())))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(rgb).save(path("o.jpg"), quality=95, subsampling=0, exif=exif)
        Image.fromarray(rgb).save(path("o.png"), exif=exif)
        what = "orientation %d" % orientation
        check_single(what + ", jpeg", path("o.jpg"), upright(shown, orientation), 200, tolerance=2)
        check_single(what + ", png", path("o.png"), upright(rgb, orientation), 200)
        check_single(what + ", full size", path("o.png"), upright(rgb, orientation), tolerance=0)
        check_tiles(what + ", tiles", path("o.png"), upright(rgb, orientation))
    os.mkdir(path("empty"))
    done = preview(path("o.png"), "--tiles", "-o", path("empty/t"), "--mem-limit", "4MiB")
    is_ok("too large to turn", done.returncode == ELIMIT and len(done.stderr.splitlines()) == 1, done.stderr)
    is_ok("too large to turn: nothing left", os.listdir(path("empty")) == [])
    check_single("but a single picture needs no room", path("o.png"), upright(rgb, 8), 100, options=("--mem-limit", "4MiB"))


def test_depth_and_alpha():
    deep = random.integers(0, 65536, (120, 90, 3))
    exact = np.floor(deep * 255 / 65535 + 0.5).astype(np.uint8)
    check_single("16 bits", save_pnm("e.ppm", deep, 65535), exact, tolerance=0)
    check_single("16 bits, scaled", path("e.ppm"), exact, 50)
    check_tiles("16 bits as tiles", path("e.ppm"), exact)
    odd = random.integers(0, 1001, (40, 50, 1))
    check_single("maximum 1000", save_pnm("f.pgm", odd, 1000), ((odd * 255 + 500) // 1000).astype(np.uint8), tolerance=0)
    few = random.integers(0, 8, (40, 50, 1))
    check_single("maximum 7", save_pnm("g.pgm", few, 7), ((few * 255 + 3) // 7).astype(np.uint8), tolerance=0)
    done = preview(save_pnm("h.pgm", np.full((4, 4, 1), 9), 7), "-o", path("h.png"))
    is_ok("samples above the maximum", done.returncode == ECORRUPT and not os.path.exists(path("h.png")), done.stderr)
    rgba = np.dstack([scene(80, 60), random.integers(0, 256, (60, 80), np.uint8)])
    Image.fromarray(rgba, "RGBA").save(path("i.png"))
    alpha = rgba[..., 3:].astype(int)
    on_white = ((rgba[..., :3] * alpha + (255 - alpha) * 255 + 127) // 255).astype(np.uint8)
    check_single("alpha", path("i.png"), on_white, tolerance=0)
    Image.fromarray(rgba[..., [0, 3]], "LA").save(path("j.png"))
    check_single("gray with alpha", path("j.png"), on_white[..., :1], tolerance=0)


def test_refusals():
    source = save_pnm("k.ppm", scene(40, 30))
    for arguments, code in (([source], EUSAGE), ([source, source, "-o", path("k.png")], EUSAGE),
                            ([source, "-o", "-"], EUSAGE), ([source, "-o", path("k.bmp")], EFORMAT),
                            ([source, "-o", path("k")], EFORMAT), (["--size", "15", source, "-o", path("k.png")], EUSAGE),
                            (["--size", "8193", source, "-o", path("k.png")], EUSAGE),
                            (["--method", "green", source, "-o", path("k.png")], EUSAGE),
                            (["-n", "2", source, "-o", path("k.png")], EUSAGE),
                            (["--tiles", "--size", "99", source, "-o", path("k")], EUSAGE),
                            ([path("absent"), "-o", path("k.png")], EINPUT),
                            (["--tiles", path("absent"), "-o", path("k")], EINPUT),
                            ([source, "-o", path("no/k.png")], EOUTPUT),
                            (["--tiles", source, "-o", path("no/k")], EOUTPUT),
                            (["--tiles", source, "-o", source], EEXISTS),
                            (["--tiles", source, "-o", path("empty")], EEXISTS),
                            ([source, "-o", source], EFORMAT)):
        done = preview(*arguments)
        is_ok("%s: exit code %d" % (arguments, code), done.returncode == code, (done.returncode, done.stderr))
        left = [name for name in os.listdir(folder.name) if name.startswith((".", "k")) and name != "k.ppm"]
        is_ok("%s: nothing left" % arguments, left == [], left)
    is_ok("--size without preview", pictures.run(pictures.PROGRAM, "--size", "99", source).returncode == EUSAGE)
    preview(source, "-o", path("kept.png"))
    is_ok("no overwriting", preview(source, "-o", path("kept.png")).returncode == EEXISTS)
    os.unlink(path("kept.png"))


def test_hostile_inputs():
    """Every file of the corpus ends as documented and leaves nothing but a whole result."""
    names = sorted(os.path.join(here, name) for kind in ("png", "jpeg", "bmp", "pnm", "tiff")
                   for here, _, files in os.walk(os.path.join(pictures.CORPUS, kind)) for name in files)
    names = names[::7] if SANITIZED else names
    os.makedirs(path("hostile"))
    for i, name in enumerate(names):
        tiles = i % 2 == 1
        target = path("hostile/t" if tiles else "hostile/t.png")
        done = preview(name, "-o", target, "--mem-limit", "256MiB", *(["--tiles"] if tiles else []))
        left = os.listdir(path("hostile"))
        good = done.returncode == OK and not done.stderr and left == [os.path.basename(target)]
        bad = done.returncode in (EINPUT, EFORMAT, ECORRUPT, ELIMIT) and len(done.stderr.splitlines()) == 1 and not left
        is_ok("%s (%s)" % (name, "tiles" if tiles else "single"), good or bad, (done.returncode, done.stderr, left))
        for there in (path("hostile/" + file) for file in left):
            (shutil.rmtree if os.path.isdir(there) else os.unlink)(there)
    cut = scene(900, 700)
    Image.fromarray(cut).save(path("l.png"))
    with open(path("l.png"), "rb") as file:
        data = file.read()
    with open(path("m.png"), "wb") as file:
        file.write(data[:len(data) * 2 // 3])
    for options, target in (([], "hostile/n.png"), (["--tiles"], "hostile/n")):
        done = preview(path("m.png"), "-o", path(target), *options)
        is_ok("cut short %s" % options, done.returncode == ECORRUPT and os.listdir(path("hostile")) == [], done.stderr)


def test_a_line_of_many_tiles_is_refused():
    rows = zlib.compressobj(9)
    width = 1 << 28
    body = rows.compress(b"\0" * (width // 8 + 1)) + rows.flush()
    with open(path("wide.png"), "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, chunk in ((b"IHDR", width.to_bytes(4, "big") + b"\0\0\0\1\1\0\0\0\0"), (b"IDAT", body), (b"IEND", b"")):
            file.write(len(chunk).to_bytes(4, "big") + kind + chunk + zlib.crc32(kind + chunk).to_bytes(4, "big"))
    done = preview(path("wide.png"), "--tiles", "-o", path("wide"))
    is_ok("a line of many tiles", done.returncode == ELIMIT and not os.path.exists(path("wide")), done.stderr)


def test_little_memory_and_a_signal():
    pictures.run(os.environ["RGB2GRAY_PICTURE"], "tissue", 6000, 6000, 1, "-o", path("large.ppm"))
    for options in (["--mem-limit", "16MiB"], ["--mem-limit", "32MiB", "--tiles"]):  # of the 108 MB it has
        done = preview(path("large.ppm"), "-o", path("small.png" if len(options) == 2 else "small"), *options)
        is_ok("little memory %s" % options, done.returncode == OK, done.stderr)
    os.mkdir(path("stopped"))
    process = subprocess.Popen([pictures.PROGRAM, "preview", path("large.ppm"), "--tiles", "-o", path("stopped/t")],
                               stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while not os.listdir(path("stopped")) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    left = os.listdir(path("stopped"))
    is_ok("a signal", (code == -signal.SIGTERM and left == []) or (code == OK and left == ["t"]), (code, left))


for test in (test_sizes_and_formats, test_jpeg, test_orientations, test_depth_and_alpha, test_refusals,
             test_hostile_inputs, test_a_line_of_many_tiles_is_refused, test_little_memory_and_a_signal):
    test()
checks.end()
