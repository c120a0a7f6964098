#!/usr/bin/env python3
"""Limits of HTTP itself: headers, framing, bodies that are too large, too slow or never read, and forms."""
import os
import sys
import threading
import time

import support
from support import check, parse

CONVERT = "/api/v1/convert"


def head(gateway, lines, method="POST", path=CONVERT, version="1.1"):
    return (f"{method} {path} HTTP/{version}\r\nHost: 127.0.0.1:{gateway.port}\r\n" +
            "".join(line + "\r\n" for line in lines) + "\r\n").encode("latin-1")


def one_answer(gateway, name, request, *statuses, closes=True):
    """The request gets exactly one answer, a problem, and then the connection ends."""
    began = time.monotonic()
    raw = gateway.raw(request, half_close=True)
    answer = parse(raw)
    check(answer.status in statuses and answer.problem() and raw.count(b"HTTP/1.1 ") == 1, name, raw[:600])
    check(not closes or answer.headers.get("connection") == "close", f"{name}: the connection is closed", answer)
    check(time.monotonic() - began < 9, f"{name}: at once")


def framing(gateway):
    follow = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n\r\n".encode()
    for name, lines, body in (
            ("both lengths", ["Content-Length: 4", "Transfer-Encoding: chunked"], b"0\r\n\r\n" + follow),
            ("two lengths", ["Content-Length: 4", "Content-Length: 5"], b"abcde" + follow),
            ("the same length twice", ["Content-Length: 4", "Content-Length: 4"], b"abcd" + follow),
            ("a list of lengths", ["Content-Length: 4, 4"], b"abcd" + follow),
            ("a length with a sign", ["Content-Length: +4"], b"abcd" + follow),
            ("a length below 0", ["Content-Length: -4"], b"abcd" + follow),
            ("a length and more", ["Content-Length: 4x"], b"abcd" + follow),
            ("an endless length", ["Content-Length: 99999999999999999999"], b"abcd"),
            ("a folded line", ["X: a", " Y: b", "Content-Length: 4"], b"abcd" + follow),
            ("a blank before the colon", ["Content-Length : 4"], b"abcd" + follow),
            ("chunked twice", ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], b"0\r\n\r\n" + follow),
            ("chunked and more", ["Transfer-Encoding: gzip, chunked"], b"0\r\n\r\n" + follow),
            ("an unknown expectation", ["Expect: tea", "Content-Length: 4"], b"abcd"),
            ("a chunk without a size", ["Transfer-Encoding: chunked"], b"zz\r\nabc\r\n0\r\n\r\n" + follow),
            ("an endless chunk", ["Transfer-Encoding: chunked"], b"7fffffffffffffff\r\nabc\r\n0\r\n\r\n"),
            ("a chunk without an end", ["Transfer-Encoding: chunked"], b"3\r\nabcdef\r\n0\r\n\r\n"),
            ("a body cut short", ["Content-Length: 4000"], b"abcd")):
        one_answer(gateway, name, head(gateway, lines) + body, 400)
    one_answer(gateway, "an encoding that is none", head(gateway, ["Transfer-Encoding: identity"]), 501)
    one_answer(gateway, "chunks in HTTP/1.0", head(gateway, ["Transfer-Encoding: chunked"], version="1.0") + b"0\r\n\r\n",
               400)
    raw = gateway.raw(head(gateway, ["Content-Length: 5"], "POST", "/nothing") + b"abcde" +
                      head(gateway, ["Connection: close"], "GET", "/healthz"))
    check(raw.startswith(b"HTTP/1.1 404") and raw.count(b"HTTP/1.1 200 OK") == 1, "a small body that nobody wants", raw)


