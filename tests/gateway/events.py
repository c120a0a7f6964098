#!/usr/bin/env python3
"""Server-sent events: in order, without gaps, resumed by Last-Event-ID in the middle, over a restart of the gateway,
and ended for good once all was told."""
import io
import json
import sys
import tempfile

import numpy as np
from PIL import Image

import support
from support import check

KIND = {"Content-Type": "image/png"}
LAST = ("done", "failed", "cancelled")


def png(width, height):
    rng = np.random.default_rng(width * height)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def parse(body):
    """[(id or None, kind, data)], and a check of the form."""
    events = []
    for block in body.decode("utf-8").split("\n\n"):
        fields = {}
        for line in block.split("\n"):
            if line and not line.startswith(":"):
                name, value = line.split(": ", 1)
                fields[name] = value
        if "event" in fields:
            events.append((int(fields["id"]) if "id" in fields else None, fields["event"],
                           json.loads(fields["data"])))
        elif fields:
            check(set(fields) == {"retry"}, "a block without an event", block)
    return events


def events_of(gateway, job, after=None, query=""):
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    return gateway.request("GET", job["links"]["events"] + query, headers=headers)


def submit(gateway, data, query=""):
    answer = gateway.request("POST", "/api/v1/jobs" + query, data, KIND)
    check(answer.status == 201, "a job is not accepted", (answer.status, answer.body))
    return answer.json()


def order(gateway):
    job = submit(gateway, png(500, 400), "?launcher=mpirun")
    answer = events_of(gateway, job)
    check(answer.headers["content-type"].startswith("text/event-stream"), "the type", answer.headers)
    check("no-store" in answer.headers.get("cache-control", "") or "no-cache" in answer.headers.get("cache-control", ""),
          "events are not for caches", answer.headers)
    check(answer.body.startswith(b"retry: 2000\n"), "retry", answer.body[:100])
    events = parse(answer.body)
    kinds = [kind for number, kind, _ in events if number is not None]
    numbers = [number for number, _, _ in events if number is not None]
    check(numbers == list(range(1, len(numbers) + 1)), "numbers rise by one", numbers)
    check(kinds[0] == "queued" and "running" in kinds and kinds[-1] == "done", "the order", kinds)
    check(not [e for e in events if e[0] is None and e[1] != "progress"], "an event without number", events)
    check(events[-1][1] == "done", "the stream ends with the job", events)
    return job, events


def resumed(gateway, job, events):
    kept = [event for event in events if event[0] is not None]
    for after in range(len(kept)):
        again = [e for e in parse(events_of(gateway, job, after).body) if e[0] is not None]
        check(again == kept[after:], f"behind event {after}", again)
        again = [e for e in parse(events_of(gateway, job, None, f"?after={after}").body) if e[0] is not None]
        check(again == kept[after:], f"after={after}", again)
    for after in (len(kept), len(kept) + 1000):
        answer = events_of(gateway, job, after)
        check(answer.status == 204 and answer.body == b"", "once all was told", (answer.status, answer.body))
    for odd in ("x", "-1", "99999999999999999999"):
        again = [e for e in parse(events_of(gateway, job, odd).body) if e[0] is not None]
        check(again == kept, f"Last-Event-ID: {odd}", again)


def several_at_once(gateway):
    jobs = [submit(gateway, png(300, 200 + i)) for i in range(4)]
    for job in jobs:
        check(parse(events_of(gateway, job).body)[-1][1] in LAST, "one of several")
    broken = submit(gateway, png(64, 64)[:-60])
    last = parse(events_of(gateway, broken).body)[-1]
    check(last[1] == "failed", "a broken image", last)


def main():
    with tempfile.TemporaryDirectory(prefix="rgb2gray-test-") as folder:
        with support.Gateway(spool=folder) as gateway:
            job, events = order(gateway)
            resumed(gateway, job, events)
            several_at_once(gateway)
            waiting = [submit(gateway, png(900, 900 + i), "?launcher=mpirun") for i in range(3)]
            seen = events_of_cut(gateway, waiting[-1])
        with support.Gateway(spool=folder) as gateway:
            resumed(gateway, job, events)
            rest = [e for e in parse(events_of(gateway, waiting[-1], seen[-1][0]).body) if e[0] is not None]
            numbers = [number for number, _, _ in seen + rest]
            check(numbers == list(range(1, len(numbers) + 1)), "numbers over a restart", numbers)
            check(rest and rest[-1][1] == "done", "a job over a restart", rest)
    return support.finish()


def events_of_cut(gateway, job):
    """The first kept event of a stream, which is then dropped."""
    with gateway.connect() as sock:
        sock.sendall(f"GET {job['links']['events']} HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n\r\n".encode())
        text = b""
        while b"data: " not in text or not text.split(b"data: ", 1)[1].count(b"\n"):
            piece = sock.recv(4096)
            check(piece, "the stream ended early", text)
            if not piece:
                break
            text += piece
    number = int(text.split(b"id: ", 1)[1].split(b"\n", 1)[0])
    kind = text.split(b"event: ", 1)[1].split(b"\n", 1)[0].decode()
    return [(number, kind, None)]


sys.exit(main())
