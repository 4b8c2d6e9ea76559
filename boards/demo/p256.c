/* SPDX-License-Identifier: Apache-2.0 */
#include "p256.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/bytes.h"

typedef uint32_t number[8]; /* least significant word first */

/* A modulus with what Montgomery multiplication needs: -1/m modulo 2^32,
 * and 2^512 modulo m. */
struct modulus {
    number m;
    uint32_t inverse;
    number square;
};

static const struct modulus prime = {
    {0xffffffff, 0xffffffff, 0xffffffff, 0, 0, 0, 1, 0xffffffff},
    1,
    {3, 0, 0xffffffff, 0xfffffffb, 0xfffffffe, 0xffffffff, 0xfffffffd, 4}};

static const struct modulus order = {
    {0xfc632551, 0xf3b9cac2, 0xa7179e84, 0xbce6faad, 0xffffffff, 0xffffffff, 0,
     0xffffffff},
    0xee00bc4f,
    {0xbe79eea2, 0x83244c95, 0x49bd6fa6, 0x4699799c, 0x2b6bec59, 0x2845b239,
     0xf3d95620, 0x66e12d94}};

static const uint8_t generator[64] = {
    0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6,
    0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb,
    0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f,
    0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a,
    0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e,
    0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};

static const uint8_t curve_b[32] = {
    0x5a, 0xc6, 0x35, 0xd8, 0xaa, 0x3a, 0x93, 0xe7, 0xb3, 0xeb, 0xbd,
    0x55, 0x76, 0x98, 0x86, 0xbc, 0x65, 0x1d, 0x06, 0xb0, 0xcc, 0x53,
    0xb0, 0xf6, 0x3b, 0xce, 0x3c, 0x3e, 0x27, 0xd2, 0x60, 0x4b};

static void load(number r, const uint8_t in[32])
{
    for (size_t i = 0; i < 8; i++)
        r[i] = dfota_get_be32(in + 28 - 4 * i);
}

