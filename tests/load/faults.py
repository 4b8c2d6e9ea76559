#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dfotad on bad disks, killed, and with its database taken away, while modules
ask and report: no answer that was given may be lost or doubled.

Usage: faults.py BIN [--short] [CASE]..

BIN has dfotad and fault_shim.so. --short is what the gate runs.
"""
import argparse
import atexit
import errno
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "interop")]
import fleet  # noqa: E402
from bad_disk import BadDisk  # noqa: E402
from fleet import Api, Node, Postgresql, imei  # noqa: E402
from witness import Witness, look  # noqa: E402

MODULES, CONCURRENCY = 160, 40


class Faults:
    """A server with a running plan, modules that write everything down, and
    something that goes wrong."""

    def __init__(self, binary, database=None, disk=False, between=None):
        """between: called with the database's path while nobody runs"""
        self.bin, self.between = binary, between
        self.root = tempfile.mkdtemp(prefix="dfota-faults-")
        key, _ = fleet.key_pair(self.root)
        data = os.path.join(self.root, "one")
        self.disk = None
        if disk:
            self.disk = BadDisk(os.path.join(self.root, "disk"),
                                os.path.join(binary, "fault_shim.so"),
                                os.path.join(data, "dfotad.db"))
        self.node = BadNode(self.disk, os.path.join(binary, "dfotad"),
                            self.root, "--signing-key", key,
                            "--device-api-plain", database=database)
        self.database = database or os.path.join(data, "dfotad.db")
        self._begin(range(1, 1 + MODULES))

    def _begin(self, numbers):
        local = Api(self.node)
        ada, bob = (local.person(n, "approver") for n in ("ada", "bob"))
        fleet.enrol(local, numbers)
        old, new = fleet.images(2, 3000)
        fleet.upload(ada, "m1", "1.0", old)
        target = fleet.upload(ada, "m1", "1.1", new)
        self.plan = fleet.run_plan(ada, bob, target, {
            "attempts": 100, "concurrency": CONCURRENCY, "no_retry": []})
        self.witness = Witness(
            lambda: ("127.0.0.1", int(self.node.ports["http"])),
            [imei(n) for n in numbers], concurrency=CONCURRENCY)
        if self.disk or self.between:
            self.node.kill()
            if self.between:
                self.between(self.database)
            if self.disk:
                self.disk.all_is_synced()
            self.node.start()
        self.witness.start()

    def end(self, what, others=()):
        """All calls are answered; count. returns what is wrong."""
        self.witness.finish()
        Api(self.node).must("GET", "verify")
        wrong = self.witness.check(self.database, self.plan,
                                   others=others)
        code = self.node.stop()
        if code != 0:
            wrong.append(f"dfotad ended with {code}")
        print(f"{what}: {self.witness.facts} facts acknowledged, "
              f"{len(wrong)} wrong", flush=True)
        for line in wrong[:10]:
            print("   " + line, flush=True)
        if not wrong:
            shutil.rmtree(self.root, ignore_errors=True)
        return wrong


class BadNode(Node):
    """One whose disk and clock are as a BadDisk says."""

    def __init__(self, disk, *args, **more):
        self.disk = disk
        super().__init__(*args, **more)

    def start(self):
        before = dict(os.environ)
        if self.disk:
            os.environ.update(self.disk.environment)
        try:
            super().start()
            atexit.register(self.process.kill)
        finally:
            os.environ.clear()
            os.environ.update(before)


# ---- the cases: each returns what is wrong ----

def killed(faults, times, rng, restarted=lambda: None):
    """kill -9 at any moment, some of them while it starts."""
    for _ in range(times):
        faults.witness.wait_for(rng.randrange(1, 120))
        if faults.witness.problems:
            break
        time.sleep(rng.random() * 0.01)  # not always right behind an answer
        faults.node.kill()
        restarted()
        faults.node.start()


def kill_9(binary, short):
    faults = Faults(binary)
    killed(faults, 8 if short else 200, random.Random(1))
    return faults.end(f"kill -9, {8 if short else 200} times, SQLite")


def kill_9_pgsql(binary, short):
    times = 3 if short else 200
    with Postgresql() as database:
        faults = Faults(binary, database.url)
        killed(faults, times, random.Random(2))
        return faults.end(f"kill -9, {times} times, PostgreSQL")


