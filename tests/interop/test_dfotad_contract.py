#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every call of the OpenAPI file with input that is wrong: the right refusal
in a sentence, and nothing changed; every answer as its schema says.

Usage: test_dfotad_contract.py BIN [unittest arguments]
"""
import http.client
import json
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import unittest
import urllib.parse

import fleet
from fleet import Api, Node, imei

BIN = None
ROLES = ["viewer", "operator", "approver", "admin", "site"]
PASSWORD = "correct horse battery"
# What these tables hold is no fact: what modules told, and the numbers given
# out for rows.
NO_FACTS = {"sqlite_sequence", "claim"}


class ContractCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="dfotad-contract-")
        cls.node = Node(os.path.join(BIN, "dfotad"), cls.root,
                        "--public-loopback")
        cls.local = Api(cls.node)
        connection = http.client.HTTPConnection(*cls.node.place("api"),
                                                timeout=60)
        connection.request("GET", "/api/openapi.json")
        cls.openapi = json.loads(connection.getresponse().read())
        connection.close()
        cls.people = {role: cls.local.person(f"the {role}", role)
                      for role in ROLES}
        image = fleet.images(2, 3000)
        fleet.enrol(cls.local, range(1, 5))
        first = fleet.upload(cls.local, "m1", "1.0", image[0])
        target = fleet.upload(cls.local, "m1", "1.1", image[1])
        spare = fleet.upload(cls.local, "m2", "1.0", image[0])
        plan = cls.local.must("POST", "plans", {"name": "p",
                                                "firmware": target})["id"]
        fleet.until(lambda: len(cls.local.must(
            "GET", "packages?state=unsigned")["items"]) >= 2)
        hook = cls.local.must("POST", "webhooks", {
            "url": "https://example.invalid/", "events": ["plan"]})["id"]
        cls.local.must("PATCH", f"webhooks/{hook}", {"active": False},
                       {"If-Match": "*"})
        delivery = cls.local.must("POST", f"webhooks/{hook}/ping")["id"]
        token = cls.local.must("POST", "tokens", {
            "name": "t", "user": "the viewer", "role": "viewer"})["id"]
        # What is there, for each kind of path.
        cls.there = {"firmware": spare, "packages": 1, "plans": plan,
                     "webhooks": hook, "tokens": token, "tenants": 1,
                     "{delivery}": delivery, "{imei}": imei(1),
                     "{name}": "the%20viewer", "first": first}

    @classmethod
    def tearDownClass(cls):
        code = cls.node.stop()
        shutil.rmtree(cls.root)
        if code != 0:
            raise AssertionError(code)

    def operations(self, lwm2m=False):
        """Those of LwM2M need a listener; without one they are 404 or 409."""
        for path, methods in self.openapi["paths"].items():
            if lwm2m or "/lwm2m" not in path:
                for method, operation in methods.items():
                    yield (method.upper(), path[len("/api/v1/"):], operation)

    def fill(self, path):
        """The path of something that is there."""
        kind = path.split("/")[0]
        path = path.replace("{id}", str(self.there.get(kind, 1)))
        for name in ("{delivery}", "{imei}", "{name}"):
            path = path.replace(name, str(self.there[name]))
        return re.sub(r"\{[a-z]+\}", "nothing", path)

    def nowhere(self, path):
        """The path of something that is not."""
        for name, value in (("{id}", "99999"), ("{imei}", imei(99999)),
                            ("{name}", "nobody"), ("{delivery}", "99999")):
            path = path.replace(name, value)
        return re.sub(r"\{[a-z]+\}", "nothing", path)

    def dump(self):
        with sqlite3.connect(self.node.data + "/dfotad.db", timeout=30) as db:
            tables = [name for name, in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {table: db.execute(f"SELECT * FROM {table}").fetchall()
                    for table in tables if table not in NO_FACTS}

    def unchanged(self, before):
        after = self.dump()
        for table in before:
            self.assertEqual(before[table], after[table], table)

    def refused(self, api, statuses, method, path, body=None, headers=None,
                raw=None):
        if isinstance(statuses, int):
            statuses = (statuses,)
        got, answer = api.call(method, path, body, headers, raw)
        said = (method, path, body if raw is None else raw[:80], got, answer)
        self.assertIn(got, statuses, said)
        self.assertEqual(answer["status"], got, said)
        self.assertGreater(len(answer["detail"]), 8, said)
        self.assertEqual(api.headers["Content-Type"],
                         "application/problem+json")
        return answer


class WhoAsks(ContractCase):
    def test_without_a_right_everything_is_401_and_nothing_changes(self):
        before = self.dump()
        for method, path, operation in self.operations(True):
            if "x-role" not in operation:
                continue
            for token in ("dfota_nonsense", "", "x" * 3000, "a b"):
                with self.subTest(method=method, path=path, token=token[:8]):
                    self.refused(Api(self.node, token or " "), 401, method,
                                 self.fill(path),
                                 None if method == "GET" else {})
        self.unchanged(before)

    def test_a_role_below_the_named_one_is_403_and_changes_nothing(self):
        before = self.dump()
        for method, path, operation in self.operations(True):
            place = ROLES.index(operation.get("x-role", "viewer"))
            if place == 0:
                continue
            with self.subTest(method=method, path=path):
                self.refused(self.people[ROLES[place - 1]], 403, method,
                             self.fill(path), None if method == "GET" else {})
        self.unchanged(before)


class WhatIsAsked(ContractCase):
    def test_the_file_is_openapi_3_1_and_names_every_reference(self):
        self.assertTrue(self.openapi["openapi"].startswith("3.1"))
        self.assertEqual(self.openapi, Api.contract.openapi)
        text = json.dumps(self.openapi)
        for part in set(re.findall(r'"#/([^"]+)"', text)):
            node = self.openapi
            for step in part.split("/"):
                node = node[step]
        names = [o["operationId"] for _, _, o in self.operations(True)]
        self.assertEqual(len(names), len(set(names)))

    def test_reading_answers_as_the_file_says(self):
        for method, path, operation in self.operations():
            if method != "GET" or path in ("events", "matrix"):
                continue
            with self.subTest(path=path):
                status, answer = self.people["site"].call(
                    "GET", self.fill(path))
                self.assertEqual(status, 200, answer)
                status, _ = self.people["site"].call(
                    "GET", self.fill(path) + "?limit=1000&cursor=")
                self.assertEqual(status, 200)
        self.people["viewer"].must("GET", "matrix?model=m1")

    def test_what_is_not_there_is_404(self):
        before = self.dump()
        for method, path, operation in self.operations():
            if "{" not in path or path == "classes/{name}":
                continue
            for place in {self.nowhere(path), re.sub(r"\{.*?\}", "x", path),
                          re.sub(r"\{.*?\}", "9" * 30, path),
                          re.sub(r"\{.*?\}", "-1", path),
                          re.sub(r"\{.*?\}", "%27%20OR%201=1", path)}:
                with self.subTest(method=method, path=place):
                    self.refused(self.people["site"], 404, method, place,
                                 Api.contract.right_body(operation),
                                 {"If-Match": "*"})
        self.unchanged(before)

    def test_arguments_of_the_wrong_type(self):
        for method, path, operation in self.operations():
            if method != "GET" or path in ("doctor", "verify"):
                continue
            for row in operation.get("parameters", []):
                row = Api.contract.resolve(row)
                wrong = {"limit": ("0", "x", "1001", "-1", "1e3", "9" * 30),
                         "cursor": ("x", "-1", "9" * 30),
                         "plan": ("x", "-1")}.get(row["name"], ())
                for value in wrong if row["in"] == "query" else ():
                    with self.subTest(path=path, name=row["name"],
                                      value=value):
                        self.refused(self.people["site"], 400, "GET",
                                     f"{self.fill(path)}?{row['name']}="
                                     f"{urllib.parse.quote(value)}")
        self.refused(self.people["site"], 400, "GET", "plans?tenant=x")
        self.refused(self.people["viewer"], 400, "GET", "matrix")

    def bodies(self):
        for method, path, operation in self.operations():
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            if schema:
                yield method, path, Api.contract.resolve(schema), operation

    def wrong_values(self, schema):
        """What is not of the schema's type, or too much of it."""
        schema = Api.contract.resolve(schema)
        kind = schema.get("type", "string")
        kind = kind if isinstance(kind, list) else [kind]
        for name, value in (("string", "x" * 20000), ("integer", 7),
                            ("number", 1.5), ("boolean", True),
                            ("array", [[]]), ("object", {"a": {}})):
            if name == "string" and "string" in kind and "enum" not in \
                    schema and "maxLength" not in schema and \
                    "pattern" not in schema:
                continue
            if name in kind and name != "string":
                continue
            if name == "integer" and "number" in kind:
                continue
            yield value
        if "string" in kind and "enum" not in schema:
            yield "a\u0000b"
            yield "a\nb\u001b[2J"

    def test_bodies_with_wrong_missing_unknown_and_oversized_fields(self):
        site, before, tried = self.people["site"], self.dump(), 0
        for method, path, schema, operation in self.bodies():
            place, match = self.fill(path), {"If-Match": "*"}
            right = Api.contract.example(schema)
            wrongs = [dict(right, nonsense=1)] if right != {"name": None} \
                else []
            for name in schema.get("required", []):
                wrongs.append({k: v for k, v in right.items() if k != name})
            for name, part in schema["properties"].items():
                if name in ("spec", "modules", "public_key"):
                    continue  # have tests of their own
                wrongs += [dict(right, **{name: value})
                           for value in self.wrong_values(part)]
            for body in wrongs:
                tried += 1
                with self.subTest(method=method, path=path,
                                  body=str(body)[:100]):
                    self.refused(site, 400, method, place, body, match)
            for raw in (b"{", b"[1]", b"7", b"null", b'"x"', b"\xff\xfe{}",
                        b'{"a": 1, "a": 2}', b"{" * 3000, b"[" * 200000,
                        b'{"name": "\\ud800"}'):
                with self.subTest(method=method, path=path, raw=raw[:10]):
                    self.refused(site, 400, method, place, raw=raw,
                                 headers=match)
            self.assertEqual(self.announce(method, place, 5 << 20), 413)
        self.assertGreater(tried, 150)
        self.unchanged(before)

    def announce(self, method, path, length, token=None):
        """The status for content of that length, which is never sent."""
        connection = http.client.HTTPConnection(*self.node.place("api"),
                                                timeout=60)
        connection.putrequest(method, "/api/v1/" + path)
        connection.putheader("Authorization",
                             f"Bearer {token or self.people['site'].token}")
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status

    def test_long_content_is_only_for_who_may_write(self):
        self.assertEqual(self.announce("POST", "modules/import", 3 << 20,
                                       "nonsense"), 401)
        self.assertEqual(self.announce("POST", "modules/import", 1 << 20,
                                       self.people["viewer"].token), 413)
        self.assertEqual(self.announce("POST", "session", 1 << 20,
                                       "nonsense"), 400)

    def test_unknown_paths_and_methods(self):
        site = self.people["site"]
        self.refused(site, 404, "GET", "nothing")
        self.refused(site, 405, "PUT", "plans")
        self.refused(site, 404, "GET", "plans/1/nothing")
        self.refused(site, 404, "GET", "plans/1/2/3/4/5/6/7/8")
        known = {}
        for method, path, _ in self.operations(True):
            known.setdefault(path, set()).add(method)
        for path, methods in known.items():
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
                with self.subTest(method=method, path=path):
                    status, _ = site.call(method, self.fill(path))
                    self.assertIn(status, (404, 405))

    def test_the_same_key_for_another_request_is_422(self):
        site = self.people["site"]
        key = {"Idempotency-Key": "k" * 80}
        made = site.must("POST", "tenants", {"name": "a tenant"}, key)
        self.assertEqual(site.must("POST", "tenants", {"name": "a tenant"},
                                   key), made)
        before = self.dump()
        self.refused(site, 422, "POST", "tenants", {"name": "b"}, key)
        self.refused(site, 422, "PATCH", f"tenants/{made['id']}",
                     {"name": "a tenant"}, key)
        self.refused(site, 422, "POST", "tenants?tenant=1&x=2",
                     {"name": "a tenant"}, key)
        self.refused(site, 400, "POST", "tenants", {"name": "b"},
                     {"Idempotency-Key": "k" * 81})
        self.unchanged(before)

    def test_an_upload_repeated_with_its_key_is_done_once(self):
        key = {"Idempotency-Key": "upload"}
        path = "firmware?model=up&version=1"
        api = self.people["operator"]
        made = api.must("POST", path, raw=b"x" * 400, headers=key)
        self.assertEqual(api.must("POST", path, raw=b"x" * 400, headers=key),
                         made)
        self.refused(api, 422, "POST", path, raw=b"y" * 400, headers=key)
        self.refused(api, 422, "POST", path + "1", raw=b"x" * 400,
                     headers=key)

    def test_results_and_audit_page_both_ways(self):
        site = self.people["site"]
        for more in ("", "&newest=true"):
            seen, cursor = [], ""
            while True:
                page = site.must("GET", f"audit?limit=7{more}&cursor="
                                 f"{urllib.parse.quote(cursor)}")
                seen += [row["number"] for row in page["items"]]
                if not page["next"]:
                    break
                self.assertEqual(len(page["items"]), 7)
                cursor = page["next"]
            whole = [row["number"] for row in site.must(
                "GET", f"audit?limit=1000{more}")["items"]]
            self.assertEqual(seen, whole)
            self.assertEqual(seen, sorted(seen, reverse=bool(more)))
        of_plan = site.must("GET", f"audit?object=plan:{self.there['plans']}")
        self.assertEqual({row["object"] for row in of_plan["items"]},
                         {f"plan:{self.there['plans']}"})


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
