/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "modem/url.h"

static const struct url_rules rules = {
    .schemes = URL_HTTP | URL_HTTPS | URL_COAP,
    .max = 255,
    .ports = {80, 81, 82, 83},
};

static int parse(struct url *u, const char *s)
{
    return url_parse(u, s, strlen(s), &rules);
}

static void assert_written(const char *in, const char *out)
{
    char text[URL_MAX + 64];
    struct url u;

    assert_int_equal(parse(&u, in), 0);
    url_write(&u, text, sizeof text);
    assert_string_equal(text, out);
}

static void a_url_is_written_back_with_its_port(void **state)
{
    (void)state;
    assert_written("http://h/p", "http://h:80/p");
    assert_written("HTTPS://h", "https://h:81/");
    assert_written("CoAP://h:1/", "coap://h:1/");
    assert_written("http://h:65535/a?b=c", "http://h:65535/a?b=c");
    assert_written("http://[::1]:5/x", "http://[::1]:5/x");
    assert_written("http://[2001:db8::1]", "http://[2001:db8::1]:80/");
    assert_written("http://192.0.2.1/", "http://192.0.2.1:80/");
}

static void what_breaks_the_grammar_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "http",
        "http:/h",
        "http://",
        "http:///x",
        "http://:80/",
        "http://h:/",
        "http://h:0/",
        "http://h:65536/",
        "http://h:99999999999/",
        "http://h:8x/",
        "http://u@h/",
        "http://u:p@h/",
        "http://h/#f",
        "http://h#f",
        "http://h/a b",
        "http://h/\"",
        "http://h/\x01",
        "http://h/\xc3\xa4",
        "http://h?q",
        "http://[::1/",
        "http://[::g]/",
        "http://[127.0.0.1]/",
        "http://[::1]x/",
        "http://h!/",
        "hxxp://h/",
    };
    struct url u;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(parse(&u, bad[i]), DFOTA_E_SYNTAX);
    assert_int_equal(parse(&u, "coaps://h/"), DFOTA_E_UNSUPPORTED);
}

static void the_limit_is_the_dialects(void **state)
{
    char text[300];
    struct url u;

    (void)state;
    memset(text, 'a', sizeof text);
    for (int i = 0; i < 9; i++)
        text[i] = "http://h/"[i];
    assert_int_equal(url_parse(&u, text, 255, &rules), 0);
    assert_int_equal(strlen(u.path), 255 - 8);
    assert_int_equal(url_parse(&u, text, 256, &rules), DFOTA_E_FULL);
}

static void a_host_of_255_fits_and_a_longer_one_does_not(void **state)
{
    struct url_rules wide = rules;
    char text[300] = "http://";
    struct url u;

    (void)state;
    wide.max = 290;
    memset(text + 7, 'h', 256);
    assert_int_equal(url_parse(&u, text, 7 + 255, &wide), 0);
    assert_int_equal(url_parse(&u, text, 7 + 256, &wide), DFOTA_E_SYNTAX);
}

static bool usable(const char *s, bool v6)
{
    struct url u;

    assert_int_equal(parse(&u, s), 0);
    return url_usable(&u, v6);
}

static void what_only_the_network_finds_out(void **state)
{
    char label[128] = "http://";

    (void)state;
    assert_true(usable("http://h/%20%aF", false));
    assert_false(usable("http://h/%2", false));
    assert_false(usable("http://h/%", false));
    assert_false(usable("http://h/%gg", false));
    assert_false(usable("http://[::1]/", false));
    assert_true(usable("http://[::1]/", true));
    memset(label + 7, 'a', 63);
    assert_true(usable(label, false));
    memset(label + 7, 'a', 64);
    assert_false(usable(label, false));
}

static void a_url_without_a_port_says_so(void **state)
{
    struct url u;

    (void)state;
    assert_int_equal(parse(&u, "https://h/"), 0);
    assert_false(u.has_port);
    assert_int_equal(u.port, 81);
    assert_int_equal(parse(&u, "https://h:81/"), 0);
    assert_true(u.has_port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_written_back_with_its_port),
        cmocka_unit_test(what_breaks_the_grammar_is_refused),
        cmocka_unit_test(the_limit_is_the_dialects),
        cmocka_unit_test(a_host_of_255_fits_and_a_longer_one_does_not),
        cmocka_unit_test(what_only_the_network_finds_out),
        cmocka_unit_test(a_url_without_a_port_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
