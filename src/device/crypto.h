/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Cryptography the device needs, as the port provides it.
 *
 * Layer: device (freestanding). The implementation on the PSA Crypto API is
 * port/psa. One hash runs at a time on each of the two contexts; its state
 * belongs to the context: preparing several windows hashes each of them and
 * the whole image beside it.
 */
#ifndef DFOTA_DEVICE_CRYPTO_H
#define DFOTA_DEVICE_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DFOTA_HASH_LEN 32      /* bytes, SHA-256 */
#define DFOTA_SIGNATURE_LEN 64 /* bytes, ECDSA P-256, r then s, big endian */

/* verify()'s key for downgrade permits; package keys are 0 and 1. */
#define DFOTA_KEY_PERMIT 0x80

struct dfota_crypto {
    /* SHA-256 of any number of updates, on ctx or on ctx2; init drops
     * whatever was begun there. 0, or DFOTA_E_IO. */
    int (*hash_init)(void *ctx);
    int (*hash_update)(void *ctx, const void *data, size_t len);
    int (*hash_final)(void *ctx, uint8_t digest[DFOTA_HASH_LEN]);
    /* ECDSA P-256 over a SHA-256 digest with the trusted key of that id.
     * 0, DFOTA_E_SIGNATURE, or DFOTA_E_KEY when there is no such key.
     * NULL: the device has no key and takes unsigned packages. */
    int (*verify)(void *ctx, uint8_t key_id,
                  const uint8_t digest[DFOTA_HASH_LEN],
                  const uint8_t signature[DFOTA_SIGNATURE_LEN]);
    void *ctx;
    void *ctx2; /* a second hash state; never given to verify. NULL: only
                 * packages of one window are taken */
};

#ifdef __cplusplus
}
#endif

#endif
