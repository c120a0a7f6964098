"""Many HTTP clients at once, on asyncio and the standard library: for the tests that put a gateway under load.

Every answer is read as RFC 9112 says (Content-Length, chunked, or until the connection ends) and checked for form; one
that is not well formed raises Malformed. A client gives up after its time limit, which raises TimeoutError.
"""
import asyncio
import base64
import json


class Malformed(Exception):
    pass


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


async def read_head(reader):
    """The status and the headers (names in lower case) of an answer."""
    line = await reader.readline()
    if not line:
        raise ConnectionResetError("closed without an answer")
    parts = line.decode("latin-1").rstrip("\r\n").split(" ", 2)
    if len(parts) < 2 or parts[0] not in ("HTTP/1.1", "HTTP/1.0") or not parts[1].isdigit() or len(parts[1]) != 3:
        raise Malformed(f"status line {line!r}")
    headers = {}
    while True:
        line = await reader.readline()
        if line in (b"\r\n", b"\n"):
            return int(parts[1]), headers
        if not line or b":" not in line:
            raise Malformed(f"header {line!r}")
        name, value = line.decode("latin-1").split(":", 1)
        headers[name.lower()] = value.strip()


async def read_chunk(reader):
    """The next piece of a chunked body, b"" at its end."""
    line = await reader.readline()
    try:
        nbytes = int(line.split(b";")[0], 16)
    except ValueError:
        raise Malformed(f"chunk size {line!r}") from None
    piece = await reader.readexactly(nbytes)
    if await reader.readexactly(2) != b"\r\n":
        raise Malformed("a chunk without its end")
    return piece


async def read_answer(reader, method="GET"):
    status, headers = await read_head(reader)
    while status in (100, 102, 103):
        status, headers = await read_head(reader)
    body = b""
    if method == "HEAD" or status in (204, 304):
        pass
    elif headers.get("transfer-encoding", "").lower() == "chunked":
        while piece := await read_chunk(reader):
            body += piece
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await reader.read()
    return Answer(status, headers, body)


def head_of(method, path, port, headers, nbytes):
    fields = {"Host": f"127.0.0.1:{port}", **(headers or {})}
    if nbytes is not None:
        fields.setdefault("Content-Length", str(nbytes))
    lines = [f"{method} {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def connect(port, source="127.0.0.1"):
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0), limit=1 << 20)


async def request(port, method, path, body=None, headers=None, timeout=120, source="127.0.0.1"):
    """One request on a connection of its own."""
    async def whole():
        reader, writer = await connect(port, source)
        try:
            nbytes = len(body) if body is not None else (0 if method in ("POST", "PUT", "PATCH") else None)
            writer.write(head_of(method, path, port, {"Connection": "close", **(headers or {})}, nbytes))
            if body:
                writer.write(body)
            await writer.drain()
            return await read_answer(reader, method)
        finally:
            writer.close()
    return await asyncio.wait_for(whole(), timeout)


async def events(port, path, headers=None, timeout=120, most=None, source="127.0.0.1"):
    """The events of a stream until it ends, or `most` of them: (id or None, kind, data) each. [] for a 204."""
    async def whole():
        reader, writer = await connect(port, source)
        got = []
        try:
            writer.write(head_of("GET", path, port, {"Accept": "text/event-stream", **(headers or {})}, None))
            status, fields = await read_head(reader)
            if status != 200:
                return status, got
            if fields.get("transfer-encoding", "").lower() != "chunked":
                raise Malformed("an event stream that is not chunked")
            text = b""
            while piece := await read_chunk(reader):
                text += piece
                while b"\n\n" in text:
                    block, text = text.split(b"\n\n", 1)
                    event = dict(line.split(": ", 1) for line in block.decode().split("\n")
                                 if ": " in line and not line.startswith(":"))
                    if "data" in event:
                        got.append((event.get("id"), event.get("event"), json.loads(event["data"])))
                    if most and len(got) >= most:
                        return status, got
            return status, got
        finally:
            writer.close()
    return await asyncio.wait_for(whole(), timeout)


def form(fields, name, data, kind="application/octet-stream", boundary="----r2gBoundary7d1"):
    """A multipart/form-data body and its Content-Type."""
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
             for key, value in fields.items()]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                 f"Content-Type: {kind}\r\n\r\n".encode() + data + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


TUS = {"Tus-Resumable": "1.0.0"}


async def tus_create(port, nbytes, name="a.png", source="127.0.0.1", timeout=60):
    metadata = "filename " + base64.b64encode(name.encode()).decode()
    return await request(port, "POST", "/api/v1/uploads", b"",
                         {**TUS, "Upload-Length": str(nbytes), "Upload-Metadata": metadata}, timeout, source)


async def tus_send(port, path, offset, pieces, nbytes, cut_after=None, source="127.0.0.1", timeout=600):
    """PATCHes `pieces` (nbytes in all); with `cut_after` the connection is dropped after so many of them: None. Where the
    server closes it first and its answer is lost in that, the status is 0."""
    async def whole():
        reader, writer = await connect(port, source)
        try:
            writer.write(head_of("PATCH", path, port, {**TUS, "Content-Type": "application/offset+octet-stream",
                                                       "Upload-Offset": str(offset), "Connection": "close"}, nbytes))
            try:
                for number, piece in enumerate(pieces):
                    if cut_after is not None and number >= cut_after:
                        writer.transport.abort()
                        return None
                    writer.write(piece)
                    await writer.drain()
                return await read_answer(reader, "PATCH")
            except (ConnectionError, asyncio.IncompleteReadError):
                return Answer(0, {}, b"")
        finally:
            writer.close()
    return await asyncio.wait_for(whole(), timeout)
