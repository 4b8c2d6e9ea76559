#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is kept how long, the audit log's tail, backup, restore and migrate,
on both databases.

Usage: test_dfotad_data.py BIN [unittest arguments]
"""
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import unittest

import fleet
import ops
from fleet import Api, Module, imei
from ops import OpsCase, ctl, ctl_json, program

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


    def test_what_was_changed_in_a_backup_is_seen(self):
        node = self.start()
        fleet.enrol(Api(node), [1])
        copy, broken, new = (f"{self.root}/{n}"
                             for n in ("copy", "broken", "new"))
        ctl_json(node, "backup", "--folder", copy)
        self.assertEqual(node.stop(), 0)

        def cut_tail():
            with sqlite3.connect(broken + "/dfotad.db") as db:
                db.execute("DELETE FROM audit WHERE number = "
                           "(SELECT max(number) FROM audit)")
            db.close()

        def other(name, make):
            os.unlink(f"{broken}/{name}")
            make(f"{broken}/{name}")
        key = "secret.key"
        for said, change in (
                ("does not hold", cut_tail),
                ("not a plain file", lambda: other(
                    key, lambda path: os.symlink(copy + "/" + key, path))),
                ("not a plain file", lambda: other(key, os.mkfifo)),
                ("not a plain file", lambda: other("dfotad.db", os.mkfifo)),
                ("not a key", lambda: other(
                    key, lambda path: open(path, "w").close())),
                ("No such file", lambda: other(key, lambda path: None))):
            shutil.copytree(copy, broken)
            change()
            with self.subTest(said=said):
                self.fails(1, said, self.offline(new, "restore", broken))
                self.assertFalse(os.path.exists(new + "/dfotad.db"))
                self.assertFalse(os.path.exists(new + "/secret.key"))
            shutil.rmtree(broken)
        self.assertEqual(self.offline(new, "restore", copy).returncode, 0)


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


if __name__ == "__main__":
    ops.BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
