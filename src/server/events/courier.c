/* SPDX-License-Identifier: Apache-2.0 */
#include "server/events/courier.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "os/log.h"
#include "server/events/courier_target.h"
#include "server/fleet/events.h"
#include "server/node/first_person.h"

enum {
    URL_ROOM = 512,
    SECRET_ROOM = 132,
    WHY_ROOM = 160,
    LOOK_MS = 1000,
    UPKEEP_S = 60
};

/* One try. */
struct flight {
    struct courier *courier;
    int64_t id, webhook, tries, until;
    char url[URL_ROOM], secret[SECRET_ROOM], kind[12];
    char *body;
    CURL *curl; /* NULL: the place is free */
    struct curl_slist *fields;
    size_t answered; /* bytes */
    bool local;      /* it led to where it may not */
};

struct courier {
    struct node *node;
    bool local;
    pthread_t thread;
    atomic_bool stopping;
    bool joined;
    CURLM *multi;
    struct flight flights[COURIER_FLIGHTS];
    int64_t kept_up;
};

int64_t courier_next(int64_t now, int64_t tries)
{
    int64_t pause = COURIER_PAUSE_MAX_S;

    if (tries <= 9)
        pause = (int64_t)COURIER_PAUSE_S << (tries > 0 ? tries - 1 : 0);
    return now + (pause < COURIER_PAUSE_MAX_S ? pause : COURIER_PAUSE_MAX_S);
}

/* ---- claims ---- */

struct claim_job {
    struct job job;
    struct courier *courier;
    size_t n;
    struct flight flights[COURIER_FLIGHTS];
};

static unsigned under_way(const struct claim_job *claim, int64_t webhook)
{
    const struct courier *c = claim->courier;
    unsigned n = 0;

    for (size_t i = 0; i < COURIER_FLIGHTS; i++)
        n += c->flights[i].curl && c->flights[i].webhook == webhook;
    for (size_t i = 0; i < claim->n; i++)
        n += claim->flights[i].webhook == webhook;
    return n;
}

static bool has_room(const struct claim_job *claim)
{
    size_t n = claim->n;

    for (size_t i = 0; i < COURIER_FLIGHTS; i++)
        n += claim->courier->flights[i].curl != NULL;
    return n < COURIER_FLIGHTS;
}

static void take(struct flight *f, const struct sql_rows *rows)
{
    *f = (struct flight){.id = sql_int(rows, 0),
                         .webhook = sql_int(rows, 1),
                         .tries = sql_int(rows, 2),
                         .until = sql_int(rows, 3),
                         .body = strdup(sql_text(rows, 7))};
    snprintf(f->url, sizeof f->url, "%s", sql_text(rows, 4));
    snprintf(f->secret, sizeof f->secret, "%s", sql_text(rows, 5));
    snprintf(f->kind, sizeof f->kind, "%s", sql_text(rows, 6));
}

/* Of each web hook as many as may fly, so that a dead one holds up none. */
static int read_due(struct sql *sql, struct claim_job *claim, int64_t now)
{
    struct sql_rows rows;
    int err = sql_query(
        sql, &rows,
        "SELECT d.id, d.webhook, d.tries, d.until, w.url, w.secret, d.kind, "
        "d.body FROM webhook w JOIN delivery d ON d.id IN (SELECT e.id FROM "
        "delivery e WHERE e.webhook = w.id AND e.state = 'waiting' AND "
        "e.due <= $1 AND e.claimed_until <= $1 ORDER BY e.due LIMIT 2) "
        "WHERE w.active = 1 ORDER BY d.due, d.id",
        SQL_ARGS(SQL_INT(now)));

    while (!err && (err = sql_next(&rows)) == DFOTA_MORE) {
        err = 0;
        if (has_room(claim) &&
            under_way(claim, sql_int(&rows, 1)) < COURIER_OF_ONE)
            take(&claim->flights[claim->n++], &rows);
    }
    sql_done(&rows);
    return err;
}

static void drop_claims(struct claim_job *claim)
{
    for (size_t i = 0; i < claim->n; i++)
        free(claim->flights[i].body);
    claim->n = 0;
}

static int run_claim(struct sql *sql, struct job *job)
{
    struct claim_job *claim = (struct claim_job *)job;
    const struct node *node = claim->courier->node;
    int64_t now = clock_wall(node->clock), changed;
    int err;

    drop_claims(claim); /* it may run again */
    err = read_due(sql, claim, now);
    for (size_t i = 0; !err && i < claim->n; i++) {
        struct flight *f = &claim->flights[i];

        err = sql_run(sql,
                      "UPDATE delivery SET claimed_by = $2, claimed_until = $3 "
                      "WHERE id = $1 AND state = 'waiting' AND claimed_until "
                      "<= $4",
                      SQL_ARGS(SQL_INT(f->id), SQL_TEXT(node->name),
                               SQL_INT(now + COURIER_CLAIM_S), SQL_INT(now)),
                      &changed);
        if (!err && changed == 0)
            f->id = 0; /* another node has it */
    }
    return err;
}

