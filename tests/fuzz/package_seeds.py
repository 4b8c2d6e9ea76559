#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real packages of small images: where fuzz_package begins.

Usage: package_seeds.py PATH/dfota FOLDER
"""
import os
import subprocess
import sys
import tempfile

ARCHES = ["raw", "thumb2", "a32", "a64", "rv32", "rv64", "xtensa", "avr",
          "8051", "x86"]
OLD_LEN = 2048
AS_IT_IS = 0x80


def old_word(kind, v):
    """fuzz_package.c has the same."""
    if kind == 3:
        return 0
    if kind == 1 and v >> 30 == 0:
        return 0xF800F000 | (v >> 20 & 0x3FF) | (v & 0x7FF) << 16
    if kind == 1 and v >> 30 == 1:
        return 0x08000000 | (v >> 8 & 0x3FFC)
    if kind == 2 and v >> 30 == 0:
        return (v & 0xFFFFF000) | 0xEF
    return v


def old_image(kind):
    state = kind + 1
    out = bytearray()
    for _ in range(OLD_LEN // 4):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out += old_word(kind, state).to_bytes(4, "little")
    return bytes(out)


def new_image(old):
    """A piece put in, one taken out, one moved, some bytes changed."""
    new = bytearray(old[:300] + b"inserted text, 40 bytes of it, no more.\n"
                    + old[300:900] + old[1100:1200] + old[900:1000]
                    + old[1010:])
    for i in range(100, len(new), 211):
        new[i] ^= 0x5A
    return bytes(new)


def main():
    dfota, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    geometries = [["--ram", "8K"], ["--ram", "16K", "--sector", "1024", "--backup", "1024"],
                  ["--ram", "64K", "--sector", "512", "--backup", "512"],
                  ["--full"], ["--to-version", "2.0", "--ram", "32K"]]
    with tempfile.TemporaryDirectory() as work:
        for kind in range(4):
            old, new = os.path.join(work, "old"), os.path.join(work, "new")
            with open(old, "wb") as f:
                f.write(old_image(kind))
            with open(new, "wb") as f:
                f.write(new_image(old_image(kind)))
            for i, arch in enumerate(ARCHES):
                more = geometries[(i + kind) % len(geometries)]
                made = subprocess.run(
                    [dfota, "diff", old, new, "--raw", "--arch", arch, "-o",
                     "-", "--base", "0x08000000", *more],
                    stdout=subprocess.PIPE, check=True,
                    stderr=subprocess.DEVNULL).stdout
                for flag in (0, AS_IT_IS):
                    name = os.path.join(folder, f"{kind}-{arch}-{flag:02x}")
                    with open(name, "wb") as f:
                        f.write(bytes([kind | flag]) + made)


if __name__ == "__main__":
    main()
