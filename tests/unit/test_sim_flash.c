/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "port/sim/sim_flash.h"

static const struct sim_geometry small = {4096, 1024, 4, 0xFF};

static void flash_starts_erased_and_keeps_what_is_programmed(void **state)
{
    struct sim_power p;
    struct sim_flash f;
    uint8_t back[8];
    uint32_t worst;

    (void)state;
    sim_power_init(&p, 1);
    assert_int_equal(sim_flash_create(&f, "x", &p, &small, NULL), 0);
    assert_int_equal(f.flash.read(f.flash.ctx, 0, back, 8), 0);
    assert_memory_equal(back, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8);
    assert_int_equal(f.flash.prog(f.flash.ctx, 4, "abcd", 4), 0);
    assert_int_equal(f.flash.read(f.flash.ctx, 4, back, 4), 0);
    assert_memory_equal(back, "abcd", 4);
    assert_int_equal(f.flash.erase(f.flash.ctx, 0), 0);
    assert_int_equal(f.flash.read(f.flash.ctx, 4, back, 4), 0);
    assert_memory_equal(back, "\xFF\xFF\xFF\xFF", 4);
    assert_int_equal(p.violations, 0);
    assert_int_equal(sim_flash_erases(&f, &worst), 1);
    sim_flash_destroy(&f);
}

static void broken_rules_are_counted(void **state)
{
    struct sim_power p;
    struct sim_flash f;

    (void)state;
    sim_power_init(&p, 1);
    assert_int_equal(sim_flash_create(&f, "x", &p, &small, NULL), 0);
    (void)f.flash.prog(f.flash.ctx, 0, "abcd", 4);
    (void)f.flash.prog(f.flash.ctx, 0, "abcd", 4);
    assert_int_equal(p.violations, 1);
    (void)f.flash.prog(f.flash.ctx, 6, "abcd", 4);
    assert_int_equal(p.violations, 2);
    (void)f.flash.prog(f.flash.ctx, 8, "abc", 3);
    assert_int_equal(p.violations, 3);
    (void)f.flash.erase(f.flash.ctx, 512);
    assert_int_equal(p.violations, 4);
    (void)f.flash.prog(f.flash.ctx, 4096, "abcd", 4);
    assert_int_equal(p.violations, 5);
    sim_flash_destroy(&f);
}

static void after_a_cut_every_call_fails_until_power_on(void **state)
{
    struct sim_power p;
    struct sim_flash f;
    uint8_t back[4];

    (void)state;
    sim_power_init(&p, 1);
    assert_int_equal(sim_flash_create(&f, "x", &p, &small, NULL), 0);
    p.cut = (struct sim_cut){2, SIM_CUT_AFTER, SIM_TORN_PREFIX, 0};
    assert_int_equal(f.flash.prog(f.flash.ctx, 0, "abcd", 4), 0);
    assert_int_equal(f.flash.prog(f.flash.ctx, 4, "efgh", 4), DFOTA_E_FLASH);
    assert_int_equal(f.flash.read(f.flash.ctx, 0, back, 4), DFOTA_E_FLASH);
    assert_int_equal(f.flash.erase(f.flash.ctx, 0), DFOTA_E_FLASH);
    sim_power_on(&p);
    assert_int_equal(f.flash.read(f.flash.ctx, 4, back, 4), 0);
    assert_memory_equal(back, "efgh", 4);
    sim_flash_destroy(&f);
}

static void a_torn_unit_counts_as_programmed_whatever_it_reads(void **state)
{
    (void)state;
    for (int torn = 0; torn < SIM_TORN_COUNT; torn++) {
        for (int erase = 0; erase < 2; erase++) {
            struct sim_power p;
            struct sim_flash f;

            sim_power_init(&p, (uint64_t)torn);
            assert_int_equal(sim_flash_create(&f, "x", &p, &small, NULL), 0);
            p.cut = (struct sim_cut){1, SIM_CUT_TORN, (enum sim_torn)torn, 0};
            if (erase)
                (void)f.flash.erase(f.flash.ctx, 0);
            else
                (void)f.flash.prog(f.flash.ctx, 0, "abcd", 4);
            sim_power_on(&p);
            (void)f.flash.prog(f.flash.ctx, 0, "abcd", 4);
            assert_int_equal(p.violations, 1);
            sim_flash_destroy(&f);
        }
    }
}

