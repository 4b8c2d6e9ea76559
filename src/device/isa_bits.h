/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the instruction sets share.
 *
 * Layer: device (freestanding).
 */
#ifndef DFOTA_DEVICE_ISA_BITS_H
#define DFOTA_DEVICE_ISA_BITS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** v's low bits as a number with a sign; bits 1 .. 32, higher ones of v are
 * ignored */
static inline uint32_t dfota_signed(uint32_t v, unsigned bits)
{
    uint32_t top = 1U << (bits - 1);

    return ((v & (top | (top - 1))) ^ top) - top;
}

/* Bits of an immediate that lie together: from this bit of the instruction
 * on, so many, to that bit of the immediate. */
#define DFOTA_RUN(from, bits, to) ((from) | (bits) << 5 | (to) << 10)

/** The immediate whose runs of bits are run[0 .. n - 1]; with put, v goes
 * there first, as far as there are bits for it. */
uint32_t dfota_immediate(const uint16_t *run, unsigned n, uint32_t *insn,
                         bool put, uint32_t v);

/** v fits a signed field of that many bits */
static inline bool dfota_fits(uint32_t v, unsigned bits)
{
    return dfota_signed(v, bits) == v;
}

#ifdef __cplusplus
}
#endif

#endif
