/* SPDX-License-Identifier: Apache-2.0 */
#include "at/family.h"
#include "at/urc_reader.h"
#include "base/err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka needs the four above first */
#include <cmocka.h>

#define NONE DFOTA_URC_NO_VALUE

struct golden {
    const char *line;
    uint8_t kind;
    int32_t value; /* NONE: no value */
};

static void check(const struct golden *g, size_t count)
{
    struct dfota_urc urc;

    for (size_t i = 0; i < count; i++) {
        if (!dfota_urc_next(g[i].line, &urc))
            fail_msg("not a URC: %s", g[i].line);
        if (urc.kind != g[i].kind || urc.value != g[i].value)
            fail_msg("%s: kind %d value %d", g[i].line, urc.kind, urc.value);
    }
}

/* BG95&BG77 DFOTA Application Note 2.2.1, 3.2, 4.1 */
static void every_urc_of_the_bg95_document_is_known(void **state)
{
    static const struct golden g[] = {
        {"+QIND: \"FOTA\",\"HTTPSTART\"", DFOTA_URC_DL_START, NONE},
        {"+QIND: \"FOTA\",\"COAPSTART\"", DFOTA_URC_DL_COAP, NONE},
        {"+QIND: \"FOTA\",\"DOWNLOADING\",5%", DFOTA_URC_DL, 5},
        {"+QIND: \"FOTA\",\"HTTPEND\",0", DFOTA_URC_DL_END, 0},
        {"+QIND: \"FOTA\",\"HTTPEND\",702", DFOTA_URC_DL_END, 702},
        {"+QIND: \"FOTA\",\"COAPEND\",704", DFOTA_URC_DL_END, 704},
        {"+QIND: \"FOTA\",\"RESETTING\"", DFOTA_URC_RESETTING, NONE},
        {"+QIND: \"FOTA\",\" RESETTING\"", DFOTA_URC_RESETTING, NONE},
        {"+QIND: \"FOTA\",\"START\"", DFOTA_URC_START, NONE},
        {"+QIND: \"FOTA\",\"UPDATING\",1%", DFOTA_URC_UPDATING, 1},
        {"+QIND: \"FOTA\",\"UPDATING\",100%", DFOTA_URC_UPDATING, 100},
        {"+QIND: \"FOTA\",\"END\",0", DFOTA_URC_END, 0},
        {"+QIND: \"FOTA\",\"END\",511", DFOTA_URC_END, 511},
        {"RDY", DFOTA_URC_RDY, NONE},
        {"APP RDY", DFOTA_URC_APP_RDY, NONE},
        {"+LWM2M: \"FOTA\",\"DOWNLOADING\",\"START\"", DFOTA_URC_DL, NONE},
        {"+LWM2M: \"FOTA\",\"DOWNLOADING\",\"COMPLETED\"", DFOTA_URC_DL_END, 0},
        {"+LWM2M: \"FOTA\",\"DOWNLOADED\",710", DFOTA_URC_DL_END, 710},
    };

    (void)state;
    check(g, sizeof(g) / sizeof(g[0]));
}

static void every_misprint_is_read_as_what_was_meant(void **state)
{
    static const struct golden g[] = {
        {"+QIND: \"FOTA\",\"HTTPTART\"", DFOTA_URC_DL_START, NONE},
        {"+QIND: \"FOTA\",\"HTTP START\"", DFOTA_URC_DL_START, NONE},
        {"+QIND: \"FOTA\",\"HTTPPEND\",0", DFOTA_URC_DL_END, 0},
        {"+QIND: \"FOTA\", \"START\"", DFOTA_URC_START, NONE},
        {"+QIND:\"FOTA\",\"START\"", DFOTA_URC_START, NONE},
        {"+QIND: \"FOTA\",\"UPDATING\",5", DFOTA_URC_UPDATING, 5},
        {"+QIND: \"FOTA\",\"UPDATING\", 5%", DFOTA_URC_UPDATING, 5},
        {"+QIND: \"FOTA\", \"END\", 0", DFOTA_URC_END, 0},
        {"+QIND: \"SBFOTA\",\"RESTORE\", 4%", DFOTA_URC_UPDATING, 4},
        {"+QIND: \"SBFOTA\",\"UPDATE_TIMEOUT\",30", DFOTA_URC_DELAY, 30},
        {"+QIND: \"FOTA\",\"Last upgrade was not finished,continue upgrade\"",
         DFOTA_URC_START, NONE},
        {"+QIND: \"SBFOTA\",\"Last update was not finished, continue update\"",
         DFOTA_URC_START, NONE},
    };

    (void)state;
    check(g, sizeof(g) / sizeof(g[0]));
}

static void unknown_stages_say_nothing_and_other_tags_are_no_urcs(void **state)
{
    static const struct golden g[] = {
        {"+QIND: \"SBFOTA\",\"polling_time\",1296000", DFOTA_URC_OTHER, NONE},
        {"+QIND: \"SBFOTA\",\"polling time\",407", DFOTA_URC_OTHER, NONE},
        {"+QIND: \"SBFOTA\",\"POLLING\",-4", DFOTA_URC_OTHER, NONE},
        {"+QIND: \"SBFOTA\",\"report_result\",\"end\",0", DFOTA_URC_OTHER,
         NONE},
        {"+QIND: \"FOTA\"", DFOTA_URC_OTHER, NONE},
        {"+QIND: \"FOTA\",\"ENDLESS\",3", DFOTA_URC_OTHER, NONE},
    };
    struct dfota_urc urc;

    (void)state;
    check(g, sizeof(g) / sizeof(g[0]));
    assert_null(dfota_urc_next("+QIND: \"csq\",26,99", &urc));
    assert_null(dfota_urc_next("+QIND: SMS DONE", &urc));
    assert_null(dfota_urc_next("+QIND", &urc));
    assert_null(dfota_urc_next("+CPIN: READY", &urc));
    assert_null(dfota_urc_next("OK", &urc));
    assert_null(dfota_urc_next("", &urc));
}

