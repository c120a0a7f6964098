"""Bar charts as SVG, readable on light and dark ground: for each path a bar a contender, the fastest peer marked."""
from xml.sax.saxutils import escape

import text
from results import in_order

COLUMN, EDGE = 500, 16                  # two columns of panels
NAME_X, BAR_X, BAR_END = 116, 124, 336  # within a column: names end at NAME_X, bars lie from BAR_X to at most BAR_END
WIDTH = 2 * COLUMN + 2 * EDGE
ROW, BAR, HEAD, GAP = 19, 12, 24, 20
CUT = 4  # bars longer than this many times the fastest peer's are cut, with a mark

STYLE = """
svg { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
.ground { fill: #ffffff; } .title { fill: #1b1f24; font-weight: 600; font-size: 17px; }
.head { fill: #1b1f24; font-weight: 600; } .name, .value { fill: #1b1f24; } .soft { fill: #57606a; }
.ours { fill: #0b6bcb; } .alone { fill: #6cb0f0; } .peer { fill: #a3abb5; } .fastest { fill: #636c76; }
.strong { font-weight: 600; } .cut { stroke: #ffffff; stroke-width: 3; } .axis { stroke: #d0d7de; }
@media (prefers-color-scheme: dark) {
 .ground { fill: #0d1117; } .title, .head, .name, .value { fill: #e6edf3; } .soft { fill: #9aa4af; }
 .ours { fill: #4a9df5; } .alone { fill: #2b5f99; } .peer { fill: #57606a; } .fastest { fill: #9aa4af; }
 .cut { stroke: #0d1117; } .axis { stroke: #30363d; }
}
"""


def label(x, y, content, style, anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(content)}</text>'


def bar(x, y, width, style):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{BAR}" class="{style}"/>'


def bars(found):
    """[(contender, style)], in their order."""
    rows = [one for one in in_order(found["results"]) if one["median_s"]]
    fastest = found["comparison"]["fastest_whole"]
    return [(one, "ours" if one["ours"] else "fastest" if one["contender"] == fastest else "peer") for one in rows]


def annotation(found, one):
    """What stands beside a bar: the time, and for ours how many times as fast as the fastest peer."""
    content = text.seconds(one["median_s"])
    times = found["comparison"]["times_as_fast"].get(one["contender"])
    if times and times["whole"]:
        content += f"\u2002{text.ratio(times['whole'])}x"
        if one["ranks"] and times["alone"]:
            content += f"\u2002({text.ratio(times['alone'])}x)"
    elif one["form"] and not one["valid"]:
        content += "\u2002(not gray)"
    return content


def panel_height(found):
    return HEAD + ROW * len(bars(found)) + GAP


def panel(found, left, y):
    """The elements of one path."""
    rows = bars(found)
    x, most = left + BAR_X, BAR_END - BAR_X
    parts = [label(x, y + 14, f"{found['title']}, {text.size(found['source_nbytes'])}", "head")]
    y += HEAD
    reach = found["comparison"]["fastest_whole_s"] or max(one["median_s"] for one, _ in rows)
    scale = most / min(max(one["median_s"] for one, _ in rows), CUT * reach)
    parts.append(f'<line x1="{x}" y1="{y - 2}" x2="{x}" y2="{y + ROW * len(rows) - 4}" class="axis"/>')
    for one, style in rows:
        strong = " strong" if style != "peer" else ""
        length = min(one["median_s"] * scale, most)
        parts += [label(left + NAME_X, y + 10.5, one["contender"], "name" + strong, "end"), bar(x, y, length, style)]
        if one["ranks"] and one["alone_s"]:
            alone = min(one["alone_s"] * scale, length)
            parts.append(bar(x + alone, y, length - alone, "alone"))  # starting the processes
        if one["median_s"] * scale > most + 0.5:
            at = x + most - 22
            parts.append(f'<path d="M{at} {y + BAR + 2} l6 -{BAR + 4} m5 0 l-6 {BAR + 4}" class="cut"/>')
        parts.append(label(x + length + 7, y + 10.5, annotation(found, one), "value" + strong))
        y += ROW
    return parts


LEGEND = (
    "Whole commands, start-up counted; median; shorter is better. 2.0x: twice as fast as the fastest peer (in bold).",
    "The other blue: starting mpirun. (2.0x): the conversion alone, start-up apart on each side. Struck: longer still.",
)


def drawing(title, findings, machine):
    parts, y = [label(EDGE, 28, title, "title")], 50
    for line in LEGEND:
        parts.append(label(EDGE, y, line, "soft"))
        y += 18
    y += 8
    drawn = [found for found in findings if any(one["median_s"] for one in found["results"])]
    for at in range(0, len(drawn), 2):
        for side, found in enumerate(drawn[at:at + 2]):
            parts += panel(found, EDGE + side * COLUMN, y)
        y += max(panel_height(found) for found in drawn[at:at + 2])
    parts.append(label(EDGE, y + 4, f"{machine['cpu']}, {machine['cores']} cores; {machine['system']}; "
                       f"{machine['file_system']}, inputs in the page cache", "soft"))
    y += 20
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" role="img">',
        f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{y}" rx="6" class="ground"/>', *parts, "</svg>", ""])


def charts(findings, machine):
    """{file name: SVG}: one a picture; chart.svg is that of the largest, the first of these."""
    titles = list(dict.fromkeys(text.picture_title(found) for found in findings))
    result, largest = {}, 0
    for title in titles:
        own = [found for found in findings if text.picture_title(found) == title]
        drawn = drawing("Colour to gray: " + title, own, machine)
        name = title.replace(" x ", "x").replace(", ", "-")
        result["chart-" + "".join(c if c.isalnum() else "-" for c in name) + ".svg"] = drawn
        if own[0]["width"] * own[0]["height"] > largest:
            largest = own[0]["width"] * own[0]["height"]
            result["chart.svg"] = drawn
    return result
