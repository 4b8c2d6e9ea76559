/* SPDX-License-Identifier: Apache-2.0 */
/* SenML JSON and the JSON of LwM2M 1.0, written. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/payload_writer.h"

static int set_text(json_t *record, const char *key, struct buffer *text)
{
    int err = text->err;

    if (!err && json_object_set_new(record, key,
                                    json_stringn(text->data, text->len)) != 0)
        err = DFOTA_E_ARG; /* no UTF-8 */
    buffer_release(text);
    return err;
}

static int set_value(json_t *record, const struct lwm2m_value *v, bool senml)
{
    struct buffer text;

    buffer_init(&text, (size_t)2 * LWM2M_VALUE_MAX);
    switch (v->kind) {
    case LWM2M_INTEGER:
        return json_object_set_new(record, "v", json_integer(v->integer));
    case LWM2M_REAL:
        return json_object_set_new(record, "v", json_real(v->real));
    case LWM2M_BOOLEAN:
        return json_object_set_new(record, senml ? "vb" : "bv",
                                   json_boolean(v->integer));
    case LWM2M_LINK:
        lwm2m_value_print(&text, v);
        return set_text(record, senml ? "vlo" : "ov", &text);
    case LWM2M_BYTES:
        lwm2m_base64_write(&text, v->data, v->len, senml);
        return set_text(record, senml ? "vd" : "sv", &text);
    case LWM2M_EMPTY:
        return 0;
    default:
        buffer_add(&text, v->data, v->len);
        return set_text(record, senml ? "vs" : "sv", &text);
    }
}

static void set_base(json_t *record, const struct lwm2m_path *base, bool alone)
{
    char path[LWM2M_PATH_TEXT], text[LWM2M_PATH_TEXT + 1];

    snprintf(text, sizeof text, "%s%s", lwm2m_path_print(base, path),
             base->depth > 0 && !alone ? "/" : "");
    json_object_set_new(record, "bn", json_string(text));
}

/* Names are relative to a base name that ends in a slash, or are not there
 * when a record is the base itself. */
static int fill_record(json_t *record, const struct lwm2m_path *base,
                       const struct lwm2m_record *r, bool senml)
{
    char text[LWM2M_PATH_TEXT], root[LWM2M_PATH_TEXT];
    const char *name = lwm2m_path_print(&r->path, text);

    if (base->depth > 0)
        name += strlen(lwm2m_path_print(base, root));
    if (base->depth > 0 && name[0] == '/')
        name++;
    if (name[0] || !senml)
        json_object_set_new(record, "n", json_string(name));
    return set_value(record, &r->value, senml);
}

int lwm2m_write_json(unsigned format, const struct lwm2m_path *base,
                     const struct lwm2m_record *records, size_t n,
                     struct buffer *out)
{
    bool senml = format == LWM2M_FORMAT_SENML_JSON;
    bool alone = n == 1 && lwm2m_path_equal(base, &records[0].path);
    json_t *list = json_array(), *all = senml ? json_incref(list) : NULL;
    char *text = NULL;
    int err = list ? 0 : DFOTA_E_NOMEM;

    for (size_t i = 0; i < n && !err; i++) {
        json_t *record = json_object();

        if (senml && i == 0 && base->depth > 0)
            set_base(record, base, alone);
        err = fill_record(record, base, &records[i], senml);
        json_array_append_new(list, record);
    }
    if (!senml) {
        all = json_object();
        set_base(all, base, alone);
        json_object_set(all, "e", list);
    }
    if (!err && !(text = json_dumps(all, JSON_COMPACT)))
        err = DFOTA_E_NOMEM;
    if (!err)
        err = buffer_add_str(out, text);
    free(text);
    json_decref(list);
    json_decref(all);
    return err;
}
