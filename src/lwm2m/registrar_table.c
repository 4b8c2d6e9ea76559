/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registrations by endpoint, by location and by deadline: two tables of
 * chains that double, and a heap.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/registrar_parts.h"

enum { BUCKETS_FIRST = 64 };

static uint32_t hash_of(const char *text, size_t len)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)text[i]) * 16777619u;
    return h ^ h >> 15;
}

static uint32_t hash_of_id(uint64_t id)
{
    return (uint32_t)(id ^ id >> 32);
}

/* ---- the heap of deadlines -----------------------------------------------
 *
 * An Update only puts a deadline off, and it is the request that comes most:
 * the heap keeps the old one, and looks again when that has come. */

static void put_at(struct registrar *s, uint32_t i, struct registrar_deadline d)
{
    s->heap[i] = d;
    d.r->heap = i;
}

static void sift_up(struct registrar *s, uint32_t i)
{
    struct registrar_deadline d = s->heap[i];

    while (i > 0 && s->heap[(i - 1) / 2].due_ms > d.due_ms) {
        put_at(s, i, s->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put_at(s, i, d);
}

static void sift_down(struct registrar *s, uint32_t i)
{
    struct registrar_deadline d = s->heap[i];

    for (;;) {
        uint32_t child = 2 * i + 1;

        if (child >= s->count)
            break;
        if (child + 1 < s->count &&
            s->heap[child + 1].due_ms < s->heap[child].due_ms)
            child++;
        if (s->heap[child].due_ms >= d.due_ms)
            break;
        put_at(s, i, s->heap[child]);
        i = child;
    }
    put_at(s, i, d);
}

void table_reorder(struct registrar *s, struct registration *r)
{
    if (r->expires_ms >= s->heap[r->heap].due_ms)
        return;
    s->heap[r->heap].due_ms = r->expires_ms;
    sift_up(s, r->heap);
}

struct registration *table_overdue(struct registrar *s, unsigned *budget)
{
    while (s->count && s->heap[0].due_ms <= s->now && *budget > 0) {
        struct registration *r = s->heap[0].r;

        --*budget;
        if (r->expires_ms <= s->now)
            return r;
        s->heap[0].due_ms = r->expires_ms;
        sift_down(s, 0);
    }
    return NULL;
}

static void heap_remove(struct registrar *s, struct registration *r)
{
    struct registrar_deadline last = s->heap[--s->count];
    uint32_t i = r->heap;

    if (last.r == r)
        return;
    put_at(s, i, last);
    sift_up(s, i);
    sift_down(s, last.r->heap);
}

/* ---- the two tables ------------------------------------------------------ */

static struct registration **endpoint_bucket(const struct registrar *s,
                                             const char *endpoint, size_t len)
{
    return &s->by_endpoint[hash_of(endpoint, len) & (s->buckets - 1)];
}

static struct registration **id_bucket(const struct registrar *s, uint64_t id)
{
    return &s->by_id[hash_of_id(id) & (s->buckets - 1)];
}

static void chain(struct registrar *s, struct registration *r)
{
    struct registration **at =
        endpoint_bucket(s, r->endpoint, strlen(r->endpoint));

    r->by_endpoint = *at;
    *at = r;
    at = id_bucket(s, r->id);
    r->by_id = *at;
    *at = r;
}

static int grow(struct registrar *s)
{
    uint32_t buckets = s->buckets ? 2 * s->buckets : BUCKETS_FIRST;
    struct registrar_deadline *heap;
    struct registration **a, **b;

    heap = realloc(s->heap, buckets * sizeof *heap);
    if (!heap)
        return DFOTA_E_NOMEM;
    s->heap = heap;
    a = calloc(buckets, sizeof(struct registration *));
    b = calloc(buckets, sizeof(struct registration *));
    if (!a || !b) {
        free(a);
        free(b);
        return DFOTA_E_NOMEM;
    }
    free(s->by_endpoint);
    free(s->by_id);
    s->by_endpoint = a;
    s->by_id = b;
    s->buckets = s->heap_room = buckets;
    for (uint32_t i = 0; i < s->count; i++)
        chain(s, s->heap[i].r);
    return 0;
}

struct registration *table_by_endpoint(const struct registrar *s,
                                       const char *endpoint, size_t len)
{
    struct registration *r = *endpoint_bucket(s, endpoint, len);

    while (r && (strlen(r->endpoint) != len ||
                 memcmp(r->endpoint, endpoint, len) != 0))
        r = r->by_endpoint;
    return r;
}

struct registration *table_by_id(const struct registrar *s, uint64_t id)
{
    struct registration *r = *id_bucket(s, id);

    while (r && r->id != id)
        r = r->by_id;
    return r;
}

struct registration *table_add(struct registrar *s, const char *endpoint,
                               size_t len)
{
    uint64_t id;

    do {
        id = s->ops->random(s->ctx);
    } while (table_by_id(s, id));
    return table_add_as(s, endpoint, len, id);
}

struct registration *table_add_as(struct registrar *s, const char *endpoint,
                                  size_t len, uint64_t id)
{
    size_t size = offsetof(struct registration, endpoint) + len + 1;
    struct registration *r;

    if (s->count >= s->c.max || (s->count == s->heap_room && grow(s) != 0))
        return NULL;
    r = calloc(1, size > sizeof *r ? size : sizeof *r);
    if (!r)
        return NULL;
    memcpy(r->endpoint, endpoint, len);
    r->id = id;
    r->expires_ms = UINT64_MAX;
    put_at(s, s->count, (struct registrar_deadline){r->expires_ms, r});
    s->count++;
    chain(s, r);
    return r;
}

static void unchain(struct registrar *s, struct registration *r)
{
    struct registration **at =
        endpoint_bucket(s, r->endpoint, strlen(r->endpoint));

    while (*at != r)
        at = &(*at)->by_endpoint;
    *at = r->by_endpoint;
    at = id_bucket(s, r->id);
    while (*at != r)
        at = &(*at)->by_id;
    *at = r->by_id;
}

void table_remove(struct registrar *s, struct registration *r)
{
    way_detach(s, r);
    unchain(s, r);
    heap_remove(s, r);
    free(r->version);
    free(r->links);
    free(r);
}

/* ---- ways ---------------------------------------------------------------- */

void way_detach(struct registrar *s, struct registration *r)
{
    struct lwm2m_way *way = r->way;
    struct registration **at;

    if (!way)
        return;
    at = &way->first;
    while (*at != r)
        at = &(*at)->next_on_way;
    *at = r->next_on_way;
    r->way = NULL;
    if (!way->first && s->ops->idle)
        s->ops->idle(s->ctx, way);
}

void way_attach(struct registrar *s, struct lwm2m_way *way,
                struct registration *r)
{
    way_detach(s, r);
    r->way = way;
    r->next_on_way = way->first;
    way->first = r;
}

/* ---- public -------------------------------------------------------------- */

struct registration *registrar_find(const struct registrar *s,
                                    const char *endpoint)
{
    return table_by_endpoint(s, endpoint, strlen(endpoint));
}

struct registration *registrar_next(const struct registrar *s,
                                    const struct registration *after)
{
    uint32_t i = after ? after->heap + 1 : 0;

    return i < s->count ? s->heap[i].r : NULL;
}

uint64_t registrar_wake(const struct registrar *s)
{
    return s->count ? s->heap[0].due_ms : COAP_NEVER;
}

int registrar_init(struct registrar *s, const struct registrar_ops *ops,
                   void *ctx, const struct registrar_config *config)
{
    *s = (struct registrar){.ops = ops, .ctx = ctx, .c = *config};
    if (s->c.awake_ms == 0)
        s->c.awake_ms = 93000;
    return grow(s);
}

void registrar_release(struct registrar *s)
{
    while (s->count) {
        struct registration *r = s->heap[s->count - 1].r;

        if (r->job)
            job_orphan(r->job);
        r->job = NULL;
        r->leaving = true;
        asks_drop(s, r);
        table_remove(s, r);
    }
    half_release_all(s);
    free(s->heap);
    free(s->by_endpoint);
    free(s->by_id);
    *s = (struct registrar){0};
}
