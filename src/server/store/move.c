/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/move.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "os/buffer.h"
#include "os/log.h"
#include "server/store/schema.h"

enum { COLUMNS_MAX = 32 };

/* In the order of their references. Columns that are a number end in ":i";
 * has_id: its numbers are given out by the database. */
struct table {
    const char *name;
    bool has_id;
    const char *columns;
};

static const struct table tables[] = {
    {"tenant", true, "id:i name"},
    {"person", true, "id:i tenant:i name role password created:i gone:i"},
    {"api_token", true,
     "id:i tenant:i person:i name role hash created:i expires:i revoked:i"},
    {"secret_key", true, "id:i kind secret created:i"},
    {"device_class", true, "id:i tenant:i name pem"},
    {"module", true,
     "id:i tenant:i imei name model version class grp tags password state "
     "battery:i rssi:i last_seen:i updates:i created:i attempts:i "
     "endpoint"},
    {"refresh", false, "hash module:i family issued:i expires:i replaced:i"},
    {"firmware", true,
     "id:i tenant:i model version class counter:i size:i sha256 made_by "
     "created:i"},
    {"package", true,
     "id:i tenant:i source:i target:i state full_image:i size:i sha256 digest "
     "claimed_by claimed_until:i tries:i why created:i not_before:i"},
    {"plan", true,
     "id:i tenant:i name state edition:i generation:i firmware:i spec stage:i "
     "stage_since:i open:i taken:i made_by edited_by approved_by why "
     "created:i started:i ended:i pace_slot:i paced:i paced_bytes:i"},
    {"plan_module", false, "plan:i module:i kept_out:i allowed:i forgiven:i"},
    {"attempt", false,
     "id tenant:i module:i imei plan:i plan_stage:i package:i from_version "
     "to_version state stage granted:i url_until:i deadline:i closed:i "
     "http_err:i update_err:i version cause node again_at:i via begun:i"},
    {"note", true, "id:i attempt at:i text"},
    {"lwm2m_registration", false,
     "endpoint module:i node listener address secure:i location lifetime:i "
     "lwm2m binding links version heard:i expires:i"},
    {"audit", false,
     "node number:i at:i tenant:i actor action object detail hash"},
    {"audit_anchor", false, "node number:i hash"},
    {"idempotency", false, "key request status:i answer at:i"},
    {"webhook", true,
     "id:i tenant:i url events secret active:i edition:i made_by created:i"},
    {"counter", false, "name value:i"},
    {"change", false, "number:i kind object:i at:i"},
    {"claim", false, "name node until:i"},
    {"session", false, "hash person:i created:i expires:i"},
    {"event", true, "id:i tenant:i kind plan:i at:i body"},
    {"delivery", true,
     "id:i tenant:i webhook:i kind body state tries:i due:i until:i claimed_by "
     "claimed_until:i status:i why created:i ended:i"},
};
enum { N_TABLES = sizeof tables / sizeof tables[0] };

/* "a, b, c" and "$1, $2, $3"; which of them are numbers. returns how many */
static size_t spell(const char *columns, struct buffer *names,
                    struct buffer *places, bool is_number[COLUMNS_MAX])
{
    size_t n = 0;

    for (; *columns && n < COLUMNS_MAX; n++) {
        size_t len = strcspn(columns, " "), word = strcspn(columns, ": ");

        buffer_printf(names, "%s%.*s", n ? ", " : "", (int)word, columns);
        buffer_printf(places, "%s$%zu", n ? ", " : "", n + 1);
        is_number[n] = word < len;
        columns += len;
        columns += *columns == ' ';
    }
    return n;
}

static int copy_row(struct sql *to, const struct sql_rows *rows,
                    const char *insert, const bool *is_number, size_t n)
{
    struct sql_arg args[COLUMNS_MAX];

    for (size_t i = 0; i < n; i++) {
        const char *text = sql_text(rows, (int)i);

        args[i] = text && is_number[i] ? SQL_INT(sql_int(rows, (int)i))
                                       : SQL_TEXT(text);
    }
    return sql_run(to, insert, args, n, NULL);
}

/* The next number that the database gives out is above all that came. */
static int raise_numbers(struct sql *to, const struct table *table)
{
    char text[200];

    if (!table->has_id || !sql_is_shared(to))
        return 0;
    snprintf(text, sizeof text,
             "SELECT setval(pg_get_serial_sequence('%s', 'id'), "
             "(SELECT coalesce(max(id), 0) + 1 FROM %s), false)",
             table->name, table->name);
    return sql_run(to, text, SQL_NONE, NULL);
}

