"""The part about the gateway: POST /convert through the pool and through mpirun, beside the program alone, in turn."""
import http.client
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import time
import urllib.parse

import contenders
import pictures
import text

PATHS = ("jpeg-420", "png-paeth")
SIZES = ((2000, 2000),)
LAUNCHERS = ("pool", "mpirun")


class Gateway:
    """One on a free port of loopback, with a spool of its own in `folder`."""

    def __init__(self, program, rgb2gray, folder):
        self.spool = os.path.join(folder, "spool")
        self.log = open(os.path.join(folder, "gateway.log"), "wb")
        words = [program, "--port", "0", "--spool", self.spool, "--program", rgb2gray, "--requests-a-minute", "0"]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline().decode()
        found = re.search(r"http://([0-9.]+):(\d+)", line)
        if not found:
            self.close()
            raise pictures.BenchError("the gateway does not start: " + self.words())
        self.connection = http.client.HTTPConnection(found[1], int(found[2]), timeout=120)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def words(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()[-400:].strip()

    def convert(self, data, launcher):
        """(seconds from the first byte sent to the last received, seconds of the conversion in it, the picture)."""
        query = urllib.parse.urlencode({"launcher": launcher})
        began = time.perf_counter()
        self.connection.request("POST", "/api/v1/convert?" + query, data,
                                {"Content-Type": "application/octet-stream"})
        answer = self.connection.getresponse()
        body = answer.read()
        wall_s = time.perf_counter() - began
        if answer.status != 200:
            raise pictures.BenchError(f"the gateway answers {answer.status}: {body[:300].decode('utf-8', 'replace')}")
        found = re.search(r"parallel;dur=([0-9.]+)", answer.getheader("Server-Timing", ""))
        return wall_s, float(found[1]) / 1e3 if found else None, body

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
        shutil.rmtree(self.spool, ignore_errors=True)


def one_path(gateway, runner, program, path, source, rounds):
    """The times of everyone on one picture, taken in turn."""
    alone = contenders.rgb2gray(program, [1])[0]
    with open(source, "rb") as file:
        data = file.read()
    times = {"alone": [], **{name: [] for name in LAUNCHERS}}
    added = {name: [] for name in LAUNCHERS}
    for number in range(-2, rounds):  # the first two warm up
        target = runner.new_name(pictures.EXTENSIONS[path.target])
        run = runner.convert(alone, path, source, target)
        with open(target, "rb") as file:
            right = file.read()
        os.remove(target)
        for launcher in LAUNCHERS:
            wall_s, convert_s, body = gateway.convert(data, launcher)
            if body != right:
                raise pictures.BenchError(f"{path.name}: the gateway's picture through {launcher} is another one")
            if number >= 0:
                times[launcher].append(wall_s)
                added[launcher].append(wall_s - convert_s)
        if number >= 0:
            times["alone"].append(run.wall_s)
    return times, added


def measured(gateway_program, program, store, runner, folder, rounds, say):
    """For each picture and way: median seconds, that beside the program alone, and what is not conversion."""
    found = []
    gateway = Gateway(gateway_program, program, folder)
    try:
        for width, height in SIZES:
            for name in PATHS:
                path = next(one for one in pictures.PATHS if one.name == name)
                source = store.picture("photograph", width, height, path)
                if source is None:
                    say(f"gateway: {name}: left out, {path.makers[0][0]} is not installed")
                    continue
                say(f"gateway: timing {path.title}")
                times, added = one_path(gateway, runner, program, path, source, rounds)
                alone_s = statistics.median(times["alone"])
                for way, values in times.items():
                    found.append({"path": name, "title": path.title, "width": width, "height": height, "way": way,
                                  "runs": len(values), "median_s": statistics.median(values), "min_s": min(values),
                                  "max_s": max(values), "of_alone": statistics.median(values) / alone_s,
                                  "added_median_s": statistics.median(added[way]) if way in added else None})
    finally:
        gateway.close()
    return found


def table(found):
    rows = [("picture", "way", "median", "of the program alone", "beside the conversion itself")]
    rows += [(f"{one['title']}, {one['width']} x {one['height']}",
              {"alone": "program alone"}.get(one["way"], f"POST /convert, {one['way']}"), text.seconds(one["median_s"]),
              f"{text.ratio(one['of_alone'])}x", text.seconds(one["added_median_s"])) for one in found]
    return rows


def shown(found):
    out = ["Gateway: whole requests on loopback beside the program as a command, medians, in turn; the last column is what "
           "a request takes beside the conversion that its answer reports"]
    return "\n".join(out + ["  " + line for line in text.columns(table(found))])
