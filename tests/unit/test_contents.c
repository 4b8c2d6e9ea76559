/* SPDX-License-Identifier: Apache-2.0 */
/* Contents in the database: the same tests for every database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "unit/scratch.h"

#include "base/err.h"
#include "server/fleet/contents.h"
#include "server/store/schema.h"

enum { NOW = 1000000, DAY = 86400, SIZE = 2 * CONTENTS_PIECE + 5 };

struct fixture {
    struct scratch scratch;
    struct sql *sql;
    uint8_t bytes[SIZE], room[CONTENTS_PIECE];
    char sha256[SECRETS_HEX_ROOM];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    scratch_open(&f->scratch);
    assert_int_equal(sql_open(f->scratch.url, &f->sql), 0);
    assert_int_equal(schema_migrate(f->sql, schema_steps), 0);
    secrets_random(f->bytes, sizeof f->bytes);
    secrets_hash(f->bytes, sizeof f->bytes, f->sha256);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    sql_close(f->sql);
    scratch_close(&f->scratch);
    free(f);
    return 0;
}

static int put_piece(struct fixture *f, int64_t part)
{
    size_t off = (size_t)part * CONTENTS_PIECE;
    size_t left = SIZE - off;

    return contents_put(f->sql, f->sha256, part, f->bytes + off,
                        left < CONTENTS_PIECE ? left : (size_t)CONTENTS_PIECE);
}

static void put_all(struct fixture *f, int64_t now)
{
    bool whole = true;

    assert_int_equal(contents_begin(f->sql, f->sha256, SIZE, now, &whole), 0);
    assert_false(whole);
    for (int64_t i = 0; i < 3; i++)
        assert_int_equal(put_piece(f, i), 0);
    assert_int_equal(contents_finish(f->sql, f->sha256, SIZE, now), 0);
}

static void what_was_put_comes_back(void **state)
{
    struct fixture *f = *state;
    size_t len, size = 0, have = 0;
    char found[SECRETS_HEX_ROOM];
    bool whole = false;

    put_all(f, NOW);
    assert_int_equal(contents_size(f->sql, f->sha256, &size), 0);
    assert_int_equal(size, SIZE);
    for (int64_t i = 0; i < contents_pieces(size); i++) {
        assert_int_equal(contents_get(f->sql, f->sha256, i, f->room, &len), 0);
        assert_memory_equal(f->room, f->bytes + have, len);
        have += len;
    }
    assert_int_equal(have, SIZE);
    assert_int_equal(contents_get(f->sql, f->sha256, 3, f->room, &len),
                     DFOTA_E_NOTFOUND);
    assert_int_equal(contents_find(f->sql, f->sha256, found), 0);
    assert_string_equal(found, f->sha256);
    assert_int_equal(contents_begin(f->sql, f->sha256, SIZE, NOW, &whole), 0);
    assert_true(whole);
}

static void an_empty_content_is_one_piece(void **state)
{
    struct fixture *f = *state;
    size_t len = 1, size = 1;
    bool whole;

    assert_int_equal(contents_begin(f->sql, "e", 0, NOW, &whole), 0);
    assert_int_equal(contents_put(f->sql, "e", 0, "", 0), 0);
    assert_int_equal(contents_finish(f->sql, "e", 0, NOW), 0);
    assert_int_equal(contents_size(f->sql, "e", &size), 0);
    assert_int_equal(contents_get(f->sql, "e", 0, f->room, &len), 0);
    assert_int_equal(size, 0);
    assert_int_equal(len, 0);
}

/* A node that died in the middle left no content, and what the next one
 * writes counts, whatever was there. */
static void half_a_content_is_none_until_it_is_written_again(void **state)
{
    struct fixture *f = *state;
    char found[SECRETS_HEX_ROOM];
    size_t len, size;
    bool whole;

    assert_int_equal(contents_begin(f->sql, f->sha256, SIZE, NOW, &whole), 0);
    assert_int_equal(contents_put(f->sql, f->sha256, 0, "torn", 4), 0);
    assert_int_equal(contents_finish(f->sql, f->sha256, SIZE, NOW),
                     DFOTA_E_STATE);
    assert_int_equal(contents_size(f->sql, f->sha256, &size), DFOTA_E_NOTFOUND);
    assert_int_equal(contents_find(f->sql, f->sha256, found), DFOTA_E_NOTFOUND);
    put_all(f, NOW);
    assert_int_equal(contents_get(f->sql, f->sha256, 0, f->room, &len), 0);
    assert_int_equal(len, CONTENTS_PIECE);
    assert_memory_equal(f->room, f->bytes, len);
}

static void a_piece_of_nothing_is_refused(void **state)
{
    struct fixture *f = *state;
    size_t len;

    assert_int_equal(put_piece(f, 0), DFOTA_E_STATE);
    put_all(f, NOW);
    assert_int_equal(sql_run(f->sql,
                             "UPDATE content_part SET data = '*' WHERE "
                             "part = 1",
                             SQL_NONE, NULL),
                     0);
    assert_int_equal(contents_get(f->sql, f->sha256, 1, f->room, &len),
                     DFOTA_E_CORRUPT);
}