/* What a server sends is held in memory, so a large table comes in pieces. */
static int copy_rows(struct sql *from, struct sql *to, const char *select,
                     const char *insert, const bool *is_number, size_t n,
                     int64_t *count)
{
    struct sql_rows rows = {0};
    int64_t before = *count;
    int err = sql_query(from, &rows, select, SQL_NONE);

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        err = copy_row(to, &rows, insert, is_number, n);
        ++*count;
    }
    sql_done(&rows);
    return err ? err : *count > before ? DFOTA_MORE : 0;
}

static int copy_pieces(struct sql *from, struct sql *to, const char *select,
                       const char *insert, const bool *is_number, size_t n,
                       int64_t *count)
{
    char declare[4100];
    int err;

    if (!sql_is_shared(from)) {
        err = copy_rows(from, to, select, insert, is_number, n, count);
        return err < 0 ? err : 0;
    }
    snprintf(declare, sizeof declare, "DECLARE pieces CURSOR FOR %s", select);
    err = sql_script(from, declare);
    if (err)
        return err;
    do {
        err = copy_rows(from, to, "FETCH 2000 FROM pieces", insert, is_number,
                        n, count);
    } while (err == DFOTA_MORE);
    return err ? err : sql_script(from, "CLOSE pieces");
}

static int copy_table(struct sql *from, struct sql *to,
                      const struct table *table, int64_t *count)
{
    struct buffer names, places, select, insert;
    bool is_number[COLUMNS_MAX];
    size_t n;
    int err;

    buffer_init(&names, 2000);
    buffer_init(&places, 2000);
    buffer_init(&select, 4000);
    buffer_init(&insert, 4000);
    n = spell(table->columns, &names, &places, is_number);
    buffer_printf(&select, "SELECT %s FROM %s", names.data, table->name);
    buffer_printf(&insert, "INSERT INTO %s (%s) VALUES (%s)", table->name,
                  names.data, places.data);
    err = select.err || insert.err
              ? DFOTA_E_NOMEM
              : copy_pieces(from, to, select.data, insert.data, is_number, n,
                            count);
    buffer_release(&names);
    buffer_release(&places);
    buffer_release(&select);
    buffer_release(&insert);
    return err ? err : raise_numbers(to, table);
}

/* What a first start has put there gives way to what comes. */
static int make_room(struct sql *to)
{
    int64_t n;
    int err = sql_one_int(to, &n,
                          "SELECT (SELECT count(*) FROM module) + "
                          "(SELECT count(*) FROM plan) + "
                          "(SELECT count(*) FROM person)",
                          SQL_NONE);

    if (!err && n > 0) {
        log_error("the database to move to is not empty");
        err = DFOTA_E_ARG;
    }
    if (!err)
        err = sql_script(to, "DELETE FROM tenant; DELETE FROM counter; "
                             "DELETE FROM secret_key; DELETE FROM change; "
                             "DELETE FROM audit; DELETE FROM event");
    return err;
}

/* Of one moment, and however long it takes. */
static int begin_snapshot(struct sql *sql)
{
    int err = sql_begin(sql);

    if (err || !sql_is_shared(sql))
        return err;
    err = sql_script(sql, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
                          "SET LOCAL statement_timeout = 0");
    if (err)
        sql_rollback(sql);
    return err;
}

static int copy_tables(struct sql *from, struct sql *to, int64_t *rows)
{
    int err = begin_snapshot(from);

    *rows = 0;
    if (err)
        return err;
    err = sql_begin(to);
    if (!err)
        err = make_room(to);
    for (size_t i = 0; !err && i < N_TABLES; i++)
        err = copy_table(from, to, &tables[i], rows);
    if (err)
        sql_rollback(to);
    else
        err = sql_commit(to);
    sql_rollback(from);
    return err;
}

int move_all(struct sql *from, struct sql *to, int64_t *rows)
{
    int err = schema_migrate(from, schema_steps);

    if (!err)
        err = schema_migrate(to, schema_steps);
    return err ? err : copy_tables(from, to, rows);
}

int move_copy(struct sql *from, const char *url, int64_t *rows)
{
    struct sql *to = NULL;
    int err = sql_open(url, &to);

    if (!err)
        err = schema_migrate(to, schema_steps);
    if (!err)
        err = copy_tables(from, to, rows);
    if (!err)
        err = sql_checkpoint(to, true);
    sql_close(to);
    return err;
}
