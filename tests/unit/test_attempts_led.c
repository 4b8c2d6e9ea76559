/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts that a node leads over LwM2M, on every database: see scratch.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "unit/rehearsal.h"

#include "server/fleet/attempts_led.h"
#include "server/fleet/registrations.h"

static const char ENDPOINT[] = "urn:imei:350000000000000";

static int set_up(void **state)
{
    struct rehearsal *r = calloc(1, sizeof *r);

    rehearsal_open(r, "2028-02-20T12:00:00Z");
    rehearsal_modules(r, 0, 1, "m");
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    rehearsal_close(*state);
    free(*state);
    return 0;
}

/* Whatever a node asks of the writer. */
struct asked {
    struct job job;
    const struct node *node;
    enum { WRITE, DROP, TAKE, BEGIN, ALLOW, END } what;
    struct module_view module;
    struct poll poll;
    char attempt[SECRETS_ID_ROOM];
    struct led_attempt led;
    struct led_end end;
    enum led_verdict verdict;
    int code;
};

static int run_asked(struct sql *sql, struct job *job)
{
    struct asked *a = (struct asked *)job;
    struct registration_row row = {.location = "01",
                                   .lifetime = 300,
                                   .gone = a->what == DROP,
                                   .expires = clock_wall(a->node->clock) + 300};

    snprintf(row.endpoint, sizeof row.endpoint, "%s", ENDPOINT);
    registration_imei(ENDPOINT, &row.imei);
    switch (a->what) {
    case WRITE:
    case DROP:
        return registrations_write(a->node, sql, &row, 1);
    case TAKE:
        return attempts_take(a->node, sql, &a->module, &a->poll, ENDPOINT,
                             a->attempt, &a->led, &a->code);
    case BEGIN:
        return attempts_begin(a->node, sql, a->attempt);
    case ALLOW:
        return attempts_allow(a->node, sql, a->attempt, &a->verdict);
    default:
        return attempts_end(a->node, sql, a->attempt, &a->end);
    }
}

static void ask(struct rehearsal *r, struct asked *a, int what)
{
    a->job = (struct job){.run = run_asked};
    a->what = what;
    if (!a->node)
        a->node = &r->node;
    assert_int_equal(store_do(r->node.store, &a->job), 0);
}

static int take(struct rehearsal *r, struct asked *a, unsigned access)
{
    ask(r, a, WRITE);
    a->poll = (struct poll){.imei = rehearsal_imei(0),
                            .model = "m",
                            .version = "1.0",
                            .battery = POLL_UNSAID,
                            .rssi = POLL_UNSAID,
                            .access = access};
    secrets_id(a->attempt);
    assert_int_equal(fleet_find(r->node.fleet, a->poll.imei, &a->module), 0);
    ask(r, a, TAKE);
    if (a->code == 0)
        memcpy(a->attempt, a->led.grant.attempt, sizeof a->attempt);
    return a->code;
}

static void tell(struct rehearsal *r, struct asked *a, const char *state,
                 const char *cause, const char *version, int result)
{
    a->end = (struct led_end){state, cause, version, result};
    ask(r, a, END);
}

static int64_t closed(struct rehearsal *r, const char *state)
{
    char query[120];

    snprintf(query, sizeof query,
             "SELECT count(*) FROM attempt WHERE state = '%s'", state);
    return rehearsal_number(r, query);
}

static int64_t plan(struct rehearsal *r, const char *spec)
{
    return rehearsal_plan(r, rehearsal_firmware(r, "m"), spec);
}

static void by_resources_8_and_9_it_is_a_pull_or_a_push(void **state)
{
    struct rehearsal *r = *state;
    struct asked a = {.node = NULL};

    plan(r, "{\"transport\": [\"lwm2m\"]}");
    assert_int_equal(take(r, &a, 0), S4_ACCESS);
    assert_int_equal(take(r, &a, PLAN_PUSH | PLAN_PULL), 0);
    assert_false(a.led.push);
    assert_int_equal(a.led.step, LED_TAKEN);
    tell(r, &a, "failed", "x", NULL, 5);
    assert_int_equal(take(r, &a, PLAN_PUSH), 0);
    assert_true(a.led.push);
    assert_int_equal(rehearsal_number(r, "SELECT sum(open) FROM plan"), 1);
}

static void a_plan_of_pushes_gives_no_pull_and_no_poll(void **state)
{
    struct rehearsal *r = *state;
    struct asked a = {.node = NULL};
    struct rehearsal_poll p;

    plan(r, "{\"transport\": [\"lwm2m-push\"]}");
    assert_int_equal(take(r, &a, PLAN_PULL), S4_ACCESS);
    assert_int_equal(rehearsal_ask(r, 0, "m", 80, &p), S4_ACCESS);
    assert_int_equal(take(r, &a, PLAN_PUSH | PLAN_PULL), 0);
    assert_true(a.led.push);
    /* What a node leads the module does not get by a poll. */
    assert_int_equal(rehearsal_ask(r, 0, "m", 80, &p), S4_STATE);
}

