/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Images in a form in which moved code looks the same.
 *
 * Layer: delta. Absolute pointers, addresses of two halves and the targets of
 * calls are written as the address they will have in the new image, the old
 * ones through T. What projection gets right is then equal byte for byte, and
 * matching finds the long stretches that changed operands had cut up.
 */
#ifndef DFOTA_DELTA_NORMAL_H
#define DFOTA_DELTA_NORMAL_H

#include "delta/words.h"
#include "device/project.h"

/* Addresses outside the image, sorted by what they were. */
struct normal_known {
    struct dfota_known *list;
    size_t len;
};

/**
 * Collect what became of the data addresses that a copy map carries over.
 *
 * errors   E_NOMEM
 */
int normal_known_make(const struct plan_input *in, const struct segments *map,
                      uint8_t data_top, struct normal_known *out);

void normal_known_release(struct normal_known *k);

/**
 * project  regions and T; nothing learnt is used
 * known    what data addresses became
 * old      the old image: through T. Otherwise the new one, as it is
 * out      len bytes
 */
void normal_image(const struct dfota_project *project,
                  const struct normal_known *known, const uint8_t *in,
                  uint32_t len, bool old, uint8_t *out);

#endif
