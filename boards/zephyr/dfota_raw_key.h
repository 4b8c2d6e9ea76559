/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A trusted key out of the firmware's own constants.
 */
#ifndef DFOTA_ZEPHYR_RAW_KEY_H
#define DFOTA_ZEPHYR_RAW_KEY_H

#include "port/psa/psa_crypto_port.h"

#define RAW_KEY_LEN 65 /* bytes: 0x04, x, y; big endian */

/**
 * key_id   0, 1 or DFOTA_KEY_PERMIT
 * errors   E_ARG, E_KEY no point of P-256
 */
int dfota_raw_key_load(struct psa_trust *t, uint8_t key_id,
                       const uint8_t point[RAW_KEY_LEN]);

#endif
