# SPDX-License-Identifier: Apache-2.0
"""What tests of LwM2M stand on: dfotad, dfota-module beside it, keys,
certificates and packages, and how cases are run and told.
"""
import argparse
import concurrent.futures
import http.client
import http.server
import json
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import tty
from urllib.parse import quote

OLD, NEW = "1.0.0", "1.1.0"
IMEI = "866425030000017"
ENDPOINT = "urn:imei:" + IMEI
PATIENCE = 120
KEY = "00112233445566778899aabbccddeeff"


def case_list():
    """A list of cases, and the decorator that adds to it."""
    cases = []

    def case(function):
        cases.append(function)
        return function
    return cases, case


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

    def __init__(self, bench, *options, scheme="http", data="data"):
        """scheme: of the packages"""
        self.data = bench.path(data)
        self.process = subprocess.Popen(
            [bench.bin("dfotad"), "--data", self.data,
             "--" + scheme, "127.0.0.1:0", "--api", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE, stderr=open(bench.path("dfotad.log"), "a"),
            text=True)
        self.lwm2m, self.addresses = [], {}
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise Failure("dfotad ended at its start")
            words = line.split()
            if words[1:3] == ["listening", "lwm2m"]:
                self.lwm2m.append(words[3])
            elif words[1:2] == ["listening"]:
                self.addresses[words[2]] = words[3]
            if words[1:3] == ["listening", "http"]:
                self.devices = words[3]
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

    def update(self, body, endpoint=ENDPOINT):
        return self.call("POST", "lwm2m/%s/update" % quote(endpoint), body,
                         202)

    def client_update(self, endpoint=ENDPOINT):
        return self.call("GET", "lwm2m/" + quote(endpoint))["update"]

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Module:
    """dfota-module, and the lines it says."""

    def __init__(self, bench, settings, *options, speed="0"):
        self.bench, self.options = bench, options
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
             self.bench.shared("key.pub.pem"), *self.options],
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
    """A folder, a server and a module."""

    def __init__(self, args, folder):
        self.args = args
        self.folder = folder
        self.server = self.module = None
        self.endpoint = ENDPOINT

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
            client = self.server.client(self.endpoint)
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

    def control(self, *words):
        """dfotactl on the server's own socket."""
        done = subprocess.run([self.bin("dfotactl"), "--data",
                               self.server.data, "--json", *words],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure("dfotactl %s: %s" % (" ".join(words), done.stderr))
        return json.loads(done.stdout) if done.stdout.strip() else None

    def known_package(self):
        """A package as an operator makes one: images, delta, signature."""
        ids = [self.control("firmware", "add", self.image(version), "--model",
                            "BG95-M3", "--version", version, "--class", "bg95")
               ["id"] for version in (OLD, NEW)]
        self.control("class", "set", "bg95", "--cert",
                     self.shared("key.pub.pem"))
        package = self.control("delta", "build", "--from", str(ids[0]), "--to",
                               str(ids[1]))["id"]

        def is_built():
            state = self.server.call("GET", "packages/%d" % package)["state"]
            return state in ("unsigned", "ready")
        wait_for("the delta", is_built)
        self.control("delta", "sign", "--key", self.shared("key.pem"))
        return package

    def finished(self):
        def over():
            update = self.server.client_update(self.endpoint)
            return update if update["state"] in ("done", "failed") else None
        return wait_for("the end of the update", over)

    def stop(self):
        for part in (self.module, self.server):
            if part and part.process.poll() is None:
                part.stop()


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


def run(args, function):
    with tempfile.TemporaryDirectory() as folder:
        bench = getattr(args, "bench", Bench)(args, folder)
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


def make_key(args, name):
    """Of packages; its path."""
    key = os.path.join(args.shared, name + ".pem")
    subprocess.run([os.path.join(args.bin_dir, "dfota"), "keygen", "-o", key],
                   check=True, stdout=subprocess.DEVNULL)
    return key


def prepare(args):
    """Keys and packages, once for all cases."""
    dfota = os.path.join(args.bin_dir, "dfota")
    images = [os.path.join(args.image_dir, "demo-%s.bin" % v)
              for v in (OLD, NEW)]
    for name in ("key", "other"):
        key = make_key(args, name)
        subprocess.run([dfota, "diff", *images, "-o",
                        os.path.join(args.shared, name + ".pkg"), "--class",
                        "bg95", "--key", key], check=True,
                       stdout=subprocess.DEVNULL)


def timed(args, function):
    began = time.monotonic()
    error = run(args, function)
    return function.__name__, error, time.monotonic() - began


def arguments(**more):
    parser = argparse.ArgumentParser(**more)
    # Most of the time is waiting.
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("bin_dir")
    parser.add_argument("image_dir")
    parser.add_argument("names", nargs="*")
    return parser


def main(cases, bench=Bench):
    """bench: of which each case is given one"""
    args = arguments().parse_args()
    args.bench = bench
    chosen = [c for c in cases
              if not args.names or c.__name__ in args.names]
    with tempfile.TemporaryDirectory() as args.shared:
        prepare(args)
        failed = run_all(args, chosen)
    return 1 if failed else 0


def run_all(args, chosen):
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for name, error, seconds in pool.map(
                lambda c: timed(args, c), chosen):
            print("%s %s (%.1f s)" % ("FAIL" if error else "ok", name,
                                      seconds))
            if error:
                print(error)
                failed += 1
    return failed
