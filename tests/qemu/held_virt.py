#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A boot loader that has neither image runs nothing, until it gets one.

usage: tests/qemu/held_virt.py BIN [--build DIR]    (77: no QEMU, compiler)

QEMU is killed while boards/virt writes the slot, and the backup, the only
whole copy of what belongs there, rots. The boot loader must then say so at
each start and run nothing; a full image with a wrong signature must not help,
the signed one must: it ends there, byte for byte.
"""
import argparse
import sys
import tempfile
from pathlib import Path

import kill_virt
from kill_virt import ROOT, SECONDS


def cut_in_restore(device):
    """Power on, and off as soon as the slot is being written."""
    said, writing = device.run(SECONDS, want=b"boot: writing the slot")
    if not writing:
        sys.exit("the slot was never written:\n%s" % said)


def rot(device):
    """The backup, and a byte of the slot in each window."""
    block = device.at["BLOCK"]
    device.store("BACKUP", bytes(4096))
    with open(device.banks[1], "r+b") as file:
        for off in range(0x1000, device.at["SLOT_LEN"], block):
            file.seek(device.at["SLOT"] + off)
            byte = file.read(1)[0]
            file.seek(device.at["SLOT"] + off)
            file.write(bytes([byte ^ 1]))


def expect_held(device, when):
    said, held = device.run(SECONDS, want=b"boot: held: ")
    if not held or "app:" in said or '"END",504' not in said:
        sys.exit("%s: not held:\n%s" % (when, said))
    print("%s: held" % when, flush=True)


def run(folder, programs, build):
    paths = kill_virt.prepare(folder, programs, build, None)
    delta = kill_virt.make_package(programs, folder, *paths)
    full = kill_virt.make_package(programs, folder, *paths, "--full")
    device = kill_virt.Device(folder, (build / "boot.bin").read_bytes())
    device.store("SLOT", paths[0].read_bytes())
    device.store("PACKAGE", delta)
    cut_in_restore(device)
    rot(device)
    expect_held(device, "after a rotten backup")
    expect_held(device, "at the next start")
    device.store("PACKAGE", kill_virt.unsigned(full))
    expect_held(device, "with a full image nobody signed")
    device.store("PACKAGE", full)
    said, ready = device.run(SECONDS)
    image = paths[1].read_bytes()
    if not ready or device.slot(len(image)) != image or \
            "app: confirmed\n" not in said:
        sys.exit("the full image does not help:\n%s" % said)
    print("with the signed full image: the new one runs")


def main():
    args = argparse.ArgumentParser(usage=__doc__)
    args.add_argument("programs")
    args.add_argument("--build", default=str(ROOT / "build/virt"))
    options = args.parse_args()
    if kill_virt.is_missing():
        return 77
    build = Path(options.build).resolve()
    build.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), Path(options.programs), build)
    return 0


if __name__ == "__main__":
    sys.exit(main())
