/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "demo/node.h"
#include "demo/settings.h"

static void wipe(void)
{
    const struct dfota_flash *f = node_flash();

    for (uint32_t off = 0; off < f->size; off += f->erase_size)
        assert_int_equal(f->erase(f->ctx, off), 0);
}

static void assert_value(struct settings *s, const char *key, const char *want)
{
    char got[SETTINGS_VALUE_MAX + 1];

    assert_int_equal(settings_get(s, key, got, sizeof(got)), (int)strlen(want));
    assert_string_equal(got, want);
}

static void the_last_value_of_a_key_counts(void **state)
{
    struct settings s;
    char v[8];

    (void)state;
    wipe();
    assert_int_equal(settings_open(&s, node_flash()), 0);
    assert_int_equal(settings_get(&s, "a", v, sizeof(v)), DFOTA_E_NOTFOUND);
    assert_int_equal(settings_set(&s, "a", "1"), 0);
    assert_int_equal(settings_set(&s, "b", "x"), 0);
    assert_int_equal(settings_set(&s, "a", "0x10"), 0);
    assert_value(&s, "a", "0x10");
    assert_int_equal(settings_number(&s, "a", 7), 16);
    assert_int_equal(settings_number(&s, "b", 7), 7);
    assert_int_equal(settings_set(&s, "a", ""), 0);
    assert_int_equal(settings_get(&s, "a", v, sizeof(v)), DFOTA_E_NOTFOUND);
    assert_int_equal(settings_set(&s, "", "x"), DFOTA_E_ARG);
}

static void values_survive_compactions_and_restarts(void **state)
{
    struct settings s;
    char value[16];

    (void)state;
    wipe();
    assert_int_equal(settings_open(&s, node_flash()), 0);
    assert_int_equal(settings_set(&s, "kept", "for ever"), 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(value, sizeof(value), "%d", i);
        assert_int_equal(settings_set(&s, "counter", value), 0);
        if (i % 37 == 0)
            assert_int_equal(settings_open(&s, node_flash()), 0);
    }
    assert_value(&s, "kept", "for ever");
    assert_value(&s, "counter", "999");
    assert_true(s.generation > 5);
}

static void a_store_full_of_live_values_says_so(void **state)
{
    struct settings s;
    char key[16];
    int err = 0, n = 0;

    (void)state;
    wipe();
    assert_int_equal(settings_open(&s, node_flash()), 0);
    for (; err == 0 && n < 1000; n++) {
        snprintf(key, sizeof(key), "k%d", n);
        err = settings_set(&s, key, "a value of some length");
    }
    assert_int_equal(err, DFOTA_E_FULL);
    assert_true(n > 40);
    assert_value(&s, "k0", "a value of some length");
}

static void a_torn_record_loses_itself_only(void **state)
{
    const struct dfota_flash *f = node_flash();
    struct settings s;
    uint32_t end;

    (void)state;
    wipe();
    assert_int_equal(settings_open(&s, f), 0);
    assert_int_equal(settings_set(&s, "a", "before"), 0);
    end = s.end;
    assert_int_equal(settings_set(&s, "a", "after"), 0);
    assert_int_equal(f->prog(f->ctx, end + 10, "\0\0\0", 3), 0);
    assert_int_equal(settings_open(&s, f), 0);
    assert_value(&s, "a", "before");
    assert_int_equal(settings_set(&s, "a", "again"), 0);
    assert_int_equal(settings_open(&s, f), 0);
    assert_value(&s, "a", "again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_value_of_a_key_counts),
        cmocka_unit_test(values_survive_compactions_and_restarts),
        cmocka_unit_test(a_store_full_of_live_values_says_so),
        cmocka_unit_test(a_torn_record_loses_itself_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
