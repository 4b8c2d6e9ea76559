/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL through libpq: statements are prepared under the number of their
 * place, parameters and values go as text. A lost connection is made anew at
 * the next begin or at a query outside of a transaction.
 */
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/log.h"
#include "server/store/sql_driver.h"

enum { ARGS_MAX = 32 };

struct pgsql {
    PGconn *conn;
    bool in_transaction, is_lost;
    char *kept[SQL_KEPT];
};

static void forget(struct pgsql *p)
{
    for (unsigned i = 0; i < SQL_KEPT; i++) {
        free(p->kept[i]);
        p->kept[i] = NULL;
    }
}

/* The classes of SQLSTATE: PostgreSQL 15, appendix A. */
static int class_of(const char *state)
{
    if (!state)
        return DFOTA_E_CONNECT;
    if (strncmp(state, "23", 2) == 0)
        return DFOTA_E_STATE;
    /* serialisation, dead-lock, lock not to be had, statement time-out */
    if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0 ||
        strcmp(state, "55P03") == 0 || strcmp(state, "57014") == 0)
        return DFOTA_E_BUSY;
    /* 25P03: idle in a transaction for too long, and thrown out */
    if (strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0 ||
        strcmp(state, "25P03") == 0)
        return DFOTA_E_CONNECT;
    if (strncmp(state, "58", 2) == 0 || strncmp(state, "XX", 2) == 0)
        return DFOTA_E_IO;
    return strncmp(state, "53", 2) == 0 ? DFOTA_E_FULL : DFOTA_E_ARG;
}

static int judge(struct pgsql *p, const PGresult *result, const char *what)
{
    ExecStatusType status = PQresultStatus(result);
    const char *message;
    int err;

    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return 0;
    err = PQstatus(p->conn) == CONNECTION_BAD
              ? DFOTA_E_CONNECT
              : class_of(PQresultErrorField(result, PG_DIAG_SQLSTATE));
    /* the library believes in a connection until it has read its end */
    p->is_lost |= err == DFOTA_E_CONNECT;
    if (err != DFOTA_E_STATE && err != DFOTA_E_BUSY) {
        message = PQerrorMessage(p->conn);
        log_error("database: %.*s at: %.60s", (int)strcspn(message, "\n"),
                  message, what);
    }
    return err;
}

static int plain(struct pgsql *p, const char *text)
{
    PGresult *result = PQexec(p->conn, text);
    int err = judge(p, result, text);

    PQclear(result);
    return err;
}

static void drop_notice(void *ctx, const PGresult *result)
{
    (void)ctx;
    (void)result;
}

/* A node that stands still in a transaction holds its locks for 5 s, which
 * is less than the 10 s that the others' statements wait for them. */
static int configure(struct pgsql *p)
{
    PQsetNoticeReceiver(p->conn, drop_notice, NULL);
    return plain(p, "SET statement_timeout = '10s'; "
                    "SET idle_in_transaction_session_timeout = '5s'; "
                    "SET synchronous_commit = on");
}

/* What the address does not say otherwise: a database whose machine or
 * network is gone is noticed within seconds, not after the quarter of an hour
 * that TCP would go on. */
static PGconn *start_connection(const char *url)
{
    const char *const names[] = {"application_name", "connect_timeout",
                                 "keepalives_idle",  "keepalives_interval",
                                 "keepalives_count", "tcp_user_timeout",
                                 "dbname",           NULL};
    const char *const values[] = {"dfotad", "5",     "5", "2",
                                  "3",      "10000", url, NULL};

    return PQconnectdbParams(names, values, 1);
}

static void close_connection(void *connection)
{
    struct pgsql *p = connection;

    forget(p);
    PQfinish(p->conn);
    free(p);
}

static int open_connection(const char *url, void **connection)
{
    struct pgsql *p = calloc(1, sizeof *p);
    const char *message;
    int err = DFOTA_E_CONNECT;

    if (!p)
        return DFOTA_E_NOMEM;
    p->conn = start_connection(url);
    if (PQstatus(p->conn) == CONNECTION_OK) {
        err = configure(p);
    } else {
        message = PQerrorMessage(p->conn);
        log_error("database: %.*s", (int)strcspn(message, "\n"), message);
    }
    if (err)
        close_connection(p);
    else
        *connection = p;
    return err;
}

static int connect_again(struct pgsql *p)
{
    if (!p->is_lost && PQstatus(p->conn) == CONNECTION_OK)
        return 0;
    forget(p);
    p->in_transaction = false;
    PQreset(p->conn);
    p->is_lost = PQstatus(p->conn) != CONNECTION_OK;
    return p->is_lost ? DFOTA_E_CONNECT : configure(p);
}

