# SPDX-License-Identifier: Apache-2.0
"""New TLS 1.2 connections: each with a token and a poll, beside nginx with a
static file; resumed by ticket, beside our own full ones."""
import os

from rows import (Nginx, beside, cpu_of, get, login_of, poll_of, row, script,
                  tool)

COUNT, AT_ONCE = 400, 32


def cost(pid, *words):
    """Microseconds of the server for each connection."""
    before = cpu_of(pid)
    figures = tool("tls_load", *words, "--count", COUNT, "--tls12",
                   "--threads", AT_ONCE)
    used = (cpu_of(pid) - before) / COUNT * 1e6
    assert figures["wrong"] == 0, figures
    if "--resume" in words:
        assert figures["resumed"] == COUNT, figures
    return used


def run(bench):
    module, answer = bench.refused("tls")
    nginx = Nginx(bench.root, {"file": answer}, bench.node.data)
    token = script(os.path.join(bench.root, "token-poll"),
                   [login_of(module), poll_of(module, "@TOKEN@")])
    poll = script(os.path.join(bench.root, "poll"), [poll_of(module)])
    theirs = script(os.path.join(bench.root, "file"), [get("/file")])

    def ours(what, *words):
        status = ("--status", "200,404", "--each", 2) if what == token else \
            ("--status", "404")
        return cost(bench.pid, bench.secure_port, what, *status, *words)

    beside("full TLS 1.2 handshake + token + poll", 2.0, lambda: ours(token),
           lambda: cost(nginx.worker, nginx.secure_port, theirs))
    nginx.stop()
    # A module that comes back within the hour has a token; and what a token
    # costs is a transaction, not TLS.
    full, resumed = [], []
    for _ in range(4):
        full.append(ours(poll))
        resumed.append(ours(poll, "--resume"))
    full, resumed = min(full), min(resumed)
    row("handshake + poll, resumed by ticket",
        f"{resumed:.1f} us, full {full:.1f} us: {resumed / full:.2f} x",
        "<= 0.4 x our own full one", resumed <= 0.4 * full)
    with_token = min(ours(token, "--resume") for _ in range(3))
    row("resumed by ticket + token + poll", f"{with_token:.1f} us", "", True)
