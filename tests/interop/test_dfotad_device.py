#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The device API: every number, their order, calls whose answer was lost.

Usage: test_dfotad_device.py BIN [--postgresql] [unittest arguments]
"""
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

import fleet
from fleet import Api, Module, Node, imei

BIN = None
DATABASE = None

# Reasons to refuse a poll, in the order of the checks, with the statuses.
ORDER = [("malformed", 880, 400), ("no_imei", 814, 400),
         ("no_token", 810, 401), ("bad_token", 811, 401),
         ("expired", 812, 401), ("blocked", 813, 403), ("scope", 813, 403),
         ("other", 815, 403), ("unknown", 809, 404), ("ended", 808, 409),
         ("under_way", 800, 409), ("at_target", 802, 404),
         ("access", 801, 409), ("window", 806, 409), ("battery", 804, 409),
         ("signal", 805, 409), ("slots", 807, 409)]
# Of one thing there is one value: a token is missing or bad, not both.
EXCLUSIVE = [{"no_token", "bad_token", "expired", "scope"},
             {"ended", "under_way"}]
FAR = "2099-01-01T00:00:00Z"


class DeviceCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="dfotad-device-")
        cls.key, _ = fleet.key_pair(cls.root)
        if DATABASE:
            subprocess.run(["psql", "-q", DATABASE, "-c", "DROP SCHEMA public "
                            "CASCADE; CREATE SCHEMA public"], check=True,
                           stderr=subprocess.DEVNULL)
        cls.node = Node(os.path.join(BIN, "dfotad"), cls.root,
                        "--signing-key", cls.key, "--coap", "127.0.0.1:0",
                        database=DATABASE)
        cls.local = Api(cls.node)
        cls.ada = cls.local.person("ada", "operator")
        cls.bob = cls.local.person("bob", "approver")
        cls.image = fleet.images(2, 4000)
        cls.number = 0
        cls.model = 0
        cls.target = None

    @classmethod
    def tearDownClass(cls):
        code = cls.node.stop()
        shutil.rmtree(cls.root)
        if code != 0:
            raise AssertionError(code)

    def fresh(self, spec=None, modules=1, shared=False, **more):
        """Modules with a running plan. They are of a model of their own, or
        share one and are named in the plan, which needs no new packages."""
        cls = type(self)
        cls.model += not shared
        model = "shared" if shared else f"model{cls.model}"
        made = []
        for _ in range(modules):
            cls.number += 1
            fleet.enrol(self.local, [cls.number], model=model, **more)
            module = Module(self.node, imei(cls.number), model=model)
            self.assertEqual(module.log_in()[0], 200)
            made.append(module)
        if shared and cls.target:
            target = cls.target
        else:
            fleet.upload(self.ada, model, "1.0", self.image[0])
            target = fleet.upload(self.ada, model, "1.1", self.image[1])
        if shared:
            cls.target = target
            spec = dict(spec, select={"imeis": [m.imei for m in made]})
        plan = None
        if spec is not None:
            plan = fleet.run_plan(self.ada, self.bob, target, spec, model)
        return made, plan, target

    def refused(self, answer, code, status=None):
        self.assertEqual(answer[1].get("code"), code, answer)
        if status:
            self.assertEqual(answer[0], status)
        self.assertTrue(answer[1]["message"])


class Forger(DeviceCase):
    """Tokens that are expired or lack a scope are signed here with the server's
    own key, read from its database."""

    def keys(self):
        if DATABASE:
            out = subprocess.run(
                ["psql", "-At", DATABASE, "-c", "SELECT id, secret FROM "
                 "secret_key WHERE kind = 'token' ORDER BY id DESC LIMIT 1"],
                capture_output=True, text=True, check=True).stdout.strip()
            number, secret = out.split("|")
            return int(number), bytes.fromhex(secret)
        import sqlite3
        with sqlite3.connect(os.path.join(self.node.data,
                                          "dfotad.db")) as db:
            number, secret = db.execute(
                "SELECT id, secret FROM secret_key WHERE kind = 'token' "
                "ORDER BY id DESC LIMIT 1").fetchone()
        return number, bytes.fromhex(secret)

    def token(self, module, expires=None, scope="pr", of=None):
        import base64
        import hashlib
        import hmac
        number, secret = self.keys()
        expires = expires or int(time.time()) + 3600
        text = f"{number}.1.{of or module}.{scope}.{expires}"
        mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()[:16]
        return text + "." + base64.urlsafe_b64encode(mac).decode().rstrip("=")

    def in_order(self, order, possible, ask):
        """Each reason alone, and of each two that can be at once the first."""
        numbers = {name: (code, status) for name, code, status in order}
        names = [name for name, _, _ in order]
        sets = [frozenset([name]) for name in names]
        sets += [frozenset(pair)
                 for pair in itertools.combinations(names, 2)
                 if possible(frozenset(pair))]
        for reasons in sets:
            with self.subTest(reasons=sorted(reasons)):
                first = min(reasons, key=names.index)
                self.refused(ask(reasons), *numbers[first])
        return len(sets)


class Order(Forger):
    """A module that every plan's limit keeps out, and what each reason adds."""

    def module_with(self, reasons):
        spec = {"concurrency": 1}
        if "window" in reasons:
            spec["start"] = FAR
        if "access" in reasons:
            spec["transport"] = ["coap"]
        spec["battery"], spec["signal"] = 50, -90
        opened = "ended" in reasons or "under_way" in reasons
        first = dict(spec)
        if opened:  # the attempt has to be given before the limits
            first = {"concurrency": 1}
        (module, other), plan, _ = self.fresh(first, modules=2,
                                              shared=True)
        if opened:
            status, grant = module.poll()
            self.assertEqual(status, 200, grant)
        elif "slots" in reasons and "window" not in reasons and \
                "access" not in reasons:
            self.assertEqual(other.poll()[0], 200)
        if "under_way" in reasons:
            module.report(grant, http_err=0)
        if "ended" in reasons:
            self.ada.must("POST", f"plans/{plan}/abort")
        return module

    def poll_with(self, module, reasons):
        query = {"access": "http,https"}
        if "malformed" in reasons:
            query["battery"] = "low"
        elif "battery" in reasons:
            query["battery"] = 10
        if "signal" in reasons:
            query["rssi"] = -120
        if "at_target" in reasons:
            query["version"] = "1.1"
        whose = module.imei
        if "unknown" in reasons:
            whose = query["imei"] = imei(99999)
        if "other" in reasons:
            whose = imei(88888)
        if "no_imei" in reasons:
            query["imei"] = None
        module.access = self.token(
            module.imei, of=whose,
            expires=int(time.time()) - 400 if "expired" in reasons else None,
            scope="r" if "scope" in reasons else "pr")
        if "bad_token" in reasons:
            module.access = module.access[:-2] + "__"
        if "no_token" in reasons:
            module.access = None
        if "blocked" in reasons:
            self.local.must("PATCH", f"modules/{module.imei}",
                            {"state": "blocked"})
        return module.poll(**query)

    def possible(self, pair):
        if any(len(pair & group) > 1 for group in EXCLUSIVE):
            return False
        # a token of a module that is not there cannot be one of another,
        # and nobody blocks what is not there
        if "blocked" in pair and pair & {"other", "unknown"}:
            return False
        if "other" in pair and "unknown" in pair:
            return False
        # a module that reports the target has no attempt under way
        if "at_target" in pair and pair & {"ended", "under_way"}:
            return False
        # who holds the slot is this module itself
        if "slots" in pair and pair & {"ended", "under_way"}:
            return False
        # the other one cannot take the slot of a plan that nobody gets
        return not ("slots" in pair and pair & {"window", "access"})

    def test_each_number_and_of_two_reasons_the_first(self):
        self.assertGreater(self.in_order(
            ORDER, self.possible,
            lambda reasons: self.poll_with(self.module_with(reasons),
                                           reasons)), 100)


