"""big_upload: a resumable upload of RGB2GRAY_BIG_MIB (default 96; 4096 by hand), cut several times, with memory flat.

The picture is a PPM whose rows are made as they are sent. Each cut drops the connection in the middle of a piece; HEAD
then tells how much is there, and the upload goes on from it. The job's result must have the right gray pixels.
"""
import asyncio
import os
import sys

import numpy as np

import support
import traffic

MIB = int(os.environ.get("RGB2GRAY_BIG_MIB", "96"))
WIDTH = 8192
CUTS = 3


class Picture:
    """A PPM of WIDTH x height: piece by piece from any offset; and its gray rows."""

    def __init__(self, nbytes):
        self.height = nbytes // (3 * WIDTH)
        self.header = b"P6\n%d %d\n255\n" % (WIDTH, self.height)
        self.nbytes = len(self.header) + 3 * WIDTH * self.height
        rng = np.random.default_rng(1)
        self.rows = rng.integers(0, 256, (64, WIDTH, 3), np.uint8)  # repeated, each time rolled on

    def row(self, y):
        return np.roll(self.rows[y % 64], y // 64, axis=0)

    def pieces(self, offset):
        row_nbytes = 3 * WIDTH
        if offset < len(self.header):
            yield self.header[offset:]
            offset = len(self.header)
        y, skip = divmod(offset - len(self.header), row_nbytes)
        while y < self.height:
            block = b"".join(self.row(i).tobytes() for i in range(y, min(y + 64, self.height)))
            yield block[skip:]
            y, skip = y + 64, 0

    def gray_row(self, y):
        r, g, b = (self.row(y)[:, i].astype(np.int32) for i in range(3))
        return ((299 * r + 587 * g + 114 * b + 500) // 1000).astype(np.uint8).tobytes()


async def upload(gateway, picture, samples):
    port = gateway.port
    made = await traffic.tus_create(port, picture.nbytes, "big.ppm")
    support.check(made.status == 201, "the upload is not created", made.body)
    path = made.headers["location"]
    path = path[path.index("/api/"):]
    total = picture.height // 64 + 1
    for cut in range(CUTS + 1):
        offset = -1
        for _ in range(100):
            at = await traffic.request(port, "HEAD", path, headers=traffic.TUS)
            offset = int(at.headers["upload-offset"])
            samples.append(support.memory_and_descriptors(gateway.pid)[0])
            answer = await traffic.tus_send(port, path, offset, picture.pieces(offset), picture.nbytes - offset,
                                            cut_after=total // (CUTS + 2) if cut < CUTS else None)
            if answer is None or answer.status not in (0, 409):  # else the dropped line is still being noticed
                break
            await asyncio.sleep(0.05)
        samples.append(support.memory_and_descriptors(gateway.pid)[0])
        if cut == CUTS:
            support.check(answer.status == 204, f"the last piece: {answer.status}", answer.body)
            support.check(offset > picture.nbytes // 3, f"the last resume began at {offset} only")
    body = b'{"upload":"%s"}' % path.rsplit("/", 1)[1].encode()
    answer = await traffic.request(port, "POST", "/api/v1/jobs", body, {"Content-Type": "application/json"}, timeout=300)
    support.check(answer.status == 201, f"POST /jobs: {answer.status}", answer.body)
    return answer.json()["id"]


async def check_result(gateway, picture, job, samples):
    path = f"/api/v1/jobs/{job}"
    await traffic.events(gateway.port, f"{path}/events", timeout=600)
    record = (await traffic.request(gateway.port, "GET", path)).json()
    support.check(record["state"] == "done", "the job failed", record)
    samples.append(support.memory_and_descriptors(gateway.pid)[0])
    reader, writer = await traffic.connect(gateway.port)
    writer.write(traffic.head_of("GET", f"{path}/result", gateway.port, {}, None))
    status, headers = await traffic.read_head(reader)
    lines, nbytes = [], 0
    while len(lines) < 3:  # and a comment that names the method
        line = await reader.readline()
        nbytes += len(line)
        if not line.startswith(b"#"):
            lines.append(line)
    support.check(lines == [b"P5\n", b"%d %d\n" % (WIDTH, picture.height), b"255\n"], "its header", lines)
    support.check(status == 200 and int(headers["content-length"]) == nbytes + WIDTH * picture.height, "its size",
                  headers)
    wrong = 0
    for y in range(picture.height):
        row = await reader.readexactly(WIDTH)
        wrong += (y % 97 == 0 or y == picture.height - 1) and row != picture.gray_row(y)
    support.check(wrong == 0, f"{wrong} wrong rows")
    samples.append(support.memory_and_descriptors(gateway.pid)[0])
    writer.close()


def main():
    picture = Picture(MIB << 20)
    with support.Gateway("--launcher", "auto", "--max-body", "8GiB", "--quota", "16GiB") as gateway:
        samples = [support.memory_and_descriptors(gateway.pid)[0]]
        job = asyncio.run(upload(gateway, picture, samples))
        asyncio.run(check_result(gateway, picture, job, samples))
        print(f"big_upload: {picture.nbytes / (1 << 20):.0f} MiB in {CUTS + 1} pieces; RSS of the gateway from "
              f"{samples[0] >> 10} to at most {max(samples) >> 10} KiB")
        support.check(support.SANITIZED or max(samples) < samples[0] + (24 << 20),
                      "memory is not flat", samples)
        support.check(gateway.stop() == 0, "the gateway did not end well", gateway.log())
    return support.finish()


if __name__ == "__main__":
    sys.exit(main())
