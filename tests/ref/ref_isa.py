# SPDX-License-Identifier: Apache-2.0
"""Instruction sets: docs/format.md 5.6, one class each."""

M32 = 0xFFFFFFFF
PLAIN, CALL, JUMP, LITERAL, POINTER, DATA = range(6)
WHOLE, FIRST, SECOND = range(3)
NONE, ALL = None, "all"


def signed(v, n):
    """1: the low n bits of v as a number with sign, as u32."""
    v &= (1 << n) - 1
    return (v - (1 << n) if v >> (n - 1) else v) & M32


def fits(v, n):
    return signed(v, n) == v & M32


def bits(x, high, low):
    return (x >> low) & ((1 << (high - low + 1)) - 1)


def le(p, at, n):
    return int.from_bytes(p[at : at + n], "little")


def raw(x, n):
    return x.to_bytes(n, "little")


class Insn:
    """What an instruction set says of some bytes (5.4).

    put(target, pc): the bytes with another target; None: it does not fit.
    """

    def __init__(self, length, kind=PLAIN, target=0, put=None, **more):
        self.len = length
        self.kind = kind
        self.target = target & M32
        self.put = put
        self.half = more.get("half", WHOLE)
        self.reg = more.get("reg", 0)
        self.writes = more.get("writes", NONE)
        self.value = more.get("value", 0) & M32


def relative(length, kind, base, offset, test, encode):
    """An operand at base(pc) + offset; test and encode take offsets."""

    def put(target, pc):
        d = (target - base(pc)) & M32
        return raw(encode(d), length) if test(d) else None

    return lambda pc: Insn(length, kind, base(pc) + offset, put)


class Raw:
    align, state, none = 1, 0, True


class Thumb2:
    align, state, none = 2, 1, False

    def parse(self, p, pc):
        if len(p) < 2:
            return Insn(0)
        a = le(p, 0, 2)
        if a < 0xE800:
            return self.narrow(a, pc)
        if len(p) < 4:
            return Insn(4)
        return self.wide(p, a, le(p, 2, 2), pc)

    @staticmethod
    def narrow(a, pc):
        def near(pc):
            return pc + 4

        def base(pc):
            return (pc + 4) & ~3

        if a & 0xF800 in (0x4800, 0xA000):
            return relative(
                2, LITERAL, base, bits(a, 7, 0) * 4,
                lambda d: d <= 1020 and d % 4 == 0,
                lambda d: a & ~0xFF | d >> 2)(pc)
        if a & 0xF800 == 0xE000:
            return relative(
                2, JUMP, near, signed(a << 1, 12),
                lambda d: fits(d, 12) and d % 2 == 0,
                lambda d: a & ~0x7FF | bits(d, 11, 1))(pc)
        if a & 0xF000 == 0xD000 and a & 0xE00 != 0xE00:
            return relative(
                2, JUMP, near, signed(a << 1, 9),
                lambda d: fits(d, 9) and d % 2 == 0,
                lambda d: a & ~0xFF | bits(d, 8, 1))(pc)
        if a & 0xF500 == 0xB100:
            return relative(
                2, JUMP, near, bits(a, 9, 9) << 6 | bits(a, 7, 3) << 1,
                lambda d: d <= 126 and d % 2 == 0,
                lambda d: a & ~0x2F8 | bits(d, 6, 6) << 9
                | bits(d, 5, 1) << 3)(pc)
        return Insn(2)

    def wide(self, p, a, b, pc):
        word = a | b << 16

        def near(pc):
            return pc + 4

        s, j1, j2 = bits(a, 10, 10), bits(b, 13, 13), bits(b, 11, 11)
        if a & 0xF800 == 0xF000 and b & 0xD000 in (0xD000, 0x9000):
            i1, i2 = ~(j1 ^ s) & 1, ~(j2 ^ s) & 1
            offset = (s << 24 | i1 << 23 | i2 << 22 | bits(a, 9, 0) << 12
                      | bits(b, 10, 0) << 1)

            def encode(d):
                s = bits(d, 24, 24)
                j1, j2 = ~(bits(d, 23, 23) ^ s) & 1, ~(bits(d, 22, 22) ^ s) & 1
                return (a & ~0x7FF | s << 10 | bits(d, 21, 12)
                        | (b & ~0x2FFF | j1 << 13 | j2 << 11
                           | bits(d, 11, 1)) << 16)

            return relative(4, CALL, near, signed(offset, 25),
                            lambda d: fits(d, 25), encode)(pc)
        if (a & 0xF800 == 0xF000 and b & 0xD000 == 0x8000
                and a & 0x380 != 0x380):
            offset = (s << 20 | j2 << 19 | j1 << 18 | bits(a, 5, 0) << 12
                      | bits(b, 10, 0) << 1)

            def encode_cond(d):
                return (a & ~0x43F | bits(d, 20, 20) << 10 | bits(d, 17, 12)
                        | (b & ~0x2FFF | bits(d, 18, 18) << 13
                           | bits(d, 19, 19) << 11 | bits(d, 11, 1)) << 16)

            return relative(4, JUMP, near, signed(offset, 21),
                            lambda d: fits(d, 21), encode_cond)(pc)
        if a & 0xFBF0 == 0xF240 and b >> 15 == 0:
            return self.movw(p, word)
        if self.is_movt(word):
            return half_second(4, word, self.imm16, self.with_imm16,
                               bits(b, 11, 8))
        if a & 0xFE1F == 0xF81F:
            return self.load(word, pc)
        return Insn(4)

    @staticmethod
    def imm16(w):
        a, b = w & 0xFFFF, w >> 16
        return (bits(a, 3, 0) << 12 | bits(a, 10, 10) << 11
                | bits(b, 14, 12) << 8 | bits(b, 7, 0))

    @staticmethod
    def with_imm16(w, v):
        a = w & 0xFFFF & ~0x40F | bits(v, 15, 12) | bits(v, 11, 11) << 10
        b = w >> 16 & ~0x70FF | bits(v, 10, 8) << 12 | bits(v, 7, 0)
        return a | b << 16

    @staticmethod
    def is_movt(w):
        return w & 0xFBF0 == 0xF2C0 and w >> 31 == 0

    def movw(self, p, word):
        reg, at, upper = bits(word, 27, 24), 4, None
        while at + 2 <= len(p):
            if le(p, at, 2) < 0xE800:
                at += 2
                continue
            w = le(p, at, 4)
            if at + 4 <= len(p) and self.is_movt(w) and \
                    bits(w, 27, 24) == reg:
                upper = self.imm16(w)
                break
            at += 4
        return half_first(word, upper, self.imm16, self.with_imm16, reg)

    @staticmethod
    def load(word, pc):
        def base(pc):
            return (pc + 4) & ~3

        size = bits(word, 27, 16)
        offset = size if bits(word, 7, 7) else -size

        def encode(d):
            up = d <= 4095
            return (word & ~0x0FFF0080 | up << 7
                    | (d if up else -d & M32) << 16)

        return relative(4, LITERAL, base, offset,
                        lambda d: d <= 4095 or -d & M32 <= 4095, encode)(pc)