static void name_it(struct fixture *f)
{
    assert_int_equal(
        sql_run(f->sql,
                "INSERT INTO firmware (tenant, model, version, class, counter, "
                "size, sha256, made_by, created) VALUES (1, 'm', 'v', '', 0, "
                "1, $1, 'a', 0)",
                SQL_ARGS(SQL_TEXT(f->sha256)), NULL),
        0);
}

static bool sweep(struct fixture *f, int64_t now)
{
    int64_t n, gone = 0;
    bool over = false;

    for (int i = 0; i < 9 && !over; i++) {
        assert_int_equal(contents_sweep(f->sql, now, &n, &over), 0);
        gone += n;
    }
    assert_true(over);
    return gone > 0;
}

static void what_no_row_names_goes_after_a_day(void **state)
{
    struct fixture *f = *state;
    int64_t n;

    put_all(f, NOW);
    name_it(f);
    assert_false(sweep(f, NOW + 2 * DAY));
    assert_int_equal(sql_run(f->sql, "DELETE FROM firmware", SQL_NONE, NULL),
                     0);
    assert_false(sweep(f, NOW + DAY - 1));
    assert_true(sweep(f, NOW + DAY + 1));
    assert_int_equal(sql_one_int(f->sql, &n,
                                 "SELECT (SELECT count(*) FROM content) + "
                                 "(SELECT count(*) FROM content_part)",
                                 SQL_NONE),
                     0);
    assert_int_equal(n, 0);
}

/* Somebody may be about to name what is put there now. */
static void what_is_let_go_is_old_and_named_by_none(void **state)
{
    struct fixture *f = *state;
    size_t size;

    put_all(f, NOW);
    name_it(f);
    assert_int_equal(contents_let_go(f->sql, f->sha256, NOW + 3600), 0);
    assert_int_equal(contents_size(f->sql, f->sha256, &size), 0);
    assert_int_equal(sql_run(f->sql, "DELETE FROM firmware", SQL_NONE, NULL),
                     0);
    assert_int_equal(contents_let_go(f->sql, f->sha256, NOW + 60), 0);
    assert_int_equal(contents_size(f->sql, f->sha256, &size), 0);
    assert_int_equal(contents_let_go(f->sql, f->sha256, NOW + 3600), 0);
    assert_int_equal(contents_size(f->sql, f->sha256, &size), DFOTA_E_NOTFOUND);
    put_all(f, NOW + 3600);
    assert_false(sweep(f, NOW + 3601));
    assert_int_equal(contents_size(f->sql, f->sha256, &size), 0);
}

static void lists_tell_what_is_named_and_missing(void **state)
{
    struct fixture *f = *state;
    struct contents_page page;
    int64_t broken = -1;

    name_it(f);
    assert_int_equal(contents_missing(f->sql, "", &page), 0);
    assert_int_equal(page.n, 1);
    assert_string_equal(page.sha256[0], f->sha256);
    assert_int_equal(contents_missing(f->sql, f->sha256, &page), 0);
    assert_int_equal(page.n, 0);
    put_all(f, NOW);
    assert_int_equal(contents_missing(f->sql, "", &page), 0);
    assert_int_equal(page.n, 0);
    assert_int_equal(contents_named(f->sql, "", &page), 0);
    assert_int_equal(page.n, 1);
    assert_int_equal(contents_broken(f->sql, &broken), 0);
    assert_int_equal(broken, 0);
    assert_int_equal(sql_run(f->sql, "DELETE FROM content_part WHERE part = 2",
                             SQL_NONE, NULL),
                     0);
    assert_int_equal(contents_broken(f->sql, &broken), 0);
    assert_int_equal(broken, 1);
}

static void ready_packages_are_listed_by_their_time(void **state)
{
    struct fixture *f = *state;
    struct contents_page page;

    put_all(f, NOW);
    name_it(f);
    assert_int_equal(
        sql_run(f->sql,
                "INSERT INTO package (tenant, source, target, state, "
                "full_image, size, sha256, claimed_until, tries, created) "
                "SELECT 1, 0, id, 'unsigned', 1, 1, $1, 0, 0, 0 FROM firmware",
                SQL_ARGS(SQL_TEXT(f->sha256)), NULL),
        0);
    assert_int_equal(contents_fresh(f->sql, 0, "", &page), 0);
    assert_int_equal(page.n, 0);
    assert_int_equal(
        sql_run(f->sql, "UPDATE package SET state = 'ready'", SQL_NONE, NULL),
        0);
    assert_int_equal(contents_fresh(f->sql, 0, "", &page), 0);
    assert_int_equal(page.n, 1);
    assert_int_equal(page.at, NOW);
    assert_int_equal(contents_fresh(f->sql, page.at, page.sha256[0], &page), 0);
    assert_int_equal(page.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(what_was_put_comes_back),
        TEST(an_empty_content_is_one_piece),
        TEST(half_a_content_is_none_until_it_is_written_again),
        TEST(a_piece_of_nothing_is_refused),
        TEST(what_no_row_names_goes_after_a_day),
        TEST(what_is_let_go_is_old_and_named_by_none),
        TEST(lists_tell_what_is_named_and_missing),
        TEST(ready_packages_are_listed_by_their_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
