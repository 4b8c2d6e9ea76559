/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Comparing times of a 32-bit millisecond clock that wraps.
 *
 * Layer: at (freestanding). Right for spans below 2^31 ms (24 days); no
 * deadline of a session comes near.
 */
#ifndef DFOTA_AT_CLOCK_H
#define DFOTA_AT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline bool dfota_clock_passed(uint32_t now, uint32_t when)
{
    return now - when < UINT32_C(0x80000000);
}

#ifdef __cplusplus
}
#endif

#endif
