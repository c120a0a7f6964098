#!/usr/bin/env python3
"""What the server answers is what openapi.json says: every operation is asked in every way that gives another status,
and each answer's status, headers, content type and body are held against the description. The types of problems are
the same in the description and in the program."""
import base64
import io
import json
import os
import re
import sys
import time

import jsonschema
import numpy as np
from PIL import Image

import support
from support import check

TUS = {"Tus-Resumable": "1.0.0"}
PNG = {"Content-Type": "image/png"}


def png(width=80, height=60):
    rng = np.random.default_rng(width)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


class Contract:
    def __init__(self, document):
        self.document = document
        self.seen = set()  # (path, method, status)
        self.types = set()

    def resolve(self, value):
        while isinstance(value, dict) and "$ref" in value:
            target = self.document
            for part in value["$ref"][2:].split("/"):
                target = target[part]
            value = target
        return value

    def find(self, path):
        for pattern, item in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\\\{[a-z]+\\\}", "[^/]+", re.escape(pattern)), path):
                return pattern, item
        return None, None

    def valid(self, schema, value, what):
        """Against a schema whose references point into the document."""
        whole = {**schema, "components": self.document["components"]}
        validator = jsonschema.Draft202012Validator(whole)
        errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
                  for error in validator.iter_errors(value)]
        check(not errors, f"{what}: against the schema", errors[:5])

    def headers(self, declared, answer, what):
        for name, header in declared.items():
            header = self.resolve(header)
            value = answer.headers.get(name.lower())
            if value is None:
                check(not header.get("required"), f"{what}: no {name}", answer.headers)
            else:
                self.valid(header["schema"], value, f"{what}: {name}")

    def body(self, declared, answer, what):
        content = declared.get("content")
        if not content:
            check(answer.body == b"", f"{what}: a body that is not described", answer.body[:200])
            return
        kind = answer.headers.get("content-type", "").split(";")[0]
        if not check(kind in content, f"{what}: type {kind}", list(content)):
            return
        media = content[kind]
        if "schema" not in media:
            return
        if kind.endswith("json"):
            self.valid(media["schema"], json.loads(answer.body), what)
        else:
            self.valid(media["schema"], answer.body.decode("utf-8"), what)

    def hold(self, method, path, answer):
        pattern, item = self.find(path.split("?")[0])
        what = f"{method} {pattern or path} {answer.status}"
        if answer.headers.get("content-type", "").startswith("application/problem+json") and answer.body:
            problem = answer.json()
            self.types.add(problem.get("type"))
            self.valid({"$ref": "#/components/schemas/Problem"}, problem, what)
            check(problem.get("status") == answer.status, f"{what}: status in the body", problem)
        operation = (item or {}).get("get" if method == "HEAD" and "head" not in item else method.lower())
        if operation is None:
            check(answer.status in (404, 405, 400, 501), f"{what}: not described", answer.body[:200])
            return
        declared = operation["responses"].get(str(answer.status), operation["responses"].get("default"))
        if not check(declared is not None, f"{what}: a status that is not described", answer.body[:300]):
            return
        declared = self.resolve(declared)
        self.seen.add((pattern, method.lower(), str(answer.status)))
        self.headers(declared.get("headers", {}), answer, what)
        if method != "HEAD":
            self.body(declared, answer, what)
        for name in ("content-security-policy", "x-content-type-options", "referrer-policy"):
            check(name in answer.headers, f"{what}: no {name}", answer.headers)


def asker(gateway, contract):
    def ask(method, path, body=None, headers=None, status=None):
        answer = gateway.request(method, path, body, headers or {})
        contract.hold(method, path, answer)
        if status is not None:
            check(answer.status == status, f"{method} {path}: {answer.status}, not {status}", answer.body[:300])
        return answer
    return ask


def ended(ask, job):
    return ended_with(ask, job, {})


def ended_with(ask, job, headers):
    until = time.monotonic() + 60
    while job["state"] in ("queued", "running") and time.monotonic() < until:
        time.sleep(0.02)
        job = ask("GET", job["links"]["self"], headers=headers).json()
    return job


