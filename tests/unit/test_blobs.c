/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "server/delivery/blobs.h"

enum { CAP = 1000, MAX = 600 };

/* A file of len times the byte, long since written. */
static int make_file(char byte, size_t len)
{
    char path[] = "/tmp/test_blobs.XXXXXX";
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    int fd = mkstemp(path);
    char *bytes = malloc(len + 1);

    assert_true(fd >= 0);
    memset(bytes, byte, len);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(futimens(fd, old), 0);
    free(bytes);
    unlink(path);
    return fd;
}

/* The change time cannot be set, so a fresh file has to get old. */
static void get_old(void)
{
    usleep(150000);
}

static const struct blob *get(struct blobs *blobs, int fd)
{
    const struct blob *blob = NULL;

    assert_int_equal(blobs_get(blobs, fd, &blob), 0);
    return blob;
}

/* Asked through a descriptor that cannot be read, so only the cache can
 * answer. */
static bool is_cached(struct blobs *blobs, int fd)
{
    const struct blob *blob;
    char path[40];
    int probe, err;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    probe = open(path, O_PATH);
    assert_true(probe >= 0);
    err = blobs_get(blobs, probe, &blob);
    close(probe);
    if (!err)
        blobs_release(blob);
    else
        assert_int_equal(err, DFOTA_E_IO);
    return !err;
}

static void content_and_digest_are_those_of_the_file(void **state)
{
    static const uint8_t sha256_of_aaa[] = {0x98, 0x34, 0x87, 0x6d, 0xcf, 0xb0};
    struct blobs *blobs = blobs_create(CAP, MAX);
    int fd = make_file('a', 3);
    const struct blob *blob = get(blobs, fd);

    (void)state;
    assert_int_equal(blob->size, 3);
    assert_memory_equal(blob->data, "aaa", 3);
    assert_memory_equal(blob->sha256, sha256_of_aaa, sizeof sha256_of_aaa);
    blobs_release(blob);
    blobs_destroy(blobs);
    close(fd);
}

static void the_same_file_is_loaded_once(void **state)
{
    struct blobs *blobs = blobs_create(CAP, MAX);
    int fd = make_file('a', 300);
    const struct blob *one, *two;

    (void)state;
    get_old();
    assert_false(is_cached(blobs, fd));
    one = get(blobs, fd);
    two = get(blobs, fd);
    assert_ptr_equal(one, two);
    blobs_release(one);
    blobs_release(two);
    assert_true(is_cached(blobs, fd));
    blobs_destroy(blobs);
    close(fd);
}

static void a_changed_file_is_another_blob(void **state)
{
    struct blobs *blobs = blobs_create(CAP, MAX);
    int fd = make_file('a', 300);
    const struct blob *before, *after;

    (void)state;
    before = get(blobs, fd);
    assert_int_equal(pwrite(fd, "b", 1, 7), 1);
    after = get(blobs, fd);
    assert_int_equal(before->data[7], 'a');
    assert_int_equal(after->data[7], 'b');
    assert_memory_not_equal(before->sha256, after->sha256, 32);
    blobs_release(before);
    blobs_release(after);
    blobs_destroy(blobs);
    close(fd);
}

static void a_file_changed_a_moment_ago_is_not_cached(void **state)
{
    struct blobs *blobs = blobs_create(CAP, MAX);
    int fd = make_file('a', 300);
    bool cached = true;

    (void)state;
    /* On a machine that stops for so long the moment may be over. */
    for (int i = 0; cached && i < 20; i++) {
        assert_int_equal(pwrite(fd, "b", 1, 7), 1);
        blobs_release(get(blobs, fd));
        cached = is_cached(blobs, fd);
    }
    assert_false(cached);
    blobs_destroy(blobs);
    close(fd);
}

static void what_is_too_large_or_empty_stays_in_the_file(void **state)
{
    struct blobs *blobs = blobs_create(CAP, MAX);
    int large = make_file('a', MAX + 1), empty = make_file('a', 0);
    const struct blob *blob = get(blobs, large);

    (void)state;
    assert_null(blob->data);
    assert_int_equal(blob->size, MAX + 1);
    blobs_release(blob);
    blob = get(blobs, empty);
    assert_null(blob->data);
    assert_int_equal(blob->sha256[0], 0xe3);
    blobs_release(blob);
    blobs_destroy(blobs);
    close(large);
    close(empty);
}

static void memory_in_use_is_never_more_than_the_cap(void **state)
{
    struct blobs *blobs = blobs_create(CAP, MAX);
    int a = make_file('a', 600), b = make_file('b', 600);
    const struct blob *in_memory, *from_file;

    (void)state;
    get_old();
    in_memory = get(blobs, a);
    from_file = get(blobs, b);
    assert_non_null(in_memory->data);
    assert_null(from_file->data);
    blobs_release(from_file);
    assert_true(is_cached(blobs, a));
    blobs_release(in_memory);
    blobs_destroy(blobs);
    close(a);
    close(b);
}

static void the_longest_unused_makes_room(void **state)
{
    struct blobs *blobs = blobs_create(CAP, MAX);
    int a = make_file('a', 400), b = make_file('b', 400),
        c = make_file('c', 400);
    const struct blob *blob;

    (void)state;
    get_old();
    blobs_release(get(blobs, a));
    blobs_release(get(blobs, b));
    blobs_release(get(blobs, a)); /* b is the oldest now */
    blob = get(blobs, c);
    assert_non_null(blob->data);
    blobs_release(blob);
    assert_true(is_cached(blobs, a));
    assert_false(is_cached(blobs, b));
    blobs_destroy(blobs);
    close(a);
    close(b);
    close(c);
}

static void a_file_that_went_to_disk_for_lack_of_room_comes_back(void **state)
{
    struct blobs *blobs = blobs_create(CAP, MAX);
    int a = make_file('a', 600), b = make_file('b', 600);
    const struct blob *one, *two;

    (void)state;
    get_old();
    one = get(blobs, a);
    blobs_release(get(blobs, b)); /* no room: from the file */
    blobs_release(one);
    two = get(blobs, b);
    assert_non_null(two->data);
    blobs_release(two);
    blobs_destroy(blobs);
    close(a);
    close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_and_digest_are_those_of_the_file),
        cmocka_unit_test(the_same_file_is_loaded_once),
        cmocka_unit_test(a_changed_file_is_another_blob),
        cmocka_unit_test(a_file_changed_a_moment_ago_is_not_cached),
        cmocka_unit_test(what_is_too_large_or_empty_stays_in_the_file),
        cmocka_unit_test(memory_in_use_is_never_more_than_the_cap),
        cmocka_unit_test(the_longest_unused_makes_room),
        cmocka_unit_test(a_file_that_went_to_disk_for_lack_of_room_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
