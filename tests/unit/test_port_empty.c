/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "port/skeleton/port_boot.h"
#include "port/skeleton/port_crypto.h"
#include "port/skeleton/port_flash.h"
#include "port/skeleton/port_selftest.h"

static void a_port_without_a_chip_fails_its_self_test(void **state)
{
    struct port_finding found;
    struct port_area area;

    (void)state;
    assert_int_equal(port_area_init(&area, 0, 8192, 4096, 8, 0xFF), 0);
    assert_int_equal(port_selftest(&area.flash, &found), DFOTA_E_FLASH);
    assert_int_equal(found.check, PORT_CHECK_ERASE);
    assert_int_equal(found.err, DFOTA_E_UNSUPPORTED);
}

static void a_port_without_a_chip_takes_no_package(void **state)
{
    static uint32_t arena[2048];
    static struct dfota_updater updater;
    struct dfota_crypto crypto;
    struct port_area area;
    int reason;

    (void)state;
    port_crypto_init(&crypto);
    assert_int_equal(port_area_init(&area, 0, 8192, 4096, 8, 0xFF), 0);
    const struct dfota_updater_config config = {
        .slot = &area.flash,
        .backup = &area.flash,
        .package = &area.flash,
        .journal = &area.flash,
        .crypto = &crypto,
        .arena = arena,
        .arena_len = sizeof(arena),
    };
    /* A journal that nobody can read may be in the middle of anything:
     * nothing runs, and nothing is ever begun. */
    assert_int_equal(port_boot(&updater, &config, &reason), PORT_HOLD);
    assert_true(dfota_updater_start(&updater) < 0);
}

static void a_port_without_cryptography_takes_no_signature(void **state)
{
    const uint8_t signature[DFOTA_SIGNATURE_LEN] = {0};
    uint8_t digest[DFOTA_HASH_LEN] = {0};
    struct dfota_crypto crypto;

    (void)state;
    port_crypto_init(&crypto);
    assert_non_null(crypto.verify);
    for (unsigned key = 0; key < 256; key++)
        assert_int_equal(
            crypto.verify(crypto.ctx, (uint8_t)key, digest, signature),
            DFOTA_E_UNSUPPORTED);
    assert_int_equal(crypto.hash_init(crypto.ctx), DFOTA_E_UNSUPPORTED);
    assert_int_equal(crypto.hash_update(crypto.ctx, digest, 1),
                     DFOTA_E_UNSUPPORTED);
    assert_int_equal(crypto.hash_final(crypto.ctx, digest),
                     DFOTA_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_without_a_chip_fails_its_self_test),
        cmocka_unit_test(a_port_without_a_chip_takes_no_package),
        cmocka_unit_test(a_port_without_cryptography_takes_no_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
