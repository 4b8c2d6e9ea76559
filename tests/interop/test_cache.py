#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/nginx-cache.conf, run by Debian's nginx before a dfotad.

Usage: test_cache.py BIN_DIR CLIENTS_DIR EXAMPLE [unittest arguments]
Ends with 77 when there is no nginx.
"""
import concurrent.futures
import hashlib
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

import clients
import fleet

BIN = EXAMPLE = NGINX = None


class Cache:
    """nginx with the example, its paths and addresses set."""

    def __init__(self, root, server_port):
        self.port = clients.free_port()
        os.mkdir(os.path.join(root, "nginx"))
        with open(EXAMPLE) as f:
            text = f.read()
        for line, ours in (
                ("/var/cache/nginx/dfota", f"{root}/nginx/cache"),
                ("server 127.0.0.1:8080;",
                 f"server 127.0.0.1:{server_port};"),
                ("listen 80;", f"listen 127.0.0.1:{self.port};")):
            assert text.count(line) == 1, line
            text = text.replace(line, ours)
        temp = "".join(f"{kind}_temp_path {root}/nginx/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = os.path.join(root, "nginx", "nginx.conf")
        with open(config, "w") as f:
            f.write(f"""daemon off; master_process off; error_log stderr;
                pid {root}/nginx/pid; events {{ }}
                http {{ {temp} access_log off; {text} }}""")
        self.process = subprocess.Popen([NGINX, "-p", root, "-c", config, "-e",
                                         "stderr"], stderr=subprocess.DEVNULL)
        assert clients.wait_listening(self.process, self.port)

    def get(self, path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=60)
        connection.request("GET", path, headers={
            k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, answer.headers, body

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Cached(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="dfota-cache-")
        key, _ = fleet.key_pair(cls.root)
        cls.node = fleet.Node(os.path.join(BIN, "dfotad"), cls.root,
                              "--signing-key", key, "--device-api-plain")
        cls.cache = Cache(cls.root, cls.node.ports["http"])
        local = fleet.Api(cls.node)
        ada, bob = (local.person(name, role) for name, role in (
            ("ada", "operator"), ("bob", "approver")))
        fleet.enrol(local, range(3))
        images = fleet.images(2, 200_000)
        fleet.upload(ada, "m1", "1.0", images[0])
        target = fleet.upload(ada, "m1", "1.1", images[1])
        fleet.run_plan(ada, bob, target, {"transport": ["http"],
                                          "concurrency": 10})
        cls.paths = []
        for n in range(3):
            module = fleet.Module(cls.node, fleet.imei(n), version="0.9",
                                  secure=False)
            module.log_in()
            grant = module.poll()[1]
            # an address ends at a second, and the next one at a later
            second = int(time.time())
            fleet.until(lambda: int(time.time()) > second)
            cls.paths.append(urllib.parse.urlsplit(grant["url"]).path)
            cls.size, cls.sha256 = grant["size"], grant["sha256"]
        cls.package = module.load(grant["url"])[1]

    @classmethod
    def tearDownClass(cls):
        cls.cache.stop()
        assert cls.node.stop() == 0
        shutil.rmtree(cls.root)

    def test_addresses_of_one_package_are_one_entry(self):
        self.assertEqual(len(set(self.paths)), 3)
        with concurrent.futures.ThreadPoolExecutor(9) as pool:
            answers = list(pool.map(self.cache.get, self.paths * 3))
        for status, headers, body in answers:
            self.assertEqual(status, 200)
            self.assertEqual(len(body), self.size)
            self.assertEqual(hashlib.sha256(body).hexdigest(), self.sha256)
            self.assertEqual(headers["Accept-Ranges"], "bytes")
        self.assertEqual(sum(h["X-Cache"] == "HIT" for _, h, _ in answers) +
                         sum(h["X-Cache"] == "MISS" for _, h, _ in answers), 9)
        self.assertLessEqual(
            sum(h["X-Cache"] == "MISS" for _, h, _ in answers), 1)

    def test_ranges_and_tags_are_those_of_the_server(self):
        _, headers, _ = self.cache.get(self.paths[0])
        tag = headers["ETag"]
        self.assertEqual(tag, f'"{hashlib.sha256(self.package).hexdigest()}"')
        for first, last in ((0, 0), (1000, 17383), (self.size - 1,
                                                    self.size - 1)):
            for more in ({}, {"If_Range": tag}):
                status, headers, body = self.cache.get(
                    self.paths[1], Range=f"bytes={first}-{last}", **more)
                self.assertEqual(status, 206)
                self.assertEqual(body, self.package[first:last + 1])
                self.assertEqual(headers["ETag"], tag)
                self.assertEqual(headers["X-Cache"], "HIT")
        status, _, body = self.cache.get(
            self.paths[1], Range="bytes=5-9", If_Range='"another"')
        self.assertEqual((status, body), (200, self.package))
        self.assertEqual(self.cache.get(
            self.paths[1], Range=f"bytes={self.size}-")[0], 416)
        self.assertEqual(self.cache.get(self.paths[1],
                                        If_None_Match=tag)[0], 304)

    def test_what_is_there_is_still_refused_without_a_signature(self):
        self.assertEqual(self.cache.get(self.paths[2])[0], 200)
        match = re.fullmatch(r"(/p/[^/]+/)([^/]+)(/.*)", self.paths[2])
        signed = match[2]
        wrong = ("A" if signed[-1] != "A" else "B")
        status, _, body = self.cache.get(match[1] + signed[:-1] + wrong +
                                         match[3])
        self.assertEqual((status, body),
                         (403, b"the signature of this address is wrong\n"))
        status, _, body = self.cache.get(match[1] + "x" + match[3])
        self.assertNotEqual(status, 200)
        self.assertNotIn(self.package[:100], body)

    def test_calls_of_modules_are_passed_on_and_not_kept(self):
        for _ in range(2):
            status, headers, _ = self.cache.get("/fota/v1/plan?imei=1")
            self.assertNotEqual(status, 200)
            self.assertNotIn("X-Cache", headers)


if __name__ == "__main__":
    BIN, CLIENTS, EXAMPLE = (os.path.abspath(sys.argv.pop(1))
                             for _ in range(3))
    try:
        NGINX = clients.Clients(CLIENTS).find("nginx")
    except clients.Missing as missing:
        print(missing)
        sys.exit(77)
    unittest.main()
