/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "server/fleet/forecast.h"
#include "server/fleet/plan_spec.h"
#include "server/fleet/units.h"

static int parse(const char *text, struct plan_spec *spec,
                 char why[PLAN_WHY_ROOM])
{
    json_t *json = json_loads(text, 0, NULL);
    int err = plan_spec_parse(json, spec, why);

    json_decref(json);
    return err;
}

static void what_is_wrong_is_named(void **state)
{
    static const char *const bad[][2] = {
        {"[]", "plan"},
        {"{\"batery\": 1}", "batery"},
        {"{\"battery\": 101}", "battery"},
        {"{\"battery\": \"50\"}", "battery"},
        {"{\"battery\": 1.5}", "battery"},
        {"{\"signal\": 5}", "signal"},
        {"{\"concurrency\": 0}", "concurrency"},
        {"{\"start\": \"2028-02-30T00:00:00Z\"}", "start"},
        {"{\"start\": \"2028-02-03\"}", "start"},
        {"{\"start\": \"2028-02-03T00:00:00Z\", \"end\": "
         "\"2028-02-02T00:00:00Z\"}",
         "end"},
        {"{\"window\": {\"from\": \"22:00\"}, \"stages\": 3}", "stages"},
        {"{\"window\": {\"from\": \"25:00\", \"to\": \"06:00\"}}",
         "window.from"},
        {"{\"window\": {\"from\": \"06:00\", \"to\": \"06:00\"}}", "window"},
        {"{\"window\": {\"from\": \"06:00\", \"to\": \"07:00\", \"zone\": "
         "\"Europe/Atlantis\"}}",
         "window.zone"},
        {"{\"window\": {\"from\": \"06:00\", \"to\": \"07:00\", \"zone\": "
         "\"../../etc/passwd\"}}",
         "window.zone"},
        {"{\"stages\": [{\"percent\": 5, \"count\": 5}]}", "stages"},
        {"{\"stages\": [{}]}", "stages"},
        {"{\"abort\": [{\"kind\": \"any\"}]}", "abort.percent"},
        {"{\"abort\": [{\"percent\": 1, \"kind\": \"x\"}]}", "abort.kind"},
        {"{\"select\": {\"imeis\": [\"123\"]}}", "select.imeis"},
        {"{\"select\": {\"versions\": [1]}}", "select.versions"},
        {"{\"transport\": [\"ftp\"]}", "transport"},
        {"{\"transport\": []}", "transport"},
        {"{\"download\": \"1s\"}", "download"},
        {"{\"download\": \"1w\"}", "download"},
        {"{\"download\": 3600}", "download"},
        {"{\"pace\": {}}", "pace"},
        {"{\"pace\": \"100/1h\"}", "pace"},
        {"{\"pace\": {\"grants\": 0}}", "pace.grants"},
        {"{\"pace\": {\"bytes\": \"1 MB\"}}", "pace.bytes"},
        {"{\"pace\": {\"grants\": 1, \"per\": \"1s\"}}", "pace.per"},
        {"{\"retry\": {\"0\": \"1d\"}}", "retry"},
        {"{\"retry\": {\"504\": 1}}", "retry"},
        {"{\"retry\": [504]}", "retry"},
        {"{\"rollback\": 0}", "rollback"},
    };
    struct plan_spec spec;
    char why[PLAN_WHY_ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(bad[i][0], &spec, why), DFOTA_E_SYNTAX);
        assert_non_null(strstr(why, bad[i][1]));
    }
}

static void every_allocation_of_a_plan_is_given_back(void **state)
{
    struct plan_spec spec;
    char why[PLAN_WHY_ROOM];

    (void)state;
    assert_int_equal(
        parse("{\"select\": {\"versions\": [\"1\", \"2\"], \"tags\": [\"a\"], "
              "\"imeis\": [\"350000000000002\", \"350000000000001\"]}, "
              "\"window\": {\"from\": \"01:00\", \"to\": \"02:00\", \"zone\": "
              "\"UTC\"}}",
              &spec, why),
        0);
    assert_true(plan_imeis_have(&spec.imeis, 350000000000001U));
    assert_true(plan_imeis_have(&spec.imeis, 350000000000002U));
    assert_false(plan_imeis_have(&spec.imeis, 350000000000003U));
    assert_true(plan_words_have(&spec.versions, "2"));
    assert_false(plan_words_have(&spec.versions, "3"));
    assert_true(plan_words_have(&spec.groups, "anything"));
    plan_spec_release(&spec);
}

