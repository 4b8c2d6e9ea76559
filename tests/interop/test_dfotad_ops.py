#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What keeps a server running: dfotactl word for word, keys in tokens, jobs
that outlive their workers, what is kept how long, the audit log's tail,
restore and migrate, reload, doctor, metrics and what is shipped to watch them.

Usage: test_dfotad_ops.py BIN [unittest arguments]
"""
import glob
import hashlib
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

import fleet
from fleet import Api, Module, Node, imei

BIN = None
HERE = os.path.dirname(os.path.abspath(__file__))
MONITORING = os.path.join(HERE, "..", "..", "packaging", "monitoring")


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


class Commands(OpsCase):
    def test_every_word_of_the_contract_answers_in_json(self):
        node = self.start("--public-loopback")
        key, _ = fleet.key_pair(self.root)
        old, new = fleet.images(2, 3000)
        one, two = (ctl_json(node, "firmware", "add", self.file(v, image),
                             "--model", "m1", "--version", v)["id"]
                    for v, image in (("1.0", old), ("1.1", new)))
        self.assertEqual(len(ctl_json(node, "firmware", "list")["items"]), 2)
        csv = self.file("m.csv", f"imei,model,version\n{imei(1)},m1,1.0\n"
                        .encode())
        self.assertEqual(len(ctl_json(node, "module", "import",
                                      csv)["made"]), 1)
        for verb, state in (("hold", "held"), ("release", "active"),
                            ("block", "blocked"), ("release", "active")):
            ctl_json(node, "module", verb, imei(1))
            self.assertEqual(ctl_json(node, "module", "show",
                                      imei(1))["state"], state)
        ctl_json(node, "module", "tag", imei(1), "--tags", "a,b")
        self.assertEqual(len(ctl_json(node, "module", "list")["items"]), 1)
        ctl_json(node, "module", "explain", imei(1))
        ctl_json(node, "class", "set", "any", "--cert",
                 self.root + "/key.pub.pem")
        there = ctl_json(node, "delta", "build", "--from", str(one), "--to",
                         str(two), "--both")["id"]
        back = there - 1
        for number in (there, back):
            self.assertEqual(self.built(number)["state"], "unsigned")
        self.assertEqual(ctl_json(node, "delta", "sign", "--key", key),
                         {"signed": [back, there], "failed": []})
        self.assertEqual(ctl_json(node, "delta", "sign", "--key", key),
                         {"signed": [], "failed": []})
        self.assertEqual({p["state"] for p in ctl_json(
            node, "delta", "list")["items"]}, {"ready"})
        self.assertIn("<svg", ctl(node, "delta", "map", str(there)).stdout)
        plan = str(ctl_json(node, "plan", "create", "--name", "p",
                            "--firmware", str(two))["id"])
        for words in (["plan", "list"], ["plan", "show", plan],
                      ["plan", "preview", plan],
                      ["plan", "edit", plan, "--name", "q"],
                      ["plan", "export", plan], ["plan", "pause", "--all"],
                      ["plan", "abort", plan], ["result", "list"],
                      ["audit", "list"], ["audit", "verify"],
                      ["user", "add", "--name", "ada", "--role", "admin"],
                      ["user", "list"],
                      ["token", "add", "--name", "t", "--user", "ada",
                       "--role", "viewer"], ["token", "list"],
                      ["token", "revoke", "1"], ["user", "remove", "ada"],
                      ["keys", "rotate"], ["clock", "accept"], ["verify"],
                      ["reload"], ["class", "list"],
                      ["module", "remove", imei(1)]):
            with self.subTest(words=words):
                ctl_json(node, *words)
        self.assertEqual(ctl(node, "doctor", "--json").returncode, 1)

    def test_exit_statuses_and_one_line(self):
        node = self.start()
        self.fails(1, "no such module", ctl(node, "module", "show", imei(9)))
        self.fails(2, "there is no command", ctl(node, "plan", "praise"))
        self.fails(2, "missing: --to", ctl(node, "delta", "build"))
        self.fails(1, "is dfotad running?", subprocess.run(
            [program("dfotactl"), "--data", self.root, "verify"],
            capture_output=True, text=True))
        self.fails(1, "no PEM private key", ctl(
            node, "delta", "sign", "--key", self.file("key", b"x")))


class Keys(OpsCase):
    def token(self):
        """A token of SoftHSM with the key of key.pem in it."""
        key, _ = fleet.key_pair(self.root)
        tokens = os.path.join(self.root, "tokens")
        os.mkdir(tokens)
        conf = self.file("softhsm.conf", (
            f"directories.tokendir = {tokens}\nlog.level = ERROR\n").encode())
        for words in (["--init-token", "--free", "--label", "fota", "--pin",
                       "1234", "--so-pin", "5678"],
                      ["--import", key, "--token", "fota", "--label", "sign",
                       "--id", "01", "--pin", "1234"]):
            subprocess.run(["softhsm2-util", *words], check=True,
                           capture_output=True,
                           env=dict(os.environ, SOFTHSM2_CONF=conf))
        return conf, "pkcs11:token=fota;object=sign"

    @unittest.skipUnless(shutil.which("softhsm2-util"), "no softhsm2-util")
    def test_a_key_that_stays_in_its_token(self):
        conf, uri = self.token()
        old, new = fleet.images(2, 3000)
        os.environ["SOFTHSM2_CONF"] = conf
        try:
            node = self.start("--signing-key", uri + "?pin-value=1234")
        finally:
            del os.environ["SOFTHSM2_CONF"]
        api = Api(node)
        fleet.upload(api, "m1", "1.0", old)
        target = fleet.upload(api, "m1", "1.1", new)
        package = api.must("POST", "packages", {"from": 1, "to": target})["id"]
        self.assertEqual(self.built(package)["state"], "ready")
        (entry,) = [e for e in api.must("GET", "audit?limit=1000")["items"]
                    if e["action"] == "package.sign"]
        self.assertIn("token=fota", entry["detail"])
        self.assertNotIn("1234", entry["detail"])
        path = self.file("got.pkg", self.content(package))
        subprocess.run([program("dfota"), "verify", path, "--cert",
                        self.root + "/key.pub.pem"], check=True,
                       capture_output=True)

        # dfotactl signs with it, too, and says why when it cannot
        self.restart("--signing=external", "--signing-key=")
        ctl_json(node, "class", "set", "any", "--cert",
                 self.root + "/key.pub.pem")
        in_file = "?pin-source=" + self.file("pin", b"1234")
        for more, pin, status, word in (("", "999", 1, "takes no PIN"),
                                        ("?pin-value=99", "9", 1, "pin-.."),
                                        ("", "1234", 0, ""),
                                        (in_file, "9", 0, "")):
            done = ctl(node, "delta", "sign", "1", "--key", uri + more,
                       DFOTA_PIN=pin, SOFTHSM2_CONF=conf)
            self.assertEqual(done.returncode, status)
            self.assertIn(word, done.stderr)
            self.assertNotIn("99", done.stderr)

    def content(self, package):
        sha256 = self.package(package)["sha256"]
        with open(f"{self.node.data}/blobs/sha256/{sha256}", "rb") as f:
            return f.read()

    def test_a_key_that_others_can_read_is_refused_and_a_reload_keeps_it(self):
        key, _ = fleet.key_pair(self.root)
        os.chmod(key, 0o640)
        done = subprocess.run([program("dfotad"), "--data", self.root + "/x",
                               "--http", "127.0.0.1:0", "--signing-key", key],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("chmod 600", done.stderr)
        os.chmod(key, 0o600)
        node = self.start("--signing-key", key)
        self.assertEqual(ctl(node, "reload").returncode, 0)
        os.chmod(key, 0o604)
        self.fails(1, "stays as it was", ctl(node, "reload"))
        self.assertIn("chmod 600", node.said())
        api = Api(node)
        target = fleet.upload(api, "m1", "1.0", fleet.images(1, 2000)[0])
        package = api.must("POST", "packages", {"to": target})["id"]
        self.assertEqual(self.built(package)["state"], "ready")


class Jobs(OpsCase):
    def setUp(self):
        super().setUp()
        self.start()
        self.api = Api(self.node)
        self.images = fleet.images(2, 3000)
        for version, image in zip(("1.0", "1.1"), self.images):
            fleet.upload(self.api, "m1", version, image)

    def build(self, source, target):
        body = {"to": target}
        if source:
            body["from"] = source
        return self.api.must("POST", "packages", body)["id"]

    def test_jobs_of_dead_workers_go_on_and_those_of_live_ones_do_not(self):
        number = self.build(1, 2)
        self.built(number)
        self.node.kill()
        now = int(time.time())
        rows = (("one", now + 9999, 1, "unsigned"),  # this node's last life
                ("two", now - 1, 1, "unsigned"),     # another's, dead
                ("two", now + 9999, 1, "building"),  # another's, alive
                ("two", now - 1, 5, "failed"))       # it kills its workers
        for worker, until, tries, wanted in rows:
            with self.subTest(worker=worker, wanted=wanted):
                with self.database() as db:
                    db.execute("UPDATE package SET state = 'building', "
                               "claimed_by = ?, claimed_until = ?, tries = ?",
                               (worker, until, tries))
                db.close()
                self.node.start()
                if wanted == "building":  # the next one is built, this not
                    self.built(self.build(2, 1))
                    self.assertEqual(self.package(number)["state"], wanted)
                else:
                    self.assertEqual(self.built(number)["state"], wanted)
                self.node.kill()
        self.assertEqual(wanted, "failed")
        self.node.start()
        self.assertIn("died", self.package(number)["why"])

    def test_what_a_second_try_can_mend_waits_and_the_rest_fails(self):
        blobs = os.path.join(self.node.data, "blobs", "sha256")
        sha256 = [hashlib.sha256(i).hexdigest() for i in self.images]
        with open(f"{blobs}/{sha256[1]}", "r+b") as f:
            f.write(b"rotten")
        failed = self.built(self.build(1, 2))
        self.assertEqual((failed["state"], failed["tries"]), ("failed", 1))
        os.rename(f"{blobs}/{sha256[0]}", self.root + "/away")
        os.symlink("round", f"{blobs}/round")
        os.symlink("round", f"{blobs}/{sha256[0]}")  # an I/O error: ELOOP
        number = self.build(0, 1)
        waiting = fleet.until(lambda: self.package(number)["tries"] == 1 and
                              self.package(number)["why"] and
                              self.package(number))
        self.assertEqual(waiting["state"], "waiting")
        os.unlink(f"{blobs}/{sha256[0]}")
        os.rename(self.root + "/away", f"{blobs}/{sha256[0]}")
        self.build(0, 1)  # now, rather than after the pause
        self.assertEqual(self.built(number)["state"], "unsigned")

    def test_both_directions_the_full_image_and_the_picture(self):
        import random
        strange = random.Random(3).randbytes(3000)
        target = fleet.upload(self.api, "m1", "2.0", strange)
        full = self.built(self.build(1, target))
        self.assertTrue(full["full"])
        there = self.api.must("POST", "packages", {"from": 1, "to": 2,
                                                   "both": True})["id"]
        packages = {(p["from"], p["to"]): p for p in
                    self.api.must("GET", "packages")["items"]}
        back = packages["1.1", "1.0"]["id"]
        for number, old, new in ((there, *self.images),
                                 (back, *reversed(self.images)),
                                 (full["id"], self.images[0], strange)):
            built = self.built(number)
            if number != full["id"]:
                self.assertFalse(built["full"])
                self.assertLess(built["size"], 1500)
            path = f"{self.node.data}/blobs/sha256/{built['sha256']}"
            out = self.root + "/out"
            subprocess.run([program("dfota"), "apply", self.file("old", old),
                            path, "-o", out], check=True, capture_output=True)
            with open(out, "rb") as f:
                self.assertEqual(f.read(), new)
        picture = ctl(self.node, "delta", "map", str(there)).stdout
        drawn = subprocess.run([program("dfota"), "info", path, "--map", "-"],
                               check=True, capture_output=True, text=True)
        self.assertTrue(drawn.stdout.startswith("<svg"))
        self.assertEqual(picture.count("<svg"), 1)
        self.assertGreaterEqual(picture.count("<path"), 1)
        self.fails(1, "not built", ctl(self.node, "delta", "map", "999"))
        status, _ = self.api.call("POST", "packages", {"to": 2, "both": True})
        self.assertEqual(status, 400)


class Stopping(OpsCase):
    def test_who_waits_for_an_answer_gets_it_before_the_end(self):
        """A wrong password has its answer held back, the connection is
        suspended meanwhile; the library cannot end one that is."""
        node = self.start("--device-api-plain")
        fleet.enrol(Api(node), [1])
        module = Module(node, imei(1), secure=False)
        for _ in range(5):
            module.log_in("wrong password it is")
        body = json.dumps({"name": imei(1), "imei": imei(1),
                           "password": "wrong password it is"})
        waiting = []
        for _ in range(10):
            s = socket.create_connection(("127.0.0.1",
                                          int(node.ports["http"])), 60)
            s.sendall((f"POST /fota/v1/token HTTP/1.1\r\nHost: a\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
            waiting.append(s)
        quick = Module(node, imei(1), secure=False)
        self.assertEqual(quick.log_in()[0], 200)
        self.assertEqual(node.stop(), 0)
        answers = [s.recv(12) for s in waiting]
        for s in waiting:
            s.close()
        # what no thread had read yet is closed
        self.assertEqual(set(answers) - {b""}, {b"HTTP/1.1 401"})


class Kept(OpsCase):
    def audit_rows(self):
        return Api(self.node).must("GET", "audit?limit=1000")["items"]

    def test_old_rows_go_and_the_audit_log_still_holds(self):
        self.start()
        api = Api(self.node)
        fleet.enrol(api, [1, 2])
        fleet.upload(api, "m1", "1.0", fleet.images(1, 2000)[0])
        for _ in range(3):
            api.must("POST", "keys/rotate")
        self.assertEqual(self.node.stop(), 0)
        now = int(time.time())
        old = now - 40 * 86400
        with self.database() as db:
            db.execute("UPDATE audit SET at = ? WHERE number <= 3", (old,))
            rehash(db)
            db.executemany("INSERT INTO idempotency VALUES (?, 'r', 200, 'a', "
                           "?)", [(f"k{i}", old) for i in range(1000)] +
                           [("fresh", now)])
            db.executemany("INSERT INTO refresh VALUES (?, 1, 'f', 1, ?, 0)",
                           [("gone", now - 1), ("here", now + 999)])
            db.execute("UPDATE module SET battery = 5, rssi = -9, last_seen = "
                       "? WHERE id = 1", (old,))
            db.execute("UPDATE module SET battery = 5, rssi = -9, last_seen = "
                       "? WHERE id = 2", (now,))
            db.executemany("INSERT INTO session VALUES (?, 1, 1, ?)",
                           [("gone", now - 1), ("here", now + 999)])
            for plan, ended in ((1, old), (2, None)):
                db.execute("INSERT INTO plan (id, tenant, name, state, "
                           "edition, generation, firmware, spec, stage, "
                           "stage_since, open, taken, made_by, edited_by, "
                           "created, ended) VALUES (?, 1, 'p', 'finished', 1, "
                           "1, 1, '{}', 0, 0, 0, 0, 'a', 'a', 1, ?)",
                           (plan, ended))
                for i, closed in enumerate((old, now)):
                    db.execute("INSERT INTO attempt (id, tenant, module, imei,"
                               " plan, plan_stage, package, from_version, "
                               "to_version, state, stage, granted, url_until, "
                               "deadline, closed, node) VALUES (?, 1, 1, 'x', "
                               "?, 0, 1, 'a', 'b', 'done', 'loaded', 1, 1, 1, "
                               "?, 'one')", (f"{plan}{i}", plan, closed))
            db.execute("INSERT INTO note (attempt, at, text) VALUES ('10', 1, "
                       "'n')")
            db.execute("UPDATE change SET at = ?", (old,))
        db.close()
        os.remove(self.node.data + "/audit-heads")
        self.node.args += ["--keep-results", "30d", "--keep-audit", "30d",
                           "--keep-telemetry", "30d"]
        self.node.start()
        fleet.until(lambda: "rows were over their time" in self.node.said())
        self.assertEqual(ctl(self.node, "audit", "verify").returncode, 0)
        self.assertEqual(min(e["number"] for e in self.audit_rows()), 4)
        self.assertEqual(self.node.stop(), 0)
        with self.database() as db:
            got = {name: [row[0] for row in db.execute(query)]
                   for name, query in (
                ("attempt", "SELECT id FROM attempt ORDER BY id"),
                ("note", "SELECT id FROM note"),
                ("refresh", "SELECT hash FROM refresh"),
                ("session", "SELECT hash FROM session"),
                ("answers", "SELECT key FROM idempotency"),
                ("change", f"SELECT number FROM change WHERE at = {old}"),
                ("silent", "SELECT id FROM module WHERE battery IS NULL"))}
        db.close()
        self.assertEqual(got, {
            "attempt": ["11", "20", "21"], "note": [], "refresh": ["here"],
            "session": ["here"],
            "answers": ["fresh"], "change": [], "silent": [1]})
        # once more, and one who changes the entry behind the cut is found
        with self.database() as db:
            db.execute("UPDATE audit SET detail = 'x' WHERE number = 4")
        db.close()
        self.node.start()
        self.fails(1, "entry 4 of node one", ctl(self.node, "audit", "verify"))

    def test_a_cut_tail_of_the_audit_log_shows(self):
        self.start()
        Api(self.node).must("POST", "keys/rotate")
        Api(self.node).must("POST", "keys/rotate")
        self.assertEqual(self.node.stop(), 0)
        told = re.findall(r"audit head: node (\S+), entry (\d+), (\w+)",
                          self.said)
        self.assertTrue(told)
        head = ":".join(told[-1])
        with self.database() as db:
            db.execute("DELETE FROM audit WHERE number = ?",
                       (int(told[-1][1]),))
        db.close()
        self.node.start()
        for words in (["audit", "verify"], ["verify"]):
            self.fails(1, "lost its tail", ctl(self.node, *words))
        os.remove(self.node.data + "/audit-heads")
        self.assertEqual(ctl(self.node, "audit", "verify").returncode, 0)
        self.fails(1, "lost its tail", ctl(self.node, "audit", "verify",
                                           "--head", head))

    @property
    def said(self):
        with open(os.path.join(self.node.data, "errors.txt")) as f:
            return f.read()


def rehash(db):
    """The chain anew, after times were changed under it."""
    before = ""
    for row in db.execute("SELECT number, at, tenant, actor, action, object, "
                          "detail FROM audit WHERE node = 'one' ORDER BY "
                          "number").fetchall():
        number, at, tenant, *texts = row
        data = "".join(f"{len(t.encode())}:{t}," for t in (before, "one"))
        data += f"{number},{at},{tenant},"
        data += "".join(f"{len(t.encode())}:{t}," for t in texts)
        before = hashlib.sha256(data.encode()).hexdigest()
        db.execute("UPDATE audit SET hash = ? WHERE number = ? AND node = "
                   "'one'", (before, number))


class Copies(OpsCase):
    def offline(self, data, *words):
        return subprocess.run([program("dfotactl"), "--data", data, *words],
                              capture_output=True, text=True, timeout=120,
                              env={"PATH": os.environ["PATH"]})

    def test_restore_and_migrate_wait_for_the_server_to_be_down(self):
        node = self.start()
        api = Api(node)
        fleet.enrol(api, [1])
        fleet.upload(api, "m1", "1.0", fleet.images(1, 2000)[0])
        copy = self.root + "/copy"
        ctl_json(node, "backup", "--folder", copy)
        with open(copy + "/audit-heads") as f:
            self.assertRegex(f.read(), r"(?m)^\S+ one \d+ [0-9a-f]{64}$")
        for words in (["restore", copy], ["migrate", "--to", "sqlite:/x"]):
            self.fails(1, "another dfotad works", ctl(node, *words))
        second = subprocess.run(node.args, capture_output=True, text=True,
                                timeout=60)
        self.fails(1, "another dfotad works", second)
        self.assertEqual(node.stop(), 0)
        self.fails(1, "a database already",
                   self.offline(node.data, "restore", copy))
        self.fails(1, "a backup is what", self.offline(
            self.root + "/new", "restore", self.root))

        shutil.rmtree(node.data)
        done = self.offline(node.data, "restore", copy, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["restored_from"], copy)
        moved = "sqlite:" + self.root + "/moved.db"
        done = self.offline(node.data, "migrate", "--to", moved)
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ([], ["--database", moved]):
            self.restart(*words)
            module = Module(node, imei(1))
            self.assertEqual(module.log_in()[0], 200)
            self.assertEqual(ctl(node, "verify").returncode, 0)
            self.assertEqual(node.stop(), 0)
        self.fails(1, "not empty",
                   self.offline(node.data, "migrate", "--to", moved))

    def test_a_backup_that_does_not_hold_is_not_restored(self):
        node = self.start()
        fleet.enrol(Api(node), [1])
        copy = self.root + "/copy"
        ctl_json(node, "backup", "--folder", copy)
        self.assertEqual(node.stop(), 0)
        with sqlite3.connect(copy + "/dfotad.db") as db:
            db.execute("UPDATE audit SET actor = 'nobody'")
        db.close()
        new = self.root + "/new"
        self.fails(1, "does not hold", self.offline(new, "restore", copy))
        self.assertFalse(os.path.exists(new + "/dfotad.db"))


class Shared(OpsCase):
    """What SQL there is, on the other database."""

    def test_old_rows_metrics_and_the_doctor_on_postgresql(self):
        with fleet.Postgresql() as database:
            node = self.start(database=database.url)
            fleet.enrol(Api(node), [1])
            for _ in range(3):
                Api(node).must("POST", "keys/rotate")
            self.assertEqual(node.stop(), 0)
            old = int(time.time()) - 40 * 86400
            subprocess.run(
                ["psql", "-qv", "ON_ERROR_STOP=1", database.url, "-c",
                 "INSERT INTO idempotency SELECT 'k' || n, 'r', 200, 'a', "
                 f"{old} FROM generate_series(1, 700) n; "
                 "INSERT INTO refresh SELECT 'h' || n, 1, 'f', 1, 2, 0 FROM "
                 "generate_series(1, 700) n; "
                 f"UPDATE change SET at = {old}; UPDATE module SET battery = "
                 f"1, last_seen = {old}; UPDATE audit SET at = {old}"],
                check=True, capture_output=True)
            os.remove(node.data + "/audit-heads")
            self.restart("--keep-results", "30d", "--keep-audit", "30d",
                         "--keep-telemetry", "30d")
            fleet.until(lambda: "rows were over their time" in node.said())
            left = subprocess.run(
                ["psql", "-At", database.url, "-c", "SELECT (SELECT count(*) "
                 "FROM idempotency), (SELECT count(*) FROM refresh), (SELECT "
                 f"count(*) FROM change WHERE at = {old}), (SELECT "
                 "count(battery) FROM module), (SELECT count(*) FROM "
                 "audit_anchor)"], check=True, capture_output=True, text=True)
            self.assertEqual(left.stdout, "0|0|0|0|1\n")
            text = node.admin("/metrics")[1]
            self.assertIn("dfota_database_up 1\n", text)
            self.assertNotIn(" -1\n", text)
            self.assertRegex(ctl(node, "doctor").stdout, r"(?m)^ok +database ")
            self.assertEqual(node.stop(), 0)

    def test_a_backup_of_postgresql_is_a_data_folder_too(self):
        with fleet.Postgresql() as database:
            node = self.start(database=database.url)
            api = Api(node)
            fleet.enrol(api, range(1, 50))
            target = fleet.upload(api, "m1", "1.0", fleet.images(1, 2000)[0])
            self.built(api.must("POST", "packages", {"to": target})["id"])
            copy = self.root + "/copy"
            ctl_json(node, "backup", "--folder", copy)
            self.assertEqual(ctl(node, "verify").returncode, 0)
            self.assertEqual(node.stop(), 0)
        self.start(name="copy")
        self.assertEqual(len(Api(self.node).must(
            "GET", "modules?limit=1000")["items"]), 49)
        for words in (["verify"], ["audit", "verify"]):
            self.assertEqual(ctl(self.node, *words).returncode, 0)
        module = Module(self.node, imei(7))
        self.assertEqual(module.log_in()[0], 200)


class Watching(OpsCase):
    def metrics(self):
        status, text = self.node.admin("/metrics")
        self.assertEqual(status, 200)
        return text

    def test_every_metric_that_is_shipped_for_is_there_and_names_no_module(
            self):
        key, _ = fleet.key_pair(self.root)
        node = self.start("--signing-key", key, "--public-loopback")
        api = Api(node)
        ada, bob = (api.person(n, "approver") for n in ("ada", "bob"))
        fleet.enrol(api, [1])
        old, new = fleet.images(2, 3000)
        fleet.upload(ada, "m1", "1.0", old)
        fleet.run_plan(ada, bob, fleet.upload(ada, "m1", "1.1", new), {})
        module = Module(node, imei(1))
        module.log_in()
        self.assertEqual(module.poll()[0], 200)
        text = self.metrics()
        self.assertIn('dfota_plan_attempts{plan="1",state="open"} 1\n', text)
        self.assertIn('dfota_packages{state="ready"} 2\n', text)
        for name in ("modules", "plans_running", "database_up"):
            self.assertIn(f"dfota_{name} 1\n", text)
        self.assertIn("dfota_clock_off 0\n", text)
        self.assertNotRegex(text, r"[^0-9.][0-9]{15}[^0-9]")
        there = set(re.findall(r"^(dfota_\w+)", text, re.M))
        told = set(re.findall(r"^# TYPE (dfota_\w+)", text, re.M))
        self.assertEqual(there, told)
        # there while a disk fills, and only then
        there.add("dfota_disk_full_in_seconds")
        for path in glob.glob(MONITORING + "/*"):
            with open(path) as f:
                named = set(re.findall(r"\bdfota_\w+", f.read()))
            self.assertTrue(named, path)
            self.assertEqual(named - there, set(), path)
        with open(MONITORING + "/dfotad-board.json") as f:
            shown = json.dumps(json.load(f))
        self.assertEqual({name for name in there if name not in shown}, set())

    def test_an_expiring_certificate_shows(self):
        cert, key = self.root + "/c.pem", self.root + "/k.pem"
        self.certificate(cert, key, 10)
        node = self.start("--tls-cert", cert, "--tls-key", key)
        expiry = int(re.search(r"^dfota_certificate_expiry_seconds (\d+)",
                               self.metrics(), re.M)[1])
        self.assertAlmostEqual(expiry, time.time() + 10 * 86400, delta=3600)
        self.assertRegex(ctl(node, "doctor").stdout,
                         r"(?m)^NO +certificate +.* ends in (9|10) days$")
        self.certificate(cert, key, 300)
        self.assertEqual(ctl(node, "reload").returncode, 0)
        self.assertRegex(ctl(node, "doctor").stdout,
                         r"(?m)^ok +certificate +.*")
        with open(key, "w") as f:
            f.write("nothing")
        self.fails(1, "stays as it was", ctl(node, "reload"))
        self.assertRegex(ctl(node, "doctor").stdout,
                         r"(?m)^ok +certificate +.*")

    def certificate(self, cert, key, days):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj",
                        "/CN=localhost", "-days", str(days), "-out", cert,
                        "-keyout", key], check=True, capture_output=True)

    def addresses(self):
        done = ctl(self.node, "doctor")
        return re.findall(r"^(ok|NO) +address +(.*)$", done.stdout, re.M)

    def test_the_doctor_follows_the_public_addresses(self):
        first = self.start("--public-loopback")
        self.assertEqual([word for word, _ in self.addresses()], ["ok", "ok"])
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nowhere = closed.getsockname()[1]
        second = self.start("--public-loopback", "--public-http",
                            f"http://127.0.0.1:{first.ports['http']}",
                            "--public-https", f"https://127.0.0.1:{nowhere}",
                            name="two")
        try:
            told = self.addresses()
            self.assertEqual([word for word, _ in told], ["NO", "NO"])
            self.assertIn("leads nowhere", told[0][1])
            self.assertIn("another server", told[1][1])
        finally:
            self.assertEqual(second.stop(), 0)
            self.node = first
        self.restart("--public-loopback=false")
        self.assertEqual([word for word, _ in self.addresses()], ["NO", "NO"])
        self.assertIn("only on this machine", self.addresses()[0][1])


if __name__ == "__main__":
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
