/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thumb-2 operands that name an address. Encodings: Arm DDI 0403E (Armv7-M),
 * A7.7, by the names used there. The PC reads as the address plus 4.
 *
 * An instruction is taken as a word of 32 bits, the first halfword on top; a
 * short one has any second. A table tells the forms apart and where the bits
 * of each one's immediate lie.
 */
#include "base/bytes.h"
#include "device/isa_bits.h"
#include "device/project.h"

/* How an immediate becomes an offset. */
enum mode {
    UNSIGNED,
    FIRST = DFOTA_FIRST,   /* half an address: MOVW, */
    SECOND = DFOTA_SECOND, /* MOVT */
    MAGNITUDE,             /* 12 bits, one above them says whether to add */
    /* Two's complement of so many bits. */
    SIGNED_8 = 9,
    SIGNED_11 = 12,
    SIGNED_20 = 21,
    SIGNED_24 = 25, /* BL: I = !(J ^ S) */
};

static const uint16_t runs[] = {
    /* 0: BL T1, B T4: S:J1:J2:imm10:imm11:0 */
    DFOTA_RUN(0, 11, 1),
    DFOTA_RUN(16, 10, 12),
    DFOTA_RUN(11, 1, 22),
    DFOTA_RUN(13, 1, 23),
    DFOTA_RUN(26, 1, 24),
    /* 5: B T3: S:J2:J1:imm6:imm11:0 */
    DFOTA_RUN(0, 11, 1),
    DFOTA_RUN(16, 6, 12),
    DFOTA_RUN(13, 1, 18),
    DFOTA_RUN(11, 1, 19),
    DFOTA_RUN(26, 1, 20),
    /* 10: MOVW, MOVT: imm4:i:imm3:imm8 */
    DFOTA_RUN(0, 8, 0),
    DFOTA_RUN(12, 3, 8),
    DFOTA_RUN(26, 1, 11),
    DFOTA_RUN(16, 4, 12),
    /* 14: LDR T2: U:imm12 */
    DFOTA_RUN(0, 12, 0),
    DFOTA_RUN(23, 1, 12),
    /* 16: CBZ: i:imm5:0 */
    DFOTA_RUN(19, 5, 1),
    DFOTA_RUN(25, 1, 6),
    /* 18: imm8:00 */
    DFOTA_RUN(16, 8, 2),
    /* 19: imm11:0 */
    DFOTA_RUN(16, 11, 1),
    /* 20: imm8:0 */
    DFOTA_RUN(16, 8, 1),
};

struct form {
    uint16_t mask, value; /* of the first halfword */
    uint8_t second;       /* of the next one: SECOND_TOP() */
    uint8_t kind;         /* enum dfota_kind; PLAIN: no operand after all */
    uint8_t mode;         /* enum mode */
    uint8_t runs;         /* RUNS() */
};

/* Four bits of the second halfword. */
#define SECOND_TOP(mask, value) ((mask) << 4 | (value))
/* The first run of an immediate, how many; 0: there is none. */
#define RUNS(first, n) ((first) << 3 | (n))

static const struct form forms[] = {
    /* BL T1, B T4 */
    {0xF800, 0xF000, SECOND_TOP(9, 9), DFOTA_KIND_CALL, SIGNED_24, RUNS(0, 5)},
    /* B T3; but cond 1110 and 1111 are other instructions */
    {0xFB80, 0xF380, SECOND_TOP(13, 8), DFOTA_KIND_PLAIN, UNSIGNED, 0},
    {0xF800, 0xF000, SECOND_TOP(13, 8), DFOTA_KIND_JUMP, SIGNED_20, RUNS(5, 5)},
    /* MOVW T3, MOVT T1 */
    {0xFBF0, 0xF240, SECOND_TOP(8, 0), DFOTA_KIND_PLAIN, FIRST, RUNS(10, 4)},
    {0xFBF0, 0xF2C0, SECOND_TOP(8, 0), DFOTA_KIND_LITERAL, SECOND, RUNS(10, 4)},
    /* LDR{B,H,SB,SH,} Rt, [PC, #+-imm12] */
    {0xFE1F, 0xF81F, 0, DFOTA_KIND_LITERAL, MAGNITUDE, RUNS(14, 2)},
    /* LDR (literal) T1, ADR T1 */
    {0xF800, 0x4800, 0, DFOTA_KIND_LITERAL, UNSIGNED, RUNS(18, 1)},
    {0xF800, 0xA000, 0, DFOTA_KIND_LITERAL, UNSIGNED, RUNS(18, 1)},
    /* B T2 */
    {0xF800, 0xE000, 0, DFOTA_KIND_JUMP, SIGNED_11, RUNS(19, 1)},
    /* B T1; but cond 1110 and 1111 are UDF and SVC */
    {0xFE00, 0xDE00, 0, DFOTA_KIND_PLAIN, UNSIGNED, 0},
    {0xF000, 0xD000, 0, DFOTA_KIND_JUMP, SIGNED_8, RUNS(20, 1)},
    /* CBZ, CBNZ T1 */
    {0xF500, 0xB100, 0, DFOTA_KIND_JUMP, UNSIGNED, RUNS(16, 2)},
    {0, 0, 0, DFOTA_KIND_PLAIN, UNSIGNED, 0},
};

