# SPDX-License-Identifier: Apache-2.0
"""Downloads that stand still, and what polls notice of them."""
import os
import socket

from rows import (fleet, get, kernel_of, left_out, many_files, poll_of, row,
                  script, tool)

COUNT = 1000


def polls(bench, path):
    figures = tool("storm", bench.port, path, 5, 404, 500)
    assert figures["wrong"] == 0, figures
    return figures["p99_ms"]


def stalled(port, path):
    """A client of NB-IoT that asked, and does not read."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", port))
    s.sendall(get(path))
    return s


def filled(port, seen):
    """The buffers are as full as they get: they hold something and did not
    grow since the last look."""
    seen.append(kernel_of(port))
    return len(seen) > 1 and seen[-1] == seen[-2] > COUNT * 1024


def run(bench):
    if not many_files(COUNT):
        left_out(f"{COUNT} stalled downloads", "RLIMIT_NOFILE is too low")
        return
    path, _ = bench.package("stalled")
    module, _ = bench.refused("stalled-polls")
    requests = script(os.path.join(bench.root, "polls"),
                      [poll_of(module)] * 50)
    without = polls(bench, requests)
    before = kernel_of(bench.port)
    held = [stalled(bench.port, path) for _ in range(COUNT)]
    seen = []
    fleet.until(lambda: filled(bench.port, seen))
    each = (seen[-1] - before) / COUNT / 1024
    beside = polls(bench, requests)
    for s in held:
        s.close()
    row(f"{COUNT} stalled downloads, kernel memory", f"{each:.1f} KB each",
        "<= 40 KB", each <= 40)
    row("500 polls/s beside them, 99th percentile",
        f"{beside:.1f} ms, without them {without:.1f} ms",
        "<= 2 x + 20 ms", beside <= 2 * without + 20)
