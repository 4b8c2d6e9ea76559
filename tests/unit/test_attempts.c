/* SPDX-License-Identifier: Apache-2.0 */
/* Plans on a virtual clock, on every database: see scratch.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "unit/rehearsal.h"

#include "base/err.h"
#include "server/fleet/plan_watch.h"

static const int64_t DAY = 86400, HOUR = 3600;

static int set_up(void **state)
{
    struct rehearsal *r = calloc(1, sizeof *r);

    rehearsal_open(r, "2028-02-20T12:00:00Z");
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    rehearsal_close(*state);
    free(*state);
    return 0;
}

static void round_of(struct rehearsal *r)
{
    assert_int_equal(upkeep_round(&r->upkeep), 0);
}

static void silence_is_lost_and_a_late_result_replaces_it(void **state)
{
    struct rehearsal *r = *state;
    struct rehearsal_poll p;

    rehearsal_modules(r, 0, 1, "m");
    rehearsal_plan(r, rehearsal_firmware(r, "m"), "{\"download\": \"1h\"}");
    assert_int_equal(rehearsal_ask(r, 0, "m", 80, &p), 0);
    rehearsal_pass(r, 3599);
    round_of(r);
    assert_int_equal(rehearsal_number(r, "SELECT sum(open) FROM plan"), 1);
    rehearsal_pass(r, 1);
    round_of(r);
    assert_int_equal(rehearsal_number(r, "SELECT sum(open) FROM plan"), 0);
    assert_int_equal(
        rehearsal_number(r, "SELECT count(*) FROM attempt WHERE state = 'lost' "
                            "AND cause = 'download'"),
        1);
    assert_int_equal(rehearsal_tell(&p, 0, 0, "1.1"), 0);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM attempt "
                                         "WHERE state = 'done'"),
                     1);
    assert_int_equal(rehearsal_number(r, "SELECT sum(open) FROM plan"), 0);
}

static void after_the_download_the_time_of_the_update_counts(void **state)
{
    struct rehearsal *r = *state;
    struct rehearsal_poll p, again;

    rehearsal_modules(r, 0, 1, "m");
    rehearsal_plan(r, rehearsal_firmware(r, "m"),
                   "{\"download\": \"1h\", \"update\": \"16d\"}");
    rehearsal_ask(r, 0, "m", 80, &p);
    rehearsal_pass(r, 1800);
    rehearsal_tell(&p, 0, -1, "1.0");
    rehearsal_pass(r, 15 * DAY);
    round_of(r);
    assert_int_equal(rehearsal_ask(r, 0, "m", 80, &again), S4_STATE);
    rehearsal_pass(r, DAY);
    round_of(r);
    assert_int_equal(
        rehearsal_number(r, "SELECT count(*) FROM attempt "
                            "WHERE state = 'lost' AND cause = 'update'"),
        1);
    assert_int_equal(rehearsal_ask(r, 0, "m", 80, &again), 0);
}

static void a_rule_aborts_at_its_share_and_not_before(void **state)
{
    struct rehearsal *r = *state;
    struct rehearsal_poll p;

    rehearsal_modules(r, 0, 20, "m");
    rehearsal_plan(r, rehearsal_firmware(r, "m"),
                   "{\"abort\": [{\"percent\": 20, \"minimum\": 10}]}");
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(rehearsal_ask(r, i, "m", 80, &p), 0);
        rehearsal_tell(&p, i == 0 ? 704 : 0, i == 0 ? -1 : 0, "1.1");
        round_of(r);
    }
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM plan "
                                         "WHERE state = 'running'"),
                     1); /* 1 of 10 */
    rehearsal_ask(r, 10, "m", 80, &p);
    rehearsal_tell(&p, 704, -1, "1.0");
    round_of(r);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM plan "
                                         "WHERE state = 'running'"),
                     1); /* 2 of 11 */
    rehearsal_ask(r, 11, "m", 80, &p);
    rehearsal_tell(&p, -1, 504, "1.0");
    round_of(r);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM plan "
                                         "WHERE state = 'aborted'"),
                     1); /* 3 of 12 */
    assert_int_equal(rehearsal_ask(r, 12, "m", 80, &p), S4_NO_PLAN);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM audit "
                                         "WHERE action = 'plan.aborted'"),
                     1);
}

