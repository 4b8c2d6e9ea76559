/* SPDX-License-Identifier: Apache-2.0 */
#include "server/depot/depot.h"

#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "os/log.h"
#include "server/depot/depot_jobs.h"

/* ---- what waits ---- */

int depot_want(struct sql *sql, int64_t tenant, int64_t source, int64_t target,
               int64_t now, int64_t *id)
{
    int err = sql_run(
        sql,
        "INSERT INTO package (tenant, source, target, state, full_image, size, "
        "claimed_until, tries, created) VALUES ($1, $2, $3, 'waiting', $4, 0, "
        "0, 0, $5) ON CONFLICT (source, target) DO UPDATE SET "
        "state = CASE WHEN package.state = 'failed' THEN 'waiting' "
        "ELSE package.state END, tries = CASE WHEN package.state = 'failed' "
        "THEN 0 ELSE package.tries END, not_before = 0",
        SQL_ARGS(SQL_INT(tenant), SQL_INT(source), SQL_INT(target),
                 SQL_INT(source == 0), SQL_INT(now)),
        NULL);

    return err ? err
               : sql_one_int(sql, id,
                             "SELECT id FROM package WHERE source = $1 "
                             "AND target = $2",
                             SQL_ARGS(SQL_INT(source), SQL_INT(target)));
}

/* ---- the key ---- */

static int load_signer(struct depot *depot)
{
    char why[SIGNER_WHY_ROOM];
    struct signer *fresh, *old;

    if (!depot->config.signing_key)
        return 0;
    if (signer_open_private(depot->config.signing_key, &fresh, why) != 0) {
        log_error("%s", why);
        return DFOTA_E_KEY;
    }
    pthread_mutex_lock(&depot->crypto);
    old = depot->signer;
    depot->signer = fresh;
    pthread_mutex_unlock(&depot->crypto);
    signer_close(old);
    return 0;
}

int depot_reload(struct depot *depot)
{
    int err = load_signer(depot);

    if (err)
        log_error("the signing key stays as it was");
    return err;
}

bool depot_signs(const struct depot *depot)
{
    return depot && depot->config.signing_key;
}

/* ---- life ---- */

void depot_wake(struct depot *depot)
{
    if (!depot)
        return;
    pthread_mutex_lock(&depot->lock);
    depot->awake = true;
    pthread_cond_broadcast(&depot->wake);
    pthread_mutex_unlock(&depot->lock);
}

static int start_threads(struct depot *depot)
{
    while (depot->n_threads < depot->config.workers &&
           depot->n_threads < DEPOT_WORKERS_MAX) {
        if (pthread_create(&depot->threads[depot->n_threads], NULL, depot_work,
                           depot) != 0)
            return DFOTA_E_NOMEM;
        depot->n_threads++;
    }
    depot->has_renewer =
        pthread_create(&depot->renewer, NULL, depot_renew, depot) == 0;
    return depot->has_renewer ? 0 : DFOTA_E_NOMEM;
}

int depot_start(const struct depot_config *config, struct depot **out)
{
    struct depot *depot = calloc(1, sizeof *depot);
    struct claim all = {.job = {.run = depot_run_take_up}, .depot = depot};
    pthread_condattr_t steady;
    int err;

    if (!depot)
        return DFOTA_E_NOMEM;
    depot->config = *config;
    pthread_mutex_init(&depot->lock, NULL);
    pthread_mutex_init(&depot->crypto, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&depot->wake, &steady);
    pthread_cond_init(&depot->room, &steady);
    pthread_cond_init(&depot->end, &steady);
    pthread_condattr_destroy(&steady);
    err = psa_port_init();
    if (!err)
        err = load_signer(depot);
    if (!err)
        err = store_do(config->node->store, &all.job);
    if (!err)
        err = start_threads(depot);
    if (err)
        depot_stop(depot);
    else
        *out = depot;
    return err;
}

void depot_stop(struct depot *depot)
{
    if (!depot)
        return;
    pthread_mutex_lock(&depot->lock);
    depot->stopping = true;
    pthread_cond_broadcast(&depot->wake);
    pthread_cond_broadcast(&depot->end);
    pthread_mutex_unlock(&depot->lock);
    while (depot->n_threads > 0)
        pthread_join(depot->threads[--depot->n_threads], NULL);
    if (depot->has_renewer)
        pthread_join(depot->renewer, NULL);
    signer_close(depot->signer);
    pthread_cond_destroy(&depot->end);
    pthread_cond_destroy(&depot->room);
    pthread_cond_destroy(&depot->wake);
    pthread_mutex_destroy(&depot->crypto);
    pthread_mutex_destroy(&depot->lock);
    free(depot);
}
