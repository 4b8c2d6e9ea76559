/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs and registrations that outlive the process that began them: at every
 * stage another one goes on, and the client is told to Execute once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lwm2m_world.h"

static struct world w;
static unsigned executes, ready;

/* A request of the server passes, or comes again: counted once. */
static bool count_executes(struct world *world, bool to_server,
                           const uint8_t *data, size_t len)
{
    static uint16_t last;
    struct coap_msg m;
    char path[COAP_PATH_MAX];

    (void)world;
    if (!to_server && coap_msg_parse(&m, data, len) == 0 &&
        m.code == COAP_POST && coap_msg_path(&m, path, sizeof path) == 0 &&
        strcmp(path, "/5/0/2") == 0 && (executes == 0 || m.mid != last)) {
        last = m.mid;
        executes++;
    }
    return false;
}

static void on_ready(void *ctx, struct lwm2m_job *job)
{
    (void)ctx;
    (void)job;
    ready++;
}

static void begin_with(uint32_t len)
{
    executes = ready = 0;
    world_init(&w, 1, len);
    w.tap = count_executes;
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
    w.job_config.to_version = "2.0";
}

static int end(void **state)
{
    (void)state;
    world_release(&w);
    return 0;
}

static bool is_ready(const struct world *world)
{
    (void)world;
    return ready > 0;
}

static bool has_begun(const struct world *world)
{
    return lwm2m_job_has_begun(&world->job);
}

static bool is_half_sent(const struct world *world)
{
    return world->job.sent > world->package_len / 2;
}

static bool is_updating(const struct world *world)
{
    return world->kept.firmware.state == FIRMWARE_UPDATING;
}

static bool is_fetching(const struct world *world)
{
    return world->fetching && world->flash_len > 1000;
}

/* The process dies; the next one has the database's word for where it was. */
static void die(void)
{
    lwm2m_job_stop(&w.job, w.now);
}

static void go_on(enum lwm2m_job_method method, enum lwm2m_job_start start)
{
    w.job_config.start = start;
    w.job_config.ready = NULL;
    assert_int_equal(world_job(&w, method), 0);
    assert_true(world_until(&w, SECONDS(86400), world_job_over));
}

static void assert_updated_once(void)
{
    assert_int_equal(w.job.state, JOB_DONE);
    assert_string_equal(w.version, "2.0");
    assert_int_equal(w.updates, 1);
    assert_int_equal(executes, 1);
}

static void execute_waits_until_it_is_allowed(void **state)
{
    (void)state;
    begin_with(3000);
    w.job_config.ready = on_ready;
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, SECONDS(600), is_ready));
    world_run(&w, SECONDS(300));
    assert_int_equal(executes, 0);
    assert_int_equal(w.kept.firmware.state, FIRMWARE_DOWNLOADED);
    lwm2m_job_allow(&w.job, w.now);
    assert_true(world_until(&w, SECONDS(86400), world_job_over));
    assert_updated_once();
}

static void a_push_cut_off_begins_at_block_0(void **state)
{
    uint64_t died;

    (void)state;
    begin_with(60000);
    w.job_config.ready = on_ready;
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, SECONDS(600), has_begun));
    assert_true(world_until(&w, SECONDS(600), is_half_sent));
    die();
    died = w.now;
    go_on(JOB_PUSH, JOB_BEGUN);
    assert_updated_once();
    assert_int_equal(w.begun, 2);
    /* Reset at once, not when the client gives the first one up. */
    assert_true(w.now < died + SECONDS(240));
}

static void a_pull_under_way_is_followed(void **state)
{
    (void)state;
    begin_with(60000);
    w.job_config.ready = on_ready;
    w.job_config.uri[0] = "coap://s:1/package";
    assert_int_equal(world_job(&w, JOB_PULL), 0);
    assert_true(world_until(&w, SECONDS(600), is_fetching));
    die();
    go_on(JOB_PULL, JOB_BEGUN);
    assert_updated_once();
    assert_int_equal(w.begun, 1);
}

