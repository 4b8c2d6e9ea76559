/* SPDX-License-Identifier: Apache-2.0 */
/* Questions of people to one client: asked now, answered when it answers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/known_types.h"
#include "lwm2m/reader.h"
#include "server/lwm2m/lwm2m_service_parts.h"

/* ---- values as JSON ------------------------------------------------------ */

static json_t *bytes_json(const struct lwm2m_value *v)
{
    struct buffer text;
    json_t *j;

    /* TLV has no types: what is text is shown as text. */
    j = v->kind == LWM2M_RAW && v->len > 0 && !memchr(v->data, 0, v->len)
            ? json_stringn(v->data, v->len)
            : NULL;
    if (j)
        return j;
    buffer_init(&text, 2 * (size_t)LWM2M_VALUE_MAX);
    lwm2m_base64_write(&text, v->data, v->len, false);
    j = json_pack("{s:s}", "base64", text.data);
    buffer_release(&text);
    return j;
}

static json_t *raw_json(const struct lwm2m_value *v)
{
    int64_t i;

    /* One, two, four, eight bytes: a number, unless they read as text. */
    if (v->len > 0 && ((const char *)v->data)[0] >= ' ' && v->len != 1)
        return bytes_json(v);
    return lwm2m_as_integer(v, &i) == 0 ? json_integer(i) : bytes_json(v);
}

static json_t *value_json(const struct lwm2m_value *v)
{
    struct buffer text;
    json_t *j;

    switch (v->kind) {
    case LWM2M_RAW:
        return raw_json(v);
    case LWM2M_INTEGER:
        return json_integer(v->integer);
    case LWM2M_REAL:
        return json_real(v->real);
    case LWM2M_BOOLEAN:
        return json_boolean(v->integer);
    case LWM2M_TEXT:
        j = json_stringn(v->data, v->len);
        return j ? j : bytes_json(v);
    case LWM2M_BYTES:
        return bytes_json(v);
    case LWM2M_LINK:
        buffer_init(&text, 16);
        lwm2m_value_print(&text, v);
        j = json_string(text.data);
        buffer_release(&text);
        return j;
    default:
        return json_null();
    }
}

static int on_record(void *ctx, const struct lwm2m_record *r)
{
    char path[LWM2M_PATH_TEXT];
    struct lwm2m_record typed = *r;

    lwm2m_take_known_type(&typed);
    json_array_append_new(ctx, json_pack("{s:s, s:o}", "path",
                                         lwm2m_path_print(&r->path, path),
                                         "value", value_json(&typed.value)));
    return 0;
}

/* ---- answers ------------------------------------------------------------- */

static void on_answer(void *ctx, struct registration *r, uint8_t code,
                      const struct coap_msg *m)
{
    struct lwm2m_request *q = ctx;
    struct lwm2m_sink sink = {.ctx = q->values, .record = on_record};
    uint32_t format = LWM2M_FORMAT_TEXT;

    (void)r;
    q->over = true;
    q->code = code;
    if (code != COAP_CONTENT || !m)
        return;
    (void)coap_msg_uint(m, COAP_CONTENT_FORMAT, &format);
    if (format == LWM2M_FORMAT_LINK)
        json_array_append_new(q->values, json_pack("{s:s%}", "links",
                                                   (const char *)m->payload,
                                                   m->payload_len));
    else
        (void)lwm2m_read(format, &q->path, m->payload, m->payload_len, &sink);
}

/* A free place, or that of the oldest question that is over. */
static struct lwm2m_request *take_place(struct lwm2m_service *s)
{
    struct lwm2m_request *best = NULL;

    for (int i = 0; i < LWM2M_REQUESTS_MAX; i++) {
        struct lwm2m_request *q = &s->requests[i];

        if (q->id == 0)
            return q;
        if (q->over && (!best || q->id < best->id))
            best = q;
    }
    return best;
}

static struct registration_question
question_of(enum lwm2m_action action, const char *path, const char *value)
{
    static const uint8_t codes[] = {[LWM2M_READ] = COAP_GET,
                                    [LWM2M_WRITE] = COAP_PUT,
                                    [LWM2M_EXECUTE] = COAP_POST,
                                    [LWM2M_DISCOVER] = COAP_GET};
    struct registration_question q = registration_question(codes[action], path);

    if (action == LWM2M_DISCOVER)
        q.accept = LWM2M_FORMAT_LINK;
    if (action == LWM2M_WRITE) {
        q.format = LWM2M_FORMAT_TEXT;
        q.payload = value;
        q.payload_len = strlen(value);
    }
    return q;
}

int lwm2m_service_ask(struct lwm2m_service *s, const char *endpoint,
                      enum lwm2m_action action, const char *path,
                      const char *value, uint32_t *id)
{
    struct registration_question q;
    struct registration *r;
    struct lwm2m_request *place;
    struct lwm2m_path p;
    int err = lwm2m_path_parse(path, strlen(path), &p);

    if (err || (action == LWM2M_WRITE && !value))
        return DFOTA_E_SYNTAX;
    q = question_of(action, path, value);
    lwm2m_service_lock(s);
    r = registrar_find(&s->registrar, endpoint);
    place = take_place(s);
    if (!r || r->absent)
        err = DFOTA_E_NOTFOUND;
    else if (!place)
        err = DFOTA_E_FULL;
    if (!err) {
        json_decref(place->values);
        *place = (struct lwm2m_request){
            .id = ++s->next_request, .values = json_array(), .path = p, .s = s};
        strncpy(place->endpoint, endpoint, sizeof place->endpoint - 1);
        q.answer = on_answer;
        q.ctx = place;
        err = registration_ask(&s->registrar, s->registrar.now, r, &q);
        if (err)
            place->over = true;
        *id = place->id;
    }
    lwm2m_service_unlock(s);
    return err;
}

json_t *lwm2m_service_answer(struct lwm2m_service *s, uint32_t id)
{
    json_t *out = NULL;
    char code[8];

    lwm2m_service_lock(s);
    for (int i = 0; i < LWM2M_REQUESTS_MAX && id; i++) {
        const struct lwm2m_request *q = &s->requests[i];
        const char *state = "waiting";

        if (q->id != id)
            continue;
        if (q->over)
            state = q->code ? "answered" : "failed";
        snprintf(code, sizeof code, "%u.%02u", COAP_CLASS(q->code),
                 COAP_DETAIL(q->code));
        out = json_pack("{s:I, s:s, s:s, s:s, s:O}", "id", (json_int_t)q->id,
                        "endpoint", q->endpoint, "state", state, "code",
                        q->code ? code : "", "values", q->values);
    }
    lwm2m_service_unlock(s);
    return out;
}
