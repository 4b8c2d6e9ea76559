/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Two CoAP peers, a network between them, and a clock that only the test
 * moves: loss, duplication, reordering, delay, all by one seed.
 */
#ifndef DFOTA_TESTS_COAP_NET_H
#define DFOTA_TESTS_COAP_NET_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "link/coap_block.h"

enum { NET_MAX = 4096 };

struct net_datagram {
    uint64_t at, order;
    int to;
    size_t len;
    uint8_t bytes[COAP_DATAGRAM_MAX];
};

struct net_end {
    struct net *net;
    int index;
    struct coap_peer peer;
    struct coap_peer_ops ops;
    void *ctx; /* the test's */
    unsigned sent, received;
    size_t sent_len;
    uint8_t sent_bytes[COAP_DATAGRAM_MAX]; /* the newest */
};

struct net {
    uint64_t now, order, random;
    uint64_t delay_ms;                      /* one way */
    uint64_t jitter_ms;                     /* more than delay: reorders */
    unsigned loss, duplicate;               /* percent, each way */
    bool cut[2];                            /* nothing comes to this end */
    unsigned drop_next[2];                  /* so many to this end are lost */
    struct net_end end[2];                  /* 0 client, 1 server */
    void (*tick)(struct net *n, void *ctx); /* what else runs by the clock */
    uint64_t (*wake)(void *ctx);
    void *ctx;
    struct net_datagram *queue[NET_MAX];
    unsigned queued;
};

static inline uint64_t net_random(struct net *n)
{
    n->random = n->random * 6364136223846793005U + 1442695040888963407U;
    return n->random >> 33;
}

static inline void net_post(struct net *n, int to, const uint8_t *data,
                            size_t len)
{
    struct net_datagram *d = malloc(sizeof *d);

    assert(d && n->queued < NET_MAX && len <= sizeof d->bytes);
    d->at = n->now + n->delay_ms +
            (n->jitter_ms ? net_random(n) % n->jitter_ms : 0);
    d->order = n->order++;
    d->to = to;
    d->len = len;
    memcpy(d->bytes, data, len);
    n->queue[n->queued++] = d;
}

static inline void net_send(void *ctx, const uint8_t *data, size_t len)
{
    struct net_end *e = ctx;
    struct net *n = e->net;
    int to = !e->index;

    e->sent++;
    e->sent_len = len;
    memcpy(e->sent_bytes, data, len);
    if (n->drop_next[to] > 0) {
        n->drop_next[to]--;
        return;
    }
    if (n->cut[to] || net_random(n) % 100 < n->loss)
        return;
    net_post(n, to, data, len);
    if (net_random(n) % 100 < n->duplicate)
        net_post(n, to, data, len);
}

/* What reaches callbacks of an end finds it by the peer's ctx. */
static inline void net_init(struct net *n, uint64_t seed)
{
    memset(n, 0, sizeof *n);
    n->random = seed * 7919 + 1;
    n->now = 1000;
    for (int i = 0; i < 2; i++) {
        struct net_end *e = &n->end[i];

        e->net = n;
        e->index = i;
        e->ops.send = net_send;
        coap_peer_init(&e->peer, &e->ops, e, &coap_params_rfc,
                       seed + (uint64_t)i);
    }
}

static inline void net_release(struct net *n)
{
    while (n->queued > 0)
        free(n->queue[--n->queued]);
    for (int i = 0; i < 2; i++)
        coap_peer_release(&n->end[i].peer);
}

static inline uint64_t net_wake(const struct net *n)
{
    uint64_t wake = COAP_NEVER;

    for (unsigned i = 0; i < n->queued; i++)
        wake = n->queue[i]->at < wake ? n->queue[i]->at : wake;
    for (int i = 0; i < 2; i++) {
        uint64_t w = coap_peer_wake(&n->end[i].peer);

        wake = w < wake ? w : wake;
    }
    if (n->wake && n->wake(n->ctx) < wake)
        wake = n->wake(n->ctx);
    return wake;
}

static inline void net_deliver(struct net *n)
{
    unsigned first = n->queued;

    for (unsigned i = 0; i < n->queued; i++) {
        if (n->queue[i]->at <= n->now &&
            (first == n->queued || n->queue[i]->order < n->queue[first]->order))
            first = i;
    }
    if (first < n->queued) {
        struct net_datagram *d = n->queue[first];
        struct net_end *e = &n->end[d->to];

        n->queue[first] = n->queue[--n->queued];
        e->received++;
        coap_peer_receive(&e->peer, n->now, d->bytes, d->len);
        free(d);
    }
}

/* One thing happens; false when nothing would before `until`. */
static inline bool net_step(struct net *n, uint64_t until)
{
    uint64_t wake = net_wake(n);

    if (wake == COAP_NEVER || wake > until) {
        n->now = until > n->now && until != COAP_NEVER ? until : n->now;
        return false;
    }
    if (wake > n->now)
        n->now = wake;
    net_deliver(n);
    for (int i = 0; i < 2; i++) {
        if (coap_peer_wake(&n->end[i].peer) <= n->now)
            coap_peer_tick(&n->end[i].peer, n->now);
    }
    if (n->tick)
        n->tick(n, n->ctx);
    return true;
}

/* For so many milliseconds, or (COAP_NEVER) until nothing is left to do. */
static inline void net_run(struct net *n, uint64_t ms)
{
    uint64_t until = ms == COAP_NEVER ? COAP_NEVER : n->now + ms;
    unsigned long steps = 0;

    while (net_step(n, until))
        assert(++steps < 10000000);
}

/* A raw datagram to an end, now. */
static inline void net_inject(struct net *n, int to, const void *data,
                              size_t len)
{
    coap_peer_receive(&n->end[to].peer, n->now, data, len);
}

#endif