static void where_it_is_not_registered_it_gets_nothing(void **state)
{
    struct rehearsal *r = *state;
    struct asked a = {.node = NULL};

    plan(r, "{\"transport\": [\"lwm2m\"]}");
    assert_int_equal(take(r, &a, PLAN_PUSH), 0);
    tell(r, &a, "failed", "x", NULL, 5);
    ask(r, &a, DROP);
    ask(r, &a, TAKE);
    assert_int_equal(a.code, S4_NO_PLAN);
    assert_int_equal(closed(r, "open"), 0);
}

static void it_goes_on_at_the_node_that_heard_it_last(void **state)
{
    struct rehearsal *r = *state;
    struct node other = {.name = "other",
                         .clock = r->node.clock,
                         .store = r->node.store,
                         .fleet = r->node.fleet};
    struct asked a = {.node = NULL}, b = {.node = &other};

    plan(r, "{\"transport\": [\"lwm2m\"]}");
    assert_int_equal(take(r, &a, PLAN_PUSH), 0);
    ask(r, &a, BEGIN);
    assert_int_equal(take(r, &b, PLAN_PUSH), 0);
    assert_string_equal(b.attempt, a.attempt);
    assert_int_equal(b.led.step, LED_BEGUN);
    /* The first one is heard no more. */
    ask(r, &a, ALLOW);
    assert_int_equal(a.verdict, LED_GONE);
    tell(r, &a, "failed", "x", "1.0", 5);
    assert_int_equal(closed(r, "open"), 1);
    ask(r, &b, ALLOW);
    assert_int_equal(b.verdict, LED_MAY);
    tell(r, &b, "done", "confirmed", "1.1", 1);
    tell(r, &b, "done", "confirmed", "1.1", 1);
    assert_int_equal(closed(r, "done"), 1);
    assert_int_equal(rehearsal_number(r, "SELECT sum(open) FROM plan"), 0);
    assert_int_equal(rehearsal_number(r, "SELECT sum(updates) FROM module"), 1);
    assert_int_equal(rehearsal_number(r, "SELECT count(*) FROM module WHERE "
                                         "version = '1.1'"),
                     1);
}

static void no_execute_after_the_plan_was_aborted(void **state)
{
    struct rehearsal *r = *state;
    struct asked a = {.node = NULL};

    plan(r, "{\"transport\": [\"lwm2m\"]}");
    assert_int_equal(take(r, &a, PLAN_PUSH), 0);
    ask(r, &a, BEGIN);
    assert_int_equal(
        sql_run(r->sql, "UPDATE plan SET state = 'aborted'", SQL_NONE, NULL),
        0);
    ask(r, &a, ALLOW);
    assert_int_equal(a.verdict, LED_STOPPED);
    assert_int_equal(closed(r, "stopped"), 1);
}

static void what_may_be_at_it_is_seen_to_its_end(void **state)
{
    struct rehearsal *r = *state;
    struct asked a = {.node = NULL};

    plan(r, "{\"transport\": [\"lwm2m\"]}");
    assert_int_equal(take(r, &a, PLAN_PUSH), 0);
    ask(r, &a, ALLOW);
    assert_int_equal(a.verdict, LED_MAY);
    assert_int_equal(
        sql_run(r->sql, "UPDATE plan SET state = 'paused'", SQL_NONE, NULL), 0);
    assert_int_equal(take(r, &a, PLAN_PUSH), 0);
    assert_int_equal(a.led.step, LED_LOADED);
    tell(r, &a, "done", "confirmed", "1.1", 1);
    assert_int_equal(closed(r, "done"), 1);
}

static void an_end_after_the_silence_counts(void **state)
{
    struct rehearsal *r = *state;
    struct asked a = {.node = NULL};

    plan(r, "{\"transport\": [\"lwm2m\"], \"download\": \"1h\"}");
    assert_int_equal(take(r, &a, PLAN_PUSH), 0);
    rehearsal_pass(r, 3600);
    assert_int_equal(upkeep_round(&r->upkeep), 0);
    assert_int_equal(closed(r, "lost"), 1);
    tell(r, &a, "done", "confirmed", "1.1", 1);
    assert_int_equal(closed(r, "done"), 1);
    assert_int_equal(rehearsal_number(r, "SELECT sum(open) FROM plan"), 0);
}

static void result_6_bars_as_511_does(void **state)
{
    struct rehearsal *r = *state;
    struct asked a = {.node = NULL};

    plan(r, "{\"transport\": [\"lwm2m\"]}");
    assert_int_equal(take(r, &a, PLAN_PUSH), 0);
    tell(r, &a, "failed", "result 5", "1.0", 5);
    assert_int_equal(take(r, &a, PLAN_PUSH), 0);
    tell(r, &a, "failed", "result 6", "1.0", 6);
    assert_int_equal(take(r, &a, PLAN_PUSH), S4_NO_PLAN);
    assert_int_equal(rehearsal_number(r, "SELECT max(update_err) FROM attempt"),
                     6);
}

