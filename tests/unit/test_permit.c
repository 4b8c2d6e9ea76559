/* SPDX-License-Identifier: Apache-2.0 */
/* Downgrade permits from the generator to the device: real packages, real
 * keys, the updater over simulated flash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "delta/permit.h"
#include "device/updater.h"
#include "port/psa/psa_crypto_port.h"
#include "port/sim/sim_flash.h"

#define IMAGE_LEN 9000
#define SECTOR 1024
#define DEVICE "866425030000017"

enum { KEY_PACKAGE, KEY_PERMIT, KEY_OTHER, KEYS };
enum { AREA_SLOT, AREA_BACKUP, AREA_PACKAGE, AREA_JOURNAL, AREAS };

struct bench {
    char dir[64];
    struct psa_signer signer[KEYS];
    struct psa_trust trust;
    struct dfota_crypto crypto;
    struct sim_power power;
    struct sim_flash area[AREAS];
    struct dfota_updater u;
    uint8_t image[2][IMAGE_LEN]; /* by version */
    struct build_result up, down;
    uint64_t arena[2048];
};

static struct bench b;

static int sign(void *ctx, const uint8_t digest[DFOTA_HASH_LEN],
                uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    return psa_signer_sign(ctx, digest, signature);
}

static int make_key(unsigned k)
{
    static const uint8_t ids[KEYS] = {0, DFOTA_KEY_PERMIT, 0};
    char path[128];
    int err;

    (void)snprintf(path, sizeof(path), "%s/k.pem", b.dir);
    err = psa_keygen_write(path);
    if (!err)
        err = psa_signer_load(&b.signer[k], path);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/k.pub.pem", b.dir);
    if (!err && k != KEY_OTHER)
        err = psa_trust_load(&b.trust, ids[k], path);
    (void)unlink(path);
    return err;
}

static int build(unsigned from, uint32_t counter, struct build_result *r)
{
    const struct build_signer signer = {sign, &b.signer[KEY_PACKAGE]};
    const struct build_options o = {.arch = DFOTA_ARCH_RAW,
                                    .arena_kib = 16,
                                    .sector = SECTOR,
                                    .backup = SECTOR,
                                    .counter = counter};

    return build_package(&o, b.image[from], IMAGE_LEN, b.image[!from],
                         IMAGE_LEN, &b.crypto, &signer, r);
}

static int set_up_group(void **state)
{
    uint64_t seed = 11;

    (void)state;
    strcpy(b.dir, "/tmp/dfota-permit-XXXXXX");
    if (psa_port_init() || !mkdtemp(b.dir))
        return -1;
    psa_trust_init(&b.trust);
    for (unsigned k = 0; k < KEYS; k++) {
        if (make_key(k))
            return -1;
    }
    (void)rmdir(b.dir);
    psa_trust_crypto(&b.trust, &b.crypto);
    for (unsigned k = 0; k < IMAGE_LEN; k++)
        b.image[0][k] = b.image[1][k] = (uint8_t)sim_random(&seed);
    for (unsigned k = 0; k < 40; k++)
        b.image[1][sim_random(&seed) % IMAGE_LEN] ^= 0x21;
    return build(0, 5, &b.up) || build(1, 3, &b.down);
}

static int tear_down_group(void **state)
{
    (void)state;
    free(b.up.bytes);
    free(b.down.bytes);
    for (unsigned k = 0; k < KEYS; k++)
        psa_signer_release(&b.signer[k]);
    psa_trust_release(&b.trust);
    return 0;
}

static int boot(enum dfota_action *action)
{
    bool resumed;

    sim_power_on(&b.power);
    return dfota_updater_boot(&b.u, action, &resumed);
}

static void store(const uint8_t *package, size_t len)
{
    assert_int_equal(sim_flash_load(&b.area[AREA_PACKAGE], 0, package, len), 0);
}

/* From start() to confirm(); the error of start(). */
static int update(void)
{
    enum dfota_action action;
    int err;

    assert_int_equal(boot(&action), 0);
    err = dfota_updater_start(&b.u);
    if (err)
        return err;
    do {
        err = dfota_updater_poll(&b.u);
    } while (err == DFOTA_MORE);
    assert_int_equal(err, DFOTA_DONE);
    assert_int_equal(boot(&action), 0);
    assert_int_equal(action, DFOTA_ACTION_BOOT);
    return dfota_updater_confirm(&b.u);
}

