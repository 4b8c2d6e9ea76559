/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Code a full image with copies from itself.
 *
 * Layer: delta. The package is NO_SOURCE and SELF: no copy map, one row of
 * tokens a window. A few rounds of "choose by prices, code, learn prices".
 */
#ifndef DFOTA_DELTA_SELF_BODY_H
#define DFOTA_DELTA_SELF_BODY_H

#include "delta/body.h"

/**
 * in->p    has both flags
 * limit    give up once the body has so many bytes; it is useless then
 * errors   E_NOMEM, E_ARENA
 */
int self_body_encode(struct body *b, const struct plan_input *in, size_t limit);

#endif
