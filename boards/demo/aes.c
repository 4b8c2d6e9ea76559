/* SPDX-License-Identifier: Apache-2.0 */
#include "aes.h"

#include <string.h>

#include "base/bytes.h"

static const uint8_t sbox[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b,
    0xfe, 0xd7, 0xab, 0x76, 0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0,
    0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0, 0xb7, 0xfd, 0x93, 0x26,
    0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
    0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2,
    0xeb, 0x27, 0xb2, 0x75, 0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0,
    0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84, 0x53, 0xd1, 0x00, 0xed,
    0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
    0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f,
    0x50, 0x3c, 0x9f, 0xa8, 0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5,
    0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2, 0xcd, 0x0c, 0x13, 0xec,
    0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
    0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14,
    0xde, 0x5e, 0x0b, 0xdb, 0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c,
    0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79, 0xe7, 0xc8, 0x37, 0x6d,
    0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
    0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f,
    0x4b, 0xbd, 0x8b, 0x8a, 0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e,
    0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e, 0xe1, 0xf8, 0x98, 0x11,
    0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
    0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f,
    0xb0, 0x54, 0xbb, 0x16};

static uint8_t twice(uint8_t x)
{
    return (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1b : 0));
}

int aes_init(struct aes *a, const uint8_t *key, size_t key_len)
{
    uint8_t *w = a->round_keys[0], t[4], round = 1;
    size_t total;

    if (key_len != 16 && key_len != 32)
        return -1;
    a->rounds = key_len == 16 ? 10 : 14;
    total = (size_t)(a->rounds + 1) * AES_BLOCK;
    memcpy(w, key, key_len);
    for (size_t i = key_len; i < total; i += 4) {
        memcpy(t, w + i - 4, 4);
        if (i % key_len == 0) {
            uint8_t first = t[0];

            t[0] = sbox[t[1]] ^ round;
            t[1] = sbox[t[2]];
            t[2] = sbox[t[3]];
            t[3] = sbox[first];
            round = twice(round);
        } else if (key_len == 32 && i % 32 == 16) {
            for (int j = 0; j < 4; j++)
                t[j] = sbox[t[j]];
        }
        for (size_t j = 0; j < 4; j++)
            w[i + j] = w[i + j - key_len] ^ t[j];
    }
    return 0;
}

static void add_key(uint8_t *block, const uint8_t *key)
{
    for (int i = 0; i < AES_BLOCK; i++)
        block[i] ^= key[i];
}

/* SubBytes and ShiftRows: row r of the columns moves left by r. */
static void substitute(uint8_t *block)
{
    uint8_t in[AES_BLOCK];

    memcpy(in, block, sizeof(in));
    for (int i = 0; i < AES_BLOCK; i++)
        block[i] = sbox[in[(i + 4 * (i % 4)) % AES_BLOCK]];
}

static void mix_columns(uint8_t *block)
{
    for (uint8_t *c = block; c < block + AES_BLOCK; c += 4) {
        uint8_t all = c[0] ^ c[1] ^ c[2] ^ c[3], first = c[0];

        for (int i = 0; i < 4; i++) {
            uint8_t next = i == 3 ? first : c[i + 1];

            c[i] = (uint8_t)(c[i] ^ all ^ twice(c[i] ^ next));
        }
    }
}

void aes_encrypt(const struct aes *a, uint8_t block[AES_BLOCK])
{
    add_key(block, a->round_keys[0]);
    for (int i = 1; i <= a->rounds; i++) {
        substitute(block);
        if (i < a->rounds)
            mix_columns(block);
        add_key(block, a->round_keys[i]);
    }
}

/* Multiply x by h in GF(2^128), bits in GCM's reversed order. */
static void ghash_multiply(uint8_t x[AES_BLOCK], const uint8_t h[AES_BLOCK])
{
    uint8_t v[AES_BLOCK], z[AES_BLOCK] = {0};

    memcpy(v, h, sizeof(v));
    for (int i = 0; i < 128; i++) {
        uint8_t take = (uint8_t)(0 - (x[i / 8] >> (7 - i % 8) & 1));
        uint8_t carry = (uint8_t)(0 - (v[15] & 1));

        for (int j = 0; j < AES_BLOCK; j++)
            z[j] ^= v[j] & take;
        for (int j = AES_BLOCK - 1; j > 0; j--)
            v[j] = (uint8_t)(v[j] >> 1 | v[j - 1] << 7);
        v[0] = (uint8_t)(v[0] >> 1 ^ (0xe1 & carry));
    }
    memcpy(x, z, sizeof(z));
}

static void ghash(uint8_t y[AES_BLOCK], const uint8_t h[AES_BLOCK],
                  const uint8_t *p, size_t len)
{
    while (len) {
        size_t n = len < AES_BLOCK ? len : AES_BLOCK;

        for (size_t i = 0; i < n; i++)
            y[i] ^= p[i];
        ghash_multiply(y, h);
        p += n;
        len -= n;
    }
}

static void counter_block(const struct aes *a, const uint8_t *nonce,
                          uint32_t counter, uint8_t out[AES_BLOCK])
{
    memcpy(out, nonce, GCM_NONCE_LEN);
    dfota_put_be32(out + GCM_NONCE_LEN, counter);
    aes_encrypt(a, out);
}

static void counter_mode(const struct aes *a, const uint8_t *nonce,
                         uint8_t *data, size_t len)
{
    uint8_t out[AES_BLOCK];

    for (uint32_t counter = 2; len; counter++) {
        size_t n = len < AES_BLOCK ? len : AES_BLOCK;

        counter_block(a, nonce, counter, out);
        for (size_t i = 0; i < n; i++)
            data[i] ^= out[i];
        data += n;
        len -= n;
    }
}

static void gcm_tag(const struct aes *a, const uint8_t *nonce, const void *aad,
                    size_t aad_len, const uint8_t *data, size_t len,
                    uint8_t tag[GCM_TAG_LEN])
{
    uint8_t h[AES_BLOCK] = {0}, lens[AES_BLOCK] = {0};

    aes_encrypt(a, h);
    memset(tag, 0, GCM_TAG_LEN);
    ghash(tag, h, aad, aad_len);
    ghash(tag, h, data, len);
    dfota_put_be32(lens + 4, (uint32_t)(aad_len * 8));
    dfota_put_be32(lens + 12, (uint32_t)(len * 8));
    ghash(tag, h, lens, sizeof(lens));
    counter_block(a, nonce, 1, h);
    add_key(tag, h);
}

void gcm_seal(const struct aes *a, const uint8_t nonce[GCM_NONCE_LEN],
              const void *aad, size_t aad_len, uint8_t *data, size_t len,
              uint8_t tag[GCM_TAG_LEN])
{
    counter_mode(a, nonce, data, len);
    gcm_tag(a, nonce, aad, aad_len, data, len, tag);
}

int gcm_open(const struct aes *a, const uint8_t nonce[GCM_NONCE_LEN],
             const void *aad, size_t aad_len, uint8_t *data, size_t len,
             const uint8_t tag[GCM_TAG_LEN])
{
    uint8_t want[GCM_TAG_LEN], diff = 0;

    gcm_tag(a, nonce, aad, aad_len, data, len, want);
    for (int i = 0; i < GCM_TAG_LEN; i++)
        diff |= want[i] ^ tag[i];
    if (diff)
        return -1;
    counter_mode(a, nonce, data, len);
    return 0;
}
