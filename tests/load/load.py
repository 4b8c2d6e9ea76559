#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much a dfotad holds, each row beside its yardstick in the same run.

Usage: load.py BIN [SUITE]...

BIN is a folder with release builds. Suites: facts, polls, packages, idle, storm.
Without one, all of them. Needs nginx for its rows; they are left out where
there is none.
"""
import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
import fleet  # noqa: E402
from fleet import Api, Module, Node, imei  # noqa: E402

failed = 0


def row(what, figure, must, holds):
    """One line of the table."""
    global failed
    failed += not holds
    print(f"{'ok ' if holds else 'NO '} {what:<46} {figure:<26} {must}",
          flush=True)


def cpu_of(pid):
    """Seconds of processor that a process's threads have used, to the
    nanosecond."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def rss_of(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def fdatasync_ms(folder):
    """The median of what this disk takes for one."""
    path = os.path.join(folder, "sync")
    times = []
    with open(path, "wb") as f:
        for _ in range(100):
            f.write(b"x" * 4096)
            f.flush()
            begun = time.perf_counter()
            os.fdatasync(f.fileno())
            times.append(time.perf_counter() - begun)
    os.unlink(path)
    return sorted(times)[50] * 1000


class Request:
    """One kept connection that says the same bytes again and again."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def ask(self, data):
        self.socket.sendall(data)
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(self.rest) < length:
            self._more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(head.split()[1]), body

    def _more(self):
        part = self.socket.recv(262144)
        if not part:
            raise ConnectionError
        self.rest += part


def get(path, *headers):
    return ("\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers]) +
            "\r\n\r\n").encode()


class Nginx:
    """The yardstick: one worker over the same files."""

    def __init__(self, root, files):
        self.root = os.path.join(root, "nginx")
        os.makedirs(os.path.join(self.root, "www"))
        for name, data in files.items():
            with open(os.path.join(self.root, "www", name), "wb") as f:
                f.write(data)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = os.path.join(self.root, "nginx.conf")
        with open(config, "w") as f:
            f.write(f"""daemon off; pid {self.root}/pid; worker_processes 1;
                user root; error_log {self.root}/error;
                events {{ worker_connections 4096; }}
                http {{ access_log off; sendfile on; keepalive_requests 10000000;
                server {{ listen 127.0.0.1:{self.port}; root {self.root}/www;
                }} }}""".replace("user root;",
                                 "user root;" if os.getuid() == 0 else ""))
        self.process = subprocess.Popen(["nginx", "-c", config, "-p",
                                         self.root])
        fleet.until(self.answers)
        children = subprocess.run(["ps", "-o", "pid=", "--ppid",
                                   str(self.process.pid)],
                                  capture_output=True, text=True).stdout
        self.worker = int(children.split()[0])

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait()


def cost(pid, port, data, times, wanted):
    """Processor time of a process per request, microseconds."""
    request = Request(port)
    for _ in range(50):
        request.ask(data)
    before = cpu_of(pid)
    for _ in range(times):
        status, _ = request.ask(data)
        assert status == wanted, status
    return (cpu_of(pid) - before) / times * 1e6


def against_nginx(what, factor, node_pid, node_port, data, wanted, nginx, path,
                  times, headers=()):
    """The best of three rounds each, in turns."""
    ours, theirs = [], []
    for _ in range(3):
        ours.append(cost(node_pid, node_port, data, times, wanted))
        theirs.append(cost(nginx.worker, nginx.port, get(path, *headers),
                           times, 206 if headers else 200))
    us, they = min(ours), min(theirs)
    row(what, f"{us:.1f} us, nginx {they:.1f} us",
        f"<= {factor} x nginx", us <= factor * they)


class Bench:
    def __init__(self, binary):
        self.root = tempfile.mkdtemp(prefix="dfota-load-")
        self.key, _ = fleet.key_pair(self.root)
        self.node = Node(os.path.join(binary, "dfotad"), self.root,
                         "--signing-key", self.key, "--device-api-plain")
        self.pid = self.node.process.pid
        self.local = Api(self.node)
        self.ada = self.local.person("ada", "operator")
        self.bob = self.local.person("bob", "approver")
        self.port = int(self.node.ports["http"])

    def close(self):
        self.node.stop()
        shutil.rmtree(self.root)

    def modules(self, first, n, model):
        for at in range(first, first + n, 5000):
            fleet.enrol(self.local,
                        range(at, min(at + 5000, first + n)), model=model)
        made = [Module(self.node, imei(i), model, secure=False)
                for i in range(first, first + n)]
        return made

    def plan(self, model, spec):
        old, new = fleet.images(2, 200_000)
        fleet.upload(self.ada, model, "1.0", old)
        target = fleet.upload(self.ada, model, "1.1", new)
        return fleet.run_plan(self.ada, self.bob, target, spec)


def poll_of(module):
    return get(f"/fota/v1/plan?imei={module.imei}&model={module.model}"
               f"&version={module.version}&battery=80&rssi=-70",
               f"Authorization: Bearer {module.access}")


def in_flight(count, jobs, work):
    """So many at once; the sorted times of all."""
    times, lock = [], threading.Lock()
    todo = list(jobs)

    def run():
        mine = []
        while True:
            with lock:
                if not todo:
                    times.extend(mine)
                    return
                job = todo.pop()
            begun = time.perf_counter()
            work(job)
            mine.append(time.perf_counter() - begun)

    threads = [threading.Thread(target=run) for _ in range(count)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun, sorted(times)


def suite_facts(bench):
    """Results that are on the disk when they are answered: 64 in flight, by
    tests/load/storm, which is C, so that the client is not what is counted."""
    sync = fdatasync_ms(bench.node.data)
    modules = bench.modules(10000, 64, "facts")
    for module in modules:
        module.log_in()
    bench.plan("facts", {"concurrency": 100000})
    grants = [module.poll()[1] for module in modules]
    requests = os.path.join(bench.root, "requests")
    with open(requests, "wb") as f:
        for module, grant in zip(modules, grants):
            # every report differs, so each is a note or a number to be kept
            body = json.dumps({"imei": module.imei, "plan": grant["plan"],
                               "attempt": grant["attempt"], "http_err": 0,
                               "version": "1.0"})
            data = (f"POST /fota/v1/result HTTP/1.1\r\nHost: x\r\n"
                    f"Authorization: Bearer {module.access}\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
            f.write(len(data).to_bytes(4, "little") + data)
    out = subprocess.run([os.path.join(BIN, "storm"), str(bench.port),
                          requests, "5"], capture_output=True, text=True,
                         check=True).stdout
    figures = json.loads(out)
    limit = 10 * sync + 20
    row("durable results, 64 in flight",
        f"{figures['per_second']:.0f}/s, fdatasync {sync:.2f} ms",
        ">= 10000/s at 1 ms", figures["per_second"] >= 10000 / max(1, sync))
    row("durable results, 99th percentile", f"{figures['p99_ms']:.1f} ms",
        f"<= {limit:.1f} ms (10 fdatasync + 20)", figures["p99_ms"] <= limit)
    row("results refused or lost", str(figures["wrong"]), "0",
        figures["wrong"] == 0)


def suite_polls(bench):
    (module,) = bench.modules(1, 1, "polls")
    module.log_in()
    status, answer = module.poll()
    data = json.dumps(answer).encode()
    assert answer["code"] == 802, answer
    if shutil.which("nginx"):
        nginx = Nginx(bench.root, {"poll": data})
        against_nginx("poll over kept HTTP, token checked", 1.5, bench.pid,
                      bench.port, poll_of(module), 404, nginx, "/poll", 5000)
        nginx.stop()


def suite_packages(bench):
    (module,) = bench.modules(2, 1, "packages")
    module.log_in()
    bench.plan("packages", {"transport": ["http"]})
    module.version = "0.9"  # gets the full image
    grant = module.poll()[1]
    path = "/" + grant["url"].split("/", 3)[3]
    status, package = module.load(grant["url"])
    assert status == 200 and len(package) == grant["size"]
    if shutil.which("nginx"):
        shutil.rmtree(os.path.join(bench.root, "nginx"), ignore_errors=True)
        nginx = Nginx(bench.root, {"pkg": package})
        against_nginx(f"package of {len(package) // 1000} KB, HTTP", 2.0,
                      bench.pid, bench.port, get(path), 200, nginx, "/pkg",
                      1500)
        part = "Range: bytes=1000-17383"
        against_nginx("range of 16 KB, HTTP", 1.5, bench.pid, bench.port,
                      get(path, part), 206, nginx, "/pkg", 3000, (part,))
        nginx.stop()


def suite_idle(bench):
    before, kept = rss_of(bench.pid), []
    for _ in range(2000):
        request = Request(bench.port)
        request.ask(get("/nothing"))
        kept.append(request)
    each = (rss_of(bench.pid) - before) / len(kept) / 1024
    row("2000 idle connections, HTTP", f"{each:.1f} KB each", "<= 8 KB",
        each <= 8)


def lwm2m_cost(clients):
    """Microseconds of the server and bytes of it for one registration, with
    the four questions that follow each."""
    folder = tempfile.mkdtemp()
    node = Node(os.path.join(BIN, "dfotad"), folder, "--lwm2m",
                "coap://127.0.0.1:0")
    try:
        port = node.ports["lwm2m"].rsplit(":", 1)[1]
        cpu, rss = cpu_of(node.process.pid), rss_of(node.process.pid)
        done = subprocess.run([os.path.join(BIN, "lwm2m_load"), port,
                               str(clients)], stdout=subprocess.PIPE)
        cpu = cpu_of(node.process.pid) - cpu
        rss = rss_of(node.process.pid) - rss
    finally:
        node.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return done.returncode, cpu / clients * 1e6, rss / clients


def suite_lwm2m(bench):
    wrong, few, _ = lwm2m_cost(10000)
    lost, many, each = lwm2m_cost(100000)
    row("LwM2M registrations, 10 000 clients", f"{few:.0f} us each",
        "<= 50 us", not wrong and few <= 50)
    row("LwM2M registrations, 100 000 clients",
        f"{many:.0f} us, {each:.0f} bytes each",
        "<= 1.25 x, <= 1024", not lost and many <= 1.25 * few and each <= 1024)


def make_database(path, modules):
    """A database with so many modules, as a first start leaves it, but
    filled behind the server's back: enrolling them is not what is measured."""
    import sqlite3
    with sqlite3.connect(path) as db:
        db.executemany(
            "INSERT INTO module (tenant, imei, name, model, version, class, "
            "grp, tags, state, updates, created) VALUES (1, ?, ?, 'storm', "
            "'1.0', '', '', '', 'active', 0, 0)",
            ((number, number) for number in
             (f"35{n:013d}" for n in range(modules))))
        return db.execute("SELECT id, secret FROM secret_key WHERE kind = "
                          "'token' ORDER BY id DESC LIMIT 1").fetchone()


