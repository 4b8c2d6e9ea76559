/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modem/dialect.h"

/* What the driver relies on, for every table there is. */
static void every_table_is_complete(void **state)
{
    (void)state;
    for (int i = 0; dialects[i]; i++) {
        const struct dialect *d = dialects[i];

        assert_non_null(d->name);
        assert_non_null(d->also);
        assert_non_null(d->model);
        assert_non_null(d->commands);
        assert_non_null(d->banner);
        assert_non_null(d->rates);
        assert_non_null(d->words.tag);
        assert_non_null(d->radio.operator_name);
        assert_non_null(d->radio.imei);
        assert_int_equal(strlen(d->radio.imei), 15);
        assert_true(d->url.max <= URL_MAX);
        assert_true(d->memory.slot % d->memory.sector == 0);
        assert_true(d->memory.package % d->memory.sector == 0);
        assert_true(d->timing.connect_tries > 0);
    }
}

static void every_command_is_upper_case_and_there_once(void **state)
{
    (void)state;
    for (int i = 0; dialects[i]; i++) {
        const struct command *list = dialects[i]->commands;

        for (const struct command *c = list; c->name; c++) {
            assert_true(strlen(c->name) < SYNTAX_NAME_MAX);
            assert_true(c->forms != 0);
            for (const char *p = c->name; *p; p++)
                assert_false(*p >= 'a' && *p <= 'z');
            for (const struct command *o = list; o < c; o++)
                assert_string_not_equal(o->name, c->name);
        }
    }
}

static void every_model_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; dialects[i]; i++) {
        for (int k = 0; dialects[i]->also[k]; k++)
            assert_non_null(dialects[i]->model[k + 1]);
    }
}

static void a_model_is_found_by_its_names(void **state)
{
    const char *model;

    (void)state;
    assert_string_equal(dialect_find("bg95", &model)->name, "bg95");
    assert_string_equal(model, "BG95-M3");
    assert_string_equal(dialect_find("BG77", &model)->name, "bg95");
    assert_string_equal(model, "BG77");
    assert_null(dialect_find("bg9", &model));
    assert_null(dialect_find("", &model));
}

/* "BG95&BG77 DFOTA Application Note" V1.0, chapter 5. */
static void bg95_has_the_numbers_of_its_document(void **state)
{
    static const struct {
        enum cause cause;
        enum answer_form form;
        uint16_t number;
    } rows[] = {
        {CAUSE_TLS, ANSWER_DOWNLOAD, 701},
        {CAUSE_CONNECT, ANSWER_DOWNLOAD, 702},
        {CAUSE_OFFLINE, ANSWER_DOWNLOAD, 702},
        {CAUSE_LOST, ANSWER_DOWNLOAD, 702},
        {CAUSE_STATUS, ANSWER_DOWNLOAD, 703},
        {CAUSE_TIMEOUT, ANSWER_DOWNLOAD, 704},
        {CAUSE_URL, ANSWER_DOWNLOAD, 705},
        {CAUSE_NOT_FOUND, ANSWER_DOWNLOAD, 706},
        {CAUSE_STORE, ANSWER_DOWNLOAD, 707},
        {CAUSE_TOO_LARGE, ANSWER_DOWNLOAD, 708},
        {CAUSE_LENGTH, ANSWER_DOWNLOAD, 710},
        {CAUSE_UPDATE, ANSWER_UPDATE, 504},
        {CAUSE_NO_PACKAGE, ANSWER_UPDATE, 505},
        {CAUSE_PACKAGE, ANSWER_UPDATE, 506},
        {CAUSE_MISMATCH, ANSWER_UPDATE, 511},
        {CAUSE_MEMORY, ANSWER_UPDATE, 512},
        {CAUSE_PARAMETER, ANSWER_CME, 590},
        {CAUSE_BUSY, ANSWER_CME, 591},
    };
    const char *model;
    const struct dialect *d = dialect_find("bg95", &model);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(d->answers[rows[i].cause].form, rows[i].form);
        assert_int_equal(d->answers[rows[i].cause].number, rows[i].number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_is_complete),
        cmocka_unit_test(every_command_is_upper_case_and_there_once),
        cmocka_unit_test(every_model_has_a_name),
        cmocka_unit_test(a_model_is_found_by_its_names),
        cmocka_unit_test(bg95_has_the_numbers_of_its_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
