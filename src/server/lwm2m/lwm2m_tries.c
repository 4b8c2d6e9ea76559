/* SPDX-License-Identifier: Apache-2.0 */
/* From a module that was picked to its job: battery and signal, the grant,
 * the package. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/reader.h"
#include "os/log.h"
#include "server/fleet/package_url.h"
#include "server/lwm2m/lwm2m_plans_parts.h"

/* The bits of resource 8 are 0 coap, 1 coaps, 2 http, 3 https. */
static unsigned pull_protocols(const struct lwm2m_plans *p,
                               const struct registration *r)
{
    static const unsigned bits[4] = {PLAN_COAP, PLAN_COAPS, PLAN_HTTP,
                                     PLAN_HTTPS};
    uint8_t said = r->firmware.protocols == 0xff ? 3 : r->firmware.protocols;
    unsigned mask = 0;

    for (int i = 0; i < 4; i++)
        if (said & 1u << i)
            mask |= bits[i];
    return package_url_protocols(p->node, mask);
}

unsigned lwm2m_tries_access(const struct lwm2m_plans *p,
                            const struct registration *r)
{
    unsigned access = 0;

    if (!r->firmware.known)
        return 0;
    if (r->firmware.delivery != 0)
        access |= PLAN_PUSH;
    if (r->firmware.delivery != 1 && pull_protocols(p, r))
        access |= PLAN_PULL;
    return access;
}

struct lwm2m_try *lwm2m_tries_find(const struct lwm2m_plans *p,
                                   const char *endpoint)
{
    struct lwm2m_try *t = p->tries;

    while (t && strcmp(t->endpoint, endpoint) != 0)
        t = t->next;
    return t;
}

/* Jobs that send, or will. */
static unsigned pushing(const struct lwm2m_plans *p)
{
    unsigned n = 0;

    for (const struct lwm2m_run *run = p->s->runs; run; run = run->next)
        n += run->led && !run->led->over && run->led->package &&
             !run->led->ready;
    return n;
}

bool lwm2m_tries_may_push(const struct lwm2m_plans *p)
{
    unsigned n = pushing(p);

    for (const struct lwm2m_try *t = p->tries; t; t = t->next)
        n += t->may_push;
    return n < p->c.pushes;
}

static void free_try(struct lwm2m_try *t)
{
    struct lwm2m_try **at = &t->p->tries;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    t->p->n_tries--;
    free(t);
}

void lwm2m_tries_free(struct lwm2m_plans *p)
{
    while (p->tries) {
        struct lwm2m_try *t = p->tries;

        p->tries = t->next;
        free(t);
    }
}

/* ---- the grant ----------------------------------------------------------- */

static int run_try(struct sql *sql, struct job *job)
{
    struct lwm2m_try *t = (struct lwm2m_try *)job;
    const struct node *node = t->p->node;
    int err;

    if (node_clock_is_off(node)) {
        t->code = S4_SERVICE;
        return 0;
    }
    err = attempts_take(node, sql, &t->module, &t->poll, t->endpoint,
                        t->attempt, &t->led, &t->code);
    if (err == DFOTA_E_BUSY) /* the memory is too old for the database */
        fleet_refresh(node->fleet);
    return err;
}

/* Not at once again, and not all of them in one moment. */
static void rest_a_while(struct lwm2m_plans *p, const struct lwm2m_try *t)
{
    struct registration *r = registrar_find(&p->s->registrar, t->endpoint);

    if (r)
        r->mark = (uint32_t)(lwm2m_plans_now(p) + LED_PAUSE_S +
                             (int64_t)(t->poll.imei % LED_PAUSE_S));
}

static void try_is_run(struct job *job, int err)
{
    struct lwm2m_try *t = (struct lwm2m_try *)job;
    struct lwm2m_plans *p = t->p;

    pthread_mutex_lock(&p->s->lock);
    if (err || t->code) {
        if (t->code != S4_SLOTS)
            rest_a_while(p, t);
        t->step = TRY_OVER;
        free_try(t);
    } else {
        t->step = TRY_TAKEN;
        t->may_push = t->led.push;
        fleet_set_tried(p->node->fleet, t->poll.imei);
    }
    lwm2m_plans_wake(p);
    pthread_mutex_unlock(&p->s->lock);
}

