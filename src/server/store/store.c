/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/err.h"
#include "os/log.h"
#include "server/store/schema.h"

enum {
    QUEUE_MAX = 4096,
    READERS_KEPT = 8,
    LOG_FROM = 4 << 20,  /* bytes of it that are put back without waiting */
    LOG_UNTIL = 32 << 20 /* and with, for the readers */
};

struct store {
    char *url, *folder;
    unsigned disk_percent_min;
    struct sql *write_sql, *upkeep_sql;
    struct writer *writer;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t upkeep;
    bool has_upkeep, stopping;
    struct sql *readers[READERS_KEPT];
    unsigned n_readers;
};

static off_t log_size(const struct store *store)
{
    char path[4096];
    struct stat info;

    if (strncmp(store->url, "sqlite:", 7) != 0)
        return 0;
    snprintf(path, sizeof path, "%s-wal", store->url + 7);
    return stat(path, &info) == 0 ? info.st_size : 0;
}

static void look_after(struct store *store)
{
    off_t size = log_size(store);
    struct statvfs disk;

    if (size > LOG_FROM &&
        sql_checkpoint(store->upkeep_sql, size > LOG_UNTIL) == DFOTA_E_IO)
        writer_end_process(DFOTA_E_IO);
    if (store->folder && statvfs(store->folder, &disk) == 0 &&
        disk.f_blocks > 0)
        writer_refuse(store->writer, disk.f_bavail * 100 / disk.f_blocks <
                                         store->disk_percent_min);
}

static void *keep_up(void *ctx)
{
    struct store *store = ctx;
    struct timespec until;

    pthread_mutex_lock(&store->lock);
    while (!store->stopping) {
        pthread_mutex_unlock(&store->lock);
        look_after(store);
        pthread_mutex_lock(&store->lock);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        if (!store->stopping)
            pthread_cond_timedwait(&store->wake, &store->lock, &until);
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

static int open_connections(struct store *store)
{
    int err = sql_open(store->url, &store->write_sql);

    if (!err)
        err = sql_checkpoint(store->write_sql, true);
    if (!err)
        err = schema_migrate(store->write_sql, schema_steps);
    if (!err)
        err = sql_open(store->url, &store->upkeep_sql);
    return err;
}

static int start_threads(struct store *store, const struct store_config *config)
{
    const struct writer_config to_write = {.sql = store->write_sql,
                                           .queue_max = QUEUE_MAX,
                                           .committed = config->committed,
                                           .ctx = config->ctx};
    int err = writer_start(&to_write, &store->writer);

    if (err)
        return err;
    store->has_upkeep =
        pthread_create(&store->upkeep, NULL, keep_up, store) == 0;
    return store->has_upkeep ? 0 : DFOTA_E_NOMEM;
}

int store_open(const struct store_config *config, struct store **out)
{
    struct store *store = calloc(1, sizeof *store);
    pthread_condattr_t steady;
    int err;

    if (!store)
        return DFOTA_E_NOMEM;
    pthread_mutex_init(&store->lock, NULL);
    /* a wall clock that jumps back does not stop the upkeep */
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&store->wake, &steady);
    pthread_condattr_destroy(&steady);
    store->url = strdup(config->url);
    store->folder = config->folder ? strdup(config->folder) : NULL;
    store->disk_percent_min = config->disk_percent_min;
    err = store->url && (store->folder || !config->folder) ? 0 : DFOTA_E_NOMEM;
    if (!err)
        err = open_connections(store);
    if (!err)
        err = start_threads(store, config);
    if (err)
        store_close(store);
    else
        *out = store;
    return err;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
    if (store->has_upkeep)
        pthread_join(store->upkeep, NULL);
    writer_stop(store->writer);
    while (store->n_readers > 0)
        sql_close(store->readers[--store->n_readers]);
    sql_close(store->upkeep_sql);
    sql_close(store->write_sql);
    pthread_cond_destroy(&store->wake);
    pthread_mutex_destroy(&store->lock);
    free(store->folder);
    free(store->url);
    free(store);
}

void store_quiesce(struct store *store)
{
    if (store)
        writer_quiesce(store->writer);
}

int store_post(struct store *store, struct job *job)
{
    return writer_post(store->writer, job);
}

int store_do(struct store *store, struct job *job)
{
    return writer_do(store->writer, job);
}

int store_read_begin(struct store *store, struct sql **sql)
{
    *sql = NULL;
    pthread_mutex_lock(&store->lock);
    if (store->n_readers > 0)
        *sql = store->readers[--store->n_readers];
    pthread_mutex_unlock(&store->lock);
    return *sql ? 0 : sql_open(store->url, sql);
}

void store_read_end(struct store *store, struct sql *sql)
{
    if (!sql)
        return;
    pthread_mutex_lock(&store->lock);
    if (store->n_readers < READERS_KEPT) {
        store->readers[store->n_readers++] = sql;
        sql = NULL;
    }
    pthread_mutex_unlock(&store->lock);
    sql_close(sql);
}

const char *store_url(const struct store *store)
{
    return store->url;
}

unsigned store_waiting(struct store *store)
{
    return writer_waiting(store->writer);
}

void store_count(struct store *store, unsigned long *commits,
                 unsigned long *jobs)
{
    writer_count(store->writer, commits, jobs);
}

bool store_is_connected(const struct store *store)
{
    return writer_is_connected(store->writer);
}
