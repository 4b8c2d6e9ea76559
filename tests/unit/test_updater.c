/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "powercut/world.h"

static struct world w;
static enum dfota_action action;
static bool resumed;

static void make(unsigned geometry, unsigned mode, unsigned shape,
                 unsigned kind, unsigned descending)
{
    struct world_id id = {geometry, mode, shape, kind, descending, PAST_NEW, 5};

    assert_int_equal(world_create(&w, &id), 0);
    world_reset(&w, 1);
}

static int tear_down(void **state)
{
    (void)state;
    world_destroy(&w);
    return 0;
}

static int boot(void)
{
    sim_power_on(&w.power);
    dfota_updater_init(&w.u, &w.config);
    return dfota_updater_boot(&w.u, &action, &resumed);
}

/* But the journal, which a new device's first boot has begun. */
static void assert_nothing_written(void)
{
    uint32_t worst;

    assert_int_equal(sim_flash_erases(&w.area[AREA_SLOT], &worst), 0);
    assert_int_equal(sim_flash_erases(&w.area[AREA_BACKUP], &worst), 0);
    assert_int_equal(w.u.journal.state.type, DFOTA_RECORD_CLEAN);
}

static int poll_all(void)
{
    int err;

    do {
        err = dfota_updater_poll(&w.u);
    } while (err == DFOTA_MORE);
    return err;
}

static bool slot_is(const uint8_t *image, uint32_t len)
{
    return memcmp(w.area[AREA_SLOT].cells, image, len) == 0;
}

static void update(void)
{
    assert_int_equal(boot(), 0);
    assert_int_equal(action, DFOTA_ACTION_BOOT);
    assert_int_equal(dfota_updater_start(&w.u), 0);
    assert_int_equal(boot(), 0);
    assert_int_equal(action, DFOTA_ACTION_UPDATE);
    assert_int_equal(poll_all(), DFOTA_DONE);
    assert_int_equal(boot(), 0);
    assert_int_equal(action, DFOTA_ACTION_BOOT);
    assert_true(slot_is(w.new_image, w.new_len));
    assert_int_equal(dfota_updater_confirm(&w.u), 0);
}

static void an_update_in_every_mode_ends_at_the_new_image(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < MODE_COUNT; mode++) {
        for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
            make(3, mode, SHAPE_MIXED, kind, kind != KIND_SELF);
            update();
            assert_int_equal(w.u.journal.head.counter, 1);
            world_destroy(&w);
        }
    }
    make(0, 0, 0, 0, 0);
}

static void reset_package(void)
{
    assert_int_equal(
        sim_flash_load(&w.area[AREA_PACKAGE], 0, w.package, w.package_len), 0);
}

static void every_byte_of_the_head_that_flips_is_refused(void **state)
{
    uint32_t head;

    (void)state;
    make(0, MODE_ONE, SHAPE_MIXED, KIND_DELTA, 0);
    head = w.package_len - w.new_len - 4;
    assert_int_equal(boot(), 0);
    for (uint32_t at = 0; at < head; at++) {
        w.area[AREA_PACKAGE].cells[at] ^= 0x01;
        assert_true(dfota_updater_start(&w.u) < 0);
        w.area[AREA_PACKAGE].cells[at] ^= 0x01;
    }
    assert_nothing_written();
    assert_int_equal(dfota_updater_check(&w.u), 0);
}

static void another_source_by_one_bit_is_refused(void **state)
{
    (void)state;
    make(0, MODE_WHOLE, SHAPE_MIXED, KIND_DELTA, 0);
    assert_int_equal(boot(), 0);
    w.area[AREA_SLOT].cells[w.old_len - 1] ^= 0x80;
    assert_int_equal(dfota_updater_start(&w.u), DFOTA_E_SOURCE);
    w.area[AREA_SLOT].cells[w.old_len - 1] ^= 0x80;
    /* What lies behind the image is nobody's business. */
    w.area[AREA_SLOT].cells[w.old_len] ^= 0x80;
    assert_int_equal(dfota_updater_start(&w.u), 0);
}

