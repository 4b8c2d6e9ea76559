/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/recheck.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"

enum { WAITING_MAX = 4096 };

STAILQ_HEAD(doubts, doubt);

struct recheck {
    struct fleet *fleet;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct doubts waiting;
    unsigned n_waiting;
    bool stopping, joined;
};

/* returns how many; 0: there will be no more */
static size_t take(struct recheck *r, struct doubt *all[FLEET_ASKED_MAX])
{
    size_t n = 0;

    pthread_mutex_lock(&r->lock);
    while (STAILQ_EMPTY(&r->waiting) && !r->stopping)
        pthread_cond_wait(&r->wake, &r->lock);
    while (n < FLEET_ASKED_MAX && !STAILQ_EMPTY(&r->waiting)) {
        all[n++] = STAILQ_FIRST(&r->waiting);
        STAILQ_REMOVE_HEAD(&r->waiting, next);
        r->n_waiting--;
    }
    pthread_mutex_unlock(&r->lock);
    return n;
}

static void *work(void *ctx)
{
    struct recheck *r = ctx;
    struct doubt *all[FLEET_ASKED_MAX];
    int64_t ids[FLEET_ASKED_MAX];
    bool tried[FLEET_ASKED_MAX];
    size_t n;

    while ((n = take(r, all)) > 0) {
        int err;

        for (size_t i = 0; i < n; i++)
            ids[i] = all[i]->module;
        err = fleet_ask_tried(r->fleet, ids, tried, n);
        for (size_t i = 0; i < n; i++)
            all[i]->settled(all[i], !err && tried[i], err);
    }
    return NULL;
}

struct recheck *recheck_create(struct fleet *fleet)
{
    struct recheck *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->fleet = fleet;
    STAILQ_INIT(&r->waiting);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
    if (pthread_create(&r->thread, NULL, work, r) == 0)
        return r;
    free(r);
    return NULL;
}

void recheck_quiesce(struct recheck *r)
{
    if (!r || r->joined)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    r->joined = true;
}

void recheck_destroy(struct recheck *r)
{
    if (!r)
        return;
    recheck_quiesce(r);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

int recheck_post(struct recheck *r, struct doubt *doubt)
{
    int err = 0;

    pthread_mutex_lock(&r->lock);
    if (r->stopping || r->n_waiting >= WAITING_MAX) {
        err = DFOTA_E_FULL;
    } else {
        STAILQ_INSERT_TAIL(&r->waiting, doubt, next);
        r->n_waiting++;
        pthread_cond_signal(&r->wake);
    }
    pthread_mutex_unlock(&r->lock);
    return err;
}
