/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every registration is asked: the state of its Firmware Update object,
 * observed and read, and its version.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "lwm2m/reader.h"
#include "lwm2m/registrar_parts.h"

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
        lwm2m_as_text(&record->value, text, sizeof text) != 0 ||
        !dfota_is_text(text, strlen(text)))
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
