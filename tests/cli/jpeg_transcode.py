#!/usr/bin/env python3
"""A JPEG's luma is carried over into a gray JPEG without loss: what `djpeg -grayscale` decodes from the input is what
djpeg decodes from the output, for every way of sampling, coding and restarting.

Damaged files get the same verdict as from --reencode, which decodes them; a cut file leaves no output.
"""
import glob
import json
import os
import random
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
try:
    import numpy as np
    import pictures
except ImportError as missing:
    print("skipped: this test needs numpy (%s)" % missing)
    sys.exit(77)
for tool in ("cjpeg", "djpeg", "jpegtran"):
    try:
        pictures.run(tool, "-version")
    except FileNotFoundError:
        print("skipped: this test needs %s (package libjpeg-turbo-progs)" % tool)
        sys.exit(77)

SAMPLINGS = ("1x1", "2x1", "2x2", "1x2", "4x1", "1x4", "4x2", "2x4", "3x1", "3x2", "2x2,2x1,1x2", "2x2,1x2,1x1",
             "4x1,2x1,1x1", "2x1,2x1,2x1", "1x2,1x2,1x2")
BITS, COEFFICIENTS = "bits are copied", "coefficients are coded anew"
# Damage that libjpeg's decoder passes over: what no 8-bit picture holds (it clamps that), and bits that are no code (its
# fast decoder takes them for the end of a block).
ONLY_DECODED = ("brightness beyond", "out of range", "bad Huffman code")
checks = pictures.Checks()
pick = random.Random(5)


def picture(width, height, seed, calm=False):
    """A colour picture with edges and noise, or a calm one, which needs few Huffman codes."""
    values = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = np.stack([(x * (3 + c) + y * (5 - c)) % 256 for c in range(3)], axis=-1)
    if calm:
        base = base // 40 + 100
    else:
        base = np.where(values.random((height, width, 1)) < 0.2, values.integers(0, 256, (height, width, 3)), base)
    return b"P6\n%d %d\n255\n" % (width, height) + base.astype(np.uint8).tobytes()


def cjpeg(folder, name, ppm, *options):
    """Makes a JPEG; None where this cjpeg cannot."""
    source, target = os.path.join(folder, "source.ppm"), os.path.join(folder, name)
    with open(source, "wb") as file:
        file.write(ppm)
    done = pictures.run("cjpeg", *options, "-outfile", target, source)
    os.unlink(source)
    if done.returncode != 0:
        if os.path.exists(target):
            os.unlink(target)
        return None
    return target


def luma(path):
    """What libjpeg decodes, as a PGM; None where it warns or fails."""
    done = pictures.run("djpeg", "-grayscale", "-pnm", path)
    return done.stdout if done.returncode == 0 and not done.stderr else None


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def convert_all(paths, out, *options):
    """Converts many files in one call; a report for each."""
    done = pictures.run(pictures.PROGRAM, "--format", "jpeg", "--report", "json", "-q", "-o", os.path.join(out, ""),
                        *options, *paths, timeout=200)
    decoder = json.JSONDecoder()
    text, reports = done.stdout.decode(), []
    while text.strip():
        report, end = decoder.raw_decode(text.lstrip())
        reports.append(report)
        text = text.lstrip()[end:]
    checks.that(len(reports) == len(paths), "one report a file", done)
    return reports


def output_of(out, path):
    return os.path.join(out, os.path.splitext(os.path.basename(path))[0] + "-gray.jpg")


