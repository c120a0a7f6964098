"""Tables in Markdown, to copy: table.md about files, kernels.md about kernels."""
from text import exactness, picture_title, ratio, seconds, size


def markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0])] + lines[1:])


def by_name(found, name):
    return next((one for one in found["results"] if one["contender"] == name and one["median_s"]), None)


def summary_rows(findings):
    """One line a path: ours and the fastest peer, whole commands and conversion alone."""
    names = list(dict.fromkeys(one["contender"] for found in findings for one in found["results"] if one["ours"]))
    rows = [["from, to", "fastest peer", *(f"`{name}`" for name in names), "start-up apart: fastest peer",
             *(f"`{name}`" for name in names)]]
    for found in findings:
        how, line = found["comparison"], [found["title"]]
        for part, value in (("whole", "median_s"), ("alone", "alone_s")):
            line.append(f"{how['fastest_' + part]} {seconds(how['fastest_' + part + '_s'])}"
                        if how["fastest_" + part] else "-")
            for name in names:
                one = by_name(found, name)
                times = how["times_as_fast"].get(name, {}).get(part)
                line.append(seconds(one and one[value]) + (f" ({ratio(times)}x)" if times else ""))
        rows.append(line)
    return rows


def peer_rows(findings, cell):
    names = list(dict.fromkeys(one["contender"] for found in findings for one in found["results"]))
    rows = [["from, to", *names]]
    for found in findings:
        rows.append([found["title"], *(cell(by_name(found, name)) for name in names)])
    return rows


def write_markdown(name, findings, machine):
    """Tables to copy, for each picture: the summary, everyone's times, sizes, and distance from exact."""
    parts = []
    for title in dict.fromkeys(picture_title(found) for found in findings):
        own = [found for found in findings if picture_title(found) == title]
        parts += [f"**{title}**: medians; in brackets how many times as fast as the fastest peer",
                  markdown(summary_rows(own)), "Whole commands:",
                  markdown(peer_rows(own, lambda one: seconds(one["median_s"]) if one else "-")), "Size of the output:",
                  markdown(peer_rows(own, lambda one: size(one["output_nbytes"]) if one else "-")),
                  "Difference from the exact formula (largest, share of pixels):",
                  markdown(peer_rows(own, lambda one: exactness(one) if one else "-"))]
    parts.append(f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, {machine['file_system']}, "
                 "inputs in the page cache.")
    with open(name, "w", encoding="utf-8") as file:
        file.write("\n\n".join(parts) + "\n")
