"""What the gateway counts against the quota is what lies in its spool, after all that can happen to a job: ends of every
kind, previews and tiles, removals at the same time, resumable uploads, and deaths of the gateway between two steps."""
import glob
import os
import re
import shutil
import signal
import sqlite3
import sys
import threading
import time

import support
from support import check

KIND = {"Content-Type": "application/octet-stream"}
TUS = {"Tus-Resumable": "1.0.0"}


def counted(gateway):
    return int(float(re.search(r"^rgb2gray_spool_bytes (\S+)$", gateway.request("GET", "/metrics").body.decode(), re.M)[1]))


def lying(spool):
    """Bytes of jobs, of files on their way in, and of uploads as they were announced."""
    sizes = 0
    for place in ("jobs", "incoming"):
        for folder, _, names in os.walk(os.path.join(spool, place)):
            sizes += sum(os.lstat(os.path.join(folder, name)).st_size for name in names)
    with sqlite3.connect(f"file:{spool}/store.db?mode=ro", uri=True) as store:
        return sizes + store.execute("SELECT ifnull(sum(nbytes), 0) FROM uploads WHERE job = ''").fetchone()[0]


def settle(gateway, what):
    """Both agree, once nothing is under way."""
    def agree():
        return counted(gateway) == lying(gateway.spool)
    if not support.wait_for(agree, f"{what}: what is counted is what lies there", 15):
        print(counted(gateway), lying(gateway.spool))


def submit(gateway, data, query=""):
    return gateway.request("POST", "/api/v1/jobs" + query, data, KIND).json()


def end(gateway, job):
    path = job["links"]["self"]
    support.wait_for(lambda: gateway.request("GET", path).json()["state"] not in ("queued", "running"), "a job ends")
    return gateway.request("GET", path).json()


def upload(gateway, data, declared=None):
    made = gateway.request("POST", "/api/v1/uploads", b"", {**TUS, "Upload-Length": str(declared or len(data))})
    gateway.request("PATCH", made.headers["location"], data,
                    {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"})
    return made.headers["location"]


def ends(gateway):
    good = support.small_png(300, 200)
    jobs = [end(gateway, submit(gateway, data, query)) for data, query in (
        (good, ""), (good, "?launcher=mpirun"), (good[:len(good) // 2], ""), (good[:len(good) // 2], "?launcher=mpirun"),
        (good, "?compare=1"), (good, "?format=bmp&launcher=pool"))]
    settle(gateway, "jobs that ended")
    for query in ("?launcher=mpirun", "?launcher=pool"):
        for pause in (0, 0.05, 0.2, 0.4):
            job = submit(gateway, good, query)
            time.sleep(pause)
            gateway.request("DELETE", job["links"]["self"])
    settle(gateway, "jobs that were cancelled or removed")
    gateway.request("POST", "/api/v1/convert", good, KIND)
    gateway.request("POST", "/api/v1/convert", good[:1000], KIND)
    settle(gateway, "one-shot jobs")
    return jobs


def previews(gateway):
    good = support.small_png(700, 500)
    for number in range(12):
        job = submit(gateway, good)
        if number % 2:
            end(gateway, job)
        path = job["links"]["self"]
        asked = [f"{path}/preview?of=original&size=256", f"{path}/preview?of=original&size=512", f"{path}/tiles/original"]
        threads = [threading.Thread(target=gateway.request, args=("GET", one)) for one in asked]
        for thread in threads:
            thread.start()
        if number % 3 == 0:
            time.sleep(0.02 * number)
            gateway.request("DELETE", path)
        for thread in threads:
            thread.join()
    settle(gateway, "previews, also of jobs that end or go meanwhile")


def uploads(gateway):
    good = support.small_png(200, 100)
    whole, part, junk = upload(gateway, good), upload(gateway, good[:500], len(good)), upload(gateway, b"x" * 5000)
    settle(gateway, "uploads")
    for location in (whole, whole, junk, part):
        gateway.request("POST", "/api/v1/jobs", '{"upload": "%s"}' % location.rsplit("/", 1)[1],
                        {"Content-Type": "application/json"})
    settle(gateway, "uploads that became jobs, or cannot")
    for location in (whole, junk):
        gateway.request("DELETE", location, headers=TUS)
    settle(gateway, "uploads that were removed")


def kill(gateway, meanwhile=lambda: None):
    gateway.process.send_signal(signal.SIGKILL)
    gateway.process.wait()
    meanwhile()
    gateway.restart()


def deaths(gateway, job):
    """Deaths at moments, and what they leave between two steps."""
    good = support.small_png(900, 700)
    for pause in (0, 0.1, 0.25, 0.5):
        submit(gateway, good, "?launcher=mpirun")
        submit(gateway, good, "?launcher=pool")
        time.sleep(pause)
        kill(gateway)
    for one in gateway.request("GET", "/api/v1/jobs?limit=200").json()["jobs"]:
        end(gateway, one)
    settle(gateway, "deaths of the gateway")

    folder = os.path.join(gateway.spool, "jobs", job["id"])
    kill(gateway, lambda: shutil.rmtree(folder))  # the folder went, its record did not
    check(gateway.request("GET", job["links"]["result"]).status == 410, "a result that is gone")
    settle(gateway, "a folder without which a record is left")
    check(gateway.request("DELETE", job["links"]["self"]).status == 204, "the record goes")
    settle(gateway, "a record without a folder that went")

    # results that were finished, and not written down
    def unfinish():
        with sqlite3.connect(f"{gateway.spool}/store.db") as store:
            store.execute("UPDATE jobs SET state = 1, ended_ms = 0, expires_ms = 0 WHERE state = 2")
    kill(gateway, unfinish)
    for one in gateway.request("GET", "/api/v1/jobs?limit=200").json()["jobs"]:
        end(gateway, one)
    settle(gateway, "results that are made once more")


def main():
    with support.Gateway("--client-connections", 50, "--requests-a-minute", 0, "--ranks", 2) as gateway:
        jobs = ends(gateway)
        previews(gateway)
        uploads(gateway)
        deaths(gateway, jobs[0])
        for job in gateway.request("GET", "/api/v1/jobs?limit=200").json()["jobs"]:
            gateway.request("DELETE", job["links"]["self"])
        settle(gateway, "all jobs removed")
        left = glob.glob(os.path.join(gateway.spool, "jobs", "*"))
        check(not left, "no folder is left", left)
    return support.finish()


sys.exit(main())
