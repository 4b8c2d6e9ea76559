/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "device/package.h"
#include "port/psa/psa_crypto_port.h"

static struct dfota_manifest sample(void)
{
    struct dfota_manifest m = {.flags = DFOTA_FLAG_DESCENDING,
                               .arch = DFOTA_ARCH_THUMB2,
                               .key_id = 1,
                               .arena_kib = 16,
                               .sector_log2 = 12,
                               .label_len = 14,
                               .window = 2,
                               .class_id = 0x11223344,
                               .counter = 7,
                               .source_len = 70000,
                               .target_len = 80000,
                               .body_len = 300,
                               .from_version = 1,
                               .to_version = 2};

    memset(m.source_hash, 0xA5, sizeof(m.source_hash));
    memset(m.target_hash, 0x5A, sizeof(m.target_hash));
    return m;
}

static int read_bytes(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    memcpy(buf, (const uint8_t *)ctx + off, len);
    return 0;
}

/* A package of the sample, body of zeros; heap, so that ASan sees every
 * read past its end. */
static uint8_t *stored(const struct dfota_manifest *m,
                       struct dfota_reader *reader)
{
    uint32_t len = dfota_package_head_len(m) + m->body_len;
    uint8_t *data = calloc(1, len);

    assert_non_null(data);
    dfota_manifest_write(m, data);
    *reader = (struct dfota_reader){read_bytes, data, len};
    return data;
}

static void a_manifest_written_and_parsed_is_the_same(void **state)
{
    struct dfota_manifest m = sample();
    struct dfota_manifest back;
    uint8_t raw[DFOTA_MANIFEST_LEN];
    uint8_t again[DFOTA_MANIFEST_LEN];

    (void)state;
    dfota_manifest_write(&m, raw);
    assert_int_equal(dfota_manifest_parse(&back, raw), 0);
    dfota_manifest_write(&back, again);
    assert_memory_equal(raw, again, sizeof(raw));
    assert_int_equal(back.window, 2);
    assert_int_equal(back.target_len, 80000);
    assert_int_equal(raw[3], 0x11);
}

static void fields_out_of_range_are_refused(void **state)
{
    static const struct {
        uint8_t at, value;
        int err;
    } bad[] = {{0, 'X', DFOTA_E_NOPACKAGE}, {2, 2, DFOTA_E_VERSION},
               {3, 0xA0, DFOTA_E_ARCH},     {4, 2, DFOTA_E_CORRUPT},
               {5, 12, DFOTA_E_CORRUPT},    {5, 0, DFOTA_E_CORRUPT},
               {6, 8, DFOTA_E_CORRUPT},     {6, 19, DFOTA_E_CORRUPT},
               {10, 1, DFOTA_E_CORRUPT},    {11, 1, DFOTA_E_CORRUPT},
               {23, 0x80, DFOTA_E_CORRUPT}, {27, 0x80, DFOTA_E_CORRUPT},
               {31, 0x80, DFOTA_E_CORRUPT}};
    struct dfota_manifest m = sample();
    uint8_t raw[DFOTA_MANIFEST_LEN];

    (void)state;
    for (unsigned k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
        struct dfota_manifest good = sample();

        dfota_manifest_write(&good, raw);
        raw[bad[k].at] = bad[k].value;
        assert_int_equal(dfota_manifest_parse(&m, raw), bad[k].err);
    }
}

static void a_window_that_overflows_is_refused(void **state)
{
    struct dfota_manifest m = sample();
    uint8_t raw[DFOTA_MANIFEST_LEN];

    (void)state;
    m.window = 0xFFFF;
    m.sector_log2 = 17;
    dfota_manifest_write(&m, raw);
    assert_int_equal(dfota_manifest_parse(&m, raw), DFOTA_E_CORRUPT);
}

static void a_full_package_with_a_source_length_is_refused(void **state)
{
    struct dfota_manifest m = sample();
    uint8_t raw[DFOTA_MANIFEST_LEN];

    (void)state;
    m.flags |= DFOTA_FLAG_NO_SOURCE;
    dfota_manifest_write(&m, raw);
    assert_int_equal(dfota_manifest_parse(&m, raw), DFOTA_E_CORRUPT);
    m.source_len = 0;
    dfota_manifest_write(&m, raw);
    assert_int_equal(dfota_manifest_parse(&m, raw), 0);
}

