/* SPDX-License-Identifier: Apache-2.0 */
/* Updates over LwM2M from end to end, client and server of this project on
 * a virtual clock: push and pull, whole and lossy networks, every way an
 * update goes wrong. */
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

static void begin_with(uint64_t seed, uint32_t len)
{
    world_init(&w, seed, len);
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
}

static int end(void **state)
{
    (void)state;
    world_release(&w);
    return 0;
}

static void assert_updated(void)
{
    assert_true(world_until(&w, SECONDS(86400), world_job_over));
    if (w.job.state != JOB_DONE)
        print_error("%s: failure %d code %x result %d\n", w.history,
                    w.job.failure, w.job.code, w.job.result);
    assert_int_equal(w.job.state, JOB_DONE);
    assert_string_equal(w.version, "2.0");
    assert_int_equal(w.updates, 1);
    assert_int_equal(w.kept.firmware.result, FIRMWARE_SUCCESS);
}

static void a_push_updates_the_client(void **state)
{
    (void)state;
    begin_with(1, 20000);
    w.job_config.to_version = "2.0";
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_updated();
    assert_int_equal(w.begun, 1);
    assert_string_equal(w.history, "0/0 1/0 2/0 3/0 0/0 0/1 ");
}

static void a_pull_updates_the_client(void **state)
{
    (void)state;
    begin_with(1, 20000);
    w.job_config.uri[0] = "coap://127.0.0.1:5683/package";
    assert_int_equal(world_job(&w, JOB_PULL), 0);
    assert_updated();
    assert_string_equal(w.fetched_uri, "coap://127.0.0.1:5683/package");
}

/* ---- networks as they are ------------------------------------------------ */

static void a_lossy_network_updates_all_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        world_init(&w, seed, 30000);
        w.loss = seed % 2 ? 2 : 10;
        w.duplicates = seed % 3 ? 5 : 0;
        w.config.v11 = seed % 2;
        world_start(&w);
        assert_true(world_until(&w, SECONDS(3600), world_is_registered));
        w.job_config.uri[0] = "coap://s:1/package";
        assert_int_equal(world_job(&w, seed % 4 < 2 ? JOB_PUSH : JOB_PULL), 0);
        assert_updated();
        world_release(&w);
    }
    world_init(&w, 1, 1);
}

static struct {
    unsigned executes;
    uint8_t copy[COAP_DATAGRAM_MAX];
    size_t copy_len;
} heard;

/* Remember the Execute of /5/0/2 as it passes. */
static bool copy_execute(struct world *world, bool to_server,
                         const uint8_t *data, size_t len)
{
    struct coap_msg m;
    char path[COAP_PATH_MAX];

    (void)world;
    if (to_server || coap_msg_parse(&m, data, len) != 0 ||
        m.code != COAP_POST || coap_msg_path(&m, path, sizeof path) != 0 ||
        strcmp(path, "/5/0/2") != 0)
        return false;
    memcpy(heard.copy, data, len);
    heard.copy_len = len;
    heard.executes++;
    return false;
}

static bool has_executed(const struct world *world)
{
    return world->kept.firmware.state == FIRMWARE_UPDATING;
}

static unsigned long answers;

static bool count_answers(struct world *world, bool to_server,
                          const uint8_t *data, size_t len)
{
    struct coap_msg m;

    (void)world;
    if (to_server && coap_msg_parse(&m, data, len) == 0 &&
        m.code == COAP_CHANGED)
        answers++;
    return false;
}

static void an_execute_sent_three_times_runs_once(void **state)
{
    (void)state;
    memset(&heard, 0, sizeof heard);
    begin_with(1, 3000);
    w.tap = copy_execute;
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, 60000, has_executed));
    w.tap = count_answers;
    answers = 0;
    for (int i = 0; i < 2; i++)
        world_inject(&w, heard.copy, heard.copy_len);
    assert_int_equal(answers, 2);
    assert_updated();
    assert_int_equal(heard.executes, 1);
}

static bool lost_one;

/* The first word of the state Updating is lost. */
static bool lose_updating(struct world *world, bool to_server,
                          const uint8_t *data, size_t len)
{
    struct coap_msg m;

    if (!to_server || lost_one || coap_msg_parse(&m, data, len) != 0 ||
        m.type != COAP_CON || m.code != COAP_CONTENT ||
        world->kept.firmware.state != FIRMWARE_UPDATING)
        return false;
    lost_one = true;
    return true;
}

