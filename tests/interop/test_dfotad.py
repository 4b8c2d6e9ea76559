#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dfotad seen from outside: http.client, raw sockets, curl, openssl.

Usage: test_dfotad.py PATH/dfotad [unittest arguments]
"""
import concurrent.futures
import hashlib
import http.client
import os
import random
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

DFOTAD = None


class Server:
    """One dfotad on ephemeral ports, over a folder of its own."""

    def __init__(self, root, *more, http=True, https=True):
        self.data = os.path.join(root, "data")
        args = [DFOTAD, "--serve-dir", os.path.join(root, "packages"),
                "--data", self.data, "--admin", "127.0.0.1:0", *more]
        wanted = ["admin"]
        if http:
            args += ["--http", "127.0.0.1:0"]
            wanted.append("http")
        if https:
            args += ["--https", "127.0.0.1:0"]
            wanted.append("https")
        self.errors = open(os.path.join(root, "errors.txt"), "w+")
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        self.ports = {}
        while len(self.ports) < len(wanted):
            line = self.process.stdout.readline()
            match = re.fullmatch(
                r"dfotad: listening (\w+) 127\.0\.0\.1:(\d+)\n", line)
            if not match:
                self.process.wait()
                raise AssertionError(f"no start: {line!r} {self.said()}")
            self.ports[match[1]] = int(match[2])

    def said(self):
        self.errors.flush()
        with open(self.errors.name) as f:
            return f.read()

    def wait_for(self, text, times=1):
        """Until the server has said this so often on standard error."""
        end = time.monotonic() + 10
        while self.said().count(text) < times:
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} not in {self.said()!r}")
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=20)
        self.process.stdout.close()
        said = self.said()
        self.errors.close()
        if "Sanitizer" in said or "runtime error" in said:
            raise AssertionError(said)
        return code


def make_packages(root):
    """name -> content, and the traps that are not packages."""
    rng = random.Random(1)
    contents = {
        "small.pkg": rng.randbytes(1000),
        "fw.pkg": rng.randbytes(200_000),
        "sub/deeper/fw.pkg": rng.randbytes(70_001),
        "empty.pkg": b"",
        "large.pkg": rng.randbytes(17 * 1024 * 1024 + 3),
        "with space.pkg": b"space",
    }
    folder = os.path.join(root, "packages")
    for name, content in contents.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)
    with open(os.path.join(root, "secret"), "w") as f:
        f.write("secret")
    os.makedirs(os.path.join(folder, ".hidden"))
    for hidden in (".hidden/x", ".dot", "sub/.dot"):
        with open(os.path.join(folder, hidden), "w") as f:
            f.write("secret")
    os.symlink("../secret", os.path.join(folder, "out"))
    os.symlink("/etc/passwd", os.path.join(folder, "passwd"))
    os.symlink("..", os.path.join(folder, "up"))
    os.symlink("fw.pkg", os.path.join(folder, "latest.pkg"))
    os.mkfifo(os.path.join(folder, "fifo"))
    return contents


def make_certificate(folder, name, algorithm, days="30"):
    cert, key = (os.path.join(folder, f"{name}-{part}.pem")
                 for part in ("cert", "key"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-days",
         days, "-subj", f"/CN={name}", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out",
         cert], check=True, capture_output=True)
    return cert, key


EC = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
RSA = ["rsa:2048"]


def etag_of(content):
    return '"' + hashlib.sha256(content).hexdigest() + '"'


class DfotadCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="dfotad-")
        cls.contents = make_packages(cls.root)
        cls.server = Server(cls.root)
        cls.cafile = os.path.join(cls.server.data, "tls-cert.pem")

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        shutil.rmtree(cls.root)
        assert code == 0, code

    def context(self, cafile=None):
        return ssl.create_default_context(cafile=cafile or self.cafile)

    def connect(self, scheme="http", timeout=60):
        port = self.server.ports[scheme]
        if scheme == "https":
            return http.client.HTTPSConnection(
                "localhost", port, timeout=timeout, context=self.context())
        return http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def ask(self, path, method="GET", scheme="http", body=None, **headers):
        """One request on a connection of its own: status, headers, body."""
        connection = self.connect(scheme)
        connection.request(method, path, body=body,
                           headers={k.replace("_", "-"): v
                                    for k, v in headers.items()})
        response = connection.getresponse()
        answer = response.status, response.headers, response.read()
        connection.close()
        return answer

    def raw(self, request, timeout=20):
        """Bytes in, bytes until the server closes out."""
        with socket.create_connection(
                ("127.0.0.1", self.server.ports["http"]), timeout) as s:
            s.sendall(request)
            s.settimeout(timeout)
            return self.read_all(s)

    @staticmethod
    def read_all(s):
        answer = bytearray()
        try:
            while part := s.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
        return bytes(answer)


class Delivery(DfotadCase):
    def test_every_package_arrives_whole_over_both_schemes(self):
        for scheme in ("http", "https"):
            for name, content in self.contents.items():
                with self.subTest(scheme=scheme, name=name):
                    status, headers, body = self.ask(
                        "/" + name.replace(" ", "%20"), scheme=scheme)
                    self.assertEqual(status, 200)
                    self.assertEqual(body, content)
                    self.assertEqual(headers["Content-Length"],
                                     str(len(content)))
                    self.assertEqual(headers["ETag"], etag_of(content))
                    self.assertEqual(headers["Accept-Ranges"], "bytes")

    def test_a_single_range_is_exact(self):
        for scheme, name in (("http", "fw.pkg"), ("https", "fw.pkg"),
                             ("http", "large.pkg"), ("https", "large.pkg")):
            content = self.contents[name]
            size = len(content)
            for value, first, last in (
                    ("bytes=0-0", 0, 0), ("bytes=0-", 0, size - 1),
                    ("bytes=1-2", 1, 2), ("bytes=-1", size - 1, size - 1),
                    (f"bytes={size - 1}-", size - 1, size - 1),
                    (f"bytes=4095-{size + 5}", 4095, size - 1),
                    (f"bytes=-{size + 5}", 0, size - 1),
                    ("bytes=16383-99999999999999999999", 16383, size - 1)):
                with self.subTest(scheme=scheme, name=name, value=value):
                    status, headers, body = self.ask("/" + name, scheme=scheme,
                                                     Range=value)
                    self.assertEqual(status, 206)
                    self.assertEqual(headers["Content-Range"],
                                     f"bytes {first}-{last}/{size}")
                    self.assertEqual(headers["Content-Length"],
                                     str(last - first + 1))
                    self.assertEqual(headers["ETag"], etag_of(content))
                    self.assertEqual(body, content[first:last + 1])

    def test_a_range_behind_the_end_is_416_with_the_size(self):
        for name, value in (("small.pkg", "bytes=1000-"),
                            ("small.pkg", "bytes=5000-6000"),
                            ("small.pkg", "bytes=-0"),
                            ("empty.pkg", "bytes=0-"),
                            ("empty.pkg", "bytes=-1")):
            with self.subTest(name=name, value=value):
                status, headers, _ = self.ask("/" + name, Range=value)
                self.assertEqual(status, 416)
                self.assertEqual(headers["Content-Range"],
                                 f"bytes */{len(self.contents[name])}")

    def test_a_range_that_is_none_gets_the_whole(self):
        for value in ("bytes=", "bytes=5-2", "bytes=a-b", "items=0-1",
                      "bytes=0-1,5-6", "junk"):
            with self.subTest(value=value):
                status, headers, body = self.ask("/small.pkg", Range=value)
                self.assertEqual(status, 200)
                self.assertEqual(body, self.contents["small.pkg"])
                self.assertIsNone(headers["Content-Range"])

    def test_two_range_fields_get_the_whole(self):
        answer = self.raw(b"GET /small.pkg HTTP/1.1\r\nHost: a\r\n"
                          b"Range: bytes=0-1\r\nRange: bytes=4-5\r\n"
                          b"Connection: close\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer[:40])

    def test_if_range_lets_the_range_stand_for_the_very_tag_only(self):
        content = self.contents["fw.pkg"]
        tag = etag_of(content)
        for value, status in ((tag, 206), ("W/" + tag, 200), ('"x"', 200),
                              ("Fri, 20 Nov 2026 10:44:40 GMT", 200)):
            with self.subTest(value=value):
                got, _, body = self.ask("/fw.pkg", Range="bytes=10-19",
                                        If_Range=value)
                self.assertEqual(got, status)
                self.assertEqual(body,
                                 content[10:20] if status == 206 else content)

    def test_preconditions_by_tag(self):
        tag = etag_of(self.contents["fw.pkg"])
        for field, value, status in (
                ("If_None_Match", tag, 304), ("If_None_Match", "*", 304),
                ("If_None_Match", "W/" + tag, 304),
                ("If_None_Match", '"x"', 200), ("If_Match", tag, 200),
                ("If_Match", '"x", ' + tag, 200), ("If_Match", '"x"', 412),
                ("If_Match", "W/" + tag, 412)):
            with self.subTest(field=field, value=value):
                got, headers, body = self.ask("/fw.pkg", **{field: value})
                self.assertEqual(got, status)
                if status == 304:
                    self.assertEqual((headers["ETag"], body), (tag, b""))

    def test_head_says_all_and_sends_nothing_and_ignores_range(self):
        for name in ("fw.pkg", "large.pkg", "empty.pkg"):
            status, headers, body = self.ask("/" + name, "HEAD",
                                             Range="bytes=0-9")
            self.assertEqual((status, body), (200, b""))
            self.assertEqual(headers["Content-Length"],
                             str(len(self.contents[name])))
            self.assertEqual(headers["ETag"], etag_of(self.contents[name]))
        status, headers, body = self.ask("/nowhere", "HEAD")
        self.assertEqual((status, body), (404, b""))

    def test_http_1_0_needs_no_host_and_ends_with_the_answer(self):
        content = self.contents["fw.pkg"]
        answer = self.raw(b"GET /fw.pkg HTTP/1.0\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertEqual(body, content)
        self.assertIn(b"Content-Length: 200000", head)
        self.assertNotIn(b"Transfer-Encoding", head)
        answer = self.raw(b"GET /fw.pkg HTTP/1.0\r\nRange: bytes=5-9\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b" 206 ", head.splitlines()[0])
        self.assertEqual(body, content[5:10])

    def test_http_1_0_may_keep_the_connection(self):
        request = (b"GET /small.pkg HTTP/1.0\r\nConnection: keep-alive\r\n"
                   b"\r\nGET /small.pkg HTTP/1.0\r\n\r\n")
        self.assertEqual(self.raw(request).count(self.contents["small.pkg"]),
                         2)

    def test_one_connection_serves_many_requests_also_in_one_go(self):
        connection = self.connect()
        for _ in range(5):
            connection.request("GET", "/small.pkg")
            self.assertEqual(connection.getresponse().read(),
                             self.contents["small.pkg"])
        connection.close()
        one = b"GET /small.pkg HTTP/1.1\r\nHost: a\r\n%s\r\n"
        answer = self.raw(one % b"" * 4 + one % b"Connection: close\r\n")
        self.assertEqual(answer.count(self.contents["small.pkg"]), 5)

    def test_other_methods_are_405_with_allow_and_unknown_paths_404(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE",
                       "get"):
            with self.subTest(method=method):
                status, headers, _ = self.ask("/fw.pkg", method)
                self.assertEqual(status, 405)
                self.assertEqual(headers["Allow"], "GET, HEAD")
                self.assertEqual(self.ask("/nowhere", method)[0], 404)
        status, headers, _ = self.ask("/fw.pkg", "POST", body=b"x" * 1000)
        self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"))

    def test_the_absolute_form_of_a_target_is_understood(self):
        answer = self.raw(b"GET http://x/small.pkg?a=b HTTP/1.1\r\nHost: x\r\n"
                          b"Connection: close\r\n\r\n")
        self.assertTrue(answer.endswith(self.contents["small.pkg"]))

    def test_a_replaced_file_is_seen_at_once_and_breaks_no_resume(self):
        path = os.path.join(self.root, "packages", "changing.pkg")
        for content in (b"a" * 5000, b"b" * 5000, b"c" * 5000):
            with open(path + ".new", "wb") as f:
                f.write(content)
            os.rename(path + ".new", path)
            status, headers, body = self.ask("/changing.pkg")
            self.assertEqual((status, body), (200, content))
            self.assertEqual(headers["ETag"], etag_of(content))
        status, _, body = self.ask("/changing.pkg", Range="bytes=4000-",
                                   If_Range=etag_of(b"a" * 5000))
        self.assertEqual((status, body), (200, b"c" * 5000))

    def test_a_file_changed_in_place_has_another_tag(self):
        path = os.path.join(self.root, "packages", "inplace.pkg")
        with open(path, "wb") as f:
            f.write(b"0" * 3000)
        for byte in b"abcdefgh":
            with open(path, "r+b") as f:
                f.write(bytes([byte]) * 3000)
            status, headers, body = self.ask("/inplace.pkg")
            self.assertEqual((status, body), (200, bytes([byte]) * 3000))
            self.assertEqual(headers["ETag"], etag_of(body))

    def test_curl_downloads_and_resumes(self):
        whole = self.contents["large.pkg"]
        for url in (f"http://127.0.0.1:{self.server.ports['http']}",
                    f"https://localhost:{self.server.ports['https']}"):
            path = os.path.join(self.root, "resumed")
            with open(path, "wb") as f:
                f.write(whole[:1_000_001])
            subprocess.run(["curl", "-sSf", "--cacert", self.cafile, "-C", "-",
                            "-o", path, url + "/large.pkg"], check=True)
            with open(path, "rb") as f:
                self.assertEqual(f.read(), whole)

    def test_the_admin_listener_says_it_lives_and_nothing_else(self):
        connection = self.connect("admin")
        for path, status in (("/live", 200), ("/fw.pkg", 404), ("/", 404)):
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            self.assertEqual(response.status, status)
        connection.close()
        self.assertEqual(self.ask("/live")[0], 404)


class Hostile(DfotadCase):
    def test_nothing_outside_hidden_or_special_is_delivered(self):
        for path in ("/", "/sub", "/sub/", "/..", "/../secret",
                     "/sub/../../secret", "/%2e%2e/secret",
                     "/sub/%2e%2e/%2e%2e/secret", "/..%2fsecret",
                     "/sub%2f..%2f..%2fsecret", "//etc/passwd", "/.dot",
                     "/.hidden/x", "/sub/.dot", "/%2edot", "/./fw.pkg",
                     "/out", "/passwd", "/up/secret", "/fifo", "/fw.pkg/",
                     "/fw.pkg/x", "/FW.PKG", "/" + "a" * 300,
                     "/" + "a/" * 300 + "b"):
            with self.subTest(path=path):
                answer = self.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\n"
                                  "Connection: close\r\n\r\n".encode())
                self.assertTrue(answer.startswith(b"HTTP/1.1 404 "), answer)
                self.assertNotIn(b"secret", answer)

    def test_a_link_inside_the_folder_is_followed(self):
        self.assertEqual(self.ask("/latest.pkg")[2], self.contents["fw.pkg"])

    def test_malformed_targets_are_400_and_end_the_connection(self):
        for target in (b"/small.pkg%00", b"/small.pkg%00x", b"/%zz", b"/%1",
                       b"/a%0ab", b"/a\x01b", b"/a\x7f", b"*", b"small.pkg",
                       b"/small.pkg\0x", b"/small.pkg\0HTTP/1.1",
                       b"/small.pkg\0", b"/small pkg", b"/small.pkg ", b"/ "):
            with self.subTest(target=target):
                self.assertBad(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % target)

    NEXT = b"GET /small.pkg HTTP/1.1\r\nHost: a\r\nX-Smuggled: 1\r\n\r\n"

    def assertBad(self, request):
        """Refused, and what came behind it never answered."""
        answer = self.raw(request + self.NEXT)
        self.assertNotIn(self.contents["small.pkg"], answer)
        self.assertRegex(answer, rb"\A(HTTP/1\.1 (400|413|505) |\Z)")
        # libmicrohttpd 0.9.75 writes the head of its own refusal of a
        # Content-Length twice; nothing but refusals is what counts.
        self.assertLessEqual(answer.count(b"HTTP/1."),
                             2 if b"Content-Length" in request else 1)
        self.assertEqual(len(set(re.findall(rb"HTTP/1.1 \d+", answer))),
                         1 if answer else 0)
        if answer:
            self.assertIn(b"\r\nConnection: close\r\n", answer)
        self.assertEqual(self.ask("/small.pkg")[0], 200)

    def test_heads_with_two_readings_are_400_and_end_the_connection(self):
        for fields in (
                b"Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
                b"Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
                b"Host: a\r\nContent-Length: 5\r\nContent-Length: 6",
                b"Host: a\r\nContent-Length: 0\r\nContent-Length: 0",
                b"Host: a\r\nContent-Length: 5, 5",
                b"Host: a\r\nContent-Length: +5",
                b"Host: a\r\nContent-Length: -1",
                b"Host: a\r\nContent-Length: 99999999999999999999999999",
                b"Host: a\r\nTransfer-Encoding : chunked",
                b"Host: a\r\nTransfer-Encoding: identity",
                b"Host: a\r\nTransfer-Encoding: chunked, identity",
                b"Host: a\r\nTransfer-Encoding: xchunked",
                b"Host: a\r\nTransfer-Encoding: chunked\r\n"
                b"Transfer-Encoding: chunked",
                b"Host: a\r\nHost: b", b"X: no host", b"Host : a",
                b"Host: a\r\nX\x00Y: z", b"Host: a\r\nno colon"):
            for method in (b"GET", b"POST"):
                with self.subTest(method=method, fields=fields):
                    request = b"%s /fw.pkg HTTP/1.1\r\n%s\r\n\r\n"
                    self.assertBad(request % (method, fields))

    def test_a_get_with_content_is_refused(self):
        for fields in (b"Content-Length: 5", b"Transfer-Encoding: chunked"):
            for method in (b"GET", b"HEAD"):
                self.assertBad(b"%s /small.pkg HTTP/1.1\r\nHost: a\r\n%s\r\n"
                               b"\r\n0\r\n\r\n" % (method, fields))

    def test_a_post_hides_no_request_in_its_content(self):
        content = self.NEXT
        answer = self.raw(b"POST /small.pkg HTTP/1.1\r\nHost: a\r\n"
                          b"Content-Length: %d\r\n\r\n%s"
                          % (len(content), content))
        self.assertNotIn(self.contents["small.pkg"], answer)
        self.assertLessEqual(answer.count(b"HTTP/1."), 1)

    def test_http_versions_that_are_none_are_refused(self):
        for version in (b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.x", b"http/1.1",
                        b"XTTP/1.1", b""):
            with self.subTest(version=version):
                self.assertBad(b"GET /fw.pkg %s\r\nHost: a\r\n\r\n" % version)

    def test_a_head_without_end_is_refused_not_stored(self):
        for request in (b"GET /" + b"a" * 100_000,
                        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000,
                        b"A" * 100_000):
            answer = self.raw(request)
            self.assertRegex(answer, rb"\A(HTTP/1\.1 4\d\d |\Z)")

    def test_noise_on_either_port_does_no_harm(self):
        rng = random.Random(2)
        for scheme in ("http", "https"):
            for _ in range(50):
                with socket.create_connection(
                        ("127.0.0.1", self.server.ports[scheme]), 20) as s:
                    # Closed at once: of a head without end the server
                    # need not notice before the head's 15 s are over.
                    s.sendall(rng.randbytes(rng.randrange(1, 3000)))
        with socket.create_connection(
                ("127.0.0.1", self.server.ports["https"]), 20) as s:
            s.sendall(b"GET /fw.pkg HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertNotIn(b"200 OK", self.read_all(s))
        self.assertEqual(self.ask("/small.pkg", scheme="https")[0], 200)

    def test_heads_that_trickle_are_cut_off_after_15_s(self):
        def trickle(first):
            with socket.create_connection(
                    ("127.0.0.1", self.server.ports["http"]), 20) as s:
                s.sendall(first)
                if b"HTTP" in first:  # a kept connection: take the answer
                    time.sleep(1.5)
                begin = time.monotonic()
                head = b"GET /fw.pkg HTTP/1.1\r\nX: " + b"y" * 100
                for byte in head:
                    try:
                        s.send(bytes([byte]))
                    except (BrokenPipeError, ConnectionResetError):
                        break
                    readable, _, _ = select.select([s], [], [], 0.5)
                    while readable:
                        try:
                            part = s.recv(65536)
                        except ConnectionResetError:
                            part = b""
                        if not part:
                            return time.monotonic() - begin
                        readable, _, _ = select.select([s], [], [], 0)
                return time.monotonic() - begin

        with concurrent.futures.ThreadPoolExecutor() as pool:
            ends = list(pool.map(trickle, (
                b"", b"GET /small.pkg HTTP/1.1\r\nHost: a\r\n\r\n")))
        for end in ends:
            self.assertGreater(end, 13)
            self.assertLess(end, 40)

    def test_a_stalled_download_holds_little_and_ends_exact(self):
        content = self.contents["large.pkg"]
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", self.server.ports["http"]))
        s.settimeout(60)
        s.sendall(b"GET /large.pkg HTTP/1.1\r\nHost: a\r\n"
                  b"Connection: close\r\n\r\n")
        got = bytearray(s.recv(100))
        self.assertEqual(self.ask("/fw.pkg")[2], self.contents["fw.pkg"])
        time.sleep(0.3)  # nothing announces that the queue has filled
        self.assertLess(self.unsent(s.getsockname()[1]), 128 * 1024)
        for _ in range(20):
            got += s.recv(1000)
            time.sleep(0.01)
        while part := s.recv(1 << 20):
            got += part
        s.close()
        self.assertEqual(got.partition(b"\r\n\r\n")[2], content)

    def unsent(self, peer_port):
        """What the kernel holds of the server for this peer, in bytes."""
        here = f":{self.server.ports['http']:04X}"
        with open("/proc/net/tcp") as f:
            for line in f.readlines()[1:]:
                _, local, remote, _, queues = line.split()[:5]
                if local.endswith(here) and remote.endswith(
                        f":{peer_port:04X}"):
                    return int(queues.partition(":")[0], 16)
        raise AssertionError("no such connection")

    def test_downloads_that_are_dropped_leave_nothing_behind(self):
        folder = f"/proc/{self.server.process.pid}/fd"
        self.ask("/large.pkg")
        before = len(os.listdir(folder))
        for _ in range(30):
            s = socket.create_connection(
                ("127.0.0.1", self.server.ports["http"]))
            s.sendall(b"GET /large.pkg HTTP/1.1\r\nHost: a\r\n\r\n")
            s.recv(1000)
            s.close()
        end = time.monotonic() + 10
        while len(os.listdir(folder)) > before and time.monotonic() < end:
            time.sleep(0.02)
        self.assertLessEqual(len(os.listdir(folder)), before)


class Parallel(DfotadCase):
    def test_200_downloads_at_once_are_byte_exact(self):
        names = ["fw.pkg", "sub/deeper/fw.pkg", "small.pkg", "large.pkg"]
        # All stand at the gate before one goes through.
        gate = threading.Barrier(200)

        def download(i):
            name = names[3] if i % 50 == 0 else names[i % 3]
            content = self.contents[name]
            connection = self.connect("https" if i % 2 else "http", 120)
            connection.connect()
            gate.wait(60)
            first = i * 7 % len(content) if i % 3 == 0 else 0
            headers = {"Range": f"bytes={first}-"} if first else {}
            connection.request("GET", "/" + name, headers=headers)
            body = connection.getresponse().read()
            connection.close()
            return body == content[first:]

        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            self.assertEqual(list(pool.map(download, range(200))).count(True),
                             200)


class Tls(DfotadCase):
    def openssl(self, *args):
        return subprocess.run(
            ["openssl", "s_client", "-connect",
             f"127.0.0.1:{self.server.ports['https']}", "-CAfile",
             self.cafile, *args],
            input="", capture_output=True, text=True, timeout=60)

    def test_tls_1_2_and_1_3_without_sni_and_alpn(self):
        for version in ("1_2", "1_3"):
            result = self.openssl("-tls" + version, "-noservername",
                                  "-verify_ip", "127.0.0.1", "-brief")
            self.assertIn("TLSv" + version.replace("_", "."), result.stderr)
            self.assertIn("Verification: OK", result.stderr)

    def test_tls_1_1_is_refused(self):
        result = self.openssl("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        self.assertIn("Cipher is (NONE)", result.stdout)

    def test_a_session_is_resumed_by_ticket_until_the_reload(self):
        path = os.path.join(self.root, "session")
        self.openssl("-tls1_2", "-sess_out", path)
        self.assertIn("Reused, ", self.openssl("-tls1_2", "-sess_in",
                                               path).stdout)
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_for("certificate read again")
        self.assertIn("New, ", self.openssl("-tls1_2", "-sess_in",
                                            path).stdout)

    def test_curl_trusts_the_certificate_for_every_name_of_this_host(self):
        for host in ("localhost", "127.0.0.1"):
            for version in ("1.2", "1.3"):
                result = subprocess.run(
                    ["curl", "-sSf", "--cacert", self.cafile,
                     "--tlsv" + version, "--tls-max", version,
                     f"https://{host}:{self.server.ports['https']}/small.pkg"],
                    capture_output=True, check=True)
                self.assertEqual(result.stdout, self.contents["small.pkg"])
        text = subprocess.run(
            ["openssl", "x509", "-in", self.cafile, "-noout", "-text"],
            capture_output=True, text=True, check=True).stdout
        for part in ("DNS:localhost", "IP Address:127.0.0.1",
                     "IP Address:0:0:0:0:0:0:0:1", "prime256v1",
                     "CA:FALSE", "TLS Web Server Authentication"):
            self.assertIn(part, text)

    def test_the_key_is_private_and_survives_a_restart(self):
        key = os.path.join(self.server.data, "tls-key.pem")
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
        with open(key) as f:
            before = f.read()
        other = Server(self.root)
        self.assertEqual(other.stop(), 0)
        with open(key) as f:
            self.assertEqual(f.read(), before)

    def test_without_one_half_both_are_made_anew(self):
        for lost in ("tls-key.pem", "tls-cert.pem"):
            with tempfile.TemporaryDirectory() as root:
                make_packages(root)
                self.assertEqual(Server(root).stop(), 0)
                os.unlink(os.path.join(root, "data", lost))
                self.assertEqual(Server(root).stop(), 0)


class Reload(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="dfotad-")
        self.contents = make_packages(self.root)
        self.cert, self.key = make_certificate(self.root, "first", EC)
        self.server = Server(self.root, "--tls-cert", self.cert, "--tls-key",
                             self.key, http=False)

    def tearDown(self):
        self.assertEqual(self.server.stop(), 0)
        shutil.rmtree(self.root)

    def install(self, cert, key):
        shutil.copy(key, self.key)
        shutil.copy(cert, self.cert)

    def connect(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        s = socket.create_connection(
            ("127.0.0.1", self.server.ports["https"]), 60)
        return context.wrap_socket(s)

    def presented(self):
        with self.connect() as s:
            return ssl.DER_cert_to_PEM_cert(s.getpeercert(binary_form=True))

    def on_disk(self):
        with open(self.cert) as f:
            return f.read()

    def test_a_reload_in_mid_download_cuts_nothing_off(self):
        request = (b"GET /large.pkg HTTP/1.1\r\nHost: a\r\n"
                   b"Connection: close\r\n\r\n")
        running = [self.connect() for _ in range(5)]
        got = []
        for s in running:
            s.sendall(request)
            got.append(bytearray(s.recv(1000)))
        self.assertEqual(self.presented(), self.on_disk())
        self.install(*make_certificate(self.root, "second", RSA))
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_for("certificate read again")
        self.assertEqual(self.presented(), self.on_disk())
        for i, s in enumerate(running):
            while part := s.recv(1 << 16):
                got[i] += part
            s.close()
            self.assertEqual(got[i].partition(b"\r\n\r\n")[2],
                             self.contents["large.pkg"])

    def test_a_broken_certificate_is_refused_and_the_old_one_stays(self):
        before = self.on_disk()
        _, other_key = make_certificate(self.root, "other", EC)
        with open(other_key) as f:
            other_key = f.read()
        for path, text in ((self.cert, "no certificate"), (self.cert, ""),
                           (self.key, other_key)):
            with self.subTest(text=text[:20]):
                with open(path) as f:
                    kept = f.read()
                with open(path, "w") as f:
                    f.write(text)
                said = self.server.said().count("stays as it was")
                self.server.process.send_signal(signal.SIGHUP)
                self.server.wait_for("stays as it was\n", said + 1)
                self.assertEqual(self.presented(), before)
                with open(path, "w") as f:
                    f.write(kept)


class StartAndStop(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="dfotad-")
        os.makedirs(os.path.join(self.root, "packages"))
        with open(os.path.join(self.root, "packages", "big"), "wb") as f:
            f.write(bytes(30_000_000))
        self.servers = []

    def tearDown(self):
        for server in self.servers:
            self.assertEqual(server.stop(), 0)
        shutil.rmtree(self.root)

    def start(self, *args):
        self.servers.append(Server(self.root, *args))
        return self.servers[-1]

    def run_it(self, *args):
        result = subprocess.run([DFOTAD, *args], capture_output=True,
                                text=True, timeout=60, cwd=self.root)
        return result.returncode, result.stdout, result.stderr

    def assertFails(self, status, text, *args):
        code, out, err = self.run_it(*args)
        self.assertEqual((code, out), (status, ""), err)
        self.assertIn(text, err)
        self.assertLessEqual(len(err.splitlines()), 2, err)

    def test_help_and_version(self):
        code, out, err = self.run_it("--help")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("--serve-dir", out)
        code, out, err = self.run_it("--version")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"\Adfotad \d+\.\d+\.\d+\n\Z")

    def test_wrong_usage_is_status_2_and_one_line(self):
        self.assertFails(2, "only delivers", "--serve-dir", "packages",
                         "--api", "127.0.0.1:0")
        self.assertFails(2, "a public address", "--public-http", "https://x")
        self.assertFails(2, "--nonsense", "--nonsense")
        self.assertFails(2, "requires an argument", "--serve-dir")
        self.assertFails(2, "options only", "--serve-dir", "packages", "x")
        self.assertFails(2, "its --tls-key", "--serve-dir", "packages",
                         "--tls-cert", "x")
        self.assertFails(2, "at most 4", "--serve-dir", "packages",
                         *["--tls-cert", "x", "--tls-key", "x"] * 5)
        for address in ("8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                        "127.0.0.1:65536", "::1:80", ":80", "[::1]", " "):
            self.assertFails(2, "ADDR:PORT", "--serve-dir", "packages",
                             "--http", address)

    def test_what_cannot_be_done_is_status_1_and_says_what(self):
        self.assertFails(1, "nowhere", "--serve-dir", "nowhere", "--http",
                         "127.0.0.1:0")
        self.assertFails(1, "packages/big", "--serve-dir", "packages/big",
                         "--http", "127.0.0.1:0")
        self.assertFails(1, "missing.pem", "--serve-dir", "packages",
                         "--https", "127.0.0.1:0", "--tls-cert",
                         "missing.pem", "--tls-key", "missing.pem")
        self.assertFails(1, "--data", "--serve-dir", "packages", "--https",
                         "127.0.0.1:0", "--data", "packages/big/x")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assertFails(1, str(port), "--serve-dir", "packages",
                             "--http", f"127.0.0.1:{port}")

    def test_it_stops_cleanly_with_downloads_under_way(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.start()
            s = socket.create_connection(("127.0.0.1", server.ports["http"]))
            s.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
            s.recv(100)
            server.process.send_signal(number)
            self.assertEqual(server.process.wait(20), 0)
            s.close()

    def test_without_addresses_it_offers_loopback_only(self):
        _, out, _ = self.run_it("--help")
        self.assertIn("127.0.0.1:8080", out)

    def test_two_certificates_serve_clients_of_either_kind(self):
        args = []
        for name, algorithm in (("ec", EC), ("rsa", RSA)):
            cert, key = make_certificate(self.root, name, algorithm)
            args += ["--tls-cert", cert, "--tls-key", key]
        server = self.start(*args)
        for signature, name in (("ECDSA+SHA256", "ec"),
                                ("RSA-PSS+SHA256:RSA+SHA256", "rsa")):
            for version in ("-tls1_2", "-tls1_3"):
                result = subprocess.run(
                    ["openssl", "s_client", "-connect",
                     f"127.0.0.1:{server.ports['https']}", "-sigalgs",
                     signature, version], input="", capture_output=True,
                    text=True, timeout=60)
                self.assertIn(f"subject=CN = {name}\n", result.stdout)

    def test_sighup_opens_the_folder_anew(self):
        folder = os.path.join(self.root, "packages")
        server = self.start()

        def status(path):
            connection = http.client.HTTPConnection("127.0.0.1",
                                                    server.ports["http"])
            connection.request("HEAD", path)
            answer = connection.getresponse().status
            connection.close()
            return answer

        os.rename(folder, folder + ".old")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("the folder of before is kept")
        self.assertEqual(status("/big"), 200)
        os.mkdir(folder)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("certificate read again", 2)
        self.assertEqual(status("/big"), 404)

    def test_a_file_that_shrinks_while_it_is_sent_breaks_only_that(self):
        server = self.start()
        path = os.path.join(self.root, "packages", "big")
        with socket.create_connection(("127.0.0.1",
                                       server.ports["http"]), 60) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
            got = len(s.recv(100))
            os.truncate(path, 1000)
            while part := s.recv(1 << 20):
                got += len(part)
            self.assertLess(got, 30_000_000)
        connection = http.client.HTTPConnection("127.0.0.1",
                                                server.ports["http"])
        connection.request("GET", "/big")
        self.assertEqual(len(connection.getresponse().read()), 1000)
        connection.close()

    def test_a_star_is_every_address(self):
        process = subprocess.Popen(
            [DFOTAD, "--serve-dir", os.path.join(self.root, "packages"),
             "--http", "*:0"], stdout=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        match = re.fullmatch(
            r"dfotad: listening http (?:\[::\]|0\.0\.0\.0):(\d+)\n", line)
        self.assertTrue(match, line)
        connection = http.client.HTTPConnection("127.0.0.1", int(match[1]))
        connection.request("HEAD", "/big")
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        process.terminate()
        self.assertEqual(process.wait(20), 0)
        process.stdout.close()

    def test_ipv6_is_written_with_brackets(self):
        if not os.path.exists("/proc/net/if_inet6"):
            self.skipTest("this machine has no IPv6")
        process = subprocess.Popen(
            [DFOTAD, "--serve-dir", os.path.join(self.root, "packages"),
             "--http", "[::1]:0"], stdout=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        match = re.fullmatch(r"dfotad: listening http \[::1\]:(\d+)\n", line)
        self.assertTrue(match, line)
        connection = http.client.HTTPConnection("::1", int(match[1]))
        connection.request("HEAD", "/big")
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        process.terminate()
        self.assertEqual(process.wait(20), 0)
        process.stdout.close()


if __name__ == "__main__":
    DFOTAD = os.path.abspath(sys.argv.pop(1))
    unittest.main()
