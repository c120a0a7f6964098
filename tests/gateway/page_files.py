#!/usr/bin/env python3
"""The page's files: served with their types and ETags from one folder, and no other path reaches the file system."""
import gzip
import os
import sys
import tempfile

import support
from support import check

FILES = {"index.html": "text/html; charset=utf-8", "app.js": "text/javascript; charset=utf-8",
         "style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml", "sub/part.js":
         "text/javascript; charset=utf-8", "odd.bin": "application/octet-stream"}
LONG = b"// the same again and again\n" * 200
NOT_THERE = (
    "/../secret", "/..%2fsecret", "/%2e%2e/secret", "/sub/../../secret", "/sub/..", "/sub", "/sub/", "//index.html",
    "/index.html/", "/.hidden", "/sub/deep/file.js", "/a b.js", "/index.html%00.js", "/pipe", "/INDEX.HTML",
    "/etc/passwd", "/sub/%2e%2e/%2e%2e/secret", "/\\..\\secret", "/index.html;x", "/./index.html")


def make(folder):
    web = os.path.join(folder, "web")
    os.makedirs(os.path.join(web, "sub", "deep"))
    for name in FILES:
        with open(os.path.join(web, name), "w", encoding="utf-8") as file:
            file.write(f"this is {name}")
    with open(os.path.join(web, "long.js"), "wb") as file:
        file.write(LONG)
    for name in (".hidden", "a b.js", "sub/deep/file.js", "../secret"):
        with open(os.path.join(web, name), "w", encoding="utf-8") as file:
            file.write("secret")
    os.mkfifo(os.path.join(web, "pipe"))
    return web


def packed(gateway):
    """A file that gets shorter by it is sent compressed to who takes that, and to nobody else."""
    plain = gateway.request("GET", "/long.js")
    check("content-encoding" not in plain.headers and plain.body == LONG, "sent as it is", plain)
    for accepted in ("gzip", "gzip, deflate, br", "br, gzip;q=0.5"):
        answer = gateway.request("GET", "/long.js", headers={"Accept-Encoding": accepted})
        check(answer.headers.get("content-encoding") == "gzip" and len(answer.body) < len(LONG) and
              gzip.decompress(answer.body) == LONG, f"compressed for {accepted}", answer)
        tag = answer.headers["etag"]
        check(tag != plain.headers["etag"] and answer.headers.get("vary") == "Accept-Encoding", "a tag of its own", answer)
        again = gateway.request("GET", "/long.js", headers={"Accept-Encoding": accepted, "If-None-Match": tag})
        check(again.status == 304 and again.body == b"", "not sent again", again)
    for accepted in ("", "br", "identity", "gzip;q=0", "gzip; q=0, br"):
        answer = gateway.request("GET", "/long.js", headers={"Accept-Encoding": accepted})
        check(answer.body == LONG, f"not compressed for '{accepted}'", answer)
    short = gateway.request("GET", "/app.js", headers={"Accept-Encoding": "gzip"})
    check("content-encoding" not in short.headers, "what would get longer is sent as it is", short)


def main():
    with tempfile.TemporaryDirectory(prefix="rgb2gray-test-") as folder:
        web = make(folder)
        with support.Gateway("--web", web) as gateway:
            for name, kind in FILES.items():
                answer = gateway.request("GET", "/" + name)
                check(answer.status == 200 and answer.body == f"this is {name}".encode(), name, answer)
                check(answer.headers.get("content-type") == kind, f"the type of {name}", answer)
                check(answer.headers.get("cache-control") == "no-cache", f"the caching of {name}", answer)
                check("script-src 'self'" in answer.headers.get("content-security-policy", ""), "the page's policy",
                      answer)
                check("unsafe" not in answer.headers["content-security-policy"], "nothing inline", answer)
                tag = answer.headers.get("etag", "")
                again = gateway.request("GET", "/" + name, headers={"If-None-Match": tag})
                check(tag and again.status == 304 and again.body == b"", f"{name} is not sent again", again)
                head = gateway.request("HEAD", "/" + name)
                check(head.status == 200 and head.body == b"" and head.headers["content-length"] ==
                      answer.headers["content-length"], f"HEAD {name}", head)
            packed(gateway)
            check(gateway.request("GET", "/").body == b"this is index.html", "/ is index.html")
            check(gateway.request("GET", "/?x=../secret").body == b"this is index.html", "a query does not matter")
            for path in NOT_THERE:
                answer = support.parse(gateway.raw(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n"
                                                   "Connection: close\r\n\r\n".encode()))
                check(answer.status in (400, 404) and b"secret" not in answer.body and answer.problem(), path, answer)
            for method in ("POST", "PUT", "DELETE", "PATCH"):
                answer = gateway.request(method, "/index.html", b"x")
                check(answer.status == 405 and answer.headers.get("allow") == "GET, HEAD", f"{method} a file", answer)
            with open(os.path.join(web, "late.js"), "w", encoding="utf-8") as file:
                file.write("late")
            check(gateway.request("GET", "/late.js").status == 404, "the folder is listed once")
        done = support.run("--port", "0", "--spool", os.path.join(folder, "spool"), "--web", os.path.join(folder, "none"))
        check(done.returncode == 3 and done.stdout == "", "a folder that is not there", done)
    return support.finish()


sys.exit(main())
