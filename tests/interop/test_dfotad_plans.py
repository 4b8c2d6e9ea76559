#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plans where people, modules and clocks do what they should not.

Usage: test_dfotad_plans.py BIN [unittest arguments]

BIN has dfotad, dfotactl and fault_shim.so.
"""
import concurrent.futures
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import fleet
from fleet import Api, Module, Node, imei

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "load"))
from bad_disk import BadDisk  # noqa: E402

BIN = None
MONTH = 30 * 86400


class Plans(unittest.TestCase):
    """One node; people, firmware, modules by number."""

    database = None
    names = ("one",)
    words = ()

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="dfotad-plans-")
        self.key, _ = fleet.key_pair(self.root)
        self.nodes = []
        for name in self.names:
            if self.nodes:  # of one key
                folder = os.path.join(self.root, name)
                os.makedirs(folder)
                shutil.copy(os.path.join(self.nodes[0].data, "secret.key"),
                            folder)
            self.nodes.append(Node(os.path.join(BIN, "dfotad"), self.root,
                                   "--signing-key", self.key, *self.words,
                                   name=name, database=self.database))
        self.node = self.nodes[0]
        self.local = Api(self.node)
        self.ada = self.local.person("ada", "operator")
        self.bob = self.local.person("bob", "approver")
        self.image = fleet.images(2, 3000)
        fleet.upload(self.ada, "m1", "1.0", self.image[0])
        self.target = fleet.upload(self.ada, "m1", "1.1", self.image[1])

    def tearDown(self):
        for node in self.nodes:
            self.assertEqual(node.stop(), 0)
        shutil.rmtree(self.root)

    def run_plan(self, spec):
        return fleet.run_plan(self.ada, self.bob, self.target, spec)

    def modules(self, numbers, **more):
        fleet.enrol(self.local, numbers, **more)
        made = [Module(self.node, imei(n)) for n in numbers]
        for module in made:
            self.assertEqual(module.log_in()[0], 200)
        return made

    def audit(self, action):
        return [e for e in self.local.must("GET", "audit?limit=500")["items"]
                if e["action"] == action]


class People(Plans):
    """Several at one plan at the same moment."""

    def at_once(self, *calls):
        gate = threading.Barrier(len(calls))

        def one(call):
            gate.wait(60)
            return call()[0]

        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(one, calls))

    def on(self, api, node):
        return Api(node, api.token)

    def test_of_an_approval_an_edit_and_an_abort_one_wins(self):
        carol = self.local.person("carol", "approver")
        here, there = self.nodes[0], self.nodes[-1]
        for _ in range(8):
            plan = self.ada.must("POST", "plans", {
                "name": "p", "firmware": self.target})["id"]
            self.ada.must("GET", f"plans/{plan}")
            seen = {"If-Match": self.ada.headers["ETag"]}
            path = f"plans/{plan}"
            statuses = self.at_once(
                lambda: self.on(self.bob, here).call(
                    "POST", path + "/approve", {}, seen),
                lambda: self.on(carol, there).call(
                    "POST", path + "/approve", {}, seen),
                lambda: self.on(self.ada, there).call(
                    "PATCH", path, {"name": "q"}, seen),
                lambda: self.on(self.ada, here).call(
                    "POST", path + "/abort", {}, seen))
            self.assertEqual(statuses.count(200), 1, statuses)
            self.assertLessEqual(set(statuses), {200, 409, 412})
            entries = [e["action"] for e in self.local.must(
                "GET", "audit?limit=500")["items"]
                if e["object"] == f"plan:{plan}"]
            self.assertEqual(sorted(entries), sorted(
                ["plan.create", {0: "plan.approved", 1: "plan.approved",
                                 2: "plan.edit",
                                 3: "plan.aborted"}[statuses.index(200)]]))
        self.local.must("GET", "verify")

    def test_without_an_edition_a_state_is_left_once(self):
        carol = self.local.person("carol", "approver")
        here, there = self.nodes[0], self.nodes[-1]
        for _ in range(4):
            plan = self.ada.must("POST", "plans", {
                "name": "p", "firmware": self.target})["id"]
            path = f"plans/{plan}/approve"
            statuses = self.at_once(
                lambda: self.on(self.bob, here).call("POST", path, {}),
                lambda: self.on(carol, there).call("POST", path, {}))
            self.assertEqual(sorted(statuses), [200, 409])
        self.assertEqual(len(self.audit("plan.approved")), 4)

    def test_who_pauses_while_another_ends_undoes_nothing(self):
        here, there = self.nodes[0], self.nodes[-1]
        for _ in range(4):
            plan = self.run_plan({})
            statuses = self.at_once(
                lambda: self.on(self.ada, here).call(
                    "POST", f"plans/{plan}/pause", {}),
                lambda: self.on(self.bob, there).call(
                    "POST", f"plans/{plan}/abort", {}))
            # a paused one may be aborted, an aborted one not be paused
            self.assertIn(statuses, ([200, 200], [409, 200]))
            self.assertEqual(self.ada.must("GET", f"plans/{plan}")["state"],
                             "aborted")


class PeopleAtTwoNodes(People):
    names = ("one", "two")

    @classmethod
    def setUpClass(cls):
        cls.server = fleet.Postgresql()
        cls.server.__enter__()
        cls.database = cls.server.url

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def setUp(self):
        subprocess.run(["psql", "-q", self.database, "-c", "DROP SCHEMA public"
                        " CASCADE; CREATE SCHEMA public"], check=True,
                       stderr=subprocess.DEVNULL)
        super().setUp()

    def test_no_refusal_from_what_a_node_has_not_heard(self):
        """Whatever is decided at one node holds at the other at once."""
        two = self.nodes[1]
        (module,) = self.modules([1])
        module.node = two
        self.assertEqual(module.poll()[1]["code"], 802)
        for number in range(2, 8):
            (module,) = self.modules([number])
            module.node = two
            plan = self.run_plan({"select": {"imeis": [module.imei]}})
            status, grant = module.poll()
            self.assertEqual(status, 200, grant)
            module.node = self.node
            self.assertEqual(module.poll()[1]["attempt"], grant["attempt"])
            self.ada.must("POST", f"plans/{plan}/abort")
            module.node = two
            self.assertEqual(module.poll()[1]["code"], 808)
            self.assertEqual(module.poll()[1]["code"], 802)

    def test_what_another_node_granted_is_answered_by_this_one(self):
        two = self.nodes[1]
        plan = self.run_plan({"concurrency": 1})
        first, second = self.modules([1, 2])
        second.node = two
        grant = first.poll()[1]
        self.assertEqual(second.poll()[1]["code"], 807)
        first.node = two  # its answer was lost, and all slots are taken
        self.assertEqual(first.poll()[1]["attempt"], grant["attempt"])
        first.version = "1.1"
        self.assertEqual(first.report(grant, update_err=0)[0], 200)
        self.assertEqual(second.poll()[0], 200)
        shown = self.ada.must("GET", f"plans/{plan}")
        self.assertEqual((shown["open"], shown["attempts"]["done"]), (1, 1))

    def test_keys_and_releases_of_another_node_count_at_once(self):
        two = self.nodes[1]
        (module,) = self.modules([1])
        self.local.must("POST", "keys/rotate")
        self.assertEqual(module.log_in()[0], 200)  # signed by the new key
        module.node = two
        self.assertEqual(module.poll()[1]["code"], 802)
        self.local.must("PATCH", f"modules/{module.imei}",
                        {"state": "blocked"})
        fleet.until(lambda: module.poll()[1]["code"] == 813)
        self.local.must("PATCH", f"modules/{module.imei}", {"state": "active"})
        time.sleep(0.03)  # news is at most 20 ms old
        self.assertEqual(module.poll()[1]["code"], 802)

    def test_a_token_call_without_a_database_is_850(self):
        (module,) = self.modules([1])
        self.server.stop()
        try:
            status, answer = module.log_in()
            self.assertEqual((status, answer["code"]), (503, 850))
        finally:
            self.server.start()
        fleet.until(lambda: module.log_in()[0] == 200)


class Modules(Plans):
    words = ("--device-api-plain",)

    def test_one_more_attempt_and_none(self):
        one, two, three = self.modules([1, 2, 3])
        plan = self.run_plan({"attempts": 1})
        for module, number in ((one, 704), (two, 706)):
            module.report(module.poll()[1], http_err=number)
            self.assertEqual(module.poll()[1]["code"], 802)
        ctl = [os.path.join(BIN, "dfotactl"), "--data", self.node.data]
        done = subprocess.run([*ctl, "plan", "retry", str(plan), "--number",
                               "704", "--json"], capture_output=True,
                              text=True)
        self.assertEqual((done.returncode, json.loads(done.stdout)),
                         (0, {"modules": 1}), done.stderr)
        self.assertEqual(two.poll()[1]["code"], 802)
        self.assertEqual(one.poll()[0], 200)
        done = subprocess.run([*ctl, "plan", "exclude", str(plan), "--imei",
                               three.imei], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(three.poll()[1]["code"], 802)
        subprocess.run([*ctl, "plan", "include", str(plan), "--imei",
                        three.imei], check=True, capture_output=True)
        self.assertEqual(three.poll()[0], 200)
        subprocess.run([*ctl, "module", "attempts", two.imei, "--number",
                        "2"], check=True, capture_output=True)
        self.assertEqual(two.poll()[0], 200)
        for body, status in (({"number": 0}, 400), ({"cause": "x"}, 400),
                             ({"number": 1, "cause": "lost"}, 400),
                             ({"numbr": 1}, 400)):
            self.assertEqual(self.ada.call("POST", f"plans/{plan}/retry",
                                           body)[0], status)
        self.assertEqual(self.ada.call("POST", f"plans/{plan}/exclude", {
            "imei": imei(999)})[0], 404)
        self.ada.must("POST", f"plans/{plan}/finish")
        self.assertEqual(self.ada.call("POST", f"plans/{plan}/retry",
                                       {})[0], 409)
        self.assertEqual(len(self.audit("plan.retry")), 1)
        self.assertEqual(len(self.audit("plan.exclude")), 2)

    def test_the_way_back_is_ready_when_it_is_needed(self):
        one, two = self.modules([1, 2])
        base = [f["id"] for f in self.ada.must("GET", "firmware")["items"]
                if f["version"] == "1.0"][0]
        for wrong in (self.target, 99999):
            self.assertEqual(self.ada.call("POST", "plans", {
                "name": "p", "firmware": self.target,
                "spec": {"rollback": wrong}})[0], 400)
        plan = self.run_plan({"rollback": base, "abort": [
            {"percent": 50, "minimum": 2}]})
        grant = one.poll()[1]
        one.version = "1.1"
        self.assertEqual(one.report(grant, update_err=0)[0], 200)
        two.report(two.poll()[1], update_err=504)
        (back,) = fleet.until(lambda: self.ada.must(
            "GET", "plans?state=draft")["items"])
        self.assertEqual((back["made_by"], back["firmware"], back["why"]),
                         ("server", base, f"the way back from plan {plan}"))
        self.bob.must("POST", f"plans/{back['id']}/approve")
        self.ada.must("POST", f"plans/{back['id']}/start")
        self.assertEqual(two.poll()[1]["code"], 802)
        status, grant = one.poll()
        self.assertEqual((status, grant["version"]), (200, "1.0"))

    def test_a_preview_says_who_gets_it_and_why_others_do_not(self):
        fleet.enrol(self.local, range(1, 41))
        fleet.enrol(self.local, range(41, 46), version="1.1")
        fleet.enrol(self.local, range(46, 48), version="0.9")
        fleet.enrol(self.local, range(50, 53), model="other")
        self.local.must("PATCH", f"modules/{imei(1)}", {"state": "held"})
        told, weak = Module(self.node, imei(2)), Module(self.node, imei(3))
        for module, battery in ((told, 80), (weak, 10)):
            module.log_in()
            module.poll(battery=battery)
        spec = {"window": {"from": "22:00", "to": "06:00"},
                "stages": [{"count": 5}, {"percent": 50}, {"percent": 100}]}
        plan = self.ada.must("POST", "plans", {
            "name": "p", "firmware": self.target, "spec": spec})["id"]
        self.ada.must("POST", f"plans/{plan}/exclude", {"imei": imei(4)})
        fleet.until(lambda: not self.ada.must(
            "GET", f"plans/{plan}/preview")["not_ready"])
        shown = self.ada.must("GET", f"plans/{plan}/preview")
        self.assertEqual({r["check"]: r["modules"]
                          for r in shown["left_out"]},
                         {"held": 1, "excluded": 1, "target": 5})
        self.assertEqual((shown["takes"], shown["full_images"]), (40, 2))
        packages = {k["from"]: k["size"] for k in self.ada.must(
            "GET", "packages")["items"]}
        sizes = sorted(packages.values())
        self.assertEqual(shown["bytes"], 38 * sizes[0] + 2 * sizes[-1])
        self.assertEqual(shown["stages"][0]["modules"], 5)
        self.assertIn(shown["stages"][1]["modules"], range(8, 33))
        self.assertEqual(shown["stages"][2]["modules"], 40)
        self.assertIn(shown["days"]["most"], range(75, 125))
        versions = {(r["version"], r["state"]): r["modules"]
                    for r in shown["versions"]}
        self.assertEqual(versions["1.0", "active"], 39)
        # a pace of bytes takes its time: of 40 packages one a day
        self.ada.must("GET", f"plans/{plan}")
        self.ada.must("PATCH", f"plans/{plan}", {"spec": {"pace": {
            "bytes": str(sizes[0]), "per": "1d"}}},
            {"If-Match": self.ada.headers["ETag"]})
        paced = self.ada.must("GET", f"plans/{plan}/preview")
        self.assertIn(paced["days"]["most"], range(30, 90))
        # who has told too little of itself, or nothing, does not count
        self.ada.must("GET", f"plans/{plan}")
        self.ada.must("PATCH", f"plans/{plan}", {"spec": dict(
            spec, battery=50)}, {"If-Match": self.ada.headers["ETag"]})
        shown = self.ada.must("GET", f"plans/{plan}/preview")
        self.assertEqual(shown["takes"], 1)

    def test_an_explanation_is_what_the_next_poll_gets(self):
        (module, other) = self.modules([1, 2])
        path = f"modules/{module.imei}/explain"

        def foretold(code):
            shown = self.ada.must("GET", path)
            self.assertEqual(shown["code"], code, shown)
            return shown

        foretold(802)
        plan = self.run_plan({"attempts": 2, "concurrency": 1, "retry": {
            "704": "7d"}, "pace": {"grants": 50, "per": "1h"}})
        module.poll(battery=None)  # seen, and refused or not
        module.report(module.poll()[1], http_err=706)
        shown = foretold(0)
        checks = [c["check"] for c in shown["plans"][0]["checks"]]
        self.assertEqual(checks, [
            "model", "version", "group", "tag", "list", "excluded", "held",
            "target", "wear", "stage", "attempts", "retry", "access",
            "window", "battery", "signal", "slot", "pace"])
        self.assertEqual(shown["attempts"][0]["words"][:30],
                         "the download failed with 706: ")
        self.assertLess(shown["due"]["from"], shown["due"]["to"])
        grant = other.poll()[1]
        foretold(807)
        self.assertEqual(module.poll()[1]["code"], 807)
        other.report(grant, http_err=704)
        grant = module.poll()[1]
        foretold(0)
        module.report(grant, http_err=0)
        foretold(800)
        module.report(grant, http_err=0, update_err=504)
        shown = foretold(802)
        failed = [c["check"] for c in shown["plans"][0]["checks"]
                  if not c["passed"]]
        self.assertEqual(failed, ["attempts"])
        self.assertIn("the update failed with 504: ",
                      shown["attempts"][0]["words"])
        waits = self.ada.must("GET", f"modules/{other.imei}/explain")
        self.assertEqual([c["check"] for c in waits["plans"][0]["checks"]
                          if not c["passed"]], ["retry"])
        self.local.must("PATCH", f"modules/{module.imei}", {"state": "held"})
        foretold(802)
        self.local.must("PATCH", f"modules/{module.imei}",
                        {"state": "blocked"})
        foretold(813)
        done = subprocess.run([os.path.join(BIN, "dfotactl"), "--data",
                               self.node.data, "module", "explain",
                               module.imei], capture_output=True, text=True)
        self.assertIn("the update failed with 504", done.stdout)
        self.assertNotEqual(plan, 0)

    def test_ten_thousand_guesses_keep_no_module_from_its_poll(self):
        """A thousand that wait are as many as may; the others hear 851."""
        (module,) = self.modules([1])
        body = json.dumps({"name": module.imei, "password": "wrong " * 4,
                           "imei": module.imei}).encode()
        request = (b"POST /fota/v1/token HTTP/1.1\r\nHost: x\r\n"
                   b"Content-Length: %d\r\n\r\n" % len(body)) + body
        port = int(self.node.ports["http"])
        stop, counted = threading.Event(), {}
        lock = threading.Lock()

        def connect():
            s = socket.create_connection(("127.0.0.1", port), 120)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return s

        def hear(s):
            data = b""
            while b"}" not in data:
                more = s.recv(4096)
                if not more:
                    raise AssertionError("closed")
                data += more
            code = json.loads(data[data.index(b"{"):])["code"]
            with lock:
                counted[code] = counted.get(code, 0) + 1

        def guess(sockets):
            while not stop.is_set() and sum(counted.values()) < 10000:
                for s in sockets:
                    s.sendall(request)
                for s in sockets:
                    hear(s)

        crowd = [[connect() for _ in range(130)] for _ in range(9)]
        threads = [threading.Thread(target=guess, args=(s,)) for s in crowd]
        for thread in threads:
            thread.start()
        fleet.until(lambda: counted.get(851, 0) > 0)
        slowest = 0
        while slowest == 0 or sum(counted.values()) < 10000:
            begun = time.monotonic()
            self.assertEqual(module.log_in()[0], 200)
            self.assertEqual(module.poll()[1]["code"], 802)
            slowest = max(slowest, time.monotonic() - begun)
        stop.set()
        for thread in threads:
            thread.join(120)
        for sockets in crowd:
            for s in sockets:
                s.close()
        self.assertEqual(set(counted), {851, 852})
        print(f"guesses {counted}, slowest of its own {slowest:.2f} s",
              file=sys.stderr)
        self.assertLess(slowest, 3)


class Clocks(Plans):
    """A clock that jumps, by a library that is loaded before the others."""

    def setUp(self):
        root = tempfile.mkdtemp(prefix="dfotad-clock-")
        self.addCleanup(shutil.rmtree, root)
        self.clock = BadDisk(root, os.path.join(BIN, "fault_shim.so"),
                             os.path.join(root, "no such file"))
        before = dict(os.environ)
        os.environ.update(self.clock.environment)
        try:
            super().setUp()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def jump(self, seconds):
        self.clock.set(wall_offset_s=seconds)

    def test_jumps_of_a_month(self):
        plan = self.run_plan({"download": "24h"})
        modules = self.modules(range(1, 6))
        grant = modules[0].poll()[1]
        for number, jump in enumerate((MONTH, -MONTH)):
            module = modules[1 + number]
            self.jump(jump)
            # at the very next poll, whatever upkeep has noticed
            module.log_in()
            status, answer = module.poll()
            self.assertEqual((status, answer["code"]), (503, 880))
            fleet.until(lambda: self.node.admin("/ready")[0] == 503)
            shown = self.ada.must("GET", f"plans/{plan}")
            self.assertEqual((shown["open"], shown["attempts"]["lost"]),
                             (1 + number, 0))
            self.jump(0)
            fleet.until(lambda: self.node.admin("/ready")[0] == 200)
            self.assertEqual(module.log_in()[0], 200)
            self.assertEqual(module.poll()[0], 200)
        self.assertEqual([len(self.audit(f"clock.{w}")) for w in
                          ("off", "on", "accept")], [2, 2, 0])
        # somebody says that it is right: then deadlines count by it
        self.jump(MONTH)
        fleet.until(lambda: self.node.admin("/ready")[0] == 503)
        modules[0].log_in()
        status, _ = modules[0].report(grant, http_err=0)
        self.assertEqual(status, 200)  # a fact is a fact
        subprocess.run([os.path.join(BIN, "dfotactl"), "--data",
                        self.node.data, "clock", "accept"], check=True,
                       capture_output=True)
        fleet.until(lambda: self.node.admin("/ready")[0] == 200)
        self.assertEqual(modules[3].log_in()[0], 200)
        self.assertEqual(modules[3].poll()[0], 200)
        self.assertEqual(len(self.audit("clock.accept")), 1)
        self.local.must("GET", "verify")

    def test_a_module_that_reports_late_twice_and_otherwise(self):
        plan = self.run_plan({"download": "60s", "attempts": 1})
        (module,) = self.modules([1])
        grant = module.poll()[1]
        self.jump(200)  # less than a jump, more than its time

        def numbers():
            shown = self.ada.must("GET", f"plans/{plan}")
            return [shown["open"]] + [shown["attempts"][w] for w in (
                "done", "failed", "lost")]

        fleet.until(lambda: numbers() == [0, 0, 0, 1])
        module.version = "1.1"
        for _ in range(2):
            self.assertEqual(module.report(grant, update_err=0)[0], 200)
            self.assertEqual(numbers(), [0, 1, 0, 0])
        module.version = "1.2"
        self.assertEqual(module.report(grant, update_err=0)[0], 200)
        self.assertEqual(numbers(), [0, 1, 0, 0])
        shown = self.local.must("GET", f"modules/{module.imei}")
        self.assertEqual(shown["updates"], 1)
        fleet.until(lambda: self.local.must(
            "GET", f"modules/{module.imei}")["version"] == "1.2")


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
