/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "server/http/url_path.h"

static void expect(const char *target, int err, const char *path)
{
    char out[64] = "";

    print_message("%s\n", target);
    assert_int_equal(url_path_decode(target, out, sizeof out), err);
    if (!err)
        assert_string_equal(out, path);
}

static void a_plain_path_comes_out_relative(void **state)
{
    (void)state;
    expect("/a", 0, "a");
    expect("/a/b.bin", 0, "a/b.bin");
    expect("/a%20b", 0, "a b");
    expect("/%41%2e", 0, "A.");
    expect("/a?x=/../%zz", 0, "a");
    expect("/a#x", 0, "a");
    expect("/a..b/c.", 0, "a..b/c.");
    expect("/%c3%a9\xc3\xa9", 0, "\xc3\xa9\xc3\xa9");
    expect("http://host:80/a", 0, "a");
    expect("HTTPS://h/a?q", 0, "a");
    expect("/http://h/a", DFOTA_E_NOTFOUND, NULL);
    expect("/%2525", 0, "%25");
}

static void nothing_hidden_or_above_is_ever_served(void **state)
{
    static const char *const targets[] = {
        "/",         "/?a",          "//a",          "/a//b",       "/a/",
        "/.",        "/..",          "/../a",        "/a/../b",     "/a/..",
        "/./a",      "/.hidden",     "/a/.b",        "/%2e%2e/a",   "/%2E/a",
        "/a/.%2e/b", "/a%2fb",       "/a/..%2fb",    "/..%2f..%2f", "/%2fetc",
        "/a/./b",    "http://host/", "http://h/../a"};

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        expect(targets[i], DFOTA_E_NOTFOUND, NULL);
}

static void a_malformed_target_is_told_apart(void **state)
{
    static const char *const targets[] = {"",
                                          "a",
                                          "*",
                                          "host:80",
                                          "/a%",
                                          "/a%2",
                                          "/a%2g",
                                          "/a%g2",
                                          "/%00",
                                          "/a%00b",
                                          "/a%0ab",
                                          "/%7f",
                                          "/a\tb",
                                          "/a\nb",
                                          "/\x7f",
                                          "/a%1fb",
                                          "http://host",
                                          "ftp://host/a",
                                          "http:/a",
                                          "/%-1",
                                          "/a b",
                                          "/a ",
                                          "/%+1",
                                          "/% 1",
                                          "http://host?/a"};

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        expect(targets[i], DFOTA_E_SYNTAX, NULL);
}

static void the_room_is_kept(void **state)
{
    char out[5] = {'#', '#', '#', '#', '#'};

    (void)state;
    assert_int_equal(url_path_decode("/abc", out, 4), 0);
    assert_memory_equal(out, "abc\0#", 5);
    assert_int_equal(url_path_decode("/abcd", out, 4), DFOTA_E_FULL);
    assert_int_equal(out[4], '#');
    assert_int_equal(url_path_decode("/", out, 1), DFOTA_E_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_path_comes_out_relative),
        cmocka_unit_test(nothing_hidden_or_above_is_ever_served),
        cmocka_unit_test(a_malformed_target_is_told_apart),
        cmocka_unit_test(the_room_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
