#!/usr/bin/env python3
"""Resumable uploads by tus 1.0: core, creation, termination, expiration; lines that drop at any byte, two writers at
once, a restart in between; and the job that comes of it has the right result."""
import base64
import io
import random
import sys
import tempfile
import time

import numpy as np
from PIL import Image

import support
from support import check

UPLOADS = "/api/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
PATCH = {**TUS, "Content-Type": "application/offset+octet-stream"}


def png(width=300, height=260):
    rng = np.random.default_rng(5)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def metadata(**pairs):
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())


def create(gateway, nbytes, **pairs):
    headers = {**TUS, "Upload-Length": str(nbytes)}
    if pairs:
        headers["Upload-Metadata"] = metadata(**pairs)
    answer = gateway.request("POST", UPLOADS, b"", headers)
    check(answer.status == 201, "an upload is not begun", (answer.status, answer.body))
    check(answer.headers.get("tus-resumable") == "1.0.0" and "upload-expires" in answer.headers, "its headers",
          answer.headers)
    return answer.headers["location"]


def patch(gateway, url, offset, data):
    return gateway.request("PATCH", url, data, {**PATCH, "Upload-Offset": str(offset)})


def offset_of(gateway, url):
    answer = gateway.request("HEAD", url, headers=TUS)
    check(answer.status in (200, 204) and answer.body == b"", "HEAD", answer.status)
    check("no-store" in answer.headers.get("cache-control", ""), "an offset is not for caches", answer.headers)
    return int(answer.headers["upload-offset"])


def whole(gateway, data):
    options = gateway.request("OPTIONS", UPLOADS)
    check(options.status in (200, 204) and options.headers.get("tus-version") == "1.0.0", "OPTIONS", options.headers)
    check(set(options.headers["tus-extension"].split(",")) == {"creation", "termination", "expiration"}, "extensions",
          options.headers)
    check(int(options.headers["tus-max-size"]) > 0, "the largest size", options.headers)
    url = create(gateway, len(data), filename="scan.png", filetype="image/png", method="green", format="png")
    check(offset_of(gateway, url) == 0, "a new offset")
    half = len(data) // 2
    answer = patch(gateway, url, 0, data[:half])
    check(answer.status == 204 and answer.headers["upload-offset"] == str(half), "PATCH", (answer.status, answer.headers))
    early = submit(gateway, url)
    check(early.status == 409, "a job of half an upload", (early.status, early.body))
    for wrong in (0, half - 1, half + 1, len(data)):
        answer = patch(gateway, url, wrong, data[wrong:])
        check(answer.status == 409, f"offset {wrong} of {half}", answer.status)
    check(offset_of(gateway, url) == half, "wrong offsets changed nothing")
    answer = patch(gateway, url, half, data[half:] + b"too much")
    check(answer.status == 413, "more than was declared", answer.status)
    now = offset_of(gateway, url)
    if now < len(data):
        answer = patch(gateway, url, now, data[now:])
        check(answer.status == 204, "the rest", answer.status)
    return url


def submit(gateway, url, **more):
    import json
    body = {"upload": url.rsplit("/", 1)[1], **more}
    return gateway.request("POST", "/api/v1/jobs", json.dumps(body).encode(), {"Content-Type": "application/json"})


def result(gateway, job):
    until = time.monotonic() + 60
    while job["state"] in ("queued", "running") and time.monotonic() < until:
        time.sleep(0.02)
        job = gateway.request("GET", job["links"]["self"]).json()
    check(job["state"] == "done", "the job of an upload", job)
    return job, gateway.request("GET", f"/api/v1/jobs/{job['id']}/result").body


def job_of(gateway, url, data):
    expected = gateway.request("POST", "/api/v1/convert?method=green&format=png", data, {"Content-Type": "image/png"})
    first = submit(gateway, url)
    check(first.status == 201 and first.headers.get("location", "").endswith(first.json()["id"]), "its job",
          (first.status, first.body))
    again = submit(gateway, url)
    check(again.status == 200 and again.json()["id"] == first.json()["id"], "asked twice, one job",
          (again.status, again.body))
    job, body = result(gateway, first.json())
    check(job["name"] == "scan.png" and job["options"]["method"] == "green", "options of the upload", job)
    check(body == expected.body, "the result of an upload")


