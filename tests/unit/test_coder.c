/* SPDX-License-Identifier: Apache-2.0 */
/* The range coder, and what is modelled on it, there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "delta/apply.h"
#include "delta/encoder.h"
#include "device/model.h"

static uint32_t seed = 1;

static uint32_t next_random(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

/* A probability, most often an extreme one. */
static uint32_t random_p(void)
{
    switch (next_random() % 4) {
    case 0:
        return 1;
    case 1:
        return 65535;
    default:
        return 1 + next_random() % 65535;
    }
}

enum { BITS = 20000 };

static void bits_come_back_as_they_went_in(void **state)
{
    static uint32_t p[BITS];
    static uint8_t bit[BITS];
    struct dfota_coder c;
    struct dfota_reader in;
    struct encoder e;

    (void)state;
    encoder_init(&e);
    encoder_attach(&e, &c);
    for (int i = 0; i < BITS; i++) {
        p[i] = random_p();
        bit[i] = next_random() % 65536 < p[i];
        c.bit(&c, p[i], bit[i]);
    }
    encoder_finish(&e, true);
    in = apply_reader(e.bytes, e.len);
    assert_int_equal(dfota_coder_open(&c, &in, 0, (uint32_t)e.len), 0);
    for (int i = 0; i < BITS; i++)
        assert_int_equal(c.bit(&c, p[i], 0), bit[i]);
    assert_int_equal(dfota_coder_check(&c), 0);
    encoder_release(&e);
}

static void streams_follow_each_other_without_a_gap(void **state)
{
    enum { STREAMS = 300 };
    uint32_t at = 0;
    struct dfota_coder c;
    struct dfota_reader in;
    struct encoder e;

    (void)state;
    encoder_init(&e);
    for (unsigned i = 0; i < STREAMS; i++) {
        encoder_attach(&e, &c);
        for (unsigned k = 0; k < i; k++)
            c.bit(&c, 100 + 200 * k, (i ^ k) & 1);
        encoder_finish(&e, i + 1 == STREAMS);
    }
    in = apply_reader(e.bytes, e.len);
    for (unsigned i = 0; i < STREAMS; i++) {
        assert_int_equal(dfota_coder_open(&c, &in, at, (uint32_t)e.len), 0);
        for (unsigned k = 0; k < i; k++)
            assert_int_equal(c.bit(&c, 100 + 200 * k, 0), (i ^ k) & 1);
        at = dfota_coder_next(&c);
    }
    encoder_release(&e);
}

static void numbers_of_every_size_come_back(void **state)
{
    static dfota_counter there[DFOTA_VALUE_COUNTERS];
    static dfota_counter back[DFOTA_VALUE_COUNTERS];
    struct dfota_coder c;
    struct dfota_reader in;
    struct encoder e;

    (void)state;
    encoder_init(&e);
    encoder_attach(&e, &c);
    dfota_counters_reset(there, DFOTA_VALUE_COUNTERS);
    for (unsigned i = 0; i < 32; i++) {
        dfota_value(there, &c, (1U << i) - 1);
        dfota_value(there, &c, 1U << i);
        dfota_value(there, &c, 0xFFFFFFFE >> i);
    }
    encoder_finish(&e, true);
    in = apply_reader(e.bytes, e.len);
    dfota_counters_reset(back, DFOTA_VALUE_COUNTERS);
    dfota_coder_open(&c, &in, 0, (uint32_t)e.len);
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(dfota_value(back, &c, 0), (1U << i) - 1);
        assert_int_equal(dfota_value(back, &c, 0), 1U << i);
        assert_int_equal(dfota_value(back, &c, 0), 0xFFFFFFFE >> i);
    }
    assert_memory_equal(there, back, sizeof there);
    encoder_release(&e);
}

static void a_hit_that_is_expected_costs_next_to_nothing(void **state)
{
    struct dfota_coder c;
    struct encoder e;

    (void)state;
    encoder_init(&e);
    encoder_attach(&e, &c);
    for (int i = 0; i < 100000; i++)
        c.bit(&c, 65535, 1);
    encoder_finish(&e, true);
    assert_in_range(e.len, 0, 2);
    encoder_release(&e);
}

static void squash_undoes_stretch(void **state)
{
    (void)state;
    for (uint32_t p = 1; p < 65536; p++) {
        uint32_t q = dfota_squash(dfota_stretch(p));
        uint32_t slack = 8 + (p < 32768 ? p : 65536 - p) / 24;

        assert_in_range(q, p > slack ? p - slack : 1, p + slack);
        if (p > 1)
            assert_true(dfota_stretch(p) >= dfota_stretch(p - 1));
    }
    assert_in_range(dfota_squash(-1000000), 1, 1);
    assert_in_range(dfota_squash(1000000), 65535, 65535);
}

/* Reading behind the end gives zeros, and is found out. */
static void a_stream_that_is_cut_short_is_found_out(void **state)
{
    const uint8_t noise[4] = {0x12, 0x34, 0x56, 0x78};
    struct dfota_reader in = apply_reader(noise, sizeof noise);
    struct dfota_coder c;

    (void)state;
    assert_int_equal(dfota_coder_open(&c, &in, 0, sizeof noise), 0);
    for (int i = 0; i < 8 * 8; i++)
        c.bit(&c, 32768, 0);
    assert_int_equal(dfota_coder_check(&c), DFOTA_E_TRUNCATED);
}

static int broken_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    (void)off;
    (void)buf;
    (void)len;
    return DFOTA_E_FLASH;
}

static void a_flash_that_cannot_be_read_is_an_error(void **state)
{
    struct dfota_reader in = {broken_read, NULL, 100};
    struct dfota_coder c;

    (void)state;
    assert_int_equal(dfota_coder_open(&c, &in, 0, 100), DFOTA_E_FLASH);
    assert_int_equal(dfota_coder_check(&c), DFOTA_E_FLASH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_come_back_as_they_went_in),
        cmocka_unit_test(streams_follow_each_other_without_a_gap),
        cmocka_unit_test(numbers_of_every_size_come_back),
        cmocka_unit_test(a_hit_that_is_expected_costs_next_to_nothing),
        cmocka_unit_test(squash_undoes_stretch),
        cmocka_unit_test(a_stream_that_is_cut_short_is_found_out),
        cmocka_unit_test(a_flash_that_cannot_be_read_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
