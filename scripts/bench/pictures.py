"""The pictures: made by tests/tools/make_picture, saved in each format, and kept between runs."""
import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GENERATOR = os.path.join(ROOT, "tests", "tools", "make_picture.c")
KINDS = ("photograph", "tissue", "drawing", "ct", "screenshot")
EXTENSIONS = {"png": "png", "jpeg": "jpg", "bmp": "bmp", "ppm": "ppm", "pgm": "pgm"}

# Python's, not this process's: the measuring process stays small.
SAVE = ("import sys; from PIL import Image; Image.MAX_IMAGE_PIXELS = None; "
        "Image.open(sys.argv[1]).convert('RGB').save(sys.argv[2], sys.argv[3])")


class Path:
    """From an input format, written in a certain way, to an output format."""

    def __init__(self, name, source, target, title, makers=()):
        self.name = name
        self.source = source
        self.target = target
        self.title = title
        self.makers = makers  # commands that make the input from a PPM; the first whose program is there

    @property
    def lossy(self):
        return self.target == "jpeg" and self.source != "jpeg"


def saved_by_pillow(name):
    return [sys.executable, "-c", SAVE, "IN", "OUT", name]


def by_cjpeg(*options):
    return ["cjpeg", "-quality", "90", *options, "-outfile", "OUT", "IN"]


PNG_NONE = (["vips", "copy", "IN", "OUT[filter=none]"],)
PNG_PAETH = (["vips", "copy", "IN", "OUT[filter=paeth]"], saved_by_pillow("PNG"))
JPEG_444 = (by_cjpeg("-sample", "1x1"),)
JPEG_420 = (by_cjpeg("-sample", "2x2"),)
PROGRESSIVE = (by_cjpeg("-sample", "2x2", "-progressive"),)

PATHS = (
    Path("png-none", "png", "png", "PNG without filters to PNG", PNG_NONE),
    Path("png-paeth", "png", "png", "PNG, Paeth filter, to PNG", PNG_PAETH),
    Path("jpeg-444", "jpeg", "jpeg", "JPEG 4:4:4 to JPEG", JPEG_444),
    Path("jpeg-420", "jpeg", "jpeg", "JPEG 4:2:0 to JPEG", JPEG_420),
    Path("jpeg-progressive", "jpeg", "jpeg", "progressive JPEG to JPEG", PROGRESSIVE),
    Path("bmp", "bmp", "bmp", "BMP to BMP", (saved_by_pillow("BMP"),)),
    Path("ppm", "ppm", "pgm", "PPM to PGM"),
    Path("ppm-png", "ppm", "png", "PPM to PNG"),
    Path("jpeg-png", "jpeg", "png", "JPEG 4:2:0 to PNG", JPEG_420),
    Path("png-jpeg", "png", "jpeg", "PNG, Paeth filter, to JPEG", PNG_PAETH),
)

# For pictures given by the user: the input as it is.
GIVEN = (
    Path("png", "png", "png", "PNG to PNG"),
    Path("jpeg", "jpeg", "jpeg", "JPEG to JPEG"),
    Path("bmp", "bmp", "bmp", "BMP to BMP"),
    Path("ppm", "ppm", "pgm", "PPM to PGM"),
    Path("ppm-png", "ppm", "png", "PPM to PNG"),
    Path("jpeg-png", "jpeg", "png", "JPEG to PNG"),
    Path("png-jpeg", "png", "jpeg", "PNG to JPEG"),
)
SIGNATURES = ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpeg"), (b"BM", "bmp"), (b"P6", "ppm"), (b"P3", "ppm"))


class BenchError(Exception):
    """Something is missing or wrong; the text says what."""


def format_of(name):
    with open(name, "rb") as file:
        head = file.read(4)
    for signature, what in SIGNATURES:
        if head.startswith(signature):
            return what
    raise BenchError(f"{name}: neither PNG, JPEG, BMP nor PPM")


def paths_of_given(name, wanted):
    """The paths a given file can take: to its own format, and to others where these are asked for by name."""
    source = format_of(name)
    return [path for path in GIVEN if path.source == source and (path.name == source or path.name in wanted)]


class Store:
    """The folder of made pictures. A name holds a digest of the generator, so that a changed one makes new pictures."""

    def __init__(self, folder, generator_program, say):
        self.folder = folder
        self.program = generator_program
        self.say = say
        with open(GENERATOR, "rb") as file:
            self.digest = hashlib.sha256(file.read()).hexdigest()[:8]
        os.makedirs(folder, exist_ok=True)

    def picture(self, kind, width, height, path):
        """The input for a path, made where it is not there yet; None where the program that makes it is missing."""
        stem = os.path.join(self.folder, f"{kind}-{width}x{height}-{self.digest}")
        raw = stem + ".ppm"
        self._make(raw, [self.program, kind, str(width), str(height), "-o", "OUT"])
        if not path.makers:
            return raw
        maker = next((words for words in path.makers if shutil.which(words[0])), None)
        if maker is None:
            return None
        variant = path.name if path.target == path.source else {"jpeg": "jpeg-420", "png": "png-paeth"}[path.source]
        name = f"{stem}-{variant}.{EXTENSIONS[path.source]}"
        self._make(name, [raw if word == "IN" else word for word in maker])
        return name

    def _make(self, name, command):
        if os.path.exists(name):
            return
        self.say(f"making {name}")
        head, extension = os.path.splitext(name)
        unfinished = f"{head}.unfinished{extension}"
        words = [word.replace("OUT", unfinished) if word.startswith("OUT") else word for word in command]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"{' '.join(words)}: {done.stderr.decode('utf-8', 'replace').strip()}")
        os.replace(unfinished, name)
