#!/usr/bin/env python3
"""Jobs through a real Slurm: done with the program's own bytes, over two nodes too; told of while they wait and run;
cancelled in either state; taken up again, and never submitted twice, after the gateway was killed; run anew where Slurm
does so, a node was lost, or was cut off; and failed with a reason where they are broken, too slow, refused, or can never
start."""
import json
import os
import re
import sys
import time

import cluster

cluster.enter(cluster.SLURM)

import support  # noqa: E402  (it needs no namespaces, but there is no test outside)
from support import check, wait_for  # noqa: E402

FINAL = ("done", "failed", "cancelled")
OPTIONS = ("--launcher", "slurm", "--ranks", "1", "--max-ranks", "3", "--slurm-poll", "1s", "--quiet")


class Gate:
    """Holds the program back, on all nodes, before it begins: jobs then run as long as is wanted."""

    def __init__(self, folder):
        self.hold = os.path.join(folder, "hold")
        path = os.path.join(folder, "program")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nwhile [ -e '{self.hold}' ]; do sleep 0.1; done\nexec '{support.PROGRAM}' \"$@\"\n")
        os.chmod(path, 0o755)
        support.PROGRAM = path

    def close(self):
        with open(self.hold, "wb"):
            pass

    def open(self):
        if os.path.exists(self.hold):
            os.unlink(self.hold)


