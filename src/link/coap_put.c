/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pushing a body block by block (RFC 7959 2.5), one request at a time.
 *
 * Block1 cannot be resumed: what goes wrong in the middle starts again at
 * block 0, as long as each three starts get further than all before.
 */
#include <string.h>

#include "base/err.h"
#include "link/coap_block.h"
#include "link/coap_peer.h"

enum {
    STARTS_MAX = 3,
    MAX_AGE_S = 60, /* RFC 7252 5.10.5 */
    MAX_AGE_LIMIT_S = 3600,
};

static void on_reply(void *ctx, const struct coap_reply *r);

static void end(struct coap_put *t, enum coap_put_failure failure,
                const struct coap_msg *m)
{
    struct coap_put_result result = {
        .failure = failure, .code = t->code, .m = m};

    t->active = false;
    t->again_ms = COAP_NEVER;
    t->r.done(t->r.ctx, &result);
}

static uint32_t block_len(const struct coap_put *t)
{
    uint32_t size = coap_block_size(t->szx), left = t->r.length - t->off;

    return left < size ? left : size;
}

static bool has_more(const struct coap_put *t)
{
    return t->off + block_len(t) < t->r.length;
}

static int add_options(const struct coap_put *t, struct coap_options *o)
{
    struct coap_block b = {t->off >> (t->szx + 4), has_more(t), t->szx};

    coap_options_add_all(o, t->r.options, t->r.options_len);
    if (b.num > 0 || b.more)
        coap_block_add(o, COAP_BLOCK1, &b);
    if (b.num == 0 && b.more)
        coap_options_add_uint(o, COAP_SIZE1, t->r.length);
    return o->err ? DFOTA_E_ARG : 0;
}

/* errors: E_IO of read(), else as coap_peer_request() */
static int send_block(struct coap_put *t)
{
    uint8_t bytes[COAP_OPTIONS_MAX], data[COAP_PAYLOAD_MAX];
    struct coap_options o;
    struct coap_request r = {.code = t->r.code,
                             .payload = data,
                             .payload_len = block_len(t),
                             .reply = on_reply,
                             .ctx = t};

    t->again_ms = COAP_NEVER;
    /* Can only be after the peer made the blocks smaller. */
    if (t->off >> (t->szx + 4) > COAP_BLOCK_NUM_MAX)
        return DFOTA_E_FULL;
    coap_options_init(&o, bytes, sizeof bytes);
    if (add_options(t, &o) != 0)
        return DFOTA_E_ARG;
    if (t->r.read(t->r.ctx, t->off, data, r.payload_len) != 0)
        return DFOTA_E_IO;
    r.options = o.data;
    r.options_len = o.len;
    return coap_peer_request(t->peer, t->peer->now, &r, &t->id);
}

static void send_or_fail(struct coap_put *t)
{
    int err = send_block(t);

    if (err == DFOTA_E_IO)
        end(t, COAP_PUT_READ, NULL);
    else if (err && t->off >> (t->szx + 4) > COAP_BLOCK_NUM_MAX)
        end(t, COAP_PUT_HUGE, NULL);
    else if (err)
        end(t, COAP_PUT_NOMEM, NULL);
}

static void start_again(struct coap_put *t, enum coap_put_failure why)
{
    t->off = 0;
    t->repeated = false;
    if (t->starts >= STARTS_MAX) {
        end(t, why, NULL);
        return;
    }
    t->starts++;
    send_or_fail(t);
}

static void wait_for(struct coap_put *t, const struct coap_msg *m)
{
    uint32_t max_age = MAX_AGE_S;

    (void)coap_msg_uint(m, COAP_MAX_AGE, &max_age);
    if (max_age > MAX_AGE_LIMIT_S)
        max_age = MAX_AGE_LIMIT_S;
    t->again_ms =
        t->peer->now + coap_params_scale(t->peer->params, max_age * 1000ULL);
    if (t->r.wake)
        t->r.wake(t->r.ctx, t->again_ms);
}

/* Is this answer the acknowledgement of the block that was sent? The number
 * is an echo; with a smaller SZX peers count it in either size. */
static bool acknowledges(const struct coap_put *t, const struct coap_block *b)
{
    if (b->szx > t->szx)
        return false;
    return b->num == t->off >> (t->szx + 4) || coap_block_off(b) == t->off;
}