def jobs(ask):
    job = ended(ask, ask("POST", "/api/v1/jobs?compare=true&launcher=mpirun", png(), PNG, 201).json())
    failed = ended(ask, ask("POST", "/api/v1/jobs", png()[:-60], PNG, 201).json())
    base = job["links"]["self"]
    for query, status in (("", 200), ("?state=done", 200), ("?limit=1", 200), ("?limit=0", 400), ("?state=x", 400)):
        ask("GET", "/api/v1/jobs" + query, status=status)
    for part in ("result", "original"):
        tag = ask("GET", f"{base}/{part}", status=200).headers["etag"]
        ask("HEAD", f"{base}/{part}", status=200)
        ask("GET", f"{base}/{part}", headers={"Range": "bytes=0-4"}, status=206)
        ask("GET", f"{base}/{part}", headers={"Range": "bytes=99999999-"}, status=416)
        ask("GET", f"{base}/{part}", headers={"If-None-Match": tag}, status=304)
    ask("GET", f"{base}/report", status=200)
    for of in ("original", "result"):
        tag = ask("GET", f"{base}/preview?of={of}", status=200).headers.get("etag", "")
        ask("GET", f"{base}/preview?of={of}", headers={"If-None-Match": tag}, status=304)
        ask("GET", f"{base}/tiles/{of}", status=200)
        ask("GET", f"{base}/tiles/{of}/0/0_0", status=200)
        ask("GET", f"{base}/tiles/{of}/31/0_0", status=404)
    ask("GET", f"{base}/preview?size=5", status=400)
    ask("GET", f"{base}/events", status=200)
    ask("GET", f"{base}/events", headers={"Last-Event-ID": "1000"}, status=204)
    ask("GET", failed["links"]["self"] + "/result", status=409)
    ask("GET", failed["links"]["self"] + "/preview?of=result", status=409)
    ask("GET", failed["links"]["self"] + "/preview?of=original", status=422)
    slow = [ask("POST", "/api/v1/jobs?launcher=mpirun", png(700, 700 + i), PNG, 201).json() for i in range(3)]
    ask("GET", slow[-1]["links"]["self"] + "/report", status=409)
    ask("DELETE", slow[-1]["links"]["self"], status=202)
    for one in slow:
        ended(ask, one)
    ask("DELETE", base, status=204)
    for part in ("", "/result", "/original", "/report", "/events", "/preview", "/tiles/original", "/tiles/original/0/0_0"):
        ask("GET", base + part, status=410)
        ask("GET", f"/api/v1/jobs/{'0' * 32}{part}", status=404)
    ask("DELETE", base, status=410)
    ask("DELETE", "/api/v1/jobs/" + "0" * 32, status=404)
    for path in ("/api/v1/jobs", "/api/v1/convert"):
        ask("POST", path + "?metod=x", png(), PNG, 422)
        ask("POST", path, png(), {"Content-Type": "text/html"}, 415)
        ask("POST", path, b"", PNG, 400)
    for body, status in ((png(), 200), (png()[:-60], 422), (b"nothing of the kind", 415)):
        ask("POST", "/api/v1/convert", body, PNG, status)


