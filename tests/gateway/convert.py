#!/usr/bin/env python3
"""POST /convert gives the bytes that the program itself gives, for every format and option; what cannot be converted is
told by the documented type. Prints what the gateway adds to a conversion in the pool."""
import io
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from urllib.parse import urlencode

import numpy as np
from PIL import Image

import support
from support import check

WIDTH, HEIGHT = 150, 110


def picture():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([x * 3 + y, x + y * 2, x * y // 5], axis=-1).astype(np.uint8)


def encoded(form, **options):
    out = io.BytesIO()
    mode = options.pop("mode", "RGB")
    Image.fromarray(picture()).convert(mode).save(out, form, **options)
    return out.getvalue()


def inputs():
    rgba = np.dstack([picture(), (picture()[..., 0] // 2 + 100).astype(np.uint8)])
    out = io.BytesIO()
    Image.fromarray(rgba).save(out, "PNG")
    return {"rgb.png": encoded("PNG"), "rgba.png": out.getvalue(), "gray.png": encoded("PNG", mode="L"),
            "palette.png": encoded("PNG", mode="P"), "photo.jpg": encoded("JPEG", quality=88),
            "full.jpg": encoded("JPEG", quality=88, subsampling=0), "photo.bmp": encoded("BMP"),
            "photo.ppm": encoded("PPM")}


OPTIONS = [{}, {"method": "bt709"}, {"method": "average"}, {"method": "lightness"}, {"method": "max"},
           {"method": "red"}, {"method": "green"}, {"method": "blue"}, {"weights": "1,1,2"}, {"format": "png"},
           {"format": "jpeg"}, {"format": "bmp"}, {"format": "pgm"}, {"format": "jpeg", "quality": "40"},
           {"format": "png", "compression": "small"}, {"format": "png", "compression": "fast"},
           {"format": "png", "alpha": "keep"}, {"alpha": "flatten", "background": "#336699"}, {"orient": "apply"},
           {"ranks": "1"}, {"compare": "true", "launcher": "mpirun"}, {"compare": "true"}, {"compare": "true", "launcher": "pool"}]
JPEG_OPTIONS = [{"reencode": "true"}, {"via-rgb": "true"}, {"keep-exif": "true"}]


def by_program(folder, name, options):
    extension = {"": name.rsplit(".", 1)[1], "jpeg": "jpg"}.get(options.get("format", ""), options.get("format"))
    extension = "pgm" if extension == "ppm" else extension
    out = os.path.join(folder, "out." + extension)
    command = [support.PROGRAM]
    for key, value in options.items():
        if key in ("compare", "launcher", "ranks"):
            continue
        command += ["--" + key] if value == "true" else ["--" + key, value]
    done = subprocess.run([*command, "--force", "-o", out, os.path.join(folder, name)], capture_output=True,
                          check=False, timeout=60)
    if done.returncode != 0:
        return done.returncode, done.stderr
    with open(out, "rb") as file:
        return 0, file.read()


def same_bytes(gateway, folder):
    for name, data in inputs().items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
        for options in OPTIONS[:23 if name in ("rgb.png", "photo.jpg") else 4] + (JPEG_OPTIONS if name.endswith("jpg") else []):
            code, expected = by_program(folder, name, options)
            answer = gateway.request("POST", "/api/v1/convert?" + urlencode({"name": name, **options}), data,
                                     {"Content-Type": "image/*"})
            what = f"{name} with {options}"
            if code != 0:
                check(answer.status in (413, 415, 422), what, (code, expected[:200], answer.status, answer.body[:200]))
                continue
            check(answer.status == 200, what, (answer.status, answer.body[:400]))
            check(answer.body == expected, f"{what}: other bytes than the program's", (len(answer.body), len(expected)))
            disposition = answer.headers.get("content-disposition", "")
            check(disposition.startswith("attachment") and "-gray." in disposition, f"{what}: its name", disposition)
            timing = answer.headers.get("server-timing", "")
            check("parallel;dur=" in timing, f"{what}: its times", timing)
            check(("sequential;dur=" in timing) == ("compare" in options), f"{what}: the time of one process", timing)


def other_ways_in(gateway):
    data = encoded("PNG")
    raw = gateway.request("POST", "/api/v1/convert", data, {"Content-Type": "image/png"})
    compared = gateway.request("POST", "/api/v1/convert?compare=1", data, {"Content-Type": "image/png"})
    check(compared.headers.get("rgb2gray-launcher") == "pool", "compared in the pool, as it is small", compared)
    boundary = "xx-a-boundary-xx"
    form = (f'--{boundary}\r\nContent-Disposition: form-data; name="method"\r\n\r\nbt601\r\n--{boundary}\r\n'
            f'Content-Disposition: form-data; name="file"; filename="a \\"b\\".png"\r\nContent-Type: image/png\r\n\r\n'
            ).encode() + data + f"\r\n--{boundary}--\r\n".encode()
    answer = gateway.request("POST", "/api/v1/convert", form,
                             {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    check(answer.status == 200 and answer.body == raw.body, "a form", (answer.status, answer.body[:300]))
    curl = subprocess.run(["curl", "-sS", "--data-binary", "@-", f"http://127.0.0.1:{gateway.port}/api/v1/convert"],
                          input=data, capture_output=True, check=False, timeout=60)
    check(curl.stdout == raw.body, "curl --data-binary", curl.stderr)
    named = gateway.request("POST", "/api/v1/convert", data, {"Content-Type": "image/png",
                                                              "Content-Disposition": 'attachment; filename="x y.png"'})
    check("x y-gray.png" in named.headers.get("content-disposition", ""), "a name in the header", named.headers)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def refusals(gateway):
    good, kind = encoded("PNG"), {"Content-Type": "image/png"}
    huge = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2000000, 2000000, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b""))
    cases = [("cut short", good[:len(good) // 2], "", kind, 422, "corrupt-image"),
             ("no image", b"hello, world" * 20, "", kind, 415, "unsupported-image"),
             ("too many pixels", huge, "", kind, 413, "too-many-pixels"),
             ("an unknown option", good, "?metod=bt601", kind, 422, "bad-option"),
             ("an unknown method", good, "?method=sepia", kind, 422, "bad-option"),
             ("a quality of 0", good, "?quality=0", kind, 422, "bad-option"),
             ("a method and weights", good, "?method=bt709&weights=1,1,1", kind, 422, "bad-option"),
             ("an empty body", b"", "", kind, 400, "bad-request"),
             ("another type", good, "", {"Content-Type": "text/html"}, 415, "unsupported-type"),
             ("JSON", b"{}", "", {"Content-Type": "application/json"}, 415, "unsupported-type"),
             ("a form without a boundary", good, "", {"Content-Type": "multipart/form-data"}, 415, "unsupported-type")]
    for what, body, query, headers, status, kind_ in cases:
        answer = gateway.request("POST", "/api/v1/convert" + query, body, headers)
        check(answer.status == status, what, (answer.status, answer.body))
        check(answer.headers.get("content-type", "").startswith("application/problem+json"), what, answer.headers)
        problem = answer.json()
        check(problem["type"] == "urn:rgb2gray:problem:" + kind_, what, problem)
        check(str(gateway.spool) not in answer.body.decode(), f"{what}: a path of the server", problem)


def nothing_left(gateway):
    left = os.listdir(os.path.join(gateway.spool, "jobs")) + os.listdir(os.path.join(gateway.spool, "incoming"))
    check(not left, "files of conversions that were answered", left)


def overhead(gateway):
    data, added = encoded("JPEG", quality=88), []
    for _ in range(30):
        began = time.monotonic()
        answer = gateway.request("POST", "/api/v1/convert?launcher=pool", data, {"Content-Type": "image/jpeg"})
        wall = (time.monotonic() - began) * 1e3
        if answer.status == 200:
            times = dict(part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
            added.append(wall - float(times["parallel"]))
    if added:
        print(f"pool: {statistics.median(added):.2f} ms beside the conversion itself (median of {len(added)})")


def main():
    with tempfile.TemporaryDirectory(prefix="rgb2gray-test-") as folder, support.Gateway() as gateway:
        same_bytes(gateway, folder)
        other_ways_in(gateway)
        refusals(gateway)
        nothing_left(gateway)
        overhead(gateway)
    return support.finish()


sys.exit(main())
