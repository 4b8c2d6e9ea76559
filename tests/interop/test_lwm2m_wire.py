#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `dfota-module` and `dfotad` say to each other, read by tshark: nothing
malformed, no expert's remark.

usage: test_lwm2m_wire.py BIN_DIR IMAGE_DIR CLIENTS_DIR [NAME]...

CLIENTS_DIR is what tools/unpack filled. A relay stands between the two and
keeps every datagram; the capture is written from that, so nothing here needs
to be root. Without tshark the test is skipped (77).
"""
import base64
import collections
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from clients import Clients, Missing
from lwm2m_bench import (ENDPOINT, KEY, NEW, Failure, Module, Server,
                         arguments, case_list, expect, make_key, run_all,
                         wait_for)

CASES, case = case_list()
LINKTYPE_RAW = 101


class Relay:
    """UDP from a port of its own to the server's; clients are told apart by
    their address. Keeps (time, from the client, client's port, data)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.kept, self.ways, self.server = [], {}, None
        self.over, self.wake = socket.socketpair()

    def start(self, server_port):
        self.server = ("127.0.0.1", server_port)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            ready, _, _ = select.select(
                [self.socket, self.over, *self.ways.values()], [], [])
            if self.over in ready:
                return
            for s in ready:
                self.pass_on(s)

    def pass_on(self, s):
        data, source = s.recvfrom(65536)
        if s is self.socket:
            if source not in self.ways:
                self.ways[source] = socket.socket(socket.AF_INET,
                                                  socket.SOCK_DGRAM)
            self.kept.append((time.time(), True, source[1], data))
            self.ways[source].sendto(data, self.server)
            return
        client = next(c for c, way in self.ways.items() if way is s)
        self.kept.append((time.time(), False, client[1], data))
        self.socket.sendto(data, client)

    def stop(self):
        self.wake.send(b"x")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF & ~total


def packet(source, target, data):
    """IPv4 and UDP, with their checksums."""
    ip = socket.inet_aton("127.0.0.1")
    udp = struct.pack(">HHH", source, target, 8 + len(data))
    pseudo = ip + ip + struct.pack(">BBH", 0, 17, 8 + len(data))
    udp += struct.pack(">H", checksum(pseudo + udp + b"\0\0" + data) or
                       0xFFFF) + data
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
    total = checksum(head + ip + ip)
    return head[:10] + struct.pack(">H", total) + ip + ip + udp


def write_capture(path, relays):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535,
                            LINKTYPE_RAW))
        for at, to_server, port, data, relay in sorted(
                (*kept, r.port) for r in relays for kept in r.kept):
            ends = (port, relay) if to_server else (relay, port)
            bytes_ = packet(*ends, data)
            f.write(struct.pack("<IIII", int(at), int(at % 1 * 1e6),
                                len(bytes_), len(bytes_)) + bytes_)


class Capture:
    """Relays for what is to be seen, and what tshark says of it."""

    def __init__(self, bench, *options, layer="coap"):
        self.bench, self.options = bench, options
        self.layers = (layer, "coap")
        self.lwm2m, self.packages = Relay(), Relay()

    def start(self):
        server = self.bench.server
        for relay, address in ((self.lwm2m, server.lwm2m[0]),
                               (self.packages, server.addresses["coap"])):
            relay.start(int(address.rsplit(":", 1)[1]))

    def tshark(self, *words):
        relays = [self.lwm2m, self.packages]
        path = self.bench.path("capture.pcap")
        write_capture(path, relays)
        ports = [w for r, layer in zip(relays, self.layers)
                 for w in ("-d", "udp.port==%d,%s" % (r.port, layer),
                           "-d", "dtls.port==%d,coap" % r.port)]
        clients = self.bench.args.clients
        done = subprocess.run(
            [clients.find("tshark"), "-r", path, "-o", "udp.check_checksum:1",
             "-o", "ip.check_checksum:1", *ports, *self.options, *words],
            capture_output=True, text=True, timeout=120,
            env=clients.env(HOME=self.bench.folder))
        if done.returncode != 0:
            raise Failure("tshark: %s" % done.stderr)
        return done.stdout.splitlines()

    def check(self):
        """No remark; returns how often each (code, path, layers) was seen."""
        # That something came twice is the machine's doing: a busy one answers
        # behind the first repetition.
        bad = [line for line in
               self.tshark("-Y", "_ws.malformed || _ws.expert", "-T", "fields",
                           "-e", "frame.number", "-e", "frame.protocols",
                           "-e", "_ws.expert.message", "-e", "_ws.malformed")
               if line.split("\t")[2:] != ["Retransmitted", ""]]
        if bad:
            raise Failure("tshark says: %s" % bad[:10])
        seen = collections.Counter()
        for line in self.tshark("-Y", "coap", "-T", "fields", "-e",
                                "coap.code", "-e", "coap.opt.uri_path_recon",
                                "-e", "coap.opt.observe", "-e",
                                "coap.opt.block_number", "-e",
                                "frame.protocols"):
            code, path, observe, block, layers = line.split("\t")
            seen[int(code), path, observe != "", block != "",
                 layers.split(":")[-1]] += 1
        return seen

    def stop(self):
        self.lwm2m.stop()
        self.packages.stop()


