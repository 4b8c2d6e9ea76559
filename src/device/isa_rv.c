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

/* The lower half of a pair that begins with `high`: LUI or AUIPC, whose
 * register the next instruction reads; NULL: no pair. */
static const struct form *lower(uint32_t high, uint32_t insn)
{
    uint32_t rd = high >> 7 & 0x1F;

    if ((high & 0x5F) != 0x17 || rd == 0 || (insn >> 15 & 0x1F) != rd)
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

static uint32_t origin(uint32_t high, uint32_t pc)
{
    return (high & 0x7F) == 0x17 ? pc : 0; /* AUIPC : LUI */
}

static void parse(const uint8_t *p, uint32_t avail, uint32_t pc,
                  struct dfota_operand *out, bool rv32)
{
    uint32_t a, b;
    const struct form *f;

    out->kind = 0;
    if (avail < 2)
        return;
    a = dfota_get_le16(p);
    if ((a & 3) == 3) {
        if (avail < 4)
            return;
        a = dfota_get_le32(p);
    }
    f = single(a, rv32);
    if (f) {
        out->kind = f->kind;
        out->len = f->len;
        out->target = pc + get(a, f);
        return;
    }
    if (avail < 8)
        return;
    b = dfota_get_le32(p + 4);
    f = lower(a, b);
    if (f) {
        out->kind = (b & 0x7F) == 0x67 ? DFOTA_KIND_CALL : DFOTA_KIND_LITERAL;
        out->len = 8;
        out->target = origin(a, pc) + get(a, &form_u) + get(b, f);
    }
}

static bool write(uint8_t *p, uint32_t pc, uint32_t target, bool rv32)
{
    uint32_t a = dfota_get_le16(p), b;
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
    b = dfota_get_le32(p + 4);
    f = lower(a, b);
    if (!f)
        return false;
    target -= origin(a, pc);
    /* The lower half is signed: the upper one makes up for it. */
    dfota_put_le32(p, put(a, &form_u, target + 0x800));
    dfota_put_le32(p + 4, put(b, f, target));
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
