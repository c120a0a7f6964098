#!/usr/bin/env python3
"""TLS by a proxy in front: the real nginx with scripts/nginx.conf.example; uploads, events, results and ranges pass."""
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import support
from support import check

NAME = "gray.example.org"


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def make_certificate(folder):
    key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
                    "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", key, "-out", certificate], check=True,
                   capture_output=True)
    return key, certificate


def configure(folder, port, backend):
    """The example, with this test's port and files in place of its own."""
    key, certificate = make_certificate(folder)
    with open(os.path.join(support.SOURCE, "scripts", "nginx.conf.example"), encoding="utf-8") as file:
        example = file.read()
    for old, new in ((r"server 127\.0\.0\.1:8080;", f"server 127.0.0.1:{backend};"),
                     (r"listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
                     (r"ssl_certificate +/\S+;", f"ssl_certificate {certificate};"),
                     (r"ssl_certificate_key +/\S+;", f"ssl_certificate_key {key};")):
        example, count = re.subn(old, new, example)
        check(count == 1, f"the example has {old}")
    path = os.path.join(folder, "nginx.conf")
    temporary = "".join(f"    {kind}_temp_path {folder}/{kind};\n"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"daemon off;\nuser root;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
                   f"events {{}}\nhttp {{\n    access_log off;\n{temporary}\n{example}\n}}\n")
    return path, certificate


class Client:
    def __init__(self, port, certificate):
        self.port, self.context = port, ssl.create_default_context(cafile=certificate)

    def socket(self):
        return self.context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 60), server_hostname=NAME)

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60)
        connection.sock = self.socket()
        connection.request(method, path, body, {"Host": NAME, **(headers or {})})
        answer = connection.getresponse()
        result = support.Answer(answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read())
        connection.close()
        return result


def events_pass(client, url, token):
    with client.socket() as sock:
        sock.sendall(f"GET {url}/events HTTP/1.1\r\nHost: {NAME}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        text = b""
        until = time.monotonic() + 30
        while b"event: done" not in text and time.monotonic() < until:
            piece = sock.recv(4096)
            if not piece:
                break
            text += piece
    check(b"text/event-stream" in text and b"event: done" in text, "events pass through", text[-600:])


def talk(client, gateway, token):
    auth = {"Authorization": f"Bearer {token}"}
    check(client.request("GET", "/healthz").status == 200, "it is well")
    check(client.request("GET", "/api/v1/jobs").status == 401, "the token is needed behind the proxy, too")
    picture = support.small_png(500, 400)
    made = client.request("POST", "/api/v1/jobs?name=a.png", picture, {**auth, "Content-Type": "image/png"})
    if not check(made.status == 201, "an upload", made):
        return
    url = made.json()["links"]["self"]
    events_pass(client, url, token)
    result = client.request("GET", url + "/result", headers=auth)
    check(result.status == 200 and result.body == support.convert(picture, "--format", "png"), "the result", result)
    part = client.request("GET", url + "/result", headers={**auth, "Range": "bytes=10-19"})
    check(part.status == 206 and part.body == result.body[10:20], "a range", part)
    same = client.request("GET", url + "/result", headers={**auth, "If-None-Match": result.headers.get("etag", "x")})
    check(same.status == 304, "an ETag", same)
    session = client.request("POST", "/api/v1/session", b"", {**auth, "Origin": f"https://{NAME}"})
    check(session.status == 204 and session.headers.get("set-cookie", "").endswith("; Secure"), "a session of HTTPS",
          session)
    check(client.request("POST", "/api/v1/session", b"", {**auth, "Origin": f"http://{NAME}.evil"}).status == 403,
          "another site")
    large = os.urandom(8 << 20)
    answer = client.request("POST", "/api/v1/convert", large, auth)
    check(answer.status == 415 and answer.problem() == "unsupported-image", "a large body passes", answer)


def main():
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
    if not nginx or not shutil.which("openssl"):
        print("nginx or openssl is not installed: skipped")
        return 77
    token, line = support.new_token("radiology")
    config = f"{line}\nhost = {NAME}\ntrusted-proxy = 127.0.0.1\n"
    with tempfile.TemporaryDirectory(prefix="rgb2gray-test-") as folder, support.Gateway(config=config) as gateway:
        port = free_port()
        path, certificate = configure(folder, port, gateway.port)
        with open(os.path.join(folder, "out"), "wb") as out:
            proxy = subprocess.Popen([nginx, "-p", folder, "-c", path], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            def up():
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    return True
                except OSError:
                    return proxy.poll() is not None
            support.wait_for(up, "nginx listens")
            if not check(proxy.poll() is None, "nginx runs", open(os.path.join(folder, "error.log"), errors="replace").read()
                         + open(os.path.join(folder, "out"), errors="replace").read()):
                return support.finish()
            talk(Client(port, certificate), gateway, token)
        finally:
            proxy.terminate()
            proxy.wait(30)
    return support.finish()


sys.exit(main())
