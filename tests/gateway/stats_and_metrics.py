#!/usr/bin/env python3
"""The tables of figures and the metrics: they parse, say the same as the jobs, and add up."""
import csv
import io
import re
import sys
import time

import numpy as np
from PIL import Image

import support
from support import check

KIND = {"Content-Type": "image/png"}
SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? '
                    r'([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|Inf|NaN))$')


def png(width=64, height=48):
    rng = np.random.default_rng(width)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def metrics(gateway):
    """{name with labels: value}; checks the form (Prometheus' exposition format 0.0.4)."""
    answer = gateway.request("GET", "/metrics")
    check(answer.status == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4"), "the type",
          answer.headers)
    values, types, text = {}, {}, answer.body.decode()
    check(text.endswith("\n"), "the last line ends")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            check(name not in types, f"{name} twice")
            types[name] = kind
        elif not line.startswith("# HELP "):
            match = SAMPLE.match(line)
            if not check(match, "a sample", line):
                continue
            family = re.sub(r"_(bucket|sum|count)$", "", match[1])
            check(match[1] in types or types.get(family) == "histogram", "a sample without a type", line)
            check(match[1] + (match[2] or "") not in values, "a sample twice", line)
            values[match[1] + (match[2] or "")] = float(match[3])
    return values


def histogram_adds_up(values, name):
    buckets = [(float(key.split('"')[1].replace("+Inf", "inf")), value) for key, value in values.items()
               if key.startswith(name + "_bucket")]
    check(buckets == sorted(buckets) and buckets[-1][0] == float("inf"), f"{name}: its bounds", buckets)
    check([b[1] for b in buckets] == sorted(b[1] for b in buckets), f"{name}: sums that fall", buckets)
    check(buckets[-1][1] == values[name + "_count"], f"{name}: its count")


def wait(gateway, job):
    until = time.monotonic() + 60
    while job["state"] in ("queued", "running") and time.monotonic() < until:
        time.sleep(0.02)
        job = gateway.request("GET", job["links"]["self"]).json()
    return job


def rows_of(gateway, query=""):
    answer = gateway.request("GET", "/api/v1/stats.csv" + query)
    check(answer.status == 200 and answer.headers["content-type"].startswith("text/csv"), "the type", answer.headers)
    text = answer.body.decode("utf-8")
    check(text.endswith("\r\n") and "\n" not in text.replace("\r\n", ""), "lines end in CR LF")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def tables(gateway, jobs):
    rows = {row["id"]: row for row in rows_of(gateway)}
    table = gateway.request("GET", "/api/v1/stats.json").json()
    check(table["next"] is None and {row["id"] for row in table["rows"]} == set(rows), "the same rows in both",
          (len(table["rows"]), len(rows)))
    for row in table["rows"]:
        same = rows[row["id"]]
        check(list(row) == list(same), "the same columns", (list(row), list(same)))
        for name, value in row.items():
            text = same[name][1:] if same[name].startswith("'") else same[name]
            if value is None:
                check(text == "", f"{name} is empty", text)
            elif isinstance(value, (int, float)):
                check(abs(float(text) - value) <= 1e-4 * abs(value), f"{name}", (text, value))
            else:
                check(text == value, f"{name}", (text, value))
    for job in jobs:
        row = rows[job["id"]]
        check(row["state"] == job["state"] and row["in_nbytes"] == str(job["input"]["nbytes"]), "a row's job", row)
        check(row["error_type"] == (job["error"]["type"].rsplit(":", 1)[1] if job["error"] else ""), "its error", row)
        if job["times"]:
            check(abs(float(row["parallel_ms"]) - job["times"]["parallel_ns"] / 1e6) < 0.01, "its time", row)
            check(row["pixels"] == str(64 * 48) and row["method"] == "bt601", "its picture", row)
        if job["times"] and job["times"]["speedup"] is not None:
            check(abs(float(row["speedup"]) - job["times"]["speedup"]) < 1e-3, "its speed-up", row)


def paged(gateway, jobs):
    whole = [row["id"] for row in rows_of(gateway)]
    seen, before = [], ""
    while True:
        rows = rows_of(gateway, "?limit=2" + before)
        if not rows:
            break
        seen += [row["id"] for row in rows]
        before = f"&before={rows[-1]['number']}"
    check(seen == whole and len(seen) >= len(jobs), "pages of CSV", (seen, whole))
    seen, url = [], "/api/v1/stats.json?limit=3"
    while url:
        page = gateway.request("GET", url).json()
        seen += [row["id"] for row in page["rows"]]
        url = page["next"]
    check(seen == whole, "pages of JSON", (seen, whole))


def main():
    with support.Gateway() as gateway:
        before = metrics(gateway)
        jobs = []
        for query in ("?compare=true&launcher=mpirun", "?name=%3Dcmd()", "?name=a%2Cb%22c%0Ad", "?name=-1"):
            jobs.append(wait(gateway, gateway.request("POST", "/api/v1/jobs" + query, png(), KIND).json()))
        jobs.append(wait(gateway, gateway.request("POST", "/api/v1/jobs", png()[:-60], KIND).json()))
        gateway.request("POST", "/api/v1/convert?method=none", png(), KIND)
        tables(gateway, jobs)
        paged(gateway, jobs)
        after = metrics(gateway)
        for name in ("rgb2gray_request_seconds", "rgb2gray_job_queued_seconds", "rgb2gray_job_run_seconds",
                     "rgb2gray_convert_seconds"):
            histogram_adds_up(after, name)
        grown = {name: after[name] - before.get(name, 0) for name in after}
        check(grown["rgb2gray_jobs_accepted_total"] == 5, "accepted", grown["rgb2gray_jobs_accepted_total"])
        check(grown["rgb2gray_jobs_done_total"] == 4 and grown["rgb2gray_jobs_failed_total"] == 1, "done and failed",
              (grown["rgb2gray_jobs_done_total"], grown["rgb2gray_jobs_failed_total"]))
        check(grown['rgb2gray_refused_total{type="bad-option"}'] == 1, "refused")
        check(after['rgb2gray_jobs{state="done"}'] == 4 and after['rgb2gray_jobs{state="failed"}'] == 1, "by state",
              {k: v for k, v in after.items() if k.startswith("rgb2gray_jobs{")})
        check(after["rgb2gray_queue_length"] == 0 < after["rgb2gray_queue_limit"], "the queue")
        files = sum(job["input"]["nbytes"] + (job["output"] or {"nbytes": 0})["nbytes"] for job in jobs)
        check(files <= after["rgb2gray_spool_bytes"] < after["rgb2gray_spool_quota_bytes"], "the spool",
              (files, after["rgb2gray_spool_bytes"]))
        check(after["process_resident_memory_bytes"] > 1 << 20 and 3 < after["process_open_fds"] < 600, "the process")
        check(abs(after["process_start_time_seconds"] - time.time()) < 600, "its start",
              after["process_start_time_seconds"])
        for path, text in (("/healthz", b"ok\n"), ("/readyz", b"ready\n")):
            answer = gateway.request("GET", path)
            check(answer.status == 200 and answer.body == text, path, (answer.status, answer.body))
    return support.finish()


sys.exit(main())
