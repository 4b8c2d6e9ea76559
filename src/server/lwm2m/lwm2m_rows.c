/* SPDX-License-Identifier: Apache-2.0 */
/* Registrations in the database: written behind, read at the start. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/log.h"
#include "server/lwm2m/lwm2m_plans_parts.h"

/* A hundred thousand that register at once wait as what is touched, some 50
 * bytes each, and not as rows. */
enum {
    ROWS_AT_ONCE = 256,
    WRITES_MAX = 2,
    READ_AT_ONCE = 256,
    FORGET_S = 7 * 86400
};

/* ---- the start ----------------------------------------------------------- */

static struct coap_listener *find_listener(struct lwm2m_service *s,
                                           const char *name)
{
    for (unsigned i = 0; i < s->n_listeners; i++)
        if (!s->listener[i].secure && strcmp(s->listener[i].name, name) == 0)
            return &s->listener[i];
    return NULL;
}

/* errors: E_NOTFOUND it came to an address that there is not now */
static int open_way(struct lwm2m_plans *p, const struct registration_row *row,
                    struct lwm2m_remote **out)
{
    struct coap_listener *l = find_listener(p->s, row->listener);
    uint8_t address[COAP_ADDRESS_MAX];
    size_t len = strlen(row->address) / 2;
    struct coap_remote *r;

    if (!l || len > sizeof address ||
        !secrets_from_hex(row->address, address, len))
        return DFOTA_E_NOTFOUND;
    r = coap_endpoint_open(l->endpoint, p->s->registrar.now, address, len);
    *out = r ? lwm2m_remote_of(l, r) : NULL;
    if (!*out)
        return DFOTA_E_NOMEM;
    coap_remote_hold(r, true);
    return 0;
}

static uint64_t ms_between(int64_t from, int64_t to)
{
    return to > from ? (uint64_t)(to - from) * 1000 : 0;
}

static int restore(struct lwm2m_plans *p, const struct registration_row *row)
{
    int64_t now = lwm2m_plans_now(p);
    const struct registration_past past = {
        .endpoint = row->endpoint,
        .links = row->links,
        .version = row->version[0] ? row->version : NULL,
        .id = strtoull(row->location, NULL, 16),
        .lifetime_s = (uint32_t)row->lifetime,
        .left_ms = ms_between(now, row->expires),
        .heard_before_ms = ms_between(row->heard, now),
        .v11 = row->v11,
        .queue = strchr(row->binding, 'Q') != NULL};
    struct lwm2m_remote *remote;
    struct registration *r;
    int err = open_way(p, row, &remote);

    if (!err)
        err = registrar_restore(&p->s->registrar, &remote->way, &past, &r);
    if (err)
        return err;
    r->user = row->imei;
    r->noted = true;
    r->versioned = row->version[0] != '\0';
    return 0;
}

int lwm2m_rows_restore(struct lwm2m_plans *p)
{
    struct registration_row *rows = calloc(READ_AT_ONCE, sizeof *rows);
    char after[REGISTRATION_ENDPOINT_ROOM] = "";
    size_t n = READ_AT_ONCE, kept = 0;
    struct sql *sql;
    int err = rows ? store_read_begin(p->node->store, &sql) : DFOTA_E_NOMEM;

    if (err) {
        free(rows);
        return err;
    }
    while (!err && n == READ_AT_ONCE) {
        err = registrations_read(p->node, sql, after, rows, READ_AT_ONCE, &n);
        for (size_t i = 0; !err && i < n; i++) {
            kept += restore(p, &rows[i]) == 0;
            memcpy(after, rows[i].endpoint, sizeof after);
        }
    }
    store_read_end(p->node->store, sql);
    free(rows);
    if (kept)
        log_info("LwM2M: %zu clients are registered from before", kept);
    return err;
}

/* ---- writing behind ------------------------------------------------------ */

void lwm2m_rows_touch(struct lwm2m_plans *p, struct registration *r, bool gone)
{
    size_t len = strlen(r->endpoint) + 1;
    struct lwm2m_touched *t;

    if (p->n_touched >= LED_TOUCHED_MAX)
        return; /* at its next Update */
    t = malloc(sizeof *t + len);
    if (!t)
        return;
    t->gone = gone;
    t->location = r->id;
    memcpy(t->endpoint, r->endpoint, len);
    r->noted = false;
    STAILQ_INSERT_TAIL(&p->touched, t, link);
    p->n_touched++;
}

struct rows_job {
    struct job job;
    struct lwm2m_plans *p;
    size_t n;
    struct registration_row rows[ROWS_AT_ONCE];
};

static bool post(struct rows_job *rows);

static int write_rows(struct sql *sql, struct job *job)
{
    struct rows_job *rows = (struct rows_job *)job;

    return registrations_write(rows->p->node, sql, rows->rows, rows->n);
}

/* What was not written is to be written again. Under the lock. */
static void touch_again(struct rows_job *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        struct registration *r =
            registrar_find(&rows->p->s->registrar, rows->rows[i].endpoint);

        if (r && r->noted && !rows->rows[i].gone)
            lwm2m_rows_touch(rows->p, r, false);
    }
}