def half_first(word, upper, imm16, with_imm16, reg):
    """MOVW: an operand only beside its MOVT."""
    value = imm16(word)
    if upper is None:
        return Insn(4, half=FIRST, reg=reg, value=value)

    def put(target, _pc):
        return raw(with_imm16(word, target & 0xFFFF), 4)

    return Insn(4, LITERAL, upper << 16 | value, put, half=FIRST, reg=reg,
                value=value)


def half_second(length, word, imm16, with_imm16, reg):
    """MOVT."""

    def put(target, pc):
        d = (target - pc) & M32
        return None if d & 0xFFFF else raw(with_imm16(word, d >> 16), length)

    return Insn(length, LITERAL, imm16(word) << 16, put, half=SECOND, reg=reg,
                writes=reg)


class A32:
    align, state, none = 4, 0, False

    def parse(self, p, pc):
        if len(p) < 4:
            return Insn(4)
        a = le(p, 0, 4)

        def base(pc):
            return pc + 8

        if a & 0x0E000000 == 0x0A000000:
            blx = a >> 28 == 15
            offset = signed(a << 2, 26) + (bits(a, 24, 24) * 2 if blx else 0)
            if blx:
                return relative(
                    4, CALL, base, offset,
                    lambda d: fits(d, 26) and d % 2 == 0,
                    lambda d: a & 0xFE000000 | bits(d, 1, 1) << 24
                    | bits(d, 25, 2))(pc)
            return relative(
                4, CALL, base, offset, lambda d: fits(d, 26) and d % 4 == 0,
                lambda d: a & 0xFF000000 | bits(d, 25, 2))(pc)
        if a >> 28 == 15:
            return Insn(4)
        if a & 0x0F3F0000 == 0x051F0000:
            return self.load(a, bits(a, 11, 0), 4095, 0, 0xFFF, base, pc)
        if a & 0x0F3F0E00 == 0x0D1F0A00:
            return self.load(a, bits(a, 7, 0) * 4, 1020, 2, 0xFF, base, pc)
        if a & 0x0FF00000 == 0x03000000:
            return self.movw(p, a)
        if a & 0x0FF00000 == 0x03400000:
            return half_second(4, a, self.imm16, self.with_imm16,
                               bits(a, 15, 12))
        return Insn(4)

    @staticmethod
    def load(a, size, most, shift, mask, base, pc):
        present = (size if bits(a, 23, 23) else -size) & M32

        def test(d):
            s = d if d < 1 << 31 else -d & M32
            return s <= most and s % (1 << shift) == 0

        def encode(d):
            if d == present:
                return a
            up = d < 1 << 31
            s = d if up else -d & M32
            return a & ~(1 << 23 | mask) | up << 23 | s >> shift

        return relative(4, LITERAL, base, present, test, encode)(pc)

    @staticmethod
    def imm16(a):
        return bits(a, 19, 16) << 12 | bits(a, 11, 0)

    @staticmethod
    def with_imm16(a, v):
        return a & ~0xF0FFF | bits(v, 15, 12) << 16 | bits(v, 11, 0)

    def movw(self, p, a):
        upper = None
        for at in range(4, len(p) - 3, 4):
            b = le(p, at, 4)
            if b & 0x0FF00000 == 0x03400000 and \
                    (a ^ b) & 0xF000F000 == 0:
                upper = self.imm16(b)
                break
        return half_first(a, upper, self.imm16, self.with_imm16,
                          bits(a, 15, 12))


