#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much a dfotad holds, each row beside its yardstick in the same run.

Usage: load.py BIN [--markdown FILE] [SUITE]...

BIN is a folder with release builds. A suite is a file beside this one with a
function run(bench) that prints rows. Without a name, those of TABLE run, in
this order; `all` is those and the TRIALS. Ends with 1 when a row is missed.

PASS   the figure holds
PASS*  it does by the processor time that was used, and not by the clock:
       others had the machine too
MISS   it does not
"""
import importlib
import os
import platform
import subprocess
import sys
import time

import rows

# What the server holds: some five minutes.
TABLE = ["facts", "polls", "packages", "tls", "idle", "stalled", "slow",
         "coap", "lwm2m", "storm"]
# What it stands and what comes out of it in the end: longer.
TRIALS = ["month", "faults", "copies", "nodes", "modules"]


def version(*words):
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except OSError:
        return "none"
    return (done.stdout + done.stderr).splitlines()[0].strip()


def machine():
    """What the figures depend on."""
    with open("/proc/cpuinfo") as f:
        name = next((line.split(":")[1].strip() for line in f
                     if line.startswith("model name")), platform.machine())
    return (f"{os.cpu_count()} x {name}, Linux {platform.release()}, load "
            f"{os.getloadavg()[0]:.1f} at the start, "
            f"{version(rows.nginx_program() or 'nginx', '-v')}")


def save(path, about, seconds):
    with open(path, "w") as f:
        f.write("# What the server holds\n\n"
                "Made by `./run load --markdown FILE`: each figure beside its "
                "yardstick, in one run.\nPASS\\*: by the processor time that "
                "was used and not by the clock, as others had the\nmachine "
                "too. [design-server.md](design-server.md) says why the "
                "server is as it is.\n\n"
                f"{about}; {seconds:.0f} s.\n\n"
                "| | what | figure | must |\n|---|---|---|---|\n")
        for mark, *cells in rows.table:
            f.write(f"| {mark.replace('*', chr(92) + '*')} | "
                    + " | ".join(cells) + " |\n")


def take(argv):
    markdown = None
    if argv[:1] == ["--markdown"] and len(argv) > 1:
        markdown, argv = argv[1], argv[2:]
    if argv == ["all"]:
        argv = TABLE + TRIALS
    for name in argv:
        if name not in TABLE + TRIALS:
            sys.exit(f"load: no suite {name}; there are " +
                     " ".join(TABLE + TRIALS))
    return markdown, argv or TABLE


def main(argv):
    rows.BIN = os.path.abspath(argv[1])
    markdown, wanted = take(argv[2:])
    if not rows.nginx_program():
        sys.exit("load: nginx is the yardstick, and there is none")
    about, begun = machine(), time.monotonic()
    print(about, flush=True)
    bench = rows.Bench()
    try:
        for name in wanted:
            importlib.import_module(name).run(bench)
    finally:
        bench.close()
    missed = [r[1] for r in rows.table if r[0] == "MISS"]
    seconds = time.monotonic() - begun
    print(f"load: {len(rows.table)} rows in {seconds:.0f} s, "
          f"{len(missed)} missed" + "".join(f"\n  {m}" for m in missed))
    if markdown:
        save(markdown, about, seconds)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
