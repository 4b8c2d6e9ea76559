/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session while an update runs, against typed transcripts, on a virtual
 * clock: what it believes, its deadlines, its retries, its death.
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

static void the_documents_example_ends_at_the_new_version(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, golden);
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_REBOOT);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_string_equal(h.session.old_version, "OLD");
    assert_string_equal(h.session.version, "NEW");
    assert_int_equal(h.triggers, 1);
    assert_int_equal(h.warnings, 0);
    assert_int_equal(h.percent, 100);
}

static void the_example_may_be_split_anywhere_and_hit_by_noise(void **state)
{
    static const uint8_t noise[] = {0, 0xff, 0x80, 0x1b};
    struct host h;

    (void)state;
    for (size_t cut = 0; cut < sizeof(golden); cut++) {
        trigger(&h);
        hear_bytes(&h, golden, cut);
        hear_bytes(&h, noise, cut % 5);
        pass(&h, 500);
        hear_bytes(&h, golden + cut, sizeof(golden) - 1 - cut);
        confirm(&h, ATI("NEW"));
        EXPECT_DONE(&h);
        assert_int_equal(h.warnings, 0);
    }
}

/* One printable byte too many anywhere may cost a URC, never the verdict. */
static void a_spoilt_line_does_not_change_the_verdict(void **state)
{
    struct host h;

    (void)state;
    for (size_t cut = 0; cut < sizeof(golden) - sizeof(BANNERS); cut++) {
        trigger(&h);
        hear_bytes(&h, golden, cut);
        hear(&h, "x");
        hear_bytes(&h, golden + cut, sizeof(golden) - 1 - cut);
        confirm(&h, ATI("NEW"));
        EXPECT_DONE(&h);
    }
}

static void no_command_goes_out_in_dfota_mode(void **state)
{
    struct host h;
    int commands;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPSTART\"") URC("\"HTTPEND\",0"));
    commands = h.commands;
    pass(&h, 200000);
    hear(&h, URC("\"RESETTING\""));
    pass(&h, 200000);
    hear(&h, "\r\nRDY\r\n" URC("\"START\""));
    for (int i = 1; i <= 100; i++) {
        char line[64];

        pass(&h, 60000);
        (void)snprintf(line, sizeof(line), URC("\"UPDATING\",%d%%"), i);
        hear(&h, line);
    }
    pass(&h, 60000);
    hear(&h, URC("\"END\",0"));
    pass(&h, 50000);
    assert_int_equal(h.commands, commands);
    hear(&h, BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void rdy_in_the_middle_is_not_the_end(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"UPDATING\",40%"));
    hear(&h, "\r\nRDY\r\n");
    pass(&h, 100000);
    hear(&h, URC("\"START\"") URC("\"UPDATING\",1%"));
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_UPDATE);
    pass(&h, 100000);
    hear(&h, URC("\"END\",0") BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void an_update_that_starts_again_has_not_ended(void **state)
{
    static const char *const signs[] = {URC("\"END\",0"), "\r\nRDY\r\n"};
    struct host h;
    int commands;

    (void)state;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        trigger(&h);
        hear(&h, URC("\"HTTPEND\",0") URC("\"START\""));
        hear(&h, signs[i]);
        hear(&h, URC("\"UPDATING\",3%"));
        commands = h.commands;
        pass(&h, 130000);
        expect(&h, DFOTA_OUTCOME_UNKNOWN, DFOTA_AT_UPDATE, 0);
        assert_int_equal(h.commands, commands);
    }
}

static void an_end_without_start_is_stale(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"END\",504"));
    hear(&h, URC("\"HTTPSTART\"") URC("\"END\",0"));
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_DOWNLOAD);
    hear(&h, URC("\"HTTPEND\",0"));
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_RESET);
}

static void a_missing_end_is_made_good_by_the_banner(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"UPDATING\",100%"));
    hear(&h, BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.warnings, 1U << DFOTA_WARNING_NO_END);
}