class A64:
    align, state, none = 4, 0, False
    # mask, test, kind, high bit of the offset's field, its low bit
    BRANCHES = (
        (0x7C000000, 0x14000000, CALL, 25, 0),
        (0xFF000000, 0x54000000, JUMP, 23, 5),
        (0x7E000000, 0x34000000, JUMP, 23, 5),
        (0x7E000000, 0x36000000, JUMP, 18, 5),
        (0x3B000000, 0x18000000, LITERAL, 23, 5),
    )

    def parse(self, p, pc):
        if len(p) < 4:
            return Insn(4)
        a = le(p, 0, 4)
        insn = self.operand(p, a, pc)
        insn.writes = self.writes(a)
        return insn

    @staticmethod
    def writes(a):
        if a == 0xD65F03C0:
            return ALL
        if a & 0x1C000000 == 0x14000000 or (
                a & 0x0A000000 == 0x08000000 and a & 0x00C00000 == 0):
            return NONE
        return bits(a, 4, 0)

    def operand(self, p, a, pc):
        for mask, test, kind, high, low in self.BRANCHES:
            if a & mask == test:
                return self.branch(a, pc, kind, high, low)
        if a & 0x9F000000 == 0x10000000:
            return relative(
                4, LITERAL, lambda pc: pc, signed(self.imm21(a), 21),
                lambda d: fits(d, 21), lambda d: self.with_imm21(a, d))(pc)
        if a & 0x9F000000 == 0x90000000:
            return self.adrp(p, a, pc)
        return self.second(a)

    @staticmethod
    def branch(a, pc, kind, high, low):
        n = high - low + 3
        field = ((1 << (n - 2)) - 1) << low
        return relative(
            4, kind, lambda pc: pc, signed(bits(a, high, low) << 2, n),
            lambda d: fits(d, n) and d % 4 == 0,
            lambda d: a & ~field | bits(d, n - 1, 2) << low)(pc)

    @staticmethod
    def imm21(a):
        return bits(a, 23, 5) << 2 | bits(a, 30, 29)

    @staticmethod
    def with_imm21(a, d):
        return a & ~0x60FFFFE0 | bits(d, 20, 2) << 5 | bits(d, 1, 0) << 29

    @staticmethod
    def scale(a):
        if a & 0xFFC00000 == 0x91000000:
            return 0
        if a & 0x3B000000 != 0x39000000:
            return None
        return 4 if a & 0x04800000 == 0x04800000 else a >> 30

    def added(self, a):
        """4096 where nothing is added."""
        scale = self.scale(a)
        return 4096 if scale is None else bits(a, 21, 10) << scale

    def adrp(self, p, a, pc):
        imm = signed(self.imm21(a), 21)
        if not fits(imm, 20):
            return Insn(4)
        reg = bits(a, 4, 0)
        value = (pc & ~0xFFF) + (imm << 12)
        target = value
        for at in range(4, len(p) - 3, 4):
            b = le(p, at, 4)
            if bits(b, 9, 5) == reg and self.added(b) <= 4095:
                target = value + self.added(b)
                break

        def put(target, pc):
            pages = ((target & ~0xFFF) - (pc & ~0xFFF) & M32) >> 12
            return raw(self.with_imm21(a, signed(pages, 20)), 4)

        return Insn(4, LITERAL, target, put, half=FIRST, reg=reg, value=value)

    def second(self, a):
        reg, scale = bits(a, 9, 5), self.scale(a)
        if reg == 31 or self.added(a) > 4095:
            return Insn(4)

        def put(target, pc):
            d = (target - pc) & M32
            if d > 4095 or d % (1 << scale):
                return None
            return raw(a & ~(0xFFF << 10) | (d >> scale) << 10, 4)

        return Insn(4, LITERAL, self.added(a), put, half=SECOND, reg=reg)


