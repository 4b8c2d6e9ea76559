#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`dfota-module` updated by `dfotad` over LwM2M: every way a package can take,
under every security of the session, on a good line and a bad one.

usage: test_lwm2m_matrix.py [--all] BIN_DIR IMAGE_DIR [NAME]...

                    session without security, with a key, with certificates
  pushed            over the session itself
  pulled            over http, https, coap, coaps

each at 50 ms there and back, and with no datagram or 2 % of them lost each
way. A push has one way, so 5 ways, 3 securities and 2 losses are 30 cases.
Without --all 15 of them are run, in which every pair of a way, a security and
a loss comes up; and two more, in which the state is read all the while. Over
coaps the packages are fetched as the session is secured; from a session
without security with a key.

Checked: every byte of the image that the signed package made, every URC in its
order and no other, the states and results that the module went through and
those that the server was told, the version that runs afterwards.
"""
import base64
import itertools
import os
import random
import re
import shutil
import statistics
import sys
import tempfile
import time
import zlib

from lwm2m_bench import (KEY, NEW, OLD, PATIENCE, Bench, Failure, Module,
                         Server, arguments, certificate, expect, make_key,
                         run_all, value_of)

WAYS = ("push", "http", "https", "coap", "coaps")
SECURITIES = ("nosec", "psk", "x509")
LOSSES = (0, 2)
RTT_MS = 50
# So many bytes more in the new image than in the demo's: blocks to lose.
PADDING = 20000

BEGUN = ['+QIND: "FOTA","START"',
         *('+QIND: "FOTA","UPDATING",%d%%' % p for p in range(1, 101)),
         '+QIND: "FOTA","END",0']
COAP_URCS = ['+QIND: "FOTA","COAPSTART"', '+LWM2M: "FOTA","DOWNLOADED",0',
             *BEGUN]
HTTP_URCS = ['+QIND: "FOTA","HTTPSTART"',
             *('+QIND: "FOTA","DOWNLOADING",%d%%' % p
               for p in range(5, 101, 5)),
             '+LWM2M: "FOTA","DOWNLOADED",0', *BEGUN]
URCS = {"push": ['+LWM2M: "FOTA","DOWNLOADING","START"',
                 '+LWM2M: "FOTA","DOWNLOADING","COMPLETED"', *BEGUN],
        "http": HTTP_URCS, "https": HTTP_URCS,
        "coap": COAP_URCS, "coaps": COAP_URCS}

# (state, result) of the Firmware Update object.
IDLE, DOWNLOADING, DOWNLOADED, UPDATING, UPDATED = \
    (0, 0), (1, 0), (2, 0), (3, 0), (0, 1)


class Combination:
    def __init__(self, way, security, loss):
        self.way, self.security, self.loss = way, security, loss
        self.__name__ = "%s_session_%s_loss_%d" % (
            way if way == "push" else "pull_over_" + way, security, loss)
        self.endpoint = self.__name__

    def __call__(self, bench):
        bench.endpoint = self.endpoint
        servers = bench.args.servers
        bench.server = servers["http" if self.way == "push" else self.way]
        try:
            self.update(bench)
        except Failure as e:
            raise Failure("%s; the server: %s" % (e, told(bench)))
        finally:
            bench.server = None  # others use it

    def account(self, server):
        """The instance of the Security object."""
        if self.security == "nosec":
            return {"uri": server.lwm2m[0]}
        if self.security == "x509":
            return {"uri": server.lwm2m[1], "mode": 2}

        def text(data):
            return base64.b64encode(data).decode()
        return {"uri": server.lwm2m[1], "mode": 0,
                "identity": text(self.endpoint.encode()),
                "secret": text(bytes.fromhex(KEY))}

    def files(self, bench):
        """What the module has in its file system."""
        folder = os.path.join(bench.path("state"), "files", "datatx")
        os.makedirs(folder)

        def put(name, to):
            shutil.copy(name, os.path.join(folder, to))
        if self.way == "https" or self.security == "x509":
            put(bench.shared("ca.pem"), "fota_cacert.pem")
        if self.security == "x509":
            certificate(bench, "own", self.endpoint,
                        "extendedKeyUsage=clientAuth\n", bench.shared("ca"))
            put(bench.path("own.pem"), "fota_client_cert.pem")
            put(bench.path("own.key"), "fota_client_key.pem")
        elif self.way == "coaps":
            with open(os.path.join(folder, "fota_psk.txt"), "w") as f:
                f.write("%s:%s\n" % (self.endpoint, KEY))

    def update(self, bench):
        self.files(bench)
        bench.module = Module(
            bench, {**bench.settings("", security=self.account(bench.server)),
                    "endpoint": self.endpoint}, "--verbose", "--seed",
            str(zlib.crc32(self.__name__.encode())))
        expect(bench.registered()["secure"], self.security != "nosec")
        expect(bench.module.control("net rtt %d" % RTT_MS), "OK")
        expect(bench.module.control("net loss %d" % self.loss), "OK")
        method = "push" if self.way == "push" else "pull"
        bench.server.update({"package": bench.args.package,
                             "method": method}, self.endpoint)
        self.meanwhile(bench)
        update = bench.finished()
        expect((update["state"], update["method"]), ("done", method))
        bench.registered(NEW)
        self.check(bench)

    def meanwhile(self, bench):
        """While the package comes in."""

    def check(self, bench):
        expect_lines(bench.module.urcs(), URCS[self.way])
        with open(bench.path("state/slot.flash"), "rb") as f, \
                open(bench.image(NEW), "rb") as image:
            if image.read() not in f.read():
                raise Failure("the new image is not what was built")
        with open(bench.path("module.log")) as f:
            expect(states(f.read()),
                   [DOWNLOADING, DOWNLOADED, UPDATING, UPDATED])
        whole = [IDLE, DOWNLOADING, DOWNLOADED, UPDATING, UPDATED]
        seen = told(bench)
        if self.loss == 0:
            expect(seen, whole)
        # What is true for a moment only may get lost, but nothing is told
        # twice, or late.
        elif (seen != [s for s in whole if s in seen] or
              not {IDLE, DOWNLOADED, UPDATED} <= set(seen)):
            raise Failure("the server was told %r" % seen)


class Reads(Combination):
    """The state is read all the while that the package comes in. Each answer
    within a second is what test_lwm2m_update asks for, on a clock of its own;
    here half of them are to be, as the machine may be busy."""

    def __init__(self, way, security):
        super().__init__(way, security, 0)
        self.__name__ = self.endpoint = "reads_during_" + self.__name__

    def meanwhile(self, bench):
        took, state, end = [], "0", time.monotonic() + PATIENCE
        while state in ("0", "1"):
            began = time.monotonic()
            answer = bench.server.ask("read", {"path": "/5/0/3"},
                                      self.endpoint)
            took.append(time.monotonic() - began)
            expect(answer["code"], "2.05")
            state = value_of(answer, "/5/0/3")
            if began > end:
                raise Failure("the package does not come in")
        if len(took) < 5 or statistics.median(took) > 1:
            raise Failure("%d reads, they took %r s" % (len(took), took))

    def check(self, bench):
        expect_lines(bench.module.urcs(), URCS[self.way])


def expect_lines(got, wanted):
    for i, (a, b) in enumerate(itertools.zip_longest(got, wanted)):
        if a != b:
            raise Failure("line %d is %s, wanted %s; before it %r" % (
                i, a, b, got[max(i - 4, 0):i]))


def states(log, who=""):
    """The pairs of state and result in a log, each change once."""
    found = [(int(s), int(r)) for s, r in re.findall(
        "LwM2M: %sfirmware state (\\d), result (\\d+)$" % re.escape(who), log,
        re.MULTILINE)]
    return [pair for i, pair in enumerate(found)
            if i == 0 or pair != found[i - 1]]


def told(bench):
    """What the server heard. State and result come in answers of their own:
    between a state of now and a result of before nothing is to be seen."""
    with open(bench.shared("dfotad.log")) as f:
        seen = states(f.read(), bench.endpoint + ": ")
    return [pair for i, pair in enumerate(seen)
            if pair != IDLE or seen[i + 1:i + 2] != [UPDATED]]


EVERY = [*(Combination(way, security, loss) for way in WAYS
           for security in SECURITIES for loss in LOSSES),
         Reads("push", "psk"), Reads("coap", "nosec")]


def is_covering(c):
    """Every way with every security, the losses in turn."""
    if isinstance(c, Reads):
        return True
    turn = WAYS.index(c.way) + SECURITIES.index(c.security)
    return LOSSES[turn % len(LOSSES)] == c.loss


def make_images(args):
    """The demo in two versions, the new one with random bytes behind."""
    folder = os.path.join(args.shared, "images")
    os.makedirs(folder)
    for version, more in ((OLD, 0), (NEW, PADDING)):
        name = "demo-%s.bin" % version
        with open(os.path.join(args.image_dir, name), "rb") as f:
            content = f.read()
        with open(os.path.join(folder, name), "wb") as f:
            f.write(content + random.Random(version).randbytes(more))
    args.image_dir = folder


def start_servers(args):
    """One for each way of the package, as each offers its best one; all have
    the content that the first one was given."""
    home = Bench(args, args.shared)
    certificate(home, "ca", "ca", "basicConstraints=critical,CA:TRUE\n")
    certificate(home, "srv", "localhost",
                "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n",
                "ca")
    with open(home.path("keys"), "w") as f:
        f.writelines("%s:%s\n" % (c.endpoint, KEY) for c in EVERY)
    home.server = Server(home, data="first")
    args.package = home.known_package()
    home.server.stop()
    for way in WAYS[1:]:
        shutil.copytree(home.path("first"), home.path(way),
                        ignore=shutil.ignore_patterns("*.sock"))
        args.servers[way] = Server(
            home, "--lwm2m", "coap://127.0.0.1:0", "--lwm2m",
            "coaps://127.0.0.1:0", "--lwm2m-keys", home.path("keys"),
            "--lwm2m-ca", home.path("ca.pem"), "--tls-cert",
            home.path("srv.pem"), "--tls-key", home.path("srv.key"),
            "--verbose", scheme=way, data=way)


def main():
    parser = arguments()
    parser.add_argument("--all", action="store_true")
    args = parser.parse_args()
    args.servers = {}
    chosen = [c for c in EVERY if c.__name__ in args.names or
              (not args.names and (args.all or is_covering(c)))]
    with tempfile.TemporaryDirectory() as args.shared:
        make_images(args)
        make_key(args, "key")
        try:
            start_servers(args)
            return 1 if run_all(args, chosen) else 0
        finally:
            for server in args.servers.values():
                server.stop()


if __name__ == "__main__":
    sys.exit(main())
