/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to a client: at once when it listens, else when it is next
 * heard; and the ones that every registration is greeted with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "link/coap_block.h"
#include "lwm2m/reader.h"
#include "lwm2m/registrar_parts.h"

enum { ASK_TRIES = 3, BODY_STARTS = 3 };

/* An answer that comes in blocks (RFC 7959 2.4). */
struct ask_body {
    struct buffer data;
    uint8_t szx, starts, etag_len;
    uint8_t etag[COAP_ETAG_MAX];
};

/* A question that waits, or is under way. Each registration has two as long
 * as it lives, what it is observed for: 72 bytes, and no more. */
struct registration_ask {
    struct registration_ask *next;
    struct registrar *s;
    struct registration *r;
    registration_answer *answer;
    void *ctx;
    struct ask_body *body;
    uint32_t id; /* of the request, once it is sent */
    struct lwm2m_path path;
    uint16_t accept, format, payload_len;
    uint16_t query_len : 12, tries : 4;
    int8_t observe;
    uint8_t code;
    uint8_t data[]; /* query, payload */
};

struct registration_question registration_question(uint8_t code,
                                                   const char *path)
{
    struct registration_question q = {.code = code,
                                      .accept = LWM2M_FORMAT_NONE,
                                      .format = LWM2M_FORMAT_NONE,
                                      .observe = -1};

    if (lwm2m_path_parse(path, strlen(path), &q.path) != 0)
        q.path = lwm2m_path_make(0, 0, 0, 0);
    return q;
}

bool registration_awake(const struct registrar *s, const struct registration *r)
{
    return r->way && (!r->queue || s->now - r->heard_ms < s->c.awake_ms);
}

int registration_path(const struct registration *r,
                      const struct lwm2m_path *path, struct coap_options *o)
{
    char text[LWM2M_PATH_TEXT + sizeof r->prefix], part[LWM2M_PATH_TEXT];

    lwm2m_path_print(path, part);
    snprintf(text, sizeof text, "%s%s", r->prefix, path->depth ? part : "");
    return coap_options_add_path(o, text);
}

static int make_options(const struct registration *r,
                        const struct registration_ask *a,
                        struct coap_options *o)
{
    size_t at = 0;

    if (a->observe >= 0)
        coap_options_add_uint(o, COAP_OBSERVE, (uint32_t)a->observe);
    registration_path(r, &a->path, o);
    if (a->format != LWM2M_FORMAT_NONE)
        coap_options_add_uint(o, COAP_CONTENT_FORMAT, a->format);
    if (a->accept != LWM2M_FORMAT_NONE)
        coap_options_add_uint(o, COAP_ACCEPT, a->accept);
    while (at < a->query_len) {
        const uint8_t *part = a->data + at;
        const uint8_t *end = memchr(part, '&', a->query_len - at);
        size_t len = end ? (size_t)(end - part) : a->query_len - at;

        coap_options_add(o, COAP_URI_QUERY, part, len);
        at += len + 1;
    }
    return o->err;
}

static void unlink_sent(struct registration_ask *a)
{
    struct registration_ask **at = &a->r->sent;

    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
}

static void free_body(struct registration_ask *a)
{
    if (a->body)
        buffer_release(&a->body->data);
    free(a->body);
    a->body = NULL;
}

static void free_ask(struct registration_ask *a)
{
    free_body(a);
    free(a);
}

/* ---- answers in blocks --------------------------------------------------- */

enum piece { PIECE_WHOLE, PIECE_MORE, PIECE_AGAIN, PIECE_BROKEN };

static struct ask_body *body_of(struct registration_ask *a)
{
    if (a->body)
        return a->body;
    a->body = calloc(1, sizeof *a->body);
    if (a->body)
        buffer_init(&a->body->data, REGISTRAR_ANSWER_MAX);
    return a->body;
}

/* Blocks of two representations are never put together. */
static bool is_same(struct ask_body *body, const struct coap_msg *m, bool first)
{
    struct coap_option etag = {0};
    bool has = coap_msg_find(m, COAP_ETAG, &etag) && etag.len <= COAP_ETAG_MAX;

    if (first) {
        body->etag_len = has ? (uint8_t)etag.len : 0;
        if (has)
            memcpy(body->etag, etag.value, etag.len);
        return true;
    }
    return (has ? etag.len : 0) == body->etag_len &&
           (!has || memcmp(etag.value, body->etag, etag.len) == 0);
}

