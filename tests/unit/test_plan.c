/* SPDX-License-Identifier: Apache-2.0 */
/* What the generator decides before it codes: bases, T, windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "delta/plan.h"

enum { LEN = 65536, POINTERS = 2000, INSERTED = 256 };

static uint8_t old_image[LEN], new_image[LEN + INSERTED];

/* Pointers into the image, which moves by INSERTED from half of it on. */
static void make_images(uint32_t base)
{
    memset(old_image, 0x55, sizeof old_image);
    memset(new_image, 0x55, sizeof new_image);
    for (uint32_t i = 0; i < POINTERS; i++) {
        uint32_t target = (i * 7919) % LEN & ~3U;
        uint32_t moved = target + (target >= LEN / 2 ? INSERTED : 0);

        dfota_put_le32(old_image + (size_t)4 * i, base + target);
        dfota_put_le32(new_image + (size_t)4 * i, base + moved);
    }
}

static void the_base_is_found_by_changed_words(void **state)
{
    const uint32_t bases[] = {0x08000000, 0x00000000, 0x00026000,
                              0x40200000, 0xFFFFFF00, 0x2711F000};

    (void)state;
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        struct dfota_package p = {.windows = 1, .window_len = LEN + INSERTED};
        struct plan_input in = {old_image, new_image, &p};
        struct segments map = {0};
        struct dfota_shift t[4];
        struct dfota_project project = {.t = t, .t_cap = 4};
        struct plan_candidate found[PLAN_BASES];
        size_t n;

        p.m.source_len = LEN;
        p.m.target_len = LEN + INSERTED;
        make_images(bases[i]);
        segments_add(&map, 0, LEN / 2, 0);
        segments_add(&map, LEN / 2 + INSERTED, LEN / 2, LEN / 2);
        assert_int_equal(plan_t(&in, &map, &project), 0);
        assert_int_equal(project.t_len, 2);
        assert_int_equal(plan_bases(&in, &map, &project, found, &n), 0);
        assert_true(n > 0);
        assert_int_equal(found[0].base, bases[i]);
        segments_release(&map);
    }
}

static void a_short_copy_from_the_middle_does_not_rule_the_rest(void **state)
{
    struct dfota_package p = {.windows = 1, .window_len = LEN};
    struct plan_input in = {old_image, new_image, &p};
    struct segments map = {0};
    struct dfota_shift t[4];
    struct dfota_project project = {.t = t, .t_cap = 4};

    (void)state;
    p.m.source_len = p.m.target_len = LEN;
    segments_add(&map, 0, 40000, 0);
    segments_add(&map, 50000, 8, 20000);
    assert_int_equal(plan_t(&in, &map, &project), 0);
    assert_int_equal(dfota_project_offset(&project, 30000), 30000);
    segments_release(&map);
}

static void segments_are_cut_at_windows_in_production_order(void **state)
{
    struct dfota_package p = {.windows = 4, .window_len = 16384};
    struct plan_input in = {old_image, new_image, &p};
    struct segments map = {0}, cut = {0};

    (void)state;
    p.m.source_len = p.m.target_len = LEN;
    p.m.sector_log2 = 12;
    p.m.flags = DFOTA_FLAG_DESCENDING;
    segments_add(&map, 100, LEN - 100, 100);
    assert_int_equal(plan_windows(&in, &map, &cut), 0);
    assert_int_equal(cut.len, 4);
    assert_int_equal(cut.list[0].pos, 49152);
    assert_int_equal(cut.list[0].len, 16384);
    assert_int_equal(cut.list[3].pos, 100);
    assert_int_equal(cut.list[3].len, 16284);
    segments_release(&map);
    segments_release(&cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_base_is_found_by_changed_words),
        cmocka_unit_test(a_short_copy_from_the_middle_does_not_rule_the_rest),
        cmocka_unit_test(segments_are_cut_at_windows_in_production_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
