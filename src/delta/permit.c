/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/permit.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "delta/apply.h"

#define FLAGS_AT 3 /* byte of the manifest */

static bool is_signed(const uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    static const uint8_t none[DFOTA_SIGNATURE_LEN];

    return memcmp(signature, none, sizeof(none)) != 0;
}

/* {"DFOTA permit", SHA-256 of the id, manifest without the flag} */
static int permit_digest(const struct dfota_crypto *crypto,
                         const uint8_t id_hash[DFOTA_HASH_LEN],
                         const uint8_t *package, uint8_t digest[DFOTA_HASH_LEN])
{
    uint8_t message[12 + DFOTA_HASH_LEN + DFOTA_MANIFEST_LEN] = "DFOTA permit";
    uint8_t *manifest = message + 12 + DFOTA_HASH_LEN;

    memcpy(message + 12, id_hash, DFOTA_HASH_LEN);
    memcpy(manifest, package, DFOTA_MANIFEST_LEN);
    manifest[FLAGS_AT] &= (uint8_t)~DFOTA_FLAG_PERMIT;
    return apply_hash(crypto, message, sizeof(message), digest);
}

/* The permit's bytes at `at`, of the package that begins at p. */
static int write_permit(uint8_t *p, uint8_t *at, const char *device_id,
                        const struct dfota_crypto *crypto,
                        const struct build_signer *signer)
{
    uint8_t digest[DFOTA_HASH_LEN];
    int err = apply_hash(crypto, device_id, strlen(device_id), at);

    if (!err)
        err = permit_digest(crypto, at, p, digest);
    if (!err)
        err = signer->sign(signer->ctx, digest, at + DFOTA_HASH_LEN);
    p[FLAGS_AT] |= DFOTA_FLAG_PERMIT;
    return err;
}

int permit_add(const uint8_t *package, size_t len, const char *device_id,
               const struct dfota_crypto *crypto,
               const struct build_signer *signer, uint8_t **out,
               size_t *out_len)
{
    struct dfota_reader in = apply_reader(package, len);
    struct dfota_package p;
    uint32_t at; /* of the permit */
    int err = apply_open(&p, &in);

    if (!err && !is_signed(package + p.signature_off))
        err = DFOTA_E_SIGNATURE;
    if (err)
        return err;
    at = p.signature_off + DFOTA_SIGNATURE_LEN;
    *out_len = at + DFOTA_PERMIT_LEN + p.m.body_len;
    *out = malloc(*out_len);
    if (!*out)
        return DFOTA_E_NOMEM;
    memcpy(*out, package, at);
    memcpy(*out + at + DFOTA_PERMIT_LEN, package + p.body_off, p.m.body_len);
    err = write_permit(*out, *out + at, device_id, crypto, signer);
    if (err) {
        free(*out);
        *out = NULL;
    }
    return err;
}