static void end_0_with_the_old_version_is_a_failure(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, golden);
    confirm(&h, ATI("OLD"));
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_CONFIRM, 0);
    assert_int_equal(h.triggers, 1);
}

static void end_504_with_the_new_version_is_success_with_a_warning(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"END\",504") BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.warnings, 1U << DFOTA_WARNING_END);
}

static void another_version_than_the_wanted_is_a_failure(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    h.config.to_version = "NEW";
    begin(&h);
    trigger_with(&h, OK);
    hear(&h, golden);
    confirm(&h, ATI("OTHER"));
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_CONFIRM, 0);
}

static void a_refused_package_stops_at_once(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"END\",506") BANNERS);
    confirm(&h, ATI("OLD"));
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_UPDATE, 506);
    assert_int_equal(h.session.verdict.kind, DFOTA_CLASS_PACKAGE);

    trigger(&h);
    fail_download(&h, "706");
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_DOWNLOAD, 706);
    assert_int_equal(h.retries, 0);
}

static void a_number_outside_every_table_is_shown_and_stops(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    fail_download(&h, "999999999999");
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_DOWNLOAD, 999999999);
    assert_int_equal(h.session.verdict.kind, DFOTA_CLASS_UNKNOWN);
}

static void
a_network_number_is_tried_three_times_with_longer_pauses(void **state)
{
    struct host h;
    uint32_t before;

    (void)state;
    trigger(&h);
    fail_download(&h, "702");
    before = h.now;
    trigger_with(&h, OK);
    assert_in_range(h.now - before, 30000, 32000);
    fail_download(&h, "704");
    before = h.now;
    pass(&h, 50000);
    trigger_with(&h, OK);
    assert_in_range(h.now - before, 60000, 62000);
    fail_download(&h, "702");
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_DOWNLOAD, 702);
    assert_int_equal(h.triggers, 3);
}

static void a_module_number_is_tried_once_more_after_a_reboot(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    fail_download(&h, "707");
    answer(&h, "AT+CFUN=1,1\r", OK);
    hear(&h, BANNERS);
    trigger_with(&h, OK);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"END\",504") BANNERS);
    confirm(&h, ATI("OLD"));
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_UPDATE, 504);
}

static void silence_is_unknown_at_the_deadline_of_its_stage(void **state)
{
    static const struct {
        const char *heard;
        uint32_t ms;
        enum dfota_at_stage stage;
    } rows[] = {
        {"", 60000, DFOTA_AT_START},
        {URC("\"HTTPSTART\""), 600000, DFOTA_AT_DOWNLOAD},
        {URC("\"DOWNLOADING\",5%"), 600000, DFOTA_AT_DOWNLOAD},
        {URC("\"COAPSTART\""), 3600000, DFOTA_AT_DOWNLOAD},
        {URC("\"HTTPEND\",0"), 300000, DFOTA_AT_RESET},
        {URC("\"RESETTING\""), 300000, DFOTA_AT_RESET},
        {URC("\"START\""), 120000, DFOTA_AT_UPDATE},
        {URC("\"UPDATING\",999999999999%"), 120000, DFOTA_AT_UPDATE},
    };
    struct host h;
    int commands;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        trigger(&h);
        hear(&h, rows[i].heard);
        commands = h.commands;
        pass(&h, rows[i].ms - 1);
        assert_false(dfota_session_ended(&h.session));
        pass(&h, 1);
        expect(&h, DFOTA_OUTCOME_UNKNOWN, rows[i].stage, 0);
        assert_int_equal(h.commands, commands);
    }
}

static void a_module_that_never_returns_is_unknown(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"START\"") URC("\"END\",0"));
    pass(&h, 60000 + 16000);
    expect(&h, DFOTA_OUTCOME_UNKNOWN, DFOTA_AT_CONFIRM, 0);
}