/* A device that runs version 1 with counter 5. */
static int set_up(void **state)
{
    const struct sim_geometry g[AREAS] = {{10 * SECTOR, SECTOR, 8, 0xFF},
                                          {SECTOR, SECTOR, 8, 0xFF},
                                          {32768, 4096, 1, 0xFF},
                                          {8 * SECTOR, SECTOR, 8, 0xFF}};
    static struct dfota_updater_config c = {
        .slot = &b.area[AREA_SLOT].flash,
        .backup = &b.area[AREA_BACKUP].flash,
        .package = &b.area[AREA_PACKAGE].flash,
        .journal = &b.area[AREA_JOURNAL].flash,
        .crypto = &b.crypto,
        .arena = b.arena,
        .arena_len = sizeof(b.arena)};

    (void)state;
    sim_power_init(&b.power, 1);
    for (unsigned a = 0; a < AREAS; a++) {
        if (sim_flash_create(&b.area[a], "area", &b.power, &g[a], NULL))
            return -1;
    }
    if (sim_flash_load(&b.area[AREA_SLOT], 0, b.image[0], IMAGE_LEN) ||
        psa_sha256(DEVICE, strlen(DEVICE), c.id_hash))
        return -1;
    dfota_updater_init(&b.u, &c);
    store(b.up.bytes, b.up.len);
    return update();
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned a = 0; a < AREAS; a++)
        sim_flash_destroy(&b.area[a]);
    return 0;
}

/* Store version 0's package with a permit by that key for that device. */
static int permit(const char *device, unsigned key)
{
    const struct build_signer signer = {sign, &b.signer[key]};
    uint8_t *bytes;
    size_t len;
    int err = permit_add(b.down.bytes, b.down.len, device, &b.crypto, &signer,
                         &bytes, &len);

    if (err)
        return err;
    store(bytes, len);
    free(bytes);
    return 0;
}

static bool runs(unsigned version)
{
    return memcmp(b.area[AREA_SLOT].cells, b.image[version], IMAGE_LEN) == 0;
}

static void without_a_permit_a_lower_counter_is_refused(void **state)
{
    (void)state;
    store(b.down.bytes, b.down.len);
    assert_int_equal(update(), DFOTA_E_COUNTER);
    assert_true(runs(1));
}

static void a_permit_lets_the_device_go_back_once(void **state)
{
    (void)state;
    assert_int_equal(permit(DEVICE, KEY_PERMIT), 0);
    assert_int_equal(update(), 0);
    assert_true(runs(0));
    assert_int_equal(b.u.journal.head.counter, 5); /* not lowered */
    store(b.up.bytes, b.up.len);
    assert_int_equal(update(), 0);
    assert_true(runs(1));
    assert_int_equal(permit(DEVICE, KEY_PERMIT), 0);
    assert_int_equal(update(), DFOTA_E_PERMIT);
    assert_true(runs(1));
}

static void a_permit_of_another_device_is_refused(void **state)
{
    (void)state;
    assert_int_equal(permit("866425030000018", KEY_PERMIT), 0);
    assert_int_equal(update(), DFOTA_E_PERMIT);
    assert_true(runs(1));
}

static void a_permit_by_another_key_is_refused(void **state)
{
    (void)state;
    assert_int_equal(permit(DEVICE, KEY_OTHER), 0);
    assert_int_equal(update(), DFOTA_E_PERMIT);
    /* The key that signs packages is another one, too. */
    assert_int_equal(permit(DEVICE, KEY_PACKAGE), 0);
    assert_int_equal(update(), DFOTA_E_PERMIT);
    assert_true(runs(1));
}