/* The C library's idea of a zone, one process one zone. */
static int64_t offset_of_library(const char *name, int64_t utc)
{
    time_t moment = (time_t)utc;
    struct tm local;

    setenv("TZ", name, 1);
    tzset();
    localtime_r(&moment, &local);
    return local.tm_gmtoff;
}

static void zones_are_those_of_the_c_library(void **state)
{
    static const char *const names[] = {"Europe/Berlin",
                                        "America/New_York",
                                        "Asia/Tokyo",
                                        "Australia/Sydney",
                                        "Asia/Kolkata",
                                        "America/St_Johns",
                                        "UTC",
                                        "Africa/Casablanca",
                                        "Asia/Tehran",
                                        "Pacific/Chatham",
                                        "America/Sao_Paulo"};
    int64_t begin, end;
    struct zone *zone;

    (void)state;
    assert_true(units_moment("1960-01-01T00:00:00Z", &begin));
    assert_true(units_moment("2090-01-01T00:00:00Z", &end));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(zone_load(names[i], &zone), 0);
        for (int64_t t = begin; t < end; t += 86400 * 3 + 3600 * 7 + 11)
            assert_int_equal(zone_offset(zone, t),
                             offset_of_library(names[i], t));
        zone_free(zone);
    }
}

static void damaged_zones_are_refused_and_read_nothing_beyond(void **state)
{
    uint8_t file[4096], *cut;
    struct zone *zone;
    FILE *in = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    size_t len;

    (void)state;
    assert_non_null(in);
    len = fread(file, 1, sizeof file, in);
    fclose(in);
    for (size_t i = 0; i < len; i++) {
        cut = malloc(i ? i : 1); /* so that the sanitizer sees a step too far */
        memcpy(cut, file, i);
        if (zone_parse(cut, i, &zone) == 0)
            zone_free(zone);
        free(cut);
        file[i] ^= 0xFF;
        if (zone_parse(file, len, &zone) == 0) {
            zone_offset(zone, 1900000000);
            zone_free(zone);
        }
        file[i] ^= 0xFF;
    }
}

static void a_window_over_midnight_and_summer_time(void **state)
{
    static const struct {
        const char *moment;
        bool open;
    } rows[] = {{"2028-03-25T20:59:59Z", false}, /* 21:59:59 in winter */
                {"2028-03-25T21:00:00Z", true},
                {"2028-03-26T03:59:59Z", true}, /* 05:59:59 in summer */
                {"2028-03-26T04:00:00Z", false},
                {"2028-03-26T19:59:59Z", false},
                {"2028-03-26T20:00:00Z", true},
                {"2028-02-29T21:30:00Z", true},
                {"2028-10-29T04:59:59Z", true}, /* winter again */
                {"2028-10-29T05:00:00Z", false}};
    struct plan_spec spec;
    char why[PLAN_WHY_ROOM];
    int64_t moment;

    (void)state;
    assert_int_equal(parse("{\"window\": {\"from\": \"22:00\", \"to\": "
                           "\"06:00\", \"zone\": \"Europe/Berlin\"}}",
                           &spec, why),
                     0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(units_moment(rows[i].moment, &moment));
        assert_int_equal(plan_spec_is_open(&spec, moment), rows[i].open);
    }
    assert_true(units_moment("2028-03-26T10:00:10Z", &moment));
    assert_int_equal(plan_spec_opens(&spec, moment) - moment, 10 * 3600 - 10);
    plan_spec_release(&spec);
}

