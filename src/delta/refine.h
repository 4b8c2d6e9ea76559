/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Choose the copy map by what it will cost.
 *
 * Layer: delta. Matching finds long equal runs; what a segment costs, and
 * what its mismatches cost against bytes sent anew, it does not know. Here a
 * shortest path through the new image decides at every instruction: go on
 * copying with this shift, switch to another, or send the bytes.
 */
#ifndef DFOTA_DELTA_REFINE_H
#define DFOTA_DELTA_REFINE_H

#include "delta/match.h"

/**
 * x, image  both in normal form (delta/normal.h)
 * step      what segments are aligned to: that of instructions, 1, 2 or 4
 * map       in: a first map; out: the better one
 * errors    E_NOMEM
 * cost      O(n) with a bounded number of shifts in play at a time
 */
int refine_map(const struct match_index *x, const uint8_t *image, uint32_t len,
               uint32_t step, struct segments *map);

#endif
