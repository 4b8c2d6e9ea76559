/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/plan_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/plan_spec_priv.h"
#include "server/fleet/units.h"

enum { WORDS_MAX = 1000, WORD_MAX = 100, IMEIS_MAX = 100000, DAY_S = 86400 };

bool spec_refuse(struct spec_reader *r, int err, const char *path,
                 const char *wanted)
{
    if (!r->err) {
        r->err = err;
        snprintf(r->why, PLAN_WHY_ROOM, "%s: %s", path, wanted);
    }
    return false;
}

/* ---- values ---- */

bool spec_take_integer(struct spec_reader *r, const char *path,
                       const json_t *json, int64_t low, int64_t high,
                       int64_t *out)
{
    char wanted[80];

    if (json_is_integer(json) && json_integer_value(json) >= low &&
        json_integer_value(json) <= high) {
        *out = json_integer_value(json);
        return true;
    }
    snprintf(wanted, sizeof wanted, "a whole number from %lld to %lld",
             (long long)low, (long long)high);
    return spec_refuse(r, DFOTA_E_SYNTAX, path, wanted);
}

bool spec_take_small(struct spec_reader *r, const char *path,
                     const json_t *json, int low, int high, int *out)
{
    int64_t number;

    if (!spec_take_integer(r, path, json, low, high, &number))
        return false;
    *out = (int)number;
    return true;
}

bool spec_take_duration(struct spec_reader *r, const char *path,
                        const json_t *json, int64_t *out)
{
    const char *text = json_string_value(json);

    if (text && units_duration(text, 0, (int64_t)400 * DAY_S, out))
        return true;
    return spec_refuse(
        r, DFOTA_E_SYNTAX, path,
        "a duration such as \"90s\", \"15m\", \"24h\", \"14d\", at "
        "most 400d");
}

static bool take_moment(struct spec_reader *r, const char *path,
                        const json_t *json, int64_t *out)
{
    const char *text = json_string_value(json);

    if (text && units_moment(text, out))
        return true;
    return spec_refuse(r, DFOTA_E_SYNTAX, path,
                       "a moment such as \"2026-11-20T06:30:00Z\"");
}

static bool is_word(const json_t *json)
{
    return json_is_string(json) && json_string_length(json) > 0 &&
           json_string_length(json) <= WORD_MAX &&
           strlen(json_string_value(json)) == json_string_length(json);
}

static bool take_words(struct spec_reader *r, const char *path,
                       const json_t *json, struct plan_words *out)
{
    size_t n = json_array_size(json), i;
    const json_t *word;

    if (!json_is_array(json) || n > WORDS_MAX)
        return spec_refuse(r, DFOTA_E_SYNTAX, path,
                           "a list of at most 1000 words");
    out->all = calloc(n + 1, sizeof *out->all);
    if (!out->all)
        return spec_refuse(r, DFOTA_E_NOMEM, path, "out of memory");
    json_array_foreach(json, i, word)
    {
        if (!is_word(word))
            return spec_refuse(r, DFOTA_E_SYNTAX, path,
                               "each a text of 1 to 100 bytes");
        out->all[out->n] = strdup(json_string_value(word));
        if (!out->all[out->n])
            return spec_refuse(r, DFOTA_E_NOMEM, path, "out of memory");
        out->n++;
    }
    return true;
}

static bool take_imeis(struct spec_reader *r, const json_t *json)
{
    struct plan_imeis *out = &r->spec->imeis;
    const char *path = "select.imeis";
    size_t n = json_array_size(json), i;
    const json_t *word;

    if (!json_is_array(json) || n > IMEIS_MAX)
        return spec_refuse(r, DFOTA_E_SYNTAX, path,
                           "a list of at most 100000 IMEIs");
    *out = (struct plan_imeis){.all = calloc(n + 1, sizeof *out->all)};
    if (!out->all)
        return spec_refuse(r, DFOTA_E_NOMEM, path, "out of memory");
    json_array_foreach(json, i, word)
    {
        if (!plan_imei_parse(json_string_value(word), &out->all[out->n++]))
            return spec_refuse(r, DFOTA_E_SYNTAX, path,
                               "each a text of 15 digits");
    }
    plan_imeis_sort(out);
    return true;
}

/* ---- objects: a table of fields, and every other name refused ---- */

bool spec_take_object(struct spec_reader *r, const char *path,
                      const json_t *json, const struct spec_field *fields)
{
    char text[80];
    const char *name;
    json_t *value;

    if (!json_is_object(json))
        return spec_refuse(r, DFOTA_E_SYNTAX, path, "an object");
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        const struct spec_field *field = fields;

        while (field->name && strcmp(field->name, name) != 0)
            field++;
        if (!field->name) {
            snprintf(text, sizeof text, "there is no field \"%.40s\"", name);
            return spec_refuse(r, DFOTA_E_SYNTAX, path, text);
        }
        if (!field->take(r, value))
            return false;
    }
    return true;
}

static bool take_versions(struct spec_reader *r, const json_t *value)
{
    return take_words(r, "select.versions", value, &r->spec->versions);
}

static bool take_groups(struct spec_reader *r, const json_t *value)
{
    return take_words(r, "select.groups", value, &r->spec->groups);
}

static bool take_tags(struct spec_reader *r, const json_t *value)
{
    return take_words(r, "select.tags", value, &r->spec->tags);
}

static bool take_select(struct spec_reader *r, const json_t *value)
{
    static const struct spec_field fields[] = {{"versions", take_versions},
                                               {"groups", take_groups},
                                               {"tags", take_tags},
                                               {"imeis", take_imeis},
                                               {NULL, NULL}};

    return spec_take_object(r, "select", value, fields);
}