/* Whose endpoint does not tell its module: now its row did. Under the lock. */
static void learn_modules(struct rows_job *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        struct registration *r =
            registrar_find(&rows->p->s->registrar, rows->rows[i].endpoint);

        if (r && !rows->rows[i].gone)
            r->user = rows->rows[i].imei;
    }
}

static void rows_are_written(struct job *job, int err)
{
    struct rows_job *rows = (struct rows_job *)job;
    struct lwm2m_plans *p = rows->p;
    bool more;

    if (err)
        log_warn("LwM2M: registrations were not written: %s",
                 dfota_strerror(err));
    pthread_mutex_lock(&p->s->lock);
    learn_modules(rows);
    if (err)
        touch_again(rows);
    more = !err && post(rows);
    if (!more)
        p->n_writes--;
    pthread_mutex_unlock(&p->s->lock);
    if (!more)
        free(rows);
}

static void fill(struct lwm2m_plans *p, struct registration *r,
                 struct registration_row *row)
{
    const struct lwm2m_remote *remote = (const struct lwm2m_remote *)r->way;
    int64_t now = lwm2m_plans_now(p);
    uint64_t ms = p->s->registrar.now;
    const uint8_t *address;
    size_t len = 0;

    row->v11 = r->v11;
    row->lifetime = r->lifetime_s;
    row->heard = now - (int64_t)((ms - r->heard_ms) / 1000);
    row->expires =
        r->expires_ms > ms ? now + (int64_t)((r->expires_ms - ms) / 1000) : now;
    row->imei = r->user;
    snprintf(row->binding, sizeof row->binding, "%s", r->queue ? "UQ" : "U");
    snprintf(row->links, sizeof row->links, "%s", r->links ? r->links : "");
    snprintf(row->version, sizeof row->version, "%s",
             r->version ? r->version : "");
    if (remote) {
        address = coap_remote_address(remote->way.owner, &len);
        secrets_to_hex(address, len, row->address);
        snprintf(row->listener, sizeof row->listener, "%s",
                 remote->listener->name);
        row->secure = remote->way.identity != NULL;
    }
    r->noted = true;
    r->versioned = r->version != NULL;
}

/* returns false: there is nothing to write of it */
static bool take_row(struct lwm2m_plans *p, struct registration_row *row)
{
    struct lwm2m_touched *t = STAILQ_FIRST(&p->touched);
    struct registration *r = registrar_find(&p->s->registrar, t->endpoint);

    *row = (struct registration_row){.gone = t->gone};
    snprintf(row->endpoint, sizeof row->endpoint, "%s", t->endpoint);
    snprintf(row->location, sizeof row->location, "%016" PRIx64, t->location);
    STAILQ_REMOVE_HEAD(&p->touched, link);
    p->n_touched--;
    free(t);
    if (row->gone)
        return true;
    if (!r || r->absent)
        return false;
    snprintf(row->location, sizeof row->location, "%016" PRIx64, r->id);
    fill(p, r, row);
    return true;
}

/* The next rows. Under the lock, so that whoever is marked as written is so
 * before anything that is asked of the writer afterwards. returns false:
 * there are none, or the queue is full and they are written another time. */
static bool post(struct rows_job *rows)
{
    struct lwm2m_plans *p = rows->p;

    rows->n = 0;
    while (rows->n < ROWS_AT_ONCE && !STAILQ_EMPTY(&p->touched))
        rows->n += take_row(p, &rows->rows[rows->n]);
    if (rows->n == 0)
        return false;
    if (store_post(p->node->store, &rows->job) == 0)
        return true;
    touch_again(rows);
    return false;
}

/* Each write takes what is touched by then when it is done, so two keep the
 * writer busy. */
void lwm2m_rows_flush(struct lwm2m_plans *p)
{
    struct rows_job *rows;

    lwm2m_service_lock(p->s);
    while (p->n_writes < WRITES_MAX && !STAILQ_EMPTY(&p->touched)) {
        rows = malloc(sizeof *rows);
        if (!rows)
            break;
        rows->job = (struct job){.run = write_rows, .done = rows_are_written};
        rows->p = p;
        if (!post(rows)) {
            free(rows);
            break;
        }
        p->n_writes++;
    }
    lwm2m_service_unlock(p->s);
}

struct forget_job {
    struct job job;
    struct lwm2m_plans *p;
};

static int forget(struct sql *sql, struct job *job)
{
    const struct lwm2m_plans *p = ((struct forget_job *)job)->p;

    return registrations_forget(sql, lwm2m_plans_now(p) - FORGET_S);
}

static void is_forgotten(struct job *job, int err)
{
    if (err)
        log_warn("LwM2M: old registrations stay: %s", dfota_strerror(err));
    free(job);
}

void lwm2m_rows_forget(struct lwm2m_plans *p)
{
    struct forget_job *job = malloc(sizeof *job);

    if (!job)
        return;
    *job = (struct forget_job){{.run = forget, .done = is_forgotten}, p};
    if (store_post(p->node->store, &job->job) != 0)
        free(job); /* at the next start */
}

void lwm2m_rows_free(struct lwm2m_plans *p)
{
    while (!STAILQ_EMPTY(&p->touched)) {
        struct lwm2m_touched *t = STAILQ_FIRST(&p->touched);

        STAILQ_REMOVE_HEAD(&p->touched, link);
        free(t);
    }
}
