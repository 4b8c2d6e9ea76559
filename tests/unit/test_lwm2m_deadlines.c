/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When registrations end: by a table of deadlines that is only looked at when
 * one has come, with thousands of them, put off and drawn near at random.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lwm2m/registrar_parts.h"

enum { MANY = 5000, AT_ONCE = 512 };

struct fleet {
    struct registrar s;
    struct registration *r[MANY];
    uint64_t ends[MANY], random;
    unsigned gone;
    uint64_t now;
};

static uint64_t on_random(void *ctx)
{
    struct fleet *f = ctx;

    f->random = f->random * 6364136223846793005U + 1442695040888963407U;
    return f->random ^ f->random >> 29;
}

static void on_event(void *ctx, struct registration *r,
                     enum registrar_event event)
{
    struct fleet *f = ctx;
    unsigned i = (unsigned)strtoul(r->endpoint, NULL, 10);

    assert_int_equal(event, REGISTRAR_GONE);
    assert_true(f->ends[i] <= f->now);
    f->r[i] = NULL;
    f->gone++;
}

static const struct registrar_ops ops = {.random = on_random,
                                         .event = on_event};

static void set(struct fleet *f, unsigned i, uint64_t ends)
{
    f->ends[i] = f->r[i]->expires_ms = ends;
    table_reorder(&f->s, f->r[i]);
}

static struct fleet *begin(void)
{
    struct fleet *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->random = 7;
    assert_int_equal(
        registrar_init(&f->s, &ops, f, &(struct registrar_config){.max = MANY}),
        0);
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];
        int len = snprintf(name, sizeof name, "%u", i);

        f->r[i] = table_add(&f->s, name, (size_t)len);
        assert_non_null(f->r[i]);
        set(f, i, 1000 + on_random(f) % 100000);
    }
    return f;
}

static void end(struct fleet *f)
{
    registrar_release(&f->s);
    free(f);
}

/* Until nothing more is due. Returns how many looks that took. */
static unsigned look(struct fleet *f)
{
    unsigned looks = 0;

    while (registrar_wake(&f->s) <= f->now) {
        registrar_tick(&f->s, f->now);
        looks++;
    }
    return looks;
}

static void each_ends_at_its_time_however_often_it_changed(void **state)
{
    struct fleet *f = begin();

    (void)state;
    while (f->s.count > 0) {
        f->now = registrar_wake(&f->s);
        assert_true(f->now != COAP_NEVER);
        look(f);
        for (unsigned i = 0; i < MANY; i++)
            if (f->r[i])
                assert_true(f->ends[i] > f->now);
        /* Three out of four are put off. */
        for (unsigned n = 0; n < 40 && f->now < 200000; n++) {
            unsigned i = (unsigned)(on_random(f) % MANY);
            uint64_t by = on_random(f) % 50000;

            if (f->r[i])
                set(f, i,
                    on_random(f) % 4 ? f->ends[i] + by : f->now + 1 + by / 50);
        }
        f->now += 500; /* and some are over when it looks again */
        look(f);
    }
    assert_int_equal(f->gone, MANY);
    end(f);
}

static void a_tick_is_short_however_many_end_at_once(void **state)
{
    struct fleet *f = begin();
    unsigned before = 0, looks = 0;

    (void)state;
    f->now = 200000;
    while (registrar_wake(&f->s) <= f->now) {
        registrar_tick(&f->s, f->now);
        assert_in_range(f->gone - before, 1, AT_ONCE);
        before = f->gone;
        looks++;
    }
    assert_int_equal(f->gone, MANY);
    assert_true(looks >= MANY / AT_ONCE);
    end(f);
}

static void what_was_put_off_takes_no_longer(void **state)
{
    struct fleet *f = begin();

    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        set(f, i, 500000);
    f->now = 200000;
    assert_in_range(look(f), MANY / AT_ONCE, 2 * MANY / AT_ONCE);
    assert_int_equal(f->gone, 0);
    assert_int_equal(registrar_wake(&f->s), 500000);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ends_at_its_time_however_often_it_changed),
        cmocka_unit_test(a_tick_is_short_however_many_end_at_once),
        cmocka_unit_test(what_was_put_off_takes_no_longer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
