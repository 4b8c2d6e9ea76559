# SPDX-License-Identifier: Apache-2.0
"""A scripted HTTP(S) server for case files: one behaviour at a time.

It works on sockets and not on http.server, because most of what it does is
what a library would not let it do. Loopback only.
"""

import base64
import hashlib
import re
import socket
import ssl
import subprocess
import threading

# What the server may be told to do; each takes (connection, request head).
BEHAVIOURS = {}


def behaviour(function):
    BEHAVIOURS[function.__name__.replace("_", "-")] = function
    return function


class Request:
    def __init__(self, text):
        lines = text.split("\r\n")
        self.path = lines[0].split(" ")[1] if " " in lines[0] else "/"
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()


class Server:
    def __init__(self, folder, files):
        self.folder = folder
        self.files = files  # path -> bytes
        self.plan = ("ok", [])
        self.times = None
        self.requests = 0
        self.ranges, self.if_ranges = [], []
        self.stopping = threading.Event()
        self.ports = {}
        self.listeners = []
        self._listen("http", None)

    def start_tls(self):
        """https: with a good name, with one that nothing vouches for, and
        one (mhttps) that wants a client's certificate, "other"."""
        if "https" in self.ports:
            return
        for name, subject in (("server", "localhost"), ("other", "elsewhere")):
            make_certificate(self.folder, name, subject)
        for scheme, name in (("https", "server"), ("badhttps", "other")):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.folder / f"{name}.pem",
                                    self.folder / f"{name}.key")
            self._listen(scheme, context)
            if scheme == "https":
                self._listen("mhttps", self.mutual())

    def mutual(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem",
                                self.folder / "server.key")
        context.load_verify_locations(self.folder / "other.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def set(self, words):
        """BEHAVIOUR [ARGUMENT].. [xN]: for the next N requests, then ok."""
        self.times = None
        if words and re.fullmatch(r"x\d+", words[-1]):
            self.times = int(words.pop()[1:])
        if not words or words[0] not in BEHAVIOURS:
            raise ValueError(f"no such server behaviour: {' '.join(words)}")
        self.plan = (words[0], words[1:])

    def _listen(self, scheme, context):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        self.ports[scheme] = listener.getsockname()[1]
        self.listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener, context),
                         daemon=True).start()

    def _accept(self, listener, context):
        while not self.stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, context),
                             daemon=True).start()

    def _serve(self, connection, context):
        try:
            connection.settimeout(60)
            if context:
                connection = context.wrap_socket(
                    connection, server_side=True,
                    do_handshake_on_connect=False)
                try:
                    connection.do_handshake()
                except ssl.SSLError:
                    connection = socket.socket(fileno=connection.detach())
                    self._linger(connection)
                    return
            head = b""
            while b"\r\n\r\n" not in head:
                part = connection.recv(4096)
                if not part:
                    return
                head += part
                if head[0] == 0x16:  # a TLS hello, to a server without TLS
                    connection.sendall(b"HTTP/1.1 400 x\r\n\r\n")
                    return
            self._answer(connection, Request(head.decode("latin-1")))
        except (OSError, ssl.SSLError):
            pass
        finally:
            connection.close()

    @staticmethod
    def _linger(connection):
        """Take what still comes: a close with unread bytes would be a reset,
        which overtakes the alert that tells why."""
        connection.settimeout(2)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass

    def _answer(self, connection, request):
        self.requests += 1
        self.ranges.append(request.headers.get("range", "-"))
        self.if_ranges.append(request.headers.get("if-range", "-"))
        name, arguments = self.plan
        if self.times is not None:
            if self.times == 0:
                name, arguments = "ok", []
            else:
                self.times -= 1
        BEHAVIOURS[name](self, connection, request, *arguments)

    def stop(self):
        self.stopping.set()
        for listener in self.listeners:
            listener.close()

    # What the behaviours are made of.

    def content(self, request):
        return self.files.get(request.path.split("?")[0])

    def reply(self, connection, status, headers, body):
        lines = [f"HTTP/1.1 {status} x"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    def head_and_body(self, request, tag='"one"'):
        """Honest head and body for a whole or a ranged request."""
        body = self.content(request)
        headers = {"Content-Length": str(len(body)), "Connection": "close"}
        if tag:
            headers["ETag"] = tag
        wanted = re.fullmatch(r"bytes=(\d+)-",
                              request.headers.get("range", ""))
        same = request.headers.get("if-range", tag) == tag
        if not wanted or not same:
            return 200, headers, body
        first = int(wanted.group(1))
        headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
        headers["Content-Length"] = str(len(body) - first)
        return 206, headers, body[first:]

    def hang(self):
        self.stopping.wait(60)


@behaviour
def ok(server, connection, request):
    if server.content(request) is None:
        server.reply(connection, 404, {"Content-Length": "0"}, b"")
        return
    server.reply(connection, *server.head_and_body(request))


@behaviour
def status(server, connection, request, number, *location):
    headers = {"Content-Length": "5"}
    if location:
        headers["Location"] = location[0]
    server.reply(connection, number, headers, b"sorry")


@behaviour
def empty_status(server, connection, request, number):
    """A status without a body on a connection that stays open."""
    server.reply(connection, number, {"Content-Length": "0"}, b"")
    server.hang()


@behaviour
def silent(server, connection, request):
    """Not one byte of an answer."""
    server.hang()


@behaviour
def stall(server, connection, request):
    """Half of what is left, then nothing."""
    number, headers, body = server.head_and_body(request)
    server.reply(connection, number, headers, body[:len(body) // 2])
    server.hang()


@behaviour
def close(server, connection, request):
    """Half of what is left, then the connection ends."""
    number, headers, body = server.head_and_body(request)
    server.reply(connection, number, headers, body[:len(body) // 2])


@behaviour
def close_untagged(server, connection, request):
    number, headers, body = server.head_and_body(request, tag=None)
    if server.requests == 1:
        body = body[:len(body) // 2]
    server.reply(connection, number, headers, body)


@behaviour
def close_and_change(server, connection, request):
    """Half of one file; the rest is asked of another file."""
    tag = '"one"' if server.requests == 1 else '"two"'
    number, headers, body = server.head_and_body(request, tag)
    if server.requests == 1:
        body = body[:len(body) // 2]
    server.reply(connection, number, headers, body)


@behaviour
def close_and_splice(server, connection, request):
    """Half of one file; then the rest of another, If-Range or not."""
    tag = '"one"' if server.requests == 1 else '"two"'
    request.headers.pop("if-range", None)
    number, headers, body = server.head_and_body(request, tag)
    if server.requests == 1:
        body = body[:len(body) // 2]
    server.reply(connection, number, headers, body)


@behaviour
def drop(server, connection, request):
    """The connection ends without an answer."""


@behaviour
def excess(server, connection, request):
    """More bytes than announced."""
    number, headers, body = server.head_and_body(request)
    headers["Content-Length"] = str(len(body) - 7)
    server.reply(connection, number, headers, body)


@behaviour
def announce(server, connection, request, length):
    number, headers, body = server.head_and_body(request)
    headers["Content-Length"] = length
    server.reply(connection, number, headers, body)


@behaviour
def endless(server, connection, request):
    """No length, and no end."""
    server.reply(connection, 200, {"Connection": "close"}, b"")
    while not server.stopping.is_set():
        connection.sendall(bytes(65536))


@behaviour
def untold(server, connection, request):
    """An honest body whose length nobody told."""
    _, headers, body = server.head_and_body(request)
    del headers["Content-Length"]
    server.reply(connection, 200, headers, body)


@behaviour
def digest(server, connection, request, name, truth):
    """A digest header, right or wrong."""
    number, headers, body = server.head_and_body(request)
    of = server.content(request) if truth == "right" else b"something else"
    value = base64.b64encode(hashlib.sha256(of).digest()).decode()
    headers[name] = (f"sha-256={value}" if name == "Digest"
                     else f"sha-256=:{value}:")
    server.reply(connection, number, headers, body)


@behaviour
def garbage(server, connection, request):
    connection.sendall(b"220 smtp.example ESMTP\r\n")
    server.hang()


CERTIFICATES = {}
CERTIFICATES_LOCK = threading.Lock()


def make_certificate(folder, name, subject):
    """The same for all cases of a run."""
    with CERTIFICATES_LOCK:
        if subject not in CERTIFICATES:
            generate(folder, name, subject)
            CERTIFICATES[subject] = [
                (folder / f"{name}.{end}").read_bytes()
                for end in ("key", "pem")]
    for end, text in zip(("key", "pem"), CERTIFICATES[subject]):
        (folder / f"{name}.{end}").write_bytes(text)


def generate(folder, name, subject):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
         "-subj", f"/CN={subject}", "-addext",
         f"subjectAltName=DNS:{subject},IP:127.0.0.1",
         "-keyout", str(folder / f"{name}.key"),
         "-out", str(folder / f"{name}.pem")],
        check=True, capture_output=True)
