"""What the tests of what comes out share: running the program, reading PNG and JPEG apart, making files by hand.

The PNG decoder here is written from the specification and shares no code with the program or with libpng.
"""
import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
from PIL import Image

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("RGB2GRAY", "rgb2gray")
SOURCE = os.environ.get("RGB2GRAY_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
CORPUS = os.environ.get("RGB2GRAY_CORPUS", os.path.join(SOURCE, "..", "shared", "corpus"))
EXIT_CODES = range(0, 13)


def run(*arguments, **keywords):
    """Runs a command with a time limit; returns the finished process, its output as bytes."""
    keywords.setdefault("timeout", 60)
    return subprocess.run([str(a) for a in arguments], stdin=subprocess.DEVNULL, capture_output=True, **keywords)


def convert(source, target, *options):
    return run(PROGRAM, source, "-o", target, "--force", *options)


def gray(rgb):
    """bt601 over the last axis (R, G, B): (299 R + 587 G + 114 B + 500) div 1000."""
    r, g, b = (rgb[..., i].astype(np.int32) for i in range(3))
    return (299 * r + 587 * g + 114 * b + 500) // 1000


def read_pnm(data):
    """PGM, PPM or PAM as netpbm writes them: samples (rows, columns, channels) and the maximum."""
    if data[:2] == b"P7":
        end = data.index(b"ENDHDR\n") + 7
        fields = dict(line.split(None, 1) for line in data[:end].split(b"\n") if b" " in line)
        width, height = int(fields[b"WIDTH"]), int(fields[b"HEIGHT"])
        depth, maximum = int(fields[b"DEPTH"]), int(fields[b"MAXVAL"])
    else:
        numbers, at = [], 2
        while len(numbers) < 3:
            while data[at:at + 1].isspace():
                at += 1
            if data[at:at + 1] == b"#":
                at = data.index(b"\n", at) + 1
                continue
            begin = at
            while not data[at:at + 1].isspace():
                at += 1
            numbers.append(int(data[begin:at]))
        width, height, maximum = numbers
        depth, end = (3 if data[:2] == b"P6" else 1), at + 1
    kind = np.uint8 if maximum < 256 else np.dtype(">u2")
    samples = np.frombuffer(data, kind, width * height * depth, end)
    return samples.reshape(height, width, depth), maximum


def decode_output(path):
    """A PNG that the program wrote: (gray, alpha or None, maximum). Its framing and sums are checked; the pixels are read
    by Pillow, here and thus soon, or by netpbm where Pillow would show 8 of 16 bits."""
    with open(path, "rb") as file:
        data = file.read()
    chunks = png_chunks(data)
    width, height, depth, colour, interlaced = png_header(data)
    assert (depth, colour) in ((8, 0), (8, 4), (16, 0), (16, 4)) and not interlaced, (depth, colour, interlaced)
    nbytes = len(zlib.decompress(b"".join(body for kind, body in chunks if kind == "IDAT")))
    assert nbytes == height * (1 + width * depth // 8 * (2 if colour == 4 else 1)), nbytes
    if (depth, colour) == (16, 4):
        return _decode_by_netpbm(path)
    with Image.open(io.BytesIO(data)) as image:
        samples = np.asarray(image)
    if colour == 4:
        return samples[..., 0], samples[..., 1], 255
    return samples, None, (1 << depth) - 1


def _decode_by_netpbm(path):
    done = run("pngtopam", "-alphapam", path)
    if done.returncode != 0:
        raise ValueError("netpbm does not read %s: %s" % (path, done.stderr))
    samples, maximum = read_pnm(done.stdout)
    assert samples.shape[2] == 2, samples.shape
    return samples[..., 0], samples[..., 1], maximum


# ---- PNG (ISO/IEC 15948) ----

def png_chunks(data):
    """[(type, data)], and a check of signature, lengths and CRCs."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG signature"
    chunks, at = [], 8
    while at < len(data):
        length, = struct.unpack_from(">I", data, at)
        body = data[at + 4:at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(body), "bad CRC in %s" % body[:4]
        chunks.append((body[:4].decode("ascii"), body[4:]))
        at += 12 + length
    assert chunks[-1][0] == "IEND", "no IEND"
    return chunks


def png_header(data):
    """width, height, depth, colour type, interlaced."""
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    return width, height, depth, colour, interlaced


def _unfilter(raw, rows, row_nbytes, step):
    out = np.zeros((rows + 1, row_nbytes), np.uint8)
    for y in range(rows):
        kind = raw[y * (row_nbytes + 1)]
        line = np.frombuffer(raw, np.uint8, row_nbytes, y * (row_nbytes + 1) + 1).copy()
        above = out[y]
        if kind == 1:
            whole = np.zeros((row_nbytes + step - 1) // step * step, np.uint8)
            whole[:row_nbytes] = line
            line = np.cumsum(whole.reshape(-1, step), 0, dtype=np.uint8).reshape(-1)[:row_nbytes]
        elif kind == 2:
            line = line + above
        elif kind in (3, 4):
            values, up = line.tolist(), above.tolist()
            for i, value in enumerate(values):
                a, b, c = (values[i - step], up[i], up[i - step]) if i >= step else (0, up[i], 0)
                if kind == 3:
                    guess = (a + b) // 2
                else:
                    da, db, dc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
                    guess = a if da <= db and da <= dc else b if db <= dc else c
                values[i] = (value + guess) & 255
            line = np.array(values, np.uint8)
        elif kind != 0:
            raise ValueError("filter %d" % kind)
        out[y + 1] = line
    return out[1:]


def png_decode(data):
    """A PNG of 8 or 16 bits without palette: samples (rows, columns, channels) and the maximum. tRNS is passed over."""
    width, height, depth, colour, interlaced = png_header(data)
    if depth < 8 or colour == 3:
        raise ValueError("not for this decoder")
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    raw = zlib.decompress(b"".join(body for kind, body in png_chunks(data) if kind == "IDAT"))
    step = channels * depth // 8
    out = np.zeros((height, width, channels), np.int64)
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    for x, y, dx, dy in passes if interlaced else ((0, 0, 1, 1),):
        columns, rows = (width - x + dx - 1) // dx, (height - y + dy - 1) // dy
        if columns <= 0 or rows <= 0:
            continue
        lines = _unfilter(raw, rows, columns * step, step)
        raw = raw[rows * (columns * step + 1):]
        samples = lines.copy().view(">u2") if depth == 16 else lines
        out[y::dy, x::dx] = samples.reshape(rows, columns, channels)
    return out, 255 if depth == 8 else 65535


def png_chunk(kind, body):
    kind = kind.encode("ascii")
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_encode(samples, depth=8, before=(), after=(), level=6):
    """A PNG of samples (rows, columns, 1 to 4 channels), with chunks [(type, data)] before and after the pixels."""
    height, width, channels = samples.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    raw = np.zeros((height, 1 + width * channels * depth // 8), np.uint8)
    raw[:, 1:] = np.ascontiguousarray(samples.astype(">u2" if depth == 16 else "u1")).view(np.uint8).reshape(height, -1)
    chunks = [("IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)), *before,
              ("IDAT", zlib.compress(raw.tobytes(), level)), *after, ("IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


# ---- JPEG (ITU-T T.81) and EXIF ----

def jpeg_segments(data):
    """[(marker, data)] up to the first scan."""
    assert data[:2] == b"\xff\xd8", "no SOI"
    segments, at = [], 2
    while True:
        assert data[at] == 0xFF, "no marker at %d" % at
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        segments.append((marker, data[at + 4:at + 2 + length]))
        at += 2 + length
        if marker == 0xDA:
            return segments


def jpeg_insert(data, *segments):
    """Puts segments (marker, data) behind SOI, or behind the JFIF segment where there is one."""
    at = 2
    if data[2:4] == b"\xff\xe0":
        at += 2 + struct.unpack_from(">H", data, 4)[0]
    made = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments)
    return data[:at] + made + data[at:]


def exif(orientation=None, order="<", extra=(), thumbnail=None):
    """A TIFF structure: orientation, ASCII entries [(tag, bytes)], and perhaps a thumbnail in IFD1."""
    entries = [(0x0112, 3, 1, struct.pack(order + "HH", orientation, 0))] if orientation is not None else []
    heap_at = 8 + 2 + 12 * (len(entries) + len(extra)) + 4
    heap = b""
    for tag, text in extra:
        text += b"\0" * (5 - len(text) if len(text) < 5 else 1)
        entries.append((tag, 2, len(text), struct.pack(order + "I", heap_at + len(heap))))
        heap += text
    entries.sort()
    ifd0 = struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        ifd0 += struct.pack(order + "HHI", tag, kind, count) + value
    next_at = heap_at + len(heap) if thumbnail else 0
    body = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    body += ifd0 + struct.pack(order + "I", next_at) + heap
    if thumbnail:
        at = next_at + 2 + 12 * 2 + 4
        body += struct.pack(order + "H", 2)
        body += struct.pack(order + "HHII", 0x0201, 4, 1, at)
        body += struct.pack(order + "HHII", 0x0202, 4, 1, len(thumbnail))
        body += struct.pack(order + "I", 0) + thumbnail
    return body


def exif_entries(body):
    """({tag: raw value field}, offset of IFD1)."""
    order = {b"II": "<", b"MM": ">"}[body[:2]]
    at, = struct.unpack_from(order + "I", body, 4)
    count, = struct.unpack_from(order + "H", body, at)
    tags = {}
    for i in range(count):
        tag, kind, number = struct.unpack_from(order + "HHI", body, at + 2 + 12 * i)
        value = body[at + 10 + 12 * i:at + 14 + 12 * i]
        tags[tag] = struct.unpack(order + "H", value[:2])[0] if kind == 3 and number == 1 else value
    return tags, struct.unpack_from(order + "I", body, at + 2 + 12 * count)[0]


class Checks:
    """Counts checks and prints those that fail."""

    def __init__(self):
        self.passed = self.failed = 0

    def that(self, condition, *what):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED:", *what)
        return bool(condition)

    def end(self):
        print("%d checks passed, %d failed" % (self.passed, self.failed))
        sys.exit(1 if self.failed else 0)
