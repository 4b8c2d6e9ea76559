/* SPDX-License-Identifier: Apache-2.0 */
#include "powercut/fast_crypto.h"

#include <string.h>

#include "base/err.h"

static int hash_init(void *ctx)
{
    struct fast_hash *h = ctx;

    memset(h, 0, sizeof(*h));
    return 0;
}

/* Bytes in fours by their place in the stream, so that any split gives the
 * same digest. */
static int hash_update(void *ctx, const void *data, size_t len)
{
    struct fast_hash *h = ctx;
    const uint8_t *in = data;

    for (; len && h->len % 8; len--)
        h->state[h->len++ % 4] += (uint64_t)(*in++ + 1) * 0x9E3779B97F4A7C15u;
    for (; len >= 8; len -= 8, in += 8, h->len += 8) {
        uint64_t word;
        unsigned lane = h->len / 8 % 4;

        memcpy(&word, in, 8);
        word = (word ^ h->state[lane] ^ h->len) * 0xBF58476D1CE4E5B9u;
        h->state[lane] = (word ^ (word >> 29)) + h->state[(lane + 1) % 4];
    }
    for (; len; len--)
        h->state[h->len++ % 4] += (uint64_t)(*in++ + 1) * 0x9E3779B97F4A7C15u;
    return 0;
}

static int hash_final(void *ctx, uint8_t digest[DFOTA_HASH_LEN])
{
    struct fast_hash *h = ctx;

    for (unsigned k = 0; k < 16; k++) {
        uint64_t x = h->state[k % 4] ^ h->state[(k + 1) % 4] ^ h->len;

        x = (x ^ (x >> 31)) * 0x94D049BB133111EBu;
        h->state[k % 4] = x ^ (x >> 30);
    }
    memcpy(digest, h->state, DFOTA_HASH_LEN);
    return 0;
}

void fast_hash(const void *data, size_t len, uint8_t digest[DFOTA_HASH_LEN])
{
    struct fast_hash h;

    (void)hash_init(&h);
    (void)hash_update(&h, data, len);
    (void)hash_final(&h, digest);
}

void fast_sign(uint8_t key_id, const uint8_t digest[DFOTA_HASH_LEN],
               uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    uint8_t keyed[DFOTA_HASH_LEN + 1];

    memcpy(keyed, digest, DFOTA_HASH_LEN);
    keyed[DFOTA_HASH_LEN] = key_id;
    fast_hash(keyed, sizeof(keyed), signature);
    fast_hash(signature, DFOTA_HASH_LEN, signature + DFOTA_HASH_LEN);
}

static int verify(void *ctx, uint8_t key_id,
                  const uint8_t digest[DFOTA_HASH_LEN],
                  const uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    uint8_t wanted[DFOTA_SIGNATURE_LEN];

    (void)ctx;
    fast_sign(key_id, digest, wanted);
    return memcmp(wanted, signature, sizeof(wanted)) == 0 ? 0
                                                          : DFOTA_E_SIGNATURE;
}

void fast_crypto_init(struct fast_crypto *f, struct dfota_crypto *c,
                      bool with_verify)
{
    c->hash_init = hash_init;
    c->hash_update = hash_update;
    c->hash_final = hash_final;
    c->verify = with_verify ? verify : NULL;
    c->ctx = &f->hash[0];
    c->ctx2 = &f->hash[1];
}
