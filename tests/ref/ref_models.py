# SPDX-License-Identifier: Apache-2.0
"""The bit coder and the models: docs/format.md 3 and 4."""

M32 = 0xFFFFFFFF


class Refused(Exception):
    """A package that is not taken; the argument is the error's name."""


# 3 The bit coder


class Coder:
    """3.1, 3.2: streams of bits out of a body."""

    def __init__(self, body):
        self.body = body
        self.at = 2
        self.begin()

    def byte(self):
        at = self.at
        self.at = at + 1
        return self.body[at] if at < len(self.body) else 0

    def begin(self):
        """3.2: the next stream, two bytes before what was not read."""
        self.at -= 2
        if self.at > len(self.body) + 4:
            raise Refused("E_TRUNCATED")
        self.range = M32
        self.code = 0
        for _ in range(4):
            self.code = self.code << 8 | self.byte()

    def check(self):
        if self.at > len(self.body) + 4:
            raise Refused("E_TRUNCATED")

    def bit(self, p):
        bound = (self.range >> 16) * (65536 - p)
        if self.code >= bound:
            bit = 1
            self.code -= bound
            self.range -= bound
        else:
            bit = 0
            self.range = bound
        while self.range < 1 << 24:
            self.range <<= 8
            self.code = (self.code << 8 | self.byte()) & M32
        return bit

    def raw(self, n):
        v = 0
        for _ in range(n):
            v = v << 1 | self.bit(32768)
        return v


# 4 Models

RATE = (43691, 26214, 18725, 14564, 11916, 10082, 8738, 7710,
        6899, 6242, 5699, 5243, 4855, 4520, 4228, 3972)
NEW = 0x8000


def counters(n, new=NEW):
    return [new] * n


def counter_p(c):
    return c & 0xFFF0 | 8


def learnt(c, bit):
    q, k = c >> 4, c & 15
    if bit:
        q += (4095 - q) * RATE[k] >> 16
    else:
        q -= q * RATE[k] >> 16
    return q << 4 | (k + 1 if k < 15 else 15)


class Models:
    """Counters, trees and values: what 4.1 and 6 are made of."""

    def __init__(self, coder):
        self.coder = coder

    def bit(self, t, i=0):
        bit = self.coder.bit(counter_p(t[i]))
        t[i] = learnt(t[i], bit)
        return bit

    def tree(self, n, t):
        node = 1
        for _ in range(n):
            node = 2 * node + self.bit(t, node)
        return node - (1 << n)

    def reverse_tree(self, n, t):
        """6: the first bit is bit 0."""
        node, v = 1, 0
        for i in range(n):
            bit = self.bit(t, node)
            node = 2 * node + bit
            v |= bit << i
        return v

    def value(self, t):
        top = self.tree(5, t)
        out = 1
        for i in range(top - 1, -1, -1):
            if i == top - 1:
                bit = self.bit(t, 32 + top)
            elif i <= 1:
                bit = self.bit(t, 64 + (out & i) + i)
            else:
                bit = self.coder.raw(1)
            out = out << 1 | bit
        return out - 1


# 4.1 Copy map


