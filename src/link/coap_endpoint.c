/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing is freed while a callback runs: a remote that is to go is put on a
 * list, and the last of the calls on the stack empties it.
 */
#include "link/coap_endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "link/coap_remote.h"

enum { MS = 1000, TICK_MAX = 512 /* remotes at a time */ };

static void update_wake(struct coap_remote *r);

/* ---- finding ------------------------------------------------------------- */

struct coap_remote *coap_endpoint_find(struct coap_endpoint *e,
                                       const void *addr, size_t addr_len)
{
    struct coap_remote *r;

    if (addr_len > COAP_ADDRESS_MAX)
        return NULL;
    r = *remote_slot(e, remote_hash(e, addr, addr_len), addr, addr_len);
    return r && !r->doomed ? r : NULL;
}

void coap_remote_hold(struct coap_remote *r, bool held)
{
    if (r->held == held)
        return;
    remote_list_remove(r->e, r);
    r->held = held;
    remote_list_add(r->e, r);
    update_wake(r);
}

/* ---- going --------------------------------------------------------------- */

void remote_doom(struct coap_remote *r)
{
    if (r->doomed)
        return;
    r->doomed = true;
    r->doomed_next = r->e->doomed;
    r->e->doomed = r;
}

static void reap(struct coap_remote *r)
{
    struct coap_endpoint *e = r->e;
    struct coap_remote **at = remote_slot(e, r->hash, r->addr, r->addr_len);

    if (e->ops->gone)
        e->ops->gone(e->ctx, r);
    while (*at != r) /* a new one of that address may be before it */
        at = &(*at)->chain;
    *at = r->chain;
    remote_heap_remove(e, r);
    remote_list_remove(e, r);
    coap_peer_release(&r->peer);
    dtls_free(r->dtls);
    e->count--;
    free(r);
}

static void enter(struct coap_endpoint *e, uint64_t now)
{
    e->depth++;
    if (now > e->now)
        e->now = now;
}

static void leave(struct coap_endpoint *e)
{
    struct coap_remote *r;

    while (e->depth == 1 && (r = e->doomed)) {
        e->doomed = r->doomed_next;
        reap(r);
    }
    e->depth--;
}

void coap_remote_drop(struct coap_remote *r)
{
    struct coap_endpoint *e = r->e;

    enter(e, e->now);
    remote_doom(r);
    leave(e);
}

/* ---- a remote ------------------------------------------------------------ */

static void send_plain(void *ctx, const uint8_t *data, size_t len)
{
    const struct coap_remote *r = ctx;

    r->e->ops->send(r->e->ctx, r->addr, r->addr_len, data, len);
}

static void send_message(void *ctx, const uint8_t *data, size_t len)
{
    struct coap_remote *r = ctx;

    if (!r->e->c.dtls)
        send_plain(r, data, len);
    else if (r->dtls && dtls_state(r->dtls) == DTLS_OPEN)
        (void)dtls_send(r->dtls, data, len);
}

static void on_request(void *ctx, const struct coap_ticket *ticket,
                       const struct coap_msg *m)
{
    struct coap_remote *r = ctx;

    r->e->ops->request(r->e->ctx, r, ticket, m);
}

static void on_rebuild(void *ctx, const uint8_t *recipe, size_t recipe_len,
                       void (*answer)(void *answer_ctx,
                                      const struct coap_answer *a),
                       void *answer_ctx)
{
    struct coap_remote *r = ctx;

    if (r->e->ops->rebuild)
        r->e->ops->rebuild(r->e->ctx, r, recipe, recipe_len, answer,
                           answer_ctx);
}

static void on_wake(void *ctx, uint64_t at)
{
    (void)at;
    update_wake(ctx);
}

static void on_message(void *ctx, const uint8_t *data, size_t len)
{
    struct coap_remote *r = ctx;

    if (!r->doomed)
        coap_peer_receive(&r->peer, r->e->now, data, len);
}

static void on_dtls_state(void *ctx, enum dtls_state state)
{
    struct coap_remote *r = ctx;

    if (state == DTLS_CLOSED)
        remote_doom(r);
    else if (state == DTLS_OPEN && r->dtls && dtls_resumed(r->dtls) &&
             r->e->ops->resumed)
        r->e->ops->resumed(r->e->ctx, r);
}

static const struct dtls_ops dtls_ops = {send_plain, on_message, on_dtls_state};

static bool at_rest(const struct coap_remote *r)
{
    return !r->e->c.dtls && !r->held && coap_peer_idle(&r->peer) &&
           coap_peer_wake(&r->peer) == COAP_NEVER;
}

