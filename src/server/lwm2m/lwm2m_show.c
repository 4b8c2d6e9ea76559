/* SPDX-License-Identifier: Apache-2.0 */
/* Registrations and their updates, as people see them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/lwm2m/lwm2m_service_parts.h"

static json_t *update_json(const struct lwm2m_run *run)
{
    const struct lwm2m_job *job;
    struct buffer text;
    json_t *out;

    if (!run)
        return json_null();
    job = &run->job;
    buffer_init(&text, 256);
    lwm2m_job_describe(job, &text);
    out = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:s?, s:I, s:I}", "state",
        lwm2m_job_state_name(job->state), "method", job->push ? "push" : "pull",
        "text", text.data, "sent", (json_int_t)job->sent, "size",
        (json_int_t)job->c.length, "to_version", run->version, "begun",
        (json_int_t)run->begun_s, "ended", (json_int_t)run->ended_s);
    buffer_release(&text);
    return out;
}

static json_t *registration_json(struct lwm2m_service *s,
                                 const struct registration *r)
{
    static const char *const states[] = {"idle", "downloading", "downloaded",
                                         "updating"};
    uint64_t now = s->registrar.now;
    char location[17];

    snprintf(location, sizeof location, "%016" PRIx64, r->id);
    return json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:b, s:b, s:s?, s:s, s:i, s:s?}", "endpoint",
        r->endpoint, "location", location, "lwm2m", r->v11 ? "1.1" : "1.0",
        "lifetime", (json_int_t)r->lifetime_s, "heard",
        (json_int_t)((now - r->heard_ms) / 1000), "queue", r->queue, "secure",
        r->way && r->way->identity, "version", r->version, "state",
        r->firmware.known ? states[r->firmware.state & 3] : "unknown", "result",
        r->firmware.result, "objects", r->links);
}

static int by_endpoint(const void *a, const void *b)
{
    return strcmp((*(struct registration *const *)a)->endpoint,
                  (*(struct registration *const *)b)->endpoint);
}

/* The endpoints behind `after`, in order; NULL: no memory. */
static struct registration **sorted(struct lwm2m_service *s, const char *after,
                                    size_t *n)
{
    struct registration **all =
        calloc(s->registrar.count + 1, sizeof(struct registration *));
    struct registration *r = NULL;

    *n = 0;
    if (!all)
        return NULL;
    while ((r = registrar_next(&s->registrar, r)))
        if (!r->absent && strcmp(r->endpoint, after) > 0)
            all[(*n)++] = r;
    qsort(all, *n, sizeof(struct registration *), by_endpoint);
    return all;
}

json_t *lwm2m_service_list(struct lwm2m_service *s, const char *after,
                           size_t limit)
{
    json_t *out = json_array();
    struct registration **all;
    size_t n;

    lwm2m_service_lock(s);
    all = sorted(s, after, &n);
    for (size_t i = 0; all && i < n && i < limit; i++)
        json_array_append_new(out, registration_json(s, all[i]));
    free(all);
    lwm2m_service_unlock(s);
    return out;
}

json_t *lwm2m_service_show(struct lwm2m_service *s, const char *endpoint)
{
    const struct registration *r;
    const struct lwm2m_run *run;
    json_t *out = NULL;

    lwm2m_service_lock(s);
    r = registrar_find(&s->registrar, endpoint);
    run = lwm2m_run_of(s, endpoint);
    if (r && !r->absent)
        out = registration_json(s, r);
    else if (run)
        out = json_pack("{s:s}", "endpoint", endpoint);
    if (out)
        json_object_set_new(out, "update", update_json(run));
    lwm2m_service_unlock(s);
    return out;
}