def uploads(ask):
    data = png()
    ask("OPTIONS", "/api/v1/uploads", status=204)
    named = {**TUS, "Upload-Length": str(len(data)), "Upload-Metadata": "filename " + base64.b64encode(b"a.png").decode()}
    url = ask("POST", "/api/v1/uploads", b"", named, 201).headers["location"]
    ask("OPTIONS", url, status=204)
    for headers, status in (({}, 412), (TUS, 411), ({**TUS, "Upload-Length": "x"}, 400),
                            ({**TUS, "Upload-Length": str(1 << 60)}, 413),
                            ({**TUS, "Upload-Length": "4", "Upload-Metadata": "method c2VwaWE="}, 422)):
        ask("POST", "/api/v1/uploads", b"", headers, status)
    ask("HEAD", url, headers=TUS, status=200)
    ask("HEAD", url, status=412)
    kind = {**TUS, "Content-Type": "application/offset+octet-stream"}
    ask("PATCH", url, data, {**kind, "Upload-Offset": "7"}, 409)
    ask("PATCH", url, data, {**TUS, "Upload-Offset": "0", "Content-Type": "image/png"}, 415)
    ask("PATCH", url, data, kind, 400)
    ask("PATCH", url, data, {"Upload-Offset": "0"}, 412)
    ask("PATCH", url, data[:9], {**kind, "Upload-Offset": "0"}, 204)
    body = json.dumps({"upload": url.rsplit("/", 1)[1], "options": {"method": "bt709", "ranks": 1}}).encode()
    json_kind = {"Content-Type": "application/json"}
    ask("POST", "/api/v1/jobs", body, json_kind, 409)
    ask("PATCH", url, data[9:] + b"more", {**kind, "Upload-Offset": "9"}, 413)
    offset = int(ask("HEAD", url, headers=TUS).headers["upload-offset"])
    if offset < len(data):
        ask("PATCH", url, data[offset:], {**kind, "Upload-Offset": str(offset)}, 204)
    ask("POST", "/api/v1/jobs", body, json_kind, 201)
    ask("POST", "/api/v1/jobs", body, json_kind, 200)
    ask("POST", "/api/v1/jobs", b"{", json_kind, 400)
    ask("POST", "/api/v1/jobs", json.dumps({"upload": "0" * 32}).encode(), json_kind, 404)
    other = ask("POST", "/api/v1/uploads", b"", named, 201).headers["location"]
    ask("DELETE", other, status=412)
    ask("DELETE", other, headers=TUS, status=204)
    ask("DELETE", other, headers=TUS)
    ask("DELETE", "/api/v1/uploads/" + "0" * 32, headers=TUS, status=404)
    ask("PATCH", "/api/v1/uploads/" + "0" * 32, data, {**kind, "Upload-Offset": "0"}, 404)


def rest(ask):
    for path in ("/api/v1/stats.csv", "/api/v1/stats.json", "/api/v1/server", "/api/v1/openapi.json",
                 "/healthz", "/readyz", "/metrics"):
        ask("GET", path, status=200)
        ask("HEAD", path, status=200)
    ask("GET", "/api/v1/stats.csv?limit=x", status=400)
    ask("GET", "/api/v1/stats.json?before=0", status=400)
    ask("GET", "/api/v1/nothing", status=404)
    ask("PUT", "/api/v1/jobs", b"x", status=405)
    ask("GET", "/api/v1/jobs", headers={"Host": "evil.example"}, status=421)
    ask("POST", "/api/v1/jobs", png(), {**PNG, "Origin": "http://evil.example"}, 403)


def server(document, ask):
    """What the server says of itself is what it was told, and what it says can be chosen is taken."""
    told = ask("GET", "/api/v1/server", status=200).json()
    check((told["max_body_nbytes"], told["max_pixels"], told["ranks"], told["max_ranks"], told["expire_seconds"],
           told["launcher"]) == (1 << 20, 0, 2, 3, 7200, "mpirun"), "the server's settings", told)
    options = document["components"]["schemas"]["Options"]["properties"]
    taken = {name: options[name]["anyOf"][0]["enum"] for name in ("method", "format")}
    check([method["name"] for method in told["methods"]] == taken["method"], "its methods", told)
    check(told["formats"] == taken["format"], "its formats", told)
    check("587 G" in told["methods"][0]["formula"], "the formula of the first method", told)


def busy(contract):
    """A queue of one is full; a quota of next to nothing too."""
    with support.Gateway("--queue", "1", "--launcher", "mpirun") as gateway:
        ask = asker(gateway, contract)
        slow = png(1500, 1500)  # of noise: it takes longer to convert than to send
        answers = [ask("POST", "/api/v1/jobs?compare=1&compression=small", slow, PNG) for _ in range(6)]
        check(503 in [answer.status for answer in answers], "a full queue", [answer.status for answer in answers])
    with support.Gateway("--quota", "64KiB") as gateway:
        ask = asker(gateway, contract)
        ask("POST", "/api/v1/jobs", png(400, 400), PNG, 507)
        ask("POST", "/api/v1/uploads", b"", {**TUS, "Upload-Length": "1000000"}, 507)
    with support.Gateway("--max-body", "4KiB", "--max-pixels", "100") as gateway:
        ask = asker(gateway, contract)
        ask("POST", "/api/v1/convert", png(400, 400), PNG, 413)
        ask("POST", "/api/v1/convert", png(20, 20), PNG, 413)


