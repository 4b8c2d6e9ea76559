/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan allows whom, and what nodes do about it once a second, on a
 * virtual clock and on every database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>

#include "unit/rehearsal.h"

#include "base/err.h"
#include "server/fleet/plan_watch.h"

static const int64_t DAY = 86400;

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

static void begin(struct rehearsal *r, unsigned modules, const char *spec)
{
    rehearsal_modules(r, 0, modules, "m");
    rehearsal_plan(r, rehearsal_firmware(r, "m"), spec);
}

static void try_and_fail(struct rehearsal *r, unsigned number, int http_err)
{
    struct rehearsal_poll p;

    assert_int_equal(rehearsal_ask(r, number, "m", 80, &p), 0);
    assert_int_equal(rehearsal_tell(&p, http_err, -1, "1.0"), 0);
}

static int ask(struct rehearsal *r, unsigned number)
{
    struct rehearsal_poll p;

    return rehearsal_ask(r, number, "m", 80, &p);
}

static void a_pace_lets_so_many_in_of_a_period(void **state)
{
    struct rehearsal *r = *state;

    begin(r, 10, "{\"pace\": {\"grants\": 3, \"per\": \"1h\"}}");
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(ask(r, i), i < 3 ? 0 : S4_SLOTS);
    rehearsal_pass(r, 3599);
    assert_int_equal(ask(r, 3), S4_SLOTS);
    rehearsal_pass(r, 1); /* 13:00 */
    for (unsigned i = 3; i < 8; i++)
        assert_int_equal(ask(r, i), i < 6 ? 0 : S4_SLOTS);
    assert_int_equal(rehearsal_number(r, "SELECT open FROM plan"), 6);
}

static void a_pace_of_bytes_counts_packages(void **state)
{
    struct rehearsal *r = *state;

    begin(r, 10, "{\"pace\": {\"bytes\": \"250\", \"per\": \"1h\"}}");
    for (unsigned i = 0; i < 4; i++) /* of 100 bytes each */
        assert_int_equal(ask(r, i), i < 2 ? 0 : S4_SLOTS);
    rehearsal_pass(r, 3600);
    assert_int_equal(ask(r, 2), 0);
}

static void the_number_of_a_failure_says_when_there_is_another_try(void **state)
{
    struct rehearsal *r = *state;
    struct rehearsal_poll p;

    begin(r, 4,
          "{\"attempts\": 9, \"retry\": {\"704\": \"7d\", \"702\": \"never\", "
          "\"lost\": \"3d\"}}");
    try_and_fail(r, 0, 704);
    try_and_fail(r, 1, 702);
    try_and_fail(r, 2, 706);
    assert_int_equal(ask(r, 2), 0);
    assert_int_equal(rehearsal_ask(r, 3, "m", 80, &p), 0);
    rehearsal_pass(r, DAY);
    round_of(r); /* 2 and 3 are lost */
    assert_int_equal(ask(r, 3), S4_NO_PLAN);
    rehearsal_pass(r, 3 * DAY);
    assert_int_equal(ask(r, 3), 0);
    rehearsal_pass(r, 3 * DAY - 1);
    assert_int_equal(ask(r, 0), S4_NO_PLAN);
    rehearsal_pass(r, 1);
    assert_int_equal(ask(r, 0), 0);
    rehearsal_pass(r, 300 * DAY);
    assert_int_equal(ask(r, 1), S4_NO_PLAN);
}

static int64_t retry(struct rehearsal *r, int number, bool lost)
{
    int64_t modules = -1;

    assert_int_equal(attempts_retry(r->sql, 1, number, lost, r->wall, &modules),
                     0);
    return modules;
}

static void a_retry_is_one_more_attempt_for_whom_it_names(void **state)
{
    struct rehearsal *r = *state;
    struct rehearsal_poll p;

    begin(r, 6, "{\"attempts\": 1, \"no_retry\": [511]}");
    try_and_fail(r, 0, 704);
    try_and_fail(r, 1, 511);
    assert_int_equal(rehearsal_ask(r, 2, "m", 80, &p), 0); /* lost */
    rehearsal_pass(r, DAY);
    round_of(r);
    assert_int_equal(rehearsal_ask(r, 3, "m", 80, &p), 0);
    assert_int_equal(rehearsal_tell(&p, 0, 0, "1.1"), 0); /* done */
    assert_int_equal(ask(r, 4), 0);                       /* open */
    rehearsal_pass(r, 60);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ask(r, i), S4_NO_PLAN);
    assert_int_equal(retry(r, 999, false), 0);
    assert_int_equal(retry(r, 704, false), 1);
    assert_int_equal(retry(r, 704, false), 1); /* twice is as good as once */
    assert_int_equal(ask(r, 1), S4_NO_PLAN);
    try_and_fail(r, 0, 704);
    assert_int_equal(ask(r, 0), S4_NO_PLAN);
    assert_int_equal(retry(r, 0, true), 1);
    assert_int_equal(ask(r, 2), 0);
    assert_int_equal(retry(r, 0, false), 2); /* 0 and 1: 2 is open again */
    try_and_fail(r, 1, 511);
    assert_int_equal(ask(r, 1), S4_NO_PLAN);
    assert_int_equal(ask(r, 0), 0);
}

