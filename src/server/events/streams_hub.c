/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that reads what happened and rouses the streams. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/events/streams_parts.h"
#include "server/fleet/plan_watch.h"

enum {
    READ_AT_ONCE = 200,
    SETTLED_S = 15, /* longer than a transaction may take */
    NUMBERS_MS = 1000,
    NUMBERS_SHARE = 20 /* of the time at most 1/20 is spent on counting */
};

struct news {
    size_t n;
    int64_t last;
    bool access, gap;
    struct ring_event all[READ_AT_ONCE];
};

static int64_t steady_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the ring, with the lock ---- */

static void forget(struct streams *hub)
{
    for (uint64_t i = ring_first(hub); i < hub->next; i++) {
        free(hub->ring[i % STREAMS_KEPT].body);
        hub->ring[i % STREAMS_KEPT].body = NULL;
    }
    hub->next = 0;
    hub->last = -1;
    hub->n_plans = 0;
}

/* body: taken over */
static void put(struct streams *hub, const struct ring_event *event)
{
    struct ring_event *place = &hub->ring[hub->next % STREAMS_KEPT];

    if (hub->next >= STREAMS_KEPT) {
        hub->forgotten = place->last;
        free(place->body);
    }
    *place = *event;
    hub->next++;
}

static void mark_plan(struct streams *hub, const struct ring_event *event)
{
    if (event->plan == 0 ||
        !streams_want_numbers(hub, event->tenant, event->plan))
        return;
    for (unsigned i = 0; i < hub->n_plans; i++) {
        if (hub->plans[i].plan == event->plan)
            return;
    }
    if (hub->n_plans < HUB_PLANS_MAX)
        hub->plans[hub->n_plans++] =
            (struct hub_plan){event->tenant, event->plan};
}

static void take_news(struct streams *hub, struct news *news)
{
    for (size_t i = 0; i < news->n; i++) {
        mark_plan(hub, &news->all[i]);
        put(hub, &news->all[i]);
    }
    hub->last = news->last;
    if (!news->gap)
        hub->gap_since_s = 0;
    else if (hub->gap_since_s == 0 || news->n > 0) /* another one */
        hub->gap_since_s = steady_s();
}

/* ---- the database, without the lock ---- */

/* From what was settled a while ago: an event with a lower number may still
 * be on its way into the database. */
static int find_start(struct sql *sql, int64_t now, int64_t *last)
{
    int err = sql_one_int(sql, last,
                          "SELECT id FROM event WHERE at < $1 ORDER BY id DESC "
                          "LIMIT 1",
                          SQL_ARGS(SQL_INT(now - SETTLED_S)));

    if (err == DFOTA_E_NOTFOUND)
        *last = 0;
    return err == DFOTA_E_NOTFOUND ? 0 : err;
}

static int take_row(const struct sql_rows *rows, struct news *news)
{
    struct ring_event *e = &news->all[news->n];

    news->last = sql_int(rows, 0);
    if (strcmp(sql_text(rows, 2), "access") == 0)
        news->access = true;
    *e = (struct ring_event){.id = news->last,
                             .last = news->last,
                             .tenant = sql_int(rows, 1),
                             .plan = sql_int(rows, 3),
                             .body = strdup(sql_text(rows, 4))};
    snprintf(e->kind, sizeof e->kind, "%s", sql_text(rows, 2));
    if (!e->body)
        return DFOTA_E_NOMEM;
    news->n++;
    return 0;
}

/* Numbers are given out before COMMIT: at a missing one reading stops until
 * it is there, or is so late that it was rolled back. */
static int read_news(struct sql *sql, bool pass_gap, struct news *news)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT id, tenant, kind, plan, body FROM event WHERE "
                        "id > $1 ORDER BY id LIMIT 200",
                        SQL_ARGS(SQL_INT(news->last)));

    while (!err && news->n < READ_AT_ONCE &&
           (err = sql_next(&rows)) == DFOTA_MORE) {
        if (sql_int(&rows, 0) > news->last + 1 && news->last > 0 && !pass_gap) {
            news->gap = true;
            err = 0;
            break;
        }
        pass_gap = false;
        err = take_row(&rows, news);
    }
    sql_done(&rows);
    return err;
}

static char *numbers_text(struct sql *sql, int64_t plan)
{
    struct plan_counts c;
    char *text = NULL;
    json_t *json;

    if (plan_count(sql, plan, -1, &c) != 0)
        return NULL;
    json =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "event", "numbers",
                  "plan", (json_int_t)plan, "open", (json_int_t)c.open, "done",
                  (json_int_t)c.done, "failed", (json_int_t)c.failed, "lost",
                  (json_int_t)c.lost, "stopped", (json_int_t)c.stopped);
    text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

/* ---- a round; with the lock, but for the reading ---- */

