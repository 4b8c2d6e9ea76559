/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that leads plans: its rounds, its life. */
#include "server/lwm2m/lwm2m_plans.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "server/lwm2m/lwm2m_plans_parts.h"

enum {
    ROUND_MS = 100,    /* while there is something to do */
    COMPARE_MS = 1000, /* the database is looked at */
    REST_MS = 500,
};

/* ---- events -------------------------------------------------------------- */

void lwm2m_plans_wake(struct lwm2m_plans *p)
{
    p->woken = true;
    pthread_cond_signal(&p->wake);
}

/* The version a module reports is the truth. */
static void tell_version(struct lwm2m_plans *p, const struct registration *r)
{
    const struct poll said = {.imei = r->user,
                              .version = r->version,
                              .battery = POLL_UNSAID,
                              .rssi = POLL_UNSAID};

    if (r->user && r->version && strlen(r->version) <= FLEET_VERSION_MAX)
        fleet_seen(p->node->fleet, &said, lwm2m_plans_now(p));
}

static void on_firmware(struct lwm2m_plans *p, struct registration *r)
{
    if (!r->version)
        return;
    tell_version(p, r);
    if (!r->versioned && r->noted)
        lwm2m_rows_touch(p, r, false);
    lwm2m_picks_consider(p, r);
}

void lwm2m_plans_event(struct lwm2m_plans *p, struct registration *r,
                       enum registrar_event event)
{
    switch (event) {
    case REGISTRAR_REGISTERED:
        if (!registration_imei(r->endpoint, &r->user))
            r->user = 0;
        lwm2m_rows_touch(p, r, false);
        break;
    case REGISTRAR_UPDATED:
        r->mark = 0;
        tell_version(p, r);
        lwm2m_picks_consider(p, r); /* before it sleeps again */
        /* One that is not noted waits to be, or there was no room for it. */
        if (r->noted || p->n_touched == 0)
            lwm2m_rows_touch(p, r, false);
        break;
    case REGISTRAR_GONE:
        lwm2m_rows_touch(p, r, true);
        break;
    case REGISTRAR_FIRMWARE:
        on_firmware(p, r);
        break;
    }
}

unsigned lwm2m_plans_access(struct lwm2m_service *s, uint64_t imei)
{
    const struct registration *r;
    char endpoint[32];
    unsigned access = 0;

    if (!s || !s->plans || !imei)
        return 0;
    snprintf(endpoint, sizeof endpoint, "urn:imei:%015" PRIu64, imei);
    lwm2m_service_lock(s);
    r = registrar_find(&s->registrar, endpoint);
    if (!r) /* by another name */
        while ((r = registrar_next(&s->registrar, r)) && r->user != imei)
            continue;
    if (r && !r->absent)
        access = lwm2m_tries_access(s->plans, r);
    lwm2m_service_unlock(s);
    return access;
}

/* ---- rounds -------------------------------------------------------------- */

static void walk(struct lwm2m_plans *p)
{
    if (fleet_led_plans(p->node->fleet) == 0 || node_clock_is_off(p->node))
        return;
    lwm2m_service_lock(p->s);
    lwm2m_picks_walk(p);
    lwm2m_service_unlock(p->s);
}

static void round_of(struct lwm2m_plans *p)
{
    uint64_t now = lwm2m_service_now();

    lwm2m_rows_flush(p);
    lwm2m_facts_post(p);
    lwm2m_tries_run(p);
    if (now - p->listed_ms >= COMPARE_MS) {
        p->listed_ms = now;
        lwm2m_picks_compare(p);
    }
    if (now - p->walked_ms >= ROUND_MS) {
        p->walked_ms = now;
        walk(p);
    }
}

/* Under the lock. Facts and grants are not waited for; rows are gathered. */
static void rest(struct lwm2m_plans *p)
{
    bool busy = p->n_tries > 0 || p->n_touched > 0 ||
                fleet_led_plans(p->node->fleet) > 0;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (busy ? ROUND_MS : REST_MS) * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    while (!p->woken && !p->stopping)
        if (pthread_cond_timedwait(&p->wake, &p->s->lock, &until) != 0)
            break;
    p->woken = false;
}

static void *lead(void *ctx)
{
    struct lwm2m_plans *p = ctx;

    pthread_mutex_lock(&p->s->lock);
    while (!p->stopping) {
        pthread_mutex_unlock(&p->s->lock);
        round_of(p);
        pthread_mutex_lock(&p->s->lock);
        rest(p);
    }
    pthread_mutex_unlock(&p->s->lock);
    return NULL;
}

/* ---- life ---------------------------------------------------------------- */

struct lwm2m_plans *lwm2m_plans_create(struct lwm2m_service *s,
                                       struct node *node)
{
    struct lwm2m_plans *p = calloc(1, sizeof *p);
    pthread_condattr_t attributes;

    if (!p)
        return NULL;
    p->s = s;
    p->node = node;
    STAILQ_INIT(&p->touched);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return p;
}

int lwm2m_plans_start(struct lwm2m_service *s,
                      const struct lwm2m_plans_config *config)
{
    struct lwm2m_plans *p = s->plans;
    int err = 0;

    if (!p)
        return DFOTA_E_STATE;
    pthread_mutex_lock(&s->lock);
    p->c = *config;
    if (p->c.pushes == 0)
        p->c.pushes = LWM2M_PUSHES;
    if (pthread_create(&p->thread, NULL, lead, p) != 0)
        err = DFOTA_E_NOMEM;
    p->has_thread = err == 0;
    pthread_mutex_unlock(&s->lock);
    if (!err)
        lwm2m_rows_forget(p);
    return err;
}

void lwm2m_plans_halt(struct lwm2m_plans *p)
{
    bool has_thread;

    pthread_mutex_lock(&p->s->lock);
    has_thread = p->has_thread;
    p->stopping = true;
    p->has_thread = false;
    lwm2m_plans_wake(p);
    pthread_mutex_unlock(&p->s->lock);
    if (has_thread)
        pthread_join(p->thread, NULL);
}

void lwm2m_plans_free(struct lwm2m_plans *p)
{
    if (!p)
        return;
    lwm2m_tries_free(p);
    lwm2m_rows_free(p);
    pthread_cond_destroy(&p->wake);
    free(p);
}
