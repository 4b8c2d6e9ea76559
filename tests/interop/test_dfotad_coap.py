#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dfotad's packages over CoAP and CoAPS: Debian's coap-client, the bg95
module, and datagrams made here.

usage: test_dfotad_coap.py BIN_DIR [--measure] [unittest arguments]

--measure: no tests; the time of large downloads, and the server's memory after
a million that were begun, each from an address of its own that never asks
again.
"""
import concurrent.futures
import hashlib
import itertools
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import module_rig
import test_dfotad as http_test

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "cases"))
from case_coap import ACK, CON, NON, Request, encode  # noqa: E402

BIN = pathlib.Path()
IF_MATCH, URI_HOST, ETAG, IF_NONE_MATCH, OBSERVE = 1, 3, 4, 5, 6
URI_PATH, FORMAT, ACCEPT, BLOCK2, BLOCK1, SIZE2 = 11, 12, 17, 23, 27, 28
PROXY_URI = 35
PATIENCE = 60
KEY = "000102030405060708090a0b0c0d0e0f"
SECRET = "secretPSK"  # as coap-client takes it
LIBRARIES = ("gnutls", "openssl")


class Server:
    """One dfotad on ephemeral ports, over a folder of its own."""

    def __init__(self, root, *more, schemes=("coap",)):
        self.root = root
        words = [BIN / "dfotad", "--serve-dir", root / "packages", "--data",
                 root / "data"]
        for scheme in schemes:
            words += [f"--{scheme}", "127.0.0.1:0"]
        self.errors = open(root / "errors.txt", "w+")
        self.process = subprocess.Popen(
            [str(w) for w in [*words, *more]], stdout=subprocess.PIPE,
            stderr=self.errors, text=True,
            # Freed memory is given back, so that memory_kb() means something.
            env={**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=1:"
                 "thread_local_quarantine_size_kb=64"})
        self.ports = {}
        while len(self.ports) < len(schemes):
            words = self.process.stdout.readline().split()
            if words[:2] != ["dfotad:", "listening"]:
                raise AssertionError(f"no start: {words} {self.said()}")
            self.ports[words[2]] = int(words[3].split(":")[1])

    def said(self):
        return (self.root / "errors.txt").read_text()

    def wait_for(self, text, times=1):
        end = time.monotonic() + PATIENCE
        while self.said().count(text) < times:
            assert time.monotonic() < end, self.said()
            time.sleep(0.01)

    def url(self, name, scheme="coap"):
        return f"{scheme}://127.0.0.1:{self.ports[scheme]}/{name}"

    def stop(self):
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        said = self.said()
        self.errors.close()
        assert code == 0, (code, said)


class Answer:
    def __init__(self, data):
        self.data = data
        parsed = Request(data, None)
        self.code = f"{parsed.code >> 5}.{parsed.code & 31:02}"
        self.kind, self.mid = parsed.kind, parsed.mid
        self.options = dict(parsed.options)
        self.body = self.payload(data[4 + parsed.token_len:])

    @staticmethod
    def payload(rest):
        """Behind the options: they are walked, a block may hold any byte."""
        at = 0
        while at < len(rest) and rest[at] != 0xFF:
            nibbles, at = (rest[at] >> 4, rest[at] & 15), at + 1
            lengths = []
            for nibble in nibbles:
                if nibble == 13:
                    nibble, at = rest[at] + 13, at + 1
                elif nibble == 14:
                    nibble = int.from_bytes(rest[at:at + 2], "big") + 269
                    at += 2
                lengths.append(nibble)
            at += lengths[1]
        return rest[at + 1:]

    def uint(self, option):
        return int.from_bytes(self.options[option], "big")

    def block(self):
        value = self.uint(BLOCK2)
        return value >> 4, value >> 3 & 1, value & 7


def block2(num, szx):
    value = num << 4 | szx
    return BLOCK2, value.to_bytes((value.bit_length() + 7) // 8, "big")


class Client:
    """One address that asks, datagram by datagram."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", port))
        self.socket.settimeout(PATIENCE)
        self.mid = random.randrange(1 << 16)

    def send(self, path, *options, code="0.01", kind=CON, payload=b""):
        self.mid = (self.mid + 1) % (1 << 16)
        segments = path if isinstance(path, list) else \
            [part.encode() for part in path.split("/")]
        data = encode(kind, code, self.mid, b"tok",
                      [*((URI_PATH, s) for s in segments), *options], payload)
        self.socket.send(data)
        return data

    def receive(self):
        return Answer(self.socket.recv(4096))

    def ask(self, path, *options, **how):
        self.send(path, *options, **how)
        answer = self.receive()
        assert answer.mid == self.mid or how.get("kind") == NON
        return answer

    def fetch(self, path, szx):
        body, num, more = b"", 0, 1
        while more:
            answer = self.ask(path, block2(num, szx))
            assert answer.code == "2.05", answer.code
            assert answer.block()[0] == num and answer.block()[2] == szx
            body += answer.body
            num, more = num + 1, answer.block()[1]
        return body

    def close(self):
        self.socket.close()


