"""http_fuzz: RGB2GRAY_FUZZ_REQUESTS requests (default 2000) made from a seed, most of them broken in some way.

Each takes a well-formed request of the API and breaks it: methods, paths, queries, headers, lengths, chunks, forms, JSON,
tus, bytes flipped, cut and doubled. The server must answer with a status that openapi.json or RFC 9110 knows, as
problem+json where it is an error, or close the connection; it must never take longer than a slow client is given, and
must be as well at the end as it was at first.
"""
import asyncio
import collections
import json
import os
import random
import sys
import time

import support
import traffic

REQUESTS = int(os.environ.get("RGB2GRAY_FUZZ_REQUESTS", "2000"))
ALLOWED = {200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421,
           422, 429, 431, 501, 503, 505, 507}
TRICKS = ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/", "....//", "%00", "a%00.png", "\\..\\..\\", "//",
          "/./", "~root", "con", "%c0%ae%c0%ae", "%uff0e", "'", "\"><script>alert(1)</script>", "${jndi:x}", "`id`", "$(id)",
          ";id", "|id", "-o/tmp/x", "--help", "\u202e", "%f0%9f%92%a9", "A" * 5000, "%", "%2", "%zz", "..;/", "*", "?",
          "#", "\x7f", "=1+1", "%s%n%x", "0x10", "-1", "99999999999999999999", "1e9", "NaN", "nul\0l"]


