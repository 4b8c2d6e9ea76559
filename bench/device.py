#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What decoding takes on a micro-controller, for every pair of images.

usage: bench/device.py --dfota PROGRAM [--ram BYTES] [--mhz N]
                       [--markdown FILE] DIR

DIR holds one folder a pair: DIR/*/old.bin, new.bin. tools/decoder-cost counts
the instructions of one decoding in QEMU, for Cortex-M3 and for code of
Cortex-M0+. Seconds are instructions at one and a half cycles each: about what
these cores need for such code out of flash with a prefetch buffer. An in-place
package of several windows is decoded twice, the first time to check it.
The last line is the slowest pair.
"""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CPUS = ("cortex-m3", "cortex-m0plus")
CYCLES = 1.5
HEAD = """# Decoding on a device

Made by `bench/device.py --dfota build/bin/dfota --markdown FILE DIR`.
Instructions for a byte of the new image, counted in QEMU by
`tools/decoder-cost`, and seconds at %d MHz with %.1f cycles an instruction.
Decoder memory: %s bytes. Flash is extra: its erasing and programming take as
long for any codec.

| pair | new | package | M3 instructions a byte | M3 s | M0+ instructions a byte | M0+ s |
|---|---|---|---|---|---|---|
"""


def run(command):
    done = subprocess.run([str(c) for c in command], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    if done.returncode:
        sys.exit("device: %s: %s" % (command[0], done.stdout.strip()))
    return done.stdout


def cost(cpu, old, package, new):
    """Instructions for a byte of the new image."""
    said = run([ROOT / "tools/decoder-cost", "--cpu", cpu, old, package, new])
    return int(re.search(r"(\d+) instructions a byte", said).group(1))


def main():
    args = argparse.ArgumentParser(usage=__doc__)
    args.add_argument("--dfota", required=True)
    args.add_argument("--ram", default="16384")
    args.add_argument("--mhz", type=int, default=64)
    args.add_argument("--markdown")
    args.add_argument("dir")
    options = args.parse_args()
    text = HEAD % (options.mhz, CYCLES, options.ram)
    slowest = (0, "-")
    for pair in sorted(Path(options.dir).iterdir()):
        old, new = pair / "old.bin", pair / "new.bin"
        if not old.exists() or not new.exists():
            continue
        size = new.stat().st_size
        line = "| %s | %d |" % (pair.name, size)
        with tempfile.NamedTemporaryFile() as package:
            run([options.dfota, "diff", "--raw", old, new, "-o", package.name,
                 "--ram", options.ram])
            line += " %d |" % Path(package.name).stat().st_size
            for cpu in CPUS:
                each = cost(cpu, old, package.name, new)
                seconds = each * size * CYCLES / options.mhz / 1e6
                slowest = max(slowest, (seconds, pair.name))
                line += " %d | %.1f |" % (each, seconds)
        print(line, flush=True)
        text += line + "\n"
    if options.markdown:
        Path(options.markdown).write_text(text)
    print("slowest %s %.1f s" % (slowest[1], slowest[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