static void the_state_updating_is_told_before_the_reset(void **state)
{
    (void)state;
    lost_one = false;
    world_init(&w, 1, 3000);
    w.config.update_delay_ms = 1;
    w.tap = lose_updating;
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_updated();
    assert_true(lost_one);
    assert_string_equal(w.history, "0/0 1/0 2/0 3/0 0/0 0/1 ");
}

static bool has_updated(const struct world *world)
{
    return world->updates > 0;
}

/* The server is gone when it should be told. */
static void a_reset_waits_for_the_server_no_longer_than_it_may(void **state)
{
    enum { REBOOT_MS = 20000 };
    uint64_t at, waited;

    (void)state;
    begin_with(1, 3000);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, 60000, has_executed));
    at = w.now;
    w.down = true;
    assert_true(world_until(&w, 60000, has_updated));
    waited = w.config.update_delay_ms + w.config.told_ms;
    assert_in_range(w.now - at - REBOOT_MS, waited, waited + 100);
}

static void a_module_that_reboots_in_a_push_gets_it_again(void **state)
{
    (void)state;
    begin_with(3, 60000);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    world_run(&w, 1500);
    assert_in_range(w.flash_len, 1, 59999);
    world_reboot(&w, FIRMWARE_FOUND_NOTHING);
    assert_updated();
}

static void a_module_that_reboots_in_a_pull_resumes_it(void **state)
{
    unsigned begun;

    (void)state;
    begin_with(3, 60000);
    w.job_config.uri[0] = "coap://s:1/package";
    assert_int_equal(world_job(&w, JOB_PULL), 0);
    world_run(&w, 1500);
    assert_in_range(w.flash_len, 1000, 59999);
    begun = w.begun;
    world_reboot(&w, FIRMWARE_FOUND_NOTHING);
    assert_updated();
    assert_int_equal(w.begun, begun); /* not from its first byte */
}

/* The NAT has another port for it: the old way is dead. */
static void a_client_that_comes_back_on_another_port_goes_on(void **state)
{
    (void)state;
    begin_with(5, 60000);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    world_run(&w, 1500);
    lwm2m_client_lost(&w.client, w.now);
    world_run(&w, 2000);
    assert_int_equal(w.registered, 2);
    assert_updated();
    assert_int_equal(w.job.attempts, 0);
}

/* Nobody tells the client: the server hears of it by the next Update, within
 * the lifetime of two minutes. */
static void a_push_follows_a_client_whose_port_changed(void **state)
{
    (void)state;
    world_init(&w, 6, 60000);
    w.kept.server[0].lifetime_s = 120;
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    world_run(&w, 1500);
    assert_in_range(w.flash_len, 1, 59999);
    world_rebind(&w);
    assert_updated();
}

static void a_pull_slower_than_the_time_out_is_let_run(void **state)
{
    (void)state;
    begin_with(8, 150000);
    w.rtt_ms = 8000;
    w.job_config.uri[0] = "coap://s:1/package";
    assert_int_equal(world_job(&w, JOB_PULL), 0);
    world_run(&w, SECONDS(700)); /* more than ten minutes */
    assert_int_equal(w.job.state, JOB_FOLLOWING);
    assert_updated();
}

static void a_stale_state_is_reset_first(void **state)
{
    (void)state;
    begin_with(1, 5000);
    /* A package of another server, never executed. */
    w.client.firmware.kept.state = FIRMWARE_DOWNLOADED;
    w.stored = true;
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_updated();
}

static void a_client_without_push_is_not_pushed_to(void **state)
{
    (void)state;
    begin_with(1, 5000);
    world_run(&w, 2000);
    world_registration(&w)->firmware.delivery = 0;
    w.client.c.protocols = 1;
    w.job_config.uri[0] = "coap://s:1/package";
    assert_int_equal(world_job(&w, JOB_AUTO), 0);
    assert_updated();
    assert_false(w.job.push);
}

static void without_a_method_the_job_says_so(void **state)
{
    (void)state;
    begin_with(1, 5000);
    w.job_config.uri[3] = NULL;
    assert_int_equal(world_job(&w, JOB_PULL), 0);
    assert_true(world_until(&w, 60000, world_job_over));
    assert_int_equal(w.job.failure, JOB_NO_METHOD);
}

static void the_version_decides_not_the_result(void **state)
{
    (void)state;
    begin_with(1, 5000);
    strcpy(w.next_version, "1.5");
    w.job_config.to_version = "2.0";
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, SECONDS(86400), world_job_over));
    assert_int_equal(w.job.state, JOB_FAILED);
    assert_int_equal(w.job.failure, JOB_OLD_VERSION);
}

