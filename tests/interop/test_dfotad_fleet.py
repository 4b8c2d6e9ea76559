#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A whole dfotad from outside: people through dfotactl, modules that poll.

Usage: test_dfotad_fleet.py BIN [unittest arguments]

BIN is the folder with dfota, dfotad and dfotactl.
"""
import concurrent.futures
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import ssl
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
        os.mkdir(self.root + "/other")
        stranger, _ = fleet.key_pair(self.root + "/other")
        done = ada.run("delta", "sign", "--key", stranger)
        self.assertIn(done.returncode, (1, 3))
        self.assertIn("does not fit", done.stderr)
        self.assertEqual(ada.run("plan", "start", plan).returncode, 1)
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


class Systemd(unittest.TestCase):
    UNIT = os.path.join(os.path.dirname(__file__), "..", "..", "packaging",
                        "systemd", "dfotad.service")

    def test_it_is_told_when_the_server_is_ready(self):
        root = tempfile.mkdtemp(prefix="dfotad-notify-")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(root + "/notify")
            s.settimeout(60)
            os.environ["NOTIFY_SOCKET"] = root + "/notify"
            try:
                node = Node(os.path.join(BIN, "dfotad"), root)
            finally:
                del os.environ["NOTIFY_SOCKET"]
            self.assertEqual(s.recv(100), b"READY=1")
            self.assertEqual(node.stop(), 0)
            self.assertEqual(s.recv(100), b"STOPPING=1")
        shutil.rmtree(root)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze")
    def test_the_unit_is_one(self):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                               self.UNIT], capture_output=True, text=True)
        wrong = [line for line in done.stderr.splitlines()
                 if "dfotad.service" in line and "is not executable" not in
                 line]
        self.assertEqual(wrong, [])
        done = subprocess.run(["systemd-analyze", "security", "--offline=true",
                               "--threshold=20", self.UNIT],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-200:])


class ClientCertificates(unittest.TestCase):
    """Mutual TLS: who gets through the handshake, and as whom."""

    def certificate(self, name, ca=None, purpose="clientAuth"):
        base = os.path.join(self.root, f"{name}-{len(os.listdir(self.root))}")
        words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                 f"/CN={name}", "-keyout", base + ".key", "-out",
                 base + ".pem"]
        if ca:
            words += ["-CA", ca + ".pem", "-CAkey", ca + ".key", "-addext",
                      f"extendedKeyUsage={purpose}", "-addext",
                      "basicConstraints=critical,CA:FALSE"]
        subprocess.run(words, check=True, capture_output=True)
        return base

    def poll(self, certificate, version):
        context = ssl.create_default_context(
            cafile=os.path.join(self.node.data, "tls-cert.pem"))
        context.minimum_version = context.maximum_version = version
        if certificate:
            context.load_cert_chain(certificate + ".pem", certificate + ".key")
        connection = http.client.HTTPSConnection(
            "localhost", int(self.node.ports["https"]), timeout=60,
            context=context)
        try:
            connection.request("GET", f"/fota/v1/plan?imei={imei(1)}&model=m1"
                               "&version=1.0", headers={
                                   "Authorization": "Bearer " + self.token})
            return json.loads(connection.getresponse().read())["code"]
        except (OSError, http.client.HTTPException):
            return "refused"
        finally:
            connection.close()

    def test_only_clients_of_that_authority_and_only_as_themselves(self):
        self.root = tempfile.mkdtemp(prefix="dfotad-mtls-")
        ca, other = self.certificate("ca"), self.certificate("other")
        good = self.certificate(imei(1), ca)
        self.node = Node(os.path.join(BIN, "dfotad"), self.root,
                         "--client-ca", ca + ".pem", "--device-api-plain")
        fleet.enrol(Api(self.node), [1])
        module = Module(self.node, imei(1), secure=False)
        module.log_in()
        self.token = module.access
        rows = [(good, 802), (None, "refused"),
                (self.certificate(imei(1), other), "refused"),
                (self.certificate(imei(1), ca, "serverAuth"), "refused"),
                (self.certificate(imei(2), ca), 815)]
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for certificate, wanted in rows:
                with self.subTest(certificate=certificate, version=version):
                    self.assertEqual(self.poll(certificate, version), wanted)
        self.assertEqual(self.node.stop(), 0)
        shutil.rmtree(self.root)


class Copies(unittest.TestCase):
    def test_a_backup_under_way_is_a_data_folder_that_starts(self):
        root = tempfile.mkdtemp(prefix="dfotad-backup-")
        key, _ = fleet.key_pair(root)
        binary = os.path.join(BIN, "dfotad")
        node = Node(binary, root, "--signing-key", key)
        local = Api(node)
        ada, bob = (local.person(n, "approver") for n in ("ada", "bob"))
        fleet.enrol(local, range(1, 40))
        old, new = fleet.images(2, 3000)
        fleet.upload(ada, "m1", "1.0", old)
        target = fleet.upload(ada, "m1", "1.1", new)
        plan = fleet.run_plan(ada, bob, target, {})
        modules = [Module(node, imei(n)) for n in range(1, 40)]
        grants = []
        for number, module in enumerate(modules):
            module.log_in()
            grants.append(module.poll()[1])
            if number == 20:  # others go on writing
                done = Ctl(node).run("backup", "--folder", root + "/copy")
                self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(Ctl(node).run("backup", "--folder",
                                       root + "/copy").returncode, 1)
        self.assertEqual(node.stop(), 0)
        node = Node(binary, root, "--signing-key", key, name="copy")
        local, module = Api(node), modules[0]
        local.must("GET", "verify")
        module.node = node
        self.assertEqual(module.log_in()[0], 200)
        again = module.poll()[1]
        self.assertEqual(again["attempt"], grants[0]["attempt"])
        self.assertEqual(hashlib.sha256(
            module.load(again["url"])[1]).hexdigest(), again["sha256"])
        self.assertEqual(local.must("GET", f"plans/{plan}")["open"], 21)
        self.assertEqual(node.stop(), 0)
        shutil.rmtree(root)


def fill(path):
    """A row in every table that has none: what it says does not matter."""
    with sqlite3.connect(path) as db:
        for name, in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name "
                "NOT LIKE 'sqlite%'").fetchall():
            if db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]:
                continue
            values = ["x" if kind == "TEXT" else 1 for _, _, kind, *_ in
                      db.execute(f"PRAGMA table_info({name})")]
            db.execute(f"INSERT INTO {name} VALUES "
                       f"({', '.join('?' * len(values))})", values)
    db.close()


class TwoNodes(unittest.TestCase):
    """Two nodes on one PostgreSQL: what one forgets or misses, the other and
    the database do not."""

    @classmethod
    def setUpClass(cls):
        cls.database = fleet.Postgresql()
        cls.database.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.database.__exit__()

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="dfotad-nodes-")
        self.key, _ = fleet.key_pair(self.root)
        self.nodes = []
        for name in ("one", "two"):
            if self.nodes:
                os.makedirs(os.path.join(self.root, name))
                shutil.copy(os.path.join(self.nodes[0].data, "secret.key"),
                            os.path.join(self.root, name))
            self.nodes.append(Node(os.path.join(BIN, "dfotad"), self.root,
                                   "--signing-key", self.key, name=name,
                                   database=self.database.url))

    def tearDown(self):
        for node in self.nodes:
            self.assertEqual(node.stop(), 0)
        shutil.rmtree(self.root)

    def test_calls_repeated_elsewhere_and_a_node_that_sleeps(self):
        one, two = self.nodes
        local = Api(one)
        ada, bob = (local.person(n, "approver") for n in ("ada", "bob"))
        numbers = range(1, 9)
        fleet.enrol(local, numbers)
        old, new = fleet.images(2, 3000)
        fleet.upload(ada, "m1", "1.0", old)
        target = fleet.upload(ada, "m1", "1.1", new)
        plan = fleet.run_plan(ada, bob, target, {"concurrency": 6})

        # the answer of each call is lost, and the call repeated at the other
        module = Module(one, imei(1))
        self.assertEqual(module.log_in()[0], 200)
        body = {"refresh_token": module.refresh, "imei": module.imei}
        first = module.call("POST", "/fota/v1/token", body)
        module.node = two
        self.assertEqual(module.poll()[0], 200)
        self.assertEqual(module.call("POST", "/fota/v1/token", body), first)
        grant = module.poll()[1]
        module.node = one
        self.assertEqual(module.poll()[1]["attempt"], grant["attempt"])
        module.version = "1.1"
        self.assertEqual(module.report(grant, update_err=0)[0], 200)
        module.node = two
        self.assertEqual(module.report(grant, update_err=0)[0], 200)
        shown = ada.must("GET", f"plans/{plan}")
        self.assertEqual((shown["open"], shown["attempts"]["done"]), (0, 1))

        # all at once at both: never more than the slots
        others = [Module(self.nodes[n % 2], imei(n)) for n in range(2, 9)]
        for other in others:
            self.assertEqual(other.log_in()[0], 200)
        with concurrent.futures.ThreadPoolExecutor(7) as pool:
            answers = list(pool.map(lambda m: m.poll(), others))
        self.assertEqual(sorted(status for status, _ in answers),
                         [200] * 6 + [409])

        # one sleeps while the plan is aborted at the other
        statuses = [status for status, _ in answers]
        late = others[statuses.index(409)]
        early = others[statuses.index(200)]
        late.node = early.node = two
        early.report(answers[statuses.index(200)][1], http_err=702)
        os.kill(two.process.pid, signal.SIGSTOP)
        ada.must("POST", f"plans/{plan}/abort")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(late.poll)
            os.kill(two.process.pid, signal.SIGCONT)
            self.assertEqual(asked.result()[1]["code"], 802)
        shown = ada.must("GET", f"plans/{plan}")
        self.assertEqual(sum(shown["attempts"].values()), 7)
        local.must("GET", "verify")

    def test_from_sqlite_to_postgresql_nothing_is_left_behind(self):
        node = Node(os.path.join(BIN, "dfotad"), self.root, "--signing-key",
                    self.key, name="lone")
        local = Api(node)
        ada, bob = (local.person(n, "approver") for n in ("ada", "bob"))
        fleet.enrol(local, (500, 501))
        fleet.upload(ada, "m1", "1.0", b"1" * 3000)
        target = fleet.upload(ada, "m1", "1.1", b"2" * 3000)
        plan = fleet.run_plan(ada, bob, target, {})
        ada.must("POST", f"plans/{plan}/exclude", {"imei": imei(501)})
        ada.must("POST", f"plans/{plan}/exclude",
                 {"imei": imei(501), "excluded": False})
        local.must("POST", "plans", {"name": "x", "firmware": target},
                   {"Idempotency-Key": "k"})
        module = Module(node, imei(500))
        module.log_in()
        grant = module.poll()[1]
        module.report(grant, update_err=0, version="x")
        module.report(grant, update_err=504, version="y")  # a note
        with open(os.path.join(self.root, "key.pub.pem")) as f:
            local.must("PUT", "classes/any", {"public_key": f.read()})
        self.assertEqual(node.stop(), 0)
        psql = ["psql", "-At", self.database.url, "-c"]
        subprocess.run([*psql, "CREATE DATABASE moved"], check=True,
                       capture_output=True)
        url = self.database.url.replace("/postgres?", "/moved?")
        fill(node.data + "/dfotad.db")
        move = [os.path.join(BIN, "dfotad"), "--data", node.data,
                "--migrate-to", url]
        done = subprocess.run(move, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(subprocess.run(move, capture_output=True).returncode,
                         1)
        with sqlite3.connect(node.data + "/dfotad.db") as db:
            names = [name for name, in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND "
                "name NOT LIKE 'sqlite%' AND name NOT IN ('schema_step', "
                "'content', 'content_part')")]
            for name in names:
                columns = ", ".join(row[1] for row in db.execute(
                    f"PRAGMA table_info({name})"))
                query = f"SELECT {columns} FROM {name}"
                there = subprocess.run(
                    ["psql", "-AtF|", "-R\x1e", url, "-c", query], check=True,
                    capture_output=True, text=True).stdout
                here = ["|".join("" if value is None else str(value)
                                 for value in row)
                        for row in db.execute(query)]
                self.assertTrue(here, name)
                self.assertEqual(sorted(there[:-1].split("\x1e")),
                                 sorted(here), name)
        node = Node(os.path.join(BIN, "dfotad"), self.root, "--signing-key",
                    self.key, name="lone", database=url)
        local = Api(node)
        local.must("GET", "verify")
        fleet.enrol(local, (502,))
        other = Module(node, imei(501))
        self.assertEqual(other.log_in()[0], 200)
        self.assertEqual(other.poll()[0], 200)
        self.assertEqual(node.stop(), 0)

    def test_the_database_goes_and_comes_back(self):
        one, two = self.nodes
        local = Api(one)
        self.database.stop()
        status, _ = local.call("POST", "keys/rotate")
        self.assertEqual(status, 503)
        for node in self.nodes:
            self.assertEqual(node.admin("/live")[0], 200)
            fleet.until(lambda: node.admin("/ready")[0] == 503)
        self.database.start()
        for node in self.nodes:
            fleet.until(lambda: Api(node).call("GET", "verify")[0] == 200)
            fleet.until(lambda: Api(node).call("POST",
                                               "keys/rotate")[0] == 200)
            fleet.until(lambda: node.admin("/ready")[0] == 200)


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
