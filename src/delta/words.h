/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The aligned words that a copy map carries over, before and after.
 *
 * Layer: delta.
 */
#ifndef DFOTA_DELTA_WORDS_H
#define DFOTA_DELTA_WORDS_H

#include "delta/plan.h"

struct word {
    uint32_t was, is;
};

struct words {
    struct word *list; /* the caller frees it */
    size_t len;
};

/** Collect them, changed or not. errors: E_NOMEM */
int words_aligned(const struct plan_input *in, const struct segments *map,
                  struct words *out);

#endif
