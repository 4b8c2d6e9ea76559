# SPDX-License-Identifier: Apache-2.0
"""Pairs of small images from a seed: firmware of a kind, for every
instruction set. Integers only, so that every Python makes the same bytes."""

MASK = 0xFFFFFFFF


class Random:
    """xorshift32"""

    def __init__(self, seed):
        self.state = seed * 2654435761 & MASK or 1

    def bits(self, n):
        x = self.state
        x ^= x << 13 & MASK
        x ^= x >> 17
        x ^= x << 5 & MASK
        self.state = x
        return x >> 32 - n

    def below(self, n):
        return self.bits(24) % n

    def bytes(self, n):
        return bytes(self.bits(8) for _ in range(n))


def le(value, size):
    return (value & (1 << 8 * size) - 1).to_bytes(size, "little")


# ---- instructions: (pc, target, random) -> bytes ----------------------------

def thumb_bl(pc, to, r):
    off = to - pc - 4
    s = off >> 24 & 1
    j1, j2 = (1 - (off >> n & 1 ^ s) for n in (23, 22))
    link = 0xD000 if r.bits(2) else 0x9000
    return (le(0xF000 | s << 10 | off >> 12 & 0x3FF, 2) +
            le(link | j1 << 13 | j2 << 11 | off >> 1 & 0x7FF, 2))


def thumb_bcond(pc, to, r):
    off = to - pc - 4
    return (le(0xF000 | (off >> 20 & 1) << 10 | off >> 12 & 0x3F, 2) +
            le(0x8000 | (off >> 18 & 1) << 13 | (off >> 19 & 1) << 11 |
               off >> 1 & 0x7FF, 2))


def thumb_imm16(op, reg, v):
    return (le(op | v >> 12 | (v >> 11 & 1) << 10, 2) +
            le((v >> 8 & 7) << 12 | reg << 8 | v & 0xFF, 2))


def thumb_mov(pc, to, r):
    reg = r.below(8)
    return (thumb_imm16(0xF240, reg, to & 0xFFFF) + le(0xBF00, 2) +
            thumb_imm16(0xF2C0, reg, to >> 16))


def thumb_fill(r):
    return le(r.below(0x4000), 2)


def a32_bl(pc, to, r):
    op = (0xEB, 0xEA, 0x0A, 0xFA)[r.below(4)]
    return le(op << 24 | to - pc - 8 >> 2 & 0xFFFFFF, 4)


def a32_ldr(pc, to, r):
    off = to - pc - 8
    if abs(off) > 4095:
        return le(0xE51F0004, 4)
    return le(0xE51F0000 | (off >= 0) << 23 | abs(off), 4)


def a32_mov(pc, to, r):
    reg = r.below(13) << 12
    halves = ((to >> n & 0xF000) << 4 | to >> n & 0xFFF for n in (0, 16))
    return (le(0xE3000000 | reg | next(halves), 4) +
            le(0xE3400000 | reg | next(halves), 4))


def a32_fill(r):
    return le(0xE0800000 | r.bits(16), 4)


def a64_bl(pc, to, r):
    return le((0x94000000, 0x14000000)[r.below(2)] |
              to - pc >> 2 & 0x3FFFFFF, 4)


def a64_bcond(pc, to, r):
    return le((0x54000001, 0x34000003, 0x58000005)[r.below(3)] |
              (to - pc >> 2 & 0x7FFFF) << 5, 4)


