/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/workers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"

enum { THREADS_MAX = 8 };

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    STAILQ_HEAD(, work) waiting;
    unsigned n_waiting, n_strangers, n_threads;
    bool stopping;
    pthread_t threads[THREADS_MAX];
};

static void *work_on(void *ctx)
{
    struct workers *w = ctx;
    struct work *work;

    pthread_mutex_lock(&w->lock);
    while (!w->stopping || !STAILQ_EMPTY(&w->waiting)) {
        work = STAILQ_FIRST(&w->waiting);
        if (!work) {
            pthread_cond_wait(&w->wake, &w->lock);
            continue;
        }
        STAILQ_REMOVE_HEAD(&w->waiting, next);
        w->n_waiting--;
        w->n_strangers -= work->of_stranger;
        pthread_mutex_unlock(&w->lock);
        work->run(work);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct workers *workers_create(unsigned threads)
{
    struct workers *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    STAILQ_INIT(&w->waiting);
    while (w->n_threads < threads && w->n_threads < THREADS_MAX &&
           pthread_create(&w->threads[w->n_threads], NULL, work_on, w) == 0)
        w->n_threads++;
    if (w->n_threads > 0)
        return w;
    workers_destroy(w);
    return NULL;
}

int workers_post(struct workers *w, struct work *work)
{
    bool taken;

    pthread_mutex_lock(&w->lock);
    taken = !w->stopping && w->n_waiting < WORKERS_WAITING_MAX &&
            (!work->of_stranger || w->n_strangers < WORKERS_STRANGERS_MAX);
    if (taken) {
        w->n_strangers += work->of_stranger;
        STAILQ_INSERT_TAIL(&w->waiting, work, next);
        w->n_waiting++;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->lock);
    return taken ? 0 : DFOTA_E_FULL;
}

void workers_quiesce(struct workers *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    while (w->n_threads > 0)
        pthread_join(w->threads[--w->n_threads], NULL);
}

void workers_destroy(struct workers *w)
{
    if (!w)
        return;
    workers_quiesce(w);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