static void a_package_for_another_device_is_refused(void **state)
{
    struct sim_geometry g = {512, 512, 1, 0xFF};
    struct sim_flash tiny;

    (void)state;
    make(0, MODE_THREE, SHAPE_MIXED, KIND_DELTA, 0);
    assert_int_equal(sim_flash_create(&tiny, "t", &w.power, &g, NULL), 0);
    w.config.backup = &tiny.flash;
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_start(&w.u), DFOTA_E_BACKUP);
    w.config.backup = &w.area[AREA_BACKUP].flash;
    w.config.slot = &tiny.flash;
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_start(&w.u), DFOTA_E_SLOT);
    w.config.slot = &w.area[AREA_SLOT].flash;
    w.config.arena_len = 8191;
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_start(&w.u), DFOTA_E_ARENA);
    w.config.arena_len = 8192;
    w.crypto.ctx2 = NULL;
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_start(&w.u), DFOTA_E_BACKUP);
    assert_nothing_written();
    sim_flash_destroy(&tiny);
}

/* Windows of twenty sectors are whole blocks of two sectors, too; but a block
 * takes old bytes along that the package counts on. */
static void erase_blocks_larger_than_the_package_knows_are_refused(void **state)
{
    struct dfota_flash slot;

    (void)state;
    make(3, MODE_MANY, SHAPE_MIXED, KIND_DELTA, 0);
    slot = w.area[AREA_SLOT].flash;
    slot.erase_size *= 2;
    w.config.slot = &slot;
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_start(&w.u), DFOTA_E_BACKUP);
    assert_nothing_written();
}

/* Change a field of the stored manifest and sign it again. */
static void forge(uint32_t at, uint8_t value)
{
    uint8_t *p = w.area[AREA_PACKAGE].cells;
    uint32_t end = w.package_len - w.new_len - 4 - DFOTA_SIGNATURE_LEN;
    uint8_t digest[DFOTA_HASH_LEN];

    p[at] = value;
    fast_hash(p, end, digest);
    fast_sign(p[4], digest, p + end);
}

static void another_class_is_refused_and_none_fits_all(void **state)
{
    (void)state;
    make(0, MODE_WHOLE, SHAPE_MIXED, KIND_DELTA, 0);
    w.config.class_id = 0x55;
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_check(&w.u), 0);
    forge(12, 0x56);
    assert_int_equal(dfota_updater_check(&w.u), DFOTA_E_CLASS);
    forge(12, 0x55);
    assert_int_equal(dfota_updater_check(&w.u), 0);
    w.config.class_id = 0;
    forge(12, 0x56);
    assert_int_equal(dfota_updater_check(&w.u), 0);
}

static void a_lower_counter_is_refused_after_confirm(void **state)
{
    (void)state;
    make(0, MODE_WHOLE, SHAPE_SAME, KIND_DELTA, 0);
    update();
    assert_int_equal(dfota_updater_check(&w.u), 0);
    forge(16, 0);
    assert_int_equal(dfota_updater_check(&w.u), DFOTA_E_COUNTER);
}

static void the_counter_waits_for_confirm(void **state)
{
    (void)state;
    make(0, MODE_WHOLE, SHAPE_MIXED, KIND_DELTA, 0);
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_start(&w.u), 0);
    assert_int_equal(poll_all(), DFOTA_DONE);
    for (unsigned n = 0; n < 3; n++) {
        assert_int_equal(boot(), 0);
        assert_int_equal(w.u.journal.head.counter, 0);
    }
    assert_int_equal(dfota_updater_confirm(&w.u), 0);
    assert_int_equal(boot(), 0);
    assert_int_equal(w.u.journal.head.counter, 1);
    assert_int_equal(w.u.journal.state.type, DFOTA_RECORD_CLEAN);
}