/* Is a transaction worth it? */
static bool is_due(struct courier *c)
{
    struct sql *sql;
    int64_t n = 0;

    if (store_read_begin(c->node->store, &sql) != 0)
        return false;
    sql_one_int(sql, &n,
                "SELECT 1 FROM delivery WHERE state = 'waiting' AND due <= $1 "
                "AND claimed_until <= $1 LIMIT 1",
                SQL_ARGS(SQL_INT(clock_wall(c->node->clock))));
    store_read_end(c->node->store, sql);
    return n > 0;
}

/* ---- a try ---- */

static size_t take_answer(char *data, size_t size, size_t n, void *ctx)
{
    struct flight *f = ctx;

    (void)data;
    f->answered += size * n;
    return f->answered <= COURIER_ANSWER_MAX ? size * n : 0;
}

/* Asked for every address that a name resolves to, so that no name can change
 * its mind between a check and the connection. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose,
                                 struct curl_sockaddr *to)
{
    struct flight *f = ctx;

    (void)purpose;
    if (!f->courier->local && target_is_here(&to->addr, to->addrlen)) {
        f->local = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void add_field(struct flight *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add_field(struct flight *f, const char *format, ...)
{
    char text[160];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    f->fields = curl_slist_append(f->fields, text);
}

/* What is signed: "moment.delivery.body". */
static int sign(struct flight *f, int64_t now)
{
    char mac[SECRETS_HEX_ROOM], *text;

    if (asprintf(&text, "%" PRId64 ".%" PRId64 ".%s", now, f->id, f->body) < 0)
        return DFOTA_E_NOMEM;
    secrets_mac_by(f->secret, text, mac);
    free(text);
    add_field(f, "Content-Type: application/json");
    add_field(f, "Expect:");
    add_field(f, "Dfota-Event: %s", f->kind);
    add_field(f, "Dfota-Delivery: %" PRId64, f->id);
    add_field(f, "Dfota-Signature: t=%" PRId64 ",v1=%s", now, mac);
    return 0;
}

static void set_up(struct flight *f)
{
    CURL *curl = f->curl;

    curl_easy_setopt(curl, CURLOPT_URL, f->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)COURIER_TIME_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, f->fields);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "dfotad");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(f->body));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, f->body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, f);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, f);
}

static void end_flight(struct flight *f)
{
    if (f->curl) {
        curl_multi_remove_handle(f->courier->multi, f->curl);
        curl_easy_cleanup(f->curl);
    }
    curl_slist_free_all(f->fields);
    free(f->body);
    *f = (struct flight){0};
}

static void begin_flight(struct courier *c, const struct flight *claimed)
{
    struct flight *f = c->flights;

    while (f->curl)
        f++;
    *f = *claimed;
    f->courier = c;
    f->curl = curl_easy_init();
    if (!f->curl || !f->body || sign(f, clock_wall(c->node->clock)) != 0) {
        end_flight(f); /* once more when the claim is over */
        return;
    }
    set_up(f);
    curl_multi_add_handle(c->multi, f->curl);
}

static void claim_more(struct courier *c)
{
    struct claim_job *claim;

    if (!is_due(c))
        return;
    claim = calloc(1, sizeof *claim);
    if (!claim)
        return;
    claim->job.run = run_claim;
    claim->courier = c;
    if (store_do(c->node->store, &claim->job) != 0)
        drop_claims(claim);
    for (size_t i = 0; i < claim->n; i++) {
        if (claim->flights[i].id)
            begin_flight(c, &claim->flights[i]);
        else
            free(claim->flights[i].body);
    }
    free(claim);
}

/* ---- what came of it ---- */

struct outcome {
    struct job job;
    const struct node *node;
    int64_t id, tries, until;
    long status;
    char why[WHY_ROOM];
};

static int run_outcome(struct sql *sql, struct job *job)
{
    const struct outcome *o = (struct outcome *)job;
    int64_t now = clock_wall(o->node->clock);
    int64_t due = courier_next(now, o->tries);
    const char *state = !o->why[0]       ? "done"
                        : due > o->until ? "failed"
                                         : "waiting";

    return sql_run(
        sql,
        "UPDATE delivery SET state = $2, tries = $3, due = $4, status = $5, "
        "why = $6, claimed_until = 0, ended = CASE WHEN $2 = 'waiting' THEN "
        "NULL ELSE CAST($7 AS BIGINT) END WHERE id = $1 AND "
        "state = 'waiting' AND claimed_by = $8",
        SQL_ARGS(SQL_INT(o->id), SQL_TEXT(state), SQL_INT(o->tries),
                 SQL_INT(due), SQL_INT(o->status),
                 SQL_TEXT(o->why[0] ? o->why : NULL), SQL_INT(now),
                 SQL_TEXT(o->node->name)),
        NULL);
}

