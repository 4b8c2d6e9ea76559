/* SPDX-License-Identifier: Apache-2.0 */
/* Zephyr's glue over partitions in RAM: a package of the generator becomes
 * the image in MCUboot's secondary slot, or nothing does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "delta/build.h"
#include "dfota_mcuboot.h"
#include "dfota_partition.h"
#include "port/skeleton/port_selftest.h"

#include <zephyr/dfu/mcuboot.h>
#include <zephyr/drivers/flash.h>

#define PAGE 4096u
#define SLOT_LEN 65536u
#define PACKAGE_AT 131072u
#define CHIP_LEN 262144u
#define IMAGE_LEN 50000u
#define UNIT 8u

/* ---- what Zephyr would be ------------------------------------------------ */

static uint8_t chip[CHIP_LEN];
static const struct device chip_device = {1};
static struct flash_area areas[] = {
    {stub_slot0_partition, 0, SLOT_LEN, &chip_device},
    {stub_slot1_partition, SLOT_LEN, SLOT_LEN, &chip_device},
    {stub_dfota_package, PACKAGE_AT, SLOT_LEN, &chip_device},
};
static off_t odd_page;   /* this one is half as long; 0: none */
static int fail_in;      /* writes until one fails; 0: none does */
static int opened;       /* partitions that are open */
static int requests;     /* of an upgrade */
static uint32_t erases1; /* of the secondary slot */

int flash_area_open(uint8_t id, const struct flash_area **fa)
{
    for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
        if (areas[i].fa_id == id) {
            *fa = &areas[i];
            opened++;
            return 0;
        }
    }
    return -2;
}

void flash_area_close(const struct flash_area *fa)
{
    (void)fa;
    opened--;
}

static int outside(const struct flash_area *fa, off_t off, size_t len)
{
    return off < 0 || (size_t)off > fa->fa_size ||
           len > fa->fa_size - (size_t)off;
}

int flash_area_read(const struct flash_area *fa, off_t off, void *dst,
                    size_t len)
{
    if (outside(fa, off, len))
        return -22;
    memcpy(dst, chip + fa->fa_off + off, len);
    return 0;
}

int flash_area_write(const struct flash_area *fa, off_t off, const void *src,
                     size_t len)
{
    uint8_t *at = chip + fa->fa_off + off;

    if (outside(fa, off, len) || (size_t)off % UNIT || len % UNIT ||
        (fail_in && --fail_in == 0))
        return -22;
    for (size_t i = 0; i < len; i++) {
        if (at[i] != 0xFF)
            return -5;
    }
    memcpy(at, src, len);
    return 0;
}

int flash_area_erase(const struct flash_area *fa, off_t off, size_t len)
{
    if (outside(fa, off, len) || (size_t)off % PAGE || len % PAGE)
        return -22;
    if (fa->fa_id == stub_slot1_partition)
        erases1++;
    memset(chip + fa->fa_off + off, 0xFF, len);
    return 0;
}

uint32_t flash_area_align(const struct flash_area *fa)
{
    (void)fa;
    return UNIT;
}

uint8_t flash_area_erased_val(const struct flash_area *fa)
{
    (void)fa;
    return 0xFF;
}

const struct device *flash_area_get_device(const struct flash_area *fa)
{
    return fa->fa_dev;
}

int flash_get_page_info_by_offs(const struct device *dev, off_t offset,
                                struct flash_pages_info *info)
{
    if (dev != &chip_device || offset < 0 || offset >= (off_t)CHIP_LEN)
        return -22;
    info->index = (uint32_t)offset / PAGE;
    info->start_offset = offset / (off_t)PAGE * (off_t)PAGE;
    info->size = PAGE;
    if (odd_page && info->start_offset == odd_page)
        info->size = PAGE / 2;
    return 0;
}

int boot_request_upgrade(int permanent)
{
    assert_int_equal(permanent, BOOT_UPGRADE_TEST);
    requests++;
    return 0;
}

/* ---- a device, and packages for it --------------------------------------- */

static uint8_t old_image[SLOT_LEN], new_image[SLOT_LEN];
static uint32_t new_len;
static uint8_t key[RAW_KEY_LEN];
static psa_key_id_t signer_key;

static int sign(void *ctx, const uint8_t digest[DFOTA_HASH_LEN],
                uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    const struct psa_signer s = {signer_key};

    (void)ctx;
    return psa_signer_sign(&s, digest, signature);
}

/* Bytes with some order in them; the new image has edits, a piece in the
 * middle that moves the rest, and pieces that are there twice: a full image
 * of it copies from itself. */
