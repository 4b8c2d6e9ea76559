/* SPDX-License-Identifier: Apache-2.0 */
#include "device/isa_bits.h"

uint32_t dfota_immediate(const uint16_t *run, unsigned n, uint32_t *insn,
                         bool put, uint32_t v)
{
    uint32_t got = 0;

    for (; n > 0; n--, run++) {
        uint32_t from = *run & 31, to = *run >> 10;
        uint32_t mask = (1U << (*run >> 5 & 31)) - 1;

        if (put)
            *insn = (*insn & ~(mask << from)) | (v >> to & mask) << from;
        got |= (*insn >> from & mask) << to;
    }
    return got;
}
