#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A micro-controller updates a module: every real part, no stand-in.

usage: tests/qemu/node_updates_module.py BIN    (77: QEMU is not installed)

The demo firmware, built from today's sources (the committed image where there
is no cross-compiler), runs on a Cortex-M3 of QEMU, its second serial port on
the port of an emulated module (dfota-module), which downloads from dfotad. The
node's command `upgrade` must bring the module from 1.0.0 to 1.1.0 by an
in-place package, with every stage on the console in its order.
"""
import importlib.machinery
import importlib.util
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
IMAGES = [ROOT / ("boards/images/demo-%s.bin" % v) for v in ("1.0.0", "1.1.0")]
STAGES = ["identify", "trigger", "download", "update", "confirm"]


class Programs:
    """Started here, and ended here whatever happens."""

    def __init__(self):
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in reversed(self.running):
            program.kill()
            program.wait()

    def start(self, *cmd):
        program = subprocess.Popen(
            [str(c) for c in cmd], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.running.append(program)
        return program


def wait_for(program, pattern, seconds):
    """Read a program's output up to a pattern: the match, and all of it."""
    said, until = "", time.monotonic() + seconds
    while time.monotonic() < until:
        if not select.select([program.stdout], [], [], 0.2)[0]:
            continue
        part = os.read(program.stdout.fileno(), 4096)
        said += part.decode(errors="replace")
        match = re.search(pattern, said)
        if match:
            return match, said
        if not part:
            break
    sys.exit("no %r in: %s" % (pattern, said[-600:]))


def make_package(programs, folder):
    serve = folder / "serve"
    serve.mkdir()
    subprocess.run([programs / "dfota", "keygen", "-o", folder / "k.pem"],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run([programs / "dfota", "diff"] + IMAGES +
                   ["-o", serve / "p.dfota", "--key", folder / "k.pem",
                    "--ram", "16384", "--backup", "4096"], check=True)
    return serve


def node_image(folder):
    """The node with the AT client as it is now."""
    if not shutil.which("arm-none-eabi-gcc"):
        return IMAGES[0]
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader(
        "firmware", str(ROOT / "tools/firmware"))
    firmware = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("firmware", loader))
    loader.exec_module(firmware)
    elf, _ = firmware.build_demo(0, folder / "node")
    return elf


def type_line(program, line):
    """A console takes what a person types: no more than its ring holds."""
    program.stdin.write((line + "\r").encode())
    program.stdin.flush()


def run(programs, folder):
    serve = make_package(programs, folder)
    image = node_image(folder)
    with Programs() as started:
        server = started.start(programs / "dfotad", "--serve-dir", serve,
                               "--http", "127.0.0.1:0", "--https",
                               "127.0.0.1:0", "--data", folder / "data")
        port = wait_for(server, r"http 127\.0\.0\.1:(\d+)\s", 20)[0][1]
        module = started.start(
            programs / "dfota-module", "--model", "bg95", "--state",
            folder / "state", "--firmware", IMAGES[0], "--port",
            "unix:%s" % (folder / "port"), "--cert", folder / "k.pub.pem",
            "--backup", "4096", "--speed", "20")
        wait_for(module, r"ready: ", 20)
        node = started.start(
            "qemu-system-arm", "-M", "mps2-an385", "-display", "none",
            "-monitor", "none", "-serial", "stdio", "-serial",
            "unix:%s" % (folder / "port"), "-kernel", image)
        wait_for(node, r"demo node 1\.0\.0", 30)
        type_line(node, "upgrade http://127.0.0.1:%s/p.dfota 1.1.0" % port)
        match, said = wait_for(
            node, r"(upgrade: (?:done, version|failed|unknown) [^\r]*)\r",
            150)
    if match[1] != "upgrade: done, version 1.1.0":
        sys.exit("the node says: " + match[1])
    places = [said.find("upgrade: %s\r" % stage) for stage in STAGES]
    if places != sorted(places) or min(places) < 0:
        sys.exit("stages out of order: %r" % dict(zip(STAGES, places)))
    print("ok: the node brought the module to 1.1.0")


def main():
    if not shutil.which("qemu-system-arm"):
        print("qemu-system-arm is not installed")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        run(Path(sys.argv[1]).resolve(), Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
