/* SPDX-License-Identifier: Apache-2.0 */
/* The interoperability tests of OMA for firmware updates, 751 to 780, each
 * under its number, client against server. */
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
static char answer[2048];

static void begin(uint32_t package_len)
{
    world_init(&w, 11, package_len);
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
    world_run(&w, 2000);
}

static int end(void **state)
{
    (void)state;
    world_release(&w);
    return 0;
}

static void assert_reads(const char *path, const char *text)
{
    assert_int_equal(world_do(&w, COAP_GET, path, NULL, answer, sizeof answer),
                     COAP_CONTENT);
    assert_string_equal(answer, text);
}

static uint8_t push_small(const void *data, size_t len)
{
    struct registration_question q = registration_question(COAP_PUT, "/5/0/0");

    q.format = LWM2M_FORMAT_OPAQUE;
    q.payload = data;
    q.payload_len = len;
    return world_ask(&w, &q, NULL, 0);
}

static void over(enum lwm2m_job_state state)
{
    assert_true(world_until(&w, SECONDS(86400), world_job_over));
    if (w.job.state != state)
        print_error("%s: failure %d code %x result %u\n", w.history,
                    w.job.failure, w.job.code, w.job.result);
    assert_int_equal(w.job.state, state);
}

static void int_751_querying_the_readable_resources(void **state)
{
    (void)state;
    begin(1000);
    assert_reads("/5/0/1", "");
    assert_reads("/5/0/3", "0");
    assert_reads("/5/0/5", "0");
    assert_reads("/5/0/6", "BG95");
    assert_reads("/5/0/7", "1.0");
    assert_reads("/5/0/8/0", "0");
    assert_reads("/5/0/9", "2");
}

static void version_1_1_has_four_resources_more(void **state)
{
    (void)state;
    world_init(&w, 11, 1000);
    w.config.firmware_v11 = true;
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
    world_run(&w, 2000);
    assert_reads("/5/0/11", "0");
    assert_int_equal(world_do(&w, COAP_PUT, "/5/0/11", "2", NULL, 0),
                     COAP_CHANGED);
    assert_int_equal(world_do(&w, COAP_PUT, "/5/0/11", "3", NULL, 0),
                     COAP_BAD_REQUEST);
    assert_reads("/5/0/11", "2");
    assert_int_equal(world_do(&w, COAP_PUT, "/5/0/13", "3600", NULL, 0),
                     COAP_CHANGED);
    assert_reads("/5/0/13", "3600");
    assert_int_equal(push_small(w.package, 1000), COAP_CHANGED);
    assert_reads("/5/0/12", "1367491215");
    assert_int_equal(world_do(&w, COAP_POST, "/5/0/10", NULL, NULL, 0),
                     COAP_CHANGED);
    assert_reads("/5/0/5", "10");
    /* Kept over a reboot. */
    world_reboot(&w, FIRMWARE_FOUND_NOTHING);
    assert_true(world_until(&w, 60000, world_is_registered));
    assert_reads("/5/0/13", "3600");
    world_release(&w);
    begin(1000);
    assert_int_equal(world_do(&w, COAP_GET, "/5/0/11", NULL, NULL, 0),
                     COAP_NOT_FOUND);
    assert_int_equal(world_do(&w, COAP_POST, "/5/0/10", NULL, NULL, 0),
                     COAP_NOT_FOUND);
}

static uint8_t block_code;

static void on_block(void *ctx, const struct coap_reply *r)
{
    (void)ctx;
    block_code = r->outcome == COAP_ANSWERED ? r->m->code : 0;
}

static void int_755_setting_the_package(void **state)
{
    (void)state;
    begin(1000);
    assert_int_equal(push_small(w.package, 1000), COAP_CHANGED);
    assert_reads("/5/0/3", "2");
    assert_reads("/5/0/5", "0");
    /* Another one waits for a reset, which is an empty package. */
    assert_int_equal(push_small(w.package, 1000), COAP_BAD_REQUEST);
    assert_reads("/5/0/3", "2");
    assert_int_equal(push_small("", 0), COAP_CHANGED);
    assert_reads("/5/0/3", "0");
    assert_false(w.stored);
    assert_int_equal(push_small(w.package, 1000), COAP_CHANGED);
    /* So is one NUL. */
    assert_int_equal(push_small("", 1), COAP_CHANGED);
    assert_reads("/5/0/3", "0");
    assert_false(w.stored);
}

