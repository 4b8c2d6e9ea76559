# SPDX-License-Identifier: Apache-2.0
"""What the tests with real clients share: programs of other people, a
module, a line to it, images and a package.

Programs come from PATH or from the folder that tools/unpack filled.
"""
import contextlib
import json
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import time
import tty

IN_PLACE = ["bc26", "mc65", "bg95"]
PATIENCE = 60  # seconds, for anything that is an event


class Missing(Exception):
    """A program that this machine lacks."""


class Clients:
    """The programs, and the environment they need."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder).resolve() / "root"
        self.lib = next(iter((self.root / "usr/lib").glob("*-linux-gnu*")),
                        pathlib.Path("/nonexistent"))
        self.path = os.pathsep.join(
            [os.environ.get("PATH", ""), "/usr/sbin", "/sbin",
             str(self.root / "usr/sbin"), str(self.root / "usr/bin")])
        self.python = str(self.root / "usr/lib/python3/dist-packages")

    def find(self, name):
        found = shutil.which(name, path=self.path)
        if not found:
            raise Missing(f"no {name}; ./run check unpacks it")
        return found

    def folder(self, below):
        """A folder of the system, or else of the unpacked packages: below
        is looked for under usr/lib, with and without the machine's name."""
        for base in (pathlib.Path("/usr/lib"), self.root / "usr/lib"):
            for place in [base / below, *base.glob("*-linux-gnu*/" + below)]:
                if place.is_dir():
                    return place
        raise Missing(f"no {below}; ./run check unpacks it")

    def env(self, **more):
        return {**os.environ, "LD_LIBRARY_PATH": str(self.lib), "LC_ALL": "C",
                **more}


class Bench:
    """A folder of its own, with images, a package, and whatever runs in it.
    Nothing outlives it."""

    def __init__(self, programs, clients):
        self.programs, self.clients = pathlib.Path(programs), clients
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="dfota-clients-"))
        self.running = []
        rng = random.Random(7)
        old = bytearray(rng.randbytes(12000))
        old[100:114] = b"DFOTAVER1.0.0\0"
        new = bytearray(old)
        new[100:114] = b"DFOTAVER1.1.0\0"
        new[6000:6000] = rng.randbytes(200)
        (self.dir / "old.bin").write_bytes(old)
        (self.dir / "new.bin").write_bytes(new)

    def close(self):
        for process in reversed(self.running):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for stream in (process.stdout, process.stderr, process.stdin):
                if stream:
                    stream.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def spawn(self, *words, **options):
        process = subprocess.Popen([str(w) for w in words], **options)
        self.running.append(process)
        return process

    def run(self, *words, **options):
        """Run to the end; returns what it printed, stderr too."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT,
                   **options}
        done = subprocess.run([str(w) for w in words], text=True,
                              timeout=PATIENCE, errors="replace", **options)
        if done.returncode != 0:
            raise AssertionError(f"{words[0]} ended with {done.returncode}:\n"
                                 + (done.stdout or ""))
        return done.stdout

    def package(self, folder="."):
        """A package for a module with 64 KiB slots; returns its path."""
        path = self.dir / folder / "update.pkg"
        path.parent.mkdir(exist_ok=True)
        self.run(self.programs / "dfota", "diff", self.dir / "old.bin",
                 self.dir / "new.bin", "-o", path, "--class", "bg95",
                 "--slot", "64K", "--backup", "4K", "--ram", "32K")
        return path

    def module(self, port, *more, model="bg95", speed="0", config=None,
               wrapper=()):
        """A module that is on; returns (its process, where the port is)."""
        (self.dir / "state").mkdir(exist_ok=True)
        if config is not None:
            (self.dir / f"state/{model}.conf").write_text(config)
        log = open(self.dir / "module.log", "ab")
        process = self.spawn(
            *wrapper, self.programs / "dfota-module", "--model", model, "--state",
            self.dir / "state", "--firmware", self.dir / "old.bin", "--port",
            port, "--control", self.dir / "control", "--slot", "64K",
            "--backup", "4K" if model in IN_PLACE else "64K", "--speed", speed, *more,
            stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        ready = process.stdout.readline()
        where = re.match(r"ready: \S+ on (.*), version in ", ready)
        if not where:
            raise AssertionError("no module: " + self.said())
        return process, where.group(1)

    def namespace(self, prepare):
        """Words that run a program in a mount namespace of its own, where
        the shell commands `prepare` were run before."""
        unshare = [self.clients.find("unshare"), "-m"]
        if os.geteuid() != 0:
            unshare.append("-r")
        if subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL,
                          timeout=PATIENCE).returncode != 0:
            raise Missing("no mount namespace for this user")
        return [*unshare, "sh", "-c", f'{prepare}; exec "$@"', "sh"]

    def said(self):
        return (self.dir / "module.log").read_text(errors="replace")

    def control(self, request):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(str(self.dir / "control"))
            s.sendall(request.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                part = s.recv(65536)
                assert part, "the control socket closed"
                answer += part
        return answer.decode().strip()

    def state(self):
        return json.loads(self.control("state"))

    def stop(self, process):
        """A module ends well: a sanitizer's finding is an exit status."""
        process.send_signal(signal.SIGTERM)
        status = process.wait(PATIENCE)
        assert status == 0, f"the module ended with {status}:\n{self.said()}"


class Line:
    """A terminal by its name, in raw mode."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd, termios.TCSANOW)  # what came already stays
        self.got = b""

    def send(self, data):
        while data:
            data = data[os.write(self.fd, data):]

    def until(self, wanted):
        """Read up to wanted; returns what came before and with it."""
        end = time.monotonic() + PATIENCE
        while wanted not in self.got:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no {wanted!r} after {self.got!r}")
            self.got += os.read(self.fd, 65536)
        at = self.got.index(wanted) + len(wanted)
        before, self.got = self.got[:at], self.got[at:]
        return before

    def close(self):
        os.close(self.fd)


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_listening(process, port):
    """Until a server takes connections, or has ended."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            return False
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        select.select([], [], [], 0.02)
    return False
