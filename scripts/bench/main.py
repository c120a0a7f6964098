"""The benchmark of rgb2gray beside its peers; scripts/bench.sh starts it and explains the options."""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import batch
import chart
import contenders
import gateway
import kernel
import machine
import measure
import pictures
import results
import tables
import text

IMPORT_RUNS = 5


def say(line):
    print(f"bench: {line}", file=sys.stderr, flush=True)


def words(value):
    return value.replace(",", " ").split()


def sizes(value):
    """[(width, height)] from "2000 8000" or "64x48"."""
    result = []
    for word in words(value):
        width, _, height = word.partition("x")
        result.append((int(width), int(height or width)))
    return result


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", allow_abbrev=False, add_help=False)
    parser.add_argument("images", nargs="*")
    parser.add_argument("--program", required=True)
    parser.add_argument("--library", default="")
    parser.add_argument("--gateway-program", default="")
    parser.add_argument("--make-picture", required=True)
    parser.add_argument("--results", required=True)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--huge", action="store_true")
    parser.add_argument("--sizes", type=sizes)
    parser.add_argument("--kinds", type=words)
    parser.add_argument("--paths", type=words, default=[])
    parser.add_argument("--only", type=words, default=[])
    parser.add_argument("--runs", type=int)
    parser.add_argument("--ranks", type=lambda value: [int(word) for word in words(value)])
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--kernel", action="store_true")
    parser.add_argument("--gateway", action="store_true")
    parser.add_argument("--batch", action="store_true")
    parser.add_argument("--images-count", type=int, default=10000)
    options = parser.parse_args(arguments)
    given = bool(options.images) and not options.sizes and not options.kinds
    if not options.sizes:
        options.sizes = [] if given else [(2000, 2000)] if options.quick else [(2000, 2000), (8000, 8000)]
    if options.huge:
        options.sizes.append((30000, 30000))
    options.kinds = options.kinds or ["photograph"]
    if options.kinds == ["all"]:
        options.kinds = list(pictures.KINDS)
    options.runs = (3 if options.quick else 7) if options.runs is None else options.runs
    options.ranks = [1, 2] if options.ranks is None else options.ranks
    if not (options.peers or options.kernel or options.gateway or options.batch):
        options.peers = options.kernel = True
        options.gateway = bool(options.gateway_program)
    check(parser, options)
    return options


def check(parser, options):
    known = {path.name for path in pictures.PATHS + pictures.GIVEN}
    for name, allowed in ((options.paths, known), (options.kinds, set(pictures.KINDS))):
        for word in name:
            if word not in allowed:
                parser.error(f"{word}: not one of {', '.join(sorted(allowed))}")
    if options.runs < 1 or options.images_count < 1 or any(number < 1 for number in options.ranks):
        parser.error("numbers of runs, images and ranks begin with 1")
    for image in options.images:
        if not os.path.isfile(image):
            parser.error(f"{image}: there is no such file")


def judged(path, source, outputs):
    """The verdict of an independent reader, in a process of its own; see judge.py."""
    job = {"source": source, "jpeg": path.source == "jpeg", "outputs": outputs}
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "judge.py")
    done = subprocess.run([contenders.PYTHON, script], input=json.dumps(job).encode(), capture_output=True, check=False)
    if done.returncode != 0:
        raise pictures.BenchError("the outputs cannot be judged: " + done.stderr.decode("utf-8", "replace").strip())
    return json.loads(done.stdout)


class Files:
    """The part about files: everyone on every path of every picture."""

    def __init__(self, options, runner, store):
        self.options, self.runner, self.store = options, runner, store
        everyone = contenders.rgb2gray(options.program, options.ranks) + contenders.peers()
        self.everyone = contenders.chosen(everyone, options.only)
        self.findings = []
        self.where = ""  # the picture and path at work, for messages

    def all(self):
        for kind in self.options.kinds if self.options.sizes else []:
            for width, height in self.options.sizes:
                for path in pictures.PATHS:
                    if not self.options.paths or path.name in self.options.paths:
                        self.made(kind, width, height, path)
        for image in self.options.images:
            for path in pictures.paths_of_given(image, self.options.paths):
                self.one(os.path.basename(image), path, os.path.abspath(image))

    def made(self, kind, width, height, path):
        source = self.store.picture(kind, width, height, path)
        if source is None:
            say(f"{path.name}: left out, {path.makers[0][0]} is not installed")
            return
        self.one(kind, path, source)

    def one(self, picture, path, source):
        """Checks, times and shows everyone on one path of one picture."""
        self.where = f"{picture}, {path.name}"
        present = [one for one in self.everyone if one.template(path) and one.present(path)]
        checked, verdicts, sizes_, failures, picture_size = self.checked(present, path, source)
        working = [one for one in present if one.name not in failures]
        fastest_s = min((checked[one.name].wall_s for one in working), default=0)
        counts = {one: measure.runs_for(checked[one.name], fastest_s, self.options.runs) for one in working}
        summaries, later = measure.in_turn(self.runner, path, source, self.tiny(path), counts, self.tell)
        summaries.update({one: measure.Summary([checked[one.name]]) for one in working if counts[one] == 0})
        failures.update({one.name: reason for one, reason in later.items()})
        rows = [results.row(one, path, summaries.get(one), verdicts.get(one.name), sizes_.get(one.name),
                            failures.get(one.name)) for one in present]
        found = results.finding(picture, path, os.path.getsize(source), picture_size, rows)
        self.findings.append(found)
        print(text.finding_text(found) + "\n", flush=True)

    def tell(self, line):
        say(f"{self.where}: {line}")

    def checked(self, present, path, source):
        """Runs everyone once, untimed, and has the outputs judged. This also warms the page cache."""
        self.tell("checking the outputs")
        runs, outputs, failures = {}, {}, {}
        for one in present:
            target = self.runner.new_name(pictures.EXTENSIONS[path.target])
            run = runs[one.name] = self.runner.convert(one, path, source, target)
            if run.code != 0:
                failures[one.name] = run.error or f"exit status {run.code}"
            else:
                outputs[one.name] = target
        answer = judged(path, source, outputs)
        nbytes = {name: os.path.getsize(target) for name, target in outputs.items()}
        for target in outputs.values():
            os.remove(target)
        os.sync()  # so that nothing written so far reaches the disk while times are taken
        return runs, answer["verdicts"], nbytes, failures, (answer["width"], answer["height"])

    def tiny(self, path):
        """A picture of 16 x 16 of the path's input format: what a command takes for it is its start-up."""
        made = next(other for other in pictures.PATHS if other.source == path.source)
        return self.store.picture("photograph", 16, 16, made)


