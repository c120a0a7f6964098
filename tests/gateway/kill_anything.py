"""kill_anything: whatever is killed, and whenever, nothing that was accepted is lost, and nothing runs twice at once.

Under load from eight clients, at RGB2GRAY_KILLS random moments (default 10; seed RGB2GRAY_SEED), kills -9 one of: the
gateway (which is started again on the same spool), an mpirun, a rank, the pool's mpirun or one of its ranks. In the end
each job that was answered with 2xx must be done, with the right bytes, or failed with a reason.
"""
import asyncio
import collections
import os
import random
import signal
import sys
import time

import support
import traffic

KILLS = int(os.environ.get("RGB2GRAY_KILLS", "10"))
FINAL = ("done", "failed", "cancelled")


class Chaos:
    def __init__(self, gateway, pictures, seed):
        self.gateway, self.pictures = gateway, pictures
        self.random = random.Random(seed)
        self.accepted, self.counts, self.wrong = {}, collections.Counter(), []
        self.over = False

    async def client(self):
        """Submits now by mpirun, now through the pool; a connection that dies is what this test is about."""
        while not self.over:
            picture = self.random.choice(list(self.pictures))
            launcher = self.random.choice(("mpirun", "pool", "auto"))
            compare = "&compare=1" if self.random.random() < 0.3 else ""
            try:
                answer = await traffic.request(self.gateway.port, "POST",
                                               f"/api/v1/jobs?name={picture}&launcher={launcher}&ranks=2{compare}",
                                               self.pictures[picture][0],
                                               {"Content-Type": "application/octet-stream"}, timeout=30)
                if answer.status == 201:
                    self.accepted[answer.json()["id"]] = picture
                    self.counts["accepted"] += 1
                elif answer.status != 503:
                    self.wrong.append(f"POST /jobs: {answer.status} {answer.body[:200]!r}")
            except (OSError, EOFError, asyncio.TimeoutError, traffic.Malformed):
                self.counts["connections lost"] += 1
            await asyncio.sleep(self.random.random() * 0.4)

    async def watch_for_twins(self):
        """No job may have two runs alive: one run is one value of RGB2GRAY_JOB's attempt, told by its first process."""
        while not self.over:
            runs = collections.Counter(support.job_runs(self.gateway.spool))
            for job, count in runs.items():
                if count > 1:
                    # a look takes a moment, so an end and a beginning can be seen together: look again
                    await asyncio.sleep(0.05)
                    if collections.Counter(support.job_runs(self.gateway.spool))[job] > 1:
                        self.wrong.append(f"job {job} runs {count} times at once")
            await asyncio.sleep(0.1)

    def kill_gateway(self):
        os.kill(self.gateway.pid, signal.SIGKILL)
        self.gateway.restart()
        self.counts["gateways killed"] += 1

    def kill_process(self, name):
        processes = support.processes_of(self.gateway.spool, name)
        if processes:
            try:
                os.kill(self.random.choice(processes), signal.SIGKILL)
                self.counts[f"{name} killed"] += 1
                return True
            except ProcessLookupError:
                pass
        return False

    async def killer(self):
        for number in range(KILLS):
            await asyncio.sleep(0.05 + self.random.random() * 0.8)
            what = number % 3
            if what == 0:
                await asyncio.get_running_loop().run_in_executor(None, self.kill_gateway)
                continue
            name = "mpirun" if what == 1 else "rgb2gray-mpi"
            for _ in range(100):  # until there is one
                if self.kill_process(name):
                    break
                await asyncio.sleep(0.02)
            else:
                self.wrong.append(f"no {name} ran for two seconds")
        self.over = True

    async def run(self):
        await asyncio.gather(self.killer(), self.watch_for_twins(), *(self.client() for _ in range(8)))

    async def settle(self):
        limit = time.monotonic() + 200
        for job, picture in self.accepted.items():
            while True:
                answer = await traffic.request(self.gateway.port, "GET", f"/api/v1/jobs/{job}")
                if answer.status != 200:
                    self.wrong.append(f"job {job} of {picture} is lost: {answer.status}")
                    break
                record = answer.json()
                if record["state"] in FINAL:
                    await self.judge(job, picture, record)
                    break
                if time.monotonic() > limit:
                    self.wrong.append(f"job {job} of {picture} has not ended: {record}")
                    break
                await asyncio.sleep(0.1)

    async def judge(self, job, picture, record):
        right = self.pictures[picture][1]
        self.counts[f"ended {record['state']}"] += 1
        if record["state"] == "done":
            answer = await traffic.request(self.gateway.port, "GET", f"/api/v1/jobs/{job}/result")
            if right is None or answer.body != right:
                self.wrong.append(f"job {job}: wrong result for {picture}")
        elif record["state"] == "failed":
            self.counts[f"failed: {record['error']['type']}"] += 1
            if not record["error"]["detail"]:
                self.wrong.append(f"job {job} failed without a reason")
        else:
            self.wrong.append(f"job {job} was cancelled by nobody")


def main():
    seed = int(os.environ.get("RGB2GRAY_SEED", "1"))
    with support.Gateway("--launcher", "auto", "--ranks", "2", "--jobs", "2", "--requests-a-minute", "0") as gateway:
        chaos = Chaos(gateway, support.load_pictures(), seed)
        asyncio.run(chaos.run())
        asyncio.run(chaos.settle())
        print(f"kill_anything: {KILLS} kills, seed {seed}:",
              ", ".join(f"{n} {what}" for what, n in sorted(chaos.counts.items())))
        for text in chaos.wrong[:20]:
            support.check(False, text)
        support.check(chaos.counts["accepted"] >= KILLS, "too little came through to judge", chaos.counts)
        support.check(chaos.counts["ended done"] > 0, "nothing was done", chaos.counts)
        support.check(gateway.stop() == 0, "the gateway did not end well", gateway.log())
        support.check(not support.processes_of(gateway.spool), "processes are left behind")
    return support.finish()


if __name__ == "__main__":
    sys.exit(main())