static void a_permit_of_another_package_is_refused(void **state)
{
    struct build_result other;
    uint32_t at = b.down.p.signature_off + DFOTA_SIGNATURE_LEN;
    uint8_t lent[DFOTA_PERMIT_LEN];

    (void)state;
    assert_int_equal(permit(DEVICE, KEY_PERMIT), 0);
    memcpy(lent, b.area[AREA_PACKAGE].cells + at, sizeof(lent));
    b.image[0][5] ^= 1; /* another target */
    assert_int_equal(build(1, 3, &other), 0);
    b.image[0][5] ^= 1;
    store(b.down.bytes, 1);
    assert_int_equal(other.p.signature_off + DFOTA_SIGNATURE_LEN, at);
    assert_int_equal(sim_flash_load(&b.area[AREA_PACKAGE], 0, other.bytes, at),
                     0);
    b.area[AREA_PACKAGE].cells[3] |= DFOTA_FLAG_PERMIT;
    memcpy(b.area[AREA_PACKAGE].cells + at, lent, sizeof(lent));
    free(other.bytes);
    assert_int_equal(update(), DFOTA_E_PERMIT);
    assert_true(runs(1));
}

/* A cut anywhere on the way does not use the permit up. */
static void a_permit_survives_cuts_until_the_update_is_finished(void **state)
{
    enum dfota_action action;
    unsigned boots = 0;

    (void)state;
    assert_int_equal(permit(DEVICE, KEY_PERMIT), 0);
    assert_int_equal(boot(&action), 0);
    assert_int_equal(dfota_updater_start(&b.u), 0);
    action = DFOTA_ACTION_UPDATE;
    for (unsigned n = 0; n < 200 && action != DFOTA_ACTION_BOOT; n++) {
        int err = boot(&action);

        boots++;
        b.power.cut = (struct sim_cut){.at = 20 + n, .when = SIM_CUT_TORN};
        while (!err && action == DFOTA_ACTION_UPDATE)
            err = dfota_updater_poll(&b.u) == DFOTA_MORE ? 0 : 1;
    }
    assert_int_equal(action, DFOTA_ACTION_BOOT);
    assert_true(boots > 5);
    assert_int_equal(boot(&action), 0);
    assert_int_equal(dfota_updater_confirm(&b.u), 0);
    assert_true(runs(0));
    assert_int_equal(update(), DFOTA_E_SOURCE);
}

static void only_signed_whole_packages_get_a_permit(void **state)
{
    const struct build_signer signer = {sign, &b.signer[KEY_PERMIT]};
    uint8_t *copy = malloc(b.down.len + 1);
    uint8_t *bytes = NULL;
    size_t len;

    (void)state;
    assert_non_null(copy);
    memcpy(copy, b.down.bytes, b.down.len);
    copy[b.down.len] = 0;
    assert_int_equal(permit_add(copy, b.down.len + 1, DEVICE, &b.crypto,
                                &signer, &bytes, &len),
                     DFOTA_E_CORRUPT);
    for (size_t n = 0; n < b.down.len; n += 7)
        assert_true(
            permit_add(copy, n, DEVICE, &b.crypto, &signer, &bytes, &len) < 0);
    memset(copy + b.down.p.signature_off, 0, DFOTA_SIGNATURE_LEN);
    assert_int_equal(
        permit_add(copy, b.down.len, DEVICE, &b.crypto, &signer, &bytes, &len),
        DFOTA_E_SIGNATURE);
    free(copy);
}

static void a_permit_takes_the_place_of_an_older_one(void **state)
{
    const struct build_signer signer = {sign, &b.signer[KEY_PERMIT]};
    uint8_t *first;
    uint8_t *second;
    size_t len;

    (void)state;
    assert_int_equal(permit_add(b.down.bytes, b.down.len, "somebody else",
                                &b.crypto, &signer, &first, &len),
                     0);
    assert_int_equal(len, b.down.len + DFOTA_PERMIT_LEN);
    assert_int_equal(
        permit_add(first, len, DEVICE, &b.crypto, &signer, &second, &len), 0);
    assert_int_equal(len, b.down.len + DFOTA_PERMIT_LEN);
    store(second, len);
    free(first);
    free(second);
    assert_int_equal(update(), 0);
    assert_true(runs(0));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_permit_a_lower_counter_is_refused),
        TEST(a_permit_lets_the_device_go_back_once),
        TEST(a_permit_of_another_device_is_refused),
        TEST(a_permit_by_another_key_is_refused),
        TEST(a_permit_of_another_package_is_refused),
        TEST(a_permit_survives_cuts_until_the_update_is_finished),
        TEST(only_signed_whole_packages_get_a_permit),
        TEST(a_permit_takes_the_place_of_an_older_one),
    };

    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