static void an_empty_target_is_refused(void **state)
{
    struct dfota_manifest m = sample();
    uint8_t raw[DFOTA_MANIFEST_LEN];

    (void)state;
    m.target_len = 0;
    dfota_manifest_write(&m, raw);
    assert_int_equal(dfota_manifest_parse(&m, raw), DFOTA_E_CORRUPT);
}

static void no_bytes_make_the_parser_fail_otherwise(void **state)
{
    uint32_t seed = 1;

    (void)state;
    for (unsigned n = 0; n < 20000; n++) {
        struct dfota_manifest m = sample();
        struct dfota_package p;
        struct dfota_reader in;
        uint8_t *data = stored(&m, &in);

        for (unsigned k = 0; k < 3; k++) {
            seed = seed * 1103515245 + 12345;
            data[3 + (seed >> 8) % 77] = (uint8_t)(seed >> 24);
        }
        if (dfota_package_open(&p, &in) == 0) {
            assert_true(p.body_off <= in.size);
            assert_true(p.m.body_len <= in.size - p.body_off);
            assert_in_range(p.windows, 1, DFOTA_WINDOWS_MAX);
        }
        free(data);
    }
}

static void a_package_cut_short_is_refused_at_every_length(void **state)
{
    struct dfota_manifest m = sample();
    struct dfota_package p;
    struct dfota_reader in;
    uint8_t *data = stored(&m, &in);
    uint32_t whole = in.size;

    (void)state;
    for (uint32_t len = 0; len < whole; len++) {
        in.size = len;
        assert_int_equal(dfota_package_open(&p, &in), DFOTA_E_TRUNCATED);
    }
    in.size = whole;
    assert_int_equal(dfota_package_open(&p, &in), 0);
    data[0] = 0xFF;
    assert_int_equal(dfota_package_open(&p, &in), DFOTA_E_NOPACKAGE);
    free(data);
}

static void windows_cover_the_image_in_both_orders(void **state)
{
    (void)state;
    for (unsigned descending = 0; descending < 2; descending++) {
        struct dfota_package p = {.m = sample()};
        uint32_t sum = 0;

        p.m.flags = (uint8_t)descending;
        assert_int_equal(dfota_package_layout(&p), 0);
        assert_int_equal(p.windows, 10);
        for (uint32_t w = 0; w < p.windows; w++) {
            uint32_t off;
            uint32_t len;

            dfota_package_window(&p, w, &off, &len);
            assert_int_equal(off, descending ? (9 - w) * 8192 : w * 8192);
            assert_int_equal(len, off == 9 * 8192 ? 80000 - off : 8192);
            sum += len;
        }
        assert_int_equal(sum, 80000);
    }
}

static void more_windows_than_the_limit_are_refused(void **state)
{
    struct dfota_package p = {.m = sample()};

    (void)state;
    p.m.sector_log2 = 9;
    p.m.window = 1;
    p.m.target_len = DFOTA_WINDOWS_MAX * 512;
    assert_int_equal(dfota_package_layout(&p), 0);
    p.m.target_len++;
    assert_int_equal(dfota_package_layout(&p), DFOTA_E_CORRUPT);
}

static void digests_and_permit_move_the_body(void **state)
{
    struct dfota_package p = {.m = sample()};

    (void)state;
    p.m.flags = DFOTA_FLAG_SELF | DFOTA_FLAG_PERMIT;
    assert_int_equal(dfota_package_layout(&p), 0);
    assert_int_equal(p.digests_off, 94);
    assert_int_equal(p.signature_off, 94 + 160);
    assert_int_equal(p.permit_off, 94 + 160 + 64);
    assert_int_equal(p.body_off, 94 + 160 + 64 + 96);
}

struct keys {
    char dir[64];
    struct psa_trust trust;
    struct psa_signer signer;
    struct dfota_crypto crypto;
};

static int make_keys(void **state)
{
    static struct keys k;
    char path[96];

    strcpy(k.dir, "/tmp/dfota-package-XXXXXX");
    if (psa_port_init() || !mkdtemp(k.dir))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/k.pem", k.dir);
    if (psa_keygen_write(path) || psa_signer_load(&k.signer, path))
        return -1;
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/k.pub.pem", k.dir);
    psa_trust_init(&k.trust);
    if (psa_trust_load(&k.trust, 1, path) ||
        psa_trust_load(&k.trust, DFOTA_KEY_PERMIT, path))
        return -1;
    (void)unlink(path);
    (void)rmdir(k.dir);
    psa_trust_crypto(&k.trust, &k.crypto);
    *state = &k;
    return 0;
}

