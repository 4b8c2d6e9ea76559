#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams of events and web hooks: what happens is told, once or again.

Usage: test_dfotad_events.py BIN [unittest arguments]
"""
import hashlib
import hmac
import http.client
import http.server
import json
import os
import selectors
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import fleet
from fleet import Api, Module, Node, Postgresql, imei

BIN = None


class Stream:
    """An EventSource: the socket, and what came of it."""

    def __init__(self, node, token, query="", last=None, receive_room=None):
        self.sock = socket.socket()
        if receive_room:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                 receive_room)
        self.sock.settimeout(60)
        self.sock.connect(node.place("api"))
        more = f"Last-Event-ID: {last}\r\n" if last is not None else ""
        self.sock.sendall(
            f"GET /api/v1/events?{query} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {token}\r\n{more}\r\n".encode())
        self.raw, self.text, self.ended = b"", "", False
        self.events = []
        self.status = None

    def feed(self, data):
        """Chunks become text, text events: [id, kind, data]."""
        if not data:
            self.ended = True
            return
        self.raw += data
        if self.status is None:
            if b"\r\n\r\n" not in self.raw:
                return
            head, self.raw = self.raw.split(b"\r\n\r\n", 1)
            self.head = head.decode()
            self.status = int(head.split()[1])
        while b"\r\n" in self.raw and self.status == 200:
            size, rest = self.raw.split(b"\r\n", 1)
            size = int(size, 16)
            if len(rest) < size + 2:
                break
            if size == 0:
                self.ended = True
            self.text += rest[:size].decode()
            self.raw = rest[size + 2:]
        while "\n\n" in self.text:
            event, self.text = self.text.split("\n\n", 1)
            fields = dict(line.split(": ", 1) for line in event.split("\n")
                          if line and not line.startswith(":"))
            if fields:
                self.events.append([int(fields.get("id", 0)), fields["event"],
                                    json.loads(fields["data"])])

    def wait(self, until, seconds=60):
        end = time.monotonic() + seconds
        while not until(self):
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{self.events} {self.text!r}")
            self.sock.settimeout(left)
            try:
                self.feed(self.sock.recv(65536))
            except socket.timeout:
                pass
            if self.ended and not until(self):
                raise AssertionError("it ended early")
        return self

    def kinds(self):
        return [event[1] for event in self.events]

    def close(self):
        self.sock.close()


class EventCase(unittest.TestCase):
    database = None

    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="dfotad-events-")
        key, _ = fleet.key_pair(cls.root)
        cls.node = Node(os.path.join(BIN, "dfotad"), cls.root,
                        "--webhooks-local", "--public-loopback",
                        "--signing-key", key)
        cls.local = Api(cls.node)
        cls.people = {role: cls.local.person(f"the {role}", role)
                      for role in ("viewer", "operator", "approver", "admin")}
        image = fleet.images(2, 3000)
        fleet.enrol(cls.local, range(1, 30))
        fleet.upload(cls.local, "m1", "1.0", image[0])
        cls.target = fleet.upload(cls.local, "m1", "1.1", image[1])

    @classmethod
    def tearDownClass(cls):
        code = cls.node.stop()
        shutil.rmtree(cls.root)
        if code != 0:
            raise AssertionError(code)

    def stream(self, role="admin", query="", last=None):
        stream = Stream(self.node, self.people[role].token, query, last)
        self.addCleanup(stream.close)
        return stream.wait(lambda s: s.status is not None)

    def draft(self, name="p"):
        return self.people["operator"].must("POST", "plans", {
            "name": name, "firmware": self.target})["id"]


class Streams(EventCase):
    def test_what_happens_is_told_in_its_order(self):
        stream = self.stream(query="kinds=plan,audit")
        self.assertEqual(stream.status, 200)
        self.assertIn("Content-Type: text/event-stream", stream.head)
        self.assertIn("Cache-Control: no-store", stream.head)
        plan = self.draft("told")
        self.people["approver"].must("POST", f"plans/{plan}/approve")
        stream.wait(lambda s: any(
            kind == "plan" and data["plan"] == plan and
            data["state"] == "approved" for _, kind, data in s.events))
        numbers = [event[0] for event in stream.events]
        self.assertEqual(numbers, sorted(set(numbers)))
        approved = [data for _, kind, data in stream.events
                    if kind == "audit" and data["action"] == "plan.approved"]
        self.assertEqual(approved[-1]["object"], f"plan:{plan}")
        self.assertEqual(approved[-1]["actor"], "the approver")

    def test_a_stream_goes_on_behind_what_it_had(self):
        first = self.stream(query="kinds=plan")
        plan = self.draft()
        for verb in ("approve", "abort"):
            self.people["approver"].must("POST", f"plans/{plan}/{verb}")
        first.wait(lambda s: any(data["state"] == "aborted" and
                                 data["plan"] == plan
                                 for _, _, data in s.events))
        mine = [e for e in first.events if e[2]["plan"] == plan]
        again = self.stream(query="kinds=plan", last=mine[0][0])
        again.wait(lambda s: len(s.events) >= len(mine) - 1)
        self.assertEqual(again.events[:len(mine) - 1], mine[1:])
        # Long ago is not in the memory any more, but in the database.
        oldest = self.stream(query="kinds=plan", last=0)
        oldest.wait(lambda s: mine[-1] in s.events)
        self.assertEqual([e for e in oldest.events if e in mine], mine)

    def test_only_what_was_asked_for_and_may_be_seen(self):
        narrow = self.stream("viewer", "kinds=plan,audit")
        everything = self.stream("admin")
        plan, other = self.draft("one"), self.draft("two")
        of_one = self.stream("viewer", f"plan={other}")
        for one in (plan, other):
            self.people["approver"].must("POST", f"plans/{one}/approve")
        everything.wait(lambda s: any(
            data.get("plan") == other and data["state"] == "approved"
            for _, kind, data in s.events if kind == "plan"))
        self.assertIn("audit", everything.kinds())
        for stream in (narrow, of_one):
            stream.wait(lambda s: any(
                data["plan"] == other for _, _, data in s.events
                if "plan" in data))
        self.assertEqual(set(narrow.kinds()), {"plan"})
        self.assertEqual({data["plan"] for _, _, data in of_one.events},
                         {other})
        for query in ("kinds=nonsense", "plan=x", "kinds=plan,,x"):
            self.assertEqual(self.stream("viewer", query).status, 400)
        self.assertEqual(self.stream("viewer", last="x").status, 400)

    def test_modules_attempts_and_the_numbers_of_a_plan(self):
        plan = fleet.run_plan(self.people["operator"], self.people["approver"],
                              self.target, {"priority": 9,
                                            "select": {"imeis": [imei(1)]}})
        stream = self.stream(
            "viewer", "kinds=attempt,numbers,module,package")
        module = Module(self.node, imei(1))
        module.log_in()
        grant = module.poll()[1]
        module.report(grant, http_err=0, update_err=5)
        stream.wait(lambda s: {"attempt", "module"} <= set(s.kinds()) and any(
            kind == "numbers" and data["failed"] == 1
            for _, kind, data in s.events))
        attempt = next(d for _, k, d in stream.events if k == "attempt")
        self.assertEqual(
            {k: attempt[k] for k in ("attempt", "plan", "imei", "state",
                                     "tenant")},
            {"attempt": grant["attempt"], "plan": plan, "imei": imei(1),
             "state": "failed", "tenant": 1})
        numbers = [d for _, k, d in stream.events if k == "numbers"][-1]
        self.assertEqual((numbers["plan"], numbers["open"]), (plan, 0))
        seen = next(d for _, k, d in stream.events if k == "module")
        self.assertEqual((seen["count"], seen["modules"]), (1, [imei(1)]))
        self.people["operator"].must("POST", f"plans/{plan}/abort")

    def test_a_stream_ends_with_the_right_to_it(self):
        made = self.local.must("POST", "tokens", {
            "name": "s", "user": "the viewer", "role": "viewer"})
        stream = Stream(self.node, made["token"])
        stream.wait(lambda s: s.status == 200)
        self.local.must("DELETE", f"tokens/{made['id']}")
        stream.wait(lambda s: s.ended, 20)
        stream.close()
        self.local.person("short", "operator")
        token = self.local.must("POST", "tokens", {
            "name": "s", "user": "short", "role": "operator"})["token"]
        stream = Stream(self.node, token).wait(lambda s: s.status == 200)
        self.local.must("PATCH", "users/short", {"role": "viewer"})
        stream.wait(lambda s: s.ended, 20)
        stream.close()

    def cpu(self):
        with open(f"/proc/{self.node.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_two_hundred_streams_hear_all_and_cost_nothing_at_rest(self):
        streams = [Stream(self.node, self.people["viewer"].token,
                          "kinds=plan") for _ in range(200)]
        for stream in streams:
            stream.wait(lambda s: s.status == 200)
        plan = self.draft("for all")
        self.people["approver"].must("POST", f"plans/{plan}/approve")
        for stream in streams:
            stream.wait(lambda s: any(data["plan"] == plan
                                      for _, _, data in s.events))
        began, spent = time.monotonic(), self.cpu()
        # Nothing happens but heartbeats: wait for one on every stream.
        waiting = selectors.DefaultSelector()
        for stream in streams:
            waiting.register(stream.sock, selectors.EVENT_READ)
        heard = set()
        while len(heard) < len(streams):
            self.assertLess(time.monotonic() - began, 60)
            for key, _ in waiting.select(5):
                heard.add(key.fileobj)
                self.assertTrue(key.fileobj.recv(65536))
        waiting.close()
        share = (self.cpu() - spent) / (time.monotonic() - began)
        self.assertLess(share, 0.2, "a core is busy with nothing")
        for stream in streams:
            stream.close()

    def test_so_many_streams_and_no_more(self):
        streams, refused = [], None
        for _ in range(520):
            stream = Stream(self.node, self.people["viewer"].token)
            streams.append(stream.wait(lambda s: s.status is not None))
            if stream.status != 200:
                refused = stream.status
                break
        other = [self.stream("operator").wait(lambda s: s.status)
                 for _ in range(10)]
        for stream in streams + other:
            stream.close()
        self.assertEqual(refused, 503)
        # The last ones are for people who have few.
        self.assertEqual([s.status for s in other], [200] * 8 + [503] * 2)
        # They are forgotten when their next sign of life meets nobody.
        fleet.until(lambda: self.stream("viewer").status == 200)

    def test_who_does_not_read_holds_up_nobody(self):
        slow = Stream(self.node, self.people["admin"].token,
                      receive_room=2048)
        fast = self.stream("admin", "kinds=audit")
        for _ in range(40):
            self.people["admin"].must("POST", "plans/pause")
            plan = self.draft("x" * 90)
        fast.wait(lambda s: any(data["object"] == f"plan:{plan}"
                                for _, _, data in s.events))
        slow.wait(lambda s: any(kind == "audit" and
                                data["object"] == f"plan:{plan}"
                                for _, kind, data in s.events))
        slow.close()


class Receiver(http.server.ThreadingHTTPServer):
    """A web hook's other end, as good or bad as a test wants it."""

    daemon_threads = True

    def __init__(self):
        self.got, self.behave = [], lambda handler: handler.say(204)
        self.lock = threading.Condition()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hook"

    def wait(self, count, seconds=60):
        with self.lock:
            if not self.lock.wait_for(lambda: len(self.got) >= count, seconds):
                raise AssertionError(f"{len(self.got)} of {count} came")
            return self.got[:count]

    def end(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def say(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.got.append((dict(self.headers), body, self.path))
            self.server.lock.notify_all()
        self.server.behave(self)

    do_GET = do_POST


class Webhooks(EventCase):
    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.end)
        self.admin = self.people["admin"]

    def hook(self, events=("plan",), **more):
        made = self.admin.must("POST", "webhooks", dict(
            {"url": self.receiver.url, "events": list(events)}, **more))
        self.addCleanup(self.admin.call, "DELETE", f"webhooks/{made['id']}")
        return made

    def delivery(self, hook, wanted):
        def look():
            items = self.admin.must(
                "GET", f"webhooks/{hook['id']}/deliveries")["items"]
            return items[0] if items and wanted(items[0]) else None
        return fleet.until(look)

    def hurry(self, hook):
        """What waits for its next try is due now."""
        with sqlite3.connect(self.node.data + "/dfotad.db", timeout=30) as db:
            db.execute("UPDATE delivery SET due = 0 WHERE webhook = ?",
                       (hook["id"],))

    def test_a_delivery_is_signed_and_says_what_happened(self):
        hook = self.hook(secret="a secret of some length")
        self.assertNotIn("secret", hook)
        plan = self.draft()
        self.people["approver"].must("POST", f"plans/{plan}/approve")
        headers, body, path = self.receiver.wait(1)[0]
        self.assertEqual(path, "/hook")
        event = json.loads(body)
        self.assertEqual((event["event"], event["plan"]), ("plan", plan))
        self.assertEqual(headers["Dfota-Event"], "plan")
        moment, mac = (part.split("=")[1] for part in
                       headers["Dfota-Signature"].split(","))
        self.assertLess(abs(time.time() - int(moment)), 120)
        wanted = hmac.new(
            b"a secret of some length",
            f"{moment}.{headers['Dfota-Delivery']}.".encode() + body,
            hashlib.sha256).hexdigest()
        self.assertEqual(mac, wanted)
        number = int(headers["Dfota-Delivery"])
        done = fleet.until(lambda: next((d for d in self.admin.must(
            "GET", f"webhooks/{hook['id']}/deliveries")["items"]
            if d["id"] == number and d["state"] == "done"), None))
        self.assertEqual((done["status"], done["tries"]), (204, 1))
        self.assertEqual(done["body"], event)

    def test_a_made_secret_is_told_once(self):
        key = {"Idempotency-Key": "hook"}
        body = {"url": self.receiver.url, "events": ["audit"]}
        hook = self.admin.must("POST", "webhooks", body, key)
        self.addCleanup(self.admin.call, "DELETE", f"webhooks/{hook['id']}")
        self.assertRegex(hook["secret"], "^dfotahook_.{43}$")
        self.assertEqual(self.admin.must("POST", "webhooks", body, key), hook)
        self.assertNotIn("secret", self.admin.must(
            "GET", f"webhooks/{hook['id']}"))
        with sqlite3.connect(self.node.data + "/dfotad.db") as db:
            for answer, in db.execute("SELECT answer FROM idempotency"):
                self.assertNotIn(hook["secret"][10:], answer)
        headers, body, _ = self.receiver.wait(1)[0]
        moment, mac = (part.split("=")[1] for part in
                       headers["Dfota-Signature"].split(","))
        self.assertEqual(mac, hmac.new(
            hook["secret"].encode(),
            f"{moment}.{headers['Dfota-Delivery']}.".encode() + body,
            hashlib.sha256).hexdigest())

    def test_a_failure_is_told_and_tried_again(self):
        self.receiver.behave = lambda handler: handler.say(500)
        hook = self.hook()
        self.admin.must("POST", f"webhooks/{hook['id']}/ping")
        failed = self.delivery(hook, lambda d: d["tries"] == 1)
        self.assertEqual((failed["state"], failed["status"]), ("waiting", 500))
        self.assertIn("500", failed["why"])
        self.receiver.behave = lambda handler: handler.say(200)
        self.hurry(hook)
        done = self.delivery(hook, lambda d: d["state"] == "done")
        self.assertEqual((done["tries"], done["why"]), (2, None))
        first, second = self.receiver.wait(2)
        self.assertEqual(first[0]["Dfota-Delivery"],
                         second[0]["Dfota-Delivery"])

    def test_after_a_day_it_is_given_up_and_can_be_sent_again(self):
        self.receiver.behave = lambda handler: handler.say(503)
        hook = self.hook()
        path = f"webhooks/{hook['id']}"
        self.admin.must("POST", path + "/ping")
        self.delivery(hook, lambda d: d["tries"] == 1)
        with sqlite3.connect(self.node.data + "/dfotad.db", timeout=30) as db:
            db.execute("UPDATE delivery SET until = 1, due = 0 WHERE webhook "
                       "= ?", (hook["id"],))
        failed = self.delivery(hook, lambda d: d["state"] == "failed")
        self.assertEqual(self.admin.must("GET", path)["failed"], 1)
        self.receiver.behave = lambda handler: handler.say(200)
        again = self.admin.must(
            "POST", f"{path}/deliveries/{failed['id']}/replay")
        self.assertEqual((again["id"], again["state"]),
                         (failed["id"], "waiting"))
        self.delivery(hook, lambda d: d["state"] == "done")
        self.assertEqual(self.admin.call(
            "POST", f"{path}/deliveries/99999/replay")[0], 404)

    def test_bad_receivers_fail_and_hold_up_no_good_one(self):
        def die(handler):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n"
                                b"\r\nhalf")
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)

        def flood(handler):
            try:
                handler.say(200, body=b"x" * 300000)
            except OSError:
                pass

        release = threading.Event()
        self.addCleanup(release.set)
        elsewhere = Receiver()
        self.addCleanup(elsewhere.end)
        cases = {
            "die": (die, None), "flood": (flood, "longer"),
            "follow": (lambda h: h.say(302, [("Location", elsewhere.url)]),
                       "redirect"),
            "hang": (lambda h: release.wait(60), "imeout")}
        hooks = {}
        for name, (behave, _) in cases.items():
            bad = Receiver()
            self.addCleanup(bad.end)
            bad.behave = behave
            hooks[name] = self.admin.must("POST", "webhooks", {
                "url": bad.url, "events": ["audit"]})
            self.addCleanup(self.admin.call, "DELETE",
                            f"webhooks/{hooks[name]['id']}")
        good = self.hook()
        self.admin.must("POST", f"webhooks/{good['id']}/ping")
        self.receiver.wait(1, 30)
        for name, (_, words) in cases.items():
            with self.subTest(receiver=name):
                tried = fleet.until(lambda: next((
                    d for d in self.admin.must(
                        "GET", f"webhooks/{hooks[name]['id']}/deliveries?"
                        "limit=1000")["items"] if d["tries"]), None))
                self.assertEqual(tried["state"], "waiting")
                self.assertIn(words or "", tried["why"])
        self.assertEqual(elsewhere.got, [])

    def test_a_node_that_dies_in_the_middle_leaves_it_to_the_next(self):
        arrived, release = threading.Event(), threading.Event()
        self.addCleanup(release.set)

        def hold(handler):
            arrived.set()
            release.wait(60)

        self.receiver.behave = hold
        hook = self.hook()
        self.admin.must("POST", f"webhooks/{hook['id']}/ping")
        self.assertTrue(arrived.wait(60))
        self.node.kill()
        self.receiver.behave = lambda handler: handler.say(200)
        with sqlite3.connect(self.node.data + "/dfotad.db") as db:
            claimed = db.execute(
                "SELECT claimed_by, claimed_until - due FROM delivery WHERE "
                "webhook = ?", (hook["id"],)).fetchone()
            self.assertEqual(claimed[0], "one")
            self.assertGreaterEqual(claimed[1], 60)
            db.execute("UPDATE delivery SET claimed_until = 1 WHERE webhook = "
                       "?", (hook["id"],))  # the minute is over
        self.node.start()
        done = self.delivery(hook, lambda d: d["state"] == "done")
        first, second = self.receiver.wait(2)
        self.assertEqual(first[0]["Dfota-Delivery"], str(done["id"]))
        self.assertEqual(second[0]["Dfota-Delivery"], str(done["id"]))
        self.assertEqual(first[1], second[1])

    def ctl(self, *words, status=0, given=None):
        done = subprocess.run(
            [os.path.join(BIN, "dfotactl"), "--data", self.node.data, "--json",
             *words], input=given, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout) if done.stdout.startswith(
            ("{", "[")) else done.stdout + done.stderr

    def test_the_life_of_a_web_hook_by_dfotactl(self):
        secret = os.path.join(self.root, "secret")
        with open(secret, "w") as f:
            f.write("a secret of some length\n")
        hook = self.ctl("webhook", "add", self.receiver.url, "--events",
                        "plan,audit", "--secret-file", secret)
        name = str(hook["id"])
        self.ctl("webhook", "pause", name)
        self.assertFalse(next(h for h in self.ctl("webhook", "list")["items"]
                              if h["id"] == hook["id"])["active"])
        self.ctl("webhook", "resume", name)
        self.ctl("webhook", "ping", name)
        done = fleet.until(lambda: next((d for d in self.ctl(
            "webhook", "deliveries", name, "--state", "done")["items"]
            if d["event"] == "ping"), None))
        self.ctl("webhook", "replay", name, str(done["id"]))
        fleet.until(lambda: [headers["Dfota-Delivery"] for headers, _, _ in
                             self.receiver.got].count(str(done["id"])) == 2)
        self.assertIn(done["id"], [d["id"] for d in self.ctl(
            "webhook", "deliveries", name)["items"]])
        self.ctl("webhook", "remove", name)
        self.ctl("webhook", "ping", name, status=1)
        # And what else is new to it.
        tenant = self.ctl("tenant", "add", "--name", "by hand")
        self.ctl("tenant", "rename", str(tenant["id"]), "--name", "renamed")
        self.ctl("module", "move", imei(20), "--tenant", str(tenant["id"]))
        self.assertIn("no such module", self.ctl("module", "show", imei(20),
                                                 status=1))
        self.ctl("user", "password", "the viewer", "--file", "-",
                 given="correct horse battery\n")
        self.ctl("user", "logout", "the viewer")
        self.ctl("user", "role", "the viewer", "--role", "viewer")

    def test_an_edit_needs_the_edition(self):
        hook = self.hook()
        path = f"webhooks/{hook['id']}"
        self.admin.must("GET", path)
        etag = self.admin.headers["ETag"]
        self.assertEqual(self.admin.call("PATCH", path, {"active": False})[0],
                         428)
        off = self.admin.must("PATCH", path, {"active": False},
                              {"If-Match": etag})
        self.assertFalse(off["active"])
        self.assertEqual(self.admin.call("PATCH", path, {"active": True},
                                         {"If-Match": etag})[0], 412)
        for body in ({"active": 1}, {"url": "ftp://x/"}, {"events": []},
                     {"events": ["x"]}, {"secret": "short"}, {"x": 1}):
            self.assertEqual(self.admin.call("PATCH", path, body,
                                             {"If-Match": "*"})[0], 400, body)
        self.assertEqual(self.admin.must("GET", path)["events"], ["plan"])
        self.draft()
        self.assertEqual(self.admin.must(
            "GET", path + "/deliveries")["items"], [])


