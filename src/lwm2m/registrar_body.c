/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Register or an Update that comes in blocks (RFC 7959 2.5). What is half
 * there is kept in few places, and the oldest gives way: strangers that
 * begin and never end cost no more than these.
 */
#include <stdlib.h>
#include <string.h>

#include "lwm2m/registrar_parts.h"

enum { HALVES = 64 };

struct registrar_half {
    const struct lwm2m_way *way; /* NULL: free */
    uint64_t at;                 /* of its newest block */
    struct coap_body body;
    struct buffer data;
    char path[sizeof "/rd/0123456789abcdef"];
};

static struct registrar_half *
find(struct registrar *s, const struct lwm2m_way *way, const char *path)
{
    for (int i = 0; s->halves && i < HALVES; i++)
        if (s->halves[i].way == way && strcmp(s->halves[i].path, path) == 0)
            return &s->halves[i];
    return NULL;
}

static void empty(struct registrar_half *h)
{
    if (h->way)
        buffer_release(&h->data);
    h->way = NULL;
    h->at = 0;
}

/* A place that is free, else that of the oldest. NULL: no memory. */
static struct registrar_half *
make(struct registrar *s, const struct lwm2m_way *way, const char *path)
{
    struct registrar_half *h;

    if (!s->halves)
        s->halves = calloc(HALVES, sizeof *s->halves);
    h = s->halves;
    for (int i = 1; h && i < HALVES; i++)
        if (s->halves[i].at < h->at)
            h = &s->halves[i];
    if (!h || strlen(path) >= sizeof h->path)
        return NULL;
    empty(h);
    h->way = way;
    memcpy(h->path, path, strlen(path) + 1);
    coap_body_init(&h->body, COAP_SZX_MAX);
    buffer_init(&h->data, REGISTRAR_LINKS_MAX);
    return h;
}

enum coap_taken half_take(struct registrar *s, const struct lwm2m_way *way,
                          const char *path, const struct coap_msg *m,
                          struct coap_part *part, struct coap_msg *whole)
{
    struct registrar_half *h = find(s, way, path);
    struct coap_body none;
    struct coap_block b;
    enum coap_taken taken;

    if (!h && coap_block_find(m, COAP_BLOCK1, &b) == 0 && b.num == 0)
        h = make(s, way, path);
    coap_body_init(&none, COAP_SZX_MAX);
    taken = coap_body_take(h ? &h->body : &none, m, REGISTRAR_LINKS_MAX, part);
    if (taken == COAP_BODY_REFUSED)
        return taken;
    if (h && part->off == 0)
        buffer_clear(&h->data);
    if (!h || buffer_add(&h->data, part->data, part->len) != 0) {
        part->code = COAP_UNAVAILABLE;
        return COAP_BODY_REFUSED;
    }
    h->at = s->now;
    *whole = *m;
    whole->payload = (const uint8_t *)h->data.data;
    whole->payload_len = h->data.len;
    return taken;
}

void half_release(struct registrar *s, const struct lwm2m_way *way,
                  const char *path)
{
    for (int i = 0; s->halves && i < HALVES; i++)
        if (s->halves[i].way == way &&
            (!path || strcmp(s->halves[i].path, path) == 0))
            empty(&s->halves[i]);
}

void half_release_all(struct registrar *s)
{
    for (int i = 0; s->halves && i < HALVES; i++)
        empty(&s->halves[i]);
    free(s->halves);
    s->halves = NULL;
}
