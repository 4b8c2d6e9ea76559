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

/** v's low bits as a number with a sign; bits 1 .. 32, higher ones of v are
 * ignored */
static inline uint32_t dfota_signed(uint32_t v, unsigned bits)
{
    uint32_t top = 1U << (bits - 1);

    return ((v & (top | (top - 1))) ^ top) - top;
}

/** v fits a signed field of that many bits */
static inline bool dfota_fits(uint32_t v, unsigned bits)
{
    return dfota_signed(v, bits) == v;
}

#endif
