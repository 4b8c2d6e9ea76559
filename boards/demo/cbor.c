/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

#define CBOR_DEPTH 8

void cbor_begin(struct cbor_writer *w, uint8_t *out, size_t cap)
{
    w->out = out;
    w->cap = cap;
    w->len = 0;
    w->failed = false;
}

static void put(struct cbor_writer *w, const void *data, size_t len)
{
    if (w->failed || len > w->cap - w->len) {
        w->failed = true;
        return;
    }
    if (len)
        memcpy(w->out + w->len, data, len);
    w->len += len;
}

static void head(struct cbor_writer *w, unsigned major, uint32_t n)
{
    uint8_t b[5] = {(uint8_t)(major << 5)};

    if (n < 24) {
        b[0] |= (uint8_t)n;
        put(w, b, 1);
    } else if (n < 0x100) {
        b[0] |= 24;
        b[1] = (uint8_t)n;
        put(w, b, 2);
    } else if (n < 0x10000) {
        b[0] |= 25;
        dfota_put_be16(b + 1, (uint16_t)n);
        put(w, b, 3);
    } else {
        b[0] |= 26;
        dfota_put_be32(b + 1, n);
        put(w, b, 5);
    }
}

void cbor_int(struct cbor_writer *w, int32_t value)
{
    if (value < 0)
        head(w, 1, ~(uint32_t)value);
    else
        head(w, 0, (uint32_t)value);
}

void cbor_text(struct cbor_writer *w, const char *text)
{
    size_t len = strlen(text);

    head(w, 3, (uint32_t)len);
    put(w, text, len);
}

void cbor_bytes(struct cbor_writer *w, const void *data, size_t len)
{
    head(w, 2, (uint32_t)len);
    put(w, data, len);
}

void cbor_array(struct cbor_writer *w, uint32_t items)
{
    head(w, 4, items);
}

void cbor_map(struct cbor_writer *w, uint32_t pairs)
{
    head(w, 5, pairs);
}

void cbor_bool(struct cbor_writer *w, bool value)
{
    head(w, 7, value ? 21 : 20);
}

void cbor_null(struct cbor_writer *w)
{
    head(w, 7, 22);
}

static float from_half(uint16_t h)
{
    int exponent = h >> 10 & 31, mantissa = h & 1023;
    float v;

    if (exponent == 31)
        v = mantissa ? NAN : INFINITY;
    else if (exponent)
        v = ldexpf((float)(mantissa + 1024), exponent - 25);
    else
        v = ldexpf((float)mantissa, -24);
    return h & 0x8000 ? -v : v;
}

/* Only normal numbers whose 13 low mantissa bits are zero. */
static bool to_half(uint32_t bits, uint16_t *half)
{
    int exponent = (int)(bits >> 23 & 255) - 127 + 15;

    *half = (uint16_t)(bits >> 16 & 0x8000);
    if ((bits & 0x7fffffff) == 0)
        return true;
    if (bits & 0x1fff || exponent < 1 || exponent > 30)
        return false;
    *half |= (uint16_t)(exponent << 10 | (int)(bits >> 13 & 1023));
    return true;
}

void cbor_float(struct cbor_writer *w, float value)
{
    uint8_t b[5] = {0xFA};
    uint32_t bits;
    uint16_t half;

    memcpy(&bits, &value, sizeof(bits));
    if (to_half(bits, &half)) {
        b[0] = 0xF9;
        dfota_put_be16(b + 1, half);
        put(w, b, 3);
    } else {
        dfota_put_be32(b + 1, bits);
        put(w, b, 5);
    }
}

/* The argument behind an initial byte; false when cut or wider than 32. */
static bool argument(unsigned info, const uint8_t **p, const uint8_t *end,
                     uint32_t *value)
{
    size_t n = info < 24 ? 0 : (size_t)1 << (info - 24);

    if (info > 26 || (size_t)(end - *p) < n)
        return false;
    *value = info;
    if (n)
        *value = 0;
    for (size_t i = 0; i < n; i++)
        *value = *value << 8 | *(*p)++;
    return true;
}

static void real_item(struct cbor_item *item, unsigned info)
{
    if (info == 25) {
        item->type = CBOR_FLOAT;
        item->real = from_half((uint16_t)item->value);
    } else if (info == 26) {
        item->type = CBOR_FLOAT;
        memcpy(&item->real, &item->value, sizeof(item->real));
    } else {
        item->type = CBOR_SIMPLE;
    }
}

