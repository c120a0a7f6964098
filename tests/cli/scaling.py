#!/usr/bin/env python3
"""bench scaling: what it measures adds up (recomputed here from its CSV), its page is well-formed and loads nothing, its
outputs are all or nothing, nothing temporary stays, also after a signal, and each failure is one line with its code.
"""
import csv
import html.parser
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from program import PROGRAM, check, environment, finish, ppm, read, run, temporary_folder, write  # noqa: E402

NAMES = ["scaling.csv", "scaling.html", "scaling.json", "scaling.svg"]
PHASES = ("read", "scatter", "convert", "encode", "gather", "write")
OK, EUSAGE, EINPUT, EFORMAT, ECORRUPT, EOUTPUT, EEXISTS = 0, 2, 3, 4, 5, 7, 8
VOID = {"meta", "br", "hr", "img", "link", "input"}


def bench(*arguments, **named):
    return run("bench", "scaling", *arguments, **named)


def one_line(result, code, *parts):
    lines = [line for line in result.err_lines if line != "Try 'rgb2gray --help'."]
    check(result.code == code and len(lines) == 1 and lines[0].startswith("rgb2gray: ")
          and all(part in lines[0] for part in parts), f"exit {code}, one line that says {parts}", result)


def rows_of(text):
    return list(csv.DictReader(text.decode().splitlines()))


def number(row, name):
    return float(row[name]) if row.get(name) else None


