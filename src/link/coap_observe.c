/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observations, the side that is observed (RFC 7641 4).
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "link/coap_peer.h"

enum { SEQ_MASK = 0xFFFFFF };

struct coap_observer *coap_peer_find_observer(const struct coap_peer *p,
                                              const uint8_t *token,
                                              size_t token_len)
{
    struct coap_observer *o = p->observers;

    while (o && (o->token_len != token_len ||
                 memcmp(o->token, token, token_len) != 0))
        o = o->next;
    return o;
}

static void take_off(struct coap_peer *p, const struct coap_observer *o)
{
    struct coap_observer **at = &p->observers;
    struct coap_out *out, *next;

    while (*at && *at != o)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = o->next;
    for (out = p->queue; out; out = next) {
        next = out->next;
        if (out->observer == o)
            coap_peer_unlink(p, out);
    }
}

void coap_observe_gone(struct coap_peer *p, struct coap_observer *o)
{
    take_off(p, o);
    if (o->gone)
        o->gone(o->ctx, o);
}

bool coap_observe_reset(struct coap_peer *p, uint16_t mid)
{
    struct coap_observer *o = p->observers;

    while (o && (o->fresh || o->mid != mid))
        o = o->next;
    if (o)
        coap_observe_gone(p, o);
    return o != NULL;
}

struct coap_out *coap_observe_newer(const struct coap_out *out)
{
    struct coap_out *newer = out->next;

    if (!out->observer)
        return NULL;
    while (newer && newer->observer != out->observer)
        newer = newer->next;
    return newer;
}

void coap_peer_observe(struct coap_peer *p, uint64_t now,
                       struct coap_observer *o,
                       const struct coap_ticket *ticket)
{
    struct coap_observer *old =
        coap_peer_find_observer(p, ticket->token, ticket->token_len);

    coap_peer_note_time(p, now);
    if (old && old != o)
        coap_observe_gone(p, old);
    take_off(p, o);
    memcpy(o->token, ticket->token, sizeof o->token);
    o->token_len = ticket->token_len;
    o->fresh = true;
    o->seq = (o->seq + 1) & SEQ_MASK;
    o->con_ms = p->now;
    o->next = p->observers;
    p->observers = o;
    coap_peer_settle(p);
}

void coap_peer_unobserve(struct coap_peer *p, struct coap_observer *o)
{
    take_off(p, o);
    coap_peer_settle(p);
}

/* One that waits already, or NULL; the one in flight does not count. */
static struct coap_out *waiting(const struct coap_peer *p,
                                const struct coap_observer *o, bool *in_flight)
{
    struct coap_out *found = NULL;

    *in_flight = false;
    for (struct coap_out *out = p->queue; out; out = out->next) {
        if (out->observer != o)
            continue;
        if (out->in_flight)
            *in_flight = true;
        else
            found = out;
    }
    return found;
}

static int send_non(struct coap_peer *p, struct coap_msg *m)
{
    uint8_t bytes[COAP_DATAGRAM_MAX];
    size_t len;
    int err;

    m->type = COAP_NON;
    m->mid = coap_peer_new_mid(p);
    err = coap_msg_write(m, bytes, sizeof bytes, &len);
    if (!err)
        p->ops->send(p->ctx, bytes, len);
    return err;
}

static int send_notification(struct coap_peer *p, struct coap_observer *o,
                             struct coap_msg *m, bool con)
{
    bool in_flight;
    struct coap_out *old = waiting(p, o, &in_flight), *out;
    int err;

    if (!con && !old && !in_flight) {
        err = send_non(p, m);
        o->mid = m->mid;
        o->fresh = false;
        return err;
    }
    m->type = COAP_CON;
    err = coap_peer_enqueue(p, m, &out);
    if (err)
        return err;
    if (old)
        coap_peer_unlink(p, old);
    out->observer = o;
    o->con_ms = p->now;
    return 0;
}

int coap_peer_notify(struct coap_peer *p, uint64_t now, struct coap_observer *o,
                     const struct coap_answer *a, bool con)
{
    uint8_t bytes[COAP_OPTIONS_MAX + 8];
    struct coap_options options;
    bool ends = COAP_CLASS(a->code) != 2;
    struct coap_msg m = {.code = a->code,
                         .token_len = o->token_len,
                         .payload = a->payload,
                         .payload_len = a->payload_len};
    int err;

    coap_peer_note_time(p, now);
    if (a->options_len > COAP_OPTIONS_MAX || a->payload_len > COAP_PAYLOAD_MAX)
        return DFOTA_E_ARG;
    coap_options_init(&options, bytes, sizeof bytes);
    coap_options_add_all(&options, a->options, a->options_len);
    o->seq = (o->seq + 1) & SEQ_MASK;
    if (!ends)
        coap_options_add_uint(&options, COAP_OBSERVE, o->seq);
    memcpy(m.token, o->token, sizeof m.token);
    m.options = bytes;
    m.options_len = options.len;
    con |= p->now - o->con_ms >= p->params->con_interval_ms;
    err = options.err ? options.err : send_notification(p, o, &m, con);
    if (!err && ends) {
        for (struct coap_out *out = p->queue; out; out = out->next) {
            if (out->observer == o && !out->in_flight)
                out->observer = NULL; /* the last word still goes out */
        }
        take_off(p, o);
    }
    coap_peer_settle(p);
    return err;
}