static void what_people_stopped_was_no_try_of_the_module(void **state)
{
    struct rehearsal *r = *state;

    begin(r, 1, "{\"attempts\": 1}");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(r, 0), 0);
        assert_int_equal(
            plan_move(&r->node, r->sql, 1, 1, "running", "paused", "x", ""), 0);
        fleet_refresh(r->node.fleet);
        assert_int_equal(ask(r, 0), S4_PLAN_ENDED);
        assert_int_equal(
            plan_move(&r->node, r->sql, 1, 1, "paused", "running", "x", ""), 0);
        fleet_refresh(r->node.fleet);
    }
    try_and_fail(r, 0, 704);
    assert_int_equal(ask(r, 0), S4_NO_PLAN);
}

static void a_module_may_have_attempts_of_its_own(void **state)
{
    struct rehearsal *r = *state;

    begin(r, 2, "{\"attempts\": 1}");
    assert_int_equal(sql_run(r->sql,
                             "UPDATE module SET attempts = 3 WHERE id = 1",
                             SQL_NONE, NULL),
                     0);
    for (unsigned i = 0; i < 3; i++)
        try_and_fail(r, 0, 704);
    assert_int_equal(ask(r, 0), S4_NO_PLAN);
    try_and_fail(r, 1, 704);
    assert_int_equal(ask(r, 1), S4_NO_PLAN);
}

/* Of a module that has no attempt left the first number is that, whatever
 * else keeps it out. */
static void attempts_used_up_come_before_the_window(void **state)
{
    struct rehearsal *r = *state;

    begin(r, 2,
          "{\"attempts\": 1, \"battery\": 50, \"window\": {\"from\": "
          "\"12:00\", \"to\": \"13:00\"}}");
    try_and_fail(r, 0, 704);
    rehearsal_pass(r, 7200);
    assert_int_equal(ask(r, 0), S4_NO_PLAN);
    assert_int_equal(ask(r, 1), S4_WINDOW);
}

static void a_fleet_that_falls_silent_is_lost_in_one_round(void **state)
{
    struct rehearsal *r = *state;

    begin(r, 200, "{}");
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(ask(r, i), 0);
    rehearsal_pass(r, DAY);
    round_of(r);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM attempt WHERE "
                                         "state = 'lost'"),
                     200);
    assert_int_equal(rehearsal_number(r, "SELECT open FROM plan"), 0);
}

static void an_excluded_module_gets_nothing(void **state)
{
    struct rehearsal *r = *state;

    begin(r, 3, "{}");
    assert_int_equal(
        sql_run(r->sql,
                "INSERT INTO plan_module (plan, module, kept_out, allowed, "
                "forgiven) VALUES (1, 2, 1, 0, -1)",
                SQL_NONE, NULL),
        0);
    assert_int_equal(fleet_load(r->node.fleet), 0);
    assert_int_equal(ask(r, 0), 0);
    assert_int_equal(ask(r, 1), S4_NO_PLAN);
    assert_int_equal(ask(r, 2), 0);
}

static void an_aborted_plan_leaves_a_draft_of_the_way_back(void **state)
{
    struct rehearsal *r = *state;
    struct sql_rows rows;

    rehearsal_modules(r, 0, 3, "m");
    assert_int_equal(
        sql_run(r->sql, "UPDATE module SET grp = 'g'", SQL_NONE, NULL), 0);
    rehearsal_plan(r, rehearsal_firmware(r, "m"),
                   "{\"select\": {\"groups\": [\"g\"]}, \"battery\": 30, "
                   "\"stages\": [{\"percent\": 100}], \"rollback\": 1, "
                   "\"abort\": [{\"percent\": 50, \"minimum\": 2}]}");
    try_and_fail(r, 0, 704);
    round_of(r);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM plan"), 1);
    try_and_fail(r, 1, 704);
    round_of(r);
    round_of(r);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM plan"), 2);
    assert_int_equal(sql_query(r->sql, &rows,
                               "SELECT state, firmware, spec FROM plan WHERE "
                               "id = 2",
                               SQL_NONE),
                     0);
    assert_int_equal(sql_next(&rows), DFOTA_MORE);
    assert_string_equal(sql_text(&rows, 0), "draft");
    assert_int_equal(sql_int(&rows, 1), 1);
    assert_string_equal(
        sql_text(&rows, 2),
        "{\"select\":{\"groups\":[\"g\"],\"versions\":[\"1.1\"]}"
        ",\"battery\":30}");
    sql_done(&rows);
}

/* ---- two nodes ---- */

