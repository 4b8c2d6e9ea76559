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

static void mix_word(struct fast_hash *h, uint64_t word)
{
    unsigned lane = h->words++ % 4;

    word = (word ^ h->state[lane] ^ h->words) * 0xBF58476D1CE4E5B9u;
    h->state[lane] = (word ^ (word >> 29)) + h->state[(lane + 1) % 4];
}

/* Any split gives the same digest: bytes gather into words. */
static int hash_update(void *ctx, const void *data, size_t len)
{
    struct fast_hash *h = ctx;
    const uint8_t *in = data;

    while (len) {
        size_t n = sizeof(h->tail) - h->tail_len;

        if (n > len)
            n = len;
        memcpy((uint8_t *)&h->tail + h->tail_len, in, n);
        h->tail_len += n;
        in += n;
        len -= n;
        if (h->tail_len == sizeof(h->tail)) {
            mix_word(h, h->tail);
            h->tail_len = 0;
        }
    }
    return 0;
}

static int hash_final(void *ctx, uint8_t digest[DFOTA_HASH_LEN])
{
    struct fast_hash *h = ctx;
    uint64_t len = h->words * 8 + h->tail_len;

    memset((uint8_t *)&h->tail + h->tail_len, 0, sizeof(h->tail) - h->tail_len);
    mix_word(h, h->tail);
    for (unsigned k = 0; k < 16; k++) {
        uint64_t x = h->state[k % 4] ^ h->state[(k + 1) % 4] ^ len;

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
