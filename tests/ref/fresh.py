# SPDX-License-Identifier: Apache-2.0
"""Both decoders on packages that nobody has seen before: made by `dfota diff`
from small images of a seed, and then spoilt at random. What comes out of a
spoilt body is nobody's wish, but both must make the same of it.

fresh.py DFOTA [SEED [COUNT]]
"""

import hashlib
import pathlib
import random
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "golden"))
sys.dont_write_bytecode = True

import dfota_ref  # noqa: E402
import images  # noqa: E402
from ref_isa import NAMES  # noqa: E402


def soup(r, arch):
    """Old: instructions of a set among noise. New: the same, here and there
    another byte, some pieces moved, so that operands move too."""
    kit = images.SETS[arch]
    g = images.Random(r.randrange(1 << 30))
    old = bytearray()
    size, base = r.randrange(300, 2500), kit[3]
    while len(old) < size:
        to = base + r.choice((r.randrange(size), g.bits(20), g.bits(31)))
        makers = kit[1] + kit[2]
        pick = r.randrange(6)
        if pick < 3 and makers:
            try:
                old += r.choice(makers)(base + len(old), to, g)
            except (ValueError, OverflowError):
                pass
        elif pick == 3:
            old += images.le(base + r.randrange(size), 4)
        elif pick == 4:
            old += r.randbytes(r.randrange(1, 9))
        else:
            old += kit[0](g)
    new = bytearray()
    at = 0
    while at < len(old):
        n = r.randrange(20, 400)
        piece = bytearray(old[at : at + n])
        for _ in range(r.choice((0, 0, 1, 4))):
            piece[r.randrange(len(piece))] = r.randrange(256)
        if r.randrange(4) == 0:
            new += r.randbytes(r.randrange(1, 13))
        new += piece
        at += n + (r.randrange(9) if r.randrange(6) == 0 else 0)
    return bytes(old), bytes(new)


def pair(r, arch):
    kind = r.randrange(4)
    if kind == 0:
        return images.firmware(arch, r.randrange(9999), r.randrange(5, 20),
                               r.randrange(1, 4))
    if kind == 1:
        text = images.text(r.randrange(9999), 1500)
        at = r.randrange(1500)
        return text, text[at:] + r.randbytes(30) + text[: at + 1]
    return soup(r, arch)


def make(r, dfota, folder):
    """A package of a pair; the old image."""
    arch = r.choice(NAMES).lower()
    old, new = pair(r, arch)
    (folder / "old").write_bytes(old)
    (folder / "new").write_bytes(new)
    line = [dfota, "diff", folder / "old", folder / "new", "-o",
            folder / "pkg", "--raw", "--arch", arch,
            "--ram", r.choice(("8K", "16K", "32K", "64K"))]
    line += ["--full"] if r.randrange(5) == 0 else []
    if r.randrange(2):
        line += ["--sector", "512", "--backup", r.choice(("512", "1K"))]
    made = subprocess.run(line, capture_output=True, text=True, check=False)
    if made.returncode:
        return None, old, made.stderr
    return (folder / "pkg").read_bytes(), old, new


def spoil(r, data):
    """Other bits in the body or the manifest."""
    pkg = dfota_ref.Package(data)
    out = bytearray(data)
    start = len(data) - pkg.body_len
    for _ in range(r.choice((0, 1, 1, 2))):
        if len(out) > start:
            # More often behind the copy map, which soon is corrupt.
            at = max(r.randrange(start, len(out)) for _ in range(3))
            out[at] ^= 1 << r.randrange(8)
    if r.randrange(8) == 0:
        out[start:] = r.randbytes(len(out) - start)
    if r.randrange(8) == 0:
        del out[r.randrange(start, len(out) + 1) :]
        out[28:32] = (len(out) - start).to_bytes(4, "little")
    if r.randrange(2):
        out[3] = out[3] & 15 | r.randrange(10) << 4
    if r.randrange(4) == 0:
        out[5] = r.choice((8, 16, 32, 64))
    if pkg.windows > 1 and not pkg.flags & 2 and r.randrange(3) == 0:
        out[3] ^= dfota_ref.DESCENDING
    return bytes(out)


class Trusting(dfota_ref.Decoder):
    """Takes any image, and writes its hashes into the package."""

    def decode_into(self, data):
        pkg = self.pkg
        pkg.digests = [AnyDigest()] * len(pkg.digests)
        image = self.decode()
        out = bytearray(data)
        out[48:80] = hashlib.sha256(image).digest()
        at = 80 + pkg.label_len
        for w in range(len(pkg.digests)):
            start, end = pkg.bounds(w)
            out[at : at + 16] = hashlib.sha256(image[start:end]).digest()[:16]
            at += 16
        return image, bytes(out)


class AnyDigest:
    def __ne__(self, other):
        return False


def expect(data, old):
    """The image or the error's name, and the package that must give it."""
    pkg = dfota_ref.Package(data)
    old = old[: pkg.source_len]
    try:
        return Trusting(pkg, old).decode_into(data)
    except dfota_ref.Refused:
        pass
    # Again: digests that were trusted may be wrong before this.
    try:
        return dfota_ref.decode(dfota_ref.Package(data), old), data
    except dfota_ref.Refused as e:
        return str(e), data


def sentences():
    text = (HERE.parent.parent / "src/base/err.h").read_text()
    rows = re.findall(r'X\((E_\w+),\s*-\d+,\s*"([^"]*)"\)', text)
    return {sentence: name for name, sentence in rows}


def ask(dfota, folder, data):
    """What `dfota apply` makes of a package: the image or the error."""
    (folder / "pkg").write_bytes(data)
    r = subprocess.run(
        [dfota, "apply", folder / "old", folder / "pkg", "--raw", "-o",
         folder / "out"], capture_output=True, text=True, check=False)
    if r.returncode == 0:
        return (folder / "out").read_bytes()
    last = (r.stderr.splitlines() or [""])[-1]
    return next((name for sentence, name in sentences().items()
                 if last.endswith(": " + sentence)), last)


def named(result):
    return result if isinstance(result, str) else "an image"


def one(seed, dfota, folder):
    """What differs; None: nothing."""
    r = random.Random(seed)
    data, old, new = make(r, dfota, folder)
    if data is None:
        return f"not made: {new}"
    try:
        if dfota_ref.decode(dfota_ref.Package(data), old) != new:
            return "another image"
    except dfota_ref.Refused as e:
        return f"refused: {e}"
    for turn in range(3):
        want, data = expect(spoil(r, data), old)
        got = ask(dfota, folder, data)
        if got != want:
            return f"spoilt {turn}: {named(got)}, not {named(want)}"
        if isinstance(want, str):
            break
    return None


def main():
    dfota, seed, count = sys.argv[1], 1, 30
    if len(sys.argv) > 2:
        seed = int(sys.argv[2])
    if len(sys.argv) > 3:
        count = int(sys.argv[3])
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for i in range(seed, seed + count):
            what = one(i, dfota, pathlib.Path(folder))
            if what:
                failed += 1
                print(f"seed {i}: {what}", flush=True)
    print(f"{count} packages, {failed} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
