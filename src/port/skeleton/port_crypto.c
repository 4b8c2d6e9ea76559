/* SPDX-License-Identifier: Apache-2.0 */
#include "port/skeleton/port_crypto.h"

#include "base/err.h"

static int hash_init(void *ctx)
{
    (void)ctx;
    return DFOTA_E_UNSUPPORTED;
}

static int hash_update(void *ctx, const void *data, size_t len)
{
    (void)ctx;
    (void)data;
    (void)len;
    return DFOTA_E_UNSUPPORTED;
}

static int hash_final(void *ctx, uint8_t digest[DFOTA_HASH_LEN])
{
    (void)ctx;
    (void)digest;
    return DFOTA_E_UNSUPPORTED;
}

static int verify(void *ctx, uint8_t key_id,
                  const uint8_t digest[DFOTA_HASH_LEN],
                  const uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    (void)ctx;
    (void)key_id;
    (void)digest;
    (void)signature;
    return DFOTA_E_UNSUPPORTED;
}

void port_crypto_init(struct dfota_crypto *c)
{
    c->hash_init = hash_init;
    c->hash_update = hash_update;
    c->hash_final = hash_final;
    c->verify = verify;
    c->ctx = NULL;
    c->ctx2 = NULL;
}
