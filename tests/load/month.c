/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual modules against the plans of a real node on a virtual clock: what
 * month.py wrote down is played, what each call was answered is printed. The
 * database, its writer, the memory, the grants, the rounds of upkeep are
 * those of dfotad; there are no sockets.
 *
 * Usage: month DATABASE-URL < SCENARIO
 *        month --forecast FROM TO MODULES CONCURRENCY PACE MINUTES
 *
 *   begin MOMENT SECONDS TICK          first line; a round of upkeep each TICK
 *   firmware MODEL VERSION             numbered from 1
 *   package SOURCE TARGET SIZE         numbers of firmware; 0: a full image
 *   module NUMBER MODEL VERSION GROUP  - is none
 *   plan FIRMWARE SPEC                 numbered from 1, running
 *   poll MODULE MOMENT BATTERY RSSI OUTCOME FIRST SECOND
 *
 * All that follows from a call happens at least a TICK later, so the calls of
 * one TICK go to the writer at once, in their order.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/attempts.h"
#include "server/fleet/forecast.h"
#include "server/fleet/plan_watch.h"
#include "server/fleet/units.h"
#include "server/fleet/upkeep.h"

enum { LINE_MAX_LEN = 4096, MODULES_MAX = 40000, IMEI_ROOM = 24 };

/* What a module does with a package; month.py has the same names. */
enum outcome {
    SUCCEEDS,
    BREAKS_OFF,   /* http 704 */
    FAILS,        /* update 504 */
    IS_SILENT,    /* for ever */
    ASKS_AGAIN,   /* the answer was lost */
    FORGETS,      /* updates itself, and its report is lost */
    IS_LATE,      /* one report, after a long time */
    DOES_NOT_FIT, /* update 511 */
    REPEATS,      /* the report, and then another one */
    STALLS        /* has loaded, and is silent then */
};

enum kind { POLLS, POLLS_AGAIN, LOADED, ENDS, ENDS_AGAIN, ENDS_OTHERWISE };

struct virtual_module {
    char model[32], version[32], target[32];
};

struct virtual_poll {
    unsigned module;
    int battery, rssi;
    enum outcome outcome;
    int64_t first, second; /* seconds after the grant */
    char attempt[SECRETS_ID_ROOM];
    int64_t plan;
};

struct event {
    int64_t at;
    unsigned module;
    enum kind kind;
    size_t poll;
};

struct month {
    struct node node;
    struct upkeep upkeep;
    struct server_clock clock;
    struct sql *sql;
    int64_t wall, steady_from, begin, length, tick;
    struct virtual_module *modules;
    struct virtual_poll *polls;
    size_t n_polls, polls_room;
    struct event *heap;
    size_t n_heap, heap_room;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    unsigned under_way;
};

static void must(int err, const char *what)
{
    if (err >= 0)
        return;
    fprintf(stderr, "month: %s: %s\n", what, dfota_strerror(err));
    exit(1);
}

static int64_t wall(void *ctx)
{
    return ((struct month *)ctx)->wall;
}

static int64_t steady(void *ctx)
{
    const struct month *m = ctx;

    return m->wall - m->steady_from;
}

static void committed(void *ctx)
{
    struct month *m = ctx;

    if (m->node.fleet)
        must(fleet_refresh(m->node.fleet), "refresh");
}

static uint64_t imei_of(unsigned module)
{
    return 350000000000000U + module;
}

/* ---- what comes when: a heap ---- */

static bool before(const struct event *a, const struct event *b)
{
    if (a->at != b->at)
        return a->at < b->at;
    if (a->module != b->module)
        return a->module < b->module;
    return a->kind < b->kind;
}

static void swap(struct event *a, struct event *b)
{
    struct event c = *a;

    *a = *b;
    *b = c;
}

static void *grown(void *all, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return all;
    *room = *room ? *room * 2 : 1024;
    all = realloc(all, *room * size);
    must(all ? 0 : DFOTA_E_NOMEM, "memory");
    return all;
}

