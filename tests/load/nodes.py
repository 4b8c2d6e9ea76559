#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three dfotad on one PostgreSQL behind HAProxy, each on a machine of its own
(a network namespace): killed, frozen, cut off, brought up to date, and the
database restarted under them, while modules ask and report.

Usage: nodes.py BIN CLIENTS [--short] [CASE]..

BIN has dfotad and dfotad_next, CLIENTS is the folder that tools/unpack filled
with haproxy. Without namespaces or haproxy it says so and ends with 77.
"""
import argparse
import atexit
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "interop")]
import clients  # noqa: E402
import fleet  # noqa: E402
import spaces  # noqa: E402
from fleet import Api, Module, Node, Postgresql, imei  # noqa: E402
from witness import Witness, look  # noqa: E402

IMAGES = os.path.join(HERE, "..", "..", "boards", "images")
MODULES, CONCURRENCY = 160, 40
HTTP, ADMIN, COAP = 8080, 9090, 5683
LWM2M = spaces.NET + "20"  # whoever leads has it, as with keepalived
HAPROXY = """
global
    maxconn 1000
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout check 1s
    retries 3
    option redispatch
frontend devices
    bind {address}:{port}
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk GET /ready
    default-server check port {admin} inter 300ms fall 2 rise 1
    default-server on-marked-down shutdown-sessions
"""


class SpaceNode(Node):
    """A node on a machine of its own."""

    def __init__(self, space, binary, root, key, name, database):
        self.space, self.binary = space, binary
        self.environment = {}
        super().__init__(binary, root, "--signing-key", key,
                         "--device-api-plain", name=name, database=database)

    def start(self):
        at = self.space.address
        self.args = [*self.space.inside, "env",
                     *(f"{k}={v}" for k, v in self.environment.items()),
                     self.binary, "--data", self.data, "--http",
                     f"{at}:{HTTP}", "--https", f"{at}:8443", "--admin",
                     f"{at}:{ADMIN}", "--api", f"{at}:8090",
                     "--lwm2m", f"coap://0.0.0.0:{COAP}",
                     "--public-http", "http://" + spaces.NET + f"2:{HTTP}",
                     *self.args[self.args.index("--node"):]]
        super().start()
        atexit.register(self.process.kill)

    def knows(self, modules, plans):
        """What others wrote reaches a node's memory within a second."""
        told = self.admin("/metrics")[1]
        return f"dfota_modules {modules}\n" in told and \
            f"dfota_plans_running {plans}\n" in told

    def is_ready(self):
        try:
            return self.admin("/ready")[0] == 200
        except OSError:
            return False


class Cluster:
    """The machines: HAProxy 10.77.0.2, PostgreSQL .3, nodes .11 to .13, and
    .50 for modules that are to be far away from them."""

    def __init__(self, binary, programs):
        self.root = tempfile.mkdtemp(prefix="dfota-nodes-")
        os.chmod(self.root, 0o755)
        self.binary = binary
        self.spaces = [spaces.Space(n) for n in (2, 3, 50, 11, 12, 13)]
        self.front, base, self.field, *machines = self.spaces
        self.postgresql = Postgresql(inside=base.inside, listen=base.address)
        self.postgresql.__enter__()
        self.base = base
        self.database = f"postgresql://dfota@{base.address}/postgres"
        key, _ = fleet.key_pair(self.root)
        self.nodes = []
        for name, space in zip(("one", "two", "three"), machines):
            data = os.path.join(self.root, name)
            if self.nodes:
                os.makedirs(data)
                shutil.copy(os.path.join(self.nodes[0].data, "secret.key"),
                            data)
            self.nodes.append(SpaceNode(
                space, os.path.join(binary, "dfotad"), self.root, key, name,
                self.database))
        self._balance(programs, machines)
        self._begin(range(1, 1 + MODULES))

    def _balance(self, programs, machines):
        config = os.path.join(self.root, "haproxy.cfg")
        with open(config, "w") as f:
            f.write(HAPROXY.format(address=self.front.address, port=HTTP,
                                   admin=ADMIN))
            for number, machine in enumerate(machines):
                f.write(f"    server node{number} {machine.address}:{HTTP}\n")
        with open(os.path.join(self.root, "haproxy.txt"), "w") as said:
            self.haproxy = subprocess.Popen(
                [*self.front.inside, programs.find("haproxy"), "-db", "-f",
                 config], env=programs.env(), stdout=said, stderr=said)
        fleet.until(self._answers)

    def _answers(self):
        if self.haproxy.poll() is not None:
            with open(os.path.join(self.root, "haproxy.txt")) as f:
                raise AssertionError(f.read())
        try:
            socket.create_connection((self.front.address, HTTP), 5).close()
            return True
        except OSError:
            return False

    def _begin(self, numbers):
        self.local = Api(self.nodes[0])
        self.ada, self.bob = (self.local.person(n, "approver")
                              for n in ("ada", "bob"))
        fleet.enrol(self.local, numbers)
        self.plan = self.run_plan("m1", {
            "attempts": 100, "no_retry": [], "concurrency": CONCURRENCY})
        for node in self.nodes:
            fleet.until(node.is_ready)
            fleet.until(lambda: node.knows(len(numbers), 1))
        self.witness = Witness(
            lambda: (self.front.address, HTTP),
            [imei(n) for n in numbers], concurrency=CONCURRENCY, wander=0.2)
        self.witness.start()
        self.witness.wait_for(100)

    def run_plan(self, model, spec):
        old, new = fleet.images(2, 3000)
        fleet.upload(self.ada, model, "1.0", old)
        target = fleet.upload(self.ada, model, "1.1", new)
        return fleet.run_plan(self.ada, self.bob, target, spec, model)

    def end(self, what, late=False):
        """late: a request may have been answered when nobody waited."""
        self.witness.finish()
        for node in self.nodes:
            Api(node).must("GET", "verify")
        wrong = self.witness.check(self.database, self.plan, late)
        (dead_locks,), = look(self.database, "SELECT deadlocks FROM "
                              "pg_stat_database WHERE datname = 'postgres'")
        for node in self.nodes:
            code = node.stop()
            if code != 0:
                wrong.append(f"a node ended with {code}: "
                             + node.said()[-500:])
        self.close()
        print(f"{what}: {self.witness.facts} facts acknowledged, "
              f"{dead_locks} dead-locks since the last restart of the "
              f"database, {len(wrong)} wrong", flush=True)
        for line in wrong[:10]:
            print("   " + line, flush=True)
        if not wrong:
            shutil.rmtree(self.root, ignore_errors=True)
        return wrong

    def close(self):
        self.haproxy.terminate()
        self.haproxy.wait()
        self.postgresql.__exit__()
        for space in self.spaces:
            space.close()


