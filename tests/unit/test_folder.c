/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files through links that go up, while somebody renames files elsewhere: the
 * kernel gives up such a path then, and it is to be tried again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/delivery/folder.h"

enum { OPENS = 20000 };

static char root[] = "/tmp/dfota-folder-XXXXXX";
static atomic_bool stopping;
static atomic_ulong renamed;

static void *rename_on_and_on(void *ctx)
{
    int folder = *(const int *)ctx;

    while (!stopping) {
        renameat(folder, "a", folder, "b");
        renameat(folder, "b", folder, "a");
        renamed++;
    }
    return NULL;
}

static void make(int folder)
{
    int fd = openat(folder, "content", O_CREAT | O_WRONLY, 0600);

    assert_true(fd >= 0);
    close(fd);
    fd = openat(folder, "a", O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(mkdirat(folder, "id", 0700), 0);
    assert_int_equal(symlinkat("../content", folder, "id/link"), 0);
}

static void renames_elsewhere_hide_nothing(void **state)
{
    pthread_t thread;
    int folder, fd;

    (void)state;
    assert_non_null(mkdtemp(root));
    assert_int_equal(folder_open(root, &folder), 0);
    make(folder);
    assert_int_equal(pthread_create(&thread, NULL, rename_on_and_on, &folder),
                     0);
    for (int i = 0; i < OPENS || renamed == 0; i++) {
        assert_int_equal(folder_open_file(folder, "id/link", &fd), 0);
        close(fd);
    }
    stopping = true;
    pthread_join(thread, NULL);
    unlinkat(folder, "id/link", 0);
    unlinkat(folder, "id", AT_REMOVEDIR);
    unlinkat(folder, "a", 0);
    unlinkat(folder, "b", 0);
    unlinkat(folder, "content", 0);
    close(folder);
    rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renames_elsewhere_hide_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