/* A plain remote that is at rest, with nothing left to know it by, is worth
 * nothing; a DTLS session is, for as long as was configured. */
static void update_wake(struct coap_remote *r)
{
    uint64_t wake = coap_peer_wake(&r->peer);

    if (r->doomed)
        return;
    if (at_rest(r))
        wake = r->e->now;
    if (r->handshake_at < wake)
        wake = r->handshake_at;
    if (r->idle_at < wake)
        wake = r->idle_at;
    remote_heap_set(r->e, r, wake);
}

static void note_handshake(struct coap_remote *r)
{
    int ms = r->dtls ? dtls_timeout(r->dtls) : DTLS_NO_TIMEOUT;

    r->handshake_at =
        ms == DTLS_NO_TIMEOUT ? COAP_NEVER : r->e->now + (uint64_t)ms;
}

static struct coap_remote *make(struct coap_endpoint *e, const void *addr,
                                size_t addr_len)
{
    struct coap_remote *r = calloc(1, sizeof *r + addr_len);

    if (!r)
        return NULL;
    r->e = e;
    r->heap_at = REMOTE_NOT_IN_HEAP;
    r->used = e->now;
    r->handshake_at = COAP_NEVER;
    r->idle_at = e->c.dtls ? e->now + e->c.idle_ms : COAP_NEVER;
    r->addr_len = (uint8_t)addr_len;
    memcpy(r->addr, addr, addr_len);
    e->random = e->random * 6364136223846793005U + 1442695040888963407U;
    coap_peer_init(&r->peer, &e->peer_ops, r, e->c.params, e->random);
    return r;
}

struct coap_remote *coap_endpoint_open(struct coap_endpoint *e, uint64_t now,
                                       const void *addr, size_t addr_len)
{
    struct coap_remote *r = coap_endpoint_find(e, addr, addr_len);

    if (r || e->c.dtls || addr_len > COAP_ADDRESS_MAX)
        return r;
    enter(e, now);
    r = make(e, addr, addr_len);
    if (r && remote_add(e, r) != 0) {
        free(r);
        r = NULL;
    }
    leave(e);
    return r;
}

/* ---- datagrams ----------------------------------------------------------- */

/* From an address without state: what needs none is answered. */
static void answer_stranger(struct coap_endpoint *e, const void *addr,
                            size_t addr_len, const struct coap_msg *m)
{
    struct coap_msg reset = {.type = COAP_RST, .mid = m->mid};
    uint8_t bytes[4];
    size_t len;

    if (m->type == COAP_CON && coap_msg_write(&reset, bytes, 4, &len) == 0)
        e->ops->send(e->ctx, addr, addr_len, bytes, len);
}

static void take_plain(struct coap_endpoint *e, struct coap_remote *r,
                       const void *addr, size_t addr_len, const uint8_t *data,
                       size_t len)
{
    struct coap_msg m;
    int err;

    if (!r) {
        err = coap_msg_parse(&m, data, len);
        if (err == DFOTA_E_PROTOCOL)
            return;
        if (err || !coap_msg_is_request(&m) || m.type > COAP_NON) {
            answer_stranger(e, addr, addr_len, &m);
            return;
        }
        r = make(e, addr, addr_len);
        if (!r || remote_add(e, r) != 0) {
            free(r);
            return;
        }
    }
    coap_peer_receive(&r->peer, e->now, data, len);
    update_wake(r);
}

/* A ClientHello with a cookie begins a session; one from an address that has
 * a session replaces it, unless it is the very one that began it. */
static void take_hello(struct coap_endpoint *e, struct coap_remote *old,
                       const void *addr, size_t addr_len, const uint8_t *data,
                       size_t len)
{
    struct coap_remote *r = make(e, addr, addr_len);
    int err;

    if (!r)
        return;
    r->hello = dtls_hello_sum(data, len);
    err = dtls_accept(e->c.dtls, addr, addr_len, data, len, e->now / MS,
                      &dtls_ops, r, &r->dtls);
    if (r->doomed) /* it failed at its first datagram */
        e->doomed = r->doomed_next;
    if (err || !r->dtls || r->doomed || remote_add(e, r) != 0) {
        dtls_free(r->dtls);
        free(r);
        return;
    }
    if (old)
        remote_doom(old);
    note_handshake(r);
    update_wake(r);
}

