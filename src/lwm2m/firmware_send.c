/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an update job asks of the client: reset, a URI to fetch from, the
 * package itself, Execute.
 */
#include <string.h>

#include "base/err.h"
#include "lwm2m/firmware_parts.h"
#include "lwm2m/payload_writer.h"

/* What a client that refuses opaque (4.15) is tried with. */
static const unsigned formats[] = {LWM2M_FORMAT_OPAQUE, LWM2M_FORMAT_TLV,
                                   LWM2M_FORMAT_SENML_CBOR};

enum { FORMATS = sizeof formats / sizeof formats[0] };

static uint64_t now_of(const struct lwm2m_job *job)
{
    return job->s->now;
}

static void refused(struct lwm2m_job *job, uint8_t code)
{
    job->code = code;
    if (code == 0)
        job_try_again(job, JOB_UNREACHED);
    else if (code == COAP_BAD_REQUEST || code == COAP_INCOMPLETE ||
             code == COAP_UNAVAILABLE || code == COAP_SERVER_ERROR)
        job_try_again(job, JOB_REFUSED);
    else
        job_end(job, JOB_FAILED, JOB_REFUSED);
}

static int ask(struct lwm2m_job *job, struct registration_question *q,
               registration_answer *answer)
{
    int err;

    q->answer = answer;
    q->ctx = job;
    err = registration_ask(job->s, now_of(job), job->r, q);
    if (err)
        job_try_again(job, JOB_UNREACHED);
    return err;
}

/* ---- reset --------------------------------------------------------------- */

static void on_reset(void *ctx, struct registration *r, uint8_t code,
                     const struct coap_msg *m)
{
    struct lwm2m_job *job = ctx;

    (void)r;
    (void)m;
    if (job->state != JOB_RESETTING)
        return;
    if (code == COAP_CHANGED) {
        job_wait_and_look(job, JOB_WAITING);
        return;
    }
    job->reset_by_nul = !job->reset_by_nul;
    refused(job, code == COAP_NOT_ALLOWED ? COAP_BAD_REQUEST : code);
}

/* An empty URI; where that is refused, a package of one NUL. */
void job_reset(struct lwm2m_job *job)
{
    struct registration_question q = registration_question(
        COAP_PUT, job->reset_by_nul ? "/5/0/0" : "/5/0/1");

    q.format = job->reset_by_nul ? LWM2M_FORMAT_OPAQUE : LWM2M_FORMAT_TEXT;
    q.payload = "";
    q.payload_len = job->reset_by_nul;
    job_enter(job, JOB_RESETTING);
    ask(job, &q, on_reset);
}

/* ---- pull ---------------------------------------------------------------- */

static void on_ordered(void *ctx, struct registration *r, uint8_t code,
                       const struct coap_msg *m)
{
    struct lwm2m_job *job = ctx;

    (void)r;
    (void)m;
    if (job->state != JOB_ORDERING)
        return;
    if (code == COAP_CHANGED)
        job_wait_and_look(job, JOB_FOLLOWING);
    else
        refused(job, code);
}

/* The best of the URIs that the client has a protocol for. NULL: none. */
const char *job_uri(const struct lwm2m_job *job)
{
    static const uint8_t order[] = {3, 1, 2, 0}; /* https coaps http coap */
    const struct registration_firmware *f = &job->r->firmware;
    uint8_t protocols = f->protocols == 0xff ? 3 : f->protocols;

    if (f->delivery == 1)
        return NULL;
    for (int i = 0; i < 4; i++)
        if (job->c.uri[order[i]] && protocols & 1u << order[i])
            return job->c.uri[order[i]];
    return NULL;
}

void job_order(struct lwm2m_job *job, const char *uri)
{
    struct registration_question q = registration_question(COAP_PUT, "/5/0/1");

    q.format = LWM2M_FORMAT_TEXT;
    q.payload = uri;
    q.payload_len = strlen(uri);
    job->push = job->resumed = false;
    job_enter(job, JOB_ORDERING);
    ask(job, &q, on_ordered);
}

/* ---- push ---------------------------------------------------------------- */

/* The bytes of the format before the package, then the package. */
static int read_body(void *ctx, uint32_t off, void *buf, size_t len)
{
    struct lwm2m_job *job = ctx;
    uint8_t *to = buf;

    while (len > 0 && off < job->prefix_len) {
        *to++ = job->prefix[off++];
        len--;
    }
    if (len == 0)
        return 0;
    return job->c.read(job->c.ctx, off - (uint32_t)job->prefix_len, to, len);
}

