/* SPDX-License-Identifier: Apache-2.0 */
#include "server/depot/depot.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"
#include "os/log.h"
#include "port/psa/psa_crypto_port.h"
#include "server/depot/depot_priv.h"

enum { CLAIM_S = 1800, TRIES_MAX = 3 };

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
        "THEN 0 ELSE package.tries END",
        SQL_ARGS(SQL_INT(tenant), SQL_INT(source), SQL_INT(target),
                 SQL_INT(source == 0), SQL_INT(now)),
        NULL);

    return err ? err
               : sql_one_int(sql, id,
                             "SELECT id FROM package WHERE source = $1 "
                             "AND target = $2",
                             SQL_ARGS(SQL_INT(source), SQL_INT(target)));
}

struct claim {
    struct job job;
    const struct depot *depot;
    int64_t id; /* 0: nothing waits */
};

/* One that a dead worker left behind waits again. */
static int run_claim(struct sql *sql, struct job *job)
{
    struct claim *claim = (struct claim *)job;
    const struct node *node = claim->depot->config.node;
    int64_t now = clock_wall(node->clock), changed = 0;
    int err = sql_one_int(sql, &claim->id,
                          "SELECT id FROM package WHERE state = 'waiting' OR "
                          "(state = 'building' AND claimed_until < $1) "
                          "ORDER BY id LIMIT 1",
                          SQL_ARGS(SQL_INT(now)));

    if (!err)
        err = sql_run(sql,
                      "UPDATE package SET claimed_by = $3, claimed_until = $4, "
                      "tries = tries + 1, state = CASE WHEN tries >= $5 THEN "
                      "'failed' ELSE 'building' END WHERE id = $1 AND "
                      "(state = 'waiting' OR (state = 'building' AND "
                      "claimed_until < $2))",
                      SQL_ARGS(SQL_INT(claim->id), SQL_INT(now),
                               SQL_TEXT(node->name), SQL_INT(now + CLAIM_S),
                               SQL_INT(TRIES_MAX)),
                      &changed);
    if (err == DFOTA_E_NOTFOUND || (!err && changed == 0)) {
        claim->id = 0;
        err = 0;
    }
    return err;
}

/* ---- what came of it ---- */

struct outcome {
    struct job job;
    const struct depot *depot;
    int64_t id, tenant;
    const char *state;
    char sha256[VAULT_HEX_ROOM], digest[VAULT_HEX_ROOM], why[160];
    int64_t size;
};

static int run_outcome(struct sql *sql, struct job *job)
{
    const struct outcome *o = (struct outcome *)job;
    char object[32];
    int err = sql_run(
        sql,
        "UPDATE package SET state = $2, sha256 = $3, digest = $4, size = $5, "
        "why = $6, claimed_until = 0 WHERE id = $1 AND state = 'building'",
        SQL_ARGS(SQL_INT(o->id), SQL_TEXT(o->state),
                 SQL_TEXT(o->size ? o->sha256 : NULL),
                 SQL_TEXT(o->size ? o->digest : NULL), SQL_INT(o->size),
                 SQL_TEXT(o->why[0] ? o->why : NULL)),
        NULL);

    if (err || !o->depot->has_signer || strcmp(o->state, "ready") != 0)
        return err;
    snprintf(object, sizeof object, "package:%" PRId64, o->id);
    return node_audit(o->depot->config.node, sql, o->tenant, "server",
                      "package.sign", object, "with the server's key");
}

/* What another try can mend goes back to those that wait. */
static void fail(struct outcome *o, int err)
{
    bool again = err == DFOTA_E_IO || err == DFOTA_E_NOMEM;

    o->state = again ? "waiting" : "failed";
    snprintf(o->why, sizeof o->why, "%s", dfota_strerror(err));
}

static int keep(struct depot *depot, const struct build_result *built,
                struct outcome *o)
{
    int err =
        vault_put(depot->config.vault, built->bytes, built->len, o->sha256);

