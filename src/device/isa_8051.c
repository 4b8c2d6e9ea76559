/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MCS-51 operands that name an address: LCALL, LJMP and MOV DPTR of 16 bits,
 * big endian, ACALL and AJMP of 11. Encodings: MCS-51 Programmer's Guide and
 * Instruction Set. Lengths keep the reader at the heads of instructions.
 */
#include "device/project.h"

enum { LJMP = 0x02, LCALL = 0x12, MOV_DPTR = 0x90, AJMP = 0x01 };

/* Lengths by the low half of the opcode, 0 to 5, 6 and 7, 8 to F: two bits
 * for each value of the high half, 0 in the lowest. */
static const uint32_t lengths[8] = {
    0x5AAEAAFD, 0xAAAAAAAA, 0x5AAAAA5F, 0x55557F55,
    0x55D9AAA5, 0xAEDBEAAA, 0x55E69555, 0x59E69555,
};

static unsigned length_of(unsigned opcode)
{
    unsigned column = opcode & 0xF;

    if (column > 5)
        column = column < 8 ? 6 : 7;
    return lengths[column] >> (opcode >> 4) * 2 & 3;
}

/* ACALL and AJMP stay in the 2 KiB of the next instruction. */
static bool is_short(unsigned opcode)
{
    return (opcode & 0xF) == AJMP;
}

static void parse(const uint8_t *p, uint32_t avail, uint32_t pc,
                  struct dfota_operand *out)
{
    if (avail == 0)
        return;
    out->len = (uint8_t)length_of(p[0]);
    if (avail < out->len)
        return;
    if (is_short(p[0])) {
        out->kind = DFOTA_KIND_JUMP;
        out->target = ((pc + 2) & ~0x7FFU) | (p[0] & 0xE0U) << 3 | p[1];
    } else if (p[0] == LJMP || p[0] == LCALL || p[0] == MOV_DPTR) {
        out->kind = p[0] == MOV_DPTR ? DFOTA_KIND_LITERAL : DFOTA_KIND_CALL;
        out->target = (uint32_t)p[1] << 8 | p[2];
    }
}

static bool write(uint8_t *p, uint32_t pc, uint32_t target)
{
    if (is_short(p[0])) {
        if ((target ^ (pc + 2)) & ~0x7FFU)
            return false;
        p[0] = (uint8_t)((p[0] & 0x1F) | (target >> 3 & 0xE0));
        p[1] = (uint8_t)target;
        return true;
    }
    if (target > 0xFFFF)
        return false;
    p[1] = (uint8_t)(target >> 8);
    p[2] = (uint8_t)target;
    return true;
}

const struct dfota_isa dfota_isa_8051 = {
    .align = 1,
    .parse = parse,
    .write = write,
};
