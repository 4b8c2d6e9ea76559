#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A fleet of 100 000 modules is copied while it works: a backup under load is
a data folder that starts, the move to PostgreSQL leaves nothing behind.

Usage: copies.py BIN [--modules N]
"""
import argparse
import os
import sqlite3
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "interop")]
import fleet  # noqa: E402
from faults import Faults  # noqa: E402
from fleet import Api, Node, Postgresql  # noqa: E402
from witness import look  # noqa: E402

NOT_MOVED = {"claim", "schema_step"}  # a node's own, and the steps' own


def fill(path, modules):
    """As a fleet that works since a while: behind the server's back, since
    enrolling is not what is looked at here."""
    with sqlite3.connect(path, timeout=60) as db:
        db.executemany(
            "INSERT INTO module (tenant, imei, name, model, version, class, "
            "grp, tags, state, updates, created) VALUES (1, ?, ?, 'many', "
            "'1.0', '', 'group', 'a b', 'active', 0, 1700000000)",
            ((n, n) for n in (f"86{k:013d}" for k in range(modules))))
        db.executemany(
            "INSERT INTO refresh (hash, module, family, issued, expires, "
            "replaced) SELECT ?, max(id), ?, 1700000000, 2700000000, 0 "
            "FROM module", ((f"{k:064x}", f"f{k}")
                            for k in range(modules // 10)))


def tables(path):
    """How many rows each table has."""
    names = [name for (name,) in look(path, "SELECT name FROM sqlite_master "
                                      "WHERE type = 'table' AND name NOT LIKE "
                                      "'sqlite%'")]
    return {name: int(look(path, f"SELECT count(*) FROM {name}")[0][0])
            for name in names}


def told(witness):
    """What the modules know for certain at this moment."""
    return {attempt: dict(said) for story in witness.stories
            for attempt, said in list(story.said.items())}


def backup(faults, wrong):
    copy = os.path.join(faults.root, "copy")
    faults.witness.wait_for(200)
    before, facts, begun = told(faults.witness), faults.witness.facts, \
        time.monotonic()
    done = subprocess.run(
        [os.path.join(faults.bin, "dfotactl"), "--data", faults.node.data,
         "backup", "--folder", copy], capture_output=True, text=True)
    seconds = time.monotonic() - begun
    if done.returncode != 0:
        wrong.append(f"backup: {done.stderr}")
        return
    during = faults.witness.facts - facts
    log = os.path.getsize(os.path.join(faults.node.data, "dfotad.db-wal"))
    fleet.until(lambda: os.path.getsize(os.path.join(
        faults.node.data, "dfotad.db-wal")) < 64 << 20, 10)
    kept = {row[0]: row[1] for row in look(
        os.path.join(copy, "dfotad.db"), "SELECT id, state FROM attempt")}
    for attempt, said in before.items():
        if attempt not in kept:
            wrong.append(f"{attempt} is not in the copy")
        elif said["state"] != "open" and kept[attempt] != said["state"]:
            wrong.append(f"{attempt}: {kept[attempt]}, told {said['state']}")
    print(f"backup in {seconds:.2f} s, {during} facts meanwhile, "
          f"{len(before)} attempts from before in it, log "
          f"{log / 1e6:.1f} MB", flush=True)
    node = Node(os.path.join(faults.bin, "dfotad"), faults.root,
                "--signing-key", os.path.join(faults.root, "key.pem"),
                name="copy")
    Api(node).must("GET", "verify")
    if node.stop() != 0:
        wrong.append("the copy ended badly")


def move(faults, database, wrong):
    """The server stops; its modules wait."""
    path = os.path.join(faults.node.data, "dfotad.db")
    if faults.node.stop() != 0:
        wrong.append("it ended badly")
    begun = time.monotonic()
    done = subprocess.run(
        [os.path.join(faults.bin, "dfotad"), "--data", faults.node.data,
         "--migrate-to", database.url], capture_output=True, text=True)
    seconds = time.monotonic() - begun
    if done.returncode != 0:
        wrong.append(f"migrate: {done.stdout}{done.stderr}")
        return
    here = tables(path)
    for name, count in here.items():
        if name in NOT_MOVED:
            continue
        (there,), = look(database.url, f"SELECT count(*) FROM {name}")
        if int(there) != count:
            wrong.append(f"{name}: {count} rows, {there} arrived")
    print(f"{sum(here.values())} rows of {len(here)} tables to PostgreSQL in "
          f"{seconds:.1f} s", flush=True)
    faults.node.args += ["--database", database.url]
    faults.node.start()
    faults.database = database.url
    faults.witness.wait_for(200)


def run(bench):
    """As a suite of load.py, in a process of its own."""
    import rows
    done = subprocess.run([sys.executable, __file__, rows.BIN],
                          stdout=subprocess.PIPE, text=True)
    said = done.stdout.splitlines()
    print("\n".join(said), flush=True)
    rows.row("100 000 modules copied while they work",
             said[-1] if said else "no answer", "0 wrong",
             done.returncode == 0)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin")
    parser.add_argument("--modules", type=int, default=100000)
    a = parser.parse_args(argv[1:])
    wrong = []
    faults = Faults(a.bin, between=lambda path: fill(path, a.modules))
    with Postgresql() as database:
        backup(faults, wrong)
        move(faults, database, wrong)
        wrong += faults.end(f"{a.modules} modules")
    for line in wrong:
        print("   " + line)
    print(f"copies: {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