static void post(struct lwm2m_try *t)
{
    t->step = TRY_POSTED;
    t->job = (struct job){.run = run_try, .done = try_is_run};
    if (store_post(t->p->node->store, &t->job) == 0)
        return;
    rest_a_while(t->p, t);
    free_try(t);
}

/* ---- battery and signal -------------------------------------------------- */

static int take_number(void *ctx, const struct lwm2m_record *record)
{
    int64_t i;

    if (lwm2m_as_integer(&record->value, &i) == 0 && i > -1000 && i < 1000)
        *(int *)ctx = (int)i;
    return 0;
}

static void take_answer(uint8_t code, const struct coap_msg *m,
                        const char *path, int *out)
{
    struct lwm2m_sink sink = {.ctx = out, .record = take_number};
    uint32_t format = LWM2M_FORMAT_TEXT;
    struct lwm2m_path where;

    if (code != COAP_CONTENT || !m)
        return;
    lwm2m_path_parse(path, strlen(path), &where);
    (void)coap_msg_uint(m, COAP_CONTENT_FORMAT, &format);
    (void)lwm2m_read(format, &where, m->payload, m->payload_len, &sink);
}

static void one_less(struct lwm2m_try *t)
{
    if (--t->unanswered > 0)
        return;
    fleet_seen(t->p->node->fleet, &t->poll, lwm2m_plans_now(t->p));
    post(t);
}

static void on_battery(void *ctx, struct registration *r, uint8_t code,
                       const struct coap_msg *m)
{
    struct lwm2m_try *t = ctx;

    (void)r;
    take_answer(code, m, "/3/0/9", &t->poll.battery);
    if (t->poll.battery < 0 || t->poll.battery > 100)
        t->poll.battery = POLL_UNSAID;
    one_less(t);
}

static void on_signal(void *ctx, struct registration *r, uint8_t code,
                      const struct coap_msg *m)
{
    struct lwm2m_try *t = ctx;

    (void)r;
    take_answer(code, m, "/4/0/2", &t->poll.rssi);
    if (t->poll.rssi < -200 || t->poll.rssi > 0)
        t->poll.rssi = POLL_UNSAID;
    one_less(t);
}

/* A client without them answers 4.04, which says as much. */
static void read_first(struct lwm2m_try *t, struct registration *r)
{
    struct registrar *s = &t->p->s->registrar;
    struct registration_question q = registration_question(COAP_GET, "/3/0/9");

    t->step = TRY_READING;
    t->unanswered = 1; /* this function's own */
    q.ctx = t;
    q.answer = on_battery;
    t->unanswered += registration_ask(s, s->now, r, &q) == 0;
    q.path = lwm2m_path_make(3, 4, 0, 2);
    q.answer = on_signal;
    if (registration_has(r, 4))
        t->unanswered += registration_ask(s, s->now, r, &q) == 0;
    one_less(t);
}

void lwm2m_tries_begin(struct lwm2m_plans *p, struct registration *r,
                       const struct module_view *module, bool ask_first,
                       bool may_push)
{
    struct lwm2m_try *t;

    if (p->n_tries >= LED_TRIES_MAX || p->stopping)
        return;
    t = calloc(1, sizeof *t);
    if (!t)
        return;
    t->p = p;
    t->module = *module;
    t->may_push = may_push;
    snprintf(t->endpoint, sizeof t->endpoint, "%s", r->endpoint);
    snprintf(t->version, sizeof t->version, "%s",
             r->version ? r->version : module->version);
    t->poll = (struct poll){.imei = module->imei,
                            .model = module->model,
                            .version = t->version,
                            .battery = POLL_UNSAID,
                            .rssi = POLL_UNSAID,
                            .access = lwm2m_tries_access(p, r)};
    secrets_id(t->attempt);
    t->next = p->tries;
    p->tries = t;
    p->n_tries++;
    if (ask_first)
        read_first(t, r);
    else
        post(t);
}

