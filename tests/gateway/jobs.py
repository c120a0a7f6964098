#!/usr/bin/env python3
"""A job's life over HTTP: accepted, listed by pages, done, read in parts, cancelled, removed, gone; hostile names stay
data everywhere."""
import csv
import hashlib
import io
import json
import sys
import time
from urllib.parse import quote

import numpy as np
from PIL import Image

import support
from support import check

KIND = {"Content-Type": "image/png"}


def png(width=120, height=90):
    rng = np.random.default_rng(width * height)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def submit(gateway, data, query=""):
    answer = gateway.request("POST", "/api/v1/jobs" + query, data, KIND)
    check(answer.status == 201, "a job is not accepted", (answer.status, answer.body))
    return answer.json()


def wait(gateway, job, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        job = gateway.request("GET", job["links"]["self"]).json()
        if job["state"] not in ("queued", "running"):
            break
        time.sleep(0.02)
    return job


def life(gateway):
    data = png()
    job = submit(gateway, data, "?name=scan.png&compare=true&launcher=mpirun&method=bt709")
    check(job["state"] in ("queued", "running"), "a new job's state", job)
    job = wait(gateway, job)
    check(job["state"] == "done", "the job is not done", job)
    check(job["input"] == {"format": "png", "nbytes": len(data), "width": 120, "height": 90}, "its input", job)
    times = job["times"]
    check(times and times["parallel_ns"] > 0 and times["sequential_ns"] > 0, "its times", times)
    check(times["speedup"] and abs(times["speedup"] - times["sequential_ns"] / times["parallel_ns"]) < 1e-3, "speedup",
          times)
    check(job["options"]["method"] == "bt709" and job["options"]["compare"] is True, "its options", job["options"])
    return data, job


def files(gateway, data, job):
    result = gateway.request("GET", job["links"]["result"])
    check(result.status == 200 and len(result.body) == job["output"]["nbytes"], "the result", result.status)
    check(hashlib.sha256(result.body).hexdigest() == job["output"]["sha256"], "its hash")
    tag = result.headers["etag"]
    check(tag == '"%s"' % job["output"]["sha256"], "its tag", tag)
    check(result.headers["content-type"] == "image/png", "its type", result.headers)
    check(result.headers.get("x-content-type-options") == "nosniff", "nosniff", result.headers)
    check('scan-gray.png' in result.headers["content-disposition"], "its name", result.headers)
    original = gateway.request("GET", job["links"]["original"])
    check(original.body == data, "the original is not what was sent")
    check(original.headers["etag"] != tag and not original.headers["etag"].startswith("W/"), "the original's tag")
    head = gateway.request("HEAD", job["links"]["result"])
    check(head.status == 200 and head.body == b"" and head.headers["content-length"] == str(len(result.body)), "HEAD",
          head.headers)
    size = len(result.body)
    for value, status, part in [("bytes=0-9", 206, result.body[:10]), (f"bytes={size - 5}-", 206, result.body[-5:]),
                                ("bytes=-7", 206, result.body[-7:]), ("bytes=5-5", 206, result.body[5:6]),
                                (f"bytes=0-{size * 2}", 206, result.body), (f"bytes={size}-", 416, None),
                                ("bytes=9-3", 200, result.body), ("lines=1-2", 200, result.body)]:
        answer = gateway.request("GET", job["links"]["result"], headers={"Range": value})
        check(answer.status == status and (part is None or answer.body == part), f"Range: {value}",
              (answer.status, len(answer.body), answer.headers))
    same = gateway.request("GET", job["links"]["result"], headers={"If-None-Match": tag})
    check(same.status == 304 and same.body == b"", "If-None-Match", same.status)
    other = gateway.request("GET", job["links"]["result"], headers={"If-None-Match": '"x"'})
    check(other.status == 200, "If-None-Match of another", other.status)
    for if_range, status in ((tag, 206), ('"x"', 200)):
        answer = gateway.request("GET", job["links"]["result"], headers={"Range": "bytes=0-3", "If-Range": if_range})
        check(answer.status == status, f"If-Range: {if_range}", answer.status)
    report = gateway.request("GET", job["links"]["report"])
    check(report.status == 200 and report.json()["schema"] == "rgb2gray-report", "the report", report.body[:300])
    check(str(gateway.spool) not in report.body.decode(), "a path of the server in the report")
    check(report.json()["in_path"] == "scan.png", "the name in the report", report.json()["in_path"])


def pages(gateway):
    made = [submit(gateway, png(20 + i, 20))["id"] for i in range(7)]
    for id_ in made:
        wait(gateway, {"links": {"self": f"/api/v1/jobs/{id_}"}})
    seen, url = [], "/api/v1/jobs?limit=3"
    while url:
        page = gateway.request("GET", url).json()
        check(0 < len(page["jobs"]) <= 3, "a page's length", len(page["jobs"]))
        seen += [job["id"] for job in page["jobs"]]
        url = page["next"]
    check(len(seen) == len(set(seen)), "a job on two pages", seen)
    check([i for i in seen if i in made] == made[::-1], "newest first", (seen, made))
    done = gateway.request("GET", "/api/v1/jobs?state=done&limit=200").json()
    check({job["state"] for job in done["jobs"]} == {"done"} and done["next"] is None, "only those that are done")
    for query in ("limit=0", "limit=201", "limit=x", "before=-1", "state=odd"):
        answer = gateway.request("GET", "/api/v1/jobs?" + query)
        check(answer.status == 400, query, answer.status)


def failure(gateway):
    job = wait(gateway, submit(gateway, png()[:-100]))
    check(job["state"] == "failed" and job["error"]["type"] == "urn:rgb2gray:problem:corrupt-image", "a broken image",
          job)
    check(str(gateway.spool) not in json.dumps(job), "a path of the server in a job's error", job["error"])
    result = gateway.request("GET", f"/api/v1/jobs/{job['id']}/result")
    check(result.status == 409 and result.json()["type"].endswith("not-ready"), "a failed job's result", result.body)


def cancelled(gateway):
    slow = [submit(gateway, png(700, 700 + i), "?launcher=mpirun") for i in range(4)]
    last = slow[-1]
    answer = gateway.request("DELETE", last["links"]["self"])
    check(answer.status == 202, "cancelling", (answer.status, answer.body))
    job = wait(gateway, last)
    check(job["state"] == "cancelled" and job["error"]["type"].endswith("cancelled"), "it is cancelled", job)
    for job in slow:
        wait(gateway, job)
    answer = gateway.request("DELETE", last["links"]["self"])
    check(answer.status == 204 and answer.body == b"", "removing", answer.status)
    for method, part in (("GET", ""), ("DELETE", ""), ("GET", "/result"), ("GET", "/original"), ("GET", "/report"),
                         ("GET", "/preview"), ("GET", "/events")):
        answer = gateway.request(method, last["links"]["self"] + part)
        check(answer.status == 410 and answer.json()["type"].endswith("gone"), f"{method} {part} of what was removed",
              answer.status)
    for id_ in ("0" * 32, "x", "A" * 32, "..", "%2e%2e", "1" * 31):
        answer = gateway.request("GET", "/api/v1/jobs/" + id_)
        check(answer.status in (400, 404), f"job {id_}", answer.status)


HOSTILE = ["../../etc/passwd", "=1+1.png", "a\"b,c;d.png", "<script>alert(1)</script>.png", "ü漢字🙂.png", "CON",
           ".png", "x" * 300 + ".png", "back\\slash.png", "@SUM(A1).png", "a\r\nSet-Cookie: x=y.png", "\u202egnp.exe"]


def hostile_names(gateway):
    made = {}
    for name in HOSTILE:
        job = wait(gateway, submit(gateway, png(16, 16), "?name=" + quote(name)))
        made[job["id"]] = job
        clean = "".join("_" if ord(c) < 32 or ord(c) == 127 else c for c in name)
        check(clean.startswith(job["name"]) and (job["name"] == clean or len(clean) > 200), f"the name {name!r}",
              job["name"])
        if job["state"] != "done":
            check(False, f"{name!r} is not done", job)
            continue
        for link in ("result", "original"):
            answer = gateway.request("GET", job["links"][link])
            value = answer.headers.get("content-disposition", "")
            check(answer.status == 200 and "set-cookie" not in answer.headers, f"{link} of {name!r}", answer.headers)
            check(value.startswith("attachment; filename=\"") and all(32 <= ord(c) < 127 for c in value),
                  f"the header of {name!r}", value)
            check(not set('/\\') & set(value.split('"')[1]), f"a path in the header of {name!r}", value)
    text = gateway.request("GET", "/api/v1/stats.csv").body.decode("utf-8")
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
    for id_, job in made.items():
        name = rows[id_]["name"]
        check(name in (job["name"], "'" + job["name"]) and name[:1] not in "=+-@\t" or name == "", "a formula", name)
    bad = gateway.request("POST", "/api/v1/jobs?name=%ff%fe", png(16, 16), KIND)
    check(bad.status == 400, "a name that is no UTF-8", bad.status)


def main():
    with support.Gateway() as gateway:
        data, job = life(gateway)
        files(gateway, data, job)
        pages(gateway)
        failure(gateway)
        cancelled(gateway)
        hostile_names(gateway)
    return support.finish()


sys.exit(main())
