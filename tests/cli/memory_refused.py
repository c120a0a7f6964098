"""Every allocation of a conversion with a report fails in turn: exit 9, one line, and nothing is left behind; needs a
build with fault injection."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from program import check, environment, finish, ppm, run, temporary_folder, write  # noqa: E402

if os.environ.get("RGB2GRAY_FAULTS", "0") not in ("1", "ON", "TRUE"):
    print("built without fault injection")
    sys.exit(77)


def sweep(folder, *arguments):
    """Fails allocation 1, 2, … until none is left to fail; returns how many failed."""
    failed = 0
    quiet = 0
    for site in range(1, 1000):
        result = run(*arguments, cwd=folder, env=environment(RGB2GRAY_FAULT=f"alloc:{site}"))
        if result.code == 0:
            # a refusal can be made up for, by a second try: only several in a row mean that the end is reached
            quiet += 1
            if quiet == 5:
                return failed
        else:
            quiet = 0
            failed += 1
            check(result.code == 9 and result.err.startswith("rgb2gray: ") and len(result.err_lines) == 1,
                  f"{arguments}, allocation {site}: exit 9 and one line", result)
        # where only the report fails, the picture is whole and stays
        allowed = {"a.ppm", "x.png", "r.json"} if result.code == 0 or "--report" in arguments else {"a.ppm"}
        left = set(os.listdir(folder)) - allowed
        check(not left, f"{arguments}, allocation {site}: nothing is left behind", left)
        for name in ("x.png", "r.json"):
            if os.path.exists(os.path.join(folder, name)):
                os.remove(os.path.join(folder, name))
    check(False, f"{arguments}: the sweep comes to an end")
    return failed


with temporary_folder() as work:
    write(work, "a.ppm", ppm())
    check(sweep(work, "a.ppm", "-o", "x.png") > 10, "a conversion takes memory")
    check(sweep(work, "a.ppm", "-o", "x.png", "--report", "json", "--report-file", "r.json") > 50, "and so does a report")
    check(sweep(work, "info", "a.ppm", "--report", "json") > 10, "and info")
finish()