static void make_images(void)
{
    uint32_t x = 12345;

    for (uint32_t i = 0; i < IMAGE_LEN; i++) {
        x = x * 1664525u + 1013904223u;
        old_image[i] = (uint8_t)(i % 16 < 9 ? x >> 24 : i >> 8);
    }
    memcpy(new_image, old_image, 20000);
    memset(new_image + 20000, 0x55, 333);
    memcpy(new_image + 20333, old_image + 20000, IMAGE_LEN - 20000);
    new_len = IMAGE_LEN + 333;
    memcpy(new_image + 40000, new_image + 1000, 5000);
    for (uint32_t i = 30000; i < 30600; i++)
        new_image[i] = new_image[i - 67];
    for (uint32_t i = 700; i < new_len; i += 4099)
        new_image[i] ^= 0x3C;
}

/* Returns the package's length. */
static uint32_t store(uint32_t backup, bool full)
{
    const struct build_signer signer = {sign, NULL};
    const struct build_options o = {.arch = DFOTA_ARCH_RAW,
                                    .arena_kib = 16,
                                    .sector = PAGE,
                                    .backup = backup,
                                    .full = full};
    struct dfota_crypto crypto;
    struct build_result r;
    struct psa_trust t;

    psa_trust_init(&t);
    psa_trust_crypto(&t, &crypto);
    assert_int_equal(build_package(&o, old_image, IMAGE_LEN, new_image, new_len,
                                   &crypto, &signer, &r),
                     0);
    psa_trust_release(&t);
    assert_true(r.len <= SLOT_LEN);
    memset(chip + PACKAGE_AT, 0xFF, SLOT_LEN);
    memcpy(chip + PACKAGE_AT, r.bytes, r.len);
    free(r.bytes);
    return (uint32_t)r.len;
}

static int set_up(void **state)
{
    (void)state;
    odd_page = 0;
    fail_in = opened = requests = 0;
    erases1 = 0;
    memset(chip, 0xFF, sizeof(chip));
    memcpy(chip, old_image, IMAGE_LEN);
    /* What an update before left in the secondary slot. */
    memset(chip + SLOT_LEN, 0xA5, SLOT_LEN);
    return 0;
}

static bool secondary_is_new(void)
{
    for (uint32_t i = new_len; i < SLOT_LEN; i++) {
        if (chip[SLOT_LEN + i] != 0xFF)
            return false;
    }
    return memcmp(chip + SLOT_LEN, new_image, new_len) == 0;
}

/* Nothing but the secondary slot may ever change. */
static void refused(int err)
{
    uint8_t *before = malloc(CHIP_LEN);

    assert_non_null(before);
    memcpy(before, chip, CHIP_LEN);
    assert_int_equal(dfota_mcuboot_fill(key), err);
    assert_int_equal(memcmp(before, chip, CHIP_LEN), 0);
    assert_int_equal(requests, 0);
    free(before);
}

/* ---- tests --------------------------------------------------------------- */

static void a_partition_passes_the_self_test(void **state)
{
    struct dfota_partition p;
    struct port_finding found;

    (void)state;
    assert_int_equal(dfota_partition_open(&p, stub_slot1_partition), 0);
    assert_int_equal(p.flash.size, SLOT_LEN);
    assert_int_equal(p.flash.erase_size, PAGE);
    assert_int_equal(p.flash.prog_size, UNIT);
    assert_int_equal(port_selftest(&p.flash, &found), 0);
    dfota_partition_close(&p);
    assert_int_equal(opened, 0);
    /* The neighbours are as they were. */
    assert_int_equal(memcmp(chip, old_image, IMAGE_LEN), 0);
    assert_int_equal(chip[PACKAGE_AT], 0xFF);
}

static void a_partition_that_does_not_fit_is_refused(void **state)
{
    struct dfota_partition p;

    (void)state;
    assert_int_equal(dfota_partition_open(&p, 77), DFOTA_E_NOTFOUND);
    odd_page = SLOT_LEN + 3 * PAGE;
    assert_int_equal(dfota_partition_open(&p, stub_slot1_partition),
                     DFOTA_E_UNSUPPORTED);
    odd_page = 0;
    areas[1].fa_size = SLOT_LEN - 100;
    assert_int_equal(dfota_partition_open(&p, stub_slot1_partition),
                     DFOTA_E_UNSUPPORTED);
    areas[1].fa_size = SLOT_LEN;
    areas[1].fa_off = SLOT_LEN + 512;
    assert_int_equal(dfota_partition_open(&p, stub_slot1_partition),
                     DFOTA_E_UNSUPPORTED);
    areas[1].fa_off = SLOT_LEN;
    assert_int_equal(opened, 0);
}

