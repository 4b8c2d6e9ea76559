/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "modem/filestore.h"

static char folder[64];
static struct filestore files;

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/dfota-filestore-XXXXXX");
    return mkdtemp(folder) ? filestore_open(&files, folder, "/datatx") : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    filestore_remove(&files, "*");
    filestore_remove(&files, "/a/b");
    filestore_close(&files);
    snprintf(command, sizeof command, "%s/files/datatx", folder);
    rmdir(command);
    snprintf(command, sizeof command, "%s/files/a", folder);
    rmdir(command);
    snprintf(command, sizeof command, "%s/files", folder);
    rmdir(command);
    return rmdir(folder);
}

static void put(const char *name, const char *text)
{
    FILE *f;

    assert_int_equal(filestore_create(&files, name, &f), 0);
    fputs(text, f);
    fclose(f);
}

static void bare_and_absolute_names_have_their_places(void **state)
{
    uint32_t size;

    (void)state;
    put("x.txt", "hello");
    assert_int_equal(filestore_size(&files, "UFS:x.txt", &size), 0);
    assert_int_equal(size, 5);
    assert_int_equal(filestore_size(&files, "/datatx/x.txt", &size), 0);
    put("/a/b", "12");
    assert_int_equal(filestore_size(&files, "/a/b", &size), 0);
    assert_int_equal(filestore_size(&files, "b", &size), DFOTA_E_NOTFOUND);
    assert_int_equal(filestore_used(&files), 7);
}

static void no_name_leaves_the_root(void **state)
{
    static const char *const bad[] = {
        "",     "/",      "..",       "../x", "a/../../x", "/..",
        "a//b", "a/",     "RAM:x",    "SD:x", "UFS:",      "a\nb",
        "./x",  "/a/./b", "UFS:../x", "a\\*",
    };
    char longest[FILE_NAME_MAX + 2];
    uint32_t size;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(filestore_size(&files, bad[i], &size), DFOTA_E_ARG);
    memset(longest, 'a', sizeof longest);
    longest[FILE_NAME_MAX + 1] = '\0';
    assert_int_equal(filestore_size(&files, longest, &size), DFOTA_E_ARG);
    longest[FILE_NAME_MAX] = '\0';
    assert_int_equal(filestore_size(&files, longest, &size), DFOTA_E_NOTFOUND);
}

static void count(void *ctx, const char *name, uint32_t size)
{
    (void)name;
    (void)size;
    ++*(int *)ctx;
}

static void lists_match_patterns(void **state)
{
    int n = 0;

    (void)state;
    put("a.pem", "1");
    put("b.pem", "1");
    put("c.bin", "1");
    filestore_list(&files, "*.pem", count, &n);
    assert_int_equal(n, 2);
    n = 0;
    filestore_remove(&files, "*");
    filestore_list(&files, "*", count, &n);
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            bare_and_absolute_names_have_their_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_name_leaves_the_root, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lists_match_patterns, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
