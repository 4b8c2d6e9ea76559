#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`dfota-module` as LwM2M client of `dfotad`: whole updates over loopback.

usage: test_lwm2m.py BIN_DIR IMAGE_DIR [NAME]...

Both programs as they are shipped, driven over the server's control socket
and the module's serial line. Checked: the version that runs afterwards, the
URCs in their order, the state the server saw.
"""
import argparse
import concurrent.futures
import http.client
import http.server
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tty
from urllib.parse import quote

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "cases"))
import case_coap  # noqa: E402

OLD, NEW = "1.0.0", "1.1.0"
IMEI = "866425030000017"
ENDPOINT = "urn:imei:" + IMEI
PATIENCE = 120
CASES = []


def case(function):
    CASES.append(function)
    return function


class Failure(Exception):
    pass


def wait_for(what, condition, patience=PATIENCE):
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure("waited in vain: " + what)
        time.sleep(0.05)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


class Server:
    """dfotad with a folder of its own, on free ports."""

    def __init__(self, bench, *options, scheme="http"):
        """scheme: of the packages"""
        self.data = bench.path("data")
        self.process = subprocess.Popen(
            [bench.bin("dfotad"), "--data", self.data,
             "--" + scheme, "127.0.0.1:0", "--api", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE, stderr=open(bench.path("dfotad.log"), "a"),
            text=True)
        self.lwm2m = []
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise Failure("dfotad ended at its start")
            words = line.split()
            if words[1:3] == ["listening", "lwm2m"]:
                self.lwm2m.append(words[3])
            if words[1:3] == ["listening", "api"]:
                break

    def call(self, method, path, body=None, expect=200):
        connection = UnixConnection(os.path.join(self.data, "ctl.sock"))
        connection.request(method, "/api/v1/" + path,
                           json.dumps(body) if body is not None else None,
                           {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if response.status != expect:
            raise Failure("%s %s: %d %s" % (method, path, response.status,
                                            text))
        return json.loads(text) if text else None

    def client(self, endpoint=ENDPOINT):
        for item in self.call("GET", "lwm2m")["items"]:
            if item["endpoint"] == endpoint:
                return self.call("GET", "lwm2m/" + quote(endpoint))
        return None

    def ask(self, action, body, endpoint=ENDPOINT):
        """A question and its answer."""
        asked = self.call("POST", "lwm2m/%s/%s" % (quote(endpoint), action),
                          body, 202)

        def answered():
            answer = self.call("GET", "lwm2m/requests/%d" % asked["id"])
            return answer if answer["state"] != "waiting" else None
        return wait_for("the answer to " + action, answered)

    def update(self, body):
        return self.call("POST", "lwm2m/%s/update" % quote(ENDPOINT), body,
                         202)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Module:
    """dfota-module, and the lines it says."""

    def __init__(self, bench, settings, speed="0"):
        self.bench = bench
        self.state = bench.path("state")
        os.makedirs(self.state, exist_ok=True)
        if settings is not None:
            with open(os.path.join(self.state, "lwm2m.json"), "w") as f:
                json.dump(settings, f)
        self.speed = speed
        self.lines = []
        self.start()

    def start(self):
        for name in ("port", "control"):
            if os.path.lexists(self.bench.path(name)):
                os.unlink(self.bench.path(name))
        self.process = subprocess.Popen(
            [self.bench.bin("dfota-module"), "--model", "bg95", "--state",
             self.state, "--firmware", self.bench.image(OLD), "--port",
             "pty:" + self.bench.path("port"), "--control",
             self.bench.path("control"), "--speed", self.speed, "--cert",
             self.bench.shared("key.pub.pem")],
            stdout=subprocess.DEVNULL,
            stderr=open(self.bench.path("module.log"), "a"))
        wait_for("the module's port",
                 lambda: os.path.exists(self.bench.path("port")))
        self.fd = os.open(self.bench.path("port"), os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        rest = b""
        fd, process = self.fd, self.process
        while process.poll() is None:
            try:
                if not select.select([fd], [], [], 0.2)[0]:
                    continue
                got = os.read(fd, 4096)
            except OSError:
                return
            rest += got
            parts = re.split(rb"[\r\n]+", rest)
            rest = parts.pop()
            self.lines += [p.decode(errors="replace") for p in parts if p]

    def say(self, line):
        """One AT command; the lines up to its final code."""
        start = len(self.lines)
        os.write(self.fd, line.encode() + b"\r")

        def final():
            for i, text in enumerate(self.lines[start:]):
                if text in ("OK", "ERROR") or text.startswith("+CME ERROR"):
                    return self.lines[start:start + i + 1]
            return None
        return wait_for("the answer to " + line, final, 30)

    def urcs(self):
        return [l for l in self.lines if l.startswith(("+LWM2M:", "+QIND:"))]

    def control(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.bench.path("control"))
            s.sendall(line.encode() + b"\n")
            return s.makefile().readline().strip()

    def cut(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self.fd)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Bench:
    def __init__(self, args, folder):
        self.args = args
        self.folder = folder
        self.server = self.module = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def bin(self, name):
        return os.path.join(self.args.bin_dir, name)

    def image(self, version):
        return os.path.join(self.args.image_dir, "demo-%s.bin" % version)

    def shared(self, name):
        return os.path.join(self.args.shared, name)

    def package(self, key="key"):
        with open(self.shared(key + ".pkg"), "rb") as f:
            return f.read()

    def settings(self, uri, **more):
        account = {"uri": uri, "mode": 3, "short_id": 1}
        account.update(more.pop("security", {}))
        return {"security": [account],
                "server": [{"short_id": 1, "lifetime_s": 300}], **more}

    def begin(self, *options, uri="coap://127.0.0.1:0", scheme="http",
              **settings):
        self.server = Server(self, "--lwm2m", uri, *options, scheme=scheme)
        self.module = Module(self, self.settings(self.server.lwm2m[0],
                                                 **settings))
        self.registered()

    def registered(self, version=OLD):
        def there():
            client = self.server.client()
            return client and client["version"] == version and client
        return wait_for("a registration of version " + version, there)

    def serve(self, data):
        """The package over HTTP; its URL."""
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass
        httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        return "http://127.0.0.1:%d/p" % httpd.server_address[1]

    def finished(self):
        def over():
            update = self.server.client_update()
            return update if update["state"] in ("done", "failed") else None
        return wait_for("the end of the update", over)

    def stop(self):
        for part in (self.module, self.server):
            if part and part.process.poll() is None:
                part.stop()


def client_update(self):
    return self.call("GET", "lwm2m/" + quote(ENDPOINT))["update"]


Server.client_update = client_update


def value_of(answer, path):
    for item in answer["values"]:
        if item["path"] == path:
            return item["value"]
    raise Failure("%s is not in %s" % (path, answer))


def expect(got, wanted):
    if got != wanted:
        raise Failure("got %r, wanted %r" % (got, wanted))


def in_order(lines, wanted):
    at = 0
    for line in lines:
        if at < len(wanted) and line == wanted[at]:
            at += 1
    if at < len(wanted):
        raise Failure("%r is missing in %r" % (wanted[at], lines))


# ---- cases -----------------------------------------------------------------

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
        f.write("%s:00112233445566778899aabbccddeeff\n" % ENDPOINT)
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
    key = "00112233445566778899aabbccddeeff"
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
        f.write("somebody:00112233445566778899aabbccddeeff\n")
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


def control(self, *words):
    """dfotactl on the server's own socket."""
    done = subprocess.run([self.bin("dfotactl"), "--data", self.server.data,
                           "--json", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure("dfotactl %s: %s" % (" ".join(words), done.stderr))
    return json.loads(done.stdout) if done.stdout.strip() else None


def known_package(self):
    """A package as an operator makes one: images, delta, signature."""
    ids = [self.control("firmware", "add", self.image(version), "--model",
                        "BG95-M3", "--version", version, "--class", "bg95")
           ["id"] for version in (OLD, NEW)]
    self.control("class", "set", "bg95", "--cert", self.shared("key.pub.pem"))
    package = self.control("delta", "build", "--from", str(ids[0]), "--to",
                           str(ids[1]))["id"]

    def is_built():
        state = self.server.call("GET", "packages/%d" % package)["state"]
        return state in ("unsigned", "ready")
    wait_for("the delta", is_built)
    self.control("delta", "sign", "--key", self.shared("key.pem"))
    return package


Bench.control = control
Bench.known_package = known_package


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


def openssl(bench, *words):
    subprocess.run(["openssl", *words], check=True, cwd=bench.folder,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def certificate(bench, name, common_name, extension, issuer=None):
    """A certificate and its key, PEM; self-signed without an issuer."""
    openssl(bench, "ecparam", "-name", "prime256v1", "-genkey", "-noout",
            "-out", name + ".key")
    openssl(bench, "req", "-new", "-key", name + ".key", "-subj",
            "/CN=" + common_name, "-out", name + ".csr")
    with open(bench.path(name + ".ext"), "w") as f:
        f.write(extension)
    sign = (["-CA", issuer + ".pem", "-CAkey", issuer + ".key",
             "-CAcreateserial"] if issuer else ["-signkey", name + ".key"])
    openssl(bench, "x509", "-req", "-in", name + ".csr", "-days", "2",
            "-extfile", name + ".ext", *sign, "-out", name + ".pem")


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


def slow(self, data, gate):
    """A URL whose body comes when the gate is opened."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:1000])
            self.wfile.flush()
            gate.wait(PATIENCE)
            self.wfile.write(data[1000:])

        def log_message(self, *args):
            pass
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    return "http://127.0.0.1:%d/p" % httpd.server_address[1]


Bench.slow = slow


def run(args, function):
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, folder)
        try:
            function(bench)
            return None
        except (Failure, OSError, subprocess.SubprocessError) as e:
            logs = ""
            for name in ("dfotad.log", "module.log"):
                if os.path.exists(bench.path(name)):
                    with open(bench.path(name)) as f:
                        logs += "--- %s\n%s" % (name, f.read()[-2000:])
            lines = bench.module.lines[-30:] if bench.module else []
            return "%r\nlines: %r\n%s" % (e, lines, logs)
        finally:
            bench.stop()


def prepare(args):
    """Keys and packages, once for all cases."""
    dfota = os.path.join(args.bin_dir, "dfota")
    images = [os.path.join(args.image_dir, "demo-%s.bin" % v)
              for v in (OLD, NEW)]
    for name in ("key", "other"):
        key = os.path.join(args.shared, name + ".pem")
        subprocess.run([dfota, "keygen", "-o", key], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run([dfota, "diff", *images, "-o",
                        os.path.join(args.shared, name + ".pkg"), "--class",
                        "bg95", "--key", key], check=True,
                       stdout=subprocess.DEVNULL)


def timed(args, function):
    began = time.monotonic()
    error = run(args, function)
    return function.__name__, error, time.monotonic() - began


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("bin_dir")
    parser.add_argument("image_dir")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    chosen = [c for c in CASES
              if not args.names or c.__name__ in args.names]
    # Most of the time is waiting.
    with tempfile.TemporaryDirectory() as args.shared:
        failed = run_all(args, chosen)
    return 1 if failed else 0


def run_all(args, chosen):
    failed = 0
    prepare(args)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for name, error, seconds in pool.map(
                lambda c: timed(args, c), chosen):
            print("%s %s (%.1f s)" % ("FAIL" if error else "ok", name,
                                      seconds))
            if error:
                print(error)
                failed += 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
