/* SPDX-License-Identifier: Apache-2.0 */
/* Packages there and back, through the generator and the device's decoder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "delta/apply.h"
#include "delta/build.h"
#include "device/decoder.h"
#include "port/psa/psa_crypto_port.h"

static struct psa_trust trust;
static struct dfota_crypto crypto;
static uint32_t seed;

static uint32_t next_random(void)
{
    /* xorshift32: a shorter period would be found and copied. */
    seed += seed == 0;
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed >> 8;
}

/* ---- firmware, of a kind ------------------------------------------------- */

enum { BASE = 0x08000000, IMAGE_MAX = 1 << 18 };

struct image {
    uint8_t bytes[IMAGE_MAX];
    uint32_t len;
};

static struct image old_image, new_image;

static void put_call(struct image *m, uint32_t at, uint32_t target)
{
    uint8_t *p = m->bytes + at;

    dfota_put_le32(p, 0xF800F000); /* BL of the next instruction */
    assert_true(dfota_isa_thumb2.write(p, BASE + at, BASE + target));
}

/* Functions that call each other, then a table of pointers to them; `extra`
 * functions stand before number `where`. */
static void make_firmware(struct image *m, unsigned functions, unsigned where,
                          unsigned extra)
{
    uint32_t start[4096];
    uint32_t body = 64, n = 0;

    m->len = 0;
    for (unsigned f = 0; f < functions + extra; f++) {
        start[f] = m->len;
        m->len += body;
    }
    for (unsigned f = 0; f < functions + extra; f++) {
        bool is_extra = f >= where && f < where + extra;
        unsigned id = f < where ? f : f - extra;

        seed = is_extra ? 0x777 + f : id;
        for (uint32_t i = 0; i < body; i += 2)
            dfota_put_le16(m->bytes + start[f] + i,
                           (uint16_t)(0x2000 + next_random() % 0x1000));
        for (uint32_t i = 8; i < body - 8; i += 16) {
            unsigned callee = next_random() % functions;

            put_call(m, start[f] + i,
                     start[callee < where ? callee : callee + extra]);
        }
    }
    for (unsigned f = 0; f < functions; f++) {
        n = start[f < where ? f : f + extra];
        dfota_put_le32(m->bytes + m->len, BASE + n + 1);
        m->len += 4;
    }
}

static const struct build_options plain = {
    .arch = BUILD_ARCH_AUTO, .arena_kib = 16, .sector = 4096};

static struct build_result build(const struct build_options *o)
{
    struct build_result r;

    assert_int_equal(build_package(o, old_image.bytes, old_image.len,
                                   new_image.bytes, new_image.len, &crypto,
                                   NULL, &r),
                     0);
    return r;
}

static size_t size_with(const struct build_options *o)
{
    struct build_result r = build(o);

    free(r.bytes);
    return r.len;
}

/* ---- there and back ------------------------------------------------------ */

static void moved_code_costs_a_few_bytes(void **state)
{
    struct build_result r;

    (void)state;
    make_firmware(&old_image, 1000, 500, 0);
    make_firmware(&new_image, 1000, 500, 1);
    r = build(&plain);
    assert_int_equal(r.p.m.arch, DFOTA_ARCH_THUMB2);
    /* A function of 64 bytes is new; thousands of calls and pointers are
     * not. */
    assert_in_range(r.len, 150, 144 + 64 + 90);
    free(r.bytes);
}

static void every_arena_and_window_gives_the_same_image(void **state)
{
    const uint8_t arenas[] = {8, 16, 32, 64};
    const uint32_t backups[] = {0, 4096, 16384, 65536};

    (void)state;
    make_firmware(&old_image, 1200, 300, 0);
    make_firmware(&new_image, 1200, 300, 7);
    for (size_t a = 0; a < sizeof arenas; a++) {
        for (size_t b = 0; b < sizeof backups / sizeof backups[0]; b++) {
            struct build_options o = plain;

            o.arena_kib = arenas[a];
            o.backup = backups[b];
            /* build_package() itself applies it and compares. */
            assert_in_range(size_with(&o), 144, 8000);
        }
    }
}