class NoLocalTargets(unittest.TestCase):
    def test_a_web_hook_does_not_lead_back_to_the_server(self):
        root = tempfile.mkdtemp(prefix="dfotad-ssrf-")
        self.addCleanup(shutil.rmtree, root)
        node = Node(os.path.join(BIN, "dfotad"), root)
        api = Api(node)
        receiver = Receiver()
        self.addCleanup(receiver.end)
        port = receiver.server_address[1]
        for url in (f"http://127.0.0.1:{port}/", f"http://[::1]:{port}/",
                    f"http://localhost:{port}/", "http://169.254.169.254/",
                    f"http://127.1:{port}/", f"http://2130706433:{port}/",
                    f"http://0x7f.1:{port}/", f"http://0:{port}/",
                    f"http://[::ffff:127.0.0.1]:{port}/", "http://[fe80::1]/",
                    "ftp://example.org/", "file:///etc/passwd", "nonsense",
                    "http://user:word@example.org/", "https://", ""):
            status, _ = api.call("POST", "webhooks", {"url": url,
                                                      "events": ["plan"]})
            self.assertEqual(status, 400, url)
        # What is only seen when the name is looked up is refused there.
        hook = api.must("POST", "webhooks", {
            "url": "http://example.invalid/", "events": ["plan"]})
        with sqlite3.connect(node.data + "/dfotad.db", timeout=30) as db:
            db.execute("UPDATE webhook SET url = ?",
                       (f"http://localhost:{port}/",))
        api.must("POST", f"webhooks/{hook['id']}/ping")
        tried = fleet.until(lambda: next((d for d in api.must(
            "GET", f"webhooks/{hook['id']}/deliveries")["items"]
            if d["tries"]), None))
        self.assertIn("not allowed", tried["why"])
        self.assertEqual(receiver.got, [])
        node.stop()