static void tell_numbers(struct streams *hub, struct sql *sql)
{
    int64_t began = steady_ms(), spent;
    struct hub_plan plans[HUB_PLANS_MAX];
    unsigned n = hub->n_plans;
    char *text;

    if (n == 0 || began < hub->numbers_at_ms)
        return;
    memcpy(plans, hub->plans, sizeof plans);
    hub->n_plans = 0;
    for (unsigned i = 0; i < n; i++) {
        struct ring_event event = {.tenant = plans[i].tenant,
                                   .plan = plans[i].plan,
                                   .kind = "numbers"};

        pthread_mutex_unlock(&hub->lock);
        text = numbers_text(sql, plans[i].plan);
        pthread_mutex_lock(&hub->lock);
        event.last = hub->last;
        event.body = text;
        if (text)
            put(hub, &event);
    }
    spent = steady_ms() - began;
    hub->numbers_at_ms =
        began + (spent * NUMBERS_SHARE > NUMBERS_MS ? spent * NUMBERS_SHARE
                                                    : NUMBERS_MS);
}

static void check_rights(struct streams *hub, struct sql *sql, bool now)
{
    if (!now && steady_s() - hub->checked_s < STREAMS_HEARTBEAT_S)
        return;
    hub->checked_s = steady_s();
    streams_check(hub, sql, clock_wall(hub->node->clock));
}

static void round_with(struct streams *hub, struct sql *sql, struct news *news)
{
    bool pass = hub->gap_since_s && steady_s() - hub->gap_since_s >= SETTLED_S;
    bool begins = hub->last < 0;
    int64_t from = hub->last;
    int err = 0;

    pthread_mutex_unlock(&hub->lock);
    if (begins)
        err = find_start(sql, clock_wall(hub->node->clock), &from);
    news->last = from;
    if (!err)
        err = read_news(sql, pass, news);
    pthread_mutex_lock(&hub->lock);
    if (begins && !err)
        hub->forgotten = from;
    if (err) {
        for (size_t i = 0; i < news->n; i++)
            free(news->all[i].body);
        return;
    }
    take_news(hub, news);
    check_rights(hub, sql, news->access);
    tell_numbers(hub, sql);
    if (news->n == READ_AT_ONCE)
        hub->woken = true; /* there is more */
    streams_rouse(hub);
}

static void do_round(struct streams *hub, struct news *news)
{
    struct sql *sql;
    int err;

    news->n = 0;
    news->access = news->gap = false;
    pthread_mutex_unlock(&hub->lock);
    err = store_read_begin(hub->node->store, &sql);
    pthread_mutex_lock(&hub->lock);
    if (err) {
        streams_rouse(hub); /* heartbeats go on */
        return;
    }
    round_with(hub, sql, news);
    store_read_end(hub->node->store, sql);
}

static void *work(void *ctx)
{
    struct streams *hub = ctx;
    struct news *news = malloc(sizeof *news);
    struct timespec until;

    pthread_mutex_lock(&hub->lock);
    while (news && !hub->stopping) {
        if (hub->n_streams == 0) {
            forget(hub);
            hub->woken = false;
            pthread_cond_wait(&hub->wake, &hub->lock);
            continue;
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        if (!hub->woken)
            pthread_cond_timedwait(&hub->wake, &hub->lock, &until);
        hub->woken = false;
        if (!hub->stopping)
            do_round(hub, news);
    }
    streams_end(hub);
    pthread_mutex_unlock(&hub->lock);
    free(news);
    return NULL;
}

/* ---- its life ---- */

struct streams *streams_create(struct node *node)
{
    struct streams *hub = calloc(1, sizeof *hub);
    pthread_condattr_t attributes;

    if (!hub)
        return NULL;
    hub->node = node;
    hub->last = -1;
    LIST_INIT(&hub->streams);
    pthread_mutex_init(&hub->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&hub->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&hub->thread, NULL, work, hub) == 0)
        return hub;
    free(hub);
    return NULL;
}

void hub_start(struct streams *hub)
{
    hub->woken = true;
    pthread_cond_signal(&hub->wake);
}

void streams_wake(struct streams *hub)
{
    if (!hub)
        return;
    pthread_mutex_lock(&hub->lock);
    if (hub->n_streams > 0)
        hub_start(hub);
    pthread_mutex_unlock(&hub->lock);
}

void streams_quiesce(struct streams *hub)
{
    if (!hub || hub->joined)
        return;
    pthread_mutex_lock(&hub->lock);
    hub->stopping = true;
    pthread_cond_signal(&hub->wake);
    pthread_mutex_unlock(&hub->lock);
    pthread_join(hub->thread, NULL);
    hub->joined = true;
}

void streams_destroy(struct streams *hub)
{
    if (!hub)
        return;
    streams_quiesce(hub);
    forget(hub);
    pthread_cond_destroy(&hub->wake);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}
