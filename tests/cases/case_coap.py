# SPDX-License-Identifier: Apache-2.0
"""A scripted CoAP server for case files: one behaviour at a time.

Written from RFC 7252 and RFC 7959 alone and on sockets, because most of what
it does no library would do. CoAPS is Debian's coap-server-gnutls, which holds
one body, put there by coap-client. Loopback only.
"""

import hashlib
import re
import socket
import struct
import subprocess
import threading
import time

CON, NON, ACK, RST = range(4)
URI_PATH, ETAG, MAX_AGE, BLOCK2, SIZE2 = 11, 4, 14, 23, 28
PSK = "secretPSK"

# What the server may be told to do; each takes (server, request, arguments).
BEHAVIOURS = {}


def behaviour(function):
    BEHAVIOURS[function.__name__.replace("_", "-")] = function
    return function


def number(value):
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def extended(value):
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, struct.pack(">H", value - 269)


def encode(kind, code, mid, token, options=(), payload=b""):
    """code as in "4.04"; options as (number, bytes)."""
    out = struct.pack(">BBH", 0x40 | kind << 4 | len(token),
                      int(code[0]) << 5 | int(code[2:]), mid) + token
    before = 0
    for option, value in sorted(options, key=lambda o: o[0]):
        delta, more = extended(option - before)
        length, tail = extended(len(value))
        out += bytes([delta << 4 | length]) + more + tail + value
        before = option
    return out + (b"\xff" + payload if payload else b"")


class Request:
    def __init__(self, data, peer):
        self.peer = peer
        self.kind, self.token_len = data[0] >> 4 & 3, data[0] & 15
        self.code, self.mid = data[1], struct.unpack(">H", data[2:4])[0]
        self.token = data[4:4 + self.token_len]
        self.options = list(self._options(data[4 + self.token_len:]))
        self.path = "".join("/" + v.decode() for n, v in self.options
                            if n == URI_PATH) or "/"
        block = int.from_bytes(dict(self.options).get(BLOCK2, b"\x06"), "big")
        self.block, self.szx = block >> 4, block & 7

    @staticmethod
    def _options(rest):
        option = 0
        while rest and rest[0] != 0xFF:
            nibbles, rest = (rest[0] >> 4, rest[0] & 15), rest[1:]
            values = []
            for nibble in nibbles:
                if nibble == 13:
                    nibble, rest = rest[0] + 13, rest[1:]
                elif nibble == 14:
                    nibble, rest = struct.unpack(">H", rest[:2])[0] + 269, \
                        rest[2:]
                values.append(nibble)
            option += values[0]
            yield option, rest[:values[1]]
            rest = rest[values[1]:]


