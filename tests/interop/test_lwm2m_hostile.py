#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`dfota-module` before a hostile server, `dfotad` before hostile clients.

usage: test_lwm2m_hostile.py BIN_DIR IMAGE_DIR [NAME]...
       test_lwm2m_hostile.py --measure BIN_DIR

The other side is a few sockets here, written from RFC 7252 and RFC 7959, so it
says what no library would. Each case ends with the program doing its work.

--measure: no tests; the server's memory before and after a million addresses
have each begun a Register of many blocks, and gone.
"""
import hashlib
import os
import random
import socket
import sys
import tempfile
import time

from lwm2m_bench import (OLD, PATIENCE, Failure, Module, Server,
                         arguments, case_list, expect, in_order, prepare,
                         run, run_all, wait_for)
from test_dfotad_coap import (BLOCK1, FORMAT, URI_PATH, Answer, from_address)

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "cases"))
from case_coap import ACK, CON, NON, encode, number  # noqa: E402

CASES, case = case_list()
LOCATION_PATH, OBSERVE, URI_QUERY, SIZE1 = 8, 6, 15, 60
TEXT, OPAQUE, TLV, SENML_JSON, SENML_CBOR, JSON = 0, 42, 11542, 110, 112, 11543
LAST_BLOCK = (1 << 20) - 1
NOISE = 2000


def segments(path):
    return [(URI_PATH, part.encode()) for part in path.split("/") if part]


def block1(num, more, szx):
    return BLOCK1, number(num << 4 | more << 3 | szx)


def tlv(kind, identifier, content):
    """With a length of 24 bits."""
    return bytes([kind << 6 | 3 << 3, identifier]) + \
        len(content).to_bytes(3, "big") + content


# Freed memory is given back, so that memory_kb() means something.
os.environ["ASAN_OPTIONS"] = \
    "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"


def memory_kb(process):
    with open("/proc/%d/status" % process.pid) as f:
        return int(f.read().split("VmRSS:")[1].split()[0])


class Peer:
    """One UDP address; asks, and answers what it is asked."""

    def __init__(self, port=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        self.other = ("127.0.0.1", port) if port else None
        if port is None:
            self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.mid = random.randrange(1 << 16)
        self.location = None

    def send(self, data):
        self.socket.sendto(data, self.other)

    def receive(self):
        data, source = self.socket.recvfrom(4096)
        answer = Answer(data)
        answer.token = data[4:4 + (data[0] & 15)]
        return answer, source

    def serve(self, answer, source):
        """A Register gets its location, notifications their ACK."""
        if answer.kind == CON and answer.code == "0.02":
            self.other, self.location = source, b"1"
            self.send(encode(ACK, "2.01", answer.mid, answer.token,
                             [(LOCATION_PATH, b"rd"), (LOCATION_PATH, b"1")]))
        elif answer.kind == CON:
            self.send(encode(ACK, "0.00", answer.mid, b""))

    def wait_for_client(self):
        self.location = None
        while not self.location:
            self.serve(*self.receive())

    def ask(self, code, path, payload=b"", *options, form=None, token=b"tok"):
        self.mid = (self.mid + 1) % (1 << 16)
        if form is not None:
            options = (*options, (FORMAT, number(form)))
        data = encode(CON, code, self.mid, token,
                      [*segments(path), *options], payload)
        self.send(data)
        while True:
            answer, source = self.receive()
            if answer.kind == ACK and answer.mid == self.mid:
                return answer
            self.serve(answer, source)

    def value(self, path):
        answer = self.ask("0.01", path, b"", (17, number(TEXT)))
        expect(answer.code, "2.05")
        return answer.body.decode()

    def put(self, package, szx=6):
        """A push; the code of the last block, or of the one that failed."""
        size = 16 << szx
        for at in range(0, len(package), size):
            more = at + size < len(package)
            code = self.ask("0.03", "/5/0/0", package[at:at + size],
                            block1(at // size, more, szx), form=OPAQUE).code
            if code != "2.31":
                return code
        return code

    def noise(self, whole):
        """Random bytes, then every beginning of a message that is good."""
        rng = random.Random(5)
        for _ in range(NOISE):
            self.send(rng.randbytes(rng.randrange(60)))
        for length in range(len(whole)):
            self.send(whole[:length])
        for at in range(len(whole)):
            for bit in range(8):
                self.send(whole[:at] + bytes([whole[at] ^ 1 << bit]) +
                          whole[at + 1:])

    def drain(self):
        """What was answered to noise is none of ours."""
        self.socket.settimeout(0.2)
        try:
            while True:
                self.serve(*self.receive())
        except TimeoutError:
            pass
        self.socket.settimeout(PATIENCE)


# ---- the module ------------------------------------------------------------

def begin(bench):
    peer = Peer()
    bench.module = Module(bench, bench.settings("coap://127.0.0.1:%d" %
                                                peer.port))
    peer.wait_for_client()
    expect(peer.value("/5/0/3"), "0")
    return peer


def slot(bench):
    with open(bench.path("state/slot.flash"), "rb") as f:
        return hashlib.sha256(f.read()).digest()


@case
def noise_leaves_the_module_as_it_was(bench):
    peer = begin(bench)
    peer.noise(encode(CON, "0.01", 77, b"tok", [*segments("/5/0/3")]))
    peer.drain()
    expect(peer.value("/5/0/3"), "0")
    expect(peer.value("/3/0/3"), OLD)


BOMBS = [
    (TLV, tlv(3, 3, b"x")[:2] + b"\xff\xff\xff"),
    (TLV, b"\xd8\x03\xff\xff\xff" + b"x" * 900),
    (TLV, b"\x08" * 1000),
    (SENML_CBOR, b"\x81" * 1000),
    (SENML_CBOR, b"\x9f" * 1000),
    (SENML_CBOR, b"\xc0" * 1000),
    (SENML_CBOR, b"\x9b" + b"\xff" * 8),
    (SENML_CBOR, b"\xbb" + b"\xff" * 8),
    (SENML_CBOR, b"\x81\xa1\x00\x7b" + b"\xff" * 8),
    (SENML_CBOR, b"\x81\xa1\x08\x5b" + b"\x7f" * 8 + b"x" * 900),
    (SENML_CBOR, b"\x81\xbf" + b"\x00\x60" * 400),
    (SENML_JSON, b"[" * 1000),
    (SENML_JSON, b'[{"n":' + b'{"a":' * 150),
    (SENML_JSON, b'[{"n":"' + b"a" * 900),
    (JSON, b'{"e":' + b"[" * 900),
]


def nested_tlv(depth):
    content = b"x"
    for _ in range(depth):
        content = tlv(0, 0, content)
    return content


@case
def bombs_in_every_format_are_refused(bench):
    peer = begin(bench)
    before = memory_kb(bench.module.process)
    for path in ("/5/0", "/1/0", "/3/0"):
        for form, payload in [*BOMBS, (TLV, nested_tlv(150))]:
            answer = peer.ask("0.02", path, payload, form=form)
            # 4.13: a value that is said to be longer than any can be.
            if answer.code not in ("4.00", "4.13"):
                raise Failure("%s %d %r: %s" % (path, form, payload[:20],
                                                answer.code))
    # The same in blocks, and never an end of them.
    for form, first in ((TLV, b"\xd8\x03\xff\xff\xff"), (JSON, b'{"e":"'),
                        (SENML_CBOR, b"\x81\xa1\x08\x5a\x7f\xff\xff\xff")):
        codes = set()
        for num in range(2000):
            payload = (first if num == 0 else b"").ljust(1024, b"x")
            code = peer.ask("0.03", "/1/0", payload, block1(num, 1, 6),
                            form=form).code
            codes.add(code)
            if code != "2.31":
                break
        expect(codes - {"2.31"} <= {"4.00", "4.13"} and len(codes) > 1, True)
    expect(peer.value("/5/0/3"), "0")
    if memory_kb(bench.module.process) > before + 4096:
        raise Failure("the module grew from %d KB to %d" % (
            before, memory_kb(bench.module.process)))


@case
def block_numbers_that_cannot_be_are_refused(bench):
    peer = begin(bench)

    def block(option, payload=b"x" * 1024, *more):
        return peer.ask("0.03", "/5/0/0", payload, option, *more,
                        form=OPAQUE).code
    expect(block(block1(5, 1, 6)), "4.08")
    expect(block(block1(LAST_BLOCK, 1, 6)), "4.08")
    expect(block(block1(LAST_BLOCK, 0, 6)), "4.08")
    expect(block(block1(0, 1, 7)), "4.00")
    expect(block((BLOCK1, b"\0\0\0\x0e")), "4.00")
    expect(peer.value("/5/0/3"), "0")
    expect(block(block1(0, 1, 6), b"x" * 1024, (SIZE1, b"\xff" * 4)), "4.13")
    expect(peer.value("/5/0/5"), "2")
    # In a push: nothing is stored out of its order.
    expect(block(block1(0, 1, 6)), "2.31")
    expect(peer.value("/5/0/3"), "1")
    expect(block(block1(1, 1, 6), b"x" * 100), "4.00")
    expect(block(block1(0, 1, 6)), "2.31")
    expect(block(block1(2, 1, 6)), "4.08")
    expect(block(block1(LAST_BLOCK, 0, 6)), "4.08")
    expect(block(block1(1, 1, 6)), "2.31")
    expect(block(block1(0, 1, 6)), "4.00")  # as if it were another package
    expect(peer.value("/5/0/3"), "1")
    expect(peer.ask("0.03", "/5/0/0", b"\0", form=OPAQUE).code, "2.04")
    expect((peer.value("/5/0/3"), peer.value("/5/0/5")), ("0", "0"))


@case
def a_uri_has_255_bytes_at_most(bench):
    peer = begin(bench)
    nowhere = "http://127.0.0.1:1/"
    for length, result in ((256, "7"), (1000, "7"), (255, "4")):
        uri = nowhere.ljust(length, "u").encode()
        expect(peer.ask("0.03", "/5/0/1", uri, form=TEXT).code, "2.04")
        wait_for("the end of the download",
                 lambda: peer.value("/5/0/3") == "0")
        expect(peer.value("/5/0/5"), result)


def spoiled(package):
    """(what, bytes) of packages that are none for this module."""
    rng = random.Random(3)
    yield "noise", rng.randbytes(3000)
    yield "short", package[:-1]
    yield "long", package + b"x"
    head = 80 + package[7]  # manifest and label, then the signature
    for at in (0, 5, 40, 79, head - 1, head, head + 63):
        yield "a bit at %d" % at, package[:at] + \
            bytes([package[at] ^ 4]) + package[at + 1:]


@case
def no_spoiled_package_touches_the_firmware(bench):
    peer = begin(bench)
    before = slot(bench)
    for what, package in [("another key", bench.package("other")),
                          *spoiled(bench.package())]:
        code = peer.put(package)
        state, result = peer.value("/5/0/3"), peer.value("/5/0/5")
        if (code, state) != ("2.04", "0") or result not in ("5", "6"):
            raise Failure("%s: %s, state %s, result %s" % (what, code, state,
                                                           result))
        if what == "another key":
            expect(result, "5")
        expect(peer.ask("0.02", "/5/0/2").code, "4.05")
    expect(slot(bench), before)
    expect(peer.value("/3/0/3"), OLD)
    if any("COMPLETED" in u or "START\"" in u and "DOWNLOADING" not in u
           for u in bench.module.urcs()):
        raise Failure("a URC of success: %r" % bench.module.urcs())
    # And a good one goes through.
    expect(peer.put(bench.package()), "2.04")
    expect(peer.value("/5/0/3"), "2")
    expect(peer.ask("0.02", "/5/0/2").code, "2.04")
    peer.wait_for_client()
    expect(peer.value("/5/0/5"), "1")
    in_order(bench.module.urcs(), ['+LWM2M: "FOTA","DOWNLOADING","COMPLETED"',
                                   '+QIND: "FOTA","END",0'])


@case
def a_package_that_is_spoiled_in_its_body_is_undone(bench):
    """The signature binds the new image, not the bytes it is made of: they
    are found to be wrong while it is made."""
    peer = begin(bench)
    package = bytearray(bench.package())
    package[len(package) * 2 // 3] ^= 4
    expect(peer.put(bytes(package)), "2.04")
    expect(peer.value("/5/0/3"), "2")
    expect(peer.ask("0.02", "/5/0/2").code, "2.04")
    peer.wait_for_client()
    expect((peer.value("/5/0/5"), peer.value("/3/0/3")), ("8", OLD))
    with open(bench.path("state/slot.flash"), "rb") as f, \
            open(bench.image(OLD), "rb") as image:
        if image.read() not in f.read():
            raise Failure("the firmware is not what it was")


@case
def half_open_transfers_take_no_memory_of_the_module(bench):
    peer = begin(bench)

    def begin_many(count):
        for i in range(count):
            code = peer.ask("0.03", "/5/0/0", b"x" * 1024,
                            block1(i % 2 * 7, 1, 6), form=OPAQUE,
                            token=i.to_bytes(4, "big")).code
            if code not in ("2.31", "4.00", "4.08"):
                raise Failure("%d: %s" % (i, code))
            peer.ask("0.03", "/%d/0" % (1 + i % 3 * 2), b"x" * 1024,
                     block1(0, 1, 6), form=TLV, token=i.to_bytes(4, "big"))
    begin_many(1000)
    before = memory_kb(bench.module.process)
    begin_many(4000)
    if memory_kb(bench.module.process) > before + 1024:
        raise Failure("the module grew from %d KB to %d" % (
            before, memory_kb(bench.module.process)))
    expect(peer.ask("0.03", "/5/0/0", b"\0", form=OPAQUE).code, "2.04")
    expect(peer.value("/5/0/3"), "0")


# ---- the server ------------------------------------------------------------

def begin_server(bench):
    bench.server = Server(bench, "--lwm2m", "coap://127.0.0.1:0")
    return Peer(int(bench.server.lwm2m[0].rsplit(":", 1)[1]))


def register(peer, *queries, payload=b"</1/0>,</3/0>,</5/0>", options=()):
    return peer.ask("0.02", "/rd", payload,
                    *((URI_QUERY, q) for q in queries), *options,
                    form=40).code


@case
def registrations_that_cannot_be_are_refused(bench):
    peer = begin_server(bench)
    good = (b"ep=me", b"lt=300", b"lwm2m=1.0", b"b=U")
    for what, code in (
            (register(peer), "4.00"),
            (register(peer, b"ep="), "4.00"),
            (register(peer, b"ep=" + b"x" * 200, b"lt=300"), "4.00"),
            (register(peer, b"ep=me\0you", b"lt=300"), "4.00"),
            (register(peer, b"ep=me", b"lt=never"), "4.00"),
            (register(peer, b"ep=me", b"lt=99999999999999"), "4.00"),
            (register(peer, *good, payload=b"</1/0>," * 140), "2.01"),
            (register(peer, *good, payload=b"<" * 1000), "4.00"),
            (register(peer, *good, options=[(9, b"?")]), "4.02"),
            (register(peer, *good, payload=b"x" * 1024,
                      options=[block1(0, 1, 7)]), "4.00"),
            (register(peer, *good, payload=b"x" * 1024,
                      options=[block1(LAST_BLOCK, 1, 6)]), "4.08"),
            (peer.ask("0.02", "/rd/none").code, "4.04"),
            (peer.ask("0.04", "/rd/../rd").code, "4.04"),
            (peer.ask("0.01", "/rd").code, "4.05")):
        expect(what, code)


@case
def noise_leaves_the_server_as_it_was(bench):
    peer = begin_server(bench)
    expect(register(peer, b"ep=me", b"lt=300"), "2.01")
    peer.noise(encode(CON, "0.02", 77, b"tok", [
        *segments("/rd"), (FORMAT, number(40)), (URI_QUERY, b"ep=you")],
        b"</5/0>"))
    peer.drain()
    expect(register(peer, b"ep=me", b"lt=300"), "2.01")
    bench.module = Module(bench, bench.settings(bench.server.lwm2m[0]))
    bench.registered()


class Liar(Peer):
    """A client that answers everything with the same bytes."""

    def __init__(self, port, form, payload):
        super().__init__(port)
        self.answered, self.form, self.payload = 0, form, payload

    def serve(self, answer, source):
        if answer.code not in ("0.01", "0.02", "0.03"):
            return
        more = [(OBSERVE, b"\1")] if OBSERVE in answer.options else []
        self.send(encode(ACK, "2.05", answer.mid, answer.token,
                         [*more, (FORMAT, number(self.form))], self.payload))
        if more:  # and notifies of it
            self.mid = (self.mid + 1) % (1 << 16)
            self.send(encode(NON, "2.05", self.mid, answer.token,
                             [(OBSERVE, b"\2"),
                              (FORMAT, number(self.form))], self.payload))
        self.answered += 1


@case
def answers_that_are_bombs_teach_the_server_nothing(bench):
    peer = begin_server(bench)
    port = peer.other[1]
    bombs = [*BOMBS, (TLV, nested_tlv(150)), (TEXT, b"9" * 1000), (65000, b""),
             (TLV, tlv(3, 3, b"\x07")), (TEXT, b"-1"), (TEXT, b"1e9")]
    for i, (form, payload) in enumerate(bombs):
        if i == len(bombs) // 2:  # all that is needed once is there
            before = memory_kb(bench.server.process)
        liar = Liar(port, form, payload)
        expect(register(liar, b"ep=liar%d" % i, b"lt=300"), "2.01")
        # Two observations, and reads of the object and the version.
        while liar.answered < 4:
            liar.serve(*liar.receive())
        client = bench.server.client("liar%d" % i)
        if (client["state"], client["result"]) != ("unknown", 0):
            raise Failure("%d %r makes %r" % (form, payload[:20], client))
        liar.socket.close()
    if memory_kb(bench.server.process) > before + 4096:
        raise Failure("the server grew from %d KB to %d" % (
            before, memory_kb(bench.server.process)))
    bench.module = Module(bench, bench.settings(bench.server.lwm2m[0]))
    bench.registered()


def measure(bench):
    """Each address asks once, and the server waits for its second block."""
    peer = begin_server(bench)
    data = encode(CON, "0.02", 7, b"tok1", [
        *segments("/rd"), (FORMAT, number(40)), (URI_QUERY, b"ep=x"),
        block1(0, 1, 6)], b"x" * 1024)
    before, began = memory_kb(bench.server.process), time.monotonic()
    many = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(1000000):
        address = "127.%d.%d.%d" % (1 + (i >> 16), i >> 8 & 255, i & 255)
        many.sendmsg([data], from_address(address), 0, peer.other)
        if i % 500 == 499:  # what its socket holds
            expect(peer.ask("0.01", "/nothing").code, "4.04")
    print("a million Registers begun: %.1f s, %d KB before, %d KB after" % (
        time.monotonic() - began, before, memory_kb(bench.server.process)))


def main():
    if sys.argv[1:2] == ["--measure"]:
        args = arguments().parse_args([*sys.argv[2:], "."])
        args.shared = None
        error = run(args, measure)
        print(error or "", end="")
        return 1 if error else 0
    args = arguments().parse_args()
    with tempfile.TemporaryDirectory() as args.shared:
        prepare(args)
        return 1 if run_all(args, [c for c in CASES if not args.names or
                                   c.__name__ in args.names]) else 0


if __name__ == "__main__":
    sys.exit(main())
