#!/usr/bin/env python3
"""A file system that is full: what does not fit is refused with 507 and leaves nothing behind, a result that does not fit
fails its job, no accepted job is lost where the store cannot write any more, /readyz says so, and all is well again once
there is room."""
import os
import re
import sys

import cluster

cluster.enter()

import support  # noqa: E402
from support import check, wait_for  # noqa: E402

FINAL = ("done", "failed", "cancelled")
MIB = 1 << 20
SIZE = 48 * MIB
TYPE = {"Content-Type": "application/octet-stream"}
TUS = {"Tus-Resumable": "1.0.0"}


class Disk:
    """A small file system with a file that takes up the rest of it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "disk")
        self.filler = os.path.join(self.path, "filler")
        os.mkdir(self.path)
        cluster.run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "none", self.path)

    def room(self):
        is_ = os.statvfs(self.path)
        return is_.f_bavail * is_.f_frsize

    def fill(self, leave=0):
        """Until so many bytes are left."""
        with open(self.filler, "ab", buffering=0) as file:
            while self.room() > leave:
                try:
                    file.write(bytes(min(self.room() - leave, MIB)))
                except OSError:
                    break

    def free(self):
        if os.path.exists(self.filler):
            os.unlink(self.filler)


def spool_bytes(gateway):
    text = gateway.request("GET", "/metrics").body.decode()
    return float(re.search(r"^rgb2gray_spool_bytes (\S+)$", text, re.M)[1])


def ppm(side, shade=0):
    row = bytes((x * 7 + shade) % 256 for x in range(3 * side))
    return b"P6\n%d %d\n255\n" % (side, side) + row * side


def submit(gateway, data):
    return gateway.request("POST", "/api/v1/jobs", data, TYPE)


def accepted(gateway, data):
    answer = submit(gateway, data)
    check(answer.status == 201, "a job is not accepted", answer)
    return answer.json()


def end(gateway, job):
    def ended():
        answer = gateway.request("GET", job["links"]["self"])
        if not check(answer.status == 200, "a job is lost", answer):
            return {"state": "lost", "error": None}
        return answer.json() if answer.json()["state"] in FINAL else None
    return wait_for(ended, "a job does not end", 60) or {"state": "?", "error": None}


def names(gateway, place):
    return os.listdir(os.path.join(gateway.spool, place))


def upload_does_not_fit(gateway, disk):
    before, room = spool_bytes(gateway), disk.room()
    pieces = (bytes(MIB) for _ in range(SIZE // MIB + 8))
    for what, body in (("with its length", ppm(4200)), ("in chunks", pieces)):
        answer = submit(gateway, body)
        check(answer.status == 507 and answer.problem() == "quota-full", f"a file that does not fit, {what}", answer)
        wait_for(lambda: not names(gateway, "incoming"), f"a file that did not fit is left, {what}")
        wait_for(lambda: spool_bytes(gateway) == before, f"the quota is not given back, {what}")
        check(not names(gateway, "jobs"), "it has become a job")
        check(disk.room() > room - MIB, "its space is not given back", (room, disk.room()))


def resumable_does_not_fit(gateway, disk):
    before, data = spool_bytes(gateway), ppm(4200)
    answer = gateway.request("POST", "/api/v1/uploads", b"", {**TUS, "Upload-Length": str(len(data))})
    if answer.status == 507:
        return
    check(answer.status == 201, "an upload is not created", answer)
    path = "/" + answer.headers["location"].split("/", 3)[3] if "://" in answer.headers["location"] \
        else answer.headers["location"]
    answer = gateway.request("PATCH", path, data, {**TUS, "Upload-Offset": "0",
                                                  "Content-Type": "application/offset+octet-stream"})
    check(answer.status == 507, "an upload that does not fit", answer)
    offset = int(gateway.request("HEAD", path, headers=TUS).headers["upload-offset"])
    files = names(gateway, "uploads")
    check(len(files) == 1 and os.path.getsize(os.path.join(gateway.spool, "uploads", files[0])) == offset,
          "its offset is not what is kept", (offset, files))
    answer = gateway.request("DELETE", path, headers=TUS)
    check(answer.status == 204, "it cannot be removed", answer)
    check(not names(gateway, "uploads"), "its file is left")
    check(spool_bytes(gateway) == before, "the quota is not given back", (before, spool_bytes(gateway)))
    check(disk.room() > SIZE - 8 * MIB, "its space is not given back", disk.room())


def result_does_not_fit(gateway, disk):
    data = ppm(1600)
    disk.fill(leave=len(data) + MIB)
    job = end(gateway, accepted(gateway, data))
    check(job["state"] == "failed" and job["error"]["type"].endswith("quota-full"), "a result that does not fit", job)
    left = set(names(gateway, os.path.join("jobs", job["id"])))
    check("original" in left and left <= {"original", "report.json"}, "what is left of it", left)
    disk.free()
    check(gateway.request("DELETE", job["links"]["self"]).status == 204, "it cannot be removed")


def store_is_full(gateway, disk):
    data = ppm(300)
    right = support.convert(data, "--format", "pgm")
    jobs = [accepted(gateway, data) for _ in range(6)]
    disk.fill()
    for _ in range(3):
        answer = submit(gateway, data)
        check(answer.status == 507, "a job on a full disk", answer)
    ready = gateway.request("GET", "/readyz")
    check(ready.status == 503 and ready.problem() == "not-serving", "a full disk is told to be ready", ready)
    check(gateway.request("GET", "/healthz").status == 200, "a full disk is no reason for a restart")
    for job in jobs:
        end(gateway, job)
    gateway.process.kill()
    gateway.process.wait()
    # it may start or not, but it must say why, and lose nothing
    try:
        gateway.start()
        gateway.process.kill()
        gateway.process.wait()
    except RuntimeError:
        check("space" in gateway.log() or "full" in gateway.log(), "why it does not start is not told", gateway.log())
    disk.free()
    gateway.start()
    wait_for(lambda: gateway.request("GET", "/readyz").status == 200, "it is not ready again")
    for job in jobs:
        job = end(gateway, job)
        full = job["state"] == "failed" and job["error"]["type"].endswith("quota-full")
        check(job["state"] == "done" or full, "an accepted job", job)
        if job["state"] == "done":
            result = gateway.request("GET", job["links"]["result"])
            check(result.status == 200 and result.body == right, "the result of an accepted job", result)


def recovers_by_itself(gateway, disk):
    """Full and not full again, without a restart: ends that could not be written down are."""
    data = ppm(300)
    jobs = [accepted(gateway, data) for _ in range(4)]
    disk.fill()
    states = [end(gateway, job)["state"] for job in jobs]
    disk.free()
    wait_for(lambda: gateway.request("GET", "/readyz").status == 200, "it is not ready again")
    answer = submit(gateway, data)
    check(answer.status == 201 and end(gateway, answer.json())["state"] == "done", "a job once there is room", answer)

    def listed():
        page = gateway.request("GET", "/api/v1/jobs?limit=200").json()["jobs"]
        now = {job["id"]: job["state"] for job in page}
        return [now.get(job["id"]) for job in jobs] == states
    wait_for(listed, f"the ends are not written down: {states}")
    check(gateway.stop() == 0, "it does not end well", gateway.log())
    gateway.restart()
    check(listed(), "the ends are lost", states)
    used = spool_bytes(gateway)
    check(0 <= used < SIZE, "the bytes in the spool", used)


def main():
    cluster.run("ip", "link", "set", "lo", "up")
    disk = Disk(os.environ[cluster.INSIDE])
    with support.Gateway("--launcher", "mpirun", "--ranks", "1", "--quiet",
                         spool=os.path.join(disk.path, "spool")) as gateway:
        for part in (upload_does_not_fit, resumable_does_not_fit, result_does_not_fit, store_is_full,
                     recovers_by_itself):
            part(gateway, disk)
            disk.free()
            if support.failures:
                print(f"{part.__name__}:\n{gateway.log()[-3000:]}")
                break
    return support.finish()


if __name__ == "__main__":
    sys.exit(main())
