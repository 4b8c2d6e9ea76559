# SPDX-License-Identifier: Apache-2.0
"""What the suites of ./run load share: the table, what a process used, the
yardstick, a server with people and modules."""
import contextlib
import json
import os
import re
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
import fleet  # noqa: E402
from fleet import Api, Module, Node, imei  # noqa: E402

BIN = None  # where the programs are; load.py says it
table = []  # of [mark, what, figure, must]


def row(what, figure, must, holds):
    """One line of the table. holds: whether it does; "cpu": not by the clock
    of this machine, but by the processor time that it took, or beside what
    the others on it leave."""
    mark = {True: "PASS", False: "MISS", "cpu": "PASS*"}[holds]
    table.append([mark, what, figure, must])
    print(f"{mark:<5} {what:<47} {figure:<37} {must}", flush=True)


def left_out(what, why):
    """A row that this machine cannot have is missed, and said to be."""
    row(what, why, "", False)


def pace(by_clock, cpu_us, must):
    """Whether so many a second are reached: by the clock, or, where others
    use the machine too, by what one processor would do in a second."""
    if by_clock >= must:
        return True
    return "cpu" if 1e6 / cpu_us >= must else False


# ---- what a process uses ---------------------------------------------------

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


def kernel_of(port):
    """Bytes that the kernel holds for the connections of a server's port:
    buffers, and their overhead."""
    text = subprocess.run(["ss", "-tmnH", "state", "established", "sport",
                           "=", f":{port}"], capture_output=True, text=True,
                          check=True).stdout
    total = 0
    for part in re.findall(r"skmem:\(([^)]*)\)", text):
        held = dict(re.findall(r"([a-z_]+)(\d+)", part))
        total += sum(int(held.get(k, 0)) for k in ("r", "w", "f", "o", "bl"))
    return total