static void packages_of_every_kind_fill_the_secondary_slot(void **state)
{
    static const struct {
        uint32_t backup;
        bool full;
    } kinds[] = {{0, false}, {PAGE, false}, {3 * PAGE, false}, {0, true}};

    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        set_up(state);
        (void)store(kinds[k].backup, kinds[k].full);
        assert_int_equal((chip[PACKAGE_AT + 3] & DFOTA_FLAG_SELF) != 0,
                         kinds[k].full);
        assert_int_equal(dfota_mcuboot_fill(key), 0);
        assert_true(secondary_is_new());
        assert_int_equal(requests, 1);
        assert_int_equal(erases1, SLOT_LEN / PAGE);
        assert_int_equal(memcmp(chip, old_image, IMAGE_LEN), 0);
    }
}

static void another_key_changes_nothing(void **state)
{
    (void)state;
    (void)store(0, false);
    /* The first byte of the body's length belongs to what is signed. */
    chip[PACKAGE_AT + 16] ^= 1;
    refused(DFOTA_E_SIGNATURE);
    memset(chip + PACKAGE_AT, 0xFF, SLOT_LEN);
    refused(DFOTA_E_NOPACKAGE);
}

static void a_key_that_is_no_point_is_refused(void **state)
{
    uint8_t bad[RAW_KEY_LEN];

    (void)state;
    (void)store(0, false);
    memcpy(bad, key, sizeof(bad));
    bad[40] ^= 1;
    assert_int_equal(dfota_mcuboot_fill(bad), DFOTA_E_KEY);
    assert_int_equal(requests, 0);
}

static void another_source_changes_nothing(void **state)
{
    (void)state;
    (void)store(0, false);
    chip[IMAGE_LEN - 1] ^= 1;
    refused(DFOTA_E_SOURCE);
}

static void an_image_that_would_reach_the_trailer_is_refused(void **state)
{
    uint32_t len = new_len;

    (void)state;
    new_len = SLOT_LEN - PAGE + 1;
    (void)store(0, false);
    new_len = len;
    refused(DFOTA_E_SLOT);
}

/* Some bits of a body decide nothing; then the image is the right one. */
static void a_damaged_body_is_never_asked_for(void **state)
{
    const uint32_t len = store(0, false);
    unsigned failed = 0;

    for (uint32_t at = DFOTA_MANIFEST_LEN + DFOTA_SIGNATURE_LEN; at < len;
         at += 11) {
        set_up(state);
        (void)store(0, false);
        chip[PACKAGE_AT + at] ^= 0x10;
        if (dfota_mcuboot_fill(key) < 0)
            failed++;
        else
            assert_true(secondary_is_new());
        assert_int_equal(requests, secondary_is_new());
        assert_int_equal(memcmp(chip, old_image, IMAGE_LEN), 0);
    }
    assert_true(failed > 5);
}

static void a_write_that_fails_ends_it_and_another_try_works(void **state)
{
    (void)state;
    (void)store(PAGE, false);
    fail_in = 20;
    assert_int_equal(dfota_mcuboot_fill(key), DFOTA_E_FLASH);
    assert_int_equal(requests, 0);
    assert_int_equal(dfota_mcuboot_fill(key), 0);
    assert_true(secondary_is_new());
    assert_int_equal(requests, 1);
}

static int make_key(void **state)
{
    psa_key_attributes_t a = PSA_KEY_ATTRIBUTES_INIT;
    size_t len;

    (void)state;
    make_images();
    psa_set_key_type(&a, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&a, 256);
    psa_set_key_usage_flags(&a, PSA_KEY_USAGE_SIGN_HASH);
    psa_set_key_algorithm(&a, PSA_ALG_DETERMINISTIC_ECDSA(PSA_ALG_SHA_256));
    if (psa_port_init() || psa_generate_key(&a, &signer_key) != PSA_SUCCESS)
        return -1;
    return psa_export_public_key(signer_key, key, sizeof(key), &len) ==
                   PSA_SUCCESS
               ? 0
               : -1;
}

static int drop_key(void **state)
{
    (void)state;
    return psa_destroy_key(signer_key) == PSA_SUCCESS ? 0 : -1;
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_partition_passes_the_self_test),
        TEST(a_partition_that_does_not_fit_is_refused),
        TEST(packages_of_every_kind_fill_the_secondary_slot),
        TEST(another_key_changes_nothing),
        TEST(a_key_that_is_no_point_is_refused),
        TEST(another_source_changes_nothing),
        TEST(an_image_that_would_reach_the_trailer_is_refused),
        TEST(a_damaged_body_is_never_asked_for),
        TEST(a_write_that_fails_ends_it_and_another_try_works),
    };

    return cmocka_run_group_tests(tests, make_key, drop_key);
}
