/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packages: the head is opened, every window decoded twice through odd
 * buffers, then the same bytes go the way of `dfota apply` and `dfota info`.
 * The first byte chooses the old image and whether fields that no fuzzer
 * guesses are put right. tests/fuzz/package_seeds.py makes seeds.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "delta/apply.h"
#include "delta/package_map.h"
#include "device/decoder.h"

enum {
    OLD_KINDS = 4,
    OLD_LEN = 2048,
    TARGET_MAX = 1 << 14, /* longer images are opened only */
    CANARY = 64,
    CANARY_BYTE = 0xC5,
    AS_IT_IS = 0x80, /* of the first byte: nothing is put right */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t old_images[OLD_KINDS][OLD_LEN];

/* package_seeds.py has the same. */
static uint32_t old_word(unsigned kind, uint32_t v)
{
    if (kind == 3)
        return 0;
    if (kind == 1 && v >> 30 == 0)
        return 0xF800F000 | (v >> 20 & 0x3FF) | (v & 0x7FF) << 16;
    if (kind == 1 && v >> 30 == 1)
        return 0x08000000 | (v >> 8 & 0x3FFC);
    if (kind == 2 && v >> 30 == 0)
        return (v & 0xFFFFF000) | 0xEF;
    return v;
}

static void make_old_images(void)
{
    for (unsigned kind = 0; kind < OLD_KINDS; kind++) {
        uint32_t state = kind + 1;

        for (uint32_t i = 0; i < OLD_LEN; i += 4) {
            state = state * 1664525 + 1013904223;
            dfota_put_le32(old_images[kind] + i, old_word(kind, state));
        }
    }
}

/* ---- a hash that agrees with every manifest ------------------------------ */

static int hash_init(void *ctx)
{
    (void)ctx;
    return 0;
}

static int hash_update(void *ctx, const void *data, size_t len)
{
    (void)ctx;
    (void)data;
    (void)len;
    return 0;
}

static int hash_final(void *ctx, uint8_t digest[DFOTA_HASH_LEN])
{
    (void)ctx;
    memset(digest, 0, DFOTA_HASH_LEN);
    return 0;
}

static const struct dfota_crypto agreeable = {
    .hash_init = hash_init,
    .hash_update = hash_update,
    .hash_final = hash_final,
};

/* ---- readers that bear no read outside ----------------------------------- */

struct bytes {
    const uint8_t *data;
    uint32_t len;
};

static int read_bytes(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct bytes *b = ctx;

    assert(off <= b->len && len <= b->len - off);
    if (len > 0)
        memcpy(buf, b->data + off, len);
    return 0;
}

static struct dfota_reader reader(struct bytes *b)
{
    return (struct dfota_reader){read_bytes, b, b->len};
}

/* ---- decoding ------------------------------------------------------------ */

struct run {
    struct dfota_package p;
    struct dfota_decoder_io io;
    struct dfota_decoder d;
    struct bytes package, slot;
    uint8_t *bytes;     /* the slot: old image, then the new one over it */
    uint8_t *window[2]; /* the same window, decoded twice */
    uint8_t *arena;     /* with a canary before and behind */
    size_t arena_len;
    unsigned step;          /* bytes a poll */
    const uint8_t *current; /* the open window's bytes so far */
    uint32_t from, to;      /* where they lie in the image */
};

/* The image as made so far: whole windows from the slot, then the open one. */
static int read_made(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct run *r = ctx;
    uint8_t *out = buf;

    assert(off <= r->to && len <= r->to - off);
    for (uint32_t i = off; i < off + len; i++)
        *out++ = i < r->from ? r->bytes[i] : r->current[i - r->from];
    return 0;
}

static void check_canaries(const struct run *r)
{
    for (size_t i = 0; i < CANARY; i++) {
        assert(r->arena[i] == CANARY_BYTE);
        assert(r->arena[CANARY + r->arena_len + i] == CANARY_BYTE);
    }
}

/* returns DFOTA_DONE or the error */
static int decode(struct run *r, uint32_t w, uint32_t stream, uint8_t *out)
{
    uint32_t off, len, done = 0;
    int got = dfota_decoder_open(&r->d, w, stream);

    dfota_package_window(&r->p, w, &off, &len);
    r->current = out;
    r->from = r->to = off;
    if (got == 0)
        got = DFOTA_MORE;
    while (got == DFOTA_MORE) {
        uint8_t page[64];
        size_t n = 0, cap = 1 + (done ^ r->step) % sizeof page;

        got = dfota_decoder_poll(&r->d, page, cap, &n);
        assert(n <= cap && n <= len - done);
        assert(n > 0 || got < 0);
        memcpy(out + done, page, n);
        done += (uint32_t)n;
        r->to = off + done;
    }
    assert(got < 0 || done == len);
    return got;
}

/* A slot with the new image in it, sectors as a flash would have them. */
static void store(struct run *r, uint32_t w)
{
    uint32_t sector = 1U << r->p.m.sector_log2, off, len, end;

    dfota_package_window(&r->p, w, &off, &len);
    end = (off + len + sector - 1) & ~(sector - 1);
    memset(r->bytes + off, 0xFF, end - off);
    memcpy(r->bytes + off, r->window[0], len);
}

static void decode_all(struct run *r)
{
    uint32_t stream = dfota_decoder_first(&r->d), next, off, len;

    for (uint32_t w = 0; w < r->p.windows; w++) {
        int first = decode(r, w, stream, r->window[0]);

        check_canaries(r);
        if (first < 0)
            return;
        next = dfota_decoder_next(&r->d);
        dfota_package_window(&r->p, w, &off, &len);
        r->step++;
        assert(decode(r, w, stream, r->window[1]) == DFOTA_DONE);
        assert(dfota_decoder_next(&r->d) == next);
        assert(memcmp(r->window[0], r->window[1], len) == 0);
        store(r, w);
        stream = next;
    }
}

static void prepare(struct run *r, const uint8_t *old)
{
    size_t room = dfota_max_u32(r->p.m.source_len, r->p.m.target_len) +
                  (1U << r->p.m.sector_log2);

    r->bytes = calloc(1, room);
    r->window[0] = malloc(r->p.window_len);
    r->window[1] = malloc(r->p.window_len);
    r->arena_len = dfota_decoder_arena_len(&r->p);
    r->arena = malloc(r->arena_len + 2 * CANARY);
    assert(r->bytes && r->window[0] && r->window[1] && r->arena);
    memcpy(r->bytes, old, r->p.m.source_len);
    memset(r->arena, CANARY_BYTE, r->arena_len + 2 * CANARY);
    r->slot = (struct bytes){r->bytes, (uint32_t)room};
    r->io.old = reader(&r->slot);
    r->io.made = (struct dfota_reader){read_made, r, r->p.m.target_len};
}

static void decode_package(struct run *r, const uint8_t *old)
{
    prepare(r, old);
    if (dfota_decoder_init(&r->d, &r->p, &r->io, r->arena + CANARY,
                           r->arena_len) == 0)
        decode_all(r);
    check_canaries(r);
    free(r->bytes);
    free(r->window[0]);
    free(r->window[1]);
    free(r->arena);
}

static void use_as_the_tools_do(const uint8_t *package, size_t len,
                                const uint8_t *old)
{
    struct package_map map = {0};
    struct dfota_package p;
    uint8_t *image = NULL;

    (void)package_map_read(&map, package, len);
    package_map_release(&map);
    if (apply_package(package, len, old, OLD_LEN, &agreeable, &p, &image) == 0)
        free(image);
}

/* What must be right before anything else is looked at. */
static void put_right(uint8_t *package, size_t len)
{
    static const uint8_t kib[4] = {8, 16, 32, 64};
    uint32_t head, most = 2 * OLD_LEN;
    struct dfota_manifest m;

    memcpy(package, "DF\1", 3);
    package[4] = 0;
    package[5] = kib[package[5] >> 3 & 3];
    package[6] = (uint8_t)(9 + package[6] % 9);
    package[10] = package[11] = 0;
    if (package[3] & DFOTA_FLAG_NO_SOURCE)
        dfota_put_le32(package + 20, 0);
    else
        dfota_put_le32(package + 20, dfota_get_le32(package + 20) % OLD_LEN);
    dfota_put_le32(package + 24, 1 + dfota_get_le32(package + 24) % most);
    dfota_put_le32(package + 28, 0);
    memset(package + 40, 0, 40);
    if (dfota_manifest_parse(&m, package) != 0)
        return;
    head = dfota_package_head_len(&m);
    if (head <= len)
        dfota_put_le32(package + 28, (uint32_t)len - head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct run r = {.step = 3};
    uint8_t *package;

    if (old_images[0][0] == 0)
        make_old_images();
    if (len < 1 + DFOTA_MANIFEST_LEN)
        return 0;
    package = malloc(len - 1);
    assert(package);
    memcpy(package, data + 1, len - 1);
    if (!(data[0] & AS_IT_IS))
        put_right(package, len - 1);
    r.package = (struct bytes){package, (uint32_t)len - 1};
    r.io.package = reader(&r.package);
    if (dfota_package_open(&r.p, &r.io.package) == 0 &&
        r.p.m.target_len <= TARGET_MAX) {
        const uint8_t *old = old_images[data[0] % OLD_KINDS];

        if (r.p.m.source_len <= OLD_LEN)
            decode_package(&r, old);
        use_as_the_tools_do(package, len - 1, old);
    }
    free(package);
    return 0;
}
