/* SPDX-License-Identifier: Apache-2.0 */
#include "chacha.h"

#include <string.h>

#include "base/bytes.h"

static uint32_t rol(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static void quarter(uint32_t *x, int a, int b, int c, int d)
{
    x[a] += x[b];
    x[d] = rol(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rol(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rol(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rol(x[b] ^ x[c], 7);
}

static void stream_block(const uint32_t in[16], uint8_t out[64])
{
    uint32_t x[16];

    memcpy(x, in, sizeof(x));
    for (int i = 0; i < 10; i++) {
        for (int j = 0; j < 4; j++)
            quarter(x, j, j + 4, j + 8, j + 12);
        for (int j = 0; j < 4; j++)
            quarter(x, j, 4 + (j + 1) % 4, 8 + (j + 2) % 4, 12 + (j + 3) % 4);
    }
    for (size_t i = 0; i < 16; i++)
        dfota_put_le32(out + 4 * i, x[i] + in[i]);
}

void chacha20(const uint8_t key[CHACHA_KEY_LEN],
              const uint8_t nonce[CHACHA_NONCE_LEN], uint32_t counter,
              uint8_t *data, size_t len)
{
    uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    uint8_t out[64];

    for (size_t i = 0; i < 8; i++)
        in[4 + i] = dfota_get_le32(key + 4 * i);
    in[12] = counter;
    for (size_t i = 0; i < 3; i++)
        in[13 + i] = dfota_get_le32(nonce + 4 * i);
    while (len) {
        size_t n = len < sizeof(out) ? len : sizeof(out);

        stream_block(in, out);
        in[12]++;
        for (size_t i = 0; i < n; i++)
            data[i] ^= out[i];
        data += n;
        len -= n;
    }
}

/* A number below 2^130 in five limbs of 26 bits. */
struct poly {
    uint32_t r[5], h[5];
    uint8_t part[16];
    size_t part_len;
};

static void limbs(uint32_t out[5], const uint8_t *p)
{
    out[0] = dfota_get_le32(p) & 0x3ffffff;
    out[1] = dfota_get_le32(p + 3) >> 2 & 0x3ffffff;
    out[2] = dfota_get_le32(p + 6) >> 4 & 0x3ffffff;
    out[3] = dfota_get_le32(p + 9) >> 6 & 0x3ffffff;
    out[4] = dfota_get_le32(p + 12) >> 8;
}

/* h = h * r mod 2^130 - 5: limbs past the fifth come back times five. */
static void multiply(struct poly *s)
{
    uint64_t d[5], carry = 0;

    for (int i = 0; i < 5; i++) {
        d[i] = 0;
        for (int j = 0; j < 5; j++) {
            uint32_t r = s->r[(i - j + 5) % 5];

            d[i] += (uint64_t)s->h[j] * (j > i ? r * 5 : r);
        }
    }
    for (int i = 0; i < 5; i++) {
        d[i] += carry;
        carry = d[i] >> 26;
        s->h[i] = (uint32_t)d[i] & 0x3ffffff;
    }
    s->h[0] += (uint32_t)carry * 5;
    s->h[1] += s->h[0] >> 26;
    s->h[0] &= 0x3ffffff;
}

static void poly_block(struct poly *s, const uint8_t *p, uint32_t top)
{
    uint32_t m[5];

    limbs(m, p);
    m[4] |= top;
    for (int i = 0; i < 5; i++)
        s->h[i] += m[i];
    multiply(s);
}

static void poly_update(struct poly *s, const uint8_t *p, size_t len)
{
    while (len) {
        size_t n = 16 - s->part_len < len ? 16 - s->part_len : len;

        memcpy(s->part + s->part_len, p, n);
        s->part_len += n;
        p += n;
        len -= n;
        if (s->part_len == 16) {
            poly_block(s, s->part, 1u << 24);
            s->part_len = 0;
        }
    }
}

static void poly_init(struct poly *s, const uint8_t key[32])
{
    static const uint32_t clamp[5] = {0x3ffffff, 0x3ffff03, 0x3ffc0ff,
                                      0x3f03fff, 0x00fffff};

    memset(s, 0, sizeof(*s));
    limbs(s->r, key);
    for (int i = 0; i < 5; i++)
        s->r[i] &= clamp[i];
}

/* Subtract p when h >= p, without a branch on the value. */
static void reduce(uint32_t h[5])
{
    uint32_t g[5], carry = 0, mask;

    for (int i = 1; i < 10; i++) {
        uint32_t over = h[i % 5] >> 26;

        h[i % 5] &= 0x3ffffff;
        h[(i + 1) % 5] += i % 5 == 4 ? over * 5 : over;
    }
    carry = 5;
    for (int i = 0; i < 5; i++) {
        g[i] = h[i] + carry;
        carry = g[i] >> 26;
        g[i] &= 0x3ffffff;
    }
    mask = 0u - carry;
    for (int i = 0; i < 5; i++)
        h[i] = (h[i] & ~mask) | (g[i] & mask);
}

static void poly_final(struct poly *s, const uint8_t key[32], uint8_t tag[16])
{
    uint64_t sum = 0;
    const uint32_t *h = s->h;
    uint32_t words[4];

    if (s->part_len) {
        s->part[s->part_len] = 1;
        memset(s->part + s->part_len + 1, 0, 15 - s->part_len);
        poly_block(s, s->part, 0);
    }
    reduce(s->h);
    words[0] = h[0] | h[1] << 26;
    words[1] = h[1] >> 6 | h[2] << 20;
    words[2] = h[2] >> 12 | h[3] << 14;
    words[3] = h[3] >> 18 | h[4] << 8;
    for (size_t i = 0; i < 4; i++) {
        sum += (uint64_t)words[i] + dfota_get_le32(key + 16 + 4 * i);
        dfota_put_le32(tag + 4 * i, (uint32_t)sum);
        sum >>= 32;
    }
}

void poly1305(const uint8_t key[32], const void *data, size_t len,
              uint8_t tag[POLY1305_LEN])
{
    struct poly s;

    poly_init(&s, key);
    poly_update(&s, data, len);
    poly_final(&s, key, tag);
}

static void pad16(struct poly *s, size_t len)
{
    static const uint8_t zeros[16];

    poly_update(s, zeros, (16 - len % 16) % 16);
}

static void seal_tag(const uint8_t *key, const uint8_t *nonce, const void *aad,
                     size_t aad_len, const uint8_t *data, size_t len,
                     uint8_t tag[POLY1305_LEN])
{
    uint8_t once[32] = {0}, lens[16] = {0};
    struct poly s;

    chacha20(key, nonce, 0, once, sizeof(once));
    poly_init(&s, once);
    poly_update(&s, aad, aad_len);
    pad16(&s, aad_len);
    poly_update(&s, data, len);
    pad16(&s, len);
    dfota_put_le32(lens, (uint32_t)aad_len);
    dfota_put_le32(lens + 8, (uint32_t)len);
    poly_update(&s, lens, sizeof(lens));
    poly_final(&s, once, tag);
}

void chacha_seal(const uint8_t key[CHACHA_KEY_LEN],
                 const uint8_t nonce[CHACHA_NONCE_LEN], const void *aad,
                 size_t aad_len, uint8_t *data, size_t len,
                 uint8_t tag[POLY1305_LEN])
{
    chacha20(key, nonce, 1, data, len);
    seal_tag(key, nonce, aad, aad_len, data, len, tag);
}

int chacha_open(const uint8_t key[CHACHA_KEY_LEN],
                const uint8_t nonce[CHACHA_NONCE_LEN], const void *aad,
                size_t aad_len, uint8_t *data, size_t len,
                const uint8_t tag[POLY1305_LEN])
{
    uint8_t want[POLY1305_LEN], diff = 0;

    seal_tag(key, nonce, aad, aad_len, data, len, want);
    for (int i = 0; i < POLY1305_LEN; i++)
        diff |= want[i] ^ tag[i];
    if (diff)
        return -1;
    chacha20(key, nonce, 1, data, len);
    return 0;
}
