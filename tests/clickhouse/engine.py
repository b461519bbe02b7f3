"""A real ClickHouse engine behind a small HTTP server, for tests on machines without a `clickhouse` binary.

The engine is ClickHouse itself, in this process, from the package chdb-core; this file only carries its HTTP
interface as far as the official Rust client speaks it, one query at a time:
- a query as the body or as `?query=`, settings and `param_NAME` as URL parameters or as fields of a form;
- an insert as `?query=INSERT ... FORMAT F` with the rows as the body;
- answers in the format that the query or `default_format` names, with what was read in X-ClickHouse-Summary;
- errors as ClickHouse words them, with their number in X-ClickHouse-Exception-Code.

It also fails when it is told to, which a real server cannot be asked for: POST /engine/fault with
{"call": "insert" | "select" | "any", "after": N, "times": N, "act": "drop_before" | "drop_after" | "delay_ms" | "error", ...}.
`drop_after` runs the query and then closes the connection without an answer.

POST /engine/read answers how many questions were asked so far, and the rows and bytes that were read for them.

What the engine in a process cannot do (Keeper, Distributed over other servers, users and GRANT) it refuses.

    python engine.py DIRECTORY [PORT] [--remove] [--tls FILE] [--password TEXT]

prints "listening PORT" once it serves (port 0 takes a free one) and ends at the end of its input; then the directory
goes where it was told so.
"""

import email
import email.policy
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
import urllib.parse

import chdb

# URL parameters of the HTTP interface that are no settings of a query.
NOT_SETTINGS = {"query", "database", "user", "password", "default_format", "session_id", "session_timeout", "query_id",
                "compress", "decompress", "role", "quota_key", "wait_end_of_query", "http_write_exception_in_output_format"}
INSERT = re.compile(r"^\s*INSERT\s+INTO\s+(?P<into>.+?)\s+FORMAT\s+(?P<format>\w+)\s*$", re.I | re.S)
NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


class Engine:
    """One ClickHouse in this process; it runs one query at a time."""

    def __init__(self, directory):
        self.connection = chdb.connect(directory)
        self.directory = directory
        self.lock = threading.Lock()
        self.faults = []
        self.set = {}
        self.read = [0, 0, 0]
        self.password = None

    def fault(self, sql):
        """The fault that strikes this query, if one does. Called with the lock held."""
        kind = "insert" if re.match(r"\s*INSERT", sql, re.I) else "select" if re.match(r"\s*(SELECT|WITH)", sql, re.I) else "other"
        for fault in self.faults:
            if fault["call"] not in ("any", kind):
                continue
            fault["met"] += 1
            if fault["after"] < fault["met"] <= fault["after"] + fault["times"]:
                return fault
        return None

    def run(self, sql, body, settings, parameters, output):
        """Runs a query or an insert of `body`; returns (bytes, rows read, bytes read)."""
        rows = None
        insert = INSERT.match(sql)
        try:
            if insert and body:
                with tempfile.NamedTemporaryFile(dir=self.directory, prefix="rows-", delete=False) as file:
                    file.write(body)
                    rows = file.name
                clauses = ", ".join(f"{name} = {value}" for name, value in settings.items())
                clauses = f" SETTINGS {clauses}" if clauses else ""
                sql = f"INSERT INTO {insert['into']} FROM INFILE '{rows}'{clauses} FORMAT {insert['format']}"
                settings = {}
            # Settings of a connection stay: what this query has not said goes back to what it was.
            changed = {name: "DEFAULT" for name in self.set if name not in settings}
            changed |= {name: value for name, value in settings.items() if self.set.get(name) != value}
            if changed:
                self.connection.query("SET " + ", ".join(f"{name} = {value}" for name, value in changed.items()))
                self.set = settings
            answer = self.connection.query(sql, output, params=parameters or None)
            return answer.bytes() or b"", answer.storage_rows_read(), answer.storage_bytes_read()
        finally:
            if rows:
                os.unlink(rows)