static void quantities_are_strict(void **state)
{
    static const char *const numbers[] = {"1e3",  "010", "",
                                          "0x10", "1.0", " 1",
                                          "1 ",   "+1",  "9223372036854775808"};
    int64_t number;
    bool yes;

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_false(units_number(numbers[i], INT64_MIN, INT64_MAX, &number));
    assert_true(units_number("-120", -200, 0, &number));
    assert_int_equal(number, -120);
    assert_true(units_number("0", 0, 0, &number));
    assert_false(units_bool("flase", &yes));
    assert_false(units_bool("yes", &yes));
    assert_true(units_bool("true", &yes) && yes);
    assert_true(units_size("16MiB", 0, INT64_MAX, &number));
    assert_int_equal(number, 16 << 20);
    assert_false(units_size("16MB", 0, INT64_MAX, &number));
    assert_false(units_duration("9999999999999999999d", 0, INT64_MAX, &number));
}

/* The table of what a plan needs with modules that poll every 14 to 15 days,
 * as another simulation gave it. */
static void forecasts_are_within_some_percent_of_the_known_ones(void **state)
{
    static const int rows[][2] = {
        {24, 14}, {12, 63}, {6, 152}, {3, 324}, {1, 1012}};
    struct forecast f;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        const struct forecast_question q = {.from = 22 * 60,
                                            .to = (22 + rows[i][0]) % 24 * 60,
                                            .modules = 4000};

        forecast(&q, &f);
        print_message("%d h: %d days (%d)\n", rows[i][0], f.days_95,
                      rows[i][1]);
        assert_in_range(f.days_95, rows[i][1] * 92 / 100,
                        rows[i][1] * 108 / 100 + 1);
        assert_true(f.days_50 < f.days_95 && f.days_95 <= f.days_99);
    }
}

/* Of 40 000 modules 40 poll in a quarter of an hour, so half of that pace
 * takes them twice the time and more; 40 times as many as it can serve never
 * get it all. */
static void a_pace_and_slots_take_their_time(void **state)
{
    struct forecast_question q = {.modules = 40000};
    struct forecast all, paced, slots;

    (void)state;
    forecast(&q, &all);
    assert_in_range(all.days_95, 13, 15);
    assert_int_equal(all.permille_30, 1000);
    q.pace = 60;
    q.pace_min = 60;
    forecast(&q, &paced);
    assert_in_range(paced.days_95, 27, 33); /* 40000 / 60 hours is 27.8 days */
    q.pace = 0;
    q.concurrency = 60;
    forecast(&q, &slots);
    assert_int_equal(slots.days_95, paced.days_95);
    q.concurrency = 0;
    q.pace = 1;
    q.pace_min = 1440; /* a day */
    forecast(&q, &slots);
    assert_int_equal(slots.days_95, FORECAST_DAYS_MAX);
}

static void retries_go_by_number(void **state)
{
    struct plan_spec spec;
    char why[PLAN_WHY_ROOM];

    (void)state;
    assert_int_equal(parse("{}", &spec, why), 0);
    assert_int_equal(plan_spec_again(&spec, 511), PLAN_NEVER);
    assert_int_equal(plan_spec_again(&spec, 504), 0);
    plan_spec_release(&spec);
    assert_int_equal(parse("{\"retry\": {\"511\": \"0s\", \"704\": \"7d\", "
                           "\"lost\": \"never\"}, \"no_retry\": [504]}",
                           &spec, why),
                     0);
    assert_int_equal(plan_spec_again(&spec, 511), 0);
    assert_int_equal(plan_spec_again(&spec, 504), PLAN_NEVER);
    assert_int_equal(plan_spec_again(&spec, 704), 7 * 86400);
    assert_int_equal(plan_spec_again(&spec, PLAN_SILENCE), PLAN_NEVER);
    plan_spec_release(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(every_allocation_of_a_plan_is_given_back),
        cmocka_unit_test(zones_are_those_of_the_c_library),
        cmocka_unit_test(damaged_zones_are_refused_and_read_nothing_beyond),
        cmocka_unit_test(a_window_over_midnight_and_summer_time),
        cmocka_unit_test(quantities_are_strict),
        cmocka_unit_test(forecasts_are_within_some_percent_of_the_known_ones),
        cmocka_unit_test(a_pace_and_slots_take_their_time),
        cmocka_unit_test(retries_go_by_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