def many_files(n):
    """Open files for n connections on this side."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < n + 100 and hard != resource.RLIM_INFINITY:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return True


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


# ---- requests --------------------------------------------------------------

class Request:
    """One kept connection that says the same bytes again and again."""

    def __init__(self, port, secure=False):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
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
        parts, have = [self.rest], len(self.rest)
        while have < length:
            parts.append(self._part())
            have += len(parts[-1])
        body = b"".join(parts)
        body, self.rest = body[:length], body[length:]
        return int(head.split()[1]), body

    def close(self):
        self.socket.close()

    def _part(self):
        part = self.socket.recv(262144)
        if not part:
            raise ConnectionError
        return part

    def _more(self):
        self.rest += self._part()


def get(path, *headers):
    return ("\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers]) +
            "\r\n\r\n").encode()


def poll_of(module, token=None):
    return get(f"/fota/v1/plan?imei={module.imei}&model={module.model}"
               f"&version={module.version}&battery=80&rssi=-70",
               f"Authorization: Bearer {token or module.access}")


def login_of(module):
    body = json.dumps({"name": module.imei, "password": fleet.PASSWORD,
                       "imei": module.imei})
    return (f"POST /fota/v1/token HTTP/1.1\r\nHost: x\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def script(path, requests):
    """A file of requests as the tools in C read it."""
    with open(path, "wb") as f:
        for data in requests:
            f.write(len(data).to_bytes(4, "little") + data)
    return path


def tool(name, *words):
    """What one of the tools in C measured."""
    return json.loads(subprocess.run(
        [os.path.join(BIN, name), *map(str, words)], capture_output=True,
        text=True, check=True).stdout.splitlines()[-1])


# ---- the yardstick ---------------------------------------------------------

def nginx_program():
    return shutil.which("nginx", path=os.environ["PATH"] +
                        ":/usr/sbin:/sbin")


class Nginx:
    """One worker over the same files, with the certificate of the server."""

    def __init__(self, root, files, data):
        self.root = tempfile.mkdtemp(prefix="nginx-", dir=root)
        os.makedirs(os.path.join(self.root, "www"))
        for name, content in files.items():
            with open(os.path.join(self.root, "www", name), "wb") as f:
                f.write(content)
        ports = []
        for _ in range(2):
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                ports.append(s.getsockname()[1])
        self.port, self.secure_port = ports
        config = os.path.join(self.root, "nginx.conf")
        with open(config, "w") as f:
            f.write(f"""daemon off; pid {self.root}/pid; worker_processes 1;
                {"user root;" if os.getuid() == 0 else ""}
                error_log {self.root}/error; worker_rlimit_nofile 8192;
                events {{ worker_connections 4096; }}
                http {{ access_log off; sendfile on; tcp_nopush on;
                keepalive_requests 10000000;
                client_body_temp_path {self.root}/body;
                proxy_temp_path {self.root}/proxy;
                fastcgi_temp_path {self.root}/fastcgi;
                uwsgi_temp_path {self.root}/uwsgi;
                scgi_temp_path {self.root}/scgi;
                ssl_certificate {data}/tls-cert.pem;
                ssl_certificate_key {data}/tls-key.pem;
                ssl_protocols TLSv1.2 TLSv1.3;
                server {{ listen 127.0.0.1:{self.port};
                listen 127.0.0.1:{self.secure_port} ssl;
                root {self.root}/www; }} }}""")
        self.process = subprocess.Popen([nginx_program(), "-c", config, "-p",
                                         self.root],
                                        stderr=subprocess.DEVNULL)
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
        shutil.rmtree(self.root)


def cost(pid, request, data, times, wanted):
    """Processor time of a process per request, microseconds."""
    for _ in range(50):
        request.ask(data)
    before = cpu_of(pid)
    for _ in range(times):
        status, _ = request.ask(data)
        assert status == wanted, status
    return (cpu_of(pid) - before) / times * 1e6


def beside(what, factor, ours, theirs):
    """Two measurements in turns, three rounds, the best of each."""
    us, they = [], []
    for _ in range(3):
        us.append(ours())
        they.append(theirs())
    us, they = min(us), min(they)
    row(what, f"{us:.1f} us, nginx {they:.1f} us: {us / they:.2f} x",
        f"<= {factor} x nginx", us <= factor * they)
    return us


@contextlib.contextmanager
def one_core_each(*servers):
    """The servers on one core, this client on another: who shares one with
    whom by chance is worth a factor of two."""
    cores = sorted(os.sched_getaffinity(0))
    places = [int(task) for pid in servers
              for task in os.listdir(f"/proc/{pid}/task")]
    if len(cores) < 2:
        yield
        return
    for task in places:
        os.sched_setaffinity(task, cores[1:2])
    os.sched_setaffinity(0, cores[:1])
    try:
        yield
    finally:
        for task in [0, *places]:
            os.sched_setaffinity(task, cores)


def against_nginx(what, factor, bench, data, wanted, nginx, path, times,
                  secure=False, headers=()):
    """A request on a kept connection, beside the same of nginx. Returns
    whether both answered the same bytes."""
    ours = Request(bench.secure_port if secure else bench.port, secure)
    theirs = Request(nginx.secure_port if secure else nginx.port, secure)
    same = get(path, *headers)
    identical = ours.ask(data)[1] == theirs.ask(same)[1]
    with one_core_each(bench.pid, nginx.worker):
        beside(what, factor,
               lambda: cost(bench.pid, ours, data, times, wanted),
               lambda: cost(nginx.worker, theirs, same, times,
                            206 if headers else 200))
    ours.close()
    theirs.close()
    return identical


# ---- a server --------------------------------------------------------------

class Bench:
    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="dfota-load-")
        self.key, _ = fleet.key_pair(self.root)
        self.node = Node(os.path.join(BIN, "dfotad"), self.root,
                         "--signing-key", self.key, "--device-api-plain")
        self.pid = self.node.process.pid
        self.local = Api(self.node)
        self.ada = self.local.person("ada", "operator")
        self.bob = self.local.person("bob", "approver")
        self.port = int(self.node.ports["http"])
        self.secure_port = int(self.node.ports["https"])
        self.used = 0

    def close(self):
        self.node.stop()
        shutil.rmtree(self.root)

    def modules(self, n, model):
        """So many new ones."""
        first, self.used = self.used, self.used + n
        for at in range(first, first + n, 5000):
            fleet.enrol(self.local,
                        range(at, min(at + 5000, first + n)), model=model)
        return [Module(self.node, imei(i), model, secure=False)
                for i in range(first, first + n)]

    def plan(self, model, spec):
        old, new = fleet.images(2, 200_000)
        fleet.upload(self.ada, model, "1.0", old)
        target = fleet.upload(self.ada, model, "1.1", new)
        return fleet.run_plan(self.ada, self.bob, target, spec)

    def refused(self, model):
        """A module that is logged in, and what it is told: no plan."""
        (module,) = self.modules(1, model)
        module.log_in()
        status, answer = module.poll()
        assert status == 404 and answer["code"] == 802, answer
        return module, json.dumps(answer).encode()

    def package(self, model):
        """Where a package of 200 KB is, and its bytes."""
        (module,) = self.modules(1, model)
        module.log_in()
        self.plan(model, {"transport": ["http"]})
        module.version = "0.9"  # gets the full image
        grant = module.poll()[1]
        status, package = module.load(grant["url"])
        assert status == 200 and len(package) == grant["size"]
        return "/" + grant["url"].split("/", 3)[3], package
