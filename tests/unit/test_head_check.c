/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "server/http/head_check.h"

/* Fields as name, value, name, value, .., NULL. */
static struct head_check head(const char *const *fields)
{
    struct head_check check = {0};

    for (; *fields; fields += 2)
        head_check_add(&check, fields[0], strlen(fields[0]), fields[1],
                       strlen(fields[1]));
    return check;
}

#define HEAD(...) head((const char *const[]){__VA_ARGS__, NULL})

static void accept_11(struct head_check check)
{
    assert_null(head_check_refusal(&check, true));
}

static void refuse_11(struct head_check check)
{
    assert_non_null(head_check_refusal(&check, true));
}

static void ordinary_heads_pass(void **state)
{
    struct head_check empty = {0};

    (void)state;
    accept_11(HEAD("Host", "a", "Range", "bytes=0-1", "X-1_a", "\tb"));
    accept_11(HEAD("host", "", "Content-Length", "0"));
    accept_11(HEAD("HOST", "a", "transfer-encoding", "Chunked"));
    assert_null(head_check_refusal(&empty, false));
}

static void heads_of_two_readings_are_refused(void **state)
{
    (void)state;
    refuse_11(HEAD("Accept", "a"));
    refuse_11(HEAD("Host", "a", "Host", "a"));
    refuse_11(HEAD("Host", "a", "hOST", "b"));
    refuse_11(HEAD("Host", "a", "Content-Length", "0", "Content-Length", "0"));
    refuse_11(HEAD("Host", "a", "Content-Length", "1", "Transfer-Encoding",
                   "chunked"));
    refuse_11(HEAD("Host", "a", "Transfer-Encoding", "chunked",
                   "Transfer-Encoding", "chunked"));
    refuse_11(HEAD("Host", "a", "Transfer-Encoding", "identity"));
    refuse_11(HEAD("Host", "a", "Transfer-Encoding", "chunked, gzip"));
    refuse_11(HEAD("Host", "a", "Transfer-Encoding", "xchunked"));
    refuse_11(HEAD("Host", "a", "Transfer-Encoding", "\vchunked"));
    refuse_11(HEAD("Host", "a", "Content-Length", "+1"));
    refuse_11(HEAD("Host", "a", "Content-Length", "1, 1"));
    refuse_11(HEAD("Host", "a", "Content-Length", ""));
    refuse_11(HEAD("Host", "a", "Content-Length ", "1"));
    refuse_11(HEAD("Host", "a", "Transfer-Encoding ", "chunked"));
    refuse_11(HEAD("Host", "a", " X", "b"));
    refuse_11(HEAD("Host", "a", "", "b"));
    refuse_11(HEAD("Host", "a", "X", "b\rc"));
    refuse_11(HEAD("Host", "a", "X\x80", "b"));
}

static void http_1_0_needs_no_host_and_has_no_codings(void **state)
{
    struct head_check check = HEAD("Transfer-Encoding", "chunked");

    (void)state;
    assert_non_null(head_check_refusal(&check, false));
    check = HEAD("Content-Length", "5");
    assert_null(head_check_refusal(&check, false));
}

static void content_is_seen_whatever_announces_it(void **state)
{
    (void)state;
    assert_true(HEAD("Content-Length", "5").body);
    assert_true(HEAD("Content-Length", "10").body);
    assert_false(HEAD("Content-Length", "0").body);
    assert_false(HEAD("Content-Length", "000").body);
    assert_true(HEAD("Transfer-Encoding", "chunked").body);
    assert_false(HEAD("Content-Type", "5").body);
}

static void a_nul_in_a_value_and_no_value_at_all_are_seen(void **state)
{
    struct head_check check = {0};

    (void)state;
    head_check_add(&check, "X", 1, NULL, 0);
    assert_false(check.malformed);
    head_check_add(&check, "X", 1, "a\0b", 3);
    assert_true(check.malformed);
    check = (struct head_check){0};
    head_check_add(&check, "X\0Y", 3, "a", 1);
    assert_true(check.malformed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_heads_pass),
        cmocka_unit_test(heads_of_two_readings_are_refused),
        cmocka_unit_test(http_1_0_needs_no_host_and_has_no_codings),
        cmocka_unit_test(content_is_seen_whatever_announces_it),
        cmocka_unit_test(a_nul_in_a_value_and_no_value_at_all_are_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