static void silence_counts_for_a_rule(void **state)
{
    struct rehearsal *r = *state;
    struct rehearsal_poll p;

    rehearsal_modules(r, 0, 4, "m");
    rehearsal_plan(r, rehearsal_firmware(r, "m"),
                   "{\"abort\": [{\"kind\": \"lost\", \"percent\": 50, "
                   "\"minimum\": 4}]}");
    for (unsigned i = 0; i < 4; i++) {
        rehearsal_ask(r, i, "m", 80, &p);
        if (i < 2)
            rehearsal_tell(&p, 0, 0, "1.1");
    }
    round_of(r);
    rehearsal_pass(r, DAY + 1);
    round_of(r);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM plan "
                                         "WHERE state = 'aborted'"),
                     1);
}

static void a_stage_by_count_is_a_canary(void **state)
{
    struct rehearsal *r = *state;
    struct rehearsal_poll p[10];

    rehearsal_modules(r, 0, 10, "m");
    rehearsal_plan(r, rehearsal_firmware(r, "m"),
                   "{\"stages\": [{\"count\": 2, \"minimum\": 2, \"success\": "
                   "100, \"soak\": \"1h\"}, {\"percent\": 100}]}");
    round_of(r);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(rehearsal_ask(r, i, "m", 80, &p[i]),
                         i < 2 ? 0 : S4_SLOTS);
    rehearsal_tell(&p[0], 0, 0, "1.1");
    rehearsal_tell(&p[1], 0, 0, "1.1");
    round_of(r);
    assert_int_equal(rehearsal_number(r, "SELECT stage FROM plan"), 0);
    rehearsal_pass(r, 3600);
    round_of(r);
    assert_int_equal(rehearsal_number(r, "SELECT stage FROM plan"), 1);
    for (unsigned i = 2; i < 10; i++)
        assert_int_equal(rehearsal_ask(r, i, "m", 80, &p[i]), 0);
}

static void a_stage_by_percent_takes_about_that_many(void **state)
{
    struct rehearsal *r = *state;
    struct rehearsal_poll p;
    unsigned taken = 0;

    rehearsal_modules(r, 0, 400, "m");
    rehearsal_plan(r, rehearsal_firmware(r, "m"),
                   "{\"stages\": [{\"percent\": 25, \"minimum\": 1000}, "
                   "{\"percent\": 100}]}");
    for (unsigned i = 0; i < 400; i++)
        taken += rehearsal_ask(r, i, "m", 80, &p) == 0;
    assert_in_range(taken, 75, 125);
}

static void a_grant_of_an_old_generation_is_looked_at_again(void **state)
{
    struct rehearsal *r = *state;
    struct rehearsal_poll p;

    rehearsal_modules(r, 0, 1, "m");
    rehearsal_plan(r, rehearsal_firmware(r, "m"), "{}");
    /* another node stops it, and this one has not heard of it */
    assert_int_equal(sql_begin(r->sql), 0);
    assert_int_equal(
        plan_move(&r->node, r->sql, 1, 1, "running", "aborted", "x", ""), 0);
    assert_int_equal(sql_commit(r->sql), 0);
    assert_int_equal(fleet_plan_count(r->node.fleet), 1);
    assert_int_equal(rehearsal_ask(r, 0, "m", 80, &p), S4_NO_PLAN);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM attempt"), 0);
}

static void a_clock_that_jumps_grants_and_ends_nothing(void **state)
{
    struct rehearsal *r = *state;
    struct rehearsal_poll p;

    rehearsal_modules(r, 0, 1, "m");
    rehearsal_plan(r, rehearsal_firmware(r, "m"), "{}");
    round_of(r);
    assert_int_equal(rehearsal_ask(r, 0, "m", 80, &p), 0);
    r->wall += 30 * DAY;
    round_of(r);
    assert_true(atomic_load(&r->node.clock_is_off));
    assert_int_equal(rehearsal_number(r, "SELECT sum(open) FROM plan"), 1);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM audit "
                                         "WHERE action = 'clock.off'"),
                     1);
    r->wall -= 30 * DAY;
    round_of(r);
    assert_false(atomic_load(&r->node.clock_is_off));
    r->wall += 30 * DAY;
    round_of(r);
    upkeep_accept_clock(&r->upkeep);
    round_of(r);
    assert_false(atomic_load(&r->node.clock_is_off));
    assert_int_equal(rehearsal_number(r, "SELECT sum(open) FROM plan"), 0);
}

static void the_audit_log_shows_a_change_and_a_gap(void **state)
{
    struct rehearsal *r = *state;
    struct ledger_head head;

    for (int i = 0; i < 5; i++)
        assert_int_equal(
            node_audit(&r->node, r->sql, 1, "ada", "plan.edit", "plan:1", "x"),
            0);
    assert_int_equal(ledger_verify(r->sql, &head), 0);
    assert_int_equal(head.entries, 5);
    sql_run(r->sql, "UPDATE audit SET actor = 'bob' WHERE number = 3", SQL_NONE,
            NULL);
    assert_int_equal(ledger_verify(r->sql, &head), DFOTA_E_CORRUPT);
    assert_int_equal(head.number, 3);
    sql_run(r->sql, "DELETE FROM audit WHERE number = 3", SQL_NONE, NULL);
    assert_int_equal(ledger_verify(r->sql, &head), DFOTA_E_CORRUPT);
}