class Rv:
    align, state, none = 2, 0, False
    # immediates: (highest bit of imm, highest of the instruction, bits)
    J = ((20, 31, 1), (10, 30, 10), (11, 20, 1), (19, 19, 8))
    B = ((12, 31, 1), (10, 30, 6), (4, 11, 4), (11, 7, 1))
    CJ = ((11, 12, 1), (4, 11, 1), (9, 10, 2), (10, 8, 1), (6, 7, 1),
          (7, 6, 1), (3, 5, 3), (5, 2, 1))
    CB = ((8, 12, 1), (4, 11, 2), (7, 6, 2), (2, 4, 2), (5, 2, 1))
    I = ((11, 31, 12),)
    S = ((11, 31, 7), (4, 11, 5))

    def __init__(self, wide):
        self.wide = wide

    def parse(self, p, pc):
        if len(p) < 2:
            return Insn(0)
        a = le(p, 0, 2)
        if a & 3 != 3:
            insn = self.narrow(a, pc)
            insn.writes = self.writes16(a)
            return insn
        if len(p) < 4:
            return Insn(4)
        a = le(p, 0, 4)
        insn = self.word(p, a, pc)
        insn.writes = self.writes32(a)
        return insn

    @staticmethod
    def writes32(a):
        return NONE if a & 0x7F in (
            0x07, 0x23, 0x27, 0x43, 0x47, 0x4B, 0x4F, 0x53, 0x63
        ) else bits(a, 11, 7)

    @staticmethod
    def writes16(a):
        if a == 0x8082:
            return ALL
        if a >> 13 >= 5:
            return NONE
        if a & 3 == 0:
            return 8 + bits(a, 4, 2)
        if a & 3 == 1 and a >> 13 == 4:
            return 8 + bits(a, 9, 7)
        return bits(a, 11, 7)

    @staticmethod
    def get(a, fields):
        return sum(bits(a, f, f - n + 1) << (i - n + 1) for i, f, n in fields)

    @staticmethod
    def set(a, fields, v):
        for i, f, n in fields:
            low = f - n + 1
            a = a & ~(((1 << n) - 1) << low) | bits(v, i, i - n + 1) << low
        return a

    def near(self, length, kind, a, fields, n, pc):
        """An operand that must read back the same."""

        def same(d):
            return signed(self.get(self.set(a, fields, d), fields), n) == d

        return relative(length, kind, lambda pc: pc,
                        signed(self.get(a, fields), n), same,
                        lambda d: self.set(a, fields, d))(pc)

    def narrow(self, a, pc):
        op = a >> 13
        if a & 3 == 1 and (op == 5 or op == 1 and not self.wide):
            return self.near(2, JUMP, a, self.CJ, 12, pc)
        if a & 3 == 1 and op in (6, 7):
            return self.near(2, JUMP, a, self.CB, 9, pc)
        return Insn(2)

    def word(self, p, a, pc):
        op = a & 0x7F
        if op == 0x6F:
            return self.near(4, CALL, a, self.J, 21, pc)
        if op == 0x63:
            return self.near(4, JUMP, a, self.B, 13, pc)
        if op == 0x17 and len(p) >= 8 and \
                le(p, 4, 4) & 0xFF07F == 0x67 | bits(a, 11, 7) << 15:
            return self.call(a, le(p, 4, 4), pc)
        if a & 0x5F == 0x17:
            return self.upper(p, a, pc)
        return self.second(a)

    @staticmethod
    def with_upper(a, d):
        return a & 0xFFF | (d + 0x800) & 0xFFFFF000

    def call(self, a, b, pc):
        imm = (a & 0xFFFFF000) + signed(b >> 20, 12)

        def put(target, pc):
            d = (target - pc) & M32
            return (raw(self.with_upper(a, d), 4)
                    + raw(self.set(b, self.I, d), 4))

        return Insn(8, CALL, pc + imm, put)

    def fields(self, a):
        """Of a second half; None: it is none."""
        if bits(a, 19, 15) in (0, 2):
            return None
        if a & 0x707F in (0x13, 0x67) or a & 0x7F in (0x03, 0x07):
            return self.I
        return self.S if a & 0x7F in (0x23, 0x27) else None

    def upper(self, p, a, pc):
        reg, lui = bits(a, 11, 7), a & 0x20
        value = (a & 0xFFFFF000) + (0 if lui else pc)
        target, at = value, 4
        while at + 4 <= len(p):
            b = le(p, at, 4)
            fields = self.fields(b) if b & 3 == 3 else None
            if fields and bits(b, 19, 15) == reg:
                target = value + signed(self.get(b, fields), 12)
                break
            at += 4 if b & 3 == 3 else 2

        def put(target, pc):
            d = target if lui else target - pc
            return raw(self.with_upper(a, d & M32), 4)

        return Insn(4, LITERAL, target, put, half=FIRST, reg=reg, value=value)

    def second(self, a):
        fields = self.fields(a)
        if not fields:
            return Insn(4)
        insn = self.near(4, LITERAL, a, fields, 12, 0)
        insn.half, insn.reg = SECOND, bits(a, 19, 15)
        return insn