def power_cuts(binary, short):
    """The disk keeps what was synced, and any part of what was not."""
    times, rng, lost = 8 if short else 200, random.Random(3), 0
    faults = Faults(binary, disk=True)

    def cut():
        nonlocal lost
        lost += faults.disk.cut(rng)

    killed(faults, times, rng, cut)
    wrong = faults.end(f"power cut, {times} times, {lost} writes lost")
    return wrong if lost else wrong + ["no cut lost anything"]


def forgotten_sync(binary, short):
    """A disk that only says it synced: facts must be missing, or these tests
    see nothing."""
    faults, rng = Faults(binary, disk=True), random.Random(4)
    faults.disk.set(forget_sync=1)
    for _ in range(5):
        faults.witness.wait_for(200)
        faults.node.kill()
        faults.disk.cut(rng)
        try:
            faults.node.start()
        except AssertionError:  # not even a database
            break
        if faults.witness.problems:
            break
    faults.witness.stopping = True
    found = faults.witness.problems
    if faults.node.process.poll() is None:
        faults.witness.finish()
        found = faults.witness.check(faults.database, faults.plan)
        faults.node.kill()
    else:
        found = ["it did not start"]
    faults.witness.problems.append("over")
    shutil.rmtree(faults.root, ignore_errors=True)
    print(f"a disk that forgets: {len(found)} found missing, as has to be",
          flush=True)
    return [] if found else ["a disk that forgets was not noticed"]


def bad_disk(binary, short):
    """EIO and ENOSPC in a write or a sync, at any of them: the process ends
    with 1, or refuses and goes on. The next start is as before, but there is
    none as long as syncs fail."""
    rng, ends, rounds = random.Random(5), 0, 1 if short else 8
    faults, wrong = Faults(binary, disk=True), []
    kinds = [(name, error) for name in ("sync", "write")
             for error in (errno.EIO, errno.ENOSPC)] * rounds
    for name, error in kinds:
        faults.witness.wait_for(20)
        faults.disk.set(**{f"{name}_errno": error, "failures": 0,
                           f"{name}_skip": rng.randrange(0, 30)})
        full = name == "write" and error == errno.ENOSPC
        fleet.until(lambda: faults.disk.get("failures") or
                    faults.node.process.poll() is not None)
        if full:  # refuses, and takes facts again when there is room
            facts = faults.witness.facts
            time.sleep(0.05)
            if faults.node.process.poll() is None:
                faults.disk.quiet()
                fleet.until(lambda: faults.witness.facts > facts)
                continue
        try:
            code = faults.node.process.wait(timeout=30)
        except Exception:
            wrong.append(f"{name} {errno.errorcode[error]}: it goes on")
            code = 1
        ends += 1
        if code != 1:
            wrong.append(f"{name} {errno.errorcode[error]}: ended with {code}"
                         f" {faults.node.said()[-500:]}")
        faults.node.kill()
        if name == "sync":  # it must put the log back first, and cannot
            faults.disk.set(sync_skip=0)
            try:
                faults.node.start()
                wrong.append("it started on a disk that does not sync")
            except AssertionError:
                faults.node.kill()
        faults.disk.quiet()
        faults.disk.cut(rng)
        faults.node.start()
    wrong += faults.end(f"{len(kinds)} failed writes and syncs, {ends} ends")
    return wrong


def full_disk(binary, short):
    """Below 5 %: facts are refused with 880 and 503, packages served."""
    faults, wrong = Faults(binary, disk=True), []
    faults.witness.wait_for(100)
    module = fleet.Module(faults.node, imei(1), secure=False)
    story = faults.witness.stories[0]
    fleet.until(lambda: story.access)
    module.access = story.access
    local, before = Api(faults.node), faults.node.said()
    free = fleet.imei(900)
    fleet.enrol(local, [900])
    other = fleet.Module(faults.node, free, secure=False)
    other.log_in()
    fleet.until(lambda: other.poll()[0] == 200)
    grant = other.poll()[1]
    faults.disk.set(free_percent=4)
    fleet.until(lambda: other.poll()[0] == 503)
    status, answer = other.report(grant, http_err=0)
    if (status, answer["code"]) != (503, 880):
        wrong.append(f"a report is answered {status} {answer}")
    if "Retry-After" not in other.headers:
        wrong.append("no Retry-After")
    if other.load(grant["url"])[0] != 200:
        wrong.append("no package")
    facts = faults.witness.facts
    faults.disk.set(free_percent=50)
    fleet.until(lambda: faults.witness.facts > facts)
    fleet.until(lambda: other.report(grant, update_err=504)[0] == 200)
    if faults.node.said()[len(before):].count("almost full") != 1:
        wrong.append("it is not said once")
    (state,), = look(faults.database, "SELECT state FROM attempt WHERE imei "
                     f"= '{free}'")
    if state != "failed":
        wrong.append(f"the report after it: {state}")
    return wrong + faults.end("a disk that is almost full", {free})


