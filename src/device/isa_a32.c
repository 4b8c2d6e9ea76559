/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A32 operands that name an address. Encodings: Arm DDI 0406C, A8.8. The PC
 * reads as the address plus 8.
 */
#include "base/bytes.h"
#include "device/isa_bits.h"
#include "device/project.h"

enum form {
    FORM_NONE,
    FORM_B,    /* B, BL A1 */
    FORM_BLX,  /* BLX A2: bit 24 is bit 1 of the target */
    FORM_LDR,  /* LDR, LDRB (literal) A1 */
    FORM_VLDR, /* VLDR (literal) A1, A2 */
    FORM_MOVW, /* MOVW A2: the first half */
    FORM_MOVT, /* MOVT A1: the second */
};

static enum form form_of(uint32_t a)
{
    if ((a & 0x0E000000) == 0x0A000000)
        return a >> 28 == 0xF ? FORM_BLX : FORM_B;
    if (a >> 28 == 0xF)
        return FORM_NONE;
    if ((a & 0x0F3F0000) == 0x051F0000)
        return FORM_LDR;
    if ((a & 0x0F3F0E00) == 0x0D1F0A00)
        return FORM_VLDR;
    if ((a & 0x0FF00000) == 0x03000000)
        return FORM_MOVW;
    if ((a & 0x0FF00000) == 0x03400000)
        return FORM_MOVT;
    return FORM_NONE;
}

static uint32_t imm16(uint32_t a)
{
    return (a >> 4 & 0xF000) | (a & 0xFFF);
}

/* The offset of a load: its number of words or bytes, up or down. */
static uint32_t load_offset(uint32_t a, enum form form)
{
    uint32_t v = form == FORM_LDR ? a & 0xFFF : (a & 0xFF) << 2;

    return a & 0x00800000 ? v : 0 - v;
}

/* MOVW has an address only with the MOVT that belongs to it. */
static void parse_movw(const uint8_t *p, uint32_t avail,
                       struct dfota_operand *out)
{
    uint32_t a = dfota_get_le32(p);

    out->half = DFOTA_FIRST;
    out->reg = a >> 12 & 0xF;
    out->value = imm16(a);
    for (uint32_t i = 4; i + 4 <= avail; i += 4) {
        uint32_t b = dfota_get_le32(p + i);

        if (form_of(b) == FORM_MOVT && ((a ^ b) & 0xF000F000) == 0) {
            out->kind = DFOTA_KIND_LITERAL;
            out->target = out->value | imm16(b) << 16;
            return;
        }
    }
}

static void parse(const uint8_t *p, uint32_t avail, uint32_t pc,
                  struct dfota_operand *out)
{
    uint32_t a;
    enum form form;

    if (avail < 4)
        return;
    a = dfota_get_le32(p);
    form = form_of(a);
    out->len = 4;
    switch (form) {
    case FORM_BLX:
    case FORM_B:
        out->kind = DFOTA_KIND_CALL;
        out->target = pc + 8 + (dfota_signed(a, 24) << 2);
        if (form == FORM_BLX)
            out->target += a >> 23 & 2;
        break;
    case FORM_LDR:
    case FORM_VLDR:
        out->kind = DFOTA_KIND_LITERAL;
        out->target = pc + 8 + load_offset(a, form);
        break;
    case FORM_MOVW:
        parse_movw(p, avail, out);
        break;
    case FORM_MOVT:
        out->kind = DFOTA_KIND_LITERAL;
        out->half = DFOTA_SECOND;
        out->reg = a >> 12 & 0xF;
        out->writes = out->reg;
        out->target = imm16(a) << 16;
        break;
    default:
        break;
    }
}

static uint32_t with_imm16(uint32_t a, uint32_t v)
{
    return (a & 0xFFF0F000) | (v & 0xF000) << 4 | (v & 0xFFF);
}

/* Put the target into *a. false: it does not fit. */
static bool put(uint32_t *a, uint32_t pc, uint32_t target)
{
    enum form form = form_of(*a);
    uint32_t off = target - pc - 8, size;

    switch (form) {
    case FORM_B:
        *a = (*a & 0xFF000000) | (off >> 2 & 0xFFFFFF);
        return (off & 3) == 0 && dfota_fits(off, 26);
    case FORM_BLX:
        *a = (*a & 0xFE000000) | (off & 2) << 23 | (off >> 2 & 0xFFFFFF);
        return (off & 1) == 0 && dfota_fits(off, 26);
    case FORM_LDR:
    case FORM_VLDR:
        /* -0 stays what it was */
        if (off == load_offset(*a, form))
            return true;
        size = off >> 31 ? 0 - off : off;
        *a = (*a & 0xFF7FFFFF) | (~off >> 31) << 23;
        if (form == FORM_LDR) {
            *a = (*a & 0xFFFFF000) | (size & 0xFFF);
            return size <= 0xFFF;
        }
        *a = (*a & 0xFFFFFF00) | (size >> 2 & 0xFF);
        return size <= 0x3FC && (size & 3) == 0;
    case FORM_MOVW:
        *a = with_imm16(*a, target);
        return true;
    case FORM_MOVT:
        *a = with_imm16(*a, (target - pc) >> 16);
        return ((target - pc) & 0xFFFF) == 0;
    default:
        return false;
    }
}

static bool write(uint8_t *p, uint32_t pc, uint32_t target)
{
    uint32_t a = dfota_get_le32(p);
    bool fits = put(&a, pc, target);

    if (fits)
        dfota_put_le32(p, a);
    return fits;
}

const struct dfota_isa dfota_isa_a32 = {
    .align = 4,
    .parse = parse,
    .write = write,
};