static void a_unit_with_broken_ecc_cannot_be_read(void **state)
{
    struct sim_power p;
    struct sim_flash f;
    uint8_t back[4];

    (void)state;
    sim_power_init(&p, 1);
    assert_int_equal(sim_flash_create(&f, "x", &p, &small, NULL), 0);
    p.cut =
        (struct sim_cut){1, SIM_CUT_TORN, SIM_TORN_BITS, SIM_DECAY_READ_ERROR};
    (void)f.flash.prog(f.flash.ctx, 8, "abcd", 4);
    sim_power_on(&p);
    assert_int_equal(f.flash.read(f.flash.ctx, 8, back, 4), DFOTA_E_FLASH);
    assert_int_equal(f.flash.read(f.flash.ctx, 4, back, 4), 0);
    assert_int_equal(f.flash.erase(f.flash.ctx, 0), 0);
    assert_int_equal(f.flash.read(f.flash.ctx, 8, back, 4), 0);
    sim_flash_destroy(&f);
}

static void the_same_seed_tears_the_same_way(void **state)
{
    (void)state;
    for (int torn = 0; torn < SIM_TORN_COUNT; torn++) {
        uint8_t first[1024];

        for (int round = 0; round < 2; round++) {
            struct sim_power p;
            struct sim_flash f;
            uint8_t data[256];

            memset(data, 0x5A, sizeof(data));
            sim_power_init(&p, 99);
            assert_int_equal(sim_flash_create(&f, "x", &p, &small, NULL), 0);
            p.cut = (struct sim_cut){1, SIM_CUT_TORN, (enum sim_torn)torn,
                                     SIM_DECAY_BOOT};
            (void)f.flash.prog(f.flash.ctx, 0, data, sizeof(data));
            sim_power_on(&p);
            sim_flash_reboot(&f);
            if (round == 0)
                memcpy(first, f.cells, sizeof(first));
            else
                assert_memory_equal(first, f.cells, sizeof(first));
            sim_flash_destroy(&f);
        }
    }
}

static void a_lying_chip_says_done_or_fails_as_planned(void **state)
{
    struct sim_power p;
    struct sim_flash f;

    (void)state;
    sim_power_init(&p, 1);
    assert_int_equal(sim_flash_create(&f, "x", &p, &small, NULL), 0);
    p.fault = (struct sim_fault){1, 1, SIM_LIE_NOOP};
    assert_int_equal(f.flash.prog(f.flash.ctx, 0, "abcd", 4), 0);
    assert_memory_equal(f.cells, "\xFF\xFF\xFF\xFF", 4);
    p.fault = (struct sim_fault){2, 1, SIM_LIE_ERROR};
    assert_int_equal(f.flash.prog(f.flash.ctx, 0, "abcd", 4), DFOTA_E_FLASH);
    assert_memory_equal(f.cells, "\xFF\xFF\xFF\xFF", 4);
    p.fault = (struct sim_fault){3, 1, SIM_LIE_LATE};
    assert_int_equal(f.flash.prog(f.flash.ctx, 0, "abcd", 4), DFOTA_E_FLASH);
    assert_memory_equal(f.cells, "abcd", 4);
    sim_flash_destroy(&f);
}

static void a_read_fails_as_planned(void **state)
{
    struct sim_power p;
    struct sim_flash f;
    uint8_t back[4];

    (void)state;
    sim_power_init(&p, 1);
    assert_int_equal(sim_flash_create(&f, "x", &p, &small, NULL), 0);
    p.fault = (struct sim_fault){2, 2, SIM_LIE_READ};
    for (unsigned n = 1; n < 6; n++) {
        int wanted = n == 2 || n == 3 ? DFOTA_E_FLASH : 0;

        assert_int_equal(f.flash.prog(f.flash.ctx, 4 * n, "abcd", 4), 0);
        assert_int_equal(f.flash.read(f.flash.ctx, 4 * n, back, 4), wanted);
    }
    sim_flash_destroy(&f);
}

/* What reads wrong at one boot may read right at the next, and the other
 * way round. */
static void metastable_cells_go_to_and_fro(void **state)
{
    static const enum sim_decay decays[] = {SIM_DECAY_BOOT, SIM_DECAY_SWING};

    (void)state;
    for (unsigned d = 0; d < 2; d++) {
        struct sim_power p;
        struct sim_flash f;
        unsigned right = 0;
        unsigned wrong = 0;
        unsigned back = 0;

        sim_power_init(&p, 5);
        assert_int_equal(sim_flash_create(&f, "x", &p, &small, NULL), 0);
        p.cut = (struct sim_cut){1, SIM_CUT_TORN, SIM_TORN_COMPLETE, decays[d]};
        (void)f.flash.prog(f.flash.ctx, 0, "abcd", 4);
        for (unsigned n = 0; n < 100; n++) {
            bool was_right = memcmp(f.cells, "abcd", 4) == 0;
            bool is_right;

            sim_power_on(&p);
            sim_flash_reboot(&f);
            is_right = memcmp(f.cells, "abcd", 4) == 0;
            right += is_right;
            wrong += memcmp(f.cells, "\xFF\xFF\xFF\xFF", 4) == 0;
            back += !was_right && is_right;
        }
        assert_true(right > 10 && wrong > 10 && back > 5);
        sim_flash_destroy(&f);
    }
}