static void push(struct month *m, struct event e)
{
    size_t i = m->n_heap++;

    m->heap = grown(m->heap, m->n_heap, &m->heap_room, sizeof e);
    m->heap[i] = e;
    for (; i > 0 && before(&m->heap[i], &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&m->heap[i], &m->heap[(i - 1) / 2]);
}

static struct event pop(struct month *m)
{
    struct event top = m->heap[0];
    size_t i = 0, child;

    m->heap[0] = m->heap[--m->n_heap];
    while ((child = 2 * i + 1) < m->n_heap) {
        if (child + 1 < m->n_heap &&
            before(&m->heap[child + 1], &m->heap[child]))
            child++;
        if (!before(&m->heap[child], &m->heap[i]))
            break;
        swap(&m->heap[i], &m->heap[child]);
        i = child;
    }
    return top;
}

/* ---- calls ---- */

struct call {
    struct job job;
    struct month *month;
    struct event event;
    struct grant grant;
    char attempt[SECRETS_ID_ROOM];
    int code;
};

static int run_poll(struct month *m, struct sql *sql, struct call *call)
{
    const struct virtual_poll *p = &m->polls[call->event.poll];
    const struct virtual_module *v = &m->modules[p->module];
    const struct poll poll = {.imei = imei_of(p->module),
                              .model = v->model,
                              .version = v->version,
                              .battery = p->battery,
                              .rssi = p->rssi};
    struct choice choices[FLEET_CHOICES_MAX];
    struct module_view view;
    unsigned n;
    int err = fleet_find(m->node.fleet, poll.imei, &view);

    if (err)
        return err;
    fleet_seen(m->node.fleet, &poll, m->wall);
    call->code = view.tried ? 0
                            : fleet_choose(m->node.fleet, &view, &poll, m->wall,
                                           choices, &n);
    if (call->code)
        return 0;
    err = attempts_ask(&m->node, sql, &view, &poll, call->attempt, &call->grant,
                       &call->code);
    if (err == DFOTA_E_BUSY)
        fleet_refresh(m->node.fleet);
    return err;
}

static int run_report(struct month *m, struct sql *sql, struct call *call)
{
    const struct virtual_poll *p = &m->polls[call->event.poll];
    const struct virtual_module *v = &m->modules[p->module];
    enum kind kind = call->event.kind;
    bool fails = p->outcome == FAILS || p->outcome == DOES_NOT_FIT ||
                 kind == ENDS_OTHERWISE;
    struct report report = {
        .imei = imei_of(p->module),
        .plan = p->plan,
        .attempt = p->attempt,
        .version = fails || kind == LOADED || p->outcome == BREAKS_OFF
                       ? v->version
                       : v->target,
        .http_err = p->outcome == BREAKS_OFF ? 704 : 0,
        .update_err = kind == LOADED || p->outcome == BREAKS_OFF ? -1
                      : p->outcome == DOES_NOT_FIT               ? 511
                      : fails                                    ? 504
                                                                 : 0};
    struct module_view view;
    int err = fleet_find(m->node.fleet, report.imei, &view);

    if (!err)
        err = attempts_report(&m->node, sql, &view, &report, &call->code);
    fleet_slot_is_free(m->node.fleet);
    return err;
}

static int run(struct sql *sql, struct job *job)
{
    struct call *call = (struct call *)job;
    struct month *m = call->month;

    m->wall = call->event.at;
    return call->event.kind <= POLLS_AGAIN ? run_poll(m, sql, call)
                                           : run_report(m, sql, call);
}

static void done(struct job *job, int err)
{
    struct month *m = ((struct call *)job)->month;

    must(err, "a call");
    pthread_mutex_lock(&m->lock);
    m->under_way--;
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
}

/* ---- what follows ---- */

static void later(struct month *m, const struct event *e, int64_t after,
                  enum kind kind)
{
    push(m, (struct event){e->at + after, e->module, kind, e->poll});
}

static void after_grant(struct month *m, const struct call *call)
{
    const struct event *e = &call->event;
    struct virtual_poll *p = &m->polls[e->poll];

    snprintf(p->attempt, sizeof p->attempt, "%s", call->grant.attempt);
    p->plan = call->grant.plan;
    snprintf(m->modules[p->module].target, 32, "%.31s", call->grant.version);
    if (p->outcome == IS_SILENT)
        return;
    if (p->outcome == ASKS_AGAIN && e->kind == POLLS) {
        later(m, e, p->first, POLLS_AGAIN);
        return;
    }
    if (p->outcome != BREAKS_OFF && p->outcome != FORGETS &&
        p->outcome != IS_LATE)
        later(m, e, p->first, LOADED);
    if (p->outcome == STALLS)
        return;
    later(m, e, p->second, ENDS);
    if (p->outcome == REPEATS) {
        later(m, e, p->second + 1800, ENDS_AGAIN);
        later(m, e, p->second + 3600, ENDS_OTHERWISE);
    }
}

static void after_call(struct month *m, const struct call *call)
{
    const struct virtual_poll *p = &m->polls[call->event.poll];
    struct virtual_module *v = &m->modules[p->module];
    bool polls = call->event.kind <= POLLS_AGAIN;

    printf("call %" PRId64 " %u %d %d %" PRId64 "\n", call->event.at,
           call->event.module, (int)call->event.kind, call->code,
           polls && call->code == 0 ? call->grant.plan : 0);
    if (polls && call->code == 0) {
        fleet_set_tried(m->node.fleet, imei_of(p->module));
        after_grant(m, call);
    }
    if (call->event.kind == ENDS && p->outcome != BREAKS_OFF &&
        p->outcome != FAILS && p->outcome != DOES_NOT_FIT)
        memcpy(v->version, v->target, sizeof v->version);
}

/* A report that is lost is none, but the module is another one by then. */
static bool reaches(const struct month *m, const struct event *e)
{
    return e->kind != ENDS || m->polls[e->poll].outcome != FORGETS;
}

static void play_tick(struct month *m, int64_t until)
{
    static struct call *calls;
    static size_t room;
    size_t n = 0;

    while (m->n_heap > 0 && m->heap[0].at < until) {
        calls = grown(calls, n, &room, sizeof *calls);
        calls[n] = (struct call){
            .job = {.run = run, .done = done}, .month = m, .event = pop(m)};
        secrets_id(calls[n++].attempt);
    }
    m->under_way = 0;
    for (size_t i = 0; i < n; i++) {
        if (!reaches(m, &calls[i].event))
            continue;
        pthread_mutex_lock(&m->lock);
        m->under_way++;
        while (m->under_way > 2000)
            pthread_cond_wait(&m->wake, &m->lock);
        pthread_mutex_unlock(&m->lock);
        must(store_post(m->node.store, &calls[i].job), "post");
    }
    pthread_mutex_lock(&m->lock);
    while (m->under_way > 0)
        pthread_cond_wait(&m->wake, &m->lock);
    pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < n; i++)
        after_call(m, &calls[i]);
}