class Maker:
    """Requests as bytes."""

    def __init__(self, seed, port, ids, image):
        self.random, self.port, self.ids, self.image = random.Random(seed), port, ids, image

    def trick(self):
        return self.random.choice(TRICKS)

    def path(self):
        job = self.random.choice(self.ids + ["0" * 32, "../" * 4, self.trick()])
        base = self.random.choice(["/", "/index.html", "/healthz", "/readyz", "/metrics", "/api/v1/jobs",
                                   "/api/v1/convert", "/api/v1/uploads", f"/api/v1/uploads/{job}",
                                   f"/api/v1/jobs/{job}", f"/api/v1/jobs/{job}/result", f"/api/v1/jobs/{job}/original",
                                   f"/api/v1/jobs/{job}/report", f"/api/v1/jobs/{job}/preview",
                                   f"/api/v1/jobs/{job}/tiles/result", f"/api/v1/jobs/{job}/tiles/original/0/0_0",
                                   "/api/v1/stats.csv", "/api/v1/stats.json", "/api/v1/openapi.json",
                                   "/api/v1/session", f"/{self.trick()}", f"/api/v1/{self.trick()}"])
        names = ["method", "weights", "format", "quality", "ranks", "launcher", "compare", "limit", "before", "state",
                 "name", "of", "size", "after", "background", self.trick()]
        values = ["bt709", "1,2,1", "png", "jpeg", "90", "1", "2", "mpirun", "pool", "-1", "original", "256",
                  self.trick()]
        count = self.random.choice((0, 0, 1, 2, 3, 40))
        query = "&".join(f"{self.random.choice(names)}={self.random.choice(values)}" for _ in range(count))
        return base + ("?" + query if query else "")

    def headers(self):
        pool = [("Range", self.random.choice(["bytes=0-10", "bytes=-5", "bytes=9-1", "bytes=0-1,3-4", "lines=1-2",
                                              "bytes=99999999999999999999-", self.trick()])),
                ("If-None-Match", self.random.choice(["*", '"x"', "W/\"x\"", self.trick()])),
                ("If-Range", self.trick()), ("Last-Event-ID", self.random.choice(["0", "1", "-5", self.trick()])),
                ("Tus-Resumable", self.random.choice(["1.0.0", "0.2.2", self.trick()])),
                ("Upload-Length", self.random.choice(["10", "0", "-1", "99999999999999999999", self.trick()])),
                ("Upload-Offset", self.random.choice(["0", "5", "-1", self.trick()])),
                ("Upload-Metadata", self.random.choice(["filename YS5wbmc=", "filename", "a b c", ",", self.trick()])),
                ("Upload-Defer-Length", "1"), ("Authorization", self.random.choice(["Bearer x", "Basic eA==", "Bearer"])),
                ("Cookie", "r2g_session=" + self.trick()), ("Origin", self.random.choice(
                    ["null", "http://evil.example", f"http://127.0.0.1:{self.port}", self.trick()])),
                ("X-Forwarded-For", self.trick()), ("Accept-Encoding", "gzip"), ("Expect", "100-continue"),
                ("Connection", self.random.choice(["keep-alive", "upgrade", self.trick()])), ("Upgrade", "websocket"),
                ("Content-Disposition", f'attachment; filename="{self.trick()}"'), (self.trick(), "x"),
                ("X" * self.random.choice((10, 9000, 20000)), "y"), ("Host", self.trick())]
        return self.random.sample(pool, self.random.choice((0, 0, 1, 2, 4)))

    def body(self):
        kind = self.random.randrange(7)
        if kind == 0:
            return b"", self.random.choice(("image/png", "", "text/plain"))
        if kind == 1:
            return self.image, "image/png"
        if kind == 2:
            return self.broken(self.image), "application/octet-stream"
        if kind == 3:
            fields = {self.random.choice(("method", "format", "quality", self.trick())): self.trick()
                      for _ in range(self.random.choice((0, 1, 3, 60)))}
            body, form = traffic.form(fields, self.trick(), self.image)
            return (self.broken(body) if self.random.random() < 0.6 else body), form
        if kind == 4:
            text = json.dumps({"upload": self.random.choice(self.ids + [self.trick()]),
                               "options": {self.trick(): self.trick()}}).encode()
            return (self.broken(text) if self.random.random() < 0.5 else text), "application/json"
        if kind == 5:
            return self.random.randbytes(self.random.choice((1, 100, 70000))), "application/offset+octet-stream"
        return b"[" * 20000, "application/json"

    def broken(self, data):
        data = bytearray(data)
        for _ in range(self.random.choice((1, 1, 3, 20))):
            if not data:
                break
            at = self.random.randrange(len(data))
            kind = self.random.randrange(4)
            if kind == 0:
                data[at] ^= 1 << self.random.randrange(8)
            elif kind == 1:
                del data[at:at + self.random.choice((1, 10, 1000))]
            elif kind == 2:
                data[at:at] = data[at:at + self.random.choice((1, 50))] * 2
            else:
                data[at:at] = self.random.randbytes(self.random.choice((1, 8)))
        return bytes(data)

    def request(self):
        method = self.random.choice(["GET", "POST", "DELETE", "HEAD", "PATCH", "PUT", "OPTIONS", "TRACE", "CONNECT", "get",
                                     "PROPFIND", "POST", "POST", "GET", self.trick()])
        body, kind = (b"", None) if method in ("GET", "HEAD") and self.random.random() < 0.9 else self.body()
        lines = [f"{method} {self.path()} HTTP/{self.random.choice(('1.1',) * 12 + ('1.0', '2.0', '9', ''))}"]
        lines.append(f"Host: 127.0.0.1:{self.port}")
        if kind:
            lines.append(f"Content-Type: {kind}")
        length = self.random.random()
        data = body
        if body or method not in ("GET", "HEAD"):
            if length < 0.1:
                chunks = [body[i:i + 1000] for i in range(0, len(body), 1000)]
                data = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
                if self.random.random() < 0.5:
                    data = self.broken(data)
                lines.append("Transfer-Encoding: chunked")
                if self.random.random() < 0.2:
                    lines.append("Content-Length: 5")
            elif length < 0.9:
                lines.append(f"Content-Length: {len(body)}")
            else:
                lines.append("Content-Length: " + self.random.choice(["-1", "0", "5", "+7", "0x10", "1, 1", "", "1e3",
                                                                      "99999999999999999999", str(1 << 40)]))
        lines += [f"{name}: {value}" for name, value in self.headers()]
        head = "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n"
        if self.random.random() < 0.15:
            head = self.broken(head)
        return method, head + data


