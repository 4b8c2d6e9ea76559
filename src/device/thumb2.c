/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thumb-2 operands that name an address. Encodings: Arm DDI 0403E (Armv7-M),
 * A7.7, by the names used there. The PC reads as the address plus 4.
 */
#include "base/bytes.h"
#include "device/project.h"

static uint32_t sign_extend(uint32_t v, unsigned bits)
{
    uint32_t top = 1U << (bits - 1);

    return (v ^ top) - top;
}

/* BL, and B.W (T4): S:I1:I2:imm10:imm11:0, I = !(J ^ S) */
static uint32_t branch24_get(uint32_t a, uint32_t b)
{
    uint32_t s = a >> 10 & 1;
    uint32_t i1 = ~(b >> 13 ^ s) & 1, i2 = ~(b >> 11 ^ s) & 1;

    return sign_extend(s << 24 | i1 << 23 | i2 << 22 | (a & 0x3FF) << 12 |
                           (b & 0x7FF) << 1,
                       25);
}

static bool branch24_put(uint8_t *p, uint32_t off)
{
    uint32_t b = dfota_get_le16(p + 2);
    uint32_t s = off >> 31;
    uint32_t j1 = ~(off >> 23 ^ s) & 1, j2 = ~(off >> 22 ^ s) & 1;

    if (sign_extend(off & 0x1FFFFFF, 25) != off)
        return false;
    dfota_put_le16(p, (uint16_t)(0xF000 | s << 10 | (off >> 12 & 0x3FF)));
    dfota_put_le16(p + 2, (uint16_t)((b & 0xD000) | j1 << 13 | j2 << 11 |
                                     (off >> 1 & 0x7FF)));
    return true;
}

/* B<c>.W (T3): S:J2:J1:imm6:imm11:0 */
static uint32_t branch20_get(uint32_t a, uint32_t b)
{
    return sign_extend((a >> 10 & 1) << 20 | (b >> 11 & 1) << 19 |
                           (b >> 13 & 1) << 18 | (a & 0x3F) << 12 |
                           (b & 0x7FF) << 1,
                       21);
}

static bool branch20_put(uint8_t *p, uint32_t off)
{
    uint32_t a = dfota_get_le16(p), b = dfota_get_le16(p + 2);

    if (sign_extend(off & 0x1FFFFF, 21) != off)
        return false;
    dfota_put_le16(p, (uint16_t)((a & 0xFBC0) | (off >> 20 & 1) << 10 |
                                 (off >> 12 & 0x3F)));
    dfota_put_le16(p + 2,
                   (uint16_t)((b & 0xD000) | (off >> 18 & 1) << 13 |
                              (off >> 19 & 1) << 11 | (off >> 1 & 0x7FF)));
    return true;
}

/* The forms, told apart by the first halfword and, if long, the second. */
enum form {
    FORM_NONE,
    FORM_B24,   /* BL T1, B T4 */
    FORM_B20,   /* B T3 */
    FORM_B11,   /* B T2 */
    FORM_B8,    /* B T1 */
    FORM_CBZ,   /* CBZ, CBNZ T1 */
    FORM_LDR8,  /* LDR (literal) T1, ADR T1 */
    FORM_LDR12, /* LDR, LDRB, LDRH .. (literal) of 12 bits, ADR T2, T3 */
    FORM_MOVW,  /* MOVW T3: the first half of an address */
    FORM_MOVT,  /* MOVT T1: the second */
};

static enum form long_form(uint32_t a, uint32_t b)
{
    if ((a & 0xF800) == 0xF000 && (b & 0x8000)) {
        if ((b & 0xD000) == 0xD000 || (b & 0xD000) == 0x9000)
            return FORM_B24;
        /* cond 1110 and 1111 are other instructions */
        if ((b & 0xD000) == 0x8000 && (a & 0x0380) != 0x0380)
            return FORM_B20;
        return FORM_NONE;
    }
    if ((a & 0xFB70) == 0xF240 && !(b & 0x8000))
        return a & 0x80 ? FORM_MOVT : FORM_MOVW;
    /* LDR{B,H,SB,SH,} Rt, [PC, #+-imm12] */
    if ((a & 0xFE1F) == 0xF81F)
        return FORM_LDR12;
    return FORM_NONE;
}

static enum form form_of(uint32_t a, uint32_t b, bool has_b)
{
    if (a >= 0xE800)
        return has_b ? long_form(a, b) : FORM_NONE;
    if ((a & 0xF800) == 0x4800 || (a & 0xF800) == 0xA000)
        return FORM_LDR8;
    if ((a & 0xF800) == 0xE000)
        return FORM_B11;
    if ((a & 0xF000) == 0xD000 && (a & 0x0E00) != 0x0E00)
        return FORM_B8;
    if ((a & 0xF500) == 0xB100)
        return FORM_CBZ;
    return FORM_NONE;
}

/* MOVW, MOVT: imm4:i:imm3:imm8 */
static uint32_t imm16_get(uint32_t a, uint32_t b)
{
    return (a & 0xF) << 12 | (a & 0x400) << 1 | (b >> 4 & 0x700) | (b & 0xFF);
}

static bool imm16_put(uint8_t *p, uint32_t v)
{
    uint32_t a = dfota_get_le16(p), b = dfota_get_le16(p + 2);

    dfota_put_le16(
        p, (uint16_t)((a & 0xFBF0) | (v >> 12 & 0xF) | (v >> 1 & 0x400)));
    dfota_put_le16(p + 2,
                   (uint16_t)((b & 0x8F00) | (v & 0x700) << 4 | (v & 0xFF)));
    return true;
}