/* docs/decisions/0104 */
static void a_torn_erase_is_whole_always_or_never(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 400; seed++) {
        struct sim_power p;
        struct sim_flash f;
        unsigned whole = 0;

        sim_power_init(&p, seed);
        assert_int_equal(sim_flash_create(&f, "x", &p, &small, NULL), 0);
        for (uint32_t at = 0; at < 1024; at += 4)
            assert_int_equal(f.flash.prog(f.flash.ctx, at, "abcd", 4), 0);
        p.cut = (struct sim_cut){
            p.ops + 1, SIM_CUT_TORN, (enum sim_torn)(seed % SIM_TORN_COUNT),
            (enum sim_decay)(seed / SIM_TORN_COUNT % SIM_DECAY_COUNT)};
        (void)f.flash.erase(f.flash.ctx, 0);
        for (unsigned n = 0; n < 20; n++) {
            uint8_t back[1024];
            bool is_whole;

            sim_power_on(&p);
            sim_flash_reboot(&f);
            is_whole = !f.flash.read(f.flash.ctx, 0, back, sizeof(back)) &&
                       memcmp(back, "abcd", 4) == 0 &&
                       memcmp(back, back + 4, sizeof(back) - 4) == 0;
            whole += is_whole;
        }
        assert_true(whole == 0 || whole == 20);
        sim_flash_destroy(&f);
    }
}

/* The child dies between two operations, without any farewell. */
static void a_killed_process_leaves_what_it_had_done(void **state)
{
    char path[] = "/tmp/dfota-sim-XXXXXX";
    int fd = mkstemp(path);
    struct sim_power p;
    struct sim_flash f;
    struct sim_geometry other = small;
    uint32_t worst;
    pid_t child;
    int status;

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    sim_power_init(&p, 1);
    child = fork();
    if (child == 0) {
        if (sim_flash_create(&f, "x", &p, &small, path))
            _exit(1);
        (void)f.flash.erase(f.flash.ctx, 1024);
        (void)f.flash.prog(f.flash.ctx, 1024, "abcd", 4);
        (void)raise(SIGKILL);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    other.erase_size = 512;
    assert_int_equal(sim_flash_create(&f, "x", &p, &other, path), DFOTA_E_ARG);
    assert_int_equal(sim_flash_check(&other, path), DFOTA_E_ARG);
    assert_int_equal(sim_flash_check(&small, path), 0);
    assert_int_equal(sim_flash_create(&f, "x", &p, &small, path), 0);
    assert_memory_equal(f.cells + 1024, "abcd", 4);
    assert_int_equal(sim_flash_erases(&f, &worst), 1);
    (void)f.flash.prog(f.flash.ctx, 1024, "abcd", 4);
    assert_int_equal(p.violations, 1);
    sim_flash_destroy(&f);
    (void)unlink(path);
}

static void geometry_that_is_none_is_refused(void **state)
{
    static const struct sim_geometry bad[] = {
        {4096, 256, 4, 0xFF},  {4096, 1000, 4, 0xFF},   {5000, 1024, 4, 0xFF},
        {4096, 1024, 3, 0xFF}, {4096, 1024, 512, 0xFF}, {0, 1024, 4, 0xFF}};
    struct sim_power p;
    struct sim_flash f;

    (void)state;
    sim_power_init(&p, 1);
    for (unsigned k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
        assert_int_equal(sim_flash_create(&f, "x", &p, &bad[k], NULL),
                         DFOTA_E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flash_starts_erased_and_keeps_what_is_programmed),
        cmocka_unit_test(broken_rules_are_counted),
        cmocka_unit_test(after_a_cut_every_call_fails_until_power_on),
        cmocka_unit_test(a_torn_unit_counts_as_programmed_whatever_it_reads),
        cmocka_unit_test(a_unit_with_broken_ecc_cannot_be_read),
        cmocka_unit_test(the_same_seed_tears_the_same_way),
        cmocka_unit_test(a_lying_chip_says_done_or_fails_as_planned),
        cmocka_unit_test(a_read_fails_as_planned),
        cmocka_unit_test(metastable_cells_go_to_and_fro),
        cmocka_unit_test(a_torn_erase_is_whole_always_or_never),
        cmocka_unit_test(a_killed_process_leaves_what_it_had_done),
        cmocka_unit_test(geometry_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
