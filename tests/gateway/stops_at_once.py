"""The gateway ends at once when nothing runs, also with connections that are idle or have sent half a request."""
import sys
import time

import support
from support import check

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"


def main():
    took = []
    for _ in range(3):  # the machine may be busy; without being woken, civetweb's threads look every two seconds
        with support.Gateway("--launcher", "mpirun") as gateway:
            idle = [gateway.connect() for _ in range(3)]
            idle[0].sendall(REQUEST % gateway.port)
            check(idle[0].recv(4096).startswith(b"HTTP/1.1 200 "), "an answer before the connection is idle")
            idle[1].sendall(b"GET /healthz HTTP/1.1\r\n")
            time.sleep(0.2)
            began = time.monotonic()
            status = gateway.stop()
            took.append(time.monotonic() - began)
            check(status == 0, "it ends well", status)
            for sock in idle:
                sock.close()
    check(min(took) < 1, "it ends in less than a second", took)
    return support.finish()


sys.exit(main())
