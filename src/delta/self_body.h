/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Code a body with copies from the new image.
 *
 * Layer: delta. A few rounds of "choose tokens by prices, code, learn
 * prices" for what the copy map leaves: all of a full image, the gaps of a
 * delta.
 */
#ifndef DFOTA_DELTA_SELF_BODY_H
#define DFOTA_DELTA_SELF_BODY_H

#include "delta/body.h"

/**
 * in->p    has SELF
 * map      as for body_encode(), without tokens; empty for a full image
 * errors   E_NOMEM, E_ARENA, E_ARCH
 */
int self_body_encode(struct body *b, const struct plan_input *in,
                     const struct segments *map,
                     const struct dfota_project *project);

#endif