def write_findings(folder, document):
    findings = document["findings"]
    text.write_json(os.path.join(folder, "results.json"), document)
    text.write_csv(os.path.join(folder, "results.csv"), findings)
    tables.write_markdown(os.path.join(folder, "table.md"), findings, document["machine"])
    for name in os.listdir(folder):
        if name.startswith("chart") and name.endswith(".svg"):
            os.remove(os.path.join(folder, name))
    for name, svg in chart.charts(findings, document["machine"]).items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(svg)


def write_kernels(folder, facts, lines):
    text.write_json(os.path.join(folder, "kernels.json"), {"machine": facts, "kernels": lines})
    with open(os.path.join(folder, "kernels.md"), "w", encoding="utf-8") as file:
        file.write(tables.markdown(kernel.table(lines)) + "\n")


def write_gateway(folder, facts, found):
    text.write_json(os.path.join(folder, "gateway.json"), {"machine": facts, "gateway": found})
    with open(os.path.join(folder, "gateway.md"), "w", encoding="utf-8") as file:
        file.write(tables.markdown(gateway.table(found)) + "\n")


def write_batch(folder, facts, found, ranks):
    text.write_json(os.path.join(folder, "batch.json"), {"machine": facts, "batch": found})
    with open(os.path.join(folder, "batch.md"), "w", encoding="utf-8") as file:
        file.write(tables.markdown(batch.table(found, ranks)) + "\n")


def inexact(findings):
    """Outputs of rgb2gray that are no gray pictures, or not exact though nothing need be lost: in all paths but those that
    encode pixels as JPEG. A JPEG given by name may be of a kind that must be encoded anew."""
    return [f"{found['picture']}, {found['path']}: {one['contender']}: {one['failure'] or text.exactness(one)}"
            for found in findings for one in found["results"]
            if one["ours"] and (one["failure"] or not one["valid"] or
                                one["exact"] is False and found["path"] not in ("png-jpeg", "jpeg"))]


def run(options):
    os.makedirs(options.results, exist_ok=True)
    os.makedirs(options.dir, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="scratch-", dir=os.path.abspath(options.dir))
    try:
        runner = measure.Runner(scratch)
        store = pictures.Store(os.path.join(os.path.abspath(options.dir), "pictures"), options.make_picture, say)
        files = Files(options, runner, store)
        document = {"schema": "rgb2gray-bench", "version": 1,
                    "machine": machine.facts(options.dir, files.everyone, options.program),
                    "imports": {}, "findings": files.findings}
        print(machine.facts_text(document["machine"]) + "\n", flush=True)
        if options.kernel:
            lines = kernel.measured(options.library, scratch, options.quick, say)
            print(kernel.shown(lines) + "\n", flush=True)
            write_kernels(options.results, document["machine"], lines)
        if options.gateway:
            found = gateway.measured(options.gateway_program, options.program, store, runner, scratch,
                                     max(options.runs * 5, 5), say)
            print(gateway.shown(found) + "\n", flush=True)
            write_gateway(options.results, document["machine"], found)
        if options.batch:
            found = batch.measured(options, store, scratch, say)
            print(batch.shown(found, options.ranks) + "\n", flush=True)
            write_batch(options.results, document["machine"], found, options.ranks)
        if options.peers:
            print(text.COUNTED, flush=True)
            document["imports"] = measure.import_times(runner, files.everyone, min(options.runs, IMPORT_RUNS))
            print("  Python peers: " + ", ".join(f"import {name}: {text.seconds(value)}"
                                                 for name, value in document["imports"].items()) + "\n", flush=True)
            files.all()
            document["machine"]["load_at_end"] = os.getloadavg()[0]
            if files.findings:
                write_findings(options.results, document)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"Results: {options.results}: " + ", ".join(sorted(
        name for name in os.listdir(options.results) if name.endswith((".csv", ".json", ".svg", ".md")))))
    wrong = inexact(document["findings"])
    for line in wrong:
        print(f"NOT AS PROMISED: {line}")
    return 1 if wrong else 0


def main():
    options = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leave nothing behind then, either
    try:
        return run(options)
    except pictures.BenchError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
