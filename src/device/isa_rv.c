/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RISC-V operands that name an address: jumps, branches, and pairs of an
 * upper immediate with the instruction that adds the lower twelve bits.
 * Encodings: The RISC-V Instruction Set Manual, volume I, 2.2, 2.3, 16.8.
 */
#include "base/bytes.h"
#include "device/project.h"

/* Immediates are scattered: n bits of the instruction from bit `at` up are
 * the immediate's bits from `imm` up. */
struct run {
    uint8_t at, imm, n;
};

static const struct run runs[] = {
    {31, 20, 1},  {21, 1, 10}, {20, 11, 1}, {12, 12, 8},            /* J */
    {31, 12, 1},  {25, 5, 6},  {8, 1, 4},   {7, 11, 1},             /* B */
    {12, 11, 1},  {11, 4, 1},  {9, 8, 2},   {8, 10, 1},             /* CJ */
    {7, 6, 1},    {6, 7, 1},   {3, 1, 3},   {2, 5, 1},              /* CJ */
    {12, 8, 1},   {10, 3, 2},  {5, 6, 2},   {3, 1, 2},   {2, 5, 1}, /* CB */
    {12, 12, 20},                                                   /* U */
    {20, 0, 12},                                                    /* I */
    {25, 5, 7},   {7, 0, 5},                                        /* S */
};

struct form {
    uint8_t first, count; /* in runs[] */
    uint8_t bits;         /* of the immediate, with its sign */
    uint8_t kind, len;
};

static const struct form form_j = {0, 4, 21, DFOTA_KIND_CALL, 4};
static const struct form form_b = {4, 4, 13, DFOTA_KIND_JUMP, 4};
static const struct form form_cj = {8, 8, 12, DFOTA_KIND_JUMP, 2};
static const struct form form_cb = {16, 5, 9, DFOTA_KIND_JUMP, 2};
static const struct form form_u = {21, 1, 32, 0, 4};
static const struct form form_i = {22, 1, 12, 0, 4};
static const struct form form_s = {23, 2, 12, 0, 4};

static uint32_t get(uint32_t insn, const struct form *f)
{
    const struct run *r = runs + f->first;
    uint32_t v = 0, top = 1U << (f->bits - 1);

    for (unsigned i = 0; i < f->count; i++)
        v |= (insn >> r[i].at & ((1U << r[i].n) - 1)) << r[i].imm;
    return (v ^ top) - top;
}

static uint32_t put(uint32_t insn, const struct form *f, uint32_t v)
{
    const struct run *r = runs + f->first;

    for (unsigned i = 0; i < f->count; i++) {
        uint32_t mask = (1U << r[i].n) - 1;

        insn &= ~(mask << r[i].at);
        insn |= (v >> r[i].imm & mask) << r[i].at;
    }
    return insn;
}

/* A jump or branch of one instruction; NULL: another one. */
static const struct form *single(uint32_t insn, bool rv32)
{
    switch (insn & 0x7F) {
    case 0x6F:
        return &form_j;
    case 0x63:
        return &form_b;
    default:
        break;
    }
    if ((insn & 3) != 1)
        return NULL;
    switch (insn >> 13 & 7) {
    case 1:
        return rv32 ? &form_cj : NULL; /* C.JAL; C.ADDIW on RV64 */
    case 5:
        return &form_cj;
    case 6:
    case 7:
        return &form_cb;
    default:
        return NULL;
    }
}

/* Instructions that add twelve bits to a register; NULL: another one. */
static const struct form *lower(uint32_t insn)
{
    /* Nothing is loaded into x0; relative to x2, sp, is no address. */
    if ((insn >> 15 & 0x1F) == 0 || (insn >> 15 & 0x1F) == 2)
        return NULL;
    switch (insn & 0x7F) {
    case 0x13: /* ADDI */
    case 0x67: /* JALR */
        return (insn >> 12 & 7) == 0 ? &form_i : NULL;
    case 0x03: /* loads */
    case 0x07:
        return &form_i;
    case 0x23: /* stores */
    case 0x27:
        return &form_s;
    default:
        return NULL;
    }
}

/* LUI or AUIPC. Its address is whole with the second half's part; where none
 * is in sight, the middle of those it may have. */
static void parse_first(const uint8_t *p, uint32_t avail, uint32_t pc,
                        struct dfota_operand *out)
{
    uint32_t a = dfota_get_le32(p);

    out->kind = DFOTA_KIND_LITERAL;
    out->half = DFOTA_FIRST;
    out->len = 4;
    out->reg = a >> 7 & 0x1F;
    out->value = get(a, &form_u) + ((a & 0x20) ? 0 : pc);
    out->target = out->value;
    for (uint32_t i = 4; i + 4 <= avail;) {
        uint32_t b = dfota_get_le32(p + i);
        const struct form *f = lower(b);

        if (f && (b >> 15 & 0x1F) == out->reg) {
            out->target += get(b, f);
            return;
        }
        i += (b & 3) == 3 ? 4 : 2;
    }
}

