#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/api/v1 held to its OpenAPI file: roles, tenants, wrong input, editions.

Usage: test_dfotad_api.py BIN [unittest arguments]
"""
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import threading
import unittest

import fleet
from fleet import Api, Module, Node, imei

BIN = None
ROLES = ["viewer", "operator", "approver", "admin", "site"]


class ApiCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="dfotad-api-")
        cls.key, _ = fleet.key_pair(cls.root)
        cls.node = Node(os.path.join(BIN, "dfotad"), cls.root,
                        "--signing-key", cls.key)
        cls.local = Api(cls.node)
        cls.people = {role: cls.local.person(f"the {role}", role) for role in ROLES}
        cls.image = fleet.images(2, 3000)
        fleet.enrol(cls.local, [1, 2])
        fleet.upload(cls.local, "m1", "1.0", cls.image[0])
        cls.target = fleet.upload(cls.local, "m1", "1.1", cls.image[1])

    @classmethod
    def tearDownClass(cls):
        code = cls.node.stop()
        shutil.rmtree(cls.root)
        if code != 0:
            raise AssertionError(code)

    def plan(self, api=None, **spec):
        return (api or self.people["operator"]).must(
            "POST", "plans", {"name": "p", "firmware": self.target,
                              "spec": spec})

    def refused(self, api, status, method, path, body=None, headers=None,
                raw=None):
        got, answer = api.call(method, path, body, headers, raw)
        self.assertEqual(got, status, (method, path, answer))
        self.assertEqual(answer["status"], status)
        self.assertTrue(answer["detail"])
        self.assertEqual(api.headers["Content-Type"],
                         "application/problem+json")


class Plans(ApiCase):
    def test_an_edit_needs_the_edition_and_drops_the_approval(self):
        ada, bob = self.people["operator"], self.people["approver"]
        made = self.plan()
        path = f"plans/{made['id']}"
        ada.must("GET", path)
        etag = ada.headers["ETag"]
        self.refused(ada, 428, "PATCH", path, {"name": "q"})
        bob.must("POST", path + "/approve")
        self.refused(ada, 412, "PATCH", path, {"name": "q"},
                     {"If-Match": etag})
        ada.must("GET", path)
        edited = ada.must("PATCH", path, {"name": "q"},
                          {"If-Match": ada.headers["ETag"]})
        self.assertEqual((edited["state"], edited["approved_by"]),
                         ("draft", None))
        self.refused(ada, 409, "POST", path + "/start")

    def test_nobody_approves_what_they_made_or_edited(self):
        bob, site = self.people["approver"], self.people["admin"]
        made = self.plan(bob)
        self.refused(bob, 403, "POST", f"plans/{made['id']}/approve")
        site.must("PATCH", f"plans/{made['id']}", {"name": "x"},
                  {"If-Match": "*"})
        self.refused(site, 403, "POST", f"plans/{made['id']}/approve")

    def test_only_the_steps_of_a_life_are_possible(self):
        ada, bob = self.people["operator"], self.people["approver"]
        path = f"plans/{self.plan()['id']}"
        for verb in ("start", "pause", "resume", "finish"):
            self.refused(ada, 409, "POST", f"{path}/{verb}")
        bob.must("POST", path + "/approve")
        self.refused(bob, 409, "POST", path + "/approve")
        fleet.until(lambda: not self.local.must(
            "GET", "packages?state=waiting")["items"] and not self.local.must(
                "GET", "packages?state=building")["items"])
        ada.must("POST", path + "/start")
        self.refused(ada, 409, "PATCH", path, {"name": "x"},
                     {"If-Match": "*"})
        ada.must("POST", path + "/pause")
        ada.must("POST", path + "/resume")
        ada.must("POST", path + "/abort", {"why": "a bad day"})
        for verb in ("start", "pause", "resume", "finish", "abort"):
            self.refused(ada, 409, "POST", f"{path}/{verb}")
        self.assertEqual(ada.must("GET", path)["why"], "a bad day")

    def test_two_people_at_once_have_one_of_them_refused(self):
        path = f"plans/{self.plan()['id']}"
        self.people["approver"].must("POST", path + "/approve")
        answers = []

        def act(role):
            api = Api(self.node, self.people[role].token)
            answers.append(api.call("POST", path + "/abort")[0])

        threads = [threading.Thread(target=act, args=(role,))
                   for role in ("operator", "approver", "admin")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(answers), [200, 409, 409])

    def test_a_wrong_spec_is_refused_with_the_field(self):
        ada = self.people["operator"]
        body = {"name": "p", "firmware": self.target,
                "spec": {"window": {"from": "26:00", "to": "01:00"}}}
        status, answer = ada.call("POST", "plans", body)
        self.assertEqual(status, 400)
        self.assertIn("spec.window.from", answer["detail"])

    def test_one_switch_pauses_all(self):
        plan = fleet.run_plan(self.people["operator"], self.people["approver"],
                              self.target, {"priority": 5})
        self.assertGreaterEqual(self.people["operator"].must(
            "POST", "plans/pause")["paused"], 1)
        self.assertEqual(self.people["operator"].must(
            "GET", f"plans/{plan}")["state"], "paused")


class Manners(ApiCase):
    def test_a_repeated_request_with_its_key_is_done_once(self):
        ada = self.people["operator"]
        body = {"name": "once", "firmware": self.target}
        key = {"Idempotency-Key": "abc"}
        first = ada.must("POST", "plans", body, key)
        self.assertEqual(ada.must("POST", "plans", body, key), first)
        self.refused(ada, 422, "POST", "plans", dict(body, name="other"), key)
        other = self.people["approver"].must("POST", "plans", body, key)
        self.assertNotEqual(other["id"], first["id"])

    def test_no_secret_of_an_answer_is_kept_for_its_repetition(self):
        key = {"Idempotency-Key": "secret"}
        self.local.must("POST", "tokens", {
            "name": "t", "user": "the viewer", "role": "viewer"}, key)
        self.local.must("POST", "modules/import", {
            "modules": [{"imei": imei(900), "model": "m1"}]},
            {"Idempotency-Key": "secrets"})
        with sqlite3.connect(self.node.data + "/dfotad.db") as db:
            for answer, in db.execute("SELECT answer FROM idempotency"):
                self.assertNotRegex(answer, r"[A-Za-z0-9_-]{43}")

    def test_a_repetition_tells_the_same_secrets(self):
        body = {"modules": [{"imei": imei(n), "model": "m1"}
                            for n in (901, 902)]}
        key = {"Idempotency-Key": "again"}
        first = self.local.must("POST", "modules/import", body, key)
        self.assertEqual(self.local.must("POST", "modules/import", body, key),
                         first)
        self.assertNotEqual(*(m["password"] for m in first["made"]))
        module = Module(self.node, imei(902))
        self.assertEqual(module.log_in(first["made"][1]["password"])[0], 200)
        body = {"name": "t", "user": "the viewer", "role": "viewer"}
        key = {"Idempotency-Key": "again, a token"}
        token = self.local.must("POST", "tokens", body, key)
        self.assertEqual(self.local.must("POST", "tokens", body, key), token)
        Api(self.node, token["token"]).must("GET", "plans")

    def test_pages_follow_the_cursor_to_the_end(self):
        numbers = range(100, 125)
        fleet.enrol(self.local, numbers, model="paged")
        seen, cursor = [], ""
        while True:
            page = self.local.must(
                "GET", f"modules?model=paged&limit=10&cursor={cursor}")
            seen += [m["imei"] for m in page["items"]]
            if not page["next"]:
                break
            self.assertEqual(len(page["items"]), 10)
            cursor = page["next"]
        self.assertEqual(seen, [imei(n) for n in numbers])

    def test_what_is_no_text_gets_no_further(self):
        ada = self.people["operator"]
        for word in ("%ff", "%c3%28", "%ed%a0%80", "a%0ab", "a%7fb"):
            self.refused(ada, 400, "POST", f"firmware?model=m1&version={word}",
                         raw=b"image")
            self.refused(ada, 400, "GET", f"modules?q={word}")
        self.refused(ada, 400, "GET", "modules/%ff")
        self.refused(self.local, 400, "PUT", "classes/%ff",
                     {"public_key": "x"})
        self.refused(ada, 400, "POST", "plans/pause", headers={
            "Idempotency-Key": b"\xff\xfe"})
        answer = self.local.must("POST", "modules/import", {
            "modules": [{"imei": imei(990), "model": "m\n1"}],
            "dry_run": True})
        self.assertEqual(answer["made"], [])

    def test_content_of_too_many_values_is_not_read(self):
        ada = self.people["operator"]
        for value, n in ((b"{}", 20001), (b"[]", 20001), (b"0", 300002)):
            raw = b'{"name": [' + b",".join([value] * n) + b"]}"
            status, why = ada.call("POST", "plans", raw=raw)
            self.assertEqual(status, 400)
            self.assertIn("at most 300000 values", why["detail"])
        imeis = [imei(n) for n in range(100000)]
        self.assertEqual(ada.must("POST", "plans", {
            "name": "as many as may, {[,[{ \"", "firmware": self.target,
            "spec": {"select": {"imeis": imeis}}})["state"], "draft")

    def test_another_tenant_sees_and_touches_nothing(self):
        plan = self.plan()["id"]
        other = Api(self.node)
        tenant = other.must("POST", "tenants", {"name": "empty"})["id"]
        for path in (f"plans/{plan}", f"modules/{imei(1)}",
                     f"modules/{imei(1)}/explain"):
            self.refused(other, 404, "GET", path + f"?tenant={tenant}")
        for name in ("plans", "modules", "firmware", "packages", "results",
                     "users", "tokens"):
            self.assertEqual(other.must("GET", name + f"?tenant={tenant}")["items"],
                             [])
        self.refused(other, 404, "POST", f"plans/{plan}/abort?tenant={tenant}")
        self.refused(other, 404, "POST", f"plans?tenant={tenant}",
                     {"name": "x", "firmware": self.target})
        self.refused(other, 404, "PATCH", f"modules/{imei(1)}?tenant={tenant}",
                     {"state": "blocked"})
        self.assertEqual(self.local.must("GET", f"modules/{imei(1)}")["state"],
                         "active")

    def test_an_import_tells_each_row_and_a_dry_run_keeps_nothing(self):
        rows = [{"imei": imei(300), "model": "m1"},
                {"imei": "12", "model": "m1"}, {"imei": imei(301)},
                {"imei": imei(300), "model": "m1"},
                {"imei": imei(302), "model": "m1", "password": "short"}, 7]
        for dry in (True, False):
            answer = self.local.call("POST", "modules/import",
                                     {"modules": rows, "dry_run": dry})[1]
            self.assertEqual([m["imei"] for m in answer["made"]], [imei(300)])
            self.assertEqual([r["row"] for r in answer["refused"]],
                             [2, 3, 4, 5, 6])
            status, _ = self.local.call("GET", f"modules/{imei(300)}")
            self.assertEqual(status, 404 if dry else 200)
        password = answer["made"][0]["password"]
        module = Module(self.node, imei(300))
        self.assertEqual(module.log_in(password)[0], 200)

    def test_tokens_end_and_roles_cannot_be_raised(self):
        admin = self.people["admin"]
        self.refused(admin, 403, "POST", "users", {"name": "eve",
                                                   "role": "site"})
        made = admin.must("POST", "tokens", {
            "name": "x", "user": "the viewer", "role": "admin"})
        weak = Api(self.node, made["token"])
        self.refused(weak, 403, "GET", "users")  # the person is a viewer
        admin.must("DELETE", f"tokens/{made['id']}")
        self.refused(weak, 401, "GET", "plans")
        self.local.person("gone", "viewer")
        gone = Api(self.node, self.local.must("POST", "tokens", {
            "name": "y", "user": "gone", "role": "viewer"})["token"])
        gone.must("GET", "plans")
        admin.must("DELETE", "users/gone")
        self.refused(gone, 401, "GET", "plans")

    def test_uploads_that_are_no_images(self):
        ada = self.people["operator"]
        self.refused(ada, 400, "POST", "firmware?model=m&version=1", raw=b"")
        self.refused(ada, 400, "POST", "firmware?model=m", raw=b"x")
        self.refused(ada, 400, "POST", "firmware?model=m&version=1",
                     raw=b":10000000")
        self.refused(ada, 409, "POST", "firmware?model=m1&version=1.0",
                     raw=b"x" * 100)
        self.refused(ada, 409, "DELETE", f"firmware/{self.target}")

    def test_ready_live_and_metrics(self):
        self.assertEqual(self.node.admin("/ready")[0], 200)
        self.assertEqual(self.node.admin("/live")[0], 200)
        status, text = self.node.admin("/metrics")
        self.assertEqual(status, 200)
        self.assertIn("dfota_modules ", text)
        self.assertNotIn(imei(1), text)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
