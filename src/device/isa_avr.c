/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AVR operands that name an address. Encodings: AVR Instruction Set Manual
 * (DS40002198). Program addresses count words; here they are bytes. Data
 * addresses get the place that linkers give them, so that they are not taken
 * for program ones.
 */
#include "base/bytes.h"
#include "device/isa_bits.h"
#include "device/project.h"

#define DATA 0x800000U
#define DATA_MIN 0x100U /* below are registers, and small numbers */

enum form {
    FORM_NONE,
    FORM_FAR,   /* JMP, CALL: k of 22 bits, absolute */
    FORM_NEAR,  /* RJMP, RCALL: k of 12 bits */
    FORM_SHORT, /* BRBS, BRBC: k of 7 bits */
    FORM_DATA,  /* LDS, STS: k of 16 bits */
    FORM_LDI,   /* LDI of a register, LDI of the next: an address, maybe */
    FORM_SUBI,  /* SUBI, SBCI of two registers: one is added, negated */
};

static enum form form_of(uint32_t a)
{
    if ((a & 0xFE0C) == 0x940C)
        return FORM_FAR;
    if ((a & 0xE000) == 0xC000)
        return FORM_NEAR;
    if ((a & 0xF800) == 0xF000)
        return FORM_SHORT;
    if ((a & 0xFC0F) == 0x9000)
        return FORM_DATA;
    /* of an even register */
    if ((a & 0xF010) == 0xE000)
        return FORM_LDI;
    if ((a & 0xF010) == 0x5000)
        return FORM_SUBI;
    return FORM_NONE;
}

static uint32_t imm8(uint32_t a)
{
    return (a >> 4 & 0xF0) | (a & 0xF);
}

static uint16_t with_imm8(uint32_t a, uint32_t v)
{
    return (uint16_t)((a & 0xF0F0) | (v & 0xF0) << 4 | (v & 0xF));
}

/* The data address that two instructions on bytes have; 0: none. */
static uint32_t pair(uint32_t a, uint32_t b, enum form form)
{
    uint32_t v = imm8(b) << 8 | imm8(a);

    if (((a ^ b) & 0xF0F0) != (form == FORM_LDI ? 0x0010U : 0x1010U))
        return 0;
    if (form == FORM_SUBI)
        v = (0 - v) & 0xFFFF;
    return v >= DATA_MIN ? v : 0;
}

static void parse_long(uint32_t a, uint32_t b, enum form form,
                       struct dfota_operand *out)
{
    if (form == FORM_FAR) {
        out->kind = DFOTA_KIND_CALL;
        out->target = ((a & 0x1F0) << 13 | (a & 1) << 16 | b) << 1;
    } else if (form == FORM_DATA || pair(a, b, form)) {
        out->kind = DFOTA_KIND_LITERAL;
        out->target = DATA + (form == FORM_DATA ? b : pair(a, b, form));
    }
    if (out->kind)
        out->len = 4;
}

static void parse(const uint8_t *p, uint32_t avail, uint32_t pc,
                  struct dfota_operand *out)
{
    uint32_t a;
    enum form form;

    if (avail < 2)
        return;
    a = dfota_get_le16(p);
    form = form_of(a);
    out->len = 2;
    if (form == FORM_NEAR) {
        out->kind = DFOTA_KIND_CALL;
        out->target = pc + 2 + (dfota_signed(a, 12) << 1);
    } else if (form == FORM_SHORT) {
        out->kind = DFOTA_KIND_JUMP;
        out->target = pc + 2 + (dfota_signed(a >> 3, 7) << 1);
    } else if (form != FORM_NONE && avail >= 4) {
        parse_long(a, dfota_get_le16(p + 2), form, out);
    }
}

static bool write_long(uint8_t *p, uint32_t a, enum form form, uint32_t target)
{
    uint32_t data = target - DATA, k = target >> 1;

    if (form == FORM_FAR) {
        if (target & 0xFF800001)
            return false;
        dfota_put_le16(
            p, (uint16_t)((a & 0xFE0E) | (k >> 13 & 0x1F0) | (k >> 16 & 1)));
        dfota_put_le16(p + 2, (uint16_t)k);
        return true;
    }
    if (data > 0xFFFF)
        return false;
    if (form == FORM_DATA) {
        dfota_put_le16(p + 2, (uint16_t)data);
        return true;
    }
    if (data < DATA_MIN)
        return false;
    if (form == FORM_SUBI)
        data = 0 - data;
    dfota_put_le16(p, with_imm8(a, data));
    dfota_put_le16(p + 2, with_imm8(dfota_get_le16(p + 2), data >> 8));
    return true;
}

static bool write(uint8_t *p, uint32_t pc, uint32_t target)
{
    uint32_t a = dfota_get_le16(p), off = target - pc - 2;
    enum form form = form_of(a);

    if (form == FORM_NONE)
        return false;
    if (form != FORM_NEAR && form != FORM_SHORT)
        return write_long(p, a, form, target);
    if ((off & 1) || !dfota_fits(off, form == FORM_NEAR ? 13 : 8))
        return false;
    a = form == FORM_NEAR ? (a & 0xF000) | (off >> 1 & 0xFFF)
                          : (a & 0xFC07) | (off >> 1 & 0x7F) << 3;
    dfota_put_le16(p, (uint16_t)a);
    return true;
}

const struct dfota_isa dfota_isa_avr = {
    .align = 2,
    .parse = parse,
    .write = write,
};