class CopyMap(Models):
    NAMES = "LAST TO_END SAME ON BACK PLAIN ANCHOR0 ANCHOR1".split()

    def __init__(self, coder, source_len, t_len):
        super().__init__(coder)
        self.source_len = source_len
        self.t_len = t_len
        self.t = []
        self.src_end = self.shift = 0
        self.renew()

    def renew(self):
        self.gap, self.len, self.jump = (counters(67) for _ in range(3))
        self.c = {name: counters(1) for name in self.NAMES}

    def flag(self, name):
        return self.bit(self.c[name])

    def address(self):
        z = self.coder.raw(5)
        return self.value(self.gap) << z & M32

    def difference(self):
        minus = self.coder.raw(1)
        a = self.address()
        return -a & M32 if minus else a

    def head(self):
        """Returns data_top and the regions."""
        data_top = self.coder.raw(8)
        regions = []
        if self.flag("PLAIN"):
            b = self.address()
            regions.append((0, self.source_len, b, b))
        else:
            end = 0
            for _ in range(self.coder.raw(3) + 1):
                regions.append(self.region(end))
                end = regions[-1][0] + regions[-1][1]
        self.renew()
        return data_top, regions

    def region(self, end):
        off = end + self.value(self.jump)
        length = self.value(self.len)
        if off + length > self.source_len:
            raise Refused("E_CORRUPT")
        old = self.address()
        return off, length, old, old + self.difference() & M32

    def window(self, start, end):
        """The window's segments: (pos, src, len)."""
        pos_end, segments = start, []
        while pos_end < end and not self.flag("LAST"):
            try:
                pos, src, n, anchor = self.segment(pos_end, end - pos_end)
            finally:
                self.coder.check()
            if anchor:
                if len(self.t) == self.t_len:
                    raise Refused("E_CORRUPT")
                self.enter(src, pos - src & M32)
            segments.append((pos, src, n))
            pos_end = pos + n
            self.src_end = src + n
            self.shift = src - pos & M32
        self.coder.check()
        return segments

    def segment(self, pos_end, left):
        gap = self.value(self.gap)
        if gap >= left:
            raise Refused("E_CORRUPT")
        pos = pos_end + gap
        left -= gap
        n = left if self.flag("TO_END") else 1 + self.value(self.len)
        if n > left:
            raise Refused("E_CORRUPT")
        same = pos + self.shift & M32
        if self.flag("ON"):
            src = self.src_end
        elif same != self.src_end and self.flag("SAME"):
            src = same
        else:
            back = self.flag("BACK")
            jump = 1 + self.value(self.jump)
            src = self.src_end + (-jump if back else jump) & M32
        if src > self.source_len or n > self.source_len - src:
            raise Refused("E_CORRUPT")
        return pos, src, n, self.flag("ANCHOR1" if n >= 32 else "ANCHOR0")

    def enter(self, start, shift):
        """5.2: behind entries of the same start."""
        i = len(self.t)
        while i and self.t[i - 1][0] > start:
            i -= 1
        self.t.insert(i, (start, shift))


# 4.2 Flags: stretch, squash, mixer

LN = (0, 8, 16, 23, 30, 37, 44, 51, 57, 63, 70,
      76, 82, 87, 93, 98, 104, 109, 114, 119, 124, 129,
      134, 139, 143, 148, 152, 157, 161, 165, 169, 173, 177)
SQ = (1, 1, 1, 2, 3, 5, 8, 13, 22, 36,
      60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971,
      7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
      62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500,
      65514, 65523, 65528, 65531, 65533, 65534, 65535, 65535, 65535)

def ln(v):
    z = 16 - v.bit_length()
    v <<= z
    i, part = (v >> 10) & 31, v & 1023
    return LN[i] + ((LN[i + 1] - LN[i]) * part >> 10) - 177 * z


def stretch(p):
    return ln(p) - ln(65536 - p)


STRETCH = [stretch(q << 4 | 8) for q in range(4096)]


def squash(x):
    y = min(max(x, -3071), 3071) + 3072
    i, part = y >> 7, y & 127
    return SQ[i] + ((SQ[i + 1] - SQ[i]) * part >> 7)


def mixed_bit(coder, w, inputs):
    x = 0
    for weight, value in zip(w, inputs):
        x += (weight >> 2) * value >> 14
    p = squash(x)
    bit = coder.bit(p)
    err = (65535 if bit else 0) - p
    for i, value in enumerate(inputs):
        v = w[i] + (value * err + 8192 >> 14)
        w[i] = min(max(v, -(1 << 20)), 1 << 20)
    return bit


def hash32(a, b):
    h = a * 0x9E3779B1 + b * 0x85EBCA77 & M32
    return h ^ h >> 15


def flag_rate(k):
    return RATE[k] if k < 16 else RATE[k >> 2] >> 2


def flag_learnt(c, bit):
    p, k = c >> 10, c & 1023
    if bit:
        p += (0x3FFFFF - p >> 6) * flag_rate(k) >> 10
    else:
        p -= (p >> 6) * flag_rate(k) >> 10
    return p << 10 | min(k + 1, 62)


class Flags:
    """4.2: one bit a unit, new for each window."""

    def __init__(self, coder, arena):
        self.coder = coder
        self.mask = (1 << arena.f) - 1
        self.tables = [counters(1 << arena.f, 0xF8000002) for _ in range(3)]
        self.weights = [[26214] * 3 for _ in range(16)]
        self.h = 0

    def decode(self, kind, key):
        h = self.h
        index = [i & self.mask for i in (
            kind | (h & 15) << 4,
            hash32(key | (h & 3) << 16, kind),
            hash32(h & 0xFFF, kind >> 1))]
        inputs = [stretch(max(t[i] >> 16, 1))
                  for t, i in zip(self.tables, index)]
        bit = mixed_bit(self.coder, self.weights[kind & 15], inputs)
        for t, i in zip(self.tables, index):
            t[i] = flag_learnt(t[i], bit)
        self.h = (h << 1 | 1 - bit) & M32
        return bit


# 4.3 Bytes