class ResultOrder(Forger):
    """A result that is wrong in two ways at once."""

    ORDER = [("malformed", 880, 400)] + ORDER[1:9] + [
        ("no_plan", 803, 404), ("no_attempt", 803, 404),
        ("of_another", 815, 403)]

    def possible(self, pair):
        return Order.possible(self, pair) and \
            len(pair & {"no_attempt", "of_another"}) < 2

    def report_with(self, reasons):
        (module, other), _, _ = self.fresh({}, modules=2, shared=True)
        grant = (other if "of_another" in reasons else module).poll()[1]
        if "no_attempt" in reasons:  # nor is another one open
            module.report(grant, http_err=704)
            grant = dict(grant, attempt="0" * 32)
        if "no_plan" in reasons:
            grant = dict(grant, plan="99999")
        body = {"http_err": "low" if "malformed" in reasons else 704}
        whose = module.imei
        if "unknown" in reasons:
            whose = body["imei"] = imei(99999)
        if "other" in reasons:
            whose = imei(88888)
        if "no_imei" in reasons:
            body["imei"] = "123"
        module.access = self.token(
            module.imei, of=whose,
            expires=int(time.time()) - 400 if "expired" in reasons else None,
            scope="p" if "scope" in reasons else "pr")
        if "bad_token" in reasons:
            module.access = module.access[:-2] + "__"
        if "no_token" in reasons:
            module.access = None
        if "blocked" in reasons:
            self.local.must("PATCH", f"modules/{module.imei}",
                            {"state": "blocked"})
        return module.report(grant, **body)

    def test_each_number_and_of_two_reasons_the_first(self):
        self.assertGreater(self.in_order(self.ORDER, self.possible,
                                         self.report_with), 50)