class Server:
    def __init__(self, folder, files):
        self.folder, self.files = folder, files
        self.plan, self.times = ("ok", []), None
        self.requests, self.blocks = 0, []
        self.answers = {}  # (peer, message id) -> what was sent
        self.changed = {}
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.ports = {"coap": self.socket.getsockname()[1]}
        self.secure = None
        self.next_mid = 1
        threading.Thread(target=self._serve, daemon=True).start()

    def set(self, words):
        """BEHAVIOUR [ARGUMENT].. [xN]: for the next N requests, then ok."""
        with self.lock:
            self.times = None
            if words and re.fullmatch(r"x\d+", words[-1]):
                self.times = int(words.pop()[1:])
            if not words or words[0] not in BEHAVIOURS:
                raise ValueError(f"no such behaviour: {' '.join(words)}")
            self.plan = (words[0], words[1:])

    def start_secure(self, name, *how):
        """coap-server-gnutls with the body /NAME as /example_data; how: psk,
        the certificate server or other, or mutual, which wants a client's
        certificate, "other". A second one replaces it."""
        self.stop_secure()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        mutual = how == ("mutual",)
        own = self.folder / ("server" if mutual else how[0])
        keys = ["-k", PSK] if how == ("psk",) else \
            ["-c", f"{own}.pem", "-j", f"{own}.key",
             *(["-C", str(self.folder / "other.pem")] if mutual else ["-n"])]
        self.secure = subprocess.Popen(
            ["coap-server-gnutls", "-A", "127.0.0.1", "-p", str(port),
             "-d", "10", *keys],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.ports["coaps"] = port + 1
        self._upload(f"coap://127.0.0.1:{port}/example_data",
                     self.files["/" + name])

    def _upload(self, url, content):
        """The client says nothing about a server that is not there: what
        was put is read again."""
        sent, back = self.folder / "coap-put", self.folder / "coap-get"
        sent.write_bytes(content)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for words in (["put", "-f", str(sent)], ["get", "-o", str(back)]):
                subprocess.run(["coap-client-notls", "-b", "1024", "-B", "2",
                                "-m", *words, url], capture_output=True)
            if back.exists() and back.read_bytes() == content:
                return
        raise RuntimeError("coap-server-gnutls does not start")

    def stop_secure(self):
        if self.secure:
            self.secure.terminate()
            self.secure.wait()
            self.secure = None

    def stop(self):
        self.stop_secure()
        self.socket.close()

    def _serve(self):
        while True:
            try:
                data, peer = self.socket.recvfrom(65536)
            except OSError:
                return
            with self.lock:
                self._take(data, peer)

    def _take(self, data, peer):
        if len(data) < 4 or data[1] == 0 or data[1] >= 32:
            return
        request = Request(data, peer)
        known = self.answers.get((peer, request.mid))
        if known is not None:
            for answer in known:
                self.socket.sendto(answer, peer)
            return
        self.answers[peer, request.mid] = []
        self.requests += 1
        self.blocks.append(request.block << request.szx + 4)
        name, arguments = self.plan
        if self.times is not None:
            if self.times == 0:
                name, arguments = "ok", []
            else:
                self.times -= 1
        BEHAVIOURS[name](self, request, *arguments)

    # What the behaviours are made of.

    def send(self, request, data):
        self.answers[request.peer, request.mid].append(data)
        self.socket.sendto(data, request.peer)

    def content(self, request):
        return self.files.get(self.changed.get(request.path, request.path))

    def block(self, request, szx=6, tag=True, hint=None):
        """(code, options, payload) of an honest answer."""
        body = self.content(request)
        if body is None:
            return "4.04", [], b""
        szx = min(szx, request.szx)
        size, first = 16 << szx, request.block << request.szx + 4
        if first and first >= len(body):
            return "4.02", [], b""
        more = first + size < len(body)
        options = [(BLOCK2, number(first // size << 4 | more << 3 | szx))]
        if tag:
            options.append((ETAG, hashlib.sha256(body).digest()[:8]))
        if first == 0:
            options.append((SIZE2, number(hint or len(body))))
        return "2.05", options, body[first:first + size]

    def answer(self, request, code, options=(), payload=b""):
        self.send(request, encode(ACK, code, request.mid, request.token,
                                  options, payload))


@behaviour
def ok(server, request):
    server.answer(request, *server.block(request))


@behaviour
def blocks(server, request, szx, first="0"):
    """Blocks of that size from one offset on."""
    small = request.block << request.szx + 4 >= int(first)
    server.answer(request, *server.block(request, int(szx) if small else 6))


@behaviour
def separate(server, request):
    """The ACK at once, the response in a message of its own."""
    server.next_mid += 1
    server.send(request, encode(ACK, "0.00", request.mid, b""))
    server.send(request, encode(CON, server.block(request)[0], server.next_mid,
                                request.token, *server.block(request)[1:]))


@behaviour
def twice(server, request):
    """Every answer comes twice."""
    ok(server, request)
    ok(server, request)


@behaviour
def untagged(server, request):
    server.answer(request, *server.block(request, tag=False))


@behaviour
def hint(server, request, length):
    """Size2 is wrong."""
    server.answer(request, *server.block(request, hint=int(length)))


@behaviour
def refuse(server, request, code, first="0", max_age=None):
    """A code instead of the block, from one offset on."""
    if request.block << request.szx + 4 < int(first):
        if server.times is not None:
            server.times += 1
        ok(server, request)
    else:
        options = [] if max_age is None else \
            [(MAX_AGE, number(int(max_age)))]
        server.answer(request, code, options)


@behaviour
def reset(server, request, first="0"):
    if request.block << request.szx + 4 < int(first):
        if server.times is not None:
            server.times += 1
        ok(server, request)
    else:
        server.send(request, encode(RST, "0.00", request.mid, b""))


@behaviour
def silent(server, request, first="0"):
    """Not one byte, from one offset on."""
    if request.block << request.szx + 4 < int(first):
        ok(server, request)


@behaviour
def change(server, request, first, other):
    """From that offset on it is another body, with another tag."""
    if request.block << request.szx + 4 >= int(first):
        server.changed[request.path] = "/" + other
    ok(server, request)


@behaviour
def flicker(server, request, other):
    """Another body at every request."""
    if server.requests % 2:
        server.changed[request.path] = "/" + other
    else:
        server.changed.pop(request.path, None)
    ok(server, request)


@behaviour
def alien(server, request):
    """The reserved block size."""
    server.answer(request, "2.05", [(BLOCK2, b"\x0f")], bytes(1024))


@behaviour
def garbage(server, request):
    server.send(request, b"220 smtp.example ESMTP\r\n")