static void a_client_already_there_is_left_alone(void **state)
{
    (void)state;
    begin_with(1, 5000);
    w.job_config.to_version = "1.0";
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, 60000, world_job_over));
    assert_int_equal(w.job.state, JOB_DONE);
    assert_int_equal(w.begun, 0);
}

static void one_client_has_one_job(void **state)
{
    struct lwm2m_job second;

    (void)state;
    begin_with(1, 50000);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_int_equal(lwm2m_job_start(&second, &w.registrar, w.now,
                                     world_registration(&w), &w.job_config),
                     DFOTA_E_BUSY);
    assert_updated();
}

static void a_sleeping_client_is_updated_when_it_wakes(void **state)
{
    (void)state;
    world_init(&w, 9, 5000);
    memcpy(w.kept.server[0].binding, "UQ", 3);
    w.kept.server[0].lifetime_s = 7200;
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
    world_run(&w, SECONDS(600));
    assert_true(w.client.asleep);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    world_run(&w, SECONDS(600));
    assert_int_equal(w.begun, 0);
    assert_updated();
}

static void a_client_that_never_comes_back_times_out(void **state)
{
    (void)state;
    begin_with(1, 5000);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, 60000, has_executed));
    w.down = true;
    assert_true(world_until(&w, SECONDS(86400), world_job_over));
    assert_int_equal(w.job.state, JOB_FAILED);
    assert_int_equal(w.job.failure, JOB_TIMED_OUT);
    assert_null(world_registration(&w));
}

/* Reads of the state all through a transfer: how long they took. */
static void read_all_through(enum lwm2m_job_method method, unsigned loss,
                             uint64_t *longest, uint64_t *mean)
{
    char text[16] = "1";
    uint64_t sum = 0;
    unsigned n = 0;

    begin_with(1, 100000);
    w.loss = loss;
    w.job_config.uri[0] = "coap://s:1/package";
    assert_int_equal(world_job(&w, method), 0);
    world_run(&w, 1000);
    for (*longest = 0; w.kept.firmware.state == FIRMWARE_DOWNLOADING; n++) {
        uint64_t asked = w.now;

        assert_int_equal(
            world_do(&w, COAP_GET, "/5/0/3", NULL, text, sizeof text),
            COAP_CONTENT);
        *longest = w.now - asked > *longest ? w.now - asked : *longest;
        sum += w.now - asked;
        world_run(&w, 37);
    }
    assert_true(n > 20);
    *mean = sum / (n ? n : 1);
    assert_updated();
    world_release(&w);
}

static void while_a_package_comes_in_reads_are_answered(void **state)
{
    static const enum lwm2m_job_method methods[] = {JOB_PUSH, JOB_PULL};
    uint64_t longest, mean;

    (void)state;
    for (int i = 0; i < 2; i++) {
        read_all_through(methods[i], 0, &longest, &mean);
        assert_in_range(longest, 1, 1000);
        read_all_through(methods[i], 2, &longest, &mean);
        assert_in_range(mean, 1, 1000);
    }
    world_init(&w, 1, 1);
}

static void an_update_by_at_refuses_one_by_lwm2m(void **state)
{
    (void)state;
    begin_with(1, 5000);
    w.at_busy = true;
    assert_int_equal(
        world_do(&w, COAP_PUT, "/5/0/1", "coap://s:1/package", NULL, 0),
        COAP_BAD_REQUEST);
    assert_int_equal(w.kept.firmware.state, FIRMWARE_IDLE);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, SECONDS(86400), world_job_over));
    assert_int_equal(w.job.state, JOB_FAILED);
    assert_int_equal(w.job.code, COAP_BAD_REQUEST);
    assert_int_equal(w.begun, 0);
}

/* ---- bad pushes ---------------------------------------------------------- */

/* One block of a push, sent by hand. */
static uint8_t block(uint32_t num, bool more, uint8_t szx, size_t len)
{
    static uint16_t mid = 1000;
    struct coap_msg m = {.type = COAP_CON, .code = COAP_PUT, .token_len = 1};
    uint8_t memory[64], bytes[COAP_DATAGRAM_MAX], data[1024] = {1};
    uint32_t value = num << 4 | (uint32_t)more << 3 | szx;
    struct coap_options o;
    struct coap_msg reply;
    size_t n;

    coap_options_init(&o, memory, sizeof memory);
    coap_options_add_path(&o, "/5/0/0");
    coap_options_add_uint(&o, COAP_CONTENT_FORMAT, LWM2M_FORMAT_OPAQUE);
    coap_options_add_uint(&o, COAP_BLOCK1, value);
    m.mid = mid++;
    m.options = o.data;
    m.options_len = o.len;
    m.payload = data;
    m.payload_len = len;
    assert_int_equal(coap_msg_write(&m, bytes, sizeof bytes, &n), 0);
    while (w.wire)
        world_run(&w, w.rtt_ms);
    world_inject(&w, bytes, n);
    for (struct world_datagram *d = w.wire; d; d = d->next)
        if (coap_msg_parse(&reply, d->bytes, d->len) == 0 &&
            reply.mid == m.mid && reply.type == COAP_ACK)
            return reply.code;
    return 0;
}

