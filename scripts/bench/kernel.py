"""The part about kernels: compiles kernel.cc beside OpenCV and libyuv, where they are there, runs it, shows a table."""
import json
import os
import shutil
import subprocess

import text
from pictures import ROOT, BenchError

HERE = os.path.dirname(os.path.abspath(__file__))
OPENCV_HEADERS = "/usr/include/opencv4"


def has(compiler, flags, header):
    """Whether a C++ header is there."""
    done = subprocess.run([compiler, *flags, "-E", "-x", "c++", "-include", header, "/dev/null"],
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


def compiled(folder):
    """Compiles kernel.cc into the folder; returns the program."""
    compiler = os.environ.get("CXX", "g++")
    if not shutil.which(compiler):
        raise BenchError(f"there is no C++ compiler ({compiler})")
    flags, libraries = ["-std=c++17", "-O3", "-march=native", "-I", os.path.join(ROOT, "include")], ["-ldl"]
    if has(compiler, ["-I", OPENCV_HEADERS], "opencv2/imgproc.hpp"):
        flags += ["-DWITH_OPENCV", "-I", OPENCV_HEADERS]
        libraries += ["-lopencv_imgproc", "-lopencv_core"]
    if has(compiler, [], "libyuv/convert.h"):
        flags += ["-DWITH_LIBYUV"]
        libraries += ["-lyuv"]
    program = os.path.join(folder, "kernel")
    done = subprocess.run([compiler, *flags, "-o", program, os.path.join(HERE, "kernel.cc"), *libraries],
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise BenchError("kernel.cc does not compile: " + done.stderr.decode("utf-8", "replace"))
    return program


def measured(library, folder, quick, say):
    """The lines kernel.cc prints, as a list of dictionaries."""
    say("kernels: compiling")
    program = compiled(folder)
    say("kernels: timing")
    rounds, least_ms = ("5", "5") if quick else ("15", "20")
    done = subprocess.run([program, os.path.abspath(library), folder, rounds, least_ms], stdin=subprocess.DEVNULL,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise BenchError("kernels: " + done.stderr.decode("utf-8", "replace").strip())
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def table(lines):
    """Rows of text: for each buffer size and kernel its speed, and what that is of OpenCV's and of memcpy's."""
    exact = {line["kernel"]: line for line in lines if line["what"] == "exact"}
    speeds = [line for line in lines if line["what"] == "speed"]
    rows = [("kernel", "buffer", "Mpixel/s", "GB/s", "of OpenCV", "of memcpy", "colours of 2^24 that differ")]
    for level in dict.fromkeys(line["level"] for line in speeds):
        own = [line for line in speeds if line["level"] == level]
        opencv = next((line["median"] for line in own if line["kernel"].startswith("OpenCV")), None)
        memcpy = next(line["median"] for line in own if line["kernel"] == "memcpy")
        for line in own:
            found = exact.get(line["kernel"])
            note = "" if found is None else "none" if found["differing_colours"] == 0 else \
                f"{found['differing_colours']}, by up to {found['largest']}"
            rows.append((line["kernel"], f"{level}, {text.size(line['nbytes'])}", f"{line['median'] / 1e6:.0f}",
                         f"{line['median'] * 4 / 1e9:.1f}", f"{line['median'] / opencv:.2f}x" if opencv else "-",
                         f"{line['median'] / memcpy * 100:.0f} %", note))
    return rows


def shown(lines):
    """The table for a terminal, and what it counts."""
    rows = table(lines)
    out = ["Kernels: RGB of 8 bits to gray in memory, one thread, medians, same buffers in turn; a pixel moves 4 bytes"]
    for number, line in enumerate(text.columns(rows)):
        if number > 1 and rows[number][1] != rows[number - 1][1]:
            out.append("")
        out.append("  " + line)
    return "\n".join(out)
