/* SPDX-License-Identifier: Apache-2.0 */
#include "lwm2m/cbor.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "os/buffer.h"

enum {
    MAJOR_UNSIGNED,
    MAJOR_NEGATIVE,
    MAJOR_BYTES,
    MAJOR_TEXT,
    MAJOR_ARRAY,
    MAJOR_MAP,
    MAJOR_TAG,
    MAJOR_OTHER
};

enum { AI_HALF = 25, AI_FLOAT = 26, AI_DOUBLE = 27, AI_OPEN = 31 };

/* Bytes of a head, from its first; 0: reserved. */
static unsigned head_size(uint8_t first)
{
    unsigned ai = first & 31;

    if (ai < 24 || ai == AI_OPEN)
        return 1;
    return ai <= 27 ? 1 + (1u << (ai - 24)) : 0;
}

static uint64_t head_number(const uint8_t *head, unsigned size)
{
    uint64_t v = 0;

    if (size == 1)
        return head[0] & 31;
    for (unsigned i = 1; i < size; i++)
        v = v << 8 | head[i];
    return v;
}

/* RFC 8949, appendix D. */
static double half(uint16_t u)
{
    int exponent = u >> 10 & 31, mantissa = u & 1023;
    double v = ldexp(exponent ? mantissa + 1024 : mantissa,
                     (exponent ? exponent : 1) - 25);

    if (exponent == 31)
        v = mantissa ? (double)NAN : (double)INFINITY;
    return u & 0x8000 ? -v : v;
}

static double real(unsigned ai, uint64_t u)
{
    uint32_t u32 = (uint32_t)u;
    double d;
    float f;

    if (ai == AI_HALF)
        return half((uint16_t)u);
    memcpy(&f, &u32, sizeof f);
    memcpy(&d, &u, sizeof d);
    return ai == AI_FLOAT ? (double)f : d;
}

static int string_head(struct cbor_reader *r, unsigned major,
                       struct cbor_token *t)
{
    if (r->open_string) {
        /* A part: of the same kind, and of known length. */
        if (major != r->major || t->indefinite)
            return DFOTA_E_SYNTAX;
        r->in_string = true;
        r->left = t->number;
        return DFOTA_MORE;
    }
    r->major = (uint8_t)major;
    r->open_string = t->indefinite;
    r->in_string = !t->indefinite;
    r->left = t->indefinite ? 0 : t->number;
    return DFOTA_DONE;
}

static int other_head(struct cbor_reader *r, unsigned ai, struct cbor_token *t)
{
    t->kind = CBOR_SIMPLE;
    if (ai >= AI_HALF && ai <= AI_DOUBLE) {
        t->kind = CBOR_REAL;
        t->real = real(ai, t->number);
    } else if (ai == AI_OPEN && r->open_string) {
        r->open_string = false;
        t->kind = CBOR_CHUNK;
        t->last = true;
    } else if (ai == AI_OPEN) {
        t->kind = CBOR_BREAK;
    } else if (r->open_string || (ai == 24 && t->number < 32)) {
        return DFOTA_E_SYNTAX;
    }
    return DFOTA_DONE;
}

/* A head is whole. DFOTA_MORE: it is no token of its own. */
static int on_head(struct cbor_reader *r, struct cbor_token *t)
{
    static const enum cbor_kind kinds[] = {
        CBOR_UNSIGNED, CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT,
        CBOR_ARRAY,    CBOR_MAP,      CBOR_TAG};
    unsigned major = r->head[0] >> 5, ai = r->head[0] & 31;

    *t = (struct cbor_token){.number = head_number(r->head, r->have),
                             .indefinite = ai == AI_OPEN};
    r->have = 0;
    if (major == MAJOR_OTHER)
        return other_head(r, ai, t);
    if (t->indefinite && (major < MAJOR_BYTES || major == MAJOR_TAG))
        return DFOTA_E_SYNTAX;
    if (t->indefinite)
        t->number = 0;
    t->kind = kinds[major];
    if (major == MAJOR_BYTES || major == MAJOR_TEXT)
        return string_head(r, major, t);
    return r->open_string ? DFOTA_E_SYNTAX : DFOTA_DONE;
}

static int chunk(struct cbor_reader *r, const uint8_t **data, size_t *len,
                 struct cbor_token *t)
{
    size_t n = *len < r->left ? *len : (size_t)r->left;

    r->left -= n;
    r->in_string = r->left > 0;
    *t = (struct cbor_token){.kind = CBOR_CHUNK,
                             .data = *data,
                             .len = n,
                             .last = !r->in_string && !r->open_string};
    *data += n;
    *len -= n;
    return DFOTA_DONE;
}

int cbor_next(struct cbor_reader *r, const uint8_t **data, size_t *len,
              struct cbor_token *t)
{
    /* An empty string is a chunk that needs no byte. */
    while (*len > 0 || (r->in_string && r->left == 0)) {
        int err;

        if (r->in_string)
            return chunk(r, data, len, t);
        r->head[r->have++] = *(*data)++;
        --*len;
        if (head_size(r->head[0]) == 0)
            return DFOTA_E_SYNTAX;
        if (r->have < head_size(r->head[0]))
            continue;
        err = on_head(r, t);
        if (err != DFOTA_MORE)
            return err;
    }
    return DFOTA_MORE;
}

int cbor_put_head(struct buffer *b, unsigned major, uint64_t number)
{
    uint8_t out[9];
    unsigned size = 1;

    if (number >= 24)
        size = number <= 0xff         ? 2
               : number <= 0xffff     ? 3
               : number <= 0xffffffff ? 5
                                      : 9;
    out[0] = (uint8_t)(major << 5 | number);
    if (size > 1)
        out[0] = (uint8_t)(major << 5 | (size == 2   ? 24
                                         : size == 3 ? 25
                                         : size == 5 ? 26
                                                     : 27));
    for (unsigned i = 1; i < size; i++)
        out[i] = (uint8_t)(number >> 8 * (size - 1 - i));
    return buffer_add(b, out, size);
}

int cbor_put_integer(struct buffer *b, int64_t v)
{
    if (v < 0)
        return cbor_put_head(b, MAJOR_NEGATIVE, (uint64_t)(-1 - v));
    return cbor_put_head(b, MAJOR_UNSIGNED, (uint64_t)v);
}

int cbor_put_real(struct buffer *b, double v)
{
    uint8_t out[9] = {MAJOR_OTHER << 5 | AI_DOUBLE};
    uint64_t u;

    memcpy(&u, &v, sizeof u);
    dfota_put_be32(out + 1, (uint32_t)(u >> 32));
    dfota_put_be32(out + 5, (uint32_t)u);
    return buffer_add(b, out, sizeof out);
}

int cbor_put_text(struct buffer *b, const char *s, size_t len)
{
    cbor_put_head(b, MAJOR_TEXT, len);
    return buffer_add(b, s, len);
}