def cut_lines(gateway, data, seed):
    """Sends the upload over connections that drop at random bytes, asking for the offset after each."""
    rng = random.Random(seed)
    url = create(gateway, len(data))
    kept = 0
    for _ in range(60):
        offset = offset_of(gateway, url)
        left = data[offset:]
        if kept >= 8 or len(left) < 1000:
            break
        sent = left[:rng.randrange(1, max(2, len(data) // 10))]
        with gateway.connect() as sock:
            head = (f"PATCH {url} HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nTus-Resumable: 1.0.0\r\n"
                    f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: {offset}\r\n"
                    f"Content-Length: {len(left)}\r\n\r\n")
            sock.sendall(head.encode() + sent)
        # one that comes before the end of the last one was noticed is refused: then nothing comes of it
        until = time.monotonic() + 1
        while (now := offset_of(gateway, url)) < offset + len(sent) and time.monotonic() < until:
            time.sleep(0.01)
        check(now in (offset, offset + len(sent)), "what came before the line dropped", (offset, now, len(sent)))
        kept += now > offset
    check(kept >= 8, "lines that dropped, and what came was kept", kept)
    until = time.monotonic() + 20
    while (answer := patch(gateway, url, offset, data[offset:])).status == 409 and time.monotonic() < until:
        time.sleep(0.05)
    check(answer.status == 204, "the last piece", (answer.status, answer.body))
    expected = gateway.request("POST", "/api/v1/convert", data, {"Content-Type": "image/png"}).body
    answer = submit(gateway, url)
    check(answer.status == 201, "its job", (answer.status, answer.body))
    check(result(gateway, answer.json())[1] == expected, "its result")


def two_writers(gateway, data):
    url = create(gateway, len(data))
    with gateway.connect() as sock:
        head = (f"PATCH {url} HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nTus-Resumable: 1.0.0\r\n"
                f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: {len(data)}\r\n\r\n")
        sock.sendall(head.encode() + data[:1000])
        until, second = time.monotonic() + 10, None
        while time.monotonic() < until:
            second = patch(gateway, url, offset_of(gateway, url), b"x")
            if second.status == 409:
                break
            time.sleep(0.01)
        check(second.status == 409, "a second writer", second.status)
        sock.sendall(data[1000:])
        check(b" 204 " in sock.recv(4096).split(b"\r\n")[0], "the first writer")
    check(offset_of(gateway, url) == len(data), "all of the first writer's")


def post_alone(gateway, data):
    """A client behind something that lets only POST through."""
    url = create(gateway, len(data))

    def post(method, body=b"", **headers):
        return gateway.request("POST", url, body, {**TUS, "X-HTTP-Method-Override": method, **headers})

    answer = post("PATCH", data, **{"Content-Type": PATCH["Content-Type"], "Upload-Offset": "0"})
    check(answer.status == 204 and answer.headers["upload-offset"] == str(len(data)), "PATCH by POST", answer)
    answer = post("HEAD")
    check(answer.status == 200 and answer.headers["upload-offset"] == str(len(data)), "HEAD by POST", answer)
    for method, headers in (("PUT", {}), ("GET", {}), ("", {})):
        check(post(method, **headers).status == 405, f"{method} by POST")
    answer = gateway.request("POST", url, b"", {**TUS, "X-HTTP-Method-Override": "DELETE", "Origin": "http://evil.example"})
    check(answer.status == 403, "another site's page", answer)
    check(post("DELETE").status == 204, "DELETE by POST")
    check(post("HEAD").status == 410 and post("HEAD").problem() == "gone", "HEAD of what was removed, by POST")
    answer = gateway.request("POST", "/api/v1/jobs", b"", {"X-HTTP-Method-Override": "DELETE", "Content-Type": "image/png"})
    check(answer.status == 400, "it is for uploads alone", answer)


def refusals(gateway):
    cases = [("no version", {"Upload-Length": "5"}, 412), ("another version", {"Tus-Resumable": "0.2.2", "Upload-Length": "5"}, 412),
             ("no length", TUS, 411), ("a length that is none", {**TUS, "Upload-Length": "-5"}, 400),
             ("no bytes", {**TUS, "Upload-Length": "0"}, 400), ("too long", {**TUS, "Upload-Length": str(1 << 50)}, 413),
             ("a length later", {**TUS, "Upload-Defer-Length": "1"}, 400),
             ("no base64", {**TUS, "Upload-Length": "5", "Upload-Metadata": "filename ????"}, 400),
             ("long metadata", {**TUS, "Upload-Length": "5", "Upload-Metadata": "filename " + "QUJD" * 700}, 413),
             ("an unknown option", {**TUS, "Upload-Length": "5", "Upload-Metadata": metadata(colour="red")}, 422),
             ("a bad option", {**TUS, "Upload-Length": "5", "Upload-Metadata": metadata(method="sepia")}, 422)]
    for what, headers, status in cases:
        answer = gateway.request("POST", UPLOADS, b"", headers)
        check(answer.status == status, what, (answer.status, answer.body))
        check(answer.headers.get("tus-resumable") == "1.0.0", f"{what}: the version in the answer", answer.headers)
    url = create(gateway, 100)
    answer = gateway.request("PATCH", url, b"x", {**TUS, "Upload-Offset": "0", "Content-Type": "image/png"})
    check(answer.status == 415, "another type", answer.status)
    answer = gateway.request("PATCH", url, b"x", PATCH)
    check(answer.status == 400, "no offset", answer.status)
    for method in ("HEAD", "PATCH", "DELETE"):
        answer = gateway.request(method, url, b"x" if method == "PATCH" else None)
        check(answer.status == 412, f"{method} without a version", answer.status)
    check(gateway.request("DELETE", url, headers=TUS).status == 204, "DELETE")
    for method in ("HEAD", "PATCH", "DELETE"):
        headers = {**PATCH, "Upload-Offset": "0"} if method == "PATCH" else TUS
        answer = gateway.request(method, url, b"x" if method == "PATCH" else None, headers)
        check(answer.status in (404, 410), f"{method} of what was removed", answer.status)
    answer = submit(gateway, url)
    check(answer.status in (404, 410), "a job of what was removed", answer.status)
    for body in (b"{", b"[]", b"{}", b'{"upload": 5}', b'{"upload": "x", "more": 1}', b"\xff\xfe", b'{"upload":"a","upload":"b"}'):
        answer = gateway.request("POST", "/api/v1/jobs", body, {"Content-Type": "application/json"})
        check(answer.status in (400, 404), f"JSON {body}", answer.status)


def shares():
    """What a client announces and does not send holds up that client, not the others."""
    with support.Gateway("--quota", "64MiB", "--max-body", "32MiB", "--requests-a-minute", "0") as gateway:
        def begin(nbytes, source):
            return gateway.request("POST", "/api/v1/uploads", b"", {**TUS, "Upload-Length": str(nbytes)}, source)

        check(begin(30 << 20, "127.0.0.2").status == 201, "a first upload may be large")
        answers = [begin(4 << 20, "127.0.0.2") for _ in range(20)]
        check({answer.problem() for answer in answers} == {"quota-full"}, "no more beside it", answers[0])
        check(begin(10 << 20, "127.0.0.3").status == 201, "another client's")
        answers = [begin(1, "127.0.0.4") for _ in range(1010)]
        check([answer.status for answer in answers].count(201) == 1000, "a thousand, however small", answers[-1])
        mine = answers[0].headers["location"]
        check(gateway.request("DELETE", mine, headers=TUS).status == 204 and begin(1, "127.0.0.4").status == 201,
              "room again")
        check(gateway.request("POST", "/api/v1/convert", png(), source="127.0.0.5").status == 200, "a conversion")


def main():
    shares()
    data = png()
    with tempfile.TemporaryDirectory(prefix="rgb2gray-test-") as folder:
        with support.Gateway(spool=folder) as gateway:
            url = whole(gateway, data)
            job_of(gateway, url, data)
            cut_lines(gateway, data, 1)
            two_writers(gateway, data)
            post_alone(gateway, data)
            refusals(gateway)
            over = create(gateway, len(data))
            patch(gateway, over, 0, data[:777])
        with support.Gateway("--upload-expire", "1", spool=folder) as gateway:
            check(offset_of(gateway, over) == 777, "an upload over a restart")
            check(patch(gateway, over, 777, data[777:]).status == 204, "the rest after a restart")
            check(result(gateway, submit(gateway, over).json())[0]["input"]["nbytes"] == len(data), "its job")
            short = create(gateway, 50)
            until = time.monotonic() + 20
            while time.monotonic() < until and gateway.request("HEAD", short, headers=TUS).status == 200:
                time.sleep(0.1)
            check(gateway.request("HEAD", short, headers=TUS).status in (404, 410), "an upload whose time is over")
    return support.finish()


sys.exit(main())