    secrets_hash(built->bytes, built->p.signature_off, o->digest);
    o->size = (int64_t)built->len;
    o->state = depot->has_signer ? "ready" : "unsigned";
    if (!err && depot->has_signer)
        err = vault_publish(depot->config.vault, o->sha256);
    return err;
}

static void build_one(struct depot *depot, int64_t id)
{
    struct outcome o = {.job = {.run = run_outcome}, .depot = depot, .id = id};
    struct build_result built = {0};
    struct depot_images images;
    int err = depot_load(depot, id, &images);

    if (!err) {
        o.tenant = images.tenant;
        err = depot_build(depot, &images, &built);
    }
    if (!err)
        err = keep(depot, &built, &o);
    if (err)
        fail(&o, err);
    err = store_do(depot->config.node->store, &o.job);
    if (err)
        log_error("package %" PRId64 ": %s", id, dfota_strerror(err));
    else
        log_info("package %" PRId64 ": %s, %" PRId64 " bytes%s%s", id, o.state,
                 o.size, o.why[0] ? ", " : "", o.why);
    depot_unload(&images);
    free(built.bytes);
}

/* ---- workers ---- */

static void *work(void *ctx)
{
    struct depot *depot = ctx;
    struct claim claim = {.job = {.run = run_claim}, .depot = depot};
    struct timespec until;

    pthread_mutex_lock(&depot->lock);
    while (!depot->stopping) {
        pthread_mutex_unlock(&depot->lock);
        if (store_do(depot->config.node->store, &claim.job) != 0)
            claim.id = 0;
        if (claim.id)
            build_one(depot, claim.id);
        pthread_mutex_lock(&depot->lock);
        if (claim.id || depot->stopping)
            continue;
        if (!depot->awake) { /* another node may have work for us */
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_sec += 10;
            pthread_cond_timedwait(&depot->wake, &depot->lock, &until);
        }
        depot->awake = false;
    }
    pthread_mutex_unlock(&depot->lock);
    return NULL;
}

void depot_wake(struct depot *depot)
{
    if (!depot)
        return;
    pthread_mutex_lock(&depot->lock);
    depot->awake = true;
    pthread_cond_broadcast(&depot->wake);
    pthread_mutex_unlock(&depot->lock);
}

/* A key that others can read is no secret any more. */
static int load_signer(struct depot *depot)
{
    const char *path = depot->config.signing_key;
    struct stat info;
    int err;

    if (!path)
        return 0;
    if (stat(path, &info) != 0) {
        log_error("%s: %s", path, strerror(errno));
        return DFOTA_E_KEY;
    }
    if (info.st_mode & 077) {
        log_error("%s: others can read it; chmod 600 it", path);
        return DFOTA_E_KEY;
    }
    err = psa_signer_load(&depot->signer, path);
    if (err) {
        log_error("%s: no ECDSA P-256 private key in PEM", path);
        return DFOTA_E_KEY;
    }
    depot->has_signer = true;
    return 0;
}

int depot_start(const struct depot_config *config, struct depot **out)
{
    struct depot *depot = calloc(1, sizeof *depot);
    int err;

    if (!depot)
        return DFOTA_E_NOMEM;
    depot->config = *config;
    pthread_mutex_init(&depot->lock, NULL);
    pthread_mutex_init(&depot->crypto, NULL);
    pthread_cond_init(&depot->wake, NULL);
    err = psa_port_init();
    if (!err)
        err = load_signer(depot);
    while (!err && depot->n_threads < config->workers &&
           depot->n_threads < DEPOT_WORKERS_MAX) {
        if (pthread_create(&depot->threads[depot->n_threads], NULL, work,
                           depot) == 0)
            depot->n_threads++;
        else
            err = DFOTA_E_NOMEM;
    }
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
    pthread_mutex_unlock(&depot->lock);
    while (depot->n_threads > 0)
        pthread_join(depot->threads[--depot->n_threads], NULL);
    if (depot->has_signer)
        psa_signer_release(&depot->signer);
    pthread_cond_destroy(&depot->wake);
    pthread_mutex_destroy(&depot->crypto);
    pthread_mutex_destroy(&depot->lock);
    free(depot);
}