static uint32_t plain_add(number r, const number a, const number b)
{
    uint64_t carry = 0;

    for (int i = 0; i < 8; i++) {
        carry += (uint64_t)a[i] + b[i];
        r[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return (uint32_t)carry;
}

static uint32_t plain_sub(number r, const number a, const number b)
{
    int64_t borrow = 0;

    for (int i = 0; i < 8; i++) {
        borrow += (int64_t)a[i] - b[i];
        r[i] = (uint32_t)borrow;
        borrow >>= 32;
    }
    return (uint32_t)-borrow;
}

static bool is_zero(const number a)
{
    uint32_t any = 0;

    for (int i = 0; i < 8; i++)
        any |= a[i];
    return any == 0;
}

static bool less(const number a, const number b)
{
    number t;

    return plain_sub(t, a, b) != 0;
}

static void add(number r, const number a, const number b,
                const struct modulus *m)
{
    if (plain_add(r, a, b) || !less(r, m->m))
        plain_sub(r, r, m->m);
}

static void sub(number r, const number a, const number b,
                const struct modulus *m)
{
    if (plain_sub(r, a, b))
        plain_add(r, r, m->m);
}

/* r = a * b / 2^256 modulo m. */
static void mul(number r, const number a, const number b,
                const struct modulus *m)
{
    uint32_t t[10] = {0};

    for (int i = 0; i < 8; i++) {
        uint64_t c = 0;
        uint32_t q;

        for (int j = 0; j < 8; j++) {
            c += (uint64_t)a[i] * b[j] + t[j];
            t[j] = (uint32_t)c;
            c >>= 32;
        }
        c += t[8];
        t[8] = (uint32_t)c;
        t[9] = (uint32_t)(c >> 32);
        q = t[0] * m->inverse;
        c = ((uint64_t)q * m->m[0] + t[0]) >> 32;
        for (int j = 1; j < 8; j++) {
            c += (uint64_t)q * m->m[j] + t[j];
            t[j - 1] = (uint32_t)c;
            c >>= 32;
        }
        c += t[8];
        t[7] = (uint32_t)c;
        t[8] = t[9] + (uint32_t)(c >> 32);
    }
    memcpy(r, t, sizeof(number));
    if (t[8] || !less(r, m->m))
        plain_sub(r, r, m->m);
}

/* a to the power m - 2, all in Montgomery form. */
static void invert(number r, const number a, const struct modulus *m)
{
    static const number two = {2}, one = {1};
    number e, x;

    plain_sub(e, m->m, two);
    mul(x, m->square, one, m);
    for (int i = 255; i >= 0; i--) {
        mul(x, x, x, m);
        if (e[i / 32] >> (i % 32) & 1)
            mul(x, x, a, m);
    }
    memcpy(r, x, sizeof(x));
}

/* A point (x/z^2, y/z^3) in Montgomery form; z == 0 is the neutral one. */
struct point {
    number x, y, z;
};

static void point_double(struct point *p)
{
    number a, b, c, d;

    if (is_zero(p->z))
        return;
    mul(a, p->z, p->z, &prime);
    sub(b, p->x, a, &prime);
    add(a, p->x, a, &prime);
    mul(a, a, b, &prime);
    add(b, a, a, &prime);
    add(a, a, b, &prime); /* 3 (x - z^2)(x + z^2) */
    mul(p->z, p->y, p->z, &prime);
    add(p->z, p->z, p->z, &prime);
    mul(b, p->y, p->y, &prime);
    mul(c, p->x, b, &prime);
    add(c, c, c, &prime);
    add(c, c, c, &prime); /* 4 x y^2 */
    mul(p->x, a, a, &prime);
    sub(p->x, p->x, c, &prime);
    sub(p->x, p->x, c, &prime);
    sub(d, c, p->x, &prime);
    mul(p->y, a, d, &prime);
    mul(b, b, b, &prime);
    for (int i = 0; i < 3; i++)
        add(b, b, b, &prime); /* 8 y^4 */
    sub(p->y, p->y, b, &prime);
}

static void point_add(struct point *p, const struct point *q)
{
    number u, v, h, r, t;

    if (is_zero(q->z))
        return;
    if (is_zero(p->z)) {
        *p = *q;
        return;
    }
    mul(t, q->z, q->z, &prime);
    mul(u, p->x, t, &prime);
    mul(t, t, q->z, &prime);
    mul(v, p->y, t, &prime);
    mul(t, p->z, p->z, &prime);
    mul(h, q->x, t, &prime);
    mul(t, t, p->z, &prime);
    mul(r, q->y, t, &prime);
    sub(h, h, u, &prime);
    sub(r, r, v, &prime);
    if (is_zero(h) && is_zero(r)) {
        point_double(p);
        return;
    }
    mul(p->z, p->z, q->z, &prime);
    mul(p->z, p->z, h, &prime); /* 0 when q is -p */
    mul(t, h, h, &prime);
    mul(u, u, t, &prime);
    mul(h, h, t, &prime);
    mul(p->x, r, r, &prime);
    sub(p->x, p->x, h, &prime);
    sub(p->x, p->x, u, &prime);
    sub(p->x, p->x, u, &prime);
    sub(u, u, p->x, &prime);
    mul(p->y, r, u, &prime);
    mul(v, v, h, &prime);
    sub(p->y, p->y, v, &prime);
}

/* Load an affine point; -1 unless y^2 = x^3 - 3x + b. */
static int point_load(struct point *p, const uint8_t in[64])
{
    static const number one = {1};
    number left, right, t;

    load(p->x, in);
    load(p->y, in + 32);
    if (!less(p->x, prime.m) || !less(p->y, prime.m))
        return -1;
    mul(p->x, p->x, prime.square, &prime);
    mul(p->y, p->y, prime.square, &prime);
    mul(p->z, one, prime.square, &prime);
    mul(right, p->x, p->x, &prime);
    mul(right, right, p->x, &prime);
    for (int i = 0; i < 3; i++)
        sub(right, right, p->x, &prime);
    load(t, curve_b);
    mul(t, t, prime.square, &prime);
    add(right, right, t, &prime);
    mul(left, p->y, p->y, &prime);
    return memcmp(left, right, sizeof(left)) == 0 ? 0 : -1;
}

/* u1 G + u2 Q with one doubling for both (Shamir). */
static void sum_of_products(struct point *out, const number u1, const number u2,
                            const struct point *g, const struct point *q)
{
    memset(out, 0, sizeof(*out));
    for (int i = 255; i >= 0; i--) {
        point_double(out);
        if (u1[i / 32] >> (i % 32) & 1)
            point_add(out, g);
        if (u2[i / 32] >> (i % 32) & 1)
            point_add(out, q);
    }
}

int p256_verify(const uint8_t key[64], const uint8_t digest[32],
                const uint8_t signature[64])
{
    static const number one = {1};
    struct point g, q, sum;
    number r, s, e, t;

    load(r, signature);
    load(s, signature + 32);
    load(e, digest);
    if (is_zero(r) || is_zero(s) || !less(r, order.m) || !less(s, order.m))
        return -1;
    if (point_load(&g, generator) || point_load(&q, key))
        return -1;
    if (!less(e, order.m))
        plain_sub(e, e, order.m);
    mul(s, s, order.square, &order);
    invert(s, s, &order);
    mul(e, e, s, &order); /* leaves Montgomery form */
    mul(t, r, s, &order);
    sum_of_products(&sum, e, t, &g, &q);
    if (is_zero(sum.z))
        return -1;
    invert(t, sum.z, &prime);
    mul(t, t, t, &prime);
    mul(t, sum.x, t, &prime);
    mul(t, t, one, &prime);
    if (!less(t, order.m))
        plain_sub(t, t, order.m);
    return memcmp(t, r, sizeof(t)) == 0 ? 0 : -1;
}
