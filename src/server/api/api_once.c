/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repeated requests: what was answered to an Idempotency-Key is answered to
 * it again; and the secrets in such answers, which nobody keeps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/api/api_call.h"

enum { KEY_MAX = 80, KEY_NAME_ROOM = 200 };

/* ---- secrets, made anew on the way out ---- */

static const char *idempotency_key(const struct api_call *call)
{
    const char *key = call->route->how & API_NO_KEY
                          ? NULL
                          : http_header(call->request, "Idempotency-Key");

    return key && *key ? key : NULL;
}

/* The key belongs to who sent it, with the right that they had: answers have
 * tokens in them. Names may have blanks, so the person's number is first. */
static void name_key(const struct api_call *call, const char *key,
                     char name[KEY_NAME_ROOM])
{
    const struct actor *a = &call->actor;

    snprintf(name, KEY_NAME_ROOM, "%lld %lld %d %.64s %.80s",
             (long long)a->tenant, (long long)a->person, (int)a->role, a->name,
             key);
}

void api_secret(const struct api_call *call, const char *which,
                char out[SECRETS_WORD_ROOM])
{
    const char *key = idempotency_key(call);
    char name[KEY_NAME_ROOM], text[KEY_NAME_ROOM + 120];

    if (key)
        name_key(call, key, name);
    else
        snprintf(name, sizeof name, "%s", call->seed);
    snprintf(text, sizeof text, "once %s %.80s", name, which);
    secrets_mac_word(call->api->node->secret, text, out);
}

json_t *api_secret_place(const char *prefix, const char *which)
{
    return json_pack("{s:s, s:s}", "$prefix", prefix, "$which", which);
}

/* returns the secret for a place of one, or NULL */
static json_t *secret_for(const struct api_call *call, const json_t *place)
{
    const char *which = json_string_value(json_object_get(place, "$which"));
    char secret[SECRETS_WORD_ROOM];

    if (!which)
        return NULL;
    api_secret(call, which, secret);
    return json_sprintf(
        "%s%s", json_string_value(json_object_get(place, "$prefix")), secret);
}

static void fill_members(const struct api_call *call, json_t *object)
{
    const char *name;
    json_t *value, *secret;

    json_object_foreach(object, name, value)
    {
        secret = secret_for(call, value);
        if (secret)
            json_object_set_new(object, name, secret);
    }
}

/* In the answer itself, and in the objects of its lists. */
void api_once_fill(const struct api_call *call, json_t *json)
{
    const char *name;
    json_t *value, *item;
    size_t i;

    fill_members(call, json);
    json_object_foreach(json, name, value)
    {
        json_array_foreach(value, i, item)
        {
            fill_members(call, item);
        }
    }
}

/* ---- repeated requests ---- */

static void add_hash(char hash[SECRETS_HEX_ROOM], const char *text)
{
    char both[2 * SECRETS_HEX_ROOM];

    memcpy(both, hash, SECRETS_HEX_ROOM - 1);
    secrets_hash(text, strlen(text), both + SECRETS_HEX_ROOM - 1);
    secrets_hash(both, sizeof both - 2, hash);
}

static enum MHD_Result add_argument(void *ctx, enum MHD_ValueKind kind,
                                    const char *name, const char *value)
{
    (void)kind;
    add_hash(ctx, name);
    add_hash(ctx, value ? value : "");
    return MHD_YES;
}

/* The request is known by its hash: path, query and content. Of an upload
 * prepare left the digest. */
static void hash_request(const struct api_call *call,
                         char hash[SECRETS_HEX_ROOM])
{
    char *body = call->body ? json_dumps(call->body, JSON_SORT_KEYS) : NULL;
    const char *method = call->request->method == HTTP_DELETE  ? "DELETE"
                         : call->request->method == HTTP_PATCH ? "PATCH"
                         : call->request->method == HTTP_PUT   ? "PUT"
                                                               : "POST";

    secrets_hash(method, strlen(method), hash);
    add_hash(hash, call->request->path);
    MHD_get_connection_values(call->request->connection, MHD_GET_ARGUMENT_KIND,
                              add_argument, hash);
    if (call->request->body_fd >= 0)
        add_hash(hash, call->text);
    else
        add_hash(hash, body ? body : call->request->body);
    free(body);
}

