/* SPDX-License-Identifier: Apache-2.0 */
#include "server/device_api/delays.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

enum { NAMES = 8192, NAMES_AT_ONCE = 8 };

/* Names are known by a hash: who shares one by chance only waits. */
struct tried {
    uint32_t hash;
    uint32_t since_s;
    uint32_t wrong;
};

struct waiting {
    struct http_later *later;
    unsigned status;
    struct MHD_Response *response;
    struct timespec until;
    STAILQ_ENTRY(waiting) next;
};

struct delays {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool stopping, joined;
    unsigned n_waiting;
    STAILQ_HEAD(, waiting) waiting; /* all wait as long, so in order */
    struct tried tried[NAMES];
};

static uint32_t now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_sec;
}

static bool is_due(const struct waiting *w)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > w->until.tv_sec ||
           (now.tv_sec == w->until.tv_sec && now.tv_nsec >= w->until.tv_nsec);
}

static void *work(void *ctx)
{
    struct delays *d = ctx;
    struct waiting *w;

    pthread_mutex_lock(&d->lock);
    while (!d->stopping || !STAILQ_EMPTY(&d->waiting)) {
        w = STAILQ_FIRST(&d->waiting);
        if (!w) {
            pthread_cond_wait(&d->wake, &d->lock);
        } else if (d->stopping || is_due(w)) {
            STAILQ_REMOVE_HEAD(&d->waiting, next);
            d->n_waiting--;
            http_resume(w->later, w->status, w->response);
            free(w);
        } else {
            pthread_cond_timedwait(&d->wake, &d->lock, &w->until);
        }
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

struct delays *delays_create(void)
{
    struct delays *d = calloc(1, sizeof *d);
    pthread_condattr_t attributes;

    if (!d)
        return NULL;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    STAILQ_INIT(&d->waiting);
    if (pthread_create(&d->thread, NULL, work, d) == 0)
        return d;
    free(d);
    return NULL;
}

void delays_quiesce(struct delays *d)
{
    if (!d || d->joined)
        return;
    pthread_mutex_lock(&d->lock);
    d->stopping = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    d->joined = true;
}

void delays_destroy(struct delays *d)
{
    if (!d)
        return;
    delays_quiesce(d);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

/* The place of a name, or one that is over; the oldest if all are taken. */
static struct tried *place_of(struct delays *d, const char *name)
{
    uint32_t hash = 2166136261U, now = now_s();
    struct tried *oldest = NULL;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619U;
    for (uint32_t i = 0; i < NAMES_AT_ONCE; i++) {
        struct tried *t = &d->tried[(hash + i) % NAMES];

        if (t->wrong > 0 && now - t->since_s >= DELAYS_WINDOW_S)
            t->wrong = 0;
        if (t->wrong > 0 && t->hash == hash)
            return t;
        if (!oldest || t->wrong == 0 ||
            (oldest->wrong > 0 && t->since_s < oldest->since_s))
            oldest = t;
    }
    if (oldest->hash != hash || oldest->wrong == 0)
        *oldest = (struct tried){.hash = hash, .since_s = now};
    return oldest;
}

bool delays_must_wait(struct delays *d, const char *name)
{
    bool wait;

    pthread_mutex_lock(&d->lock);
    wait = place_of(d, name)->wrong >= DELAYS_TRIES;
    pthread_mutex_unlock(&d->lock);
    return wait;
}

bool delays_are_full(struct delays *d)
{
    bool full;

    pthread_mutex_lock(&d->lock);
    full = d->n_waiting >= DELAYS_WAITING_MAX;
    pthread_mutex_unlock(&d->lock);
    return full;
}

void delays_wrong(struct delays *d, const char *name)
{
    pthread_mutex_lock(&d->lock);
    place_of(d, name)->wrong++;
    pthread_mutex_unlock(&d->lock);
}

void delays_resume(struct delays *d, struct http_later *later, unsigned status,
                   struct MHD_Response *response)
{
    struct waiting *w = malloc(sizeof *w);
    bool now = !w;

    if (w) {
        *w = (struct waiting){
            .later = later, .status = status, .response = response};
        clock_gettime(CLOCK_MONOTONIC, &w->until);
        w->until.tv_sec += DELAYS_WAIT_S;
        pthread_mutex_lock(&d->lock);
        now = d->stopping;
        if (!now) {
            STAILQ_INSERT_TAIL(&d->waiting, w, next);
            d->n_waiting++;
            pthread_cond_signal(&d->wake);
        }
        pthread_mutex_unlock(&d->lock);
    }
    if (now) {
        http_resume(later, status, response);
        free(w);
    }
}
