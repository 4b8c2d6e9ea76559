/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/units.h"

const char *const events_kinds[] = {"plan",  "attempt", "package", "module",
                                    "lwm2m", "audit",   NULL};

/* To every web hook of the tenant that wants it. */
static int deliver(struct sql *sql, int64_t event, int64_t now)
{
    return sql_run(
        sql,
        "INSERT INTO delivery (tenant, webhook, kind, body, state, tries, due, "
        "until, claimed_until, created) SELECT w.tenant, w.id, e.kind, e.body, "
        "'waiting', 0, $2, $3, 0, $2 FROM event e JOIN webhook w ON w.tenant = "
        "e.tenant WHERE e.id = $1 AND w.active = 1 AND w.events LIKE "
        "'%,' || e.kind || ',%'",
        SQL_ARGS(SQL_INT(event), SQL_INT(now), SQL_INT(now + EVENTS_TRIED_S)),
        NULL);
}

static int added(struct sql *sql, int err, int64_t event, int64_t now)
{
    if (err == DFOTA_E_NOTFOUND) /* what it tells of is gone */
        return 0;
    return err ? err : deliver(sql, event, now);
}

int events_add(struct sql *sql, int64_t tenant, const char *kind, int64_t plan,
               json_t *data, int64_t now)
{
    char moment[32], *text = NULL;
    int64_t event = 0;
    int err = DFOTA_E_NOMEM;

    units_moment_text(now, moment);
    if (data && json_object_set_new(data, "event", json_string(kind)) == 0 &&
        json_object_set_new(data, "at", json_string(moment)) == 0 &&
        json_object_set_new(data, "tenant", json_integer(tenant)) == 0)
        text = json_dumps(data, JSON_COMPACT);
    if (text)
        err =
            sql_one_int(sql, &event,
                        "INSERT INTO event (tenant, kind, plan, at, body) "
                        "VALUES ($1, $2, $3, $4, $5) RETURNING id",
                        SQL_ARGS(SQL_INT(tenant), SQL_TEXT(kind), SQL_INT(plan),
                                 SQL_INT(now), SQL_TEXT(text)));
    free(text);
    json_decref(data);
    return added(sql, err, event, now);
}

int events_plan(struct sql *sql, int64_t plan, int64_t now)
{
    struct sql_rows rows;
    json_t *data = NULL;
    int64_t tenant = 0;
    int err = sql_query(sql, &rows,
                        "SELECT tenant, name, state, stage, edition, why FROM "
                        "plan WHERE id = $1",
                        SQL_ARGS(SQL_INT(plan)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        tenant = sql_int(&rows, 0);
        data = json_pack(
            "{s:I, s:s, s:s, s:I, s:I, s:s?}", "plan", (json_int_t)plan, "name",
            sql_text(&rows, 1), "state", sql_text(&rows, 2), "stage",
            (json_int_t)sql_int(&rows, 3) + 1, "edition",
            (json_int_t)sql_int(&rows, 4), "why", sql_text(&rows, 5));
    }
    sql_done(&rows);
    if (err != DFOTA_MORE)
        return err;
    return events_add(sql, tenant, "plan", plan, data, now);
}

/* What is put together here are numbers and words of ours. */
int events_attempt(struct sql *sql, const char *attempt, int64_t now)
{
    char moment[32];
    int64_t event = 0;
    int err;

    units_moment_text(now, moment);
    err = sql_one_int(
        sql, &event,
        "INSERT INTO event (tenant, kind, plan, at, body) SELECT tenant, "
        "'attempt', plan, $2, '{\"attempt\":\"' || id || '\",\"imei\":\"' || "
        "imei || '\",\"plan\":' || plan || ',\"state\":\"' || state || "
        "'\",\"cause\":\"' || coalesce(cause, '') || '\",\"event\":\"attempt\""
        ",\"at\":\"' || $3 || '\",\"tenant\":' || tenant || '}' FROM attempt "
        "WHERE id = $1 RETURNING id",
        SQL_ARGS(SQL_TEXT(attempt), SQL_INT(now), SQL_TEXT(moment)));
    return added(sql, err, event, now);
}

int events_package(struct sql *sql, int64_t package, int64_t now)
{
    struct sql_rows rows;
    json_t *data = NULL;
    int64_t tenant = 0;
    int err = sql_query(sql, &rows,
                        "SELECT tenant, source, target, state, size, why FROM "
                        "package WHERE id = $1",
                        SQL_ARGS(SQL_INT(package)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        tenant = sql_int(&rows, 0);
        data = json_pack(
            "{s:I, s:I, s:I, s:s, s:I, s:s?}", "package", (json_int_t)package,
            "from", (json_int_t)sql_int(&rows, 1), "to",
            (json_int_t)sql_int(&rows, 2), "state", sql_text(&rows, 3), "size",
            (json_int_t)sql_int(&rows, 4), "why", sql_text(&rows, 5));
    }
    sql_done(&rows);
    if (err != DFOTA_MORE)
        return err;
    return events_add(sql, tenant, "package", 0, data, now);
}

int events_access(struct sql *sql, int64_t tenant, int64_t now)
{
    return sql_run(sql,
                   "INSERT INTO event (tenant, kind, plan, at, body) "
                   "VALUES ($1, 'access', 0, $2, '{}')",
                   SQL_ARGS(SQL_INT(tenant), SQL_INT(now)), NULL);
}

/* The last one stays: a stream without a past begins behind it. In small
 * pieces from the old end, so that nobody waits for it. */
int events_upkeep(struct sql *sql, int64_t now)
{
    int err = sql_run(sql,
                      "DELETE FROM event WHERE at < $1 AND id < (SELECT max(id)"
                      " FROM event) AND id < (SELECT min(id) FROM event) + 500",
                      SQL_ARGS(SQL_INT(now - EVENTS_KEPT_S)), NULL);

    return err ? err
               : sql_run(
                     sql,
                     "DELETE FROM delivery WHERE created < $1 AND (state "
                     "<> 'waiting' OR until < $2) AND id < (SELECT min(id) "
                     "FROM delivery) + 500",
                     SQL_ARGS(SQL_INT(now - DELIVERIES_KEPT_S), SQL_INT(now)),
                     NULL);
}