static void take_dtls(struct coap_endpoint *e, struct coap_remote *r,
                      const void *addr, size_t addr_len, const uint8_t *data,
                      size_t len)
{
    bool hello = dtls_is_hello(data, len);

    if (!r || (hello && r->dtls && dtls_state(r->dtls) == DTLS_OPEN &&
               r->hello != dtls_hello_sum(data, len))) {
        if (hello)
            take_hello(e, r, addr, addr_len, data, len);
        return;
    }
    dtls_receive(r->dtls, data, len);
    note_handshake(r);
    update_wake(r);
}

void coap_endpoint_receive(struct coap_endpoint *e, uint64_t now,
                           const void *addr, size_t addr_len,
                           const uint8_t *data, size_t len)
{
    struct coap_remote *r = coap_endpoint_find(e, addr, addr_len);

    if (addr_len > COAP_ADDRESS_MAX)
        return;
    enter(e, now);
    if (r) {
        r->used = e->now;
        remote_list_remove(e, r);
        remote_list_add(e, r);
    }
    if (e->c.dtls)
        take_dtls(e, r, addr, addr_len, data, len);
    else
        take_plain(e, r, addr, addr_len, data, len);
    leave(e);
}

static void tick_remote(struct coap_remote *r)
{
    struct coap_endpoint *e = r->e;

    if (r->doomed) {
        remote_heap_remove(e, r);
        return;
    }
    if (r->handshake_at <= e->now) {
        dtls_tick(r->dtls);
        note_handshake(r);
    }
    if (coap_peer_wake(&r->peer) <= e->now)
        coap_peer_tick(&r->peer, e->now);
    if (r->idle_at <= e->now) {
        r->idle_at = r->used + e->c.idle_ms;
        if (r->idle_at <= e->now)
            remote_doom(r);
    }
    if (at_rest(r))
        remote_doom(r);
    if (r->doomed)
        remote_heap_remove(e, r);
    else
        update_wake(r);
}

void coap_endpoint_tick(struct coap_endpoint *e, uint64_t now)
{
    int32_t left = e->heap_len < TICK_MAX ? e->heap_len : TICK_MAX;

    enter(e, now);
    while (left-- > 0 && e->heap_len > 0 && e->heap[0]->wake <= e->now)
        tick_remote(e->heap[0]);
    leave(e);
}

uint64_t coap_endpoint_wake(const struct coap_endpoint *e)
{
    return e->heap_len > 0 ? e->heap[0]->wake : COAP_NEVER;
}

/* ---- life ---------------------------------------------------------------- */

struct coap_endpoint *coap_endpoint_create(const struct coap_endpoint_config *c,
                                           const struct coap_endpoint_ops *ops,
                                           void *ctx)
{
    struct coap_endpoint *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->c = *c;
    e->ops = ops;
    e->ctx = ctx;
    e->random = c->seed;
    e->bucket_count = REMOTE_BUCKETS_FIRST;
    e->buckets = calloc(REMOTE_BUCKETS_FIRST, sizeof(struct coap_remote *));
    e->peer_ops =
        (struct coap_peer_ops){send_message, on_request, on_rebuild, on_wake};
    if (!e->buckets) {
        free(e);
        return NULL;
    }
    if (c->dtls)
        dtls_credentials_hold(c->dtls);
    return e;
}

void coap_endpoint_destroy(struct coap_endpoint *e)
{
    if (!e)
        return;
    enter(e, e->now);
    for (uint32_t i = 0; i < e->bucket_count; i++) {
        for (struct coap_remote *r = e->buckets[i]; r; r = r->chain)
            remote_doom(r);
    }
    leave(e);
    dtls_credentials_free(e->c.dtls);
    free(e->buckets);
    free(e->heap);
    free(e);
}

void coap_endpoint_set_dtls(struct coap_endpoint *e,
                            struct dtls_credentials *dtls)
{
    dtls_credentials_hold(dtls);
    dtls_credentials_free(e->c.dtls);
    e->c.dtls = dtls;
}

uint32_t coap_endpoint_count(const struct coap_endpoint *e)
{
    return e->count;
}

struct coap_peer *coap_remote_peer(struct coap_remote *r)
{
    return &r->peer;
}

const char *coap_remote_identity(const struct coap_remote *r)
{
    return r->dtls ? dtls_identity(r->dtls) : NULL;
}

const void *coap_remote_address(const struct coap_remote *r, size_t *len)
{
    *len = r->addr_len;
    return r->addr;
}

void *coap_remote_user(const struct coap_remote *r)
{
    return r->user;
}

void coap_remote_set_user(struct coap_remote *r, void *user)
{
    r->user = user;
}
