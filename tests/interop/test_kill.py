#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Power cuts at random instants: SIGKILL, start again, and what the module
then says is what docs/modules/<dialect>.md says for that stage.

usage: test_kill.py MODULE DFOTA [--runs N] [--seed N] [DIALECT..]

The instants are spread over the whole of an update, from the trigger to the
banner of the new version. A run that fails prints its number; the same
--seed kills at the same fractions again.
"""

import argparse
import concurrent.futures
import pathlib
import random
import re
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from module_rig import DIALECTS, Dead, Module, Rig  # noqa: E402

SPEED = "50"
NEAR = 6  # percent: a stage may have ended behind the last value printed


def parse(lines):
    """[(stage, number)] of the update's URCs; the resume banner is LAST."""
    found = []
    for line in lines:
        match = re.fullmatch(
            r'\+QIND: "(?:SB)?FOTA","([A-Za-z_]+)[^"]*"(?:,\s*(\d+)%?)?', line)
        if match and match.group(1) not in ("polling_time", "POLLING",
                                            "report_result"):
            stage = "LAST" if match.group(1) == "Last" else match.group(1)
            found.append((stage, int(match.group(2) or 0)))
    return found


def counts(stages, word, rule):
    """The values of one percentage are all there, in order."""
    values = [n for stage, n in stages if stage == word]
    want = list(range(rule["first"], 101, rule["step"]))
    if want[-1] != 100:
        want.append(100)
    return values == want


class Rule:
    """What may follow a cut, by the dialect's tables."""

    def __init__(self, tables):
        self.power = tables["power"]
        self.words = (tables["polling"] or tables)["words"]

    def resumed(self, stages):
        """START, UPDATING.., END; or the banner, RESTORE.., END."""
        if not stages or stages[-1] != ("END", 0):
            return False
        if self.words["restore"]["step"]:
            return (stages[0][0] == "LAST" and
                    counts(stages, "RESTORE", self.words["restore_resumed"]))
        return (stages[0][0] == "START" and
                counts(stages, "UPDATING", self.words["updating"]))

    def allowed(self, before):
        """Of "old" (silent, old version), "new" (silent, new version) and
        "resumed"."""
        last, number = before[-1] if before else ("", 0)
        forced = self.power["forced_upgrade"]
        if last == "END":
            return {"new"}
        if last == "RESTORE":
            return {"resumed"}
        if last == "UPDATING" and forced:
            return {"resumed"}
        if last == "UPDATING" and self.words["restore"]["step"]:
            near = number + NEAR >= 100
            return {"old", "resumed"} if near else {"old"}
        if last == "UPDATING":  # half of it is the way into the backup
            near = abs(number - 50) <= NEAR
            return ({"old", "resumed"} if near
                    else {"old"} if number < 50 else {"resumed"})
        if last == "RESETTING":
            return {"resumed"}
        if last == "START" or (last in ("HTTPEND", "COAPEND") and forced):
            return {"old", "resumed"}
        return {"old"}


def boot(module):
    """The URCs of a boot until the module stands, and its version."""
    seen = []
    while True:
        state = module.state()
        while (line := module.next(0.02)) is not None:
            seen.append(line)
        if state["power"] == "on" and state["registered"]:
            break
    while (line := module.next(0.05)) is not None:
        seen.append(line)
    return parse(seen), module.state()["version"]


def collect_until(module, instant):
    seen = []
    while (left := instant - time.monotonic()) > 0:
        line = module.next(left)
        if line is not None:
            seen.append(line)
    return seen


def measure(rig, dialect, folder):
    """Seconds from the trigger to the new version's banner."""
    module = Module(rig, dialect, folder, "--speed", SPEED)
    module.wait_for("registered", True)
    begin = time.monotonic()
    module.trigger()
    module.until('"END",0$')
    module.wait_for("version", "1.1.0")
    module.close()
    return time.monotonic() - begin


def one_run(rig, dialect, folder, instant_s):
    module = Module(rig, dialect, folder, "--speed", SPEED)
    try:
        module.wait_for("registered", True)
        begin = time.monotonic()
        module.trigger()
        seen = collect_until(module, begin + instant_s)
        seen += module.kill()
    except Dead:
        return f"died by itself\n{module.process.returncode}"
    finally:
        module.close()
    before = parse(seen)
    module = Module(rig, dialect, folder, "--speed", SPEED)
    try:
        after, version = boot(module)
    finally:
        module.close()
    rule = Rule(module.tables)
    if rule.resumed(after) and version == "1.1.0":
        what = "resumed"
    elif not after and version in ("1.0.0", "1.1.0"):
        what = "old" if version == "1.0.0" else "new"
    else:
        what = f"version {version}, {after[:3]} .. {after[-3:]}"
    # Before the server has answered, the next start asks again.
    if not before and after[:1] == [("HTTPSTART", 0)]:
        return None
    if what in rule.allowed(before):
        return None
    return f"cut after {before[-2:]}: {what}, allowed {rule.allowed(before)}"


def run_dialect(rig, dialect, folder, runs, seed):
    """Returns the failures."""
    rng = random.Random(f"{seed} {dialect}")
    whole = measure(rig, dialect, folder / "measured")
    failures = []
    for i in range(runs):
        why = one_run(rig, dialect, folder / str(i), rng.random() * whole)
        shutil.rmtree(folder / str(i))  # flash is 20 MB a module
        if why:
            failures.append(f"{dialect} run {i}: {why}")
            print(failures[-1], flush=True)
    print(f"{dialect}: {runs} cuts over {whole:.2f} s, "
          f"{len(failures)} against the rule", flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module")
    parser.add_argument("dfota")
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("dialects", nargs="*", default=DIALECTS)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dfota-kill-") as kept:
        folder = pathlib.Path(kept)
        rig = Rig(folder, a.module, a.dfota)
        with concurrent.futures.ThreadPoolExecutor(len(a.dialects)) as pool:
            jobs = [pool.submit(run_dialect, rig, d, folder / d, a.runs,
                                a.seed) for d in a.dialects]
            failures = [why for job in jobs for why in job.result()]
        rig.stop()
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
