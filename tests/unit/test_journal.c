/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "device/journal.h"
#include "port/sim/sim_flash.h"

struct fixture {
    struct sim_power power;
    struct sim_flash flash;
    struct dfota_journal j;
};

static struct fixture fx;

/* Behind the head, in program units of 8: the records without a map. */
#define RECORDS ((sizeof(struct dfota_head) + 7) & ~(size_t)7)
#define STRIDE 24

static int set_up_with(const struct sim_geometry *g)
{
    memset(&fx, 0, sizeof(fx));
    sim_power_init(&fx.power, 7);
    return sim_flash_create(&fx.flash, "journal", &fx.power, g, NULL) ||
           dfota_journal_open(&fx.j, &fx.flash.flash);
}

static int set_up(void **state)
{
    static const struct sim_geometry g = {4096, 512, 8, 0xFF};

    (void)state;
    return set_up_with(&g);
}

static int tear_down(void **state)
{
    (void)state;
    sim_flash_destroy(&fx.flash);
    return 0;
}

static void reopen(void)
{
    sim_power_on(&fx.power);
    assert_int_equal(dfota_journal_open(&fx.j, &fx.flash.flash), 0);
}

static int put(uint8_t type, uint32_t tries, uint32_t window)
{
    fx.j.state.window = (uint16_t)window;
    return dfota_journal_put(&fx.j, type, tries);
}

static void spoil(uint32_t off, uint32_t len)
{
    memset(fx.flash.cells + off, 0x33, len);
}

static void a_new_journal_is_clean_and_untouched(void **state)
{
    (void)state;
    assert_int_equal(fx.j.state.type, DFOTA_RECORD_CLEAN);
    assert_int_equal(fx.j.head.counter, 0);
    assert_false(dfota_journal_whole(&fx.j));
    assert_int_equal(fx.power.total, 0);
}

static void the_state_put_last_is_found_again(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 300; n++) {
        uint8_t type = n & 1 ? DFOTA_RECORD_PENDING : DFOTA_RECORD_FAILED;

        assert_int_equal(put(type, (uint8_t)n, n), 0);
        if (n % 7 == 0) {
            reopen();
            assert_int_equal(fx.j.state.type, type);
            assert_int_equal(fx.j.state.tries, (uint8_t)n);
            assert_int_equal(fx.j.state.window, n);
        }
    }
    assert_int_equal(fx.power.violations, 0);
}

static void either_mirror_alone_is_enough(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        fx.j.head.counter = 5 + i;
        assert_int_equal(put(DFOTA_RECORD_FAILED, 3, 4), 0);
        reopen();
        assert_int_equal(put(DFOTA_RECORD_FAILED, 3, 4 + i), 0);
        spoil(i * 2048, 2048);
        reopen();
        assert_false(dfota_journal_whole(&fx.j));
        assert_int_equal(fx.j.state.window, 4 + i);
        assert_int_equal(put(DFOTA_RECORD_CLEAN, 0, 0), 0);
        reopen();
        assert_true(dfota_journal_whole(&fx.j));
        assert_int_equal(fx.j.state.type, DFOTA_RECORD_CLEAN);
    }
}

static void a_mirror_with_one_record_only_is_not_believed(void **state)
{

    (void)state;
    assert_int_equal(put(DFOTA_RECORD_PENDING, 0, 1), 0);
    reopen();
    assert_int_equal(put(DFOTA_RECORD_FAILED, 0, 2), 0);
    /* J0's second record was cut, and its first one reads right. */
    memset(fx.flash.cells + RECORDS + STRIDE, 0xFF, STRIDE);
    reopen();
    assert_int_equal(fx.j.mirror[0].copies, 1);
    assert_int_equal(dfota_journal_truth(&fx.j), 1);
}

static void of_two_mirrors_with_one_record_the_older_is_believed(void **state)
{
    (void)state;
    assert_int_equal(put(DFOTA_RECORD_PENDING, 0, 1), 0);
    reopen();
    assert_int_equal(put(DFOTA_RECORD_FAILED, 0, 2), 0);
    /* J0 is older by its second record, J1 was begun anew later. */
    memset(fx.flash.cells + RECORDS + STRIDE, 0xFF, STRIDE);
    memset(fx.flash.cells + 2048 + RECORDS, 0x77, STRIDE);
    reopen();
    assert_int_equal(fx.j.mirror[0].copies, 1);
    assert_int_equal(fx.j.mirror[1].copies, 1);
    assert_int_equal(dfota_journal_truth(&fx.j), 0);
    assert_int_equal(fx.j.state.type, DFOTA_RECORD_FAILED);
    assert_false(dfota_journal_whole(&fx.j));
}

