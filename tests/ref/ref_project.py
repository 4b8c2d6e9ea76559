# SPDX-License-Identifier: Apache-2.0
"""Projection: docs/format.md 5.1 to 5.5."""

from ref_isa import (ALL, CALL, DATA, FIRST, Insn, JUMP, LITERAL, M32, PLAIN,
                     POINTER, SECOND, WHOLE)

LOOK = 24
NOBODY = M32
DIFFERS = 8


class Unit:
    """5.4: from is an address, predicted as long as old."""

    def __init__(self, kind, o, n, old, predicted, from_=0):
        self.kind = kind
        self.o, self.n = o, n
        self.old = old
        self.predicted = predicted
        self.from_ = from_

    def coded_kind(self):
        return self.kind | (DIFFERS if self.predicted != self.old else 0)


class Memory:
    """5.3: a ring of pairs [from, to]."""

    def __init__(self, places):
        self.places = places
        self.pairs = []
        self.next = 0

    def nearest(self, a):
        best, distance = None, M32
        for pair in self.pairs:
            d = abs(pair[0] - a)
            if d <= distance:
                best, distance = pair, d
        return best

    def remember(self, from_, to):
        k = self.nearest(from_)
        if k and k[0] == from_:
            k[1] = to
        elif len(self.pairs) < self.places:
            self.pairs.append([from_, to])
        else:
            self.pairs[self.next] = [from_, to]
            self.next = (self.next + 1) % self.places


def near(k, a):
    return (k[0] - a + 4096) & M32 <= 8191