/* ---- the job ------------------------------------------------------------- */

static struct lwm2m_package *find_package(struct lwm2m_plans *p,
                                          const char *sha256)
{
    struct lwm2m_package *package = p->packages;

    while (package && strcmp(package->sha256, sha256) != 0)
        package = package->next;
    return package;
}

static struct lwm2m_package *load_package(struct lwm2m_plans *p,
                                          const char *sha256)
{
    struct lwm2m_package *package = calloc(1, sizeof *package);
    int err = package
                  ? p->c.load(p->c.ctx, sha256, &package->data, &package->len)
                  : DFOTA_E_NOMEM;

    if (!err) {
        snprintf(package->sha256, sizeof package->sha256, "%s", sha256);
        return package;
    }
    log_error("LwM2M: package %.12s: %s", sha256, dfota_strerror(err));
    free(package);
    return NULL;
}

static int read_package(void *ctx, uint32_t off, void *buf, size_t len)
{
    const struct lwm2m_run *run = ctx;

    memcpy(buf, run->led->package->data + off, len);
    return 0;
}

static void on_event(void *ctx, struct lwm2m_job *job)
{
    struct lwm2m_run *run = ctx;

    if ((job->state == JOB_DONE || job->state == JOB_FAILED) && !run->ended_s) {
        run->ended_s = lwm2m_plans_now(run->led->p);
        lwm2m_run_log(run);
    }
    lwm2m_facts_event(run);
}

static void on_ready(void *ctx, struct lwm2m_job *job)
{
    (void)job;
    lwm2m_facts_ready(ctx);
}

static void make_urls(const struct lwm2m_plans *p, const struct grant *grant,
                      char *uri[4])
{
    static const unsigned bits[4] = {PLAN_COAP, PLAN_COAPS, PLAN_HTTP,
                                     PLAN_HTTPS};
    char url[PACKAGE_URL_ROOM];

    for (int i = 0; i < 4; i++)
        if (package_url_make(p->node, bits[i], grant->sha256, grant->url_until,
                             "package", url) == 0 &&
            strlen(url) <= JOB_URI_MAX)
            uri[i] = strdup(url);
}

/* errors: E_NOMEM */
static int make_run(struct lwm2m_try *t, struct lwm2m_package *package,
                    struct lwm2m_run **out)
{
    struct lwm2m_run *run = calloc(1, sizeof *run);
    struct lwm2m_led *led = calloc(1, sizeof *led);

    if (!run || !led) {
        free(run);
        free(led);
        return DFOTA_E_NOMEM;
    }
    *led = (struct lwm2m_led){.p = t->p,
                              .plan = t->led.grant.plan,
                              .imei = t->poll.imei,
                              .born = ++t->p->births,
                              .package = package,
                              .begun = t->led.step != LED_TAKEN,
                              .begun_said = t->led.step != LED_TAKEN,
                              .ready = t->led.step == LED_LOADED,
                              .allowed = t->led.step == LED_LOADED};
    memcpy(led->attempt, t->led.grant.attempt, sizeof led->attempt);
    if (package)
        package->refs++;
    run->led = led;
    snprintf(run->endpoint, sizeof run->endpoint, "%s", t->endpoint);
    run->version = strdup(t->led.grant.version);
    run->begun_s = lwm2m_plans_now(t->p);
    if (!t->led.push)
        make_urls(t->p, &t->led.grant, run->uri);
    *out = run;
    return run->version ? 0 : DFOTA_E_NOMEM;
}

