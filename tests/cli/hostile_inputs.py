#!/usr/bin/env python3
"""No input makes the program crash, hang, take more memory than --mem-limit, leave a file behind or fail in silence.

Every file of the corpus (also of formats that the program does not read), files made to hurt, and truncated ones, each
under a limit of address space and of time. A failure must have a documented exit code that blames the input, exactly
one line on standard error which names the file, and no output.
"""
import concurrent.futures
import io
import os
import struct
import subprocess
import sys
import tempfile
import threading
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
try:
    import numpy as np
    from PIL import Image
    import pictures
except ImportError as missing:
    print("skipped: this test needs numpy and Pillow (%s)" % missing)
    sys.exit(77)

SANITIZED = os.environ.get("RGB2GRAY_SANITIZE", "0") == "1"  # whose shadow memory no limit fits
TIME_LIMIT_S = 10 * (6 if SANITIZED else 1)
SPACE_LIMIT_KIB = 4 << 20
MIB = 1 << 20
MEM_LIMIT_MIB, SLACK_MIB = 256, 64
OK, EINPUT, EFORMAT, ECORRUPT, ELIMIT = 0, 3, 4, 5, 6
BLAMES_INPUT = (EINPUT, EFORMAT, ECORRUPT, ELIMIT)
checks = pictures.Checks()
lock = threading.Lock()
peak = [0, ""]  # MiB, file


