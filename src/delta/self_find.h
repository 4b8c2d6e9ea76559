/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Where in an image the bytes at each place stood before.
 *
 * Layer: delta. For every place the matches worth knowing: the nearest one
 * of each length, so that lengths and distances both ascend.
 */
#ifndef DFOTA_DELTA_SELF_FIND_H
#define DFOTA_DELTA_SELF_FIND_H

#include <stddef.h>
#include <stdint.h>

#include "device/self.h"

enum {
    SELF_NICE = 273, /* longer ones are cut here, and good enough */
    SELF_PAIRS = 24, /* matches kept at one place */
};

struct self_matches {
    struct dfota_token *list;
    uint32_t *first; /* of each place; one more behind the last */
    uint32_t len;
    size_t room;
};

/** Find the matches of the whole image. errors: E_NOMEM */
int self_find(struct self_matches *m, const uint8_t *image, uint32_t len);

void self_matches_release(struct self_matches *m);

/** How many bytes at a and b are alike, at most limit. */
uint32_t self_common(const uint8_t *a, const uint8_t *b, uint32_t limit);

#endif