static void open_ones_are_listed_with_their_place(void **state)
{
    struct rehearsal *r = *state;
    struct asked a = {.node = NULL};
    struct led_row rows[4];
    size_t n;

    plan(r, "{\"transport\": [\"lwm2m\"]}");
    assert_int_equal(take(r, &a, PLAN_PUSH), 0);
    assert_int_equal(attempts_list_led(&r->node, r->sql, rows, 4, &n), 0);
    assert_int_equal(n, 1);
    assert_string_equal(rows[0].id, a.attempt);
    assert_string_equal(rows[0].endpoint, ENDPOINT);
    assert_true(rows[0].here && rows[0].plan_runs);
    assert_int_equal(rows[0].step, LED_TAKEN);
    tell(r, &a, "done", "seen", "1.1", 1);
    assert_int_equal(attempts_list_led(&r->node, r->sql, rows, 4, &n), 0);
    assert_int_equal(n, 0);
}

/* ---- registrations ------------------------------------------------------- */

static void an_endpoint_tells_its_module(void **state)
{
    static const struct {
        const char *endpoint;
        uint64_t imei;
    } rows[] = {
        {"urn:imei:350000000000006", 350000000000006},
        {"urn:imei-imeisv:350000000000006-01", 350000000000006},
        {"urn:imei-imeisv:3500000000000061", 350000000000006},
        {"urn:imei-msisdn:350000000000006-491701234567", 350000000000006},
        {"urn:imei:35000000000000", 0},   /* 14 digits */
        {"urn:imei:3500000000000061", 0}, /* 16 */
        {"urn:imei:35000000000000a", 0},
        {"urn:imei-imeisv:35000000000000612", 0},
        {"urn:imei:", 0},
        {"URN:IMEI:350000000000006", 0},
        {"350000000000006", 0},
        {"meter-17", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t imei = 0;

        assert_int_equal(registration_imei(rows[i].endpoint, &imei),
                         rows[i].imei != 0);
        if (rows[i].imei)
            assert_int_equal(imei, rows[i].imei);
    }
}

struct rows_job {
    struct job job;
    const struct node *node;
    struct registration_row rows[3];
};

static int write_rows(struct sql *sql, struct job *job)
{
    struct rows_job *j = (struct rows_job *)job;

    return registrations_write(j->node, sql, j->rows, 3);
}

static void registrations_are_kept_as_they_were(void **state)
{
    struct rehearsal *r = *state;
    struct rows_job j = {
        .job = {.run = write_rows},
        .node = &r->node,
        .rows = {{.endpoint = "meter-17",
                  .listener = "coap://127.0.0.1:5683",
                  .address = "0102ff",
                  .location = "00000000000000ff",
                  .links = "</3/0>,</5/0>",
                  .version = "1.0",
                  .binding = "UQ",
                  .v11 = true,
                  .lifetime = 300,
                  .heard = r->wall - 10,
                  .expires = r->wall + 290},
                 {.endpoint = "secret", .secure = true, .expires = r->wall + 9},
                 {.endpoint = "old", .expires = r->wall - 1}}};
    struct registration_row found[4];
    size_t n;

    assert_int_equal(sql_run(r->sql, "UPDATE module SET endpoint = 'meter-17'",
                             SQL_NONE, NULL),
                     0);
    assert_int_equal(store_do(r->node.store, &j.job), 0);
    assert_int_equal(j.rows[0].imei, rehearsal_imei(0));
    assert_int_equal(registrations_read(&r->node, r->sql, "", found, 4, &n), 0);
    assert_int_equal(n, 1); /* neither over DTLS nor one that is over */
    assert_string_equal(found[0].links, "</3/0>,</5/0>");
    assert_string_equal(found[0].address, "0102ff");
    assert_string_equal(found[0].location, "00000000000000ff");
    assert_string_equal(found[0].binding, "UQ");
    assert_true(found[0].v11);
    assert_int_equal(found[0].imei, rehearsal_imei(0));
    assert_int_equal(found[0].expires, r->wall + 290);
    assert_int_equal(
        registrations_read(&r->node, r->sql, "meter-17", found, 4, &n), 0);
    assert_int_equal(n, 0);
    /* A location that is not the last one's takes nothing away. */
    j.rows[0].gone = true;
    snprintf(j.rows[0].location, sizeof j.rows[0].location, "01");
    assert_int_equal(store_do(r->node.store, &j.job), 0);
    assert_int_equal(
        rehearsal_number(r, "SELECT count(*) FROM lwm2m_registration"), 3);
    assert_int_equal(registrations_forget(r->sql, r->wall), 0);
    assert_int_equal(
        rehearsal_number(r, "SELECT count(*) FROM lwm2m_registration"), 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(by_resources_8_and_9_it_is_a_pull_or_a_push),
        CASE(a_plan_of_pushes_gives_no_pull_and_no_poll),
        CASE(where_it_is_not_registered_it_gets_nothing),
        CASE(it_goes_on_at_the_node_that_heard_it_last),
        CASE(no_execute_after_the_plan_was_aborted),
        CASE(what_may_be_at_it_is_seen_to_its_end),
        CASE(an_end_after_the_silence_counts),
        CASE(result_6_bars_as_511_does),
        CASE(open_ones_are_listed_with_their_place),
        CASE(registrations_are_kept_as_they_were),
        cmocka_unit_test(an_endpoint_tells_its_module),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
