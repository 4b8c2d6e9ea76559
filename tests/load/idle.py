# SPDX-License-Identifier: Apache-2.0
"""Connections that are kept and silent: what each takes of the process."""
import os
import subprocess

import rows
from rows import Request, get, left_out, many_files, row, rss_of, script

COUNT = 5000


def plain(bench):
    before, kept = rss_of(bench.pid), []
    for _ in range(COUNT):
        request = Request(bench.port)
        request.ask(get("/nothing"))
        kept.append(request)
    each = (rss_of(bench.pid) - before) / COUNT / 1024
    for request in kept:
        request.close()
    return each


def secure(bench):
    path = script(os.path.join(bench.root, "nothing"), [get("/nothing")])
    before = rss_of(bench.pid)
    holder = subprocess.Popen(
        [os.path.join(rows.BIN, "tls_load"), str(bench.secure_port), path,
         "--count", str(COUNT), "--status", "404", "--hold"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    held = holder.stdout.readline()
    each = (rss_of(bench.pid) - before) / COUNT / 1024
    holder.communicate()
    assert held == f"held {COUNT}\n", held
    return each


def run(bench):
    if not many_files(COUNT):
        left_out(f"{COUNT} idle connections", "RLIMIT_NOFILE is too low")
        return
    for scheme, kind, bar in (("HTTP", plain, 8), ("HTTPS", secure, 20)):
        each = kind(bench)
        row(f"{COUNT} idle connections, {scheme}", f"{each:.1f} KB each",
            f"<= {bar} KB", each <= bar)
