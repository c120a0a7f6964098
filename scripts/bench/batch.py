"""The part about many images: rgb2gray batch beside a shell loop, GNU parallel with vips, and mogrify, all in turn."""
import csv
import hashlib
import os
import random
import shlex
import shutil
import statistics
import subprocess
import tempfile
import time

import pictures
import text

FORMATS = (("png", ".png"), ("jpeg", ".jpg"))
SIDES = (64, 96, 128, 192, 256, 256, 384, 512, 512, 768, 1024)  # of made pictures: tiles and thumbnails
KINDS = ("photograph", "tissue", "drawing", "ct", "screenshot")
MADE = 120  # different pictures made; each is then copied under many names


def made_pictures(store, say):
    """Files of many sizes and kinds in all formats, made by the generator and kept between runs."""
    choose = random.Random(1)
    files = []
    for number in range(MADE):
        width, height = choose.choice(SIDES), choose.choice(SIDES)
        name, extension = FORMATS[number % len(FORMATS)]
        path = next(one for one in pictures.PATHS if one.source == name)
        source = store.picture(KINDS[number % len(KINDS)], width, height, path)
        if source is None:
            raise pictures.BenchError(f"{path.makers[0][0]} is not installed")
        files.append((source, extension))
    say(f"batch: {len(files)} pictures of {min(SIDES)} to {max(SIDES)} pixels a side")
    return files


def corpus_pictures(program, corpus, say):
    """Real files, where there is a folder of them: those that rgb2gray converts and that are not large."""
    files = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, extension in FORMATS:
            folder = os.path.join(corpus, name)
            if not corpus or not os.path.isdir(folder):
                continue
            stats = os.path.join(scratch, name + ".csv")
            subprocess.run([program, "batch", folder, "-o", os.path.join(scratch, name), "--max-pixels", "4000000",
                            "--name", "{name}.{ext}", "--stats", stats, "--report", "none"], capture_output=True,
                           check=False)
            with open(stats, encoding="utf-8", newline="") as file:
                files += [(row["input"], extension) for row in csv.DictReader(file)
                          if row["outcome"] == "done" and row["in_format"].lower().startswith(name)]
    say(f"batch: {len(files)} files of the corpus" if files else "batch: no corpus of real files, only made ones")
    return sorted(files)


def fill(folder, sources, count):
    """`count` files in folders of a thousand, each a copy of its own. Returns their bytes."""
    nbytes = 0
    order = [sources[i % len(sources)] for i in range(count)]
    random.Random(2).shuffle(order)
    for number, (source, extension) in enumerate(order):
        below = os.path.join(folder, f"{number // 1000:03d}")
        os.makedirs(below, exist_ok=True)
        target = os.path.join(below, f"{number:06d}{extension}")
        shutil.copyfile(source, target)
        nbytes += os.path.getsize(target)
    return nbytes


def ours(program, ranks):
    words = [program, *(["-n", str(ranks)] if ranks else [])]
    return lambda source, target: [*words, "batch", source, "-o", target, "--report", "none"]


def shell(line):
    """A contender that is a line of shell; $1 is the folder of pictures, $2 that of outputs."""
    return lambda source, target: ["bash", "-c", line, "bash", source, target]


def contenders(program, ranks, jobs):
    quoted = shlex.quote(program)
    everyone = [("rgb2gray batch, one process", None, ours(program, 0))]
    everyone += [(f"rgb2gray -n {number} batch", None, ours(program, number)) for number in ranks]
    everyone += [
        ("shell loop, one rgb2gray an image", None,
         shell(f'cd "$1" && for f in */*; do {quoted} "$f" -o "$2/$f" || :; done')),
        (f"GNU parallel -j {jobs}, vips colourspace", "parallel",
         shell(f'cd "$1" && export o="$2" VIPS_CONCURRENCY=1 && printf "%s\\n" */* | '
               f'parallel --will-cite -j {jobs} \'vips colourspace {{}} "$o"/{{}} b-w\' || :')),
        (f"xargs -P {jobs}, vips colourspace", "vips",
         shell(f'cd "$1" && export o="$2" VIPS_CONCURRENCY=1 && printf "%s\\n" */* | '
               f'xargs -P {jobs} -I@ vips colourspace @ "$o/@" b-w || :')),
        ("ImageMagick mogrify", "mogrify",
         shell('cd "$1" && for d in *; do mogrify -path "$2/$d" -colorspace Gray "$d/*" || :; done')),
    ]
    return [(name, build) for name, needs, build in everyone if not needs or shutil.which(needs)]


