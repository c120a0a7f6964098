"""Nobody sees another client's things, on any route; and what runs sees nothing of the gateway's: its environment,
descriptors and limits are closed, and all files are for one user alone."""
import json
import os
import re
import stat
import sys
import threading

import support
from support import check

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
VARIABLES = r"(PATH|HOME|LANG|TMPDIR|PWD|RGB2GRAY_JOB|RGB2GRAY_ISA|HWLOC_\w+|SLURM_CONF|[ALU]\w*SAN_OPTIONS|(OMPI|PMIX|PRTE)_\w+)"


class Client:
    def __init__(self, gateway, token):
        self.gateway, self.token = gateway, {"Authorization": f"Bearer {token}"}

    def ask(self, method, path, body=None, headers=None):
        return self.gateway.request(method, path, body, {**self.token, **(headers or {})})

    def upload(self, nbytes):
        return self.ask("POST", "/api/v1/uploads", b"", {**TUS, "Upload-Length": str(nbytes)}).headers["location"]


def owner_and_other(gateway, owner, other):
    data = support.small_png()
    job = owner.ask("POST", "/api/v1/jobs?name=secret.png", data, {"Content-Type": "image/png"}).json()
    path = job["links"]["self"]
    support.wait_for(lambda: owner.ask("GET", path).json()["state"] == "done", "the job is done")
    routes = [path, *(path + rest for rest in ("/events", "/result", "/original", "/report", "/preview?of=original",
                                               "/preview", "/tiles/original", "/tiles/result", "/tiles/result/0/0_0"))]
    for route in routes:
        check(owner.ask("GET", route).status == 200, f"{route} for its owner", owner.ask("GET", route))
        for method in ("GET", "HEAD"):
            check(other.ask(method, route).status == 404, f"{method} {route} for another", other.ask(method, route))
    check(other.ask("DELETE", path).status == 404, "a removal by another")
    check(owner.ask("GET", path).status == 200, "it is still there")
    for listing in ("/api/v1/jobs", "/api/v1/stats.json", "/api/v1/stats.csv"):
        check(b"secret" in owner.ask("GET", listing).body, f"{listing} for its owner")
        check(b"secret" not in other.ask("GET", listing).body and job["id"] not in str(other.ask("GET", listing).body),
              f"{listing} for another")
    check(owner.ask("DELETE", path).status == 204, "its owner removes it")
    check([client.ask("GET", path).status for client in (owner, other)] == [410, 404], "that it was there")


def planted(gateway, owner):
    """Links and pipes in a job's folder, should a conversion have made any: nothing outside is served, nobody waits."""
    job = owner.ask("POST", "/api/v1/jobs", support.small_png(), {"Content-Type": "image/png"}).json()
    path = job["links"]["self"]
    support.wait_for(lambda: owner.ask("GET", path).json()["state"] == "done", "the job is done")
    folder, outside = os.path.join(gateway.spool, "jobs", job["id"]), os.path.join(gateway.folder, "outside", "0")
    os.makedirs(outside)
    with open(os.path.join(outside, "0_0.png"), "wb") as file:
        file.write(b"outside")
    os.symlink(os.path.dirname(outside), os.path.join(folder, "tiles-original"))
    os.symlink(os.path.join(outside, "0_0.png"), os.path.join(folder, "preview-original-256.jpg"))
    for route in ("/tiles/original/0/0_0", "/preview?of=original&size=256"):
        check(owner.ask("GET", path + route).body != b"outside", f"{route} through a link")
    os.unlink(os.path.join(folder, "result"))
    os.mkfifo(os.path.join(folder, "result"))
    check(owner.ask("GET", path + "/result").status == 404, "a pipe is no result")
    check(owner.ask("DELETE", path).status == 204 and os.path.exists(os.path.join(outside, "0_0.png")),
          "a removal goes through no link")