class Context:
    """What a byte's models see; the defaults are those of a literal."""

    def __init__(self, al, kind=7, old=(0, 0, 0), predicted=0, index=0,
                 agreed=2, difference=0, copied=False, speaks=False):
        self.al = al
        self.kind = kind
        self.old = old
        self.predicted = predicted
        self.index = index
        self.agreed = agreed
        self.difference = difference
        self.copied = copied
        self.speaks = speaks


class Bytes:
    """4.3: new for each window."""

    def __init__(self, coder, arena):
        self.coder = coder
        self.s, self.e = arena.s, arena.e
        self.contexts = [counters(1 << arena.s) for _ in range(6)]
        self.expect = [counters(1 << arena.e, 0xF000) for _ in range(3)]
        self.weights = [[14418] * 10 for _ in range(16)]
        self.made = (0, 0, 0, 0)
        self.last = 0

    def add(self, byte):
        """made moves on, whatever coded the byte."""
        self.made = (byte, *self.made[:3])

    def hashes_copied(self, c):
        m, o = self.made, c.old
        return (
            hash32(1, o[0] | o[2] << 9 | c.al << 17),
            hash32(2, o[0] | m[0] << 9 | c.al << 17),
            hash32(3, m[0] | m[1] << 8 | c.al << 16),
            hash32(4, c.predicted | c.difference << 8 | c.agreed << 16
                   | c.kind << 18),
            hash32(5, c.predicted | c.agreed << 9 | c.kind << 11
                   | c.al << 15 | c.index << 17),
            hash32(6, m[1] | m[3] << 8 | c.al << 16))

    def hashes_literal(self, c):
        m, a1 = self.made, c.al & 1
        return (
            hash32(11, a1),
            hash32(12, m[0] | a1 << 8),
            hash32(13, m[0] | m[1] << 8),
            hash32(14, m[0] | m[1] << 8 | m[2] << 16),
            hash32(15, m[1] | m[3] << 8 | a1 << 16),
            hash32(16, m[1] | a1 << 8))

    def decode(self, c):
        hashes = self.hashes_copied(c) if c.copied else self.hashes_literal(c)
        guesses = (c.predicted, c.old[0], (c.old[0] + self.last) & 255)
        known = 1
        for at in range(7, -1, -1):
            known = known << 1 | self.one(c, hashes, guesses, known, at)
        self.add(known & 255)
        return known & 255

    def one(self, c, hashes, guesses, known, at):
        index = [((h + known) * 0x9E3779B1 & M32) >> 32 - self.s
                 for h in hashes]
        inputs = []
        for t, i in zip(self.contexts, index):
            inputs.append(STRETCH[t[i] >> 4])
        mask = (1 << self.e) - 1
        second = (at | c.al << 3 | c.kind << 5) & mask
        places = ((c.agreed | at << 2 | c.index << 5 | c.kind << 7) & mask,
                  second, second)
        speaks = [c.speaks and (g | 256) >> at + 1 == known for g in guesses]
        for t, g, i, says in zip(self.expect, guesses, places, speaks):
            v = STRETCH[t[i] >> 4] if says else 0
            inputs.append(v if g >> at & 1 else -v)
        inputs.append(77)
        chosen = c.copied + 2 * speaks[0] + 4 * speaks[1] + 8 * (at == 7)
        bit = mixed_bit(self.coder, self.weights[chosen], inputs)
        for t, i in zip(self.contexts, index):
            t[i] = learnt(t[i], bit)
        for t, g, i, says in zip(self.expect, guesses, places, speaks):
            if says:
                t[i] = learnt(t[i], (g >> at & 1) == bit)
        return bit


# 4.4 Arena classes


class Arena:
    DELTA = {8: (8, 7, 7, 128, 32, 16), 16: (9, 9, 8, 256, 64, 32),
             32: (10, 9, 8, 1024, 64, 32), 64: (12, 9, 8, 1024, 64, 32)}
    SELF = {8: (7, 6, 6, 128, 32, 16), 16: (9, 8, 7, 256, 64, 32),
            32: (10, 9, 8, 1024, 64, 32), 64: (12, 8, 7, 1024, 64, 32)}
    FULL = {8: (8, 7), 16: (10, 7), 32: (11, 9), 64: (12, 9)}

    def __init__(self, kib, is_self, no_source):
        row = (self.DELTA if not is_self else
               self.FULL if no_source else self.SELF)[kib]
        # What SELF and NO_SOURCE have no flags, T and memories for is 0.
        self.s, self.e, self.f, self.t, self.code, self.data = \
            (*row, 0, 0, 0, 0)[:6]
