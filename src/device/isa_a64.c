/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AArch64 operands that name an address. Encodings: Arm DDI 0487, C4.1 and
 * C6.2. Addresses are cut to 32 bits: images are smaller.
 */
#include "base/bytes.h"
#include "device/isa_bits.h"
#include "device/project.h"

#define PAGE 0xFFFU

/* Instructions with one field of words relative to the PC. */
struct form {
    uint32_t mask, is;
    uint8_t at, bits; /* of the field */
    uint8_t kind;
};

static const struct form forms[] = {
    {0x7C000000, 0x14000000, 0, 26, DFOTA_KIND_CALL},    /* B, BL */
    {0xFF000000, 0x54000000, 5, 19, DFOTA_KIND_JUMP},    /* B.cond */
    {0x7E000000, 0x34000000, 5, 19, DFOTA_KIND_JUMP},    /* CBZ, CBNZ */
    {0x7E000000, 0x36000000, 5, 14, DFOTA_KIND_JUMP},    /* TBZ, TBNZ */
    {0x3B000000, 0x18000000, 5, 19, DFOTA_KIND_LITERAL}, /* LDR */
};

static const struct form *form_of(uint32_t a)
{
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if ((a & forms[i].mask) == forms[i].is)
            return &forms[i];
    }
    return NULL;
}

/* ADR and ADRP: immhi:immlo of 21 bits */
static bool is_adr(uint32_t a)
{
    return (a & 0x1F000000) == 0x10000000;
}

static bool is_adrp(uint32_t a)
{
    return (a & 0x9F000000) == 0x90000000;
}

/* ADD Xd, Xn, #imm12, or a load or store of [Xn, #imm12 << scale]: the scale,
 * negative for any other instruction. */
static int scale_of(uint32_t a)
{
    if ((a & 0xFFC00000) == 0x91000000)
        return 0;
    if ((a & 0x3B000000) != 0x39000000)
        return -1;
    return (a & 0x04800000) == 0x04800000 ? 4 : (int)(a >> 30);
}

/* What a second half adds; beyond a page it is none. */
static uint32_t added(uint32_t a)
{
    int scale = scale_of(a);

    return scale < 0 ? PAGE + 1 : (a >> 10 & 0xFFF) << scale;
}

/* Stores and branches overwrite nothing; RET ends the function. */
static uint8_t overwritten(uint32_t a)
{
    bool memory = (a & 0x0A000000) == 0x08000000;
    bool branch = (a & 0x1C000000) == 0x14000000;

    if (a == 0xD65F03C0)
        return DFOTA_REG_ALL;
    if (branch || (memory && !(a & 0x00C00000)))
        return DFOTA_REG_NONE;
    return a & 0x1F;
}

static void parse_first(const uint8_t *p, uint32_t avail,
                        struct dfota_operand *out)
{
    out->half = DFOTA_FIRST;
    out->value = out->target;
    for (uint32_t i = 4; i + 4 <= avail; i += 4) {
        uint32_t b = dfota_get_le32(p + i);

        if ((b >> 5 & 0x1F) == out->reg && added(b) <= PAGE) {
            out->target += added(b);
            return;
        }
    }
}

static void parse(const uint8_t *p, uint32_t avail, uint32_t pc,
                  struct dfota_operand *out)
{
    const struct form *f;
    uint32_t a, imm;

    if (avail < 4)
        return;
    a = dfota_get_le32(p);
    f = form_of(a);
    out->len = 4;
    out->writes = overwritten(a);
    if (f) {
        out->kind = f->kind;
        out->target = pc + (dfota_signed(a >> f->at, f->bits) << 2);
    } else if (is_adr(a)) {
        imm = dfota_signed((a >> 3 & 0x1FFFFC) | (a >> 29 & 3), 21);
        /* 2 GiB off there is no image */
        if (is_adrp(a) && !dfota_fits(imm, 20))
            return;
        out->kind = DFOTA_KIND_LITERAL;
        out->reg = a & 0x1F;
        out->target = is_adrp(a) ? (pc & ~PAGE) + (imm << 12) : pc + imm;
        if (is_adrp(a))
            parse_first(p, avail, out);
    } else if (added(a) <= PAGE && (a >> 5 & 0x1F) != 31) {
        out->kind = DFOTA_KIND_LITERAL;
        out->half = DFOTA_SECOND;
        out->reg = a >> 5 & 0x1F;
        out->target = added(a);
    }
}

static bool put(uint8_t *p, uint32_t a, bool fits)
{
    if (fits)
        dfota_put_le32(p, a);
    return fits;
}

static bool write(uint8_t *p, uint32_t pc, uint32_t target)
{
    uint32_t a = dfota_get_le32(p), off = target - pc, mask;
    const struct form *f = form_of(a);

    if (f) {
        mask = (1U << f->bits) - 1;
        return put(p, (a & ~(mask << f->at)) | (off >> 2 & mask) << f->at,
                   (off & 3) == 0 && dfota_fits(off, f->bits + 2U));
    }
    if (is_adr(a)) {
        if (is_adrp(a))
            off = dfota_signed(((target & ~PAGE) - (pc & ~PAGE)) >> 12, 20);
        return put(p,
                   (a & 0x9F00001F) | (off & 3) << 29 | (off & 0x1FFFFC) << 3,
                   dfota_fits(off, 21));
    }
    if (added(a) > PAGE)
        return false;
    mask = (1U << scale_of(a)) - 1;
    return put(p, (a & 0xFFC003FF) | off >> scale_of(a) << 10,
               off <= PAGE && (off & mask) == 0);
}

const struct dfota_isa dfota_isa_a64 = {
    .align = 4,
    .parse = parse,
    .write = write,
};
