# SPDX-License-Identifier: Apache-2.0
"""Every golden package gives its image, or is refused by its error.

check.py DFOTA
"""

import hashlib
import pathlib
import re
import subprocess
import sys
import tempfile

import cases

HERE = pathlib.Path(__file__).resolve().parent


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def sentences():
    """Sentence -> name of each error, from base/err.h."""
    text = (HERE.parent.parent / "src/base/err.h").read_text()
    rows = re.findall(r'X\((E_\w+),\s*-\d+,\s*"([^"]*)"\)', text)
    return {sentence: name for name, sentence in rows}


def error_of(dfota, how, package, old, new):
    """The error's name; None: the package is taken."""
    if how == "verify":
        line = [dfota, "verify", package, "--cert", HERE / "key.pub.pem"]
    else:
        line = [dfota, "apply", old, package, "--raw", "-o", new]
    r = subprocess.run(line, capture_output=True, text=True, timeout=60)
    if r.returncode == 0:
        return None
    last = (r.stderr.splitlines() or [""])[-1]
    for sentence, name in sentences().items():
        if last.endswith(f"{package}: {sentence}") and r.returncode == 3:
            return name
    return f"status {r.returncode}: {last}"


def check_good(dfota, folder, name, source, old_hash, new_hash, *hows):
    package = HERE / "good" / f"{name}.pkg"
    old = cases.CASES[source][0]()[0]
    if sha256(old) != old_hash:
        return "the old image is not the one it was made from"
    (folder / "old").write_bytes(old)
    for how in hows:
        got = error_of(dfota, how, package, folder / "old", folder / "new")
        if got:
            return f"{how}: {got}"
    if sha256((folder / "new").read_bytes()) != new_hash:
        return "another image came out"
    return None


def check_bad(dfota, folder, name, source, error, how):
    (folder / "old").write_bytes(cases.CASES[source][0]()[0])
    got = error_of(dfota, how, HERE / "bad" / f"{name}.pkg", folder / "old",
                   folder / "new")
    return None if got == error else f"{got}, not {error}"


def main():
    dfota, failed = sys.argv[1], 0
    lines = (HERE / "expected.txt").read_text().splitlines()
    with tempfile.TemporaryDirectory() as folder:
        for line in lines:
            kind, name, *rest = line.split()
            one = {"good": check_good, "bad": check_bad}[kind]
            wrong = one(dfota, pathlib.Path(folder), name, *rest)
            if wrong:
                failed += 1
                print(f"{kind}/{name}: {wrong}")
    names = {f"{k}/{n}" for k, n, *_ in map(str.split, lines)}
    files = {f"{p.parent.name}/{p.stem}" for p in HERE.glob("*/*.pkg")}
    for name in sorted(names ^ files):
        failed += 1
        print(f"{name}: in expected.txt or on disk, not both")
    print(f"{len(lines)} packages, {failed} wrong")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