def sessions(contract):
    token, line = support.new_token("clinic")
    with support.Gateway(config=line + "\n") as gateway:
        ask = asker(gateway, contract)
        bearer = {"Authorization": "Bearer " + token}
        for method, path in (("GET", "/api/v1/jobs"), ("POST", "/api/v1/session"), ("GET", "/api/v1/stats.csv"),
                             ("GET", "/api/v1/server"), ("GET", "/metrics"),
                             ("GET", f"/api/v1/jobs/{'0' * 32}/result")):
            ask(method, path, status=401)
        ask("GET", "/api/v1/jobs", headers={"Authorization": "Bearer " + token[:-1] + "x"}, status=401)
        ask("GET", "/healthz", status=200)
        cookie = ask("POST", "/api/v1/session", b"", bearer, 204).headers["set-cookie"].split(";")[0]
        ask("GET", "/api/v1/jobs", headers={"Cookie": cookie}, status=200)
        job = ended_with(ask, ask("POST", "/api/v1/jobs", png(), {**PNG, **bearer}, 201).json(), bearer)
        ask("GET", job["links"]["result"], headers={"Cookie": cookie}, status=200)
        ask("GET", job["links"]["result"], status=401)
        ask("DELETE", "/api/v1/session", headers={"Cookie": cookie}, status=204)
        ask("GET", "/api/v1/jobs", headers={"Cookie": cookie}, status=401)


def types_agree(document, contract):
    with open(os.path.join(os.environ.get("RGB2GRAY_SOURCE", os.path.join(os.path.dirname(__file__), "../..")),
                           "src/gateway/problem.c"), encoding="utf-8") as file:
        table = dict(re.findall(r'\{"([a-z-]+)", (\d+), "', file.read()))
    table.pop("none")
    described = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    check({"urn:rgb2gray:problem:" + name for name in table} == set(described), "the types in the program and described",
          set(described) ^ {"urn:rgb2gray:problem:" + name for name in table})
    for name, status in table.items():
        held = [r for r in document["components"]["responses"].values()
                if "urn:rgb2gray:problem:" + name in json.dumps(r) and f'"const": {status}' in json.dumps(r)]
        check(held, f"an answer of type {name} with status {status} is described")
    check(contract.types <= set(described), "types that were met", contract.types - set(described))


def main():
    with support.Gateway("--launcher", "mpirun") as gateway:
        document = gateway.request("GET", "/api/v1/openapi.json").json()
        check(document["openapi"].startswith("3.1"), "the version", document["openapi"])
        contract = Contract(document)
        ask = asker(gateway, contract)
        jobs(ask)
        uploads(ask)
        rest(ask)
    with support.Gateway("--launcher", "mpirun", "--ranks", "2", "--max-ranks", "3", "--max-body", "1MiB",
                         "--max-pixels", "0", "--expire", "2h") as gateway:
        server(document, asker(gateway, contract))
    busy(contract)
    sessions(contract)
    types_agree(document, contract)
    every = {(path, method, status) for path, item in document["paths"].items() for method in item
             if method in ("get", "post", "put", "patch", "delete", "head", "options")
             for status in item[method]["responses"] if status.startswith("2")}
    # tiles and previews have their own test for parts and for waiting
    elsewhere = {one for one in every if one[2] in ("202", "206") and
                 ("/tiles/" in one[0] or one[0].endswith("/preview"))}
    check(every - elsewhere <= contract.seen, "good answers that were never met",
          sorted(every - elsewhere - contract.seen))
    return support.finish()


sys.exit(main())
