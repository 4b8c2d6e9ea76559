#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two nodes on one PostgreSQL, each with a folder of its own: what is uploaded
or built at one is served by the other.

Usage: test_dfotad_contents.py BIN [unittest arguments]
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

import fleet
from fleet import Api, Module, Node, imei

DAY = 86400


class Contents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.database = fleet.Postgresql()
        cls.database.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.database.__exit__()

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="dfotad-contents-")
        self.key, _ = fleet.key_pair(self.root)
        name = f"t{os.path.basename(self.root)[-8:].lower()}"
        self.sql(f'CREATE DATABASE "{name}"', self.database.url)
        self.url = self.database.url.replace("/postgres?", f"/{name}?")
        self.nodes = []

    def tearDown(self):
        for node in self.nodes:
            self.assertEqual(node.stop(), 0)
        shutil.rmtree(self.root)

    def sql(self, text, url=None):
        return subprocess.run(
            ["psql", "-qAtv", "ON_ERROR_STOP=1", url or self.url, "-c", text],
            check=True, capture_output=True, text=True).stdout.strip()

    def start(self, name, *more, database=None):
        folder = os.path.join(self.root, name)
        if self.nodes:
            os.makedirs(folder, exist_ok=True)
            shutil.copy(os.path.join(self.nodes[0].data, "secret.key"), folder)
        node = Node(os.path.join(BIN, "dfotad"), self.root, "--signing-key",
                    self.key, "--coap", "127.0.0.1:0", *more, name=name,
                    database=database or self.url)
        self.nodes.append(node)
        return node

    def two(self):
        one, two = self.start("one"), self.start("two")
        self.ada = Api(one).person("ada", "operator")
        return one, two

    def built(self, api, source, target):
        body = {"to": target} if source is None else {"from": source,
                                                      "to": target}
        number = api.must("POST", "packages", body)["id"]
        return fleet.until(lambda: self.ready(api, number))

    def ready(self, api, number):
        (package,) = [p for p in api.must("GET", "packages")["items"]
                      if p["id"] == number]
        self.assertNotEqual(package["state"], "failed", package)
        return package if package["state"] == "ready" else None

    def file(self, node, sha256):
        return os.path.join(node.data, "blobs", "sha256", sha256)

    def empty(self, node):
        folder = os.path.join(node.data, "blobs")
        for kind in ("sha256", "id"):
            for name in os.listdir(os.path.join(folder, kind)):
                os.unlink(os.path.join(folder, kind, name))

    def grant(self, node, target, number=1):
        """What a module is told to load, of a plan of its own."""
        local = Api(node)
        fleet.enrol(local, (number,))
        bob = local.person(f"bob{number}", "approver")
        fleet.run_plan(self.ada, bob, target, {}, f"plan{number}")
        module = Module(node, imei(number))
        module.log_in()
        status, answer = module.poll()
        self.assertEqual(status, 200, answer)
        return answer

    def http(self, node, url):
        return Module(node, "").load(
            "http://x" + urllib.parse.urlsplit(url).path)

    def coap(self, node, url):
        out = os.path.join(self.root, "got")
        if os.path.exists(out):
            os.unlink(out)
        host, port = node.place("coap")
        done = subprocess.run(
            ["coap-client-notls", "-B", "60", "-m", "get", "-o", out,
             f"coap://{host}:{port}{urllib.parse.urlsplit(url).path}"],
            capture_output=True, timeout=120)
        if not os.path.exists(out):
            return done.stderr + done.stdout
        with open(out, "rb") as f:
            return f.read()

    def right(self, data, sha256):
        self.assertEqual(hashlib.sha256(data).hexdigest(), sha256, data[:80])

    def test_what_one_node_has_the_other_serves(self):
        one, two = self.two()
        old, new = fleet.images(2, 5000)
        source = fleet.upload(self.ada, "m1", "1.0", old)
        target = fleet.upload(Api(two), "m1", "1.1", new)
        for api in (Api(one), Api(two)):  # either may claim either
            self.built(api, source, target)
            self.built(api, target, source)
            self.built(api, None, target)
        told = self.grant(one, target)
        url, sha256 = told["url"], told["sha256"]
        for node in (one, two):  # before anybody asks
            fleet.until(lambda: os.path.exists(self.file(node, sha256)))
        self.right(self.http(two, url)[1], sha256)
        self.right(self.coap(two, url), sha256)

        for node in (one, two):
            self.empty(node)
            self.right(self.http(node, url)[1], sha256)
            self.empty(node)
            self.right(self.coap(node, url), sha256)
            self.right(self.http(node, url)[1], sha256)
            fleet.until(lambda: os.path.exists(self.file(node, sha256)))

        with open(self.file(two, sha256), "r+b") as f:
            f.write(b"rotten")
        self.right(self.http(two, url)[1], sha256)
        with open(self.file(two, sha256), "r+b") as f:
            f.write(b"rotten")
        self.right(self.coap(two, url), sha256)
        with open(self.file(two, sha256), "rb") as f:
            self.right(f.read(), sha256)

        # A delta of images that are nowhere but in the database.
        self.empty(one)
        self.empty(two)
        third = fleet.upload(self.ada, "m1", "1.2", new[::-1])
        self.built(self.ada, source, third)
        fleet.upload(self.ada, "m1", "2.0", bytes(range(250)) * 2500)  # pieces
        # A backup has what its node lacks.
        self.empty(two)
        copy = self.root + "/copy"
        Api(two).must("POST", "backup", {"folder": copy})
        for row in self.sql("SELECT sha256 FROM firmware UNION SELECT sha256 "
                            "FROM package").split():
            with open(f"{copy}/blobs/sha256/{row}", "rb") as f:
                self.right(f.read(), row)
        Api(two).must("GET", "verify")

    def test_without_the_database_what_is_here_is_served(self):
        one, two = self.two()
        old, new = fleet.images(2, 3000)
        fleet.upload(self.ada, "m1", "1.0", old)
        told = self.grant(one, fleet.upload(self.ada, "m1", "1.1", new))
        url, sha256 = told["url"], told["sha256"]
        fleet.until(lambda: os.path.exists(self.file(two, sha256)))
        self.empty(one)
        self.right(self.http(one, url)[1], sha256)
        self.empty(one)
        self.database.stop()
        try:
            self.right(self.http(two, url)[1], sha256)
            self.right(self.coap(two, url), sha256)
            if not os.path.exists(self.file(one, sha256)):
                self.assertEqual(self.http(one, url)[0], 503)
                self.assertIn(b"5.03", self.coap(one, url))
        finally:
            self.database.start()
        fleet.until(lambda: self.http(one, url)[0] == 200)
        self.right(self.http(one, url)[1], sha256)

        # What was damaged there is not served, and is put back.
        self.sql("UPDATE content_part SET data = 'AAAA' WHERE sha256 = "
                 f"'{sha256}'")
        self.empty(one)
        self.assertEqual(self.http(one, url)[0], 503)
        self.assertIn("not what its name says", one.said())
        self.assertEqual(self.nodes.pop().stop(), 0)
        two = self.start("two")
        fleet.until(lambda: self.http(one, url)[0] == 200)
        self.right(self.http(one, url)[1], sha256)

        # What is nowhere is said, and no answer.
        self.sql("DELETE FROM content_part; DELETE FROM content")
        self.empty(one)
        self.assertEqual(self.http(one, url)[0], 404)
        self.assertIn(b"4.04", self.coap(one, url))
        status, said = Api(one).call("GET", "verify")
        self.assertEqual(status, 409)
        self.assertIn("neither in the folder nor in the database",
                      str(said))
        checks = {c["check"]: c for c in
                  Api(one).must("GET", "doctor")["checks"]}
        self.assertFalse(checks["contents"]["fine"])
        # A node that has some of it puts it back when it starts.
        self.assertEqual(self.nodes.pop().stop(), 0)
        self.start("two")
        fleet.until(lambda: self.http(one, url)[0] == 200)

    def test_what_no_row_names_goes_everywhere(self):
        one, two = self.two()
        image, other = fleet.images(2, 3000)
        number = fleet.upload(self.ada, "m1", "1.0", image)
        fleet.upload(self.ada, "m1", "1.1", other)
        sha256 = hashlib.sha256(image).hexdigest()
        kept = hashlib.sha256(other).hexdigest()
        whole = f"SELECT count(*) FROM content WHERE sha256 = '{sha256}'"
        self.assertEqual(self.sql(whole + " AND parts = 1"), "1")
        self.sql("UPDATE content SET at = at - 3600")
        for name in (sha256, kept):
            shutil.copy(self.file(one, name), self.file(two, name))
            old = time.time() - 2 * DAY
            os.utime(self.file(one, name), (old, old))
        self.ada.must("DELETE", f"firmware/{number}")
        self.assertEqual(self.sql(whole + " AND parts > 0"), "0")
        self.assertEqual(self.nodes.pop().stop(), 0)
        self.assertEqual(self.nodes.pop().stop(), 0)
        one, two = self.start("one"), self.start("two")
        fleet.until(lambda: not os.path.exists(self.file(one, sha256)))
        fleet.until(lambda: self.sql(whole) == "0")
        self.assertTrue(os.path.exists(self.file(one, kept)))
        self.assertTrue(os.path.exists(self.file(two, sha256)))  # young
        # It comes again as if it had never been there.
        fleet.upload(Api(two), "m1", "1.0", image)
        self.assertEqual(self.sql(whole + " AND parts = 1"), "1")
        Api(one).must("GET", "verify")

    def test_a_folder_moves_into_the_database(self):
        lone = self.start("lone", database=f"sqlite:{self.root}/lone.db")
        image, other = fleet.images(2, 3000)
        self.ada = Api(lone)
        source = fleet.upload(self.ada, "m1", "1.0", image)
        target = fleet.upload(self.ada, "m1", "1.1", other)
        self.built(self.ada, source, target)
        told = self.grant(lone, target)
        self.assertEqual(self.nodes.pop().stop(), 0)
        done = subprocess.run(
            [os.path.join(BIN, "dfotad"), "--data", lone.data, "--database",
             f"sqlite:{self.root}/lone.db", "--migrate-to", self.url],
            capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.nodes = []
        os.makedirs(self.root + "/new")
        shutil.copy(lone.data + "/secret.key", self.root + "/new")
        new = self.start("new")
        self.right(self.http(new, told["url"])[1], told["sha256"])
        Api(new).must("GET", "verify")


if __name__ == "__main__":
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
