/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer with everything going on at once (a fetch, a push, an observation,
 * a server with a body that it gives and takes) and a hostile other side.
 *
 * The input is a list of steps: one byte what, one byte how long, so many
 * bytes. Datagrams come as they are, or with message id and token of what
 * was sent last, which no fuzzer guesses. Whatever is sent must parse.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "link/coap_block.h"

enum { BODY_LEN = 5000, SENT_MAX = 400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct world {
    struct coap_peer peer;
    struct coap_get get;
    struct coap_put put;
    struct coap_body body;
    struct coap_observer observer;
    bool observed;
    struct coap_ticket late;
    bool has_late;
    uint64_t now;
    uint32_t got;
    unsigned sent;
    uint16_t last_mid; /* of the newest CON or request of ours */
    uint8_t last_token[COAP_TOKEN_MAX], last_token_len;
};

static const uint8_t body[BODY_LEN];

static void on_send(void *ctx, const uint8_t *data, size_t len)
{
    struct world *w = ctx;
    struct coap_msg m;

    assert(coap_msg_parse(&m, data, len) == 0);
    assert(m.payload_len <= COAP_PAYLOAD_MAX);
    w->sent++;
    if (m.type == COAP_CON || coap_msg_is_request(&m)) {
        w->last_mid = m.mid;
        w->last_token_len = m.token_len;
        memcpy(w->last_token, m.token, sizeof w->last_token);
    }
}

static void take_block(struct world *w, const struct coap_msg *m,
                       struct coap_answer *a, struct coap_part *part)
{
    enum coap_taken taken = coap_body_take(&w->body, m, BODY_LEN, part);

