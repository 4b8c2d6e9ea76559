#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`dfota upgrade` against `dfota-module`: whole updates over a pty.

usage: test_upgrade.py [--long] [--jobs N] BIN_DIR IMAGE_DIR [NAME]...

--long runs the cases that take turns over the dialects in all of them. Most
of the time is waiting, so cases run side by side.
Packages come from the program's own `dfota diff`, the server is Python's.
Every case ends with the emulator's own account: how many AT lines it got
while it was in DFOTA mode (none are allowed), and which version it runs.
"""
import argparse
import concurrent.futures
import functools
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tty

OLD, NEW = "1.0.0", "1.1.0"
QUIRKS = """httptart http-start httppend resetting-blank resetting-3
comma-blank percent-none percent-tight percent-blank polling-blank
banner-upgrade banner-update banner-blank banner-tight no-downloading no-start
no-end rdy-middle end-glued""".split()
BY_URL = "bc26 mc65 bg95 bg96 bg96-softbank".split()
BY_FILE = "mc65 bg95 bg96 bg96-softbank eg25".split()
DIALECTS = BY_URL + ["eg25"]
CASES = []


def case(function):
    CASES.append(function)
    return function


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Bench:
    """One module with its state, in a folder of its own."""

    def __init__(self, env, model="bg95", **options):
        self.env = env
        self.model = model
        self.port = options.get("port")
        self.dir = tempfile.mkdtemp(dir=env.dir)
        if not self.port:
            self.port = "pty:" + self.path("port")
        self.options = {"speed": "0", **options}
        self.module = None
        self.start()
        self.wait_for(lambda: self.state()["power"] == "on")

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self):
        args = [self.env.bin("dfota-module"), "--model", self.model,
                "--state", self.path("state"),
                "--firmware", self.env.image(OLD),
                "--port", self.port,
                "--control", self.path("control"),
                "--cert", self.env.path("key.pub.pem"),
                "--speed", self.options["speed"]]
        for quirk in self.options.get("quirks", []):
            args += ["--quirk", quirk]
        for name in ("port", "control"):
            if os.path.lexists(self.path(name)):
                os.unlink(self.path(name))
        self.module = subprocess.Popen(args, stdout=subprocess.DEVNULL,
                                       stderr=open(self.path("log"), "a"))
        self.wait_for(lambda: self.ask("state"))

    def kill(self):
        self.module.kill()
        self.module.wait()

    def wait_for(self, what, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = what()
            if got:
                return got
            if self.module.poll() is not None:
                raise AssertionError("dfota-module ended: "
                                     + open(self.path("log")).read())
            time.sleep(0.01)
        raise AssertionError("waited in vain for %s" % what)

    def ask(self, line):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(self.path("control"))
                s.sendall(line.encode() + b"\n")
                return s.makefile().readline().strip()
        except OSError:
            return ""

    def state(self):
        return json.loads(self.ask("state"))

    def command(self, *more, package="up.pkg", file=False):
        package = self.env.package(package, self.model)
        if self.model == "eg25":
            file = True
        place = (["--file", self.env.path(package)] if file
                 else ["--url", self.env.url + package])
        return [self.env.bin("dfota"), "upgrade", "--port",
                self.port, "--timeout-listen", "1",
                "--log", self.path("transcript"), *place, *more]

    def begin(self, *more, **where):
        return subprocess.Popen(self.command(*more, **where),
                                stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def upgrade(self, *more, **where):
        host = self.begin(*more, **where)
        out, err = host.communicate(timeout=300)
        return host.returncode, out.strip().splitlines()[-1], err

    def finish(self, version, ats=0):
        state = self.state()
        assert state["version"] == version, state
        assert state["dfota_at"] == ats, state
        self.kill()


class Env:
    def __init__(self, bin_dir, image_dir):
        self.bin_dir, self.image_dir = bin_dir, image_dir
        self.dir = tempfile.mkdtemp(prefix="dfota-upgrade-")
        handler = functools.partial(Quiet, directory=self.dir)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d/" % server.server_port
        self.tool("keygen", "-o", self.path("key.pem"))
        self.tool("keygen", "-o", self.path("other.pem"))
        self.lock = threading.Lock()

    def path(self, name):
        return os.path.join(self.dir, name)

    def bin(self, name):
        return os.path.join(self.bin_dir, name)

    def image(self, version):
        return os.path.join(self.image_dir, "demo-%s.bin" % version)

    def tool(self, *args):
        subprocess.run([self.bin("dfota"), *args], check=True,
                       capture_output=True)

    def replay(self, transcript):
        done = subprocess.run([self.bin("dfota"), "replay", transcript],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout.strip(), done.stderr

    def package(self, name, model):
        """Make a package of that kind for that class of module, once."""
        old, new, key = PACKAGES.get(name, (None, None, None))
        if not old:
            return name
        file = "%s-%s" % (model, name)
        with self.lock:
            if not os.path.exists(self.path(file)):
                self.tool("diff", self.image(old), self.image(new), "-o",
                          self.path(file), "--key", self.path(key),
                          "--class", model)
        return file


PACKAGES = {"up.pkg": (OLD, NEW, "key.pem"),
            "foreign.pkg": (NEW, OLD, "key.pem"),
            "wrong.pkg": (OLD, NEW, "other.pem")}


def expect(got, status, last):
    assert got[0] == status and last in got[1], "%s\n%s" % (got[:2], got[2])


DONE = "upgrade: %s -> %s in " % (OLD, NEW)


@case
def a_url_is_downloaded_and_the_new_version_runs(env):
    b = Bench(env)
    expect(b.upgrade("--to-version", NEW, "--apn", "iot.example"), 0, DONE)
    b.finish(NEW)


@case
def a_file_goes_over_the_port(env):
    b = Bench(env)
    expect(b.upgrade("--model", "bg95", file=True), 0, DONE)
    b.finish(NEW)


@case
def a_module_is_reached_by_tcp_and_by_a_unix_socket(env):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        tcp = "tcp:127.0.0.1:%d" % s.getsockname()[1]
    one_update(env, "bg95", True, port=tcp)
    one_update(env, "bg95", False,
               port="unix:" + os.path.join(env.dir, "at-port"))


@case
def the_wanted_version_is_left_alone(env):
    b = Bench(env)
    expect(b.upgrade("--to-version", OLD), 0, "upgrade: 1.0.0 -> 1.0.0 in ")
    assert b.state()["updates"] == 0
    b.finish(OLD)


def all_of(function, rows, at_once=6):
    """Run function(*row) for all rows; most of each is waiting."""
    failed = []

    def one(row):
        try:
            function(*row)
        except Exception as e:
            failed.append("%s: %s" % (row, e))

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, rows))
    assert not failed, "\n".join(failed)


def one_update(env, model, file, *more, **options):
    b = Bench(env, model, **options)
    got = b.upgrade("--to-version", NEW, *more, file=file)
    expect(got, 0, DONE)
    state = b.state()
    assert state["updates"] == 1, state
    b.finish(NEW)
    expect(env.replay(b.path("transcript")), 0, DONE)


@case
def every_dialect_by_every_way(env):
    all_of(lambda model, file: one_update(env, model, file),
           [(m, False) for m in BY_URL] + [(m, True) for m in BY_FILE])


@case
def auto_tells_the_softbank_edition_from_a_bg96(env):
    for model in ("bg96", "bg96-softbank"):
        b = Bench(env, model)
        status, last, err = b.upgrade("--dry-run")
        assert status == 0 and "dry run: %s with version" % model in last, last
        b.finish(OLD)


@case
def every_misprint_is_survived(env):
    """Each in one dialect here, in all of them with --long."""
    rows = [(DIALECTS[i % len(DIALECTS)], q) for i, q in enumerate(QUIRKS)]
    if env.long:
        rows = [(d, q) for d in DIALECTS for q in QUIRKS]
    all_of(lambda model, quirk: one_update(env, model, False, quirks=[quirk]),
           rows)


@case
def a_refused_package_has_its_number_and_exit_status_3(env):
    for package, number in (("wrong.pkg", "506"), ("foreign.pkg", "511")):
        for file in (False, True):
            b = Bench(env)
            expect(b.upgrade(package=package, file=file), 3,
                   "upgrade: failed at update: %s " % number)
            b.finish(OLD)


@case
def a_missing_package_says_so(env):
    b = Bench(env)
    expect(b.upgrade(package="none.pkg"), 1,
           "upgrade: failed at download: 706 ")
    b.finish(OLD)


@case
def a_dead_module_is_given_up_in_time(env):
    b = Bench(env)
    b.ask("power off")
    began = time.monotonic()
    expect(b.upgrade("--timeout-command", "2", "--timeout-update", "3",
                     "--timeout-reboot", "4"), 1,
           "upgrade: failed at probe: ")
    assert time.monotonic() - began < 20
    b.kill()


@case
def an_unregistered_module_is_not_triggered(env):
    b = Bench(env)
    b.ask("sim out")
    expect(b.upgrade("--timeout-start", "3"), 1,
           "upgrade: failed at network: not registered")
    b.finish(OLD)


def wait_percent(host, stage, percent):
    """Read --json events until the stage has come so far."""
    for line in host.stdout:
        event = json.loads(line)
        if (event.get("event") == "percent" and event["stage"] == stage
                and event["percent"] >= percent):
            return
        assert event["event"] != "verdict", line
    raise AssertionError("the host ended: " + host.stderr.read())


def verdict(host, seconds=180):
    out, err = host.communicate(timeout=seconds)
    event = json.loads(out.strip().splitlines()[-1])
    assert event["event"] == "verdict", out
    return host.returncode, event, err


@case
def a_module_killed_twice_while_updating_ends_at_the_new_version(env):
    b = Bench(env, speed="2")
    host = b.begin("--json", "--to-version", NEW)
    for percent in (10, 50):
        wait_percent(host, "update", percent)
        b.kill()
        b.start()
    status, end, err = verdict(host)
    assert status == 0 and end["new"] == NEW, (end, err)
    b.finish(NEW)
    expect(env.replay(b.path("transcript")), 0, DONE)


@case
def a_module_killed_in_the_download_is_triggered_again(env):
    b = Bench(env, speed="2")
    b.ask("net rtt 800")
    host = b.begin("--json", "--timeout-backoff", "1")
    for line in host.stdout:
        if json.loads(line).get("stage") == "download":
            break
    b.kill()
    b.start()
    status, end, err = verdict(host)
    assert status == 0 and end["new"] == NEW, (end, err)
    b.finish(NEW)


class Fake:
    """A module by rote on a pty: answer(line) gives what it says, or None."""

    def __init__(self, env, answer):
        self.env, self.answer = env, answer
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.lines = []
        threading.Thread(target=self.serve, daemon=True).start()

    def say(self, text):
        os.write(self.master, text.encode("latin-1"))

    def serve(self):
        got = b""
        while True:
            try:
                got += os.read(self.master, 1000)
            except OSError:
                return
            *lines, got = got.split(b"\r")
            for line in lines:
                self.lines.append(line.decode("latin-1"))
                said = self.answer(self.lines[-1])
                if said:
                    self.say(said)

    def upgrade(self, *more):
        done = subprocess.run(
            [self.env.bin("dfota"), "upgrade", "--port",
             "pty:" + os.ttyname(self.slave), "--url", "http://h:80/p",
             "--timeout-listen", "1", "--timeout-command", "2",
             "--timeout-update", "4", "--timeout-reboot", "4", *more],
            capture_output=True, text=True, timeout=100)
        os.close(self.master)
        os.close(self.slave)
        return done.returncode, done.stdout.strip(), done.stderr


def lines(*texts):
    return "".join("\r\n%s\r\n" % t for t in texts)


def fota(*texts):
    return lines(*['+QIND: "FOTA",' + t for t in texts])


def bg95(version, urcs):
    """Answers of a bg95 that prints urcs after the trigger; version(n) is
    what ATI says the nth time."""
    asked = []

    def answer(line):
        if line == "ATI":
            asked.append(line)
            return lines("Quectel", "BG95-M3",
                         "Revision: " + version(len(asked)), "OK")
        if "CEREG" in line:
            return lines("+CEREG: 0,1", "OK")
        if line.startswith('AT+QFOTADL="'):
            return lines("OK") + urcs
        return lines("OK")

    return answer


def same(_):
    return OLD


def newer(n):
    return OLD if n <= 2 else NEW


END = fota('"HTTPSTART"', '"HTTPEND",0', '"START"', '"END",0') + \
    lines("RDY", "APP RDY")


@case
def bad_modules_have_their_verdicts_in_time(env):
    wild = fota('"HTTPSTART"', '"DOWNLOADING",-1%', '"DOWNLOADING",101%',
                '"DOWNLOADING",999999999999%', '"HTTPEND",0', '"START"',
                '"UPDATING",-1%', '"UPDATING",999999999999%', '"END",0') + \
        lines("RDY", "APP RDY")
    failed = fota('"HTTPSTART"', '"HTTPEND",9999')
    rows = [
        (lambda line: None, 1, "failed at probe: no answer to AT; check the"),
        (lambda line: "\xff\x00\x01*\r\n+QIND: \"FO\r\nREADY\r\n", 1,
         "failed at probe: no answer to AT; check the cable"),
        (lambda line: lines("SIMCOM", "SIM7000E", "Revision: 1.0", "OK"), 1,
         "failed at identify: a module that this program does not know; "),
        (bg95(same, END), 1,
         "failed at confirm: END,0 and yet the old version runs; "),
        (bg95(same, failed), 1,
         "failed at download: 9999 a number that is in none of the tables; "),
        (bg95(same, fota('"HTTPSTART"', '"HTTPEND",999999999999')), 1,
         "failed at download: 999999999 a number that is in none"),
        (bg95(same, fota('"START"', '"END",77') + lines("RDY", "APP RDY")), 1,
         "failed at update: 77 a number that is in none of the tables; "),
        (bg95(newer, wild), 0, DONE),
        (bg95(same, lines("OK")), 1,
         "unknown at start: no URC came; AT+QURCCFG="),
    ]

    def one(answer, status, last):
        began = time.monotonic()
        fake = Fake(env, answer)
        expect(fake.upgrade("--timeout-start", "6"), status, last)
        assert time.monotonic() - began < 60
        triggers = [x for x in fake.lines if x.startswith('AT+QFOTADL="')]
        assert len(triggers) <= 1, fake.lines

    all_of(one, rows, 9)


@case
def a_dry_run_asks_and_changes_nothing(env):
    fake = Fake(env, bg95(same, END))
    expect(fake.upgrade("--dry-run", "--apn", "a.b"), 0,
           "upgrade: dry run: bg95 with version 1.0.0 could begin")
    assert not [x for x in fake.lines if "=" in x and "CMEE" not in x], \
        fake.lines
    fake = Fake(env, bg95(same, END))
    status, last, err = fake.upgrade("--dry-run", "--json")
    last = json.loads(last.splitlines()[-1])
    assert status == 0 and last["outcome"] == "dry-run", last


@case
def the_questions_are_told_once(env):
    failed = fota('"HTTPSTART"', '"HTTPEND",702')
    fake = Fake(env, bg95(same, failed))
    status, last, err = fake.upgrade("--json", "--timeout-backoff", "1")
    stages = [e.get("stage") for e in map(json.loads, last.splitlines())
              if e["event"] == "stage"]
    assert status == 1 and stages.count("download") == 3, stages
    assert stages.count("identify") == 1, stages
    assert stages.count("probe") <= 1, stages


@case
def a_transcript_replays_and_shows_what_would_differ(env):
    b = Bench(env)
    transcript = b.path("transcript")
    expect(b.upgrade(package="foreign.pkg", file=True), 3, "511")
    b.finish(OLD)
    expect(env.replay(transcript), 3, "upgrade: failed at update: 511 ")
    with open(transcript, encoding="latin-1") as f:
        text = f.read()
    changed = b.path("changed")
    with open(changed, "w", encoding="latin-1") as f:
        f.write(text.replace("> AT+QFOTADL=1", "> AT+QFOTADL=2"))
    status, _, err = env.replay(changed)
    assert status == 1 and 'would have sent "AT+QFOTADL=1' in err, err
    for bad in ("", "hello\n", text.replace("# dfota", "# other", 1),
                text + "x\n", text + "9 > y\n",
                text + "99999999 ? y\n", text + "99999999 < \\xg0\n"):
        with open(changed, "w", encoding="latin-1") as f:
            f.write(bad)
        assert env.replay(changed)[0] == 2, bad[-20:]
    with open(changed, "w", encoding="latin-1") as f:
        f.write(text[:text.index('"START"')].rsplit("\n", 1)[0] + "\n")
    expect(env.replay(changed), 1, "upgrade: unknown at reset: ")


@case
def a_host_killed_while_updating_goes_on_from_its_state(env):
    b = Bench(env, speed="2")
    state = b.path("host-state")
    host = b.begin("--json", "--state", state)
    wait_percent(host, "update", 20)
    host.kill()
    host.communicate()
    assert os.path.exists(state)
    expect(b.upgrade("--state", state), 0, DONE)
    assert not os.path.exists(state)
    assert b.state()["updates"] == 1
    b.finish(NEW)
    with open(b.path("transcript"), encoding="latin-1") as f:
        assert "\n# record " in f.read()
    expect(env.replay(b.path("transcript")), 0, DONE)


# Short deadlines: a host that was away waits for the longest silence that the
# stage allows before it asks.
SHORT = ["--timeout-reset", "12", "--timeout-update", "8", "--timeout-start",
         "20", "--timeout-backoff", "1", "--timeout-reboot", "15"]


def killed_at(env, model, stage, file):
    b = Bench(env, model, speed="5")
    state = b.path("host-state")
    host = b.begin("--json", "--state", state, *SHORT, file=file)
    for line in host.stdout:
        event = json.loads(line)
        if event.get("stage") == stage or event["event"] == "verdict":
            break
    host.kill()
    host.communicate()
    assert event.get("stage") == stage, (model, stage, event)
    expect(b.upgrade("--state", state, "--to-version", NEW, *SHORT,
                     file=file), 0, "upgrade: ")
    assert b.state()["updates"] == 1, b.state()
    assert not os.path.exists(state)
    b.finish(NEW)


@case
def a_host_killed_at_each_stage_ends_right(env):
    """Each in one dialect here, in all of them with --long."""
    by_url = "identify network trigger start download reset update".split()
    by_file = "identify upload trigger reset update reboot".split()
    if env.long:
        rows = [(m, stage, False) for m in BY_URL for stage in by_url]
        rows += [(m, stage, True) for m in BY_FILE for stage in by_file]
    else:
        rows = [(BY_URL[i % 5], stage, False) for i, stage in enumerate(by_url)]
        rows += [(BY_FILE[i % 5], stage, True)
                 for i, stage in enumerate(by_file)]
    all_of(lambda *row: killed_at(env, *row), rows, 8)


@case
def a_host_started_in_mid_update_follows_it_by_urcs_alone(env):
    b = Bench(env, speed="2")
    host = b.begin("--json")
    wait_percent(host, "update", 10)
    host.kill()
    host.communicate()
    got = b.upgrade("--to-version", NEW)
    assert got[0] == 0 and "running already" in got[2], got
    b.finish(NEW)


@case
def ctrl_c_leaves_a_state_and_an_unknown(env):
    b = Bench(env, speed="2")
    state = b.path("host-state")
    host = b.begin("--json", "--state", state)
    wait_percent(host, "update", 10)
    host.send_signal(signal.SIGINT)
    status, end, err = verdict(host)
    assert status == 1 and end["outcome"] == "unknown", (end, err)
    assert end["stage"] == "update" and os.path.exists(state)
    expect(b.upgrade("--state", state), 0, DONE)
    b.finish(NEW)


def run(env, function):
    began = time.monotonic()
    try:
        function(env)
        word = "ok"
    except Exception as e:  # the other cases tell something too
        word = "FAILED: %s" % e
    print("%s (%.1f s): %s" % (function.__name__, time.monotonic() - began,
                               word), flush=True)
    return word == "ok"


def main():
    args = argparse.ArgumentParser(usage=__doc__)
    args.add_argument("--long", action="store_true")
    args.add_argument("--jobs", type=int, default=4)
    args.add_argument("bin_dir")
    args.add_argument("image_dir")
    args.add_argument("names", nargs="*")
    options = args.parse_args()
    env = Env(options.bin_dir, options.image_dir)
    env.long = options.long
    known = [function.__name__ for function in CASES]
    bad = [name for name in options.names if name not in known]
    for name in bad:
        print("no case " + name)
    cases = [function for function in CASES
             if not options.names or function.__name__ in options.names]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda function: run(env, function), cases))
    if all(results) and not bad:
        shutil.rmtree(env.dir)
        return 0
    print("kept: " + env.dir)
    return 1


if __name__ == "__main__":
    sys.exit(main())
