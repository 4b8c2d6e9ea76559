/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "modem/syntax.h"

/* Feed a string; the event of its last byte. */
static enum syntax_event feed(struct syntax *s, const char *text)
{
    enum syntax_event event = SYNTAX_NOTHING;
    bool kept;

    for (; *text; text++)
        event = syntax_feed(s, (uint8_t)*text, &kept);
    return event;
}

static void assert_line(const char *in, const char *body)
{
    struct syntax s;

    syntax_init(&s);
    assert_int_equal(feed(&s, in), SYNTAX_LINE);
    assert_string_equal(s.line, body);
}

static void a_line_is_what_stands_behind_at(void **state)
{
    (void)state;
    assert_line("AT\r", "");
    assert_line("ATI\r", "I");
    assert_line("at+csq\r", "+csq");
    assert_line("\x1b\x1b~~~AT+CSQ\r", "+CSQ");
    assert_line("AAT\r", "");
    assert_line("AT+X=\"AT\"\r", "+X=\"AT\"");
}

static void a_line_without_at_is_no_line(void **state)
{
    struct syntax s;

    (void)state;
    syntax_init(&s);
    assert_int_equal(feed(&s, "hello\r"), SYNTAX_NOTHING);
    assert_int_equal(feed(&s, "aT\r"), SYNTAX_NOTHING);
    assert_int_equal(feed(&s, "At\r"), SYNTAX_NOTHING);
    assert_int_equal(feed(&s, "A T\r"), SYNTAX_NOTHING);
    assert_int_equal(feed(&s, "A\rT\r"), SYNTAX_NOTHING);
}

static void blanks_count_inside_strings_only(void **state)
{
    (void)state;
    assert_line("AT + C S Q\r", "+CSQ");
    assert_line("AT+X = \"a b\" , 1\r", "+X=\"a b\",1");
}

static void backspace_takes_back_and_controls_are_ignored(void **state)
{
    struct syntax s;
    bool kept;

    (void)state;
    assert_line("AT+CSX\bQ\r", "+CSQ");
    assert_line("ATX\b\b\b\bI\r", "I");
    syntax_init(&s);
    feed(&s, "AT");
    assert_int_equal(syntax_feed(&s, 0, &kept), SYNTAX_NOTHING);
    assert_false(kept);
    syntax_feed(&s, '\n', &kept);
    assert_false(kept);
    syntax_feed(&s, 'I', &kept);
    assert_true(kept);
    assert_int_equal(syntax_feed(&s, '\r', &kept), SYNTAX_LINE);
    assert_true(kept);
    assert_string_equal(s.line, "I");
}

static void slash_repeats_the_last_line_at_once(void **state)
{
    struct syntax s;

    (void)state;
    syntax_init(&s);
    assert_int_equal(feed(&s, "A/"), SYNTAX_LINE);
    assert_string_equal(s.line, "");
    feed(&s, "AT+CSQ\r");
    assert_int_equal(feed(&s, "A/"), SYNTAX_LINE);
    assert_string_equal(s.line, "+CSQ");
    assert_int_equal(feed(&s, "a/"), SYNTAX_LINE);
}

static void a_line_of_1024_runs_and_of_1025_is_refused(void **state)
{
    char in[SYNTAX_LINE_MAX + 8];
    struct syntax s;

    (void)state;
    syntax_init(&s);
    memset(in, 'X', sizeof in);
    memcpy(in, "AT", 2);
    in[2 + SYNTAX_LINE_MAX] = '\0';
    feed(&s, in);
    assert_int_equal(feed(&s, "\r"), SYNTAX_LINE);
    assert_int_equal(strlen(s.line), SYNTAX_LINE_MAX);
    in[2 + SYNTAX_LINE_MAX] = 'X';
    in[3 + SYNTAX_LINE_MAX] = '\0';
    feed(&s, in);
    assert_int_equal(feed(&s, "\r"), SYNTAX_TOO_LONG);
    assert_string_equal(s.line, "");
    assert_int_equal(feed(&s, "ATI\r"), SYNTAX_LINE);
}

static void the_line_end_is_what_s3_says(void **state)
{
    struct syntax s;

    (void)state;
    syntax_init(&s);
    s.s3 = '!';
    assert_int_equal(feed(&s, "ATI\r"), SYNTAX_NOTHING);
    assert_int_equal(feed(&s, "!"), SYNTAX_LINE);
    assert_string_equal(s.line, "I");
}

static void assert_next(const char **at, const char *name,
                        enum command_form form, const char *args)
{
    struct syntax_command c;

    assert_int_equal(syntax_next(at, &c), 0);
    assert_string_equal(c.name, name);
    assert_int_equal(c.form, form);
    assert_int_equal(c.args_len, strlen(args));
    assert_memory_equal(c.args, args, strlen(args));
}

