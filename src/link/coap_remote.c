/* SPDX-License-Identifier: Apache-2.0 */
#include "link/coap_remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* ---- the heap ------------------------------------------------------------ */

static void put_at(struct coap_endpoint *e, int32_t at, struct coap_remote *r)
{
    e->heap[at] = r;
    r->heap_at = at;
}

static void sift(struct coap_endpoint *e, int32_t at)
{
    struct coap_remote *r = e->heap[at];
    int32_t child;

    while (at > 0 && e->heap[(at - 1) / 2]->wake > r->wake) {
        put_at(e, at, e->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    while ((child = 2 * at + 1) < e->heap_len) {
        if (child + 1 < e->heap_len &&
            e->heap[child + 1]->wake < e->heap[child]->wake)
            child++;
        if (e->heap[child]->wake >= r->wake)
            break;
        put_at(e, at, e->heap[child]);
        at = child;
    }
    put_at(e, at, r);
}

void remote_heap_remove(struct coap_endpoint *e, struct coap_remote *r)
{
    int32_t at = r->heap_at;

    if (at == REMOTE_NOT_IN_HEAP)
        return;
    r->heap_at = REMOTE_NOT_IN_HEAP;
    e->heap_len--;
    if (at < e->heap_len) {
        put_at(e, at, e->heap[e->heap_len]);
        sift(e, at);
    }
}

void remote_heap_set(struct coap_endpoint *e, struct coap_remote *r,
                     uint64_t wake)
{
    if (r->wake == wake && r->heap_at != REMOTE_NOT_IN_HEAP)
        return;
    r->wake = wake;
    if (wake == COAP_NEVER) {
        remote_heap_remove(e, r);
        return;
    }
    /* There is room for every remote: add() saw to that. */
    if (r->heap_at == REMOTE_NOT_IN_HEAP)
        put_at(e, e->heap_len++, r);
    sift(e, r->heap_at);
}

static int heap_make_room(struct coap_endpoint *e)
{
    int32_t room = e->heap_room ? e->heap_room * 2 : REMOTE_BUCKETS_FIRST;
    struct coap_remote **bigger;

    if ((int64_t)e->count < e->heap_room)
        return 0;
    bigger = realloc(e->heap, (size_t)room * sizeof(struct coap_remote *));
    if (!bigger)
        return DFOTA_E_NOMEM;
    e->heap = bigger;
    e->heap_room = room;
    return 0;
}

/* ---- the table ----------------------------------------------------------- */

uint32_t remote_hash(const struct coap_endpoint *e, const uint8_t *addr,
                     size_t len)
{
    uint64_t h = e->c.seed, part;

    for (size_t i = 0; i < len; i += sizeof part) {
        part = 0;
        memcpy(&part, addr + i, len - i < sizeof part ? len - i : sizeof part);
        h = (h ^ part) * 0x9E3779B97F4A7C15;
        h ^= h >> 29;
        h = (h + e->c.seed) * 0xBF58476D1CE4E5B9;
        h ^= h >> 32;
    }
    return (uint32_t)h;
}

struct coap_remote **remote_slot(const struct coap_endpoint *e, uint32_t hash,
                                 const void *addr, size_t len)
{
    struct coap_remote **at = &e->buckets[hash & (e->bucket_count - 1)];

    while (*at && ((*at)->hash != hash || (*at)->addr_len != len ||
                   memcmp((*at)->addr, addr, len) != 0))
        at = &(*at)->chain;
    return at;
}

static void grow(struct coap_endpoint *e)
{
    uint32_t wanted = e->bucket_count * 2;
    struct coap_remote **more, *r, *next;

    if (e->count < e->bucket_count)
        return;
    more = calloc(wanted, sizeof(struct coap_remote *));
    if (!more)
        return; /* longer chains, no harm */
    for (uint32_t i = 0; i < e->bucket_count; i++) {
        for (r = e->buckets[i]; r; r = next) {
            next = r->chain;
            r->chain = more[r->hash & (wanted - 1)];
            more[r->hash & (wanted - 1)] = r;
        }
    }
    free(e->buckets);
    e->buckets = more;
    e->bucket_count = wanted;
}

/* ---- who was heard when -------------------------------------------------- */

void remote_list_remove(struct coap_endpoint *e, struct coap_remote *r)
{
    if (r->held)
        return;
    e->loose--;
    *(r->newer ? &r->newer->older : &e->newest) = r->older;
    *(r->older ? &r->older->newer : &e->oldest) = r->newer;
}

void remote_list_add(struct coap_endpoint *e, struct coap_remote *r)
{
    if (r->held)
        return;
    e->loose++;
    r->newer = NULL;
    r->older = e->newest;
    *(e->newest ? &e->newest->newer : &e->oldest) = r;
    e->newest = r;
}

int remote_add(struct coap_endpoint *e, struct coap_remote *r)
{
    struct coap_remote *old = e->oldest;

    if (e->count >= e->c.max ||
        (e->c.loose_max && e->loose >= e->c.loose_max)) {
        while (old && old->doomed)
            old = old->newer;
        if (!old)
            return DFOTA_E_FULL;
        remote_doom(old);
    }
    if (heap_make_room(e) != 0)
        return DFOTA_E_NOMEM;
    r->hash = remote_hash(e, r->addr, r->addr_len);
    r->chain = e->buckets[r->hash & (e->bucket_count - 1)];
    e->buckets[r->hash & (e->bucket_count - 1)] = r;
    e->count++;
    remote_list_add(e, r);
    grow(e);
    return 0;
}
