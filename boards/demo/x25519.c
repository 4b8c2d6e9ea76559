/* SPDX-License-Identifier: Apache-2.0 */
#include "x25519.h"

#include <stddef.h>
#include <string.h>

#include "base/bytes.h"

/*
 * Numbers modulo p = 2^255 - 19 in eight words, kept below 2^256 and not
 * always below p: 2^256 is 38 modulo p, so a carry out of the top comes
 * back as 38. pack() alone makes them canonical.
 */
typedef uint32_t field[8];

static void fold(field r, uint64_t carry)
{
    for (int pass = 0; pass < 2; pass++) {
        carry *= 38;
        for (int i = 0; i < 8; i++) {
            carry += r[i];
            r[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
}

static void add(field r, const field a, const field b)
{
    uint64_t carry = 0;

    for (int i = 0; i < 8; i++) {
        carry += (uint64_t)a[i] + b[i];
        r[i] = (uint32_t)carry;
        carry >>= 32;
    }
    fold(r, carry);
}

/* a - b + 2p: never negative after the borrow has come back as -38. */
static void sub(field r, const field a, const field b)
{
    int64_t borrow = 0;

    for (int i = 0; i < 8; i++) {
        borrow += (int64_t)a[i] - b[i];
        r[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    for (int pass = 0; pass < 2; pass++) {
        borrow *= 38;
        for (int i = 0; i < 8; i++) {
            borrow += r[i];
            r[i] = (uint32_t)borrow;
            borrow >>= 32;
        }
    }
}

static void mul(field r, const field a, const field b)
{
    uint32_t t[16] = {0};
    uint64_t carry;

    for (int i = 0; i < 8; i++) {
        carry = 0;
        for (int j = 0; j < 8; j++) {
            carry += (uint64_t)a[i] * b[j] + t[i + j];
            t[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        t[i + 8] = (uint32_t)carry;
    }
    carry = 0;
    for (int i = 0; i < 8; i++) {
        carry += (uint64_t)t[i + 8] * 38 + t[i];
        r[i] = (uint32_t)carry;
        carry >>= 32;
    }
    fold(r, carry);
}

static void mul_small(field r, const field a, uint32_t b)
{
    uint64_t carry = 0;

    for (int i = 0; i < 8; i++) {
        carry += (uint64_t)a[i] * b;
        r[i] = (uint32_t)carry;
        carry >>= 32;
    }
    fold(r, carry);
}

static void swap(uint32_t bit, field a, field b)
{
    uint32_t mask = 0u - bit;

    for (int i = 0; i < 8; i++) {
        uint32_t t = (a[i] ^ b[i]) & mask;

        a[i] ^= t;
        b[i] ^= t;
    }
}

/* a to the power p - 2: all bits of the exponent but 2 and 4 are set. */
static void invert(field r, const field a)
{
    field c;

    memcpy(c, a, sizeof(c));
    for (int i = 253; i >= 0; i--) {
        mul(c, c, c);
        if (i != 2 && i != 4)
            mul(c, c, a);
    }
    memcpy(r, c, sizeof(c));
}

/* Canonical bytes: bring bit 255 back as 19 twice, then take p away once. */
static void pack(uint8_t out[32], field a)
{
    field t;
    uint64_t carry;

    for (int pass = 0; pass < 2; pass++) {
        carry = (uint64_t)(a[7] >> 31) * 19;
        a[7] &= 0x7fffffffu;
        for (int i = 0; i < 8; i++) {
            carry += a[i];
            a[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    carry = 19;
    for (int i = 0; i < 8; i++) {
        carry += a[i];
        t[i] = (uint32_t)carry;
        carry >>= 32;
    }
    swap(t[7] >> 31, a, t);
    a[7] &= 0x7fffffffu;
    for (size_t i = 0; i < 8; i++)
        dfota_put_le32(out + 4 * i, a[i]);
}

struct ladder {
    field x1, x2, z2, x3, z3;
};

/* One rung of the Montgomery ladder, names as in RFC 7748 5. */
static void ladder_step(struct ladder *l)
{
    field a, b, aa, bb, e, da, cb;

    add(a, l->x2, l->z2);
    sub(b, l->x2, l->z2);
    add(cb, l->x3, l->z3);
    sub(da, l->x3, l->z3);
    mul(da, da, a);
    mul(cb, cb, b);
    mul(aa, a, a);
    mul(bb, b, b);
    sub(e, aa, bb);
    add(l->x3, da, cb);
    mul(l->x3, l->x3, l->x3);
    sub(l->z3, da, cb);
    mul(l->z3, l->z3, l->z3);
    mul(l->z3, l->z3, l->x1);
    mul(l->x2, aa, bb);
    mul_small(l->z2, e, 121665);
    add(l->z2, l->z2, aa);
    mul(l->z2, l->z2, e);
}

void x25519(uint8_t out[32], const uint8_t scalar[32], const uint8_t point[32])
{
    struct ladder l = {.x2 = {1}, .z3 = {1}};
    uint8_t k[32];
    uint32_t last = 0;

    memcpy(k, scalar, sizeof(k));
    k[0] &= 248;
    k[31] = (k[31] & 127) | 64;
    for (size_t i = 0; i < 8; i++)
        l.x1[i] = dfota_get_le32(point + 4 * i);
    l.x1[7] &= 0x7fffffffu;
    memcpy(l.x3, l.x1, sizeof(l.x3));
    for (int i = 254; i >= 0; i--) {
        uint32_t bit = k[i / 8] >> (i % 8) & 1;

        swap(bit ^ last, l.x2, l.x3);
        swap(bit ^ last, l.z2, l.z3);
        last = bit;
        ladder_step(&l);
    }
    swap(last, l.x2, l.x3);
    swap(last, l.z2, l.z3);
    invert(l.z2, l.z2);
    mul(l.x2, l.x2, l.z2);
    pack(out, l.x2);
}

void x25519_public(uint8_t out[32], const uint8_t scalar[32])
{
    static const uint8_t base[32] = {9};

    x25519(out, scalar, base);
}
