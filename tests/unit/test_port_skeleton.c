/* SPDX-License-Identifier: Apache-2.0 */
/* The skeleton over a chip in RAM: the self-test must pass on a good one and
 * name what is wrong with each bad one; the boot loop makes an update. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "port/skeleton/port_boot.h"
#include "port/skeleton/port_flash.h"
#include "port/skeleton/port_nor.h"
#include "port/skeleton/port_selftest.h"
#include "powercut/world.h"

#define CHIP_LEN 65536u
#define START 4096u
#define SECTOR 2048u
#define LEN (6 * SECTOR)
#define UNIT 8u

/* What is wrong with the chip, or with the driver that talks to it. */
enum fault {
    FAULT_NONE,
    FAULT_DEAD_ERASE,    /* says done, does nothing */
    FAULT_HALF_ERASE,    /* leaves the end of the sector */
    FAULT_WIDE_ERASE,    /* takes the next sector along */
    FAULT_DEAD_PROGRAM,  /* does nothing */
    FAULT_STUCK_BIT,     /* bit 3 of one byte is never cleared */
    FAULT_WIDE_PROGRAM,  /* spoils the unit behind */
    FAULT_ADDRESS_LINE,  /* address bit 12 is not connected */
    FAULT_ALIGNED_READS, /* reads begin at a multiple of 4 */
    FAULT_READ_ERROR,    /* at the last byte */
    FAULT_ERASE_ERROR,
    FAULT_PROGRAM_ERROR,
};

static uint8_t chip[CHIP_LEN];
static enum fault fault;
static uint8_t erased;
static uint32_t sector = SECTOR;
static uint32_t unit = UNIT;
static uint32_t violations; /* units programmed without an erase, outsiders */

static uint32_t wire(uint32_t addr)
{
    return fault == FAULT_ADDRESS_LINE ? addr & ~(1u << 12) : addr;
}

static bool is_outside(uint32_t addr, uint32_t len)
{
    return addr < START || addr + len > START + LEN;
}

int port_nor_read(uint32_t addr, void *buf, uint32_t len)
{
    uint8_t *out = buf;

    if (is_outside(addr, len))
        violations++;
    if (fault == FAULT_READ_ERROR && addr + len == START + LEN)
        return DFOTA_E_FLASH;
    if (fault == FAULT_ALIGNED_READS)
        addr &= ~3u;
    for (uint32_t i = 0; i < len; i++)
        out[i] = chip[wire(addr + i)];
    return 0;
}

int port_nor_program(uint32_t addr, const void *buf, uint32_t len)
{
    const uint8_t *in = buf;

    if (fault == FAULT_PROGRAM_ERROR)
        return DFOTA_E_FLASH;
    if (is_outside(addr, len) || addr % unit || len % unit)
        violations++;
    for (uint32_t i = 0; i < len && fault != FAULT_DEAD_PROGRAM; i++) {
        if (chip[wire(addr + i)] != erased && fault == FAULT_NONE)
            violations++;
        chip[wire(addr + i)] = in[i];
        if (fault == FAULT_STUCK_BIT && addr + i == START + SECTOR + 77)
            chip[addr + i] |= 8;
    }
    if (fault == FAULT_WIDE_PROGRAM && !is_outside(addr + len, 1))
        chip[addr + len] = 0x42;
    return 0;
}

int port_nor_erase(uint32_t addr)
{
    uint32_t len = sector;

    if (fault == FAULT_ERASE_ERROR)
        return DFOTA_E_FLASH;
    if (is_outside(addr, sector) || addr % sector)
        violations++;
    if (fault == FAULT_DEAD_ERASE)
        return 0;
    if (fault == FAULT_HALF_ERASE)
        len -= 1;
    if (fault == FAULT_WIDE_ERASE && !is_outside(addr + sector, sector))
        len += sector;
    for (uint32_t i = 0; i < len; i++)
        chip[wire(addr + i)] = erased;
    return 0;
}

static struct port_finding test_chip(enum fault wrong, uint8_t erased_byte)
{
    struct port_finding found;
    struct port_area area;
    int err;

    memset(chip, 0x5A, sizeof(chip));
    fault = wrong;
    erased = erased_byte;
    violations = 0;
    assert_int_equal(
        port_area_init(&area, START, LEN, SECTOR, UNIT, erased_byte), 0);
    err = port_selftest(&area.flash, &found);
    assert_int_equal(err, found.check == PORT_CHECK_PASSED ? 0 : DFOTA_E_FLASH);
    return found;
}

