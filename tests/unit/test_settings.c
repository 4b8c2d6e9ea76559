/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "modem/settings.h"
#include "os/files.h"
#include "os/log.h"

static char folder[64], file[96], aside[128];

static int set_up(void **state)
{
    (void)state;
    log_init("test", LOG_LEVEL_ERROR);
    strcpy(folder, "/tmp/dfota-settings-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof file, "%s/settings.json", folder);
    snprintf(aside, sizeof aside, "%s.corrupt", file);
    return 0;
}

static int tear_down(void **state)
{
    char mark[128];

    (void)state;
    snprintf(mark, sizeof mark, "%s/updating", folder);
    unlink(mark);
    unlink(file);
    unlink(aside);
    return rmdir(folder);
}

static void what_is_saved_comes_back(void **state)
{
    struct settings s;

    (void)state;
    assert_int_equal(settings_open(&s, folder, 115200), 0);
    assert_int_equal(s.cmee, 1);
    strcpy(s.apn, "a \"quoted\" name");
    s.ip_type = 2;
    s.pending = true;
    s.clock_offset = -5;
    s.package_len = 6291456;
    assert_int_equal(settings_save(&s), 0);
    settings_close(&s);
    assert_int_equal(settings_open(&s, folder, 115200), 0);
    assert_string_equal(s.apn, "a \"quoted\" name");
    assert_int_equal(s.ip_type, 2);
    assert_true(s.pending);
    assert_int_equal(s.clock_offset, -5);
    assert_int_equal(s.package_len, 6291456);
    settings_close(&s);
}

static void what_is_no_settings_file_is_kept_aside(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"cmee\": 3}",
        "{\"cmee\": \"1\"}",
        "{\"apn\": 1}",
        "{\"off\": 1}",
        "{\"package_len\": -1}",
        "{\"cmee\": 1, \"cmee\": 1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct settings s;

        assert_int_equal(files_write(file, bad[i], strlen(bad[i])), 0);
        assert_int_equal(settings_open(&s, folder, 115200), 0);
        assert_int_equal(s.cmee, 1);
        settings_close(&s);
        assert_int_equal(access(file, F_OK), -1);
        assert_int_equal(access(aside, F_OK), 0);
    }
}

static void an_unknown_key_is_no_error(void **state)
{
    struct settings s;

    (void)state;
    assert_int_equal(files_write(file, "{\"new\": 1, \"cmee\": 2}", 21), 0);
    assert_int_equal(settings_open(&s, folder, 115200), 0);
    assert_int_equal(s.cmee, 2);
    settings_close(&s);
}

static void what_a_kill_left_behind_is_swept_away(void **state)
{
    char rest[128];
    struct settings s;

    (void)state;
    snprintf(rest, sizeof rest, "%s.aB3xyz", file);
    assert_int_equal(files_write(rest, "{", 1), 0);
    assert_int_equal(settings_open(&s, folder, 115200), 0);
    settings_close(&s);
    assert_int_equal(access(rest, F_OK), -1);
}

static void
the_mark_of_an_update_outlives_a_cut_until_it_is_taken_away(void **state)
{
    struct settings s;

    (void)state;
    assert_int_equal(settings_open(&s, folder, 115200), 0);
    assert_int_equal(s.origin, ORIGIN_NONE);
    settings_mark(&s, ORIGIN_POLL);
    settings_close(&s);
    assert_int_equal(settings_open(&s, folder, 115200), 0);
    assert_int_equal(s.origin, ORIGIN_POLL);
    settings_unmark(&s);
    settings_close(&s);
    assert_int_equal(settings_open(&s, folder, 115200), 0);
    assert_int_equal(s.origin, ORIGIN_NONE);
    settings_close(&s);
}

static void contexts_come_back_and_bad_ones_do_not(void **state)
{
    struct settings s;

    (void)state;
    assert_int_equal(settings_open(&s, folder, 0), 0);
    assert_true(s.contexts[0].defined);
    s.contexts[14] = (struct pdp_context){
        .defined = true, .type = 2, .auth = 3, .apn = "a", .user = "u"};
    assert_int_equal(settings_save(&s), 0);
    settings_close(&s);
    assert_int_equal(settings_open(&s, folder, 0), 0);
    assert_string_equal(s.contexts[14].apn, "a");
    assert_int_equal(s.contexts[14].type, 2);
    assert_false(s.contexts[1].defined);
    settings_close(&s);
    assert_int_equal(files_write(file, "{\"contexts\": [{\"cid\": 16}]}", 28),
                     0);
    assert_int_equal(settings_open(&s, folder, 0), 0);
    assert_false(s.contexts[14].defined);
    settings_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_saved_comes_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_settings_file_is_kept_aside,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_kill_left_behind_is_swept_away,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_key_is_no_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            the_mark_of_an_update_outlives_a_cut_until_it_is_taken_away, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(contexts_come_back_and_bad_ones_do_not,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