def uploads(gateway, owner, other):
    data = support.small_png()
    location = owner.upload(len(data))

    def by_another(when):
        patch = other.ask("PATCH", location, data, {**PIECE, "Upload-Offset": "0"})
        body = json.dumps({"upload": location.rsplit("/", 1)[1]})
        asked = {"HEAD": other.ask("HEAD", location, headers=TUS), "PATCH": patch,
                 "DELETE": other.ask("DELETE", location, headers=TUS),
                 "a job": other.ask("POST", "/api/v1/jobs", body, {"Content-Type": "application/json"})}
        for what, answer in asked.items():
            check(answer.status == 404, f"{what} of another's upload {when}", answer)

    by_another("that is empty")
    sock = gateway.connect()  # its owner is in the middle of writing
    lines = [f"PATCH {location} HTTP/1.1", f"Host: 127.0.0.1:{gateway.port}", f"Content-Length: {len(data)}",
             "Expect: 100-continue",  # which is answered once the upload is taken, and before its bytes are read
             *(f"{name}: {value}" for name, value in {**owner.token, **PIECE, "Upload-Offset": "0"}.items())]
    sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
    check(b" 100 " in sock.recv(4096), "its owner writes")
    sock.sendall(data[:100])
    second = owner.ask("PATCH", location, data, {**PIECE, "Upload-Offset": "0"})
    check(b"another request" in second.body, "one writes at a time", second)
    by_another("while it is written to")
    sock.sendall(data[100:])
    check(b" 204 " in sock.recv(4096), "it is written")
    sock.close()
    by_another("that is complete")


def uploads_at_once(gateway, owner):
    """One becomes a job while others ask for it."""
    data = support.small_png()
    statuses = []

    def ask(location):
        body = json.dumps({"upload": location.rsplit("/", 1)[1]})
        statuses.append(owner.ask("HEAD", location, headers=TUS).status)
        statuses.append(owner.ask("POST", "/api/v1/jobs", body, {"Content-Type": "application/json"}).status)
        statuses.append(owner.ask("HEAD", location, headers=TUS).status)

    for _ in range(15):
        location = owner.upload(len(data))
        owner.ask("PATCH", location, data, {**PIECE, "Upload-Offset": "0"})
        threads = [threading.Thread(target=ask, args=(location,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    check(set(statuses) == {200, 201} and statuses.count(201) == 15, "one job each, and no failure",
          {status: statuses.count(status) for status in statuses})


def closed_process(gateway):
    """The pool of one rank is a child that stays long enough to be looked at."""
    gateway.request("POST", "/api/v1/convert?launcher=pool", support.small_png())
    pids = support.wait_for(lambda: support.processes_of(gateway.spool), "a pool")
    for pid in pids or []:
        with open(f"/proc/{pid}/environ", "rb") as file:
            names = [one.split(b"=")[0].decode() for one in file.read().split(b"\0") if one]
        odd = [name for name in names if not re.fullmatch(VARIABLES, name)]
        check(not odd and "RGB2GRAY_JOB" in names, "its environment", odd)
        links = {fd: os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        odd = [link for link in links.values() if not re.match(r"/dev/null|pipe:|socket:", link)]
        check(not odd and len(links) <= 5, "its descriptors", links)
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            limits = {line[:26].strip(): line[26:].split()[:2] for line in file}
        check(limits["Max core file size"] == ["0", "0"], "no core", limits)
        check("unlimited" not in limits["Max file size"], "a limit of files", limits)
        check(support.SANITIZED or "unlimited" not in limits["Max address space"], "a limit of memory", limits)
        check(int(limits["Max open files"][1]) <= 4096, "a limit of descriptors", limits)
        check(os.getsid(pid) != os.getsid(gateway.pid), "a session of its own")


def modes(spool):
    for folder, folders, names in os.walk(spool):
        for name in [*folders, *names]:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode):
                check(mode & 0o077 == 0, f"{os.path.relpath(path, spool)} is open to others", oct(mode))


def main():
    one, one_line = support.new_token("one")
    two, two_line = support.new_token("two")
    os.umask(0o022)
    with support.Gateway("--requests-a-minute", "0", config=f"{one_line}\n{two_line}\n") as gateway:
        owner, other = Client(gateway, one), Client(gateway, two)
        owner_and_other(gateway, owner, other)
        uploads(gateway, owner, other)
        uploads_at_once(gateway, owner)
        planted(gateway, owner)
        for launcher in ("mpirun", "pool"):
            job = owner.ask("POST", f"/api/v1/jobs?launcher={launcher}", support.small_png()).json()
            support.wait_for(lambda: owner.ask("GET", job["links"]["self"]).json()["state"] == "done", "a job is done")
            owner.ask("GET", job["links"]["self"] + "/tiles/original")
        modes(gateway.spool)
    env = support.environment(RGB2GRAY_TEST_SECRET="hidden", LD_BIND_NOW="1")
    with support.Gateway("--ranks", "1", env=env) as gateway:
        closed_process(gateway)
    return support.finish()


sys.exit(main())
