#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`dfota-module` as LwM2M client of `dfotad`: whole updates over loopback.

usage: test_lwm2m.py BIN_DIR IMAGE_DIR [NAME]...

Both programs as they are shipped, driven over the server's control socket
and the module's serial line. Checked: the version that runs afterwards, the
URCs in their order, the state the server saw.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import threading

from lwm2m_bench import (ENDPOINT, IMEI, KEY, NEW, OLD, Failure, Module,
                         Server, case_list, certificate, expect, in_order,
                         main, value_of, wait_for)

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "cases"))
import case_coap  # noqa: E402

CASES, case = case_list()


@case
def a_client_registers_and_answers(bench):
    bench.begin()
    client = bench.server.client()
    expect((client["lifetime"], client["state"], client["secure"]),
           (300, "idle", False))
    answer = bench.server.ask("read", {"path": "/3/0/2"})
    expect((answer["code"], value_of(answer, "/3/0/2")), ("2.05", IMEI))
    answer = bench.server.ask("read", {"path": "/5/0/8"})
    expect([v["value"] for v in answer["values"]], [0, 1, 2, 3])
    expect(bench.server.ask("read", {"path": "/0/0"})["code"], "4.01")
    expect(bench.server.ask("execute", {"path": "/5/0/2"})["code"], "4.05")
    answer = bench.server.ask("discover", {"path": "/5/0"})
    if "</5/0/3>" not in answer["values"][0]["links"]:
        raise Failure("no link to the state: %r" % answer)


@case
def a_pull_over_http_updates_with_the_urcs_of_the_document(bench):
    bench.begin()
    url = bench.serve(bench.package())
    bench.server.update({"uri": url, "version": NEW})
    expect(bench.finished()["state"], "done")
    bench.registered(NEW)
    urcs = bench.module.urcs()
    in_order(urcs, ['+QIND: "FOTA","HTTPSTART"',
                    '+QIND: "FOTA","DOWNLOADING",5%',
                    '+QIND: "FOTA","DOWNLOADING",100%',
                    '+LWM2M: "FOTA","DOWNLOADED",0',
                    '+QIND: "FOTA","START"',
                    '+QIND: "FOTA","UPDATING",100%',
                    '+QIND: "FOTA","END",0'])
    if any("RESETTING" in u or "HTTPEND" in u for u in urcs):
        raise Failure("a URC that LwM2M does not print: %r" % urcs)
    answer = bench.server.ask("read", {"path": "/5/0/5"})
    expect(value_of(answer, "/5/0/5"), "1")


@case
def a_push_is_told_by_two_urcs(bench):
    bench.begin()
    package = bench.known_package()
    bench.server.update({"package": package, "method": "push"})
    update = bench.finished()
    expect((update["state"], update["method"]), ("done", "push"))
    bench.registered(NEW)
    in_order(bench.module.urcs(), ['+LWM2M: "FOTA","DOWNLOADING","START"',
                                   '+LWM2M: "FOTA","DOWNLOADING","COMPLETED"',
                                   '+QIND: "FOTA","START"',
                                   '+QIND: "FOTA","END",0'])


@case
def a_package_of_the_server_is_pulled_by_its_own_url(bench):
    bench.begin()
    package = bench.known_package()
    bench.server.update({"package": package})
    update = bench.finished()
    expect((update["state"], update["method"]), ("done", "pull"))
    bench.registered(NEW)


@case
def a_package_of_the_server_is_pulled_over_coap(bench):
    bench.begin(scheme="coap")
    package = bench.known_package()
    bench.server.update({"package": package})
    update = bench.finished()
    expect((update["state"], update["method"]), ("done", "pull"))
    bench.registered(NEW)
    in_order(bench.module.urcs(), ['+QIND: "FOTA","COAPSTART"',
                                   '+QIND: "FOTA","END",0'])


@case
def a_package_with_a_wrong_signature_is_refused(bench):
    bench.begin()
    url = bench.serve(bench.package("other"))
    bench.server.update({"uri": url})
    update = bench.finished()
    expect(update["state"], "failed")
    if "Update Result 5" not in update["text"]:
        raise Failure(repr(update))
    in_order(bench.module.urcs(), ['+LWM2M: "FOTA","DOWNLOADED",710'])
    expect(bench.server.client()["version"], OLD)
    # The running firmware is untouched, and AT is free again.
    expect(bench.module.say("AT+QFOTADL=1")[-1], "OK")


