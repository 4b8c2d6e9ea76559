/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session before an update runs: probe, identify, network, APN, upload,
 * trigger, and what may be wrong there.
 */
#include "at_host.h"
#include "base/err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the four above first */
#include <cmocka.h>

static const char golden[] = GOLDEN;

static void the_wanted_version_needs_no_update(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    h.config.to_version = "NEW";
    begin(&h);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.triggers, 0);
}

static void
a_module_that_answers_nothing_is_a_failure_without_trigger(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    pass(&h, 180000);
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_PROBE, 0);
    assert_int_equal(h.triggers, 0);
}

static void a_version_without_revision_is_asked_by_cgmr(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    h.config.to_version = "V1";
    begin(&h);
    answer(&h, PROBE, OK);
    answer(&h, "ATI\r", "\r\nBG77\r\n" OK);
    answer(&h, "AT+CGMR\r", "\r\nV1\r\n" OK);
    answer(&h, "AT+CGMR\r", "\r\nVx\r\n" OK);
    answer(&h, PROBE, OK);
    answer(&h, "ATI\r", "\r\nBG77\r\n" OK);
    answer(&h, "AT+CGMR\r", "\r\nV1\r\n" OK);
    answer(&h, "AT+CGMR\r", "\r\nV1\r\n" OK);
    EXPECT_DONE(&h);
}

static void garbage_and_another_vendor_are_failures_in_time(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    for (int i = 0; i < 200; i++) {
        hear(&h, "\xff\x01garbage\r\nREADY?\r\n+QIND: \"FO\"\r\n");
        pass(&h, 1000);
    }
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_PROBE, 0);

    setup(&h);
    begin(&h);
    for (int i = 0; i < 20 && !dfota_session_ended(&h.session); i++)
        confirm(&h, "\r\nSIMCOM\r\nSIM7000\r\nRevision: 1.0\r\n" OK);
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_IDENTIFY, 0);
}

static void busy_follows_the_running_update(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    trigger_with(&h, "\r\n+CME ERROR: 591\r\n");
    pass(&h, 100000);
    hear(&h, golden);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.triggers, 1);
}

static void error_to_the_start_waits_once_and_never_triggers_again(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    trigger_with(&h, "\r\nERROR\r\n");
    pass(&h, 59000);
    assert_false(dfota_session_ended(&h.session));
    pass(&h, 1000);
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_TRIGGER, 0);
    assert_int_equal(h.triggers, 1);

    setup(&h);
    begin(&h);
    trigger_with(&h, "\r\nERROR\r\n");
    hear(&h, golden);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.triggers, 1);
}

static void a_wrong_command_stops(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    trigger_with(&h, "\r\n+CME ERROR: 590\r\n");
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_TRIGGER, 590);
}

static void a_urc_between_command_and_ok_is_heard(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    trigger_with(&h, TRIGGER URC("\"HTTPSTART\"") OK);
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_DOWNLOAD);
    pass(&h, 100000);
    hear(&h, golden);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void a_lost_ok_counts_as_accepted(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    trigger_with(&h, "");
    pass(&h, 16000);
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_START);
    hear(&h, golden);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.triggers, 1);
}

static void a_module_not_registered_fails_before_the_trigger(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    begin(&h);
    confirm(&h, ATI("OLD"));
    for (int i = 0; i < 60 && !dfota_session_ended(&h.session); i++)
        answer(&h, "AT+CSQ;+CEREG?;+CGREG?;+COPS?\r",
               "\r\n+CSQ: 99,99\r\n\r\n+CEREG: 0,2\r\n" OK);
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_NETWORK, 0);
}

static void the_apn_is_set_when_it_is_another(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    h.config.apn = "iot.example";
    begin(&h);
    confirm(&h, ATI("OLD"));
    answer(&h, "+COPS?\r", "\r\n+CEREG: 0,5\r\n" OK);
    answer(&h, "AT+QCFGEXT=\"fota_apn\"\r",
           "\r\n+QCFGEXT: \"fota_apn\",2,\"iot\",\"\",\"\"\r\n" OK);
    answer(&h, "AT+QCFGEXT=\"fota_apn\",2,\"iot.example\"\r", OK);
    answer(&h, "AT+QFOTADL=3,1\r", OK);

    begin(&h);
    confirm(&h, ATI("OLD"));
    answer(&h, "+COPS?\r", "\r\n+CEREG: 0,5\r\n" OK);
    answer(&h, "AT+QCFGEXT=\"fota_apn\"\r",
           "\r\n+QCFGEXT: \"fota_apn\",2,\"iot.example\",\"\",\"\"\r\n" OK);
    answer(&h, "AT+QFOTADL=3,1\r", OK);
}