/* MOVT with its register */
#define MOVT_MASK 0xFBF08F00U
#define MOVT_VALUE 0xF2C00000U
#define LONG_FROM 0xE8000000U /* instructions of 32 bits */

static const struct form *form_of(uint32_t word)
{
    const struct form *f = forms;
    uint32_t first = word >> 16, second = word >> 12;

    while (((first ^ f->value) & f->mask) ||
           ((second ^ f->second) & f->second >> 4))
        f++;
    return f;
}

static uint32_t word_at(const uint8_t *p)
{
    return (uint32_t)dfota_get_le16(p) << 16 | dfota_get_le16(p + 2);
}

/* The immediate of a form; with put, v goes there first. */
static uint32_t immediate(const struct form *f, uint32_t *word, bool put,
                          uint32_t v)
{
    return dfota_immediate(runs + (f->runs >> 3), f->runs & 7, word, put, v);
}

/* The two bits of BL that are inverted unless it goes backwards. */
static uint32_t branch_bits(const struct form *f, uint32_t v)
{
    return f->mode == SIGNED_24 && !(v >> 24 & 1) ? v ^ 3U << 22 : v;
}

/* The offset in the word; with put, off is put there before. */
static uint32_t offset(const struct form *f, uint32_t *word, bool put,
                       uint32_t off)
{
    uint32_t sign = 1U << f->mode >> 1, v;

    if (f->mode == MAGNITUDE) {
        v = immediate(f, word, put, off >> 31 ? 0 - off : off + 0x1000);
        return v >> 12 ? v - 0x1000 : 0 - v;
    }
    v = branch_bits(f, immediate(f, word, put, branch_bits(f, off)));
    return f->mode > MAGNITUDE ? (v ^ sign) - sign : v;
}

/* What the offset counts from. */
static uint32_t origin(const struct form *f, uint32_t pc)
{
    if (f->mode == FIRST)
        return 0;
    if (f->mode == SECOND)
        return pc;
    return (pc + 4) & ~(f->kind == DFOTA_KIND_LITERAL ? 3U : 0);
}

/* MOVW has an address only with the MOVT that belongs to it. */
static void find_movt(const struct form *f, const uint8_t *p, uint32_t avail,
                      struct dfota_operand *out)
{
    uint32_t movt = MOVT_VALUE | (uint32_t)out->reg << 8, word;

    for (uint32_t i = 4; i + 4 <= avail; i += word >= LONG_FROM ? 4 : 2) {
        word = word_at(p + i);
        if ((word & MOVT_MASK) == movt) {
            out->kind = DFOTA_KIND_LITERAL;
            out->target |= offset(f, &word, false, 0) << 16;
            return;
        }
    }
}

static void parse(const uint8_t *p, uint32_t avail, uint32_t pc,
                  struct dfota_operand *out)
{
    uint32_t word;
    const struct form *f;

    if (avail < 2)
        return;
    word = avail < 4 ? (uint32_t)dfota_get_le16(p) << 16 : word_at(p);
    out->len = word >= LONG_FROM ? 4 : 2;
    if (avail < out->len)
        return;
    f = form_of(word);
    out->kind = f->kind;
    out->target = offset(f, &word, false, 0);
    if (f->mode != FIRST && f->mode != SECOND) {
        out->target += origin(f, pc);
        return;
    }
    out->half = f->mode;
    out->reg = word >> 8 & 0xF;
    if (f->mode == FIRST) {
        out->value = out->target;
        find_movt(f, p, avail, out);
    } else {
        out->writes = out->reg;
        out->target <<= 16;
    }
}

static bool write(uint8_t *p, uint32_t pc, uint32_t target)
{
    uint32_t word = word_at(p);
    const struct form *f = form_of(word);
    uint32_t off = target - origin(f, pc);

    if (f->mode == FIRST)
        off &= 0xFFFF;
    if (f->mode == SECOND)
        off = off >> 16 | off << 16;
    if (f->mode >= SIGNED_20)
        off &= ~1U;
    /* What does not fit reads as something else. */
    if (!f->runs || offset(f, &word, true, off) != off)
        return false;
    dfota_put_le16(p, (uint16_t)(word >> 16));
    dfota_put_le16(p + 2, (uint16_t)word);
    return true;
}

const struct dfota_isa dfota_isa_thumb2 = {
    .align = 2,
    .state = 1,
    .parse = parse,
    .write = write,
};
