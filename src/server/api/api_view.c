/* SPDX-License-Identifier: Apache-2.0 */
/* What a page shows at one look: the fleet, a module's life, the deltas. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "server/api/api_call.h"

enum {
    FAILURES_S = 30 * 86400,
    KEPT_TENANTS = 16,
    KEPT_MS = 2000,
    KEPT_SHARE = 20 /* counting takes at most 1/20 of the time */
};

/* ---- the fleet at one look ---- */

static int add_list(struct api_call *call, struct sql *sql, json_t *answer,
                    const char *name, const char *columns, const char *text,
                    int64_t argument)
{
    json_t *list;
    int err =
        api_rows(sql, columns, &list, text,
                 SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(argument)));

    if (!err)
        json_object_set_new(answer, name, list);
    return err;
}

static int add_plans(struct api_call *call, struct sql *sql, json_t *answer)
{
    return add_list(
        call, sql, answer, "plans",
        "id:i name:s state:s model:s target:s stage:i started:t open:i done:i "
        "failed:i lost:i",
        "SELECT p.id, p.name, p.state, f.model, f.version, p.stage + 1, "
        "p.started, p.open, (SELECT count(*) FROM attempt a WHERE a.plan = "
        "p.id AND a.state = 'done'), (SELECT count(*) FROM attempt a WHERE "
        "a.plan = p.id AND a.state = 'failed'), (SELECT count(*) FROM attempt "
        "a WHERE a.plan = p.id AND a.state = 'lost') FROM plan p JOIN firmware "
        "f ON f.id = p.firmware WHERE p.tenant = $1 AND p.state IN ('running', "
        "'paused') AND p.id > $2 ORDER BY p.id LIMIT 100",
        0);
}

static int count_all(struct api_call *call, struct sql *sql, json_t *answer)
{
    int64_t now = api_now(call);
    int err = add_list(call, sql, answer, "versions",
                       "model:s version:s state:s modules:i seen_today:i",
                       "SELECT model, version, state, count(*), sum(CASE WHEN "
                       "last_seen >= $2 THEN 1 ELSE 0 END) FROM module WHERE "
                       "tenant = $1 GROUP BY model, version, state "
                       "ORDER BY count(*) DESC, model, version, state "
                       "LIMIT 500",
                       now - 86400);

    if (!err)
        err = add_plans(call, sql, answer);
    if (!err)
        err = add_list(call, sql, answer, "failures",
                       "cause:s state:s attempts:i",
                       "SELECT cause, state, count(*) FROM attempt WHERE "
                       "tenant = $1 AND closed >= $2 AND state IN ('failed', "
                       "'lost') GROUP BY cause, state ORDER BY count(*) DESC, "
                       "cause LIMIT 50",
                       now - FAILURES_S);
    if (!err)
        err = add_list(call, sql, answer, "packages", "state:s packages:i",
                       "SELECT state, count(*) FROM package WHERE tenant = $1 "
                       "AND id > $2 GROUP BY state ORDER BY state",
                       0);
    return err;
}

/* Counting a million modules takes its time: many pages share one look. */
static struct kept {
    int64_t tenant, until_ms;
    json_t *answer;
} kept[KEPT_TENANTS];
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct kept *place_of(int64_t tenant)
{
    struct kept *oldest = &kept[0];

    for (size_t i = 0; i < KEPT_TENANTS; i++) {
        if (kept[i].answer && kept[i].tenant == tenant)
            return &kept[i];
        if (kept[i].until_ms < oldest->until_ms)
            oldest = &kept[i];
    }
    return oldest;
}

static int look(struct api_call *call, struct sql *sql, struct kept *place)
{
    int64_t began = now_ms(), share;
    json_t *answer = json_object();
    int err = answer ? count_all(call, sql, answer) : DFOTA_E_NOMEM;

    if (err) {
        json_decref(answer);
        return err;
    }
    share = (now_ms() - began) * KEPT_SHARE;
    json_decref(place->answer);
    *place =
        (struct kept){call->actor.tenant,
                      now_ms() + (share > KEPT_MS ? share : KEPT_MS), answer};
    return 0;
}

static int overview(struct api_call *call, struct sql *sql)
{
    struct kept *place;
    int err = 0;

    pthread_mutex_lock(&kept_lock);
    place = place_of(call->actor.tenant);
    if (!place->answer || place->tenant != call->actor.tenant ||
        now_ms() >= place->until_ms)
        err = look(call, sql, place);
    if (!err)
        err = api_answer(call, 200, json_deep_copy(place->answer));
    pthread_mutex_unlock(&kept_lock);
    return err;
}

/* ---- the life of one module, newest first ---- */

static int find_module(struct api_call *call, struct sql *sql, int64_t *id)
{
    int err = sql_one_int(
        sql, id, "SELECT id FROM module WHERE imei = $1 AND tenant = $2",
        SQL_ARGS(SQL_TEXT(call->parts[0]), SQL_INT(call->actor.tenant)));

    return err == DFOTA_E_NOTFOUND
               ? api_refuse(call, 404, "there is no such module")
               : err;
}

