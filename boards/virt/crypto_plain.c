/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "boot_crypto.h"
#include "demo/p256.h"
#include "demo/sha256.h"

const char boot_crypto_name[] = "SHA-256 and P-256 of boards/demo";

static struct sha256 hashes[2];

static int hash_init(void *ctx)
{
    sha256_init(ctx);
    return 0;
}

static int hash_update(void *ctx, const void *data, size_t len)
{
    sha256_update(ctx, data, len);
    return 0;
}

static int hash_final(void *ctx, uint8_t digest[DFOTA_HASH_LEN])
{
    sha256_final(ctx, digest);
    return 0;
}

static int verify(void *ctx, uint8_t key_id,
                  const uint8_t digest[DFOTA_HASH_LEN],
                  const uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    (void)ctx;
    if (key_id != 0)
        return DFOTA_E_KEY;
    return p256_verify(boot_key, digest, signature) ? DFOTA_E_SIGNATURE : 0;
}

int boot_crypto_init(struct dfota_crypto *c)
{
    c->hash_init = hash_init;
    c->hash_update = hash_update;
    c->hash_final = hash_final;
    c->verify = verify;
    c->ctx = &hashes[0];
    c->ctx2 = &hashes[1];
    return 0;
}