class Xtensa:
    align, state, none = 1, 0, False

    def parse(self, p, pc):
        if len(p) < 1:
            return Insn(0)
        if p[0] & 8:
            return self.narrow(p, pc)
        if len(p) < 3:
            return Insn(3)
        w = le(p, 0, 3)

        def form(kind, base, offset, test, encode):
            return relative(3, kind, base, offset, test, encode)(pc)

        def near(pc):
            return pc + 4

        if w & 15 == 1:
            return form(LITERAL, lambda pc: ((pc + 3) & ~3) - 0x40000,
                        bits(w, 23, 8) * 4,
                        lambda d: d <= 0x3FFFC and d % 4 == 0,
                        lambda d: w & 0xFF | d >> 2 << 8)
        if w & 15 == 5:
            return form(CALL, lambda pc: (pc & ~3) + 4,
                        signed(w >> 6 << 2, 20),
                        lambda d: fits(d, 20) and d % 4 == 0,
                        lambda d: w & 0x3F | bits(d, 19, 2) << 6)
        if w & 0xFF == 0x76 and bits(w, 15, 15):
            return form(JUMP, near, bits(w, 23, 16), lambda d: d <= 255,
                        lambda d: w & 0xFFFF | d << 16)
        for low, test in ((6, w & 0x3F == 0x06), (12, w & 0x3F == 0x16),
                          (16, w & 0x3F == 0x26 or w & 15 == 7
                           or w & 0xFF in (0x76, 0xB6, 0xF6))):
            if test:
                n = 24 - low
                return form(JUMP, near, signed(w >> low, n),
                            lambda d: fits(d, n),
                            lambda d: w & ((1 << low) - 1)
                            | bits(d, n - 1, 0) << low)
        return Insn(3)

    @staticmethod
    def narrow(p, pc):
        if p[0] & 0xE == 0xE:
            return Insn(0)
        w = le(p, 0, 2)
        if len(p) < 2 or w & 0x8F != 0x8C:
            return Insn(2)
        return relative(
            2, JUMP, lambda pc: pc + 4, bits(w, 5, 4) * 16 + bits(w, 15, 12),
            lambda d: d <= 63,
            lambda d: w & 0x0FCF | d >> 4 << 4 | (d & 15) << 12)(pc)


