#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What keeps a server running: dfotactl word for word, keys in tokens, jobs
that outlive their workers, its end, reload, doctor, metrics and what is
shipped to watch them.

Usage: test_dfotad_ops.py BIN [unittest arguments]
"""
import glob
import hashlib
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time
import unittest

import fleet
import ops
from fleet import Api, Module, imei
from ops import OpsCase, ctl, ctl_json, program

HERE = os.path.dirname(os.path.abspath(__file__))
MONITORING = os.path.join(HERE, "..", "..", "packaging", "monitoring")

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

        made = self.root + "/made.pkg"
        for status, more in ((0, uri), (1, uri + "x")):
            done = subprocess.run(
                [program("dfota"), "diff", self.file("o", old),
                 self.file("n", new), "-o", made, "--key", more],
                capture_output=True, text=True,
                env=dict(os.environ, DFOTA_PIN="1234", SOFTHSM2_CONF=conf))
            self.assertEqual(done.returncode, status, done.stderr)
        subprocess.run([program("dfota"), "verify", made, "--cert",
                        self.root + "/key.pub.pem"], check=True,
                       capture_output=True)

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
    ops.BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
