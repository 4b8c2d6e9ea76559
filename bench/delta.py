#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packages for every pair of images, beside the peers found on PATH.

usage: bench/delta.py --dfota PROGRAM [--ram BYTES] [--backup SIZE]
                      [--json FILE] [--svg FILE] [--markdown FILE] DIR

DIR holds one folder a pair: DIR/*/old.bin, new.bin. Each package is signed,
applied back by `dfota apply` and compared. Times are user + system seconds of
whole processes, memory their largest resident size. The last line is the
geometric mean of our sizes against bsdiff's.
"""
import argparse
import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PEERS = {
    "bsdiff": lambda o, n, out: ["bsdiff", o, n, out],
    "xdelta3": lambda o, n, out: ["xdelta3", "-q", "-f", "-e", "-9", "-S",
                                  "lzma", "-s", o, n, out],
    "zstd": lambda o, n, out: ["zstd", "-q", "-f", "--ultra", "-22",
                               f"--patch-from={o}", n, "-o", out],
    "hdiffz": lambda o, n, out: ["hdiffz", "-f", "-s-64", "-c-lzma2", o, n,
                                 out],
    "detools": lambda o, n, out: ["detools", "create_patch", "-c", "lzma", o,
                                  n, out],
}


def measure(command):
    """Run a command: (seconds of CPU, peak KiB, standard output)."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out,
                                 stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode(errors="replace")
    if child.returncode != 0:
        sys.exit(f"bench: {' '.join(command)}: exit {child.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss, text


def ours(args, key, pair, folder):
    old, new = str(pair / "old.bin"), str(pair / "new.bin")
    pkg, back = str(folder / "x.pkg"), str(folder / "x.bin")
    geometry = ["--backup", args.backup] if args.backup else []
    seconds, memory, text = measure(
        [args.dfota, "diff", "--raw", old, new, "-o", pkg, "--key", key + ".pem",
         "--ram", args.ram] + geometry)
    apply_seconds, _, _ = measure(
        [args.dfota, "apply", "--raw", old, pkg, "-o", back, "--cert",
         key + ".pub.pem"])
    if Path(back).read_bytes() != (pair / "new.bin").read_bytes():
        sys.exit(f"bench: {pair.name}: applied back, the image differs")
    return {"bytes": os.path.getsize(pkg), "seconds": seconds,
            "memory_kib": memory, "apply_seconds": apply_seconds,
            "arch": text.split(" arch ")[1].split(",")[0]}


def peers(pair, folder):
    result = {}
    for name, command in PEERS.items():
        if not shutil.which(name):
            continue
        out = str(folder / f"peer.{name}")
        seconds, memory, _ = measure(
            command(str(pair / "old.bin"), str(pair / "new.bin"), out))
        result[name] = {"bytes": os.path.getsize(out), "seconds": seconds,
                        "memory_kib": memory}
    return result


def geomean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values))


def svg(rows, names, path):
    """Bars of size against bsdiff, a group a pair."""
    colours = ["#e45756", "#4c78a8", "#72b7b2", "#f2cf5b", "#b279a2",
               "#9d755d"]
    left, bar, gap, width = 230, 9, 10, 1000
    group = bar * len(names) + gap
    height = 60 + group * len(rows)
    scale = (width - left - 60) / 1.6
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
             f'height="{height}" font-family="sans-serif" font-size="11">',
             '<rect width="100%" height="100%" fill="white"/>']
    for i, name in enumerate(names):
        parts.append(f'<rect x="{left + 110 * i}" y="12" width="10" '
                     f'height="10" fill="{colours[i]}"/><text '
                     f'x="{left + 110 * i + 14}" y="21">{name}</text>')
    one = left + scale
    parts.append(f'<line x1="{one:.1f}" y1="35" x2="{one:.1f}" '
                 f'y2="{height}" stroke="#888"/><text x="{one + 3:.1f}" '
                 'y="42">bsdiff = 1</text>')
    for j, row in enumerate(rows):
        y = 50 + j * group
        parts.append(f'<text x="{left - 8}" y="{y + group / 2:.1f}" '
                     f'text-anchor="end">{row["pair"]}</text>')
        for i, name in enumerate(names):
            ratio = row["sizes"][name] / row["sizes"]["bsdiff"]
            long = min(ratio, 1.55) * scale
            parts.append(f'<rect x="{left}" y="{y + i * bar}" '
                         f'width="{long:.1f}" height="{bar - 1}" '
                         f'fill="{colours[i]}"/><text '
                         f'x="{left + long + 3:.1f}" '
                         f'y="{y + i * bar + 8}" font-size="9">'
                         f'{ratio:.2f}</text>')
    parts.append("</svg>")
    Path(path).write_text("\n".join(parts) + "\n")


def table(results):
    names = ["dfota"] + [n for n in PEERS if n in results[0]["peers"]]
    rows = []
    print(f'{"pair":<28}{"arch":<8}{"new":>9}' +
          "".join(f"{n:>9}" for n in names) + f'{"ratio":>7}')
    for r in results:
        sizes = {"dfota": r["dfota"]["bytes"]}
        sizes.update({n: p["bytes"] for n, p in r["peers"].items()})
        ratio = sizes["dfota"] / sizes["bsdiff"] if "bsdiff" in sizes else 0
        rows.append({"pair": r["pair"], "sizes": sizes})
        print(f'{r["pair"]:<28}{r["dfota"]["arch"]:<8}{r["new_bytes"]:>9}' +
              "".join(f"{sizes[n]:>9}" for n in names) + f"{ratio:>7.3f}")
    return names, rows


def summary(results):
    """Totals: time, memory, speed; means by architecture."""
    total = {n: [0.0, 0] for n in ["dfota", *results[0]["peers"]]}
    for r in results:
        for name, t in total.items():
            one = r["dfota"] if name == "dfota" else r["peers"][name]
            t[0] += one["seconds"]
            t[1] += one["memory_kib"]
    for name, (seconds, memory) in total.items():
        print(f"{name:<10} create {seconds:8.2f} s, peak memory summed "
              f"{memory / 1024:8.1f} MiB")
    made = sum(r["new_bytes"] for r in results)
    applied = sum(r["dfota"]["apply_seconds"] for r in results)
    print(f"apply      {applied:8.2f} s, {made / applied / 1e6:.2f} MB of new "
          "image a second")
    if "bsdiff" not in total:
        return None
    by_arch = {}
    for r in results:
        ratio = r["dfota"]["bytes"] / r["peers"]["bsdiff"]["bytes"]
        by_arch.setdefault(r["dfota"]["arch"], []).append(ratio)
    for arch, ratios in sorted(by_arch.items()):
        print(f"geomean {arch} ({len(ratios)} pairs) {geomean(ratios):.3f}")
    return geomean(x for ratios in by_arch.values() for x in ratios)


def markdown(results, names, rows, mean, args, path):
    """The page docs/benchmark.md; the picture lies beside it."""
    ram = f"{int(args.ram)} bytes" if args.ram.isdigit() else args.ram
    window = args.backup or "the whole image"
    lines = [
        "# Benchmark", "",
        "Made by `./run bench delta DIR --markdown docs/benchmark.md --svg",
        "docs/benchmark.svg`, where DIR holds a folder a pair: `old.bin` and",
        "`new.bin` of firmware that was released. Sizes in bytes; ours are",
        "signed packages with their manifest, each applied back by",
        "`dfota apply` and compared. Peers: `bsdiff`; `xdelta3 -9 -S lzma`;",
        "`zstd --ultra -22 --patch-from`; others when they are on PATH.", "",
        f"Decoder memory: {ram}. Window: {window}.", "",
        "| pair | arch | new | " + " | ".join(names) +
        " | dfota / bsdiff | create s | apply s |",
        "|---|---|" + "---|" * (len(names) + 4)]
    for r, row in zip(results, rows):
        sizes = row["sizes"]
        lines.append(
            f'| {r["pair"]} | {r["dfota"]["arch"]} | {r["new_bytes"]} | ' +
            " | ".join(str(sizes[n]) for n in names) +
            f' | {sizes["dfota"] / sizes["bsdiff"]:.3f} '
            f'| {r["dfota"]["seconds"]:.2f} '
            f'| {r["dfota"]["apply_seconds"]:.2f} |')
    lines += ["", f"Geometric mean against bsdiff: **{mean:.3f}**.", "",
              "![sizes against bsdiff](benchmark.svg)", "",
              "| program | create, s of CPU, all pairs | largest memory, MiB |",
              "|---|---|---|"]
    for name in names:
        every = [r["dfota"] if name == "dfota" else r["peers"][name]
                 for r in results]
        lines.append(f'| {name} | {sum(e["seconds"] for e in every):.2f} | '
                     f'{max(e["memory_kib"] for e in every) / 1024:.1f} |')
    lines += ["", "Times are of one run on one machine: only their ratios say",
              "something. Sizes are exact: the same inputs give the same",
              "package everywhere. What decoding takes on a",
              "micro-controller: [device-cost.md](device-cost.md)."]
    Path(path).write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dfota", required=True)
    parser.add_argument("--ram", default="16384")
    parser.add_argument("--backup", default="")
    parser.add_argument("--json", default="")
    parser.add_argument("--svg", default="")
    parser.add_argument("--markdown", default="")
    parser.add_argument("dir", type=Path)
    args = parser.parse_args()
    pairs = sorted(p.parent for p in args.dir.glob("*/old.bin")
                   if (p.parent / "new.bin").exists())
    if not pairs:
        sys.exit(f"bench: {args.dir}: no folder with old.bin and new.bin")
    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = str(folder / "key")
        measure([args.dfota, "keygen", "-o", key + ".pem"])
        for pair in pairs:
            results.append({
                "pair": pair.name,
                "new_bytes": (pair / "new.bin").stat().st_size,
                "dfota": ours(args, key, pair, folder),
                "peers": peers(pair, folder)})
    names, rows = table(results)
    mean = summary(results)
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=2) + "\n")
    if args.svg and mean:
        svg(rows, names, args.svg)
    if args.markdown and mean:
        markdown(results, names, rows, mean, args, args.markdown)
    print(f"geomean vs bsdiff {mean:.3f}" if mean
          else "geomean vs bsdiff unknown: bsdiff is not on PATH")


if __name__ == "__main__":
    main()
