/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Where the bits of a package went: decode it and read the meter.
 *
 * Layer: delta.
 */
#ifndef DFOTA_DELTA_AUDIT_H
#define DFOTA_DELTA_AUDIT_H

#include "delta/body.h"

/**
 * Decode a package and count what each part cost.
 *
 * in, old  the package, and the image it is applied to (any bytes will do
 *          for a package that needs none)
 * costs    out: literals and kinds; head and map are not metered here
 * errors   those of the decoder; E_NOMEM
 */
int audit_package(const struct dfota_package *p, const uint8_t *package,
                  size_t package_len, const uint8_t *old, size_t old_len,
                  struct body_costs *costs);

#endif
