#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A whole dfotad from outside: people through dfotactl, modules that poll.

Usage: test_dfotad_fleet.py BIN [unittest arguments]

BIN is the folder with dfota, dfotad and dfotactl.
"""
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import fleet
from fleet import Api, Module, Node, imei

BIN = None


class Ctl:
    """dfotactl, as a person of that token or as root through the socket."""

    def __init__(self, node, token=None):
        self.node, self.token = node, token

    def run(self, *words):
        where = ["--data", self.node.data]
        if self.token:
            where = ["--server", f"http://127.0.0.1:{self.node.ports['api']}"]
        environment = {"PATH": os.environ["PATH"]}
        if self.token:
            environment["DFOTA_TOKEN"] = self.token
        return subprocess.run([os.path.join(BIN, "dfotactl"), *where, *words],
                              capture_output=True, text=True, timeout=120,
                              env=environment)

    def json(self, *words):
        done = self.run(*words, "--json")
        if done.returncode != 0:
            raise AssertionError(f"{words}: {done.stderr}")
        return json.loads(done.stdout)


class WholeCase(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="dfotad-fleet-")
        self.node = Node(os.path.join(BIN, "dfotad"), self.root)

    def tearDown(self):
        code = self.node.stop()
        shutil.rmtree(self.root)
        self.assertEqual(code, 0)

    def write(self, name, content):
        path = os.path.join(self.root, name)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def test_from_upload_to_result_by_dfotactl(self):
        root = Ctl(self.node)
        old, new = fleet.images()
        key, _ = fleet.key_pair(self.root)
        root.json("user", "add", "--name", "ada", "--role", "operator")
        root.json("user", "add", "--name", "bob", "--role", "approver")
        ada = Ctl(self.node, root.json(
            "token", "add", "--name", "t", "--user", "ada", "--role",
            "operator")["token"])
        bob = Ctl(self.node, root.json(
            "token", "add", "--name", "t", "--user", "bob", "--role",
            "approver")["token"])
        root.json("class", "set", "any", "--cert",
                  os.path.join(self.root, "key.pub.pem"))
        csv = self.write("modules.csv", (
            "imei,model,version,password\n" + "".join(
                f"{imei(n)},m1,1.0,{fleet.PASSWORD}\n"
                for n in (1, 2))).encode())
        self.assertEqual(root.run("module", "import", csv).returncode, 0)

        ada.json("firmware", "add", self.write("old.bin", old), "--model",
                 "m1", "--version", "1.0")
        target = ada.json("firmware", "add", self.write("new.bin", new),
                          "--model", "m1", "--version", "1.1")["id"]
        spec = self.write("spec.json", b'{"concurrency": 1, "attempts": 2}')
        plan = str(ada.json("plan", "create", "--name", "spring", "--firmware",
                            str(target), "--spec", spec)["id"])
        fleet.until(lambda: {p["state"] for p in
                             ada.json("delta", "list")["items"]} ==
                    {"unsigned"})

        # nobody approves what they made, nothing starts unsigned
        self.assertEqual(ada.run("plan", "approve", plan).returncode, 1)
        bob.json("plan", "approve", plan)
        done = ada.run("plan", "start", plan)
        self.assertEqual(done.returncode, 1)
        self.assertIn("delta sign", done.stderr)
        ada.json("plan", "preview", plan)
        self.assertEqual(ada.run("delta", "sign", "--key", key).returncode, 0)
        self.assertEqual(ada.json("plan", "start", plan)["state"], "running")

        module, second = (Module(self.node, imei(n)) for n in (1, 2))
        self.assertEqual(module.log_in()[0], 200)
        self.assertEqual(second.log_in()[0], 200)
        status, grant = module.poll()
        self.assertEqual(status, 200, grant)
        self.assertEqual(grant["version"], "1.1")
        self.assertEqual(second.poll()[1]["code"], 807)
        status, package = module.load(grant["url"])
        self.assertEqual(status, 200)
        self.assertEqual(len(package), grant["size"])
        self.assertEqual(hashlib.sha256(package).hexdigest(), grant["sha256"])
        self.assertLess(len(package), len(new) // 4)

        got, out = self.write("got.pkg", package), self.root + "/out.bin"
        subprocess.run([os.path.join(BIN, "dfota"), "apply",
                        self.root + "/old.bin", got, "-o", out, "--cert",
                        self.root + "/key.pub.pem"], check=True)
        with open(out, "rb") as f:
            self.assertEqual(f.read(), new)

        self.assertEqual(module.report(grant, http_err=0)[0], 200)
        self.assertEqual(module.poll()[1]["code"], 800)
        module.version = "1.1"
        self.assertEqual(module.report(grant, http_err=0, update_err=0),
                         (200, {}))
        results = ada.json("result", "list", "--state", "done")["items"]
        self.assertEqual([(r["imei"], r["target"], r["cause"])
                          for r in results], [(imei(1), "1.1", "reported")])
        self.assertEqual(module.poll()[1]["code"], 802)
        shown = ada.json("plan", "show", plan)
        self.assertEqual(shown["attempts"], {
            "open": 0, "done": 1, "failed": 0, "lost": 0, "stopped": 0})
        self.assertIn(imei(1), ada.run("plan", "export", plan).stdout)
        self.assertIn("its next poll would get: an update",
                      ada.run("module", "explain", imei(2)).stdout)
        self.assertEqual(root.run("audit", "verify").returncode, 0)
        self.assertEqual(root.run("verify").returncode, 0)


class RealModules(unittest.TestCase):
    """An emulated bg96-softbank asks, loads, updates itself and reports."""

    IMEI = "866425030000058"

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="dfotad-module-")
        self.key, _ = fleet.key_pair(self.root)
        self.node = Node(os.path.join(BIN, "dfotad"), self.root,
                         "--signing-key", self.key)
        self.module = None

    def tearDown(self):
        if self.module:
            self.module.terminate()
            self.module.wait(timeout=60)
            self.module.stdout.close()
        code = self.node.stop()
        shutil.rmtree(self.root)
        self.assertEqual(code, 0)

    def ask(self, request):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(os.path.join(self.root, "control"))
            s.sendall(request.encode() + b"\n")
            return s.makefile().readline()

    def start_module(self, firmware):
        state = os.path.join(self.root, "state")
        folder = os.path.join(state, "files", "datatx")
        os.makedirs(folder)
        shutil.copy(os.path.join(self.node.data, "tls-cert.pem"),
                    os.path.join(folder, "fota_cacert.pem"))
        with open(os.path.join(self.root, "module.txt"), "w") as said:
            self.module = subprocess.Popen(
                [os.path.join(BIN, "dfota-module"), "--model", "bg96-softbank",
                 "--state", state, "--firmware", firmware, "--port",
                 f"unix:{self.root}/line", "--control",
                 f"{self.root}/control", "--fota-server",
                 f"https://127.0.0.1:{self.node.ports['https']}",
                 "--fota-password", fleet.PASSWORD, "--cert",
                 os.path.join(self.root, "key.pub.pem"), "--speed", "0"],
                stdout=subprocess.PIPE, stderr=said)
        self.assertTrue(self.module.stdout.readline().startswith(b"ready:"))

    def test_a_plan_reaches_a_module_that_polls_by_itself(self):
        local = Api(self.node)
        ada = local.person("ada", "operator")
        bob = local.person("bob", "approver")
        demo = os.path.join(os.path.dirname(__file__), "..", "..", "boards",
                            "images", "demo-%s.bin")
        local.must("POST", "modules/import", {"modules": [{
            "imei": self.IMEI, "model": "BG96", "version": "1.0.0",
            "password": fleet.PASSWORD, "class": "bg96-softbank"}]})
        for version in ("1.0.0", "1.1.0"):
            with open(demo % version, "rb") as f:
                target = fleet.upload(ada, "BG96", version, f.read(),
                                      **{"class": "bg96-softbank"})
        plan = fleet.run_plan(ada, bob, target, {})
        self.start_module(demo % "1.0.0")

        def reported():
            self.ask("clock +1300000")
            found = ada.must("GET", f"results?plan={plan}")["items"]
            return found and found[0]["state"] not in ("open",) and found

        (result,) = fleet.until(reported, 120)
        self.assertEqual((result["state"], result["imei"], result["from"],
                          result["version"]),
                         ("done", self.IMEI, "1.0.0", "1.1.0"))
        self.assertEqual(json.loads(self.ask("state"))["version"], "1.1.0")
        shown = local.must("GET", f"modules/{self.IMEI}")
        self.assertEqual((shown["version"], shown["updates"]), ("1.1.0", 1))


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
