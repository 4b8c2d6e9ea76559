/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of ESP32 and ESP8266 images, found and matched; files that only
 * look like such images. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "delta/regions.h"

enum { FILE_MAX = 0x8000 };

struct segment {
    uint32_t address, len;
};

/* Write an image at off; returns where it ends. */
static uint32_t put_image(uint8_t *file, uint32_t off, uint32_t header,
                          uint32_t entry, const struct segment *s, uint8_t n)
{
    file[off] = 0xE9;
    file[off + 1] = n;
    dfota_put_le32(file + off + 4, entry);
    off += header;
    for (uint8_t i = 0; i < n; i++) {
        dfota_put_le32(file + off, s[i].address);
        dfota_put_le32(file + off + 4, s[i].len);
        off += 8 + s[i].len;
    }
    return off;
}

static const struct segment esp32[] = {
    {0x3C130020, 0x1000},
    {0x3FC95200, 0x40},
    {0x42000020, 0x2000},
    {0x40380000, 0x800},
};

static void segments_of_an_esp32_image_become_regions(void **state)
{
    static uint8_t old[FILE_MAX], new[FILE_MAX];
    struct segment moved[4];
    struct dfota_region r[REGIONS_FOUND_MAX];
    uint32_t old_len, new_len;

    (void)state;
    memcpy(moved, esp32, sizeof moved);
    moved[0] = (struct segment){0x3C120020, 0x1100};
    old_len = put_image(old, 0, 24, 0x40380010, esp32, 4);
    new_len = put_image(new, 0, 24, 0x40380010, moved, 4);
    assert_int_equal(regions_find(old, old_len, new, new_len, r), 4);
    assert_int_equal(r[0].off, 32);
    assert_int_equal(r[0].len, 0x1000);
    assert_int_equal(r[0].old_bias, 0x3C130000);
    assert_int_equal(r[0].new_bias, 0x3C120000);
    assert_int_equal(r[2].off, 24 + 8 + 0x1000 + 8 + 0x40 + 8);
    assert_int_equal(r[2].len, 0x2000);
    assert_int_equal(r[2].old_bias, 0x42000020 - r[2].off);
    assert_int_equal(r[2].new_bias, 0x42000020 - (r[2].off + 0x100));
}

static void images_behind_each_other_are_all_found(void **state)
{
    static const struct segment boot[] = {{0x40100000, 0x200},
                                          {0x3FFE8000, 0x100}};
    static uint8_t old[FILE_MAX], new[FILE_MAX];
    struct dfota_region r[REGIONS_FOUND_MAX];
    uint32_t len;

    (void)state;
    put_image(old, 0, 8, 0x40100004, boot, 2);
    len = put_image(old, 0x1000, 24, 0x42000100, esp32, 4);
    memset(new, 1, sizeof new);
    put_image(new, 0, 8, 0x40100004, boot, 2);
    put_image(new, 0x1000, 24, 0x42000100, esp32, 4);
    assert_int_equal(regions_find(old, len, new, len, r), 6);
    assert_int_equal(r[0].off, 16);
    assert_int_equal(r[0].old_bias, 0x40100000 - 16);
    assert_int_equal(r[3].len, 0x40);
}

static void a_segment_that_is_new_is_no_region(void **state)
{
    static uint8_t old[FILE_MAX], new[FILE_MAX];
    struct dfota_region r[REGIONS_FOUND_MAX];
    uint32_t old_len, new_len;

    (void)state;
    memset(new, 1, sizeof new);
    old_len = put_image(old, 0, 24, 0x42000020, esp32, 4);
    new_len = put_image(new, 0, 24, 0x42000020, esp32, 3);
    assert_int_equal(regions_find(old, old_len, new, new_len, r), 3);
    for (int i = 0; i < 3; i++)
        assert_int_not_equal(r[i].len, 0x800);
}