static void any_number_of_threads_gives_the_same_package(void **state)
{
    const uint32_t backups[] = {0, 16384};

    (void)state;
    make_firmware(&old_image, 1200, 300, 0);
    make_firmware(&new_image, 1200, 300, 7);
    for (size_t b = 0; b < sizeof backups / sizeof backups[0]; b++) {
        struct build_options o = plain;
        struct build_result alone, many;

        o.backup = backups[b];
        alone = build(&o);
        for (o.threads = 2; o.threads < 20; o.threads += 15) {
            many = build(&o);
            assert_int_equal(many.len, alone.len);
            assert_memory_equal(many.bytes, alone.bytes, alone.len);
            free(many.bytes);
        }
        free(alone.bytes);
    }
}

static void grown_and_shrunk_images_come_back(void **state)
{
    struct build_options o = plain;

    (void)state;
    o.backup = 4096;
    make_firmware(&old_image, 300, 100, 0);
    make_firmware(&new_image, 300, 100, 200);
    assert_in_range(size_with(&o), 144, 16000);
    make_firmware(&new_image, 100, 50, 0);
    assert_in_range(size_with(&o), 144, 8000);
    new_image.len = 1;
    assert_in_range(size_with(&o), 144, 160);
    old_image.len = 1;
    make_firmware(&new_image, 100, 50, 0);
    assert_in_range(size_with(&o), 144, 8000);
}

static void an_identical_image_costs_the_head_alone(void **state)
{
    (void)state;
    make_firmware(&old_image, 1000, 500, 0);
    new_image = old_image;
    assert_in_range(size_with(&plain), 144, 152);
}

static void padding_costs_a_few_bytes(void **state)
{
    size_t without;

    (void)state;
    make_firmware(&old_image, 500, 250, 0);
    make_firmware(&new_image, 500, 250, 1);
    without = size_with(&plain);
    memset(new_image.bytes + new_image.len, 0xFF, 100000);
    new_image.len += 100000;
    assert_in_range(size_with(&plain), without, without + 40);
}

static void noise_costs_hardly_more_than_itself(void **state)
{
    (void)state;
    seed = 99;
    old_image.len = new_image.len = 50000;
    for (uint32_t i = 0; i < old_image.len; i++) {
        old_image.bytes[i] = (uint8_t)next_random();
        new_image.bytes[i] = (uint8_t)next_random();
    }
    assert_in_range(size_with(&plain), 50000, 50000 * 102 / 100);
}

static void the_same_input_gives_the_same_package(void **state)
{
    struct build_result a, b;

    (void)state;
    make_firmware(&old_image, 700, 30, 0);
    make_firmware(&new_image, 700, 30, 3);
    a = build(&plain);
    b = build(&plain);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.bytes, b.bytes, a.len);
    free(a.bytes);
    free(b.bytes);
}

static void a_full_image_needs_no_old_one(void **state)
{
    struct build_options o = plain;
    struct build_result r;
    struct dfota_package p;
    uint8_t *made;

    (void)state;
    o.full = true;
    make_firmware(&old_image, 10, 5, 0);
    make_firmware(&new_image, 300, 5, 0);
    r = build(&o);
    assert_int_equal(apply_package(r.bytes, r.len, NULL, 0, &crypto, &p, &made),
                     0);
    assert_memory_equal(made, new_image.bytes, new_image.len);
    free(made);
    free(r.bytes);
}

/* ---- the decoder's manners ----------------------------------------------- */

enum { CANARY = 0xA5, CANARY_LEN = 256 };

/* Decode with pages of `page` bytes and an arena between canaries. */
static int decode(const uint8_t *package, size_t len, size_t page, uint8_t *out)
{
    struct dfota_decoder_io io = {
        .package = apply_reader(package, len),
        .old = apply_reader(old_image.bytes, old_image.len),
        .made = apply_reader(out, IMAGE_MAX)};
    static uint8_t room[65536 + 2 * CANARY_LEN + 8];
    struct dfota_decoder d;
    struct dfota_package p;
    uint32_t stream;
    size_t arena;
    int err = dfota_package_open(&p, &io.package);

    if (err || p.m.target_len > IMAGE_MAX || p.m.source_len > old_image.len)
        return err ? err : DFOTA_E_SLOT;
    arena = dfota_decoder_arena_len(&p);
    memset(room, CANARY, sizeof room);
    err = dfota_decoder_init(&d, &p, &io, room + CANARY_LEN, arena);
    stream = dfota_decoder_first(&d);
    for (uint32_t w = 0; w < p.windows && !err; w++) {
        uint32_t off, wlen, done = 0;
        int more = DFOTA_MORE;

        dfota_package_window(&p, w, &off, &wlen);
        err = dfota_decoder_open(&d, w, stream);
        while (!err && more == DFOTA_MORE) {
            size_t got, cap = page < wlen - done ? page : wlen - done;

            more = dfota_decoder_poll(&d, out + off + done, cap, &got);
            assert_true(got <= cap);
            done += (uint32_t)got;
            err = more < 0 ? more : 0;
        }
        stream = dfota_decoder_next(&d);
    }
    for (int i = 0; i < CANARY_LEN; i++) {
        assert_int_equal(room[i], CANARY);
        assert_int_equal(room[CANARY_LEN + arena + (size_t)i], CANARY);
    }
    return err;
}

