/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching a body block by block (RFC 7959 2.4), one request at a time.
 *
 * off is the next byte wanted. It is a multiple of the block size but for
 * the first request of a resume, whose block begins before it.
 */
#include <string.h>

#include "base/err.h"
#include "link/coap_block.h"
#include "link/coap_peer.h"

enum {
    STRIKES_MAX = 4,
    RESTARTS_MAX = 3,
    MAX_AGE_S = 60, /* RFC 7252 5.10.5 */
    MAX_AGE_LIMIT_S = 3600,
};

static void on_reply(void *ctx, const struct coap_reply *r);

static uint64_t now_of(const struct coap_get *g)
{
    return g->peer->now;
}

/* returns false when the user gave up */
static bool tell(struct coap_get *g, const struct coap_get_event *e)
{
    if (g->r.event(g->r.ctx, e) == 0)
        return g->active;
    g->active = false;
    return false;
}

static void end(struct coap_get *g, const struct coap_get_event *e)
{
    g->active = false;
    g->again_ms = COAP_NEVER;
    g->r.event(g->r.ctx, e);
}

static void fail(struct coap_get *g, enum coap_get_failure failure)
{
    struct coap_get_event e = {
        .kind = COAP_GET_FAILED, .failure = failure, .code = g->code};

    end(g, &e);
}

static struct coap_block wanted(const struct coap_get *g)
{
    return (struct coap_block){.num = g->off >> (g->szx + 4), .szx = g->szx};
}

static int ask(struct coap_get *g)
{
    uint8_t bytes[COAP_OPTIONS_MAX];
    struct coap_options o;
    struct coap_block b = wanted(g);
    struct coap_request r = {.code = COAP_GET, .reply = on_reply, .ctx = g};

    g->again_ms = COAP_NEVER;
    if (b.num > COAP_BLOCK_NUM_MAX)
        return DFOTA_E_FULL;
    coap_options_init(&o, bytes, sizeof bytes);
    coap_options_add_all(&o, g->r.options, g->r.options_len);
    coap_block_add(&o, COAP_BLOCK2, &b);
    if (!g->headed)
        coap_options_add_uint(&o, COAP_SIZE2, 0);
    if (o.err)
        return DFOTA_E_ARG;
    r.options = o.data;
    r.options_len = o.len;
    return coap_peer_request(g->peer, now_of(g), &r, &g->id);
}

static void ask_or_fail(struct coap_get *g)
{
    int err = ask(g);

    if (err == DFOTA_E_FULL && wanted(g).num > COAP_BLOCK_NUM_MAX)
        fail(g, COAP_GET_HUGE);
    else if (err)
        fail(g, COAP_GET_NOMEM);
}

static void ask_later(struct coap_get *g, uint64_t ms,
                      enum coap_get_failure failure)
{
    if (++g->strikes > STRIKES_MAX) {
        fail(g, failure);
        return;
    }
    g->again_ms = now_of(g) + coap_params_scale(g->peer->params, ms);
    if (g->r.wake)
        g->r.wake(g->r.ctx, g->again_ms);
}

/* What there is belongs to another body: all again. */
static void start_over(struct coap_get *g)
{
    g->off = 0;
    g->resuming = g->headed = false;
    g->etag_len = 0;
    if (++g->restarts > RESTARTS_MAX)
        fail(g, COAP_GET_CHANGES);
    else
        ask_or_fail(g);
}

static void final_code(struct coap_get *g, uint8_t code)
{
    struct coap_get_event head = {
        .kind = COAP_GET_HEAD, .code = code, .length = -1};
    struct coap_get_event over = {.kind = COAP_GET_END};

    if (tell(g, &head))
        end(g, &over);
}

static void take_error(struct coap_get *g, const struct coap_msg *m)
{
    uint32_t max_age = MAX_AGE_S;

    g->code = m->code;
    if (g->resuming &&
        (m->code == COAP_BAD_REQUEST || m->code == COAP_BAD_OPTION ||
         m->code == COAP_INCOMPLETE)) {
        start_over(g);
    } else if (m->code == COAP_UNAVAILABLE) {
        (void)coap_msg_uint(m, COAP_MAX_AGE, &max_age);
        if (max_age > MAX_AGE_LIMIT_S)
            max_age = MAX_AGE_LIMIT_S;
        ask_later(g, max_age * 1000ULL, COAP_GET_BUSY);
    } else if (m->code == COAP_INCOMPLETE || m->code == COAP_TOO_LARGE) {
        if (m->code == COAP_TOO_LARGE && g->szx > 0)
            g->szx--;
        ask_later(g, coap_params_rfc.ack_timeout_ms, COAP_GET_BUSY);
    } else {
        final_code(g, m->code);
    }
}

