/* SPDX-License-Identifier: Apache-2.0 */
/* Who is next: registrations that a plan would take, and open attempts that
 * nobody leads. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/log.h"
#include "server/lwm2m/lwm2m_plans_parts.h"

enum { WALK_AT_ONCE = 256 };

/* ---- plans that would take it -------------------------------------------- */

static unsigned running(const struct lwm2m_plans *p)
{
    unsigned n = p->n_tries;

    for (const struct lwm2m_run *run = p->s->runs; run; run = run->next)
        n += run->led && !run->led->settled;
    return n;
}

static bool may_be_asked(const struct lwm2m_plans *p,
                         const struct registration *r)
{
    return r->user && r->noted && !r->absent && !r->job &&
           (int64_t)r->mark <= lwm2m_plans_now(p) &&
           registration_awake(&p->s->registrar, r) &&
           !lwm2m_tries_find(p, r->endpoint);
}

/* What is not read yet is read; then it is looked at again. */
static bool is_known(struct lwm2m_plans *p, struct registration *r)
{
    if (r->firmware.known && r->version)
        return true;
    if (r->restored && registration_has(r, 5)) {
        r->mark = (uint32_t)(lwm2m_plans_now(p) + LED_PAUSE_S);
        registration_refresh(&p->s->registrar, p->s->registrar.now, r);
    }
    return false;
}

/* As a poll is answered from memory. Of battery and signal only the client
 * knows: those are asked for when everything else passes. */
static int ask_memory(struct lwm2m_plans *p, const struct registration *r,
                      const struct module_view *module, bool *ask_first,
                      bool *may_push)
{
    struct poll poll = {.imei = module->imei,
                        .model = module->model,
                        .version = r->version,
                        .battery = POLL_UNSAID,
                        .rssi = POLL_UNSAID,
                        .access = lwm2m_tries_access(p, r)};
    struct choice choices[FLEET_CHOICES_MAX];
    unsigned n = 0;
    int code = fleet_choose(p->node->fleet, module, &poll, lwm2m_plans_now(p),
                            choices, &n);

    *ask_first = code == S4_BATTERY || code == S4_SIGNAL;
    if (*ask_first) {
        poll.battery = 100;
        poll.rssi = 0;
        code = fleet_choose(p->node->fleet, module, &poll, lwm2m_plans_now(p),
                            choices, &n);
    }
    *may_push = false;
    for (unsigned i = 0; i < n; i++)
        *may_push |= !(choices[i].transport & poll.access & PLAN_PULL);
    return code;
}

void lwm2m_picks_consider(struct lwm2m_plans *p, struct registration *r)
{
    struct module_view module;
    bool ask_first, may_push;

    if (!p->has_thread || !may_be_asked(p, r) || !is_known(p, r) ||
        running(p) >= LED_RUNS_MAX ||
        fleet_find(p->node->fleet, r->user, &module) != 0 ||
        module.state == MODULE_BLOCKED ||
        ask_memory(p, r, &module, &ask_first, &may_push) != 0)
        return;
    if (may_push && !lwm2m_tries_may_push(p))
        return;
    lwm2m_tries_begin(p, r, &module, ask_first, may_push);
}

void lwm2m_picks_walk(struct lwm2m_plans *p)
{
    const struct registrar *s = &p->s->registrar;
    uint32_t last;

    if (p->cursor >= s->count)
        p->cursor = 0;
    last = p->cursor + WALK_AT_ONCE;
    while (p->cursor < last && p->cursor < s->count &&
           p->n_tries < LED_TRIES_MAX)
        lwm2m_picks_consider(p, s->heap[p->cursor++].r);
}

/* ---- open attempts ------------------------------------------------------- */

static void take_up(struct lwm2m_plans *p, const struct led_row *row)
{
    struct registration *r =
        row->endpoint[0] ? registrar_find(&p->s->registrar, row->endpoint)
                         : NULL;
    struct module_view module;

    if (!r || r->absent || r->job || !r->noted || !r->way ||
        (int64_t)r->mark > lwm2m_plans_now(p) ||
        lwm2m_tries_find(p, row->endpoint) ||
        fleet_find(p->node->fleet, row->imei, &module) != 0)
        return;
    log_info("LwM2M: %s: attempt %.8s goes on here", row->endpoint, row->id);
    lwm2m_tries_begin(p, r, &module, false, false);
}

static void compare_row(struct lwm2m_plans *p, const struct led_row *row)
{
    struct lwm2m_run *run = lwm2m_facts_run_of(p, row->id);

    if (run && !run->led->settled && !row->here) {
        log_info("LwM2M: %s: attempt %.8s goes on at another node",
                 run->endpoint, row->id);
        lwm2m_facts_drop(p, run);
    } else if (run && !run->led->over && !row->plan_runs && !run->led->ready) {
        lwm2m_facts_stop(p, run, "plan");
    } else if (!run || (run->led->settled && run->led->over)) {
        take_up(p, row);
    }
}

static bool is_listed(const struct led_row *rows, size_t n, const char *id)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(rows[mid].id, id);

        if (order == 0)
            return true;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

/* An attempt that was closed elsewhere (its time is over, say) is not led on,
 * unless the module may be at it: how that ends is news. */
static void drop_closed(struct lwm2m_plans *p, const struct led_row *rows,
                        size_t n, uint64_t births)
{
    for (struct lwm2m_run *run = p->s->runs; run; run = run->next) {
        struct lwm2m_led *led = run->led;

        if (led && led->born <= births && !led->over && !led->ready &&
            !is_listed(rows, n, led->attempt))
            lwm2m_facts_drop(p, run);
    }
}

void lwm2m_picks_compare(struct lwm2m_plans *p)
{
    struct led_row *rows = calloc(LED_LIST_MAX, sizeof *rows);
    struct sql *sql;
    uint64_t births;
    size_t n = 0;
    int err = rows ? store_read_begin(p->node->store, &sql) : DFOTA_E_NOMEM;

    if (err) {
        free(rows);
        return;
    }
    pthread_mutex_lock(&p->s->lock);
    births = p->births;
    pthread_mutex_unlock(&p->s->lock);
    err = attempts_list_led(p->node, sql, rows, LED_LIST_MAX, &n);
    store_read_end(p->node->store, sql);
    if (!err) {
        lwm2m_service_lock(p->s);
        for (size_t i = 0; i < n; i++)
            compare_row(p, &rows[i]);
        if (n < LED_LIST_MAX)
            drop_closed(p, rows, n, births);
        lwm2m_service_unlock(p->s);
    }
    free(rows);
}
