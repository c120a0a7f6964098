#!/usr/bin/env python3
"""Jobs over the hosts of a host file: done over two of them with the program's own bytes; and when one of them is cut off
in the middle, the job ends, with a reason, within its time limit, nothing of it is left on this host, and the gateway goes
on."""
import os
import signal
import sys
import time

import cluster

cluster.enter(("mpirun",))

import support  # noqa: E402
from support import check, wait_for  # noqa: E402

FINAL = ("done", "failed", "cancelled")


class Test:
    def __init__(self, hosts):
        self.hosts, self.far = hosts, hosts.names[1]
        self.hostfile = os.path.join(hosts.folder, "hostfile")
        with open(self.hostfile, "w", encoding="ascii") as file:
            file.writelines(f"{name} slots=2\n" for name in hosts.names)
        self.small = support.small_png(200, 150)
        self.expected = support.convert(self.small, "--format", "png")
        # so large that a rank can be caught at work
        path = os.path.join(hosts.folder, "large.ppm")
        cluster.run(os.environ["RGB2GRAY_PICTURE"], "tissue", "4000", "4000", "1", "-o", path, seconds=120)
        with open(path, "rb") as file:
            self.large = file.read()

    def gateway(self, job_s, *more):
        mca = ("plm_rsh_agent=" + self.hosts.agent, f"btl_tcp_if_include={cluster.SUBNET}0/24",
               f"oob_tcp_if_include={cluster.SUBNET}0/24", "mpi_yield_when_idle=1", *more)
        words = [word for setting in mca for word in ("--mca", setting)]
        return support.Gateway("--launcher", "mpirun", "--ranks", "4", "--hostfile", self.hostfile, "--job-time",
                               f"{job_s}s", "--quiet", *words)

    def submit(self, gateway, data):
        answer = gateway.request("POST", "/api/v1/jobs", data, {"Content-Type": "application/octet-stream"})
        check(answer.status == 201, "a job is not accepted", answer)
        return answer.json()

    def end(self, gateway, job, seconds):
        def ended():
            now = gateway.request("GET", job["links"]["self"]).json()
            return now if now["state"] in FINAL else None
        return wait_for(ended, f"a job does not end within {seconds} s", seconds)

    def done(self, gateway):
        job = self.end(gateway, self.submit(gateway, self.small), 30)
        if job and check(job["state"] == "done", "a job over two hosts is not done", job):
            result = gateway.request("GET", job["links"]["result"])
            check(result.body == self.expected, "its result", len(result.body))
            report = gateway.request("GET", job["links"]["report"]).json()
            check(set(self.hosts.names) <= set(strings(report)), "it did not run on both hosts", report)

    def far_ranks(self):
        """The ranks on the other host."""
        network = os.readlink(f"/proc/{self.hosts.holders[self.far].pid}/ns/net")
        return [pid for pid in all_named("rgb2gray-mpi") if network_of(pid) == network]

    def kill_far(self):
        """As if the other host were started anew."""
        network = os.readlink(f"/proc/{self.hosts.holders[self.far].pid}/ns/net")
        for name in ("orted", "rgb2gray-mpi"):
            for pid in all_named(name):
                if network_of(pid) == network:
                    os.kill(pid, signal.SIGKILL)

    def cut_off(self, gateway, most_s, problem):
        job = self.submit(gateway, self.large)
        ranks = wait_for(self.far_ranks, "no rank is started on the other host")
        for pid in ranks or []:  # so that the job cannot end before the link is down
            os.kill(pid, signal.SIGSTOP)
        self.hosts.cut(self.far)
        began = time.monotonic()
        job = self.end(gateway, job, most_s)
        print(f"a host was cut off: ended after {time.monotonic() - began:.1f} s: {job and job['error']}", flush=True)
        if job:
            check(job["state"] == "failed" and job["error"]["type"].endswith(problem) and job["error"]["detail"],
                  f"the job has not failed as {problem} with a reason", job)
        near = os.readlink("/proc/self/ns/net")
        left = [pid for pid in support.processes_of(gateway.spool) if network_of(pid) == near]
        check(not left, "processes are left on this host", left)
        self.kill_far()
        self.hosts.mend(self.far)
        self.done(gateway)


def strings(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [value] if isinstance(value, str) else []


def network_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return ""


def all_named(name):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                if file.read().strip() == name[:15]:
                    found.append(int(pid))
        except OSError:
            pass
    return found


def main():
    test = Test(cluster.Hosts(2))
    with test.gateway(8, "oob_tcp_keepalive_time=3600") as gateway:  # so that nothing but the job's time ends it
        test.done(gateway)
        test.cut_off(gateway, 28, "time-limit")
    # by itself the gateway has Open MPI ask after hosts
    with test.gateway(120) as gateway:
        test.done(gateway)
        test.cut_off(gateway, 30, "launch-failed")
    return support.finish()


if __name__ == "__main__":
    sys.exit(main())