def run_limited(command, time_limit_s):
    """(exit code, standard error, peak memory in MiB); an exit code below 0 is a signal."""
    shell = "exec \"$@\"" if SANITIZED else "ulimit -v %d; exec \"$@\"" % SPACE_LIMIT_KIB
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(["sh", "-c", shell, "sh"] + command, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=errors)
        timer = threading.Timer(time_limit_s, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        return process.returncode, errors.read(), usage.ru_maxrss / 1024


def attack(path, expected=None, options=(), extension="png", time_limit_s=TIME_LIMIT_S):
    """Converts one file and checks how that ends; `expected`: the exit codes that are right. Returns the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "out." + extension)
        code, errors, mib = run_limited([pictures.PROGRAM, path, "-o", target, "--mem-limit",
                                         "%dMiB" % MEM_LIMIT_MIB, "--compression", "fast", *options], time_limit_s)
        left = os.listdir(folder)
    lines = errors.decode("utf-8", "replace").splitlines()
    with lock:
        peak[:] = max(peak, [mib, os.path.basename(path)])
        if not checks.that(code >= 0, path, "ended by signal", -code, "(9: the time limit)", lines[:5]):
            return code
        checks.that(code in (expected or (OK,) + BLAMES_INPUT), path, "exit code", code, lines[:5])
        if code != OK:
            checks.that(len(lines) == 1 and lines[0].startswith("rgb2gray: ") and path in lines[0], path,
                        "not one line that names the file:", lines[:5])
        checks.that(left == (["out." + extension] if code == OK else []), path, "left in the folder:", left)
        checks.that(SANITIZED or mib < MEM_LIMIT_MIB + SLACK_MIB, path, "took %d MiB" % mib)
    return code


# ---- files made to hurt: (name, bytes, expected exit codes, options) ----

def repeated_stream(byte, count):
    """A zlib stream of `count` equal bytes, made without holding them: a compressed MiB, repeated."""
    maker = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = maker.compress(byte * MIB) + maker.flush(zlib.Z_FULL_FLUSH)
    rest = zlib.compressobj(9, zlib.DEFLATED, -15)
    end = rest.compress(byte * (count % MIB)) + rest.flush()
    a, b = 1, 0  # Adler-32 (RFC 1950, 8.2) of a run: a grows by the byte each step, b by a
    value = byte[0]
    b = (count + value * (count * (count + 1) // 2)) % 65521
    a = (1 + count * value) % 65521
    return b"\x78\xda" + piece * (count // MIB) + end + struct.pack(">I", b << 16 | a)


def png(width, height, depth, colour, idat, interlaced=0, before=()):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = [("IHDR", header), *before, ("IDAT", idat), ("IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(pictures.png_chunk(*chunk) for chunk in chunks)


def bmp(width, height, bits, compression, pixels):
    palette = struct.pack("<256I", *range(256)) if bits <= 8 else b""
    offset = 54 + len(palette)
    return (struct.pack("<2sIHHI", b"BM", (offset + len(pixels)) & 0xFFFFFFFF, 0, 0, offset) +
            struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 2835, 2835, 0, 0) +
            palette + pixels)


def jpeg(image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def resized_jpeg(data, width, height):
    """The same JPEG, claiming another size."""
    for marker in (b"\xff\xc0\x00\x11\x08", b"\xff\xc2\x00\x11\x08", b"\xff\xc0\x00\x0b\x08", b"\xff\xc2\x00\x0b\x08"):
        at = data.find(marker)
        if at >= 0:
            return data[:at + 5] + struct.pack(">HH", height, width) + data[at + 9:]
    raise AssertionError("no frame header")


def many_scans(count):
    """A valid gray progressive JPEG of 1024 x 1024 pixels, which are 2^14 zero blocks: a DC scan of one bit a block,
    then one scan for each bit of each AC coefficient, up to `count`, each a single run of 2^14 blocks (EOB14)."""
    def segment(marker, body):
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    def table(where, symbol):  # one code, of one bit
        return segment(0xC4, bytes([where, 1] + [0] * 15 + [symbol]))

    def scan(coefficient, old_bit, bit, data):
        return segment(0xDA, bytes([1, 1, 0, coefficient, coefficient, old_bit << 4 | bit])) + data
    frame = segment(0xC2, struct.pack(">BHHB3B", 8, 1024, 1024, 1, 1, 0x11, 0))
    head = b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64) + frame + table(0x00, 0) + table(0x10, 0xE0)
    bits = [(0, 13)] + [(bit + 1, bit) for bit in range(12, -1, -1)]
    scans = [scan(coefficient, *pair, b"\0\1") for coefficient in range(1, 64) for pair in bits]
    return head + scan(0, 0, 0, bytes(2048)) + b"".join(scans[:count]) + b"\xff\xd9"


def huge_sizes():
    side = (1 << 31) - 1
    some = zlib.compress(bytes(5000))
    for colour, depth in ((0, 1), (0, 16), (2, 8), (6, 16)):
        for width, height in ((side, side), (side, 1), (1, side)):
            yield "huge-%d-%d-%dx%d.png" % (colour, depth, width, height), png(width, height, depth, colour, some)
    for bits in (1, 8, 24, 32):
        for width, height in ((side, side), (side, -side), (side, 1), (1, side)):
            yield "huge-%d-%dx%d.bmp" % (bits, width, height), bmp(width, height, bits, 0, bytes(5000))
    for kind in (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"):
        for width, height in ((side, side), (side, 1), (1, side), (4294967296, 4294967296)):
            maximum = b"" if kind in (b"P1", b"P4") else b"65535\n"
            yield ("huge-%s-%dx%d.pnm" % (kind.decode(), width, height),
                   b"%s\n%d %d\n%s" % (kind, width, height, maximum) + b"0 1 " * 1000)
    yield "huge.pam", b"P7\nWIDTH %d\nHEIGHT %d\nDEPTH 4\nMAXVAL 65535\nTUPLTYPE RGB_ALPHA\nENDHDR\n" % (side, side)
    flat = Image.new("RGB", (64, 64), (1, 2, 3))
    yield "huge-baseline.jpg", resized_jpeg(jpeg(flat), 65500, 65500)
    yield "huge-beyond.jpg", resized_jpeg(jpeg(flat), 65535, 65535)


def bombs():
    """(name, bytes, expected, options, time limit)."""
    text = b"Comment\0\0" + repeated_stream(b"a", 100 * MIB)
    one = zlib.compress(b"\0\x55")
    progressive = jpeg(Image.new("RGB", (64, 64), (1, 2, 3)), progressive=True)
    whole = ("--max-pixels", "0")
    streams = repeated_stream(b"\0", 30000 * 30001)
    yield "zeros-30000x30000.png", png(30000, 30000, 8, 0, streams), (OK,), (), 6 * TIME_LIMIT_S
    yield "text-of-100-MB.png", png(1, 1, 8, 0, one, before=[("zTXt", text)]), (OK,), (), TIME_LIMIT_S
    yield "profile-of-100-MB.png", png(1, 1, 8, 0, one, before=[("iCCP", text)]), (OK,), (), TIME_LIMIT_S
    yield "texts-of-a-GB.png", png(1, 1, 8, 0, one, before=[("zTXt", text)] * 10), (OK,), (), TIME_LIMIT_S
    yield "100000-texts.png", png(1, 1, 8, 0, one, before=[("tEXt", b"k\0v")] * 100000), (OK,), (), TIME_LIMIT_S
    yield "a-GB-in-one-pixel.png", png(1, 1, 8, 0, repeated_stream(b"\0", 1024 * MIB)), None, (), TIME_LIMIT_S
    yield "interlaced-40000x40000.png", png(40000, 40000, 8, 2, one, 1), (ELIMIT,), (), TIME_LIMIT_S
    yield "interlaced-40000x40000.png", png(40000, 40000, 8, 2, one, 1), (ELIMIT,), whole, TIME_LIMIT_S
    yield "rle-60000x60000.bmp", bmp(60000, 60000, 8, 1, b"\0\1"), (ELIMIT,), (), TIME_LIMIT_S
    yield "rle-60000x60000.bmp", bmp(60000, 60000, 8, 1, b"\0\1"), (ELIMIT,), whole, TIME_LIMIT_S
    yield "rle-20000x20000.bmp", bmp(20000, 20000, 4, 2, b"\0\1"), (ELIMIT,), (), TIME_LIMIT_S
    yield "rle-10000x10000.bmp", bmp(10000, 10000, 8, 1, b"\0\1"), (OK,), (), TIME_LIMIT_S
    yield "progressive-65500.jpg", resized_jpeg(progressive, 65500, 65500), (ELIMIT,), (), TIME_LIMIT_S
    yield "progressive-65500.jpg", resized_jpeg(progressive, 65500, 65500), (ELIMIT,), whole, TIME_LIMIT_S
    yield "90-scans.jpg", many_scans(90), (OK,), (), TIME_LIMIT_S
    yield "882-scans.jpg", many_scans(882), (ELIMIT,), (), TIME_LIMIT_S
    tall = many_scans(882).replace(struct.pack(">HH", 1024, 1024), struct.pack(">HH", 8192, 8192))
    yield "882-large-scans.jpg", tall, (ELIMIT, ECORRUPT), (), TIME_LIMIT_S
    yield "digits.ppm", [(b"P6 ", 1), (b"1" * MIB, 100)], BLAMES_INPUT, (), TIME_LIMIT_S
    yield "zeros.ppm", [(b"P6 ", 1), (b"0" * MIB, 100), (b"1 1 255 abc", 1)], None, (), TIME_LIMIT_S
    yield "spaces.pgm", [(b"P2 1 1 255 ", 1), (b" " * MIB, 100), (b"7\n", 1)], None, (), TIME_LIMIT_S
    yield "comments.pgm", [(b"P5\n", 1), (b"# a\n" * 100_000, 100), (b"1 1 255\nx", 1)], None, (), TIME_LIMIT_S
    yield "empty.png", b"", (ECORRUPT,), (), TIME_LIMIT_S
    yield "noise.png", np.random.default_rng(3).bytes(100000), (EFORMAT,), (), TIME_LIMIT_S


def whole_files():
    """One good file of each kind, to be cut short."""
    random = np.random.default_rng(4)
    rgb = Image.fromarray(random.integers(0, 256, (40, 60, 3), np.uint8))
    wide = random.integers(0, 65536, (40, 60, 4))

    def saved(image, extension, **options):
        file = io.BytesIO()
        image.save(file, extension, **options)
        return file.getvalue()
    yield "gray.png", saved(rgb.convert("L"), "PNG")
    yield "rgb.png", saved(rgb, "PNG")
    yield "palette.png", saved(rgb.quantize(30), "PNG")
    yield "16-bit.png", pictures.png_encode(wide, 16)
    interlaced = zlib.compress(bytes(sum(h * (1 + 3 * w) for w, h in ((8, 5), (7, 5), (15, 5), (15, 10), (30, 10),
                                                                      (30, 20), (60, 20)))))
    yield "interlaced.png", png(60, 40, 8, 2, interlaced, 1)
    yield "baseline.jpg", saved(rgb, "JPEG", quality=95)
    yield "progressive.jpg", saved(rgb, "JPEG", quality=95, progressive=True)
    yield "gray.jpg", saved(rgb.convert("L"), "JPEG", quality=95)
    yield "rgb.bmp", saved(rgb, "BMP")
    yield "palette.bmp", saved(rgb.quantize(200), "BMP")
    runs = b"".join(bytes((60, y)) + b"\0\0" for y in range(40)) + b"\0\1"
    yield "rle.bmp", bmp(60, 40, 8, 1, runs)
    yield "rgb.ppm", saved(rgb, "PPM")
    yield "bits.pbm", saved(rgb.convert("1"), "PPM")
    plain = " ".join(map(str, np.asarray(rgb).reshape(-1).tolist()))
    yield "plain.ppm", ("P3 60 40 255 " + plain + "\n").encode()
    pam = b"P7\nWIDTH 60\nHEIGHT 40\nDEPTH 4\nMAXVAL 65535\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    yield "rgba.pam", pam + wide.astype(">u2").tobytes()


def write(folder, name, data):
    """`data`: bytes, or [(bytes, how often)]; large ones come in pieces, since what this process has in memory counts
    as its children's (the kernel's figure for a process begins with its parent's)."""
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        for piece, count in [(data, 1)] if isinstance(data, bytes) else data:
            for _ in range(count):
                file.write(piece)
    return path


def attack_made(folder):
    for name, data in huge_sizes():
        attack(write(folder, name, data), BLAMES_INPUT)
    for name, data, expected, options, time_limit_s in bombs():
        path = write(folder, name, data)
        attack(path, expected, options, time_limit_s=time_limit_s)
        os.unlink(path)


def attack_truncated(folder, pool):
    for name, data in whole_files():
        checks.that(attack(write(folder, name, data)) == OK, name, "is a good file")
        cuts = sorted({1 + (len(data) - 18) * i // 19 for i in range(20)})
        paths = [write(folder, "cut-%d-%s" % (cut, name), data[:cut]) for cut in cuts]
        list(pool.map(lambda path: attack(path, (EFORMAT, ECORRUPT)), paths))


def attack_corpus(pool):
    if not os.path.isdir(pictures.CORPUS):
        print("there is no corpus at %s: only files made here are tried" % pictures.CORPUS)
        return
    paths = [os.path.join(root, name) for root, _, names in os.walk(pictures.CORPUS) for name in names
             if name not in ("MANIFEST.tsv", "PAIRS.tsv", "README.md")]
    foreign = [path for path in paths if os.path.relpath(path, pictures.CORPUS).split(os.sep)[0] in
               ("tiff", "dicom", "wsi", "video")]
    codes = list(pool.map(attack, paths))
    print("corpus: %d files, %d of them of other formats; exit codes %s" % (
        len(paths), len(foreign), {code: codes.count(code) for code in sorted(set(codes))}))


def main():
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        attack_truncated(folder, pool)
        attack_made(folder)
        attack_corpus(pool)
    print("most memory taken: %d MiB by %s, with --mem-limit %d MiB" % (*peak, MEM_LIMIT_MIB))
    checks.end()


if __name__ == "__main__":
    main()
