/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a database has to offer to sql.c.
 *
 * Layer: server. Errors and shapes are those of sql.h.
 */
#ifndef DFOTA_SERVER_STORE_SQL_DRIVER_H
#define DFOTA_SERVER_STORE_SQL_DRIVER_H

#include "server/store/sql.h"

struct sql_driver {
    const char *scheme;   /* "sqlite:" */
    const char *id_type;  /* what {id} becomes */
    const char *clock_ms; /* asks its clock; NULL: has none of its own */
    bool shared;
    int (*open)(const char *url, void **connection);
    void (*close)(void *connection);
    int (*begin)(void *connection);
    int (*commit)(void *connection);
    void (*rollback)(void *connection);
    int (*query)(void *connection, struct sql_rows *rows, const char *text,
                 const struct sql_arg *args, size_t n_args);
    int (*next)(void *connection, struct sql_rows *rows);
    int64_t (*get_int)(const struct sql_rows *rows, int column);
    const char *(*get_text)(const struct sql_rows *rows, int column);
    int64_t (*changed)(void *connection, const struct sql_rows *rows);
    void (*done)(struct sql_rows *rows);
    int (*script)(void *connection, const char *text);
    int (*checkpoint)(void *connection, bool truncate);
    int (*backup)(void *connection, const char *path); /* NULL: cannot */
};

extern const struct sql_driver sql_sqlite, sql_pgsql;

/* Prepared statements are kept by a number: the place of their text. */
enum { SQL_KEPT = 256 };

/** The place where a text is or may be kept, 0 .. SQL_KEPT - 1. */
unsigned sql_place_of(const char *text);

#endif