/* Upload the package; sum: what the module claims to have received. */
static void upload(struct host *h, const char *reply)
{
    h->config.url = NULL;
    h->config.package_len = sizeof(h->package);
    answer(h, "AT+QFOTADL=5\r", OK);
    answer(h, "AT+QFOTADL=\"COM:\",3000,10\r", "");
    pass(h, 300);
    assert_int_equal(h->sent_len, 0);
    hear(h, "\r\nCONNECT\r\n");
    assert_int_equal(h->sent_len, sizeof(h->package));
    assert_memory_equal(h->sent, h->package, sizeof(h->package));
    h->sent_len = 0;
    h->sent[0] = '\0';
    hear(h, reply);
}

static const char *right_reply(const struct host *h)
{
    static char reply[64];
    unsigned sum = 0;

    for (size_t i = 0; i < sizeof(h->package); i += 2)
        sum ^= (unsigned)(h->package[i] << 8 | h->package[i + 1]);
    (void)snprintf(reply, sizeof(reply), "\r\n+QFOTADL: %zu,%x\r\n" OK,
                   sizeof(h->package), sum);
    return reply;
}

static void begin_upload(struct host *h)
{
    setup(h);
    h->config.url = NULL;
    h->config.package_len = sizeof(h->package);
    begin(h);
    confirm(h, ATI("OLD"));
}

static void
a_file_goes_up_after_connect_and_starts_when_it_matches(void **state)
{
    struct host h;

    (void)state;
    begin_upload(&h);
    memcpy(h.package + 60, "+++++", 5);
    upload(&h, right_reply(&h));
    answer(&h, "AT+QFOTADL=1\r", OK);
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_RESET);
    hear(&h, URC("\"RESETTING\"") URC("\"START\"") URC("\"END\",0") BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void a_damaged_upload_is_sent_once_more_and_then_given_up(void **state)
{
    struct host h;

    (void)state;
    begin_upload(&h);
    upload(&h, "\r\n+QFOTADL: 3000,1\r\n" OK);
    assert_int_equal(h.warnings, 1U << DFOTA_WARNING_CHECKSUM);
    upload(&h, "\r\n+QFOTADL: 2999,1\r\n" OK);
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_UPLOAD, 0);
    assert_int_equal(h.triggers, 0);
}

static void a_bad_config_is_refused(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    h.config.url = "http://h/\"\rAT+X";
    assert_int_equal(dfota_session_init(&h.session, &h.config, 0), DFOTA_E_ARG);
    h.config.url = NULL;
    assert_int_equal(dfota_session_init(&h.session, &h.config, 0), DFOTA_E_ARG);
    h.config.url = URL;
    h.config.apn = "a\"b";
    assert_int_equal(dfota_session_init(&h.session, &h.config, 0), DFOTA_E_ARG);
}

static void a_session_fits_into_one_kilobyte(void **state)
{
    (void)state;
    /* Pointers are twice as wide here as on a micro-controller. */
    assert_true(sizeof(struct dfota_session) <= 1024);
}

int main(void)
{
#define T(name) cmocka_unit_test(name)
    const struct CMUnitTest tests[] = {
        T(the_wanted_version_needs_no_update),
        T(a_module_that_answers_nothing_is_a_failure_without_trigger),
        T(a_version_without_revision_is_asked_by_cgmr),
        T(garbage_and_another_vendor_are_failures_in_time),
        T(busy_follows_the_running_update),
        T(error_to_the_start_waits_once_and_never_triggers_again),
        T(a_wrong_command_stops),
        T(a_urc_between_command_and_ok_is_heard),
        T(a_lost_ok_counts_as_accepted),
        T(a_module_not_registered_fails_before_the_trigger),
        T(the_apn_is_set_when_it_is_another),
        T(a_file_goes_up_after_connect_and_starts_when_it_matches),
        T(a_damaged_upload_is_sent_once_more_and_then_given_up),
        T(a_bad_config_is_refused),
        T(a_session_fits_into_one_kilobyte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