static void blocks_out_of_order_are_refused_and_harmless(void **state)
{
    (void)state;
    begin_with(1, 5000);
    assert_int_equal(block(1, true, 6, 1024), COAP_INCOMPLETE);
    assert_int_equal(block(0xfffff, true, 6, 1024), COAP_INCOMPLETE);
    assert_int_equal(w.kept.firmware.state, FIRMWARE_IDLE);
    assert_int_equal(block(0, true, 6, 1024), COAP_CONTINUE);
    assert_int_equal(w.kept.firmware.state, FIRMWARE_DOWNLOADING);
    assert_int_equal(block(1, true, 6, 1024), COAP_CONTINUE);
    /* Another package cannot begin in between. */
    assert_int_equal(block(0, true, 6, 1024), COAP_BAD_REQUEST);
    assert_int_equal(block(2, true, 6, 1024), COAP_CONTINUE);
    assert_int_equal(block(5, true, 6, 1024), COAP_INCOMPLETE);
    /* After an answer that ended it, it may. */
    assert_int_equal(block(0, true, 6, 1024), COAP_CONTINUE);
    assert_int_equal(w.begun, 2);
    assert_int_equal(block(1, true, 7, 1024), COAP_BAD_REQUEST);
}

static void a_reset_in_the_middle_of_a_push_ends_it(void **state)
{
    (void)state;
    begin_with(1, 5000);
    assert_int_equal(block(0, true, 6, 1024), COAP_CONTINUE);
    assert_int_equal(block(1, true, 6, 1024), COAP_CONTINUE);
    assert_int_equal(world_do(&w, COAP_PUT, "/5/0/1", "", NULL, 0),
                     COAP_CHANGED);
    /* What still comes of it goes nowhere; a new one is welcome. */
    assert_int_equal(block(2, true, 6, 1024), COAP_INCOMPLETE);
    assert_int_equal(w.flash_len, 0);
    assert_int_equal(w.kept.firmware.state, FIRMWARE_IDLE);
    assert_int_equal(block(0, true, 6, 1024), COAP_CONTINUE);
    assert_int_equal(w.kept.firmware.state, FIRMWARE_DOWNLOADING);
}

static void a_half_open_push_ends_by_itself(void **state)
{
    (void)state;
    begin_with(1, 5000);
    assert_int_equal(block(0, true, 6, 1024), COAP_CONTINUE);
    world_run(&w, SECONDS(299));
    assert_int_equal(w.kept.firmware.state, FIRMWARE_DOWNLOADING);
    world_run(&w, 2000);
    assert_int_equal(w.kept.firmware.state, FIRMWARE_IDLE);
    assert_int_equal(w.kept.firmware.result, FIRMWARE_LOST);
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_push_updates_the_client),
        TEST(a_pull_updates_the_client),
        TEST(a_lossy_network_updates_all_the_same),
        TEST(an_execute_sent_three_times_runs_once),
        TEST(the_state_updating_is_told_before_the_reset),
        TEST(a_reset_waits_for_the_server_no_longer_than_it_may),
        TEST(a_module_that_reboots_in_a_push_gets_it_again),
        TEST(a_module_that_reboots_in_a_pull_resumes_it),
        TEST(a_client_that_comes_back_on_another_port_goes_on),
        TEST(a_push_follows_a_client_whose_port_changed),
        TEST(a_pull_slower_than_the_time_out_is_let_run),
        TEST(a_stale_state_is_reset_first),
        TEST(a_client_without_push_is_not_pushed_to),
        TEST(without_a_method_the_job_says_so),
        TEST(the_version_decides_not_the_result),
        TEST(a_client_already_there_is_left_alone),
        TEST(one_client_has_one_job),
        TEST(a_sleeping_client_is_updated_when_it_wakes),
        TEST(a_client_that_never_comes_back_times_out),
        TEST(while_a_package_comes_in_reads_are_answered),
        TEST(an_update_by_at_refuses_one_by_lwm2m),
        TEST(blocks_out_of_order_are_refused_and_harmless),
        TEST(a_reset_in_the_middle_of_a_push_ends_it),
        TEST(a_half_open_push_ends_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