/* Three kinds of rows under the same columns. The cursor is a moment: what
 * happened in one second stays on one page, unless it is more than a page. */
#define TIMELINE                                                               \
    "SELECT at, what, plan, attempt, state, cause, version, actor, text, at "  \
    "FROM "                                                                    \
    "(SELECT granted AS at, 'granted' AS what, plan, id AS attempt, stage AS " \
    "state, NULL AS cause, to_version AS version, node AS actor, NULL AS "     \
    "text FROM attempt WHERE module = $1 AND tenant = $5 UNION ALL SELECT "    \
    "closed, 'closed', plan, id, state, cause, version, node, NULL FROM "      \
    "attempt WHERE module = $1 AND tenant = $5 AND closed IS NOT NULL UNION "  \
    "ALL SELECT n.at, 'note', a.plan, a.id, a.state, NULL, NULL, NULL, "       \
    "n.text FROM note n JOIN attempt a ON a.id = n.attempt WHERE a.module = "  \
    "$1 AND a.tenant = $5 UNION ALL SELECT at, action, NULL, NULL, NULL, "     \
    "NULL, NULL, actor, detail FROM audit WHERE object = $2 AND tenant = $5) " \
    "life WHERE at < $3 ORDER BY at DESC, what LIMIT $4"

static int timeline(struct api_call *call, struct sql *sql)
{
    int64_t id, limit = api_limit(call), cursor = api_cursor(call, INT64_MAX);
    char object[32], text[24];
    json_t *items, *answer;
    int err = find_module(call, sql, &id);

    if (!err && *api_query(call, "cursor") &&
        !api_number(api_query(call, "cursor"), &cursor))
        err = api_refuse(call, 400,
                         "cursor: that of a page's \"next\" is wanted");
    if (err)
        return err;
    snprintf(object, sizeof object, "module:%.15s", call->parts[0]);
    err = api_rows(sql,
                   "at:t what:s plan:i attempt:s state:s cause:s version:s "
                   "actor:s text:s second:i",
                   &items, TIMELINE,
                   SQL_ARGS(SQL_INT(id), SQL_TEXT(object), SQL_INT(cursor),
                            SQL_INT(limit + 1), SQL_INT(call->actor.tenant)));
    if (err)
        return err;
    answer = json_pack("{s:o, s:n}", "items", items, "next");
    if ((int64_t)json_array_size(items) > limit) {
        json_array_remove(items, (size_t)limit);
        snprintf(text, sizeof text, "%lld",
                 (long long)json_integer_value(json_object_get(
                     json_array_get(items, (size_t)limit - 1), "second")));
        json_object_set_new(answer, "next", json_string(text));
    }
    return api_answer(call, 200, answer);
}

/* ---- the delta matrix of a model ---- */

static int matrix(struct api_call *call, struct sql *sql)
{
    const char *model = api_query(call, "model");
    json_t *versions, *packages;
    int err;

    if (*model == '\0')
        return api_refuse(call, 400, "model: one is wanted in the address");
    err = api_rows(sql, "id:i version:s class:s size:i modules:i created:t",
                   &versions,
                   "SELECT f.id, f.version, f.class, f.size, (SELECT count(*) "
                   "FROM module m WHERE m.tenant = f.tenant AND m.model = "
                   "f.model AND m.version = f.version AND m.state <> "
                   "'retired'), f.created FROM firmware f WHERE f.tenant = $1 "
                   "AND f.model = $2 ORDER BY f.id DESC LIMIT 50",
                   SQL_ARGS(SQL_INT(call->actor.tenant), SQL_TEXT(model)));
    if (err)
        return err;
    err =
        api_rows(sql, "id:i from:i to:i state:s full:b size:i why:s", &packages,
                 "SELECT k.id, k.source, k.target, k.state, k.full_image, "
                 "k.size, k.why FROM package k JOIN firmware t ON t.id = "
                 "k.target WHERE k.tenant = $1 AND t.model = $2 "
                 "ORDER BY k.id DESC LIMIT 2500",
                 SQL_ARGS(SQL_INT(call->actor.tenant), SQL_TEXT(model)));
    if (err) {
        json_decref(versions);
        return err;
    }
    return api_answer(call, 200,
                      json_pack("{s:s, s:o, s:o}", "model", model, "versions",
                                versions, "packages", packages));
}

const struct api_route api_view_routes[] = {
    {HTTP_GET, "overview", ROLE_VIEWER, API_READS, overview, NULL},
    {HTTP_GET, "matrix", ROLE_VIEWER, API_READS, matrix, NULL},
    {HTTP_GET, "modules/{}/timeline", ROLE_VIEWER, API_READS, timeline, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, API_READS, NULL, NULL}};
