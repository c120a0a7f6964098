"""The benchmark, on a tiny picture: what it writes is well-formed, and outputs of rgb2gray are judged exact.

Nothing is installed and nothing depends on a time. Only peers that are there take part, and of these the quick ones.
"""
import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from program import PROGRAM, check, environment, finish, read, temporary_folder  # noqa: E402

SOURCE = os.environ.get("RGB2GRAY_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SCRIPTS = os.path.join(SOURCE, "scripts")
GENERATOR = os.environ.get("RGB2GRAY_PICTURE", os.path.join(os.path.dirname(PROGRAM), "..", "tests", "make_picture"))
PATHS = {"png-paeth", "jpeg-444", "jpeg-progressive", "bmp", "ppm", "ppm-png", "png-jpeg"}


def bench(folder, *options):
    command = ["/usr/bin/python3", os.path.join(SCRIPTS, "bench", "main.py"), "--program", PROGRAM, "--make-picture",
               GENERATOR, "--results", os.path.join(folder, "results"), "--dir", os.path.join(folder, "work"), *options]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd=folder, env=environment(),
                          timeout=120, check=False)


def check_json(document):
    check(document["schema"] == "rgb2gray-bench" and document["machine"]["cores"] > 0, "results.json", document)
    found = {one["path"]: one for one in document["findings"]}
    check(set(found) == PATHS, "every path was measured", set(found))
    for path, one in found.items():
        check((one["width"], one["height"]) == (64, 48), f"{path}: the size", one)
        ours = [row for row in one["results"] if row["ours"]]
        check([row["contender"] for row in ours] == ["rgb2gray"], f"{path}: rgb2gray took part", ours)
        for row in ours:
            check(row["failure"] is None and row["valid"] and row["form"] == "gray", f"{path}: a gray picture", row)
            check(row["exact"] is True or path == "png-jpeg", f"{path}: exact", row)
            check(row["runs"] == 1 and row["median_s"] >= row["alone_s"] > 0, f"{path}: times", row)
            check(row["output_nbytes"] > 0 and row["resident_nbytes"] > 0, f"{path}: sizes", row)
    peers = [row for one in found.values() for row in one["results"] if not row["ours"] and not row["failure"]]
    check(all(row["form"] and row["differences"] for row in peers), "peers are judged too", peers)
    return sum(len(one["results"]) for one in document["findings"])


def check_files(folder, row_count):
    with open(os.path.join(folder, "results.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    check(len(rows) == row_count, "results.csv has a line for each result", len(rows))
    check(all(float(row["median_s"]) > 0 for row in rows if not row["failure"]), "results.csv: times", rows)
    for name in ("chart.svg", "chart-photograph-64x48.svg"):
        chart = xml.etree.ElementTree.fromstring(read(folder, name))
        texts = [element.text for element in chart.iter() if element.tag.endswith("}text")]
        check(texts.count("rgb2gray") == len(PATHS), f"{name}: a bar of rgb2gray on each path", texts)
    lines = read(folder, "table.md").decode().splitlines()
    tables = [line for line in lines if line.startswith("|")]
    check(len(tables) == 4 * (2 + len(PATHS)), "table.md", "\n".join(lines))
    widths = {line.count("|") for line in tables[:2 + len(PATHS)]}
    check(len(widths) == 1, "table.md: as many cells in each line", widths)


def check_usage(folder):
    done = bench(folder, "--paths", "gif")
    check(done.returncode == 2 and b"gif" in done.stderr, "an unknown path is a mistake of usage", done)
    script = os.path.join(SCRIPTS, "bench.sh")
    done = subprocess.run(["bash", script, "--help"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    check(done.returncode == 0 and done.stdout.startswith(b"usage: "), "bench.sh --help", done)


def check_inexact(folder):
    """A program that converts by another formula is found out: the check is no formality."""
    other = os.path.join(folder, "other")
    with open(other, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec "{PROGRAM}" --method bt709 "$@"\n')
    os.chmod(other, 0o755)
    done = bench(folder, "--program", other, "--peers", "--sizes", "64x48", "--runs", "1", "--ranks", "", "--paths",
                 "ppm", "--only", "rgb2gray")
    check(done.returncode == 1 and b"NOT AS PROMISED: photograph, ppm: rgb2gray" in done.stdout, "an inexact one", done)


def check_kernels(folder):
    """The kernels as the benchmark calls them, without OpenCV and libyuv: every instruction set gives exact grays."""
    library = os.path.join(os.path.dirname(PROGRAM), "librgb2gray.so")
    if not shutil.which("g++") or not os.path.exists(library):
        print("kernels are passed over: there is no g++, or no shared library")
        return
    program = os.path.join(folder, "kernel")
    done = subprocess.run(["g++", "-std=c++17", "-O1", "-I", os.path.join(SOURCE, "include"), "-o", program,
                           os.path.join(SCRIPTS, "bench", "kernel.cc"), "-ldl"], capture_output=True, check=False)
    check(done.returncode == 0, "kernel.cc compiles", done)
    done = subprocess.run([program, library, folder, "1", "1"], capture_output=True, env=environment(), check=False)
    check(done.returncode == 0, "kernel.cc runs", done)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    exact = {line["kernel"]: line["differing_colours"] for line in lines if line["what"] == "exact"}
    check("rgb2gray scalar" in exact and not any(exact.values()), "kernels are exact", exact)
    speeds = [line for line in lines if line["what"] == "speed"]
    check(len(speeds) == 3 * (len(exact) + 1) and all(line["median"] > 0 for line in speeds), "speeds", lines)


for module in ("numpy", "PIL"):
    if importlib.util.find_spec(module) is None:
        print(f"skipped: this test needs {module}")
        sys.exit(77)
for program in ("/usr/bin/python3", "cc", "cjpeg", GENERATOR):
    if not shutil.which(program):
        print(f"skipped: this test needs {program}")
        sys.exit(77)
with temporary_folder() as work:
    result = bench(work, "--peers", "--sizes", "64x48", "--runs", "1", "--ranks", "", "--paths",
                   ",".join(sorted(PATHS)), "--only", "rgb2gray jpegtran netpbm")
    check(result.returncode == 0, "the benchmark runs", result)
    if result.returncode == 0:
        if shutil.which("jpegtran"):
            check(b"fastest peer: " in result.stdout, "it says who the fastest peer is", result.stdout)
        with open(os.path.join(work, "results", "results.json"), encoding="utf-8") as results:
            check_files(os.path.join(work, "results"), check_json(json.load(results)))
    check(not [name for name in os.listdir(os.path.join(work, "work")) if name != "pictures"], "nothing is left",
          os.listdir(os.path.join(work, "work")))
    check_usage(work)
    check_inexact(work)
    check_kernels(work)
finish()
