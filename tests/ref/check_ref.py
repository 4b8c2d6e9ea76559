# SPDX-License-Identifier: Apache-2.0
"""The second decoder and the golden packages: the good ones give their images,
the bad ones are refused by the same errors.

check_ref.py [NAME..]
"""

import hashlib
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parent / "golden"
sys.path.insert(0, str(GOLDEN))
sys.dont_write_bytecode = True

import cases  # noqa: E402
import dfota_ref  # noqa: E402


def decode(path, old, how):
    """The image, or the error's name; verify: the signature alone."""
    try:
        pkg = dfota_ref.Package(path.read_bytes())
        if "verify" in how:
            dfota_ref.check_signature(pkg, GOLDEN / "key.pub.pem")
        return dfota_ref.decode(pkg, old) if "apply" in how else None
    except dfota_ref.Refused as e:
        return str(e)


def wrong(kind, name, source, rest):
    """What is wrong with the case; None: nothing."""
    old = cases.CASES[source][0]()[0]
    path = GOLDEN / kind / f"{name}.pkg"
    if kind == "bad":
        got = decode(path, old, rest[1:])
        return None if got == rest[0] else f"{got}, not {rest[0]}"
    got = decode(path, old, rest[2:])
    if isinstance(got, str):
        return got
    if hashlib.sha256(got).hexdigest() != rest[1]:
        return "another image came out"
    return None


def main():
    lines = (GOLDEN / "expected.txt").read_text().splitlines()
    count = failed = 0
    for kind, name, source, *rest in map(str.split, lines):
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        count += 1
        what = wrong(kind, name, source, rest)
        if what:
            failed += 1
            print(f"{kind}/{name}: {what}")
    print(f"{count} packages, {failed} wrong")
    return 1 if failed or not count else 0


if __name__ == "__main__":
    sys.exit(main())