static void
the_first_record_of_a_boot_leaves_room_for_the_one_in_flight(void **state)
{
    uint32_t newest;

    (void)state;
    assert_int_equal(put(DFOTA_RECORD_PENDING, 0, 1), 0);
    newest = fx.j.state.seq;
    reopen();
    assert_int_equal(put(DFOTA_RECORD_PENDING, 1, 1), 0);
    /* In flight at the cut were newest + 1 and newest + 2; the
     * first copy of the state carries one less than the second. */
    assert_true(fx.j.state.seq - 1 > newest + 2);
}

static void sequence_numbers_may_wrap(void **state)
{
    (void)state;
    fx.j.state.seq = 0xFFFFFFF0;
    for (unsigned n = 0; n < 40; n++) {
        assert_int_equal(put(DFOTA_RECORD_PENDING, 0, n), 0);
        if (n % 5 == 0)
            reopen();
        assert_int_equal(fx.j.state.window, n);
    }
    assert_true(fx.j.state.seq < 0x1000);
}

static void a_table_survives_recycling(void **state)
{
    uint8_t digest[DFOTA_DIGEST_LEN];
    struct dfota_entry e;

    (void)state;
    assert_int_equal(put(DFOTA_RECORD_PENDING, 0, 0), 0);
    fx.j.head.windows = 20;
    dfota_journal_begin(&fx.j);
    for (unsigned w = 0; w < 20; w++) {
        memset(digest, (int)w, sizeof(digest));
        fx.j.state.off = 1000 + w;
        dfota_journal_add(&fx.j, digest);
    }
    assert_int_equal(put(DFOTA_RECORD_ARMED, 0, 0), 0);
    for (unsigned n = 0; n < 400; n++)
        assert_int_equal(put(DFOTA_RECORD_DONE, 0, n % 20), 0);
    spoil(0, 100);
    reopen();
    assert_int_equal(fx.j.state.type, DFOTA_RECORD_DONE);
    assert_int_equal(put(DFOTA_RECORD_DONE, 0, 3), 0);
    spoil(2048, 100);
    reopen();
    for (unsigned w = 0; w < 20; w++) {
        assert_int_equal(dfota_journal_entry(&fx.j, w, &e), 0);
        assert_int_equal(e.digest[7], w);
        assert_int_equal(e.off, 1000 + w);
    }
}

static void a_table_with_a_wrong_entry_makes_the_mirror_worthless(void **state)
{
    static const uint8_t digest[DFOTA_DIGEST_LEN];

    (void)state;
    assert_int_equal(put(DFOTA_RECORD_PENDING, 0, 0), 0);
    fx.j.head.windows = 2;
    dfota_journal_begin(&fx.j);
    dfota_journal_add(&fx.j, digest);
    dfota_journal_add(&fx.j, digest);
    assert_int_equal(put(DFOTA_RECORD_ARMED, 0, 0), 0);
    fx.flash.cells[sizeof(struct dfota_head) + sizeof(struct dfota_entry)] ^= 1;
    reopen();
    assert_int_equal(fx.j.mirror[0].copies, 0);
    assert_int_equal(fx.j.state.type, DFOTA_RECORD_ARMED);
}

static void the_map_comes_back_with_its_record(void **state)
{
    (void)state;
    fx.j.head.map_words = 3;
    assert_int_equal(put(DFOTA_RECORD_PENDING, 0, 0), 0);
    fx.j.state.map[0] = 0x1234;
    fx.j.state.map[2] = 99;
    fx.j.state.off = 4711;
    for (unsigned n = 0; n < 50; n++)
        assert_int_equal(put(DFOTA_RECORD_READY, 0, n), 0);
    spoil(0, 100);
    reopen();
    assert_int_equal(fx.j.state.type, DFOTA_RECORD_READY);
    assert_int_equal(fx.j.state.window, 49);
    assert_int_equal(fx.j.state.map[0], 0x1234);
    assert_int_equal(fx.j.state.map[2], 99);
    assert_int_equal(fx.j.state.off, 4711);
}

static void noise_is_a_new_journal(void **state)
{
    uint64_t seed = 3;

    (void)state;
    for (unsigned n = 0; n < 200; n++) {
        for (uint32_t k = 0; k < 4096; k++)
            fx.flash.cells[k] = (uint8_t)sim_random(&seed);
        reopen();
        assert_int_equal(fx.j.state.type, DFOTA_RECORD_CLEAN);
        assert_int_equal(fx.j.head.counter, 0);
    }
    assert_int_equal(put(DFOTA_RECORD_PENDING, 0, 0), 0);
    reopen();
    assert_int_equal(fx.j.state.type, DFOTA_RECORD_PENDING);
}

