/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of ours until their last response (RFC 7252 5.3, RFC 7641 3).
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "link/coap_peer.h"

enum {
    ID_LEN = 4, /* our tokens */
    SEQ_HALF = 1 << 23,
    SEQ_MASK = 0xFFFFFF,
    SEQ_ANY_MS = 128000, /* after that long every number is newer */
};

struct coap_pending *coap_pending_by_id(const struct coap_peer *p, uint32_t id)
{
    struct coap_pending *q = p->pending;

    while (q && q->id != id)
        q = q->next;
    return q;
}

static void unlink_pending(struct coap_peer *p, const struct coap_pending *q)
{
    struct coap_pending **at = &p->pending;

    while (*at && *at != q)
        at = &(*at)->next;
    if (*at) {
        *at = q->next;
        p->pending_count--;
    }
}

static void unlink_request(struct coap_peer *p, uint32_t id)
{
    struct coap_out *out = p->queue;

    while (out && out->request != id)
        out = out->next;
    if (out)
        coap_peer_unlink(p, out);
}

void coap_pending_conclude(struct coap_peer *p, struct coap_pending *q,
                           enum coap_outcome outcome, const struct coap_msg *m)
{
    struct coap_reply reply = {.outcome = outcome, .m = m, .last = true};
    coap_reply_fn *fn = q->reply;
    void *ctx = q->ctx;

    unlink_request(p, q->id);
    unlink_pending(p, q);
    free(q);
    fn(ctx, &reply);
}

static uint32_t new_id(struct coap_peer *p)
{
    uint32_t id;

    do {
        id = (uint32_t)coap_peer_random(p);
    } while (id == 0 || coap_pending_by_id(p, id));
    return id;
}

static bool asks_to_observe(const struct coap_msg *m)
{
    uint32_t value;

    return coap_msg_uint(m, COAP_OBSERVE, &value) == 0 && value == 0;
}

int coap_peer_request(struct coap_peer *p, uint64_t now,
                      const struct coap_request *r, uint32_t *id)
{
    struct coap_msg m = {.type = r->non ? COAP_NON : COAP_CON,
                         .code = r->code,
                         .token_len = ID_LEN,
                         .options = r->options_len ? r->options : NULL,
                         .options_len = r->options_len,
                         .payload = r->payload,
                         .payload_len = r->payload_len};
    struct coap_pending *q;
    struct coap_out *out;
    int err;

    coap_peer_note_time(p, now);
    if (p->pending_count >= COAP_PENDING_MAX)
        return DFOTA_E_FULL;
    q = calloc(1, sizeof *q);
    if (!q)
        return DFOTA_E_NOMEM;
    q->id = new_id(p);
    dfota_put_be32(m.token, q->id);
    err = coap_peer_enqueue(p, &m, &out);
    if (err) {
        free(q);
        return err;
    }
    out->request = q->id;
    q->mid = m.mid;
    q->reply = r->reply;
    q->ctx = r->ctx;
    q->due = COAP_NEVER;
    q->observe = asks_to_observe(&m);
    q->next = p->pending;
    p->pending = q;
    p->pending_count++;
    if (id)
        *id = q->id;
    coap_peer_settle(p);
    return 0;
}

void coap_peer_cancel(struct coap_peer *p, uint64_t now, uint32_t id)
{
    struct coap_pending *q = coap_pending_by_id(p, id);

    coap_peer_note_time(p, now);
    if (!q)
        return;
    unlink_request(p, id);
    unlink_pending(p, q);
    free(q);
    coap_peer_settle(p);
}

/* RFC 7641 3.4 */
static bool is_newer(const struct coap_pending *q, uint32_t seq, uint64_t now)
{
    uint32_t ahead = (seq - q->seq) & SEQ_MASK;

    return (ahead != 0 && ahead < SEQ_HALF) || now - q->seq_ms > SEQ_ANY_MS;
}

void coap_pending_take(struct coap_peer *p, struct coap_pending *q,
                       const struct coap_msg *m)
{
    struct coap_reply reply = {.outcome = COAP_ANSWERED, .m = m};
    uint32_t seq;

    unlink_request(p, q->id);
    if (!q->observe || COAP_CLASS(m->code) != 2 ||
        coap_msg_uint(m, COAP_OBSERVE, &seq) != 0) {
        coap_pending_conclude(p, q, COAP_ANSWERED, m);
        return;
    }
    q->due = COAP_NEVER;
    if (q->observed && !is_newer(q, seq, p->now))
        return;
    q->observed = true;
    q->seq = seq & SEQ_MASK;
    q->seq_ms = p->now;
    q->reply(q->ctx, &reply);
}

struct coap_pending *coap_pending_for(const struct coap_peer *p,
                                      const struct coap_msg *m)
{
    if (m->token_len != ID_LEN)
        return NULL;
    return coap_pending_by_id(p, dfota_get_be32(m->token));
}

struct coap_pending *coap_pending_waiting(const struct coap_peer *p,
                                          uint16_t mid)
{
    struct coap_pending *q = p->pending;

    while (q && (q->mid != mid || q->observed))
        q = q->next;
    return q;
}

void coap_pending_expire(struct coap_peer *p)
{
    struct coap_pending *q = p->pending;

    while (q) {
        if (q->due <= p->now) {
            coap_pending_conclude(p, q, COAP_SILENT, NULL);
            q = p->pending; /* the callback may have changed the list */
        } else {
            q = q->next;
        }
    }
}

void coap_pending_release(struct coap_peer *p)
{
    struct coap_pending *q;

    while ((q = p->pending)) {
        p->pending = q->next;
        free(q);
    }
    p->pending_count = 0;
}

uint64_t coap_pending_wake(const struct coap_peer *p)
{
    uint64_t wake = COAP_NEVER;

    for (const struct coap_pending *q = p->pending; q; q = q->next) {
        if (q->due < wake)
            wake = q->due;
    }
    return wake;
}