class TokenOrder(DeviceCase):
    ORDER = [("malformed", 880, 400), ("no_name", 855, 400),
             ("no_password", 855, 400), ("no_imei", 814, 400),
             ("unknown", 854, 404), ("wrong", 852, 401)]
    in_order = Forger.in_order

    def ask(self, reasons):
        (module,), _, _ = self.fresh()
        body = {"name": module.imei, "password": fleet.PASSWORD,
                "imei": module.imei}
        for reason, name, value in (
                ("unknown", "name", "nobody"), ("no_name", "name", ""),
                ("wrong", "password", "wrong wrong wrong"),
                ("no_password", "password", ""), ("no_imei", "imei", "12"),
                ("malformed", "imei", 12)):
            if reason in reasons:
                body[name] = value
        return module.call("POST", "/fota/v1/token", body)

    def possible(self, pair):
        return pair not in ({"malformed", "no_imei"}, {"wrong", "no_password"},
                            {"unknown", "no_name"})

    def test_each_number_and_of_two_reasons_the_first(self):
        self.in_order(self.ORDER, self.possible, self.ask)

    def test_a_refresh_token_is_looked_at_before_nothing_but_its_module(self):
        (module,), _, _ = self.fresh()
        call = lambda **body: module.call("POST", "/fota/v1/token", body)
        for body, code in (
                ({"refresh_token": "x", "imei": "12"}, 814),
                ({"refresh_token": "x"}, 814),
                ({"refresh_token": "x", "imei": 12}, 880),
                ({"refresh_token": 12, "imei": module.imei}, 853),
                ({"refresh_token": "x", "imei": imei(77777)}, 853)):
            self.refused(call(**body), code)