static void more_segments_than_fit_leave_out_the_shortest(void **state)
{
    static uint8_t old[FILE_MAX], new[FILE_MAX];
    struct segment s[16];
    struct dfota_region r[REGIONS_FOUND_MAX];
    uint32_t len;

    (void)state;
    for (uint32_t i = 0; i < 16; i++)
        s[i] = (struct segment){0x40000000 + i * 0x1000, 16 + 16 * i};
    len = put_image(old, 0, 24, 0x40000000, s, 16);
    memset(new, 1, sizeof new);
    put_image(new, 0, 24, 0x40000000, s, 16);
    assert_int_equal(regions_find(old, len, new, len, r), REGIONS_FOUND_MAX);
    assert_int_equal(r[0].len, 16 + 16 * 9);
    assert_int_equal(r[REGIONS_FOUND_MAX - 1].len, 16 + 16 * 15);
}

static void a_segment_that_stayed_is_left_out(void **state)
{
    static uint8_t old[FILE_MAX], new[FILE_MAX];
    struct dfota_region r[REGIONS_FOUND_MAX];
    uint32_t len;

    (void)state;
    len = put_image(old, 0, 24, 0x42000020, esp32, 4);
    put_image(new, 0, 24, 0x42000020, esp32, 4);
    assert_int_equal(regions_find(old, len, new, len, r), 0);
    new[len - 1] = 1;
    assert_int_equal(regions_find(old, len, new, len, r), 1);
    assert_int_equal(r[0].len, 0x800);
}

static void what_only_looks_like_an_image_is_none(void **state)
{
    static uint8_t old[FILE_MAX], new[FILE_MAX];
    struct dfota_region r[REGIONS_FOUND_MAX];
    uint32_t len;

    (void)state;
    memset(new, 1, sizeof new);
    len = put_image(new, 0, 24, 0x42000020, esp32, 4);
    put_image(old, 0, 24, 0x50000000, esp32, 4);
    assert_int_equal(regions_find(old, len, new, len, r), 0);
    /* one byte short, a length that wraps, no segments, an empty file */
    put_image(old, 0, 24, 0x42000020, esp32, 4);
    assert_int_equal(regions_find(old, len, new, len, r), 4);
    assert_int_equal(regions_find(old, len - 1, new, len, r), 0);
    dfota_put_le32(old + 28, 0xFFFFFFF0);
    assert_int_equal(regions_find(old, len, new, len, r), 0);
    old[1] = 0;
    assert_int_equal(regions_find(old, len, new, len, r), 0);
    assert_int_equal(regions_find(old, 0, new, 0, r), 0);
}

static void no_bytes_lead_out_of_the_file(void **state)
{
    static uint8_t file[0x400], other[0x400];
    struct dfota_region r[REGIONS_FOUND_MAX];
    uint32_t x = 1;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof file; i++) {
            x = x * 1664525 + 1013904223;
            /* Small numbers, so that lengths may be right. */
            file[i] = (uint8_t)(x >> 28 ? 0 : x >> 16);
        }
        for (size_t i = 0; i < sizeof file; i += 0x80) {
            file[i] = 0xE9;
            file[i + 1] = (uint8_t)(x >> (i >> 7) & 31);
        }
        memcpy(other, file, sizeof file);
        other[sizeof file - 1] ^= 1;
        for (uint8_t i =
                 regions_find(file, sizeof file, other, sizeof other, r);
             i > 0; i--)
            assert_true(r[i - 1].off <= sizeof file &&
                        r[i - 1].len <= sizeof file - r[i - 1].off);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_of_an_esp32_image_become_regions),
        cmocka_unit_test(images_behind_each_other_are_all_found),
        cmocka_unit_test(a_segment_that_is_new_is_no_region),
        cmocka_unit_test(more_segments_than_fit_leave_out_the_shortest),
        cmocka_unit_test(a_segment_that_stayed_is_left_out),
        cmocka_unit_test(what_only_looks_like_an_image_is_none),
        cmocka_unit_test(no_bytes_lead_out_of_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