numbers = itertools.count(1)


def fetch_by(library, server, name, *options, scheme="coap", folder=None):
    """Debian's client; returns what it got, None if nothing. Each has an
    address of its own: libcoap sets SO_REUSEADDR on clients' sockets, and so
    Linux gives a port now and then to two of them that live at once. Over
    DTLS the session of the first ends when the second begins."""
    out = (folder or server.root) / f"got-{library}-{os.urandom(4).hex()}"
    i = next(numbers)
    subprocess.run([f"coap-client-{library}", "-a",
                    f"127.{64 + (i >> 16)}.{i >> 8 & 255}.{i & 255}",
                    "-B", "50", "-m", "get", "-o", str(out),
                    *map(str, options), server.url(name, scheme)],
                   capture_output=True, timeout=2 * PATIENCE)
    return out.read_bytes() if out.exists() else None


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="dfotad-coap-"))
        cls.contents = http_test.make_packages(str(cls.root))
        cls.start()

    @classmethod
    def start(cls):
        cls.server = Server(cls.root)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        shutil.rmtree(cls.root)


class Packages(Case):
    def setUp(self):
        self.client = Client(self.server.ports["coap"])
        self.addCleanup(self.client.close)

    def path(self, name):
        return self.root / "packages" / name

    def test_coap_client_fetches_20_megabytes_and_every_other_package(self):
        big = random.Random(3).randbytes(20_000_000)
        self.path("big.pkg").write_bytes(big)
        for name, content in [*self.contents.items(), ("big.pkg", big)]:
            if content and " " not in name:
                got = fetch_by("notls", self.server, name, "-b", 1024)
                self.assertTrue(got == content, name)
        self.path("big.pkg").unlink()

    def test_every_block_size_gives_the_same_bytes(self):
        for szx in range(7):
            with self.subTest(size=16 << szx):
                self.assertEqual(self.client.fetch("small.pkg", szx),
                                 self.contents["small.pkg"])

    def test_without_block2_a_body_comes_in_blocks_of_1024_if_it_must(self):
        answer = self.client.ask("small.pkg")
        self.assertEqual((answer.code, answer.body),
                         ("2.05", self.contents["small.pkg"]))
        self.assertNotIn(BLOCK2, answer.options)
        answer = self.client.ask("fw.pkg")
        self.assertEqual(answer.block(), (0, 1, 6))
        self.assertEqual(answer.body, self.contents["fw.pkg"][:1024])
        self.assertEqual(self.client.ask("empty.pkg").body, b"")
        self.assertEqual(self.client.ask("with space.pkg").body, b"space")

    def test_the_block_size_may_change_in_a_download(self):
        content = self.contents["fw.pkg"]
        for szx, num in ((6, 0), (6, 1), (2, 32), (5, 5), (0, 200)):
            size = 16 << szx
            answer = self.client.ask("fw.pkg", block2(num, szx))
            self.assertEqual(answer.block(), (num, 1, szx))
            self.assertEqual(answer.body, content[num * size:][:size])

    def test_a_large_file_is_read_block_by_block(self):
        content = self.contents["large.pkg"]
        last = (len(content) - 1) // 1024
        for num in (0, 5000, last - 1, last):
            answer = self.client.ask("large.pkg", block2(num, 6))
            self.assertEqual(answer.body, content[num * 1024:][:1024])
            self.assertEqual(answer.block()[1], num != last)

    def test_a_file_that_has_more_blocks_than_numbers_is_5_01(self):
        with open(self.path("huge.pkg"), "wb") as f:
            f.truncate((1 << 30) + 1)
        self.assertEqual(self.client.ask("huge.pkg").code, "5.01")
        self.path("huge.pkg").unlink()

    def test_size2_and_etag_and_the_format_are_said(self):
        content = self.contents["fw.pkg"]
        first = self.client.ask("fw.pkg", block2(0, 6))
        self.assertEqual(first.uint(SIZE2), len(content))
        self.assertEqual(first.options[ETAG],
                         hashlib.sha256(content).digest()[:8])
        self.assertEqual(first.uint(FORMAT), 42)
        later = self.client.ask("fw.pkg", block2(3, 6))
        self.assertNotIn(SIZE2, later.options)
        self.assertEqual(later.options[ETAG], first.options[ETAG])
        asked = self.client.ask("fw.pkg", block2(3, 6), (SIZE2, b""))
        self.assertEqual(asked.uint(SIZE2), len(content))

    def test_a_known_etag_is_2_03_and_another_is_the_body(self):
        tag = self.client.ask("fw.pkg").options[ETAG]
        answer = self.client.ask("fw.pkg", (ETAG, tag))
        self.assertEqual((answer.code, answer.body, answer.options[ETAG]),
                         ("2.03", b"", tag))
        answer = self.client.ask("fw.pkg", (ETAG, b"12345678"), (ETAG, tag))
        self.assertEqual(answer.code, "2.03")
        answer = self.client.ask("fw.pkg", (ETAG, b"12345678"))
        self.assertEqual(answer.code, "2.05")

    def test_if_match_and_if_none_match_are_conditions(self):
        tag = self.client.ask("fw.pkg").options[ETAG]
        for options, code in ([(IF_MATCH, tag)], "2.05"), \
                ([(IF_MATCH, b"")], "2.05"), \
                ([(IF_MATCH, b"12345678")], "4.12"), \
                ([(IF_MATCH, b"12345678"), (IF_MATCH, tag)], "2.05"), \
                ([(IF_MATCH, tag[:4])], "4.12"), \
                ([(IF_NONE_MATCH, b"")], "4.12"):
            with self.subTest(options=options):
                self.assertEqual(self.client.ask("fw.pkg", *options).code,
                                 code)

    def test_a_renamed_package_is_another_one_at_once(self):
        self.path("r.pkg").write_bytes(b"1" * 3000)
        before = self.client.ask("r.pkg", block2(0, 6))
        self.path("r.new").write_bytes(b"2" * 3000)
        self.path("r.new").rename(self.path("r.pkg"))
        after = self.client.ask("r.pkg", block2(1, 6))
        self.assertEqual(after.body, b"2" * 1024)
        self.assertNotEqual(after.options[ETAG], before.options[ETAG])

    def test_what_is_not_a_package_is_4_04(self):
        for path in ("nothing.pkg", "sub", "sub/deeper", "fifo", ".dot",
                     ".hidden/x", "sub/.dot", "out", "passwd", "up/secret",
                     "..", "../secret", "sub/../fw.pkg", "sub/./deeper",
                     "/fw.pkg", "fw.pkg/", "sub//deeper/fw.pkg",
                     [b"../secret"], [b"sub/deeper/fw.pkg"], [b"..%2fsecret"],
                     [b"%2e%2e", b"secret"], [b"fw.pkg?x"], [b"fw.pkg#x"],
                     [b"/etc/passwd"], [], ".well-known/core"):
            with self.subTest(path=path):
                answer = self.client.ask(path)
                self.assertEqual((answer.code, answer.body), ("4.04", b""))
        self.assertEqual(self.client.ask("latest.pkg", block2(0, 0)).body,
                         self.contents["fw.pkg"][:16])

    def test_a_malformed_path_is_4_00(self):
        for path in ([b"fw.pkg\0"], [b"a\nb"], [b"x" * 255] * 4):
            with self.subTest(path=path[:1]):
                self.assertEqual(self.client.ask(path).code, "4.00")

    def test_only_get_is_answered(self):
        for code in ("0.02", "0.03", "0.04", "0.05", "0.06", "0.07", "0.31"):
            with self.subTest(code=code):
                answer = self.client.ask("fw.pkg", code=code, payload=b"x")
                self.assertEqual(answer.code, "4.05")
        self.assertEqual(self.path("fw.pkg").read_bytes(),
                         self.contents["fw.pkg"])

    def test_what_cannot_be_given_is_refused_by_its_code(self):
        for options, code in ([(BLOCK2, b"\x07")], "4.00"), \
                ([(BLOCK2, b"\0\0\0\0")], "4.00"), \
                ([block2(0xFFFFF, 6)], "4.02"), \
                ([block2(0xFFFFF, 0)], "4.02"), \
                ([block2(196, 6)], "4.02"), \
                ([(BLOCK1, b"\x06")], "4.02"), \
                ([(9, b"x")], "4.02"), \
                ([(URI_HOST, b"h"), (URI_HOST, b"h")], "4.02"), \
                ([(ACCEPT, b"")], "4.06"), \
                ([(ACCEPT, b"\x2a")], "2.05"), \
                ([(OBSERVE, b"")], "2.05"), \
                ([(2048, b"x" * 300)], "2.05"), \
                ([(SIZE2, b"\1" * 60)], "2.05"), \
                ([(URI_HOST, b"h")], "2.05"), \
                ([(PROXY_URI, b"coap://h/x")], "5.05"):
            with self.subTest(options=options):
                self.assertEqual(self.client.ask("fw.pkg", *options).code,
                                 code)

    def test_a_non_confirmable_get_is_answered_so(self):
        answer = self.client.ask("small.pkg", kind=NON)
        self.assertEqual((answer.kind, answer.body),
                         (NON, self.contents["small.pkg"]))
        self.client.send("small.pkg", (9, b"x"), kind=NON)  # no answer
        self.assertEqual(self.client.ask("small.pkg").kind, ACK)

    def test_a_request_sent_again_gets_the_same_datagram(self):
        """Also when its file is no more."""
        for size in (3000, 17 << 20):
            self.path("d.pkg").write_bytes(os.urandom(size))
            sent = self.client.send("d.pkg", block2(1, 6), (SIZE2, b""))
            first = self.client.receive()
            self.assertEqual(first.code, "2.05")
            self.path("d.pkg").unlink()
            for name in ("small.pkg", "fw.pkg", "large.pkg"):
                self.client.ask(name)
            for _ in range(2):
                self.client.socket.send(sent)
                self.assertEqual(self.client.receive().data, first.data)
            self.assertEqual(self.client.ask("d.pkg").code, "4.04")

    def test_a_file_that_is_written_to_is_not_sent_under_its_old_tag(self):
        path = self.path("w.pkg")
        path.write_bytes(b"1" * (17 << 20))
        sent = self.client.send("w.pkg", block2(1, 6))
        tag = self.client.receive().options[ETAG]
        with open(path, "r+b") as f:
            f.write(b"2" * 5000)
        self.client.socket.send(sent)
        self.assertEqual(self.client.receive().code, "5.03")
        self.assertNotEqual(self.client.ask("w.pkg").options[ETAG], tag)
        path.unlink()

    def test_more_files_than_are_kept_open_are_all_served(self):
        for i in range(100):
            self.path(f"m{i}.pkg").write_bytes(bytes([i]) * 2000)
        for num in (0, 1):
            for i in range(100):
                answer = self.client.ask(f"m{i}.pkg", block2(num, 6))
                self.assertEqual(set(answer.body), {i})
        files = os.listdir(f"/proc/{self.server.process.pid}/fd")
        self.assertLess(len(files), 100)

    def test_noise_is_survived(self):
        rng = random.Random(5)
        for _ in range(2000):
            self.client.socket.send(rng.randbytes(rng.randrange(40)))
        whole = self.client.send("fw.pkg", block2(0, 6))
        for length in range(len(whole)):
            self.client.socket.send(whole[:length])
        other = Client(self.server.ports["coap"])
        self.assertEqual(other.fetch("small.pkg", 6),
                         self.contents["small.pkg"])
        other.close()

    def test_addresses_that_never_come_back_take_a_bounded_room(self):
        """More of them than the server remembers, and then more; who
        downloads beside them is not disturbed."""
        flood(self.server.ports["coap"], range(20_000))
        before = memory_kb(self.server)
        flood(self.server.ports["coap"], range(20_000, 50_000))
        self.assertLess(memory_kb(self.server) - before, 6000)
        self.assertEqual(self.client.fetch("fw.pkg", 6),
                         self.contents["fw.pkg"])