/* A package with a permit, for counter 0 on a device that is at 1. */
static void store_permitted(const uint8_t id[DFOTA_HASH_LEN])
{
    uint8_t *p = w.area[AREA_PACKAGE].cells;
    uint32_t sig = w.package_len - w.new_len - 4 - DFOTA_SIGNATURE_LEN;
    uint32_t body = sig + DFOTA_SIGNATURE_LEN;
    uint8_t message[12 + DFOTA_HASH_LEN + DFOTA_MANIFEST_LEN] = "DFOTA permit";
    uint8_t digest[DFOTA_HASH_LEN];

    reset_package();
    memmove(p + body + DFOTA_PERMIT_LEN, p + body, w.new_len + 4);
    forge(16, 0);
    memcpy(p + body, id, DFOTA_HASH_LEN);
    memcpy(message + 12, id, DFOTA_HASH_LEN);
    memcpy(message + 12 + DFOTA_HASH_LEN, p, DFOTA_MANIFEST_LEN);
    fast_hash(message, sizeof(message), digest);
    fast_sign(DFOTA_KEY_PERMIT, digest, p + body + DFOTA_HASH_LEN);
    p[3] |= DFOTA_FLAG_PERMIT;
}

static void a_permit_lets_a_lower_counter_in_once(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < 2; mode++) {
        make(0, mode, SHAPE_SAME, KIND_DELTA, 0);
        w.config.id_hash[0] = 9;
        update();
        store_permitted(w.config.id_hash);
        assert_int_equal(dfota_updater_check(&w.u), 0);
        w.config.id_hash[0] = 8;
        assert_int_equal(dfota_updater_check(&w.u), DFOTA_E_PERMIT);
        w.config.id_hash[0] = 9;
        update();
        assert_int_equal(w.u.journal.head.counter, 1);
        assert_int_equal(boot(), 0);
        assert_int_equal(dfota_updater_check(&w.u), DFOTA_E_PERMIT);
        world_destroy(&w);
    }
    make(0, 0, 0, 0, 0);
}

/* Between any two steps the package becomes another, validly signed one
 * that decodes to garbage: the slot never holds a byte of it. */
static void a_package_swapped_between_steps_writes_nothing(void **state)
{
    uint64_t ends[2] = {0, 0};

    (void)state;
    for (unsigned mode = 0; mode < 3; mode++) {
        for (unsigned at = 0; at < 60; at++) {
            int err = DFOTA_MORE;

            make(0, mode, SHAPE_NEW, KIND_DELTA, at & 1);
            assert_int_equal(boot(), 0);
            assert_int_equal(dfota_updater_start(&w.u), 0);
            for (unsigned n = 0; err == DFOTA_MORE; n++) {
                if (n == at) {
                    uint32_t body = w.package_len - w.new_len;

                    for (uint32_t k = 0; k < w.new_len; k++)
                        w.area[AREA_PACKAGE].cells[body + k] ^= 0xFF;
                }
                err = dfota_updater_poll(&w.u);
                for (uint32_t k = 0; k < w.new_len && k < w.old_len; k++) {
                    uint8_t cell = w.area[AREA_SLOT].cells[k];

                    assert_true(cell == w.old_image[k] ||
                                cell == w.new_image[k] || cell == 0xFF);
                }
            }
            ends[err == DFOTA_DONE]++;
            world_destroy(&w);
        }
    }
    assert_true(ends[0] > 0 && ends[1] > 0);
    make(0, 0, 0, 0, 0);
}

static void digests_of_self_are_those_that_were_signed(void **state)
{
    (void)state;
    make(0, MODE_ONE, SHAPE_NEW, KIND_SELF, 0);
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_start(&w.u), 0);
    w.area[AREA_PACKAGE].cells[91 + 20] ^= 1; /* a digest's byte */
    assert_int_equal(dfota_updater_poll(&w.u), DFOTA_E_SIGNATURE);
    assert_int_equal(boot(), 0);
    assert_int_equal(action, DFOTA_ACTION_BOOT);
    assert_int_equal(dfota_updater_reason(&w.u), DFOTA_E_SIGNATURE);
    assert_true(slot_is(w.old_image, w.old_len));
}

static void a_package_that_decodes_to_something_else_fails(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < MODE_COUNT; mode++) {
        make(0, mode, SHAPE_NEW, KIND_DELTA, 0);
        w.area[AREA_PACKAGE].cells[w.package_len - 3] ^= 4;
        assert_int_equal(boot(), 0);
        assert_int_equal(dfota_updater_start(&w.u), 0);
        assert_int_equal(poll_all(), DFOTA_E_TARGET);
        assert_int_equal(boot(), 0);
        assert_int_equal(action, DFOTA_ACTION_BOOT);
        assert_int_equal(dfota_updater_reason(&w.u), DFOTA_E_TARGET);
        assert_true(slot_is(w.old_image, w.old_len));
        reset_package();
        update(); /* FAILED is no obstacle */
        world_destroy(&w);
    }
    make(0, 0, 0, 0, 0);
}

