"""Reports: JSON that fits the schema in every mode, text that fits 80 columns, report files, and honest contents."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from program import check, environment, finish, ppm, read, run, temporary_folder, write  # noqa: E402

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

SOURCE = os.environ.get("RGB2GRAY_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
with open(os.path.join(SOURCE, "src", "cli", "report.schema.json"), encoding="utf-8") as file:
    SCHEMA = json.load(file)
jsonschema.Draft202012Validator.check_schema(SCHEMA)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def reports(result, name, count=1, code=0):
    check(result.code == code, f"{name}: exit {code}", result)
    found = [json.loads(line) for line in result.text.splitlines()]
    check(len(found) == count, f"{name}: {count} lines", result)
    for report in found:
        for error in VALIDATOR.iter_errors(report):
            check(False, f"{name}: fits the schema", f"{list(error.absolute_path)}: {error.message}")
    return found


def converts_and_explains(folder):
    report, = reports(run("a.ppm", "-o", "x.png", "--report", "json", cwd=folder), "convert")
    check(report["mode"] == "convert" and report["error"] is None and report["compare"] is None, "convert", report)
    check(report["input"]["nbytes"] == os.path.getsize(os.path.join(folder, "a.ppm")), "size of the input", report)
    check(report["output"]["nbytes"] == os.path.getsize(os.path.join(folder, "x.png")), "size of the output", report)
    check(report["runs"]["parallel"]["wall_ns"] > 0 and report["launch"]["mpi_init_ns"] is None, "times", report)
    rows = sum(rank["row_count"] for rank in report["runs"]["parallel"]["ranks"])
    check(rows == report["input"]["height"], "every row is counted once", report)
    report, = reports(run("a.ppm", "-o", "y.png", "--explain", "--report", "json", cwd=folder), "explain")
    check(report["runs"]["parallel"] is None and report["output"]["width"] == 40, "explain runs nothing", report)
    check(not os.path.exists(os.path.join(folder, "y.png")), "explain makes no output")
    report, = reports(run("info", "a.ppm", "--report", "json", cwd=folder), "info")
    check(report["mode"] == "explain" and report["output"]["name"] == "a-gray.png", "info", report)


def compares(folder):
    for ranks in (1, 2, 3):
        more = ["-n", str(ranks)] if ranks > 1 else []
        report, = reports(run(*more, "-f", "a.ppm", "-o", "x.png", "--compare", "--repeat", "2", "--report", "json",
                              cwd=folder), f"compare with {ranks}")
        compare, runs = report["compare"], report["runs"]
        check(compare["identical"] is True and report["plan"]["rank_count"] == ranks, f"compare with {ranks}", report)
        speed_up = runs["sequential"]["wall_ns"] / runs["parallel"]["wall_ns"]
        check(abs(compare["speed_up"] / speed_up - 1) < 1e-4, "speed-up is the quotient of the times", report)
        check(abs(compare["efficiency"] * ranks / speed_up - 1) < 1e-4, "efficiency is speed-up by rank", report)
        check(runs["sequential"]["run_count"] == runs["parallel"]["run_count"] == 2, "two runs of each", report)
        check(len(report["places"]) == len(runs["parallel"]["ranks"]) == ranks, "every rank is there", report)
        if ranks > 1:
            check(report["launch"]["launch_ns"] > report["launch"]["mpi_init_ns"] > 0, "launch is measured", report)
    result = run("-n", "2", "-f", "a.ppm", "-o", "x.png", "--compare", cwd=folder)
    check("outputs     the same, byte for byte" in result.text, "the text says that outputs are the same", result)
    check("2 ranks were" in result.text and "verdict" in result.text, "the text has a verdict", result)
    wide = [line for line in result.text.splitlines() if len(line) > 100]
    check(result.code == 0 and not wide, "the text is not too wide", wide)


def fails(folder):
    write(folder, "short.ppm", ppm()[:500])
    arguments = ["-f", "--report", "json", "--format", "png", "a.ppm", "none.ppm", "short.ppm"]
    found = reports(run(*arguments, cwd=folder), "failures", count=3, code=3)
    check([report["error"] and report["error"]["exit_code"] for report in found] == [None, 3, 5], "failures", found)
    check([report["in_path"] for report in found] == arguments[5:], "every input has its report", found)
    write(folder, os.fsdecode(b"na\xffme.ppm"), ppm())
    reports(run("-f", "--report", "json", os.fsdecode(b"na\xffme.ppm"), cwd=folder), "a name that is not UTF-8")


def files(folder):
    result = run("-f", "a.ppm", "-o", "x.png", "--report", "json", "--report-file", "r.json", cwd=folder)
    check(result.code == 0 and result.out == b"", "--report-file keeps standard output free", result)
    check(VALIDATOR.is_valid(json.loads(read(folder, "r.json"))), "--report-file holds the report")
    result = run("a.ppm", "-o", "-", "--format", "png", "--report-file", "r.txt", cwd=folder)
    check(result.code == 0 and result.out.startswith(b"\x89PNG"), "a report beside a picture on standard output", result)
    check(read(folder, "r.txt").startswith(b"input "), "--report-file is text by default")
    result = run("-f", "a.ppm", "-o", "x.png", "--report", "text", "--report-file", "none/r", cwd=folder)
    check(result.code == 7 and "none/r" in result.err, "a report file that cannot be written: exit 7", result)
    result = run("--version", env=environment(RGB2GRAY_ISA="nonsense"))
    check(result.code == 0, "an unknown instruction set is no failure", result)


with temporary_folder() as work:
    write(work, "a.ppm", ppm())
    converts_and_explains(work)
    compares(work)
    fails(work)
    files(work)
finish()