static void a_good_chip_passes_and_is_left_erased(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        uint8_t byte = k ? 0x00 : 0xFF;

        assert_int_equal(test_chip(FAULT_NONE, byte).check, PORT_CHECK_PASSED);
        assert_int_equal(violations, 0);
        for (uint32_t i = 0; i < CHIP_LEN; i++)
            assert_int_equal(chip[i], i - START < LEN ? byte : 0x5A);
    }
}

static void each_bad_chip_is_told_by_what_is_wrong(void **state)
{
    static const struct {
        enum fault fault;
        enum port_check check;
    } cases[] = {
        {FAULT_DEAD_ERASE, PORT_CHECK_ERASE},
        {FAULT_HALF_ERASE, PORT_CHECK_ERASE},
        {FAULT_ERASE_ERROR, PORT_CHECK_ERASE},
        {FAULT_WIDE_ERASE, PORT_CHECK_NEIGHBOUR},
        {FAULT_DEAD_PROGRAM, PORT_CHECK_PROGRAM},
        {FAULT_PROGRAM_ERROR, PORT_CHECK_PROGRAM},
        {FAULT_STUCK_BIT, PORT_CHECK_PROGRAM},
        {FAULT_WIDE_PROGRAM, PORT_CHECK_UNIT},
        {FAULT_ADDRESS_LINE, PORT_CHECK_PROGRAM},
        {FAULT_ALIGNED_READS, PORT_CHECK_READ},
        {FAULT_READ_ERROR, PORT_CHECK_ERASE},
    };

    (void)state;
    for (unsigned k = 0; k < sizeof(cases) / sizeof(cases[0]); k++)
        assert_string_equal(
            port_check_name(test_chip(cases[k].fault, 0xFF).check),
            port_check_name(cases[k].check));
}

/* ---- drivers that do not check what they are asked ----------------------- */

static uint8_t cells[LEN + 2 * SECTOR];
static uint32_t dropped; /* address lines that are not connected */

static int loose_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    if (off > LEN || len > LEN - off)
        return DFOTA_E_FLASH;
    for (uint32_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = cells[(off + i) & ~dropped];
    return 0;
}

/* As a NOR cell: bits are only cleared; but a RAM takes anything. */
static int loose_prog(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    const uint8_t *in = buf;

    (void)ctx;
    if (off > LEN || len > LEN - off || (off | len) % UNIT)
        return DFOTA_E_FLASH;
    for (uint32_t i = 0; i < len; i++)
        cells[(off + i) & ~dropped] =
            dropped ? in[i] : (uint8_t)(cells[off + i] & in[i]);
    return 0;
}

static int boundless_prog(void *ctx, uint32_t off, const void *buf,
                          uint32_t len)
{
    (void)ctx;
    if (off <= LEN)
        memcpy(cells + off, buf, len);
    return 0;
}

static int loose_erase(void *ctx, uint32_t off)
{
    (void)ctx;
    if (off >= LEN || off % SECTOR)
        return DFOTA_E_FLASH;
    memset(cells + (off & ~dropped), 0xFF, SECTOR);
    return 0;
}

static int loose_sync(void *ctx)
{
    (void)ctx;
    return 0;
}

static struct dfota_flash loose(void)
{
    struct dfota_flash f = {loose_read, loose_prog, loose_erase,
                            loose_sync, NULL,       LEN,
                            SECTOR,     UNIT,       0xFF};

    return f;
}

static void a_unit_programmed_twice_must_be_refused(void **state)
{
    struct port_finding found;
    struct dfota_flash f = loose();

    (void)state;
    assert_int_equal(port_selftest(&f, &found), DFOTA_E_FLASH);
    assert_string_equal(port_check_name(found.check), "twice");
}

static void a_program_across_the_end_must_be_refused(void **state)
{
    struct port_finding found;
    struct dfota_flash f = loose();

    (void)state;
    f.prog = boundless_prog;
    assert_int_equal(port_selftest(&f, &found), DFOTA_E_FLASH);
    assert_string_equal(port_check_name(found.check), "bounds");
}

static void two_addresses_of_one_cell_are_found(void **state)
{
    struct port_finding found;
    struct dfota_flash f = loose();

    (void)state;
    dropped = 1u << 12;
    assert_int_equal(port_selftest(&f, &found), DFOTA_E_FLASH);
    assert_string_equal(port_check_name(found.check), "address");
    dropped = 0;
}

