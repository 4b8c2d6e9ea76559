#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The decoder, compiled for a target, makes the image the host made.

usage: tests/qemu/decoder_on_target.py BIN    (77: no QEMU or no compiler)

Packages of each kind (one window, many, full image) of the demo's update are
decoded by a Cortex-M3 in QEMU, with code for Cortex-M3 and for Cortex-M0+.
"""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
IMAGES = [ROOT / ("boards/images/demo-%s.bin" % v) for v in ("1.0.0", "1.1.0")]
KINDS = [[], ["--backup", "4096"], ["--full"]]


def main():
    for need in ("qemu-system-arm", "arm-none-eabi-gcc"):
        if not shutil.which(need):
            print("%s is not installed" % need)
            return 77
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "p.dfota"
        for kind in KINDS:
            subprocess.run([Path(sys.argv[1]) / "dfota", "diff"] + IMAGES +
                           ["-o", package, "--ram", "16384"] + kind,
                           check=True)
            for cpu in ("cortex-m3", "cortex-m0plus"):
                print(cpu, end=": ", flush=True)
                subprocess.run([ROOT / "tools/decoder-cost", "--build", folder,
                                "--cpu", cpu, IMAGES[0], package, IMAGES[1]],
                               check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