struct cbor_item cbor_next(const uint8_t **p, const uint8_t *end)
{
    static const enum cbor_type types[8] = {
        CBOR_UINT,  CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT,
        CBOR_ARRAY, CBOR_MAP,      CBOR_TAG,   CBOR_SIMPLE};
    struct cbor_item item = {CBOR_END, 0, 0, NULL};
    unsigned first;

    if (*p >= end)
        return item;
    first = *(*p)++;
    item.type = types[first >> 5];
    if (!argument(first & 31, p, end, &item.value)) {
        item.type = CBOR_BAD;
    } else if (item.type == CBOR_SIMPLE) {
        real_item(&item, first & 31);
    } else if (item.type == CBOR_BYTES || item.type == CBOR_TEXT) {
        item.data = *p;
        if (item.value > (size_t)(end - *p))
            item.type = CBOR_BAD;
        else
            *p += item.value;
    }
    return item;
}

struct text {
    char *out;
    size_t cap, len;
    bool failed;
};

/* Take in what snprintf() said about the room behind the text. */
static void grow(struct text *t, int n)
{
    if (n < 0 || (size_t)n >= t->cap - t->len)
        t->failed = true;
    else
        t->len += (size_t)n;
}

#define print(t, ...)                                                          \
    grow((t), snprintf((t)->out + (t)->len, (t)->cap - (t)->len, __VA_ARGS__))

static void print_scalar(struct text *t, const struct cbor_item *i)
{
    static const char *const simple[] = {"false", "true", "null"};

    switch (i->type) {
    case CBOR_UINT:
        print(t, "%lu", (unsigned long)i->value);
        break;
    case CBOR_NEGATIVE:
        print(t, "-%lu", (unsigned long)i->value + 1);
        break;
    case CBOR_TEXT:
        print(t, "\"%.*s\"", (int)i->value, (const char *)i->data);
        break;
    case CBOR_BYTES:
        print(t, "h'");
        for (uint32_t n = 0; n < i->value && !t->failed; n++)
            print(t, "%02x", (unsigned)i->data[n]);
        print(t, "'");
        break;
    case CBOR_FLOAT:
        print(t, "%g", (double)i->real);
        break;
    case CBOR_SIMPLE:
        if (i->value >= 20 && i->value <= 22)
            print(t, "%s", simple[i->value - 20]);
        else
            print(t, "simple(%lu)", (unsigned long)i->value);
        break;
    default:
        t->failed = true;
    }
}

/* The brackets that are open, and how many of their items were read. */
struct nest {
    uint32_t used[CBOR_DEPTH], total[CBOR_DEPTH];
    bool map[CBOR_DEPTH];
    int depth;
};

static void separate(struct text *t, struct nest *n)
{
    uint32_t used;

    if (n->depth == 0)
        return;
    used = n->used[n->depth - 1]++;
    if (used)
        print(t, "%s", n->map[n->depth - 1] && used % 2 ? ": " : ", ");
}

static void open_nested(struct text *t, struct nest *n,
                        const struct cbor_item *i, size_t len)
{
    bool map = i->type == CBOR_MAP;

    if (n->depth == CBOR_DEPTH || i->value > len) {
        t->failed = true;
        return;
    }
    n->map[n->depth] = map;
    n->used[n->depth] = 0;
    n->total[n->depth] = map ? i->value * 2 : i->value;
    n->depth++;
    print(t, "%s", map ? "{" : "[");
}

int cbor_describe(const uint8_t *in, size_t len, char *out, size_t cap)
{
    struct text t = {out, cap, 0, cap == 0};
    const uint8_t *end = in + len;
    struct nest n = {.depth = 0};

    do {
        struct cbor_item i = cbor_next(&in, end);

        separate(&t, &n);
        if (i.type == CBOR_ARRAY || i.type == CBOR_MAP)
            open_nested(&t, &n, &i, len);
        else
            print_scalar(&t, &i);
        while (n.depth && n.used[n.depth - 1] == n.total[n.depth - 1]) {
            n.depth--;
            print(&t, "%s", n.map[n.depth] ? "}" : "]");
        }
    } while (n.depth && !t.failed);
    return t.failed ? -1 : (int)t.len;
}