def made(folder):
    """(path, the way it must go)"""
    found = []

    def add(way, *arguments):
        path = cjpeg(folder, "m%03d.jpg" % len(found), *arguments)
        if path:
            found.append((path, way))
    for sampling in SAMPLINGS:
        for i in range(9):
            width, height = pick.randint(1, 40), pick.randint(1, 40)
            quality = pick.choice((1, 30, 75, 95, 100))
            options = ["-quality", str(quality), "-sample", sampling]
            options += (["-restart", "%dB" % pick.randint(1, 9)], ["-restart", "1"], [], [])[i % 4]
            options += ["-optimize"] if i % 3 == 0 else []
            add(BITS, picture(width, height, i, calm=i % 2 == 0), *options)
        add(COEFFICIENTS, picture(pick.randint(1, 70), 33, 3), "-sample", sampling, "-progressive")
        add(COEFFICIENTS, picture(31, pick.randint(1, 70), 4), "-sample", sampling, "-arithmetic")
        add(BITS, picture(300, 260, 6), "-sample", sampling, "-restart", "7B")
        add(BITS, picture(900, 700, 7), "-sample", sampling)
    for size in range(1, 41, 3):
        add(BITS, picture(size, 41 - size, size), "-grayscale", "-restart", "%dB" % size)
        add(BITS, picture(size, 41 - size, size, calm=True), "-grayscale", "-optimize")
        add(BITS, picture(size, 41 - size, size), "-grayscale", "-sample", "2x2")
    add(COEFFICIENTS, picture(40, 50, 1), "-grayscale", "-progressive")
    return found


def without_tables(data):
    return b"".join([data[:2]] + [struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
                                  for marker, body in pictures.jpeg_segments(data) if marker not in (0xC4, 0xDA)]
                    ) + data[scan_start(data):]


def scan_start(data):
    at = 2
    while data[at + 1] != 0xDA:
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    return at


def filled(data):
    """Fill bytes before every marker of the scan, and between the two bytes of every stuffed one."""
    start = scan_start(data)
    return data[:start] + data[start:].replace(b"\xff", b"\xff\xff\xff", ).replace(b"\xff\xff\xff\xda", b"\xff\xda", 1)


def odd_files(folder, some):
    """Files that are unusual but whole, made of ordinary ones."""
    found = []
    for i, (path, way) in enumerate(some):
        data = read(path)
        if way != BITS:
            continue
        found.append(write(os.path.join(folder, "fill%d.jpg" % i), filled(data)))
        found.append(write(os.path.join(folder, "more%d.jpg" % i), data + b"\0\xff\xd8 anything \xff\xd9"))
        found.append(write(os.path.join(folder, "late%d.jpg" % i), data[:-2] + b"\xff\xfe\0\4hi" + data[-2:]))
        found.append(write(os.path.join(folder, "junk%d.jpg" % i), data[:-2] + b"junk" + data[-2:]))
    return [(path, BITS) for path in found]


def check_identical(folder, inputs):
    out = os.path.join(folder, "out")
    reports = convert_all([path for path, _ in inputs], out)
    for (path, way), report in zip(inputs, reports):
        if not checks.that(report["error"] is None, path, report["error"]):
            continue
        plan = report["plan"]
        checks.that(plan["path"] == "transcode" and way in plan["why"], path, plan)
        wanted, got = luma(path), luma(output_of(out, path))
        checks.that(got is not None, path, "djpeg does not like the output")
        checks.that(wanted is None or wanted == got, path, "other pixels than djpeg -grayscale")
    return out


def check_sizes(out, inputs):
    """About as small as jpegtran's, which keeps no restart markers and writes no comment."""
    for path, way in inputs:
        done = pictures.run("jpegtran", "-grayscale", "-copy", "none", path)
        if done.returncode == 0 and len(done.stdout) > 20000:
            ours = os.path.getsize(output_of(out, path))
            limit = len(done.stdout) * (1.03 if b"restart" not in done.stdout else 1) + 400
            checks.that(ours <= limit, path, way, "ours", ours, "jpegtran", len(done.stdout))


def check_others(out, inputs):
    """Another decoder sees the same picture."""
    try:
        from PIL import Image
    except ImportError:
        return
    for path, _ in inputs:
        image = Image.open(output_of(out, path))
        checks.that(image.mode == "L", path, image.mode)
        pixels = luma(output_of(out, path))
        if pixels is not None:
            checks.that(np.array_equal(np.asarray(image), pictures.read_pnm(pixels)[0][..., 0]), path, "by Pillow")


def verdicts(folder, paths, *options):
    with tempfile.TemporaryDirectory(dir=folder) as out:
        reports = convert_all(paths, out, *options)
        return [(report["error"], luma(output_of(out, path)) if report["error"] is None else None,
                 os.path.exists(output_of(out, path)), report) for path, report in zip(paths, reports)]


