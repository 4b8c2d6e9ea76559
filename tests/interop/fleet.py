# SPDX-License-Identifier: Apache-2.0
"""What the tests of a whole dfotad share: the server, people, modules."""
import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tools"))
from with_postgresql import Postgresql  # noqa: E402,F401
from contract import Contract  # noqa: E402

PASSWORD = "a password of some length"
OPENAPI = os.path.join(os.path.dirname(__file__), "..", "..", "src", "server",
                       "api", "openapi.json")


DATABASES = {}  # by data folder, where the tests run on PostgreSQL


def database_of(data):
    """A new one on the PostgreSQL of with_postgresql.py for each data folder,
    or None: SQLite."""
    server = os.environ.get("DFOTA_TEST_DATABASE")
    if server and data not in DATABASES:
        name = f"test{os.getpid()}_{len(DATABASES)}"
        subprocess.run(["psql", "-q", server, "-c", f"CREATE DATABASE {name}"],
                       check=True)
        DATABASES[data] = server.replace("/postgres?", f"/{name}?")
    return DATABASES.get(data)


class Node:
    """One dfotad on ports of its own."""

    def __init__(self, binary, root, *more, name="one", database=None):
        self.root = root
        self.data = os.path.join(root, name)
        os.makedirs(self.data, exist_ok=True)
        self.args = [binary, "--data", self.data, "--http", "127.0.0.1:0",
                     "--https", "127.0.0.1:0", "--api", "127.0.0.1:0",
                     "--admin", "127.0.0.1:0", "--node", name,
                     "--public-loopback", *more]
        database = database or database_of(self.data)
        if database:
            self.args += ["--database", database]
        self.start()

    def start(self):
        self.errors = open(os.path.join(self.data, "errors.txt"), "a+")
        self.process = subprocess.Popen(self.args, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        self.ports = {}
        wanted = 5 + sum(a in ("--coap", "--coaps", "--lwm2m")
                         for a in self.args)
        while len(self.ports) < wanted:
            line = self.process.stdout.readline()
            match = re.fullmatch(
                r"dfotad: listening (\w+) (?:127\.0\.0\.1:)?(\S+)\n", line)
            if not match:
                self.process.wait()
                raise AssertionError(f"no start: {line!r} {self.said()}")
            self.ports[match[1]] = match[2]

    def said(self):
        self.errors.flush()
        with open(self.errors.name) as f:
            return f.read()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        said = self.said()
        self.errors.close()
        if "Sanitizer" in said or "runtime error" in said:
            raise AssertionError(said)
        return code

    def place(self, name):
        """Host and port of one of its listeners."""
        host, _, port = self.ports[name].rpartition(":")
        return host or "127.0.0.1", int(port)

    def connect(self, secure=True):
        if not secure:
            return http.client.HTTPConnection(*self.place("http"), timeout=60)
        context = ssl.create_default_context(
            cafile=os.path.join(self.data, "tls-cert.pem"))
        return http.client.HTTPSConnection(
            "localhost", int(self.ports["https"]), timeout=60, context=context)

    def admin(self, path):
        connection = http.client.HTTPConnection(*self.place("admin"),
                                                timeout=60)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body


class Api:
    """The interface for people: with a token, or through the socket."""

    with open(OPENAPI) as file:  # every answer is held to it
        contract = Contract(json.load(file))

    def __init__(self, node, token=None):
        self.node, self.token = node, token

    def call(self, method, path, body=None, headers=None, raw=None):
        headers = dict(headers or {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
            connection = http.client.HTTPConnection(*self.node.place("api"),
                                                    timeout=60)
        else:
            connection = http.client.HTTPConnection("localhost", timeout=60)
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(self.node.ports["ctl"])
        data = raw if raw is not None else (
            json.dumps(body).encode() if body is not None else None)
        connection.request(method, "/api/v1/" + path, body=data,
                           headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        self.headers = dict(answer.getheaders())
        media = self.headers.get("Content-Type", "")
        data = json.loads(text) if "json" in media else None
        self.contract.check(method, path, answer.status, data, media)
        return answer.status, text.decode() if data is None else data

    def must(self, method, path, body=None, headers=None, raw=None):
        status, answer = self.call(method, path, body, headers, raw)
        if status >= 300:
            raise AssertionError(f"{method} {path}: {status} {answer}")
        return answer

    def person(self, name, role):
        """Another person with a token of that role."""
        self.must("POST", "users", {"name": name, "role": role})
        made = self.must("POST", "tokens", {"name": "test", "user": name,
                                            "role": role})
        return Api(self.node, made["token"])


class Module:
    """A polling module: what the device API is to it."""

    def __init__(self, node, imei, model="m1", version="1.0", secure=True):
        self.node, self.imei = node, imei
        self.model, self.version, self.secure = model, version, secure
        self.access = self.refresh = None

    def call(self, method, path, body=None, headers=None):
        connection = self.node.connect(self.secure)
        connection.request(method, path, headers=headers or {},
                           body=None if body is None else json.dumps(body))
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        self.headers = dict(answer.getheaders())
        return answer.status, json.loads(data) if data else None

    def bearer(self):
        return {"Authorization": f"Bearer {self.access}"} if self.access else {}

    def log_in(self, password=PASSWORD, name=None):
        status, answer = self.call("POST", "/fota/v1/token", {
            "name": name or self.imei, "password": password,
            "imei": self.imei})
        if status == 200:
            self.access = answer["access_token"]
            self.refresh = answer["refresh_token"]
        return status, answer

    def poll(self, **more):
        query = {"imei": self.imei, "model": self.model,
                 "version": self.version, "battery": 80, "rssi": -70}
        query.update(more)
        query = {k: v for k, v in query.items() if v is not None}
        return self.call("GET", "/fota/v1/plan?" +
                         urllib.parse.urlencode(query), headers=self.bearer())

    def load(self, url):
        parts = urllib.parse.urlsplit(url)
        connection = self.node.connect(parts.scheme == "https")
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def report(self, grant, **more):
        body = {"imei": self.imei, "plan": grant["plan"],
                "attempt": grant["attempt"], "version": self.version}
        body.update(more)
        return self.call("POST", "/fota/v1/result", body,
                         headers=self.bearer())


def until(what, seconds=60):
    """Wait for an event that shows in the server's answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def images(count=2, size=20000):
    """Firmware that resembles its predecessor."""
    import random
    rng = random.Random(7)
    first = bytearray(rng.randbytes(size))
    made = [bytes(first)]
    for number in range(1, count):
        image = bytearray(made[-1])
        for _ in range(20):
            at = rng.randrange(size - 8)
            image[at:at + 4] = rng.randbytes(4)
        made.append(bytes(image))
    return made


def imei(number):
    return f"3500000000{number:05d}"


def key_pair(folder):
    key = os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-out", key], check=True,
                   capture_output=True)
    public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout"],
                            check=True, capture_output=True, text=True).stdout
    os.chmod(key, 0o600)
    with open(os.path.join(folder, "key.pub.pem"), "w") as f:
        f.write(public)
    return key, public


def enrol(api, numbers, **more):
    modules = [dict({"imei": imei(n), "model": "m1", "version": "1.0",
                     "password": PASSWORD}, **more) for n in numbers]
    answer = api.must("POST", "modules/import", {"modules": modules})
    assert len(answer["made"]) == len(modules), answer


def upload(api, model, version, image, **more):
    query = urllib.parse.urlencode(dict({"model": model, "version": version},
                                        **more))
    return api.must("POST", f"firmware?{query}", raw=image)["id"]


def run_plan(api, other, firmware, spec, name="plan"):
    """A plan, made by api, approved by other, running."""
    plan = api.must("POST", "plans", {"name": name, "firmware": firmware,
                                      "spec": spec})["id"]
    until(lambda: not any(
        api.must("GET", f"packages?state={state}")["items"]
        for state in ("waiting", "building")))
    other.must("POST", f"plans/{plan}/approve")
    api.must("POST", f"plans/{plan}/start")
    return plan
