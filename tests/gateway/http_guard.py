#!/usr/bin/env python3
"""Who is let in: hosts, origins, tokens, sessions, and how often one may ask."""
import re
import sys
import time

import support
from support import check, new_token

JSON = {"Content-Type": "application/json"}


def ask(gateway, path="/api/v1/jobs", method="GET", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    return gateway.request(method, path, b"" if method == "POST" else None, names)


def hosts(gateway):
    port = gateway.port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}", "gray.example.org",
                 "gray.example.org:443", "Gray.Example.Org"):
        check(ask(gateway, Host=host).status == 200, f"Host {host} is ours", ask(gateway, Host=host))
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", "localhost", f"127.0.0.1:{port + 1}",
                 f"127.0.0.1.evil.example:{port}", "", f"127.0.0.1:{port}:1", f"[::1:{port}", f"10.0.0.1:{port}",
                 f"evil@127.0.0.1:{port}", f"127.0.0.1:{port}x", "x" * 300):
        for path in ("/api/v1/jobs", "/", "/healthz"):
            answer = ask(gateway, path, Host=host)
            check(answer.status == 421 and answer.problem() == "wrong-host", f"Host {host[:40]} is not ours", answer)


def origins(gateway):
    port = gateway.port
    ours = (None, f"http://127.0.0.1:{port}", "https://gray.example.org", "http://gray.example.org")
    others = ("null", "http://evil.example", f"http://127.0.0.1:{port + 1}", f"http://localhost:{port}", "evil",
              f"http://127.0.0.1:{port}.evil.example", f"ftp://127.0.0.1:{port}", "http://127.0.0.1")
    for origin in ours:
        answer = ask(gateway, method="DELETE", path="/api/v1/jobs/" + "0" * 32, Origin=origin)
        check(answer.status == 404, f"Origin {origin} is ours", answer)
    for origin in others:
        for method in ("POST", "DELETE", "PUT", "PATCH", "OPTIONS"):
            answer = ask(gateway, method=method, Origin=origin)
            check(answer.status == 403 and answer.problem() == "wrong-origin", f"{method} from {origin}", answer)
    for path, method, status in (("/api/v1/jobs", "GET", 403), ("/api/v1/convert", "POST", 403), ("/metrics", "GET", 403),
                                 ("/", "GET", 200), ("/healthz", "GET", 200)):
        answer = ask(gateway, path, method, Sec_Fetch_Site="cross-site")
        check(answer.status == status, f"{method} {path} by another site's page", answer)
    for site in ("same-origin", "none", "same-site"):
        check(ask(gateway, Sec_Fetch_Site=site).status == 200, f"Sec-Fetch-Site: {site}")
    answer = ask(gateway, Origin="http://evil.example")
    check(not [name for name in answer.headers if name.startswith("access-control-")], "nothing is shared", answer)


def tokens():
    token, line = new_token("radiology")
    other, other_line = new_token("archive")
    check(re.fullmatch("[0-9a-f]{64}", token) and token != other and token not in line, "a new token", (token, line))
    config = f"# two clients\n{line}\n{other_line}\n\nhost = gray.example.org\n"
    with support.Gateway(config=config) as gateway:
        wrong = ("", "Bearer", "Bearer ", "Bearer x", f"Bearer {token}x", f"Bearer {token[:-1]}", f"Basic {token}", token,
                 f"Bearer {line.split(':')[1]}")
        for authorization in (None, *wrong):
            answer = ask(gateway, Authorization=authorization)
            check(answer.status == 401 and answer.headers.get("www-authenticate", "").startswith("Bearer"),
                  f"Authorization: {authorization}", answer)
        check(any(ask(gateway, Authorization="Bearer x").status == 429 for _ in range(30)), "wrong tokens are slowed down")
        blocked = ask(gateway, Authorization="Bearer x")
        check(int(blocked.headers.get("retry-after", "0")) > 0, "and told when to come again", blocked)
        for word in ("Bearer", "bearer"):
            check(ask(gateway, Authorization=f"{word} {token}").status == 200, "the right token is let in all the same")
        for path, status in (("/healthz", 200), ("/readyz", (200, 503)), ("/", 200), ("/metrics", 401),
                             ("/api/v1/stats.json", 401), ("/api/v1/nothing", 401), ("/nothing", 404)):
            answer = ask(gateway, path)
            check(answer.status in (status if isinstance(status, tuple) else (status,)), f"{path} without a token", answer)
        own_jobs(gateway, token, other)
        sessions(gateway, token, other)
        log = gateway.log()
        check(token not in log and "radiology GET /api/v1/jobs 200" in log, "the log names the client only", log[-2000:])


