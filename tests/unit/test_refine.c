/* SPDX-License-Identifier: Apache-2.0 */
/* The copy map by cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "delta/refine.h"

enum { LEN = 20000 };

static uint8_t old_image[LEN], image[LEN];
static uint32_t seed;

static uint8_t next_byte(void)
{
    seed = seed * 1664525 + 1013904223;
    return (uint8_t)(seed >> 16);
}

static void fill(uint8_t *to, uint32_t len)
{
    while (len-- > 0)
        *to++ = next_byte();
}

static struct segments refined(const struct segments *first, uint32_t step)
{
    struct match_index x;
    struct segments map = {0};

    assert_int_equal(match_index_create(&x, old_image, LEN), 0);
    for (size_t i = 0; i < first->len; i++)
        segments_add(&map, first->list[i].pos, first->list[i].len,
                     first->list[i].src);
    assert_int_equal(refine_map(&x, image, LEN, step, &map), 0);
    match_index_destroy(&x);
    return map;
}

/* Whatever the map before: ascending, inside both images, not empty. */
static void check(const struct segments *map)
{
    uint32_t end = 0;

    for (size_t i = 0; i < map->len; i++) {
        const struct dfota_segment *s = &map->list[i];

        assert_true(s->len > 0);
        assert_true(s->pos >= end);
        end = s->pos + s->len;
        assert_true(end <= LEN);
        assert_true(s->src <= LEN && s->len <= LEN - s->src);
    }
}

static void a_copy_that_was_missed_is_found(void **state)
{
    struct segments none = {0}, map;

    (void)state;
    seed = 1;
    fill(old_image, LEN);
    fill(image, LEN);
    memcpy(image + 5000, old_image + 9000, 3000);
    map = refined(&none, 2);
    check(&map);
    assert_int_equal(map.len, 1);
    assert_in_range(map.list[0].pos, 4998, 5000);
    assert_in_range(map.list[0].len, 3000, 3004);
    segments_release(&map);
}

static void a_copy_that_is_mostly_wrong_is_dropped(void **state)
{
    struct segments first = {0}, map;

    (void)state;
    seed = 2;
    fill(old_image, LEN);
    memcpy(image, old_image, LEN);
    fill(image + 8000, 4000);
    segments_add(&first, 0, LEN, 0);
    map = refined(&first, 2);
    check(&map);
    assert_int_equal(map.len, 2);
    assert_in_range(map.list[0].len, 7998, 8010);
    assert_in_range(map.list[1].pos, 11990, 12000);
    segments_release(&map);
    segments_release(&first);
}

static void one_wrong_byte_does_not_cut_a_segment(void **state)
{
    struct segments first = {0}, map;

    (void)state;
    seed = 3;
    fill(old_image, LEN);
    memcpy(image, old_image, LEN);
    for (uint32_t i = 0; i < LEN; i += 1000)
        image[i] ^= 1;
    segments_add(&first, 0, LEN, 0);
    map = refined(&first, 4);
    check(&map);
    assert_int_equal(map.len, 1);
    assert_int_equal(map.list[0].len, LEN);
    segments_release(&map);
    segments_release(&first);
}

static void patchwork_of_any_alignment_stays_sound(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 30; round++) {
        struct segments first = {0}, map;
        uint32_t at = 0;

        seed = round;
        fill(old_image, LEN);
        while (at < LEN) {
            uint32_t len = 1 + next_byte() * 4U, src = next_byte() * 70U;

            len = len < LEN - at ? len : LEN - at;
            if (next_byte() % 4) {
                memcpy(image + at, old_image + src, len);
                if (next_byte() % 2)
                    segments_add(&first, at, len, src);
            } else {
                fill(image + at, len);
            }
            at += len;
        }
        map = refined(&first, 1U << round % 3);
        check(&map);
        segments_release(&map);
        segments_release(&first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_that_was_missed_is_found),
        cmocka_unit_test(a_copy_that_is_mostly_wrong_is_dropped),
        cmocka_unit_test(one_wrong_byte_does_not_cut_a_segment),
        cmocka_unit_test(patchwork_of_any_alignment_stays_sound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
