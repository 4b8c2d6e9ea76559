/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What tokens cost, by the counters' state at one moment.
 *
 * Layer: delta. Prices are in 1/1024 bit. The layout of the counters is
 * device/self.h's; what is priced here is what device/self.c codes.
 */
#ifndef DFOTA_DELTA_SELF_PRICE_H
#define DFOTA_DELTA_SELF_PRICE_H

#include "delta/self_find.h"

enum { SELF_PRICE_BITS = 10, SELF_NEAR = 128 };

struct self_prices {
    /* The flag before: a literal, a match at a new distance, each of the
     * last distances, the last one for a single byte. */
    uint32_t literal[DFOTA_SELF_STATES][DFOTA_SELF_ALIGNS];
    uint32_t match[DFOTA_SELF_STATES][DFOTA_SELF_ALIGNS];
    uint32_t rep[DFOTA_SELF_REPS][DFOTA_SELF_STATES][DFOTA_SELF_ALIGNS];
    uint32_t single[DFOTA_SELF_STATES][DFOTA_SELF_ALIGNS];
    /* Lengths of matches, [1]: at one of the last distances. */
    uint32_t len[2][DFOTA_SELF_ALIGNS][SELF_NICE + 1];
    uint32_t slot[DFOTA_SELF_SLOT_SETS][1 << DFOTA_SELF_SLOT_BITS];
    uint32_t near[DFOTA_SELF_SLOT_SETS][SELF_NEAR]; /* by distance - 1 */
    uint32_t align[1 << DFOTA_SELF_ALIGN_BITS];
};

void self_prices_make(struct self_prices *p, const dfota_counter *counters);

/** The price of a new distance for a match of len bytes. */
uint32_t self_price_dist(const struct self_prices *p, uint32_t len,
                         uint32_t dist);

#endif
