/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: claim, build, keep. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "os/log.h"
#include "server/depot/depot_jobs.h"

enum {
    RENEW_S = 20,
    LOOK_S = 10,        /* for what other nodes left */
    FIRST_PAUSE_S = 15, /* before another try; twice as long each time */
    LONGEST_PAUSE_S = 3600,
    MEMORY_PER_BYTE = 24 /* of both images, while a package is built */
};
#define MEMORY_MAX ((size_t)1 << 30)

/* ---- memory that the workers share ---- */

static size_t cost_of(const struct depot_images *images)
{
    return (images->source_len + images->target_len) * MEMORY_PER_BYTE;
}

/* The largest one is built alone. */
static void take_memory(struct depot *depot, size_t bytes)
{
    pthread_mutex_lock(&depot->lock);
    while (depot->taken > 0 && depot->taken + bytes > MEMORY_MAX)
        pthread_cond_wait(&depot->room, &depot->lock);
    depot->taken += bytes;
    pthread_mutex_unlock(&depot->lock);
}

static void give_memory(struct depot *depot, size_t bytes)
{
    pthread_mutex_lock(&depot->lock);
    depot->taken -= bytes;
    pthread_cond_broadcast(&depot->room);
    pthread_mutex_unlock(&depot->lock);
}

/* ---- one package ---- */

/* What another try can mend goes back to those that wait, for longer each
 * time: a full disk, no memory, a token or a database that does not
 * answer. The rest would
 * end the same way again. */
static void fail(struct outcome *o, int err)
{
    bool again =
        err == DFOTA_E_IO || err == DFOTA_E_NOMEM || err == DFOTA_E_CONNECT;
    int64_t pause = FIRST_PAUSE_S;

    for (int64_t i = 1; i < o->tries && pause < LONGEST_PAUSE_S; i++)
        pause *= 2;
    o->size = 0;
    o->state = again ? "waiting" : "failed";
    o->not_before =
        again ? clock_wall(o->depot->config.node->clock) + pause : 0;
    snprintf(o->why, sizeof o->why, "%s", dfota_strerror(err));
}

static int keep(struct depot *depot, const struct build_result *built,
                struct outcome *o)
{
    int err =
        vault_put(depot->config.vault, built->bytes, built->len, o->sha256);

    secrets_hash(built->bytes, built->p.signature_off, o->digest);
    o->size = (int64_t)built->len;
    o->state = depot->signer ? "ready" : "unsigned";
    if (!err && depot->signer)
        err = vault_publish(depot->config.vault, o->sha256);
    return err;
}

static int build(struct depot *depot, int64_t id, struct outcome *o)
{
    struct build_result built = {0};
    struct depot_images images;
    int err = depot_load(depot, id, &images);
    size_t cost = cost_of(&images);

    if (!err) {
        o->tenant = images.tenant;
        take_memory(depot, cost);
        err = depot_build(depot, &images, &built, &o->full);
        give_memory(depot, cost);
    }
    if (!err)
        err = keep(depot, &built, o);
    depot_unload(&images);
    free(built.bytes);
    return err;
}

static void build_one(struct depot *depot, const struct claim *claim)
{
    struct outcome o = {.job = {.run = depot_run_outcome},
                        .depot = depot,
                        .id = claim->id,
                        .tries = claim->tries};
    int err = build(depot, claim->id, &o);

    if (err)
        fail(&o, err);
    err = store_do(depot->config.node->store, &o.job);
    if (err)
        log_error("package %" PRId64 ": %s", o.id, dfota_strerror(err));
    else
        log_info("package %" PRId64 ": %s, %" PRId64 " bytes%s%s", o.id,
                 o.state, o.size, o.why[0] ? ", " : "", o.why);
}

/* ---- the threads ---- */

static void wait_s(struct depot *depot, pthread_cond_t *cond, int seconds)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_cond_timedwait(cond, &depot->lock, &until);
}

static unsigned my_place(struct depot *depot)
{
    unsigned i = 0;

    while (depot->places[i])
        i++;
    depot->places[i] = true;
    return i;
}

void *depot_work(void *ctx)
{
    struct depot *depot = ctx;
    struct claim claim = {.job = {.run = depot_run_claim}, .depot = depot};
    unsigned place;

    pthread_mutex_lock(&depot->lock);
    place = my_place(depot);
    while (!depot->stopping) {
        pthread_mutex_unlock(&depot->lock);
        claim.again = false;
        if (store_do(depot->config.node->store, &claim.job) != 0)
            claim.id = 0;
        pthread_mutex_lock(&depot->lock);
        depot->building[place] = claim.id;
        if (claim.id) {
            pthread_mutex_unlock(&depot->lock);
            build_one(depot, &claim);
            pthread_mutex_lock(&depot->lock);
            depot->building[place] = 0;
        } else if (!claim.again && !depot->awake && !depot->stopping) {
            wait_s(depot, &depot->wake, LOOK_S);
            depot->awake = false;
        } else {
            depot->awake = false;
        }
    }
    pthread_mutex_unlock(&depot->lock);
    return NULL;
}

/* As long as this process lives, what it builds is its own. */
void *depot_renew(void *ctx)
{
    struct depot *depot = ctx;

    pthread_mutex_lock(&depot->lock);
    while (!depot->stopping) {
        for (unsigned i = 0; i < DEPOT_WORKERS_MAX; i++) {
            struct claim renewal = {.job = {.run = depot_run_renewal},
                                    .depot = depot,
                                    .id = depot->building[i]};

            if (renewal.id == 0)
                continue;
            pthread_mutex_unlock(&depot->lock);
            store_do(depot->config.node->store, &renewal.job);
            pthread_mutex_lock(&depot->lock);
        }
        if (!depot->stopping)
            wait_s(depot, &depot->end, RENEW_S);
    }
    pthread_mutex_unlock(&depot->lock);
    return NULL;
}
