# SPDX-License-Identifier: Apache-2.0
"""Modules that write down every answer they get, whatever happens to the
servers meanwhile, and say in the end whether the database tells the same.

A module asks for its plan, reports the download, reports the end, and begins
anew. A call without an answer, or with 880, is made again until it has one:
so at the end the attempts of the database are exactly those that the modules
were given, and each ended as its module said.
"""
import http.client
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "interop"))
from fleet import PASSWORD  # noqa: E402

PAUSE = 0.01  # between two tries to reach a server that is not there


def look(database, query):
    """Of an SQLite file or a postgresql:// address."""
    if not database.startswith("postgresql:"):
        with sqlite3.connect(database, timeout=60) as db:
            return [tuple("" if v is None else str(v) for v in row)
                    for row in db.execute(query)]
    out = subprocess.run(["psql", "-At", "-F", "|", database, "-c", query],
                         check=True, capture_output=True, text=True).stdout
    return [tuple(line.split("|")) for line in out.splitlines()]


class Story:
    """One module and all it was told."""

    def __init__(self, imei):
        self.imei, self.access = imei, None
        self.version, self.said = "1.0", {}
        self.open = None  # the attempt that it has, and must get again
        self.over = False


class Witness:
    """modules: IMEIs; address(): host and port to call now; wander: how many
    of the calls are on a new connection, behind a balancer elsewhere."""

    def __init__(self, address, modules, threads=16, seed=1, fail=0.998,
                 concurrency=None, wander=0):
        self.address, self.fail, self.wander = address, fail, wander
        self.concurrency = concurrency
        self.problems, self.facts, self.asked = [], 0, 0
        self.most_open = self.now_open = 0
        self.lock = threading.Lock()
        self.stopping = False
        self.stories = [Story(imei) for imei in modules]
        self.lines = [Line(self)
                      for _ in range(min(threads, len(self.stories)))]
        self.threads = [
            threading.Thread(target=self._run, daemon=True, args=(
                line, self.stories[i::threads],
                random.Random(seed * 1000 + i)))
            for i, line in enumerate(self.lines)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def finish(self, seconds=300):
        """Every call under way gets its answer first."""
        self.stopping = True
        end = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0, end - time.monotonic()))
            if thread.is_alive():
                self.problems.append("a call got no answer to the end")

    def wait_for(self, facts, seconds=120):
        """So many more facts than now."""
        wanted, end = self.facts + facts, time.monotonic() + seconds
        while self.facts < wanted and not self.problems:
            if all(story.over for story in self.stories):
                self.problems.append("nobody has anything left to do")
            if time.monotonic() > end:
                self.problems.append(f"no {facts} facts in {seconds} s")
                return
            time.sleep(PAUSE)

    def wait_for_answers(self, seconds=120):
        """Every try that is under way now is over."""
        before = [line.tries for line in self.lines]
        end = time.monotonic() + seconds
        while any(thread.is_alive() and line.tries == was for thread, line, was
                  in zip(self.threads, self.lines, before)):
            if time.monotonic() > end:
                self.problems.append(f"a try took over {seconds} s")
                return
            time.sleep(PAUSE)

    def wrong(self, text):
        with self.lock:
            self.problems.append(text)

    # ---- one thread: its modules, one call after the other ----

    def _run(self, line, stories, rng):
        try:
            self._live(line, stories, rng)
        except BaseException as e:
            self.wrong(f"the witness itself: {e!r}")
            raise

    def _live(self, line, stories, rng):
        while not self.stopping and not self.problems:
            left = [story for story in stories if not story.over]
            if not left:
                return
            refused = 0
            for story in left:
                if self.stopping or self.problems:
                    break
                if rng.random() < self.wander:
                    line.close()
                refused += self._step(line, story, rng)
            if refused == len(left):
                time.sleep(PAUSE)

    def _step(self, line, story, rng):
        if not story.access:
            status, answer = line.ask("POST", "/fota/v1/token", {
                "name": story.imei, "password": PASSWORD,
                "imei": story.imei})
            if status == 200:
                story.access = answer["access_token"]
            return 0
        if story.open is None:
            return self._poll(line, story)
        # now and then it asks again although it has its answer
        if rng.random() < 0.1 and not story.said[story.open]["loaded"]:
            return self._poll(line, story)
        if not story.said[story.open]["loaded"] and rng.random() < 0.7:
            self._report(line, story, {"http_err": 0}, None)
        elif rng.random() < self.fail:
            number = rng.choice((504, 505))
            self._report(line, story, {"update_err": number}, "failed")
        else:
            story.version = "1.1"
            self._report(line, story, {"update_err": 0}, "done")
        return 0

    def _poll(self, line, story):
        query = urllib.parse.urlencode({
            "imei": story.imei, "model": "m1", "version": story.version,
            "battery": 80, "rssi": -70})
        status, answer = line.ask("GET", "/fota/v1/plan?" + query, None,
                                  story.access)
        if status != 200:
            code = answer.get("code")
            if code == 802 and story.open is None:
                story.over = True
            elif code != 807 or story.open is not None:
                self.wrong(f"{story.imei}: {answer}, open {story.open}")
            return 1
        attempt = answer["attempt"]
        if story.open is not None and attempt != story.open:
            self.wrong(f"{story.imei}: given {attempt} beside {story.open}")
        elif story.open is None and attempt in story.said:
            self.wrong(f"{story.imei}: {attempt} again, which it ended")
        elif story.open is None:
            story.said[attempt] = {"loaded": False, "state": "open",
                                   "number": "", "plan": answer["plan"]}
            story.open = attempt
            with self.lock:
                self.facts += 1
                self.now_open += 1
                self.most_open = max(self.most_open, self.now_open)
        return 0

    def _report(self, line, story, what, state):
        if state:  # from here on it may be free for another module
            with self.lock:
                self.now_open -= 1
        said = story.said[story.open]
        status, answer = line.ask("POST", "/fota/v1/result", dict(
            what, imei=story.imei, plan=said["plan"], attempt=story.open,
            version=story.version), story.access)
        if status != 200:
            self.wrong(f"{story.imei}: {what} of {story.open}: {answer}")
            return
        said["loaded"] = True
        if state:
            said["state"] = state
            said["number"] = str(what["update_err"])
            story.open = None
        with self.lock:
            self.facts += 1

    # ---- the end ----

    def check(self, database, plan, late=False, others=()):
        """others: IMEIs of modules that somebody else looks after. late: a request whose asker had given up may have been granted, so
        a module may have an open attempt that it would be told of next.
        returns what is wrong, as sentences."""
        found = {row[0]: row[1:] for row in look(
            database, "SELECT id, imei, state, update_err FROM attempt "
            f"WHERE plan = {plan}") if row[1] not in others}
        wrong = list(self.problems)
        told = {}
        for story in self.stories:
            for attempt, said in story.said.items():
                told[attempt] = (story.imei, said["state"], said["number"])
        for attempt in told.keys() - found.keys():
            wrong.append(f"lost: {attempt} {told[attempt]}")
        waiting = {story.imei for story in self.stories
                   if late and story.open is None}
        for attempt in found.keys() - told.keys():
            imei, state, number = found[attempt]
            if imei in waiting and state == "open":
                waiting.remove(imei)
                told[attempt] = (imei, state, number)
                continue
            wrong.append(f"nobody was given {attempt} {found[attempt]}")
        for attempt in told.keys() & found.keys():
            if told[attempt] != found[attempt]:
                wrong.append(f"{attempt}: told {told[attempt]}, "
                             f"kept {found[attempt]}")
        still = sum(1 for row in told.values() if row[1] == "open")
        (counted,), = look(database,
                           f"SELECT open FROM plan WHERE id = {plan}")
        if int(counted) != still:
            wrong.append(f"{counted} slots counted, {still} are taken")
        if self.concurrency and self.most_open > self.concurrency:
            wrong.append(f"{self.most_open} at once, {self.concurrency} "
                         "allowed")
        done = sum(1 for row in told.values() if row[1] == "done")
        (updates,), = look(database, "SELECT coalesce(sum(updates), 0) "
                           "FROM module WHERE model = 'm1'")
        if int(updates) != done:
            wrong.append(f"{updates} updates counted, {done} were done")
        return wrong


class Line:
    """One kept connection; a call is made until it is answered."""

    def __init__(self, witness):
        self.witness, self.connection = witness, None
        self.tries = 0  # that are over

    def ask(self, method, path, body, access=None):
        headers = {"Authorization": f"Bearer {access}"} if access else {}
        data = None if body is None else json.dumps(body)
        while True:
            try:
                status, answer = self._once(method, path, data, headers)
                if answer.get("code") != 880:
                    return status, answer
            except (OSError, http.client.HTTPException, ValueError,
                    LookupError):  # the last: it has no address just now
                self.close()
            finally:
                self.tries += 1
            if self.witness.problems:
                return 0, {"code": 0}
            time.sleep(PAUSE)

    def _once(self, method, path, data, headers):
        if self.connection is None:
            host, port = self.witness.address()
            self.connection = http.client.HTTPConnection(host, port,
                                                         timeout=20)
        with self.witness.lock:
            self.witness.asked += 1
        self.connection.request(method, path, body=data, headers=headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.will_close:
            self.close()
        return answer.status, json.loads(text)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None
