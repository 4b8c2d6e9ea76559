/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Crypto of the power-cut harness: not secure, but fast enough for a million
 * runs; struct dfota_crypto over a 64-bit mixing hash and a keyed checksum
 * for a signature.
 */
#ifndef DFOTA_POWERCUT_FAST_CRYPTO_H
#define DFOTA_POWERCUT_FAST_CRYPTO_H

#include <stdbool.h>

#include "device/crypto.h"

struct fast_hash {
    uint64_t state[4];
    uint64_t words;
    uint64_t tail; /* less than a word, by memory order */
    size_t tail_len;
};

struct fast_crypto {
    struct fast_hash hash[2]; /* ctx and ctx2 */
};

/** verify: NULL or the checksum's. */
void fast_crypto_init(struct fast_crypto *f, struct dfota_crypto *c,
                      bool verify);

void fast_hash(const void *data, size_t len, uint8_t digest[DFOTA_HASH_LEN]);
void fast_sign(uint8_t key_id, const uint8_t digest[DFOTA_HASH_LEN],
               uint8_t signature[DFOTA_SIGNATURE_LEN]);

#endif
