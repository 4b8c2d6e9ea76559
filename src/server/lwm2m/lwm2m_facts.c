/* SPDX-License-Identifier: Apache-2.0 */
/* What a job that leads an attempt tells: on the disk, once each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/log.h"
#include "server/lwm2m/lwm2m_plans_parts.h"

/* ---- words --------------------------------------------------------------- */

static const char *result_words(uint8_t result)
{
    static const char *const words[] = {
        [FIRMWARE_INITIAL] = "reset",
        [FIRMWARE_NO_FLASH] = "not enough flash",
        [FIRMWARE_NO_RAM] = "out of memory",
        [FIRMWARE_LOST] = "connection lost",
        [FIRMWARE_INTEGRITY] = "damaged or not signed for it",
        [FIRMWARE_BAD_PACKAGE] = "for another firmware",
        [FIRMWARE_BAD_URI] = "the URI",
        [FIRMWARE_FAILED] = "the update failed",
        [FIRMWARE_BAD_PROTOCOL] = "the protocol of the URI",
        [FIRMWARE_CANCELLED] = "cancelled"};

    return result < sizeof words / sizeof words[0] && words[result]
               ? words[result]
               : "unknown";
}

static void refusal_words(const struct lwm2m_job *job,
                          char cause[LED_CAUSE_ROOM])
{
    if (job->failure == JOB_REFUSED)
        snprintf(cause, LED_CAUSE_ROOM, "refused %u.%02u",
                 COAP_CLASS(job->code), COAP_DETAIL(job->code));
    else if (job->failure == JOB_RESULT)
        snprintf(cause, LED_CAUSE_ROOM, "result %u: %s", job->result,
                 result_words(job->result));
    else
        snprintf(cause, LED_CAUSE_ROOM, "%s",
                 job->failure == JOB_NO_OBJECT   ? "no firmware object"
                 : job->failure == JOB_NO_METHOD ? "no way to load"
                                                 : "version");
}

void lwm2m_facts_words(const struct lwm2m_job *job, bool loaded,
                       const char **state, char cause[LED_CAUSE_ROOM])
{
    *state = NULL;
    cause[0] = '\0';
    if (job->state == JOB_DONE) {
        *state = "done";
        snprintf(cause, LED_CAUSE_ROOM, "%s",
                 job->result == FIRMWARE_SUCCESS ? "confirmed" : "seen");
        return;
    }
    switch (job->failure) {
    case JOB_NO_OBJECT:
    case JOB_NO_METHOD:
    case JOB_REFUSED:
    case JOB_RESULT:
    case JOB_OLD_VERSION:
        *state = "failed";
        refusal_words(job, cause);
        break;
    case JOB_UNREACHED:
        if (loaded) /* it may be at it; its deadline tells */
            break;
        *state = "lost";
        snprintf(cause, LED_CAUSE_ROOM, "unreached");
        break;
    default:
        break; /* it may come back, until the attempt's deadline */
    }
}

/* ---- what a job tells ---------------------------------------------------- */

static bool is_over(const struct lwm2m_run *run)
{
    return run->job.state == JOB_DONE || run->job.state == JOB_FAILED;
}

static void take_end(struct lwm2m_run *run)
{
    struct lwm2m_led *led = run->led;
    struct lwm2m_plans *p = led->p;
    struct registration *r = registrar_find(&p->s->registrar, run->endpoint);

    led->over = true;
    led->result = run->job.failure == JOB_RESULT || run->job.state == JOB_DONE
                      ? run->job.result
                      : -1;
    if (run->job.state == JOB_DONE)
        led->result = FIRMWARE_SUCCESS;
    lwm2m_facts_words(&run->job, led->ready, &led->state, led->cause);
    snprintf(led->version, sizeof led->version, "%s",
             run->job.state == JOB_DONE ? run->version
             : r && r->version          ? r->version
                                        : "");
    led->settled = !led->state;
    if (led->settled)
        lwm2m_facts_release(led);
    if (r && run->job.state != JOB_DONE)
        r->mark = (uint32_t)(lwm2m_plans_now(p) +
                             (led->settled ? LED_PAUSE_S : LED_RETRY_S));
}

void lwm2m_facts_event(struct lwm2m_run *run)
{
    struct lwm2m_led *led = run->led;

    if (led->over)
        return;
    if (is_over(run))
        take_end(run);
    else if (!led->begun && lwm2m_job_has_begun(&run->job))
        led->begun = true;
    else
        return;
    lwm2m_plans_wake(led->p);
}

void lwm2m_facts_ready(struct lwm2m_run *run)
{
    if (run->led->ready)
        return;
    run->led->ready = true;
    lwm2m_plans_wake(run->led->p);
}

void lwm2m_facts_release(struct lwm2m_led *led)
{
    struct lwm2m_package *package = led->package, **at = &led->p->packages;

    led->package = NULL;
    if (!package || --package->refs > 0)
        return;
    while (*at != package)
        at = &(*at)->next;
    *at = package->next;
    free(package->data);
    free(package);
}

void lwm2m_facts_drop(struct lwm2m_plans *p, struct lwm2m_run *run)
{
    if (!is_over(run)) {
        lwm2m_job_stop(&run->job, p->s->registrar.now);
        run->ended_s = lwm2m_plans_now(p);
    }
    run->led->over = run->led->settled = true;
    lwm2m_facts_release(run->led);
}

/* What it took of the package it need not keep. */
static void reset_client(struct lwm2m_plans *p, const struct lwm2m_run *run)
{
    struct registrar *s = &p->s->registrar;
    struct registration *r = registrar_find(s, run->endpoint);
    struct registration_question q = registration_question(COAP_PUT, "/5/0/1");

    q.format = LWM2M_FORMAT_TEXT;
    q.payload = "";
    if (r)
        (void)registration_ask(s, s->now, r, &q);
}

