/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A node without sockets on a clock of its own, for tests of plans: time goes
 * on only when the test says so.
 */
#ifndef DFOTA_TESTS_REHEARSAL_H
#define DFOTA_TESTS_REHEARSAL_H

#include "unit/scratch.h"

#include "server/fleet/attempts.h"
#include "server/fleet/node.h"
#include "server/fleet/units.h"
#include "server/fleet/upkeep.h"

struct rehearsal {
    struct scratch scratch;
    struct node node;
    struct upkeep upkeep;
    struct server_clock clock;
    struct sql *sql; /* to look with, and to write what people would */
    int64_t wall, steady;
};

static inline int64_t rehearsal_wall(void *ctx)
{
    return ((struct rehearsal *)ctx)->wall;
}

static inline int64_t rehearsal_steady(void *ctx)
{
    return ((struct rehearsal *)ctx)->steady;
}

static inline void rehearsal_committed(void *ctx)
{
    struct node *node = ctx;

    if (node->fleet)
        fleet_refresh(node->fleet);
}

static inline void rehearsal_open(struct rehearsal *r, const char *begin)
{
    scratch_open(&r->scratch);
    assert_true(units_moment(begin, &r->wall));
    r->steady = 1000;
    r->clock = (struct server_clock){rehearsal_wall, rehearsal_steady, r};
    r->node = (struct node){.name = "test", .clock = &r->clock};
    r->upkeep = (struct upkeep){.node = &r->node};
    assert_int_equal(
        store_open(&(struct store_config){.url = r->scratch.url,
                                          .committed = rehearsal_committed,
                                          .ctx = &r->node},
                   &r->node.store),
        0);
    r->node.fleet = fleet_create(r->node.store);
    assert_non_null(r->node.fleet);
    assert_int_equal(fleet_load(r->node.fleet), 0);
    assert_int_equal(sql_open(r->scratch.url, &r->sql), 0);
}

static inline void rehearsal_close(struct rehearsal *r)
{
    sql_close(r->sql);
    store_close(r->node.store);
    fleet_destroy(r->node.fleet);
    scratch_close(&r->scratch);
}

static inline void rehearsal_pass(struct rehearsal *r, int64_t seconds)
{
    r->wall += seconds;
    r->steady += seconds;
}

static inline int64_t rehearsal_number(struct rehearsal *r, const char *query)
{
    int64_t number = -1;

    assert_int_equal(sql_one_int(r->sql, &number, query, SQL_NONE), 0);
    return number;
}

/* Firmware 1.0 and 1.1 of a model, and packages that are ready. */
static inline int64_t rehearsal_firmware(struct rehearsal *r, const char *model)
{
    int64_t old, target;
    const char *insert =
        "INSERT INTO firmware (tenant, model, version, class, counter, size, "
        "sha256, made_by, created) VALUES (1, $1, $2, '', 0, 1, '00', 'x', 0) "
        "RETURNING id";

    assert_int_equal(sql_one_int(r->sql, &old, insert,
                                 SQL_ARGS(SQL_TEXT(model), SQL_TEXT("1.0"))),
                     0);
    assert_int_equal(sql_one_int(r->sql, &target, insert,
                                 SQL_ARGS(SQL_TEXT(model), SQL_TEXT("1.1"))),
                     0);
    assert_int_equal(
        sql_run(r->sql,
                "INSERT INTO package (tenant, source, target, state, "
                "full_image, size, sha256, claimed_until, tries, created) "
                "VALUES (1, $1, $2, 'ready', 0, 100, 'aa', 0, 0, 0)",
                SQL_ARGS(SQL_INT(old), SQL_INT(target)), NULL),
        0);
    return target;
}

