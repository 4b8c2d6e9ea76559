#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second decoder of dfota packages, written from docs/format.md alone.

dfota_ref.py [--info] [--key PUB.pem] OLD PKG [-o NEW]

OLD may be /dev/null for a full package. The numbers in comments are sections
of docs/format.md. It is slow and says what each bit means; src/device is the
one to use.
"""

import argparse
import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile

from ref_isa import NAMES, SETS
from ref_models import (Arena, Bytes, Coder, Context, CopyMap, Flags, Models,
                        Refused, counters)
from ref_project import Projection

LIMIT = 1 << 30
DESCENDING, SELF, NO_SOURCE, PERMIT = 1, 2, 4, 8


# 2 The package


class Package:
    """2: the parts of a file; Refused if it is none."""

    def __init__(self, data):
        self.manifest_of(data)
        self.check()
        self.at, self.data = 80, data
        self.label = self.take(self.label_len)
        self.digests = [self.take(16) for _ in
                        range(self.windows if self.flags & SELF else 0)]
        self.signed = bytearray(data[: self.at])
        self.signed[3] &= ~PERMIT & 0xFF  # added to what is signed
        self.signature = self.take(64)
        self.permit = self.take(96 if self.flags & PERMIT else 0)
        self.body = self.take(self.body_len)
        if self.at != len(data):
            raise Refused("E_CORRUPT")

    def take(self, n):
        part = self.data[self.at : self.at + n]
        if len(part) < n:
            raise Refused("E_TRUNCATED")
        self.at += n
        return part

    def manifest_of(self, data):
        """2.1: the fields."""
        if data[:2] != b"DF":
            raise Refused("E_NOPACKAGE")
        if len(data) < 80:
            raise Refused("E_TRUNCATED")
        (self.version, flags_arch, self.key_id, self.arena_kib,
         self.sector_log2, self.label_len, self.window, self.reserved,
         self.class_id, self.counter, self.source_len, self.target_len,
         self.body_len, self.from_version, self.to_version, self.source_hash,
         self.target_hash) = struct.unpack("<6B2H7I8s32s", data[2:80])
        self.flags, self.arch = flags_arch & 15, flags_arch >> 4

    def check(self):
        """2.1: the ranges."""
        if self.version != 1:
            raise Refused("E_VERSION")
        if self.arch > 9:
            raise Refused("E_ARCH")
        good = (
            self.key_id <= 1 and self.arena_kib in (8, 16, 32, 64)
            and 9 <= self.sector_log2 <= 18 and self.reserved == 0
            and self.window << self.sector_log2 <= LIMIT
            and self.source_len <= LIMIT
            and not (self.flags & NO_SOURCE and self.source_len)
            and 1 <= self.target_len <= LIMIT and self.body_len <= LIMIT
            and not (self.flags & SELF and self.flags & DESCENDING))
        if not good or self.windows > 4096:
            raise Refused("E_CORRUPT")

    @property
    def sector(self):
        return 1 << self.sector_log2

    @property
    def window_len(self):
        return self.window << self.sector_log2 or self.target_len

    @property
    def windows(self):
        return -(-self.target_len // self.window_len)

    # 7 Windows

    def bounds(self, w):
        """The new offsets start, end of window w in production order."""
        if self.flags & DESCENDING:
            w = self.windows - 1 - w
        start = w * self.window_len
        return start, min(start + self.window_len, self.target_len)

    def absent(self, w):
        """The old offsets start, end that are absent for window w."""
        start, end = self.bounds(w)
        if not self.flags & DESCENDING:
            return 0, start
        up = self.sector - 1
        return (end + up) & ~up, (self.target_len + up) & ~up


# 2.3 Signature


def signature_der(raw):
    """r and s as the DER that openssl reads."""
    out = b""
    for half in (raw[:32], raw[32:]):
        n = half.lstrip(b"\0")
        n = b"\0" + n if not n or n[0] & 0x80 else n
        out += bytes((2, len(n))) + n
    return bytes((0x30, len(out))) + out


def check_signature(pkg, key):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "signature"
        path.write_bytes(signature_der(pkg.signature))
        r = subprocess.run(
            ["openssl", "dgst", "-sha256", "-verify", key, "-signature",
             path], input=pkg.signed, capture_output=True, check=False)
    if r.returncode:
        raise Refused("E_SIGNATURE")


# 6 Copies from the new image


class Tokens(Models):
    """State of tokens, new for each window."""

    def __init__(self, coder, image):
        super().__init__(coder)
        self.image = image
        self.rep = [1, 1, 1, 1]
        self.state = 0
        self.match = [counters(4) for _ in range(12)]
        self.repeat = counters(12)
        self.later = [counters(12) for _ in range(3)]
        self.long = [counters(4) for _ in range(12)]
        self.new_len, self.old_len = self.length_model(), self.length_model()
        self.slot = [counters(64) for _ in range(4)]
        self.split = {k: counters(1 << (k >> 1) - 1) for k in range(4, 14)}
        self.align = counters(16)

    @staticmethod
    def length_model():
        return (counters(2), [counters(8) for _ in range(4)], counters(8),
                counters(67))

    def length(self, model, n):
        choice, low, mid, high = model
        if not self.bit(choice, 0):
            return self.tree(3, low[n & 3])
        if not self.bit(choice, 1):
            return 8 + self.tree(3, mid)
        return 16 + self.value(high)

    def distance(self, length):
        k = self.tree(6, self.slot[min(length, 3)])
        if k < 4:
            return k
        b = (k >> 1) - 1
        base = (2 | k & 1) << b
        if k < 14:
            return base + self.reverse_tree(b, self.split[k])
        high = self.coder.raw(b - 4)
        return base + high * 16 + self.reverse_tree(4, self.align)

    def token(self, n, room):
        """None: a literal; else (len, dist)."""
        state = self.state
        if not self.bit(self.match[state], n & 3):
            self.state = (0 if state < 4 else
                          state - 3 if state < 10 else state - 6)
            return None
        if not self.bit(self.repeat, state):
            more = self.length(self.new_len, n)
            dist, r = 1 + self.distance(more), 4
            length = more + 2
            self.state = 7 if state < 7 else 10
        else:
            r = 0
            while r < 3 and self.bit(self.later[r], state):
                r += 1
            dist = self.rep[r]
            length = 1
            if r > 0 or self.bit(self.long[state], n & 3):
                length = 2 + self.length(self.old_len, n)
            self.state = 11 if state >= 7 else 9 if length == 1 else 8
        length, dist = length & 0xFFFFFFFF, dist & 0xFFFFFFFF
        if not 0 < length <= room or not 0 < dist <= n:
            raise Refused("E_CORRUPT")
        self.rep.pop(min(r, 3))
        self.rep.insert(0, dist)
        return length, dist

    def literal(self, n):
        """The context of a literal among tokens."""
        s = self.state
        c = Context(n & 3, index=0 if s >= 7 else 1 if s >= 4 else
                    2 if s >= 1 else 3)
        if self.rep[0] <= n:
            c.predicted = self.image[n - self.rep[0]]
            c.old = (c.predicted, 0, 0)
            c.speaks = True
        return c


# 7, 2.5: windows out of the streams of a body


class Decoder:
    def __init__(self, pkg, old):
        self.pkg, self.old = pkg, old
        self.arena = Arena(pkg.arena_kib, bool(pkg.flags & SELF),
                           bool(pkg.flags & NO_SOURCE))
        self.coder = Coder(pkg.body)
        self.image = bytearray(pkg.target_len)
        self.absent = (0, 0)

    def decode(self):
        """The new image."""
        pkg = self.pkg
        self.map()
        for w in range(pkg.windows):
            start, end = pkg.bounds(w)
            self.absent = pkg.absent(w)
            if w > 0 or self.has_map:
                self.coder.begin()
            self.window(start, end, self.segments[w])
            if pkg.flags & SELF and hashlib.sha256(
                    self.image[start:end]).digest()[:16] != pkg.digests[w]:
                raise Refused("E_TARGET")
        return bytes(self.image)

    def map(self):
        """4.1: all of the copy map, before the first window."""
        pkg = self.pkg
        both = SELF | NO_SOURCE
        self.has_map = pkg.flags & both != both
        self.segments = [[]] * pkg.windows
        regions, t, data_top = [], [], 0
        if self.has_map:
            m = CopyMap(self.coder, pkg.source_len, self.arena.t)
            data_top, regions = m.head()
            self.segments = [m.window(*pkg.bounds(w))
                             for w in range(pkg.windows)]
            t = m.t
        self.projection = Projection(SETS[pkg.arch], self.arena, regions, t,
                                     data_top, self.read_old)

    def here(self, o):
        """7: is there an old byte?"""
        return 0 <= o < len(self.old) and not (
            self.absent[0] <= o < self.absent[1])

    def read_old(self, o, n):
        """5.4: what is not there reads as 0."""
        return bytes(self.old[i] if self.here(i) else 0
                     for i in range(o, o + n))

    def window(self, start, end, segments):
        """7: what begins anew, then segments and what lies between."""
        self.bytes = Bytes(self.coder, self.arena)
        self.flags = Flags(self.coder, self.arena)
        self.tokens = Tokens(self.coder, self.image)
        self.projection.window()
        n = start
        for pos, src, length in segments:
            self.between(n, pos)
            self.segment(pos, src, length)
            n = pos + length
        self.between(n, end)

    def between(self, n, end):
        while n < end:
            if not self.pkg.flags & SELF:
                self.literal(n, Context(n & 3))
                n += 1
                continue
            match = self.tokens.token(n, end - n)
            if match is None:
                self.literal(n, self.tokens.literal(n))
                n += 1
                continue
            length, dist = match
            for i in range(n, n + length):
                self.image[i] = self.image[i - dist]
                self.bytes.add(self.image[i])
            self.coder.check()
            n += length

    def literal(self, n, context):
        self.image[n] = self.bytes.decode(context)
        self.coder.check()

    def segment(self, n, o, length):
        """5.4, 7: units, and literals against absent bytes."""
        end = n + length
        while n < end:
            if not self.here(o):
                self.literal(n, Context(n & 3))
                made = 1
            else:
                avail = end - n
                if o < self.absent[0] < self.absent[1]:
                    avail = min(avail, self.absent[0] - o)
                made = self.unit(o, n, avail)
            n += made
            o += made

    def unit(self, o, n, avail):
        """5.4: one unit; returns its length."""
        u = self.projection.unit(o, n, avail)
        kind = u.coded_kind()
        around = self.read_old(o - 1, len(u.old) + 2)
        key = int.from_bytes(self.read_old(o, 2), "little")
        if self.flags.decode(kind, key):
            new = u.predicted
            for byte in new:
                self.bytes.add(byte)
        else:
            new = self.unit_bytes(u, kind, around)
        self.image[n : n + len(new)] = new
        self.coder.check()
        self.projection.teach(u, new)
        return len(new)

    def unit_bytes(self, u, kind, around):
        """4.3: the bytes of a unit that is not as predicted."""
        new = bytearray()
        c = Context(0, kind, copied=True, speaks=True)
        for i, predicted in enumerate(u.predicted):
            c.al, c.index = u.n + i & 3, i
            c.old = (around[i + 1], around[i], around[i + 2])
            c.predicted = predicted
            byte = self.bytes.decode(c)
            new.append(byte)
            c.agreed = int(byte == predicted)
            c.difference = byte - predicted & 255
            if byte != u.old[i]:
                self.bytes.last = byte - u.old[i] & 255
        return bytes(new)


def decode(pkg, old):
    """The new image; 2.1: its source and its target have their hashes."""
    if not pkg.flags & NO_SOURCE:
        old = old[: pkg.source_len]
        if len(old) < pkg.source_len or \
                hashlib.sha256(old).digest()[:8] != pkg.source_hash:
            raise Refused("E_SOURCE")
    else:
        old = b""
    new = Decoder(pkg, old).decode()
    if hashlib.sha256(new).digest() != pkg.target_hash:
        raise Refused("E_TARGET")
    return new


def info(pkg):
    names = [name for bit, name in (
        (DESCENDING, "DESCENDING"), (SELF, "SELF"), (NO_SOURCE, "NO_SOURCE"),
        (PERMIT, "PERMIT")) if pkg.flags & bit]
    print("label       ", pkg.label.decode("utf-8", "replace"))
    print("flags       ", " ".join(names) or "none")
    print("arch        ", NAMES[pkg.arch])
    print("signed      ", f"key {pkg.key_id}" if any(pkg.signature) else "no")
    print("windows     ", pkg.windows, "of", pkg.window_len)
    for name in ("arena_kib", "sector", "counter", "source_len",
                 "target_len", "body_len"):
        print(f"{name:12}", getattr(pkg, name))
    for name in ("class_id", "from_version", "to_version"):
        print(f"{name:12} {getattr(pkg, name):08x}")
    for name in ("source_hash", "target_hash"):
        print(f"{name:12} {getattr(pkg, name).hex()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", metavar="OLD")
    parser.add_argument("package", metavar="PKG")
    parser.add_argument("-o", metavar="NEW", dest="new")
    parser.add_argument("--info", action="store_true")
    parser.add_argument("--key", metavar="PUB.pem")
    args = parser.parse_args()
    try:
        pkg = Package(pathlib.Path(args.package).read_bytes())
        if args.info:
            info(pkg)
        if args.key:
            check_signature(pkg, args.key)
        if args.new:
            new = decode(pkg, pathlib.Path(args.old).read_bytes())
            pathlib.Path(args.new).write_bytes(new)
    except Refused as e:
        print(f"dfota_ref: {args.package}: {e}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