static bool same_etag(const struct coap_get *g, const struct coap_option *tag)
{
    return tag->len == g->etag_len &&
           (tag->len == 0 || memcmp(tag->value, g->etag, tag->len) == 0);
}

static void find_etag(const struct coap_msg *m, struct coap_option *tag)
{
    if (!coap_msg_find(m, COAP_ETAG, tag) || tag->len > COAP_ETAG_MAX)
        *tag = (struct coap_option){0};
}

/* Which bytes the response holds: false if it breaks the rules. */
static bool locate(const struct coap_get *g, const struct coap_msg *m,
                   struct coap_block *b)
{
    struct coap_block asked = wanted(g);
    int err = coap_block_find(m, COAP_BLOCK2, b);

    if (err == DFOTA_E_NOTFOUND) {
        *b = (struct coap_block){.szx = g->szx};
        return true;
    }
    if (err || coap_block_off(b) != coap_block_off(&asked))
        return false;
    if (b->more)
        return m->payload_len == coap_block_size(b->szx);
    return m->payload_len <= coap_block_size(b->szx);
}

static bool give_head(struct coap_get *g, const struct coap_msg *m,
                      const struct coap_option *tag)
{
    struct coap_get_event e = {.kind = COAP_GET_HEAD,
                               .code = m->code,
                               .from = g->off,
                               .length = -1,
                               .etag = tag->value,
                               .etag_len = (uint8_t)tag->len};
    uint32_t size;

    if (coap_msg_uint(m, COAP_SIZE2, &size) == 0)
        e.length = size;
    g->headed = true;
    g->resuming = false;
    g->etag_len = (uint8_t)tag->len;
    if (tag->len > 0)
        memcpy(g->etag, tag->value, tag->len);
    return tell(g, &e);
}

static bool give_data(struct coap_get *g, const uint8_t *data, size_t len)
{
    struct coap_get_event e = {.kind = COAP_GET_DATA, .data = data, .len = len};

    g->off += (uint32_t)len;
    return len == 0 || tell(g, &e);
}

static void take_block(struct coap_get *g, const struct coap_msg *m)
{
    struct coap_get_event over = {.kind = COAP_GET_END};
    struct coap_option tag;
    struct coap_block b;
    uint32_t start;

    if (!locate(g, m, &b)) {
        ask_later(g, 0, COAP_GET_ALIEN);
        return;
    }
    start = coap_block_off(&b);
    find_etag(m, &tag);
    if (((g->headed || g->resuming) && !same_etag(g, &tag)) ||
        (start == 0 && g->off >= coap_block_size(g->szx)) ||
        g->off - start > m->payload_len) {
        start_over(g);
        return;
    }
    if (b.szx < g->szx)
        g->szx = b.szx;
    if (!g->headed && !give_head(g, m, &tag))
        return;
    start = g->off - start;
    if (!give_data(g, m->payload + start, m->payload_len - start))
        return;
    g->strikes = 0;
    if (b.more)
        ask_or_fail(g);
    else
        end(g, &over);
}

static void on_reply(void *ctx, const struct coap_reply *r)
{
    struct coap_get *g = ctx;

    g->id = 0;
    if (r->outcome == COAP_SILENT)
        fail(g, COAP_GET_SILENCE);
    else if (r->outcome == COAP_RESET)
        ask_later(g, coap_params_rfc.ack_timeout_ms, COAP_GET_RESET);
    else if (r->m->code == COAP_CONTENT)
        take_block(g, r->m);
    else if (COAP_CLASS(r->m->code) == 2)
        fail(g, COAP_GET_ALIEN);
    else
        take_error(g, r->m);
}

int coap_get_start(struct coap_get *g, struct coap_peer *p, uint64_t now,
                   const struct coap_get_request *r)
{
    int err;

    *g = (struct coap_get){.peer = p,
                           .r = *r,
                           .again_ms = COAP_NEVER,
                           .szx = r->szx,
                           .active = true};
    if (r->szx > COAP_SZX_MAX || r->etag_len > COAP_ETAG_MAX)
        return DFOTA_E_ARG;
    if (r->from > 0 && r->etag_len > 0) {
        g->off = r->from;
        g->resuming = true;
        g->etag_len = r->etag_len;
        memcpy(g->etag, r->etag, r->etag_len);
    }
    coap_peer_note_time(p, now);
    err = ask(g);
    g->active = err == 0;
    return err;
}

void coap_get_stop(struct coap_get *g, uint64_t now)
{
    if (g->active && g->id)
        coap_peer_cancel(g->peer, now, g->id);
    g->active = false;
    g->id = 0;
    g->again_ms = COAP_NEVER;
}

void coap_get_tick(struct coap_get *g, uint64_t now)
{
    if (!g->active || g->again_ms > now)
        return;
    coap_peer_note_time(g->peer, now);
    ask_or_fail(g);
}