static uint8_t made_image[IMAGE_MAX];

static void decoder_asked_byte_by_byte_gives_the_same_image(void **state)
{
    const size_t pages[] = {1, 2, 3, 7, 64, 1000, 100000};
    const uint8_t arenas[] = {8, 16, 32, 64};

    (void)state;
    make_firmware(&old_image, 400, 100, 0);
    make_firmware(&new_image, 400, 100, 5);
    for (size_t a = 0; a < sizeof arenas; a++) {
        struct build_options o = plain;
        struct build_result r;

        o.arena_kib = arenas[a];
        r = build(&o);
        for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
            memset(made_image, 0, sizeof made_image);
            assert_int_equal(decode(r.bytes, r.len, pages[i], made_image), 0);
            assert_memory_equal(made_image, new_image.bytes, new_image.len);
        }
        free(r.bytes);
    }
}

static void an_arena_that_is_too_small_is_refused_untouched(void **state)
{
    static uint8_t arena[16384];
    struct dfota_decoder d;
    struct dfota_package p;
    struct build_result r;
    struct dfota_decoder_io io;

    (void)state;
    make_firmware(&old_image, 100, 50, 0);
    make_firmware(&new_image, 100, 50, 1);
    r = build(&plain);
    io = (struct dfota_decoder_io){
        .package = apply_reader(r.bytes, r.len),
        .old = apply_reader(old_image.bytes, old_image.len)};
    assert_int_equal(dfota_package_open(&p, &io.package), 0);
    memset(arena, CANARY, sizeof arena);
    assert_int_equal(dfota_decoder_init(&d, &p, &io, arena, 16383),
                     DFOTA_E_ARENA);
    for (size_t i = 0; i < sizeof arena; i++)
        assert_int_equal(arena[i], CANARY);
    free(r.bytes);
}

static void a_window_can_be_decoded_again(void **state)
{
    struct build_options o = plain;
    struct build_result r;
    struct dfota_decoder d;
    struct dfota_decoder_io io;
    static uint8_t arena[16384], page[4096];
    uint32_t stream[64], off, len;
    size_t got;

    (void)state;
    make_firmware(&old_image, 600, 100, 0);
    make_firmware(&new_image, 600, 100, 5);
    o.backup = 4096;
    r = build(&o);
    io = (struct dfota_decoder_io){
        .package = apply_reader(r.bytes, r.len),
        .old = apply_reader(old_image.bytes, old_image.len)};
    assert_int_equal(dfota_decoder_init(&d, &r.p, &io, arena, sizeof arena), 0);
    stream[0] = dfota_decoder_first(&d);
    for (uint32_t w = 0; w < r.p.windows; w++) {
        assert_int_equal(dfota_decoder_open(&d, w, stream[w]), 0);
        assert_int_equal(dfota_decoder_poll(&d, page, sizeof page, &got),
                         DFOTA_DONE);
        stream[w + 1] = dfota_decoder_next(&d);
    }
    /* Once more from the middle, back and forth, by a fresh decoder. */
    for (uint32_t i = 0; i < r.p.windows; i++) {
        uint32_t w = (i * 5 + 2) % r.p.windows;

        assert_int_equal(dfota_decoder_init(&d, &r.p, &io, arena, sizeof arena),
                         0);
        assert_int_equal(dfota_decoder_open(&d, w, stream[w]), 0);
        assert_int_equal(dfota_decoder_poll(&d, page, sizeof page, &got),
                         DFOTA_DONE);
        dfota_package_window(&r.p, w, &off, &len);
        assert_int_equal(got, len);
        assert_memory_equal(page, new_image.bytes + off, len);
    }
    free(r.bytes);
}

