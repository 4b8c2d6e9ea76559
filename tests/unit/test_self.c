/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "delta/apply.h"
#include "delta/build.h"
#include "delta/self_body.h"
#include "powercut/world.h"

enum { IMAGE_LEN = 40000, SECTOR = 4096 };

static struct fast_crypto fast;
static struct dfota_crypto crypto;

static int set_up(void **state)
{
    (void)state;
    fast_crypto_init(&fast, &crypto, false);
    return 0;
}

/* Something like a program: half of it has stood before. */
static void fill(uint8_t *image, uint32_t len, uint64_t seed)
{
    uint32_t i = 0;

    while (i < len) {
        uint32_t n = 2 + (uint32_t)sim_random(&seed) % 30;
        uint32_t back = 1 + (uint32_t)(sim_random(&seed) % (i + 1));

        for (bool copy = sim_random(&seed) % 2; n > 0 && i < len; n--, i++)
            image[i] = copy && back <= i ? image[i - back]
                                         : (uint8_t)(sim_random(&seed) % 80);
    }
}

static uint8_t *new_image(uint32_t len, uint64_t seed)
{
    uint8_t *image = malloc(len);

    assert_non_null(image);
    fill(image, len, seed);
    return image;
}

/* A full package, unsigned. window: sectors, 0: the whole image */
static struct build_result pack(const uint8_t *image, uint32_t len,
                                uint8_t arena_kib, uint32_t window)
{
    struct build_options o = {.arch = DFOTA_ARCH_RAW,
                              .arena_kib = arena_kib,
                              .sector = SECTOR,
                              .backup = window * SECTOR,
                              .full = true};
    struct build_result r;

    assert_int_equal(build_package(&o, image, 0, image, len, &crypto, NULL, &r),
                     0);
    assert_int_equal(r.p.m.flags, DFOTA_FLAG_SELF | DFOTA_FLAG_NO_SOURCE);
    return r;
}

static int unpack(const struct build_result *r, const uint8_t *image)
{
    struct dfota_package p;
    uint8_t *made = NULL;
    int err = apply_package(r->bytes, r->len, image, 0, &crypto, &p, &made);

    if (!err)
        assert_memory_equal(made, image, p.m.target_len);
    if (!err)
        free(made);
    return err;
}

static void a_full_image_comes_back_by_every_arena_and_window(void **state)
{
    static const uint8_t arenas[] = {8, 16, 32, 64};
    const uint32_t len = IMAGE_LEN / 2;
    uint8_t *image = new_image(len, 1);

    (void)state;
    for (unsigned i = 0; i < sizeof arenas; i++) {
        for (uint32_t window = 0; window < 4; window++) {
            struct build_result r = pack(image, len, arenas[i], window);

            assert_int_equal(unpack(&r, image), 0);
            assert_true(r.len < len * 3 / 4);
            free(r.bytes);
        }
    }
    free(image);
}

static void images_of_a_few_bytes_come_back(void **state)
{
    uint8_t *image = new_image(40, 2);

    (void)state;
    for (uint32_t len = 1; len <= 40; len++) {
        struct build_result r = pack(image, len, 8, 0);

        assert_int_equal(unpack(&r, image), 0);
        free(r.bytes);
    }
    free(image);
}

static void padding_of_a_megabyte_costs_a_few_bytes(void **state)
{
    const uint32_t len = 1U << 20;
    uint8_t *image = malloc(len);
    struct build_result r;

    (void)state;
    assert_non_null(image);
    memset(image, 0xFF, len);
    r = pack(image, len, 16, 0);
    assert_int_equal(unpack(&r, image), 0);
    assert_in_range(r.p.m.body_len, 1, 12);
    free(r.bytes);
    free(image);
}

static void what_cannot_be_packed_grows_by_next_to_nothing(void **state)
{
    const uint32_t len = 50000;
    uint8_t *image = malloc(len);
    uint64_t seed = 3;
    struct build_result r;

    (void)state;
    assert_non_null(image);
    for (uint32_t i = 0; i < len; i++)
        image[i] = (uint8_t)sim_random(&seed);
    r = pack(image, len, 16, 0);
    assert_int_equal(unpack(&r, image), 0);
    assert_in_range(r.p.m.body_len, len, len + len / 250);
    free(r.bytes);
    free(image);
}

