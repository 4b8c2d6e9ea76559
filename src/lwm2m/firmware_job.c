/* SPDX-License-Identifier: Apache-2.0 */
#include "lwm2m/firmware_job.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/firmware_parts.h"
#include "lwm2m/registrar_parts.h"

static uint64_t now_of(const struct lwm2m_job *job)
{
    return job->s->now;
}

static bool is_over(const struct lwm2m_job *job)
{
    return job->state == JOB_DONE || job->state == JOB_FAILED;
}

/* A client in queue mode may sleep for as long as it likes. */
void job_sign_of_life(struct lwm2m_job *job)
{
    uint32_t ms = job->c.silence_ms;

    if (job->state == JOB_UPDATING)
        ms = job->c.update_ms;
    job->deadline_ms = now_of(job) + ms;
    if (job->state == JOB_WAITING && job->r && job->r->queue)
        job->deadline_ms = job->overall_ms;
}

void job_enter(struct lwm2m_job *job, enum lwm2m_job_state state)
{
    job->state = state;
    job->firmware_known = job->version_known = false;
    job_sign_of_life(job);
    if (job->c.event)
        job->c.event(job->c.ctx, job);
}

void job_end(struct lwm2m_job *job, enum lwm2m_job_state state,
             enum lwm2m_job_failure failure)
{
    struct registration *r = job->r;

    coap_put_stop(&job->put, now_of(job));
    job->failure = failure;
    job->r = NULL;
    if (r) {
        registration_forget(r, job);
        registration_release(job->s, r);
    }
    job_enter(job, state);
}

/* A Read of /5/0 and /3/0/3: the answers come by job_informed(). */
static void look(struct lwm2m_job *job)
{
    job->poll_ms = now_of(job) + job->c.poll_ms;
    registration_refresh(job->s, now_of(job), job->r);
}

void job_wait_and_look(struct lwm2m_job *job, enum lwm2m_job_state state)
{
    job_enter(job, state);
    if (!is_over(job))
        look(job);
}

/* Once more from the beginning, or no more. */
void job_try_again(struct lwm2m_job *job, enum lwm2m_job_failure why)
{
    if (++job->attempts >= JOB_ATTEMPTS)
        job_end(job, JOB_FAILED, why);
    else
        job_wait_and_look(job, JOB_WAITING);
}

/* ---- what the client says ------------------------------------------------ */

static bool is_wanted(const struct lwm2m_job *job)
{
    const char *version = job->r->version ? job->r->version : "";

    if (job->c.to_version)
        return strcmp(version, job->c.to_version) == 0;
    return strcmp(version, job->from_version) != 0;
}

static void by_result(struct lwm2m_job *job)
{
    job->result = job->r->firmware.result;
    if (job->result == FIRMWARE_SUCCESS)
        job_end(job, is_wanted(job) ? JOB_DONE : JOB_FAILED,
                is_wanted(job) ? JOB_NO_FAILURE : JOB_OLD_VERSION);
    else if (job->result == FIRMWARE_LOST || job->result == FIRMWARE_INITIAL)
        job_try_again(job, JOB_RESULT);
    else
        job_end(job, JOB_FAILED, JOB_RESULT);
}

/* Idle at last: send, or have it fetched. */
static void transfer(struct lwm2m_job *job)
{
    const struct registration_firmware *f = &job->r->firmware;
    const char *uri = job->c.method == JOB_PUSH ? NULL : job_uri(job);
    bool may_push =
        job->c.length > 0 && job->c.method != JOB_PULL && f->delivery != 0;

    if (!registration_awake(job->s, job->r))
        return; /* when it is heard */
    if (uri)
        job_order(job, uri);
    else if (may_push)
        job_push(job);
    else
        job_end(job, JOB_FAILED, JOB_NO_METHOD);
}

static void begin(struct lwm2m_job *job)
{
    const char *version = job->r->version ? job->r->version : "";

    if (!registration_has(job->r, 5)) {
        job_end(job, JOB_FAILED, JOB_NO_OBJECT);
        return;
    }
    if (!job->version_known || !job->firmware_known)
        return;
    snprintf(job->from_version, sizeof job->from_version, "%s", version);
    if (job->c.to_version && strcmp(version, job->c.to_version) == 0 &&
        job->r->firmware.state == FIRMWARE_IDLE) {
        job_end(job, JOB_DONE, JOB_NO_FAILURE);
        return;
    }
    switch (job->r->firmware.state) {
    case FIRMWARE_IDLE:
        transfer(job);
        break;
    case FIRMWARE_UPDATING:
        break; /* it reboots, or its time is over */
    default:
        job_reset(job);
    }
}

static void follow(struct lwm2m_job *job)
{
    if (!job->firmware_known)
        return;
    switch (job->r->firmware.state) {
    case FIRMWARE_DOWNLOADING:
        if (job->resumed && job->push)
            job_reset(job); /* Block1 cannot be resumed */
        break;
    case FIRMWARE_DOWNLOADED:
        job_execute(job);
        break;
    case FIRMWARE_UPDATING:
        job_enter(job, JOB_UPDATING);
        break;
    default:
        if (job->version_known)
            by_result(job);
    }
}