class Fuzz:
    def __init__(self, gateway, maker):
        self.gateway, self.maker = gateway, maker
        self.statuses, self.wrong = collections.Counter(), []
        self.slowest = 0.0
        self.left = REQUESTS

    def judge(self, raw, method, answer):
        self.statuses[answer.status] += 1
        if answer.status not in ALLOWED:
            self.wrong.append(f"{answer.status} for {raw[:300]!r}: {answer.body[:300]!r}")
        kind = answer.headers.get("content-type", "")
        if answer.status >= 400 and method != "HEAD" and answer.body and kind != "application/problem+json":
            self.wrong.append(f"{answer.status} as {kind!r} for {raw[:300]!r}: {answer.body[:200]!r}")
        if answer.headers.get("x-content-type-options") != "nosniff":
            self.wrong.append(f"{answer.status} without nosniff for {raw[:300]!r}")
        if b"/spool" in answer.body or self.gateway.spool.encode() in answer.body:
            self.wrong.append(f"a path of the spool is told for {raw[:300]!r}")

    async def one(self):
        method, raw = self.maker.request()
        began = time.monotonic()
        reader, writer = await traffic.connect(self.gateway.port)
        try:
            writer.write(raw)
            writer.write_eof()  # so that a body that is too short is known to be
            answer = await asyncio.wait_for(self.read(reader, method), 30)
            self.judge(raw, method, answer)
        except (ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError):
            self.statuses["closed"] += 1
        except traffic.Malformed as error:
            self.wrong.append(f"malformed answer ({error}) to {raw[:300]!r}")
        except (TimeoutError, asyncio.TimeoutError):
            self.wrong.append(f"no answer in 30 s to {raw[:300]!r}")
        finally:
            writer.transport.abort()
            self.slowest = max(self.slowest, time.monotonic() - began)

    @staticmethod
    async def read(reader, method):
        status, headers = await traffic.read_head(reader)
        while status in (100, 102):
            status, headers = await traffic.read_head(reader)
        body = b""
        if method != "HEAD" and status not in (204, 304):
            if "content-length" in headers:
                body = await reader.readexactly(int(headers["content-length"]))
            elif headers.get("content-type", "").startswith("text/event-stream"):
                body = await reader.read(200)
            else:
                body = await reader.read()
        return traffic.Answer(status, headers, body)

    async def worker(self):
        while self.left > 0 and self.gateway.running():
            self.left -= 1
            await self.one()

    async def run(self):
        await asyncio.gather(*(self.worker() for _ in range(8)))


async def some_ids(port, image):
    ids = []
    for _ in range(3):
        answer = await traffic.request(port, "POST", "/api/v1/jobs?name=x.png", image, {"Content-Type": "image/png"})
        ids.append(answer.json()["id"])
    return ids


def main():
    seed = int(os.environ.get("RGB2GRAY_SEED", "1"))
    with support.Gateway("--launcher", "pool", "--requests-a-minute", "0", "--max-body", "1MiB") as gateway:
        image = support.small_png()
        ids = asyncio.run(some_ids(gateway.port, image))
        fuzz = Fuzz(gateway, Maker(seed, gateway.port, ids, image))
        asyncio.run(fuzz.run())
        print(f"http_fuzz: {REQUESTS} requests, seed {seed}, slowest {fuzz.slowest:.1f} s:",
              ", ".join(f"{n} x {status}" for status, n in sorted(fuzz.statuses.items(), key=str)))
        for text in fuzz.wrong[:20]:
            support.check(False, text)
        support.check(gateway.running(), "the gateway has died", gateway.log())
        answer = asyncio.run(traffic.request(gateway.port, "GET", "/healthz"))
        support.check(answer.status == 200, "it is not well afterwards")
        answer = asyncio.run(traffic.request(gateway.port, "POST", "/api/v1/convert", image))
        support.check(answer.status == 200, f"it does not convert afterwards: {answer.status} {answer.body[:200]}")
        support.check(sum(n for status, n in fuzz.statuses.items() if status != "closed") > REQUESTS * 0.8,
                      "too many connections were closed without a word", fuzz.statuses)
        support.check(gateway.stop() == 0, "the gateway did not end well", gateway.log())
    return support.finish()


if __name__ == "__main__":
    sys.exit(main())