static void a_second_copy_far_away_costs_a_few_bytes(void **state)
{
    const uint32_t len = 100000;
    uint8_t *image = new_image(2 * len, 4);
    struct build_result one, two;

    (void)state;
    memcpy(image + len, image, len);
    one = pack(image, len, 8, 0);
    two = pack(image, 2 * len, 8, 0);
    assert_int_equal(unpack(&two, image), 0);
    assert_in_range(two.p.m.body_len, one.p.m.body_len,
                    one.p.m.body_len + one.p.m.body_len / 400 + 16);
    free(one.bytes);
    free(two.bytes);
    free(image);
}

static void the_same_images_give_the_same_package(void **state)
{
    uint8_t *image = new_image(IMAGE_LEN, 5);
    struct build_result a = pack(image, IMAGE_LEN, 16, 2);
    struct build_result b = pack(image, IMAGE_LEN, 16, 2);

    (void)state;
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.bytes, b.bytes, a.len);
    free(a.bytes);
    free(b.bytes);
    free(image);
}

/* ---- the decoder alone --------------------------------------------------- */

/* A device that can read back only what poll() has returned. */
struct bench {
    struct dfota_package p;
    struct dfota_decoder d;
    struct dfota_decoder_io io;
    uint64_t arena[8 * 1024 / 8];
    uint8_t *made;
    uint32_t returned;
};

static int read_returned(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct bench *b = ctx;

    assert_true(len > 0 && off < b->returned && len <= b->returned - off);
    memcpy(buf, b->made + off, len);
    return 0;
}

static void bench_init(struct bench *b, uint32_t len, uint16_t window,
                       const uint8_t *body, size_t body_len)
{
    memset(b, 0, sizeof *b);
    b->p.m.flags = DFOTA_FLAG_SELF | DFOTA_FLAG_NO_SOURCE;
    b->p.m.arena_kib = 8;
    b->p.m.sector_log2 = 12;
    b->p.m.window = window;
    b->p.m.target_len = len;
    b->p.m.body_len = (uint32_t)body_len;
    assert_int_equal(dfota_package_layout(&b->p), 0);
    b->p.body_off = 0;
    b->io.package = apply_reader(body, body_len);
    b->io.made = (struct dfota_reader){read_returned, b, len};
    b->made = malloc(len);
    assert_non_null(b->made);
}

/* Decode all windows, cap bytes a poll; the first error. */
static int bench_run(struct bench *b, size_t cap)
{
    int err =
        dfota_decoder_init(&b->d, &b->p, &b->io, b->arena, sizeof b->arena);
    uint32_t stream = dfota_decoder_first(&b->d);

    b->returned = 0;
    for (uint32_t w = 0; w < b->p.windows && !err; w++) {
        uint32_t off, len;
        int got = DFOTA_MORE;

        err = dfota_decoder_open(&b->d, w, stream);
        dfota_package_window(&b->p, w, &off, &len);
        while (!err && got == DFOTA_MORE) {
            size_t n = 0, left = off + len - b->returned;

            got = dfota_decoder_poll(&b->d, b->made + b->returned,
                                     left < cap ? left : cap, &n);
            b->returned += (uint32_t)n;
            assert_true(got < 0 || n > 0);
        }
        if (!err && got < 0)
            err = got;
        stream = dfota_decoder_next(&b->d);
    }
    return err;
}

static void only_what_was_returned_is_read_back(void **state)
{
    static const size_t caps[] = {1, 2, 7, 8, 9, 256, IMAGE_LEN};
    uint8_t *image = new_image(IMAGE_LEN, 6);
    struct build_result r = pack(image, IMAGE_LEN, 8, 1);
    struct bench b;

    (void)state;
    bench_init(&b, IMAGE_LEN, 1, r.bytes + r.p.body_off, r.p.m.body_len);
    for (unsigned i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        assert_int_equal(bench_run(&b, caps[i]), 0);
        assert_memory_equal(b.made, image, IMAGE_LEN);
    }
    free(b.made);
    free(r.bytes);
    free(image);
}

