/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One connection to a database, SQLite or PostgreSQL, behind the same calls.
 *
 * Layer: server. A new database is one more file with a struct sql_driver.
 * Statements are written once, in what both understand: parameters $1, $2 ..,
 * BIGINT and TEXT columns, ON CONFLICT, RETURNING. A connection is used by
 * one thread at a time. Statements are prepared once a connection and found
 * again by their text, so texts are constants or few.
 */
#ifndef DFOTA_SERVER_STORE_SQL_H
#define DFOTA_SERVER_STORE_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sql;

/* A parameter: a number, or a text (NULL: null). Borrowed for the call. */
struct sql_arg {
    const char *text;
    int64_t number;
    bool is_text;
};

#define SQL_INT(n) ((struct sql_arg){.number = (n)})
#define SQL_TEXT(s) ((struct sql_arg){.text = (s), .is_text = true})
#define SQL_ARGS(...)                                                          \
    (const struct sql_arg[]){__VA_ARGS__},                                     \
        sizeof((const struct sql_arg[]){__VA_ARGS__}) / sizeof(struct sql_arg)
#define SQL_NONE NULL, 0

/* The rows of a query, read one after the other. */
struct sql_rows {
    struct sql *sql;
    void *statement; /* of the driver; NULL: none */
    int row;         /* of the driver */
};

/**
 * Connect.
 *
 * url      "sqlite:PATH" or "postgresql://.."
 * errors   E_ARG no such kind; E_IO, E_CONNECT (said in the log); E_NOMEM
 */
int sql_open(const char *url, struct sql **out);

/** NULL is harmless. */
void sql_close(struct sql *sql);

/** Several nodes may share it: transactions can collide and connections be
 * lost, so a failed one is worth another try. */
bool sql_is_shared(const struct sql *sql);

/**
 * A transaction. Of the connections to an SQLite file only one may be in a
 * writing transaction; begin waits for it (busy time-out 10 s).
 *
 * errors   as sql_run(); commit: also when the data did not reach the disk.
 *          E_CONNECT from commit: it may or may not have happened
 */
int sql_begin(struct sql *sql);
int sql_commit(struct sql *sql);
void sql_rollback(struct sql *sql);

/**
 * Run a statement that gives no rows.
 *
 * changed  out: rows inserted, updated or deleted; NULL: not wanted
 * errors   E_STATE a unique or foreign key forbids it; E_BUSY collided, try
 *          the transaction again; E_CONNECT the connection is lost; E_FULL
 *          the disk is; E_IO reading or writing failed, and what was written
 *          before may be lost: end the process; E_ARG the statement is
 *          wrong. Said in the log, but for E_STATE and E_BUSY
 */
int sql_run(struct sql *sql, const char *text, const struct sql_arg *args,
            size_t n_args, int64_t *changed);

/** Begin to read rows; sql_done() in any case. Outside of a transaction it is
 * asked once more when the connection turns out to be lost, so only what
 * reads belongs there. errors: as sql_run() */
int sql_query(struct sql *sql, struct sql_rows *rows, const char *text,
              const struct sql_arg *args, size_t n_args);

/** returns DFOTA_MORE: a row is there; 0: no more; else an error */
int sql_next(struct sql_rows *rows);

/** Of the row that is there. A null is 0, and NULL as a text, which is valid
 * until the next sql_next(). */
int64_t sql_int(const struct sql_rows *rows, int column);
const char *sql_text(const struct sql_rows *rows, int column);

/** Harmless on a zeroed struct. */
void sql_done(struct sql_rows *rows);

/** Query and take the first row's first number. errors: as sql_run();
 * E_NOTFOUND no row */
int sql_one_int(struct sql *sql, int64_t *out, const char *text,
                const struct sql_arg *args, size_t n_args);

/** What the database's clock says, milliseconds since 1970. errors: as
 * sql_run(); E_UNSUPPORTED it has that of this machine */
int sql_clock_ms(struct sql *sql, int64_t *out);

/** Several statements with no parameters, parted by semicolons. {id} stands
 * for the database's type of a number given out one after the other. */
int sql_script(struct sql *sql, const char *text);

/** Put back into the database file what the log beside it holds (SQLite;
 * nothing elsewhere). truncate: wait for the readers and empty the log */
int sql_checkpoint(struct sql *sql, bool truncate);

/** Copy the whole database, as it is at one moment, into a new file; others
 * go on writing. errors: E_UNSUPPORTED not this one; E_IO (said in the log) */
int sql_backup(struct sql *sql, const char *path);

#endif
