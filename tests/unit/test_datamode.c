/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "modem/datamode.h"

static char stored[64];
static size_t stored_len;

static int keep(void *ctx, const uint8_t *data, size_t len)
{
    (void)ctx;
    if (stored_len + len >= sizeof stored)
        return DFOTA_E_FULL;
    memcpy(stored + stored_len, data, len);
    stored_len += len;
    stored[stored_len] = '\0';
    return 0;
}

static void begin(struct datamode *d, uint32_t size)
{
    datamode_begin(d, size, 5000, 0);
    d->sink = keep;
    stored_len = 0;
    stored[0] = '\0';
}

static enum data_end feed(struct datamode *d, const char *text, uint64_t now)
{
    size_t used;

    return datamode_feed(d, (const uint8_t *)text, strlen(text), &used, now);
}

static void it_ends_at_the_size_and_leaves_the_rest(void **state)
{
    struct datamode d;
    size_t used;

    (void)state;
    begin(&d, 5);
    assert_int_equal(feed(&d, "abc", 10), DATA_GOES_ON);
    assert_int_equal(datamode_feed(&d, (const uint8_t *)"defg", 4, &used, 20),
                     DATA_FULL);
    assert_int_equal(used, 2);
    assert_string_equal(stored, "abcde");
}

static void it_ends_when_nothing_comes_for_the_time(void **state)
{
    struct datamode d;

    (void)state;
    begin(&d, 5);
    feed(&d, "a", 1000);
    assert_int_equal(datamode_wake_ms(&d), 6000);
    assert_int_equal(datamode_tick(&d, 5999), DATA_GOES_ON);
    assert_int_equal(datamode_tick(&d, 6000), DATA_TIMEOUT);
}

static void three_pluses_with_silence_around_escape(void **state)
{
    struct datamode d;

    (void)state;
    begin(&d, 50);
    feed(&d, "ab", 100);
    assert_int_equal(feed(&d, "+++", 1100), DATA_GOES_ON);
    assert_int_equal(datamode_wake_ms(&d), 2100);
    assert_int_equal(datamode_tick(&d, 2099), DATA_GOES_ON);
    assert_int_equal(datamode_tick(&d, 2100), DATA_ESCAPED);
    assert_string_equal(stored, "ab");
    /* one by one, within the second */
    begin(&d, 50);
    feed(&d, "+", 2000);
    feed(&d, "+", 2400);
    feed(&d, "+", 2900);
    assert_int_equal(datamode_tick(&d, 3900), DATA_ESCAPED);
    assert_string_equal(stored, "");
}

static void pluses_without_the_silences_are_data(void **state)
{
    struct datamode d;

    (void)state;
    begin(&d, 50); /* no silence before */
    feed(&d, "a", 5000);
    feed(&d, "+++", 5900);
    assert_string_equal(stored, "a+++");
    begin(&d, 50); /* none behind */
    feed(&d, "+++", 2000);
    assert_string_equal(stored, "");
    feed(&d, "b", 2500);
    assert_string_equal(stored, "+++b");
    begin(&d, 50); /* four */
    feed(&d, "++++", 2000);
    assert_string_equal(stored, "++++");
    begin(&d, 50); /* longer than a second in all */
    feed(&d, "+", 2000);
    feed(&d, "++", 3100);
    assert_string_equal(stored, "+++");
    begin(&d, 50); /* two, then silence */
    feed(&d, "++", 2000);
    assert_int_equal(datamode_tick(&d, 3000), DATA_GOES_ON);
    assert_string_equal(stored, "++");
}

static void held_pluses_never_pass_the_size(void **state)
{
    struct datamode d;

    (void)state;
    begin(&d, 2);
    feed(&d, "+++", 2000);
    assert_int_equal(feed(&d, "x", 2100), DATA_FULL);
    assert_string_equal(stored, "++");
}

static void the_checksum_is_the_documents(void **state)
{
    const uint8_t ten[] = "1234567890", three[] = "abc";
    uint16_t sum;

    (void)state;
    assert_int_equal(datamode_sum(0, 0, ten, 10), 0x3938);
    assert_int_equal(datamode_sum(0, 0, three, 3), 0x0262);
    assert_int_equal(datamode_sum(0, 0, NULL, 0), 0);
    for (uint32_t cut = 0; cut <= 10; cut++) {
        sum = datamode_sum(0, 0, ten, cut);
        assert_int_equal(datamode_sum(sum, cut, ten + cut, 10 - cut), 0x3938);
    }
}

static void a_sink_that_refuses_ends_it(void **state)
{
    struct datamode d;
    char large[100];

    (void)state;
    begin(&d, 99);
    memset(large, 'x', 99);
    large[99] = '\0';
    assert_int_equal(feed(&d, large, 10), DATA_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ends_at_the_size_and_leaves_the_rest),
        cmocka_unit_test(it_ends_when_nothing_comes_for_the_time),
        cmocka_unit_test(three_pluses_with_silence_around_escape),
        cmocka_unit_test(pluses_without_the_silences_are_data),
        cmocka_unit_test(held_pluses_never_pass_the_size),
        cmocka_unit_test(the_checksum_is_the_documents),
        cmocka_unit_test(a_sink_that_refuses_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
