/* SPDX-License-Identifier: Apache-2.0 */
/* Web hooks, and what was sent to them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/api/api_call.h"
#include "server/events/courier_target.h"

enum { URL_MAX = 500, EVENTS_ROOM = 96, WEBHOOKS_MAX = 32, KEY_ROOM = 129 };

#define SECRET_PREFIX "dfotahook_"
#define WEBHOOK_COLUMNS                                                        \
    "id:i url:s events:l active:b waiting:i failed:i edition:i made_by:s "     \
    "created:t"
#define WEBHOOK_QUERY                                                          \
    "SELECT w.id, w.url, w.events, w.active, (SELECT count(*) FROM delivery "  \
    "d WHERE d.webhook = w.id AND d.state = 'waiting'), (SELECT count(*) "     \
    "FROM delivery d WHERE d.webhook = w.id AND d.state = 'failed'), "         \
    "w.edition, w.made_by, w.created FROM webhook w WHERE w.tenant = $1 "

static int list(struct api_call *call, struct sql *sql)
{
    return api_page(call, sql, WEBHOOK_COLUMNS,
                    WEBHOOK_QUERY "AND w.id > $2 ORDER BY w.id LIMIT $3",
                    SQL_ARGS(SQL_INT(call->actor.tenant),
                             SQL_INT(api_cursor(call, 0)),
                             SQL_INT(api_limit(call) + 1)));
}

static int show_id(struct api_call *call, struct sql *sql, int64_t id,
                   unsigned status)
{
    int err =
        api_one(call, sql, WEBHOOK_COLUMNS, status, "there is no such web hook",
                WEBHOOK_QUERY "AND w.id = $2",
                SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(id)));

    if (!err)
        call->etag =
            json_integer_value(json_object_get(call->answer, "edition"));
    return err;
}

/* Is it there? call->number: its edition */
static int find(struct api_call *call, struct sql *sql, int64_t *id)
{
    int err = DFOTA_E_NOTFOUND;

    if (api_number(call->parts[0], id))
        err = sql_one_int(
            sql, &call->number,
            "SELECT edition FROM webhook WHERE id = $1 AND tenant = $2",
            SQL_ARGS(SQL_INT(*id), SQL_INT(call->actor.tenant)));
    return err == DFOTA_E_NOTFOUND
               ? api_refuse(call, 404, "there is no such web hook")
               : err;
}

static int show(struct api_call *call, struct sql *sql)
{
    int64_t id;
    int err = find(call, sql, &id);

    return err ? err : show_id(call, sql, id, 200);
}

/* ---- what it wants ---- */

static bool is_kind(const char *word)
{
    for (unsigned i = 0; events_kinds[i]; i++) {
        if (word && strcmp(events_kinds[i], word) == 0)
            return true;
    }
    return false;
}

/* A list of words becomes ",plan,attempt,". */
static int take_events(struct api_call *call, char out[EVENTS_ROOM])
{
    const json_t *list = json_object_get(call->body, "events"), *item;
    size_t i, len = 1;

    snprintf(out, EVENTS_ROOM, ",");
    json_array_foreach(list, i, item)
    {
        const char *word = json_string_value(item);

        if (!is_kind(word) || len + strlen(word) + 2 > EVENTS_ROOM)
            return api_refuse(call, 400,
                              "events: of plan, attempt, package, module, "
                              "lwm2m, audit");
        len += (size_t)snprintf(out + len, EVENTS_ROOM - len, "%s,", word);
    }
    return len > 1 ? 0
                   : api_refuse(call, 400, "events: a list of kinds is wanted");
}

static int take_url(struct api_call *call, const char **url)
{
    const char *why;

    *url = api_text(call, "url", URL_MAX, false);
    if (!*url)
        return DFOTA_E_CANCELLED;
    return target_is_fine(*url, call->api->webhooks_local, &why)
               ? 0
               : api_refuse(call, 400, "url: %s", why);
}

/* What the receiver checks signatures with: given, or made and told once. */
static int take_secret(struct api_call *call, char key[KEY_ROOM], json_t **told)
{
    const char *given = api_text(call, "secret", KEY_ROOM - 1, true);
    char word[SECRETS_WORD_ROOM];

    *told = NULL;
    if (call->status >= 400)
        return DFOTA_E_CANCELLED;
    if (given && strlen(given) < 16)
        return api_refuse(call, 400, "secret: at least 16 bytes");
    if (given) {
        snprintf(key, KEY_ROOM, "%s", given);
        return 0;
    }
    api_secret(call, "webhook", word);
    snprintf(key, KEY_ROOM, SECRET_PREFIX "%s", word);
    *told = api_secret_place(SECRET_PREFIX, "webhook");
    return 0;
}