/* A stream of tokens as no generator makes them: literals are zeros. */
static size_t forge(uint8_t *body, size_t room, uint32_t pos,
                    const struct dfota_token *tokens, size_t n)
{
    static dfota_counter counters[DFOTA_SELF_COUNTERS];
    static uint64_t mem[8 * 1024 / 8];
    const struct dfota_model_size size = {8, 7, 0};
    struct dfota_self s = {.counters = counters};
    struct dfota_coder c = {0};
    struct dfota_model m;
    struct encoder e;
    size_t len;

    encoder_init(&e);
    encoder_attach(&e, &c);
    dfota_model_init(&m, mem, &size);
    dfota_model_reset(&m);
    dfota_self_reset(&s);
    for (size_t i = 0; i < n; i++) {
        struct dfota_byte_ctx x = {.align = pos & 3,
                                   .odd = pos & 1,
                                   .agreed = 2,
                                   .kind = DFOTA_KIND_LITERAL_BYTE,
                                   .index = 3};

        (void)dfota_self_token(&s, &c, pos, UINT32_MAX, &tokens[i]);
        if (tokens[i].len == 0) {
            x.expected = pos > 0;
            (void)dfota_model_byte(&m, &c, &x, 0);
        }
        pos += tokens[i].len ? tokens[i].len : 1;
    }
    encoder_finish(&e, true);
    len = e.len;
    assert_true(len <= room);
    memset(body, 0, room);
    memcpy(body, e.bytes, len);
    encoder_release(&e);
    return room;
}

static int decode_forged(uint32_t len, uint16_t window,
                         const struct dfota_token *tokens, size_t n)
{
    uint8_t body[256];
    size_t body_len = forge(body, sizeof body, 0, tokens, n);
    struct bench b;
    int err;

    bench_init(&b, len, window, body, body_len);
    err = bench_run(&b, 256);
    free(b.made);
    return err;
}

static void a_distance_before_the_image_is_refused(void **state)
{
    static const uint32_t far[] = {4,        5,          1000,      0x7FFFFFFF,
                                   1U << 31, 0xFFFFFFF0, UINT32_MAX};
    struct dfota_token t[] = {{0, 0}, {0, 0}, {0, 0}, {5, 3}};

    (void)state;
    for (uint16_t window = 0; window < 2; window++) {
        assert_int_equal(decode_forged(8, window, t, 4), 0);
        for (unsigned i = 0; i < sizeof far / sizeof far[0]; i++) {
            t[3].dist = far[i];
            assert_int_equal(decode_forged(8, window, t, 4), DFOTA_E_CORRUPT);
        }
        t[3].dist = 3;
    }
    /* The last distance before there is anything: dist 1 at 0. */
    t[0] = (struct dfota_token){1, 1};
    assert_int_equal(decode_forged(8, 0, t, 4), DFOTA_E_CORRUPT);
    t[0].len = 8;
    assert_int_equal(decode_forged(8, 0, t, 1), DFOTA_E_CORRUPT);
}

static void a_match_longer_than_its_window_is_refused(void **state)
{
    static const uint32_t longer[] = {4096, 4097, 1U << 20, 0x7FFFFFFF};
    struct dfota_token t[] = {{0, 0}, {4095, 1}, {4096, 1}};

    (void)state;
    assert_int_equal(decode_forged(8192, 0, t, 3), 0);
    for (unsigned i = 0; i < sizeof longer / sizeof longer[0]; i++) {
        t[1].len = longer[i];
        assert_int_equal(decode_forged(8192, 1, t, 2), DFOTA_E_CORRUPT);
        assert_int_equal(decode_forged(4096, 0, t, 2), DFOTA_E_CORRUPT);
    }
}

/* The longest length there is wraps to 0 when the shortest is added. */
static void a_length_that_wraps_is_refused(void **state)
{
    struct dfota_token t[] = {{0, 0}, {0, 0}, {0, 0}};

    (void)state;
    for (uint32_t len = 0xFFFFFFF0; len != 0; len++) {
        t[1] = (struct dfota_token){len, 1};
        assert_int_equal(decode_forged(8192, 1, t, 2), DFOTA_E_CORRUPT);
    }
}

