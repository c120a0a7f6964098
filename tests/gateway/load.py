"""load: two hundred clients at once, with uploads, events, results and rubbish, leave the gateway as it was.

For RGB2GRAY_LOAD_SECONDS (default 8) clients from 20 addresses of loopback convert, submit, follow, fetch, resume, cancel,
hang up and talk nonsense. Then every accepted job must have ended in the right result or a stated failure, memory and
descriptors must be where they were after the first seconds, and nothing may be left running.
"""
import asyncio
import collections
import os
import random
import sys
import time

import support
import traffic

SECONDS = float(os.environ.get("RGB2GRAY_LOAD_SECONDS", "8"))
CLIENTS = int(os.environ.get("RGB2GRAY_LOAD_CLIENTS", "200"))
FINAL = ("done", "failed", "cancelled")


class Load:
    def __init__(self, gateway, pictures, seed):
        self.gateway, self.port, self.pictures = gateway, gateway.port, pictures
        self.random = random.Random(seed)
        self.counts = collections.Counter()
        self.wrong = []
        self.accepted = {}  # id: (name of the picture, source address, cancelled)
        self.end = 0

    def fail(self, text):
        if len(self.wrong) < 20:
            self.wrong.append(text)

    def refused(self, answer, *allowed):
        """True for an answer that says that the server is busy, or one of the allowed statuses."""
        if answer.status in (429, 503, *allowed):
            if answer.headers.get("content-type") != "application/problem+json":
                self.fail(f"{answer.status} is not problem+json")
            if answer.status in (429, 503) and "retry-after" not in answer.headers:
                self.fail(f"{answer.status} without Retry-After")
            self.counts[f"answered {answer.status}"] += 1
            return True
        return False

    def right(self, picture, data, what):
        if data != self.pictures[picture][1]:
            self.fail(f"{what}: wrong bytes for {picture}")
        self.counts[what] += 1

    async def convert(self, source):
        picture = self.random.choice([name for name, pair in self.pictures.items() if pair[1]])
        answer = await traffic.request(self.port, "POST", "/api/v1/convert", self.pictures[picture][0], source=source)
        if answer.status == 200:
            self.right(picture, answer.body, "convert")
        elif not self.refused(answer):
            self.fail(f"convert: {answer.status} {answer.body[:200]!r}")

    def note(self, picture, source, answer):
        if answer.status not in (200, 201):
            if not self.refused(answer):
                self.fail(f"POST /jobs: {answer.status} {answer.body[:200]!r}")
            return None
        job = answer.json()["id"]
        self.accepted[job] = [picture, source, False]
        self.counts["accepted"] += 1
        return job

    async def submit(self, source):
        picture = self.random.choice(list(self.pictures))
        data = self.pictures[picture][0]
        if self.random.random() < 0.5:
            body, kind = traffic.form({"compare": "1"} if self.random.random() < 0.1 else {}, picture, data)
            answer = await traffic.request(self.port, "POST", "/api/v1/jobs", body, {"Content-Type": kind},
                                           source=source)
        else:
            answer = await traffic.request(self.port, "POST", f"/api/v1/jobs?name={picture}", data,
                                           {"Content-Type": "application/octet-stream"}, source=source)
        return self.note(picture, source, answer)

    async def upload(self, source):
        """A resumable upload whose line drops once."""
        picture = self.random.choice(list(self.pictures))
        data = self.pictures[picture][0]
        made = await traffic.tus_create(self.port, len(data), picture, source)
        if made.status != 201:
            if not self.refused(made, 507):
                self.fail(f"tus: {made.status}")
            return None
        path = made.headers["location"]
        path = path[path.index("/api/"):]
        half = len(data) // 2
        await traffic.tus_send(self.port, path, 0, [data[:half], data[half:]], len(data), cut_after=1, source=source)
        offset, patched = None, None
        for _ in range(50):
            at = await traffic.request(self.port, "HEAD", path, headers=traffic.TUS, source=source)
            if at.status != 200:
                self.refused(at)
                return None
            offset = int(at.headers["upload-offset"])
            patched = await traffic.tus_send(self.port, path, offset, [data[offset:]], len(data) - offset,
                                             source=source)
            if patched.status not in (0, 409):  # else the dropped line is still being noticed
                break
            await asyncio.sleep(0.1)
        if patched.status != 204:
            if not self.refused(patched):
                self.fail(f"tus: PATCH at {offset}: {patched.status} {patched.body[:200]!r}")
            return None
        body = b'{"upload":"%s"}' % path.rsplit("/", 1)[1].encode()
        answer = await traffic.request(self.port, "POST", "/api/v1/jobs", body, {"Content-Type": "application/json"},
                                       source=source)
        self.counts["uploads resumed"] += 1
        return self.note(picture, source, answer)

    async def follow(self, source):
        job = await (self.submit if self.random.random() < 0.7 else self.upload)(source)
        if not job:
            return
        choice = self.random.random()
        if choice < 0.15:
            self.accepted[job][2] = True
            answer = await traffic.request(self.port, "DELETE", f"/api/v1/jobs/{job}", source=source)
            if answer.status not in (202, 204) and not self.refused(answer):
                self.fail(f"DELETE: {answer.status}")
            if answer.status == 204:
                self.accepted.pop(job)
        elif choice < 0.6:
            status, got = await traffic.events(self.port, f"/api/v1/jobs/{job}/events", source=source, most=2)
            if status not in (200, 204, 429, 503):
                self.fail(f"events: {status}")
            last = next((event[0] for event in reversed(got) if event[0]), None)
            if last and self.random.random() < 0.5:
                status, more = await traffic.events(self.port, f"/api/v1/jobs/{job}/events",
                                                    {"Last-Event-ID": last}, source=source)
                if status == 200 and more and more[-1][1] not in FINAL:
                    self.fail(f"an event stream that ended with {more[-1][1]}")
                self.counts["streams resumed"] += 1
            self.counts["event streams"] += 1

    async def look(self, source):
        job = self.random.choice(list(self.accepted) or ["0" * 32])
        path = self.random.choice(["", "/result", "/original", "/report", "/preview?of=original&size=256"])
        answer = await traffic.request(self.port, "GET", f"/api/v1/jobs/{job}{path}", source=source)
        if answer.status not in (200, 404, 409, 410, 422) and not self.refused(answer):
            self.fail(f"GET {path or 'job'}: {answer.status} {answer.body[:200]!r}")
        if path == "/result" and answer.status == 200:
            self.right(self.accepted[job][0], answer.body, "results fetched")

    async def pages(self, source):
        path = self.random.choice(["/", "/healthz", "/readyz", "/metrics", "/api/v1/jobs?limit=20", "/api/v1/stats.csv",
                                   "/api/v1/stats.json", "/api/v1/openapi.json"])
        answer = await traffic.request(self.port, "GET", path, source=source)
        if answer.status != 200 and not self.refused(answer):
            self.fail(f"GET {path}: {answer.status}")
        self.counts["pages"] += 1

    async def rubbish(self, source):
        """Bytes that are no request, half a request, a body that stops, a client that hangs up on its answer."""
        reader, writer = await traffic.connect(self.port, source)
        kind = self.random.randrange(5)
        picture = next(iter(self.pictures.values()))[0]
        if kind == 0:
            writer.write(self.random.randbytes(self.random.randrange(1, 4000)))
        elif kind == 1:
            writer.write(b"GET /api/v1/jobs HTTP/1.1\r\nHost: 127.0")
        elif kind == 2:
            writer.write(traffic.head_of("POST", "/api/v1/convert", self.port, {}, len(picture)) + picture[:100])
        elif kind == 3:
            writer.write(traffic.head_of("POST", "/api/v1/convert", self.port, {}, len(picture)) + picture)
        else:
            answer = await traffic.request(self.port, "POST", "/api/v1/convert", self.random.randbytes(3000),
                                           source=source)
            if answer.status not in (415, 422) and not self.refused(answer):
                self.fail(f"noise as an image: {answer.status}")
        await asyncio.sleep(self.random.random() * 0.2)
        writer.transport.abort()
        self.counts["rubbish"] += 1

    async def client(self, number):
        source = f"127.0.0.{1 + number % 20}"
        acts = [self.convert, self.follow, self.look, self.pages, self.rubbish]
        while time.monotonic() < self.end:
            act = self.random.choices(acts, (3, 4, 3, 2, 2))[0]
            try:
                await act(source)
            except (ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError) as error:
                self.counts[f"dropped: {act.__name__}"] += 1
                if not self.gateway.running():
                    self.fail(f"the gateway has died ({error})")
                    return
            except (TimeoutError, asyncio.TimeoutError):
                self.fail(f"{act.__name__}: no answer in time")
            except traffic.Malformed as error:
                self.fail(f"{act.__name__}: {error}")
            await asyncio.sleep(self.random.random() * 0.05)

    async def watch(self, samples):
        while time.monotonic() < self.end:
            samples.append((time.monotonic(), *support.memory_and_descriptors(self.gateway.pid)))
            await asyncio.sleep(0.5)

    async def run(self, seconds, samples):
        self.end = time.monotonic() + seconds
        await asyncio.gather(self.watch(samples), *(self.client(number) for number in range(CLIENTS)))

    async def settle(self):
        """Every accepted job must end, and rightly."""
        limit = time.monotonic() + 240
        for job, (picture, source, cancelled) in list(self.accepted.items()):
            while True:
                answer = await traffic.request(self.port, "GET", f"/api/v1/jobs/{job}", source=source)
                if answer.status != 200:
                    self.fail(f"job {job} of {picture} is lost: {answer.status}")
                    break
                state = answer.json()["state"]
                if state in FINAL:
                    await self.judge(job, picture, source, cancelled, answer.json())
                    break
                if time.monotonic() > limit:
                    self.fail(f"job {job} of {picture} has not ended: {state}")
                    break
                await asyncio.sleep(0.1)

    async def judge(self, job, picture, source, cancelled, record):
        right = self.pictures[picture][1]
        self.counts[f"ended {record['state']}"] += 1
        if record["state"] == "done":
            answer = await traffic.request(self.port, "GET", f"/api/v1/jobs/{job}/result", source=source)
            if right is None or answer.body != right:
                self.fail(f"job {job}: wrong result for {picture}")
        elif record["state"] == "failed" and right is not None:
            self.fail(f"job {job} of {picture} failed: {record['error']}")
        elif record["state"] == "failed" and not record["error"]["detail"]:
            self.fail(f"job {job}: a failure without a reason")
        elif record["state"] == "cancelled" and not cancelled:
            self.fail(f"job {job} was cancelled by nobody")