class Page(html.parser.HTMLParser):
    """Checks that every element is closed in order, and keeps what is needed of the content."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.words, self.tags, self.addresses = [], [], [], {}, []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.addresses += [(tag, value) for name, value in attrs if name in ("src", "href", "data", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        self.words.append(data)

    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def check_page(text, what):
    """As HTML and, since it is written so, as XML; nothing is loaded, and no script runs."""
    page = Page(text)
    check(not page.faults, f"{what}: every element is closed", page.faults)
    try:
        xml.fromstring(re.sub(r"^<!DOCTYPE html>", "", text))
    except xml.ParseError as fault:
        check(False, f"{what}: well-formed", fault)
    check(page.tags.get("svg", 0) >= 2 and "script" not in page.tags and not re.search(r"\b(nan|inf)\b", text),
          f"{what}: charts, no script, no figure that is no number", page.tags)
    check(all(tag == "a" and value.startswith("https://pop-coe.eu/") for tag, value in page.addresses)
          and "url(" not in text and "@import" not in text, f"{what}: nothing is loaded", page.addresses)
    check("prefers-color-scheme" in text and "@media print" in text and 'name="viewport"' in text,
          f"{what}: dark, printed, on a phone")
    return page


def near(a, b):
    return a is None and b is None or a is not None and b is not None and abs(a - b) <= 1e-4 * max(abs(a), abs(b), 1e-9)


def check_figures(rows, figures, what):
    """Every figure of the JSON from the rows of the CSV alone."""
    count = 0
    for series in figures["series"]:
        keys = ("scaling", "setting", "input", "from", "to")
        own = [row for row in rows if all(row[key] == series[key] for key in keys)]
        ranks = sorted({int(row["ranks"]) for row in own})
        check([point["ranks"] for point in series["points"]] == ranks, f"{what}: the numbers of ranks", series)

        def at(k):
            return [row for row in own if int(row["ranks"]) == k]

        def median(k, name):
            known = [number(row, name) for row in at(k) if number(row, name) is not None]
            return statistics.median(known) if known else None

        def pixels(k):
            return int(at(k)[0]["width"]) * int(at(k)[0]["height"])

        first = ranks[0]
        for point in series["points"]:
            k = point["ranks"]
            wall, mean, most = median(k, "wall_s"), median(k, "useful_mean_s"), median(k, "useful_max_s")
            speed_up = (pixels(k) / wall) / (pixels(first) / median(first, "wall_s"))
            wanted = {"speed_up": speed_up, "efficiency": speed_up * first / k, "pixels_per_s": pixels(k) / wall,
                      "wall_least_s": min(number(row, "wall_s") for row in at(k)),
                      "wall_most_s": max(number(row, "wall_s") for row in at(k)), "run_count": len(at(k))}
            for name, value in wanted.items():
                check(near(point[name], value), f"{what}: {series['scaling']}, {k} ranks: {name}", (point[name], value))
                count += 1
            known = mean is not None and most is not None
            balance, communication = (mean / most, most / wall) if known else (None, None)
            reference = median(first, "useful_mean_s")
            computation = (reference * first / pixels(first)) / (mean * k / pixels(k)) if known else None
            factors = {"load_balance": balance, "communication_efficiency": communication,
                       "parallel_efficiency": mean / wall if known else None, "computation_scaling": computation,
                       "global_efficiency": mean / wall * computation if known else None}
            for name, value in factors.items():
                check(near(point["pop"][name], value), f"{what}: {k} ranks: {name}", (point["pop"], value))
                count += 1
            shares = [point["shares"][name] for name in (*PHASES, "other")]
            if None not in shares:
                check(abs(sum(shares) - 1) < 1e-4, f"{what}: shares add up to 1", shares)
                if sum(median(k, f"{p}_mean_s") or 0 for p in PHASES) <= wall:
                    for phase in PHASES:
                        check(near(point["shares"][phase], (median(k, f"{phase}_mean_s") or 0) / wall),
                              f"{what}: {k} ranks: the share of {phase}", point["shares"])
    check(count > 10, f"{what}: figures were compared", count)


def check_measured(folder):
    result = bench("--ranks", "2,1", "--repeat", "3", "--size", "400x301", "-o", "out", cwd=folder)
    check(result.code == OK and result.err == "", "a small measurement", result)
    if result.code != OK:
        return
    out = os.path.join(folder, "out")
    check(sorted(os.listdir(out)) == NAMES, "what lies in the folder, and nothing else", os.listdir(out))
    check(os.listdir(folder) == ["out"], "nothing temporary stays", os.listdir(folder))
    rows, figures = rows_of(read(out, "scaling.csv")), json.loads(read(out, "scaling.json"))
    kinds = sorted((row["scaling"], int(row["ranks"]), int(row["repeat"])) for row in rows)
    check(kinds == [(s, k, r) for s in ("strong", "weak") for k in (1, 2) for r in (1, 2, 3)], "a row for each run", kinds)
    order = [int(row["ranks"]) for row in rows if row["scaling"] == "strong"]
    check(order == [1, 2, 2, 1, 1, 2], "numbers of ranks take turns", order)
    sizes = {(row["scaling"], row["ranks"], row["width"], row["height"]) for row in rows}
    check(sizes == {("strong", "1", "400", "300"), ("strong", "2", "400", "300"), ("weak", "1", "400", "150"),
                    ("weak", "2", "400", "300")}, "sizes", sizes)
    for row in rows:
        useful = sum(number(row, f"{p}_mean_s") for p in ("read", "convert", "encode", "write"))
        check(near(useful, number(row, "useful_mean_s")) and number(row, "useful_max_s") <= number(row, "wall_s") * 1.05
              and number(row, "useful_mean_s") <= number(row, "useful_max_s") + 1e-9, "useful time is of the phases", row)
        check((row["launch_s"] == "") == (row["ranks"] == "1"), "launch is known where there was one", row)
        check(row["setting"] == "measured" and row["from"] == "PPM" and row["to"] == "PNG" and row["machine"]
              and row["bytes_per_pixel"] == "4" and number(row, "copy_gbs") > 0.05, "what else a row says", row)
    check_figures(rows, figures, "measured")
    page = check_page(read(out, "scaling.html").decode(), "measured")
    for point in [point for series in figures["series"] for point in series["points"]]:
        check(f"{point['efficiency'] * 100:.0f}" in page.text() or point["efficiency"] < 0.0995,
              "the page tells the efficiency", point["efficiency"])
    root = xml.fromstring(read(out, "scaling.svg"))
    check(root.tag == "{http://www.w3.org/2000/svg}svg" and "ideal" in read(out, "scaling.svg").decode(), "the chart alone")
    for word in ("strong scaling, measured", "weak scaling, measured", "out/scaling.html"):
        check(word in result.text, f"the terminal's tables have {word}", result)
    before = {name: read(out, name) for name in NAMES}
    one_line(bench("--from", "out/scaling.csv", "-o", "out", cwd=folder), EEXISTS, "scaling.json")
    again = bench("--from", "out/scaling.csv", "-o", "out", "--force", "-q", cwd=folder)
    check(again.code == OK and again.text == "" and {name: read(out, name) for name in NAMES} == before,
          "the same page again from the table", again)
    one_line(bench("--ranks", "1", "--size", "10x10", "--repeat", "1", "-o", "out", cwd=folder), EEXISTS, "scaling.csv")
    one_line(bench("--ranks", "1", "--size", "999999x999999", "--repeat", "1", "-o", "vast", cwd=folder), EOUTPUT, "free")
    check({name: read(out, name) for name in NAMES} == before, "nothing is replaced without --force")


def check_own_picture(folder):
    write(folder, "mine & <yours>.ppm", ppm(120, 90))
    result = bench("mine & <yours>.ppm", "--ranks", "1,3", "--repeat", "1", "--format", "pgm", cwd=folder,
                   env=environment(TMPDIR=folder, OMPI_MCA_rmaps_base_oversubscribe="1"))
    check(result.code == OK, "a picture of the user's", result)
    out = os.path.join(folder, "rgb2gray-scaling")
    rows = rows_of(read(out, "scaling.csv"))
    found = [(r["scaling"], r["ranks"], r["input"], r["width"], r["height"], r["to"]) for r in rows]
    made = "made picture, 8-bit RGB"
    check(found == [("strong", "1", "mine & <yours>.ppm", "120", "90", "PGM"), ("weak", "1", made, "120", "30", "PGM"),
                    ("strong", "3", "mine & <yours>.ppm", "120", "90", "PGM"), ("weak", "3", made, "120", "90", "PGM")],
          "strong on it, weak on a made one of its size", found)
    page = check_page(read(out, "scaling.html").decode(), "own picture")
    check("mine & <yours>.ppm" in page.text(), "names are escaped", page.text()[:3000])
    check(sorted(os.listdir(folder)) == ["mine & <yours>.ppm", "rgb2gray-scaling"], "TMPDIR is clean", os.listdir(folder))


def check_hosts_file(folder):
    """Ranks up to its slots, all through mpirun; on this computer alone the roof can be measured."""
    write(folder, "hosts", b"localhost slots=2 # here\n")
    result = bench("--hostfile", "hosts", "--repeat", "1", "--size", "90x80", "-o", "out", cwd=folder)
    check(result.code == OK and result.err == "", "with a hosts file", result)
    rows = rows_of(read(os.path.join(folder, "out"), "scaling.csv"))
    found = [(row["scaling"], row["ranks"], row["hosts"], row["launch_s"] != "", row["copy_gbs"] != "") for row in rows]
    check(found == [(kind, k, "1", True, True) for k in "12" for kind in ("strong", "weak")], "its runs", found)


def simulated(path, settings, most):
    names = "scaling,setting,input,width,height,from,to,hosts,ranks,repeat,wall_s,useful_mean_s,useful_max_s,gather_mean_s"
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(names.split(","))
        for s, setting in enumerate(settings):
            for kind in ("strong", "weak"):
                for k in [2 ** i for i in range(most)]:
                    size = 1 if kind == "strong" else k
                    useful = 4.0 * size / k
                    for repeat in (1, 2):
                        wall = useful * (1 + 0.05 * repeat) + 0.01 * (s + 1) * k
                        table.writerow([kind, setting, "made", 1000, 1000 * size, "PPM", "PGM", (k + 3) // 4, k, repeat,
                                        wall, useful, useful * 1.02, wall - useful])


def check_simulated(folder):
    settings = ["simulated: 10 GbE", 'simulated: <b>"fast"</b> & \'new\'', "simulated: caf\u00e9 " + "long " * 30, "measured"]
    simulated(os.path.join(folder, "sim.csv"), settings, 13)
    result = bench("--from", "sim.csv", "-o", "sim", cwd=folder)
    check(result.code == OK and result.err == "", "figures from a table", result)
    out = os.path.join(folder, "sim")
    check(sorted(os.listdir(out)) == NAMES[1:], "the table itself is left alone", os.listdir(out))
    figures = json.loads(read(out, "scaling.json"))
    check(len(figures["series"]) == 8 and [s["simulated"] for s in figures["series"]] == [True] * 6 + [False] * 2,
          "series, and which are simulated", figures)
    check_figures(rows_of(read(folder, "sim.csv")), figures, "simulated")
    page = check_page(read(out, "scaling.html").decode(), "simulated")
    check("computed by a simulator" in page.text() and settings[1] in page.text() and "<b>" not in read(
        out, "scaling.html").decode(), "simulations are told as such, and texts are escaped", page.text()[:2000])
    xml.fromstring(read(out, "scaling.svg"))


def check_refusals(folder):
    write(folder, "bad.csv", b"scaling,setting\nstrong,x\n")
    write(folder, "broken.png", b"\x89PNG\r\n\x1a\nno more")
    write(folder, "file", b"")
    write(folder, "hosts", b"# nobody\n")
    one_line(bench("--from", "bad.csv", cwd=folder), ECORRUPT, "bad.csv", "no column")
    one_line(bench("--from", "none.csv", cwd=folder), EINPUT, "none.csv")
    one_line(bench("--from", "bad.csv", "--ranks", "1,2", cwd=folder), EUSAGE, "--from", "--ranks")
    one_line(bench("a.png", "--from", "bad.csv", cwd=folder), EUSAGE, "--from")
    one_line(bench("--ranks", "1,x", cwd=folder), EUSAGE, "--ranks", "1,x")
    one_line(bench("--size", "big", cwd=folder), EUSAGE, "--size", "big")
    one_line(bench("a.png", "b.png", cwd=folder), EUSAGE, "at most one")
    one_line(bench("a.png", "--size", "1", cwd=folder), EUSAGE, "--size")
    one_line(bench("--quality", "3", cwd=folder), EUSAGE, "--quality")
    one_line(bench("-o", "-", cwd=folder), EUSAGE, "-o")
    one_line(run("bench", cwd=folder), EUSAGE, "bench scaling")
    one_line(run("bench", "cooking", cwd=folder), EUSAGE, "bench scaling")
    one_line(run("--from", "x.csv", "a.png", cwd=folder), EUSAGE, "--from")
    one_line(run("-n", "1,2", "a.png", cwd=folder), EUSAGE, "--ranks", "1,2")
    one_line(bench("--hostfile", "none", cwd=folder), EINPUT, "none")
    one_line(bench("--hostfile", "hosts", cwd=folder), EINPUT, "names no host")
    one_line(bench("-o", "file", "--size", "8x8", cwd=folder), EOUTPUT, "file")
    one_line(bench("-o", "no/where", "--size", "8x8", cwd=folder), EOUTPUT, "no/where")
    one_line(bench("--size", "8x8", cwd=folder, env=environment(TMPDIR="/nowhere/at/all")), EOUTPUT, "/nowhere/at/all")
    one_line(bench("none.png", cwd=folder), EINPUT, "none.png")
    one_line(bench("broken.png", "--ranks", "1", cwd=folder), ECORRUPT, "with 1 rank: ", "broken.png")
    one_line(bench("--ranks", "2", "--size", "8x8", cwd=folder, env=environment(PATH="/nowhere")), 10, "with 2 ranks: ",
             "mpirun")
    left = sorted(os.listdir(folder))
    check(left == ["bad.csv", "broken.png", "file", "hosts"], "a failure leaves nothing behind", left)


def check_signals(folder):
    """In the middle of a run the folder for pictures goes, and so does what was begun."""
    for number_, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")):
        process = subprocess.Popen([PROGRAM, "bench", "scaling", "--ranks", "1,2", "--size", "600x600", "--repeat", "1000",
                                    "-o", "out"], cwd=folder, env=environment(TMPDIR=folder), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not any(
                os.path.exists(os.path.join(folder, entry, "made-1.ppm")) for entry in os.listdir(folder)):
            time.sleep(0.01)
        time.sleep(0.3)
        process.send_signal(number_)
        _, err = process.communicate(timeout=60)
        check(process.returncode == -number_, f"{name} ends it as {name}", (process.returncode, err))
        check(err.count(b"\n") <= 1, f"{name}: one line at most", err)
        check(os.listdir(folder) == [], f"{name} leaves nothing", os.listdir(folder))


for part in (check_measured, check_own_picture, check_hosts_file, check_simulated, check_refusals, check_signals):
    with temporary_folder() as place:
        part(place)
finish()