/* ---- hostile packages ---------------------------------------------------- */

static void flipped_bytes_never_reach_outside(void **state)
{
    struct build_options o = plain;
    struct build_result r;

    (void)state;
    make_firmware(&old_image, 60, 30, 0);
    make_firmware(&new_image, 60, 30, 2);
    o.backup = 4096;
    r = build(&o);
    seed = 5;
    for (size_t i = 0; i < r.len; i++) {
        uint8_t kept = r.bytes[i];

        r.bytes[i] = (uint8_t)(kept ^ 1U << next_random() % 8);
        decode(r.bytes, r.len, 512, made_image);
        r.bytes[i] = (uint8_t)next_random();
        decode(r.bytes, r.len, 512, made_image);
        r.bytes[i] = kept;
    }
    free(r.bytes);
}

static void a_package_cut_short_is_refused(void **state)
{
    struct build_result r;

    (void)state;
    make_firmware(&old_image, 60, 30, 0);
    make_firmware(&new_image, 60, 30, 2);
    r = build(&plain);
    for (size_t len = 0; len < r.len; len++)
        assert_true(decode(r.bytes, len, 512, made_image) < 0);
    free(r.bytes);
}

static void foreign_and_spoiled_input_has_its_error(void **state)
{
    struct dfota_package p;
    struct build_result r;
    uint8_t *made;

    (void)state;
    make_firmware(&old_image, 60, 30, 0);
    make_firmware(&new_image, 60, 30, 2);
    r = build(&plain);
    old_image.bytes[100] ^= 1;
    assert_int_equal(apply_package(r.bytes, r.len, old_image.bytes,
                                   old_image.len, &crypto, &p, &made),
                     DFOTA_E_SOURCE);
    old_image.bytes[100] ^= 1;
    assert_int_equal(apply_package(r.bytes, r.len, old_image.bytes,
                                   old_image.len - 1, &crypto, &p, &made),
                     DFOTA_E_SOURCE);
    r.bytes[50] ^= 1; /* the target's hash */
    assert_int_equal(apply_package(r.bytes, r.len, old_image.bytes,
                                   old_image.len, &crypto, &p, &made),
                     DFOTA_E_TARGET);
    free(r.bytes);
}

static void sizes_that_are_no_geometry_are_refused(void **state)
{
    struct build_options o = plain;
    struct build_result r;

    (void)state;
    make_firmware(&old_image, 60, 30, 0);
    make_firmware(&new_image, 60, 30, 2);
    o.sector = 3000;
    assert_int_equal(build_package(&o, old_image.bytes, old_image.len,
                                   new_image.bytes, new_image.len, &crypto,
                                   NULL, &r),
                     DFOTA_E_ARG);
    o.sector = 4096;
    o.slot = 4096;
    assert_int_equal(build_package(&o, old_image.bytes, old_image.len,
                                   new_image.bytes, new_image.len, &crypto,
                                   NULL, &r),
                     DFOTA_E_SLOT);
}

static int start(void **state)
{
    (void)state;
    psa_trust_init(&trust);
    psa_trust_crypto(&trust, &crypto);
    return psa_port_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moved_code_costs_a_few_bytes),
        cmocka_unit_test(every_arena_and_window_gives_the_same_image),
        cmocka_unit_test(any_number_of_threads_gives_the_same_package),
        cmocka_unit_test(grown_and_shrunk_images_come_back),
        cmocka_unit_test(an_identical_image_costs_the_head_alone),
        cmocka_unit_test(padding_costs_a_few_bytes),
        cmocka_unit_test(noise_costs_hardly_more_than_itself),
        cmocka_unit_test(the_same_input_gives_the_same_package),
        cmocka_unit_test(a_full_image_needs_no_old_one),
        cmocka_unit_test(decoder_asked_byte_by_byte_gives_the_same_image),
        cmocka_unit_test(an_arena_that_is_too_small_is_refused_untouched),
        cmocka_unit_test(a_window_can_be_decoded_again),
        cmocka_unit_test(flipped_bytes_never_reach_outside),
        cmocka_unit_test(a_package_cut_short_is_refused),
        cmocka_unit_test(foreign_and_spoiled_input_has_its_error),
        cmocka_unit_test(sizes_that_are_no_geometry_are_refused),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