static void in_one_window_a_cut_before_ready_discards(void **state)
{
    (void)state;
    make(0, MODE_WHOLE, SHAPE_NEW, KIND_DELTA, 0);
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_start(&w.u), 0);
    assert_int_equal(boot(), 0); /* the first boot after start() */
    assert_int_equal(action, DFOTA_ACTION_UPDATE);
    assert_false(resumed);
    assert_int_equal(dfota_updater_poll(&w.u), DFOTA_MORE);
    assert_int_equal(boot(), 0); /* a cut */
    assert_int_equal(action, DFOTA_ACTION_BOOT);
    assert_true(resumed);
    assert_int_equal(w.u.journal.state.type, DFOTA_RECORD_CLEAN);
    assert_true(slot_is(w.old_image, w.old_len));
}

static void in_many_windows_a_cut_goes_on(void **state)
{
    (void)state;
    make(0, MODE_ONE, SHAPE_NEW, KIND_DELTA, 0);
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_start(&w.u), 0);
    assert_int_equal(dfota_updater_start(&w.u), DFOTA_E_BUSY);
    assert_int_equal(boot(), 0);
    assert_int_equal(action, DFOTA_ACTION_UPDATE);
    assert_false(resumed);
    for (unsigned n = 0; n < 12; n++)
        assert_int_equal(dfota_updater_poll(&w.u), DFOTA_MORE);
    assert_int_equal(boot(), 0);
    assert_int_equal(action, DFOTA_ACTION_UPDATE);
    assert_true(resumed);
    assert_int_equal(dfota_updater_confirm(&w.u), DFOTA_E_STATE);
    assert_int_equal(poll_all(), DFOTA_DONE);
}

static void poll_without_an_update_is_refused(void **state)
{
    (void)state;
    make(0, MODE_ONE, SHAPE_NEW, KIND_DELTA, 0);
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_poll(&w.u), DFOTA_E_STATE);
    assert_int_equal(dfota_updater_confirm(&w.u), 0);
    assert_int_equal(dfota_updater_recover(&w.u), DFOTA_E_STATE);
}

/* Break the package in the middle: the slot is neither old nor new. */
static void get_held(unsigned kind)
{
    make(0, MODE_ONE, SHAPE_NEW, kind, 0);
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_start(&w.u), 0);
    while (w.u.journal.state.type != DFOTA_RECORD_DONE)
        assert_int_equal(dfota_updater_poll(&w.u), DFOTA_MORE);
    w.area[AREA_PACKAGE].cells[w.package_len - w.new_len + 700] ^= 1;
    assert_int_equal(poll_all(), DFOTA_E_TARGET);
    assert_int_equal(boot(), DFOTA_E_HELD);
    assert_int_equal(action, DFOTA_ACTION_HELD);
    assert_int_equal(dfota_updater_reason(&w.u), DFOTA_E_TARGET);
    assert_int_equal(dfota_updater_start(&w.u), DFOTA_E_HELD);
}

static void held_is_left_by_the_same_package(void **state)
{
    (void)state;
    get_held(KIND_DELTA);
    reset_package();
    assert_int_equal(dfota_updater_recover(&w.u), 0);
    assert_int_equal(boot(), 0);
    assert_int_equal(action, DFOTA_ACTION_UPDATE);
    assert_int_equal(poll_all(), DFOTA_DONE);
    assert_true(slot_is(w.new_image, w.new_len));
}