@case
def an_update_by_lwm2m_refuses_one_by_at(bench):
    bench.begin()
    gate = threading.Event()
    url = bench.slow(bench.package(), gate)
    bench.server.update({"uri": url, "version": NEW})
    wait_for("the download",
             lambda: '+QIND: "FOTA","HTTPSTART"' in bench.module.urcs())
    expect(bench.module.say('AT+QFOTADL="%s"' % url)[-1], "+CME ERROR: 591")
    expect(bench.module.say("AT+QFOTADL=1")[-1], "+CME ERROR: 591")
    gate.set()
    expect(bench.finished()["state"], "done")


@case
def an_update_by_at_refuses_one_by_lwm2m(bench):
    bench.begin()
    gate = threading.Event()
    url = bench.slow(bench.package(), gate)
    expect(bench.module.say("AT+QFOTADL=3,0")[-1], "OK")
    expect(bench.module.say('AT+QFOTADL="%s"' % url)[-1], "OK")
    wait_for("the download",
             lambda: '+QIND: "FOTA","HTTPSTART"' in bench.module.urcs())
    expect(bench.server.ask("write", {"path": "/5/0/1",
                                      "value": url})["code"], "4.00")
    answer = bench.server.ask("read", {"path": "/5/0/3"})
    expect(value_of(answer, "/5/0/3"), "0")
    gate.set()
    wait_for("the end of the download",
             lambda: '+QIND: "FOTA","HTTPEND",0' in bench.module.urcs())


@case
def a_key_opens_dtls_and_a_wrong_one_does_not(bench):
    with open(bench.path("keys"), "w") as f:
        f.write("%s:%s\n" % (ENDPOINT, KEY))
    bench.server = Server(bench, "--lwm2m", "coaps://127.0.0.1:0",
                          "--lwm2m-keys", bench.path("keys"))
    bench.module = Module(bench, None)
    address = bench.server.lwm2m[0].split("//")[1]
    key = "ff" * 16
    account = 'AT+QLWCFG="security",0,1,"%s",0,0,"%s","%s"'
    expect(bench.module.say(account % (address, ENDPOINT, key))[-1], "OK")
    expect(bench.module.say('AT+QLWCFG="server",0,300')[-1], "OK")
    wait_for("the network",
             lambda: bench.module.say("AT+QLWREG")[-1] == "OK")
    wait_for("the failure", lambda: "LwM2M:" in open(
        bench.path("module.log")).read())
    expect(bench.server.client(), None)
    key = KEY
    expect(bench.module.say(account % (address, ENDPOINT, key))[-1], "OK")
    expect(bench.module.say("AT+QLWREG")[-1], "OK")
    expect(bench.registered()["secure"], True)
    expect(bench.module.say("AT+QLWSTAT?")[-2], '+QLWSTAT: 5,"registered"')
    url = bench.serve(bench.package())
    bench.server.update({"uri": url, "version": NEW})
    expect(bench.finished()["state"], "done")


@case
def an_endpoint_of_another_identity_is_refused(bench):
    with open(bench.path("keys"), "w") as f:
        f.write("somebody:%s\n" % KEY)
    bench.server = Server(bench, "--lwm2m", "coaps://127.0.0.1:0",
                          "--lwm2m-keys", bench.path("keys"))
    bench.module = Module(bench, bench.settings(
        bench.server.lwm2m[0],
        security={"mode": 0, "identity": "c29tZWJvZHk=",
                  "secret": "ABEiM0RVZneImaq7zN3u/w=="}))
    wait_for("the refusal", lambda: '"waiting"' in
             bench.module.say("AT+QLWSTAT?")[-2])
    expect(bench.server.call("GET", "lwm2m")["items"], [])


@case
def a_bootstrap_server_tells_where_to_register(bench):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    uri = "coap://127.0.0.1:%d" % port
    bench.server = Server(bench, "--lwm2m", uri, "--lwm2m-bootstrap", uri)
    bench.module = Module(bench, {"security": [
        {"uri": uri, "mode": 3, "bootstrap": True}]})
    bench.registered()
    expect(bench.server.client()["lifetime"], 86400)
    with open(os.path.join(bench.module.state, "lwm2m.json")) as f:
        kept = json.load(f)
    expect(len(kept["security"]), 2)


@case
def a_power_cut_after_the_download_keeps_the_package(bench):
    bench.begin()
    url = bench.serve(bench.package())
    expect(bench.server.ask("write", {"path": "/5/0/1",
                                      "value": url})["code"], "2.04")
    wait_for("the package", lambda: '+LWM2M: "FOTA","DOWNLOADED",0'
             in bench.module.urcs())
    bench.module.cut()
    bench.module.start()

    def downloaded():
        answer = bench.server.ask("read", {"path": "/5/0/3"})
        return answer["code"] == "2.05" and value_of(answer, "/5/0/3") == "2"
    wait_for("the state after the cut", downloaded)
    expect(bench.server.ask("execute", {"path": "/5/0/2"})["code"], "2.04")
    bench.registered(NEW)
    answer = bench.server.ask("read", {"path": "/5/0/5"})
    expect(value_of(answer, "/5/0/5"), "1")


