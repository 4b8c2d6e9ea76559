/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/delivery/etag.h"

static void the_tag_is_the_digest_in_quotes(void **state)
{
    const uint8_t sha256[32] = {0x01, 0xab, [31] = 0xf0};
    char etag[ETAG_ROOM];

    (void)state;
    etag_make(sha256, etag);
    assert_string_equal(etag, "\"01ab0000000000000000000000000000"
                              "000000000000000000000000000000f0\"");
}

static void a_list_is_searched_member_by_member(void **state)
{
    (void)state;
    assert_true(etag_in_list("\"a\"", "\"a\"", false));
    assert_true(etag_in_list(" \"b\" ,, \"a\"", "\"a\"", false));
    assert_true(etag_in_list("*", "\"a\"", false));
    assert_true(etag_in_list("\"x,\", \"a\"", "\"a\"", false));
    assert_false(etag_in_list(NULL, "\"a\"", false));
    assert_false(etag_in_list("", "\"a\"", false));
    assert_false(etag_in_list("\"ab\"", "\"a\"", false));
    assert_false(etag_in_list("\"b\", a", "\"a\"", false));
    assert_false(etag_in_list("\"a", "\"a\"", false));
    assert_false(etag_in_list("W/", "\"a\"", true));
}

static void a_weak_tag_matches_only_where_weak_is_enough(void **state)
{
    (void)state;
    assert_false(etag_in_list("W/\"a\"", "\"a\"", false));
    assert_true(etag_in_list("W/\"a\"", "\"a\"", true));
    assert_true(etag_in_list("W/\"b\", W/\"a\"", "\"a\"", true));
}

static void if_range_takes_the_very_tag_alone(void **state)
{
    (void)state;
    assert_true(etag_if_range(NULL, "\"a\""));
    assert_true(etag_if_range("\"a\"", "\"a\""));
    assert_false(etag_if_range("W/\"a\"", "\"a\""));
    assert_false(etag_if_range("\"b\"", "\"a\""));
    assert_false(etag_if_range("*", "\"a\""));
    assert_false(etag_if_range("Fri, 20 Nov 2026 10:44:40 GMT", "\"a\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tag_is_the_digest_in_quotes),
        cmocka_unit_test(a_list_is_searched_member_by_member),
        cmocka_unit_test(a_weak_tag_matches_only_where_weak_is_enough),
        cmocka_unit_test(if_range_takes_the_very_tag_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
