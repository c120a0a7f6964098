"""rgb2gray on a simulated cluster: see scripts/simulate.sh --help."""

import argparse
import csv
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

import build
from cluster import Cluster, STORAGE_HOST

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PHASES = ("read", "scatter", "convert", "encode", "gather", "write")
WIDTH = 65536
STRONG_ROWS, WEAK_ROWS = 32768, 256
SPREAD = 0.15
# ns a pixel, and ns a byte written: the least of three runs of one process on a picture of tissue, 8000 x 8000, in memory
# (virtual cores of an AMD EPYC).
READ, CONVERT, ENCODE, ENCODE_SMALL, WRITE, OUT_NBYTES = 0.75, 0.1, 3.07, 640.0, 0.53, 0.486


# SMPI's MPI_Iallreduce, of which rows written in place need some, sends a message from every rank to every other: with more
# ranks than this a run of minutes would simulate just that.
PLACE_RANKS_MAX = 64


def why_not(name, ranks, height):
    """Why a case is not simulated with so many ranks; None if it is."""
    if name == "place" and ranks > PLACE_RANKS_MAX:
        return f"more than {PLACE_RANKS_MAX} ranks are too slow (SMPI's MPI_Iallreduce)"
    # Pixels that are sent are really there, in one process; the kernel and SimGrid need half as much again.
    needed = 1.5 * 3 * WIDTH * height if CASES[name].hidden and ranks > 1 else 0
    if needed > os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"):
        return f"it needs more memory than this machine has, about {needed / 1e9:.0f} GB"
    return None


class Case:
    def __init__(self, title, ending, encode, hidden=False, options=()):
        self.title, self.ending, self.encode, self.hidden, self.options = title, ending, encode, hidden, options


CASES = {
    "own": Case("PPM to PNG, every rank reads its own rows", ".png", ENCODE),
    "scatter": Case("PPM to PNG, rank 0 reads and scatters", ".png", ENCODE, hidden=True),
    "own-small": Case("PPM to PNG --compression small, own rows", ".png", ENCODE_SMALL,
                      options=("--compression", "small")),
    "scatter-small": Case("PPM to PNG --compression small, rank 0 scatters", ".png", ENCODE_SMALL, hidden=True,
                          options=("--compression", "small")),
    "place": Case("PPM to PGM, every rank reads and writes its own rows", ".pgm", 0.0),
}


def parse(words):
    parser = argparse.ArgumentParser(prog="scripts/simulate.sh", add_help=False)
    parser.add_argument("--ranks", default="1 16 32 64 128 256 512 1024")
    parser.add_argument("--cases", default="own scatter own-small scatter-small place batch")
    parser.add_argument("--scaling", default="strong weak")
    parser.add_argument("--cores", type=int, default=32)
    parser.add_argument("--gbits", type=float, default=100.0)
    parser.add_argument("--latency", type=float, default=2.0)
    parser.add_argument("--storage", type=float, default=50.0)
    parser.add_argument("--rows", type=int, default=STRONG_ROWS)
    parser.add_argument("--rows-a-rank", type=int, default=WEAK_ROWS)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--image-ms", type=float, default=20.0)
    parser.add_argument("--csv", default=os.path.join(ROOT, "out", "simulate", "scaling.csv"))
    parser.add_argument("--objects")
    parser.add_argument("--source", default=ROOT)
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "simulate"))
    return parser.parse_args(words)


def numbers(text):
    return [int(word) for word in text.replace(",", " ").split()]


def environment(case, ranks, made_up, cluster):
    values = {"READ": READ, "CONVERT": CONVERT, "ENCODE": case.encode, "WRITE": WRITE, "IN_NBYTES": 3,
              "OUT_NBYTES": OUT_NBYTES, "SPREAD": SPREAD, "STORAGE": STORAGE_HOST if cluster.storage_gbs > 0 else "",
              "MADE_UP": int(made_up), "HIDDEN": int(case.hidden)}
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OMPI_", "PMIX_", "SLURM_"))}
    env.update({"RGB2GRAY_SIMULATED_" + name: str(value) for name, value in values.items()})
    env["OMPI_COMM_WORLD_SIZE"] = str(ranks)
    env["RGB2GRAY_START_LIMIT"] = "0"  # by a clock that is not simulated
    return env


def simulate(program, case, cluster, ranks, source, output, folder, made_up, options=(), timeout=3600):
    """Runs the program on so many simulated ranks; its report."""
    words = ["smpirun", *cluster.write(folder, ranks), program, source, "-o", output, "--force", "--report", "json",
             *case.options, *options]
    done = subprocess.run(words, env=environment(case, ranks, made_up, cluster), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=timeout, cwd=folder)
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"schema"')]
    if done.returncode != 0 or not lines:
        raise RuntimeError(f"the simulation of {ranks} ranks ended with {done.returncode}:\n{done.stdout[-2000:]}"
                           f"{done.stderr[-2000:]}")
    return json.loads(lines[0])


