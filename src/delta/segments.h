/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A growing list of copy-map segments.
 *
 * Layer: delta. Invariant of a finished list: ascending by pos, no overlap,
 * no empty segment, sources inside the old image.
 */
#ifndef DFOTA_DELTA_SEGMENTS_H
#define DFOTA_DELTA_SEGMENTS_H

#include <stddef.h>

#include "device/copymap.h"
#include "device/self.h"

struct segments {
    struct dfota_segment *list;
    size_t len, room;
    const struct dfota_token *tokens; /* of SELF packages; borrowed */
};

/** errors: E_NOMEM */
int segments_add(struct segments *s, uint32_t pos, uint32_t len, uint32_t src);

void segments_release(struct segments *s);

#endif
