# SPDX-License-Identifier: Apache-2.0
"""Packages over CoAP and CoAPS to Debian's coap-client, a block beside what
libcoap's own server takes for it."""
import concurrent.futures
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import rows
from rows import cpu_of, fleet, row

import test_dfotad_coap as coap_test

SIZE, BLOCK, TIMES, PARALLEL = 200_000, 1024, 10, 80
BLOCKS = -(-SIZE // BLOCK)


class Libcoap:
    """coap-server with one resource, put there by coap-client."""

    def __init__(self, root, content):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.root = root
        self.process = subprocess.Popen(
            ["coap-server-notls", "-A", "127.0.0.1", "-p", str(self.port),
             "-d", "4"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        path = root / "content"
        path.write_bytes(content)
        fleet.until(lambda: self.put(path) and self.get() == content)

    def url(self, name, scheme="coap"):
        return f"{scheme}://127.0.0.1:{self.port}/{name}"

    def put(self, path):
        return subprocess.run(
            ["coap-client-notls", "-B", "10", "-m", "put", "-b", str(BLOCK),
             "-f", path, self.url("content")], capture_output=True,
            timeout=60).returncode == 0

    def get(self):
        return coap_test.fetch_by("notls", self, "content", "-b", BLOCK)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def cost(pid, get, content):
    """Microseconds of the server for a block."""
    before = cpu_of(pid)
    for _ in range(TIMES):
        assert get() == content
    return (cpu_of(pid) - before) / TIMES / BLOCKS * 1e6


def timed(function):
    begun = time.perf_counter()
    return function(), time.perf_counter() - begun


def blocks(server, content):
    theirs = Libcoap(server.root, content)
    us, they = [], []
    for _ in range(3):
        us.append(cost(server.process.pid, lambda: coap_test.fetch_by(
            "notls", server, "fw.pkg", "-b", BLOCK), content))
        they.append(cost(theirs.process.pid, theirs.get, content))
    theirs.stop()
    us, they = min(us), min(they)
    row("a block of 1 KB over CoAP",
        f"{us:.1f} us, libcoap {they:.1f} us: {us / they:.2f} x",
        "<= 2.5 x libcoap's server", us <= 2.5 * they)


def large(server, psk):
    content = os.urandom(20_000_000)
    (server.root / "packages" / "big.pkg").write_bytes(content)
    for library, scheme, words in (("notls", "coap", []),
                                   ("gnutls", "coaps", psk)):
        got, seconds = timed(lambda: coap_test.fetch_by(
            library, server, "big.pkg", "-b", BLOCK, *words, scheme=scheme))
        row(f"20 MB to coap-client over {scheme}", f"{seconds:.2f} s",
            "identical", got == content)


def many(server, psk, content):
    before = cpu_of(server.process.pid)
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        got, seconds = timed(lambda: list(pool.map(
            lambda _: coap_test.fetch_by("gnutls", server, "fw.pkg", *psk,
                                         scheme="coaps"), range(PARALLEL))))
    used = (cpu_of(server.process.pid) - before) / PARALLEL * 1e3
    right = sum(body == content for body in got)
    row(f"200 KB to {PARALLEL} coap-clients over coaps at once",
        f"{right} in {seconds:.1f} s, {used:.1f} ms of CPU each",
        f"{PARALLEL}, identical", right == PARALLEL)


def run(_):
    root = pathlib.Path(tempfile.mkdtemp(prefix="dfota-coap-"))
    coap_test.BIN = pathlib.Path(rows.BIN)
    content = coap_test.http_test.make_packages(str(root))["fw.pkg"]
    (root / "keys").write_text(f"me:{coap_test.SECRET.encode().hex()}\n")
    server = coap_test.Server(root, "--lwm2m-keys", root / "keys",
                              schemes=("coap", "coaps"))
    psk = ["-u", "me", "-k", coap_test.SECRET]
    try:
        blocks(server, content)
        large(server, psk)
        many(server, psk, content)
    finally:
        server.stop()
        shutil.rmtree(root)