def allow_many_files():
    """Every rank holds its input and its output open, and all are in one process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def make_source(folder, height):
    """A PPM of the right size that takes no room: its pixels are not looked at."""
    path = os.path.join(folder, "made-up.ppm")
    header = f"P6\n{WIDTH} {height}\n255\n".encode()
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(len(header) + 3 * WIDTH * height)
    return path


def row_of(scaling, case, cluster, report, ranks):
    run = report["runs"]["parallel"] or report["runs"]["sequential"]
    out = report["output"]
    row = {"scaling": scaling, "setting": "simulated: " + cluster.describe(), "input": case.title,
           "width": out["width"], "height": out["height"], "from": report["input"]["format"], "to": out["format"],
           "path": report["plan"]["path"], "hosts": cluster.hosts(ranks), "ranks": ranks, "repeat": 1,
           "wall_s": f"{run['wall_ns'] / 1e9:.6g}", "bytes_per_pixel": 4, "machine": "simulated (SimGrid SMPI)",
           "program": "rgb2gray"}
    useful = [sum(rank[name + "_ns"] for name in ("read", "convert", "encode", "write")) for rank in run["ranks"]]
    parts = {"useful": useful, **{name: [rank[name + "_ns"] for rank in run["ranks"]] for name in PHASES}}
    for name, values in parts.items():
        row[name + "_mean_s"] = f"{statistics.fmean(values) / 1e9:.6g}"
        row[name + "_max_s"] = f"{max(values) / 1e9:.6g}"
    return row


def show(row, first):
    pixels = row["width"] * row["height"]
    speedup = pixels / float(row["wall_s"]) / (first["width"] * first["height"] / float(first["wall_s"]))
    efficiency = speedup / row["ranks"] * first["ranks"]
    means = "".join(f"{float(row[name + '_mean_s']):10.4g}" for name in PHASES)
    print(f"{row['ranks']:7d}{row['hosts']:7d}{float(row['wall_s']):11.4g}{speedup:10.1f}{efficiency * 100:7.0f} %"
          f"{means}   {row['path']}", flush=True)


def simulate_batch(program, cluster, ranks, images, image_ms, folder, timeout=3600):
    """A batch of so many images that are names alone; its summary. What rank 0 computes is measured and takes time."""
    inputs, outputs = os.path.join(folder, f"images-{ranks}"), os.path.join(folder, f"out-{ranks}")
    os.mkdir(inputs)
    for i in range(images):
        os.mknod(os.path.join(inputs, f"{i}.ppm"))
    env = environment(CASES["own"], ranks, True, cluster)
    env.update({"RGB2GRAY_SIMULATED_IMAGE_NS": str(int(image_ms * 1e6)), "RGB2GRAY_SIMULATED_HEADER_NS": "200000"})
    words = ["smpirun", *cluster.write(folder, ranks), "--cfg=smpi/simulate-computation:yes", program, "batch", inputs,
             "-o", outputs + "/"]
    done = subprocess.run(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
                          cwd=folder)
    shutil.rmtree(inputs)
    shutil.rmtree(outputs, ignore_errors=True)
    if done.returncode != 0 or f"converted    {images} images" not in done.stdout:
        raise RuntimeError(f"the simulated batch on {ranks} ranks ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return done.stdout


def row_of_batch(cluster, summary, ranks, images, image_ms):
    """As if each image had 1000 x 1000 pixels, for a row of the same kind."""
    rate = float(re.search(r"rate +([0-9.]+) images/s", summary).group(1))
    row = {"scaling": "weak", "setting": "simulated: " + cluster.describe(),
           "input": f"a batch of images that take {image_ms:g} ms", "width": 1000, "height": 1000 * images, "from": "PPM",
           "to": "PNG", "path": "batch", "hosts": cluster.hosts(ranks), "ranks": ranks, "repeat": 1,
           "wall_s": f"{images / rate:.6g}", "machine": "simulated (SimGrid SMPI)", "program": "rgb2gray"}
    return row


def run_batches(args, program, cluster, folder, rows):
    first = None
    print(f"\nweak scaling, a batch of {args.images} images a rank that take {args.image_ms:g} ms\n"
          "  ranks  nodes       wall  speed-up  effic.   images/s")
    for ranks in numbers(args.ranks):
        images = args.images * ranks
        summary = simulate_batch(program, cluster, ranks, images, args.image_ms, folder)
        row = row_of_batch(cluster, summary, ranks, images, args.image_ms)
        first = first or row
        speedup = images / float(row["wall_s"]) / (first["height"] / 1000 / float(first["wall_s"]))
        print(f"{ranks:7d}{row['hosts']:7d}{float(row['wall_s']):11.4g}{speedup:10.1f}"
              f"{speedup / ranks * first['ranks'] * 100:7.0f} %{images / float(row['wall_s']):11.0f}", flush=True)
        rows.append(row)


def main(words):
    args = parse(words)
    args.build, args.source = os.path.abspath(args.build), os.path.abspath(args.source)
    lacks = build.missing()
    if lacks is not None:
        print("simulate.sh: " + lacks, file=sys.stderr)
        return 77
    allow_many_files()
    cluster = Cluster(args.cores, args.gbits, args.latency, args.storage)
    program = build.build(args.source, args.build, args.objects)
    rows = []
    with tempfile.TemporaryDirectory(prefix="rgb2gray-simulate-") as folder:
        print("Simulated: " + cluster.describe() + ". Times in seconds; phases are means over ranks.")
        for scaling in args.scaling.split():
            for name in args.cases.split():
                if name == "batch":
                    continue
                case, first = CASES[name], None
                print(f"\n{scaling} scaling, {case.title}\n  ranks  nodes       wall  speed-up  effic.  "
                      + "".join(f"{phase:>10}" for phase in PHASES))
                for ranks in numbers(args.ranks):
                    height = args.rows if scaling == "strong" else args.rows_a_rank * ranks
                    reason = why_not(name, ranks, height)
                    if reason is not None:
                        print(f"{ranks:7d}  not simulated: {reason}", flush=True)
                        continue
                    report = simulate(program, case, cluster, ranks, make_source(folder, height),
                                      os.path.join(folder, "gray" + case.ending), folder, True)
                    row = row_of(scaling, case, cluster, report, ranks)
                    first = first or row
                    show(row, first)
                    rows.append(row)
        if "batch" in args.cases.split():
            run_batches(args, program, cluster, folder, rows)
    os.makedirs(os.path.dirname(os.path.abspath(args.csv)), exist_ok=True)
    with open(args.csv, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)
    print("\n" + args.csv)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
