/* SPDX-License-Identifier: Apache-2.0 */
/* What modules tell of themselves: kept in memory, written behind. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "os/log.h"
#include "server/fleet/events.h"
#include "server/fleet/fleet_priv.h"

enum { WRITTEN_AT_ONCE = 2000, NAMED_AT_ONCE = 16, TENANTS_AT_ONCE = 16 };

static void mark_dirty(struct fleet *fleet, struct module_row *row)
{
    size_t room;
    uint64_t *dirty;

    if (row->dirty)
        return;
    if (fleet->n_dirty == fleet->dirty_room) {
        room = fleet->dirty_room ? fleet->dirty_room * 2 : 256;
        dirty = realloc(fleet->dirty, room * sizeof *dirty);
        if (!dirty)
            return; /* told at its next poll */
        fleet->dirty = dirty;
        fleet->dirty_room = room;
    }
    fleet->dirty[fleet->n_dirty++] = row->imei;
    row->dirty = true;
}

void fleet_seen(struct fleet *fleet, const struct poll *poll, int64_t now)
{
    struct module_row *row;

    pthread_mutex_lock(&fleet->lock);
    row = module_table_find(fleet->modules, poll->imei);
    if (row) {
        row->version = names_number(fleet->names, poll->version);
        if (poll->battery != POLL_UNSAID)
            row->battery = (int16_t)poll->battery;
        if (poll->rssi != POLL_UNSAID)
            row->rssi = (int16_t)poll->rssi;
        row->last_seen = (uint32_t)now;
        mark_dirty(fleet, row);
    }
    pthread_mutex_unlock(&fleet->lock);
}

struct seen {
    uint64_t imei;
    uint32_t id, tenant, last_seen;
    const char *version;
    int16_t battery, rssi;
};

struct seen_job {
    struct job job;
    struct fleet *fleet;
    int64_t newest; /* moment of all */
    size_t n;
    struct seen all[WRITTEN_AT_ONCE];
};

/* One event for all of a tenant, as a storm of polls is no news of each. */
static int tell_tenant(struct sql *sql, const struct seen_job *seen,
                       uint32_t tenant)
{
    json_t *modules = json_array();
    json_int_t count = 0;
    char imei[24];

    for (size_t i = 0; i < seen->n; i++) {
        if (seen->all[i].tenant != tenant || ++count > NAMED_AT_ONCE)
            continue;
        snprintf(imei, sizeof imei, "%015" PRIu64, seen->all[i].imei);
        json_array_append_new(modules, json_string(imei));
    }
    return events_add(
        sql, tenant, "module", 0,
        json_pack("{s:I, s:o}", "count", count, "modules", modules),
        seen->newest);
}

static int tell_seen(struct sql *sql, const struct seen_job *seen)
{
    uint32_t told[TENANTS_AT_ONCE];
    size_t n = 0;
    int err = 0;

    for (size_t i = 0; !err && i < seen->n && n < TENANTS_AT_ONCE; i++) {
        size_t j = 0;

        while (j < n && told[j] != seen->all[i].tenant)
            j++;
        if (j < n)
            continue;
        told[n++] = seen->all[i].tenant;
        err = tell_tenant(sql, seen, seen->all[i].tenant);
    }
    return err;
}

static int write_seen(struct sql *sql, struct job *job)
{
    const struct seen_job *seen = (struct seen_job *)job;
    int err = 0;

    for (size_t i = 0; !err && i < seen->n; i++) {
        const struct seen *one = &seen->all[i];

        err =
            sql_run(sql,
                    "UPDATE module SET version = $2, last_seen = $3, battery = "
                    "CASE WHEN $4 < 1000 THEN $4 ELSE battery END, rssi = "
                    "CASE WHEN $5 < 1000 THEN $5 ELSE rssi END WHERE id = $1",
                    SQL_ARGS(SQL_INT(one->id), SQL_TEXT(one->version),
                             SQL_INT(one->last_seen), SQL_INT(one->battery),
                             SQL_INT(one->rssi)),
                    NULL);
    }
    return err ? err : tell_seen(sql, seen);
}

/* What could not be written is still to be; what came since is newer. */
static void keep_seen(const struct seen_job *seen)
{
    struct module_row *row;

    pthread_mutex_lock(&seen->fleet->lock);
    for (size_t i = 0; i < seen->n; i++) {
        row = module_table_find(seen->fleet->modules, seen->all[i].imei);
        if (row)
            mark_dirty(seen->fleet, row);
    }
    pthread_mutex_unlock(&seen->fleet->lock);
}

static void seen_is_written(struct job *job, int err)
{
    if (err) {
        log_warn("what modules told of themselves is not written yet: %s",
                 dfota_strerror(err));
        keep_seen((const struct seen_job *)job);
    }
    free(job);
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = ((const struct seen *)a)->id, y = ((const struct seen *)b)->id;

    return x < y ? -1 : x > y;
}

/* In the order of their numbers: two nodes that write the same modules in
 * different orders would lock each other out. */
static void gather(struct fleet *fleet, struct seen_job *job)
{
    pthread_mutex_lock(&fleet->lock);
    while (fleet->n_dirty > 0 && job->n < WRITTEN_AT_ONCE) {
        uint64_t imei = fleet->dirty[--fleet->n_dirty];
        struct module_row *row = module_table_find(fleet->modules, imei);

        if (!row)
            continue;
        row->dirty = false;
        if (row->last_seen > job->newest)
            job->newest = row->last_seen;
        job->all[job->n++] =
            (struct seen){row->imei,
                          row->id,
                          row->tenant,
                          row->last_seen,
                          names_text(fleet->names, row->version),
                          row->battery,
                          row->rssi};
    }
    pthread_mutex_unlock(&fleet->lock);
    qsort(job->all, job->n, sizeof *job->all, by_id);
}

int fleet_write_seen(struct fleet *fleet)
{
    struct seen_job *job = malloc(sizeof *job);
    int err;

    if (!job)
        return DFOTA_E_NOMEM;
    job->job = (struct job){.run = write_seen, .done = seen_is_written};
    job->n = 0;
    job->newest = 0;
    job->fleet = fleet;
    gather(fleet, job);
    err = job->n > 0 ? store_post(fleet->store, &job->job) : 0;
    if (err || job->n == 0)
        free(job);
    return err;
}