static void play(struct month *m)
{
    for (int64_t at = m->begin; at < m->begin + m->length; at += m->tick) {
        play_tick(m, at + m->tick);
        m->wall = at + m->tick;
        must(upkeep_round(&m->upkeep), "round");
    }
}

/* ---- the scenario ---- */

static void open_node(struct month *m, const char *url)
{
    const struct store_config config = {
        .url = url, .committed = committed, .ctx = m};

    m->clock = (struct server_clock){wall, steady, m};
    m->node.clock = &m->clock;
    snprintf(m->node.name, sizeof m->node.name, "month");
    m->upkeep.node = &m->node;
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->wake, NULL);
    m->modules = calloc(MODULES_MAX, sizeof *m->modules);
    must(m->modules ? 0 : DFOTA_E_NOMEM, "memory");
    must(store_open(&config, &m->node.store), "open");
    must(sql_open(url, &m->sql), "open");
}

/* The words of a line, so many as there have to be. */
static void split(char *line, char **words, unsigned n)
{
    char *rest = line;

    for (unsigned i = 0; i < n; i++) {
        words[i] = strtok_r(rest, " \n", &rest);
        must(words[i] ? 0 : DFOTA_E_SYNTAX, "a line is too short");
    }
}

static int64_t number(const char *text, int64_t low, int64_t high)
{
    char *end;
    int64_t value = strtoll(text, &end, 10);

    must(*end == '\0' && value >= low && value <= high ? 0 : DFOTA_E_SYNTAX,
         text);
    return value;
}

