/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "os/progress.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs setjmp, stdarg, stddef and stdint first */
#include <cmocka.h>

/* What is drawn on a stream that is no terminal. */
static char *drawn(enum progress_mode mode, int percent)
{
    static char text[512];
    FILE *out = tmpfile();
    struct progress p;
    size_t len;

    assert_non_null(out);
    progress_init(&p, mode, out);
    progress_show(&p, "download", percent);
    rewind(out);
    len = fread(text, 1, sizeof(text) - 1, out);
    text[len] = '\0';
    progress_clear(&p);
    (void)fclose(out);
    return text;
}

static void a_bar_is_drawn_on_terminals_only_unless_asked_for(void **state)
{
    (void)state;
    assert_string_equal(drawn(PROGRESS_AUTO, 50), "");
    assert_string_equal(drawn(PROGRESS_NEVER, 50), "");
    assert_non_null(strstr(drawn(PROGRESS_ALWAYS, 50), "download"));
    assert_non_null(strstr(drawn(PROGRESS_ALWAYS, 50), " 50%"));
}

static void the_bar_is_as_full_as_the_percent(void **state)
{
    (void)state;
    assert_null(strchr(drawn(PROGRESS_ALWAYS, 0), '#'));
    assert_null(strchr(drawn(PROGRESS_ALWAYS, 100), '.'));
    assert_null(strchr(drawn(PROGRESS_ALWAYS, -1), '%'));
}

static void a_file_gets_no_colour(void **state)
{
    (void)state;
    assert_null(strchr(drawn(PROGRESS_ALWAYS, 50), '\033'));
}

static void only_the_three_words_are_modes(void **state)
{
    enum progress_mode mode = PROGRESS_AUTO;

    (void)state;
    assert_int_equal(progress_mode_parse("never", &mode), DFOTA_OK);
    assert_int_equal(mode, PROGRESS_NEVER);
    assert_int_equal(progress_mode_parse("sometimes", &mode), DFOTA_E_ARG);
    assert_int_equal(mode, PROGRESS_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bar_is_drawn_on_terminals_only_unless_asked_for),
        cmocka_unit_test(the_bar_is_as_full_as_the_percent),
        cmocka_unit_test(a_file_gets_no_colour),
        cmocka_unit_test(only_the_three_words_are_modes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
