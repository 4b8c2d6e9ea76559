/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/events.h"
#include "server/fleet/fleet_fresh.h"
#include "server/fleet/fleet_priv.h"

enum { CHANGES_AT_ONCE = 2000 };

#define MODULE_COLUMNS                                                         \
    "SELECT id, tenant, imei, model, version, class, grp, tags, state,"        \
    " battery, rssi, last_seen, updates FROM module"

static uint8_t state_of(const char *word)
{
    static const char *const words[] = {"active", "held", "blocked", "retired"};

    for (uint8_t i = 0; i < 4; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return MODULE_BLOCKED;
}

static int16_t said(const struct sql_rows *rows, int column)
{
    return sql_text(rows, column) ? (int16_t)sql_int(rows, column)
                                  : POLL_UNSAID;
}

/* What was seen and is not yet written is newer than the database. */
static int take_module(struct fleet *fleet, const struct sql_rows *rows)
{
    struct module_row row = {0}, *before;

    if (!plan_imei_parse(sql_text(rows, 2), &row.imei))
        return 0;
    row.id = (uint32_t)sql_int(rows, 0);
    row.tenant = (uint32_t)sql_int(rows, 1);
    row.model = names_number(fleet->names, sql_text(rows, 3));
    row.version = names_number(fleet->names, sql_text(rows, 4));
    row.class_name = names_number(fleet->names, sql_text(rows, 5));
    row.group = names_number(fleet->names, sql_text(rows, 6));
    row.tags = names_number(fleet->names, sql_text(rows, 7));
    row.state = state_of(sql_text(rows, 8));
    row.battery = said(rows, 9);
    row.rssi = said(rows, 10);
    row.last_seen = (uint32_t)sql_int(rows, 11);
    row.updates = (uint16_t)sql_int(rows, 12);
    before = module_table_find(fleet->modules, row.imei);
    row.tried = before && before->tried;
    if (before && before->dirty) {
        row.version = before->version;
        row.battery = before->battery;
        row.rssi = before->rssi;
        row.last_seen = before->last_seen;
        row.dirty = true;
    }
    return module_table_put(fleet->modules, &row) ? 0 : DFOTA_E_NOMEM;
}

static int read_modules(struct fleet *fleet, struct sql *sql, int64_t id)
{
    struct sql_rows rows;
    int err =
        id ? sql_query(sql, &rows, MODULE_COLUMNS " WHERE id = $1",
                       SQL_ARGS(SQL_INT(id)))
           : sql_query(sql, &rows, MODULE_COLUMNS " ORDER BY id", SQL_NONE);

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        pthread_mutex_lock(&fleet->lock);
        err = take_module(fleet, &rows);
        pthread_mutex_unlock(&fleet->lock);
    }
    sql_done(&rows);
    return err;
}

static int read_plans(struct fleet *fleet, struct sql *sql)
{
    struct fleet_plans plans;
    int err = fleet_plans_read(sql, &plans);

    if (err)
        return err;
    pthread_mutex_lock(&fleet->lock);
    fleet_plans_release(&fleet->plans);
    fleet->plans = plans;
    pthread_mutex_unlock(&fleet->lock);
    return 0;
}

static int read_keys(struct fleet *fleet, struct sql *sql)
{
    struct named_key keys[FLEET_KEYS_MAX];
    unsigned n = 0;
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT id, kind, secret FROM secret_key "
                        "ORDER BY id DESC LIMIT 8",
                        SQL_NONE);

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE &&
           n < FLEET_KEYS_MAX) {
        err = 0;
        snprintf(keys[n].kind, sizeof keys[n].kind, "%s", sql_text(&rows, 1));
        keys[n].key.id = sql_int(&rows, 0);
        if (secrets_from_hex(sql_text(&rows, 2), keys[n].key.secret,
                             SECRETS_KEY_LEN))
            n++;
    }
    sql_done(&rows);
    if (err < 0)
        return err;
    pthread_mutex_lock(&fleet->lock);
    memcpy(fleet->keys, keys, sizeof keys);
    fleet->n_keys = n;
    pthread_mutex_unlock(&fleet->lock);
    return 0;
}

static int read_tried(struct fleet *fleet, struct sql *sql)
{
    struct sql_rows rows;
    uint64_t imei;
    int err = sql_query(sql, &rows,
                        "SELECT a.imei FROM attempt a JOIN plan p ON "
                        "p.id = a.plan WHERE a.state = 'open' OR "
                        "p.state IN ('running', 'paused')",
                        SQL_NONE);

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        err = 0;
        if (plan_imei_parse(sql_text(&rows, 0), &imei))
            fleet_set_tried(fleet, imei);
    }
    sql_done(&rows);
    return err;
}

static int read_all(struct fleet *fleet, struct sql *sql)
{
    int64_t last = 0;
    int err = sql_one_int(sql, &last,
                          "SELECT value FROM counter WHERE name = 'change'",
                          SQL_NONE);

    fleet->shared = sql_is_shared(sql);
    if (!err)
        err = read_modules(fleet, sql, 0);
    if (!err)
        err = read_tried(fleet, sql);
    if (!err)
        err = read_plans(fleet, sql);
    if (!err)
        err = read_keys(fleet, sql);
    if (!err)
        fleet->last_change = last;
    return err;
}

struct changes {
    int64_t last;
    size_t n;
    bool plans, keys, too_many;
    int64_t modules[CHANGES_AT_ONCE];
    size_t n_modules;
};