static void a_package_that_is_there_is_not_sent_again(void **state)
{
    (void)state;
    begin_with(3000);
    w.job_config.ready = on_ready;
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, SECONDS(600), is_ready));
    die();
    go_on(JOB_PUSH, JOB_BEGUN);
    assert_updated_once();
    assert_int_equal(w.begun, 1);
}

static void a_package_of_nobody_is_thrown_away(void **state)
{
    (void)state;
    begin_with(3000);
    w.job_config.ready = on_ready;
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, SECONDS(600), is_ready));
    die();
    go_on(JOB_PUSH, JOB_FRESH);
    assert_updated_once();
    assert_int_equal(w.begun, 2);
}

static void an_update_under_way_is_waited_for(void **state)
{
    (void)state;
    begin_with(3000);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, SECONDS(600), is_updating));
    die();
    go_on(JOB_PUSH, JOB_ALLOWED);
    assert_updated_once();
}

static void an_update_that_ended_meanwhile_is_read(void **state)
{
    (void)state;
    begin_with(3000);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, SECONDS(600), is_updating));
    die();
    world_run(&w, SECONDS(1200));
    assert_string_equal(w.version, "2.0");
    go_on(JOB_PUSH, JOB_ALLOWED);
    assert_updated_once();
    assert_int_equal(w.job.result, FIRMWARE_SUCCESS);
}

static void an_update_that_failed_is_not_executed_again(void **state)
{
    (void)state;
    begin_with(3000);
    w.update_fails = true;
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, SECONDS(600), is_updating));
    die();
    go_on(JOB_PUSH, JOB_ALLOWED);
    assert_int_equal(w.job.state, JOB_FAILED);
    assert_int_equal(w.job.failure, JOB_RESULT);
    assert_int_equal(w.job.result, FIRMWARE_FAILED);
    assert_int_equal(executes, 1);
}

/* Server and way are there again, the registration from a note of it. */
static struct registration *restore(uint64_t id, const char *links)
{
    const struct registration_past past = {.endpoint = "put-back",
                                           .links = links,
                                           .version = "1.0",
                                           .id = id,
                                           .lifetime_s = 300,
                                           .left_ms = 100000,
                                           .heard_before_ms = 200000};
    struct registration *r = NULL;

    if (registrar_restore(&w.registrar, &w.ways[w.way].way, &past, &r) != 0)
        return NULL;
    return r;
}

static void a_registration_is_put_back_under_its_location(void **state)
{
    struct registration *r;

    (void)state;
    begin_with(3000);
    r = restore(0x0123456789abcdefU, "</1/0>,</3/0>,</5/0>");
    assert_non_null(r);
    assert_ptr_equal(registrar_find(&w.registrar, "put-back"), r);
    assert_true(registration_has(r, 5));
    assert_string_equal(r->version, "1.0");
    assert_true(r->restored);
    /* Neither the endpoint nor the location twice. */
    assert_null(restore(0x1111111111111111U, ""));
    world_run(&w, SECONDS(99));
    assert_non_null(registrar_find(&w.registrar, "put-back"));
    world_run(&w, SECONDS(2));
    assert_null(registrar_find(&w.registrar, "put-back"));
}

static void links_that_are_none_are_not_put_back(void **state)
{
    (void)state;
    begin_with(3000);
    assert_null(restore(1, "<<<"));
    assert_null(registrar_find(&w.registrar, "put-back"));
}

#define CASE(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(execute_waits_until_it_is_allowed),
        CASE(a_push_cut_off_begins_at_block_0),
        CASE(a_pull_under_way_is_followed),
        CASE(a_package_that_is_there_is_not_sent_again),
        CASE(a_package_of_nobody_is_thrown_away),
        CASE(an_update_under_way_is_waited_for),
        CASE(an_update_that_ended_meanwhile_is_read),
        CASE(an_update_that_failed_is_not_executed_again),
        CASE(a_registration_is_put_back_under_its_location),
        CASE(links_that_are_none_are_not_put_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
