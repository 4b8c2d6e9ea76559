# SPDX-License-Identifier: Apache-2.0
"""Results that are on the disk when they are answered: 64 in flight, said by
tests/load/storm.c, so that the client is not what is counted."""
import json
import os

from rows import cpu_of, fdatasync_ms, pace, row, script, tool


def run(bench):
    sync = fdatasync_ms(bench.node.data)
    modules = bench.modules(64, "facts")
    for module in modules:
        module.log_in()
    bench.plan("facts", {"concurrency": 100000})
    requests = []
    for module in modules:
        grant = module.poll()[1]
        # every report differs, so each is a note or a number to be kept
        body = json.dumps({"imei": module.imei, "plan": grant["plan"],
                           "attempt": grant["attempt"], "http_err": 0,
                           "version": "1.0"})
        requests.append(f"POST /fota/v1/result HTTP/1.1\r\nHost: x\r\n"
                        f"Authorization: Bearer {module.access}\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
    before = cpu_of(bench.pid)
    figures = tool("storm", bench.port,
                   script(os.path.join(bench.root, "requests"), requests), 5)
    limit, wanted = 10 * sync + 20, 10000 / max(1, sync)
    row("one fdatasync of 4 KB, median of 100", f"{sync:.2f} ms", "", True)
    each = (cpu_of(bench.pid) - before) / figures["answers"] * 1e6
    row("durable results, 64 in flight",
        f"{figures['per_second']:.0f}/s, {each:.1f} us each",
        f">= {wanted:.0f}/s (10000/s at 1 ms)",
        pace(figures["per_second"], each, wanted))
    row("durable results, 99th percentile", f"{figures['p99_ms']:.1f} ms",
        f"<= {limit:.1f} ms (10 fdatasync + 20)", figures["p99_ms"] <= limit)
    row("results refused or lost", f"{figures['wrong']} of "
        f"{figures['answers']}", "0", figures["wrong"] == 0)