static inline int64_t rehearsal_plan(struct rehearsal *r, int64_t firmware,
                                     const char *spec)
{
    char why[PLAN_WHY_ROOM];
    struct plan_spec parsed;
    json_t *json = json_loads(spec, 0, NULL);
    int64_t id;

    assert_int_equal(plan_spec_parse(json, &parsed, why), 0);
    plan_spec_release(&parsed);
    json_decref(json);
    assert_int_equal(
        sql_one_int(
            r->sql, &id,
            "INSERT INTO plan (tenant, name, state, edition, "
            "generation, firmware, spec, stage, stage_since, open, "
            "taken, made_by, edited_by, created) VALUES (1, 'p', "
            "'running', 1, 1, $1, $2, 0, $3, 0, 0, 'x', 'x', 0) "
            "RETURNING id",
            SQL_ARGS(SQL_INT(firmware), SQL_TEXT(spec), SQL_INT(r->wall))),
        0);
    assert_int_equal(fleet_load(r->node.fleet), 0);
    return id;
}

static inline uint64_t rehearsal_imei(unsigned number)
{
    return 350000000000000U + number;
}

/* Modules number first .. first + n - 1 of a model, on 1.0. */
static inline void rehearsal_modules(struct rehearsal *r, unsigned first,
                                     unsigned n, const char *model)
{
    char imei[24];

    assert_int_equal(sql_begin(r->sql), 0);
    for (unsigned i = first; i < first + n; i++) {
        snprintf(imei, sizeof imei, "%015llu",
                 (unsigned long long)rehearsal_imei(i));
        assert_int_equal(
            sql_run(r->sql,
                    "INSERT INTO module (tenant, imei, name, model, version, "
                    "class, grp, tags, state, updates, created) VALUES (1, $1, "
                    "$1, $2, '1.0', '', '', '', 'active', 0, 0)",
                    SQL_ARGS(SQL_TEXT(imei), SQL_TEXT(model)), NULL),
            0);
    }
    assert_int_equal(sql_commit(r->sql), 0);
    assert_int_equal(fleet_load(r->node.fleet), 0);
}

/* What a module asks and hears. */
struct rehearsal_poll {
    struct job job;
    struct rehearsal *r;
    struct module_view module;
    struct poll poll;
    struct report report;
    struct grant grant;
    int code;
    char attempt[SECRETS_ID_ROOM];
};

static inline int rehearsal_run_poll(struct sql *sql, struct job *job)
{
    struct rehearsal_poll *p = (struct rehearsal_poll *)job;
    int err = attempts_ask(&p->r->node, sql, &p->module, &p->poll, p->attempt,
                           &p->grant, &p->code);

    if (err == -21) /* the memory is too old for the database */
        fleet_refresh(p->r->node.fleet);
    return err;
}

static inline int rehearsal_ask(struct rehearsal *r, unsigned number,
                                const char *model, int battery,
                                struct rehearsal_poll *p)
{
    *p = (struct rehearsal_poll){.job = {.run = rehearsal_run_poll},
                                 .r = r,
                                 .poll = {.imei = rehearsal_imei(number),
                                          .model = model,
                                          .version = "1.0",
                                          .battery = battery,
                                          .rssi = POLL_UNSAID}};
    secrets_id(p->attempt);
    assert_int_equal(fleet_find(r->node.fleet, p->poll.imei, &p->module), 0);
    assert_int_equal(store_do(r->node.store, &p->job), 0);
    return p->code;
}

static inline int rehearsal_run_report(struct sql *sql, struct job *job)
{
    struct rehearsal_poll *p = (struct rehearsal_poll *)job;

    return attempts_report(&p->r->node, sql, &p->module, &p->report, &p->code);
}

static inline int rehearsal_tell(struct rehearsal_poll *p, int http_err,
                                 int update_err, const char *version)
{
    p->job = (struct job){.run = rehearsal_run_report};
    p->report = (struct report){.imei = p->poll.imei,
                                .plan = p->grant.plan,
                                .attempt = p->grant.attempt,
                                .version = version,
                                .http_err = http_err,
                                .update_err = update_err};
    assert_int_equal(store_do(p->r->node.store, &p->job), 0);
    fleet_slot_is_free(p->r->node.fleet);
    return p->code;
}

#endif