GRANTS = "SELECT count(*) FROM attempt"


def bad_clock(binary, short):
    """A node whose clock is 6 s off the database's grants nothing."""
    wrong = []
    with Postgresql() as database:
        faults = Faults(binary, database.url, disk=True)
        faults.witness.wait_for(50)
        for offset in (6, -6):
            faults.disk.set(wall_offset_s=offset)
            fleet.until(lambda: faults.node.admin("/ready")[0] == 503)
            faults.witness.wait_for_answers()  # to what was on its way
            grants = look(faults.database, GRANTS)
            time.sleep(0.3)  # the time in which nothing may happen
            if look(faults.database, GRANTS) != grants:
                wrong.append(f"granted with a clock {offset} s off")
            faults.disk.set(wall_offset_s=0)
            fleet.until(lambda: faults.node.admin("/ready")[0] == 200)
            faults.witness.wait_for(20)
        told = look(faults.database, "SELECT action FROM audit WHERE object = "
                    "'clock' ORDER BY number")
        if told != [("clock.off",), ("clock.on",)] * 2:
            wrong.append(f"the audit log: {told}")
        return wrong + faults.end("a clock off the database's")


def database_restarted(binary, short):
    """PostgreSQL stops, fast or as by a crash, and comes back."""
    times, rng = 2 if short else 20, random.Random(6)
    with Postgresql() as database:
        faults = Faults(binary, database.url)
        for number in range(times):
            faults.witness.wait_for(rng.randrange(20, 300))
            database.stop("immediate" if number % 2 else "fast")
            database.start()
        if not short:
            told_while_away(faults, database)
        return faults.end(f"PostgreSQL restarted {times} times")


def told_while_away(faults, database):
    """The database is away for longer than anything waits for it: facts are
    refused, and what a module told of itself is written when it is back."""
    fleet.enrol(Api(faults.node), [901], model="other")
    module = fleet.Module(faults.node, imei(901), model="other",
                          version="7.7", secure=False)
    fleet.until(lambda: module.log_in()[0] == 200)
    database.stop("fast")
    if module.poll()[0] == 503 and "Retry-After" not in module.headers:
        faults.witness.wrong("no Retry-After")
    fleet.until(lambda: "not written yet" in faults.node.said())
    database.start()
    fleet.until(lambda: look(faults.database, "SELECT version FROM module "
                             f"WHERE imei = '{module.imei}'") == [("7.7",)])


CASES = {case.__name__: case for case in (
    kill_9, kill_9_pgsql, power_cuts, forgotten_sync, bad_disk, full_disk,
    bad_clock, database_restarted)}


def run(bench):
    """As a suite of load.py, in a process of its own."""
    import rows
    for name in CASES:
        done = subprocess.run([sys.executable, __file__, rows.BIN, name],
                              stdout=subprocess.PIPE, text=True)
        said = done.stdout.splitlines()
        print("\n".join(said[:-1]), flush=True)
        rows.row("faults: " + name.replace("_", " "),
                 said[0].split(": ")[-1] if said else "no answer",
                 "0 wrong", done.returncode == 0)


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("case", nargs="*", help=" ".join(CASES))
    a = parser.parse_intermixed_args(argv[1:])
    failed = []
    for name in a.case or CASES:
        wrong = CASES[name](a.bin, a.short)
        print(*(f"{name}: {text}\n" for text in wrong), sep="", end="")
        if wrong:
            failed.append(name)
    print(f"faults: {len(failed)} failed {' '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