def quoted(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def blocks(body):
    """The bytes in ClickHouse's compressed blocks: 16 bytes of checksum, the method, both sizes, the data."""
    out = bytearray()
    while body:
        method, size, whole = struct.unpack_from("<BII", body, 16)
        data, body = body[25:16 + size], body[16 + size:]
        out += data if method == 0x02 else lz4(data, whole)
    return bytes(out)


def lz4(data, size):
    """A block of LZ4 (lz4_Block_format.md): literals, then what was there before, again and again."""
    out, at = bytearray(), 0

    def longer(n):
        nonlocal at
        more = 255
        while n >= 15 and more == 255:
            more = data[at]
            n, at = n + more, at + 1
        return n

    while at < len(data):
        token = data[at]
        at += 1
        literals = longer(token >> 4)
        out += data[at:at + literals]
        at += literals
        if at >= len(data):
            break
        back = data[at] | data[at + 1] << 8
        at += 2
        for _ in range(longer(token & 15) + 4):
            out.append(out[-back])
    assert len(out) == size, "a block of another size than it says"
    return bytes(out)


def frame(answer):
    """An LZ4 frame of blocks that are not compressed: enough to show that the client reads frames."""
    parts = [answer[at:at + 65536] for at in range(0, len(answer), 65536)]
    data = b"".join(struct.pack("<I", len(part) | 1 << 31) + part for part in parts)
    return b"\x04\x22\x4d\x18\x60\x40\x82" + data + bytes(4)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer leaves as one, at once.
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    engine = None

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self):
        if self.path in ("/ping", "/"):
            return self.answer(200, b"Ok.\n")
        self.do_POST()

    def do_POST(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.body()
        if url.path == "/engine/fault":
            with self.engine.lock:
                self.engine.faults = [{"after": 0, "times": 1, "met": 0, **fault} for fault in json.loads(body)]
            return self.answer(200, b"")
        if url.path == "/engine/read":
            return self.answer(200, " ".join(map(str, self.engine.read)).encode())
        if self.engine.password not in (None, self.headers.get("X-ClickHouse-Key")):
            return self.refuse("Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)")
        fields = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        if self.headers.get_content_type() == "multipart/form-data":
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            form = email.message_from_bytes(head + body, policy=email.policy.HTTP)
            for part in form.iter_parts():
                fields[part.get_param("name", header="content-disposition")] = part.get_payload(decode=True).decode()
            body = b""
        if fields.get("decompress") == "1":
            body = blocks(body)
        sql = fields.get("query", "")
        if not INSERT.match(sql):
            sql, body = (sql + "\n" + body.decode()).strip(), b""
        self.query(sql, body, fields)

    def query(self, sql, body, fields):
        parameters = {name[6:]: value for name, value in fields.items() if name.startswith("param_")}
        settings = {name: quoted(value) for name, value in fields.items()
                    if name not in NOT_SETTINGS and not name.startswith("param_") and NAME.match(name)}
        with self.engine.lock:
            fault = self.engine.fault(sql)
            act = fault["act"] if fault else None
            if act == "delay_ms":
                time.sleep(fault["ms"] / 1000)
            if act == "drop_before":
                return self.drop()
            try:
                if act == "error":
                    raise RuntimeError(fault["text"])
                if database := fields.get("database"):
                    self.engine.connection.query(f"USE `{database}`")
                answer, rows, read = self.engine.run(sql, body, settings, parameters, fields.get("default_format", "TabSeparated"))
            except Exception as error:  # whatever the engine says is the answer
                return self.refuse(str(error))
            if re.match(r"\s*(SELECT|WITH)", sql, re.I):
                self.engine.read = [n + more for n, more in zip(self.engine.read, [1, rows, read])]
        if act == "drop_after":
            return self.drop()
        summary = json.dumps({"read_rows": str(rows), "read_bytes": str(read)})
        headers = [("X-ClickHouse-Summary", summary)]
        if answer and "lz4" in self.headers.get("Accept-Encoding", ""):
            answer = frame(answer)
            headers.append(("Content-Encoding", "lz4"))
        self.answer(200, answer, headers)

    def refuse(self, text):
        code = re.search(r"Code: (\d+)", text)
        number = code[1] if code else "1002"
        status = {"60": 404, "81": 404, "516": 403, "497": 403}.get(number, 500)
        if not code:
            text = f"Code: {number}. DB::Exception: {text}"
        self.answer(status, text.encode(), [("X-ClickHouse-Exception-Code", number)])

    def drop(self):
        """Closes the connection without an answer."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.connection.close()


def main():
    directory, port = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    Handler.engine = Engine(directory)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if "--password" in sys.argv:
        Handler.engine.password = sys.argv[sys.argv.index("--password") + 1]
    if "--tls" in sys.argv:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[sys.argv.index("--tls") + 1])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening {server.server_address[1]}", flush=True)
    # Whoever started it holds its input, and takes it along when it goes.
    while sys.stdin.buffer.read(1):
        pass
    if "--remove" in sys.argv:
        shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