static enum piece add_block(struct registration_ask *a,
                            const struct coap_msg *m,
                            const struct coap_block *b)
{
    struct ask_body *body = body_of(a);
    bool first = b->num == 0;

    if (!body || (b->more && m->payload_len != coap_block_size(b->szx)))
        return PIECE_BROKEN;
    if (first)
        buffer_clear(&body->data);
    if (coap_block_off(b) != body->data.len || !is_same(body, m, first))
        return body->starts++ < BODY_STARTS ? PIECE_AGAIN : PIECE_BROKEN;
    if (buffer_add(&body->data, m->payload, m->payload_len) != 0)
        return PIECE_BROKEN;
    body->szx = b->szx;
    return b->more ? PIECE_MORE : PIECE_WHOLE;
}

static enum piece take_piece(struct registration_ask *a,
                             const struct coap_msg *m)
{
    struct coap_block b;
    int err = coap_block_find(m, COAP_BLOCK2, &b);

    if (a->code != COAP_GET || a->observe == 0 || m->code != COAP_CONTENT ||
        (err == DFOTA_E_NOTFOUND && !a->body))
        return PIECE_WHOLE;
    if (err)
        return PIECE_BROKEN;
    if (!a->body && b.num == 0 && !b.more)
        return PIECE_WHOLE;
    return add_block(a, m, &b);
}

/* ---- under way ----------------------------------------------------------- */

static void on_reply(void *ctx, const struct coap_reply *reply);

/* Sends the question, or, of an answer in blocks, the one for the next. */
static int send_request(struct registration_ask *a)
{
    uint8_t memory[512];
    struct coap_options o;
    struct coap_request request = {.code = a->code,
                                   .payload = a->data + a->query_len,
                                   .payload_len = a->payload_len,
                                   .reply = on_reply,
                                   .ctx = a};
    int err;

    coap_options_init(&o, memory, sizeof memory);
    err = make_options(a->r, a, &o);
    if (a->body && a->body->data.len > 0) {
        uint8_t szx = a->body->szx;
        struct coap_block b = {.num = (uint32_t)a->body->data.len >> (szx + 4),
                               .szx = szx};

        err = coap_block_add(&o, COAP_BLOCK2, &b);
    }
    request.options = o.data;
    request.options_len = o.len;
    return err ? err
               : coap_peer_request(a->r->way->peer, a->s->now, &request,
                                   &a->id);
}

/* A Read does no harm when it is asked twice. */
static bool is_repeatable(const struct registration_ask *a)
{
    return a->code == COAP_GET && a->observe != 0 && a->answer &&
           a->tries < ASK_TRIES && a->r->asks_count < REGISTRAR_ASKS_MAX;
}

/* Behind what waits already. */
static void wait_again(struct registration_ask *a)
{
    struct registration_ask **at = &a->r->asks;

    free_body(a);
    a->id = 0;
    a->next = NULL;
    while (*at)
        at = &(*at)->next;
    *at = a;
    a->r->asks_count++;
}

static void conclude(struct registration_ask *a, const struct coap_reply *reply,
                     bool answered)
{
    struct coap_msg whole;
    const struct coap_msg *m = answered ? reply->m : NULL;

    if (m && a->body) {
        whole = *m;
        whole.payload = (const uint8_t *)a->body->data.data;
        whole.payload_len = a->body->data.len;
        m = &whole;
    }
    if (a->answer)
        a->answer(a->ctx, a->r, m ? m->code : 0, m);
    if (reply->last)
        free_ask(a);
}

static void on_reply(void *ctx, const struct coap_reply *reply)
{
    struct registration_ask *a = ctx;
    struct registration *r = a->r;
    bool answered = reply->outcome == COAP_ANSWERED;
    enum piece piece = answered ? take_piece(a, reply->m) : PIECE_WHOLE;

    if (answered)
        r->heard_ms = a->s->now;
    if (piece == PIECE_AGAIN)
        buffer_clear(&a->body->data);
    if ((piece == PIECE_MORE || piece == PIECE_AGAIN) && send_request(a) == 0)
        return;
    if (piece != PIECE_WHOLE)
        answered = false;
    /* Notifications come here too: those stay. */
    if (reply->last)
        unlink_sent(a);
    if (reply->outcome == COAP_SILENT && r->queue && !r->leaving &&
        is_repeatable(a))
        wait_again(a); /* it fell asleep */
    else
        conclude(a, reply, answered);
}

/* Takes a. */
static int send_ask(struct registration *r, struct registration_ask *a)
{
    int err = send_request(a);

    if (err) {
        free_ask(a);
        return err;
    }
    a->tries++;
    a->next = r->sent;
    r->sent = a;
    return 0;
}