static void join(struct rehearsal *second, const struct rehearsal *first)
{
    *second = (struct rehearsal){.scratch = first->scratch,
                                 .wall = first->wall,
                                 .steady = first->steady};
    second->clock =
        (struct server_clock){rehearsal_wall, rehearsal_steady, second};
    second->node = (struct node){.name = "second", .clock = &second->clock};
    second->upkeep = (struct upkeep){.node = &second->node};
    assert_int_equal(
        store_open(&(struct store_config){.url = second->scratch.url,
                                          .committed = rehearsal_committed,
                                          .ctx = &second->node},
                   &second->node.store),
        0);
    second->node.fleet = fleet_create(second->node.store);
    assert_int_equal(fleet_load(second->node.fleet), 0);
}

static void *keep_up(void *ctx)
{
    struct rehearsal *r = ctx;

    for (int i = 0; i < 5; i++)
        round_of(r);
    return NULL;
}

/* Silence ends each attempt once and frees its slot once; the rule that it
 * trips aborts once, with one entry and one draft. */
static void two_nodes_at_once_end_and_abort_once(void **state)
{
    struct rehearsal *r = *state, second;
    pthread_t threads[2];

    begin(r, 20,
          "{\"download\": \"1h\", \"rollback\": 1, \"abort\": [{\"kind\": "
          "\"lost\", \"percent\": 50, \"minimum\": 20}]}");
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(ask(r, i), 0);
    rehearsal_pass(r, 3600);
    join(&second, r);
    pthread_create(&threads[0], NULL, keep_up, r);
    pthread_create(&threads[1], NULL, keep_up, &second);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM attempt WHERE "
                                         "state = 'lost'"),
                     20);
    assert_int_equal(rehearsal_number(r, "SELECT sum(open) FROM plan"), 0);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM plan WHERE "
                                         "state = 'aborted'"),
                     1);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM audit WHERE "
                                         "action = 'plan.aborted'"),
                     1);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM plan WHERE "
                                         "state = 'draft'"),
                     1);
    store_close(second.node.store);
    fleet_destroy(second.node.fleet);
}

/* More plans than one round looks at. */
static void every_running_plan_is_looked_at(void **state)
{
    struct rehearsal *r = *state;
    int64_t firmware = rehearsal_firmware(r, "m");

    for (int i = 0; i < 70; i++)
        rehearsal_plan(r, firmware, "{\"end\": \"2028-02-21T00:00:00Z\"}");
    rehearsal_pass(r, DAY);
    round_of(r);
    round_of(r);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM plan WHERE "
                                         "state = 'running'"),
                     0);
}

/* The same node, started again with another clock. */
static void start_again(struct rehearsal *r, struct rehearsal *again,
                        int64_t offset)
{
    join(again, r);
    snprintf(again->node.name, sizeof again->node.name, "test");
    again->wall += offset;
    round_of(again);
}

static void end(struct rehearsal *r)
{
    store_close(r->node.store);
    fleet_destroy(r->node.fleet);
}

static void a_node_that_starts_with_an_old_clock_grants_nothing(void **state)
{
    struct rehearsal *r = *state, again;

    round_of(r);
    assert_int_equal(
        node_audit(&r->node, r->sql, 1, "ada", "plan.edit", "plan:1", "x"), 0);
    start_again(r, &again, -30 * DAY);
    assert_true(node_clock_is_off(&again.node));
    again.wall += 45 * DAY; /* set right, a fortnight later */
    round_of(&again);
    assert_false(node_clock_is_off(&again.node));
    again.wall += 30 * DAY; /* before upkeep has noticed */
    assert_true(node_clock_is_off(&again.node));
    end(&again);
}

/* The entry that tells of the jump has the time of the jump. */
static void a_jump_that_is_over_keeps_no_node_from_its_start(void **state)
{
    struct rehearsal *r = *state, again;

    round_of(r);
    r->wall += 30 * DAY;
    round_of(r);
    assert_true(node_clock_is_off(&r->node));
    start_again(r, &again, -30 * DAY);
    assert_false(node_clock_is_off(&again.node));
    end(&again);
    r->wall -= 30 * DAY;
    round_of(r);
    start_again(r, &again, 0);
    assert_false(node_clock_is_off(&again.node));
    end(&again);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(a_pace_lets_so_many_in_of_a_period),
        WITH(a_pace_of_bytes_counts_packages),
        WITH(the_number_of_a_failure_says_when_there_is_another_try),
        WITH(a_retry_is_one_more_attempt_for_whom_it_names),
        WITH(what_people_stopped_was_no_try_of_the_module),
        WITH(a_module_may_have_attempts_of_its_own),
        WITH(attempts_used_up_come_before_the_window),
        WITH(a_fleet_that_falls_silent_is_lost_in_one_round),
        WITH(an_excluded_module_gets_nothing),
        WITH(an_aborted_plan_leaves_a_draft_of_the_way_back),
        WITH(two_nodes_at_once_end_and_abort_once),
        WITH(every_running_plan_is_looked_at),
        WITH(a_node_that_starts_with_an_old_clock_grants_nothing),
        WITH(a_jump_that_is_over_keeps_no_node_from_its_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
