"""Looks at outputs with an independent reader, Pillow, and compares them with the exact formula.

A job comes as JSON on standard input: {"source": file, "jpeg": whether it is one, "outputs": {name: file}}. The answer
is JSON too: for each name whether it is a gray picture of the right size, and how far its samples are from the
reference, which is (299 R + 587 G + 114 B + 500) div 1000 of the decoded source; for a JPEG source also its own luma,
as `djpeg -grayscale` decodes it, which JFIF defines by the same weights before rounding.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy
from PIL import Image

Image.MAX_IMAGE_PIXELS = None
STRIP = 256  # rows at a time, so that the wide integers stay small


def formula(rgb):
    gray = numpy.empty(rgb.shape[:2], numpy.uint8)
    for y in range(0, len(rgb), STRIP):
        r, g, b = (rgb[y:y + STRIP, :, i].astype(numpy.uint32) for i in range(3))
        gray[y:y + STRIP] = (299 * r + 587 * g + 114 * b + 500) // 1000
    return gray


def luma(source):
    """The luma of a JPEG, by djpeg where it is there, else by Pillow's draft mode; both are libjpeg's."""
    if shutil.which("djpeg"):
        with tempfile.TemporaryDirectory(dir=os.path.dirname(source)) as folder:
            target = os.path.join(folder, "luma.pgm")
            subprocess.run(["djpeg", "-grayscale", "-pnm", "-outfile", target, source], check=True)
            return numpy.asarray(Image.open(target))
    image = Image.open(source)
    image.draft("L", None)
    return numpy.asarray(image.convert("L"))


def difference(samples, reference):
    """Largest and mean difference, and the share of samples that differ."""
    largest = total = differing = 0
    for y in range(0, len(samples), STRIP):
        strip = numpy.abs(samples[y:y + STRIP].astype(numpy.int16) - reference[y:y + STRIP])
        largest = max(largest, int(strip.max()))
        total += int(strip.sum(dtype=numpy.int64))
        differing += int(numpy.count_nonzero(strip))
    return {"max": largest, "mean": total / samples.size, "share": differing / samples.size}


def gray_samples(name):
    """(samples, form): form is "gray", "gray stored as RGB", or what else it is, and then there are no samples."""
    image = Image.open(name)
    if image.mode == "L":
        return numpy.asarray(image), "gray"
    if image.mode == "LA":
        return numpy.asarray(image)[..., 0], "gray with alpha"
    if image.mode in ("1", "I") or image.mode.startswith("I;16"):
        return numpy.asarray(image), "gray of 1 bit" if image.mode == "1" else "gray of 16 bits"
    if image.mode in ("P", "RGB"):
        rgb = numpy.asarray(image.convert("RGB"))
        if (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 0] == rgb[..., 2]).all():
            return rgb[..., 0], "gray stored as RGB" if image.mode == "RGB" else "gray palette"
        return None, f"in colour ({image.mode})"
    return None, f"of mode {image.mode}"


def judge(job):
    source = Image.open(job["source"])
    references = {}
    if source.mode in ("RGB", "P", "L") and "transparency" not in source.info:
        references["formula"] = formula(numpy.asarray(source.convert("RGB")))
    if job["jpeg"] and source.mode in ("RGB", "L"):
        references["luma"] = luma(job["source"])
    verdicts = {}
    for name, output in job["outputs"].items():
        verdict = verdicts[name] = {"form": None, "size_right": False, "differences": {}}
        try:
            samples, verdict["form"] = gray_samples(output)
        except (OSError, ValueError, SyntaxError) as error:
            verdict["form"] = f"not readable ({error})"
            continue
        if samples is None:
            continue
        verdict["size_right"] = samples.shape == (source.height, source.width)
        if verdict["size_right"] and samples.dtype == numpy.uint8:
            verdict["differences"] = {key: difference(samples, value) for key, value in references.items()}
    return {"width": source.width, "height": source.height, "mode": source.mode, "verdicts": verdicts}


if __name__ == "__main__":
    json.dump(judge(json.load(sys.stdin)), sys.stdout)