class Test:
    def __init__(self, slurm):
        self.slurm = slurm
        self.pictures = {ranks: support.small_png(90 + ranks, 70, ranks) for ranks in range(1, 4)}
        self.expected = {ranks: support.convert(data, "--format", "png") for ranks, data in self.pictures.items()}
        self.gate = Gate(slurm.folder)

    def gateway(self, *more):
        return support.Gateway(*OPTIONS, *more, env=support.environment(SLURM_CONF=self.slurm.conf))

    def submit(self, gateway, ranks=1, data=None):
        answer = gateway.request("POST", f"/api/v1/jobs?name=scan.png&ranks={ranks}", data or self.pictures[ranks],
                                 {"Content-Type": "image/png"})
        check(answer.status == 201, "a job is not accepted", answer)
        return answer.json()

    def look(self, gateway, job):
        return gateway.request("GET", job["links"]["self"]).json()

    def in_state(self, gateway, jobs, state, seconds=30):
        """Until Slurm's state of all these jobs is told so."""
        return wait_for(lambda: all((self.look(gateway, job)["slurm"] or {}).get("state") == state for job in jobs),
                        f"{len(jobs)} jobs are not told to be {state}", seconds)

    def end(self, gateway, job, seconds=60):
        if not wait_for(lambda: self.look(gateway, job)["state"] in FINAL, "a job does not end", seconds):
            check(False, "it stands so", self.look(gateway, job))
        return self.look(gateway, job)

    def done(self, gateway, job, ranks=1):
        job = self.end(gateway, job)
        if check(job["state"] == "done", f"a job of {ranks} ranks is not done", job):
            result = gateway.request("GET", job["links"]["result"])
            check(result.body == self.expected[ranks], f"the result of a job of {ranks} ranks", len(result.body))
        return job

    def failed(self, gateway, job, problem, words):
        job = self.end(gateway, job)
        check(job["state"] == "failed" and job["error"]["type"].endswith(problem), f"the job did not fail as {problem}",
              job)
        check(words in (job["error"] or {}).get("detail", ""), f"{problem} does not say {words!r}", job["error"])
        self.not_queued(job)

    def not_queued(self, job):
        check(not [entry for entry in self.slurm.queue() if job["id"] in entry[0]], "it is still in Slurm's queue",
              self.slurm.queue())

    def once(self, jobs):
        """Slurm must have been given each of these jobs once."""
        known = self.slurm.known()
        for job in jobs:
            numbers = [number for name, found in known.items() if job["id"] in name for number in found]
            check(len(numbers) == 1, "a job was submitted more than once, or never", (job["id"], known))

    def ranks(self, gateway):
        jobs = [(ranks, self.submit(gateway, ranks)) for ranks in (1, 2, 3)]
        for ranks, job in jobs:
            job = self.done(gateway, job, ranks)
            report = gateway.request("GET", job["links"]["report"])
            check(report.status == 200 and report.json()["schema"] == "rgb2gray-report", "its report", report)
            line = self.slurm.ask("scontrol", "show", "job", job["slurm"]["job"])
            check(f"NumNodes={ranks}" in line.split(), f"{ranks} ranks are not on as many nodes", line)
        self.failed(gateway, self.submit(gateway, 2, self.pictures[1][:-100]), "corrupt-image", "")

    def told_and_cancelled(self, gateway):
        self.gate.close()
        jobs = [self.submit(gateway) for _ in self.slurm.names]
        self.in_state(gateway, jobs, "RUNNING")
        waiting = [self.submit(gateway) for _ in range(2)]
        self.in_state(gateway, waiting, "PENDING")
        for job in (waiting[1], jobs[0]):
            answer = gateway.request("DELETE", job["links"]["self"])
            check(answer.status == 202, "cancelling", answer)
            job = self.end(gateway, job)
            check(job["state"] == "cancelled", "it is not cancelled", job)
            self.not_queued(job)
        self.in_state(gateway, waiting[:1], "RUNNING")
        self.gate.open()
        self.done(gateway, waiting[0])
        told = gateway.request("GET", waiting[0]["links"]["events"]).body
        states = [json.loads(data)["slurm_state"] for data in re.findall(rb"^event: slurm\ndata: (.*)$", told, re.M)]
        check(states[0] == "SUBMITTED" and [state for state in states if state in ("PENDING", "RUNNING")] ==
              ["PENDING", "RUNNING"], "its events", states)
        for job in jobs[1:]:
            self.done(gateway, job)

    def gateway_killed(self, gateway):
        self.gate.close()
        jobs = [self.submit(gateway) for _ in self.slurm.names]
        self.in_state(gateway, jobs, "RUNNING")
        jobs += [self.submit(gateway) for _ in range(2)]
        self.in_state(gateway, jobs[-2:], "PENDING")
        gateway.process.kill()
        gateway.restart()
        for _ in range(3):  # in the middle of submitting
            jobs.append(self.submit(gateway))
            time.sleep(0.01)
            gateway.process.kill()
            gateway.restart()
        check(gateway.stop() == 0, "the gateway did not end well", gateway.log())
        gateway.restart()
        answer = gateway.request("DELETE", jobs[4]["links"]["self"])
        check(answer.status == 202, "cancelling what was taken up again", answer)
        check(self.end(gateway, jobs[4])["state"] == "cancelled", "it is not cancelled")
        self.not_queued(jobs[4])
        self.gate.open()
        for job in jobs[:4] + jobs[5:]:
            self.done(gateway, job)
        self.once(jobs)

    def ended_meanwhile(self, gateway):
        """A job that ends in Slurm while there is no gateway."""
        self.gate.close()
        job = self.submit(gateway)
        self.in_state(gateway, [job], "RUNNING")
        gateway.process.kill()
        self.gate.open()
        wait_for(lambda: not self.slurm.queue(), "the job does not end without a gateway")
        gateway.restart()
        self.done(gateway, job)
        self.once([job])

    def requeued(self, gateway):
        self.gate.close()
        job = self.submit(gateway)
        self.in_state(gateway, [job], "RUNNING")
        number = self.look(gateway, job)["slurm"]["job"]
        self.slurm.ask("scontrol", "requeue", number)
        self.in_state(gateway, [job], "PENDING")
        self.gate.open()
        self.done(gateway, job)
        self.once([job])

    def nodes_lost(self, gateway):
        """One node's slurmd is killed, another node's link is cut; what ran there is run anew on the third."""
        self.gate.close()
        jobs = [self.submit(gateway) for _ in self.slurm.names]
        self.in_state(gateway, jobs, "RUNNING")
        places = {node: name for name, node in
                  (line.split() for line in self.slurm.ask("squeue", "--noheader", "--format=%j %N").splitlines())}
        self.slurm.kill_node(self.slurm.names[1])
        self.slurm.cut(self.slurm.names[2])
        lost = [job for job in jobs if any(job["id"] in places[node] for node in self.slurm.names[1:])]
        check(len(lost) == 2, "each node runs one job", places)
        self.in_state(gateway, lost, "PENDING", 60)
        self.gate.open()
        for job in jobs:
            self.done(gateway, job)
        self.once(jobs)
        for job in lost:
            line = self.slurm.ask("scontrol", "show", "job", self.look(gateway, job)["slurm"]["job"])
            check("Restarts=1" in line.split(), "it was not run anew", line)
        self.slurm.mend(self.slurm.names[2])
        self.slurm.start_node(self.slurm.names[1])
        self.slurm.wait_for_nodes(60)

    def limits(self):
        self.gate.close()
        with self.gateway("--job-time", "3s") as gateway:
            self.failed(gateway, self.submit(gateway), "time-limit", "3 s")
        self.gate.open()
        with self.gateway("--sbatch-option=--partition=nowhere") as gateway:
            self.failed(gateway, self.submit(gateway), "launch-failed", "Invalid partition")
        with self.gateway("--sbatch-option=--partition=short") as gateway:
            self.failed(gateway, self.submit(gateway), "launch-failed", "PartitionTimeLimit")

    def run(self):
        with self.gateway() as gateway:
            for part in (self.ranks, self.told_and_cancelled, self.gateway_killed, self.ended_meanwhile, self.requeued,
                         self.nodes_lost):
                began = time.monotonic()
                part(gateway)
                print(f"{part.__name__}: {time.monotonic() - began:.1f} s", flush=True)
                if support.failures:
                    print(gateway.log()[-3000:])
                    break
        self.limits()
        check(not self.slurm.queue(), "jobs are left in Slurm's queue", self.slurm.queue())


def main():
    slurm = None
    try:
        slurm = cluster.Slurm(3)
        Test(slurm).run()
    finally:
        if slurm and (support.failures or sys.exc_info()[0]):
            print(slurm.logs())
    return support.finish()


if __name__ == "__main__":
    sys.exit(main())
