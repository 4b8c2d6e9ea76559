# SPDX-License-Identifier: Apache-2.0
"""What the tests of operations share: a server that a test starts, dfotactl
beside it."""
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

import fleet
from fleet import Api, Node

BIN = None


def program(name):
    return os.path.join(BIN, name)


def ctl(node, *words, **environment):
    return subprocess.run(
        [program("dfotactl"), "--data", node.data, *words],
        capture_output=True, text=True, timeout=120,
        env=dict({"PATH": os.environ["PATH"]}, **environment))


def ctl_json(node, *words, **environment):
    done = ctl(node, *words, "--json", **environment)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.stderr}")
    return json.loads(done.stdout)


class OpsCase(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="dfotad-ops-")
        self.node = None

    def tearDown(self):
        if self.node and self.node.process.returncode is None:
            self.assertEqual(self.node.stop(), 0)
        shutil.rmtree(self.root)

    def start(self, *words, **more):
        self.node = Node(program("dfotad"), self.root, *words, **more)
        return self.node

    def restart(self, *words):
        if self.node.process.returncode is None:
            self.assertEqual(self.node.stop(), 0)
        self.node.args += words
        self.node.start()

    def database(self):
        """While the server is down."""
        return sqlite3.connect(os.path.join(self.node.data, "dfotad.db"))

    def fails(self, status, word, done):
        """That status, and one line that says why."""
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(word, done.stderr)

    def file(self, name, content):
        path = os.path.join(self.root, name)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def package(self, number):
        return Api(self.node).must("GET", f"packages/{number}")

    def built(self, number):
        return fleet.until(lambda: self.package(number)["state"] not in (
            "waiting", "building") and self.package(number))