def main():
    seed = int(os.environ.get("RGB2GRAY_SEED", "1"))
    with support.Gateway("--launcher", "auto", "--requests-a-minute", "0", "--queue", "400") as gateway:
        load = Load(gateway, support.load_pictures(), seed)
        samples = []
        asyncio.run(load.run(SECONDS, samples))
        asyncio.run(load.settle())
        time.sleep(1)
        rss, descriptors = support.memory_and_descriptors(gateway.pid)
        warm = [sample for sample in samples if sample[0] - samples[0][0] >= SECONDS / 3] or samples
        peak = max(sample[1] for sample in samples)
        print(f"load: {CLIENTS} clients, {SECONDS:g} s:", ", ".join(f"{n} {w}" for w, n in sorted(load.counts.items())))
        print(f"load: RSS {samples[0][1] >> 10} KiB at first, {warm[0][1] >> 10} after a third, {peak >> 10} at most, "
              f"{rss >> 10} at the end; {descriptors} descriptors at the end, at most "
              f"{max(sample[2] for sample in samples)}")
        for text in load.wrong:
            support.check(False, text)
        support.check(load.counts["accepted"] > 20 and load.counts["convert"] > 20, "too little came through to judge",
                      load.counts)
        support.check(support.SANITIZED or rss < warm[0][1] + (24 << 20), "memory has grown")
        support.check(descriptors < 60, f"{descriptors} descriptors are still open")
        support.check(gateway.stop() == 0, "the gateway did not end well", gateway.log())
        support.check(not support.processes_of(gateway.spool), "processes are left behind")
    return support.finish()


if __name__ == "__main__":
    sys.exit(main())
