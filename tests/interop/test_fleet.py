#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many modules of all families update at once, and end.

usage: test_fleet.py MODULE DFOTA [--modules N] [--memory-limit KIB]

Prints the time of all and the largest memory of one module's process: its
own pages (Private in smaps_rollup) at the end of the update, which the
kernel does not share with another.
"""

import argparse
import concurrent.futures
import pathlib
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from module_rig import DIALECTS, Module, Rig  # noqa: E402


def memory(pid):
    """(resident, private) KiB; the flash files are shared mappings."""
    rows = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().split("\n")
    value = {row.split(":")[0]: int(row.split()[1])
             for row in rows if row.endswith("kB")}
    return value["Rss"], value["Private_Clean"] + value["Private_Dirty"]


def anonymous(pid):
    """KiB of heap and stack at their largest, in /proc/PID/status."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0])


def update(rig, dialect, folder):
    module = Module(rig, dialect, folder, "--speed", "0")
    try:
        module.wait_for("registered", True)
        module.trigger()
        module.until('"END",0$')
        module.wait_for("version", "1.1.0")
        return (*memory(module.process.pid), anonymous(module.process.pid))
    finally:
        module.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module")
    parser.add_argument("dfota")
    parser.add_argument("--modules", type=int, default=50)
    parser.add_argument("--memory-limit", type=int, help="KiB of one module")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dfota-fleet-") as kept:
        folder = pathlib.Path(kept)
        rig = Rig(folder, a.module, a.dfota)
        for dialect in DIALECTS:
            rig.package(dialect)
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(a.modules) as pool:
            jobs = [pool.submit(update, rig, DIALECTS[i % len(DIALECTS)],
                                folder / str(i)) for i in range(a.modules)]
            used = [job.result() for job in jobs]
        seconds = time.monotonic() - begin
        rig.stop()
    resident, private, heap = (max(column) for column in zip(*used))
    print(f"{len(used)} modules updated at once in {seconds:.1f} s; the "
          f"largest: {resident} KiB resident, {private} KiB private, "
          f"{heap} KiB heap and stack")
    if a.memory_limit and resident > a.memory_limit:
        print(f"more than {a.memory_limit} KiB")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
