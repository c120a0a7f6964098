"""Who takes part: rgb2gray alone and under mpirun, and the programs a user would otherwise pick.

Every command is what a user would type, with the program's default options, but for two: ImageMagick is told the
formula of BT.601 (its default is BT.709), and ffmpeg to speak only of errors.
"""
import json
import re
import shutil
import sys

PYTHON = "/usr/bin/python3" if shutil.which("/usr/bin/python3") else sys.executable

# The Python ones print how long the conversion took, without start and import.
OPENCV = """import cv2, sys, time
begin = time.perf_counter()
good = cv2.imwrite(sys.argv[2], cv2.imread(sys.argv[1], cv2.IMREAD_GRAYSCALE))
print(time.perf_counter() - begin)
sys.exit(not good)"""
PILLOW = """import sys, time
from PIL import Image
Image.MAX_IMAGE_PIXELS = None
Image.preinit()
begin = time.perf_counter()
image = Image.open(sys.argv[1])
image.convert("L").save(sys.argv[2])
print(time.perf_counter() - begin)"""
PILLOW_DRAFT = PILLOW.replace("image.convert", 'image.draft("L", None)\nimage.convert')


class Contender:
    """A program and how it is called for a path. `ours` are rgb2gray; they, and those with a `module`, tell their time.

    `commands` maps (input format, output format), or None for all, to a list of words, in which IN and OUT stand for
    the files, or to a text: a pipeline for bash, with "$1" and "$2". `module` is what a Python one imports.
    """

    def __init__(self, name, commands, ranks=None, ours=False, module=None, package=None):
        self.name = name
        self.commands = commands
        self.ranks = ranks
        self.ours = ours
        self.module = module
        self.package = package

    def template(self, path):
        return self.commands.get((path.source, path.target), self.commands.get(None))

    def command(self, path, source, target):
        """The words to run for this path, or None where it does not take part."""
        template = self.template(path)
        if template is None:
            return None
        if isinstance(template, str):
            return ["bash", "-o", "pipefail", "-c", template, "bench", source, target]
        return [{"IN": source, "OUT": target}.get(word, word) for word in template]

    def shown(self, path):
        """The command as a user would type it."""
        template = self.template(path)
        if isinstance(template, str):
            return template.replace('"$1"', "IN").replace('"$2"', "OUT")
        if self.module:
            return f"{template[0]} -c '{template[2]}' IN OUT".replace("\n", "; ")
        return " ".join(template)

    def own_time(self, printed):
        """Seconds of the conversion alone as the program itself tells them; None where it does not."""
        if self.ours:
            return json.loads(printed)["runs"]["parallel"]["wall_ns"] / 1e9
        return float(printed) if self.module else None

    def programs(self, path):
        """The programs the command needs."""
        template = self.template(path)
        if not isinstance(template, str):
            return [template[0]]
        return [part.split()[0] for part in re.split(r"\|", template)]

    def present(self, path):
        return all(shutil.which(program) for program in self.programs(path))


def first_of(*programs):
    """The first that is installed, else the first."""
    return next((program for program in programs if shutil.which(program)), programs[0])


def rgb2gray(program, ranks):
    """rgb2gray as a plain program, and with -n for each number of ranks. The report gives the conversion's own time."""
    report = ["--report", "json", "--progress", "none", "IN", "-o", "OUT"]
    result = [Contender("rgb2gray", {None: [program, *report]}, ranks=0, ours=True)]
    for number in ranks:
        result.append(Contender(f"rgb2gray -n {number}", {None: [program, "-n", str(number), *report]}, ranks=number,
                                ours=True))
    return result


def peers():
    magick = first_of("convert-im6.q16", "magick", "convert")
    return [
        Contender("vips", {None: ["vips", "colourspace", "IN", "OUT", "b-w"]}, package="libvips-tools"),
        Contender("GraphicsMagick", {None: ["gm", "convert", "IN", "-colorspace", "GRAY", "OUT"]},
                  package="graphicsmagick"),
        Contender("ImageMagick", {None: [magick, "IN", "-grayscale", "Rec601Luma", "OUT"]}, package="imagemagick"),
        Contender("ffmpeg", {None: "ffmpeg -v error -i IN -vf format=gray -frames:v 1 OUT".split()}, package="ffmpeg"),
        Contender("OpenCV", {None: [PYTHON, "-c", OPENCV, "IN", "OUT"]}, module="cv2", package="python3-opencv"),
        Contender("Pillow", {None: [PYTHON, "-c", PILLOW, "IN", "OUT"]}, module="PIL.Image", package="python3-pil"),
        Contender("Pillow, draft", {("jpeg", target): [PYTHON, "-c", PILLOW_DRAFT, "IN", "OUT"]
                                    for target in ("jpeg", "png")}, module="PIL.Image", package="python3-pil"),
        Contender("jpegtran", {("jpeg", "jpeg"): ["jpegtran", "-grayscale", "-outfile", "OUT", "IN"]},
                  package="libjpeg-turbo-progs"),
        Contender("djpeg, cjpeg", {("jpeg", "jpeg"): 'djpeg -grayscale "$1" | cjpeg > "$2"'},
                  package="libjpeg-turbo-progs"),
        Contender("netpbm", {
            ("png", "png"): 'pngtopam "$1" | ppmtopgm | pnmtopng > "$2"',
            ("png", "jpeg"): 'pngtopam "$1" | ppmtopgm | pnmtojpeg > "$2"',
            ("jpeg", "png"): 'jpegtopnm "$1" | ppmtopgm | pnmtopng > "$2"',
            ("jpeg", "jpeg"): 'jpegtopnm "$1" | ppmtopgm | pnmtojpeg > "$2"',
            ("bmp", "bmp"): 'bmptopnm "$1" | ppmtopgm | ppmtobmp > "$2"',
            ("ppm", "pgm"): 'ppmtopgm "$1" > "$2"',
            ("ppm", "png"): 'ppmtopgm "$1" | pnmtopng > "$2"',
        }, package="netpbm"),
    ]


def chosen(everyone, only):
    """Those whose names begin with one of the words of `only` (in any case); all where it is empty."""
    if not only:
        return everyone
    words = [word.lower() for word in only]
    return [one for one in everyone if any(one.name.lower().startswith(word) for word in words)]
