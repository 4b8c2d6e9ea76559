#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A month of plans on a virtual clock, against a model of its own.

Usage: month.py DRIVER [--modules N] [--postgresql]

DRIVER is the program of month.c: dfotad's database, memory, grants and rounds
of upkeep without sockets. The model below was written from docs/plans.md and
docs/device-api.md; every call of every module has to be answered as it says,
and every count of the plans at the end has to be its count. From 3000 modules
on, what `plan preview` forecasts has to come within 5 % of what happened.

The month is that of 2028 with the 29th of February and both changes to summer
time.
"""
import argparse
import datetime
import heapq
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zoneinfo

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
from with_postgresql import Postgresql  # noqa: E402

MINUTE, HOUR, DAY = 60, 3600, 86400
TICK = 900
BEGIN = int(datetime.datetime(2028, 2, 26,
                              tzinfo=datetime.timezone.utc).timestamp())
UNSAID = 1000
(SUCCEEDS, BREAKS_OFF, FAILS, IS_SILENT, ASKS_AGAIN, FORGETS, IS_LATE,
 DOES_NOT_FIT, REPEATS, STALLS) = range(10)
POLLS, POLLS_AGAIN, LOADED, ENDS, ENDS_AGAIN, ENDS_OTHERWISE = range(6)
OLD, NEW = "1.0", "1.1"


class Poll:
    """What a module does at one of its polls."""

    def __init__(self, module, at, battery, rssi, outcome, first, second):
        self.module, self.at = module, at
        self.battery, self.rssi = battery, rssi
        self.outcome, self.first, self.second = outcome, first, second
        self.attempt = None

    def line(self):
        return (f"poll {self.module} {self.at} {self.battery} {self.rssi} "
                f"{self.outcome} {self.first} {self.second}")


class Attempt:
    def __init__(self, module, plan, stage, at):
        self.module, self.plan, self.stage, self.granted = (module, plan,
                                                            stage, at)
        self.state, self.loaded = "open", False
        self.deadline = at + plan.download
        self.again_at = 0
        self.said = None


def duration(text):
    return int(text[:-1]) * {"s": 1, "m": MINUTE, "h": HOUR,
                             "d": DAY}[text[-1]]


class Plan:
    def __init__(self, number, model, spec):
        self.number, self.model, self.spec = number, model, spec
        self.state, self.stage, self.since = "running", 0, BEGIN
        self.attempts, self.tries = [], {}
        self.taken = 0
        self.open = 0
        self.pace_period, self.paced = None, 0
        self.download = duration(spec.get("download", "24h"))
        self.update = duration(spec.get("update", "16d"))
        window = spec.get("window")
        if window:
            self.zone = zoneinfo.ZoneInfo(window.get("zone", "UTC"))
            self.day = [int(t[:2]) * 60 + int(t[3:])
                        for t in (window["from"], window["to"])]
        self.start = 0
        if "start" in spec:
            self.start = int(datetime.datetime.strptime(
                spec["start"], "%Y-%m-%dT%H:%M:%SZ").replace(
                    tzinfo=datetime.timezone.utc).timestamp())

    def is_open(self, now):
        if now < self.start:
            return False
        if "window" not in self.spec:
            return True
        local = datetime.datetime.fromtimestamp(now, self.zone)
        minute = local.hour * 60 + local.minute
        begin, end = self.day
        if begin < end:
            return begin <= minute < end
        return minute >= begin or minute < end

    def stage_now(self):
        stages = self.spec.get("stages", [])
        return stages[self.stage] if self.stage < len(stages) else {}

    def again_after(self, number):
        """None: never."""
        text = self.spec.get("retry", {}).get(str(number))
        if text == "never":
            return None
        if text:
            return duration(text)
        return None if number in self.spec.get("no_retry", [511]) else 0

    def counts(self, stage=None):
        found = {"open": 0, "done": 0, "failed": 0, "lost": 0, "stopped": 0}
        for attempt in self.attempts:
            if stage is None or attempt.stage == stage:
                found[attempt.state] += 1
        return found


class Model:
    """dfotad, as its pages describe it."""

    def __init__(self, plans, modules, places):
        self.plans = sorted(plans, key=lambda p: (
            -p.spec.get("priority", 0), p.number))
        self.modules = modules  # number: [model, version, group]
        self.places = places
        self.opened = {}  # module: its open attempt
        self.notes = set()

    def close(self, attempt, state):
        attempt.state = state
        attempt.plan.open -= 1
        del self.opened[attempt.module]

    def fail(self, attempt, number, now):
        after = attempt.plan.again_after(number)
        if after is None:
            attempt.again_at = float("inf")
        elif after:
            attempt.again_at = now + after
        self.close(attempt, "lost" if number == "lost" else "failed")

    # the checks of a plan, in their order; 0: it may have it
    def refusal(self, plan, number, poll, now):
        model, version, group = self.modules[number]
        spec, stage = plan.spec, plan.stage_now()
        select = spec.get("select", {})
        tries = plan.tries.get(number, [])
        if plan.state != "running" or model != plan.model or version == NEW \
                or group not in select.get("groups", [group]):
            return 802
        if "percent" in stage and self.places[plan.number, number] >= \
                stage["percent"] * 100:
            return 802
        if sum(a.state != "stopped" for a in tries) >= spec.get("attempts", 3):
            return 802
        if any(now < a.again_at for a in tries):
            return 802
        if not plan.is_open(now):
            return 806
        if "battery" in spec and (poll.battery == UNSAID or
                                  poll.battery < spec["battery"]):
            return 804
        if "signal" in spec and poll.rssi < spec["signal"]:
            return 805
        if plan.open >= spec.get("concurrency", 1000):
            return 807
        if "count" in stage and not tries and plan.taken >= stage["count"]:
            return 807
        if "pace" in spec:
            period = now // duration(spec["pace"]["per"])
            if period == plan.pace_period and \
                    plan.paced >= spec["pace"]["grants"]:
                return 807
        return 0

    def grant(self, plan, number, now):
        tries = plan.tries.setdefault(number, [])
        plan.taken += not tries
        plan.open += 1
        if "pace" in plan.spec:
            period = now // duration(plan.spec["pace"]["per"])
            if period != plan.pace_period:
                plan.pace_period, plan.paced = period, 0
            plan.paced += 1
        attempt = Attempt(number, plan, plan.stage, now)
        tries.append(attempt)
        plan.attempts.append(attempt)
        self.opened[number] = attempt
        return attempt

    def poll(self, number, poll, now):
        """The number it hears, and the attempt with 0."""
        attempt = self.opened.get(number)
        if attempt:
            if self.modules[number][1] == NEW:
                self.close(attempt, "done")
            elif attempt.plan.state != "running":
                self.close(attempt, "stopped")
                return 808, None
            elif now >= attempt.deadline:
                self.fail(attempt, "lost", now)
            elif attempt.loaded:
                return 800, None
            else:
                return 0, attempt
        first = 802
        for plan in self.plans:
            code = self.refusal(plan, number, poll, now)
            if code == 0:
                return 0, self.grant(plan, number, now)
            if first == 802:
                first = code
        return first, None

    def report(self, attempt, http, update, version, now):
        said = (http, update, version)
        if attempt.state == "open":
            attempt.said = said
            if http:
                self.fail(attempt, http, now)
            elif update is None:
                attempt.loaded = True
                attempt.deadline = now + attempt.plan.update
            elif update:
                self.fail(attempt, update, now)
            else:
                self.close(attempt, "done" if version == NEW else "failed")
        elif said != attempt.said:
            self.notes.add((attempt, said))
            if attempt.state == "lost" and (http or update is not None):
                attempt.said = said
                attempt.state = "done" if not http and update == 0 and \
                    version == NEW else "failed"

    def round(self, now):
        for attempt in [a for a in self.opened.values() if a.deadline <= now]:
            self.fail(attempt, "lost", now)
        for plan in sorted(self.plans, key=lambda p: p.number):
            if plan.state == "running":
                self.look_at(plan, now)

    def look_at(self, plan, now):
        for rule in plan.spec.get("abort", []):
            found = plan.counts(plan.stage if rule.get("of") == "stage"
                                else None)
            closed = found["done"] + found["failed"] + found["lost"]
            kind = rule.get("kind", "any")
            bad = sum(found[k] for k in ("failed", "lost")
                      if kind in (k, "any"))
            if closed >= rule.get("minimum", 1) and \
                    bad * 100 >= closed * rule["percent"]:
                plan.state = "aborted"
                return
        stages = plan.spec.get("stages", [])
        if plan.stage + 1 >= len(stages):
            return
        stage, found = stages[plan.stage], plan.counts(plan.stage)
        closed = found["done"] + found["failed"] + found["lost"]
        if closed >= stage.get("minimum", 1) and \
                now >= plan.since + duration(stage.get("soak", "0s")) and \
                found["done"] * 100 >= closed * stage.get("success", 90):
            plan.stage, plan.since, plan.taken = plan.stage + 1, now, 0


class Play:
    """The modules once more, against the model."""

    def __init__(self, model, polls):
        self.model, self.events, self.said = model, [], []
        for number, poll in enumerate(polls):
            self.push(poll.at, poll, number, POLLS)

    def push(self, at, poll, number, kind):
        heapq.heappush(self.events, (at, poll.module, kind, number, poll))

    def follow(self, at, poll, number, kind):
        if poll.outcome == IS_SILENT:
            return
        if poll.outcome == ASKS_AGAIN and kind == POLLS:
            self.push(at + poll.first, poll, number, POLLS_AGAIN)
            return
        if poll.outcome not in (BREAKS_OFF, FORGETS, IS_LATE):
            self.push(at + poll.first, poll, number, LOADED)
        if poll.outcome == STALLS:
            return
        self.push(at + poll.second, poll, number, ENDS)
        if poll.outcome == REPEATS:
            self.push(at + poll.second + 1800, poll, number, ENDS_AGAIN)
            self.push(at + poll.second + 3600, poll, number, ENDS_OTHERWISE)

    def report(self, at, poll, kind):
        module = self.model.modules[poll.module]
        fails = poll.outcome in (FAILS, DOES_NOT_FIT) or \
            kind == ENDS_OTHERWISE
        breaks = poll.outcome == BREAKS_OFF
        update = None if kind == LOADED or breaks else \
            511 if poll.outcome == DOES_NOT_FIT else 504 if fails else 0
        self.model.report(poll.attempt, 704 if breaks else 0, update,
                          module[1] if fails or kind == LOADED or breaks
                          else NEW, at)

    def call(self, at, module, kind, number, poll):
        code, plan = 0, 0
        if kind <= POLLS_AGAIN:
            code, attempt = self.model.poll(module, poll, at)
            if code == 0:
                plan, poll.attempt = attempt.plan.number, attempt
                self.follow(at, poll, number, kind)
        elif kind != ENDS or poll.outcome != FORGETS:
            self.report(at, poll, kind)
        if kind == ENDS and poll.outcome not in (BREAKS_OFF, FAILS,
                                                 DOES_NOT_FIT):
            self.model.modules[module][1] = NEW
        self.said.append(f"call {at} {module} {kind} {code} {plan}")

    def run(self, days):
        for tick in range(BEGIN, BEGIN + days * DAY, TICK):
            while self.events and self.events[0][0] < tick + TICK:
                self.call(*heapq.heappop(self.events))
            self.model.round(tick + TICK)


# ---- scenarios ----

def at_edge(rng, at):
    """To the second when a window opens or closes, on that day."""
    window = rng.choice([spec["window"] for spec in MIXED + PLAIN
                         if "window" in spec])
    hour, minute = map(int, rng.choice([window["from"],
                                        window["to"]]).split(":"))
    zone = zoneinfo.ZoneInfo(window["zone"])
    return int(datetime.datetime.fromtimestamp(at, zone).replace(
        hour=hour, minute=minute, second=0).timestamp())


def polls_of(rng, module, days, often, outcomes):
    """A module's polls: every 14 days and 0 to 24 random hours; where some
    poll every 2, one in ten comes to the second when a window opens."""
    every = 2 * DAY if rng.random() < often else 14 * DAY
    at = BEGIN + rng.randrange(every + DAY // 2)
    while at < BEGIN + days * DAY:
        outcome = rng.choices(range(10), outcomes)[0]
        first = rng.randrange(TICK, 2 * HOUR)
        second = first + rng.randrange(TICK, 6 * HOUR)
        if outcome == IS_LATE:
            second = rng.randrange(2 * DAY, 12 * DAY)
        yield Poll(module, at, rng.choice([UNSAID, 20, 49, 50, 80, 99]),
                   rng.choice([-120, -101, -100, -70]), outcome, first, second)
        at += every + rng.randrange(DAY)
        if often and rng.random() < 0.1:
            at = at_edge(rng, at)


# Whatever goes wrong, on modules that three plans take in turn.
MIXED = [
    {"priority": 2, "battery": 50, "select": {"groups": ["north", "south"]},
     "window": {"from": "22:00", "to": "06:00", "zone": "Europe/Berlin"},
     "stages": [{"count": 20, "minimum": 10, "success": 50, "soak": "2d"},
                {"percent": 30, "minimum": 20, "success": 40, "soak": "3d"},
                {"percent": 100}],
     "attempts": 2, "retry": {"504": "3d", "lost": "4d"}, "concurrency": 40},
    {"priority": 1, "select": {"groups": ["west"]},
     "window": {"from": "23:30", "to": "03:30", "zone": "America/New_York"},
     "abort": [{"kind": "any", "percent": 35, "minimum": 60}],
     "download": "12h", "update": "6d"},
    {"signal": -100, "start": "2028-02-28T12:00:00Z", "attempts": 2,
     "pace": {"grants": 3, "per": "3h"}, "no_retry": [704],
     "retry": {"511": "1d"}, "transport": ["http", "https"]},
]
# What the forecast knows of: a window, a pace.
PLAIN = [
    {"window": {"from": "22:00", "to": "10:00", "zone": "Europe/Berlin"},
     "concurrency": 100000},
    {"window": {"from": "20:00", "to": "02:00", "zone": "America/New_York"},
     "concurrency": 100000},
    {"pace": {"grants": 0, "per": "1h"}, "concurrency": 100000},
]


class Scenario:
    def __init__(self, days, seed):
        self.days, self.rng = days, random.Random(seed)
        self.lines = [f"begin {BEGIN} {days * DAY} {TICK}"]
        self.plans, self.modules, self.polls = [], {}, []
        self.firmware = 0

    def model(self, name, specs):
        for version in (OLD, NEW):
            self.lines.append(f"firmware {name} {version}")
        self.lines.append(f"package {self.firmware + 1} {self.firmware + 2} "
                          "1000")
        self.firmware += 2
        for spec in specs:
            self.lines.append(f"plan {self.firmware} {json.dumps(spec)}")
            self.plans.append(Plan(len(self.plans) + 1, name, spec))

    def module(self, model, group, often, outcomes):
        number = len(self.modules)
        self.modules[number] = [model, OLD, group]
        self.lines.append(f"module {number} {model} {OLD} {group}")
        self.polls += polls_of(self.rng, number, self.days, often, outcomes)

    def play(self, driver, url):
        text = "\n".join(self.lines + [p.line() for p in self.polls]) + "\n"
        done = subprocess.run([driver, url], input=text, capture_output=True,
                              text=True)
        if done.returncode != 0:
            sys.exit(f"month: the driver failed: {done.stderr}")
        said = done.stdout.splitlines()
        places = {}
        for line in said:
            word, *rest = line.split()
            if word == "place":
                plan, module, place = map(int, rest)
                places[plan, module] = place
        model = Model(self.plans, self.modules, places)
        play = Play(model, self.polls)
        play.run(self.days)
        return ([line for line in said if not line.startswith("place")],
                play.said + self.totals(model), places, model)

    def totals(self, model):
        lines = []
        for plan in sorted(model.plans, key=lambda p: p.number):
            found = plan.counts()
            lines.append(f"plan {plan.number} {plan.state} {plan.stage} "
                         f"{plan.open} {plan.taken} " + " ".join(
                             str(found[k]) for k in (
                                 "open", "done", "failed", "lost",
                                 "stopped")))
        return lines + [f"notes {len(model.notes)}",
                        f"open {len(model.opened)}"]


def compare(name, got, wanted):
    for number, (one, other) in enumerate(zip(got, wanted)):
        if one != other:
            sys.exit(f"month: {name}: line {number}: the server said\n  {one}"
                     f"\nand the model\n  {other}")
    if len(got) != len(wanted):
        sys.exit(f"month: {name}: {len(got)} lines, {len(wanted)} wanted")


def check_places(places, modules):
    """Stages take about as many as they say."""
    for plan in {p for p, _ in places}:
        below = sum(v < 3000 for (p, _), v in places.items() if p == plan)
        n = sum(p == plan for p, _ in places)
        if abs(below - n * 0.3) > 4 * (n * 0.21) ** 0.5:
            sys.exit(f"month: {below} of {n} places are below 3000")


def mixed(driver, url, modules):
    scenario = Scenario(30, 11)
    MIXED[0]["concurrency"] = max(3, modules // 250)
    MIXED[1]["abort"][0]["minimum"] = max(8, modules // 60)
    MIXED[2]["pace"]["grants"] = max(1, modules // 3000)
    scenario.model("m", MIXED)
    good = [60, 6, 6, 6, 6, 4, 4, 4, 4, 6]
    bad = [40, 10, 10, 8, 4, 4, 4, 4, 4, 12]
    for _ in range(modules):
        group = scenario.rng.choice(["north", "south", "west", "east"])
        scenario.module("m", group, 0.4, bad if group == "west" else good)
    begun = time.monotonic()
    got, wanted, places, model = scenario.play(driver, url)
    compare("mixed", got, wanted)
    check_places(places, modules)
    codes = {}
    for line in got:
        if line.startswith("call"):
            *_, kind, code, _ = line.split()
            if int(kind) <= POLLS_AGAIN:
                codes[code] = codes.get(code, 0) + 1
    print(f"mixed: {len(got)} answers and counts are the model's, "
          f"{time.monotonic() - begun:.0f} s; polls by number: " +
          ", ".join(f"{k} {codes[k]}" for k in sorted(codes)))
    # each number of a poll's decision has to have come
    missing = {"0", "800", "802", "804", "805", "806", "807", "808"} - \
        set(codes)
    if missing:
        sys.exit(f"month: nobody heard {missing}")
    if scenario.plans[1].state != "aborted" or scenario.plans[0].stage == 0:
        sys.exit("month: no rule tripped, or no stage went on")


def plain(driver, forecast, url, modules):
    scenario = Scenario(30, 2)
    PLAIN[2]["pace"]["grants"] = max(1, modules // 1000)
    for number, spec in enumerate(PLAIN):
        scenario.model(f"m{number}", [spec])
        for _ in range(modules):
            scenario.module(f"m{number}", "-", 0, [1] + [0] * 9)
    begun = time.monotonic()
    got, wanted, _, model = scenario.play(driver, url)
    compare("plain", got, wanted)
    print(f"plain: {len(got)} answers and counts are the model's, "
          f"{time.monotonic() - begun:.0f} s")
    shares = []
    for plan in model.plans:
        share = len(plan.attempts) / modules
        foretold = foretell(driver, plan.spec, modules)
        print(f"  after 30 days {share:6.1%} have it, foretold "
              f"{foretold:6.1%}")
        shares.append((share, foretold))
        if forecast and abs(share - foretold) > 0.05 * share:
            sys.exit("month: the forecast is off by more than 5 %")
    return shares


def foretell(driver, spec, modules):
    window = spec.get("window", {"from": "00:00", "to": "00:00"})
    words = [driver, "--forecast", window["from"], window["to"], str(modules),
             str(spec["concurrency"]), str(spec.get("pace", {}).get(
                 "grants", 0)), "60"]
    return int(subprocess.run(words, check=True, capture_output=True,
                              text=True).stdout) / 1000


def month(driver, modules, postgresql):
    if postgresql:
        with Postgresql() as server:
            mixed(driver, server.url, modules)
            subprocess.run(["psql", "-q", server.url, "-c", "DROP SCHEMA "
                            "public CASCADE; CREATE SCHEMA public"],
                           check=True, stderr=subprocess.DEVNULL)
            return plain(driver, modules >= 3000, server.url, modules)
    # where there is one, a disk in memory: the disk is not what is measured
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    root = tempfile.mkdtemp(prefix="dfota-month-", dir=shared)
    try:
        mixed(driver, f"sqlite:{root}/mixed.db", modules)
        return plain(driver, modules >= 3000, f"sqlite:{root}/plain.db",
                     modules)
    finally:
        shutil.rmtree(root)


def run(bench):
    """The suite of load.py: on SQLite, one figure a claim."""
    from rows import BIN, row  # where load.py has put the programs
    begun = time.monotonic()
    try:
        shares = month(os.path.join(BIN, "month"), 10000, False)
    except SystemExit as missed:
        row("a month of 10 000 modules x 3 plans", str(missed), "as the model",
            False)
        return
    row("a month of 10 000 modules x 3 plans, every answer",
        f"{time.monotonic() - begun:.0f} s", "as the model", True)
    for name, (share, foretold) in zip(("12 h window", "6 h window", "pace"),
                                       shares):
        row(f"have it after 30 days, {name}", f"{share:.1%}",
            f"{foretold:.1%} foretold, +-5 %", True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("driver")
    parser.add_argument("--modules", type=int, default=10000)
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    month(options.driver, options.modules, options.postgresql)


if __name__ == "__main__":
    main()