void lwm2m_facts_stop(struct lwm2m_plans *p, struct lwm2m_run *run,
                      const char *cause)
{
    struct lwm2m_led *led = run->led;

    if (led->over)
        return;
    lwm2m_job_stop(&run->job, p->s->registrar.now);
    if (led->begun && !led->ready)
        reset_client(p, run);
    run->ended_s = lwm2m_plans_now(p);
    led->over = true;
    led->state = "stopped";
    led->result = -1;
    snprintf(led->cause, sizeof led->cause, "%s", cause);
    lwm2m_plans_wake(p);
}

struct lwm2m_run *lwm2m_facts_run_of(const struct lwm2m_plans *p,
                                     const char *attempt)
{
    struct lwm2m_run *run = p->s->runs;

    while (run && (!run->led || strcmp(run->led->attempt, attempt) != 0))
        run = run->next;
    return run;
}

/* ---- the writer ---------------------------------------------------------- */

enum fact_kind { FACT_NONE, FACT_BEGUN, FACT_ALLOW, FACT_END };

struct fact {
    struct job job;
    struct lwm2m_plans *p;
    enum fact_kind kind;
    char attempt[SECRETS_ID_ROOM];
    char cause[LED_CAUSE_ROOM], version[FLEET_VERSION_MAX + 1];
    struct led_end end;
    enum led_verdict verdict;
};

static int write_fact(struct sql *sql, struct job *job)
{
    struct fact *fact = (struct fact *)job;
    const struct node *node = fact->p->node;

    if (fact->kind == FACT_BEGUN)
        return attempts_begin(node, sql, fact->attempt);
    if (fact->kind == FACT_ALLOW)
        return attempts_allow(node, sql, fact->attempt, &fact->verdict);
    return attempts_end(node, sql, fact->attempt, &fact->end);
}

static void allow_or_drop(struct lwm2m_plans *p, struct lwm2m_run *run,
                          enum led_verdict verdict)
{
    if (verdict == LED_MAY) {
        run->led->allowed = true;
        lwm2m_job_allow(&run->job, p->s->registrar.now);
        return;
    }
    lwm2m_facts_drop(p, run);
    if (verdict == LED_STOPPED)
        reset_client(p, run);
}

static void take_fact(struct lwm2m_plans *p, const struct fact *fact,
                      struct lwm2m_run *run)
{
    struct lwm2m_led *led = run->led;

    if (fact->kind == FACT_BEGUN) {
        led->begun_said = true;
    } else if (fact->kind == FACT_ALLOW) {
        if (!led->over)
            allow_or_drop(p, run, fact->verdict);
    } else {
        led->settled = true;
        lwm2m_facts_release(led);
    }
}

static void fact_is_written(struct job *job, int err)
{
    struct fact *fact = (struct fact *)job;
    struct lwm2m_plans *p = fact->p;
    struct lwm2m_run *run;

    lwm2m_service_lock(p->s);
    run = lwm2m_facts_run_of(p, fact->attempt);
    if (run) {
        run->led->posted = false;
        if (!err)
            take_fact(p, fact, run);
    }
    if (!err)
        lwm2m_plans_wake(p);
    lwm2m_service_unlock(p->s);
    if (!err && fact->kind == FACT_END)
        fleet_slot_is_free(p->node->fleet);
    if (err)
        log_warn("LwM2M: attempt %.8s: not written, tried again: %s",
                 fact->attempt, dfota_strerror(err));
    free(fact);
}

/* What it was at when it ended is told by the end. */
static enum fact_kind next_fact(const struct lwm2m_led *led)
{
    if (led->posted || led->settled)
        return FACT_NONE;
    if (led->over)
        return FACT_END;
    if (led->ready && !led->allowed)
        return FACT_ALLOW;
    return led->begun && !led->begun_said ? FACT_BEGUN : FACT_NONE;
}

static struct fact *make_fact(struct lwm2m_led *led, enum fact_kind kind)
{
    struct fact *fact = calloc(1, sizeof *fact);

    if (!fact)
        return NULL;
    fact->job = (struct job){.run = write_fact, .done = fact_is_written};
    fact->p = led->p;
    fact->kind = kind;
    memcpy(fact->attempt, led->attempt, sizeof fact->attempt);
    memcpy(fact->cause, led->cause, sizeof fact->cause);
    memcpy(fact->version, led->version, sizeof fact->version);
    fact->end =
        (struct led_end){.state = led->state,
                         .cause = fact->cause,
                         .version = fact->version[0] ? fact->version : NULL,
                         .result = led->result};
    led->posted = true;
    return fact;
}

/* The next that is to be told, of any run. */
static struct fact *find_fact(struct lwm2m_plans *p)
{
    struct fact *fact = NULL;

    lwm2m_service_lock(p->s);
    for (struct lwm2m_run *run = p->s->runs; run && !fact; run = run->next) {
        enum fact_kind kind = run->led ? next_fact(run->led) : FACT_NONE;

        /* A job can end without an event, with its registrar. */
        if (run->led && !run->led->over && is_over(run))
            take_end(run);
        if (kind != FACT_NONE)
            fact = make_fact(run->led, kind);
    }
    lwm2m_service_unlock(p->s);
    return fact;
}

void lwm2m_facts_post(struct lwm2m_plans *p)
{
    struct fact *fact;

    while ((fact = find_fact(p))) {
        if (store_post(p->node->store, &fact->job) != 0) {
            fact_is_written(&fact->job, DFOTA_E_FULL);
            return;
        }
    }
}
