/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to a client: at once when it listens, else when it is next
 * heard; and the ones that every registration is greeted with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/reader.h"
#include "lwm2m/registrar_parts.h"

/* A question that waits, or is under way. */
struct registration_ask {
    struct registration_ask *next;
    struct registrar *s;
    struct registration *r;
    registration_answer *answer;
    void *ctx;
    uint32_t id; /* of the request, once it is sent */
    struct lwm2m_path path;
    uint16_t accept, format, query_len, payload_len;
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

static void on_reply(void *ctx, const struct coap_reply *reply)
{
    struct registration_ask *a = ctx;
    struct registration *r = a->r;
    bool answered = reply->outcome == COAP_ANSWERED;

    /* Notifications come here too: those stay. */
    if (reply->last)
        unlink_sent(a);
    if (answered)
        r->heard_ms = a->s->now;
    if (a->answer)
        a->answer(a->ctx, r, answered ? reply->m->code : 0,
                  answered ? reply->m : NULL);
    if (reply->last)
        free(a);
}

/* Takes a. */
static int send_ask(struct registration *r, struct registration_ask *a)
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
    err = make_options(r, a, &o);
    request.options = o.data;
    request.options_len = o.len;
    if (!err)
        err = coap_peer_request(r->way->peer, a->s->now, &request, &a->id);
    if (err) {
        free(a);
        return err;
    }
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
                                   .query_len = (uint16_t)query_len,
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
        free(a);
    }
}

/* The list is taken off first: who is told may ask again. */
static void drop_list(struct registration *r, struct registration_ask *a)
{
    while (a) {
        struct registration_ask *next = a->next;

        if (a->id && r->way)
            coap_peer_cancel(r->way->peer, a->s->now, a->id);
        if (a->answer && a->observe != 0)
            a->answer(a->ctx, r, 0, NULL);
        free(a);
        a = next;
    }
}

void asks_drop_sent(struct registrar *s, struct registration *r)
{
    struct registration_ask *sent = r->sent;
    bool leaving = r->leaving;

    (void)s;
    /* Not on this way any more. */
    r->leaving = true;
    r->sent = NULL;
    drop_list(r, sent);
    r->leaving = leaving;
}

void asks_drop(struct registrar *s, struct registration *r)
{
    struct registration_ask *waiting = r->asks;

    asks_drop_sent(s, r);
    r->asks = NULL;
    r->asks_count = 0;
    drop_list(r, waiting);
}

/* ---- what every registration is asked ------------------------------------ */

static int on_record(void *ctx, const struct lwm2m_record *record)
{
    struct registration *r = ctx;
    struct registration_firmware *f = &r->firmware;
    const struct lwm2m_path *p = &record->path;
    int64_t i = -1;

    (void)lwm2m_as_integer(&record->value, &i);
    if (p->id[0] != 5 || p->depth < LWM2M_DEPTH_RESOURCE)
        return 0;
    if (p->id[2] == 3 && i >= 0 && i <= FIRMWARE_UPDATING) {
        f->state = (uint8_t)i;
        f->known = true;
    } else if (p->id[2] == 5 && i >= 0 && i <= 255) {
        f->result = (uint8_t)i;
    } else if (p->id[2] == 9 && i >= 0 && i <= 2) {
        f->delivery = (int8_t)i;
    } else if (p->id[2] == 8 && i >= 0 && i < 8) {
        f->protocols =
            (uint8_t)((f->protocols & 0x80 ? 0 : f->protocols) | 1u << i);
    }
    return 0;
}

static int read_answer(struct registration *r, const struct coap_msg *m,
                       const char *path)
{
    struct lwm2m_path p;
    struct lwm2m_sink sink = {.ctx = r, .record = on_record};
    uint32_t format = LWM2M_FORMAT_TEXT;

    lwm2m_path_parse(path, strlen(path), &p);
    (void)coap_msg_uint(m, COAP_CONTENT_FORMAT, &format);
    return lwm2m_read(format, &p, m->payload, m->payload_len, &sink);
}

static void informed(struct registrar *s, struct registration *r,
                     enum job_news news)
{
    s->ops->event(s->ctx, r, REGISTRAR_FIRMWARE);
    if (r->job)
        job_informed(r->job, news);
}

static void on_firmware(void *ctx, struct registration *r, uint8_t code,
                        const struct coap_msg *m)
{
    if (code == COAP_CONTENT && read_answer(r, m, "/5/0") == 0)
        informed(ctx, r, JOB_NEWS_FIRMWARE);
}

static void on_state(void *ctx, struct registration *r, uint8_t code,
                     const struct coap_msg *m)
{
    if (code == COAP_CONTENT && read_answer(r, m, "/5/0/3") == 0)
        informed(ctx, r, JOB_NEWS_NOTIFIED);
}

static void on_result(void *ctx, struct registration *r, uint8_t code,
                      const struct coap_msg *m)
{
    if (code == COAP_CONTENT && read_answer(r, m, "/5/0/5") == 0)
        informed(ctx, r, JOB_NEWS_NOTIFIED);
}

static int on_version_record(void *ctx, const struct lwm2m_record *record)
{
    struct registration *r = ctx;
    char text[REGISTRAR_VERSION_MAX + 1];

    if (record->path.id[2] != 3 ||
        lwm2m_as_text(&record->value, text, sizeof text) != 0)
        return 0;
    free(r->version);
    r->version = strdup(text);
    return 0;
}

static void on_version(void *ctx, struct registration *r, uint8_t code,
                       const struct coap_msg *m)
{
    struct lwm2m_path p = lwm2m_path_make(3, 3, 0, 3);
    struct lwm2m_sink sink = {.ctx = r, .record = on_version_record};
    uint32_t format = LWM2M_FORMAT_TEXT;

    if (code != COAP_CONTENT)
        return;
    (void)coap_msg_uint(m, COAP_CONTENT_FORMAT, &format);
    if (lwm2m_read(format, &p, m->payload, m->payload_len, &sink) == 0)
        informed(ctx, r, JOB_NEWS_VERSION);
}

void registration_refresh(struct registrar *s, uint64_t now,
                          struct registration *r)
{
    struct registration_question q = registration_question(COAP_GET, "/3/0/3");

    q.ctx = s;
    q.answer = on_version;
    registration_ask(s, now, r, &q);
    q.path = lwm2m_path_make(2, 5, 0, 0);
    q.answer = on_firmware;
    if (registration_has(r, 5))
        registration_ask(s, now, r, &q);
}

void registration_greet(struct registrar *s, struct registration *r)
{
    struct registration_question q = registration_question(COAP_GET, "/5/0/3");
    bool has = registration_has(r, 5);

    q.ctx = s;
    q.observe = 0;
    q.answer = on_state;
    if (has)
        registration_ask(s, s->now, r, &q);
    q.path.id[2] = 5;
    q.answer = on_result;
    if (has)
        registration_ask(s, s->now, r, &q);
    registration_refresh(s, s->now, r);
    asks_flush(s, r);
}