static bool take_from(struct spec_reader *r, const json_t *value)
{
    const char *text = json_string_value(value);

    return (text && units_time_of_day(text, &r->spec->from)) ||
           spec_refuse(r, DFOTA_E_SYNTAX, "window.from",
                       "a time such as \"22:00\"");
}

static bool take_to(struct spec_reader *r, const json_t *value)
{
    const char *text = json_string_value(value);

    return (text && units_time_of_day(text, &r->spec->to)) ||
           spec_refuse(r, DFOTA_E_SYNTAX, "window.to",
                       "a time such as \"06:00\"");
}

static bool take_zone(struct spec_reader *r, const json_t *value)
{
    const char *name = json_string_value(value);

    if (!name || zone_load(name, &r->spec->zone) != 0)
        return spec_refuse(r, DFOTA_E_SYNTAX, "window.zone",
                           "a time zone such as \"Europe/Berlin\"");
    snprintf(r->spec->zone_name, sizeof r->spec->zone_name, "%s", name);
    return true;
}

static bool take_window(struct spec_reader *r, const json_t *value)
{
    static const struct spec_field fields[] = {{"from", take_from},
                                               {"to", take_to},
                                               {"zone", take_zone},
                                               {NULL, NULL}};

    if (!spec_take_object(r, "window", value, fields))
        return false;
    return r->spec->from != r->spec->to ||
           spec_refuse(
               r, DFOTA_E_SYNTAX, "window",
               "\"from\" and \"to\" that differ; leave it out for all day");
}

static bool take_transport(struct spec_reader *r, const json_t *json)
{
    const json_t *value;
    unsigned one;
    size_t i;

    if (!json_is_array(json) || json_array_size(json) == 0)
        return spec_refuse(r, DFOTA_E_SYNTAX, "transport", "a list");
    r->spec->transport = 0;
    json_array_foreach(json, i, value)
    {
        if (!json_is_string(value) ||
            !plan_transport_parse(json_string_value(value), &one))
            return spec_refuse(
                r, DFOTA_E_SYNTAX, "transport",
                "of http, https, coap, coaps, lwm2m, lwm2m-push, "
                "lwm2m-pull, host");
        r->spec->transport |= one;
    }
    return true;
}

#define TAKE(name, call)                                                       \
    static bool take_##name(struct spec_reader *r, const json_t *v)            \
    {                                                                          \
        return call;                                                           \
    }
TAKE(start, take_moment(r, "start", v, &r->spec->start))
TAKE(end, take_moment(r, "end", v, &r->spec->end))
TAKE(battery, spec_take_small(r, "battery", v, 0, 100, &r->spec->battery))
TAKE(signal, spec_take_small(r, "signal", v, -150, 0, &r->spec->signal))
TAKE(concurrency, spec_take_integer(r, "concurrency", v, 1, 100000000,
                                    &r->spec->concurrency))
TAKE(attempts, spec_take_integer(r, "attempts", v, 1, 100, &r->spec->attempts))
TAKE(priority,
     spec_take_integer(r, "priority", v, -1000, 1000, &r->spec->priority))
TAKE(download, spec_take_duration(r, "download", v, &r->spec->download_s))
TAKE(update, spec_take_duration(r, "update", v, &r->spec->update_s))
TAKE(rollback,
     spec_take_integer(r, "rollback", v, 1, INT64_MAX, &r->spec->rollback))
TAKE(wear, spec_take_integer(r, "wear", v, 0, 100000, &r->spec->wear_max))

static const struct spec_field top[] = {{"select", take_select},
                                        {"stages", spec_take_stages},
                                        {"window", take_window},
                                        {"abort", spec_take_rules},
                                        {"no_retry", spec_take_barred},
                                        {"retry", spec_take_retry},
                                        {"pace", spec_take_pace},
                                        {"rollback", take_rollback},
                                        {"transport", take_transport},
                                        {"start", take_start},
                                        {"end", take_end},
                                        {"battery", take_battery},
                                        {"signal", take_signal},
                                        {"concurrency", take_concurrency},
                                        {"attempts", take_attempts},
                                        {"priority", take_priority},
                                        {"download", take_download},
                                        {"update", take_update},
                                        {"wear", take_wear},
                                        {NULL, NULL}};

static bool check_whole(struct spec_reader *r)
{
    const struct plan_spec *spec = r->spec;

    if (spec->end && spec->end <= spec->start)
        return spec_refuse(r, DFOTA_E_SYNTAX, "end",
                           "a moment after \"start\"");
    if (spec->download_s < 60)
        return spec_refuse(r, DFOTA_E_SYNTAX, "download", "at least 60s");
    if (spec->update_s < 60)
        return spec_refuse(r, DFOTA_E_SYNTAX, "update", "at least 60s");
    return true;
}

/* 511: the package is for another firmware; 505 and 506: it was not there
 * or damaged, which another download mends. */
int plan_spec_parse(const json_t *json, struct plan_spec *out,
                    char why[PLAN_WHY_ROOM])
{
    struct spec_reader r = {.spec = out, .why = why};

    *out = (struct plan_spec){.concurrency = 1000,
                              .attempts = 3,
                              .transport = PLAN_HTTP | PLAN_HTTPS,
                              .download_s = DAY_S,
                              .update_s = (int64_t)16 * DAY_S,
                              .wear_max = 750,
                              .barred = {511},
                              .n_barred = 1};
    if (spec_take_object(&r, "plan", json, top))
        check_whole(&r);
    if (r.err)
        plan_spec_release(out);
    return r.err;
}