class Projection:
    """All of 5 but the instruction sets; window() before each window."""

    def __init__(self, isa, arena, regions, t, data_top, read):
        """read(o, n): old bytes, 0 where there is none."""
        self.isa, self.arena = isa, arena
        self.regions, self.t, self.data_top = regions, t, data_top
        self.read = read
        self.window()

    def window(self):
        self.code = Memory(self.arena.code)
        self.data = Memory(self.arena.data)
        self.first_clear()

    def first_clear(self):
        # [reg held or None, from, to]
        self.first = [[None, NOBODY, NOBODY] for _ in range(8)]

    # 5.1 Regions

    def region_at(self, o):
        for r in self.regions:
            if (o - r[0]) & M32 < r[1]:
                return r
        return (0, 0, 0, 0)

    def region_of(self, a):
        for r in self.regions:
            if (a - r[2] - r[0]) & M32 < r[1]:
                return r
        return None

    def old_address(self, o):
        return o + self.region_at(o)[2] & M32

    def new_address(self, o, n):
        return n + self.region_at(o)[3] & M32

    # 5.2 T

    def t_of(self, o):
        if not self.t:
            return o
        shift = self.t[0][1]
        for start, s in self.t:
            if start > o:
                break
            shift = s
        return o + shift & M32

    # 5.3 Memories

    def project(self, a, kind):
        k = self.code.nearest(a)
        if k and k[0] == a:
            return k[1]
        r = self.region_of(a)
        if r:
            return self.t_of(a - r[2] & M32) + r[3] & M32
        if not k or kind == LITERAL and not near(k, a):
            return a
        return a + k[1] - k[0] & M32

    # 5.4 Units

    def parse(self, o, look):
        """The instruction at old offset o."""
        if self.isa.none:
            return Insn(0)
        return self.isa.parse(self.read(o, look), self.old_address(o))

    def unit(self, o, n, avail):
        word = o % 4 == 0 and n % 4 == 0 and avail >= 4
        return (word and self.pointer(o, n)
                or self.operand(o, n, avail)
                or word and self.data_word(o, n)
                or self.plain(o, n, avail))

    def pointer(self, o, n):
        insn = self.parse(o, 24)
        if insn.kind != PLAIN and insn.half == FIRST:
            return None
        old = self.read(o, 4)
        w = int.from_bytes(old, "little")
        state = w & self.isa.state
        a = w - state
        if not self.region_of(a):
            return None
        new = self.project(a, POINTER) + state & M32
        return Unit(POINTER, o, n, old, new.to_bytes(4, "little"), a)

    def held(self, insn):
        """The first half that goes with a second half; None: none."""
        f = self.first[insn.reg & 7]
        return f if f[0] == insn.reg else None

    def has_operand(self, insn):
        return insn.kind != PLAIN and (
            insn.half != SECOND or self.held(insn) is not None)

    def operand(self, o, n, avail):
        a = self.isa.align
        if self.isa.none or o % a or n % a:
            return None
        insn = self.parse(o, LOOK)
        if not self.has_operand(insn) or insn.len > avail:
            return None
        target, pc = insn.target, self.new_address(o, n)
        if insn.half == SECOND:
            f = self.held(insn)
            target, pc = target + f[1] & M32, f[2]
        old = self.read(o, insn.len)
        new = insn.put(self.project(target, insn.kind), pc)
        kind = insn.kind
        if new is None:
            new = old
            kind = PLAIN if insn.half == WHOLE else kind
        return Unit(kind, o, n, old, new, target)

    def data_word(self, o, n):
        old = self.read(o, 4)
        w = int.from_bytes(old, "little")
        if not self.data_top or w >> 24 != self.data_top:
            return None
        k = self.data.nearest(w)
        new = w + k[1] - k[0] & M32 if k and near(k, w) else w
        return Unit(DATA, o, n, old, new.to_bytes(4, "little"), w)

    def plain(self, o, n, avail):
        length = min(self.plain_len(o, n), avail)
        old = self.read(o, length)
        return Unit(PLAIN, o, n, old, old)

    def plain_len(self, o, n):
        w, a = 4 - (n & 3), self.isa.align
        if self.isa.none or (o - n) % a:
            return w
        i = n % a
        if i:
            i = a - i
        else:
            i = self.step(self.parse(o, LOOK))
        while i < w:
            insn = self.parse(o + i, LOOK - i)
            if self.has_operand(insn):
                break
            i += self.step(insn)
        if i > w and (o - n) % 4 == 0 and self.word_in_region(o + w):
            i = w
        return i

    def word_in_region(self, o):
        """The word as it is, with its state bits."""
        return self.region_of(int.from_bytes(self.read(o, 4), "little"))

    def step(self, insn):
        self.forget(insn.writes)
        return insn.len or self.isa.align

    def forget(self, reg):
        if reg == ALL:
            self.first_clear()
        elif reg is not None and self.first[reg & 7][0] == reg:
            self.first[reg & 7][0] = None

    # 5.5 What a unit teaches

    def teach(self, unit, new):
        if unit.kind in (CALL, LITERAL):
            self.teach_operand(unit, new)
        elif unit.kind == POINTER and new != unit.predicted:
            old = int.from_bytes(unit.old, "little")
            self.code.remember(
                unit.from_, int.from_bytes(new, "little")
                - (old & self.isa.state) & M32)
        elif unit.kind == DATA and new != unit.predicted and \
                new[3] == self.data_top:
            self.data.remember(unit.from_, int.from_bytes(new, "little"))

    def teach_operand(self, unit, new):
        was = self.isa.parse(unit.old, self.old_address(unit.o))
        now = self.isa.parse(new, self.new_address(unit.o, unit.n))
        hit, target = new == unit.predicted, now.target
        if now.half == SECOND:
            target = target + self.first[now.reg & 7][2] & M32
            hit = target == self.project(unit.from_, unit.kind)
        if now.kind == unit.kind and now.half == was.half != FIRST and not (
                hit and (unit.kind != CALL or self.region_of(unit.from_))):
            self.code.remember(unit.from_, target)
        if was.half == FIRST:
            same = now.half == FIRST and now.reg == was.reg
            self.first[was.reg & 7] = [was.reg if same else None, was.value,
                                       now.value]
        elif was.half == SECOND:
            self.forget(was.writes)