class Avr:
    align, state, none = 2, 0, False
    RAM = 0x800000

    def parse(self, p, pc):
        if len(p) < 2:
            return Insn(2)
        a = le(p, 0, 2)

        def near(pc):
            return pc + 2

        if a & 0xE000 == 0xC000:
            return relative(2, CALL, near, signed(a << 1, 13),
                            lambda d: fits(d, 13) and d % 2 == 0,
                            lambda d: a & 0xF000 | bits(d, 12, 1))(pc)
        if a & 0xF800 == 0xF000:
            return relative(2, JUMP, near, signed(bits(a, 9, 3) << 1, 8),
                            lambda d: fits(d, 8) and d % 2 == 0,
                            lambda d: a & ~0x3F8 | bits(d, 7, 1) << 3)(pc)
        return self.pair(a, le(p, 2, 2)) if len(p) >= 4 else Insn(2)

    def pair(self, a, b):
        def operand(kind, zero, target, test, encode):
            return relative(4, kind, lambda pc: zero, target, test, encode)(0)

        if a & 0xFE0C == 0x940C:
            k = bits(a, 8, 4) << 17 | (a & 1) << 16 | b
            return operand(
                CALL, 0, k << 1, lambda d: d < 1 << 23 and d % 2 == 0,
                lambda d: a & ~0x1F1 | bits(d, 22, 18) << 4 | bits(d, 17, 17)
                | bits(d, 16, 1) << 16)
        if a & 0xFC0F == 0x9000:
            return operand(LITERAL, self.RAM, b, lambda d: d <= 0xFFFF,
                           lambda d: a | d << 16)
        v = self.imm8(b) << 8 | self.imm8(a)
        sign = 0
        if a & 0xF010 == 0xE000 and (a ^ b) & 0xF0F0 == 0x0010:
            sign = 1
        elif a & 0xF010 == 0x5000 and (a ^ b) & 0xF0F0 == 0x1010:
            sign = -1
        if sign == 0 or sign * v & 0xFFFF < 0x100:
            return Insn(2)
        return operand(
            LITERAL, self.RAM, sign * v & 0xFFFF,
            lambda d: 0x100 <= d <= 0xFFFF,
            lambda d: self.with_imm8(a, sign * d & 0xFF)
            | self.with_imm8(b, (sign * d & 0xFFFF) >> 8) << 16)

    @staticmethod
    def imm8(a):
        return bits(a, 11, 8) << 4 | bits(a, 3, 0)

    @staticmethod
    def with_imm8(a, v):
        return a & 0xF0F0 | v >> 4 << 8 | v & 15


class I8051:
    align, state, none = 1, 0, False
    LEN = (0x5AAEAAFD, 0xAAAAAAAA, 0x5AAAAA5F, 0x55557F55,
           0x55D9AAA5, 0xAEDBEAAA, 0x55E69555, 0x59E69555)

    def parse(self, p, pc):
        if len(p) < 1:
            return Insn(0)
        op = p[0]
        c = op & 15
        c = 7 if c >= 8 else min(c, 6)
        length = bits(self.LEN[c], 2 * (op >> 4) + 1, 2 * (op >> 4))
        if len(p) >= 2 and op & 15 == 1:
            return relative(
                2, JUMP, lambda pc: (pc + 2) & ~0x7FF, op >> 5 << 8 | p[1],
                lambda d: d <= 0x7FF,
                lambda d: op & 0x1F | d >> 8 << 5 | (d & 255) << 8)(pc)
        if len(p) >= 3 and op in (0x02, 0x12, 0x90):
            return relative(
                3, LITERAL if op == 0x90 else CALL, lambda pc: 0,
                p[1] << 8 | p[2], lambda d: d <= 0xFFFF,
                lambda d: op | d >> 8 << 8 | (d & 255) << 16)(pc)
        return Insn(length)


class X86:
    align, state, none = 1, 0, False

    def parse(self, p, pc):
        for at, kind, test in (
                (1, CALL, p[:1] in (b"\xE8", b"\xE9")),
                (2, CALL, p[:1] == b"\x0F" and p[1:2] and
                    p[1] & 0xF0 == 0x80),
                (3, LITERAL, len(p) >= 3 and p[0] in (0x48, 0x4C) and
                    p[1] in (0x03, 0x39, 0x3B, 0x63, 0x89, 0x8B, 0x8D) and
                    p[2] & 0xC7 == 0x05)):
            n = at + 4
            if not test or len(p) < n:
                continue
            d = le(p, at, 4)
            if not fits(d, 25):
                return Insn(0)
            head = le(p, 0, at)
            return relative(n, kind, lambda pc: pc + n, d,
                            lambda d: fits(d, 25),
                            lambda d: head | d << 8 * at)(pc)
        return Insn(0)


NAMES = "RAW THUMB2 A32 A64 RV32 RV64 XTENSA AVR 8051 X86".split()
SETS = (Raw(), Thumb2(), A32(), A64(), Rv(False), Rv(True), Xtensa(), Avr(),
        I8051(), X86())
