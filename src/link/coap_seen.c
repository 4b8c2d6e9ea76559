/* SPDX-License-Identifier: Apache-2.0 */
/*
 * De-duplication (RFC 7252 4.5): the newest first, each good for
 * EXCHANGE_LIFETIME from when it came.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "link/coap_peer.h"

static struct coap_seen **slot_of(struct coap_peer *p, uint16_t mid)
{
    struct coap_seen **at = &p->seen;

    while (*at && (*at)->mid != mid)
        at = &(*at)->next;
    return at;
}

static void drop(struct coap_peer *p, struct coap_seen **at)
{
    struct coap_seen *old = *at;

    *at = old->next;
    p->seen_count--;
    free(old);
}

struct coap_seen *coap_seen_by_mid(struct coap_peer *p, uint16_t mid)
{
    return *slot_of(p, mid);
}

struct coap_seen *coap_seen_find(struct coap_peer *p, uint16_t mid,
                                 uint32_t sum)
{
    struct coap_seen **at = slot_of(p, mid);

    if (*at && (*at)->sum != sum)
        drop(p, at);
    return *at && (*at)->mid == mid ? *at : NULL;
}

struct coap_seen *coap_seen_add(struct coap_peer *p, uint16_t mid, uint32_t sum)
{
    struct coap_seen *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    if (p->seen_count == COAP_DEDUP_MAX) {
        struct coap_seen **last = &p->seen;

        while ((*last)->next)
            last = &(*last)->next;
        drop(p, last);
    }
    s->mid = mid;
    s->sum = sum;
    s->state = COAP_SEEN_OPEN;
    s->until = p->now + p->params->lifetime_ms;
    s->next = p->seen;
    p->seen = s;
    p->seen_count++;
    return s;
}

void coap_seen_set(struct coap_peer *p, uint16_t mid,
                   enum coap_seen_state state, const void *bytes, size_t len)
{
    struct coap_seen **at = slot_of(p, mid), *bigger;
    size_t size = offsetof(struct coap_seen, bytes) + len;

    if (!*at)
        return;
    bigger = realloc(*at, size > sizeof *bigger ? size : sizeof *bigger);
    if (!bigger) {
        (*at)->state = COAP_SEEN_SILENT;
        return;
    }
    *at = bigger;
    bigger->state = (uint8_t)state;
    bigger->len = (uint16_t)len;
    if (len > 0)
        memcpy(bigger->bytes, bytes, len);
}

void coap_seen_expire(struct coap_peer *p)
{
    struct coap_seen **at = &p->seen;

    /* Newest first: from the first that is over all are. */
    while (*at && (*at)->until > p->now)
        at = &(*at)->next;
    while (*at)
        drop(p, at);
}

void coap_seen_release(struct coap_peer *p)
{
    while (p->seen)
        drop(p, &p->seen);
}

uint64_t coap_seen_wake(const struct coap_peer *p)
{
    const struct coap_seen *s = p->seen;

    while (s && s->next)
        s = s->next;
    return s ? s->until : COAP_NEVER;
}
