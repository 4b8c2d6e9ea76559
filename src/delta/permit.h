/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Downgrade permits, put into packages that are signed already.
 *
 * Layer: delta. A permit lets one device take one package although its
 * security counter is lower than the device's, once. It is signed by a key
 * of its own and leaves the package's signature as it is.
 */
#ifndef DFOTA_DELTA_PERMIT_H
#define DFOTA_DELTA_PERMIT_H

#include "delta/build.h"

/**
 * A copy of the package with a permit for a device; one that it has is
 * replaced.
 *
 * device_id  the device's own name for itself: a module's is its IMEI
 * signer     of the permit key
 * out        malloc'd, the caller's
 * errors     those of dfota_package_open(); E_CORRUPT bytes behind the body,
 *            E_SIGNATURE the package is not signed, E_NOMEM, those of signer
 *            and crypto
 * source     docs/format.md 2.4
 */
int permit_add(const uint8_t *package, size_t len, const char *device_id,
               const struct dfota_crypto *crypto,
               const struct build_signer *signer, uint8_t **out,
               size_t *out_len);

#endif