/* MOVW has an address only with the MOVT that belongs to it. */
static void parse_movw(const uint8_t *p, uint32_t avail,
                       struct dfota_operand *out)
{
    uint32_t a = dfota_get_le16(p), b = dfota_get_le16(p + 2);

    out->half = DFOTA_FIRST;
    out->reg = b >> 8 & 0xF;
    out->value = imm16_get(a, b);
    for (uint32_t i = 4; i + 4 <= avail;) {
        a = dfota_get_le16(p + i);
        b = dfota_get_le16(p + i + 2);
        if (form_of(a, b, true) == FORM_MOVT && (b >> 8 & 0xF) == out->reg) {
            out->kind = DFOTA_KIND_LITERAL;
            out->target = out->value | imm16_get(a, b) << 16;
            return;
        }
        i += a >= 0xE800 ? 4 : 2;
    }
}

static void parse(const uint8_t *p, uint32_t avail, uint32_t pc,
                  struct dfota_operand *out)
{
    uint32_t a, b = 0, base = (pc + 4) & ~3U;

    out->kind = 0;
    if (avail < 2)
        return;
    a = dfota_get_le16(p);
    if (avail >= 4)
        b = dfota_get_le16(p + 2);
    out->len = a >= 0xE800 ? 4 : 2;
    out->kind = DFOTA_KIND_JUMP;
    pc += 4;
    switch (form_of(a, b, avail >= 4)) {
    case FORM_B24:
        out->kind = DFOTA_KIND_CALL;
        out->len = 4;
        out->target = pc + branch24_get(a, b);
        break;
    case FORM_B20:
        out->len = 4;
        out->target = pc + branch20_get(a, b);
        break;
    case FORM_B11:
        out->target = pc + sign_extend((a & 0x7FF) << 1, 12);
        break;
    case FORM_B8:
        out->target = pc + sign_extend((a & 0xFF) << 1, 9);
        break;
    case FORM_CBZ:
        out->target = pc + ((a >> 3 & 0x1F) << 1 | (a >> 9 & 1) << 6);
        break;
    case FORM_LDR8:
        out->kind = DFOTA_KIND_LITERAL;
        out->target = base + ((a & 0xFF) << 2);
        break;
    case FORM_LDR12:
        out->kind = DFOTA_KIND_LITERAL;
        out->len = 4;
        out->target = a & 0x80 ? base + (b & 0xFFF) : base - (b & 0xFFF);
        break;
    case FORM_MOVW:
        out->kind = 0;
        parse_movw(p, avail, out);
        break;
    case FORM_MOVT:
        out->kind = DFOTA_KIND_LITERAL;
        out->half = DFOTA_SECOND;
        out->reg = b >> 8 & 0xF;
        out->writes = out->reg;
        out->target = imm16_get(a, b) << 16;
        break;
    default:
        out->kind = 0;
        break;
    }
}

/* Put v's low bits into the halfword's field; false when v does not fit. */
static bool put_field(uint8_t *p, uint32_t off, unsigned bits)
{
    uint32_t mask = (1U << bits) - 1;
    uint32_t a = dfota_get_le16(p);

    if ((off & 1) || sign_extend(off >> 1 & mask, bits) << 1 != off)
        return false;
    dfota_put_le16(p, (uint16_t)((a & ~mask) | (off >> 1 & mask)));
    return true;
}

static bool put_cbz(uint8_t *p, uint32_t off)
{
    uint32_t a = dfota_get_le16(p);

    if (off & ~0x7EU)
        return false;
    dfota_put_le16(p, (uint16_t)((a & 0xFD07) | (off >> 1 & 0x1F) << 3 |
                                 (off >> 6 & 1) << 9));
    return true;
}

static bool put_ldr8(uint8_t *p, uint32_t off)
{
    uint32_t a = dfota_get_le16(p);

    if (off & ~0x3FCU)
        return false;
    dfota_put_le16(p, (uint16_t)((a & 0xFF00) | off >> 2));
    return true;
}

static bool put_ldr12(uint8_t *p, uint32_t off)
{
    uint32_t a = dfota_get_le16(p), b = dfota_get_le16(p + 2);
    bool up = off < 0x80000000;
    uint32_t v = up ? off : 0 - off;

    if (v > 0xFFF)
        return false;
    dfota_put_le16(p, (uint16_t)((a & ~0x80U) | (up ? 0x80 : 0)));
    dfota_put_le16(p + 2, (uint16_t)((b & 0xF000) | v));
    return true;
}

static bool write(uint8_t *p, uint32_t pc, uint32_t target)
{
    uint32_t a = dfota_get_le16(p);
    uint32_t off = target - (pc + 4), literal = target - ((pc + 4) & ~3U);

    switch (form_of(a, a >= 0xE800 ? dfota_get_le16(p + 2) : 0, true)) {
    case FORM_B24:
        return branch24_put(p, off);
    case FORM_B20:
        return branch20_put(p, off);
    case FORM_B11:
        return put_field(p, off, 11);
    case FORM_B8:
        return put_field(p, off, 8);
    case FORM_CBZ:
        return put_cbz(p, off);
    case FORM_LDR8:
        return put_ldr8(p, literal);
    case FORM_LDR12:
        return put_ldr12(p, literal);
    case FORM_MOVW:
        return imm16_put(p, target);
    case FORM_MOVT:
        return ((target - pc) & 0xFFFF) == 0 &&
               imm16_put(p, (target - pc) >> 16);
    default:
        return false;
    }
}

const struct dfota_isa dfota_isa_thumb2 = {
    .align = 2,
    .state = 1,
    .parse = parse,
    .write = write,
};
