/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Apply a package in memory, through the device's decoder.
 *
 * Layer: delta. The old image is overwritten window by window as a device
 * with one slot would, so that a package which needs bytes that are gone
 * fails here and not in the field.
 */
#ifndef DFOTA_DELTA_APPLY_H
#define DFOTA_DELTA_APPLY_H

#include "device/package.h"

/**
 * image    out: the new image, malloc'd, target_len bytes, the caller's
 * p        out: the opened package
 * errors   those of apply_open() and the decoder; E_SOURCE,
 *          E_TARGET, E_NOMEM. The signature is not looked at.
 */
int apply_package(const uint8_t *package, size_t package_len,
                  const uint8_t *old, size_t old_len,
                  const struct dfota_crypto *crypto, struct dfota_package *p,
                  uint8_t **image);

/** Is old the image that the package is for? errors: E_SOURCE, those of
 * crypto; 0 for a package that needs none */
int apply_check_source(const struct dfota_package *p, const uint8_t *old,
                       size_t old_len, const struct dfota_crypto *crypto);

/** SHA-256 of some bytes in one go. errors: those of crypto */
int apply_hash(const struct dfota_crypto *crypto, const void *data, size_t len,
               uint8_t digest[DFOTA_HASH_LEN]);

/** A reader over memory; data must outlive it. */
struct dfota_reader apply_reader(const uint8_t *data, size_t len);

/** Open a package that fills its file. errors: those of
 * dfota_package_open(); E_CORRUPT bytes behind the body */
int apply_open(struct dfota_package *p, const struct dfota_reader *in);

#endif
