/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Find what of the old image lives on in the new one.
 *
 * Layer: delta. A suffix array of the old image gives the longest exact
 * match at any place of the new one; matches are extended through
 * mismatches in both directions, as firmware that moved differs in its
 * operands only.
 */
#ifndef DFOTA_DELTA_MATCH_H
#define DFOTA_DELTA_MATCH_H

#include "delta/segments.h"

struct match_index {
    const uint8_t *old;
    int32_t len;
    int32_t *sa; /* suffixes of old in order */
};

/** errors: E_NOMEM; E_ARG for an image over 1 GiB */
int match_index_create(struct match_index *x, const uint8_t *old, size_t len);

void match_index_destroy(struct match_index *x);

/** The longest stretch of the old image that key begins with: its length
 * and, out, where; 0 when there is none. */
uint32_t match_longest(const struct match_index *x, const uint8_t *key,
                       size_t len, uint32_t *at);

/**
 * A first copy map of the whole new image.
 *
 * errors   E_NOMEM
 * cost     O(n log n) comparisons
 */
int match_find(const struct match_index *x, const uint8_t *image, size_t len,
               struct segments *out);

#endif