def own_jobs(gateway, token, other):
    mine, theirs = {"Authorization": f"Bearer {token}"}, {"Authorization": f"Bearer {other}"}
    made = gateway.request("POST", "/api/v1/jobs", support.small_png(), {**mine, "Content-Type": "image/png"})
    check(made.status == 201, "a job", made)
    url = made.json()["links"]["self"]
    check(gateway.request("GET", url, headers=mine).status == 200, "its own job is seen")
    for path in (url, url + "/original", url + "/events"):
        check(gateway.request("GET", path, headers=theirs).status == 404, f"{path} of another client is not there")
    check(gateway.request("DELETE", url, headers=theirs).status == 404, "another's job cannot be removed")
    check(not gateway.request("GET", "/api/v1/jobs", headers=theirs).json()["jobs"], "nor is it listed")


def sessions(gateway, token, other):
    check(ask(gateway, "/api/v1/session", "POST").status == 401, "a session needs a token")
    answer = ask(gateway, "/api/v1/session", "POST", Authorization=f"Bearer {token}")
    cookie = answer.headers.get("set-cookie", "")
    check(answer.status == 204 and re.fullmatch(r"r2g_session=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=/; "
                                                r"Max-Age=43200", cookie), "a session", answer)
    session = cookie.split(";")[0]
    check(ask(gateway, Cookie=session).status == 200, "the session is let in")
    check(ask(gateway, Cookie=f"a=b; {session}; c=d").status == 200, "among other cookies")
    for wrong in ("r2g_session=", "r2g_session=" + "0" * 64, session[:-1], session + "0", session.upper()):
        check(ask(gateway, Cookie=wrong).status in (401, 429), f"{wrong[:30]} is no session")
    answer = ask(gateway, method="POST", Cookie=session, Origin="http://evil.example")
    check(answer.status == 403, "another site cannot use it", answer)
    others = [ask(gateway, "/api/v1/session", "POST", Authorization=f"Bearer {other}").headers["set-cookie"].split(";")[0]
              for _ in range(3)]
    check(ask(gateway, "/api/v1/session", "DELETE", Cookie=session).status == 204, "the session is ended")
    check(ask(gateway, Cookie=session).status in (401, 429), "and lets nobody in")
    check(ask(gateway, Cookie=others[0]).status == 200, "others go on")
    session = ask(gateway, "/api/v1/session", "POST", Authorization=f"Bearer {token}").headers["set-cookie"].split(";")[0]
    for _ in range(256):
        ask(gateway, "/api/v1/session", "POST", Authorization=f"Bearer {other}")
    check(ask(gateway, Cookie=others[0]).status in (401, 429), "a client's oldest session makes room for its own")
    check(ask(gateway, Cookie=session).status == 200, "but not another's")


def starts():
    for bind in ("0.0.0.0", "10.0.0.1"):
        done = support.run("--port", "0", "--spool", "/tmp/rgb2gray-no-such-spool", "--bind", bind)
        check(done.returncode == 2 and "--new-token" in done.stderr and "--insecure" in done.stderr and not done.stdout,
              f"--bind {bind} without a token", done)
    with support.Gateway("--bind", "0.0.0.0", "--insecure") as gateway:
        check(ask(gateway).status == 200, "--insecure")
        check(ask(gateway, Host=f"evil.example:{gateway.port}").status == 421, "names are looked at all the same")
        check(ask(gateway, Host=f"192.0.2.1:{gateway.port}").status == 200, "an address cannot be made to point here")
        check(ask(gateway, "/api/v1/session", "POST").status == 404, "there are no sessions without tokens")