static void make_firmware(struct month *m, char *line)
{
    char *words[2];

    split(line, words, 2);
    must(sql_run(m->sql,
                 "INSERT INTO firmware (tenant, model, version, class, "
                 "counter, size, sha256, made_by, created) VALUES (1, $1, $2, "
                 "'', 0, 1, '00', 'x', 0)",
                 SQL_ARGS(SQL_TEXT(words[0]), SQL_TEXT(words[1])), NULL),
         "firmware");
}

static void make_package(struct month *m, char *line)
{
    char *words[3];

    split(line, words, 3);
    must(sql_run(m->sql,
                 "INSERT INTO package (tenant, source, target, state, "
                 "full_image, size, sha256, claimed_until, tries, created) "
                 "VALUES (1, $1, $2, 'ready', 0, $3, 'aa', 0, 0, 0)",
                 SQL_ARGS(SQL_INT(number(words[0], 0, INT64_MAX)),
                          SQL_INT(number(words[1], 1, INT64_MAX)),
                          SQL_INT(number(words[2], 1, INT64_MAX))),
                 NULL),
         "package");
}

static void make_module(struct month *m, char *line)
{
    char *words[4], imei[IMEI_ROOM];
    unsigned place;

    split(line, words, 4);
    place = (unsigned)number(words[0], 0, MODULES_MAX - 1);
    snprintf(imei, sizeof imei, "%015" PRIu64, imei_of(place));
    snprintf(m->modules[place].model, 32, "%s", words[1]);
    snprintf(m->modules[place].version, 32, "%s", words[2]);
    must(
        sql_run(m->sql,
                "INSERT INTO module (tenant, imei, name, model, version, "
                "class, grp, tags, state, updates, created) VALUES (1, $1, "
                "$1, $2, $3, '', $4, '', 'active', 0, 0)",
                SQL_ARGS(SQL_TEXT(imei), SQL_TEXT(words[1]), SQL_TEXT(words[2]),
                         SQL_TEXT(strcmp(words[3], "-") == 0 ? "" : words[3])),
                NULL),
        "module");
}

static void make_plan(struct month *m, char *line)
{
    char why[PLAN_WHY_ROOM] = "";
    struct plan_spec spec;
    char *rest;
    int64_t firmware = strtoll(line, &rest, 10);
    json_t *json = json_loads(rest, 0, NULL);

    must(plan_spec_parse(json, &spec, why), why);
    plan_spec_release(&spec);
    json_decref(json);
    must(sql_run(m->sql,
                 "INSERT INTO plan (tenant, name, state, edition, generation, "
                 "firmware, spec, stage, stage_since, open, taken, made_by, "
                 "edited_by, created) VALUES (1, 'p', 'running', 1, 1, $1, $2, "
                 "0, $3, 0, 0, 'x', 'x', 0)",
                 SQL_ARGS(SQL_INT(firmware), SQL_TEXT(rest), SQL_INT(m->begin)),
                 NULL),
         "plan");
}

static void make_poll(struct month *m, char *line)
{
    char *words[7];
    struct virtual_poll p;
    int64_t at;

    split(line, words, 7);
    at = number(words[1], m->begin, m->begin + m->length);
    p = (struct virtual_poll){
        .module = (unsigned)number(words[0], 0, MODULES_MAX - 1),
        .battery = (int)number(words[2], 0, POLL_UNSAID),
        .rssi = (int)number(words[3], -200, POLL_UNSAID),
        .outcome = (enum outcome)number(words[4], 0, STALLS),
        .first = number(words[5], m->tick, m->length),
        .second = number(words[6], m->tick, m->length)};
    m->polls = grown(m->polls, m->n_polls, &m->polls_room, sizeof p);
    push(m, (struct event){at, p.module, POLLS, m->n_polls});
    m->polls[m->n_polls++] = p;
}