def memory_kb(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def from_address(address):
    """Control data that makes a datagram leave from an address of ours."""
    return [(socket.IPPROTO_IP, 8,  # IP_PKTINFO
             struct.pack("=i4s4s", 0, socket.inet_aton(address), b"\0" * 4))]


def flood(port, numbers):
    """Block 0 asked for from so many addresses of 127/8, one datagram each; in steps
    that the server's socket holds, each ended by an answer."""
    data = encode(CON, "0.01", 7, b"", [(URI_PATH, b"fw.pkg"), block2(0, 6)])
    client = Client(port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for i in numbers:
            address = f"127.{1 + (i >> 16)}.{i >> 8 & 255}.{i & 255}"
            s.sendmsg([data], from_address(address), 0, ("127.0.0.1", port))
            if i % 500 == 499:
                client.ask("small.pkg", block2(0, 0))
    client.close()


class Secure(Case):
    """Keys and a certificate at one listener."""

    @classmethod
    def start(cls):
        cls.cert, cls.key = http_test.make_certificate(
            str(cls.root), "server", http_test.EC)
        cls.keys = cls.root / "keys"
        cls.keys.write_text(f"# modules\nme:{SECRET.encode().hex()}\n")
        cls.server = Server(cls.root, "--tls-cert", cls.cert, "--tls-key",
                            cls.key, "--lwm2m-keys", cls.keys,
                            schemes=("coaps",))

    def reload(self, outcome):
        said = self.server.said().count(outcome)
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_for(outcome, said + 1)

    def fetch(self, library, *options, name="fw.pkg"):
        return fetch_by(library, self.server, name, "-B", 20, *options,
                        scheme="coaps") == self.contents[name]

    def test_by_certificate(self):
        for library in LIBRARIES:
            self.assertTrue(self.fetch(library, "-C", self.cert), library)

    def test_by_key(self):
        for library in LIBRARIES:
            self.assertTrue(self.fetch(library, "-u", "me", "-k", SECRET))

    def test_a_wrong_key_and_an_unknown_name_get_nothing(self):
        for name, key in (("me", "another"), ("you", SECRET)):
            got = fetch_by("gnutls", self.server, "small.pkg", "-u", name,
                           "-k", key, "-B", "2", scheme="coaps")
            self.assertFalse(got)

    def test_new_keys_and_certificates_serve_after_a_reload(self):
        old, kept = self.keys.read_text(), pathlib.Path(self.cert).read_text()
        self.keys.write_text("you:%s\n" % b"other".hex())
        cert, key = http_test.make_certificate(str(self.root), "second",
                                               http_test.EC)
        pair = [(cert, self.cert), (key, self.key)]
        key_kept = pathlib.Path(self.key).read_text()
        for new, place in pair:
            shutil.copy(new, place)
        self.reload("of coaps read again")
        self.assertTrue(self.fetch("gnutls", "-u", "you", "-k", "other"))
        self.assertTrue(self.fetch("gnutls", "-C", cert))
        self.keys.write_text("no key\n")
        self.reload("of coaps stay as they were")
        self.assertTrue(self.fetch("gnutls", "-u", "you", "-k", "other"))
        self.keys.write_text(old)
        pathlib.Path(self.cert).write_text(kept)
        pathlib.Path(self.key).write_text(key_kept)
        self.reload("of coaps read again")

    def test_80_clients_at_once_all_finish(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            got = list(pool.map(
                lambda i: self.fetch("gnutls", "-u", "me", "-k", SECRET,
                                     name="sub/deeper/fw.pkg"), range(80)))
        self.assertEqual(got.count(True), 80)


class Start(unittest.TestCase):
    """What is said when it starts, or does not."""

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="dfotad-coap-"))
        self.addCleanup(shutil.rmtree, self.root)
        (self.root / "packages").mkdir()
        (self.root / "packages" / "a").write_bytes(b"a" * 2000)

    def test_coaps_alone_makes_a_certificate(self):
        server = Server(self.root, schemes=("coaps",))
        got = fetch_by("gnutls", server, "a", "-C",
                       self.root / "data" / "tls-cert.pem", scheme="coaps")
        server.stop()
        self.assertEqual(got, b"a" * 2000)

    def test_keys_without_a_certificate_are_keys_alone(self):
        """Also when HTTPS has made itself a certificate."""
        (self.root / "keys").write_text("me:%s\n" % SECRET.encode().hex())
        for schemes in (["coaps"], ["https", "coaps"]):
            server = Server(self.root, "--lwm2m-keys", self.root / "keys",
                            schemes=schemes)
            got = fetch_by("gnutls", server, "a", "-u", "me", "-k", SECRET,
                           scheme="coaps")
            self.assertEqual(got, b"a" * 2000)
            self.assertFalse(fetch_by("gnutls", server, "a", "-B", "2",
                                      scheme="coaps"))
            server.stop()
            self.assertEqual((self.root / "data").exists(),
                             "https" in schemes)

    def test_what_cannot_be_is_one_line_and_an_exit_status(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            for words, code, text in (
                    (["--coap", f"127.0.0.1:{port}"], 1, "in use"),
                    (["--coap", "127.0.0.1"], 2, "ADDR:PORT"),
                    (["--coap", "127.0.0.1:65536"], 2, "ADDR:PORT"),
                    (["--coaps", "127.0.0.1:0", "--lwm2m-keys", "/none"], 1,
                     "/none"),
                    (["--public-coap", "http://h:1"], 2, "SCHEME")):
                done = subprocess.run(
                    [str(BIN / "dfotad"), "--serve-dir",
                     str(self.root / "packages"), "--data",
                     str(self.root / "data"), *words],
                    capture_output=True, text=True, timeout=PATIENCE)
                with self.subTest(words=words):
                    self.assertEqual(done.returncode, code, done.stderr)
                    self.assertIn(text, done.stderr)
                    self.assertEqual(done.stderr.count("\n"), 1)


class Updates(unittest.TestCase):
    """The bg95 module fetches its package from dfotad and updates."""

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="dfotad-coap-"))
        self.addCleanup(shutil.rmtree, self.root)
        (self.root / "packages").mkdir()
        self.rig = module_rig.Rig(self.root, BIN / "dfota-module",
                                  BIN / "dfota")
        self.addCleanup(self.rig.stop)
        shutil.copy(self.root / self.rig.package("bg95"),
                    self.root / "packages" / "p")

    def update(self, scheme, *options, files):
        """files: what the module has in datatx."""
        server = Server(self.root, *options, schemes=(scheme,))
        self.addCleanup(server.stop)
        place = self.root / "module" / "state" / "files" / "datatx"
        place.mkdir(parents=True)
        for name, content in files.items():
            (place / name).write_bytes(content)
        module = module_rig.Module(self.rig, "bg95", self.root / "module",
                                   "--speed", "0")
        self.addCleanup(module.close)
        module.until("APP RDY")
        module.send(f'AT+QFOTADL="{server.url("p", scheme)}"')
        module.until('"COAPEND",0$')
        module.until('"FOTA","END",0$')
        module.wait_for("version", "1.1.0")
        return server

    def test_over_coap(self):
        self.update("coap", files={})

    def test_over_coaps_with_a_key(self):
        (self.root / "keys").write_text(f"module:{KEY}\n")
        self.update("coaps", "--lwm2m-keys", self.root / "keys",
                    files={"fota_psk.txt": f"module:{KEY}\n".encode()})

    def test_over_coaps_with_certificates_on_both_sides(self):
        pairs = [http_test.make_certificate(str(self.root), name,
                                            http_test.EC)
                 for name in ("server", "module")]
        cert, key = pairs[0]
        files = {name: pathlib.Path(path).read_bytes()
                 for name, path in (("fota_cacert.pem", cert),
                                    ("fota_client_cert.pem", pairs[1][0]),
                                    ("fota_client_key.pem", pairs[1][1]))}
        server = self.update("coaps", "--tls-cert", cert, "--tls-key", key,
                             "--client-ca", pairs[1][0], files=files)
        self.assertFalse(fetch_by("gnutls", server, "p", "-B", "2", "-C",
                                  cert, scheme="coaps"))


