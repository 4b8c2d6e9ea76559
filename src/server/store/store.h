/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The database of a node: its writer, its readers, its upkeep.
 *
 * Layer: server. Safe from any thread.
 */
#ifndef DFOTA_SERVER_STORE_STORE_H
#define DFOTA_SERVER_STORE_STORE_H

#include <stdint.h>

#include "server/store/writer.h"

struct store;

struct store_config {
    const char *url;    /* for sql_open() */
    const char *folder; /* whose disk is watched; NULL: none */
    unsigned
        disk_percent_min; /* free, of that disk; below, facts are refused */
    void (*committed)(void *ctx); /* see writer.h */
    void *ctx;
};

/**
 * Open, migrate, begin to write. An SQLite file whose log cannot be put back
 * into it is not opened: its end may not be on the disk.
 *
 * errors   those of sql_open() and schema_migrate()
 */
int store_open(const struct store_config *config, struct store **out);

/** Finish what is queued and take no more: every job was then answered. NULL
 * is harmless. */
void store_quiesce(struct store *store);

/** Finish what is queued, then close. NULL is harmless. */
void store_close(struct store *store);

/** See writer_post() and writer_do(). */
int store_post(struct store *store, struct job *job);
int store_do(struct store *store, struct job *job);

/**
 * Borrow a connection to read with: short reads only, the log of SQLite
 * cannot shrink below the oldest of them.
 *
 * errors   those of sql_open()
 */
int store_read_begin(struct store *store, struct sql **sql);
void store_read_end(struct store *store, struct sql *sql);

const char *store_url(const struct store *store);

/** Jobs that wait for the writer. */
unsigned store_waiting(struct store *store);

/** See writer_is_connected(). */
bool store_is_connected(const struct store *store);

void store_count(struct store *store, unsigned long *commits,
                 unsigned long *jobs);

#endif
