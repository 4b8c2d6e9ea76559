/* SPDX-License-Identifier: Apache-2.0 */
/* What the log hides: IMEIs, and nothing of a digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/log.h"

/* One message, as it comes out on standard error. */
static void said(const char *message, char out[256])
{
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    size_t len;

    assert_non_null(file);
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    log_info("%s", message);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(file);
    len = fread(out, 1, 255, file);
    out[len] = '\0';
    fclose(file);
}

static void imeis_are_hidden_and_digests_are_whole(void **state)
{
    static const struct {
        const char *message, *shown;
    } rows[] = {
        {"350000000000001 polls", "t: 35000000*****01 polls\n"},
        {"(350000000000001)", "t: (35000000*****01)\n"},
        {"imei:3500000000000012,", "t: imei:35000000******12,\n"},
        {"head a350000000000001", "t: head a350000000000001\n"},
        {"head 350000000000001f0", "t: head 350000000000001f0\n"},
        {"35000000000001 35000000000000123",
         "t: 35000000000001 35000000000000123\n"},
    };
    char out[256];

    (void)state;
    log_init("t", LOG_LEVEL_INFO);
    log_hide_imeis();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        said(rows[i].message, out);
        assert_string_equal(out, rows[i].shown);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(imeis_are_hidden_and_digests_are_whole),
    };

    unsetenv("JOURNAL_STREAM");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