static int drop_keys(void **state)
{
    struct keys *k = *state;

    psa_trust_release(&k->trust);
    psa_signer_release(&k->signer);
    return 0;
}

static void every_signed_byte_that_flips_is_found(void **state)
{
    struct keys *k = *state;
    struct dfota_manifest m = sample();
    struct dfota_package p;
    struct dfota_reader in;
    uint8_t *data;
    uint8_t digest[DFOTA_HASH_LEN];

    m.flags = DFOTA_FLAG_SELF;
    data = stored(&m, &in);
    assert_int_equal(dfota_package_open(&p, &in), 0);
    assert_int_equal(psa_sha256(data, p.signature_off, digest), 0);
    assert_int_equal(
        psa_signer_sign(&k->signer, digest, data + p.signature_off), 0);
    assert_int_equal(dfota_package_verify(&p, &in, &k->crypto), 0);
    for (uint32_t at = 0; at < p.signature_off + DFOTA_SIGNATURE_LEN; at++) {
        data[at] ^= 0x10;
        if (at >= DFOTA_MANIFEST_LEN || dfota_package_open(&p, &in) == 0)
            assert_int_equal(dfota_package_verify(&p, &in, &k->crypto),
                             at == 4 ? DFOTA_E_KEY : DFOTA_E_SIGNATURE);
        data[at] ^= 0x10;
        assert_int_equal(dfota_package_open(&p, &in), 0);
    }
    p.m.key_id = 0;
    assert_int_equal(dfota_package_verify(&p, &in, &k->crypto), DFOTA_E_KEY);
    free(data);
}

static void a_permit_is_for_one_device_and_one_package(void **state)
{
    struct keys *k = *state;
    struct dfota_manifest m = sample();
    struct dfota_package p;
    struct dfota_reader in;
    uint8_t message[12 + DFOTA_HASH_LEN + DFOTA_MANIFEST_LEN] = "DFOTA permit";
    uint8_t digest[DFOTA_HASH_LEN];
    uint8_t id[DFOTA_HASH_LEN] = {1, 2, 3};
    uint8_t *data;

    m.flags = DFOTA_FLAG_PERMIT;
    data = stored(&m, &in);
    assert_int_equal(dfota_package_open(&p, &in), 0);
    memcpy(message + 12, id, sizeof(id));
    memcpy(message + 12 + sizeof(id), data, DFOTA_MANIFEST_LEN);
    message[12 + sizeof(id) + 3] &= (uint8_t)~DFOTA_FLAG_PERMIT;
    memcpy(data + p.permit_off, id, sizeof(id));
    assert_int_equal(psa_sha256(message, sizeof(message), digest), 0);
    assert_int_equal(
        psa_signer_sign(&k->signer, digest, data + p.permit_off + sizeof(id)),
        0);
    assert_int_equal(dfota_package_permit(&p, &in, &k->crypto, id), 0);
    p.m.source_len ^= 1; /* another package */
    assert_int_equal(dfota_package_permit(&p, &in, &k->crypto, id),
                     DFOTA_E_PERMIT);
    p.m.source_len ^= 1;
    id[0] ^= 1; /* another device */
    assert_int_equal(dfota_package_permit(&p, &in, &k->crypto, id),
                     DFOTA_E_PERMIT);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manifest_written_and_parsed_is_the_same),
        cmocka_unit_test(fields_out_of_range_are_refused),
        cmocka_unit_test(a_window_that_overflows_is_refused),
        cmocka_unit_test(a_full_package_with_a_source_length_is_refused),
        cmocka_unit_test(an_empty_target_is_refused),
        cmocka_unit_test(no_bytes_make_the_parser_fail_otherwise),
        cmocka_unit_test(a_package_cut_short_is_refused_at_every_length),
        cmocka_unit_test(windows_cover_the_image_in_both_orders),
        cmocka_unit_test(more_windows_than_the_limit_are_refused),
        cmocka_unit_test(digests_and_permit_move_the_body),
        cmocka_unit_test(every_signed_byte_that_flips_is_found),
        cmocka_unit_test(a_permit_is_for_one_device_and_one_package),
    };

    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
