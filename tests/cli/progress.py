"""Progress: JSON lines for programs, a line on a terminal that leaves a clean one behind, nothing for quick runs."""
import json
import os
import pty
import select
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from program import PROGRAM, check, environment, finish, ppm, run, temporary_folder, write  # noqa: E402


def on_terminal(folder, *arguments):
    """Runs with a terminal as standard error; returns the exit code and what it showed."""
    master, slave = pty.openpty()
    shown = b""
    with subprocess.Popen([PROGRAM, *arguments], cwd=folder, stderr=slave, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, env=environment()) as process:
        os.close(slave)
        while True:
            select.select([master], [], [], 60)
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
    os.close(master)
    return process.returncode, shown


def visible(shown):
    """What is left on the screen after carriage returns and line clearing."""
    lines = []
    for line in shown.replace(b"\r\n", b"\n").split(b"\n"):
        lines.append(line.split(b"\r\x1b[K")[-1])
    return b"\n".join(lines)


with temporary_folder() as work:
    write(work, "a.ppm", ppm())
    write(work, "b.ppm", ppm())
    result = run("-f", "a.ppm", "none.ppm", "b.ppm", "--progress", "json", "-o", ".", cwd=work)
    events = [json.loads(line) for line in result.err_lines if line.startswith("{")]
    others = [line for line in result.err_lines if not line.startswith("{")]
    check(len(others) == 1 and others[0].startswith("rgb2gray: none.ppm"), "errors are still lines", result)
    ends = [(event["event"], event["file"]) for event in events if event["event"] != "progress"]
    check(ends == [("start", "a.ppm"), ("done", "a.ppm"), ("start", "none.ppm"), ("failed", "none.ppm"),
                   ("start", "b.ppm"), ("done", "b.ppm")], "start and end of each file", result)
    for event in events:
        if event["event"] == "progress":
            check(sorted(event) == ["done_rows", "event", "file", "pixels_per_second", "seconds_left", "total_rows"],
                  "the figures of a progress event", event)
            check(0 <= event["done_rows"] <= event["total_rows"] == 30, "rows", event)
    failed = [event for event in events if event["event"] == "failed"]
    check(failed and failed[0]["exit_code"] == 3 and failed[0]["status"] == "input", "why it failed", failed)

    code, shown = on_terminal(work, "-f", "a.ppm")
    check(code == 0 and shown == b"", "a quick run shows nothing on a terminal", shown)
    check(run("-f", "a.ppm", cwd=work).err == "", "nothing goes to a file or pipe")

    # Large enough for a second or so, in many row blocks; slow machines only show more.
    write(work, "big.ppm", b"P6\n4000 4000\n255\n" + os.urandom(48000000))
    slow = ["-f", "big.ppm", "-o", "big.png", "--compression", "small"]
    code, shown = on_terminal(work, *slow)
    check(code == 0 and visible(shown) == b"", "the bar is gone at the end", shown[-200:])
    if b"Mpx/s" not in shown:
        print("this machine was too quick for the bar")
    check(all(len(line) <= 80 for line in shown.split(b"\r\x1b[K")), "the bar fits the line", shown[-400:])
    code, shown = on_terminal(work, "-q", *slow)
    check(code == 0 and shown == b"", "--quiet shows no bar", shown[-200:])
finish()