class Tokens(DeviceCase):
    def test_numbers_of_the_token_call(self):
        (module,), _, _ = self.fresh()
        call = lambda body: module.call("POST", "/fota/v1/token", body)
        good = {"name": module.imei, "password": fleet.PASSWORD,
                "imei": module.imei}
        self.refused(call(dict(good, name="")), 855, 400)
        self.refused(call({"imei": module.imei}), 855, 400)
        self.refused(call(dict(good, imei="123")), 814, 400)
        self.refused(call(dict(good, name="nobody")), 854, 404)
        self.refused(call(dict(good, imei=imei(77777))), 854, 404)
        self.refused(call(dict(good, password="wrong wrong wrong")), 852, 401)
        self.refused(call({"refresh_token": "x", "imei": module.imei}), 853,
                     401)
        self.refused(call({"refresh_token": module.refresh}), 814, 400)
        self.refused(call({"refresh_token": module.refresh,
                           "imei": imei(77777)}), 853, 401)
        self.refused(call([1]), 880, 400)
        self.refused(call({"name": 1}), 880, 400)

    def test_in_two_faults_of_the_token_call_the_first_counts(self):
        (module,), _, _ = self.fresh()
        call = lambda name, password, number: module.call(
            "POST", "/fota/v1/token",
            {"name": name, "password": password, "imei": number})
        self.refused(call("", "x", "1"), 855)
        self.refused(call("nobody", "", module.imei), 855)
        self.refused(call("nobody", "x", "1"), 814)
        self.refused(call("nobody", "x", module.imei), 854)

    def test_the_answer_of_a_refresh_that_was_lost_comes_again(self):
        (module,), _, _ = self.fresh()
        body = {"refresh_token": module.refresh, "imei": module.imei}
        first = module.call("POST", "/fota/v1/token", body)
        self.assertEqual(first[0], 200)
        self.assertNotEqual(first[1]["refresh_token"], module.refresh)
        self.assertEqual(module.call("POST", "/fota/v1/token", body), first)
        module.access = first[1]["access_token"]
        self.refused(module.poll(), 802, 404)

    def test_guesses_make_a_name_slow_and_lock_nobody_out(self):
        (module, other), _, _ = self.fresh(modules=2)
        for _ in range(5):
            self.refused(module.log_in("wrong wrong wrong"), 852)
        begun = time.monotonic()
        self.assertEqual(module.log_in()[0], 200)
        self.assertGreaterEqual(time.monotonic() - begun, 1.9)
        self.assertEqual(module.poll()[1]["code"], 802)
        begun = time.monotonic()
        self.assertEqual(other.log_in()[0], 200)
        self.assertLess(time.monotonic() - begun, 1.9)

    def test_tokens_of_the_keys_before_hold_and_older_ones_do_not(self):
        (module,), _, _ = self.fresh()
        self.local.must("POST", "keys/rotate")
        self.refused(module.poll(), 802)
        self.local.must("POST", "keys/rotate")
        self.refused(module.poll(), 811)
        self.assertEqual(module.log_in()[0], 200)
        self.refused(module.poll(), 802)

    def test_plain_http_has_packages_only(self):
        (module,), _, _ = self.fresh()
        module.secure = False
        connection = self.node.connect(False)
        connection.request("GET", "/fota/v1/plan?imei=" + module.imei,
                           headers=module.bearer())
        self.assertEqual(connection.getresponse().status, 404)