/* AUIPC and the JALR behind it. */
static bool far_call(uint32_t a, const uint8_t *p, uint32_t avail)
{
    return (a & 0x7F) == 0x17 && avail >= 8 &&
           (dfota_get_le32(p + 4) & 0xFF07F) == (0x67 | (a >> 7 & 0x1F) << 15);
}

/* The register that an instruction overwrites. Where it is a floating-point
 * one, a name too many does no harm. */
static uint8_t overwritten(uint32_t a)
{
    uint32_t function = a >> 13 & 7, rd = a >> 7 & 0x1F;
    /* Major opcodes without rd: stores, branches, floating point. */
    const uint32_t none = 0x011F0302;

    switch (a & 3) {
    case 0: /* C.LW, C.ADDI4SPN .. */
        rd = 8 + (a >> 2 & 7);
        break;
    case 1: /* C.ADDI, C.LI .., and C.SUB, C.ANDI .. */
        if (function == 4)
            rd = 8 + (rd & 7);
        break;
    case 2: /* C.LWSP, C.MV .. */
        if (a == 0x8082)
            return DFOTA_REG_ALL; /* RET: another function follows */
        break;
    default:
        return none >> (a >> 2 & 0x1F) & 1 ? DFOTA_REG_NONE : (uint8_t)rd;
    }
    return function < 5 ? (uint8_t)rd : DFOTA_REG_NONE;
}

static void parse(const uint8_t *p, uint32_t avail, uint32_t pc,
                  struct dfota_operand *out, bool rv32)
{
    uint32_t a;
    const struct form *f;

    if (avail < 2)
        return;
    a = dfota_get_le16(p);
    if ((a & 3) == 3) {
        if (avail < 4)
            return;
        a = dfota_get_le32(p);
    }
    out->len = (a & 3) == 3 ? 4 : 2;
    out->writes = overwritten(a);
    f = single(a, rv32);
    if (f) {
        out->kind = f->kind;
        out->len = f->len;
        out->target = pc + get(a, f);
    } else if (far_call(a, p, avail)) {
        out->kind = DFOTA_KIND_CALL;
        out->len = 8;
        out->target =
            pc + get(a, &form_u) + get(dfota_get_le32(p + 4), &form_i);
    } else if ((a & 0x5F) == 0x17) {
        parse_first(p, avail, pc, out);
    } else if ((f = lower(a))) {
        out->kind = DFOTA_KIND_LITERAL;
        out->half = DFOTA_SECOND;
        out->len = 4;
        out->reg = a >> 15 & 0x1F;
        out->target = get(a, f);
    }
}

static bool write(uint8_t *p, uint32_t pc, uint32_t target, bool rv32)
{
    uint32_t a = dfota_get_le16(p);
    const struct form *f;

    if ((a & 3) == 3)
        a = dfota_get_le32(p);
    f = single(a, rv32);
    if (f) {
        a = put(a, f, target - pc);
        if (get(a, f) != target - pc)
            return false;
        dfota_put_le16(p, (uint16_t)a);
        if (f->len == 4)
            dfota_put_le16(p + 2, (uint16_t)(a >> 16));
        return true;
    }
    target -= pc;
    if ((f = lower(a))) {
        a = put(a, f, target);
        if (get(a, f) != target)
            return false;
        dfota_put_le32(p, a);
        return true;
    }
    if (a & 0x20)
        target += pc; /* LUI */
    /* The lower half is signed: the upper one makes up for it. */
    dfota_put_le32(p, put(a, &form_u, target + 0x800));
    if (far_call(a, p, 8))
        dfota_put_le32(p + 4, put(dfota_get_le32(p + 4), &form_i, target));
    return true;
}

static void parse32(const uint8_t *p, uint32_t avail, uint32_t pc,
                    struct dfota_operand *out)
{
    parse(p, avail, pc, out, true);
}

static bool write32(uint8_t *p, uint32_t pc, uint32_t target)
{
    return write(p, pc, target, true);
}

static void parse64(const uint8_t *p, uint32_t avail, uint32_t pc,
                    struct dfota_operand *out)
{
    parse(p, avail, pc, out, false);
}

static bool write64(uint8_t *p, uint32_t pc, uint32_t target)
{
    return write(p, pc, target, false);
}

const struct dfota_isa dfota_isa_rv32 = {
    .align = 2, .parse = parse32, .write = write32};
const struct dfota_isa dfota_isa_rv64 = {
    .align = 2, .parse = parse64, .write = write64};
