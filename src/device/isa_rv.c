/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RISC-V operands that name an address: jumps, branches, and pairs of an
 * upper immediate with the instruction that adds the lower twelve bits.
 * Encodings: The RISC-V Instruction Set Manual, volume I, 2.2, 2.3, 16.8.
 */
#include "base/bytes.h"
#include "device/isa_bits.h"
#include "device/project.h"

/* Immediates are scattered. */
static const uint16_t runs[] = {
    /* 0: J */
    DFOTA_RUN(31, 1, 20),
    DFOTA_RUN(21, 10, 1),
    DFOTA_RUN(20, 1, 11),
    DFOTA_RUN(12, 8, 12),
    /* 4: B */
    DFOTA_RUN(31, 1, 12),
    DFOTA_RUN(25, 6, 5),
    DFOTA_RUN(8, 4, 1),
    DFOTA_RUN(7, 1, 11),
    /* 8: CJ */
    DFOTA_RUN(12, 1, 11),
    DFOTA_RUN(11, 1, 4),
    DFOTA_RUN(9, 2, 8),
    DFOTA_RUN(8, 1, 10),
    DFOTA_RUN(7, 1, 6),
    DFOTA_RUN(6, 1, 7),
    DFOTA_RUN(3, 3, 1),
    DFOTA_RUN(2, 1, 5),
    /* 16: CB */
    DFOTA_RUN(12, 1, 8),
    DFOTA_RUN(10, 2, 3),
    DFOTA_RUN(5, 2, 6),
    DFOTA_RUN(3, 2, 1),
    DFOTA_RUN(2, 1, 5),
    /* 21: U */
    DFOTA_RUN(12, 20, 12),
    /* 22: I */
    DFOTA_RUN(20, 12, 0),
    /* 23: S */
    DFOTA_RUN(25, 7, 5),
    DFOTA_RUN(7, 5, 0),
};

struct form {
    uint16_t mask, value; /* of the instruction's low bits */
    uint8_t first, count; /* in runs[] */
    uint8_t bits;         /* of the immediate, with its sign */
    uint8_t kind, len;
};

static const struct form forms[] = {
    {0x007F, 0x006F, 0, 4, 21, DFOTA_KIND_CALL, 4},     /* JAL */
    {0x007F, 0x0063, 4, 4, 13, DFOTA_KIND_JUMP, 4},     /* branches */
    {0xE003, 0xA001, 8, 8, 12, DFOTA_KIND_JUMP, 2},     /* C.J */
    {0xC003, 0xC001, 16, 5, 9, DFOTA_KIND_JUMP, 2},     /* C.BEQZ, C.BNEZ */
    {0xE003, 0x2001, 8, 8, 12, DFOTA_KIND_JUMP, 2},     /* C.JAL of RV32 */
    {0x707F, 0x0013, 22, 1, 12, DFOTA_KIND_LITERAL, 4}, /* ADDI */
    {0x707F, 0x0067, 22, 1, 12, DFOTA_KIND_LITERAL, 4}, /* JALR */
    {0x007B, 0x0003, 22, 1, 12, DFOTA_KIND_LITERAL, 4}, /* loads */
    {0x007B, 0x0023, 23, 2, 12, DFOTA_KIND_LITERAL, 4}, /* stores */
    {0x005F, 0x0017, 21, 1, 32, DFOTA_KIND_LITERAL, 4}, /* AUIPC, LUI */
};

/* Where in forms[] instructions begin that add twelve bits to a register. */
enum { C_JAL = 4, LOWER = 5, UPPER = 9 };
#define FORM_I (forms + LOWER)
#define FORM_U (forms + UPPER)

/* The form among forms[from] .. forms[to - 1]; NULL: another instruction. */
static const struct form *find(uint32_t insn, unsigned from, unsigned to)
{
    for (const struct form *f = forms + from; f < forms + to; f++) {
        if ((insn & f->mask) == f->value)
            return f;
    }
    return NULL;
}

static uint32_t immediate(uint32_t *insn, const struct form *f, bool put,
                          uint32_t v)
{
    return dfota_signed(
        dfota_immediate(runs + f->first, f->count, insn, put, v), f->bits);
}