@case
def what_is_wrong_with_a_uri_is_in_the_result(bench):
    bench.begin()
    for uri, result in (("ftp://127.0.0.1/p", "9"), ("coap+tcp://h/p", "9"),
                        ("nothing", "7"), ("http://", "7"), ("://h/p", "7"),
                        ("http://127.0.0.1:99999/p", "7")):
        expect(bench.server.ask("write", {"path": "/5/0/1",
                                          "value": uri})["code"], "2.04")
        answer = bench.server.ask("read", {"path": "/5/0"})
        expect(str(value_of(answer, "/5/0/5")), result)
        expect(str(value_of(answer, "/5/0/3")), "0")


@case
def a_pull_over_coap_has_its_own_urcs(bench):
    bench.begin()
    coap = case_coap.Server(bench.folder, {"/p": bench.package()})
    try:
        bench.server.update({"uri": "coap://127.0.0.1:%d/p" %
                             coap.ports["coap"], "version": NEW})
        expect(bench.finished()["state"], "done")
    finally:
        coap.stop()
    urcs = bench.module.urcs()
    in_order(urcs, ['+QIND: "FOTA","COAPSTART"',
                    '+LWM2M: "FOTA","DOWNLOADED",0',
                    '+QIND: "FOTA","START"', '+QIND: "FOTA","END",0'])
    if any('"DOWNLOADING"' in u or "COAPEND" in u for u in urcs):
        raise Failure("a URC that CoAP does not print: %r" % urcs)


@case
def a_bad_network_updates_all_the_same(bench):
    bench.begin()
    package = bench.known_package()
    expect(bench.module.control("net loss 2"), "OK")
    expect(bench.module.control("net rtt 50"), "OK")
    bench.server.update({"package": package, "method": "push"})
    expect(bench.finished()["state"], "done")


@case
def both_sides_know_each_other_by_certificates(bench):
    certificate(bench, "ca", "ca", "basicConstraints=critical,CA:TRUE\n")
    certificate(bench, "srv", "localhost",
                "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n",
                "ca")
    certificate(bench, "cli", ENDPOINT, "extendedKeyUsage=clientAuth\n",
                "ca")
    bench.server = Server(bench, "--lwm2m", "coaps://127.0.0.1:0",
                          "--lwm2m-ca", bench.path("ca.pem"), "--tls-cert",
                          bench.path("srv.pem"), "--tls-key",
                          bench.path("srv.key"))
    files = os.path.join(bench.path("state"), "files", "datatx")
    os.makedirs(files)
    for to, name in (("fota_cacert.pem", "ca.pem"),
                     ("fota_client_cert.pem", "cli.pem"),
                     ("fota_client_key.pem", "cli.key")):
        shutil.copy(bench.path(name), os.path.join(files, to))
    bench.module = Module(bench, bench.settings(bench.server.lwm2m[0],
                                                security={"mode": 2}))
    expect(bench.registered()["secure"], True)
    package = bench.known_package()
    bench.server.update({"package": package, "method": "push"})
    expect(bench.finished()["state"], "done")


@case
def people_do_all_of_it_with_dfotactl(bench):
    bench.begin()

    def lwm2m(*words, status=0):
        done = subprocess.run([bench.bin("dfotactl"), "--data",
                               bench.server.data, "lwm2m", *words],
                              capture_output=True, text=True)
        if done.returncode != status:
            raise Failure("dfotactl lwm2m %r: %d %s" % (
                words, done.returncode, done.stderr))
        return done.stdout + done.stderr

    if ENDPOINT not in lwm2m("list") or OLD not in lwm2m("show", ENDPOINT):
        raise Failure("the client is not shown")
    expect(lwm2m("read", ENDPOINT, "/3/0/3"), "/3/0/3 %s\n" % OLD)
    expect(lwm2m("write", ENDPOINT, "/1/0/1", "600"), "")
    expect(lwm2m("read", ENDPOINT, "/1/0/1"), "/1/0/1 600\n")
    if "4.05" not in lwm2m("execute", ENDPOINT, "/5/0/2", status=1):
        raise Failure("an Execute without a package was not refused")
    if "no client" not in lwm2m("show", "nobody", status=1):
        raise Failure("nobody is shown")
    url = bench.serve(bench.package())
    said = lwm2m("update", ENDPOINT, "--uri", url, "--version", NEW)
    if "%s: updated\n" % ENDPOINT not in said:
        raise Failure(said)
    bench.registered(NEW)


if __name__ == "__main__":
    sys.exit(main(CASES))
