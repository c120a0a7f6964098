"""hostile_images: every file of the corpus through POST /convert, good, broken or a bomb, and those made here.

Where the program alone succeeds, the gateway answers 200 with the same bytes; where it fails, the documented status
for its exit code. The gateway's own memory stays small whatever a header declares.
"""
import asyncio
import concurrent.futures
import io
import os
import struct
import subprocess
import sys
import tempfile
import zlib

from PIL import Image

import support
import traffic

# exit code of the program: HTTP statuses that may tell it
STATUS = {3: (422,), 4: (415,), 5: (422,), 6: (413,), 9: (413,)}
FORMATS = ("png", "jpeg", "bmp", "pnm", "medical", "tiff", "dicom")
LIMIT_NBYTES = 1 << 20  # files beyond it are left to other tests


def png(width, height, depth=8, kind=2, data=b""):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def progressive():
    """A progressive JPEG, to be held whole, that says it has 65000 x 30000 pixels."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 10, 10)).save(out, "JPEG", progressive=True)
    data = bytearray(out.getvalue())
    frame = data.index(b"\xff\xc2")
    data[frame + 5:frame + 9] = struct.pack(">HH", 30000, 65000)
    return bytes(data)


def made():
    """Bombs and stumps that need no corpus: name, bytes."""
    yield "bomb_2g_pixels.png", png(1 << 31 - 1, 1 << 31 - 1, data=zlib.compress(bytes(1 << 20)))
    yield "bomb_wide.png", png(2000000000, 1, data=zlib.compress(bytes(1 << 16)))
    yield "bomb_60000.png", png(60000, 60000, data=zlib.compress(bytes(1 << 20)))
    yield "bomb.ppm", b"P6 4000000000 4000000000 255\n" + bytes(100)
    yield "bomb_65500.jpg", bytes.fromhex("ffd8ffc0001108ffdcffdc03011100021101031101") + bytes(50)
    yield "bomb.bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, 2000000000, 2000000000, 1, 24, 0, 0, 0, 0,
                                           0, 0) + bytes(46)
    yield "stump.png", png(100, 100)[:40]
    yield "noise.bin", bytes(range(256)) * 20
    yield "text.txt", b"hello\n"
    yield "empty", b""
    yield "whole_in_memory.jpg", progressive()
    yield "curl_d.png", png(64, 64).replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
    yield "soi.jpg", b"\xff\xd8"
    yield "endless_segments.jpg", b"\xff\xd8" + b"\xff\xe1\x00\x02" * 100000
    yield "shell.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"


def files():
    yield from made()
    number = 0
    for folder in FORMATS:
        path = os.path.join(support.CORPUS, folder)
        if not os.path.isdir(path):
            continue
        for name in sorted(os.listdir(path)):
            full = os.path.join(path, name)
            if name != "MANIFEST.tsv" and os.path.isfile(full) and os.path.getsize(full) <= LIMIT_NBYTES:
                number += 1
                if support.SANITIZED and number % 4:
                    continue  # all is slower there, and every file has been through the other build
                with open(full, "rb") as file:
                    yield f"{folder}/{name}", file.read()


def own_format(data):
    """What the gateway writes by itself: the input's own format where it can be written, else PNG."""
    if data.startswith(b"\xff\xd8"):
        return "jpeg"
    return "bmp" if data.startswith(b"BM") else "pgm" if data[:1] == b"P" and data[1:2] in b"1234567" else "png"


def alone(item):
    """What the program makes of it: exit code, bytes, error text."""
    name, data = item
    with tempfile.TemporaryDirectory(prefix="rgb2gray-test-") as folder:
        source, target = os.path.join(folder, "original"), os.path.join(folder, "result")
        with open(source, "wb") as file:
            file.write(data)
        done = subprocess.run([support.PROGRAM, source, "-o", target, "--format", own_format(data), "--max-pixels", "2G",
                               "--mem-limit", "2GiB"], capture_output=True, timeout=120, check=False)
        if done.returncode != 0:
            return name, done.returncode, None, done.stderr.decode("utf-8", "replace")
        with open(target, "rb") as file:
            return name, 0, file.read(), ""


async def through(gateway, items):
    answers = {}
    queue = list(items)

    async def worker():
        while queue:
            name, data = queue.pop()
            answers[name] = await traffic.request(gateway.port, "POST", "/api/v1/convert", data,
                                                  {"Content-Type": "application/octet-stream"})
    await asyncio.gather(*(worker() for _ in range(4)))
    return answers


def judge(name, data, code, right, text, answer):
    if code == 0:
        if answer.status == 413 and b"too-many-pixels" in answer.body:
            return  # the gateway's own budget is narrower: declared pixels
        support.check(answer.status == 200 and answer.body == right,
                      f"{name}: {answer.status} where the program succeeds", answer.body[:300])
        return
    # what is too large by its header, or no image at all, is refused by what it declares before the program sees it
    allowed = set(STATUS.get(code, ())) | ({413} if code in (5, 6, 9) else set()) | ({415, 422} if code in (4, 5) else set())
    if not data:
        allowed = {400}  # no image at all
    support.check(answer.status in allowed and answer.headers.get("content-type") == "application/problem+json",
                  f"{name}: {answer.status} where the program exits with {code}", f"{text}\n{answer.body[:300]!r}")
    support.check(b"(--m" not in answer.body, f"{name}: options of the command line are told", answer.body[:400])
    support.check(name != "curl_d.png" or b"--data-binary" in answer.body, f"{name}: the way out is told", answer.body)
    support.check(b"/jobs/" not in answer.body and b"original" not in answer.body.split(b'"detail"')[-1][:40],
                  f"{name}: a path of the server is told", answer.body[:300])


def main():
    items = list(files())
    contents = dict(items)
    if not os.path.isdir(support.CORPUS):
        print(f"hostile_images: no corpus at {support.CORPUS}; only {len(items)} files made here")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        expected = list(pool.map(alone, items))
    with support.Gateway("--launcher", "auto", "--requests-a-minute", "0") as gateway:
        answers = asyncio.run(through(gateway, items))
        for name, code, right, text in expected:
            judge(name, contents[name], code, right, text, answers[name])
        rss, _ = support.memory_and_descriptors(gateway.pid)
        print(f"hostile_images: {len(items)} files, {sum(a.status == 200 for a in answers.values())} converted, "
              f"{sum(a.status >= 500 for a in answers.values())} x 5xx; the gateway's RSS is {rss >> 20} MiB")
        support.check(not any(a.status >= 500 for a in answers.values()), "a 5xx",
                      [(n, a.status, a.body[:200]) for n, a in answers.items() if a.status >= 500][:5])
        support.check(support.SANITIZED or rss < 256 << 20, f"RSS {rss >> 20} MiB")
        support.check(gateway.stop() == 0, "the gateway did not end well", gateway.log())
    return support.finish()


if __name__ == "__main__":
    sys.exit(main())
