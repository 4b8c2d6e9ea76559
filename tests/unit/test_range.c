/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/delivery/range.h"

struct row {
    const char *value;
    uint64_t size;
    enum range_verdict verdict;
    uint64_t first, len;
};

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct row *row = &rows[i];
        struct range range = {0};

        print_message("%s of %llu\n", row->value ? row->value : "(none)",
                      (unsigned long long)row->size);
        assert_int_equal(range_parse(row->value, row->size, &range),
                         row->verdict);
        assert_int_equal(range.first, row->first);
        assert_int_equal(range.len, row->len);
    }
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof *(rows))

static void a_single_range_is_cut_to_the_size(void **state)
{
    static const struct row rows[] = {
        {"bytes=0-0", 10, RANGE_PART, 0, 1},
        {"bytes=0-9", 10, RANGE_PART, 0, 10},
        {"bytes=0-10", 10, RANGE_PART, 0, 10},
        {"bytes=3-", 10, RANGE_PART, 3, 7},
        {"bytes=9-", 10, RANGE_PART, 9, 1},
        {"bytes=9-9", 10, RANGE_PART, 9, 1},
        {"bytes=-1", 10, RANGE_PART, 9, 1},
        {"bytes=-10", 10, RANGE_PART, 0, 10},
        {"bytes=-11", 10, RANGE_PART, 0, 10},
        {"BYTES=1-2", 10, RANGE_PART, 1, 2},
        {"bytes=00000000000000000000000000000001-2", 10, RANGE_PART, 1, 2},
        {"bytes= 1-2", 10, RANGE_PART, 1, 2},
        {"bytes=,1-2 ,,", 10, RANGE_PART, 1, 2},
    };

    (void)state;
    CHECK(rows);
}

static void a_range_behind_the_end_is_unsatisfiable(void **state)
{
    static const struct row rows[] = {
        {"bytes=10-", 10, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=10-10", 10, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", 10, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-0", 0, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-5", 0, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=18446744073709551615-", 10, RANGE_UNSATISFIABLE, 0, 0},
    };

    (void)state;
    CHECK(rows);
}

static void numbers_past_64_bits_do_not_wrap(void **state)
{
    static const struct row rows[] = {
        {"bytes=0-18446744073709551616", 10, RANGE_PART, 0, 10},
        {"bytes=18446744073709551616-", 10, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=18446744073709551616-18446744073709551617", 10,
         RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-99999999999999999999999999", 10, RANGE_PART, 0, 10},
        {"bytes=18446744073709551613-18446744073709551614", UINT64_MAX,
         RANGE_PART, UINT64_MAX - 2, 2},
        {"bytes=-18446744073709551615", UINT64_MAX, RANGE_PART, 0, UINT64_MAX},
        {"bytes=0-18446744073709551615", UINT64_MAX, RANGE_PART, 0, UINT64_MAX},
    };

    (void)state;
    CHECK(rows);
}

static void what_is_no_single_range_means_the_whole(void **state)
{
    static const struct row rows[] = {
        {NULL, 10, RANGE_WHOLE, 0, 0},
        {"", 10, RANGE_WHOLE, 0, 0},
        {"bytes", 10, RANGE_WHOLE, 0, 0},
        {"bytes=", 10, RANGE_WHOLE, 0, 0},
        {"bytes=-", 10, RANGE_WHOLE, 0, 0},
        {"bytes=,", 10, RANGE_WHOLE, 0, 0},
        {"bytes=5", 10, RANGE_WHOLE, 0, 0},
        {"bytes=5-2", 10, RANGE_WHOLE, 0, 0},
        {"bytes=1-2-3", 10, RANGE_WHOLE, 0, 0},
        {"bytes=1--2", 10, RANGE_WHOLE, 0, 0},
        {"bytes=--2", 10, RANGE_WHOLE, 0, 0},
        {"bytes=+1-2", 10, RANGE_WHOLE, 0, 0},
        {"bytes=0x1-2", 10, RANGE_WHOLE, 0, 0},
        {"bytes=1 -2", 10, RANGE_WHOLE, 0, 0},
        {"bytes=1- 2", 10, RANGE_WHOLE, 0, 0},
        {"bytes =1-2", 10, RANGE_WHOLE, 0, 0},
        {" bytes=1-2", 10, RANGE_WHOLE, 0, 0},
        {"bytes=1-2x", 10, RANGE_WHOLE, 0, 0},
        {"bytes=a-b", 10, RANGE_WHOLE, 0, 0},
        {"bytes=1.0-2", 10, RANGE_WHOLE, 0, 0},
        {"items=1-2", 10, RANGE_WHOLE, 0, 0},
        {"none", 10, RANGE_WHOLE, 0, 0},
        {"bytes=0-1,3-4", 10, RANGE_WHOLE, 0, 0},
        {"bytes=0-1,", 10, RANGE_PART, 0, 2},
        {"bytes=0-,-1", 10, RANGE_WHOLE, 0, 0},
    };

    (void)state;
    CHECK(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_range_is_cut_to_the_size),
        cmocka_unit_test(a_range_behind_the_end_is_unsatisfiable),
        cmocka_unit_test(numbers_past_64_bits_do_not_wrap),
        cmocka_unit_test(what_is_no_single_range_means_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
