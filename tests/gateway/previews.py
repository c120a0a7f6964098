#!/usr/bin/env python3
"""Previews and tiles: made when first asked for, once for all who ask, in the sizes that are offered, counted against
the quota, refused for images that cannot be read."""
import io
import os
import sys
import tempfile
import threading
import time

import numpy as np
from PIL import Image

import support
from support import check

KIND = {"Content-Type": "image/png"}


def png(width, height):
    y, x = np.mgrid[0:height, 0:width]
    out = io.BytesIO()
    Image.fromarray(np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=-1).astype(np.uint8)).save(
        out, "PNG")
    return out.getvalue()


def done_job(gateway, data):
    job = gateway.request("POST", "/api/v1/jobs", data, KIND).json()
    until = time.monotonic() + 60
    while job["state"] in ("queued", "running") and time.monotonic() < until:
        time.sleep(0.02)
        job = gateway.request("GET", job["links"]["self"]).json()
    return job


def sizes(gateway, job, width, height):
    for of in ("original", "result"):
        for size, side in (("", 512), ("&size=64", 256), ("&size=256", 256), ("&size=257", 512), ("&size=2048", 2048)):
            answer = gateway.request("GET", f"{job['links']['preview']}?of={of}{size}")
            check(answer.status == 200 and answer.headers["content-type"] == "image/jpeg", f"{of} {size}",
                  (answer.status, answer.body[:300]))
            if answer.status != 200:
                continue
            picture = Image.open(io.BytesIO(answer.body))
            longer = min(side, max(width, height))
            check(max(picture.size) == longer and abs(picture.size[1] * width - picture.size[0] * height) <= max(width, height),
                  f"{of} {size}: its sides", picture.size)
            check((picture.mode == "L") or of == "original", f"{of} {size}: gray", picture.mode)
            again = gateway.request("GET", f"{job['links']['preview']}?of={of}{size}",
                                    headers={"If-None-Match": answer.headers["etag"]})
            check(again.status == 304, f"{of} {size}: not changed", again.status)
            check("private" in answer.headers.get("cache-control", ""), "for private caches", answer.headers)
    for query in ("of=other", "size=63", "size=2049", "size=x"):
        answer = gateway.request("GET", f"{job['links']['preview']}?{query}")
        check(answer.status == 400, query, answer.status)


def once(gateway):
    job = done_job(gateway, png(1500, 1100))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        gateway.request("GET", f"{job['links']['preview']}?of=original&size=1024"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check({answer.status for answer in answers} == {200}, "asked by many at once", [a.status for a in answers])
    check(len({answer.body for answer in answers}) == 1, "one preview for all")
    folder = os.path.join(gateway.spool, "jobs", job["id"])
    made = [name for name in os.listdir(folder) if name.startswith("preview")]
    check(made == ["preview-original-1024.jpg"], "what lies in the folder", os.listdir(folder))
    return job


def tiles(gateway, job, width, height):
    url = f"/api/v1/jobs/{job['id']}/tiles/original"
    until = time.monotonic() + 60
    answer = gateway.request("GET", url)
    while answer.status == 202 and time.monotonic() < until:
        time.sleep(0.2)
        answer = gateway.request("GET", url)
    check(answer.status == 200, "tiles", (answer.status, answer.body[:300]))
    if answer.status != 200:
        return
    what = answer.json()
    check(what["width"] == width and what["height"] == height, "their picture", what)
    side = what["tile"]
    for level, shape in enumerate(what["levels"]):
        whole = Image.new("RGB", (shape["width"], shape["height"]))
        for row in range(shape["rows"]):
            for column in range(shape["columns"]):
                tile = gateway.request("GET", f"{url}/{level}/{column}_{row}")
                check(tile.status == 200, f"tile {level}/{column}_{row}", tile.status)
                picture = Image.open(io.BytesIO(tile.body))
                whole.paste(picture, (column * side, row * side))
        if level == 0:
            expected = Image.open(io.BytesIO(png(width, height)))
            off = np.abs(np.asarray(whole).astype(int) - np.asarray(expected).astype(int)).mean()
            check(off == 0, "tiles put together are the very picture", off)
    for odd in (f"{len(what['levels'])}/0_0", "0/999_0", "0/0", "x/0_0", "0/0_0.jpg", "0/-1_0"):
        answer = gateway.request("GET", f"{url}/{odd}")
        check(answer.status in (400, 404), f"tile {odd}", answer.status)
    check(gateway.request("GET", f"/api/v1/jobs/{job['id']}/tiles/other").status == 404, "tiles of nothing")


def refused(gateway):
    broken = done_job(gateway, png(200, 200)[:-500])
    check(broken["state"] == "failed", "a broken image", broken["state"])
    answer = gateway.request("GET", f"{broken['links']['preview']}?of=result")
    check(answer.status == 409, "the result of a failed job", answer.status)
    answer = gateway.request("GET", f"{broken['links']['preview']}?of=original")
    check(answer.status == 422 and answer.json()["type"].endswith("corrupt-image"), "a broken original", answer.body)
    check(str(gateway.spool) not in answer.body.decode(), "a path of the server", answer.body)


def removed_meanwhile():
    """The job goes when the program has its original open: 410, and no path of the server in any answer."""
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "rgb2gray")
        with open(program, "w", encoding="ascii") as file:
            file.write("#!/bin/bash\nif [[ $1 == preview ]]; then\n    in=${!#}\n    exec 9<\"$in\"\n"
                       "    rm -r \"${in%/*}\"\n"
                       f"    set -- \"${{@:1:$#-1}}\" /dev/fd/9\nfi\nexec {support.PROGRAM} \"$@\"\n")
        os.chmod(program, 0o755)
        with support.Gateway("--program", program) as gateway:
            job = done_job(gateway, png(300, 200))
            answer = gateway.request("GET", f"{job['links']['preview']}?of=original")
            check(answer.status == 410, "a job that was removed meanwhile", (answer.status, answer.body))
            check(str(gateway.spool) not in answer.body.decode(), "a path of the server", answer.body)


def spool_bytes(gateway):
    for line in gateway.request("GET", "/metrics").body.decode().splitlines():
        if line.startswith("rgb2gray_spool_bytes "):
            return float(line.split()[1])
    return None


def counted(gateway):
    job = done_job(gateway, png(700, 700))
    before = spool_bytes(gateway)
    preview = gateway.request("GET", f"{job['links']['preview']}?of=original&size=256")
    check(spool_bytes(gateway) == before + len(preview.body), "a preview is counted", (before, spool_bytes(gateway)))
    gateway.request("DELETE", job["links"]["self"])
    files = job["input"]["nbytes"] + job["output"]["nbytes"] + len(preview.body)
    check(spool_bytes(gateway) <= before + len(preview.body) - files, "and given back", spool_bytes(gateway))


def main():
    with support.Gateway() as gateway:
        job = done_job(gateway, png(1000, 600))
        sizes(gateway, job, 1000, 600)
        once(gateway)
        tiles(gateway, job, 1000, 600)
        refused(gateway)
        counted(gateway)
    removed_meanwhile()
    return support.finish()


sys.exit(main())
