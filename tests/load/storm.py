# SPDX-License-Identifier: Apache-2.0
"""A minute of polls of a fleet of a million over kept connections, and new
TLS connections beside it, each with a token and a poll."""
import base64
import hashlib
import hmac
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time

import rows
from rows import (Api, Module, Node, cpu_of, fleet, get, login_of, poll_of,
                  row, rss_of, script, tool)

FLEET, KEPT, ENROLLED = 1_000_000, 200, 2000
SECONDS, POLLS, NEW = 60, 3500, 800


def make_database(path):
    """A database of a million, as a first start leaves it, but filled behind
    the server's back: enrolling them is not what is measured."""
    with sqlite3.connect(path) as db:
        db.executemany(
            "INSERT INTO module (tenant, imei, name, model, version, class, "
            "grp, tags, state, updates, created) VALUES (1, ?, ?, 'storm', "
            "'1.0', '', '', '', 'active', 0, 0)",
            ((number, number) for number in
             (f"36{n:013d}" for n in range(FLEET))))
        return db.execute("SELECT id, secret FROM secret_key WHERE kind = "
                          "'token' ORDER BY id DESC LIMIT 1").fetchone()


def token_of(key, number):
    """An access token as the server would sign it."""
    text = f"{key[0]}.1.{number}.pr.{int(time.time()) + 3600}"
    mac = hmac.new(bytes.fromhex(key[1]), text.encode(),
                   hashlib.sha256).digest()[:16]
    return text + "." + base64.urlsafe_b64encode(mac).decode().rstrip("=")


def kept_polls(root, key):
    requests = []
    for n in range(0, FLEET, FLEET // KEPT):
        number = f"36{n:013d}"
        requests.append(get(
            f"/fota/v1/plan?imei={number}&model=storm&version=1.0"
            "&battery=80&rssi=-70",
            "Authorization: Bearer " + token_of(key, number)))
    return script(os.path.join(root, "kept"), requests)


def new_connections(root, node):
    fleet.enrol(Api(node), range(ENROLLED), model="storm")
    requests = []
    for n in range(ENROLLED):
        module = Module(node, fleet.imei(n), "storm")
        requests += [login_of(module), poll_of(module, "@TOKEN@")]
    return script(os.path.join(root, "new"), requests)


def the_storm(node, kept, new):
    """Both at once."""
    words = ["storm", node.ports["http"], kept, SECONDS, 404, POLLS]
    beside = ["tls_load", node.ports["https"], new, "--each", 2, "--status",
              "200,404", "--count", NEW * SECONDS, "--rate", NEW,
              "--threads", 200, "--tls12"]
    running = [subprocess.Popen(
        [os.path.join(rows.BIN, w[0]), *map(str, w[1:])], text=True,
        stdout=subprocess.PIPE) for w in (words, beside)]
    return [json.loads(p.communicate()[0]) for p in running]


def rows_of(polls, new, used):
    cores = os.cpu_count()
    late = polls["per_second"] < 0.97 * POLLS or \
        new["per_second"] < 0.97 * NEW
    # what the server used for all of it, as if it had come in a minute
    needed = used / SECONDS
    row(f"storm: {POLLS} polls/s of {FLEET} modules, {SECONDS} s",
        f"{polls['per_second']:.0f}/s, 99 % in {polls['p99_ms']:.0f} ms",
        f">= {POLLS}/s", "cpu" if late and needed < cores else not late)
    row(f"storm: {NEW} new TLS connections/s beside it",
        f"{new['per_second']:.0f}/s, 99 % in {new['p99_ms']:.0f} ms",
        f">= {NEW}/s", "cpu" if late and needed < cores else not late)
    row("storm: processors that the server used", f"{needed:.2f}",
        f"< {cores}", needed < cores)
    wrong = polls["wrong"] + new["wrong"]
    row("storm: answers wrong or lost",
        f"{wrong} of {polls['answers'] + 2 * new['connections']}", "0",
        wrong == 0)


def run(_):
    root = tempfile.mkdtemp(prefix="dfota-storm-")
    node = Node(os.path.join(rows.BIN, "dfotad"), root, "--device-api-plain")
    node.stop()
    key = make_database(os.path.join(node.data, "dfotad.db"))
    begun = time.perf_counter()
    node.start()
    row(f"start with {FLEET} modules", f"{time.perf_counter() - begun:.1f} s",
        "", True)
    kept, new = kept_polls(root, key), new_connections(root, node)
    pid = node.process.pid
    before = cpu_of(pid)
    figures = tool("storm", node.ports["http"], kept, 5, 404)
    each = (cpu_of(pid) - before) / figures["answers"] * 1e6
    row("polls as fast as they go, 200 kept connections",
        f"{figures['per_second']:.0f}/s, {each:.1f} us each", ">= 3500/s",
        rows.pace(figures["per_second"], each, POLLS))
    before = cpu_of(pid)
    polls, fresh = the_storm(node, kept, new)
    rows_of(polls, fresh, cpu_of(pid) - before)
    memory = rss_of(pid) / (1 << 20)
    row(f"memory with {FLEET} modules, after it", f"{memory:.0f} MB",
        "< 400 MB", memory < 400)
    node.stop()
    shutil.rmtree(root)
