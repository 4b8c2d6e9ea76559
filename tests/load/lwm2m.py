# SPDX-License-Identifier: Apache-2.0
"""LwM2M clients, each from an address of its own in 127/8: registrations,
with the four questions that follow each, updates, and the end of all
lifetimes at once."""
import os
import shutil
import sqlite3
import tempfile

import rows
from rows import Node, cpu_of, pace, row, rss_of, tool

# Of the first the database's own memory is filled; what the others add is
# theirs.
FIRST, MORE = 60_000, 70_000
KEY = "000102030405060708090a0b0c0d0e0f"
FEW, MANY, SECURE, ROUNDS = 1000, 100_000, 10_000, 40


class Server:
    """A dfotad with LwM2M, and what it used since it started."""

    def __init__(self, secure_clients=0):
        self.folder = tempfile.mkdtemp(prefix="dfota-lwm2m-")
        keys = os.path.join(self.folder, "keys")
        with open(keys, "w") as f:
            for n in range(secure_clients):
                f.write(f"urn:imei:{n:015d}:{KEY}\n")
        words = ["--lwm2m-keys", keys] if secure_clients else []
        scheme = "coaps" if secure_clients else "coap"
        self.node = Node(os.path.join(rows.BIN, "dfotad"), self.folder,
                         "--lwm2m", f"{scheme}://127.0.0.1:0", *words)
        self.pid = self.node.process.pid
        self.port = self.node.ports["lwm2m"].rsplit(":", 1)[1]
        self.cpu, self.rss = cpu_of(self.pid), rss_of(self.pid)

    def run(self, clients, *words):
        """What the tool measured; the server's microseconds and bytes."""
        figures = tool("lwm2m_load", self.port, clients, *words)
        assert figures["wrong"] == 0, figures
        return (figures, (cpu_of(self.pid) - self.cpu) * 1e6,
                rss_of(self.pid) - self.rss)

    def written(self, count):
        """Until so many registrations are in the database."""
        path = os.path.join(self.node.data, "dfotad.db")

        def are_there():
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
                return db.execute("SELECT count(*) FROM lwm2m_registration"
                                  ).fetchone()[0] >= count
        rows.fleet.until(are_there)

    def close(self):
        self.node.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def registrations(clients, rounds):
    """Rate and microseconds for each, all of them written down."""
    server = Server()
    try:
        figures, _, _ = server.run(clients, "--rounds", rounds)
        server.written(clients)
        used = (cpu_of(server.pid) - server.cpu) * 1e6
    finally:
        server.close()
    return figures["per_second"], used / clients / rounds


def updates(clients, rounds):
    """Of the second of two runs: registrations are not counted."""
    server = Server()
    try:
        _, before, _ = server.run(clients)
        figures, after, _ = server.run(clients, "--updates", rounds)
    finally:
        server.close()
    return (figures["updates_per_second"],
            (after - 2 * before) / clients / rounds)


def compare(what, few, many):
    """The rate of many clients is 0.8 of that of few, by the clock or by the
    processor."""
    clock, cpu = many[0] / few[0], few[1] / many[1]
    row(f"{what}: {MANY} clients beside {FEW}",
        f"{clock:.2f} x by the clock, {cpu:.2f} x by CPU", ">= 0.8 x",
        True if clock >= 0.8 else "cpu" if cpu >= 0.8 else False)


def plain():
    few = registrations(FEW, ROUNDS)
    many = registrations(MANY, 1)
    for clients, (rate, cpu) in ((FEW, few), (MANY, many)):
        row(f"LwM2M registrations, {clients} clients",
            f"{rate:.0f}/s, {cpu:.1f} us each", ">= 20000/s",
            pace(rate, cpu, 20000))
    compare("LwM2M registrations", few, many)


def memory():
    server = Server()
    try:
        server.run(FIRST)
        server.written(FIRST)
        before = rss_of(server.pid) - server.rss
        _, _, after = server.run(MORE, "--first", FIRST)
    finally:
        server.close()
    each = (after - before) / MORE
    row(f"memory of each registration, {FIRST} .. {FIRST + MORE}",
        f"{each:.0f} bytes", "<= 1024 bytes", each <= 1024)


def steady():
    """Each of many is written down; of few that go on and on, the last."""
    for clients, rounds in ((FEW, ROUNDS), (MANY, 1)):
        rate, cpu = updates(clients, rounds)
        row(f"LwM2M updates, {clients} clients",
            f"{rate:.0f}/s, {cpu:.1f} us each", ">= 20000/s",
            pace(rate, cpu, 20000))


def end_of_all():
    server = Server()
    try:
        figures, _, _ = server.run(MANY, "--expire", server.pid)
    finally:
        server.close()
    row(f"{MANY} lifetimes end at once: longest silence",
        f"{figures['stall_ms']} ms", "<= 100 ms", figures["stall_ms"] <= 100)


def secure():
    server = Server(SECURE)
    try:
        figures, used, size = server.run(SECURE, "--psk", KEY)
    finally:
        server.close()
    cpu, each = used / SECURE, size / SECURE / 1024
    row(f"LwM2M, DTLS-PSK handshake + Register, {SECURE}",
        f"{figures['per_second']:.0f}/s, {cpu:.0f} us each", ">= 3000/s",
        pace(figures["per_second"], cpu, 3000))
    row("memory of each, with its DTLS session", f"{each:.1f} KB", "<= 14 KB",
        each <= 14)


def run(_):
    plain()
    memory()
    steady()
    end_of_all()
    secure()