static void the_overall_deadline_ends_an_endless_update(void **state)
{
    struct host h;
    uint32_t began;

    (void)state;
    trigger(&h);
    began = h.now;
    for (int i = 0; i < 200 && !dfota_session_ended(&h.session); i++) {
        hear(&h, URC("\"UPDATING\",1%"));
        pass(&h, 60000);
    }
    expect(&h, DFOTA_OUTCOME_UNKNOWN, DFOTA_AT_UPDATE, 0);
    assert_in_range(h.now - began, 7100000, 7260000);
}

static void a_running_update_is_followed_and_not_triggered_again(void **state)
{
    struct host h;
    int commands;

    (void)state;
    setup(&h);
    begin(&h);
    commands = h.commands;
    hear(&h, URC("\"UPDATING\",40%"));
    pass(&h, 100000);
    hear(&h, URC("\"UPDATING\",41%"));
    pass(&h, 100000);
    assert_int_equal(h.commands, commands);
    hear(&h, URC("\"END\",0") BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.triggers, 0);
    assert_int_equal(h.warnings, 1U << DFOTA_WARNING_ATTACHED);
}

static void a_deaf_module_is_heard_out_before_it_is_given_up(void **state)
{
    struct host h;
    int commands;

    (void)state;
    setup(&h);
    begin(&h);
    pass(&h, 3000 + 16500);
    assert_true(h.commands > 10);
    assert_int_equal(dfota_session_rate(&h.session), 115200);
    commands = h.commands;
    pass(&h, 100000);
    assert_int_equal(h.commands, commands);
    hear(&h, URC("\"UPDATING\",7%"));
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_UPDATE);
}

static void a_host_that_died_goes_on_from_its_record(void **state)
{
    struct host h;
    int commands;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"UPDATING\",3%"));
    die_and_resume(&h);
    commands = h.commands;
    pass(&h, 110000);
    assert_int_equal(h.commands, commands);
    hear(&h, URC("\"UPDATING\",80%") URC("\"END\",0") BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_string_equal(h.session.old_version, "OLD");
    assert_int_equal(h.triggers, 1);
}

static void
an_update_that_ended_while_the_host_was_dead_is_found_out(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"START\"") URC("\"UPDATING\",3%"));
    die_and_resume(&h);
    pass(&h, 121000);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
    assert_int_equal(h.triggers, 1);
}

static void a_record_with_any_bit_flipped_is_refused(void **state)
{
    struct dfota_at_record record;
    uint8_t *bytes = (uint8_t *)&record;
    struct host h;

    (void)state;
    trigger(&h);
    dfota_session_record(&h.session, &record);
    for (size_t i = 0; i < sizeof(record) * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
        begin(&h);
        assert_int_equal(dfota_session_resume(&h.session, &record),
                         DFOTA_E_CORRUPT);
        assert_int_equal(h.session.kept.triggered, 0);
        bytes[i / 8] ^= (uint8_t)(1U << i % 8);
    }
}

static void the_port_may_vanish_after_the_trigger_and_come_back(void **state)
{
    struct host h;
    int commands;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPEND\",0") URC("\"RESETTING\""));
    dfota_session_port_lost(&h.session, h.now);
    commands = h.commands;
    pass(&h, 1700000);
    assert_false(dfota_session_ended(&h.session));
    dfota_session_port_back(&h.session, h.now);
    hear(&h, URC("\"UPDATING\",9%"));
    pass(&h, 110000);
    assert_int_equal(h.commands, commands);
    hear(&h, URC("\"END\",0") BANNERS);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void a_line_cut_by_the_vanishing_port_is_no_line(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"UPDATING\",3%") "\r\n+QIND: \"FOTA\",\"END\",0");
    dfota_session_port_lost(&h.session, h.now);
    dfota_session_port_back(&h.session, h.now);
    hear(&h, "\r\n");
    assert_int_equal(dfota_session_stage(&h.session), DFOTA_AT_UPDATE);
}