static int begin(void *connection)
{
    struct pgsql *p = connection;
    int err = connect_again(p);

    if (!err)
        err = plain(p, "BEGIN");
    p->in_transaction = !err;
    return err;
}

/* "COMMIT" of a transaction that had an error says ROLLBACK and no error. */
static int commit(void *connection)
{
    struct pgsql *p = connection;
    PGresult *result = PQexec(p->conn, "COMMIT");
    int err = judge(p, result, "COMMIT");

    if (!err && strcmp(PQcmdStatus(result), "COMMIT") != 0)
        err = DFOTA_E_BUSY;
    PQclear(result);
    p->in_transaction = false;
    return err;
}

static void rollback(void *connection)
{
    struct pgsql *p = connection;

    if (PQtransactionStatus(p->conn) != PQTRANS_IDLE)
        PQclear(PQexec(p->conn, "ROLLBACK"));
    p->in_transaction = false;
}

static int prepare(struct pgsql *p, unsigned place, const char *text)
{
    char name[16], drop[32];
    PGresult *result;
    int err;

    if (p->kept[place] && strcmp(p->kept[place], text) == 0)
        return 0;
    snprintf(name, sizeof name, "s%u", place);
    if (p->kept[place]) {
        snprintf(drop, sizeof drop, "DEALLOCATE s%u", place);
        err = plain(p, drop);
        if (err)
            return err;
        free(p->kept[place]);
        p->kept[place] = NULL;
    }
    result = PQprepare(p->conn, name, text, 0, NULL);
    err = judge(p, result, text);
    PQclear(result);
    if (!err) {
        p->kept[place] = strdup(text);
        if (!p->kept[place])
            err = DFOTA_E_NOMEM;
    }
    return err;
}

static int query_once(struct pgsql *p, struct sql_rows *rows, const char *text,
                      const char *const *values, size_t n_values)
{
    unsigned place = sql_place_of(text);
    char name[16];
    int err = p->in_transaction ? 0 : connect_again(p);

    if (!err)
        err = prepare(p, place, text);
    if (err)
        return err;
    snprintf(name, sizeof name, "s%u", place);
    rows->row = -1;
    rows->statement =
        PQexecPrepared(p->conn, name, (int)n_values, values, NULL, NULL, 0);
    return judge(p, rows->statement, text);
}

/* Outside of a transaction only reads are made, which may be made again: a
 * connection that was kept over a restart of the database is dead. */
static int query(void *connection, struct sql_rows *rows, const char *text,
                 const struct sql_arg *args, size_t n_args)
{
    struct pgsql *p = connection;
    const char *values[ARGS_MAX];
    char numbers[ARGS_MAX][24];
    int err;

    if (n_args > ARGS_MAX)
        return DFOTA_E_ARG;
    for (size_t i = 0; i < n_args; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%" PRId64, args[i].number);
        values[i] = args[i].is_text ? args[i].text : numbers[i];
    }
    err = query_once(p, rows, text, values, n_args);
    if (err != DFOTA_E_CONNECT || p->in_transaction)
        return err;
    PQclear(rows->statement);
    rows->statement = NULL;
    return query_once(p, rows, text, values, n_args);
}

static int next(void *connection, struct sql_rows *rows)
{
    (void)connection;
    return ++rows->row < PQntuples(rows->statement) ? DFOTA_MORE : 0;
}

static const char *get_text(const struct sql_rows *rows, int column)
{
    return PQgetisnull(rows->statement, rows->row, column)
               ? NULL
               : PQgetvalue(rows->statement, rows->row, column);
}

static int64_t get_int(const struct sql_rows *rows, int column)
{
    const char *text = get_text(rows, column);

    return text ? strtoll(text, NULL, 10) : 0;
}

static int64_t changed(void *connection, const struct sql_rows *rows)
{
    (void)connection;
    return strtoll(PQcmdTuples(rows->statement), NULL, 10);
}

static void done(struct sql_rows *rows)
{
    PQclear(rows->statement);
}

static int script(void *connection, const char *text)
{
    return plain(connection, text);
}

static int checkpoint(void *connection, bool truncate)
{
    (void)connection;
    (void)truncate;
    return 0;
}

const struct sql_driver sql_pgsql = {
    .scheme = "postgresql://",
    .id_type = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    .clock_ms = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
    .shared = true,
    .open = open_connection,
    .close = close_connection,
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
    .backup = NULL, /* pg_dump is better at it */
};
