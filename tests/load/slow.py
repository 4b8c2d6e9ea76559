# SPDX-License-Identifier: Apache-2.0
"""slowhttptest with 4 000 connections: heads, contents and readers that take
their time, and what polls notice of them; as many handshakes that stand
still."""
import os
import shutil
import socket
import ssl
import subprocess
import time

from rows import (cpu_of, fleet, left_out, many_files, poll_of, row, script,
                  tool)

COUNT = 4000
ATTACKS = {
    "slow heads": ("-H", "-i", "5"),
    "slow contents": ("-B", "-i", "5", "-s", "1000", "-x", "10"),
    "slow readers": ("-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32"),
}


def connections(port):
    """How many the server has."""
    return len(subprocess.run(
        ["ss", "-tnH", "state", "established", "sport", "=", f":{port}"],
        capture_output=True, text=True, check=True).stdout.splitlines())


def attack(bench, path, words, requests):
    """The polls' figures, and the least number of connections while they were
    said."""
    running = subprocess.Popen(
        ["slowhttptest", "-c", str(COUNT), "-r", "1500", "-l", "60", "-p",
         "5", *words, "-u", f"http://127.0.0.1:{bench.port}{path}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        fleet.until(lambda: connections(bench.port) >= 0.95 * COUNT)
        before = connections(bench.port)
        figures = tool("storm", bench.port, requests, 6, 404, 500)
        held = min(before, connections(bench.port))
    finally:
        running.terminate()
        running.wait()
    fleet.until(lambda: connections(bench.port) < 200)
    return figures, held


def in_time(beside, without):
    """Where others make polls slow already, twice that is theirs."""
    if beside < 100:
        return True
    return "cpu" if without >= 50 and beside <= 2 * without else False


def hello():
    """What a TLS client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    written = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), written).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return written.read()


def stalled_handshakes(bench, requests):
    """Clients that say hello, and nothing more, and new connections beside
    them."""
    words = ("tls_load", bench.secure_port, requests, "--status", "404",
             "--count", 500, "--rate", 100, "--threads", 50)
    without = tool(*words)
    first, held = hello(), []
    for _ in range(COUNT):
        held.append(socket.create_connection(
            ("127.0.0.1", bench.secure_port), 60))
        held[-1].sendall(first)
    for s in held:
        s.recv(1)  # the server has said all it can
    before = cpu_of(bench.pid)
    begun = time.monotonic()
    time.sleep(1)  # the time that is measured
    idle = (cpu_of(bench.pid) - before) / (time.monotonic() - begun)
    figures = tool(*words)
    for s in held:
        s.close()
    assert figures["wrong"] == 0 and without["wrong"] == 0, figures
    row(f"new TLS connections beside {COUNT} stalled handshakes",
        f"99 % in {figures['p99_ms']:.1f} ms, "
        f"without {without['p99_ms']:.1f} ms", "< 100 ms",
        in_time(figures["p99_ms"], without["p99_ms"]))
    row(f"processor for {COUNT} stalled handshakes", f"{idle * 100:.1f} %",
        "< 5 %", idle < 0.05)


def run(bench):
    if not shutil.which("slowhttptest"):
        left_out(f"slowhttptest, {COUNT} connections", "it is not installed")
        return
    if not many_files(COUNT):
        left_out(f"slowhttptest, {COUNT} connections",
                 "RLIMIT_NOFILE is too low")
        return
    module, _ = bench.refused("slow-polls")
    requests = script(os.path.join(bench.root, "polls"),
                      [poll_of(module)] * 50)
    package, _ = bench.package("slow")
    paths = {"slow heads": "/x", "slow contents": "/fota/v1/token",
             "slow readers": package}
    for name, words in ATTACKS.items():
        without = tool("storm", bench.port, requests, 3, 404, 500)
        figures, held = attack(bench, paths[name], words, requests)
        assert figures["wrong"] == 0, figures
        row(f"polls beside {held} {name}, 99th percentile",
            f"{figures['p99_ms']:.1f} ms, without {without['p99_ms']:.1f} ms",
            "< 100 ms", in_time(figures["p99_ms"], without["p99_ms"]))
    stalled_handshakes(bench, requests)
