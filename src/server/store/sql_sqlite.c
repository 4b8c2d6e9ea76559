/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite: a file in WAL mode. synchronous=FULL, since with NORMAL a power
 * cut takes commits back that were acknowledged.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/log.h"
#include "server/store/sql_driver.h"

enum { BUSY_MS = 10000, CACHE_KIB = 16 * 1024, PLACES = 8 };

struct kept {
    char *text;
    sqlite3_stmt *statement;
};

struct sqlite {
    sqlite3 *db;
    struct kept kept[SQL_KEPT];
};

/* A statement that is wrong is our mistake and no failure of the disk. */
static int worst_of(int code)
{
    switch (code) {
    case SQLITE_FULL:
        return DFOTA_E_FULL;
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
        return DFOTA_E_ARG;
    default:
        return DFOTA_E_IO;
    }
}

static int judge(const struct sqlite *s, int code, const char *what)
{
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_DONE:
        return 0;
    case SQLITE_ROW:
        return DFOTA_MORE;
    case SQLITE_CONSTRAINT:
        return DFOTA_E_STATE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return DFOTA_E_BUSY;
    case SQLITE_NOMEM:
        return DFOTA_E_NOMEM;
    default:
        log_error("database: %s (%d) at: %.60s", sqlite3_errmsg(s->db),
                  sqlite3_extended_errcode(s->db), what);
        return worst_of(code & 0xFF);
    }
}

static int plain(struct sqlite *s, const char *text)
{
    return judge(s, sqlite3_exec(s->db, text, NULL, NULL, NULL), text);
}

static void close_file(void *connection)
{
    struct sqlite *s = connection;

    for (unsigned i = 0; i < SQL_KEPT; i++) {
        sqlite3_finalize(s->kept[i].statement);
        free(s->kept[i].text);
    }
    sqlite3_close(s->db);
    free(s);
}

/* The waiting time comes first: switching to WAL may already collide. */
static int configure(struct sqlite *s)
{
    char cache[48];
    int err;

    sqlite3_busy_timeout(s->db, BUSY_MS);
    sqlite3_extended_result_codes(s->db, 1);
    snprintf(cache, sizeof cache, "PRAGMA cache_size=-%d", CACHE_KIB);
    err = plain(s, "PRAGMA journal_mode=WAL");
    if (!err)
        err = plain(s, "PRAGMA synchronous=FULL");
    if (!err)
        err = plain(s, "PRAGMA foreign_keys=ON");
    if (!err)
        err = plain(s, "PRAGMA wal_autocheckpoint=0");
    return err ? err : plain(s, cache);
}

static int open_file(const char *url, void **connection)
{
    const char *path = url + strlen("sqlite:");
    struct sqlite *s = calloc(1, sizeof *s);
    int err, code;

    if (!s)
        return DFOTA_E_NOMEM;
    code = sqlite3_open_v2(
        path, &s->db,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    err = judge(s, code, path);
    if (!err)
        err = configure(s);
    if (err)
        close_file(s);
    else
        *connection = s;
    return err;
}

static int begin(void *connection)
{
    return plain(connection, "BEGIN IMMEDIATE");
}

static int commit(void *connection)
{
    return plain(connection, "COMMIT");
}

static void rollback(void *connection)
{
    struct sqlite *s = connection;

    if (!sqlite3_get_autocommit(s->db))
        plain(s, "ROLLBACK");
}

/* Where a text is kept, or may be: its place or one of the next, so that two
 * that meet are both kept. */
static struct kept *find_kept(struct sqlite *s, const char *text)
{
    unsigned place = sql_place_of(text);

    for (unsigned i = 0; i < PLACES; i++) {
        struct kept *kept = &s->kept[(place + i) % SQL_KEPT];

        if (!kept->text || strcmp(kept->text, text) == 0)
            return kept;
    }
    return NULL;
}

/* A statement in use (two cursors over one text) or one without a place is
 * prepared for this once. */
static int prepare(struct sqlite *s, const char *text, sqlite3_stmt **out,
                   bool *is_kept)
{
    struct kept *kept = find_kept(s, text);
    int code;

    *is_kept = true;
    if (kept && kept->text && !sqlite3_stmt_busy(kept->statement)) {
        *out = kept->statement;
        return 0;
    }
    code = sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, out,
                              NULL);
    if (code == SQLITE_OK && kept && !kept->text) {
        kept->text = strdup(text);
        kept->statement = kept->text ? *out : NULL;
    }
    *is_kept = kept && kept->statement == *out;
    return judge(s, code, text);
}