static void held_is_left_by_a_full_image_only_else(void **state)
{
    (void)state;
    get_held(KIND_DELTA);
    forge(40, 1); /* another delta */
    assert_int_equal(dfota_updater_recover(&w.u), DFOTA_E_HELD);
    assert_int_equal(
        sim_flash_load(&w.area[AREA_PACKAGE], 0, w.full, w.full_len), 0);
    w.area[AREA_PACKAGE].cells[30] ^= 1;
    assert_int_equal(dfota_updater_recover(&w.u), DFOTA_E_TRUNCATED);
    w.area[AREA_PACKAGE].cells[30] ^= 1;
    assert_int_equal(dfota_updater_recover(&w.u), 0);
    assert_int_equal(boot(), 0);
    assert_int_equal(action, DFOTA_ACTION_UPDATE);
    for (unsigned n = 0; n < 8; n++)
        assert_int_equal(dfota_updater_poll(&w.u), DFOTA_MORE);
    assert_int_equal(boot(), 0);
    assert_int_equal(poll_all(), DFOTA_DONE);
    assert_true(slot_is(w.new_image, w.new_len));
}

static void a_full_image_that_fails_leaves_the_device_held(void **state)
{
    (void)state;
    get_held(KIND_DELTA);
    assert_int_equal(
        sim_flash_load(&w.area[AREA_PACKAGE], 0, w.full, w.full_len), 0);
    w.area[AREA_PACKAGE].cells[w.full_len - 1] ^= 1;
    assert_int_equal(dfota_updater_recover(&w.u), 0);
    assert_int_equal(poll_all(), DFOTA_E_TARGET);
    assert_int_equal(boot(), DFOTA_E_HELD);
}

static void an_image_that_rotted_after_finished_is_not_booted(void **state)
{
    (void)state;
    make(0, MODE_WHOLE, SHAPE_NEW, KIND_DELTA, 0);
    assert_int_equal(boot(), 0);
    assert_int_equal(dfota_updater_start(&w.u), 0);
    assert_int_equal(poll_all(), DFOTA_DONE);
    sim_flash_rot(&w.area[AREA_SLOT], 5, 5);
    assert_int_equal(boot(), DFOTA_E_HELD);
}

static void an_identical_image_costs_no_erase(void **state)
{
    uint32_t worst;

    (void)state;
    for (unsigned mode = 0; mode < MODE_COUNT; mode++) {
        make(3, mode, SHAPE_SAME, KIND_DELTA, 0);
        update();
        assert_int_equal(sim_flash_erases(&w.area[AREA_SLOT], &worst), 0);
        assert_int_equal(sim_flash_erases(&w.area[AREA_BACKUP], &worst), 0);
        world_destroy(&w);
    }
    make(0, 0, 0, 0, 0);
}

static uint32_t changed_sectors(void)
{
    uint32_t sector = w.area[AREA_SLOT].flash.erase_size;
    uint32_t n = 0;

    for (uint32_t off = 0; off < w.new_len; off += sector) {
        uint32_t len = w.new_len - off < sector ? w.new_len - off : sector;

        n += memcmp(w.pristine[AREA_SLOT].cells + off, w.new_image + off,
                    len) != 0;
    }
    return n;
}

static void erases_stay_within_the_budget(void **state)
{
    uint32_t worst;

    (void)state;
    for (unsigned mode = 0; mode < MODE_COUNT; mode++) {
        for (unsigned geometry = 0; geometry < world_geometries; geometry++) {
            uint64_t erases;

            make(geometry, mode, SHAPE_MIXED, KIND_DELTA, 0);
            if (w.config.backup->erase_size != w.config.slot->erase_size) {
                world_destroy(&w);
                continue;
            }
            update();
            erases = sim_flash_erases(&w.area[AREA_SLOT], &worst);
            assert_int_equal(erases, changed_sectors());
            assert_true(worst <= 1);
            erases = sim_flash_erases(&w.area[AREA_BACKUP], &worst);
            assert_true(erases <= changed_sectors());
            assert_true(worst <= w.windows);
            world_destroy(&w);
        }
    }
    make(0, 0, 0, 0, 0);
}

