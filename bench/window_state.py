#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs that a decoder begins anew at each window.

usage: bench/window_state.py [--ram BYTES] [--jobs J] DIR

DIR holds one folder a pair: DIR/*/old.bin, new.bin. The tree is built twice in
a temporary folder: as it is, and with a decoder that keeps its models from one
window to the next, as if they were saved with each READY. For in-place
packages with windows of 4 KiB and 64 KiB the table has the sizes of both, the
erases of both for each sector that changes (saving takes the memory of the
models, in sectors, once more a window), and the seconds of decoding.
"""
import argparse
import math
import os
import resource
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECTOR = 4096
BACKUPS = [4096, 65536]
# What begins anew at a window: src/device/decoder.c.
RESETS = re.compile(r"^    dfota_model_reset\(&d->model\);\n"
                    r"    dfota_project_reset\(&d->project\);\n"
                    r"    if \(d->self\.code\)\n", re.M)
KEPT = ("    if (w == 0) {\n        dfota_model_reset(&d->model);\n"
        "        dfota_project_reset(&d->project);\n    }\n"
        "    if (d->self.code)\n")


def build(folder, jobs, patched):
    """A dfota of this tree, patched or as it is."""
    source = folder / "source"
    subprocess.run(["cp", "-r", "--parents"] +
                   [str(p.relative_to(ROOT)) for p in
                    (ROOT / "CMakeLists.txt", ROOT / "src", ROOT / "tests",
                     ROOT / "boards", ROOT / "tools", ROOT / "packaging",
                     ROOT / "bench", ROOT / "man", ROOT / "docs")
                    if p.exists()] + [str(source)], cwd=ROOT, check=True)
    if patched:
        path = source / "src/device/decoder.c"
        text, count = RESETS.subn(KEPT, path.read_text())
        if count != 1:
            sys.exit("window_state.py: what begins anew is not where it was")
        path.write_text(text)
    out = folder / "build"
    for command in (["cmake", "-S", source, "-B", out, "-G", "Ninja",
                     "-DCMAKE_BUILD_TYPE=Release"],
                    ["cmake", "--build", out, "-j", str(jobs), "--target",
                     "dfota"]):
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(done.stdout)
    return out / "bin/dfota"


def seconds(command):
    """Of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime -
            before.ru_utime - before.ru_stime)


def measure(program, pair, backup, ram, folder):
    """Bytes of a package, seconds to decode it."""
    package, image = folder / "p.dfota", folder / "new.bin"
    subprocess.run([program, "diff", pair / "old.bin", pair / "new.bin", "-o",
                    package, "--ram", str(ram), "--sector", str(SECTOR),
                    "--backup", str(backup)],
                   check=True, stdout=subprocess.DEVNULL)
    spent = seconds([program, "apply", pair / "old.bin", package, "-o", image])
    if image.read_bytes() != (pair / "new.bin").read_bytes():
        sys.exit("%s: not the new image" % pair)
    return package.stat().st_size, spent


def erases(pair, backup, ram):
    """For each changed sector, begun anew and saved."""
    old = (pair / "old.bin").read_bytes()
    new = (pair / "new.bin").read_bytes()
    changed = [off for off in range(0, len(new), SECTOR)
               if new[off:off + SECTOR] != old[off:off + SECTOR]]
    windows = len({off // backup for off in changed})
    return 2.0, 2.0 + windows * math.ceil(ram / SECTOR) / max(len(changed), 1)


def mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def main():
    args = argparse.ArgumentParser(usage=__doc__)
    args.add_argument("dir", type=Path)
    args.add_argument("--ram", type=int, default=16384)
    args.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = args.parse_args()
    pairs = sorted(p.parent for p in options.dir.glob("*/old.bin"))
    if not pairs:
        sys.exit("window_state.py: no pairs in %s" % options.dir)
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / kind for kind in ("anew", "saved")]
        for folder in folders:
            (folder / "source").mkdir(parents=True)
        programs = [build(f, options.jobs, f.name == "saved") for f in folders]
        print("%-28s %6s %8s %8s %6s  %5s %5s  %6s %6s" %
              ("pair", "window", "anew", "saved", "", "erase", "saved",
               "s", "saved"), flush=True)
        for backup in BACKUPS:
            ratios, wear = [], []
            for pair in pairs:
                (anew, t0), (saved, t1) = [
                    measure(p, pair, backup, options.ram, f)
                    for p, f in zip(programs, folders)]
                once, more = erases(pair, backup, options.ram)
                ratios.append(anew / saved)
                wear.append(more)
                print("%-28s %6d %8d %8d %+5.1f%%  %5.2f %5.2f  %6.2f %6.2f" %
                      (pair.name, backup, anew, saved,
                       100 * (anew / saved - 1), once, more, t0, t1),
                      flush=True)
            print("%-28s %6d %17s %+5.1f%%  %5.2f %5.2f" %
                  ("geometric mean", backup, "", 100 * (mean(ratios) - 1), 2.0,
                   mean(wear)), flush=True)


if __name__ == "__main__":
    main()
