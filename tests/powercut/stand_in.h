/* SPDX-License-Identifier: Apache-2.0 */
/** The trivial codec of the power-cut harness: see stand_in.c. */
#ifndef DFOTA_POWERCUT_STAND_IN_H
#define DFOTA_POWERCUT_STAND_IN_H

#include "device/package.h"

#define STAND_IN_HEAD 4 /* bytes of the body before the first window */
#define STAND_IN_SELF_BACK 100

/** The byte that the body's byte at pos is xor'ed with. */
uint8_t stand_in_guess(const struct dfota_package *p, uint32_t window_off,
                       uint32_t window_end, uint32_t pos, uint32_t shift,
                       const uint8_t *old, const uint8_t *made);

#endif