static void begin(struct month *m, char *line)
{
    char *words[3];

    split(line, words, 3);
    m->begin = number(words[0], 0, INT64_MAX / 2);
    m->length = number(words[1], 1, INT32_MAX);
    m->tick = number(words[2], 1, m->length);
    m->wall = m->begin;
    m->steady_from = m->begin - 1000;
    must(sql_begin(m->sql), "begin");
}

static void read_scenario(struct month *m)
{
    static const struct {
        const char *word;
        void (*take)(struct month *m, char *line);
    } words[] = {{"begin ", begin},          {"firmware ", make_firmware},
                 {"package ", make_package}, {"module ", make_module},
                 {"plan ", make_plan},       {"poll ", make_poll}};
    char line[LINE_MAX_LEN];

    while (fgets(line, sizeof line, stdin)) {
        size_t i = 0;

        while (i < 6 &&
               strncmp(line, words[i].word, strlen(words[i].word)) != 0)
            i++;
        must(i < 6 ? 0 : DFOTA_E_SYNTAX, line);
        words[i].take(m, line + strlen(words[i].word));
    }
    must(sql_commit(m->sql), "commit");
    m->node.fleet = fleet_create(m->node.store);
    must(m->node.fleet ? fleet_load(m->node.fleet) : DFOTA_E_NOMEM, "load");
}

/* ---- the end ---- */

static void tell_places(const struct month *m, int64_t plans)
{
    for (int64_t plan = 1; plan <= plans; plan++) {
        for (unsigned i = 0; i < MODULES_MAX; i++) {
            if (m->modules[i].model[0])
                printf("place %" PRId64 " %u %u\n", plan, i,
                       decide_place(plan, imei_of(i)));
        }
    }
}

static void tell_plan(struct month *m, int64_t id)
{
    struct plan_counts c;
    struct sql_rows rows;

    must(plan_count(m->sql, id, -1, &c), "count");
    must(sql_query(m->sql, &rows,
                   "SELECT state, stage, open, taken FROM plan WHERE id = $1",
                   SQL_ARGS(SQL_INT(id))),
         "plan");
    must(sql_next(&rows) == DFOTA_MORE ? 0 : DFOTA_E_NOTFOUND, "plan");
    printf("plan %" PRId64 " %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
           " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
           id, sql_text(&rows, 0), sql_int(&rows, 1), sql_int(&rows, 2),
           sql_int(&rows, 3), c.open, c.done, c.failed, c.lost, c.stopped);
    sql_done(&rows);
}

/* What `plan preview` would say of a plan's first 30 days, in permille. */
static int foretell(char **words)
{
    struct forecast_question q = {.modules = strtoll(words[2], NULL, 10),
                                  .concurrency = strtoll(words[3], NULL, 10),
                                  .pace = strtoll(words[4], NULL, 10),
                                  .pace_min = strtoll(words[5], NULL, 10)};
    struct forecast f;

    if (!units_time_of_day(words[0], &q.from) ||
        !units_time_of_day(words[1], &q.to))
        return 2;
    forecast(&q, &f);
    printf("%d\n", f.permille_30);
    return 0;
}

int main(int argc, char **argv)
{
    static struct month m;
    int64_t plans, notes, open;

    if (argc == 8 && strcmp(argv[1], "--forecast") == 0)
        return foretell(argv + 2);
    if (argc != 2)
        return 2;
    open_node(&m, argv[1]);
    read_scenario(&m);
    must(sql_one_int(m.sql, &plans, "SELECT count(*) FROM plan", SQL_NONE),
         "count");
    tell_places(&m, plans);
    play(&m);
    for (int64_t id = 1; id <= plans; id++)
        tell_plan(&m, id);
    must(sql_one_int(m.sql, &notes, "SELECT count(*) FROM note", SQL_NONE),
         "count");
    must(sql_one_int(m.sql, &open,
                     "SELECT count(*) FROM attempt WHERE "
                     "state = 'open'",
                     SQL_NONE),
         "count");
    printf("notes %" PRId64 "\nopen %" PRId64 "\n", notes, open);
    sql_close(m.sql);
    store_close(m.node.store);
    fleet_destroy(m.node.fleet);
    free(m.modules);
    free(m.polls);
    free(m.heap);
    return 0;
}
