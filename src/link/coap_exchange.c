/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages and exchanges with one remote (RFC 7252 4 and 5.3, RFC 7641 3).
 *
 * The queue holds what must be sent in turn. Its first message is in flight
 * or about to be; a CON leaves it by ACK, RST, by the response to it, or by
 * silence, a NON as soon as it is sent.
 */
#include "link/coap_exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "base/err.h"
#include "link/coap_peer.h"

enum { RETRANSMIT_MAX = 8 };

const struct coap_params coap_params_rfc = {
    .ack_timeout_ms = 2000,
    .response_ms = 93000,
    .lifetime_ms = 247000,
    .con_interval_ms = 24 * 3600 * 1000,
    .max_retransmit = 4,
};

uint32_t coap_params_wait_ms(const struct coap_params *p)
{
    return p->ack_timeout_ms * 3 / 2 * ((2U << p->max_retransmit) - 1);
}

/* ---- helpers ------------------------------------------------------------- */

uint64_t coap_peer_random(struct coap_peer *p)
{
    uint64_t z = p->random += 0x9E3779B97F4A7C15;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

uint16_t coap_peer_new_mid(struct coap_peer *p)
{
    return p->next_mid++;
}

void coap_peer_note_time(struct coap_peer *p, uint64_t now)
{
    if (now > p->now)
        p->now = now;
}

void coap_peer_send_empty(struct coap_peer *p, enum coap_type type,
                          uint16_t mid)
{
    struct coap_msg m = {.type = type, .mid = mid};
    uint8_t bytes[4];
    size_t len;

    if (coap_msg_write(&m, bytes, sizeof bytes, &len) == 0)
        p->ops->send(p->ctx, bytes, len);
}

/* ---- the queue ----------------------------------------------------------- */

int coap_peer_enqueue(struct coap_peer *p, struct coap_msg *m,
                      struct coap_out **made)
{
    uint8_t bytes[COAP_DATAGRAM_MAX];
    struct coap_out **at = &p->queue, *out;
    size_t len;

    if (m->options_len > COAP_OPTIONS_MAX + 8 ||
        m->payload_len > COAP_PAYLOAD_MAX)
        return DFOTA_E_ARG;
    if (p->queue_count >= COAP_QUEUE_MAX)
        return DFOTA_E_FULL;
    m->mid = coap_peer_new_mid(p);
    if (coap_msg_write(m, bytes, sizeof bytes, &len) != 0)
        return DFOTA_E_ARG;
    out = calloc(1, sizeof *out + len);
    if (!out)
        return DFOTA_E_NOMEM;
    memcpy(out->bytes, bytes, len);
    out->len = (uint16_t)len;
    out->mid = m->mid;
    out->con = m->type == COAP_CON;
    while (*at)
        at = &(*at)->next;
    *at = out;
    p->queue_count++;
    *made = out;
    return 0;
}

void coap_peer_unlink(struct coap_peer *p, struct coap_out *out)
{
    struct coap_out **at = &p->queue;

    while (*at && *at != out)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = out->next;
    p->queue_count--;
    free(out);
}

static void transmit(struct coap_peer *p, struct coap_out *out)
{
    out->due = p->now + out->timeout_ms;
    out->sent++;
    if (out->observer) {
        out->observer->mid = out->mid;
        out->observer->fresh = false;
    }
    p->ops->send(p->ctx, out->bytes, out->len);
}

static void start_next(struct coap_peer *p)
{
    struct coap_out *out;

    while ((out = p->queue) && !out->in_flight) {
        struct coap_pending *q = coap_pending_by_id(p, out->request);
        uint32_t base = p->params->ack_timeout_ms;

        if (!out->con) {
            p->ops->send(p->ctx, out->bytes, out->len);
            if (q)
                q->due = p->now + p->params->response_ms;
            coap_peer_unlink(p, out);
            continue;
        }
        out->in_flight = true;
        out->timeout_ms =
            base + (uint32_t)(coap_peer_random(p) % (base / 2 + 1));
        transmit(p, out);
    }
}

static uint64_t next_wake(const struct coap_peer *p)
{
    uint64_t wake = coap_seen_wake(p), pending = coap_pending_wake(p);

    if (pending < wake)
        wake = pending;
    if (p->queue && p->queue->in_flight && p->queue->due < wake)
        wake = p->queue->due;
    return wake;
}

void coap_peer_settle(struct coap_peer *p)
{
    uint64_t wake;

    start_next(p);
    wake = next_wake(p);
    if (wake == p->wake)
        return;
    p->wake = wake;
    if (p->ops->wake)
        p->ops->wake(p->ctx, wake);
}

static bool response_is_critical(const struct coap_msg *m)
{
    static const uint16_t known[] = {COAP_BLOCK1, COAP_BLOCK2};

    return coap_msg_critical(m, known, sizeof known / sizeof known[0]) != 0;
}

/* ---- ACK and RST --------------------------------------------------------- */

static struct coap_out *in_flight(const struct coap_peer *p, uint16_t mid)
{
    struct coap_out *out = p->queue;

    return out && out->in_flight && out->mid == mid ? out : NULL;
}

static void take_ack(struct coap_peer *p, const struct coap_msg *m)
{
    struct coap_out *out = in_flight(p, m->mid);
    struct coap_pending *q;

    if (m->code != COAP_EMPTY) {
        /* Also when an empty ACK came before: the response is what counts. */
        q = coap_pending_for(p, m);
        if (q && q->mid == m->mid && coap_msg_is_response(m) &&
            !response_is_critical(m))
            coap_pending_take(p, q, m);
        return;
    }
    if (!out)
        return;
    q = coap_pending_by_id(p, out->request);
    if (q && q->due == COAP_NEVER)
        q->due = p->now + p->params->response_ms;
    coap_peer_unlink(p, out);
}

static void take_reset(struct coap_peer *p, uint16_t mid)
{
    struct coap_out *out = in_flight(p, mid);
    struct coap_pending *q = out ? coap_pending_by_id(p, out->request)
                                 : coap_pending_waiting(p, mid);

    if (out && out->observer)
        coap_observe_gone(p, out->observer);
    else if (q)
        coap_pending_conclude(p, q, COAP_RESET, NULL);
    else if (out)
        coap_peer_unlink(p, out);
    else
        coap_observe_reset(p, mid);
}

/* ---- CON and NON --------------------------------------------------------- */

static void keep_and_send(struct coap_peer *p, uint16_t mid, const void *bytes,
                          size_t len)
{
    coap_seen_set(p, mid, COAP_SEEN_BYTES, bytes, len);
    p->ops->send(p->ctx, bytes, len);
}

static void answer_empty(struct coap_peer *p, enum coap_type type, uint16_t mid)
{
    struct coap_msg m = {.type = type, .mid = mid};
    uint8_t bytes[4];
    size_t len;

    if (coap_msg_write(&m, bytes, sizeof bytes, &len) == 0)
        keep_and_send(p, mid, bytes, len);
}

static void take_request(struct coap_peer *p, const struct coap_msg *m)
{
    struct coap_ticket t = {
        .mid = m->mid, .con = m->type == COAP_CON, .token_len = m->token_len};
    struct coap_answer none = {.code = COAP_NOT_FOUND};
    struct coap_seen *seen;

    memcpy(t.token, m->token, sizeof t.token);
    if (p->ops->request)
        p->ops->request(p->ctx, &t, m);
    else
        coap_peer_answer(p, p->now, &t, &none);
    seen = coap_seen_by_mid(p, m->mid);
    if (!seen || seen->state != COAP_SEEN_OPEN)
        return;
    if (t.con)
        answer_empty(p, COAP_ACK, m->mid);
    else
        seen->state = COAP_SEEN_SILENT;
}

static void take_separate(struct coap_peer *p, const struct coap_msg *m)
{
    struct coap_pending *q = coap_pending_for(p, m);

    if (!q || response_is_critical(m)) {
        answer_empty(p, COAP_RST, m->mid);
        return;
    }
    if (m->type == COAP_CON)
        answer_empty(p, COAP_ACK, m->mid);
    coap_pending_take(p, q, m);
}

struct again {
    struct coap_peer *peer;
    const struct coap_msg *m;
};

static void send_again(void *ctx, const struct coap_answer *a)
{
    const struct again *again = ctx;
    struct coap_msg m = {.type = COAP_ACK,
                         .code = a->code,
                         .mid = again->m->mid,
                         .token_len = again->m->token_len,
                         .options = a->options,
                         .options_len = a->options_len,
                         .payload = a->payload,
                         .payload_len = a->payload_len};
    uint8_t bytes[COAP_DATAGRAM_MAX];
    size_t len;

    memcpy(m.token, again->m->token, sizeof m.token);
    if (coap_msg_write(&m, bytes, sizeof bytes, &len) == 0)
        again->peer->ops->send(again->peer->ctx, bytes, len);
}

static void repeat(struct coap_peer *p, const struct coap_seen *seen,
                   const struct coap_msg *m)
{
    struct again again = {p, m};
    uint8_t recipe[COAP_RECIPE_MAX];

    if (seen->state == COAP_SEEN_BYTES) {
        p->ops->send(p->ctx, seen->bytes, seen->len);
    } else if (seen->state == COAP_SEEN_RECIPE && p->ops->rebuild) {
        memcpy(recipe, seen->bytes, seen->len);
        p->ops->rebuild(p->ctx, recipe, seen->len, send_again, &again);
    }
}

static void take_message(struct coap_peer *p, const struct coap_msg *m,
                         uint32_t sum)
{
    const struct coap_seen *seen = coap_seen_find(p, m->mid, sum);

    if (seen) {
        repeat(p, seen, m);
        return;
    }
    /* Without memory to know it again it is as if it were lost. */
    if (!coap_seen_add(p, m->mid, sum))
        return;
    if (coap_msg_is_request(m))
        take_request(p, m);
    else
        take_separate(p, m);
}

void coap_peer_receive(struct coap_peer *p, uint64_t now, const uint8_t *data,
                       size_t len)
{
    struct coap_msg m;
    int err = coap_msg_parse(&m, data, len);

    coap_peer_note_time(p, now);
    coap_seen_expire(p);
    if (err == DFOTA_E_PROTOCOL)
        return;
    if (err) {
        if (m.type == COAP_CON)
            coap_peer_send_empty(p, COAP_RST, m.mid);
    } else if (m.type == COAP_ACK) {
        take_ack(p, &m);
    } else if (m.type == COAP_RST) {
        if (m.code == COAP_EMPTY)
            take_reset(p, m.mid);
    } else if (m.code != COAP_EMPTY) {
        take_message(p, &m, dfota_crc32(0, data, len));
    } else if (m.type == COAP_CON) { /* "CoAP ping" */
        coap_peer_send_empty(p, COAP_RST, m.mid);
    }
    coap_peer_settle(p);
}

/* ---- answers ------------------------------------------------------------- */

static void remember(struct coap_peer *p, const struct coap_ticket *t,
                     const struct coap_answer *a, const uint8_t *bytes,
                     size_t len)
{
    if (!t->con)
        coap_seen_set(p, t->mid, COAP_SEEN_SILENT, NULL, 0);
    else if (len > COAP_ANSWER_KEPT && a->recipe)
        coap_seen_set(p, t->mid, COAP_SEEN_RECIPE, a->recipe, a->recipe_len);
    else
        coap_seen_set(p, t->mid, COAP_SEEN_BYTES, bytes, len);
}

static int answer_at_once(struct coap_peer *p, const struct coap_ticket *t,
                          struct coap_msg *m, const struct coap_answer *a)
{
    uint8_t bytes[COAP_DATAGRAM_MAX];
    size_t len;

    m->type = t->con ? COAP_ACK : COAP_NON;
    m->mid = t->con ? t->mid : coap_peer_new_mid(p);
    if (coap_msg_write(m, bytes, sizeof bytes, &len) != 0)
        return DFOTA_E_ARG;
    remember(p, t, a, bytes, len);
    p->ops->send(p->ctx, bytes, len);
    return 0;
}

int coap_peer_answer(struct coap_peer *p, uint64_t now,
                     const struct coap_ticket *t, const struct coap_answer *a)
{
    struct coap_msg m = {.type = COAP_CON,
                         .code = a->code,
                         .token_len = t->token_len,
                         .options = a->options_len ? a->options : NULL,
                         .options_len = a->options_len,
                         .payload = a->payload,
                         .payload_len = a->payload_len};
    const struct coap_seen *seen = coap_seen_by_mid(p, t->mid);
    struct coap_out *out;
    int err;

    coap_peer_note_time(p, now);
    if (a->options_len > COAP_OPTIONS_MAX ||
        a->payload_len > COAP_PAYLOAD_MAX || a->recipe_len > COAP_RECIPE_MAX)
        return DFOTA_E_ARG;
    memcpy(m.token, t->token, sizeof m.token);
    if (!t->con || (seen && seen->state == COAP_SEEN_OPEN))
        return answer_at_once(p, t, &m, a);
    err = coap_peer_enqueue(p, &m, &out);
    coap_peer_settle(p);
    return err;
}

/* ---- life ---------------------------------------------------------------- */

void coap_peer_init(struct coap_peer *p, const struct coap_peer_ops *ops,
                    void *ctx, const struct coap_params *params, uint64_t seed)
{
    *p = (struct coap_peer){.ops = ops,
                            .ctx = ctx,
                            .params = params,
                            .random = seed,
                            .wake = COAP_NEVER};
    p->next_mid = (uint16_t)coap_peer_random(p);
}

void coap_peer_release(struct coap_peer *p)
{
    while (p->queue)
        coap_peer_unlink(p, p->queue);
    coap_pending_release(p);
    p->observers = NULL;
    coap_seen_release(p);
}

bool coap_peer_idle(const struct coap_peer *p)
{
    return !p->queue && !p->pending && !p->observers;
}

bool coap_peer_owes(const struct coap_peer *p)
{
    return p->queue != NULL;
}

static void give_up(struct coap_peer *p, struct coap_out *out)
{
    struct coap_pending *q = coap_pending_by_id(p, out->request);

    if (out->observer)
        coap_observe_gone(p, out->observer);
    else if (q)
        coap_pending_conclude(p, q, COAP_SILENT, NULL);
    else
        coap_peer_unlink(p, out);
}

/* A notification that is overtaken by a newer one is not sent again: the
 * newer one takes over its place, its tries and its wait. */
static struct coap_out *newest(struct coap_peer *p, struct coap_out *out)
{
    struct coap_out *newer = coap_observe_newer(out);
    struct coap_out **at = &out->next;

    if (!newer)
        return out;
    while (*at != newer)
        at = &(*at)->next;
    *at = newer->next;
    newer->next = p->queue;
    p->queue = newer;
    newer->in_flight = true;
    newer->timeout_ms = out->timeout_ms;
    newer->sent = out->sent;
    coap_peer_unlink(p, out);
    return newer;
}

static void retransmit(struct coap_peer *p)
{
    struct coap_out *out = p->queue;

    if (!out || !out->in_flight || out->due > p->now)
        return;
    if (out->sent > p->params->max_retransmit || out->sent > RETRANSMIT_MAX) {
        give_up(p, out);
        return;
    }
    out = newest(p, out);
    out->timeout_ms *= 2;
    transmit(p, out);
}

void coap_peer_tick(struct coap_peer *p, uint64_t now)
{
    coap_peer_note_time(p, now);
    retransmit(p);
    coap_pending_expire(p);
    coap_seen_expire(p);
    coap_peer_settle(p);
}
