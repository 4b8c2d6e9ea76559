#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions, passwords, the first account, and tenants that never meet.

Usage: test_dfotad_people.py BIN [unittest arguments]
"""
import http.client
import json
import os
import pty
import re
import resource
import select
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import fleet
from fleet import Api, Module, Node, imei

BIN = None
PASSWORD = "correct horse battery"


class Page:
    """A browser: it keeps the cookie and says the word of the session."""

    def __init__(self, node, name=None, password=None):
        self.node, self.cookie, self.csrf = node, None, None
        if name:
            status, answer = self.call("POST", "session", {
                "name": name, "password": password})
            assert status == 201, answer
            self.me, self.csrf = answer, answer["csrf"]

    def call(self, method, path, body=None, guard=True, headers=None):
        connection = http.client.HTTPConnection(*self.node.place("api"),
                                                timeout=60)
        headers = dict(headers or {})
        if self.cookie:
            headers["Cookie"] = f"theme=dark; {self.cookie}; other=1"
        if guard and self.csrf:
            headers["X-CSRF-Token"] = self.csrf
        connection.request(method, "/api/v1/" + path, headers=headers,
                           body=None if body is None else json.dumps(body))
        answer = connection.getresponse()
        data = json.loads(answer.read())
        self.set_cookie = answer.getheader("Set-Cookie")
        connection.close()
        if self.set_cookie:
            self.cookie = self.set_cookie.split(";")[0]
        return answer.status, data


class PeopleCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="dfotad-people-")
        cls.node = Node(os.path.join(BIN, "dfotad"), cls.root)
        cls.local = Api(cls.node)
        for role in ("viewer", "operator", "admin"):
            cls.local.must("POST", "users", {"name": f"one {role}", "role": role,
                                             "password": PASSWORD})

    @classmethod
    def tearDownClass(cls):
        code = cls.node.stop()
        shutil.rmtree(cls.root)
        if code != 0:
            raise AssertionError(code)

    def page(self, role="admin"):
        return Page(self.node, f"one {role}", PASSWORD)


class Sessions(PeopleCase):
    def test_the_cookie_is_for_the_browser_alone(self):
        page = self.page()
        words = [word.strip() for word in page.set_cookie.split(";")]
        self.assertRegex(words[0], r"^dfota_session=[A-Za-z0-9_-]{43}$")
        self.assertIn("HttpOnly", words)
        self.assertIn("SameSite=Strict", words)
        self.assertIn("Path=/", words)
        self.assertNotIn("Secure", words)  # over plain HTTP it would be lost
        behind = Page(self.node)
        behind.call("POST", "session", {"name": "one admin",
                                        "password": PASSWORD},
                    headers={"X-Forwarded-Proto": "https"})
        self.assertNotIn("; Secure", behind.set_cookie)  # anybody says so
        with sqlite3.connect(self.node.data + "/dfotad.db") as db:
            word = page.cookie.split("=")[1]
            for row in db.execute("SELECT * FROM session"):
                self.assertNotIn(word, row)

    def test_who_i_am_and_what_i_may(self):
        status, me = self.page("operator").call("GET", "session")
        self.assertEqual((status, me["name"], me["role"], me["tenant"],
                          me["by"]), (200, "one operator", "operator", 1,
                                      "session"))
        self.assertIn("POST plans", me["may"])
        self.assertNotIn("POST plans/{}/approve", me["may"])
        self.assertNotIn("GET users", me["may"])
        self.assertEqual(self.local.must("GET", "session")["by"], "socket")

    def test_a_write_needs_the_word_that_no_other_site_knows(self):
        page = self.page()
        body = {"name": "guarded", "role": "viewer"}
        self.assertEqual(page.call("POST", "users", body, guard=False)[0], 403)
        right, page.csrf = page.csrf, "A" * 43
        self.assertEqual(page.call("POST", "users", body)[0], 403)
        page.csrf = self.page().csrf  # of another session
        self.assertEqual(page.call("POST", "users", body)[0], 403)
        self.assertEqual(self.local.call("GET", "users/guarded")[0], 404)
        page.csrf = page.call("GET", "session")[1]["csrf"]
        self.assertEqual(page.csrf, right)
        self.assertEqual(page.call("POST", "users", body)[0], 201)

    def test_nobody_logs_in_from_another_site(self):
        body = {"name": "one admin", "password": PASSWORD}
        for site, status in (("cross-site", 403), ("same-site", 403),
                             ("same-origin", 201), ("none", 201)):
            self.assertEqual(Page(self.node).call(
                "POST", "session", body,
                headers={"Sec-Fetch-Site": site})[0], status)
        status, _ = self.local.call("GET", "session", headers={
            "Origin": "https://elsewhere.example"})
        self.assertFalse([name for name in self.local.headers
                          if name.startswith("Access-Control")])

    def test_a_session_ends_when_it_is_closed(self):
        page, other = self.page(), self.page()
        self.assertEqual(page.call("DELETE", "session")[0], 200)
        self.assertIn("Max-Age=0", page.set_cookie)
        page.cookie = other.cookie.replace(other.cookie[20:30], "A" * 10)
        self.assertEqual(page.call("GET", "session")[0], 401)
        self.assertEqual(other.call("GET", "session")[0], 200)

    def test_ones_own_password_and_what_ends_with_the_old_one(self):
        self.local.must("POST", "users", {"name": "eve", "role": "viewer",
                                          "password": PASSWORD})
        here = Page(self.node, "eve", PASSWORD)
        there = Page(self.node, "eve", PASSWORD)
        status, why = here.call("PUT", "session/password", {
            "old": "not the old one", "new": "another password"})
        self.assertEqual(status, 403, why)
        self.assertEqual(here.call("PUT", "session/password", {
            "old": PASSWORD, "new": "short"})[0], 400)
        self.assertEqual(here.call("PUT", "session/password", {
            "old": PASSWORD, "new": "another password"})[0], 200)
        self.assertEqual(here.call("GET", "session")[0], 200)
        self.assertEqual(there.call("GET", "session")[0], 401)
        self.assertEqual(Page(self.node).call("POST", "session", {
            "name": "eve", "password": PASSWORD})[0], 401)
        Page(self.node, "eve", "another password")

    def test_a_role_counts_at_once_and_who_is_gone_is_out(self):
        self.local.must("POST", "users", {"name": "pat", "role": "admin",
                                          "password": PASSWORD})
        pat = Page(self.node, "pat", PASSWORD)
        self.assertEqual(pat.call("GET", "users")[0], 200)
        self.local.must("PATCH", "users/pat", {"role": "viewer"})
        self.assertEqual(pat.call("GET", "users")[0], 403)
        self.assertEqual(pat.call("GET", "plans")[0], 200)
        self.local.must("DELETE", "users/pat/sessions")
        self.assertEqual(pat.call("GET", "plans")[0], 401)
        pat = Page(self.node, "pat", PASSWORD)
        self.local.must("DELETE", "users/pat")
        self.assertEqual(pat.call("GET", "plans")[0], 401)
        self.assertEqual(Page(self.node).call("POST", "session", {
            "name": "pat", "password": PASSWORD})[0], 401)

    def test_an_admin_has_no_power_over_the_site(self):
        self.local.must("POST", "users", {"name": "keeper", "role": "site",
                                          "password": PASSWORD})
        admin = self.page()
        for method, body in (("PATCH", {"role": "viewer"}),
                             ("PATCH", {"password": "a password of mine"}),
                             ("DELETE", None)):
            self.assertEqual(admin.call(method, "users/keeper", body)[0], 403)
        Page(self.node, "keeper", PASSWORD)

    def test_a_session_past_its_time_is_none(self):
        page = self.page("viewer")
        with sqlite3.connect(self.node.data + "/dfotad.db") as db:
            db.execute("UPDATE session SET expires = 1 WHERE person = "
                       "(SELECT id FROM person WHERE name = 'one viewer')")
        self.assertEqual(page.call("GET", "plans")[0], 401)

    def test_cookies_that_are_none(self):
        page = self.page()
        word = page.cookie
        for cookie in ("dfota_session=", "dfota_session=" + "x" * 1500,
                       word + "A", f"{word}; {word}", "=", ";;;",
                       "dfota_session", word.replace("=", "=\t")):
            page.cookie = cookie
            self.assertEqual(page.call("GET", "session")[0], 401, cookie)
        page.cookie = word
        self.assertEqual(page.call("GET", "session")[0], 200)

    def test_guessing_is_slow_and_the_right_password_still_works(self):
        self.local.must("POST", "users", {"name": "mark", "role": "viewer",
                                          "password": PASSWORD})
        guess = {"name": "mark", "password": "a wrong password"}
        for _ in range(5):
            began = time.monotonic()
            self.assertEqual(Page(self.node).call("POST", "session",
                                                  guess)[0], 401)
        began = time.monotonic()
        self.assertEqual(Page(self.node).call("POST", "session", guess)[0],
                         401)
        self.assertGreater(time.monotonic() - began, 1.9)
        began = time.monotonic()
        Page(self.node, "mark", PASSWORD)
        self.assertGreater(time.monotonic() - began, 1.9)
        # Who is not there is answered in the same words.
        nobody = Page(self.node).call("POST", "session", {
            "name": "nobody at all", "password": "a wrong password"})
        self.assertEqual(nobody, Page(self.node).call("POST", "session", {
            "name": "somebody", "password": "a wrong password"}))

    def test_while_passwords_are_checked_others_are_answered(self):
        flood = [threading.Thread(target=lambda i=i: Page(self.node).call(
            "POST", "session", {"name": f"n{i}", "password": "x" * 200}))
            for i in range(24)]
        for thread in flood:
            thread.start()
        page = Api(self.node, self.local.must("POST", "tokens", {
            "name": "t", "user": "one viewer", "role": "viewer"})["token"])
        slowest = 0
        while any(thread.is_alive() for thread in flood):
            began = time.monotonic()
            page.must("GET", "plans")
            slowest = max(slowest, time.monotonic() - began)
        for thread in flood:
            thread.join()
        self.assertLess(slowest, 2)


    def test_nobody_is_named_like_the_server(self):
        for name in ("server", "local:0", "local:1000"):
            self.assertEqual(self.local.call("POST", "users", {
                "name": name, "role": "viewer"})[0], 400)

    def test_a_key_is_of_one_person_with_one_right(self):
        site = self.local.person("kay", "site")
        low = Api(self.node, self.local.must("POST", "tokens", {
            "name": "low", "user": "kay", "role": "admin"})["token"])
        body, key = {"name": "t", "user": "kay", "role": "site"}, "of kay"
        site.must("POST", "tokens", body, {"Idempotency-Key": key})
        self.assertEqual(low.call("POST", "tokens", body,
                                  {"Idempotency-Key": key})[0], 403)
        # Names may have blanks, keys too.
        one, two = (self.local.person(name, "admin")
                    for name in ("two", "two words"))
        body = {"name": "t", "user": "two", "role": "viewer"}
        made = [one.must("POST", "tokens", body,
                         {"Idempotency-Key": "words k"}),
                two.must("POST", "tokens", body, {"Idempotency-Key": "k"})]
        self.assertNotEqual(made[0]["token"], made[1]["token"])

    def test_nobody_makes_a_token_for_who_is_above_them(self):
        admin = self.local.person("under", "admin")
        self.local.must("POST", "users", {"name": "over", "role": "site"})
        self.assertEqual(admin.call("POST", "tokens", {
            "name": "t", "user": "over", "role": "viewer"})[0], 403)

    def test_strangers_leave_room_for_those_who_are_known(self):
        admin = self.local.person("doc", "admin")
        body = json.dumps({"name": "x", "password": "y" * 250}).encode()
        socks = [socket.create_connection(self.node.place("api"))
                 for _ in range(300)]
        for sock in socks:
            sock.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.assertEqual(admin.call("GET", "doctor")[0], 200)
        heard = set()
        for sock in socks:
            sock.settimeout(60)
            heard.add(sock.recv(4000).split()[1])
            sock.close()
        self.assertIn(b"503", heard)


class Flood(unittest.TestCase):
    def test_who_guesses_modules_passwords_locks_no_person_out(self):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        root = tempfile.mkdtemp(prefix="dfotad-flood-")
        self.addCleanup(shutil.rmtree, root)
        node = Node(os.path.join(BIN, "dfotad"), root, "--device-api-plain")
        local = Api(node)
        local.must("POST", "users", {"name": "ann", "role": "viewer",
                                     "password": PASSWORD})
        fleet.enrol(local, [1])
        for _ in range(5):
            Page(node).call("POST", "session", {"name": "ann",
                                                "password": "a wrong one"})
        body = json.dumps({"name": imei(1), "imei": imei(1),
                           "password": "a wrong password"}).encode()
        guess = (b"POST /fota/v1/token HTTP/1.1\r\nHost: x\r\n"
                 b"Content-Length: %d\r\n\r\n" % len(body) + body)

        def send():
            sock = socket.create_connection(node.place("http"))
            sock.settimeout(60)
            sock.sendall(guess)
            return sock

        def is_full():
            """No more wrong ones can wait: another hears so at once."""
            with send() as sock:
                return bool(select.select([sock], [], [], 0.2)[0]) and \
                    sock.recv(4000).split()[1] == b"429"
        for _ in range(30):
            waiting = [send() for _ in range(1000)]
            found = any(is_full() for _ in range(5))
            if found:
                status, why = Page(node).call("POST", "session", {
                    "name": "ann", "password": PASSWORD})
            for sock in waiting:
                sock.close()
            if found:
                break
        self.assertTrue(found)
        self.assertEqual(status, 201, why)
        self.assertEqual(node.stop(), 0)


class FirstStart(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="dfotad-first-")
        self.addCleanup(shutil.rmtree, self.root)
        self.binary = os.path.join(BIN, "dfotad")

    def read(self, path):
        with open(path) as f:
            return f.read()

    def test_the_first_password_is_in_a_file_until_the_first_login(self):
        node = Node(self.binary, self.root)
        path = node.data + "/admin-password"
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        password = self.read(path)
        self.assertGreaterEqual(len(password), 20)
        self.assertNotIn(password, node.said())
        self.assertIn(path, node.said())
        node.stop()
        node.start()  # nobody logged in: it is still good, and the only one
        self.assertEqual(self.read(path), password)
        self.assertEqual(Page(node).call("POST", "session", {
            "name": "admin", "password": password + "x"})[0], 401)
        self.assertTrue(os.path.exists(path))
        page = Page(node, "admin", password)
        self.assertEqual(page.me["role"], "site")
        self.assertFalse(os.path.exists(path))
        node.stop()
        node.start()
        self.assertFalse(os.path.exists(path))
        self.assertEqual(page.call("GET", "session")[0], 200)
        node.stop()

    def test_on_a_terminal_the_first_password_is_printed_once(self):
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [self.binary, "--data", self.root + "/data", "--api",
             "127.0.0.1:0"], stdout=follower, stderr=subprocess.DEVNULL)
        os.close(follower)
        said = b""
        while b"listening api" not in said:
            self.assertTrue(select.select([leader], [], [], 60)[0], said)
            said += os.read(leader, 4096)
        found = re.search(rb"log in as admin with the password (\S+)", said)
        port = re.search(rb"listening api 127\.0\.0\.1:(\d+)", said)
        self.assertTrue(found and port, said)
        self.assertFalse(os.path.exists(self.root + "/data/admin-password"))

        class There:
            place = staticmethod(lambda _: ("127.0.0.1", int(port[1])))
        Page(There, "admin", found[1].decode())
        process.terminate()
        self.assertEqual(process.wait(timeout=60), 0)
        os.close(leader)


class Tenants(PeopleCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.image = fleet.images(2, 3000)
        fleet.enrol(cls.local, range(1, 5))
        fleet.upload(cls.local, "m1", "1.0", cls.image[0])
        cls.firmware = fleet.upload(cls.local, "m1", "1.1", cls.image[1])
        cls.plan = cls.local.must("POST", "plans", {
            "name": "p", "firmware": cls.firmware})["id"]
        cls.package = fleet.until(cls.built)[0]["id"]
        cls.webhook = cls.local.must("POST", "webhooks", {
            "url": "https://example.invalid/x", "events": ["plan"]})["id"]
        cls.delivery = cls.local.must("POST",
                                      f"webhooks/{cls.webhook}/ping")["id"]
        cls.token = cls.local.must("POST", "tokens", {
            "name": "t", "user": "one viewer", "role": "viewer"})["id"]
        cls.other = cls.local.must("POST", "tenants", {"name": "other"})["id"]
        cls.local.must("POST", f"users?tenant={cls.other}", {
            "name": "stranger", "role": "admin", "password": PASSWORD})

    @classmethod
    def built(cls):
        """The packages, when the workers are done with them."""
        items = cls.local.must("GET", "packages")["items"]
        return items if {p["state"] for p in items} == {"unsigned"} and \
            len(items) == 2 else None

    def dump(self):
        with sqlite3.connect(self.node.data + "/dfotad.db") as db:
            found = {table: db.execute(f"SELECT * FROM {table}").fetchall()
                     for table, in db.execute(
                         "SELECT name FROM sqlite_master WHERE type = 'table'")
                     if table not in ("sqlite_sequence", "counter", "claim",
                                      "delivery", "event")}
            # What modules told a moment ago is written behind.
            found["module"] = db.execute(
                "SELECT id, tenant, imei, name, model, class, grp, tags, "
                "password, state FROM module").fetchall()
            return found

    def test_every_call_with_anothers_id_is_404_and_changes_nothing(self):
        ids = {"firmware": self.firmware, "packages": self.package,
               "plans": self.plan, "tokens": self.token,
               "webhooks": self.webhook, "users": "one%20viewer"}
        bodies = {"move": {"tenant": 1}, "signature": {"signature": "0" * 128},
                  "tokens": {"name": "x", "user": "one viewer", "role": "viewer"},
                  "packages": {"to": self.firmware},
                  "plans": {"name": "x", "firmware": self.firmware}}
        stranger = Page(self.node, "stranger", PASSWORD)
        stranger.call("GET", "plans")
        before, tried = self.dump(), 0
        for path, methods in self.contract().openapi["paths"].items():
            path = path[len("/api/v1/"):]
            for method, operation in methods.items():
                if operation.get("x-role") == "site" or \
                        path.startswith(("lwm2m", "session", "classes")):
                    continue
                kind = path.split("/")[0]
                whole = path.replace("{id}", str(ids.get(kind, 1))).replace(
                    "{imei}", imei(1)).replace("{name}", "one%20viewer").replace(
                        "{delivery}", str(self.delivery))
                last = path.split("/")[-1]
                if "{" not in path and not (
                        method == "post" and kind in bodies and
                        "/" not in path):
                    continue
                tried += 1
                with self.subTest(method=method, path=path):
                    status, why = stranger.call(
                        method.upper(), whole, bodies.get(last) or
                        self.contract().right_body(operation),
                        headers={"If-Match": "*"})
                    self.assertEqual(status, 404, why)
        self.assertGreater(tried, 30)
        after = self.dump()
        for table in before:
            self.assertEqual(before[table], after[table], table)

    def contract(self):
        return Api.contract

    def test_lists_show_nothing_of_another_tenant(self):
        stranger = Page(self.node, "stranger", PASSWORD)
        for path, methods in self.contract().openapi["paths"].items():
            operation = methods.get("get")
            path = path[len("/api/v1/"):]
            if not operation or "{" in path or path == "events" or \
                    operation["x-role"] == "site":
                continue
            with self.subTest(path=path):
                text = json.dumps(stranger.call("GET", path + "?model=m1"))
                self.assertNotIn(imei(1), text)
                self.assertNotIn("example.invalid", text)
                self.assertNotIn("one viewer", text)
                if "items" in text and path not in ("users", "audit"):
                    self.assertIn('"items": []', text)

    def test_only_the_site_makes_and_names_tenants(self):
        admin = self.page()
        for method, path, body in (("GET", "tenants", None),
                                   ("POST", "tenants", {"name": "mine"}),
                                   ("GET", "tenants/1", None),
                                   ("PATCH", "tenants/1", {"name": "x"})):
            self.assertEqual(admin.call(method, path, body)[0], 403)
        # Nobody else chooses for whom they act.
        self.assertEqual(len(admin.call("GET", f"modules?tenant={self.other}")
                             [1]["items"]), 4)
        made = self.local.must("POST", "tenants", {"name": "third"})
        self.assertEqual(self.local.call("POST", "tenants",
                                         {"name": "third"})[0], 409)
        self.assertEqual(self.local.call("PATCH", f"tenants/{made['id']}",
                                         {"name": "other"})[0], 409)
        self.assertEqual(self.local.must(
            "PATCH", f"tenants/{made['id']}", {"name": "fourth"})["name"],
            "fourth")
        self.assertEqual(self.local.call("GET", "tenants/99")[0], 404)
        self.assertEqual(self.local.call("GET", "modules?tenant=99")[0], 404)
        names = [t["name"] for t in self.local.must("GET", "tenants")["items"]]
        self.assertEqual(names, ["default", "other", "fourth"])

    def test_a_module_moves_with_its_password_and_without_its_tokens(self):
        module = Module(self.node, imei(4))
        self.assertEqual(module.log_in()[0], 200)
        path = f"modules/{imei(4)}"
        self.assertEqual(self.local.call("POST", path + "/move",
                                         {"tenant": 99})[0], 404)
        self.local.must("POST", path + "/move", {"tenant": self.other})
        self.assertEqual(self.local.call("GET", path)[0], 404)
        stranger = Page(self.node, "stranger", PASSWORD)
        self.assertEqual(stranger.call("GET", path)[0], 200)
        life = stranger.call("GET", path + "/timeline")[1]["items"]
        self.assertEqual(life, [])  # the past stays where it was
        status, answer = module.call("POST", "/fota/v1/token", {
            "refresh_token": module.refresh, "imei": module.imei})
        self.assertEqual(answer["code"], 853)
        self.assertEqual(module.poll()[1]["code"], 809)  # the old tenant's
        self.assertEqual(module.log_in()[0], 200)
        self.assertEqual(module.poll()[1]["code"], 802)
        self.local.must("POST", path + f"/move?tenant={self.other}",
                        {"tenant": 1})

    def test_a_retired_module_is_no_module_any_more(self):
        module = Module(self.node, imei(3))
        self.assertEqual(module.log_in()[0], 200)
        self.local.must("PATCH", f"modules/{imei(3)}", {"state": "retired"})
        self.assertEqual(module.poll()[1]["code"], 809)
        self.assertEqual(module.log_in()[1]["code"], 854)
        self.local.must("PATCH", f"modules/{imei(3)}", {"state": "active"})
        self.assertEqual(module.log_in()[0], 200)
        said = [row["what"] for row in self.local.must(
            "GET", f"modules/{imei(3)}/timeline")["items"]]
        self.assertEqual(said.count("module.edit"), 2)


def register(port, endpoint):
    """A client without keys registers; what it is asked is not answered."""
    def option(delta, value):
        head = bytes([delta << 4 | min(len(value), 13)])
        return head + (bytes([len(value) - 13]) if len(value) > 12 else
                       b"") + value

    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(60)
    sock.sendto(b"\x40\x02\x12\x34" + option(11, b"rd") + option(1, b"\x28")
                + option(3, b"ep=" + endpoint.encode()) +
                option(0, b"lt=3600") + option(0, b"b=U") +
                b"\xff</1/0>,</3/0>,</5/0>", ("127.0.0.1", port))
    answer = sock.recv(2000)
    assert answer[1] == 0x41, answer
    return sock


class OverLwm2m(unittest.TestCase):
    def test_a_client_is_its_modules_tenants_and_decisions_are_audited(self):
        root = tempfile.mkdtemp(prefix="dfotad-lwm2m-")
        self.addCleanup(shutil.rmtree, root)
        node = Node(os.path.join(BIN, "dfotad"), root, "--lwm2m",
                    "coap://127.0.0.1:0", "--verbose")
        local = Api(node)
        fleet.enrol(local, [1])
        other = local.must("POST", "tenants", {"name": "other"})["id"]
        local.must("POST", f"modules/import?tenant={other}", {
            "modules": [{"imei": imei(2), "model": "m1"}]})
        made = local.must("POST", f"users?tenant={other}", {
            "name": "stranger", "role": "admin", "password": PASSWORD})
        self.assertEqual(made["role"], "admin")
        port = int(node.ports["lwm2m"].rpartition(":")[2])
        socks = [register(port, name) for name in (
            f"urn:imei:{imei(1)}", f"urn:imei:{imei(2)}", "unknown")]
        self.addCleanup(lambda: [sock.close() for sock in socks])
        mine, theirs = f"urn:imei:{imei(1)}", f"urn:imei:{imei(2)}"
        self.assertEqual({c["endpoint"] for c in local.must(
            "GET", "lwm2m")["items"]}, {mine, "unknown"})
        stranger = Page(node, "stranger", PASSWORD)
        self.assertEqual([c["endpoint"] for c in stranger.call(
            "GET", "lwm2m")[1]["items"]], [theirs])
        asked = local.must("POST", f"lwm2m/{mine}/read", {"path": "/3/0"})
        for method, path, body in (
                ("GET", f"lwm2m/{mine}", None), ("GET", "lwm2m/unknown", None),
                ("GET", f"lwm2m/requests/{asked['id']}", None),
                ("POST", f"lwm2m/{mine}/read", {"path": "/3/0"}),
                ("POST", f"lwm2m/{mine}/discover", {"path": "/3/0"}),
                ("POST", f"lwm2m/{mine}/write", {"path": "/1/0/1",
                                                 "value": "5"}),
                ("POST", f"lwm2m/{mine}/execute", {"path": "/3/0/4"}),
                ("POST", f"lwm2m/{mine}/update", {"uri": "coap://x/y"}),
                ("POST", f"lwm2m/{mine}/cancel", None)):
            self.assertEqual(stranger.call(method, path, body)[0], 404, path)
        self.assertEqual(stranger.call("POST", f"lwm2m/{theirs}/execute",
                                       {"path": "/3/0/4"})[0], 202)
        said = stranger.call("GET", "audit?newest=true")[1]["items"][0]
        self.assertEqual((said["action"], said["actor"], said["object"],
                          said["detail"]), ("lwm2m.execute", "stranger",
                                            f"lwm2m:{theirs}", "/3/0/4"))
        self.assertNotIn("lwm2m.", json.dumps(local.must("GET", "audit")))
        # The log is read by more people than the register.
        local.must("GET", f"modules/{imei(1)}")
        fleet.until(lambda: "modules/35000000*****01: 200" in node.said())
        self.assertIn("urn:imei:35000000*****02 registered", node.said())
        self.assertNotIn(imei(1), node.said())
        self.assertNotIn(imei(2), node.said())
        node.stop()


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
