/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A server with one body that it gives and takes, and a client that fetches
 * and pushes, on the network of coap_net.h. Wants cmocka's includes.
 */
#ifndef DFOTA_TESTS_COAP_SITE_H
#define DFOTA_TESTS_COAP_SITE_H

#include "coap_net.h"

enum { BODY_MAX = 1 << 20 };

static uint8_t body[BODY_MAX], got[BODY_MAX + 2048];

/* ---- a server with one body ---------------------------------------------- */

struct site {
    uint32_t len;
    uint8_t szx;
    const char *etag; /* NULL: none */
    unsigned requests;
    uint8_t refuse; /* with this code the next refuse_count requests */
    unsigned refuse_count;
    uint32_t refuse_from; /* only blocks from this offset on */
    uint32_t max_age;
    bool reset, later, no_blocks, shift;
    uint8_t szx_later; /* after the first block; 0: as szx */
    uint8_t stored[BODY_MAX];
    struct coap_body taking;
    unsigned wholes;
    bool dead; /* takes nothing any more, answers nothing */
    /* Messages with a longer payload are answered 4.13 and not a word more. */
    size_t message_max;
};

struct fetch {
    struct coap_get get;
    unsigned heads, ends, failures;
    uint8_t code;
    uint32_t from, len, stop_at;
    int64_t length;
    enum coap_get_failure failure;
};

struct push {
    struct coap_put put;
    unsigned dones, progresses;
    struct coap_put_result result;
    uint32_t len;
};

static inline void put_reset(struct net_end *e, const struct coap_msg *m)
{
    const uint8_t reset[] = {0x70, 0, (uint8_t)(m->mid >> 8), (uint8_t)m->mid};

    net_send(e, reset, sizeof reset);
}

static inline void refuse(struct net_end *e, struct site *s,
                          const struct coap_ticket *t)
{
    uint8_t bytes[16];
    struct coap_options o;
    struct coap_answer a = {.code = s->refuse};

    coap_options_init(&o, bytes, sizeof bytes);
    if (s->max_age)
        coap_options_add_uint(&o, COAP_MAX_AGE, s->max_age);
    a.options = o.data;
    a.options_len = o.len;
    coap_peer_answer(&e->peer, e->net->now, t, &a);
}

static inline void serve_get(struct net_end *e, struct site *s,
                             const struct coap_ticket *t,
                             const struct coap_msg *m)
{
    uint8_t bytes[64];
    struct coap_options o = {.data = bytes, .room = sizeof bytes};
    struct coap_served served = {.data = body,
                                 .len = s->len,
                                 .etag = (const uint8_t *)s->etag,
                                 .szx = s->szx};
    struct coap_answer a;

    served.etag_len = s->etag ? (uint8_t)strlen(s->etag) : 0;
    if (s->szx_later && s->requests > 1)
        served.szx = s->szx_later;
    coap_serve(m, &served, &o, &a);
    if (s->no_blocks) {
        a.options_len = 0;
        a.payload = body;
        a.payload_len = s->len;
    }
    coap_peer_answer(&e->peer, e->net->now, t, &a);
}

static inline void serve_put(struct net_end *e, struct site *s,
                             const struct coap_ticket *t,
                             const struct coap_msg *m)
{
    struct coap_part part;
    struct coap_answer a = {.code = COAP_TOO_LARGE};
    enum coap_taken taken;

    if (s->message_max && m->payload_len > s->message_max) {
        coap_peer_answer(&e->peer, e->net->now, t, &a);
        return;
    }
    taken = coap_body_take(&s->taking, m, s->len, &part);
    if (taken != COAP_BODY_REFUSED && part.len > 0)
        memcpy(s->stored + part.off, part.data, part.len);
    if (taken == COAP_BODY_WHOLE)
        s->wholes++;
    a.code = part.code;
    a.options = part.options;
    a.options_len = part.options_len;
    coap_peer_answer(&e->peer, e->net->now, t, &a);
}

static inline void serve(void *ctx, const struct coap_ticket *t,
                         const struct coap_msg *m)
{
    struct net_end *e = ctx;
    struct site *s = e->ctx;
    struct coap_block b = {0};

    s->requests++;
    if (coap_block_find(m, COAP_BLOCK1, &b) != 0)
        (void)coap_block_find(m, COAP_BLOCK2, &b);
    if (s->refuse_count > 0 && coap_block_off(&b) >= s->refuse_from) {
        s->refuse_count--;
        if (s->reset)
            put_reset(e, m);
        else
            refuse(e, s, t);
        return;
    }
    if (m->code == COAP_GET)
        serve_get(e, s, t, m);
    else
        serve_put(e, s, t, m);
}