static void a_stream_cut_short_is_noticed(void **state)
{
    uint8_t *image = new_image(6000, 7);

    (void)state;
    for (uint32_t window = 0; window < 2; window++) {
        struct build_result r = pack(image, 6000, 8, window);
        const uint8_t *body = r.bytes + r.p.body_off;

        for (uint32_t len = 0; len + 8 < r.p.m.body_len; len += 7) {
            uint8_t *exact = malloc(len + 1); /* ASan sees what lies behind */
            struct bench b;
            int err;

            assert_non_null(exact);
            memcpy(exact, body, len);
            bench_init(&b, 6000, (uint16_t)window, exact, len);
            err = bench_run(&b, 256);
            assert_true(err == DFOTA_E_TRUNCATED || err == DFOTA_E_CORRUPT);
            free(b.made);
            free(exact);
        }
        free(r.bytes);
    }
    free(image);
}

/* bench_run() stops at every read past what was made and every poll that
 * makes nothing. */
static void noise_ends_in_bytes_or_an_error(void **state)
{
    uint64_t seed = 8;
    unsigned errors = 0;

    (void)state;
    for (unsigned run = 0; run < 400; run++) {
        uint8_t noise[512];
        struct bench b;
        int err;

        for (unsigned i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)sim_random(&seed);
        bench_init(&b, 12000, run & 1, noise, sizeof noise);
        err = bench_run(&b, 1 + run % 300);
        assert_true(err == 0 || err == DFOTA_E_TRUNCATED ||
                    err == DFOTA_E_CORRUPT);
        errors += err != 0;
        free(b.made);
    }
    assert_true(errors > 0);
}

static void windows_from_the_end_are_refused(void **state)
{
    static const uint8_t body[16];
    struct bench b;

    (void)state;
    bench_init(&b, 12000, 1, body, sizeof body);
    b.p.m.flags |= DFOTA_FLAG_DESCENDING;
    assert_int_equal(bench_run(&b, 256), DFOTA_E_CORRUPT);
    b.p.m.flags &= (uint8_t)~DFOTA_FLAG_NO_SOURCE;
    assert_int_equal(bench_run(&b, 256), DFOTA_E_CORRUPT);
    free(b.made);
}

static int read_fails(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    (void)off;
    memset(buf, 0, len);
    return DFOTA_E_FLASH;
}

static void a_read_that_fails_is_passed_on(void **state)
{
    struct dfota_token t[] = {{0, 0}, {4000, 1}};
    uint8_t body[64];
    size_t len = forge(body, sizeof body, 0, t, 2);
    struct bench b;

    (void)state;
    bench_init(&b, 4001, 0, body, len);
    b.io.made.read = read_fails;
    assert_int_equal(bench_run(&b, 16), DFOTA_E_FLASH);
    assert_int_equal(bench_run(&b, 4001), 0); /* all of it in one poll */
    free(b.made);
}

/* ---- packages ------------------------------------------------------------ */

static void a_window_with_another_digest_is_refused(void **state)
{
    uint8_t *image = new_image(IMAGE_LEN, 9);
    struct build_result r = pack(image, IMAGE_LEN, 16, 2);

    (void)state;
    assert_int_equal(r.p.windows, 5);
    for (uint32_t w = 0; w < r.p.windows; w++) {
        uint8_t *digest =
            r.bytes + r.p.digests_off + (size_t)w * DFOTA_DIGEST_LEN;

        digest[w] ^= 1;
        assert_int_equal(unpack(&r, image), DFOTA_E_TARGET);
        digest[w] ^= 1;
    }
    assert_int_equal(unpack(&r, image), 0);
    free(r.bytes);
    free(image);
}

static void a_rewrite_becomes_a_full_image_and_a_patch_does_not(void **state)
{
    struct build_options o = {
        .arch = DFOTA_ARCH_RAW, .arena_kib = 16, .sector = SECTOR};
    uint8_t *old = new_image(IMAGE_LEN, 10), *image = new_image(IMAGE_LEN, 11);
    struct build_result full, r;

    (void)state;
    for (uint32_t i = 0; i < IMAGE_LEN; i++)
        image[i] ^= 0x80; /* no byte of the old one */
    full = pack(image, IMAGE_LEN, 16, 0);
    assert_int_equal(
        build_package(&o, old, IMAGE_LEN, image, IMAGE_LEN, &crypto, NULL, &r),
        0);
    assert_int_equal(r.p.m.flags, DFOTA_FLAG_SELF | DFOTA_FLAG_NO_SOURCE);
    assert_int_equal(r.p.m.source_len, 0);
    assert_int_equal(r.len, full.len);
    free(r.bytes);
    memcpy(image, old, IMAGE_LEN);
    image[IMAGE_LEN / 2] ^= 1;
    assert_int_equal(
        build_package(&o, old, IMAGE_LEN, image, IMAGE_LEN, &crypto, NULL, &r),
        0);
    assert_int_equal(r.p.m.flags, 0);
    assert_in_range(r.len, 1, 200);
    free(r.bytes);
    free(full.bytes);
    free(image);
    free(old);
}

