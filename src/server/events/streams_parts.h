/* SPDX-License-Identifier: Apache-2.0 */
/** What streams.c and streams_hub.c share; for them alone. Layer: server. */
#ifndef DFOTA_SERVER_EVENTS_STREAMS_PARTS_H
#define DFOTA_SERVER_EVENTS_STREAMS_PARTS_H

#include <pthread.h>
#include <sys/queue.h>
#include <time.h>

#include "server/events/streams.h"

enum { HUB_KIND_ROOM = 12, HUB_PLANS_MAX = 64 };

struct ring_event {
    int64_t id;   /* 0: it is not in the database */
    int64_t last; /* the event that a reader has behind this one */
    int64_t tenant, plan;
    char kind[HUB_KIND_ROOM];
    char *body;
};

/* A plan whose attempts changed since its numbers were told. */
struct hub_plan {
    int64_t tenant, plan;
};

struct stream;

struct streams {
    struct node *node;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool stopping, joined, woken;
    LIST_HEAD(, stream) streams;
    unsigned n_streams;
    /* All events up to last are known; next - first of them are kept, and
     * all up to forgotten are not. last -1: nobody listens. */
    int64_t last, forgotten;
    uint64_t next;
    struct ring_event ring[STREAMS_KEPT];
    /* A number is missing: somebody else's transaction, or none. */
    int64_t gap_since_s;
    struct hub_plan plans[HUB_PLANS_MAX];
    unsigned n_plans;
    int64_t numbers_at_ms, checked_s;
};

static inline uint64_t ring_first(const struct streams *hub)
{
    return hub->next > STREAMS_KEPT ? hub->next - STREAMS_KEPT : 0;
}

static inline int64_t steady_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec;
}

/** With the lock: the first stream came. */
void hub_start(struct streams *hub);

void stream_rouse(struct stream *s);
void streams_rouse(struct streams *hub);
void streams_end(struct streams *hub);
void streams_check(struct streams *hub, struct sql *sql, int64_t now);
bool streams_want_numbers(const struct streams *hub, int64_t tenant,
                          int64_t plan);

#endif