static int tell(struct api_call *call, struct sql *sql, const char *action,
                int64_t id, const char *detail)
{
    char object[40];

    snprintf(object, sizeof object, "webhook:%" PRId64, id);
    return api_audit(call, sql, action, object, detail);
}

static int check_count(struct api_call *call, struct sql *sql)
{
    int64_t n = 0;
    int err =
        sql_one_int(sql, &n, "SELECT count(*) FROM webhook WHERE tenant = $1",
                    SQL_ARGS(SQL_INT(call->actor.tenant)));

    return !err && n >= WEBHOOKS_MAX
               ? api_refuse(call, 409, "a tenant has at most 32 web hooks")
               : err;
}

static int add(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"url", "events", "secret", NULL};
    char events[EVENTS_ROOM], key[KEY_ROOM];
    json_t *told = NULL;
    const char *url;
    int64_t id = 0;
    int err = take_url(call, &url);

    if (!err)
        err = take_events(call, events);
    if (!err)
        err = api_only(call, fields);
    if (!err)
        err = take_secret(call, key, &told);
    if (!err)
        err = check_count(call, sql);
    if (!err)
        err = sql_one_int(
            sql, &id,
            "INSERT INTO webhook (tenant, url, events, secret, active, "
            "edition, made_by, created) VALUES ($1, $2, $3, $4, 1, 1, $5, $6) "
            "RETURNING id",
            SQL_ARGS(SQL_INT(call->actor.tenant), SQL_TEXT(url),
                     SQL_TEXT(events), SQL_TEXT(key),
                     SQL_TEXT(call->actor.name), SQL_INT(api_now(call))));
    if (!err)
        err = tell(call, sql, "webhook.add", id, url);
    if (!err)
        err = show_id(call, sql, id, 201);
    if (!err && told)
        json_object_set(call->answer, "secret", told);
    json_decref(told);
    return err;
}

/* ---- changes ---- */

static int set_text(struct sql *sql, const char *statement, int64_t id,
                    const char *text)
{
    return sql_run(sql, statement, SQL_ARGS(SQL_INT(id), SQL_TEXT(text)), NULL);
}

static int set_fields(struct api_call *call, struct sql *sql, int64_t id)
{
    const json_t *active = json_object_get(call->body, "active");
    char events[EVENTS_ROOM], key[KEY_ROOM];
    const char *url;
    json_t *told;
    int err = 0;

    if (active && !json_is_boolean(active))
        return api_refuse(call, 400, "active: true or false");
    if (json_object_get(call->body, "url")) {
        err = take_url(call, &url);
        if (!err)
            err = set_text(sql, "UPDATE webhook SET url = $2 WHERE id = $1", id,
                           url);
    }
    if (!err && json_object_get(call->body, "events")) {
        err = take_events(call, events);
        if (!err)
            err = set_text(sql, "UPDATE webhook SET events = $2 WHERE id = $1",
                           id, events);
    }
    if (!err && json_object_get(call->body, "secret")) {
        err = take_secret(call, key, &told);
        if (!err)
            err = set_text(sql, "UPDATE webhook SET secret = $2 WHERE id = $1",
                           id, key);
    }
    return err ? err
               : sql_run(sql,
                         "UPDATE webhook SET edition = edition + 1, active = "
                         "CASE WHEN $2 < 0 THEN active ELSE $2 END WHERE "
                         "id = $1",
                         SQL_ARGS(SQL_INT(id),
                                  SQL_INT(active ? json_is_true(active) : -1)),
                         NULL);
}

static int edit(struct api_call *call, struct sql *sql)
{
    static const char *const fields[] = {"url", "events", "secret", "active",
                                         NULL};
    int64_t id;
    int err = find(call, sql, &id);

    if (!err)
        err = api_check_edition(call, "web hook", call->number);
    if (!err)
        err = api_only(call, fields);
    if (!err)
        err = set_fields(call, sql, id);
    if (!err)
        err = tell(call, sql, "webhook.edit", id, "");
    return err ? err : show_id(call, sql, id, 200);
}

