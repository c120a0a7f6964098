"""Figures as people read them, the tables on the terminal, and the files for programs: CSV and JSON."""
import csv
import json

from results import distance, in_order

CSV_FIELDS = ("picture", "width", "height", "path", "contender", "ranks", "runs", "median_s", "min_s", "max_s",
              "startup_s", "alone_s", "cpu_s", "resident_nbytes", "source_nbytes", "output_nbytes", "form", "exact",
              "formula_max", "formula_share", "luma_max", "luma_share", "times_as_fast_whole", "times_as_fast_alone",
              "failure", "command")


def seconds(value):
    """Three figures: 1.23 s, 45.6 ms, 789 us."""
    if value is None:
        return "-"
    if value >= 0.9995:
        return f"{value:.2f} s" if value < 9.995 else f"{value:.1f} s"
    return three(value * 1e3) + " ms"


def three(value):
    """A number in three figures."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def size(nbytes):
    if nbytes is None:
        return "-"
    return f"{three(nbytes / 1e6)} MB" if nbytes >= 1e5 else f"{nbytes / 1e3:.1f} kB"


def ratio(value):
    """Two figures and more, so that a slow-down is seen as one: 0.25, 3.4, 120."""
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 0.995 else f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def percent(share):
    return "0 %" if share == 0 else "< 0.01 %" if share < 1e-4 else f"{three(share * 100)} %"


def exactness(one):
    """How an output stands to the exact formula, in a few words."""
    if one["form"] is None:
        return "-"
    if not one["valid"]:
        return f"not a gray picture of the right size: {one['form']}"
    note = "" if one["form"] == "gray" else f"; {one['form']}"
    found = distance(one)
    if found is None:
        return "not comparable" + note
    if found[0] == 0:
        return "exact" + note
    return f"by up to {found[0]} in {percent(found[1])}{note}"


def columns(rows):
    """Rows of text, padded: the first column to the left, the others to the right, the last to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if i in (0, len(row) - 1) else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return lines


def picture_title(found):
    return f"{found['picture']}, {found['width']} x {found['height']}"


def finding_text(found):
    """The table of one path of one picture, and what it says in plain words."""
    rows = [("", "median", "least..most", "runs", "start-up", "alone", "CPU", "memory", "output", "differs from exact")]
    for one in in_order(found["results"]):
        if one["failure"]:
            rows.append((one["contender"], "failed", "", "", "", "", "", "", "", one["failure"].splitlines()[0][:70]))
            continue
        rows.append((one["contender"], seconds(one["median_s"]), f"{seconds(one['min_s'])}..{seconds(one['max_s'])}",
                     str(one["runs"]), seconds(one["startup_s"]), seconds(one["alone_s"]), seconds(one["cpu_s"]),
                     size(one["resident_nbytes"]), size(one["output_nbytes"]), exactness(one)))
    head = f"{picture_title(found)}: {found['title']} ({size(found['source_nbytes'])} in)"
    return "\n".join([head] + ["  " + line for line in columns(rows)] + ["  " + line for line in verdict(found)])


def verdict(found):
    """The ratios in plain words, slow-downs as plainly as the rest."""
    how, lines = found["comparison"], []
    if how["fastest_whole"] is None:
        return lines
    peer = next(one for one in found["results"] if one["contender"] == how["fastest_whole"])
    lines.append(f"fastest peer: {peer['contender']}, {seconds(peer['median_s'])} as a whole command")
    for one in found["results"]:
        times = how["times_as_fast"].get(one["contender"])
        if times is None:
            continue
        line = f"{one['contender']}: {ratio(times['whole'])} times as fast (whole commands"
        line += f", {ratio(one['cpu_s'] / peer['cpu_s'])} of its processor time)" if peer["cpu_s"] else ")"
        if times["alone"] is not None:
            line += f", {ratio(times['alone'])} times (start-up apart on both sides; then the fastest " \
                    f"peer is {how['fastest_alone']}, {seconds(how['fastest_alone_s'])})"
        lines.append(line)
    return lines


COUNTED = """What is counted
  median      the whole command, from before it is started until it has ended: start-up, reading, converting, writing
  start-up    the same command on a picture of 16 x 16, just before each run (of Python peers mostly the import, of -n
              mpirun)
  alone       the conversion alone: what rgb2gray reports; what the Python of OpenCV and Pillow counts around it, import
              apart; of the others, each run less the start-up before it ("-" where that is too little to be told)
  CPU         processor time, user and system, of all processes together
  memory      the largest resident size of any one process
  differs     from (299 R + 587 G + 114 B + 500) div 1000 of the decoded source; for a JPEG source from that or from its
              own luma as djpeg -grayscale decodes it, whichever is nearer. A JPEG made from pixels differs by its loss
  All take turns, A B C A B C, each round beginning one further on. Every peer runs with its default options, so JPEG
  qualities and PNG levels differ: see the sizes. From JPEG to JPEG, what is not exact was encoded anew, with a loss."""


def write_csv(name, findings):
    with open(name, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, CSV_FIELDS)
        writer.writeheader()
        for found in findings:
            for one in found["results"]:
                record = {key: one.get(key, found.get(key)) for key in CSV_FIELDS}
                for key, values in one["differences"].items():
                    record[key + "_max"], record[key + "_share"] = values["max"], values["share"]
                times = found["comparison"]["times_as_fast"].get(one["contender"], {})
                record["times_as_fast_whole"], record["times_as_fast_alone"] = times.get("whole"), times.get("alone")
                writer.writerow(record)


def write_json(name, document):
    with open(name, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