static void a_usb_port_that_returns_means_a_normal_boot(void **state)
{
    struct host h;

    (void)state;
    setup(&h);
    h.config.usb = true;
    begin(&h);
    trigger_with(&h, OK);
    hear(&h, URC("\"HTTPEND\",0") URC("\"RESETTING\""));
    dfota_session_port_lost(&h.session, h.now);
    pass(&h, 1000000);
    dfota_session_port_back(&h.session, h.now);
    pass(&h, 12000);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void a_port_that_stays_away_is_unknown_after_the_trigger(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    dfota_session_port_lost(&h.session, h.now);
    pass(&h, 1800000);
    expect(&h, DFOTA_OUTCOME_UNKNOWN, DFOTA_AT_START, 0);

    setup(&h);
    begin(&h);
    dfota_session_port_lost(&h.session, h.now);
    pass(&h, 60000);
    expect(&h, DFOTA_OUTCOME_FAILED, DFOTA_AT_PROBE, 0);
}

static void a_reboot_in_the_download_is_tried_again(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"HTTPSTART\"") URC("\"DOWNLOADING\",5%") BANNERS);
    confirm(&h, ATI("OLD"));
    assert_int_equal(h.retries, 1);
    trigger_with(&h, OK);
    hear(&h, golden);
    confirm(&h, ATI("NEW"));
    EXPECT_DONE(&h);
}

static void dfota_mode_wants_115200(void **state)
{
    struct host h;

    (void)state;
    trigger(&h);
    hear(&h, URC("\"DOWNLOADING\",5%"));
    assert_int_equal(dfota_session_rate(&h.session), 0);
    hear(&h, URC("\"HTTPEND\",0") URC("\"RESETTING\""));
    assert_int_equal(dfota_session_rate(&h.session), 115200);
    hear(&h, URC("\"UPDATING\",5%"));
    assert_int_equal(dfota_session_rate(&h.session), 115200);
    hear(&h, URC("\"END\",0"));
    assert_int_equal(dfota_session_rate(&h.session), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test(name)
    const struct CMUnitTest tests[] = {
        T(the_documents_example_ends_at_the_new_version),
        T(the_example_may_be_split_anywhere_and_hit_by_noise),
        T(a_spoilt_line_does_not_change_the_verdict),
        T(no_command_goes_out_in_dfota_mode),
        T(rdy_in_the_middle_is_not_the_end),
        T(an_update_that_starts_again_has_not_ended),
        T(an_end_without_start_is_stale),
        T(a_missing_end_is_made_good_by_the_banner),
        T(end_0_with_the_old_version_is_a_failure),
        T(end_504_with_the_new_version_is_success_with_a_warning),
        T(another_version_than_the_wanted_is_a_failure),
        T(a_refused_package_stops_at_once),
        T(a_number_outside_every_table_is_shown_and_stops),
        T(a_network_number_is_tried_three_times_with_longer_pauses),
        T(a_module_number_is_tried_once_more_after_a_reboot),
        T(silence_is_unknown_at_the_deadline_of_its_stage),
        T(a_module_that_never_returns_is_unknown),
        T(the_overall_deadline_ends_an_endless_update),
        T(a_running_update_is_followed_and_not_triggered_again),
        T(a_deaf_module_is_heard_out_before_it_is_given_up),
        T(a_host_that_died_goes_on_from_its_record),
        T(an_update_that_ended_while_the_host_was_dead_is_found_out),
        T(a_record_with_any_bit_flipped_is_refused),
        T(the_port_may_vanish_after_the_trigger_and_come_back),
        T(a_line_cut_by_the_vanishing_port_is_no_line),
        T(a_usb_port_that_returns_means_a_normal_boot),
        T(a_port_that_stays_away_is_unknown_after_the_trigger),
        T(a_reboot_in_the_download_is_tried_again),
        T(dfota_mode_wants_115200),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