static void explain(const struct flight *f, CURLcode result, long status,
                    char why[WHY_ROOM])
{
    why[0] = '\0';
    if (f->local)
        snprintf(why, WHY_ROOM,
                 "it leads to this machine or its link, which is not allowed");
    else if (f->answered > COURIER_ANSWER_MAX)
        snprintf(why, WHY_ROOM, "the answer is longer than %d bytes",
                 COURIER_ANSWER_MAX);
    else if (result != CURLE_OK)
        snprintf(why, WHY_ROOM, "%s", curl_easy_strerror(result));
    else if (status >= 300 && status < 400)
        snprintf(why, WHY_ROOM, "a redirect is not followed");
    else if (status < 200 || status >= 300)
        snprintf(why, WHY_ROOM, "the receiver said %ld", status);
}

static void finish(struct courier *c, struct flight *f, CURLcode result)
{
    struct outcome outcome = {.job = {.run = run_outcome},
                              .node = c->node,
                              .id = f->id,
                              .tries = f->tries + 1,
                              .until = f->until};

    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &outcome.status);
    explain(f, result, outcome.status, outcome.why);
    end_flight(f);
    store_do(c->node->store, &outcome.job); /* else it is sent again */
}

static void finish_all(struct courier *c)
{
    struct flight *f;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(c->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &f);
        finish(c, f, message->data.result);
    }
}

/* returns E_NOTFOUND: there is none */
static int find_full(struct sql *sql, int64_t *id, int64_t *tenant)
{
    struct sql_rows rows;
    int err = sql_query(
        sql, &rows,
        "SELECT w.id, w.tenant FROM webhook w WHERE w.active = 1 AND (SELECT "
        "count(*) FROM delivery d WHERE d.webhook = w.id AND d.state = "
        "'waiting') >= $1 ORDER BY w.id LIMIT 1",
        SQL_ARGS(SQL_INT(COURIER_WAITING_MAX)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        *id = sql_int(&rows, 0);
        *tenant = sql_int(&rows, 1);
    }
    sql_done(&rows);
    return err == DFOTA_MORE ? 0 : err ? err : DFOTA_E_NOTFOUND;
}

/* What nobody takes must not fill the disk. */
static int pause_full(const struct node *node, struct sql *sql)
{
    int64_t id, tenant;
    char object[32];
    int err = find_full(sql, &id, &tenant);

    if (err)
        return err == DFOTA_E_NOTFOUND ? 0 : err;
    snprintf(object, sizeof object, "webhook:%" PRId64, id);
    err = sql_run(sql,
                  "UPDATE webhook SET active = 0, edition = edition + 1 WHERE "
                  "id = $1",
                  SQL_ARGS(SQL_INT(id)), NULL);
    return err ? err
               : node_audit(node, sql, tenant, "server", "webhook.pause",
                            object, "too many deliveries wait");
}

static int run_upkeep(struct sql *sql, struct job *job)
{
    const struct outcome *o = (struct outcome *)job;
    int err = events_upkeep(sql, clock_wall(o->node->clock));

    return err ? err : pause_full(o->node, sql);
}

static void keep_up(struct courier *c)
{
    struct outcome upkeep = {.job = {.run = run_upkeep}, .node = c->node};
    int64_t now = clock_steady(c->node->clock);

    if (now - c->kept_up < UPKEEP_S)
        return;
    c->kept_up = now;
    first_person_check(c->node);
    store_do(c->node->store, &upkeep.job);
}

static void *work(void *ctx)
{
    struct courier *c = ctx;
    int running;

    while (!atomic_load(&c->stopping)) {
        claim_more(c);
        keep_up(c);
        curl_multi_perform(c->multi, &running);
        finish_all(c);
        curl_multi_poll(c->multi, NULL, 0, LOOK_MS, NULL);
    }
    for (size_t i = 0; i < COURIER_FLIGHTS; i++) {
        if (c->flights[i].curl)
            end_flight(&c->flights[i]);
    }
    return NULL;
}

struct courier *courier_create(struct node *node, bool local)
{
    struct courier *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    c->node = node;
    c->local = local;
    c->kept_up = clock_steady(node->clock);
    c->multi = curl_multi_init();
    if (c->multi && pthread_create(&c->thread, NULL, work, c) == 0)
        return c;
    curl_multi_cleanup(c->multi);
    free(c);
    return NULL;
}

void courier_wake(struct courier *c)
{
    if (c)
        curl_multi_wakeup(c->multi);
}

void courier_quiesce(struct courier *c)
{
    if (!c || c->joined)
        return;
    atomic_store(&c->stopping, true);
    curl_multi_wakeup(c->multi);
    pthread_join(c->thread, NULL);
    c->joined = true;
}

void courier_destroy(struct courier *c)
{
    if (!c)
        return;
    courier_quiesce(c);
    curl_multi_cleanup(c->multi);
    curl_global_cleanup();
    free(c);
}
