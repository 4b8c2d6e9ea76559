/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "demo/fft.h"
#include "demo/filters.h"
#include "demo/ring.h"
#include "demo/sched.h"
#include "demo/sensors.h"

#define PI 3.14159265358979

static void assert_near(double got, double want, double by)
{
    if (!(fabs(got - want) <= by))
        fail_msg("%g is not %g +- %g", got, want, by);
}

static void fft_finds_a_sine_between_bins(void **state)
{
    float re[FFT_MAX], im[FFT_MAX], hz, amplitude;

    (void)state;
    for (int i = 0; i < FFT_MAX; i++)
        re[i] = (float)(3 + 0.5 * sin(2 * PI * 27.3 * i / 400));
    assert_int_equal(fft_peak(re, im, FFT_MAX, 400, &hz, &amplitude), 0);
    assert_near((double)hz, 27.3, 0.4);
    assert_near((double)amplitude, 0.5, 0.08);
    assert_int_equal(fft(re, im, 100), -1);
    assert_int_equal(fft(re, im, 512), -1);
}

static void fft_keeps_the_energy(void **state)
{
    float re[64], im[64] = {0};
    double before = 0, after = 0;

    (void)state;
    for (int i = 0; i < 64; i++) {
        re[i] = (float)((i * 37) % 19) - 9;
        before += (double)(re[i] * re[i]);
    }
    assert_int_equal(fft(re, im, 64), 0);
    for (int i = 0; i < 64; i++)
        after += (double)(re[i] * re[i] + im[i] * im[i]) / 64;
    assert_near(after, before, before * 1e-4);
}

static double gain(struct biquad *f, double hz, double rate)
{
    double peak = 0;

    for (int i = 0; i < 2000; i++) {
        float y = biquad_step(f, (float)sin(2 * PI * hz * i / rate));

        if (i > 1000 && fabs((double)y) > peak)
            peak = fabs((double)y);
    }
    return peak;
}

static void biquads_pass_and_stop_what_they_say(void **state)
{
    struct biquad f;

    (void)state;
    biquad_low_pass(&f, 20, 400, 0.7071f);
    assert_near(gain(&f, 2, 400), 1, 0.05);
    biquad_low_pass(&f, 20, 400, 0.7071f);
    assert_near(gain(&f, 150, 400), 0, 0.02);
    biquad_high_pass(&f, 20, 400, 0.7071f);
    assert_near(gain(&f, 150, 400), 1, 0.05);
    biquad_notch(&f, 50, 400, 2);
    assert_near(gain(&f, 50, 400), 0, 0.02);
}

static void median_of_an_even_count_is_between_the_two_middles(void **state)
{
    struct median m;

    (void)state;
    median_init(&m, 5);
    assert_near((double)median_step(&m, 1), 1, 0);
    assert_near((double)median_step(&m, 2), 1.5, 1e-6);
    assert_near((double)median_step(&m, 100), 2, 0);
}

static void hampel_replaces_the_outlier_alone(void **state)
{
    struct hampel h;

    (void)state;
    hampel_init(&h, 9, 3.5f);
    for (int i = 0; i < 40; i++) {
        float x = i == 25 ? 99.0f : 20.0f + 0.1f * (float)(i % 4);
        float y = hampel_step(&h, x);

        assert_near((double)y, 20.15, 0.2);
    }
    assert_int_equal(h.replaced, 1);
}

static void the_controller_settles_and_does_not_wind_up(void **state)
{
    struct pid c = {.kp = 0.4f, .ki = 0.02f, .kd = 0.1f, .high = 1};
    double celsius = 15, highest = 0;

    (void)state;
    for (int i = 0; i < 6000; i++) {
        double heat = (double)pid_step(&c, 21, (float)celsius, 0.1f);

        celsius += 0.1 * ((8 - celsius) / 90 + 0.25 * heat);
        if (celsius > highest)
            highest = celsius;
    }
    assert_near(celsius, 21, 0.3);
    assert_true(highest < 22.5);
}

static void statistics_are_those_of_the_numbers(void **state)
{
    static const float x[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct stats s = {0};

    (void)state;
    for (size_t i = 0; i < 8; i++)
        stats_add(&s, x[i]);
    assert_near(s.mean, 5, 1e-12);
    assert_near(stats_deviation(&s), 2.13809, 1e-5);
    assert_near((double)s.greatest, 9, 0);
}

static void physics_agrees_with_the_tables(void **state)
{
    (void)state;
    assert_near(sensors_pt100(138.5055), 100, 0.01);
    assert_near(sensors_pt100(60.2558), -100, 0.01);
    assert_near(sensors_dew_point(25, 60), 16.7, 0.1);
    assert_near(sensors_altitude(898.75, 1013.25), 1000, 2);
    assert_near(sensors_thermistor(2048, 10000), 25, 0.5);
    assert_true(isnan(sensors_thermistor(4095, 10000)));
    assert_near(sensors_battery(3.81), 45, 0.01);
    /* Munich to Berlin */
    assert_near(sensors_distance(48.137, 11.575, 52.52, 13.405), 504200, 1500);
}

static void a_full_ring_counts_what_it_loses(void **state)
{
    struct ring r = {0};

    (void)state;
    for (unsigned i = 0; i < RING_SIZE + 3; i++)
        ring_put(&r, (uint8_t)i);
    assert_int_equal(r.lost, 3);
    assert_int_equal(ring_len(&r), RING_SIZE);
    for (unsigned i = 0; i < RING_SIZE; i++)
        assert_int_equal(ring_get(&r), (uint8_t)i);
    assert_int_equal(ring_get(&r), -1);
}

static uint32_t now;

static uint32_t clock_ms(void)
{
    return now;
}

static void slow_task(uint32_t at)
{
    (void)at;
    now += 35;
}

static void quick_task(uint32_t at)
{
    (void)at;
}

static void the_scheduler_does_not_run_after_a_late_clock(void **state)
{
    struct sched_task tasks[] = {
        {.name = "slow", .run = slow_task, .period_ms = 100},
        {.name = "quick", .run = quick_task, .period_ms = 10}};
    struct sched s = {tasks, 2, clock_ms};

    (void)state;
    now = 0xFFFFFF00u; /* wraps in the middle */
    tasks[0].due_ms = tasks[1].due_ms = now;
    for (int i = 0; i < 1000; i++) {
        sched_turn(&s);
        now += sched_idle_ms(&s) ? sched_idle_ms(&s) : 1;
    }
    assert_true(tasks[1].late > 0);
    assert_true(tasks[1].runs > 5 * tasks[0].runs);
    assert_true(tasks[1].runs < 10 * tasks[0].runs);
    assert_int_equal(tasks[0].longest_ms, 35);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fft_finds_a_sine_between_bins),
        cmocka_unit_test(fft_keeps_the_energy),
        cmocka_unit_test(biquads_pass_and_stop_what_they_say),
        cmocka_unit_test(median_of_an_even_count_is_between_the_two_middles),
        cmocka_unit_test(hampel_replaces_the_outlier_alone),
        cmocka_unit_test(the_controller_settles_and_does_not_wind_up),
        cmocka_unit_test(statistics_are_those_of_the_numbers),
        cmocka_unit_test(physics_agrees_with_the_tables),
        cmocka_unit_test(a_full_ring_counts_what_it_loses),
        cmocka_unit_test(the_scheduler_does_not_run_after_a_late_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