static void a_thousand_updates_in_a_row_wear_the_journal_evenly(void **state)
{
    uint32_t worst;

    (void)state;
    make(0, MODE_THREE, SHAPE_NEW, KIND_FULL, 0);
    for (unsigned n = 0; n < 1000; n++) {
        update();
        assert_int_equal(w.power.violations, 0);
        assert_int_equal(boot(), 0);
        assert_int_equal(w.power.ops, 0);
        memcpy(w.area[AREA_SLOT].cells, w.old_image, w.old_len);
    }
    (void)sim_flash_erases(&w.area[AREA_JOURNAL], &worst);
    assert_true(worst <= 6001);
    (void)sim_flash_erases(&w.area[AREA_SLOT], &worst);
    assert_true(worst <= 1000);
    (void)sim_flash_erases(&w.area[AREA_BACKUP], &worst);
    assert_true(worst <= 1000 * w.windows);
}

/* Somebody flashes the slot while an update is open. The journal knows what
 * it was for, so what is there now does not run. */
static void a_foreign_image_in_mid_update_is_not_booted(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode < 2; mode++) {
        for (unsigned polls = 0; polls < 6; polls += 2) {
            make(0, mode, SHAPE_NEW, KIND_DELTA, 0);
            assert_int_equal(boot(), 0);
            assert_int_equal(dfota_updater_start(&w.u), 0);
            for (unsigned n = 0; n < polls; n++)
                assert_int_equal(dfota_updater_poll(&w.u), DFOTA_MORE);
            memset(w.area[AREA_SLOT].cells, 0x77, w.old_len);
            if (boot() == 0) {
                assert_int_equal(action, DFOTA_ACTION_UPDATE);
                assert_true(poll_all() < 0);
            }
            assert_int_equal(boot(), DFOTA_E_HELD);
            assert_int_equal(action, DFOTA_ACTION_HELD);
            assert_true(dfota_updater_reason(&w.u) < 0);
            assert_int_equal(
                sim_flash_load(&w.area[AREA_PACKAGE], 0, w.full, w.full_len),
                0);
            assert_int_equal(dfota_updater_recover(&w.u), 0);
            assert_int_equal(poll_all(), DFOTA_DONE);
            assert_true(slot_is(w.new_image, w.new_len));
            world_destroy(&w);
        }
    }
    make(0, 0, 0, 0, 0);
}

static void a_dead_journal_is_an_error_and_the_old_image_boots(void **state)
{
    (void)state;
    make(0, MODE_THREE, SHAPE_NEW, KIND_DELTA, 0);
    assert_int_equal(boot(), 0);
    w.power.fault = (struct sim_fault){1, 1000000, SIM_LIE_ERROR};
    assert_int_equal(dfota_updater_start(&w.u), DFOTA_E_FLASH);
    assert_int_equal(boot(), 0);
    assert_int_equal(action, DFOTA_ACTION_BOOT);
    assert_true(slot_is(w.old_image, w.old_len));
}

#define TEST(f) cmocka_unit_test_teardown(f, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_update_in_every_mode_ends_at_the_new_image),
        TEST(every_byte_of_the_head_that_flips_is_refused),
        TEST(another_source_by_one_bit_is_refused),
        TEST(a_package_for_another_device_is_refused),
        TEST(erase_blocks_larger_than_the_package_knows_are_refused),
        TEST(another_class_is_refused_and_none_fits_all),
        TEST(a_lower_counter_is_refused_after_confirm),
        TEST(the_counter_waits_for_confirm),
        TEST(a_permit_lets_a_lower_counter_in_once),
        TEST(a_package_swapped_between_steps_writes_nothing),
        TEST(digests_of_self_are_those_that_were_signed),
        TEST(a_package_that_decodes_to_something_else_fails),
        TEST(in_one_window_a_cut_before_ready_discards),
        TEST(in_many_windows_a_cut_goes_on),
        TEST(poll_without_an_update_is_refused),
        TEST(held_is_left_by_the_same_package),
        TEST(held_is_left_by_a_full_image_only_else),
        TEST(a_full_image_that_fails_leaves_the_device_held),
        TEST(an_image_that_rotted_after_finished_is_not_booted),
        TEST(an_identical_image_costs_no_erase),
        TEST(erases_stay_within_the_budget),
        TEST(a_thousand_updates_in_a_row_wear_the_journal_evenly),
        TEST(a_foreign_image_in_mid_update_is_not_booted),
        TEST(a_dead_journal_is_an_error_and_the_old_image_boots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
