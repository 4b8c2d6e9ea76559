#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's CoAP servers and client against ours.

usage: test_coap.py COAP_FETCH [--long]

Without --long what fits into the gate; with it 1 MB in every block size, and
200 KB at 50 ms and 2 % loss beside libcoap's own client through the same
relay: at most 1.25 times its time, over three seeds.
"""
import heapq
import pathlib
import random
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time

PSK = "secretPSK"
KINDS = ("gnutls", "openssl")
LIMIT = 1.25


def free_ports():
    """Two neighbours: libcoap serves coaps one above coap."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


def certificate(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
         "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
         str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True)
    (folder / "psk.txt").write_text("module:" + PSK.encode().hex() + "\n")


class Server:
    """A server of Debian's that holds one body."""

    def __init__(self, kind, folder, body, *options):
        self.port = free_ports()
        self.body, self.folder = body, folder
        self.process = subprocess.Popen(
            [f"coap-server-{kind}", "-A", "127.0.0.1", "-p", str(self.port),
             "-d", "10", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = f"coap://127.0.0.1:{self.port}/example_data"
        self.secure = f"coaps://127.0.0.1:{self.port + 1}/example_data"
        self.upload()

    def upload(self):
        sent, back = self.folder / "sent", self.folder / "back"
        sent.write_bytes(self.body)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for words in (["put", "-f", str(sent)], ["get", "-o", str(back)]):
                subprocess.run(["coap-client-notls", "-b", "1024", "-B", "2",
                                "-m", *words, self.url], capture_output=True)
            if back.exists() and back.read_bytes() == self.body:
                back.unlink()
                return
        raise SystemExit("the server does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def fetch(program, url, folder, body, *options):
    """Seconds that it took; the body must be the same."""
    out = folder / "out"
    out.unlink(missing_ok=True)
    done = subprocess.run([program, *options, url, str(out)],
                          capture_output=True, text=True, timeout=280)
    if done.returncode != 0 or out.read_bytes() != body:
        raise SystemExit(f"{url} {' '.join(options)}: not the same: "
                         f"{done.stderr.strip()}")
    return float(done.stdout) / 1000


class Relay(threading.Thread):
    """Half the round trip each way, and a loss that hits the same datagrams,
    counted each way, whoever sends them."""

    def __init__(self, to, rtt, loss, seed):
        super().__init__(daemon=True)
        self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.near.bind(("127.0.0.1", 0))
        self.port = self.near.getsockname()[1]
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.connect(("127.0.0.1", to))
        self.delay, self.loss = rtt / 2, loss
        self.choices = [random.Random(seed), random.Random(seed + 1000)]
        self.stopping = False
        self.start()

    def run(self):
        waiting, client, order = [], None, 0
        while not self.stopping:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, way, data = heapq.heappop(waiting)
                if way == 0:
                    self.far.send(data)
                else:
                    self.near.sendto(data, client)
            patience = min(0.2, waiting[0][0] - now) if waiting else 0.2
            ready = select.select([self.near, self.far], [], [],
                                  max(0, patience))[0]
            for way, end in enumerate((self.near, self.far)):
                if end not in ready:
                    continue
                data, peer = end.recvfrom(65536)
                if way == 0:
                    client = peer
                if self.choices[way].random() >= self.loss:
                    order += 1
                    heapq.heappush(waiting, (time.monotonic() + self.delay,
                                             order, way, data))
        self.near.close()
        self.far.close()

    def stop(self):
        self.stopping = True
        self.join()


def block_sizes(program, folder, sizes):
    body = random.Random(1).randbytes(1 << 20)
    for kind in KINDS:
        options = ["-c", str(folder / "cert.pem"), "-j",
                   str(folder / "key.pem"), "-n", "-k", PSK]
        server = Server(kind, folder, body, *options)
        try:
            for size in sizes:
                took = fetch(program, server.url, folder, body, "-b",
                             str(size))
                print(f"{kind} coap {size}: {took:.2f} s", flush=True)
            for name, more in (("psk", ["-p", str(folder / "psk.txt")]),
                               ("x509", ["-c", str(folder / "cert.pem")])):
                took = fetch(program, server.secure, folder, body, *more)
                print(f"{kind} coaps {name} 1024: {took:.2f} s", flush=True)
        finally:
            server.stop()


def client_time(url, folder, body):
    out = folder / "theirs"
    out.unlink(missing_ok=True)
    began = time.monotonic()
    subprocess.run(["coap-client-notls", "-b", "1024", "-B", "250", "-m",
                    "get", "-o", str(out), url], capture_output=True,
                   timeout=260)
    took = time.monotonic() - began
    return took if out.exists() and out.read_bytes() == body else None


def beside_libcoap(program, folder, length, rtt, loss, seeds, slack):
    """Sums over seeds; a seed that libcoap's client does not get through
    counts for neither. slack: seconds for starting programs on a machine
    that has other work."""
    body = random.Random(2).randbytes(length)
    server = Server("notls", folder, body)
    ours = theirs = 0.0
    try:
        for seed in seeds:
            times = []
            for who in ("theirs", "ours"):
                relay = Relay(server.port, rtt, loss, seed)
                url = f"coap://127.0.0.1:{relay.port}/example_data"
                times.append(client_time(url, folder, body)
                             if who == "theirs"
                             else fetch(program, url, folder, body))
                relay.stop()
            print(f"{length} bytes, {rtt * 1000:.0f} ms, {loss * 100:.0f} % "
                  f"loss, seed {seed}: libcoap "
                  f"{'failed' if times[0] is None else '%.1f s' % times[0]}, "
                  f"ours {times[1]:.1f} s", flush=True)
            if times[0] is not None:
                theirs += times[0]
                ours += times[1]
    finally:
        server.stop()
    if ours > LIMIT * theirs + slack:
        raise SystemExit(f"{ours / theirs:.2f} times libcoap's time")
    print(f"{ours / theirs:.2f} times libcoap's time")


def main():
    program, long_run = sys.argv[1], "--long" in sys.argv
    with tempfile.TemporaryDirectory(prefix="dfota-coap-") as name:
        folder = pathlib.Path(name)
        certificate(folder)
        block_sizes(program, folder,
                    [1024, 512, 64, 16] if long_run else [1024, 512])
        if long_run:
            beside_libcoap(program, folder, 200 * 1024, 0.05, 0.02,
                           range(1, 4), 0)
        else:
            beside_libcoap(program, folder, 20 * 1024, 0.05, 0, [1], 3)


if __name__ == "__main__":
    main()