static void a_geometry_that_cannot_be_is_refused(void **state)
{
    struct port_finding found;
    struct port_area area;
    struct dfota_flash f;

    (void)state;
    assert_int_equal(port_area_init(&area, 0, 4096, 3000, 8, 0xFF),
                     DFOTA_E_ARG);
    assert_int_equal(port_area_init(&area, 100, 4096, 4096, 8, 0xFF),
                     DFOTA_E_ARG);
    assert_int_equal(port_area_init(&area, 0, 4097, 4096, 8, 0xFF),
                     DFOTA_E_ARG);
    assert_int_equal(port_area_init(&area, 0, 4096, 4096, 3, 0xFF),
                     DFOTA_E_ARG);
    assert_int_equal(port_area_init(&area, 0, 4096, 256, 8, 0xFF), DFOTA_E_ARG);
    assert_int_equal(port_area_init(&area, 0, 4096, 4096, 512, 0xFF),
                     DFOTA_E_ARG);
    f = loose();
    f.erase_size = 256;
    assert_int_equal(port_selftest(&f, &found), DFOTA_E_FLASH);
    f = loose();
    f.prog_size = 512;
    assert_int_equal(port_selftest(&f, &found), DFOTA_E_FLASH);
    f = loose();
    f.size -= 1;
    assert_int_equal(port_selftest(&f, &found), DFOTA_E_FLASH);
    f = loose();
    f.erased_byte = 0x7F;
    assert_int_equal(port_selftest(&f, &found), DFOTA_E_FLASH);
    assert_int_equal(found.check, PORT_CHECK_GEOMETRY);
}

static void every_program_unit_and_sector_passes(void **state)
{
    struct port_finding found;
    struct port_area area;

    (void)state;
    fault = FAULT_NONE;
    erased = 0xFF;
    violations = 0;
    for (unit = 1; unit <= 256; unit *= 2) {
        for (sector = 512; sector <= LEN / 2; sector *= 2) {
            uint32_t len = LEN / sector * sector;

            assert_int_equal(
                port_area_init(&area, START, len, sector, (uint16_t)unit, 0xFF),
                0);
            assert_int_equal(port_selftest(&area.flash, &found), 0);
        }
    }
    unit = UNIT;
    sector = 512;
    assert_int_equal(port_area_init(&area, START, 512, 512, 256, 0xFF), 0);
    assert_int_equal(port_selftest(&area.flash, &found), 0);
    sector = SECTOR;
    assert_int_equal(violations, 0);
}

static void the_boot_loop_makes_an_update_and_runs_what_is_whole(void **state)
{
    struct world_id id = {3,        MODE_THREE, SHAPE_MIXED, KIND_DELTA, 0,
                          PAST_NEW, 5};
    static struct world w;
    int reason;

    (void)state;
    assert_int_equal(world_create(&w, &id), 0);
    world_reset(&w, 1);
    assert_int_equal(port_boot(&w.u, &w.config, &reason), PORT_RUN);
    assert_int_equal(reason, 0);
    assert_int_equal(dfota_updater_start(&w.u), 0);
    assert_int_equal(port_boot(&w.u, &w.config, &reason), PORT_RUN);
    assert_int_equal(reason, 0);
    assert_int_equal(memcmp(w.area[AREA_SLOT].cells, w.new_image, w.new_len),
                     0);
    world_destroy(&w);
}

static void the_boot_loop_holds_when_neither_image_is_whole(void **state)
{
    struct world_id id = {3,        MODE_THREE, SHAPE_MIXED, KIND_DELTA, 0,
                          PAST_NEW, 5};
    static struct world w;
    int reason;

    (void)state;
    assert_int_equal(world_create(&w, &id), 0);
    world_reset(&w, 1);
    assert_int_equal(port_boot(&w.u, &w.config, &reason), PORT_RUN);
    assert_int_equal(dfota_updater_start(&w.u), 0);
    assert_int_equal(port_boot(&w.u, &w.config, &reason), PORT_RUN);
    w.area[AREA_SLOT].cells[0] ^= 1;
    assert_int_equal(port_boot(&w.u, &w.config, &reason), PORT_HOLD);
    assert_true(reason < 0);
    world_destroy(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_chip_passes_and_is_left_erased),
        cmocka_unit_test(each_bad_chip_is_told_by_what_is_wrong),
        cmocka_unit_test(a_unit_programmed_twice_must_be_refused),
        cmocka_unit_test(a_program_across_the_end_must_be_refused),
        cmocka_unit_test(two_addresses_of_one_cell_are_found),
        cmocka_unit_test(a_geometry_that_cannot_be_is_refused),
        cmocka_unit_test(every_program_unit_and_sector_passes),
        cmocka_unit_test(the_boot_loop_makes_an_update_and_runs_what_is_whole),
        cmocka_unit_test(the_boot_loop_holds_when_neither_image_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