# ---- the cases: each returns what is wrong ----

def a_node_is_killed(cluster, short):
    """kill -9 in mid-load, the next one as soon as the last is back."""
    rng, wrong = random.Random(1), []
    for number in range(2 if short else 30):
        node = cluster.nodes[number % 3]
        cluster.witness.wait_for(rng.randrange(20, 200))
        node.kill()
        facts = cluster.witness.facts
        fleet.until(lambda: cluster.witness.facts >= facts + 50 or
                    cluster.witness.problems)
        node.start()
        fleet.until(node.is_ready)
    return wrong


class Locked:
    """Somebody else is in a transaction over a plan: grants wait for it."""

    def __init__(self, cluster):
        self.psql = subprocess.Popen(
            ["psql", "-q", "-At", cluster.database], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.say("BEGIN; UPDATE plan SET edition = edition; SELECT 'locked';")
        if self.psql.stdout.readline() != "locked\n":
            raise AssertionError("no lock")

    def say(self, text):
        self.psql.stdin.write(text + "\n")
        self.psql.stdin.flush()

    def release(self):
        self.psql.stdin.close()
        self.psql.wait()
        self.psql.stdout.close()


def a_node_stands_still(cluster, short):
    """Frozen between reading its memory and granting: the polls wait in its
    transaction when it stops. Meanwhile their modules are blocked or held at
    another node, and life goes on; when it thaws, what it read counts for
    nothing."""
    seconds, wrong = 8 if short else 30, []
    frozen, other = cluster.nodes[1], Api(cluster.nodes[0])
    numbers = range(500, 508)
    fleet.enrol(other, numbers, model="m2")
    cluster.run_plan("m2", {})
    fleet.until(lambda: frozen.knows(MODULES + len(numbers), 2))
    modules = [Module(frozen, imei(n), model="m2", secure=False)
               for n in numbers]
    for module in modules:
        if module.log_in()[0] != 200:
            wrong.append(f"{module.imei} cannot log in")
    lock, answers = Locked(cluster), {}

    def ask(module):
        answers[module.imei] = module.poll()

    threads = [threading.Thread(target=ask, args=(m,)) for m in modules]
    for thread in threads:
        thread.start()
    waits = ("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
             f"'Lock' AND client_addr = '{frozen.space.address}'")
    fleet.until(lambda: look(cluster.database, waits) != [("0",)])
    os.kill(frozen.process.pid, signal.SIGSTOP)
    begun = time.monotonic()
    lock.release()
    for number, module in enumerate(modules):
        other.must("PATCH", f"modules/{module.imei}",
                   {"state": "held" if number % 2 else "blocked"})
    facts = cluster.witness.facts
    cluster.witness.wait_for(300)
    if cluster.witness.facts < facts + 300:
        wrong.append("the others did not go on")
    time.sleep(max(0, seconds - (time.monotonic() - begun)))
    os.kill(frozen.process.pid, signal.SIGCONT)
    for thread in threads:
        thread.join()
    for module in modules:
        status, answer = answers[module.imei]
        if status == 200:
            wrong.append(f"{module.imei} got {answer} though it may not")
    granted = look(cluster.database, "SELECT imei FROM attempt WHERE imei IN ("
                   + ", ".join(f"'{m.imei}'" for m in modules) + ")")
    if granted:
        wrong.append(f"granted: {granted}")
    fleet.until(frozen.is_ready)
    return wrong


def the_database_restarts(cluster, short):
    rng = random.Random(3)
    for number in range(2 if short else 20):
        cluster.witness.wait_for(rng.randrange(20, 200))
        cluster.postgresql.stop("immediate" if number % 2 else "fast")
        cluster.postgresql.start()
    for node in cluster.nodes:
        fleet.until(node.is_ready)
    return []


def a_cable_is_pulled(cluster, short):
    """No RST, no FIN: a node without its database is not ready, and both a
    node and the database come back by themselves."""
    wrong = []
    for space in (cluster.nodes[2].space, cluster.base):
        space.plug(False)
        if space is cluster.base:
            for node in cluster.nodes:
                fleet.until(lambda: not node.is_ready(), 90)
        else:
            cluster.witness.wait_for(200)
        space.plug(True)
        for node in cluster.nodes:
            fleet.until(node.is_ready, 90)
        cluster.witness.wait_for(100)
    return wrong


def versions_side_by_side(cluster, short):
    """N+1 is put in node by node, each time with N beside it; then one that
    N cannot work beside: it does not start, and the running ones stop."""
    wrong, newer = [], os.path.join(cluster.binary, "dfotad_next")
    for node in cluster.nodes[:2] if short else cluster.nodes:
        cluster.witness.wait_for(100)
        if node.stop() != 0:
            wrong.append("it ended badly")
        node.binary = newer
        node.start()
        fleet.until(node.is_ready)
        cluster.witness.wait_for(100)
    steps = [int(n) for n, in look(
        cluster.database, "SELECT number FROM schema_step ORDER BY number")]
    if steps[-1] != 9000:
        wrong.append(f"steps {steps}")
    last = cluster.nodes[2]
    if short:
        last = cluster.nodes[1]
    last.stop()
    last.environment = {"DFOTA_NEXT_BREAKS": "1"}
    last.start()
    fleet.until(last.is_ready)
    for node in cluster.nodes:
        if node is not last:
            fleet.until(lambda: not node.is_ready())
    cluster.witness.wait_for(100)
    for node in cluster.nodes:
        if node is last:
            continue
        said = node.said()
        if "newer dfotad" not in said:
            wrong.append(f"{said[-300:]}")
        node.stop()
        try:
            node.start()
            wrong.append("an older one started")
        except AssertionError:
            node.errors.close()
        node.binary = newer
        node.environment = last.environment
        node.start()
        fleet.until(node.is_ready)
    cluster.witness.wait_for(100)
    return wrong


class Lwm2mModule:
    """A bg95 that registers at the one address of the servers."""

    def __init__(self, cluster, number):
        self.imei = imei(number)
        self.folder = os.path.join(cluster.root, f"m{number}")
        state = os.path.join(self.folder, "state")
        os.makedirs(state)
        with open(os.path.join(state, "lwm2m.json"), "w") as f:
            json.dump({"security": [{"uri": f"coap://{LWM2M}:{COAP}",
                                     "mode": 3, "short_id": 1}],
                       "server": [{"short_id": 1, "lifetime_s": 12}],
                       "endpoint": "urn:imei:" + self.imei, "protocols": 0},
                      f)
        self.process = subprocess.Popen(
            [*cluster.field.inside, os.path.join(cluster.binary,
                                                 "dfota-module"),
             "--model", "bg95", "--state", state, "--firmware",
             os.path.join(IMAGES, "demo-1.0.0.bin"), "--port",
             f"unix:{self.folder}/line", "--control",
             f"{self.folder}/control", "--cert",
             os.path.join(cluster.root, "key.pub.pem"), "--speed", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        atexit.register(self.process.kill)
        if not self.process.stdout.readline().startswith(b"ready:"):
            raise AssertionError("the module does not start")

    def ask(self, request):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(f"{self.folder}/control")
            s.sendall(request.encode() + b"\n")
            return s.makefile().readline().strip()

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def lead(cluster, node):
    """The address of LwM2M goes to a node; its neighbours hear of it."""
    for other in cluster.nodes:
        words = ["ip", "addr", "add" if other is node else "del",
                 LWM2M + "/24", "dev", "eth0"]
        subprocess.run([*other.space.inside, *words], capture_output=True)
    subprocess.run([*cluster.field.inside, "ip", "neigh", "flush", "all"],
                   check=True)


def modules_of_a_dead_node(cluster, short):
    """They register at one node, which is killed with their jobs in its
    hands; the address goes to another, where they register and end."""
    wrong, numbers = [], range(600, 603 if short else 612)
    one, two, local = cluster.nodes[0], cluster.nodes[1], Api(cluster.nodes[1])
    targets = []
    for version in ("1.0.0", "1.1.0"):
        with open(os.path.join(IMAGES, f"demo-{version}.bin"), "rb") as f:
            targets.append(fleet.upload(cluster.ada, "far", version, f.read(),
                                        **{"class": "bg95"}))
    local.must("POST", "modules/import", {"modules": [
        {"imei": imei(n), "model": "far", "version": "1.0.0",
         "class": "bg95"} for n in numbers]})
    lead(cluster, one)
    modules = [Lwm2mModule(cluster, n) for n in numbers]
    for module in modules:
        fleet.until(lambda: Api(one).call(
            "GET", f"lwm2m/urn:imei:{module.imei}")[0] == 200)
        module.ask("net rtt 200")
    plan = fleet.run_plan(cluster.ada, cluster.bob, targets[1], {
        "transport": ["lwm2m-push"], "attempts": 1}, "far")

    def results():
        return local.must("GET", f"results?plan={plan}")["items"]

    fleet.until(lambda: any(r["state"] == "open" for r in results()))
    one.kill()
    lead(cluster, two)
    cluster.local = local
    for module in modules:
        module.ask("net rtt 0")
    try:
        fleet.until(lambda: len(results()) == len(modules) and all(
            r["state"] != "open" for r in results()), 60 if short else 180)
    except AssertionError:
        wrong += [f"{m.imei}: {local.call('GET', 'lwm2m/urn:imei:' + m.imei)}"
                  for m in modules]
        wrong.append(f"not all ended: {two.said()[-400:]}")
    for result in results():
        if (result["state"], result["version"]) != ("done", "1.1.0"):
            wrong.append(f"{result}")
    moved = sum(r["node"] == "two" for r in results())
    shown = local.must("GET", f"plans/{plan}")
    if (shown["open"], shown["attempts"]["done"]) != (0, len(modules)):
        wrong.append(f"{shown['open']} open, {shown['attempts']}")
    for module in modules:
        if json.loads(module.ask("state"))["version"] != "1.1.0":
            wrong.append(f"{module.imei} is not updated")
        module.close()
    if not moved:
        wrong.append("no job moved")
    one.start()
    fleet.until(one.is_ready)
    return wrong


CASES = {case.__name__: case for case in (
    a_node_is_killed, a_node_stands_still, the_database_restarts,
    modules_of_a_dead_node, a_cable_is_pulled, versions_side_by_side)}


def run(bench):
    """As a suite of load.py, in a process of its own, as that one has to be
    in a namespace."""
    import rows
    programs = os.path.join(HERE, "..", "..", "build", "clients")
    done = subprocess.run([sys.executable, __file__, rows.BIN, programs],
                          stdout=subprocess.PIPE, text=True)
    said = done.stdout.splitlines()
    print("\n".join(said), flush=True)
    rows.row("nodes: killed, frozen, cut off, renewed",
             said[-1] if said else "no answer", "0 wrong",
             done.returncode == 0)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin")
    parser.add_argument("clients")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("case", nargs="*", help=" ".join(CASES))
    a = parser.parse_intermixed_args(argv[1:])
    programs = clients.Clients(a.clients)
    try:
        programs.find("haproxy")
    except clients.Missing as missing:
        print(f"skipped: {missing}")
        return 77
    reason = spaces.enter()
    if reason:
        print(f"skipped: {reason}")
        return 77
    begun = time.monotonic()
    cluster, wrong = Cluster(a.bin, programs), []
    # what takes half a minute of waiting is not for the gate
    short = [name for name, case in CASES.items()
             if case not in (a_cable_is_pulled, modules_of_a_dead_node)]
    for name in a.case or (short if a.short else CASES):
        before, facts = time.monotonic(), cluster.witness.facts
        found = CASES[name](cluster, a.short)
        wrong += found
        print(f"{name}: {cluster.witness.facts - facts} facts in "
              f"{time.monotonic() - before:.1f} s, {len(found)} wrong",
              flush=True)
        for line in found:
            print("   " + line, flush=True)
        if cluster.witness.problems:
            break
    wrong += cluster.end("three nodes", late=True)
    print(f"nodes: {len(wrong)} wrong in {time.monotonic() - begun:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