static void confirm(struct lwm2m_job *job)
{
    if (!job->firmware_known || !job->version_known)
        return;
    job->result = job->r->firmware.result;
    if (job->r->firmware.state == FIRMWARE_IDLE)
        by_result(job);
    else if (job->result == FIRMWARE_FAILED)
        job_end(job, JOB_FAILED, JOB_RESULT);
    else if (job->r->firmware.state == FIRMWARE_DOWNLOADED)
        job_execute(job); /* cut off before it began */
}

static void advance(struct lwm2m_job *job)
{
    switch (job->state) {
    case JOB_WAITING:
        begin(job);
        break;
    case JOB_FOLLOWING:
        follow(job);
        break;
    case JOB_UPDATING:
    case JOB_CONFIRMING:
        confirm(job);
        break;
    default:
        break;
    }
}

void job_informed(struct lwm2m_job *job, enum job_news news)
{
    if (is_over(job))
        return;
    switch (news) {
    case JOB_NEWS_NOTIFIED:
        if (job->state == JOB_FOLLOWING || job->state == JOB_UPDATING)
            look(job);
        return;
    case JOB_NEWS_FIRMWARE:
        job->firmware_known = true;
        /* It fetches: as long as it says so, it is alive. */
        if (job->state == JOB_FOLLOWING)
            job_sign_of_life(job);
        break;
    case JOB_NEWS_VERSION:
        job->version_known = true;
        break;
    }
    advance(job);
}

/* ---- where the client is ------------------------------------------------- */

void job_heard(struct lwm2m_job *job, struct registration *r, bool registered)
{
    job->r = r;
    if (is_over(job))
        return;
    if (job->state == JOB_SENDING) {
        if (!job->put.active || registered || job->put.peer != r->way->peer)
            job_resend(job);
        return;
    }
    if (registered && job->state == JOB_UPDATING)
        job_enter(job, JOB_CONFIRMING);
    else if (registered && job->state != JOB_CONFIRMING &&
             job->state != JOB_FOLLOWING)
        job_enter(job, JOB_WAITING);
    /* A registration is followed by Reads of its own. */
    if (!registered)
        look(job);
}

void job_away(struct lwm2m_job *job)
{
    coap_put_stop(&job->put, now_of(job));
}

void job_orphan(struct lwm2m_job *job)
{
    coap_put_stop(&job->put, now_of(job));
    job->r = NULL;
    job->state = JOB_FAILED;
    job->failure = JOB_STOPPED;
}

/* ---- life ---------------------------------------------------------------- */

static uint32_t or_else(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

int lwm2m_job_start(struct lwm2m_job *job, struct registrar *s, uint64_t now,
                    struct registration *r, const struct lwm2m_job_config *c)
{
    static const enum lwm2m_job_state first[] = {[JOB_FRESH] = JOB_WAITING,
                                                 [JOB_BEGUN] = JOB_FOLLOWING,
                                                 [JOB_ALLOWED] = JOB_UPDATING};

    if (r->job)
        return DFOTA_E_BUSY;
    s->now = now;
    *job = (struct lwm2m_job){.s = s, .r = r, .c = *c};
    job->c.poll_ms = or_else(c->poll_ms, 60 * 1000);
    job->c.silence_ms = or_else(c->silence_ms, 600 * 1000);
    job->c.update_ms = or_else(c->update_ms, 1800 * 1000);
    job->c.overall_ms = or_else(c->overall_ms, 24 * 3600 * 1000);
    job->overall_ms = now + job->c.overall_ms;
    job->push = c->method == JOB_PUSH;
    job->resumed = c->start != JOB_FRESH;
    job->allowed = !c->ready || c->start == JOB_ALLOWED;
    r->job = job;
    job_wait_and_look(job, first[c->start]);
    return 0;
}

void lwm2m_job_allow(struct lwm2m_job *job, uint64_t now)
{
    if (is_over(job) || job->allowed)
        return;
    job->s->now = now;
    job->allowed = true;
    advance(job);
}

bool lwm2m_job_has_begun(const struct lwm2m_job *job)
{
    return job->state == JOB_FOLLOWING ||
           (job->state == JOB_SENDING && job->sent > 0);
}

void lwm2m_job_stop(struct lwm2m_job *job, uint64_t now)
{
    struct registration *r = job->r;

    if (is_over(job))
        return;
    job->s->now = now;
    job_orphan(job);
    if (!r)
        return;
    registration_forget(r, job);
    registration_release(job->s, r);
}

static bool polls(const struct lwm2m_job *job)
{
    return job->r && job->r->way &&
           (job->state == JOB_WAITING || job->state == JOB_FOLLOWING ||
            job->state == JOB_UPDATING || job->state == JOB_CONFIRMING);
}

void lwm2m_job_tick(struct lwm2m_job *job, uint64_t now)
{
    if (is_over(job))
        return;
    job->s->now = now;
    coap_put_tick(&job->put, now);
    if (is_over(job))
        return;
    if (now >= job->deadline_ms || now >= job->overall_ms)
        job_end(job, JOB_FAILED, JOB_TIMED_OUT);
    else if (polls(job) && now >= job->poll_ms)
        look(job);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t lwm2m_job_wake(const struct lwm2m_job *job)
{
    uint64_t at;

    if (is_over(job))
        return COAP_NEVER;
    at = earlier(job->deadline_ms, job->overall_ms);
    at = earlier(at, coap_put_wake(&job->put));
    return polls(job) ? earlier(at, job->poll_ms) : at;
}