def timed(what, function):
    began = time.monotonic()
    result = function()
    print(f"{what}: {time.monotonic() - began:.2f} s", flush=True)
    return result


def measure():
    root = pathlib.Path(tempfile.mkdtemp(prefix="dfotad-coap-"))
    http_test.make_packages(str(root))
    big = random.Random(3).randbytes(20_000_000)
    (root / "packages" / "big.pkg").write_bytes(big)
    (root / "keys").write_text("me:%s\n" % SECRET.encode().hex())
    server = Server(root, "--lwm2m-keys", root / "keys",
                    schemes=("coap", "coaps"))
    psk = ["-u", "me", "-k", SECRET]
    for what, library, scheme, options in (
            ("coap", "notls", "coap", []), ("coaps", "gnutls", "coaps", psk)):
        got = timed(f"20 MB to coap-client over {what}", lambda: fetch_by(
            library, server, "big.pkg", "-b", 1024, *options, scheme=scheme))
        assert got == big
    with concurrent.futures.ThreadPoolExecutor(80) as pool:
        got = timed("200 KB to each of 80 coap-clients over coaps",
                    lambda: list(pool.map(lambda _: fetch_by(
                        "gnutls", server, "fw.pkg", *psk, scheme="coaps"),
                        range(80))))
    assert all(len(body) == 200_000 for body in got)
    before = memory_kb(server)
    timed("a million downloads begun", lambda: flood(
        server.ports["coap"], range(1_000_000)))
    print(f"memory {before} KB before, {memory_kb(server)} KB after")
    server.stop()
    shutil.rmtree(root)


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv.pop(1)).resolve()
    if sys.argv[1:] == ["--measure"]:
        measure()
    else:
        unittest.main()
