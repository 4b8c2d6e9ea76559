/* SPDX-License-Identifier: Apache-2.0 */
#include "port/psa/psa_crypto_port.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

int psa_port_init(void)
{
    return psa_crypto_init() == PSA_SUCCESS ? 0 : DFOTA_E_IO;
}

void psa_trust_init(struct psa_trust *t)
{
    memset(t, 0, sizeof(*t));
    t->hash[0] = psa_hash_operation_init();
    t->hash[1] = psa_hash_operation_init();
}

void psa_trust_release(struct psa_trust *t)
{
    (void)psa_hash_abort(&t->hash[0]);
    (void)psa_hash_abort(&t->hash[1]);
    (void)psa_destroy_key(t->keys[0]);
    (void)psa_destroy_key(t->keys[1]);
    (void)psa_destroy_key(t->permit);
    psa_trust_init(t);
}

/* A context is its own hash; verify's is the first member of the struct. */
static int hash_init(void *ctx)
{
    (void)psa_hash_abort(ctx);
    return psa_hash_setup(ctx, PSA_ALG_SHA_256) == PSA_SUCCESS ? 0 : DFOTA_E_IO;
}

static int hash_update(void *ctx, const void *data, size_t len)
{
    return psa_hash_update(ctx, data, len) == PSA_SUCCESS ? 0 : DFOTA_E_IO;
}

static int hash_final(void *ctx, uint8_t digest[DFOTA_HASH_LEN])
{
    size_t len;

    return psa_hash_finish(ctx, digest, DFOTA_HASH_LEN, &len) == PSA_SUCCESS
               ? 0
               : DFOTA_E_IO;
}

static psa_key_id_t key_of(const struct psa_trust *t, uint8_t key_id)
{
    if (key_id == DFOTA_KEY_PERMIT)
        return t->permit;
    return key_id < 2 ? t->keys[key_id] : 0;
}

static int verify(void *ctx, uint8_t key_id,
                  const uint8_t digest[DFOTA_HASH_LEN],
                  const uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    const struct psa_trust *t = ctx;
    psa_key_id_t key = key_of(t, key_id);

    if (!key)
        return DFOTA_E_KEY;
    if (psa_verify_hash(key, PSA_ALG_ECDSA(PSA_ALG_SHA_256), digest,
                        DFOTA_HASH_LEN, signature,
                        DFOTA_SIGNATURE_LEN) != PSA_SUCCESS)
        return DFOTA_E_SIGNATURE;
    return 0;
}

void psa_trust_crypto(struct psa_trust *t, struct dfota_crypto *crypto)
{
    crypto->hash_init = hash_init;
    crypto->hash_update = hash_update;
    crypto->hash_final = hash_final;
    crypto->verify = t->keys[0] || t->keys[1] ? verify : NULL;
    crypto->ctx = t;
    crypto->ctx2 = &t->hash[1];
}

int psa_signer_sign(const struct psa_signer *s,
                    const uint8_t digest[DFOTA_HASH_LEN],
                    uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    size_t len;

    if (psa_sign_hash(s->key, PSA_ALG_DETERMINISTIC_ECDSA(PSA_ALG_SHA_256),
                      digest, DFOTA_HASH_LEN, signature, DFOTA_SIGNATURE_LEN,
                      &len) != PSA_SUCCESS)
        return DFOTA_E_IO;
    return len == DFOTA_SIGNATURE_LEN ? 0 : DFOTA_E_IO;
}

void psa_signer_release(struct psa_signer *s)
{
    (void)psa_destroy_key(s->key);
    s->key = 0;
}

int psa_sha256(const void *data, size_t len, uint8_t digest[DFOTA_HASH_LEN])
{
    size_t out;

    return psa_hash_compute(PSA_ALG_SHA_256, data, len, digest, DFOTA_HASH_LEN,
                            &out) == PSA_SUCCESS
               ? 0
               : DFOTA_E_IO;
}

uint32_t psa_string_id(const char *s)
{
    uint8_t digest[DFOTA_HASH_LEN];

    if (!s || !*s || psa_sha256(s, strlen(s), digest))
        return 0;
    return dfota_get_le32(digest);
}