static int remove_one(struct api_call *call, struct sql *sql)
{
    int64_t id;
    int err = find(call, sql, &id);

    if (!err)
        err = sql_run(sql, "DELETE FROM delivery WHERE webhook = $1",
                      SQL_ARGS(SQL_INT(id)), NULL);
    if (!err)
        err = sql_run(sql, "DELETE FROM webhook WHERE id = $1",
                      SQL_ARGS(SQL_INT(id)), NULL);
    if (!err)
        err = tell(call, sql, "webhook.remove", id, "");
    return err ? err : api_answer(call, 200, json_object());
}

/* ---- deliveries ---- */

#define DELIVERY_COLUMNS                                                       \
    "id:i event:s state:s tries:i status:i why:s due:t until:t created:t "     \
    "ended:t body:j"
#define DELIVERY_QUERY                                                         \
    "SELECT id, kind, state, tries, status, why, due, until, created, ended, " \
    "body FROM delivery WHERE webhook = $1 "

/* The newest first; the cursor goes down. */
static int list_deliveries(struct api_call *call, struct sql *sql)
{
    int64_t id;
    int err = find(call, sql, &id);

    return err ? err
               : api_page(call, sql, DELIVERY_COLUMNS,
                          DELIVERY_QUERY "AND id < $2 AND ($3 = '' OR state = "
                                         "$3) ORDER BY id DESC LIMIT $4",
                          SQL_ARGS(SQL_INT(id),
                                   SQL_INT(api_cursor(call, INT64_MAX)),
                                   SQL_TEXT(api_query(call, "state")),
                                   SQL_INT(api_limit(call) + 1)));
}

static int show_delivery(struct api_call *call, struct sql *sql,
                         int64_t webhook, int64_t id, unsigned status)
{
    return api_one(call, sql, DELIVERY_COLUMNS, status,
                   "there is no such delivery", DELIVERY_QUERY "AND id = $2",
                   SQL_ARGS(SQL_INT(webhook), SQL_INT(id)));
}

static int replay(struct api_call *call, struct sql *sql)
{
    int64_t webhook, id = 0, changed = 0, now = api_now(call);
    int err = find(call, sql, &webhook);

    if (!err && api_number(call->parts[1], &id))
        err = sql_run(sql,
                      "UPDATE delivery SET state = 'waiting', tries = 0, due = "
                      "$3, until = $4, claimed_until = 0, ended = NULL WHERE "
                      "id = $1 AND webhook = $2",
                      SQL_ARGS(SQL_INT(id), SQL_INT(webhook), SQL_INT(now),
                               SQL_INT(now + EVENTS_TRIED_S)),
                      &changed);
    if (!err && changed == 0)
        err = api_refuse(call, 404, "there is no such delivery");
    if (!err)
        err = tell(call, sql, "webhook.replay", webhook, call->parts[1]);
    return err ? err : show_delivery(call, sql, webhook, id, 202);
}

/* A delivery of nothing, to see whether it arrives. */
static int ping(struct api_call *call, struct sql *sql)
{
    int64_t webhook, id = 0, now = api_now(call);
    int err = find(call, sql, &webhook);

    if (!err)
        err = sql_one_int(
            sql, &id,
            "INSERT INTO delivery (tenant, webhook, kind, body, state, tries, "
            "due, until, claimed_until, created) VALUES ($1, $2, 'ping', "
            "'{\"event\":\"ping\"}', 'waiting', 0, $3, $4, 0, $3) RETURNING id",
            SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(webhook),
                     SQL_INT(now), SQL_INT(now + EVENTS_TRIED_S)));
    if (!err)
        err = tell(call, sql, "webhook.ping", webhook, "");
    return err ? err : show_delivery(call, sql, webhook, id, 202);
}

const struct api_route api_webhook_routes[] = {
    {HTTP_GET, "webhooks", ROLE_OPERATOR, API_READS, list, NULL},
    {HTTP_POST, "webhooks", ROLE_ADMIN, API_WRITES | API_SECRET, add, NULL},
    {HTTP_GET, "webhooks/{}", ROLE_OPERATOR, API_READS, show, NULL},
    {HTTP_PATCH, "webhooks/{}", ROLE_ADMIN, API_WRITES, edit, NULL},
    {HTTP_DELETE, "webhooks/{}", ROLE_ADMIN, API_WRITES, remove_one, NULL},
    {HTTP_POST, "webhooks/{}/ping", ROLE_OPERATOR, API_WRITES, ping, NULL},
    {HTTP_GET, "webhooks/{}/deliveries", ROLE_OPERATOR, API_READS,
     list_deliveries, NULL},
    {HTTP_POST, "webhooks/{}/deliveries/{}/replay", ROLE_OPERATOR, API_WRITES,
     replay, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, API_READS, NULL, NULL}};