def rates():
    with support.Gateway("--requests-a-minute", "30") as gateway:
        answers = [ask(gateway, "/healthz") for _ in range(14)]
        count = [answer.status for answer in answers].count(200)
        check(10 <= count <= 12 and answers[-1].status == 429, "ten at once, then one every two seconds",
              [answer.status for answer in answers])
        check(answers[-1].problem() == "too-many-requests" and 1 <= int(answers[-1].headers["retry-after"]) <= 2,
              "when to come again", answers[-1])
        check(gateway.request("GET", "/healthz", source="127.0.0.2").status == 200, "another client is not held up")
    with support.Gateway("--requests-a-minute", "30", "--trusted-proxy", "127.0.0.1") as gateway:
        for number in range(14):
            answer = ask(gateway, "/healthz", X_Forwarded_For=f"192.0.2.99, 192.0.2.{number}")
            check(answer.status == 200, "the last address that the proxy adds is the client's", answer)
        statuses = [ask(gateway, "/healthz", X_Forwarded_For=f"192.0.2.{number}, 198.51.100.1").status
                    for number in range(14)]
        check(429 in statuses, "what a client writes itself is not", statuses)
        lines = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nConnection: close\r\n"
        statuses = [support.parse(gateway.raw(f"{lines}X-Forwarded-For: 192.0.2.{number}\r\n"
                                              "X-Forwarded-For: 198.51.100.2\r\n\r\n".encode())).status
                    for number in range(14)]
        check(429 in statuses, "nor is it where the proxy adds a line of its own", statuses)
    with support.Gateway("--requests-a-minute", "30") as gateway:
        statuses = [ask(gateway, "/healthz", X_Forwarded_For=f"192.0.2.{number}").status for number in range(14)]
        check(429 in statuses, "without a proxy the header is not believed", statuses)


def connections():
    with support.Gateway("--connections", "12", "--client-connections", "4") as gateway:
        request = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n\r\n".encode()
        socks = [gateway.connect() for _ in range(4)]
        for sock in socks:
            sock.sendall(request)
            check(sock.recv(4096).startswith(b"HTTP/1.1 200"), "four connections")
        answer = support.parse(gateway.raw(request))
        check(answer.status == 503 and answer.problem() == "too-many-connections" and "retry-after" in answer.headers,
              "a fifth", answer)
        other = gateway.connect("127.0.0.3")
        other.sendall(request)
        check(other.recv(4096).startswith(b"HTTP/1.1 200"), "another client is not held up")
        for sock in (*socks, other):
            sock.close()
        support.wait_for(lambda: ask(gateway, "/healthz").status == 200, "room again")
        for what, first in (("say nothing", b""), ("begin a header", b"GET / HTTP/1.1\r\nHost: ")):
            # more than there are threads
            socks = [gateway.connect("127.0.0.4") for _ in range(16)]
            for sock in socks:
                sock.sendall(first)
            time.sleep(1)
            began = time.monotonic()
            check(gateway.request("GET", "/healthz", source="127.0.0.3").status == 200 and time.monotonic() - began < 5,
                  f"connections that {what} hold up their own address only", time.monotonic() - began)
            for sock in socks:
                sock.close()


def main():
    with support.Gateway("--host", "gray.example.org") as gateway:
        hosts(gateway)
        origins(gateway)
        log = gateway.log()
        check("evil" not in log, "what a client writes is not in the log", log[-1000:])
    tokens()
    starts()
    rates()
    connections()
    return support.finish()


sys.exit(main())
