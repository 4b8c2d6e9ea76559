/* SPDX-License-Identifier: Apache-2.0 */
/* Update jobs of the service, with the bytes and texts that they need. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "os/log.h"
#include "server/lwm2m/lwm2m_plans_parts.h"

static bool is_over(const struct lwm2m_run *run)
{
    return run->job.state == JOB_DONE || run->job.state == JOB_FAILED;
}

void lwm2m_run_free(struct lwm2m_run *run)
{
    if (run->led)
        lwm2m_facts_release(run->led);
    free(run->led);
    free(run->package);
    for (int i = 0; i < 4; i++)
        free(run->uri[i]);
    free(run->version);
    free(run);
}

struct lwm2m_run *lwm2m_run_of(const struct lwm2m_service *s,
                               const char *endpoint)
{
    struct lwm2m_run *run = s->runs;

    while (run && strcmp(run->endpoint, endpoint) != 0)
        run = run->next;
    return run;
}

void lwm2m_runs_tick(struct lwm2m_service *s, uint64_t now)
{
    for (struct lwm2m_run *run = s->runs; run; run = run->next)
        if (!is_over(run))
            lwm2m_job_tick(&run->job, now);
}

uint64_t lwm2m_runs_wake(const struct lwm2m_service *s)
{
    uint64_t at = COAP_NEVER;

    for (const struct lwm2m_run *run = s->runs; run; run = run->next)
        if (lwm2m_job_wake(&run->job) < at)
            at = lwm2m_job_wake(&run->job);
    return at;
}

void lwm2m_runs_free(struct lwm2m_service *s)
{
    while (s->runs) {
        struct lwm2m_run *run = s->runs;

        s->runs = run->next;
        if (!is_over(run))
            lwm2m_job_stop(&run->job, lwm2m_service_now());
        lwm2m_run_free(run);
    }
    s->n_runs = 0;
}

/* One that leads an attempt stays until its end is on the disk. */
static bool may_go(const struct lwm2m_run *run)
{
    return is_over(run) && (!run->led || run->led->settled);
}

bool lwm2m_runs_make_room(struct lwm2m_service *s, const char *endpoint)
{
    struct lwm2m_run **at = &s->runs, **oldest = NULL;
    bool full = s->n_runs >= LWM2M_JOBS_MAX;

    for (; *at; at = &(*at)->next)
        if (may_go(*at) && (full || strcmp((*at)->endpoint, endpoint) == 0))
            oldest = at;
    if (oldest) {
        struct lwm2m_run *run = *oldest;

        *oldest = run->next;
        lwm2m_run_free(run);
        s->n_runs--;
    }
    return s->n_runs < LWM2M_JOBS_MAX;
}

static int read_package(void *ctx, uint32_t off, void *buf, size_t len)
{
    const struct lwm2m_run *run = ctx;

    memcpy(buf, run->package + off, len);
    return 0;
}

void lwm2m_run_log(const struct lwm2m_run *run)
{
    struct buffer text;

    buffer_init(&text, 256);
    lwm2m_job_describe(&run->job, &text);
    log_info("LwM2M: update of %s: %s", run->endpoint, text.data);
    buffer_release(&text);
}

void lwm2m_run_add(struct lwm2m_service *s, struct lwm2m_run *run)
{
    run->next = s->runs;
    s->runs = run;
    s->n_runs++;
}

static void on_event(void *ctx, struct lwm2m_job *job)
{
    struct lwm2m_run *run = ctx;

    if (job->state != JOB_DONE && job->state != JOB_FAILED)
        return;
    run->ended_s = (int64_t)time(NULL);
    lwm2m_run_log(run);
}

static char *copy(const char *text, int *err)
{
    char *out = text ? strdup(text) : NULL;

    if (text && !out)
        *err = DFOTA_E_NOMEM;
    return out;
}

static struct lwm2m_run *make_run(const char *endpoint,
                                  const struct lwm2m_update *u, int *err)
{
    struct lwm2m_run *run = calloc(1, sizeof *run);

    if (!run) {
        *err = DFOTA_E_NOMEM;
        return NULL;
    }
    strncpy(run->endpoint, endpoint, sizeof run->endpoint - 1);
    for (int i = 0; i < 4; i++)
        run->uri[i] = copy(u->uri[i], err);
    run->version = copy(u->version, err);
    run->begun_s = (int64_t)time(NULL);
    return run;
}

static int start(struct lwm2m_service *s, struct registration *r,
                 struct lwm2m_run *run, const struct lwm2m_update *u)
{
    struct lwm2m_job_config c = {.method = (enum lwm2m_job_method)u->method,
                                 .length = u->length,
                                 .read = read_package,
                                 .to_version = run->version,
                                 .szx = 6,
                                 .event = on_event,
                                 .ctx = run};

    for (int i = 0; i < 4; i++)
        c.uri[i] = run->uri[i];
    /* Its bytes are there before it may ask for them. */
    run->package = u->package;
    return lwm2m_job_start(&run->job, &s->registrar, s->registrar.now, r, &c);
}

int lwm2m_service_update(struct lwm2m_service *s, const char *endpoint,
                         const struct lwm2m_update *u)
{
    struct registration *r;
    struct lwm2m_run *run;
    int err = 0;

    lwm2m_service_lock(s);
    r = registrar_find(&s->registrar, endpoint);
    if (!r || r->absent)
        err = DFOTA_E_NOTFOUND;
    else if (r->job)
        err = DFOTA_E_BUSY;
    else if (!lwm2m_runs_make_room(s, endpoint))
        err = DFOTA_E_FULL;
    run = err ? NULL : make_run(endpoint, u, &err);
    if (!err)
        err = start(s, r, run, u);
    if (!err) {
        lwm2m_run_add(s, run);
    } else if (run) {
        run->package = NULL; /* stays the caller's */
        lwm2m_run_free(run);
    }
    lwm2m_service_unlock(s);
    return err;
}

int lwm2m_service_cancel(struct lwm2m_service *s, const char *endpoint)
{
    struct lwm2m_run *run;
    int err = DFOTA_E_NOTFOUND;

    lwm2m_service_lock(s);
    run = lwm2m_run_of(s, endpoint);
    if (run && run->led && !is_over(run)) {
        lwm2m_facts_stop(run->led->p, run, "cancelled");
        err = 0;
    } else if (run && !is_over(run)) {
        lwm2m_job_stop(&run->job, s->registrar.now);
        run->ended_s = (int64_t)time(NULL);
        err = 0;
    }
    lwm2m_service_unlock(s);
    return err;
}
