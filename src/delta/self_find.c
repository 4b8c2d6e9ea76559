/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A binary tree of the places before, sorted by what follows them, one tree
 * for each hash of three bytes; the newest place is the root. Going down
 * finds ever older places that match ever better, and splits the tree for
 * the new root on the way. Pairs of two bytes are in a table of their own.
 */
#include "delta/self_find.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
    DEPTH = 192, /* places looked at */
    HASH_BITS = 17,
    NONE = -1,
};

struct finder {
    const uint8_t *image;
    uint32_t len;
    int32_t *pairs; /* last place by two bytes */
    int32_t *roots; /* by hash of three */
    int32_t *sons;  /* two of each place: less, greater */
};

uint32_t self_common(const uint8_t *a, const uint8_t *b, uint32_t limit)
{
    uint32_t n = 0;

    while (n < limit && a[n] == b[n])
        n++;
    return n;
}

static uint32_t hash(const uint8_t *p)
{
    uint32_t v = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;

    return v * 0x9E3779B1 >> (32 - HASH_BITS);
}

static int add(struct self_matches *m, uint32_t len, uint32_t dist)
{
    if (m->len == UINT32_MAX)
        return DFOTA_E_NOMEM;
    if (m->len == m->room) {
        size_t room = m->room ? 2 * m->room : 1U << 16;
        struct dfota_token *list = realloc(m->list, room * sizeof *list);

        if (!list)
            return DFOTA_E_NOMEM;
        m->list = list;
        m->room = room;
    }
    m->list[m->len++] = (struct dfota_token){len, dist};
    return 0;
}

/* Put pos into its tree; note what matches better than `best` bytes. */
static int descend(struct finder *f, uint32_t pos, uint32_t limit,
                   uint32_t best, struct self_matches *m)
{
    int32_t *root = &f->roots[hash(f->image + pos)];
    int32_t *less = &f->sons[2 * (size_t)pos], *greater = less + 1;
    uint32_t less_len = 0, greater_len = 0;
    int32_t at = *root;
    unsigned found = 0;
    int err = 0;

    *root = (int32_t)pos;
    for (unsigned depth = 0; at != NONE && depth < DEPTH && !err; depth++) {
        const uint8_t *a = f->image + at, *b = f->image + pos;
        uint32_t n = dfota_min_u32(less_len, greater_len);

        n += self_common(a + n, b + n, limit - n);
        if (n > best) {
            best = n;
            if (found++ < SELF_PAIRS)
                err = add(m, n, pos - (uint32_t)at);
            else
                m->list[m->len - 1] =
                    (struct dfota_token){n, pos - (uint32_t)at};
        }
        if (n == limit) {
            *less = f->sons[2 * (size_t)at];
            *greater = f->sons[2 * (size_t)at + 1];
            return err;
        }
        if (a[n] < b[n]) {
            *less = at;
            less = &f->sons[2 * (size_t)at + 1];
            at = *less;
            less_len = n;
        } else {
            *greater = at;
            greater = &f->sons[2 * (size_t)at];
            at = *greater;
            greater_len = n;
        }
    }
    *less = *greater = NONE;
    return err;
}

static int visit(struct finder *f, uint32_t pos, struct self_matches *m)
{
    uint32_t limit = dfota_min_u32(f->len - pos, SELF_NICE);
    uint32_t best = 1;
    int32_t *last;
    int err = 0;

    m->first[pos] = m->len;
    if (limit < 3)
        return 0;
    last = &f->pairs[dfota_get_le16(f->image + pos)];
    if (*last != NONE) {
        best = 2;
        err = add(m, 2, pos - (uint32_t)*last);
    }
    *last = (int32_t)pos;
    if (!err)
        err = descend(f, pos, limit, best, m);
    return err;
}

int self_find(struct self_matches *m, const uint8_t *image, uint32_t len)
{
    const size_t pairs = 1U << 16, roots = 1U << HASH_BITS;
    struct finder f = {.image = image, .len = len};
    int err = 0;

    *m = (struct self_matches){0};
    f.pairs = malloc((pairs + roots + 2 * (size_t)len) * sizeof *f.pairs);
    m->first = malloc(((size_t)len + 1) * sizeof *m->first);
    if (!f.pairs || !m->first)
        err = DFOTA_E_NOMEM;
    if (!err) {
        f.roots = f.pairs + pairs;
        f.sons = f.roots + roots;
        memset(f.pairs, 0xFF, (pairs + roots) * sizeof *f.pairs);
    }
    for (uint32_t pos = 0; pos < len && !err; pos++)
        err = visit(&f, pos, m);
    if (!err)
        m->first[len] = m->len;
    free(f.pairs);
    return err;
}

void self_matches_release(struct self_matches *m)
{
    free(m->list);
    free(m->first);
    *m = (struct self_matches){0};
}