static void a_number_of_any_length_is_read_and_stays_out_of_range(void **state)
{
    static const struct golden g[] = {
        {"+QIND: \"FOTA\",\"UPDATING\",-1%", DFOTA_URC_UPDATING, -1},
        {"+QIND: \"FOTA\",\"UPDATING\",101%", DFOTA_URC_UPDATING, 101},
        {"+QIND: \"FOTA\",\"UPDATING\",999999999999%", DFOTA_URC_UPDATING,
         999999999},
        {"+QIND: \"FOTA\",\"UPDATING\",", DFOTA_URC_UPDATING, NONE},
        {"+QIND: \"FOTA\",\"DOWNLOADING\",%", DFOTA_URC_DL, NONE},
        {"+QIND: \"FOTA\",\"END\",999999999999", DFOTA_URC_END, 999999999},
        {"+QIND: \"FOTA\",\"END\",-4", DFOTA_URC_END, -4},
    };

    (void)state;
    check(g, sizeof(g) / sizeof(g[0]));
}

static void glued_urcs_are_found_one_after_the_other(void **state)
{
    const char *s = "AT+CS+QIND: \"FOTA\",\"UPDATING\",100%"
                    "+QIND: \"FOTA\",\"END\",0";
    struct dfota_urc urc;

    (void)state;
    s = dfota_urc_next(s, &urc);
    assert_non_null(s);
    assert_int_equal(urc.kind, DFOTA_URC_UPDATING);
    s = dfota_urc_next(s, &urc);
    assert_non_null(s);
    assert_int_equal(urc.kind, DFOTA_URC_END);
    assert_int_equal(urc.value, 0);
    assert_null(dfota_urc_next(s, &urc));
}

static void a_number_is_read_in_its_own_table(void **state)
{
    const struct dfota_family *f = &dfota_family_bg95;

    (void)state;
    assert_int_equal(dfota_code_find(&f->download, 702)->kind,
                     DFOTA_CLASS_NETWORK);
    assert_int_equal(dfota_code_find(&f->update, 702)->kind,
                     DFOTA_CLASS_UNKNOWN);
    assert_int_equal(dfota_code_find(&f->command, 591)->kind, DFOTA_CLASS_BUSY);
    assert_int_equal(dfota_code_find(&f->update, INT32_MAX)->kind,
                     DFOTA_CLASS_UNKNOWN);
    assert_int_equal(dfota_code_find(&f->update, -1)->kind,
                     DFOTA_CLASS_UNKNOWN);
    for (int c = 0; c <= DFOTA_CLASS_UNKNOWN; c++)
        assert_true(strlen(dfota_class_advice((uint8_t)c)) > 10);
}

static void a_url_must_fit_between_the_quotes(void **state)
{
    static const struct {
        const char *url;
        enum dfota_meaning meaning;
    } rows[] = {
        {"https://h:100/update.zip", DFOTA_MEANING_NONE},
        {"CoAPs://h/p", DFOTA_MEANING_NONE},
        {"ftp://h/p", DFOTA_MEANING_SCHEME},
        {"http:/h", DFOTA_MEANING_SCHEME},
        {"", DFOTA_MEANING_SCHEME},
        {"http:///p", DFOTA_MEANING_NO_HOST},
        {"http://", DFOTA_MEANING_NO_HOST},
        {"http://h/a b", DFOTA_MEANING_URL_CHARACTERS},
        {"http://h/\"x", DFOTA_MEANING_URL_CHARACTERS},
        {"http://h/\xc3\xa9", DFOTA_MEANING_URL_CHARACTERS},
        {"http://h/\r", DFOTA_MEANING_URL_CHARACTERS},
    };
    char url[720] = "http://h/";

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(
            dfota_family_check_url(&dfota_family_bg95, rows[i].url),
            rows[i].meaning);
    for (size_t i = 0; i < dfota_families_count; i++) {
        const struct dfota_family *f = dfota_families[i];
        size_t max = f->url_max;

        if (!f->url_steps) {
            assert_int_equal(dfota_family_check_url(f, url),
                             DFOTA_MEANING_FILE_ONLY);
            continue;
        }
        memset(url + 9, 'a', max - 9);
        url[max] = '\0';
        assert_int_equal(dfota_family_check_url(f, url), DFOTA_MEANING_NONE);
        url[max] = 'a';
        url[max + 1] = '\0';
        assert_int_equal(dfota_family_check_url(f, url),
                         DFOTA_MEANING_URL_LENGTH);
    }
    assert_int_equal(dfota_family_check_url(&dfota_family_bc26, "https://h/"),
                     DFOTA_MEANING_SCHEME);
    assert_int_equal(dfota_family_check_url(&dfota_family_bg96, "coap://h/"),
                     DFOTA_MEANING_SCHEME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_urc_of_the_bg95_document_is_known),
        cmocka_unit_test(every_misprint_is_read_as_what_was_meant),
        cmocka_unit_test(unknown_stages_say_nothing_and_other_tags_are_no_urcs),
        cmocka_unit_test(a_number_of_any_length_is_read_and_stays_out_of_range),
        cmocka_unit_test(glued_urcs_are_found_one_after_the_other),
        cmocka_unit_test(a_number_is_read_in_its_own_table),
        cmocka_unit_test(a_url_must_fit_between_the_quotes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