def token_of(key, number):
    """An access token as the server would sign it."""
    text = f"{key[0]}.1.{number}.pr.{int(time.time()) + 3600}"
    mac = hmac.new(bytes.fromhex(key[1]), text.encode(),
                   hashlib.sha256).digest()[:16]
    return text + "." + base64.urlsafe_b64encode(mac).decode().rstrip("=")


def suite_storm(_):
    """Polls of a fleet of a million over kept connections."""
    count, root = 1_000_000, tempfile.mkdtemp(prefix="dfota-storm-")
    node = Node(os.path.join(BIN, "dfotad"), root, "--device-api-plain")
    node.stop()
    key = make_database(os.path.join(node.data, "dfotad.db"), count)
    begun = time.perf_counter()
    node.start()
    row("start with 1 000 000 modules",
        f"{time.perf_counter() - begun:.1f} s", "", True)
    path = os.path.join(root, "requests")
    with open(path, "wb") as f:
        for n in range(0, count, count // 200):
            number = f"35{n:013d}"
            data = get(f"/fota/v1/plan?imei={number}&model=storm&version=1.0"
                       "&battery=80&rssi=-70",
                       "Authorization: Bearer " + token_of(key, number))
            f.write(len(data).to_bytes(4, "little") + data)
    before = cpu_of(node.process.pid)
    figures = json.loads(subprocess.run(
        [os.path.join(BIN, "storm"), node.ports["http"], path, "10", "404"],
        capture_output=True, text=True, check=True).stdout)
    used = (cpu_of(node.process.pid) - before) / figures["answers"] * 1e6
    row("polls, 200 connections, 1 000 000 modules",
        f"{figures['per_second']:.0f}/s, {used:.1f} us each", ">= 3500/s",
        figures["per_second"] >= 3500)
    row("polls answered wrong", str(figures["wrong"]), "0",
        figures["wrong"] == 0)
    memory = rss_of(node.process.pid) / (1 << 20)
    row("memory with 1 000 000 modules", f"{memory:.0f} MB", "< 400 MB",
        memory < 400)
    node.stop()
    shutil.rmtree(root)


SUITES = {"lwm2m": suite_lwm2m, "facts": suite_facts, "polls": suite_polls,
          "packages": suite_packages, "idle": suite_idle,
          "storm": suite_storm}


def main(argv):
    global BIN
    BIN = argv[1]
    wanted = argv[2:] or list(SUITES)
    for name in wanted:
        if name not in SUITES:
            sys.exit(f"load: no suite {name}; there are " + " ".join(SUITES))
    bench = Bench(BIN)
    try:
        for name in wanted:
            SUITES[name](bench)
    finally:
        bench.close()
    print(f"load: {failed} rows missed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
