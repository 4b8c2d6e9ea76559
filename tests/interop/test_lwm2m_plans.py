#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plans over LwM2M: `dfotad` gives its registered modules what a plan has.

usage: test_lwm2m_plans.py [--jobs N] BIN_DIR IMAGE_DIR [NAME]...

Programs as they are shipped. Checked: how each attempt ended, to the number;
the version that runs afterwards; how often a module was told to Execute, also
when the server is killed in the middle of a job or the module comes back at
another node.
"""
import base64
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from urllib.parse import quote, urlencode

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tools"))
from lwm2m_bench import (KEY, NEW, OLD, Bench, Failure, Module,  # noqa: E402
                         Server, case_list, expect, main, wait_for)
from with_postgresql import Postgresql  # noqa: E402

CASES, case = case_list()
PASSWORD = "a password of some length"
START = '+QIND: "FOTA","START"'


def imei(number):
    return "35000000000%04d" % number


def endpoint(number):
    return "urn:imei:" + imei(number)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Member(Bench):
    """One module of the fleet, with a folder of its own."""

    def __init__(self, fleet, number, *options, **settings):
        folder = fleet.path("m%d" % number)
        os.makedirs(folder)
        super().__init__(fleet.args, folder)
        self.number, self.endpoint = number, endpoint(number)
        self.server = fleet.server
        settings.setdefault("endpoint", self.endpoint)
        self.module = Module(self, self.settings(fleet.server.lwm2m[0],
                                                 **settings), *options)

    def executes(self):
        """An update that the module began, counted by its URC."""
        return sum(line == START for line in self.module.lines)

    def stop(self):
        if self.module.process.poll() is None:
            self.module.stop()


class Fleet(Bench):
    def __init__(self, args, folder):
        super().__init__(args, folder)
        self.members = []

    def serve_plans(self, *options, **more):
        self.server = Server(self, "--lwm2m",
                             more.pop("uri", "coap://127.0.0.1:0"),
                             "--approve-self", "--public-loopback", *options,
                             **more)
        return self.server

    def add(self, number, *options, **settings):
        member = Member(self, number, *options, **settings)
        self.members.append(member)
        return member

    def enrol(self, *numbers, **more):
        rows = [dict({"imei": imei(n), "model": "BG95-M3", "version": OLD,
                      "class": "bg95"}, **more) for n in numbers]
        made = self.server.call("POST", "modules/import", {"modules": rows})
        expect(len(made["made"]), len(rows))

    def plan(self, **spec):
        """Firmware, its packages signed, a plan that runs."""
        number = self.make_plan(**spec)
        self.server.call("POST", "plans/%d/approve" % number)
        self.ready()
        self.server.call("POST", "plans/%d/start" % number)
        return number

    def make_plan(self, **spec):
        if not hasattr(self, "firmware"):
            for version in (OLD, NEW):
                self.firmware = self.control(
                    "firmware", "add", self.image(version), "--model",
                    "BG95-M3", "--version", version, "--class", "bg95")["id"]
            self.control("class", "set", "bg95", "--cert",
                         self.shared("key.pub.pem"))
        return self.server.call("POST", "plans", {
            "name": "plan", "firmware": self.firmware, "spec": spec},
            201)["id"]

    def ready(self):
        def built():
            states = [p["state"] for p in
                      self.server.call("GET", "packages")["items"]]
            return states and not {"waiting", "building"} & set(states)
        wait_for("the packages", built)
        self.control("delta", "sign", "--key", self.shared("key.pem"))

    def device_call(self, method, path, body=None, token=None):
        connection = http.client.HTTPConnection(
            *self.server.devices.split(":"), timeout=30)
        connection.request(method, "/fota/v1/" + path,
                           json.dumps(body) if body else None,
                           {"Authorization": "Bearer " + token} if token
                           else {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text)

    def poll_token(self, number):
        status, answer = self.device_call("POST", "token", {
            "name": imei(number), "imei": imei(number), "password": PASSWORD})
        expect(status, 200)
        return answer["access_token"]

    def poll(self, number, token, **more):
        query = dict({"imei": imei(number), "model": "BG95-M3",
                      "version": OLD}, **more)
        return self.device_call("GET", "plan?" + urlencode(query),
                                token=token)

    def numbers(self, plan):
        return self.server.call("GET", "plans/%d" % plan)["attempts"]

    def results(self, plan):
        """Of each IMEI its attempts."""
        found = {}
        for r in self.server.call("GET", "results?plan=%d" % plan)["items"]:
            found.setdefault(r["imei"], []).append(r)
        return found

    def closed(self, plan, count):
        def over():
            n = self.numbers(plan)
            closed = n["done"] + n["failed"] + n["lost"] + n["stopped"]
            return n if closed >= count and n["open"] == 0 else None
        return wait_for("%d ends" % count, over)

    def stop(self):
        for member in self.members:
            member.stop()
        super().stop()


@case
def a_staged_plan_pushes_and_pulls_with_exact_numbers(bench):
    bench.serve_plans()
    bench.enrol(*range(1, 8))
    # 1 and 2 take a push alone; 6 has another key; 7 never comes
    for n in range(1, 7):
        bench.add(n, *(["--cert", bench.shared("other.pub.pem")] * (n == 6)),
                  **({"protocols": 0} if n in (1, 2) else {}))
    plan = bench.plan(transport=["lwm2m"], attempts=1, concurrency=4,
                      select={"imeis": [imei(n) for n in range(1, 8)]},
                      stages=[{"count": 2, "minimum": 2, "success": 50},
                              {"percent": 100}])
    bench.closed(plan, 6)
    numbers = bench.numbers(plan)
    expect(numbers, {"open": 0, "done": 5, "failed": 1, "lost": 0,
                     "stopped": 0})
    results = bench.results(plan)
    expect({i: len(r) for i, r in results.items()},
           {imei(n): 1 for n in range(1, 7)})
    expect({r[0]["cause"] for i, r in results.items() if i != imei(6)},
           {"confirmed"})
    expect(results[imei(6)][0]["cause"],
           "result 5: damaged or not signed for it")
    expect(sorted(r[0]["stage"] for r in results.values()),
           [1, 1, 2, 2, 2, 2])
    pushed = {i for i, r in results.items() if r[0]["via"] == "push"}
    expect(pushed, {imei(1), imei(2)})
    for member in bench.members:
        expect(member.executes(), 0 if member.number == 6 else 1)
        member.registered(OLD if member.number == 6 else NEW)
    shown = bench.server.call("GET", "plans/%d" % plan)
    expect(shown["causes"][0]["count"], 5)
    why = bench.server.call("GET", "modules/%s/explain" % imei(6))
    expect((why["code"], why["attempts"][0]["state"]), (802, "failed"))


def states_of(bench, number):
    """What can be seen of a job, in the order in which it comes."""
    client = bench.server.call("GET", "lwm2m/" + quote(endpoint(number)))
    return (client.get("update") or {}).get("state"), client.get("attempt")


# When the server is killed: the module's URC, or the job as it is shown.
MOMENTS = {
    "granted": lambda b: states_of(b, 1)[1],
    "under way": lambda b: '+LWM2M: "FOTA","DOWNLOADING","START"'
                 in b.members[0].module.lines,
    "loaded": lambda b: '+LWM2M: "FOTA","DOWNLOADING","COMPLETED"'
              in b.members[0].module.lines,
    "fetching": lambda b: '+QIND: "FOTA","HTTPSTART"'
                in b.members[0].module.lines,
    "updating": lambda b: START in b.members[0].module.lines,
}


def kill_at(bench, moment, *options, scheme="coap", transport="lwm2m-push",
            **settings):
    uri = "%s://127.0.0.1:%d" % (scheme, free_port())
    bench.serve_plans(*options, uri=uri)
    bench.enrol(1)
    member = bench.add(1, **settings)
    member.registered()
    expect(member.module.control("net rtt 20"), "OK")
    plan = bench.plan(transport=[transport], attempts=1)
    wait_for(moment, lambda: MOMENTS[moment](bench))
    bench.server.process.send_signal(signal.SIGKILL)
    bench.server.process.wait()
    bench.serve_plans(*options, uri=uri)
    member.server = bench.server
    bench.closed(plan, 1)
    results = bench.results(plan)[imei(1)]
    expect([(r["state"], r["version"]) for r in results], [("done", NEW)])
    expect(member.executes(), 1)
    member.registered(NEW)
    expect(bench.numbers(plan)["done"], 1)


@case
def a_server_killed_after_the_grant_sends_once(bench):
    kill_at(bench, "granted")


@case
def a_server_killed_in_a_push_begins_it_again(bench):
    kill_at(bench, "under way")


@case
def a_server_killed_before_execute_executes_once(bench):
    kill_at(bench, "loaded")


@case
def a_server_killed_during_the_update_waits_for_its_end(bench):
    kill_at(bench, "updating")


@case
def a_server_killed_while_a_module_fetches_is_asked_again(bench):
    # Its packages are elsewhere afterwards: the URI is written anew.
    kill_at(bench, "fetching", transport="lwm2m-pull")


@case
def a_server_killed_during_an_update_over_dtls(bench):
    # The session is gone, the row is not put back: 4.04, and it registers.
    with open(bench.path("keys"), "w") as f:
        f.write("%s:%s\n" % (endpoint(1), KEY))
    kill_at(bench, "updating", "--lwm2m-keys", bench.path("keys"),
            scheme="coaps", security={
                "mode": 0, "identity": base64.b64encode(
                    endpoint(1).encode()).decode(),
                "secret": base64.b64encode(bytes.fromhex(KEY)).decode()})


@case
def a_location_from_before_is_known_and_another_is_not(bench):
    uri = "coap://127.0.0.1:%d" % free_port()
    bench.serve_plans(uri=uri)
    bench.enrol(1)
    member = bench.add(1)
    before = member.registered()
    # It is written behind; who it is shows when it is.
    wait_for("its row", lambda: bench.server.client(endpoint(1))["imei"])
    bench.server.process.send_signal(signal.SIGKILL)
    bench.server.process.wait()
    member.server = bench.serve_plans(uri=uri)
    after = bench.server.client(endpoint(1))
    expect([after[k] for k in ("location", "lifetime", "objects")],
           [before[k] for k in ("location", "lifetime", "objects")])
    # It is asked where it was, before it has said anything.
    answer = bench.server.ask("read", {"path": "/3/0/3"}, endpoint(1))
    expect(answer["code"], "2.05")
    expect(update_of(uri, after["location"]), (2, 4))
    expect(update_of(uri, "0123456789abcdef"), (4, 4))


def update_of(uri, location):
    """An Update of a location, from another port: class and detail."""
    host, port = uri.split("//")[1].split(":")
    # CON POST, Uri-Path "rd" and the location (of 13 bytes and more)
    message = (b"\x40\x02\x12\x34\xb2rd" +
               bytes([0x0d, len(location) - 13]) + location.encode())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.sendto(message, (host, int(port)))
        answer = s.recv(1500)
    return answer[1] >> 5, answer[1] & 31


@case
def an_aborted_plan_stops_its_jobs_before_execute(bench):
    bench.serve_plans()
    bench.enrol(1)
    member = bench.add(1, protocols=0)
    member.registered()
    expect(member.module.control("net rtt 200"), "OK")
    plan = bench.plan(transport=["lwm2m-push"])
    wait_for("the push", lambda: MOMENTS["under way"](bench))
    bench.server.call("POST", "plans/%d/abort" % plan)
    expect(bench.closed(plan, 1)["stopped"], 1)
    wait_for("the end of the job",
             lambda: states_of(bench, 1)[0] == "failed")
    expect(member.executes(), 0)
    # It is told to forget what it has, and does not wait for the rest.
    wait_for("the reset", lambda: member.registered(OLD)["state"] == "idle")


def told(bench, number, name):
    why = bench.server.call("GET", "modules/%s/explain" % imei(number))
    return why if why["module"][name] is not None else None


@case
def battery_is_asked_for_and_counts(bench):
    bench.serve_plans()
    bench.enrol(1, 2)
    first, second = bench.add(1), bench.add(2)
    expect(first.module.control("battery 20"), "OK")
    expect(second.module.control("battery 80"), "OK")
    for member in (first, second):
        member.registered()
    plan = bench.plan(transport=["lwm2m"], battery=50)
    expect(bench.closed(plan, 1)["done"], 1)
    expect(list(bench.results(plan)), [imei(2)])
    expect(first.executes(), 0)
    # What it told of itself is written behind.
    why = wait_for("its battery", lambda: told(bench, 1, "battery"))
    expect((why["code"], why["module"]["battery"]), (804, 20))


@case
def a_module_of_another_name_is_matched_by_its_endpoint(bench):
    bench.serve_plans()
    bench.enrol(1)
    bench.server.call("PATCH", "modules/" + imei(1),
                      {"endpoint": "meter-17"})
    member = bench.add(1, endpoint="meter-17")
    member.endpoint = "meter-17"
    plan = bench.plan(transport=["lwm2m"])
    expect(bench.closed(plan, 1)["done"], 1)
    client = bench.server.call("GET", "lwm2m/meter-17")
    expect((client["imei"], client["attempt"]), (imei(1), None))


@case
def a_job_moves_to_the_node_where_its_module_is(bench):
    with Postgresql() as database:
        moves(bench, database.url)


def moves(bench, database):
    bench.serve_plans("--node", "one", "--database", database)
    two = Server(bench, "--lwm2m", "coap://127.0.0.1:0", "--approve-self",
                 "--public-loopback", "--node", "two", "--database", database,
                 data="data2")
    try:
        bench.enrol(1)
        member = bench.add(1, protocols=0)
        member.registered()
        expect(member.module.control("net rtt 100"), "OK")
        plan = bench.plan(transport=["lwm2m-push"], attempts=1)
        wait_for("the push", lambda: MOMENTS["under way"](bench))
        # It goes to the other node, as after a change of its account.
        member.module.cut()
        move_account(member, two.lwm2m[0])
        member.module.start()
        expect(member.module.control("net rtt 0"), "OK")
        bench.closed(plan, 1)
        results = bench.results(plan)[imei(1)]
        expect([(r["state"], r["node"]) for r in results], [("done", "two")])
        expect(member.executes(), 1)
        client = two.call("GET", "lwm2m/" + quote(endpoint(1)))
        expect(client["version"], NEW)
        wait_for("the end of the first job",
                 lambda: states_of(bench, 1)[0] in (None, "failed"))
    finally:
        two.stop()


def move_account(member, uri):
    path = os.path.join(member.module.state, "lwm2m.json")
    with open(path) as f:
        settings = json.load(f)
    settings["security"][0]["uri"] = uri
    with open(path, "w") as f:
        json.dump(settings, f)


@case
def no_more_pushes_at_once_than_was_said(bench):
    bench.serve_plans("--lwm2m-pushes", "1")
    bench.enrol(1, 2, 3)
    for n in (1, 2, 3):
        member = bench.add(n, protocols=0)
        member.registered()
        expect(member.module.control("net rtt 300"), "OK")
    plan = bench.plan(transport=["lwm2m"])
    most = 0

    def over():
        nonlocal most
        sending = [states_of(bench, n)[0] for n in (1, 2, 3)]
        most = max(most, sending.count("sending"))
        return bench.numbers(plan)["done"] == 3
    wait_for("three updates", over)
    expect(most, 1)
    expect([m.executes() for m in bench.members], [1, 1, 1])


@case
def a_poll_over_coap_is_given_a_coap_url(bench):
    bench.serve_plans("--coap", "127.0.0.1:0", "--device-api-plain")
    bench.enrol(1, 2, password=PASSWORD)
    bench.plan(transport=["http", "coap"], concurrency=1)
    token = bench.poll_token(1)
    status, plan = bench.poll(1, token, access="coap")
    expect(status, 200)
    if not plan["url"].startswith("coap://127.0.0.1:"):
        raise Failure(plan["url"])
    done = subprocess.run(["coap-client-notls", "-o", bench.path("package"),
                           plan["url"]], capture_output=True)
    with open(bench.path("package"), "rb") as f:
        package = f.read()
    expect((done.returncode, hashlib.sha256(package).hexdigest()),
           (0, plan["sha256"]))
    # Whoever can both is given the better one; the attempt stays.
    expect(bench.poll(1, token, access="http,coap")[1]["url"][:7], "http://")
    # Neither is what this one can.
    status, refused = bench.poll(2, bench.poll_token(2), access="coaps")
    expect((status, refused["code"]), (409, 801))


@case
def a_host_takes_a_url_and_tells_the_end(bench):
    bench.serve_plans()
    bench.enrol(1)
    plan = bench.plan(transport=["host"], attempts=1)
    taken = bench.control("plan", "url", str(plan), "--imei", imei(1))
    expect((taken["version"], taken["plan"]), (NEW, plan))
    again = bench.control("plan", "url", str(plan), "--imei", imei(1))
    expect(again["attempt"], taken["attempt"])
    with urllib.request.urlopen(taken["url"]) as answer:
        package = answer.read()
    expect((len(package), hashlib.sha256(package).hexdigest()),
           (taken["size"], taken["sha256"]))
    expect(bench.numbers(plan)["open"], 1)
    told = bench.control("result", "report", taken["attempt"], "--version",
                         NEW, "--update-err", "0", "--words",
                         "the bench said so")
    expect((told["state"], told["cause"]), ("done", "reported"))
    expect(bench.numbers(plan), {"open": 0, "done": 1, "failed": 0, "lost": 0,
                                 "stopped": 0})


@case
def approval_looks_at_the_ways_to_the_packages(bench):
    bench.server = Server(bench, "--approve-self")
    plan = bench.make_plan()
    refused = bench.server.call("POST", "plans/%d/approve" % plan, None, 409)
    if "--public-loopback" not in refused["detail"]:
        raise Failure(repr(refused))
    bench.server.stop()
    bench.serve_plans(scheme="https")
    refusals = [({"transport": ["coap"]}, "no public address"),
                ({"transport": ["coaps", "http"]}, "no public address")]
    for spec, words in refusals:
        plan = bench.make_plan(**spec)
        refused = bench.server.call("POST", "plans/%d/approve" % plan, None,
                                    409)
        if words not in refused["detail"]:
            raise Failure(repr(refused))
    plan = bench.make_plan(transport=["lwm2m-push"])
    bench.server.call("POST", "plans/%d/approve" % plan)


if __name__ == "__main__":
    sys.exit(main(CASES, Fleet))
