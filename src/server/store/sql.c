/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/sql.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/buffer.h"
#include "os/log.h"
#include "server/store/sql_driver.h"

struct sql {
    const struct sql_driver *driver;
    void *connection;
};

static const struct sql_driver *const drivers[] = {&sql_sqlite, &sql_pgsql};

int sql_open(const char *url, struct sql **out)
{
    struct sql *sql;
    int err = DFOTA_E_ARG;

    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
        if (strncmp(url, drivers[i]->scheme, strlen(drivers[i]->scheme)) != 0)
            continue;
        sql = calloc(1, sizeof *sql);
        if (!sql)
            return DFOTA_E_NOMEM;
        sql->driver = drivers[i];
        err = sql->driver->open(url, &sql->connection);
        if (err)
            free(sql);
        else
            *out = sql;
        return err;
    }
    log_error("%s: write sqlite:PATH or postgresql://..", url);
    return err;
}

void sql_close(struct sql *sql)
{
    if (!sql)
        return;
    sql->driver->close(sql->connection);
    free(sql);
}

bool sql_is_shared(const struct sql *sql)
{
    return sql->driver->shared;
}

int sql_begin(struct sql *sql)
{
    return sql->driver->begin(sql->connection);
}

int sql_commit(struct sql *sql)
{
    return sql->driver->commit(sql->connection);
}

void sql_rollback(struct sql *sql)
{
    sql->driver->rollback(sql->connection);
}

int sql_query(struct sql *sql, struct sql_rows *rows, const char *text,
              const struct sql_arg *args, size_t n_args)
{
    *rows = (struct sql_rows){.sql = sql};
    return sql->driver->query(sql->connection, rows, text, args, n_args);
}

int sql_next(struct sql_rows *rows)
{
    if (!rows->statement)
        return 0;
    return rows->sql->driver->next(rows->sql->connection, rows);
}

int64_t sql_int(const struct sql_rows *rows, int column)
{
    return rows->sql->driver->get_int(rows, column);
}

const char *sql_text(const struct sql_rows *rows, int column)
{
    return rows->sql->driver->get_text(rows, column);
}

void sql_done(struct sql_rows *rows)
{
    if (rows->statement)
        rows->sql->driver->done(rows);
    rows->statement = NULL;
}

int sql_run(struct sql *sql, const char *text, const struct sql_arg *args,
            size_t n_args, int64_t *changed)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows, text, args, n_args);

    if (!err)
        err = sql_next(&rows);
    if (err >= 0 && changed)
        *changed = sql->driver->changed(sql->connection, &rows);
    sql_done(&rows);
    return err < 0 ? err : 0;
}

int sql_one_int(struct sql *sql, int64_t *out, const char *text,
                const struct sql_arg *args, size_t n_args)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows, text, args, n_args);

    if (!err) {
        err = sql_next(&rows);
        if (err == DFOTA_MORE) {
            *out = sql_int(&rows, 0);
            err = 0;
        } else if (err == 0) {
            err = DFOTA_E_NOTFOUND;
        }
    }
    sql_done(&rows);
    return err;
}

int sql_clock_ms(struct sql *sql, int64_t *out)
{
    return sql->driver->clock_ms
               ? sql_one_int(sql, out, sql->driver->clock_ms, SQL_NONE)
               : DFOTA_E_UNSUPPORTED;
}

int sql_script(struct sql *sql, const char *text)
{
    struct buffer out;
    const char *hole;
    int err;

    buffer_init(&out, 1 << 20);
    while ((hole = strstr(text, "{id}"))) {
        buffer_add(&out, text, (size_t)(hole - text));
        buffer_add_str(&out, sql->driver->id_type);
        text = hole + 4;
    }
    err = buffer_add_str(&out, text);
    if (!err)
        err = sql->driver->script(sql->connection, out.data);
    buffer_release(&out);
    return err;
}

int sql_checkpoint(struct sql *sql, bool truncate)
{
    return sql->driver->checkpoint(sql->connection, truncate);
}

int sql_backup(struct sql *sql, const char *path)
{
    return sql->driver->backup ? sql->driver->backup(sql->connection, path)
                               : DFOTA_E_UNSUPPORTED;
}

unsigned sql_place_of(const char *text)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619U;
    return (hash ^ hash >> 16) % SQL_KEPT;
}