GET, POST, PUT, DELETE = 1, 2, 3, 4
CREATED, DELETED, CONTENT, CONTINUE, NOT_ALLOWED = 65, 66, 69, 95, 133


def times(seen, code=None, path=None, observe=None, block=None, layer=None):
    return sum(n for key, n in seen.items() if all(
        wanted is None or wanted == is_ for wanted, is_ in
        zip((code, path, observe, block, layer), key)))


def expect_seen(seen, **how):
    if times(seen, **how) == 0:
        raise Failure("%r was not seen in %r" % (how, seen))


def begin(bench, capture, *options, **account):
    """The module is told the relay's address, and so is told the relay's for
    packages."""
    scheme = "coaps" if "mode" in account else "coap"
    bench.server = Server(
        bench, "--lwm2m", scheme + "://127.0.0.1:0", "--public-coap",
        "coap://127.0.0.1:%d" % capture.packages.port, *options,
        scheme="coap")
    capture.start()
    bench.module = Module(bench, {
        "security": [{"uri": "%s://127.0.0.1:%d" % (scheme,
                                                    capture.lwm2m.port),
                      **account}],
        **({} if "bootstrap" in account else
           {"server": [{"short_id": 1, "lifetime_s": 300}]})})
    bench.registered()


def all_the_updates(bench, capture):
    """A pull, and back again by a push."""
    package = bench.known_package()
    for path in ("/3", "/5/0", "/1/0", "/3/0/9"):
        expect(bench.server.ask("read", {"path": path})["code"], "2.05")
    expect(bench.server.ask("write", {"path": "/1/0/1",
                                      "value": "600"})["code"], "2.04")
    bench.server.ask("discover", {"path": "/5/0"})
    expect(bench.server.ask("execute", {"path": "/5/0/2"})["code"], "4.05")
    bench.server.update({"package": package, "method": "pull"})
    expect(bench.finished()["state"], "done")
    bench.registered(NEW)
    # The same package is refused by the module, but all of it goes over.
    bench.server.update({"package": package, "method": "push",
                         "version": "9"})
    bench.finished()
    expect(bench.module.say("AT+QLWDEREG")[-1], "OK")
    wait_for("the end of the registration",
             lambda: bench.server.client() is None or
             not bench.server.client().get("version"))


def expect_an_update(seen):
    """Of what every life has, however it begins."""
    expect_seen(seen, code=POST, path="/rd")
    expect_seen(seen, code=CREATED, path="/rd")
    expect_seen(seen, code=GET, path="/5/0/3", observe=True)
    expect_seen(seen, code=CONTENT, observe=True)
    expect_seen(seen, code=CONTENT, layer="lwm2mtlv")
    expect_seen(seen, code=CONTENT, block=True)
    expect_seen(seen, code=PUT, path="/5/0/0", block=True)
    expect_seen(seen, code=CONTINUE, block=True)
    expect_seen(seen, code=POST, path="/5/0/2")
    expect_seen(seen, code=NOT_ALLOWED, path="/5/0/2")
    expect_seen(seen, code=DELETED)


@case
def a_life_from_bootstrap_to_the_end_is_well_formed(bench):
    capture = Capture(bench)
    try:
        begin(bench, capture, "--lwm2m-bootstrap",
              "coap://127.0.0.1:%d" % capture.lwm2m.port, bootstrap=True)
        all_the_updates(bench, capture)
    finally:
        capture.stop()
    seen = capture.check()
    expect_seen(seen, code=POST, path="/bs")
    expect_seen(seen, code=DELETE, path="/0")
    expect_seen(seen, code=PUT, path="/0/1", layer="lwm2mtlv")
    expect_an_update(seen)


@case
def a_session_with_a_key_is_well_formed_and_decrypts(bench):
    capture = Capture(bench, "-o", "dtls.psk:" + KEY, layer="dtls")
    with open(bench.path("keys"), "w") as f:
        f.write("%s:%s\n" % (ENDPOINT, KEY))
    try:
        begin(bench, capture, "--lwm2m-keys", bench.path("keys"), mode=0,
              identity=base64.b64encode(ENDPOINT.encode()).decode(),
              secret=base64.b64encode(bytes.fromhex(KEY)).decode())
        all_the_updates(bench, capture)
    finally:
        capture.stop()
    expect_an_update(capture.check())


@case
def a_datagram_that_is_malformed_is_noticed(bench):
    capture = Capture(bench)
    # An option of 12 bytes, of which there are 2.
    capture.lwm2m.kept.append((time.time(), True, 40000,
                               b"\x40\x01\x00\x01\xbcab"))
    capture.stop()
    try:
        capture.check()
    except Failure as e:
        if "tshark says" in str(e):
            return
        raise
    raise Failure("tshark had nothing to say")


if __name__ == "__main__":
    BIN, IMAGES, PROGRAMS, *NAMES = sys.argv[1:]
    args = arguments().parse_args([BIN, IMAGES, *NAMES])
    args.clients = Clients(PROGRAMS)
    try:
        args.clients.find("tshark")
    except Missing as e:
        print(e)
        sys.exit(77)
    with tempfile.TemporaryDirectory() as args.shared:
        make_key(args, "key")
        sys.exit(1 if run_all(args, [c for c in CASES if not NAMES or
                                     c.__name__ in NAMES]) else 0)