/* ---- its client ---------------------------------------------------------- */

static inline int on_get(void *ctx, const struct coap_get_event *e)
{
    struct fetch *f = ctx;

    switch (e->kind) {
    case COAP_GET_HEAD:
        f->heads++;
        f->code = e->code;
        f->from = f->len = e->from;
        f->length = e->length;
        return 0;
    case COAP_GET_DATA:
        assert_true(f->len + e->len <= sizeof got);
        memcpy(got + f->len, e->data, e->len);
        f->len += (uint32_t)e->len;
        return f->stop_at > 0 && f->len >= f->stop_at;
    case COAP_GET_END:
        f->ends++;
        return 0;
    default:
        f->failures++;
        f->failure = e->failure;
        return 0;
    }
}

static inline int read_body(void *ctx, uint32_t off, void *buf, size_t len)
{
    const struct push *p = ctx;

    assert_true(off + len <= p->len);
    memcpy(buf, body + off, len);
    return 0;
}

static inline void on_progress(void *ctx, uint32_t off)
{
    struct push *p = ctx;

    assert_true(off <= p->len);
    p->progresses++;
}

static inline void on_put(void *ctx, const struct coap_put_result *r)
{
    struct push *p = ctx;

    p->dones++;
    p->result = *r;
}

static inline void tick(struct net *n, void *ctx)
{
    struct fetch *f = n->end[0].ctx;
    struct push *p = ctx;

    if (f && coap_get_wake(&f->get) <= n->now)
        coap_get_tick(&f->get, n->now);
    if (p && coap_put_wake(&p->put) <= n->now)
        coap_put_tick(&p->put, n->now);
}

static struct fetch *fetching;
static struct push *pushing;

static inline uint64_t wake(void *ctx)
{
    uint64_t get = fetching ? coap_get_wake(&fetching->get) : COAP_NEVER;
    uint64_t put = pushing ? coap_put_wake(&pushing->put) : COAP_NEVER;

    (void)ctx;
    return get < put ? get : put;
}

static inline void begin(struct net *n, struct site *s, uint32_t len,
                         uint64_t seed)
{
    net_init(n, seed);
    n->delay_ms = 25;
    n->end[1].ops.request = serve;
    n->end[1].ctx = s;
    n->tick = tick;
    n->wake = wake;
    memset(s, 0, sizeof *s);
    s->len = len;
    s->szx = COAP_SZX_MAX;
    s->etag = "one";
    coap_body_init(&s->taking, COAP_SZX_MAX);
    fetching = NULL;
    pushing = NULL;
    memset(got, 0, sizeof got);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 2654435761U >> 13);
}

static inline void fetch_from(struct net *n, struct fetch *f, uint8_t szx,
                              uint32_t from, const char *etag)
{
    struct coap_get_request r = {
        .szx = szx, .from = from, .event = on_get, .ctx = f};
    uint32_t stop_at = f->stop_at;

    *f = (struct fetch){.stop_at = stop_at};
    if (etag) {
        r.etag = (const uint8_t *)etag;
        r.etag_len = (uint8_t)strlen(etag);
    }
    n->end[0].ctx = f;
    fetching = f;
    assert_int_equal(coap_get_start(&f->get, &n->end[0].peer, n->now, &r), 0);
}

static inline void fetch(struct net *n, struct fetch *f, uint8_t szx)
{
    f->stop_at = 0;
    fetch_from(n, f, szx, 0, NULL);
}

static inline void push(struct net *n, struct push *p, uint32_t len,
                        uint8_t szx)
{
    struct coap_put_request r = {.code = COAP_PUT,
                                 .length = len,
                                 .szx = szx,
                                 .read = read_body,
                                 .progress = on_progress,
                                 .done = on_put,
                                 .ctx = p};

    *p = (struct push){.len = len};
    n->ctx = p;
    pushing = p;
    assert_int_equal(coap_put_start(&p->put, &n->end[0].peer, n->now, &r), 0);
}

static inline void assert_fetched(const struct fetch *f, uint32_t len)
{
    assert_int_equal(f->failures, 0);
    assert_int_equal(f->ends, 1);
    assert_int_equal(f->len, len);
    assert_memory_equal(got, body, len);
}

static inline void assert_pushed(const struct push *p, const struct site *s)
{
    assert_int_equal(p->dones, 1);
    assert_int_equal(p->result.failure, COAP_PUT_DONE);
    assert_int_equal(p->result.code, COAP_CHANGED);
    assert_int_equal(s->wholes, 1);
    assert_memory_equal(s->stored, body, p->len);
}

#endif
