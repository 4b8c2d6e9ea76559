#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS handshakes of peers that are slow, silent or gone.

Usage: test_handshakes.py PATH/dfotad [unittest arguments]
"""
import os
import shutil
import socket
import ssl
import sys
import tempfile
import time
import unittest

import test_dfotad
from fleet import until


class Peer:
    """A TLS client whose bytes are moved by hand."""

    def __init__(self, port, version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if version:
            context.minimum_version = context.maximum_version = version
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.read, self.written = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.read, self.written)

    def step(self, what, *words):
        """Until it wants bytes of the server; returns what it gave, or
        None."""
        try:
            return what(*words)
        except ssl.SSLWantReadError:
            return None

    def send(self, size=1 << 20):
        data = self.written.read()
        for at in range(0, len(data), size):
            self.socket.sendall(data[at:at + size])

    def hello(self):
        """Says hello, and nothing more, and has heard the server."""
        self.step(self.tls.do_handshake)
        self.send()
        self.flight = self.socket.recv(65536)

    def ask(self, path, size):
        """The whole handshake and a request, in pieces of size bytes."""
        while self.tls.version() is None:
            self.step(self.tls.do_handshake)
            self.send(size)
            if self.step(self.tls.do_handshake) is None and \
                    self.tls.version() is None:
                self.read.write(self.socket.recv(65536))
        self.tls.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n"
                       "Connection: close\r\n\r\n".encode())
        self.send(size)
        answer = b""
        while part := self.socket.recv(65536):
            self.read.write(part)
            while got := self.step(self.tls.read, 65536):
                answer += got
        self.socket.close()
        return answer


def processor(pid):
    """Seconds that a process has used."""
    used = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
            used += int(f.read().split()[0])
    return used / 1e9


class Handshakes(test_dfotad.DfotadCase):
    def peer(self, version=None):
        return Peer(self.server.ports["https"], version)

    def test_those_that_wait_cost_nothing(self):
        waiting = []
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3) * 4:
            waiting.append(self.peer(version))
            waiting[-1].hello()
        before = processor(self.server.process.pid)
        time.sleep(2)  # the time that is measured
        self.assertLess(processor(self.server.process.pid) - before, 0.2)
        for peer in waiting:
            peer.socket.close()

    def test_pieces_of_few_bytes_make_a_whole(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for size in (1, 7, 4096):
                answer = self.peer(version).ask("/small.pkg", size)
                self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
                self.assertTrue(
                    answer.endswith(self.contents["small.pkg"]))

    def test_those_who_leave_in_the_middle_leave_nothing_behind(self):
        folder = f"/proc/{self.server.process.pid}/fd"
        self.ask("/small.pkg", scheme="https")
        before = len(os.listdir(folder))
        for _ in range(30):
            peer = self.peer()
            peer.hello()
            peer.socket.close()
        until(lambda: len(os.listdir(folder)) <= before)
        self.assertEqual(self.ask("/small.pkg", scheme="https")[0], 200)


class End(unittest.TestCase):
    def test_comes_while_others_wait(self):
        root = tempfile.mkdtemp(prefix="dfotad-")
        test_dfotad.make_packages(root)
        server = test_dfotad.Server(root)
        waiting = [Peer(server.ports["https"]) for _ in range(20)]
        for peer in waiting:
            peer.hello()
        self.assertEqual(server.stop(), 0)
        for peer in waiting:
            peer.socket.close()
        shutil.rmtree(root)


class Limits(unittest.TestCase):
    """Of open files, which are what connections are made of."""

    def start(self, soft, hard):
        """What it is allowed in the end, and what it said."""
        root = tempfile.mkdtemp(prefix="dfotad-")
        self.addCleanup(shutil.rmtree, root)
        test_dfotad.make_packages(root)
        program, script = test_dfotad.DFOTAD, os.path.join(root, "limited")
        with open(script, "w") as f:
            f.write(f"#!/bin/sh\nulimit -Sn {soft}\nulimit -Hn {hard}\n"
                    f'exec {program} "$@"\n')
        os.chmod(script, 0o755)
        test_dfotad.DFOTAD = script
        try:
            server = test_dfotad.Server(root)
        finally:
            test_dfotad.DFOTAD = program
        with open(f"/proc/{server.process.pid}/limits") as f:
            allowed = next(line.split()[3] for line in f
                           if line.startswith("Max open files"))
        said = server.said()
        self.assertEqual(server.stop(), 0)
        return int(allowed), said

    def test_the_server_takes_all_that_it_may(self):
        allowed, said = self.start(256, 4096)
        self.assertEqual(allowed, 4096)
        self.assertNotIn("open files", said)

    def test_few_are_said_to_be(self):
        allowed, said = self.start(256, 512)
        self.assertEqual(allowed, 512)
        self.assertIn("512 open files are allowed, enough for 224 "
                      "connections; raise the limit", said)


if __name__ == "__main__":
    test_dfotad.DFOTAD = os.path.abspath(sys.argv.pop(1))
    unittest.main()
