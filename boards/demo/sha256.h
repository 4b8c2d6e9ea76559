/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SHA-256, HMAC and HKDF over it.
 *
 * source   FIPS 180-4; RFC 2104; RFC 5869
 */
#ifndef DEMO_SHA256_H
#define DEMO_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32 /* bytes */
#define SHA256_BLOCK 64

struct sha256 {
    uint32_t h[8];
    uint64_t len; /* bytes so far */
    uint8_t block[SHA256_BLOCK];
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t len);
void sha256_final(struct sha256 *s, uint8_t out[SHA256_LEN]);

/** All three in one call. */
void sha256(const void *data, size_t len, uint8_t out[SHA256_LEN]);

struct hmac {
    struct sha256 inner;
    uint8_t pad[SHA256_BLOCK]; /* the key, padded, xor 0x5c */
};

void hmac_init(struct hmac *m, const void *key, size_t key_len);
void hmac_update(struct hmac *m, const void *data, size_t len);
void hmac_final(struct hmac *m, uint8_t out[SHA256_LEN]);

/** HKDF: extract with salt, expand with info; len <= 255 * 32 bytes. */
void hkdf(const void *salt, size_t salt_len, const void *key, size_t key_len,
          const void *info, size_t info_len, uint8_t *out, size_t len);

#endif