def a64_adrp(pc, to, r):
    reg, pages = r.below(28), (to >> 12) - (pc >> 12)
    first = 0x90000000 | (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5 | reg
    second = (0x91000000, 0x39400000)[r.below(2)]
    return (le(first, 4) + le(0x8B000000 | reg + 1 | r.bits(4) << 16, 4) +
            le(second | (to & 0xFFF) << 10 | reg << 5 | reg, 4))


def a64_fill(r):
    return le(0x8B000000 | r.bits(5) << 16 | r.bits(5) << 5 | r.bits(5), 4)


def rv_jal(pc, to, r):
    o = to - pc
    return le((o >> 20 & 1) << 31 | (o >> 1 & 0x3FF) << 21 |
              (o >> 11 & 1) << 20 | (o >> 12 & 0xFF) << 12 |
              (0xEF, 0x6F)[r.below(2)], 4)


def rv_call(pc, to, r):
    o = to - pc
    return le((o + 0x800 & 0xFFFFF000) | 0x317, 4) + le((o & 0xFFF) << 20 | 0x300E7, 4)


def rv_pair(pc, to, r):
    reg, lui = 10 + r.below(6), r.below(2)
    o = to if lui else to - pc
    first = (o + 0x800 & 0xFFFFF000) | reg << 7 | (0x37 if lui else 0x17)
    if r.below(2):
        second = (o & 0xFFF) << 20 | reg << 15 | reg << 7 | 0x13
    else:
        second = ((o >> 5 & 0x7F) << 25 | 9 << 20 | reg << 15 | 2 << 12 |
                  (o & 0x1F) << 7 | 0x23)
    return le(first, 4) + le(0x0001, 2) + le(second, 4)


def rv_cj(pc, to, r):
    o = to - pc
    if not -2048 <= o < 2048:
        return le(0x0001, 2)
    bits = ((11, 12), (4, 11), (9, 10), (8, 9), (10, 8), (6, 7), (7, 6),
            (3, 5), (2, 4), (1, 3), (5, 2))
    return le(0xA001 | sum((o >> i & 1) << at for i, at in bits), 2)


def rv_fill(r):
    return le(0x4501 | r.bits(3) << 7, 2) if r.below(2) else le(
        0x00000033 | r.bits(5) << 7 | r.bits(5) << 15 | r.bits(5) << 20, 4)


def xtensa_call(pc, to, r):
    return le((to - (pc & ~3) - 4 >> 2 & 0x3FFFF) << 6 | 0x05, 3)


def xtensa_l32r(pc, to, r):
    o = (to & ~3) - (pc + 3 & ~3)
    return le((o >> 2 & 0xFFFF) << 8 | r.bits(4) << 4 | 1, 3)


def xtensa_j(pc, to, r):
    return le((to - pc - 4 & 0x3FFFF) << 6 | 0x06, 3)


def xtensa_fill(r):
    return le(0x800000 | r.bits(12) << 4, 3) if r.below(2) else le(
        0x0008 | r.bits(12) << 4, 2)


def avr_far(pc, to, r):
    k = to >> 1
    return (le((0x940E, 0x940C)[r.below(2)] | (k >> 17 & 0x1F) << 4 |
               k >> 16 & 1, 2) + le(k, 2))


def avr_near(pc, to, r):
    return le((0xD000, 0xC000)[r.below(2)] | to - pc - 2 >> 1 & 0xFFF, 2)


def avr_ldi(pc, to, r):
    reg, kind = 2 * r.below(8), r.below(3)
    if kind == 2:
        return le(0x9000 | reg << 4, 2) + le(to, 2)
    v, low, high = ((to, 0xE000, 0xE000), (-to, 0x5000, 0x4000))[kind]
    byte = [op | (v >> n + 4 & 0xF) << 8 | v >> n & 0xF
            for op, n in ((low, 0), (high, 8))]
    return le(byte[0] | reg << 4, 2) + le(byte[1] | reg + 1 << 4, 2)


def avr_fill(r):
    return le(0x0C00 | r.bits(9), 2)


def m51_call(pc, to, r):
    return bytes([(0x12, 0x02, 0x90)[r.below(3)], to >> 8 & 0xFF, to & 0xFF])


def m51_ajmp(pc, to, r):
    if (to ^ pc + 2) & ~0x7FF:
        return b"\x00"
    return bytes([(to >> 8 & 7) << 5 | 0x11, to & 0xFF])


def m51_fill(r):
    return bytes([0xE8 | r.bits(3)]) if r.below(2) else bytes(
        [0x74, r.bits(8)])


def x86_call(pc, to, r):
    return bytes([(0xE8, 0xE9)[r.below(2)]]) + le(to - pc - 5, 4)


def x86_jcc(pc, to, r):
    return bytes([0x0F, 0x84 + r.below(2)]) + le(to - pc - 6, 4)


def x86_rip(pc, to, r):
    return bytes([0x48, (0x8B, 0x8D, 0x89)[r.below(3)], 0x05]) + le(
        to - pc - 7, 4)


def x86_fill(r):
    return bytes([0x48, 0x01, 0xC0 | r.bits(6)])


def raw_fill(r):
    return r.bytes(4)


# code: to functions; data: to variables. base, RAM, what a pointer adds
SETS = {
    "raw": (raw_fill, [], [], 0x10000, 0x20000000, 0),
    "thumb2": (thumb_fill, [thumb_bl, thumb_bl, thumb_bcond, thumb_mov],
               [thumb_mov], 0x08004000, 0x20000100, 1),
    "a32": (a32_fill, [a32_bl, a32_bl, a32_ldr, a32_mov], [a32_mov],
            0x00100000, 0x40000000, 0),
    "a64": (a64_fill, [a64_bl, a64_bcond, a64_adrp], [a64_adrp],
            0x00080000, 0x00400000, 0),
    "rv32": (rv_fill, [rv_jal, rv_call, rv_pair, rv_cj], [rv_pair],
             0x42000000, 0x3FC80000, 0),
    "rv64": (rv_fill, [rv_jal, rv_call, rv_pair, rv_cj], [rv_pair],
             0x20010000, 0x80000000, 0),
    "xtensa": (xtensa_fill, [xtensa_call, xtensa_l32r, xtensa_j], [],
               0x40200000, 0x3FFE8000, 0),
    "avr": (avr_fill, [avr_far, avr_near], [avr_ldi], 0, 0x0200, 0),
    "8051": (m51_fill, [m51_call, m51_ajmp], [m51_call], 0, 0x8000, 0),
    "x86": (x86_fill, [x86_call, x86_jcc, x86_rip], [x86_rip], 0x00400000,
            0x00600000, 0),
}

ALIGN = 4


def function(body_seed, places, base, at, ram, kit):
    """One function, whose instructions its seed decides; where the others
    are, and the variables, decides the operands."""
    fill, code, data, _, _, thumb = kit
    r = Random(body_seed)
    out = bytearray()
    for _ in range(6 + r.below(12)):
        for _ in range(r.below(4)):
            out += fill(r)
        pc = base + at + len(out)
        choice, callee = r.below(8), r.below(len(places))
        to = base + places[callee]
        variable = ram + 4 * r.below(60)
        if choice == 0 and data:
            out += data[r.below(len(data))](pc, variable, r)
        elif code:
            out += code[r.below(len(code))](pc, to, r)
    out += bytes(-len(out) % ALIGN)
    for _ in range(r.below(3)):
        word = base + places[r.below(len(places))] + thumb
        if r.below(3) == 0:
            word = ram + 4 * r.below(60)
        out += le(word, 4)
    return bytes(out)


def link(seeds, ids, kit, ram, base):
    """Functions one behind the other, twice: places, then operands. ids:
    which of them others call, in an order that both versions share."""
    places = [0] * len(ids)
    for _ in range(6):
        at, blob = 0, []
        for i, seed in enumerate(seeds):
            if i in ids:
                places[ids[i]] = at
            blob.append(function(seed, places, base, at, ram, kit))
            at += len(blob[-1])
    table = b"".join(le(base + p + kit[5], 4) for p in places)
    return b"".join(blob) + table


def firmware(arch, seed, functions, edits=1, base=None):
    """(old, new): some functions are new, a few changed, variables moved."""
    kit = SETS[arch]
    base = kit[3] if base is None else base
    seeds = [seed * 1000 + i for i in range(functions)]
    old = link(seeds, {i: i for i in range(functions)}, kit, kit[4], base)
    r = Random(seed + 77)
    changed = list(seeds)
    for k in range(edits):
        changed[r.below(functions)] += 500000 + k
    where = functions // 3
    changed[where:where] = [seed * 1000 + 900000 + k for k in range(edits)]
    ids = {i if i < where else i + edits: i for i in range(functions)}
    new = link(changed, ids, kit, kit[4] + 8, base)
    return old, new


def esp(seed):
    """(old, new) with a header of four segments whose addresses move."""
    def image(parts, entry):
        out = bytearray([0xE9, len(parts), 2, 0x20]) + le(entry, 4) + bytes(16)
        for address, data in parts:
            out += le(address, 4) + le(len(data), 4) + data
        return bytes(out + bytes(-len(out) % 16))

    kit = SETS["rv32"]
    out = []
    for version in (0, 1):
        flash, iram = 0x42000020, 0x40380000 + 0x80 * version
        data, ram = 0x3C020020 + 0x1000 * version, 0x3FC81000 + 0x80 * version
        seeds = [seed * 1000 + i for i in range(120)]
        ids = {i: i for i in range(120)}
        if version:
            seeds[40:40] = [seed * 1000 + 900000]
            ids = {i if i < 40 else i + 1: i for i in range(120)}
        code = link(seeds, ids, kit, ram, flash)
        fast = link(seeds[:30], {i: i for i in range(30)}, kit, ram, iram)
        r = Random(seed)
        words = b"".join(le((flash, iram, data, ram)[r.below(4)] +
                            4 * r.below(300), 4) for _ in range(400))
        out.append(image([(data, words + r.bytes(600)), (ram, words[:800]),
                          (flash, code), (iram, fast)], flash))
    return tuple(out)


def text(seed, size):
    """Something that repeats itself as text does."""
    r = Random(seed)
    words = [r.bytes(2 + r.below(9)) for _ in range(200)]
    out = bytearray()
    while len(out) < size:
        if r.below(40) == 0:
            out += bytes([r.bits(8)]) * (1 + r.below(200))
        w = words[r.below(200) * r.below(200) // 200]
        out += w if r.below(12) else w[::-1]
    return bytes(out[:size])