def headers(gateway):
    one_answer(gateway, "a header that is too large", head(gateway, ["X: " + "a" * 40000], "GET", "/healthz"), 431)
    one_answer(gateway, "many headers", head(gateway, [f"X{i}: 1" for i in range(80)], "GET", "/healthz"), 431)
    one_answer(gateway, "a long path", head(gateway, [], "GET", "/" + "a" * 40000), 431, 414)
    one_answer(gateway, "an unknown method", head(gateway, [], "BREW", "/healthz"), 501)
    one_answer(gateway, "a method of another protocol", head(gateway, [], "PROPFIND", "/healthz"), 501, closes=False)
    one_answer(gateway, "no Host", b"GET /healthz HTTP/1.1\r\n\r\n", 400, closes=False)
    one_answer(gateway, "two Hosts", head(gateway, ["Host: evil.example"], "GET", "/healthz"), 400, closes=False)
    one_answer(gateway, "HTTP/2", head(gateway, [], "GET", "/healthz", "2.0"), 400)
    one_answer(gateway, "HTTP/0.9", b"GET /\r\n\r\n", 400)
    one_answer(gateway, "a NUL", head(gateway, ["X: \0"], "GET", "/healthz"), 400)
    one_answer(gateway, "an asterisk", head(gateway, [], "OPTIONS", "*"), 400)
    one_answer(gateway, "another server", head(gateway, [], "GET", "http://evil.example/"), 400)
    check(gateway.raw(b"\x16\x03\x01\x02\x00\x01\x00" + os.urandom(300), half_close=True)[:12] in
          (b"", b"HTTP/1.1 400", b"<reset>"), "TLS on a plain port")


