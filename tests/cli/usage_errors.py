"""Options that make no sense: exit 2, nothing on standard output, one line that names the trouble and one that points
to --help."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from program import check, finish, ppm, run, temporary_folder, write  # noqa: E402

CASES = [
    ([], "no input"),
    (["--methd", "green", "a.ppm"], "did you mean --method?"),
    (["--method", "gren", "a.ppm"], 'did you mean "green"?'),
    (["--quality", "0", "a.ppm"], "--quality takes a whole number from 1 to 100"),
    (["--quality", "101", "a.ppm"], "--quality takes"),
    (["--quality", "9x", "a.ppm"], "--quality takes"),
    (["--quality"], "--quality needs a value"),
    (["-n", "0", "a.ppm"], "-n takes"),
    (["-o"], "-o needs a value"),
    (["-z", "a.ppm"], "there is no option -z"),
    (["--re", "a.ppm"], "--re could be the beginning of several options"),
    (["--force=1", "a.ppm"], "--force takes no value"),
    (["--format", "tiff", "a.ppm"], "--format takes png, jpeg, bmp or pgm"),
    (["--background", "#12", "a.ppm"], "--background takes"),
    (["--background", "1,2,256", "a.ppm"], "--background takes"),
    (["--mem-limit", "3X", "a.ppm"], "--mem-limit takes"),
    (["--mem-limit", "99999999999G", "a.ppm"], "--mem-limit takes"),
    (["--max-pixels", "-1", "a.ppm"], "--max-pixels takes"),
    (["--weights", "1,2", "a.ppm"], "weights"),
    (["--weights", "1,2,1", "--method", "green", "a.ppm"], "exclude each other"),
    (["-", "-o", "-"], "give --format"),
    (["-"], "give --format"),
    (["-", "a.ppm", "--format", "png"], "only input"),
    (["a.ppm", "b.ppm", "-o", "-", "--format", "png"], "standard output"),
    (["--compare", "-", "--format", "png"], "--compare"),
    (["--compare", "--explain", "a.ppm"], "--explain"),
    (["--repeat", "2", "a.ppm"], "--repeat goes with --compare"),
    (["--report", "json", "-o", "-", "--format", "png", "a.ppm"], "--report-file"),
    (["--report", "none", "--report-file", "r", "a.ppm"], "--report-file goes with"),
    (["--hostfile", "h", "a.ppm"], "give -n"),
    (["a.ppm", "b.ppm", "-o", "c.png"], "need a folder"),
    (["a.ppm", "sub/a.ppm", "-o", "."], "would both become"),
    (["a.ppm", "a.bmp", "--format", "png"], "would both become"),
    (["info"], "no input"),
    (["info", "-n", "2", "a.ppm"], "info takes no -n"),
    (["doctor", "a.ppm"], "doctor takes no files"),
]

with temporary_folder() as folder:
    write(folder, "a.ppm", ppm())
    write(folder, "b.ppm", ppm())
    for arguments, text in CASES:
        result = run(*arguments, cwd=folder)
        name = "rgb2gray " + " ".join(arguments)
        check(result.code == 2, f"{name}: exit 2", result)
        check(result.out == b"", f"{name}: nothing on standard output", result)
        check(len(result.err_lines) == 2 and result.err_lines[0].startswith("rgb2gray: ")
              and result.err_lines[1] == "Try 'rgb2gray --help'.", f"{name}: two lines", result)
        check(text in result.err, f"{name}: says \"{text}\"", result)
    check(sorted(os.listdir(folder)) == ["a.ppm", "b.ppm"], "nothing was written", os.listdir(folder))
finish()
