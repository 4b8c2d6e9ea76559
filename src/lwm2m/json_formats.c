/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SenML JSON, content format 110 (RFC 8428, 5; OMA LwM2M 1.1 Core, 7.4.4),
 * and the JSON of LwM2M 1.0, content format 11543 (6.4.4 there). Jansson
 * reads the text; its own limit of nesting holds.
 */
#include <jansson.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/reader_parts.h"

static void json_init(struct lwm2m_reader *r)
{
    (void)r;
}

static int json_feed(struct lwm2m_reader *r, const uint8_t *data, size_t len)
{
    return buffer_add(&r->text, data, len);
}

static json_t *parse(struct lwm2m_reader *r)
{
    return json_loadb(r->text.data, r->text.len, JSON_REJECT_DUPLICATES, NULL);
}

/* A name of a record; "" when it is not there. errors: E_SYNTAX */
static int name_of(const json_t *object, const char *key, const char **name)
{
    const json_t *j = json_object_get(object, key);

    *name = j ? json_string_value(j) : "";
    return *name && strlen(*name) < SENML_NAME_MAX ? 0 : DFOTA_E_SYNTAX;
}

static int plain(const json_t *j, struct lwm2m_value *v)
{
    if (json_is_integer(j))
        *v = lwm2m_integer(json_integer_value(j));
    else if (json_is_real(j))
        *v = lwm2m_real(json_real_value(j));
    else if (json_is_boolean(j))
        *v = lwm2m_boolean(json_is_true(j));
    else if (json_is_string(j))
        *v = (struct lwm2m_value){.kind = LWM2M_TEXT,
                                  .data = json_string_value(j),
                                  .len = json_string_length(j)};
    else
        return DFOTA_E_SYNTAX;
    return 0;
}

/* One kind of value a format has, by its key. */
struct key_rule {
    const char *key;
    enum { IS_NUMBER, IS_BOOLEAN, IS_STRING } type;
};

static bool suits(const struct lwm2m_value *v, const struct key_rule *rule)
{
    switch (rule->type) {
    case IS_NUMBER:
        return v->kind == LWM2M_INTEGER || v->kind == LWM2M_REAL;
    case IS_BOOLEAN:
        return v->kind == LWM2M_BOOLEAN;
    default:
        return v->kind == LWM2M_TEXT;
    }
}

/* Exactly one value, or none (found false). */
static int value_of(const json_t *record, const struct key_rule *rules,
                    struct lwm2m_value *v, bool *found)
{
    *found = false;
    for (; rules->key; rules++) {
        const json_t *j = json_object_get(record, rules->key);

        if (!j)
            continue;
        if (*found || plain(j, v) != 0 || !suits(v, rules))
            return DFOTA_E_SYNTAX;
        *found = true;
    }
    return 0;
}

/* Labels that change what a value means, or that must be understood. */
static int check_labels(json_t *record)
{
    static const char *const refused[] = {"bv", "bs", "s"};
    const char *key;
    json_t *value;

    if (!json_is_object(record))
        return DFOTA_E_SYNTAX;
    json_object_foreach(record, key, value)
    {
        size_t len = strlen(key);

        for (size_t i = 0; i < 3; i++)
            if (strcmp(key, refused[i]) == 0)
                return DFOTA_E_SYNTAX;
        if (len > 0 && key[len - 1] == '_')
            return DFOTA_E_SYNTAX;
    }
    return 0;
}

/* vd is base64 of the URL alphabet: handed over as the bytes it is. */
static int deliver(struct lwm2m_reader *r, const json_t *record,
                   const struct lwm2m_path *path, struct lwm2m_value *v)
{
    int err = reader_begin(r, path);
    size_t len;

    r->streaming = false;
    if (err || !json_object_get(record, "vd"))
        return err ? err : reader_value(r, path, v);
    err = lwm2m_base64_read(v->data, v->len, r->value, sizeof r->value, &len);
    r->len = (uint16_t)len;
    return err ? err : reader_end(r, path, LWM2M_BYTES);
}

static int one_record(struct lwm2m_reader *r, const char *base_name,
                      json_t *record, const struct key_rule *rules)
{
    struct lwm2m_value v;
    struct lwm2m_path path;
    const char *name;
    bool found;

    if (name_of(record, "n", &name) != 0 ||
        reader_join(base_name, name, &path) != 0 ||
        value_of(record, rules, &v, &found) != 0)
        return DFOTA_E_SYNTAX;
    /* A path alone: what a Read-Composite asks for. */
    if (!found && !json_object_get(record, "n") &&
        !json_object_get(record, "bn"))
        return 0;
    if (!found)
        v = (struct lwm2m_value){.kind = LWM2M_EMPTY};
    return deliver(r, record, &path, &v);
}

static int senml_records(struct lwm2m_reader *r, json_t *all)
{
    static const struct key_rule rules[] = {
        {"v", IS_NUMBER},  {"vs", IS_STRING},  {"vb", IS_BOOLEAN},
        {"vd", IS_STRING}, {"vlo", IS_STRING}, {NULL, IS_NUMBER}};
    const char *base_name = "", *bn;
    size_t i;
    json_t *record;
    int err = json_is_array(all) ? 0 : DFOTA_E_SYNTAX;

    json_array_foreach(all, i, record)
    {
        if (!err)
            err = check_labels(record);
        if (!err && json_object_get(record, "bn")) {
            err = name_of(record, "bn", &bn);
            base_name = bn;
        }
        if (!err)
            err = one_record(r, base_name, record, rules);
        if (err)
            break;
    }
    return err;
}

static int json_records(struct lwm2m_reader *r, json_t *all)
{
    static const struct key_rule rules[] = {{"v", IS_NUMBER},
                                            {"sv", IS_STRING},
                                            {"bv", IS_BOOLEAN},
                                            {"ov", IS_STRING},
                                            {NULL, IS_NUMBER}};
    const json_t *list = json_object_get(all, "e");
    const char *base_name;
    char from_base[LWM2M_PATH_TEXT];
    size_t i;
    json_t *record;

    if (!json_is_array(list) || name_of(all, "bn", &base_name) != 0)
        return DFOTA_E_SYNTAX;
    /* Without a base name, names are relative to the request. */
    if (!json_object_get(all, "bn"))
        base_name = lwm2m_path_print(&r->base, from_base);
    json_array_foreach(list, i, record)
    {
        int err = json_is_object(record)
                      ? one_record(r, base_name, record, rules)
                      : DFOTA_E_SYNTAX;
        if (err)
            return err;
    }
    return 0;
}

static int finish(struct lwm2m_reader *r,
                  int (*records)(struct lwm2m_reader *, json_t *))
{
    json_t *all = parse(r);
    int err = all ? records(r, all) : DFOTA_E_SYNTAX;

    json_decref(all);
    return err;
}

static int senml_finish(struct lwm2m_reader *r)
{
    return finish(r, senml_records);
}

static int json_finish(struct lwm2m_reader *r)
{
    return finish(r, json_records);
}

const struct lwm2m_codec lwm2m_codec_senml_json = {
    LWM2M_FORMAT_SENML_JSON, json_init, json_feed, senml_finish};
const struct lwm2m_codec lwm2m_codec_json = {LWM2M_FORMAT_JSON, json_init,
                                             json_feed, json_finish};