/* returns E_NOTFOUND: it is new */
static int answer_again(struct api_call *call, struct sql *sql,
                        const char *name, const char *hash)
{
    struct sql_rows rows;
    int err = sql_query(
        sql, &rows,
        "SELECT request, status, answer FROM idempotency WHERE key = $1",
        SQL_ARGS(SQL_TEXT(name)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        if (strcmp(sql_text(&rows, 0), hash) != 0)
            err = api_refuse(call, 422,
                             "this Idempotency-Key was used for "
                             "another request");
        else
            err = api_answer(
                call, (unsigned)sql_int(&rows, 1),
                json_loads(sql_text(&rows, 2), JSON_DECODE_ANY, NULL));
    } else if (!err) {
        err = DFOTA_E_NOTFOUND;
    }
    sql_done(&rows);
    return err;
}

/* Before anything else: of two nodes with the same key one waits here for the
 * other's COMMIT, and then finds the answer. returns E_NOTFOUND: it is new */
static int claim_key(struct api_call *call, struct sql *sql, const char *name,
                     const char *hash)
{
    int64_t changed;
    int err = sql_run(
        sql,
        "INSERT INTO idempotency (key, request, status, answer, "
        "at) VALUES ($1, $2, 0, '{}', $3) ON CONFLICT DO NOTHING",
        SQL_ARGS(SQL_TEXT(name), SQL_TEXT(hash), SQL_INT(api_now(call))),
        &changed);

    if (err)
        return err;
    return changed ? DFOTA_E_NOTFOUND : answer_again(call, sql, name, hash);
}

static int keep_answer(struct api_call *call, struct sql *sql, const char *name)
{
    char *text = json_dumps(call->answer, JSON_COMPACT | JSON_ENCODE_ANY);
    int err = text ? sql_run(sql,
                             "UPDATE idempotency SET status = $2, answer = $3 "
                             "WHERE key = $1",
                             SQL_ARGS(SQL_TEXT(name), SQL_INT(call->status),
                                      SQL_TEXT(text)),
                             NULL)
                   : DFOTA_E_NOMEM;

    free(text);
    return err;
}

int api_once_run(struct api_call *call, struct sql *sql)
{
    const char *key = idempotency_key(call);
    char name[KEY_NAME_ROOM], hash[SECRETS_HEX_ROOM];
    int err;

    if (!key)
        return call->route->run(call, sql);
    name_key(call, key, name);
    hash_request(call, hash);
    err = claim_key(call, sql, name, hash);
    if (err == DFOTA_E_NOTFOUND) {
        err = call->route->run(call, sql);
        if (!err)
            err = keep_answer(call, sql, name);
    }
    return err;
}

/* What prepare does outside of the database is not done twice either. */
int api_once_look(struct api_call *call)
{
    const char *key = idempotency_key(call);
    struct store *store = call->api->node->store;
    char name[KEY_NAME_ROOM], hash[SECRETS_HEX_ROOM];
    struct sql *sql;
    int err;

    if (!key || !(call->route->how & API_WRITES))
        return 0;
    if (strlen(key) > KEY_MAX)
        return api_refuse(call, 400, "Idempotency-Key: at most 80 bytes");
    if (!call->route->prepare || call->request->body_fd >= 0)
        return 0;
    err = store_read_begin(store, &sql);
    if (err)
        return err;
    name_key(call, key, name);
    hash_request(call, hash);
    err = answer_again(call, sql, name, hash);
    store_read_end(store, sql);
    return err == DFOTA_E_NOTFOUND ? 0 : err ? err : DFOTA_E_CANCELLED;
}