/* Base64 is not streamed: it is refused at once, not after 32 KB of it. */
static void int_755_a_package_in_base64_is_refused(void **state)
{
    static const unsigned formats[] = {LWM2M_FORMAT_TEXT, LWM2M_FORMAT_JSON,
                                       LWM2M_FORMAT_SENML_JSON};
    struct registration_question q = registration_question(COAP_PUT, "/5/0/0");
    uint8_t memory[32];
    char text[512];

    (void)state;
    begin(1000);
    memset(text, 'A', sizeof text);
    for (size_t i = 0; i < 3; i++) {
        struct coap_options o;
        struct coap_block first = {0, true, 5};
        struct coap_request r = {.code = COAP_PUT,
                                 .payload = (const uint8_t *)text,
                                 .payload_len = sizeof text,
                                 .reply = on_block,
                                 .ctx = NULL};

        coap_options_init(&o, memory, sizeof memory);
        coap_options_add_path(&o, "/5/0/0");
        coap_options_add_uint(&o, COAP_CONTENT_FORMAT, formats[i]);
        coap_block_add(&o, COAP_BLOCK1, &first);
        r.options = o.data;
        r.options_len = o.len;
        block_code = 0;
        assert_int_equal(
            coap_peer_request(&w.ways[w.way].server, w.now, &r, NULL), 0);
        world_run(&w, 2000);
        assert_int_equal(block_code, COAP_UNSUPPORTED_FORMAT);
        /* Whole, it says the same. */
        q.format = formats[i];
        q.payload = "[{\"n\":\"/5/0/0\",\"vd\":\"QUJD\"}]";
        q.payload_len = strlen(q.payload);
        if (formats[i] == LWM2M_FORMAT_SENML_JSON)
            assert_int_equal(world_ask(&w, &q, NULL, 0),
                             COAP_UNSUPPORTED_FORMAT);
        assert_reads("/5/0/3", "0");
        assert_reads("/5/0/5", "0");
    }
}

static void int_756_setting_the_uri(void **state)
{
    (void)state;
    begin(1000);
    assert_int_equal(
        world_do(&w, COAP_PUT, "/5/0/1", "coap://s:1/package", NULL, 0),
        COAP_CHANGED);
    assert_reads("/5/0/1", "coap://s:1/package");
    world_run(&w, 10000);
    assert_reads("/5/0/3", "2");
    /* Refused while there is a package; '' resets. */
    assert_int_equal(
        world_do(&w, COAP_PUT, "/5/0/1", "coap://s:1/other", NULL, 0),
        COAP_BAD_REQUEST);
    assert_int_equal(world_do(&w, COAP_PUT, "/5/0/1", "", NULL, 0),
                     COAP_CHANGED);
    assert_reads("/5/0/3", "0");
    assert_reads("/5/0/1", "");
    assert_false(w.stored);
}

static void int_760_observing_state_and_result(void **state)
{
    (void)state;
    begin(20000);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    w.history[0] = '\0';
    over(JOB_DONE);
    assert_string_equal(w.history, "0/0 1/0 2/0 3/0 0/0 0/1 ");
}

static void int_770_update_by_push(void **state)
{
    (void)state;
    begin(100000);
    w.job_config.to_version = "2.0";
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    over(JOB_DONE);
    assert_reads("/3/0/3", "2.0");
    assert_reads("/5/0/5", "1");
    assert_reads("/5/0/3", "0");
    assert_int_equal(w.updates, 1);
}

static void int_771_update_by_pull(void **state)
{
    (void)state;
    begin(100000);
    w.job_config.to_version = "2.0";
    w.job_config.uri[0] = "coap://s:5683/package";
    assert_int_equal(world_job(&w, JOB_AUTO), 0);
    over(JOB_DONE);
    assert_string_equal(w.fetched_uri, "coap://s:5683/package");
    assert_reads("/3/0/3", "2.0");
    assert_reads("/5/0/5", "1");
}

static void int_772_execute_without_a_package(void **state)
{
    (void)state;
    begin(1000);
    assert_int_equal(world_do(&w, COAP_POST, "/5/0/2", NULL, NULL, 0),
                     COAP_NOT_ALLOWED);
    assert_reads("/5/0/3", "0");
    world_run(&w, 60000);
    assert_int_equal(w.reboots, 0);
}

static void job_fails_by(int store, int verify, unsigned result)
{
    begin(20000);
    w.store_err = store;
    w.verify_err = verify;
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    over(JOB_FAILED);
    assert_int_equal(w.kept.firmware.state, FIRMWARE_IDLE);
    assert_int_equal(w.kept.firmware.result, result);
    assert_string_equal(w.version, "1.0");
    assert_int_equal(w.reboots, 0);
}