static int bind(sqlite3_stmt *statement, const struct sql_arg *args,
                size_t n_args)
{
    char name[24];
    int at, code = SQLITE_OK;

    for (size_t i = 0; i < n_args && code == SQLITE_OK; i++) {
        snprintf(name, sizeof name, "$%zu", i + 1);
        at = sqlite3_bind_parameter_index(statement, name);
        if (at == 0) /* named nowhere in the text */
            continue;
        if (!args[i].is_text)
            code = sqlite3_bind_int64(statement, at, args[i].number);
        else
            code = sqlite3_bind_text(statement, at, args[i].text, -1,
                                     SQLITE_TRANSIENT);
    }
    return code;
}

static void done(struct sql_rows *rows)
{
    sqlite3_stmt *statement = rows->statement;

    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    /* rows->row: it is not among those that are kept */
    if (rows->row)
        sqlite3_finalize(statement);
}

static int query(void *connection, struct sql_rows *rows, const char *text,
                 const struct sql_arg *args, size_t n_args)
{
    struct sqlite *s = connection;
    sqlite3_stmt *statement;
    bool is_kept;
    int err = prepare(s, text, &statement, &is_kept);

    if (err)
        return err;
    rows->statement = statement;
    rows->row = !is_kept;
    return judge(s, bind(statement, args, n_args), text);
}

static int next(void *connection, struct sql_rows *rows)
{
    return judge(connection, sqlite3_step(rows->statement),
                 sqlite3_sql(rows->statement));
}

static int64_t get_int(const struct sql_rows *rows, int column)
{
    return sqlite3_column_int64(rows->statement, column);
}

static const char *get_text(const struct sql_rows *rows, int column)
{
    return (const char *)sqlite3_column_text(rows->statement, column);
}

static int64_t changed(void *connection, const struct sql_rows *rows)
{
    const struct sqlite *s = connection;

    (void)rows;
    return sqlite3_changes64(s->db);
}

static int script(void *connection, const char *text)
{
    return plain(connection, text);
}

static int checkpoint(void *connection, bool truncate)
{
    struct sqlite *s = connection;
    int code = sqlite3_wal_checkpoint_v2(s->db, NULL,
                                         truncate ? SQLITE_CHECKPOINT_TRUNCATE
                                                  : SQLITE_CHECKPOINT_PASSIVE,
                                         NULL, NULL);

    return judge(s, code, "checkpoint");
}

/* In one step, which is one read transaction: in several it would begin anew
 * at every write of another connection and never end. */
static int backup(void *connection, const char *path)
{
    struct sqlite *s = connection;
    sqlite3 *to = NULL;
    sqlite3_backup *copy;
    int code = sqlite3_open_v2(
        path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

    if (code == SQLITE_OK) {
        copy = sqlite3_backup_init(to, "main", s->db, "main");
        if (copy)
            sqlite3_backup_step(copy, -1);
        code = copy ? sqlite3_backup_finish(copy) : SQLITE_IOERR;
    }
    if (code != SQLITE_OK)
        log_error("%s: %s", path, sqlite3_errmsg(to));
    sqlite3_close(to);
    return code == SQLITE_OK ? 0 : DFOTA_E_IO;
}

const struct sql_driver sql_sqlite = {
    .scheme = "sqlite:",
    .id_type = "INTEGER PRIMARY KEY AUTOINCREMENT",
    .shared = false,
    .open = open_file,
    .close = close_file,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .query = query,
    .next = next,
    .get_int = get_int,
    .get_text = get_text,
    .changed = changed,
    .done = done,
    .script = script,
    .checkpoint = checkpoint,
    .backup = backup,
};