static void on_progress(void *ctx, uint32_t off)
{
    struct lwm2m_job *job = ctx;

    job->sent = off > job->prefix_len ? off - (uint32_t)job->prefix_len : 0;
    job_sign_of_life(job);
    if (job->c.event)
        job->c.event(job->c.ctx, job);
}

static void on_pushed(void *ctx, const struct coap_put_result *result)
{
    struct lwm2m_job *job = ctx;

    if (job->state != JOB_SENDING)
        return;
    job->code = result->code;
    if (result->failure != COAP_PUT_DONE) {
        job_try_again(job, JOB_UNREACHED);
    } else if (result->code == COAP_CHANGED) {
        job->sent = job->c.length;
        job_wait_and_look(job, JOB_FOLLOWING);
    } else if (result->code == COAP_UNSUPPORTED_FORMAT &&
               job->format + 1 < FORMATS) {
        job->format++;
        job_wait_and_look(job, JOB_WAITING);
    } else {
        refused(job, result->code);
    }
}

static int make_prefix(struct lwm2m_job *job)
{
    struct lwm2m_path path = lwm2m_path_make(3, 5, 0, 0);
    struct buffer out;
    int err;

    buffer_init(&out, sizeof job->prefix);
    err = lwm2m_write_prefix(formats[job->format], &path, job->c.length, &out);
    job->prefix_len = out.len;
    memcpy(job->prefix, out.data, out.len);
    buffer_release(&out);
    return err;
}

static int make_options(struct lwm2m_job *job)
{
    struct lwm2m_path path = lwm2m_path_make(3, 5, 0, 0);
    struct coap_options o;

    coap_options_init(&o, job->options, sizeof job->options);
    registration_path(job->r, &path, &o);
    coap_options_add_uint(&o, COAP_CONTENT_FORMAT, formats[job->format]);
    job->options_len = o.len;
    return o.err;
}

void job_push(struct lwm2m_job *job)
{
    struct coap_put_request r = {.code = COAP_PUT,
                                 .options = job->options,
                                 .szx = job->c.szx,
                                 .read = read_body,
                                 .progress = on_progress,
                                 .done = on_pushed,
                                 .ctx = job};
    int err = make_prefix(job);

    if (!err)
        err = make_options(job);
    r.options_len = job->options_len;
    r.length = job->c.length + (uint32_t)job->prefix_len;
    job->push = true;
    job->resumed = false;
    job->sent = 0;
    job_enter(job, JOB_SENDING);
    if (!err)
        err = coap_put_start(&job->put, job->r->way->peer, now_of(job), &r);
    if (err)
        job_try_again(job, JOB_UNREACHED);
}

/* ---- execute ------------------------------------------------------------- */

static void on_executed(void *ctx, struct registration *r, uint8_t code,
                        const struct coap_msg *m)
{
    struct lwm2m_job *job = ctx;

    (void)r;
    (void)m;
    if (job->state != JOB_EXECUTING)
        return;
    job->code = code;
    if (code == COAP_CHANGED)
        job_enter(job, JOB_UPDATING);
    else
        job_wait_and_look(job, JOB_FOLLOWING); /* the state tells if it ran */
}

void job_execute(struct lwm2m_job *job)
{
    struct registration_question q = registration_question(COAP_POST, "/5/0/2");

    if (!job->allowed) {
        job->c.ready(job->c.ctx, job);
        return;
    }
    if (job->executes++ >= JOB_ATTEMPTS) {
        job_end(job, JOB_FAILED, job->code ? JOB_REFUSED : JOB_UNREACHED);
        return;
    }
    job_enter(job, JOB_EXECUTING);
    q.answer = on_executed;
    q.ctx = job;
    if (registration_ask(job->s, now_of(job), job->r, &q) != 0)
        job_wait_and_look(job, JOB_FOLLOWING); /* when it is back */
}

/* Block1 cannot be resumed: block 0 again, on the way it is on now. */
void job_resend(struct lwm2m_job *job)
{
    if (make_options(job) != 0 || !job->put.active) {
        if (++job->attempts >= JOB_ATTEMPTS)
            job_end(job, JOB_FAILED, JOB_UNREACHED);
        else
            job_push(job);
        return;
    }
    job->sent = 0;
    coap_put_move(&job->put, job->r->way->peer, now_of(job), job->options,
                  job->options_len);
}
