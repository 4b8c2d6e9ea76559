/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "link/http_head.h"

static struct http_head h;

static void take(const char *line)
{
    http_head_take(&h, line, false);
}

static int set_up(void **state)
{
    (void)state;
    http_head_reset(&h);
    return 0;
}

static void a_length_is_digits_and_nothing_else(void **state)
{
    static const char *const bad[] = {
        "Content-Length: ",
        "Content-Length: x",
        "Content-Length: -1",
        "Content-Length: 1, 1",
        "Content-Length: 1x",
        "Content-Length: 0x10",
        "Content-Length: 9999999999999999999",
    };

    (void)state;
    take("content-length:  1234");
    assert_int_equal(h.content_len, 1234);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        take(bad[i]);
        assert_int_equal(h.content_len, -1);
    }
}

static void chunks_win_over_a_length(void **state)
{
    (void)state;
    take("Content-Length: 5");
    take("Transfer-Encoding: chunked");
    take("Content-Length: 5");
    assert_int_equal(h.content_len, -1);
}

static void a_range_says_where_and_of_how_much(void **state)
{
    (void)state;
    take("Content-Range: bytes 100-199/1000");
    assert_int_equal(h.range_from, 100);
    assert_int_equal(h.total, 1000);
    http_head_reset(&h);
    take("Content-Range: bytes 7-9/*");
    assert_int_equal(h.range_from, 7);
    assert_int_equal(h.total, -1);
    http_head_reset(&h);
    take("Content-Range: lines 7-9/10");
    assert_int_equal(h.total, -1);
}

static void only_a_strong_tag_is_a_tag(void **state)
{
    char line[LINK_ETAG_MAX + 32] = "ETag: \"";

    (void)state;
    take("ETag: W/\"weak\"");
    assert_false(h.has_etag);
    take("ETag: \"strong\"");
    assert_true(h.has_etag);
    assert_string_equal(h.etag, "\"strong\"");
    memset(line + 7, 'x', LINK_ETAG_MAX);
    take(line);
    assert_false(h.has_etag);
}

static void digests_of_both_generations_are_read(void **state)
{
    /* SHA-256 of nothing */
    static const char b64[] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    char line[128];

    (void)state;
    snprintf(line, sizeof line, "Digest: SHA-256=%s", b64);
    take(line);
    assert_true(h.has_digest);
    assert_int_equal(h.digest[0], 0xe3);
    http_head_reset(&h);
    snprintf(line, sizeof line, "Repr-Digest: sha-512=:x:, sha-256=:%s:", b64);
    take(line);
    assert_true(h.has_digest);
    assert_int_equal(h.digest[31], 0x55);
    take("Digest: sha-256=short");
    assert_int_equal(h.digest[31], 0);
}

static void a_digest_of_a_part_says_nothing_of_the_whole(void **state)
{
    (void)state;
    http_head_take(&h, "Content-Digest: sha-256=:AAAA:", true);
    assert_false(h.has_digest);
    http_head_take(&h, "Content-Digest: sha-256=:AAAA:", false);
    assert_true(h.has_digest);
}

static void a_new_status_line_forgets_what_was(void **state)
{
    (void)state;
    take("Content-Length: 5");
    take("ETag: \"a\"");
    take("HTTP/1.1 200 OK");
    assert_int_equal(h.content_len, -1);
    assert_false(h.has_etag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_length_is_digits_and_nothing_else, set_up),
        cmocka_unit_test_setup(chunks_win_over_a_length, set_up),
        cmocka_unit_test_setup(a_range_says_where_and_of_how_much, set_up),
        cmocka_unit_test_setup(only_a_strong_tag_is_a_tag, set_up),
        cmocka_unit_test_setup(digests_of_both_generations_are_read, set_up),
        cmocka_unit_test_setup(a_digest_of_a_part_says_nothing_of_the_whole,
                               set_up),
        cmocka_unit_test_setup(a_new_status_line_forgets_what_was, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