/* ---- a month ---- */

enum { MODULES = 9999, HOURS = 45 * 24 };

struct virtual_module {
    int64_t next;
    bool done;
};

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return *seed >> 33;
}

/* The windows once more, without the code under test: Berlin goes to summer
 * time on 2028-03-26 at 01:00 UTC, Tokyo never does. */
static bool may_have_it(unsigned number, int64_t now)
{
    int64_t summer, berlin, tokyo;

    assert_true(units_moment("2028-03-26T01:00:00Z", &summer));
    berlin = (now + (now >= summer ? 7200 : 3600)) % DAY;
    tokyo = (now + 9 * HOUR) % DAY;
    switch (number % 3) {
    case 0:
        return berlin >= 22 * HOUR || berlin < 6 * HOUR;
    case 1:
        return tokyo >= HOUR && tokyo < 5 * HOUR;
    default:
        return number % 100 >= 50; /* the battery */
    }
}

/* Over the 29th of February and the change to summer time: who got an update
 * is who could have, to the module. */
static void a_month_of_polls_gives_exactly_what_it_should(void **state)
{
    static const char *const models[] = {"berlin", "tokyo", "charged"};
    static const char *const specs[] = {
        "{\"window\": {\"from\": \"22:00\", \"to\": \"06:00\", \"zone\": "
        "\"Europe/Berlin\"}, \"concurrency\": 100000}",
        "{\"window\": {\"from\": \"01:00\", \"to\": \"05:00\", \"zone\": "
        "\"Asia/Tokyo\"}, \"concurrency\": 100000}",
        "{\"battery\": 50, \"concurrency\": 100000}"};
    struct virtual_module *all = calloc(MODULES, sizeof *all);
    struct rehearsal *r = *state;
    int64_t begin = r->wall, wanted = 0;
    struct rehearsal_poll p;
    uint64_t seed = 1;

    for (int i = 0; i < 3; i++) {
        rehearsal_modules(r, 10000 * (unsigned)i, 1, models[i]);
        rehearsal_plan(r, rehearsal_firmware(r, models[i]), specs[i]);
    }
    for (unsigned i = 0; i < MODULES; i++)
        all[i].next =
            begin + (int64_t)(draw(&seed) % (uint64_t)(14 * DAY + DAY / 2));
    for (int64_t hour = 0; hour < HOURS; hour++) {
        for (unsigned i = 0; i < MODULES; i++) {
            struct module_view view = {.id = i + 1,
                                       .tenant = 1,
                                       .tags = "",
                                       .class_name = "",
                                       .group = "",
                                       .imei = rehearsal_imei(i)};
            struct poll poll = {.imei = view.imei,
                                .version = "1.0",
                                .model = models[i % 3],
                                .battery = (int)(i % 100),
                                .rssi = POLL_UNSAID};
            struct choice choices[FLEET_CHOICES_MAX];
            unsigned n;

            if (all[i].done || all[i].next >= begin + (hour + 1) * 3600)
                continue;
            assert_int_equal(fleet_choose(r->node.fleet, &view, &poll,
                                          all[i].next, choices, &n) == 0,
                             may_have_it(i, all[i].next));
            all[i].done = may_have_it(i, all[i].next);
            wanted += all[i].done;
            all[i].next += 14 * DAY + (int64_t)(draw(&seed) % (uint64_t)DAY);
        }
    }
    assert_true(wanted > 4000 && wanted < MODULES);
    /* and one of each through the database */
    for (unsigned i = 0; i < 3; i++)
        rehearsal_ask(r, 10000U * i, models[i], 80, &p);
    free(all);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(silence_is_lost_and_a_late_result_replaces_it),
        WITH(after_the_download_the_time_of_the_update_counts),
        WITH(a_rule_aborts_at_its_share_and_not_before),
        WITH(silence_counts_for_a_rule),
        WITH(a_stage_by_count_is_a_canary),
        WITH(a_stage_by_percent_takes_about_that_many),
        WITH(a_grant_of_an_old_generation_is_looked_at_again),
        WITH(a_clock_that_jumps_grants_and_ends_nothing),
        WITH(the_audit_log_shows_a_change_and_a_gap),
        WITH(a_month_of_polls_gives_exactly_what_it_should),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