/* A module is new, and like others: what stood before is near at hand. */
static struct build_result pack_delta(const uint8_t *old, uint32_t len,
                                      const uint8_t *image, uint32_t new_len,
                                      uint8_t arena_kib)
{
    struct build_options o = {
        .arch = DFOTA_ARCH_RAW, .arena_kib = arena_kib, .sector = SECTOR};
    struct build_result r;

    assert_int_equal(
        build_package(&o, old, len, image, new_len, &crypto, NULL, &r), 0);
    assert_int_equal(r.p.m.flags, DFOTA_FLAG_SELF);
    assert_int_equal(r.p.m.source_len, len);
    return r;
}

/* Three stretches of the old image, with new ones between. */
static uint8_t *with_new_parts(const uint8_t *old, uint32_t *len)
{
    const uint32_t third = IMAGE_LEN / 3, part = 2500;
    uint8_t *image = new_image(3 * third + 3 * part, 20), *at = image;
    uint64_t seed = 21;

    for (unsigned i = 0; i < 3; i++) {
        memcpy(at, old + (size_t)i * third, third);
        at += third + part;
    }
    /* Words of a vocabulary that the old image does not have. */
    for (unsigned i = 0; i < 3; i++) {
        uint8_t *p = image + third + (size_t)i * (third + part);

        for (uint32_t k = 0; k < part; k++)
            p[k] = k < 200 || sim_random(&seed) % 16 == 0
                       ? (uint8_t)sim_random(&seed)
                       : p[k - 100 - (k & 64)];
    }
    *len = 3 * third + 3 * part;
    return image;
}

static void a_delta_fills_its_gaps_with_copies_from_the_new_image(void **state)
{
    static const uint8_t arenas[] = {8, 16, 32, 64};
    uint8_t *old = new_image(IMAGE_LEN, 14);
    uint32_t len;
    uint8_t *image = with_new_parts(old, &len);

    (void)state;
    for (unsigned i = 0; i < sizeof arenas; i++) {
        struct build_result r =
            pack_delta(old, IMAGE_LEN, image, len, arenas[i]);
        struct dfota_package p;
        uint8_t *made;

        assert_int_equal(
            apply_package(r.bytes, r.len, old, IMAGE_LEN, &crypto, &p, &made),
            0);
        assert_memory_equal(made, image, len);
        free(made);
        free(r.bytes);
    }
    free(image);
    free(old);
}

/* read_returned() stops at reads past what was made. */
static void a_damaged_delta_reads_only_what_was_made(void **state)
{
    uint8_t *old = new_image(IMAGE_LEN, 15);
    uint32_t len;
    uint8_t *image = with_new_parts(old, &len);
    struct build_result r = pack_delta(old, IMAGE_LEN, image, len, 8);
    uint8_t *body = r.bytes + r.p.body_off;
    uint64_t seed = 16;
    unsigned refused = 0;
    struct bench b;

    (void)state;
    bench_init(&b, len, 0, body, r.p.m.body_len);
    b.p.m.flags = DFOTA_FLAG_SELF;
    b.p.m.source_len = IMAGE_LEN;
    b.io.old = apply_reader(old, IMAGE_LEN);
    assert_int_equal(bench_run(&b, 256), 0);
    assert_memory_equal(b.made, image, len);
    for (unsigned run = 0; run < 150; run++) {
        uint8_t *at = body + sim_random(&seed) % r.p.m.body_len;
        uint8_t bits = (uint8_t)(1 + sim_random(&seed) % 255);
        int err;

        *at ^= bits;
        err = bench_run(&b, 1 + run % 300);
        *at ^= bits;
        assert_true(err == 0 || err == DFOTA_E_TRUNCATED ||
                    err == DFOTA_E_CORRUPT);
        refused += err != 0;
    }
    assert_true(refused > 0);
    free(b.made);
    free(r.bytes);
    free(image);
    free(old);
}

