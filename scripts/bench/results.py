"""What was found on one path, and the figures derived from it. Everything here is plain data that becomes JSON."""


RESOLVED = 0.1  # what is less than this part of the start-up cannot be told from its noise


def verdict_exact(verdict, path):
    """Whether an output has exactly the reference's samples; None where it cannot be said, or pixels became a JPEG."""
    if path.lossy or not verdict["differences"]:
        return None
    best = verdict["differences"].get("luma", verdict["differences"].get("formula"))
    return best["max"] == 0


def row(contender, path, summary, verdict, output_nbytes, failure):
    """One contender on one path. Times are in seconds; what was not measured is None."""
    result = {
        "contender": contender.name, "ours": contender.ours, "ranks": contender.ranks, "command": contender.shown(path),
        "failure": failure, "runs": 0, "median_s": None, "min_s": None, "max_s": None, "cpu_s": None, "startup_s": None,
        "alone_s": None, "output_nbytes": output_nbytes, "resident_nbytes": None, "form": None, "valid": False,
        "exact": None, "differences": {},
    }
    if verdict:
        result.update(form=verdict["form"], differences=verdict["differences"],
                      valid=verdict["size_right"] and (verdict["form"] or "").startswith("gray"),
                      exact=verdict_exact(verdict, path))
    if summary:
        result.update(runs=summary.runs, median_s=summary.median_s, min_s=summary.min_s, max_s=summary.max_s,
                      cpu_s=summary.cpu_s, resident_nbytes=summary.resident_nbytes,
                      startup_s=summary.startup_s, alone_s=summary.reported_s)
        if summary.reported_s is None and summary.rest_s and summary.rest_s > summary.startup_s * RESOLVED:
            result["alone_s"] = summary.rest_s
    return result


def in_order(rows):
    """Ours first, by ranks; then the peers, the fastest first; those that failed last."""
    return sorted(rows, key=lambda one: (not one["ours"], one["ranks"] if one["ours"] else one["median_s"] or 1e9))


def comparison(rows):
    """The fastest peer by whole commands and by conversion alone, and how many times as fast ours are.

    Where the conversion of any peer cannot be told from its start-up, nothing is said of the conversion alone.
    """
    peers = [one for one in rows if not one["ours"] and one["valid"] and one["median_s"]]
    ours = [one for one in rows if one["ours"] and one["median_s"]]
    whole = min(peers, key=lambda one: one["median_s"], default=None)
    told = all(one["alone_s"] for one in peers)
    alone = min(peers, key=lambda one: one["alone_s"], default=None) if told else None
    return {
        "fastest_whole": whole and whole["contender"], "fastest_whole_s": whole and whole["median_s"],
        "fastest_alone": alone and alone["contender"], "fastest_alone_s": alone and alone["alone_s"],
        "times_as_fast": {
            one["contender"]: {
                "whole": whole["median_s"] / one["median_s"] if whole else None,
                "alone": alone["alone_s"] / one["alone_s"] if alone and one["alone_s"] else None,
            } for one in ours},
    }


def finding(picture, path, source_nbytes, size, rows):
    """One path of one picture. `picture` names it; `size` is (width, height)."""
    return {"picture": picture, "width": size[0], "height": size[1], "path": path.name, "title": path.title,
            "source": path.source, "target": path.target, "lossy": path.lossy, "source_nbytes": source_nbytes,
            "results": rows, "comparison": comparison(rows)}


def distance(one):
    """How far an output is from exact, as (largest difference, share of samples), against the nearer reference."""
    if not one["differences"]:
        return None
    best = min(one["differences"].values(), key=lambda item: (item["max"], item["share"]))
    return best["max"], best["share"]
