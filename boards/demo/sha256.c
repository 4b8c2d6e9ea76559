/* SPDX-License-Identifier: Apache-2.0 */
#include "sha256.h"

#include <string.h>

#include "base/bytes.h"

static const uint32_t round_words[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t ror(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static void schedule(uint32_t w[64], const uint8_t *block)
{
    for (size_t i = 0; i < 16; i++)
        w[i] = dfota_get_be32(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        uint32_t s0 = ror(a, 7) ^ ror(a, 18) ^ a >> 3;
        uint32_t s1 = ror(b, 17) ^ ror(b, 19) ^ b >> 10;

        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
}

static void compress(uint32_t h[8], const uint8_t *block)
{
    uint32_t w[64], v[8];

    schedule(w, block);
    memcpy(v, h, sizeof(v));
    for (int i = 0; i < 64; i++) {
        uint32_t e = v[4], a = v[0];
        uint32_t t1 = v[7] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) +
                      ((e & v[5]) ^ (~e & v[6])) + round_words[i] + w[i];
        uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) +
                      ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

        memmove(v + 1, v, 7 * sizeof(*v));
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        h[i] += v[i];
}

void sha256_init(struct sha256 *s)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                      0xa54ff53a, 0x510e527f, 0x9b05688c,
                                      0x1f83d9ab, 0x5be0cd19};

    memcpy(s->h, start, sizeof(start));
    s->len = 0;
}

void sha256_update(struct sha256 *s, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len) {
        size_t at = (size_t)(s->len % SHA256_BLOCK);
        size_t n = SHA256_BLOCK - at < len ? SHA256_BLOCK - at : len;

        memcpy(s->block + at, p, n);
        s->len += n;
        p += n;
        len -= n;
        if (at + n == SHA256_BLOCK)
            compress(s->h, s->block);
    }
}

void sha256_final(struct sha256 *s, uint8_t out[SHA256_LEN])
{
    uint64_t bits = s->len * 8;
    uint8_t pad[SHA256_BLOCK + 8] = {0x80};
    size_t at = (size_t)(s->len % SHA256_BLOCK);
    size_t n = (at < 56 ? 56 : 120) - at;

    dfota_put_be32(pad + n, (uint32_t)(bits >> 32));
    dfota_put_be32(pad + n + 4, (uint32_t)bits);
    sha256_update(s, pad, n + 8);
    for (size_t i = 0; i < 8; i++)
        dfota_put_be32(out + 4 * i, s->h[i]);
}

void sha256(const void *data, size_t len, uint8_t out[SHA256_LEN])
{
    struct sha256 s;

    sha256_init(&s);
    sha256_update(&s, data, len);
    sha256_final(&s, out);
}

void hmac_init(struct hmac *m, const void *key, size_t key_len)
{
    uint8_t inner[SHA256_BLOCK];

    memset(m->pad, 0, sizeof(m->pad));
    if (key_len > SHA256_BLOCK)
        sha256(key, key_len, m->pad);
    else if (key_len)
        memcpy(m->pad, key, key_len);
    for (int i = 0; i < SHA256_BLOCK; i++) {
        inner[i] = m->pad[i] ^ 0x36;
        m->pad[i] ^= 0x5c;
    }
    sha256_init(&m->inner);
    sha256_update(&m->inner, inner, sizeof(inner));
}

void hmac_update(struct hmac *m, const void *data, size_t len)
{
    sha256_update(&m->inner, data, len);
}

void hmac_final(struct hmac *m, uint8_t out[SHA256_LEN])
{
    struct sha256 outer;

    sha256_final(&m->inner, out);
    sha256_init(&outer);
    sha256_update(&outer, m->pad, sizeof(m->pad));
    sha256_update(&outer, out, SHA256_LEN);
    sha256_final(&outer, out);
}

void hkdf(const void *salt, size_t salt_len, const void *key, size_t key_len,
          const void *info, size_t info_len, uint8_t *out, size_t len)
{
    uint8_t prk[SHA256_LEN], t[SHA256_LEN];
    struct hmac m;

    hmac_init(&m, salt, salt_len);
    hmac_update(&m, key, key_len);
    hmac_final(&m, prk);
    for (uint8_t i = 1; len; i++) {
        size_t n = len < SHA256_LEN ? len : SHA256_LEN;

        hmac_init(&m, prk, sizeof(prk));
        if (i > 1)
            hmac_update(&m, t, sizeof(t));
        hmac_update(&m, info, info_len);
        hmac_update(&m, &i, 1);
        hmac_final(&m, t);
        memcpy(out, t, n);
        out += n;
        len -= n;
    }
}
