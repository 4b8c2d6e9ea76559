/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api_call.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/units.h"

enum { LIMIT_DEFAULT = 100 };

int api_answer(struct api_call *call, unsigned status, json_t *json)
{
    json_decref(call->answer);
    call->answer = json;
    call->status = status;
    return json ? 0 : DFOTA_E_NOMEM;
}

int api_refuse(struct api_call *call, unsigned status, const char *format, ...)
{
    char sentence[320];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    api_answer(call, status,
               json_pack("{s:s, s:i, s:s}", "title",
                         status == 404   ? "not found"
                         : status == 403 ? "forbidden"
                         : status == 401 ? "unauthorised"
                         : status == 409 ? "conflict"
                                         : "refused",
                         "status", (int)status, "detail", sentence));
    return DFOTA_E_CANCELLED;
}

static bool is_clean(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    }
    return true;
}

const char *api_text(struct api_call *call, const char *name, size_t max,
                     bool may_be_missing)
{
    const json_t *value = json_object_get(call->body, name);
    size_t len = json_string_length(value);

    if (json_is_string(value) && len > 0 && len <= max &&
        is_clean(json_string_value(value), len))
        return json_string_value(value);
    if (value || !may_be_missing)
        api_refuse(call, 400, "%s: a text of 1 to %zu bytes is wanted", name,
                   max);
    return NULL;
}

bool api_number(const char *text, int64_t *out)
{
    return text && units_number(text, 0, INT64_MAX, out);
}

int api_only(struct api_call *call, const char *const *names)
{
    const char *name;
    json_t *value;

    json_object_foreach(call->body, name, value)
    {
        const char *const *known = names;

        while (*known && strcmp(*known, name) != 0)
            known++;
        if (!*known)
            return api_refuse(call, 400, "%.40s: there is no such field", name);
    }
    return 0;
}

const char *api_query(const struct api_call *call, const char *name)
{
    const char *text = http_query(call->request, name);

    return text ? text : "";
}

int64_t api_limit(const struct api_call *call)
{
    int64_t limit;

    if (!units_number(api_query(call, "limit"), 1, API_LIMIT_MAX, &limit))
        limit = LIMIT_DEFAULT;
    return limit;
}

int64_t api_cursor(const struct api_call *call, int64_t first)
{
    int64_t cursor;

    return api_number(api_query(call, "cursor"), &cursor) ? cursor : first;
}

static json_t *moment(const struct sql_rows *rows, int column)
{
    char text[32];

    if (!sql_text(rows, column) || sql_int(rows, column) == 0)
        return json_null();
    units_moment_text(sql_int(rows, column), text);
    return json_string(text);
}

static json_t *list_of(const char *text)
{
    json_t *list = json_array();

    while (*(text += strspn(text, ","))) {
        size_t len = strcspn(text, ",");

        json_array_append_new(list, json_stringn(text, len));
        text += len;
    }
    return list;
}

static json_t *value_of(const struct sql_rows *rows, int column, char type)
{
    const char *text = sql_text(rows, column);

    if (!text)
        return json_null();
    switch (type) {
    case 'i':
        return json_integer(sql_int(rows, column));
    case 't':
        return moment(rows, column);
    case 'b':
        return json_boolean(sql_int(rows, column) != 0);
    case 'l':
        return list_of(text);
    case 'j':
        return json_loads(text, JSON_DECODE_ANY, NULL);
    default:
        return json_string(text);
    }
}

static json_t *object_of(const struct sql_rows *rows, const char *columns)
{
    json_t *object = json_object();
    char name[32];

    for (int i = 0; *columns; i++) {
        size_t len = strcspn(columns, ":");

        snprintf(name, sizeof name, "%.*s", (int)len, columns);
        json_object_set_new(object, name, value_of(rows, i, columns[len + 1]));
        columns += len + 2;
        columns += *columns == ' ';
    }
    return object;
}

int api_rows(struct sql *sql, const char *columns, json_t **out,
             const char *text, const struct sql_arg *args, size_t n_args)
{
    struct sql_rows rows;
    json_t *list = json_array();
    int err = sql_query(sql, &rows, text, args, n_args);

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE)
        err = json_array_append_new(list, object_of(&rows, columns)) == 0
                  ? 0
                  : DFOTA_E_NOMEM;
    sql_done(&rows);
    if (err)
        json_decref(list);
    else
        *out = list;
    return err;
}

int api_page(struct api_call *call, struct sql *sql, const char *columns,
             const char *text, const struct sql_arg *args, size_t n_args)
{
    size_t limit = (size_t)api_limit(call);
    json_t *items, *answer, *last;
    char name[32], cursor[24];
    int64_t number;
    int err;

    if (*api_query(call, "cursor") &&
        !api_number(api_query(call, "cursor"), &number))
        return api_refuse(call, 400,
                          "cursor: that of a page's \"next\" is wanted");
    err = api_rows(sql, columns, &items, text, args, n_args);
    if (err)
        return err;
    answer = json_pack("{s:o, s:n}", "items", items, "next");
    if (json_array_size(items) > limit) {
        json_array_remove(items, limit);
        snprintf(name, sizeof name, "%.*s", (int)strcspn(columns, ":"),
                 columns);
        last = json_object_get(json_array_get(items, limit - 1), name);
        snprintf(cursor, sizeof cursor, "%lld",
                 (long long)json_integer_value(last));
        json_object_set_new(answer, "next", json_string(cursor));
    }
    return api_answer(call, 200, answer);
}

int api_one(struct api_call *call, struct sql *sql, const char *columns,
            unsigned status, const char *none, const char *text,
            const struct sql_arg *args, size_t n_args)
{
    json_t *items;
    int err = api_rows(sql, columns, &items, text, args, n_args);

    if (err)
        return err;
    if (json_array_size(items) == 0)
        err = api_refuse(call, 404, "%s", none);
    else
        err = api_answer(call, status, json_incref(json_array_get(items, 0)));
    json_decref(items);
    return err;
}

int api_check_edition(struct api_call *call, const char *what, int64_t edition)
{
    const char *wanted = http_header(call->request, "If-Match");
    char etag[24];

    snprintf(etag, sizeof etag, "\"%" PRId64 "\"", edition);
    if (!wanted)
        return api_refuse(call, 428, "If-Match with the %s's ETag is wanted",
                          what);
    if (strcmp(wanted, "*") != 0 && strcmp(wanted, etag) != 0)
        return api_refuse(call, 412,
                          "the %s was changed meanwhile: its ETag is %s", what,
                          etag);
    return 0;
}

int api_audit(struct api_call *call, struct sql *sql, const char *action,
              const char *object, const char *detail)
{
    return node_audit(call->api->node, sql, call->actor.tenant,
                      call->actor.name, action, object, detail);
}

int api_changed(struct api_call *call, struct sql *sql, const char *kind,
                int64_t object)
{
    call->job.changed = true;
    return fleet_note_change(sql, kind, object, api_now(call));
}