static void next_block(struct coap_put *t, const struct coap_msg *m)
{
    struct coap_block b;

    if (!has_more(t) || coap_block_find(m, COAP_BLOCK1, &b) != 0 ||
        !acknowledges(t, &b)) {
        end(t, COAP_PUT_ALIEN, NULL);
        return;
    }
    t->off += block_len(t);
    t->szx = b.szx;
    t->repeated = false;
    if (t->off > t->best) {
        t->best = t->off;
        t->starts = 0;
    }
    if (t->r.progress)
        t->r.progress(t->r.ctx, t->off);
    if (t->active)
        send_or_fail(t);
}

static void take_too_large(struct coap_put *t, const struct coap_msg *m)
{
    struct coap_block b;
    struct coap_option size1;
    int err = coap_block_find(m, COAP_BLOCK1, &b);

    /* Without a word on what would fit it is the message that was too long
     * for the peer's memory: half of it. */
    if (err == DFOTA_E_NOTFOUND && t->szx > 0 && t->off == 0 && has_more(t) &&
        !coap_msg_find(m, COAP_SIZE1, &size1)) {
        b.szx = (uint8_t)(t->szx - 1);
        err = 0;
    }
    if (err || b.szx >= t->szx) {
        end(t, COAP_PUT_DONE, m);
        return;
    }
    /* No start lost: the size only ever shrinks. */
    t->szx = b.szx;
    t->off = 0;
    t->repeated = false;
    send_or_fail(t);
}

/* A peer that handles each block by itself says so (RFC 7959 2.3). */
static bool goes_on(const struct coap_put *t, const struct coap_msg *m)
{
    struct coap_block b;

    return m->code == COAP_CONTINUE ||
           (COAP_CLASS(m->code) == 2 && has_more(t) &&
            coap_block_find(m, COAP_BLOCK1, &b) == 0);
}

static void take_answer(struct coap_put *t, const struct coap_msg *m)
{
    t->code = m->code;
    if (goes_on(t, m))
        next_block(t, m);
    else if (m->code == COAP_TOO_LARGE)
        take_too_large(t, m);
    else if (m->code == COAP_INCOMPLETE)
        start_again(t, COAP_PUT_LOST);
    else if (m->code == COAP_UNAVAILABLE)
        wait_for(t, m);
    else
        end(t, COAP_PUT_DONE, m);
}

static void on_reply(void *ctx, const struct coap_reply *r)
{
    struct coap_put *t = ctx;

    t->id = 0;
    if (r->outcome == COAP_ANSWERED)
        take_answer(t, r->m);
    else if (r->outcome == COAP_RESET)
        start_again(t, COAP_PUT_RESET);
    else
        start_again(t, COAP_PUT_SILENCE);
}

int coap_put_start(struct coap_put *t, struct coap_peer *p, uint64_t now,
                   const struct coap_put_request *r)
{
    int err;

    *t = (struct coap_put){.peer = p,
                           .r = *r,
                           .again_ms = COAP_NEVER,
                           .szx = r->szx,
                           .starts = 1,
                           .active = true};
    if (r->szx > COAP_SZX_MAX ||
        r->length / coap_block_size(r->szx) > COAP_BLOCK_NUM_MAX)
        return DFOTA_E_ARG;
    coap_peer_note_time(p, now);
    err = send_block(t);
    t->active = err == 0;
    return err;
}

int coap_put_move(struct coap_put *t, struct coap_peer *p, uint64_t now,
                  const uint8_t *options, size_t options_len)
{
    if (!t->active)
        return DFOTA_E_STATE;
    if (t->id)
        coap_peer_cancel(t->peer, now, t->id);
    t->id = 0;
    t->peer = p;
    if (options) {
        t->r.options = options;
        t->r.options_len = options_len;
    }
    coap_peer_note_time(p, now);
    start_again(t, COAP_PUT_SILENCE);
    return 0;
}

void coap_put_stop(struct coap_put *t, uint64_t now)
{
    if (t->active && t->id)
        coap_peer_cancel(t->peer, now, t->id);
    t->active = false;
    t->id = 0;
    t->again_ms = COAP_NEVER;
}

void coap_put_tick(struct coap_put *t, uint64_t now)
{
    if (!t->active || t->again_ms > now)
        return;
    coap_peer_note_time(t->peer, now);
    if (t->repeated) {
        start_again(t, COAP_PUT_BUSY);
        return;
    }
    t->repeated = true;
    send_or_fail(t);
}
