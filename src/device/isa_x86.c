/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x86 operands that name an address: CALL and JMP of 32 bits, Jcc of 32 bits,
 * and with a REX.W prefix what is read, written or taken the address of
 * relative to RIP. Encodings: Intel 64 and IA-32 Architectures Software
 * Developer's Manual, volume 2. No lengths are told: that would take a
 * disassembler. A displacement beyond 16 MiB is chance.
 */
#include "base/bytes.h"
#include "device/isa_bits.h"
#include "device/project.h"

/* Where the displacement lies, the last field of all; 0: no operand. */
static unsigned displacement(const uint8_t *p, uint32_t avail, uint8_t *kind)
{
    *kind = DFOTA_KIND_CALL;
    if (avail >= 5 && (p[0] & 0xFE) == 0xE8)
        return 1;
    if (avail >= 6 && p[0] == 0x0F && (p[1] & 0xF0) == 0x80)
        return 2;
    *kind = DFOTA_KIND_LITERAL;
    /* REX.W, with or without R; ModRM: no base but RIP */
    if (avail >= 7 && (p[0] & 0xFB) == 0x48 && (p[2] & 0xC7) == 0x05) {
        switch (p[1]) {
        case 0x8B: /* MOV */
        case 0x89:
        case 0x8D: /* LEA */
        case 0x3B: /* CMP */
        case 0x39:
        case 0x03: /* ADD */
        case 0x63: /* MOVSXD */
            return 3;
        default:
            break;
        }
    }
    return 0;
}

static void parse(const uint8_t *p, uint32_t avail, uint32_t pc,
                  struct dfota_operand *out)
{
    uint8_t kind;
    uint32_t at = displacement(p, avail, &kind), off;

    if (at == 0)
        return;
    off = dfota_get_le32(p + at);
    if (!dfota_fits(off, 25))
        return;
    out->kind = kind;
    out->len = (uint8_t)(at + 4);
    out->target = pc + at + 4 + off;
}

static bool write(uint8_t *p, uint32_t pc, uint32_t target)
{
    uint8_t kind;
    uint32_t at = displacement(p, 7, &kind);
    uint32_t off = target - (pc + at + 4);

    if (at == 0 || !dfota_fits(off, 25))
        return false;
    dfota_put_le32(p + at, off);
    return true;
}

const struct dfota_isa dfota_isa_x86 = {
    .align = 1,
    .parse = parse,
    .write = write,
};