def unread(gateway):
    """A client that sends a large body reads its refusal, whether it waits for leave to send it or not."""
    nbytes = 1 << 30
    for name, lines in (("without waiting", []), ("with Expect", ["Expect: 100-continue"])):
        sock = gateway.connect()
        sock.sendall(head(gateway, [f"Content-Length: {nbytes}", *lines]))
        sent, raw = 0, b""
        sock.setblocking(False)
        piece, until = bytes(65536), time.monotonic() + 30
        while time.monotonic() < until and b"\r\n\r\n" not in raw:
            try:
                raw += sock.recv(65536)
            except BlockingIOError:
                pass
            if not lines:
                try:
                    sent += sock.send(piece)
                except BlockingIOError:
                    pass
                except (BrokenPipeError, ConnectionResetError):
                    break
            time.sleep(0)
        check(raw.startswith(b"HTTP/1.1 413") and sent < nbytes // 2, f"a gigabyte {name} is refused", (raw[:300], sent))
        check(b"100 Continue" not in raw, f"no leave was given {name}", raw[:200])
        sock.close()
    for chunked in (False, True):
        sock = gateway.connect()
        sock.settimeout(30)
        framing_line = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {32 << 20}"
        sock.sendall(head(gateway, [framing_line]))
        data = b"10000\r\n" + bytes(65536) + b"\r\n" if chunked else bytes(65536)
        for _ in range(512):  # all of it before the answer is looked at, as a simple client does
            sock.sendall(data)
        check(sock.recv(12) == b"HTTP/1.1 413", "a client that sends all first reads its refusal")
        sock.close()
    picture = support.small_png()
    sock = gateway.connect()
    sock.sendall(head(gateway, [f"Content-Length: {len(picture)}", "Expect: 100-continue", "Connection: close"]))
    check(sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n", "leave is given to a body that is wanted")
    sock.sendall(picture)
    check(sock.recv(12) == b"HTTP/1.1 200", "and it is converted")
    sock.close()


def drip(gateway, results, name, first, piece):
    """Sends `first`, then `piece` twice a second, until an answer comes; notes it and how long it took."""
    sock = gateway.connect()
    sock.settimeout(0.5)
    began, raw = time.monotonic(), b""
    try:
        sock.sendall(first)
        while time.monotonic() - began < 60:
            try:
                got = sock.recv(4096)
                raw += got
                if not got or b"\r\n\r\n" in raw:
                    break
            except TimeoutError:
                sock.sendall(piece)
    except OSError as error:
        raw += str(error).encode()
    sock.close()
    results[name] = (raw, time.monotonic() - began)


def slow(gateway):
    results = {}
    cases = {"a header": (b"GET / HTTP/1.1\r\n", b"X", b"408"), "nothing at all": (b"", b"", b""),
             "a body": (head(gateway, ["Content-Length: 60000"]), b"x", b"408"),
             "chunks": (head(gateway, ["Transfer-Encoding: chunked"]), b"1\r\nx\r\n", b"408"),
             "a silent body": (head(gateway, ["Content-Length: 60000"]), b"", b"408"),
             "a refused body": (head(gateway, ["Content-Length: 60000000000"]), b"x", b"413")}
    threads = [threading.Thread(target=drip, args=(gateway, results, name, first, piece))
               for name, (first, piece, _) in cases.items()]
    for thread in threads:
        thread.start()
    check(gateway.request("GET", "/healthz").status == 200, "others are served meanwhile")
    for thread in threads:
        thread.join()
    for name, (_, _, status) in cases.items():
        raw, took = results[name]
        check(raw[9:12] == status and took < 40, f"{name}, slowly: {took:.1f} s", raw[:300])


def too_slow_in_all():
    """Each piece comes in time, but all of them do not."""
    with support.Gateway("--body-rate", "20000", "--requests-a-minute", "0") as gateway:
        results = {}
        drip(gateway, results, "pieces", head(gateway, ["Content-Length: 1000000"]), bytes(1024))
        raw, took = results["pieces"]
        check(raw[9:12] == b"408" and took < 40, f"a body at a tenth of the least rate: {took:.1f} s", raw[:300])


def part(disposition, content, *lines):
    return ("\r\n".join((f"Content-Disposition: form-data; {disposition}", *lines)) + "\r\n\r\n").encode() + content


def forms(gateway):
    picture = support.small_png()
    good = part('name="image"; filename="a.png"', picture, "Content-Type: image/png")
    field = part('name="method"', b"green")

    def post(*parts, end=b"--b--\r\n", kind="multipart/form-data; boundary=b", front=b""):
        body = front + b"".join(b"--b\r\n" + one + b"\r\n" for one in parts) + end
        return gateway.request("POST", CONVERT, body, {"Content-Type": kind})

    for name, answer in (("a file", post(good)), ("a field before it", post(field, good)),
                         ("a preamble", post(good, front=b"hello\r\n")), ("an epilogue", post(good, end=b"--b--\r\nbye")),
                         ("a quoted boundary", post(good, kind='multipart/form-data; boundary="b"'))):
        check(answer.status == 200 and answer.body.startswith(b"\x89PNG"), f"a form with {name}", answer)
    for name, answer, status in (
            ("no file", post(field), 400), ("no parts", post(), 400), ("two files", post(good, good), 400),
            ("no end", post(good, end=b""), 400), ("half an end", post(good, end=b"--b"), 400),
            ("no boundary", post(good, kind="multipart/form-data"), 415),
            ("an empty boundary", post(good, kind="multipart/form-data; boundary="), 415),
            ("a long boundary", post(good, kind="multipart/form-data; boundary=" + "b" * 71), 415),
            ("another boundary", post(good, kind="multipart/form-data; boundary=c"), 400),
            ("a part in parts", post(part('name="x"; filename="y"', b"", "Content-Type: multipart/mixed; boundary=c")), 400),
            ("a part without a name", post(part('filename="a.png"', picture)), 400),
            ("a part without a header", post(b"\r\n" + picture), 400),
            ("an encoded part", post(part('name="a"; filename="b"', b"", "Content-Transfer-Encoding: base64")), 400),
            ("a field that is too long", post(part('name="method"', b"x" * 2000), good), 413),
            ("a name that is too long", post(part(f'name="{"x" * 3000}"', b"x"), good), 400),
            ("a header that is too long", post(part('name="x"', b"x", "X: " + "y" * 9000), good), 400),
            ("a NUL", post(part('name="method"', b"gr\0een"), good), 400),
            ("a field that is no UTF-8", post(part('name="method"', b"\xff"), good), 400),
            ("too many fields", post(*[field] * 40, good), 400), ("10,000 fields", post(*[field] * 10000), 400),
            ("an unknown field", post(part('name="colour"', b"x"), good), 422),
            ("an empty file", post(part('name="image"; filename=""', b"")), 422),
            ("a long preamble", post(good, front=b"x" * 5000 + b"\r\n"), 400),
            ("a long epilogue", post(good, end=b"--b--\r\n" + b"x" * 5000), 400)):
        check(answer.status == status and answer.problem(), f"a form with {name}", answer)


def main():
    with support.Gateway("--max-body", "1MiB", "--requests-a-minute", "0") as gateway:
        framing(gateway)
        headers(gateway)
        unread(gateway)
        forms(gateway)
        slow(gateway)
        check(gateway.request("POST", CONVERT, support.small_png()).status == 200, "all is well afterwards")
    too_slow_in_all()
    return support.finish()


sys.exit(main())