    assert(taken == COAP_BODY_REFUSED ||
           (part->off <= BODY_LEN && part->len <= BODY_LEN - part->off));
    assert(taken != COAP_BODY_REFUSED || COAP_CLASS(part->code) == 4);
    *a = (struct coap_answer){.code = part->code,
                              .options = part->options,
                              .options_len = part->options_len};
}

static void on_gone(void *ctx, struct coap_observer *o)
{
    struct world *w = ctx;

    (void)o;
    w->observed = false;
}

static void on_request(void *ctx, const struct coap_ticket *t,
                       const struct coap_msg *m)
{
    struct world *w = ctx;
    uint8_t bytes[64];
    struct coap_options o = {.data = bytes, .room = sizeof bytes};
    struct coap_served served = {.data = body,
                                 .len = BODY_LEN,
                                 .etag = (const uint8_t *)"tag",
                                 .etag_len = 3,
                                 .szx = 5};
    struct coap_answer a;
    struct coap_part part;
    char path[COAP_PATH_MAX];
    uint32_t observe = 1;

    assert(coap_msg_is_request(m));
    (void)coap_msg_path(m, path, sizeof path);
    if (m->code == COAP_POST) { /* answered later, or never */
        w->late = *t;
        w->has_late = true;
        return;
    }
    if (m->code == COAP_PUT) {
        take_block(w, m, &a, &part);
    } else {
        coap_serve(m, &served, &o, &a);
        a.recipe = bytes;
        a.recipe_len = 1;
    }
    if (coap_msg_uint(m, COAP_OBSERVE, &observe) == 0 && observe == 0) {
        coap_peer_observe(&w->peer, w->now, &w->observer, t);
        w->observed = true;
    }
    assert(coap_peer_answer(&w->peer, w->now, t, &a) == 0);
}

static void on_rebuild(void *ctx, const uint8_t *recipe, size_t recipe_len,
                       void (*answer)(void *, const struct coap_answer *),
                       void *answer_ctx)
{
    struct coap_answer a = {
        .code = COAP_CONTENT, .payload = body, .payload_len = 512};

    (void)ctx;
    (void)recipe;
    assert(recipe_len == 1);
    answer(answer_ctx, &a);
}

static void on_reply(void *ctx, const struct coap_reply *r)
{
    (void)ctx;
    assert((r->outcome == COAP_ANSWERED) == (r->m != NULL));
}

static int on_fetched(void *ctx, const struct coap_get_event *e)
{
    struct world *w = ctx;

    if (e->kind == COAP_GET_HEAD)
        w->got = e->from;
    if (e->kind == COAP_GET_DATA) {
        assert(e->len > 0 && e->len <= COAP_DATAGRAM_MAX);
        w->got += (uint32_t)e->len;
    }
    return 0;
}

static int on_read(void *ctx, uint32_t off, void *buf, size_t len)
{
    (void)ctx;
    assert(off <= BODY_LEN && len <= BODY_LEN - off);
    memset(buf, 7, len);
    return 0;
}

static void on_put(void *ctx, const struct coap_put_result *r)
{
    (void)ctx;
    assert((r->m != NULL) == (r->failure == COAP_PUT_DONE));
}

static void start(struct world *w, unsigned what, const uint8_t *data,
                  size_t len)
{
    static const uint8_t observe[] = {0x60};
    struct coap_get_request get = {.szx = what & 3,
                                   .from = len > 1 ? data[1] * 16U : 0,
                                   .etag = (const uint8_t *)"tag",
                                   .etag_len = what & 4 ? 3 : 0,
                                   .event = on_fetched,
                                   .ctx = w};
    struct coap_put_request put = {.code = COAP_PUT,
                                   .length = BODY_LEN,
                                   .szx = what & 3,
                                   .read = on_read,
                                   .done = on_put,
                                   .ctx = w};
    struct coap_request r = {.code = COAP_GET,
                             .non = what & 4,
                             .options = observe,
                             .options_len = what & 1,
                             .reply = on_reply,
                             .ctx = w};

    if (what % 3 == 0 && !w->get.active)
        (void)coap_get_start(&w->get, &w->peer, w->now, &get);
    else if (what % 3 == 1 && !w->put.active)
        (void)coap_put_start(&w->put, &w->peer, w->now, &put);
    else
        (void)coap_peer_request(&w->peer, w->now, &r, NULL);
}

static void tell(struct world *w, unsigned what)
{
    struct coap_answer a = {.code = what & 8 ? COAP_NOT_FOUND : COAP_CONTENT,
                            .payload = body,
                            .payload_len = what & 7};

    if (w->has_late && (what & 16))
        (void)coap_peer_answer(&w->peer, w->now, &w->late, &a);
    else if (w->observed) {
        (void)coap_peer_notify(&w->peer, w->now, &w->observer, &a, what & 32);
        w->observed =
            coap_peer_find_observer(&w->peer, w->observer.token,
                                    w->observer.token_len) == &w->observer;
    }
}

/* The input with the message id and the token of what was sent last. */
static void reply(struct world *w, const uint8_t *data, size_t len)
{
    uint8_t bytes[4 + COAP_TOKEN_MAX + 255];

    if (len < 2)
        return;
    bytes[0] = (uint8_t)((data[0] & 0x30) | 0x40 | w->last_token_len);
    bytes[1] = data[1];
    bytes[2] = (uint8_t)(w->last_mid >> 8);
    bytes[3] = (uint8_t)w->last_mid;
    memcpy(bytes + 4, w->last_token, w->last_token_len);
    memcpy(bytes + 4 + w->last_token_len, data + 2, len - 2);
    coap_peer_receive(&w->peer, w->now, bytes,
                      4U + w->last_token_len + len - 2);
}

static void step(struct world *w, unsigned what, const uint8_t *data,
                 size_t len)
{
    switch (what >> 6) {
    case 0:
        coap_peer_receive(&w->peer, w->now, data, len);
        break;
    case 1:
        reply(w, data, len);
        break;
    case 2:
        if (len > 0 && (data[0] & 1))
            tell(w, what);
        else
            start(w, what, data, len);
        break;
    default:
        w->now += (what & 63) * 500U;
        coap_peer_tick(&w->peer, w->now);
        coap_get_tick(&w->get, w->now);
        coap_put_tick(&w->put, w->now);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct coap_peer_ops ops = {on_send, on_request, on_rebuild,
                                             NULL};
    static struct world w;
    size_t n;

    memset(&w, 0, sizeof w);
    w.observer.gone = on_gone;
    w.observer.ctx = &w;
    coap_body_init(&w.body, 5);
    coap_peer_init(&w.peer, &ops, &w, &coap_params_rfc, 1);
    while (len >= 2 && w.sent < SENT_MAX) {
        n = data[1] < len - 2 ? data[1] : len - 2;
        step(&w, data[0], data + 2, n);
        data += 2 + n;
        len -= 2 + n;
        assert(w.peer.seen_count <= COAP_DEDUP_MAX);
        assert(w.peer.queue_count <= COAP_QUEUE_MAX);
        assert(w.peer.pending_count <= COAP_PENDING_MAX);
    }
    coap_peer_release(&w.peer);
    return 0;
}