class Attempts(DeviceCase):
    def test_a_repeated_poll_gets_the_same_answer_and_takes_one_slot(self):
        (module,), plan, _ = self.fresh({"concurrency": 5})
        first = module.poll()
        self.assertEqual(first[0], 200)
        self.assertEqual(module.poll(), first)
        self.assertEqual(self.ada.must("GET", f"plans/{plan}")["open"], 1)

    def test_a_repeated_result_counts_once_and_another_is_a_note(self):
        (module,), plan, _ = self.fresh({})
        grant = module.poll()[1]
        module.version = "1.1"
        for _ in range(3):
            self.assertEqual(module.report(grant, update_err=0), (200, {}))
        self.assertEqual(module.report(grant, update_err=504), (200, {}))
        shown = self.ada.must("GET", f"plans/{plan}")
        self.assertEqual((shown["open"], shown["attempts"]["done"],
                          shown["attempts"]["failed"]), (0, 1, 0))

    def test_results_of_others_and_of_nothing(self):
        (module, other), plan, _ = self.fresh({"concurrency": 2}, modules=2)
        grant = module.poll()[1]
        self.refused(other.report(grant, update_err=0), 815, 403)
        self.refused(other.report(dict(grant, attempt="0" * 32),
                                  update_err=0), 803, 404)
        self.refused(module.report(dict(grant, plan="99999"), update_err=0),
                     803, 404)
        self.refused(module.report(dict(grant, attempt=None)), 880, 400)
        # an attempt it does not know means the one that is open
        self.assertEqual(module.report(dict(grant, attempt="0" * 32),
                                       http_err=702)[0], 200)
        shown = self.ada.must("GET", f"plans/{plan}")
        self.assertEqual(shown["causes"][0]["cause"], "http 702")

    def test_what_is_no_text_is_not_kept(self):
        (module, other), _, _ = self.fresh({}, modules=2)
        grant = module.poll()[1]
        for version in (b"\xff", b"\xc3(", "1\n2"):
            self.refused(module.poll(version=version), 880, 400)
            self.refused(module.poll(model=version), 880, 400)
        self.refused(module.report(grant, version="1\n2"), 880, 400)
        self.assertEqual(other.poll()[0], 200)
        module.report(grant, update_err=0, version="\u00e9")
        fleet.until(lambda: self.ada.must("GET", f"modules/{module.imei}")[
            "version"] == "\u00e9")

    def test_attempts_end_and_some_numbers_end_them_at_once(self):
        (module, other), plan, _ = self.fresh({"attempts": 2}, modules=2)
        for _ in range(2):
            grant = module.poll()[1]
            module.report(grant, http_err=704)
        self.refused(module.poll(), 802)
        other.report(other.poll()[1], update_err=511)
        self.refused(other.poll(), 802)
        self.assertEqual(self.ada.must("GET", f"plans/{plan}")["open"], 0)

    def test_the_version_it_reports_is_the_truth(self):
        (module, other), plan, _ = self.fresh({}, modules=2)
        grant = module.poll()[1]
        module.report(grant, update_err=0)  # still on 1.0
        shown = self.ada.must("GET", f"plans/{plan}")
        self.assertEqual(shown["causes"][0]["cause"], "version")
        other.poll()
        other.version = "1.1"  # its report was lost
        self.refused(other.poll(), 802)
        shown = self.ada.must("GET", f"plans/{plan}")
        self.assertEqual((shown["open"], shown["attempts"]["done"]), (0, 1))

    def test_pausing_stops_what_is_open_and_resuming_goes_on(self):
        (module,), plan, _ = self.fresh({})
        self.assertEqual(module.poll()[0], 200)
        self.ada.must("POST", f"plans/{plan}/pause")
        self.refused(module.poll(), 808, 409)
        self.refused(module.poll(), 802, 404)
        self.ada.must("POST", f"plans/{plan}/resume")
        self.assertEqual(module.poll()[0], 200)

    def test_the_better_plan_wins_and_the_first_says_why_not(self):
        (module,), _, target = self.fresh({"battery": 90})
        self.refused(module.poll(), 804)
        low = fleet.run_plan(self.ada, self.bob, target, {"priority": -1})
        high = fleet.run_plan(self.ada, self.bob, target, {"priority": 1})
        self.assertEqual(module.poll()[1]["plan"], str(high))
        self.assertNotEqual(high, low)

    def test_addresses_are_signed_and_end(self):
        (module,), _, _ = self.fresh({"download": "60s"})
        url = module.poll()[1]["url"]
        self.assertLessEqual(len(urllib.parse.urlsplit(url).path), 120)
        self.assertEqual(module.load(url)[0], 200)
        plain = f"http://127.0.0.1:{self.node.ports['http']}" + \
            urllib.parse.urlsplit(url).path
        self.assertEqual(module.load(plain)[0], 200)
        head, sign, name = url.rsplit("/", 2)
        self.assertEqual(module.load(f"{head}/{sign[:-1]}_/{name}")[0], 403)
        number, rest = sign.split("-", 1)
        self.assertEqual(module.load(
            f"{head}/{int(number) + 1}-{rest}/{name}")[0], 403)
        self.assertEqual(module.load(f"{head}/{name}")[0], 404)

    def test_a_module_on_a_version_without_image_gets_the_full_one(self):
        (module,), _, _ = self.fresh({})
        module.version = "0.9"
        status, grant = module.poll()
        self.assertEqual(status, 200, grant)
        self.assertGreater(grant["size"], 3000)

    def test_what_was_answered_survives_kill_9(self):
        (module, second), plan, _ = self.fresh({}, modules=2)
        grant = module.poll()[1]
        other = second.poll()[1]
        second.version = "1.1"
        second.report(other, update_err=0)
        self.node.kill()
        self.node.start()
        again = module.poll()
        self.assertEqual((again[0], again[1]["attempt"]),
                         (200, grant["attempt"]))
        shown = self.ada.must("GET", f"plans/{plan}")
        self.assertEqual((shown["open"], shown["attempts"]["done"]), (1, 1))
        self.local.must("GET", "verify")


def main():
    global BIN, DATABASE
    BIN = sys.argv.pop(1)
    if "--postgresql" not in sys.argv:
        unittest.main()
    sys.argv.remove("--postgresql")
    with fleet.Postgresql() as server:
        DATABASE = server.url
        unittest.main()


if __name__ == "__main__":
    main()
