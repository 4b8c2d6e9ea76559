/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Xtensa operands that name an address, of little-endian cores with the code
 * density option. Encodings: Xtensa Instruction Set Architecture Reference
 * Manual, 3.2 and 7.3. Instructions have 24 or 16 bits, at any address;
 * bits 0 to 3 tell.
 */
#include "device/isa_bits.h"
#include "device/project.h"

enum form {
    FORM_NONE,
    FORM_CALL,   /* CALL0 .. CALL12: words from the word of the PC */
    FORM_J,      /* J */
    FORM_12,     /* BEQZ, BNEZ, BLTZ, BGEZ */
    FORM_8,      /* branches that compare with a register or a constant */
    FORM_LOOP,   /* LOOP, LOOPNEZ, LOOPGTZ: forward only */
    FORM_NARROW, /* BEQZ.N, BNEZ.N: forward only */
    FORM_L32R,   /* words backward from the word behind the PC */
};

/* The formats of op0 = 6, by n and m in bits 4 to 7. */
static enum form form_of_si(uint32_t w)
{
    switch (w >> 4 & 3) {
    case 0:
        return FORM_J;
    case 1:
        return FORM_12;
    case 2:
        return FORM_8;
    default:
        break;
    }
    switch (w >> 6 & 3) {
    case 0: /* ENTRY */
        return FORM_NONE;
    case 1: /* BF, BT, or the loops */
        return w & 0x8000 ? FORM_LOOP : FORM_8;
    default:
        return FORM_8;
    }
}

static enum form form_of(uint32_t w)
{
    switch (w & 0xF) {
    case 1:
        return FORM_L32R;
    case 5:
        return FORM_CALL;
    case 6:
        return form_of_si(w);
    case 7:
        return FORM_8;
    case 0xC:
        return w & 0x80 ? FORM_NARROW : FORM_NONE;
    default:
        return FORM_NONE;
    }
}

/* The instruction at p, which is never read behind its end. */
static uint32_t get(const uint8_t *p)
{
    uint32_t w = p[0] | (uint32_t)p[1] << 8;

    return w & 8 ? w : w | (uint32_t)p[2] << 16;
}

static void parse(const uint8_t *p, uint32_t avail, uint32_t pc,
                  struct dfota_operand *out)
{
    uint32_t w;

    if (avail < 2 || (avail < 3 && (p[0] & 8) == 0))
        return;
    w = get(p);
    /* 0xE and 0xF are no instructions on most cores: no length then. */
    out->len = (w & 8) == 0 ? 3 : (w & 0xE) == 0xE ? 0 : 2;
    out->kind = DFOTA_KIND_JUMP;
    switch (form_of(w)) {
    case FORM_CALL:
        out->kind = DFOTA_KIND_CALL;
        out->target = (pc & ~3U) + 4 + (dfota_signed(w >> 6, 18) << 2);
        break;
    case FORM_J:
        out->target = pc + 4 + dfota_signed(w >> 6, 18);
        break;
    case FORM_12:
        out->target = pc + 4 + dfota_signed(w >> 12, 12);
        break;
    case FORM_8:
        out->target = pc + 4 + dfota_signed(w >> 16, 8);
        break;
    case FORM_LOOP:
        out->target = pc + 4 + (w >> 16);
        break;
    case FORM_NARROW:
        out->target = pc + 4 + (w & 0x30) + (w >> 12 & 0xF);
        break;
    case FORM_L32R:
        out->kind = DFOTA_KIND_LITERAL;
        out->target = ((pc + 3) & ~3U) - 0x40000 + (w >> 8 << 2);
        break;
    default:
        out->kind = 0;
        break;
    }
}

/* Put off into the instruction w. false: it does not fit. */
static bool put_offset(uint32_t *w, uint32_t pc, uint32_t target)
{
    uint32_t off = target - pc - 4;

    switch (form_of(*w)) {
    case FORM_CALL:
        off = target - (pc & ~3U) - 4;
        *w = (*w & 0x3F) | off >> 2 << 6;
        return (off & 3) == 0 && dfota_fits(off, 20);
    case FORM_J:
        *w = (*w & 0x3F) | off << 6;
        return dfota_fits(off, 18);
    case FORM_12:
        *w = (*w & 0xFFF) | off << 12;
        return dfota_fits(off, 12);
    case FORM_8:
        *w = (*w & 0xFFFF) | off << 16;
        return dfota_fits(off, 8);
    case FORM_LOOP:
        *w = (*w & 0xFFFF) | off << 16;
        return off <= 0xFF;
    case FORM_NARROW:
        *w = (*w & 0xFCF) | (off & 0x30) | (off & 0xF) << 12;
        return off <= 0x3F;
    case FORM_L32R:
        off = target - ((pc + 3) & ~3U) + 0x40000;
        *w = (*w & 0xFF) | off >> 2 << 8;
        return (off & ~0x3FFFCU) == 0;
    default:
        return false;
    }
}

static bool write(uint8_t *p, uint32_t pc, uint32_t target)
{
    uint32_t w = get(p);

    if (!put_offset(&w, pc, target))
        return false;
    p[0] = (uint8_t)w;
    p[1] = (uint8_t)(w >> 8);
    if ((p[0] & 8) == 0)
        p[2] = (uint8_t)(w >> 16);
    return true;
}

const struct dfota_isa dfota_isa_xtensa = {
    .align = 1,
    .parse = parse,
    .write = write,
};