def digest(folder):
    """One digest of all outputs under their names, and how many there are."""
    total, count = hashlib.sha256(), 0
    for below, folders, names in os.walk(folder):
        folders.sort()
        if ".rgb2gray" in folders:
            folders.remove(".rgb2gray")
        for name in sorted(names):
            path = os.path.join(below, name)
            with open(path, "rb") as file:
                total.update(os.path.relpath(path, folder).encode() + b"\0" + hashlib.sha256(file.read()).digest())
            count += 1
    return total.hexdigest(), count


def one_run(build, source, target):
    shutil.rmtree(target, ignore_errors=True)
    for below in os.listdir(source):
        os.makedirs(os.path.join(target, below))
    began = time.perf_counter()
    done = subprocess.run(build(source, target), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)
    return time.perf_counter() - began, done


def measured(options, store, folder, say):
    """Everyone's times over the same files, in turn. The slow ones are timed once."""
    source, target = os.path.join(folder, "in"), os.path.join(folder, "out")
    sources = made_pictures(store, say)
    sources += corpus_pictures(options.program, os.environ.get("RGB2GRAY_CORPUS", ""), say)
    nbytes = fill(source, sources, options.images_count)
    everyone = contenders(options.program, options.ranks, os.cpu_count())
    times = {name: [] for name, _ in everyone}
    results = {}
    for number in range(options.runs):
        for name, build in everyone:
            if number > 0 and times[name][0] > 8 * min(seconds[0] for seconds in times.values() if seconds):
                continue
            say(f"batch: {name}, run {number + 1} of {options.runs}")
            wall_s, done = one_run(build, source, target)
            if name.startswith("rgb2gray") and done.returncode not in (0, 13):
                raise pictures.BenchError(f"{name}: {done.stderr.decode('utf-8', 'replace')[-300:]}")
            times[name].append(wall_s)
            results[name] = digest(target)
    ours_ = {results[name][0] for name in times if "rgb2gray" in name}
    if len(ours_) != 1:
        raise pictures.BenchError("the outputs of rgb2gray differ between numbers of ranks")
    shutil.rmtree(source)
    shutil.rmtree(target)
    best = statistics.median(times[f"rgb2gray -n {reference(options.ranks)} batch"]) if options.ranks else None
    return {"images": options.images_count, "in_nbytes": nbytes,
            "results": [{"contender": name, "runs": len(values), "median_s": statistics.median(values),
                         "min_s": min(values), "outputs": results[name][1],
                         "images_per_s": options.images_count / statistics.median(values),
                         "mb_per_s": nbytes / 1e6 / statistics.median(values),
                         "over_rgb2gray": statistics.median(values) / best if best else None}
                        for name, values in times.items()]}


def reference(ranks):
    """The number of ranks that ratios are of: as many as there are cores, where that was asked for."""
    return os.cpu_count() if os.cpu_count() in ranks else ranks[-1]


def table(found, ranks):
    last = f"beside rgb2gray -n {reference(ranks)}" if ranks else "ratio"
    rows = [("contender", "median", "runs", "images/s", "MB/s read", "outputs", last)]
    rows += [(one["contender"], text.seconds(one["median_s"]), str(one["runs"]), f"{one['images_per_s']:.0f}",
              f"{one['mb_per_s']:.1f}", str(one["outputs"]),
              f"{text.ratio(one['over_rgb2gray'])}x" if one["over_rgb2gray"] else "") for one in found["results"]]
    return rows


def shown(found, ranks):
    out = [f"Many images: {found['images']} files, {found['in_nbytes'] / 1e6:.0f} MB, to their own formats, whole commands"]
    return "\n".join(out + ["  " + line for line in text.columns(table(found, ranks))])
