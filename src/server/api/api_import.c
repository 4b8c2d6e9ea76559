/* SPDX-License-Identifier: Apache-2.0 */
/* Modules, many at once. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "server/api/api_call.h"
#include "server/fleet/token.h"

enum { IMPORT_MAX = 10000, TEXT_MAX = 64, TAGS_ROOM = 256 };

static const char *text_of(const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);

    if (!value)
        return "";
    if (!json_is_string(value) || json_string_length(value) > 200 ||
        !dfota_is_text(json_string_value(value), json_string_length(value)))
        return NULL;
    return json_string_value(value);
}

struct enrolled {
    const char *imei, *name, *password, *model, *version, *class_name, *group,
        *tags;
};

/* returns NULL, or what is wrong */
static const char *read_row(const json_t *row, struct enrolled *m)
{
    uint64_t imei;

    if (!json_is_object(row))
        return "not an object";
    *m = (struct enrolled){text_of(row, "imei"),     text_of(row, "name"),
                           text_of(row, "password"), text_of(row, "model"),
                           text_of(row, "version"),  text_of(row, "class"),
                           text_of(row, "group"),    text_of(row, "tags")};
    if (!m->imei || !m->name || !m->password || !m->model || !m->version ||
        !m->class_name || !m->group || !m->tags)
        return "a field is no text of at most 200 bytes";
    if (!plan_imei_parse(m->imei, &imei))
        return "imei: 15 digits are wanted";
    if (*m->model == '\0' || strlen(m->model) > TEXT_MAX)
        return "model: 1 to 64 bytes are wanted";
    if (strlen(m->name) > TEXT_MAX || strlen(m->group) > TEXT_MAX ||
        strlen(m->version) > TEXT_MAX || strlen(m->class_name) > TEXT_MAX)
        return "name, group, version and class have at most 64 bytes";
    if (*m->password && strlen(m->password) < TOKEN_PASSWORD_MIN)
        return "password: at least 16 bytes; leave it out for one made here";
    return NULL;
}

/* "a,b" is kept as ",a,b,", so that one tag is found as ",a,". */
static void wrap_tags(const char *tags, char out[TAGS_ROOM])
{
    if (*tags == '\0')
        out[0] = '\0';
    else
        snprintf(out, TAGS_ROOM, ",%s,", tags);
}

static int insert(struct api_call *call, struct sql *sql,
                  const struct enrolled *m, const char *password, int64_t *id)
{
    char hash[SECRETS_HEX_ROOM], tags[TAGS_ROOM];
    int err;

    token_hash_password(call->api->node, password, hash);
    wrap_tags(m->tags, tags);
    err = sql_one_int(
        sql, id,
        "INSERT INTO module (tenant, imei, name, model, version, class, grp, "
        "tags, password, state, updates, created) VALUES ($1, $2, $3, $4, $5, "
        "$6, $7, $8, $9, 'active', 0, $10) ON CONFLICT DO NOTHING RETURNING id",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_TEXT(m->imei),
                 SQL_TEXT(*m->name ? m->name : m->imei), SQL_TEXT(m->model),
                 SQL_TEXT(m->version), SQL_TEXT(m->class_name),
                 SQL_TEXT(m->group), SQL_TEXT(tags), SQL_TEXT(hash),
                 SQL_INT(api_now(call))));
    return err == DFOTA_E_NOTFOUND ? 0 : err;
}

/* A row that is wrong is told with its number and keeps no other away. */
static int import_row(struct api_call *call, struct sql *sql, json_t *row,
                      size_t number, bool dry, json_t *made, json_t *wrong)
{
    char password[SECRETS_WORD_ROOM];
    struct enrolled m;
    const char *why = read_row(row, &m);
    int64_t id = 0;
    int err = 0;

    if (!why) {
        api_secret(call, m.imei, password);
        err = insert(call, sql, &m, *m.password ? m.password : password, &id);
    }
    if (err)
        return err;
    if (!why && id == 0)
        why = "this IMEI or name is there already";
    if (why)
        return json_array_append_new(
            wrong, json_pack("{s:i, s:s}", "row", (int)number + 1, "why", why));
    if (!dry)
        err = fleet_note_change(sql, "module", id, api_now(call));
    json_array_append_new(made, *m.password || dry
                                    ? json_pack("{s:s}", "imei", m.imei)
                                    : json_pack("{s:s, s:o}", "imei", m.imei,
                                                "password",
                                                api_secret_place("", m.imei)));
    return err;
}

static int import(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"modules", "dry_run", NULL};
    json_t *rows = json_object_get(call->body, "modules"), *row, *made, *wrong;
    const json_t *dry_run = json_object_get(call->body, "dry_run");
    bool dry = json_is_true(dry_run);
    char text[48];
    size_t i;
    int err = api_only(call, fields);

    if (err)
        return err;
    if (dry_run && !json_is_boolean(dry_run))
        return api_refuse(call, 400, "dry_run: true or false");
    if (!json_is_array(rows) || json_array_size(rows) == 0 ||
        json_array_size(rows) > IMPORT_MAX)
        return api_refuse(call, 400, "modules: a list of 1 to 10000 objects");
    made = json_array();
    wrong = json_array();
    json_array_foreach(rows, i, row)
    {
        if (!err)
            err = import_row(call, sql, row, i, dry, made, wrong);
    }
    snprintf(text, sizeof text, "%zu modules", json_array_size(made));
    if (!err && !dry)
        err = api_audit(call, sql, "module.import", "modules", text);
    call->job.changed = !dry;
    if (!err)
        api_answer(call, 200,
                   json_pack("{s:O, s:O, s:b}", "made", made, "refused", wrong,
                             "dry_run", dry));
    json_decref(made);
    json_decref(wrong);
    return err || !dry ? err : DFOTA_E_CANCELLED; /* nothing is kept */
}

const struct api_route api_import_routes[] = {
    {HTTP_POST, "modules/import", ROLE_ADMIN, API_WRITES | API_SECRET, import,
     NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, API_READS, NULL, NULL}};
