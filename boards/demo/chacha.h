/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ChaCha20, Poly1305 and the AEAD of both.
 *
 * source   RFC 8439
 */
#ifndef DEMO_CHACHA_H
#define DEMO_CHACHA_H

#include <stddef.h>
#include <stdint.h>

#define CHACHA_KEY_LEN 32
#define CHACHA_NONCE_LEN 12
#define POLY1305_LEN 16

/** Xor data with the key stream that begins at a block counter. */
void chacha20(const uint8_t key[CHACHA_KEY_LEN],
              const uint8_t nonce[CHACHA_NONCE_LEN], uint32_t counter,
              uint8_t *data, size_t len);

/** One-time authenticator of a message. */
void poly1305(const uint8_t key[32], const void *data, size_t len,
              uint8_t tag[POLY1305_LEN]);

/** Encrypt data in place and make its tag. */
void chacha_seal(const uint8_t key[CHACHA_KEY_LEN],
                 const uint8_t nonce[CHACHA_NONCE_LEN], const void *aad,
                 size_t aad_len, uint8_t *data, size_t len,
                 uint8_t tag[POLY1305_LEN]);

/** Check the tag, then decrypt in place: 0, or -1 with data untouched. */
int chacha_open(const uint8_t key[CHACHA_KEY_LEN],
                const uint8_t nonce[CHACHA_NONCE_LEN], const void *aad,
                size_t aad_len, uint8_t *data, size_t len,
                const uint8_t tag[POLY1305_LEN]);

#endif