static void int_773_no_room_in_flash(void **state)
{
    (void)state;
    job_fails_by(DFOTA_E_FULL, 0, FIRMWARE_NO_FLASH);
    world_release(&w);
    /* One that is too large is refused before its first byte. */
    begin(20000);
    w.client.c.package_max = 10000;
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    over(JOB_FAILED);
    assert_int_equal(w.job.code, COAP_TOO_LARGE);
    assert_int_equal(w.kept.firmware.result, FIRMWARE_NO_FLASH);
    assert_int_equal(w.begun, 0);
}

static void int_774_out_of_memory(void **state)
{
    (void)state;
    job_fails_by(DFOTA_E_NOMEM, 0, FIRMWARE_NO_RAM);
}

static bool is_downloading(const struct world *world)
{
    return world->flash_len > 5000;
}

static void int_775_connection_lost_during_the_download(void **state)
{
    (void)state;
    begin(20000);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    assert_true(world_until(&w, 60000, is_downloading));
    assert_int_equal(w.kept.firmware.state, FIRMWARE_DOWNLOADING);
    lwm2m_job_stop(&w.job, w.now);
    w.down = true;
    world_run(&w, SECONDS(310));
    assert_int_equal(w.kept.firmware.state, FIRMWARE_IDLE);
    assert_int_equal(w.kept.firmware.result, FIRMWARE_LOST);
    assert_int_equal(w.flash_len, 0);
    /* The network is back: another try succeeds. */
    w.down = false;
    assert_true(world_until(&w, SECONDS(14400), world_is_registered));
    world_run(&w, SECONDS(300));
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    over(JOB_DONE);
}

static void int_776_integrity_check_failed(void **state)
{
    (void)state;
    job_fails_by(0, DFOTA_E_SIGNATURE, FIRMWARE_INTEGRITY);
    assert_int_equal(w.job.failure, JOB_RESULT);
    assert_int_equal(w.job.result, FIRMWARE_INTEGRITY);
}

static void int_777_unsupported_package(void **state)
{
    (void)state;
    job_fails_by(0, DFOTA_E_CLASS, FIRMWARE_BAD_PACKAGE);
    assert_int_equal(w.job.result, FIRMWARE_BAD_PACKAGE);
}

static void int_778_invalid_uri(void **state)
{
    (void)state;
    begin(1000);
    assert_int_equal(world_do(&w, COAP_PUT, "/5/0/1", "no uri", NULL, 0),
                     COAP_CHANGED);
    assert_reads("/5/0/5", "7");
    assert_reads("/5/0/3", "0");
    /* One that nothing is behind shows when it is fetched. */
    assert_int_equal(
        world_do(&w, COAP_PUT, "/5/0/1", "coap://s:1/nothing", NULL, 0),
        COAP_CHANGED);
    world_run(&w, 10000);
    assert_reads("/5/0/5", "7");
    assert_reads("/5/0/3", "0");
}

static void int_779_unsuccessful_update(void **state)
{
    (void)state;
    begin(1000);
    w.update_fails = true;
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    over(JOB_FAILED);
    assert_int_equal(w.job.failure, JOB_RESULT);
    assert_int_equal(w.job.result, FIRMWARE_FAILED);
    assert_reads("/5/0/5", "8");
    assert_reads("/5/0/3", "2"); /* object version 1.0 keeps the package */
    assert_reads("/3/0/3", "1.0");
    world_release(&w);
    world_init(&w, 11, 1000);
    w.config.firmware_v11 = true;
    w.update_fails = true;
    world_start(&w);
    assert_true(world_until(&w, 60000, world_is_registered));
    world_run(&w, 2000);
    assert_int_equal(world_job(&w, JOB_PUSH), 0);
    over(JOB_FAILED);
    assert_reads("/5/0/5", "8");
    assert_reads("/5/0/3", "0");
}

static void int_780_unsupported_protocol(void **state)
{
    (void)state;
    begin(1000);
    assert_int_equal(world_do(&w, COAP_PUT, "/5/0/1", "ftp://s/p", NULL, 0),
                     COAP_CHANGED);
    assert_reads("/5/0/5", "9");
    assert_reads("/5/0/3", "0");
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(int_751_querying_the_readable_resources),
        TEST(version_1_1_has_four_resources_more),
        TEST(int_755_setting_the_package),
        TEST(int_755_a_package_in_base64_is_refused),
        TEST(int_756_setting_the_uri),
        TEST(int_760_observing_state_and_result),
        TEST(int_770_update_by_push),
        TEST(int_771_update_by_pull),
        TEST(int_772_execute_without_a_package),
        TEST(int_773_no_room_in_flash),
        TEST(int_774_out_of_memory),
        TEST(int_775_connection_lost_during_the_download),
        TEST(int_776_integrity_check_failed),
        TEST(int_777_unsupported_package),
        TEST(int_778_invalid_uri),
        TEST(int_779_unsuccessful_update),
        TEST(int_780_unsupported_protocol),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
