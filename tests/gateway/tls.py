#!/usr/bin/env python3
"""--tls-cert: refused with a sentence where civetweb's TLS would crash or is not there, and HTTPS where it works."""
import os
import shutil
import subprocess
import sys
import tempfile

import support
from support import check

SHIM = """#include <openssl/ssl.h>
#undef SSL_get_peer_certificate
X509 *SSL_get_peer_certificate(const SSL *s);
X509 *SSL_get_peer_certificate(const SSL *s) { return SSL_get1_peer_certificate(s); }
"""


def make_certificate(folder):
    both, key, certificate = (os.path.join(folder, name) for name in ("both.pem", "key.pem", "cert.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True,
                   capture_output=True)
    with open(both, "wb") as out:
        for name in (certificate, key):
            with open(name, "rb") as file:
                out.write(file.read())
    return both, key, certificate


def start(folder, certificate, env):
    return support.run("--port", "0", "--spool", os.path.join(folder, "spool"), "--tls-cert", certificate, env=env)


def make_shim(folder):
    """A libssl.so that has the function which civetweb wants, or None where it cannot be made."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    source, shim = os.path.join(folder, "shim.c"), os.path.join(folder, "shim")
    os.mkdir(shim)
    with open(source, "w", encoding="ascii") as file:
        file.write(SHIM)
    done = compiler and subprocess.run([compiler, "-shared", "-fPIC", source, "-o", os.path.join(shim, "libssl.so"),
                                        "-Wl,--no-as-needed", "-lssl"], capture_output=True, check=False)
    return shim if done and done.returncode == 0 else None


def works(certificate, shim, folder):
    env = support.environment(LD_LIBRARY_PATH=shim)
    wrong = os.path.join(folder, "cert.pem")
    done = start(folder, wrong, env)
    check(done.returncode == 3 and "key" in done.stderr and not done.stdout, "a certificate without its key", done)
    done = start(folder, os.path.join(folder, "none.pem"), env)
    check(done.returncode == 3 and "none.pem" in done.stderr, "a certificate that is not there", done)
    picture = os.path.join(folder, "in.png")
    with open(picture, "wb") as file:
        file.write(support.small_png(300, 200))
    with support.Gateway("--tls-cert", certificate, env=env) as gateway:
        check(gateway.scheme == "https", "the address")
        base = f"https://127.0.0.1:{gateway.port}"
        out = os.path.join(folder, "out.png")
        curl = ["curl", "-sS", "--cacert", os.path.join(folder, "cert.pem"), "-m", "60"]
        for _ in range(3):
            done = subprocess.run([*curl, "--data-binary", f"@{picture}", "-o", out, "-w", "%{http_code}",
                                   base + "/api/v1/convert"], capture_output=True, text=True, check=False)
            check(done.stdout == "200", "a conversion over HTTPS", done)
        with open(out, "rb") as result, open(picture, "rb") as source:
            check(result.read() == support.convert(source.read(), "--format", "png"), "its bytes")
        done = subprocess.run([*curl, "-o", out, "-w", "%{http_code}", "-H", "Expect:", "-H", "Content-Length: 99999999999",
                               "--data-binary", f"@{picture}", base + "/api/v1/convert"], capture_output=True, text=True,
                              check=False)
        check(done.stdout == "413", "a refusal over HTTPS", done)
        done = subprocess.run([*curl, "--tls-max", "1.1", base + "/healthz"], capture_output=True, check=False)
        check(done.returncode != 0, "old TLS is not spoken")
        check(gateway.running(), "it lives", gateway.log())


def main():
    if not shutil.which("openssl") or not shutil.which("curl"):
        print("openssl or curl is not installed: skipped")
        return 77
    with tempfile.TemporaryDirectory(prefix="rgb2gray-test-") as folder:
        certificate, _, _ = make_certificate(folder)
        done = start(folder, certificate, None) if not civetweb_fits() else None
        if done:
            check(done.returncode == 2 and "nginx.conf.example" in done.stderr and done.stderr.count("\n") == 1 and
                  not done.stdout, "TLS that would crash is refused", done)
        shim = make_shim(folder)
        if shim:
            works(certificate, shim, folder)
        else:
            print("no libssl-dev or compiler: HTTPS itself was not tried")
    return support.finish()


def civetweb_fits():
    """Whether the installed libssl.so has the name that civetweb calls."""
    code = "import ctypes; ctypes.CDLL('libssl.so').SSL_get_peer_certificate"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


sys.exit(main())