/* ---- the updater --------------------------------------------------------- */

static int boot(struct world *w, enum dfota_action *action)
{
    bool resumed;

    sim_power_on(&w->power);
    dfota_updater_init(&w->u, &w->config);
    return dfota_updater_boot(&w->u, action, &resumed);
}

/* A world whose new image has copies of itself, packed anew. */
static void make_world(struct world *w, unsigned geometry, unsigned mode)
{
    struct world_id id = {geometry, mode,     SHAPE_NEW, KIND_SELF,
                          0,        PAST_NEW, 12};
    uint32_t sector;

    assert_int_equal(world_create(w, &id), 0);
    sector = w->area[AREA_SLOT].flash.erase_size;
    fill(w->new_image, w->new_len, 13);
    free(w->package);
    assert_int_equal(world_pack(w, sector,
                                DFOTA_FLAG_SELF | DFOTA_FLAG_NO_SOURCE,
                                &w->package, &w->package_len),
                     0);
    assert_true(w->package_len < w->new_len);
    assert_int_equal(sim_flash_load(&w->pristine[AREA_PACKAGE], 0, w->package,
                                    w->package_len),
                     0);
    world_reset(w, 1);
}

/* Power goes between any two polls, `polls` of them to a boot. */
static void update(struct world *w, unsigned polls)
{
    enum dfota_action action;
    int err = DFOTA_MORE;

    assert_int_equal(boot(w, &action), 0);
    assert_int_equal(dfota_updater_start(&w->u), 0);
    for (unsigned boots = 0; err == DFOTA_MORE && boots < 2000; boots++) {
        assert_int_equal(boot(w, &action), 0);
        if (action != DFOTA_ACTION_UPDATE)
            break;
        for (unsigned n = 0; err == DFOTA_MORE && n < polls; n++)
            err = dfota_updater_poll(&w->u);
    }
    assert_int_equal(err, DFOTA_DONE);
    assert_int_equal(boot(w, &action), 0);
    assert_int_equal(action, DFOTA_ACTION_BOOT);
    assert_memory_equal(w->area[AREA_SLOT].cells, w->new_image, w->new_len);
}

static void the_updater_takes_it_in_windows_through_reboots(void **state)
{
    static const unsigned geometries[] = {0, 2, 3};
    struct world w;

    (void)state;
    for (unsigned i = 0; i < sizeof geometries / sizeof geometries[0]; i++) {
        for (unsigned mode = MODE_WHOLE; mode <= MODE_THREE; mode++) {
            make_world(&w, geometries[i], mode);
            update(&w, 100000);
            world_reset(&w, 2);
            if (mode != MODE_WHOLE)
                update(&w, 24);
            world_destroy(&w);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_image_comes_back_by_every_arena_and_window),
        cmocka_unit_test(images_of_a_few_bytes_come_back),
        cmocka_unit_test(padding_of_a_megabyte_costs_a_few_bytes),
        cmocka_unit_test(what_cannot_be_packed_grows_by_next_to_nothing),
        cmocka_unit_test(a_second_copy_far_away_costs_a_few_bytes),
        cmocka_unit_test(the_same_images_give_the_same_package),
        cmocka_unit_test(only_what_was_returned_is_read_back),
        cmocka_unit_test(a_distance_before_the_image_is_refused),
        cmocka_unit_test(a_match_longer_than_its_window_is_refused),
        cmocka_unit_test(a_length_that_wraps_is_refused),
        cmocka_unit_test(a_stream_cut_short_is_noticed),
        cmocka_unit_test(noise_ends_in_bytes_or_an_error),
        cmocka_unit_test(windows_from_the_end_are_refused),
        cmocka_unit_test(a_read_that_fails_is_passed_on),
        cmocka_unit_test(a_window_with_another_digest_is_refused),
        cmocka_unit_test(a_rewrite_becomes_a_full_image_and_a_patch_does_not),
        cmocka_unit_test(a_delta_fills_its_gaps_with_copies_from_the_new_image),
        cmocka_unit_test(a_damaged_delta_reads_only_what_was_made),
        cmocka_unit_test(the_updater_takes_it_in_windows_through_reboots),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
