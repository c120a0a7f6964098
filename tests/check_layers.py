#!/usr/bin/env python3
"""Checks rules of the source tree that no compiler checks. Usage: check_layers.py SOURCE_FOLDER

An #include points to the same layer or a lower one; mpi.h stays in the layers that run over ranks; MPI_COMM_WORLD
stands in one file; files stay short; nothing is left to do or commented out by #if 0.
"""
import re
import sys
from pathlib import Path

LEVEL = {"cli": 6, "gateway": 6, "pipeline": 5, "parallel": 4, "codec": 3, "deflate": 2, "pixel": 1, "base": 0}
# pixel and deflate lie side by side: neither includes the other.
FORBIDDEN = {("deflate", "pixel"), ("cli", "gateway"), ("gateway", "cli")}
MPI_LAYERS = {"parallel", "pipeline", "cli"}
MPI_PIPELINE_FILE = re.compile(r"^(distributed.*|compare.*|convert|runs)\.[ch]$")
MAX_LINES = 600
UNFINISHED = re.compile(r"\b(TODO|FIXME)\b|^\s*#\s*if\s+0\b")
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TEXT = {".c", ".h", ".py", ".sh", ".txt", ".cmake", ".in", ".md", ".js", ".html", ".css", ".json", ".mjs"}


def text_files(root):
    for folder in ("src", "include", "tests", "scripts", "web"):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and (path.suffix in TEXT) and path.resolve() != Path(__file__).resolve():
                yield path


def include_faults(layer, path, number, line):
    match = INCLUDE.match(line)
    if not match:
        return
    quote, target = match.groups()
    if target == "mpi.h":
        if layer not in MPI_LAYERS:
            yield f"{path}:{number}: mpi.h in layer {layer}"
        elif layer == "pipeline" and not MPI_PIPELINE_FILE.match(path.name):
            yield f"{path}:{number}: mpi.h in the part of the pipeline that knows no MPI"
    if quote != '"':
        return
    other = target.split("/")[0]
    if "/" not in target or other not in LEVEL:
        yield f'{path}:{number}: "{target}" is not written as "layer/file.h"'
    elif LEVEL[other] > LEVEL[layer] or (layer, other) in FORBIDDEN:
        yield f"{path}:{number}: {layer} includes {target}, which lies above or beside it"
    elif layer == "pipeline" and other == "parallel" and not MPI_PIPELINE_FILE.match(path.name):
        yield f"{path}:{number}: {target} in the part of the pipeline that knows no MPI"


def check(root):
    world_files = []
    layers_seen = set()
    for path in text_files(root):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        name = path.relative_to(root)
        if len(lines) > MAX_LINES and path.suffix != ".json":
            yield f"{name}: {len(lines)} lines, more than {MAX_LINES}"
        for number, line in enumerate(lines, 1):
            if UNFINISHED.search(line):
                yield f"{name}:{number}: unfinished: {line.strip()}"
        if path.suffix not in (".c", ".h") or name.parts[0] not in ("src", "include"):
            continue
        if "MPI_COMM_WORLD" in COMMENT.sub("", text):
            world_files.append(str(name))
        if name.parts[0] == "include":
            for number, line in enumerate(lines, 1):
                match = INCLUDE.match(line)
                if match and (match[1] == '"' or match[2] == "mpi.h"):
                    yield f"{name}:{number}: a public header includes {match[2]}"
            continue
        layer = name.parts[1]
        if layer not in LEVEL:
            yield f"{name}: {layer} is not a layer"
            continue
        layers_seen.add(layer)
        for number, line in enumerate(lines, 1):
            yield from include_faults(layer, name, number, line)
    if len(world_files) > 1:
        yield "MPI_COMM_WORLD in several files: " + ", ".join(world_files)
    if not layers_seen:
        yield f"{root}: no source files found"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    faults = list(check(Path(sys.argv[1])))
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults" if faults else "layers, sizes and leftovers: all well")
    sys.exit(1 if faults else 0)


main()