static int list_changes(struct fleet *fleet, struct sql *sql,
                        struct changes *changes)
{
    struct sql_rows rows;
    const char *kind;
    int err = sql_query(sql, &rows,
                        "SELECT number, kind, object FROM change "
                        "WHERE number > $1 ORDER BY number LIMIT 2001",
                        SQL_ARGS(SQL_INT(fleet->last_change)));

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        err = 0;
        changes->last = sql_int(&rows, 0);
        kind = sql_text(&rows, 1);
        if (++changes->n > CHANGES_AT_ONCE)
            changes->too_many = true;
        else if (strcmp(kind, "module") == 0)
            changes->modules[changes->n_modules++] = sql_int(&rows, 2);
        changes->plans |= strcmp(kind, "plan") == 0;
        changes->keys |= strcmp(kind, "key") == 0;
    }
    sql_done(&rows);
    return err;
}

static int take_changes(struct fleet *fleet, struct sql *sql,
                        const struct changes *changes)
{
    int err = 0;

    if (changes->too_many)
        return read_all(fleet, sql);
    for (size_t i = 0; !err && i < changes->n_modules; i++)
        err = read_modules(fleet, sql, changes->modules[i]);
    if (!err && changes->plans)
        err = read_plans(fleet, sql);
    if (!err && changes->keys)
        err = read_keys(fleet, sql);
    if (!err)
        fleet->last_change = changes->last;
    return err;
}

static int with_reader(struct fleet *fleet,
                       int (*read)(struct fleet *, struct sql *))
{
    struct sql *sql;
    int err;

    pthread_mutex_lock(&fleet->refreshing);
    err = store_read_begin(fleet->store, &sql);
    if (!err) {
        err = read(fleet, sql);
        store_read_end(fleet->store, sql);
    }
    pthread_mutex_unlock(&fleet->refreshing);
    return err;
}

static int read_changes(struct fleet *fleet, struct sql *sql)
{
    struct changes *changes = calloc(1, sizeof *changes);
    int err = changes ? list_changes(fleet, sql, changes) : DFOTA_E_NOMEM;

    if (!err && changes->n > 0)
        err = take_changes(fleet, sql, changes);
    free(changes);
    return err;
}

int fleet_load(struct fleet *fleet)
{
    return with_reader(fleet, read_all);
}

int fleet_refresh(struct fleet *fleet)
{
    return with_reader(fleet, read_changes);
}

int fleet_note_change(struct sql *sql, const char *kind, int64_t object,
                      int64_t now)
{
    int64_t number;
    int err = sql_one_int(sql, &number,
                          "UPDATE counter SET value = value + 1 "
                          "WHERE name = 'change' RETURNING value",
                          SQL_NONE);

    if (!err)
        err = sql_run(sql,
                      "INSERT INTO change (number, kind, object, at) "
                      "VALUES ($1, $2, $3, $4)",
                      SQL_ARGS(SQL_INT(number), SQL_TEXT(kind), SQL_INT(object),
                               SQL_INT(now)),
                      NULL);
    return err || strcmp(kind, "plan") != 0 ? err
                                            : events_plan(sql, object, now);
}

/* ---- what other nodes granted ---- */

/* A slot that another node freed. */
static int read_slots(struct fleet *fleet, struct sql *sql)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT id, open FROM plan WHERE state = 'running'",
                        SQL_NONE);

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        err = 0;
        pthread_mutex_lock(&fleet->lock);
        for (size_t i = 0; i < fleet->plans.n; i++) {
            struct plan *plan = &fleet->plans.all[i];

            if (plan->id == sql_int(&rows, 0) &&
                sql_int(&rows, 1) < plan->spec.concurrency)
                plan->full_until = 0;
        }
        pthread_mutex_unlock(&fleet->lock);
    }
    sql_done(&rows);
    return err;
}

static int read_tried_of(struct sql *sql, const int64_t *ids, bool *tried,
                         size_t n)
{
    char list[FLEET_ASKED_MAX * 21 + 1];
    struct sql_rows rows;
    size_t len = 0;
    int err;

    for (size_t i = 0; i < n; i++) {
        tried[i] = false;
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%lld",
                                i ? "," : "", (long long)ids[i]);
    }
    err = sql_query(sql, &rows,
                    "SELECT DISTINCT a.module FROM attempt a JOIN plan p ON "
                    "p.id = a.plan WHERE a.module = ANY "
                    "(string_to_array($1, ',')::bigint[]) AND "
                    "(a.state = 'open' OR p.state IN ('running', 'paused'))",
                    SQL_ARGS(SQL_TEXT(list)));
    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        err = 0;
        for (size_t i = 0; i < n; i++)
            tried[i] |= ids[i] == sql_int(&rows, 0);
    }
    sql_done(&rows);
    return err;
}

int fleet_ask_tried(struct fleet *fleet, const int64_t *ids, bool *tried,
                    size_t n)
{
    struct sql *sql;
    int err;

    if (n > FLEET_ASKED_MAX || !fleet->shared)
        return DFOTA_E_ARG;
    err = fleet_renew(fleet, 0);
    if (err)
        return err;
    err = store_read_begin(fleet->store, &sql);
    if (!err)
        err = read_tried_of(sql, ids, tried, n);
    if (!err)
        err = read_slots(fleet, sql);
    store_read_end(fleet->store, sql);
    return err;
}
