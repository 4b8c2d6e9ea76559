/* SPDX-License-Identifier: Apache-2.0 */
/**
 * AES-128 and AES-256 (encryption only) and the GCM mode.
 *
 * source   FIPS 197; NIST SP 800-38D
 */
#ifndef DEMO_AES_H
#define DEMO_AES_H

#include <stddef.h>
#include <stdint.h>

#define AES_BLOCK 16
#define GCM_NONCE_LEN 12
#define GCM_TAG_LEN 16

struct aes {
    uint8_t round_keys[15][AES_BLOCK];
    int rounds;
};

/** Expand a key of 16 or 32 bytes; -1 for any other length. */
int aes_init(struct aes *a, const uint8_t *key, size_t key_len);

/** Encrypt one block in place. */
void aes_encrypt(const struct aes *a, uint8_t block[AES_BLOCK]);

/** Encrypt data in place and make its tag. */
void gcm_seal(const struct aes *a, const uint8_t nonce[GCM_NONCE_LEN],
              const void *aad, size_t aad_len, uint8_t *data, size_t len,
              uint8_t tag[GCM_TAG_LEN]);

/** Check the tag, then decrypt in place: 0, or -1 with data untouched. */
int gcm_open(const struct aes *a, const uint8_t nonce[GCM_NONCE_LEN],
             const void *aad, size_t aad_len, uint8_t *data, size_t len,
             const uint8_t tag[GCM_TAG_LEN]);

#endif