/* Whatever keeps the chip from answering, the state is not that of a new
 * device; and when it answers again everything is there. */
static void a_journal_that_cannot_be_read_is_not_a_new_one(void **state)
{
    (void)state;
    fx.j.head.counter = 7;
    assert_int_equal(put(DFOTA_RECORD_RESTORE, 3, 9), 0);
    for (unsigned from = 1; from < 200; from++) {
        int err;

        sim_power_on(&fx.power);
        fx.power.fault = (struct sim_fault){from, 1000000, SIM_LIE_READ};
        err = dfota_journal_open(&fx.j, &fx.flash.flash);
        if (err) {
            assert_int_equal(err, DFOTA_E_FLASH);
            assert_int_equal(fx.j.state.type, DFOTA_RECORD_HELD);
        } else {
            assert_int_equal(fx.j.state.type, DFOTA_RECORD_RESTORE);
            assert_int_equal(fx.j.head.counter, 7);
        }
        assert_true(err || from > 2);
    }
    reopen();
    assert_int_equal(fx.j.state.type, DFOTA_RECORD_RESTORE);
    assert_int_equal(fx.j.state.window, 9);
    assert_int_equal(fx.j.head.counter, 7);
}

static void a_read_that_fails_once_or_twice_is_tried_again(void **state)
{
    (void)state;
    assert_int_equal(put(DFOTA_RECORD_RESTORE, 3, 9), 0);
    spoil(0, 8); /* the other mirror is all there is */
    for (unsigned from = 1; from < 100; from++) {
        sim_power_on(&fx.power);
        fx.power.fault = (struct sim_fault){from, 1 + from % 2, SIM_LIE_READ};
        assert_int_equal(dfota_journal_open(&fx.j, &fx.flash.flash), 0);
        assert_int_equal(fx.j.state.type, DFOTA_RECORD_RESTORE);
    }
}

/* What the first record of a new device leaves when its power is cut. */
static void a_new_journal_with_one_unreadable_mirror_is_clean(void **state)
{
    (void)state;
    fx.power.cut = (struct sim_cut){.at = 6,
                                    .when = SIM_CUT_TORN,
                                    .torn = SIM_TORN_SPOIL_SECTOR,
                                    .decay = SIM_DECAY_READ_ERROR};
    assert_int_equal(put(DFOTA_RECORD_PENDING, 0, 0), DFOTA_E_FLASH);
    reopen();
    assert_int_equal(fx.j.unread, 1);
    assert_int_equal(fx.j.state.type, DFOTA_RECORD_CLEAN);
}

static void an_area_too_small_is_refused(void **state)
{
    static const struct sim_geometry g = {1024, 512, 256, 0xFF};
    struct dfota_journal j;

    (void)state;
    sim_flash_destroy(&fx.flash);
    assert_int_equal(sim_flash_create(&fx.flash, "j", &fx.power, &g, NULL), 0);
    assert_int_equal(dfota_journal_open(&j, &fx.flash.flash), DFOTA_E_ARG);
}

static void the_length_asked_for_holds_what_it_promises(void **state)
{
    (void)state;
    for (uint32_t erase = 512; erase <= 131072; erase *= 4) {
        for (uint16_t prog = 1; prog <= 256; prog *= 16) {
            for (uint32_t w = 1; w <= DFOTA_WINDOWS_MAX; w = w * 5 + 1) {
                struct dfota_flash f = {.size =
                                            dfota_journal_len(erase, prog, w),
                                        .erase_size = erase,
                                        .prog_size = prog};
                struct dfota_journal j = {.flash = &f, .len = f.size / 2};

                assert_int_equal(f.size % (2 * erase), 0);
                assert_true(dfota_journal_fits(&j, w, DFOTA_MAP_WORDS));
            }
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_journal_is_clean_and_untouched),
        TEST(the_state_put_last_is_found_again),
        TEST(either_mirror_alone_is_enough),
        TEST(a_mirror_with_one_record_only_is_not_believed),
        TEST(of_two_mirrors_with_one_record_the_older_is_believed),
        TEST(the_first_record_of_a_boot_leaves_room_for_the_one_in_flight),
        TEST(sequence_numbers_may_wrap),
        TEST(a_table_survives_recycling),
        TEST(a_table_with_a_wrong_entry_makes_the_mirror_worthless),
        TEST(the_map_comes_back_with_its_record),
        TEST(noise_is_a_new_journal),
        TEST(a_journal_that_cannot_be_read_is_not_a_new_one),
        TEST(a_read_that_fails_once_or_twice_is_tried_again),
        TEST(a_new_journal_with_one_unreadable_mirror_is_clean),
        TEST(an_area_too_small_is_refused),
        TEST(the_length_asked_for_holds_what_it_promises),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