class TwoNodes(unittest.TestCase):
    def what_people_change(self, node):
        """Every statement of these calls, as this database reads it."""
        local, password = Api(node), {"password": "correct horse battery"}
        local.must("POST", "users", dict(password, name="eve", role="viewer"))
        local.must("PATCH", "users/eve", dict(password, role="operator"))
        session = local.must("POST", "session", dict(password, name="eve"))
        self.assertEqual(session["role"], "operator")
        cookie = {"Cookie": local.headers["Set-Cookie"].split(";")[0],
                  "X-CSRF-Token": session["csrf"]}

        def eve(method, path, body=None):
            connection = http.client.HTTPConnection(*node.place("api"),
                                                    timeout=60)
            connection.request(method, "/api/v1/" + path, headers=cookie,
                               body=json.dumps(body) if body else None)
            answer = connection.getresponse()
            answer.read()
            connection.close()
            return answer.status

        self.assertEqual(eve("GET", "session"), 200)
        self.assertEqual(eve("PUT", "session/password", {
            "old": password["password"], "new": "another password"}), 200)
        self.assertEqual(eve("DELETE", "session"), 200)
        self.assertEqual(eve("GET", "session"), 401)
        local.must("DELETE", "users/eve/sessions")
        local.must("DELETE", "users/eve")
        tenant = local.must("POST", "tenants", {"name": "there"})["id"]
        local.must("PATCH", f"tenants/{tenant}", {"name": "elsewhere"})
        local.must("GET", f"tenants/{tenant}")
        fleet.enrol(local, [2])
        local.must("PATCH", f"modules/{imei(2)}", {
            "state": "retired", "group": "g", "tags": "a,b"})
        local.must("POST", f"modules/{imei(2)}/move", {"tenant": tenant})
        receiver = Receiver()
        self.addCleanup(receiver.end)
        hook = local.must("POST", "webhooks", {
            "url": receiver.url, "events": ["lwm2m"]})["id"]
        local.must("PATCH", f"webhooks/{hook}", {
            "active": True, "url": receiver.url, "events": ["package"],
            "secret": "a secret of some length"}, {"If-Match": '"1"'})
        receiver.behave = lambda handler: handler.say(500)
        sent = local.must("POST", f"webhooks/{hook}/ping")["id"]
        path = f"webhooks/{hook}/deliveries"

        def state():
            return [(d["state"], d["tries"], d["status"]) for d in local.must(
                "GET", path)["items"] if d["id"] == sent]

        fleet.until(lambda: state() == [("waiting", 1, 500)])
        receiver.behave = lambda handler: handler.say(200)
        local.must("POST", f"{path}/{sent}/replay")
        fleet.until(lambda: state() == [("done", 1, 200)])
        local.must("DELETE", f"webhooks/{hook}")

    def what_a_page_shows(self, one, two, admin):
        """The same of the one database as of the other, at either node."""
        image = fleet.images(2, 3000)
        fleet.enrol(admin, [1])
        fleet.upload(admin, "m1", "1.0", image[0])
        target = fleet.upload(admin, "m1", "1.1", image[1])
        boss = Api(two).person("bob", "approver")
        stream = Stream(two, admin.token, "kinds=attempt,module,numbers")
        stream.wait(lambda s: s.status == 200)
        plan = fleet.run_plan(admin, boss, target, {})
        module = Module(one, imei(1))
        module.log_in()
        module.report(module.poll()[1], http_err=0, update_err=5)
        stream.wait(lambda s: {"attempt", "module"} <= set(s.kinds()) and any(
            kind == "numbers" and data["failed"] == 1
            for _, kind, data in s.events))
        stream.close()
        for node in (one, two):
            api = Api(node, admin.token)
            for path in ("tenants", "users", "tokens", "webhooks",
                         "webhooks/1", "webhooks/1/deliveries",
                         "results?newest=true", "results?limit=1",
                         "audit?limit=3", "audit?newest=true&limit=3",
                         "matrix?model=m1", "modules?q=35", "modules?q=none"):
                status, answer = api.call("GET", path)
                self.assertEqual(status, 403 if path == "tenants" else 200,
                                 (path, answer))
            life = [row["what"] for row in api.must(
                "GET", f"modules/{imei(1)}/timeline")["items"]]
            self.assertEqual(sorted(life), ["closed", "granted"])
            lines = api.must("GET", f"plans/{plan}/export").split("\r\n")
            self.assertEqual(len(lines), 3)
            self.assertIn(f",{imei(1)},1.0,1.1,failed,", lines[1])
        look = admin.must("GET", "overview")
        self.assertEqual(look["failures"], [
            {"cause": "update 5", "state": "failed", "attempts": 1}])
        self.assertEqual([(p["id"], p["failed"]) for p in look["plans"]],
                         [(plan, 1)])
        self.assertEqual([(v["version"], v["modules"], v["seen_today"])
                          for v in look["versions"]], [("1.0", 1, 1)])

    def test_a_stream_hears_of_what_another_node_does(self):
        root = tempfile.mkdtemp(prefix="dfotad-two-")
        self.addCleanup(shutil.rmtree, root)
        key, _ = fleet.key_pair(root)
        with Postgresql() as postgresql:
            nodes = []
            for name in ("one", "two"):
                if nodes:
                    os.makedirs(os.path.join(root, name))
                    shutil.copy(nodes[0].data + "/secret.key",
                                os.path.join(root, name))
                nodes.append(Node(os.path.join(BIN, "dfotad"), root,
                                  "--webhooks-local", "--public-loopback",
                                  "--signing-key", key, name=name,
                                  database=postgresql.url))
            one, two = nodes
            self.assertFalse(os.path.exists(two.data + "/admin-password"))
            local = Api(one)
            admin = local.person("ada", "admin")
            stream = Stream(two, admin.token).wait(lambda s: s.status == 200)
            receiver = Receiver()
            self.addCleanup(receiver.end)
            admin.must("POST", "webhooks", {"url": receiver.url,
                                            "events": ["audit"]})
            for i in range(20):
                admin.must("POST", "users", {"name": f"u{i}",
                                             "role": "viewer"})
            stream.wait(lambda s: sum(
                kind == "audit" and data["action"] == "user.add" and
                data["object"].startswith("user:u")
                for _, kind, data in s.events) == 20)
            # Both nodes deliver, each event once.
            receiver.wait(21)
            ids = [headers["Dfota-Delivery"] for headers, _, _ in receiver.got]
            self.assertEqual(len(ids), len(set(ids)))
            token = admin.must("POST", "tokens", {
                "name": "t", "user": "ada", "role": "viewer"})
            other = Stream(two, token["token"]).wait(
                lambda s: s.status == 200)
            admin.must("DELETE", f"tokens/{token['id']}")
            other.wait(lambda s: s.ended, 20)
            self.what_a_page_shows(one, two, admin)
            self.what_people_change(one)
            # One key at both nodes at once is one execution.
            answers = []

            def post(node, i):
                answers.append(Api(node, admin.token).call(
                    "POST", "users", {"name": f"same{i}", "role": "viewer"},
                    {"Idempotency-Key": f"k{i}"}))

            for i in range(10):
                threads = [threading.Thread(target=post, args=(node, i))
                           for node in nodes]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual(answers[-1], answers[-2])
                self.assertEqual(answers[-1][0], 201, answers[-1])
            for node in nodes:  # with a stream that is still open
                self.assertEqual(node.stop(), 0)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
