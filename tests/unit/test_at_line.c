/* SPDX-License-Identifier: Apache-2.0 */
#include "at/line.h"
#include "base/err.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the four above first */
#include <cmocka.h>

/* All lines of the bytes, joined by '|'. */
static const char *lines_of(const char *bytes, size_t len)
{
    static char out[4096];
    struct dfota_line line;
    size_t used = 0;

    dfota_line_init(&line);
    out[0] = '\0';
    for (size_t i = 0; i < len; i++) {
        if (dfota_line_feed(&line, (uint8_t)bytes[i]) == DFOTA_DONE)
            used += (size_t)snprintf(out + used, sizeof(out) - used, "%s|",
                                     line.text);
    }
    return out;
}

#define LINES(bytes) lines_of(bytes, sizeof(bytes) - 1)

static void lines_end_at_cr_or_lf_or_both(void **state)
{
    (void)state;
    assert_string_equal(LINES("\r\nOK\r\n"), "OK|");
    assert_string_equal(LINES("\rOK\r"), "OK|");
    assert_string_equal(LINES("\nOK\n"), "OK|");
    assert_string_equal(LINES("AT\r\r\nOK\r\n\r\nRDY\r\n"), "AT|OK|RDY|");
}

static void nuls_and_noise_vanish_inside_a_line(void **state)
{
    (void)state;
    assert_string_equal(LINES("\0\xff\x80O\0K\x1b\r\n"), "OK|");
    assert_string_equal(LINES("\0\0\0\r\n\xfe\r\n"), "");
}

static void blanks_at_the_ends_vanish_and_stay_within(void **state)
{
    (void)state;
    assert_string_equal(LINES("  +QIND: \"FOTA\"  \r\n"), "+QIND: \"FOTA\"|");
    assert_string_equal(LINES("   \r\n"), "");
}

static void an_unfinished_line_is_not_a_line(void **state)
{
    (void)state;
    assert_string_equal(LINES("O"), "");
    assert_string_equal(LINES("OK\r\nERR"), "OK|");
}

static void
an_overlong_line_keeps_its_beginning_and_the_next_is_whole(void **state)
{
    static const char tail[] = {'\r', '\n', 'O', 'K', '\r', '\n'};
    char bytes[1000];
    const char *lines;

    (void)state;
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes + 900, tail, sizeof(tail));
    lines = lines_of(bytes, 906);
    assert_int_equal(strspn(lines, "x"), DFOTA_LINE_ROOM - 1);
    assert_string_equal(lines + DFOTA_LINE_ROOM - 1, "|OK|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_at_cr_or_lf_or_both),
        cmocka_unit_test(nuls_and_noise_vanish_inside_a_line),
        cmocka_unit_test(blanks_at_the_ends_vanish_and_stay_within),
        cmocka_unit_test(an_unfinished_line_is_not_a_line),
        cmocka_unit_test(
            an_overlong_line_keeps_its_beginning_and_the_next_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