static struct registration_ask *make_ask(struct registrar *s,
                                         struct registration *r,
                                         const struct registration_question *q)
{
    size_t query_len = q->query ? strlen(q->query) : 0;
    struct registration_ask *a = malloc(sizeof *a + query_len + q->payload_len);

    if (!a)
        return NULL;
    *a = (struct registration_ask){.s = s,
                                   .r = r,
                                   .code = q->code,
                                   .path = q->path,
                                   .accept = (uint16_t)q->accept,
                                   .format = (uint16_t)q->format,
                                   .observe = (int8_t)q->observe,
                                   .answer = q->answer,
                                   .ctx = q->ctx,
                                   .query_len = query_len & 0xFFF,
                                   .payload_len = (uint16_t)q->payload_len};
    if (query_len)
        memcpy(a->data, q->query, query_len);
    if (q->payload_len)
        memcpy(a->data + query_len, q->payload, q->payload_len);
    return a;
}

int registration_ask(struct registrar *s, uint64_t now, struct registration *r,
                     const struct registration_question *q)
{
    struct registration_ask *a, **at = &r->asks;

    s->now = now;
    if (q->payload_len > COAP_PAYLOAD_MAX ||
        (q->query && strlen(q->query) > COAP_PATH_MAX))
        return DFOTA_E_ARG;
    if (r->absent || r->leaving || (!r->way && !r->queue))
        return DFOTA_E_CONNECT;
    if (!registration_awake(s, r) && r->asks_count >= REGISTRAR_ASKS_MAX)
        return DFOTA_E_FULL;
    a = make_ask(s, r, q);
    if (!a)
        return DFOTA_E_NOMEM;
    if (registration_awake(s, r))
        return send_ask(r, a);
    while (*at)
        at = &(*at)->next;
    *at = a;
    r->asks_count++;
    return 0;
}

void asks_flush(struct registrar *s, struct registration *r)
{
    while (r->asks && registration_awake(s, r)) {
        struct registration_ask *a = r->asks;
        registration_answer *fn = a->answer;
        void *ctx = a->ctx;

        r->asks = a->next;
        r->asks_count--;
        if (send_ask(r, a) != 0 && fn)
            fn(ctx, r, 0, NULL);
    }
}

void registration_unobserve(struct registrar *s, uint64_t now,
                            struct registration *r, const void *ctx)
{
    struct registration_ask **at = &r->sent;

    s->now = now;
    while (*at) {
        struct registration_ask *a = *at;

        if (a->observe != 0 || a->ctx != ctx) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        coap_peer_cancel(r->way->peer, now, a->id);
        free_ask(a);
    }
}

/* The list is taken off first: who is told may ask again. */
static void drop_list(struct registration *r, struct registration_ask *a,
                      bool again)
{
    while (a) {
        struct registration_ask *next = a->next;

        if (a->id && r->way)
            coap_peer_cancel(r->way->peer, a->s->now, a->id);
        if (again && is_repeatable(a)) {
            wait_again(a);
        } else {
            if (a->answer && a->observe != 0)
                a->answer(a->ctx, r, 0, NULL);
            free_ask(a);
        }
        a = next;
    }
}

void asks_drop_sent(struct registrar *s, struct registration *r, bool again)
{
    struct registration_ask *sent = r->sent;
    bool leaving = r->leaving;

    (void)s;
    /* Not on this way any more. */
    r->leaving = true;
    r->sent = NULL;
    drop_list(r, sent, again);
    r->leaving = leaving;
}

void asks_drop(struct registrar *s, struct registration *r)
{
    struct registration_ask *waiting;

    asks_drop_sent(s, r, false);
    waiting = r->asks;
    r->asks = NULL;
    r->asks_count = 0;
    drop_list(r, waiting, false);
}

struct registration_ask *asks_take(struct registrar *s, struct registration *r,
                                   const struct lwm2m_job *job)
{
    struct registration_ask **at = &r->asks, *out;

    asks_drop_sent(s, r, true);
    while (*at) {
        struct registration_ask *a = *at;

        if (a->ctx == s || (job && a->ctx == job)) {
            *at = a->next;
            free_ask(a);
        } else {
            at = &a->next;
        }
    }
    out = r->asks;
    r->asks = NULL;
    r->asks_count = 0;
    return out;
}

void asks_give(struct registration *r, struct registration_ask *asks)
{
    while (asks) {
        struct registration_ask *a = asks;

        asks = a->next;
        a->next = NULL;
        a->r = r;
        if (r) {
            wait_again(a);
        } else {
            if (a->answer)
                a->answer(a->ctx, NULL, 0, NULL);
            free_ask(a);
        }
    }
}

void registration_forget(struct registration *r, const void *ctx)
{
    struct registration_ask **at = &r->asks;

    for (struct registration_ask *a = r->sent; a; a = a->next)
        if (a->ctx == ctx)
            a->answer = NULL;
    while (*at) {
        struct registration_ask *a = *at;

        if (a->ctx != ctx) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        r->asks_count--;
        free_ask(a);
    }
}
