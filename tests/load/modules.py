#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real module processes of all families in staged plans, one in ten of which
something happens to: the power goes in the middle, the image is another than
they say, there is no network, the battery is low. Then a plan that has to
stop by itself.

Usage: modules.py BIN [--modules N]

bg96-softbank asks by itself; for the others a host asks, has the module load
(`dfota upgrade --url`, or --file where a module cannot), and reports.
"""
import argparse
import concurrent.futures
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "interop")]
import fleet  # noqa: E402
from fleet import Api, Node, imei  # noqa: E402

IMAGES = os.path.join(HERE, "..", "..", "boards", "images")
OLD, NEW = "1.0.0", "1.1.0"
FAMILIES = ("bg95", "bc26", "mc65", "bg96-softbank", "bg96", "eg25")
PATIENCE = 300
NOT_BY_URL = ("bg96-softbank", "eg25")  # of a host's
FAULTS = ("image", "net", "cut", "battery")


class Drawer:
    """The server, and a folder with a module in each folder."""

    def __init__(self, binary):
        self.bin = binary
        self.root = tempfile.mkdtemp(prefix="dfota-drawer-")
        self.key, public = fleet.key_pair(self.root)
        self.cert = os.path.join(self.root, "key.pub.pem")
        self.node = Node(os.path.join(binary, "dfotad"), self.root,
                         "--signing-key", self.key, "--device-api-plain")
        self.local = Api(self.node)
        self.ada, self.bob = (self.local.person(n, "approver")
                              for n in ("ada", "bob"))
        self.images = {}
        for version in (OLD, NEW):
            with open(f"{IMAGES}/demo-{version}.bin", "rb") as f:
                self.images[version] = f.read()
        other = bytearray(self.images[OLD])  # says 1.0.0 and is not
        other[6000:6100] = bytes(100)
        self.images["other"] = bytes(other)
        for name, data in self.images.items():
            with open(os.path.join(self.root, name + ".bin"), "wb") as f:
                f.write(data)
        self.slots = threading.Semaphore(12)  # processes that this bears

    def firmware(self, model, family):
        """Both releases, from which packages are built meanwhile."""
        for version in (OLD, NEW):
            target = fleet.upload(self.ada, model, version,
                                  self.images[version], **{"class": family})
        return target

    def plan(self, target, spec):
        return fleet.run_plan(self.ada, self.bob, target, spec)

    def close(self):
        code = self.node.stop()
        shutil.rmtree(self.root, ignore_errors=True)
        return code


class Unit(threading.Thread):
    """A module, and the host that looks after it. verdict: what the host knows
    of the attempt: ("done", None), ("failed", number), or None, there was
    none."""

    def __init__(self, drawer, number, model, family, fault):
        super().__init__(daemon=True)
        self.drawer, self.model, self.family = drawer, model, family
        self.fault, self.imei = fault, imei(number)
        self.folder = os.path.join(drawer.root, f"m{number}")
        self.polls = self.family == "bg96-softbank"
        self.verdict, self.code, self.error = None, None, None
        self.process, self.stopping, self.attempts = None, False, 0

    def enrol(self):
        self.drawer.local.must("POST", "modules/import", {"modules": [{
            "imei": self.imei, "model": self.model, "version": OLD,
            "password": fleet.PASSWORD, "class": self.family}]})

    # ---- the module ----

    def switch_on(self):
        state = os.path.join(self.folder, "state")
        image = "other" if self.fault == "image" else OLD
        os.makedirs(state, exist_ok=True)
        with open(os.path.join(state, self.family + ".conf"), "w") as f:
            f.write(f"imei = {self.imei}\n")
        more = []
        if self.polls:
            certs = os.path.join(state, "files", "datatx")
            os.makedirs(certs, exist_ok=True)
            shutil.copy(os.path.join(self.drawer.node.data, "tls-cert.pem"),
                        os.path.join(certs, "fota_cacert.pem"))
            more = ["--fota-server", "https://127.0.0.1:" +
                    self.drawer.node.ports["https"], "--fota-password",
                    fleet.PASSWORD, "--fota-name", self.imei]
        with open(os.path.join(self.folder, "said"), "a") as said:
            self.process = subprocess.Popen(
                [os.path.join(self.drawer.bin, "dfota-module"), "--model",
                 self.family, "--state", state, "--firmware",
                 os.path.join(self.drawer.root, image + ".bin"), "--port",
                 f"unix:{self.folder}/line", "--control",
                 f"{self.folder}/control", "--cert", self.drawer.cert,
                 "--speed", "0", *more],
                stdout=subprocess.PIPE, stderr=said)
        if not self.process.stdout.readline().startswith(b"ready:"):
            raise AssertionError("the module does not start")

    def ask(self, request):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(f"{self.folder}/control")
            s.sendall(request.encode() + b"\n")
            return s.makefile().readline().strip()

    def switch_off(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        if self.process:
            self.process.stdout.close()

    def keep_on(self, host):
        """Until the host's program is through; a module that lost its power
        has it again."""
        while host.poll() is None:
            if self.process.poll() is not None:
                self.process.stdout.close()
                self.switch_on()
            try:
                host.wait(0.1)
            except subprocess.TimeoutExpired:
                pass

    # ---- the host ----

    def run(self):
        begun = time.monotonic()
        try:
            with self.drawer.slots:
                os.makedirs(self.folder, exist_ok=True)
                self.switch_on()
                if self.polls:
                    self.let_it_poll()
                else:
                    self.host()
        except Exception as e:
            self.error = repr(e)
        finally:
            self.switch_off()
            self.seconds = time.monotonic() - begun

    def host(self):
        line = fleet.Module(self.drawer.node, self.imei, self.model, OLD,
                            secure=False)
        if line.log_in()[0] != 200:
            raise AssertionError("no token")
        while not self.stopping:
            battery = 10 if self.fault == "battery" else 80
            status, answer = line.poll(battery=battery)
            self.code = answer.get("code")
            if status == 200:
                self.attempts += 1
                self.update(line, answer)
                return
            if self.code not in (802, 807):
                return
            time.sleep(0.2)  # its polling period

    def update(self, line, grant):
        how = ["--url", grant["url"]]
        if self.family == "eg25":
            path = os.path.join(self.folder, "update.pkg")
            with open(path, "wb") as f:
                f.write(line.load(grant["url"])[1])
            how = ["--file", path]
        if self.fault == "net":
            self.ask("net down")
            how += ["--timeout-overall", "5"]
        if self.fault == "cut":  # what it says while nobody listens is lost
            self.ask("cut-at 150")
            how += ["--timeout-update", "10", "--timeout-backoff", "2"]
        host = subprocess.Popen(
            [os.path.join(self.drawer.bin, "dfota"), "upgrade", "--port",
             f"unix:{self.folder}/line", "--model", self.family, *how,
             "--json", "--to-version", NEW, "--state",
             os.path.join(self.folder, "host-state")],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.keep_on(host)
        verdict = json.loads(host.stdout.read().splitlines()[-1])
        host.stdout.close()
        self.report(line, grant, verdict)

    def report(self, line, grant, verdict):
        if verdict["outcome"] == "done":
            said, self.verdict = {"update_err": 0}, ("done", None)
        elif verdict["stage"] in ("network", "download", "start"):
            number = verdict["number"] or 702
            said, self.verdict = {"http_err": number}, ("failed", number)
        else:
            said = {"update_err": verdict["number"] or 505}
            self.verdict = ("failed", said["update_err"])
        line.version = verdict["new"] or OLD
        status, answer = line.report(grant, **said)
        if status != 200:
            raise AssertionError(f"{said}: {answer}")

    # ---- one that asks by itself ----

    def let_it_poll(self):
        if self.fault == "battery":
            self.ask("battery 10")
        if self.fault == "cut":
            self.ask("cut-at 150")
        end = time.monotonic() + PATIENCE
        while not self.stopping and time.monotonic() < end:
            if self.process.poll() is not None:
                self.process.stdout.close()
                self.switch_on()
            self.ask("clock +1300000")
            found = self.drawer.local.must(
                "GET", f"results?imei={self.imei}")["items"]
            self.attempts = len(found)
            if found and found[0]["state"] != "open":
                self.verdict = (found[0]["state"], found[0]["update_err"]
                                or found[0]["http_err"] or None)
                if found[0]["state"] == "done" and json.loads(
                        self.ask("state"))["version"] != NEW:
                    raise AssertionError("reported done and is not")
                return
            if self.fault == "battery":
                seen = self.drawer.local.must("GET", f"modules/{self.imei}")
                if seen["battery"] == 10:
                    self.code = 804
                    return
            time.sleep(0.2)


# ---- the plans ----

def model_of(family):
    return "BG96" if family == "bg96-softbank" else family


def results(drawer, plan):
    """By IMEI, what the server keeps: state, the number, the version."""
    found, cursor = {}, ""
    while cursor is not None:
        page = drawer.local.must("GET", f"results?plan={plan}&limit=200" +
                                 (f"&cursor={cursor}" if cursor else ""))
        for item in page["items"]:
            found.setdefault(item["imei"], []).append(
                (item["state"], item["update_err"] or item["http_err"] or
                 None, item["version"]))
        cursor = page["next"]
    return found


def staged(drawer, total):
    """A plan a family: two modules first, then all; rules that must not
    trip. One module in ten has a fault. returns what is wrong."""
    rng, units, plans, wrong = random.Random(52), [], {}, []
    faulty = max(len(FAULTS), total // 10)
    victims = dict(zip(rng.sample(range(total), faulty),
                       FAULTS * (faulty // len(FAULTS) + 1)))
    if total < 10:  # the gate's: one of each kind, soon over
        victims = {0: "cut", 4: "net", 5: "image", 7: "battery"}
    for number in range(total):
        family, fault = FAMILIES[number % len(FAMILIES)], victims.get(number)
        if fault == "net" and family in NOT_BY_URL:
            fault = "image"
        unit = Unit(drawer, 1 + number, model_of(family), family, fault)
        unit.enrol()
        units.append(unit)
    targets = {family: drawer.firmware(model_of(family), family)
               for family in FAMILIES[:total]}
    for family, target in targets.items():
        plans[family] = drawer.plan(target, {
            "battery": 20, "attempts": 1, "transport": ["http", "https"],
            "stages": [{"count": 1, "minimum": 1, "success": 0},
                       {"percent": 100}],
            "abort": [{"kind": "lost", "percent": 1, "minimum": 1}]})
    run_all(units)
    for unit in units:
        plan = plans[unit.family]
        kept = results(drawer, plan).get(unit.imei, [])
        wrong += judge(unit, kept)
        print(f"  {unit.seconds:6.1f} s  {unit.family:<14} "
              f"{unit.fault or '-':<8} {unit.verdict or unit.code}", flush=True)
    for family, plan in plans.items():
        mine = [u for u in units if u.family == family]
        shown = drawer.local.must("GET", f"plans/{plan}")
        told = {state: sum(1 for u in mine if u.verdict and
                           u.verdict[0] == state)
                for state in ("done", "failed")}
        counted = {k: shown["attempts"][k] for k in told}
        rest = [k for k in ("lost", "stopped") if shown["attempts"].get(k)]
        if (counted, shown["open"], rest, shown["state"]) != (
                told, 0, [], "running"):
            wrong.append(f"{family}: {counted}, open {shown['open']}, "
                         f"{shown['state']}, told {told} {rest}")
    done = sum(1 for u in units if u.verdict == ("done", None))
    print(f"{total} modules of {len(plans)} families, {faulty} with a fault: "
          f"{done} done, {sum(1 for u in units if u.verdict) - done} failed, "
          f"{sum(1 for u in units if u.code == 804)} refused", flush=True)
    return wrong


def judge(unit, kept):
    """What has to come of a module with its fault."""
    name = f"{unit.family} {unit.imei} ({unit.fault})"
    if unit.error:
        return [f"{name}: {unit.error}"]
    if unit.fault == "battery":
        fits = unit.code == 804 and not kept
        return [] if fits else [f"{name}: {unit.code} {kept}"]
    expected = "failed" if unit.fault in ("image", "net") else "done"
    version = NEW if expected == "done" else OLD
    if len(kept) != 1 or kept[0][0] != expected or kept[0][2] != version \
            or (kept[0][0], kept[0][1]) != unit.verdict:
        return [f"{name}: kept {kept}, the host saw {unit.verdict}"]
    return []


def run_all(units):
    for unit in units:
        unit.start()
    for unit in units:
        unit.join(PATIENCE)
        unit.stopping = True
    for unit in units:
        unit.join(PATIENCE)


def aborted(drawer, total):
    """All have the wrong image, and the first stage takes so many: the rule
    looks at that many, trips, and nobody else is given anything."""
    first, model = total // 2, "abort"
    units = [Unit(drawer, 500 + n, model, "bg95", "image")
             for n in range(total)]
    for unit in units:
        unit.enrol()
    plan = drawer.plan(drawer.firmware(model, "bg95"), {
        "attempts": 1, "transport": ["http"],
        "stages": [{"count": first, "minimum": first, "success": 90},
                   {"percent": 100}],
        "abort": [{"kind": "failed", "percent": 20, "minimum": first}]})
    for unit in units:
        unit.start()
    fleet.until(lambda: drawer.local.must(
        "GET", f"plans/{plan}")["state"] == "aborted", PATIENCE)
    for unit in units:
        unit.stopping = True
    for unit in units:
        unit.join(PATIENCE)
    shown = drawer.local.must("GET", f"plans/{plan}")
    kept = results(drawer, plan)
    wrong = [f"{u.imei}: {u.error}" for u in units if u.error]
    if shown["attempts"]["failed"] != first or len(kept) != first or \
            shown["open"] or f"{first} of {first} closed" not in shown["why"]:
        wrong.append(f"aborted: {shown}, {len(kept)} attempts")
    print(f"{total} modules with the wrong image: {shown['why']}", flush=True)
    return wrong


def run(bench):
    """As a suite of load.py, in a process of its own."""
    import rows
    done = subprocess.run([sys.executable, __file__, rows.BIN],
                          stdout=subprocess.PIPE, text=True)
    said = done.stdout.splitlines()
    print("\n".join(said), flush=True)
    rows.row("50 module processes, one in ten with a fault",
             said[-1] if said else "no answer", "0 wrong",
             done.returncode == 0)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin")
    parser.add_argument("--modules", type=int, default=50)
    a = parser.parse_args(argv[1:])
    begun, drawer = time.monotonic(), Drawer(a.bin)
    jobs = [(staged, a.modules), (aborted, max(4, a.modules // 5))]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [line for found in pool.map(lambda j: j[0](drawer, j[1]), jobs)
                 for line in found]
    drawer.local.must("GET", "verify")
    if drawer.close() != 0:
        wrong.append("dfotad ended badly")
    for line in wrong:
        print("   " + line)
    print(f"modules: {len(wrong)} wrong in {time.monotonic() - begun:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