static uint32_t get(uint32_t insn, const struct form *f)
{
    return immediate(&insn, f, false, 0);
}

/* Returns whether v fits. */
static bool put(uint32_t *insn, const struct form *f, uint32_t v)
{
    return immediate(insn, f, true, v) == v;
}

/* A jump or branch of one instruction; NULL: another one. On RV64 C.JAL is
 * C.ADDIW. */
static const struct form *single(uint32_t insn, bool rv32)
{
    return find(insn, 0, rv32 ? C_JAL + 1 : C_JAL);
}

static uint32_t source(uint32_t insn)
{
    return insn >> 15 & 0x1F;
}

/* Instructions that add twelve bits to a register; NULL: another one. Nothing
 * is loaded into x0; relative to x2, sp, is no address. */
static const struct form *lower(uint32_t insn)
{
    return source(insn) & ~2U ? find(insn, LOWER, UPPER) : NULL;
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
    out->value = get(a, FORM_U) + ((a & 0x20) ? 0 : pc);
    out->target = out->value;
    for (uint32_t i = 4; i + 4 <= avail;) {
        uint32_t b = dfota_get_le32(p + i);
        const struct form *f = lower(b);

        if (f && source(b) == out->reg) {
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

    if ((a & 3) == 3)
        return none >> (a >> 2 & 0x1F) & 1 ? DFOTA_REG_NONE : (uint8_t)rd;
    if (a == 0x8082)
        return DFOTA_REG_ALL; /* RET: another function follows */
    if (function >= 5)
        return DFOTA_REG_NONE;
    if ((a & 3) == 0) /* C.LW, C.ADDI4SPN .. */
        rd = 8 + (a >> 2 & 7);
    else if ((a & 3) == 1 && function == 4) /* C.SUB, C.ANDI .. */
        rd = 8 + (rd & 7);
    return (uint8_t)rd; /* C.ADDI, C.LI, C.LWSP, C.MV .. */
}

/* The instruction at p, its second half 0 if it has none. */
static uint32_t insn_at(const uint8_t *p)
{
    uint32_t a = dfota_get_le16(p);

    return (a & 3) == 3 ? dfota_get_le32(p) : a;
}

static void parse(const uint8_t *p, uint32_t avail, uint32_t pc,
                  struct dfota_operand *out, bool rv32)
{
    uint32_t a;
    const struct form *f;

    if (avail < 2)
        return;
    out->len = (p[0] & 3) == 3 ? 4 : 2;
    if (avail < out->len) {
        out->len = 0;
        return;
    }
    a = insn_at(p);
    out->writes = overwritten(a);
    f = single(a, rv32);
    if (f) {
        out->kind = f->kind;
        out->len = f->len;
        out->target = pc + get(a, f);
    } else if (far_call(a, p, avail)) {
        out->kind = DFOTA_KIND_CALL;
        out->len = 8;
        out->target = pc + get(a, FORM_U) + get(dfota_get_le32(p + 4), FORM_I);
    } else if ((a & 0x5F) == 0x17) {
        parse_first(p, avail, pc, out);
    } else if ((f = lower(a))) {
        out->kind = DFOTA_KIND_LITERAL;
        out->half = DFOTA_SECOND;
        out->len = 4;
        out->reg = (uint8_t)source(a);
        out->target = get(a, f);
    }
}

static bool write(uint8_t *p, uint32_t pc, uint32_t target, bool rv32)
{
    uint32_t a = insn_at(p);
    const struct form *f = single(a, rv32);

    target -= pc;
    if (!f)
        f = lower(a);
    if (!f) {
        if (a & 0x20)
            target += pc; /* LUI */
        /* The lower half is signed: the upper one makes up for it. Each
         * takes its own bits. */
        put(&a, FORM_U, target + 0x800);
        if (far_call(a, p, 8)) {
            uint32_t jump = dfota_get_le32(p + 4);

            put(&jump, FORM_I, target);
            dfota_put_le32(p + 4, jump);
        }
        f = FORM_U;
    } else if (!put(&a, f, target)) {
        return false;
    }
    dfota_put_le16(p, (uint16_t)a);
    if (f->len == 4)
        dfota_put_le16(p + 2, (uint16_t)(a >> 16));
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