static void a_line_is_taken_apart_command_by_command(void **state)
{
    const char *at = "E0V1&D2+csq;+CEREG?;+CMEE=?;+X=1,\";\";;I;S3=13S4?";
    struct syntax_command c;

    (void)state;
    assert_next(&at, "E", FORM_EXEC, "");
    assert_next(&at, "V", FORM_EXEC, "");
    assert_int_equal(syntax_next(&at, &c), 0);
    assert_string_equal(c.name, "&D");
    assert_int_equal(c.number, 2);
    assert_next(&at, "+CSQ", FORM_EXEC, "");
    assert_next(&at, "+CEREG", FORM_READ, "");
    assert_next(&at, "+CMEE", FORM_TEST, "");
    assert_next(&at, "+X", FORM_WRITE, "1,\";\"");
    assert_next(&at, "I", FORM_EXEC, "");
    assert_int_equal(syntax_next(&at, &c), 0);
    assert_string_equal(c.name, "S");
    assert_int_equal(c.number, 3);
    assert_int_equal(c.form, FORM_WRITE);
    assert_next(&at, "S", FORM_READ, "");
    assert_int_equal(syntax_next(&at, &c), DFOTA_DONE);
}

static void what_is_no_command_is_a_syntax_error(void **state)
{
    static const char *const bad[] = {
        "+",      "=",
        "1",      "+CSQ+CEREG",
        "+X=\"a", "&",
        "&1",     "S3",
        "+CSQ?x", "E99999999999",
        "\x80",   "?",
        "\"",     "+ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *at = bad[i];
        struct syntax_command c;

        assert_int_equal(syntax_next(&at, &c), DFOTA_E_SYNTAX);
    }
}

static void parameters_have_types(void **state)
{
    struct syntax_params p;
    const char *args = "1,-2,,\"a\\22\\5Cb\",http://x/y?z=1,\"\"";

    (void)state;
    assert_int_equal(syntax_params(&p, args, strlen(args)), 0);
    assert_int_equal(p.count, 6);
    assert_int_equal(p.p[0].kind, PARAM_INT);
    assert_int_equal(p.p[0].value, 1);
    assert_int_equal(p.p[1].value, -2);
    assert_int_equal(p.p[2].kind, PARAM_NONE);
    assert_int_equal(p.p[3].kind, PARAM_STRING);
    assert_string_equal(p.p[3].text, "a\"\\b");
    assert_int_equal(p.p[3].raw_len, 8);
    assert_int_equal(p.p[4].kind, PARAM_BARE);
    assert_string_equal(p.p[4].text, "http://x/y?z=1");
    assert_int_equal(p.p[5].kind, PARAM_STRING);
    assert_int_equal(p.p[5].len, 0);
}

static void a_backslash_that_escapes_nothing_is_itself(void **state)
{
    struct syntax_params p;

    (void)state;
    assert_int_equal(syntax_params(&p, "\"C:\\x\\4\"", 8), 0);
    assert_string_equal(p.p[0].text, "C:\\x\\4");
}

static void odd_parameters_are_refused_or_bounded(void **state)
{
    struct syntax_params p;

    (void)state;
    assert_int_equal(syntax_params(&p, "", 0), 0);
    assert_int_equal(p.count, 0);
    assert_int_equal(syntax_params(&p, ",", 1), 0);
    assert_int_equal(p.count, 2);
    assert_int_equal(syntax_params(&p, "\"a\"b", 4), DFOTA_E_SYNTAX);
    assert_int_equal(syntax_params(&p, "a\"b\"", 4), DFOTA_E_SYNTAX);
    assert_int_equal(syntax_params(&p, "\"", 1), DFOTA_E_SYNTAX);
    assert_int_equal(syntax_params(&p, ",,,,,,,,,,,,,,,,", 16), DFOTA_E_SYNTAX);
    assert_int_equal(syntax_params(&p, "99999999999999999999999999", 26), 0);
    assert_true(p.p[0].value > INT32_MAX);
}

/* Whatever comes in, every read stays inside (the sanitizers look), and a
 * line that ends is taken apart in bounded steps. */
static void noise_is_survived(void **state)
{
    static const char alphabet[] = "AaTt+=?;,\"\\2 CSQ/&\r\b\n0:";
    struct syntax_params params;
    struct syntax s;
    uint32_t random = 1;
    bool kept;

    (void)state;
    syntax_init(&s);
    for (int i = 0; i < 200000; i++) {
        struct syntax_command c;
        const char *at = s.line;
        uint8_t byte;
        int steps = 0;

        random = random * 1664525 + 1013904223;
        byte = (uint8_t)(random >> 16);
        if (random >> 30)
            byte = (uint8_t)alphabet[(random >> 16) % (sizeof alphabet - 1)];
        if (syntax_feed(&s, byte, &kept) != SYNTAX_LINE)
            continue;
        while (syntax_next(&at, &c) == 0) {
            assert_true(++steps <= SYNTAX_LINE_MAX);
            syntax_params(&params, c.args, c.args_len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_what_stands_behind_at),
        cmocka_unit_test(a_line_without_at_is_no_line),
        cmocka_unit_test(blanks_count_inside_strings_only),
        cmocka_unit_test(backspace_takes_back_and_controls_are_ignored),
        cmocka_unit_test(slash_repeats_the_last_line_at_once),
        cmocka_unit_test(a_line_of_1024_runs_and_of_1025_is_refused),
        cmocka_unit_test(the_line_end_is_what_s3_says),
        cmocka_unit_test(a_line_is_taken_apart_command_by_command),
        cmocka_unit_test(what_is_no_command_is_a_syntax_error),
        cmocka_unit_test(parameters_have_types),
        cmocka_unit_test(a_backslash_that_escapes_nothing_is_itself),
        cmocka_unit_test(odd_parameters_are_refused_or_bounded),
        cmocka_unit_test(noise_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