def same_by_djpeg(report):
    """Whether djpeg decodes input and output to the same pixels. It smooths blocks of pictures whose fine detail has not
    come, but not of sequential ones."""
    return report["plan"]["path"] == "transcode" and "fine detail is missing" not in (report["input"]["note"] or "")


def check_damage(folder, paths, what):
    """The verdict of --reencode on each, and no output where it is bad; the same pixels where it is good."""
    decoded = verdicts(folder, paths, "--reencode")
    for path, old, new in zip(paths, decoded, verdicts(folder, paths)):
        old_code, new_code = (error["exit_code"] if error else 0 for error in (old[0], new[0]))
        if new[0] and any(text in new[0]["text"] for text in ONLY_DECODED):
            continue
        checks.that(old_code == new_code, what, path, old[0], new[0])
        checks.that(new[2] == (new_code == 0), what, path, "an output exists:", new[2])
        if new_code != 0 or not same_by_djpeg(new[3]):
            continue
        wanted = luma(path)
        checks.that(wanted is None or wanted == new[1], what, path, "other pixels")


def cuts(folder, path, count):
    data = read(path)
    places = sorted(set([len(data) - i for i in (1, 2, 3, 4, 5, 9)] +
                        [len(data) * i // count for i in range(1, count)]))
    stem = os.path.splitext(os.path.basename(path))[0]
    return [write(os.path.join(folder, "%s-cut%06d.jpg" % (stem, at)), data[:at]) for at in places if at > 0]


def flips(folder, path, count):
    data, stem = read(path), os.path.splitext(os.path.basename(path))[0]
    start, found = scan_start(data), []
    for i in range(count):
        changed = bytearray(data)
        for _ in range(pick.choice((1, 1, 2, 5))):
            changed[pick.randrange(start, len(data))] = pick.choice((0, 0xFF, 0xD0, pick.randrange(256)))
        found.append(write(os.path.join(folder, "%s-flip%03d.jpg" % (stem, i)), changed))
    return found


def check_choices(folder):
    """What is asked for decides the way."""
    colour = cjpeg(folder, "colour.jpg", picture(40, 30, 1))
    rgb = cjpeg(folder, "rgb.jpg", picture(40, 30, 1), "-rgb")
    gray = cjpeg(folder, "gray.jpg", picture(40, 30, 1), "-grayscale")
    ppm = write(os.path.join(folder, "plain.ppm"), picture(40, 30, 1))
    small = cjpeg(folder, "small.jpg", picture(40, 30, 1), "-sample", "1x1,2x2,2x2")
    turned = write(os.path.join(folder, "turned.jpg"),
                   pictures.jpeg_insert(read(colour), (0xE1, b"Exif\0\0" + pictures.exif(6))))
    cases = [(colour, "jpg", (), "transcode"), (colour, "jpg", ("--reencode",), "sequential"),
             (colour, "jpg", ("--quality", "90"), "sequential"), (colour, "jpg", ("--via-rgb",), "sequential"),
             (colour, "jpg", ("--method", "bt709"), "sequential"), (colour, "png", (), "sequential"),
             (gray, "jpg", (), "transcode"), (gray, "jpg", ("--method", "bt709"), "transcode"),
             (rgb, "jpg", (), "sequential"), (ppm, "jpg", (), "sequential"), (small, "jpg", (), "sequential"),
             (turned, "jpg", (), "transcode"), (turned, "jpg", ("--orient", "apply"), "sequential")]
    for source, ending, options, path in cases:
        for extra in ((), ("--explain",)):
            done = pictures.convert(source, os.path.join(folder, "choice." + ending), "--report", "json", *options,
                                    *extra)
            checks.that(done.returncode == 0 and json.loads(done.stdout)["plan"]["path"] == path, source, options, done)
    for options, cut in (((), False), (("--reencode",), True)):
        done = pictures.convert(colour, os.path.join(folder, "choice.jpg"), "--report", "text", *options)
        checks.that((b"\nkernel " in done.stdout and b"\nrows " in done.stdout) == cut, "rows and kernel where used", done)
    return turned


def check_ranks(folder, inputs):
    """The same bytes from any number of processes, and a comparison that finds them so."""
    for path in inputs:
        outputs = []
        for count in ("1", "2", "3"):
            target = os.path.join(folder, "ranks%s.jpg" % count)
            done = pictures.run("env", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
                                "OMPI_MCA_rmaps_base_oversubscribe=1", pictures.PROGRAM, "-n", count, path, "-o", target,
                                "--force", "--report", "json")
            if checks.that(done.returncode == 0, path, count, done):
                checks.that(json.loads(done.stdout)["plan"]["path"] == "transcode", path, count)
                outputs.append(read(target))
        checks.that(len(set(outputs)) == 1, path, "ranks 1, 2, 3: not the same bytes")
    done = pictures.convert(inputs[0], os.path.join(folder, "compared.jpg"), "--compare", "--repeat", "1", "--report",
                            "json")
    checks.that(done.returncode == 0 and json.loads(done.stdout)["compare"]["identical"], "--compare", done)


def check_plain_loops(folder, paths):
    """The same bytes from the loops that any processor runs."""
    for path in paths:
        outputs = []
        for isa in ("avx2", "scalar"):
            target = os.path.join(folder, "isa.jpg")
            done = pictures.run(pictures.PROGRAM, path, "-f", "-o", target, env={**os.environ, "RGB2GRAY_ISA": isa})
            checks.that(done.returncode == 0, path, isa, done)
            outputs.append(read(target))
        checks.that(outputs[0] == outputs[1], path, "other bytes from the plain loops")


def check_faults(folder, paths):
    """Each allocation, read and write that fails is an error of its own kind, and leaves no output."""
    if os.environ.get("RGB2GRAY_FAULTS", "0").upper() not in ("1", "ON", "TRUE"):
        return
    target = os.path.join(folder, "fault.jpg")
    for path in paths:
        for kind, codes in (("alloc", (9,)), ("read", (3,)), ("write", (7,))):
            for number in range(1, 1000):
                done = pictures.run(pictures.PROGRAM, path, "-o", target, env={**os.environ, "RGB2GRAY_FAULT":
                                                                               "%s:%d" % (kind, number)})
                if done.returncode == 0:
                    os.unlink(target)
                    break
                checks.that(done.returncode in codes and not os.path.exists(target), path, kind, number, done)
            checks.that(1 < number < 999, path, kind, number, "sites")


def check_corpus(folder):
    paths = sorted(path for part in ("jpeg", "medical") for path in
                   glob.glob(os.path.join(pictures.CORPUS, part, "**", "*.jp*g"), recursive=True)
                   if os.path.getsize(path) < 3000000)
    links = [os.path.join(folder, "c%03d.jpg" % i) for i in range(len(paths))]
    for path, link in zip(paths, links):
        os.symlink(os.path.abspath(path), link)
    if not links:
        print("no pictures under RGB2GRAY_CORPUS (%r): made pictures only" % pictures.CORPUS)
        return
    check_damage(folder, links, "corpus")
    print("%d corpus pictures" % len(links))


def main():
    with tempfile.TemporaryDirectory() as folder:
        inputs = made(folder)
        ordinary = [entry for entry in inputs if entry[1] == BITS]
        inputs += odd_files(folder, ordinary[::25])
        bare = cjpeg(folder, "bare.jpg", picture(50, 60, 2))
        write(bare, without_tables(read(bare)))
        inputs.append((bare, BITS))
        out = check_identical(folder, inputs)
        check_sizes(out, inputs)
        check_others(out, inputs)
        large = [cjpeg(folder, "large-%d.jpg" % i, picture(300, 200, i), *options) for i, options in enumerate(
            (("-sample", "1x1"), ("-sample", "2x2"), ("-sample", "2x2", "-restart", "5B"),
             ("-sample", "1x1", "-restart", "3B"), ("-sample", "2x1"), ("-progressive",), ("-arithmetic",), ("-grayscale",))) if options]
        large = [path for path in large if path]
        damaged = [cut for path in large for cut in cuts(folder, path, 12)]
        check_damage(folder, damaged, "cut")
        check_damage(folder, [flip for path in large for flip in flips(folder, path, 40)], "changed")
        turned = check_choices(folder)
        check_plain_loops(folder, large)
        check_faults(folder, [large[1], large[5]])
        check_ranks(folder, [large[1], large[5], turned])
        check_corpus(folder)
    checks.end()


main()