static int start_job(struct lwm2m_try *t, struct registration *r,
                     struct lwm2m_run *run)
{
    static const enum lwm2m_job_start starts[] = {[LED_TAKEN] = JOB_FRESH,
                                                  [LED_BEGUN] = JOB_BEGUN,
                                                  [LED_LOADED] = JOB_ALLOWED};
    struct lwm2m_job_config c = {.method = t->led.push ? JOB_PUSH : JOB_PULL,
                                 .read = read_package,
                                 .to_version = run->version,
                                 .szx = 6,
                                 .overall_ms = UINT32_MAX,
                                 .event = on_event,
                                 .ready = on_ready,
                                 .start = starts[t->led.step],
                                 .ctx = run};

    if (run->led->package)
        c.length = (uint32_t)run->led->package->len;
    for (int i = 0; i < 4; i++)
        c.uri[i] = run->uri[i];
    lwm2m_run_add(t->p->s, run);
    return lwm2m_job_start(&run->job, &t->p->s->registrar,
                           t->p->s->registrar.now, r, &c);
}

/* Under the lock. An attempt whose module is not there now stays open: it is
 * taken up when it is heard. */
static void start_run(struct lwm2m_plans *p, struct lwm2m_try *t,
                      struct lwm2m_package *package)
{
    struct registration *r = registrar_find(&p->s->registrar, t->endpoint);
    struct lwm2m_run *run = NULL;
    int err = DFOTA_E_NOTFOUND;

    if (r && !r->absent && !r->job &&
        (package || !t->led.push || t->led.step == LED_LOADED) &&
        lwm2m_runs_make_room(p->s, t->endpoint))
        err = make_run(t, package, &run);
    if (!err)
        err = start_job(t, r, run);
    else if (run)
        lwm2m_run_free(run);
    if (err)
        rest_a_while(p, t);
    log_debug("LwM2M: %s: attempt %.8s: %s", t->endpoint, t->led.grant.attempt,
              err ? dfota_strerror(err) : "begun");
}

/* Of those that wait one that may begin now: where it hangs. */
static struct lwm2m_try **next_taken(struct lwm2m_plans *p)
{
    struct lwm2m_try **at = &p->tries;
    bool full = pushing(p) >= p->c.pushes;

    while (*at && ((*at)->step != TRY_TAKEN ||
                   (full && (*at)->led.push && (*at)->led.step != LED_LOADED)))
        at = &(*at)->next;
    return at;
}

/* Those that nobody reads. */
static void tidy(struct lwm2m_plans *p)
{
    struct lwm2m_package **at = &p->packages, *package;

    while ((package = *at)) {
        if (package->refs > 0) {
            at = &package->next;
            continue;
        }
        *at = package->next;
        free(package->data);
        free(package);
    }
}

/* Under the lock. returns false: there is none, or its package has to be
 * loaded first (sha256) */
static bool run_next(struct lwm2m_plans *p, char sha256[SECRETS_HEX_ROOM])
{
    struct lwm2m_try **at = next_taken(p), *t = *at;
    struct lwm2m_package *package;

    if (!t)
        return false;
    package = t->led.push ? find_package(p, t->led.grant.sha256) : NULL;
    if (t->led.push && !package && strcmp(sha256, t->led.grant.sha256) != 0) {
        memcpy(sha256, t->led.grant.sha256, SECRETS_HEX_ROOM);
        return false;
    }
    *at = t->next;
    p->n_tries--;
    start_run(p, t, package);
    free(t);
    return true;
}

/* Packages are read without the lock, each once. */
void lwm2m_tries_run(struct lwm2m_plans *p)
{
    char sha256[SECRETS_HEX_ROOM] = "", before[SECRETS_HEX_ROOM];
    struct lwm2m_package *loaded;

    do {
        loaded = sha256[0] ? load_package(p, sha256) : NULL;
        memcpy(before, sha256, sizeof before);
        lwm2m_service_lock(p->s);
        if (loaded) {
            loaded->next = p->packages;
            p->packages = loaded;
        }
        while (run_next(p, sha256))
            continue;
        tidy(p);
        lwm2m_service_unlock(p->s);
    } while (strcmp(before, sha256) != 0);
}
