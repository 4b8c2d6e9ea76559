/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "device/decoder.h"

static int read_memory(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    memcpy(buf, (const uint8_t *)ctx + off, len);
    return 0;
}

struct dfota_reader apply_reader(const uint8_t *data, size_t len)
{
    return (struct dfota_reader){read_memory, (void *)(uintptr_t)data,
                                 (uint32_t)len};
}

int apply_hash(const struct dfota_crypto *crypto, const void *data, size_t len,
               uint8_t digest[DFOTA_HASH_LEN])
{
    int err = crypto->hash_init(crypto->ctx);

    if (!err)
        err = crypto->hash_update(crypto->ctx, data, len);
    return err ? err : crypto->hash_final(crypto->ctx, digest);
}

/* A slot in memory that is rewritten as windows come. */
struct slot {
    uint8_t *bytes; /* old image, then more and more of the new one */
    uint8_t *window;
    uint32_t sector;
    uint32_t off, done; /* of the window: where it lies, bytes made */
};

/* The new image as far as it is made: windows in the slot, then this one. */
static int read_made(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct slot *s = ctx;
    uint32_t before = off < s->off ? dfota_min_u32(len, s->off - off) : 0;

    if (off > s->off + s->done || len > s->off + s->done - off)
        return DFOTA_E_ARG;
    memcpy(buf, s->bytes + off, before);
    if (before < len)
        memcpy((uint8_t *)buf + before, s->window + (off + before - s->off),
               len - before);
    return 0;
}

/* The digest that a SELF package has for the window. */
static int check_window(const struct dfota_decoder *d, const struct slot *s,
                        uint32_t w, const struct dfota_crypto *crypto)
{
    const struct dfota_reader *in = &d->io->package;
    uint8_t signed_one[DFOTA_DIGEST_LEN], digest[DFOTA_HASH_LEN];
    int err;

    if (!d->p->digests_off)
        return 0;
    err = in->read(in->ctx, d->p->digests_off + w * DFOTA_DIGEST_LEN,
                   signed_one, sizeof signed_one);
    if (!err)
        err = apply_hash(crypto, s->window, s->done, digest);
    if (err)
        return err;
    return memcmp(digest, signed_one, sizeof signed_one) == 0 ? 0
                                                              : DFOTA_E_TARGET;
}

static int decode_window(struct dfota_decoder *d, struct slot *s, uint32_t w,
                         uint32_t *stream, const struct dfota_crypto *crypto)
{
    uint32_t len, end;
    size_t got = 0;
    int err = dfota_decoder_open(d, w, *stream), more = DFOTA_MORE;

    dfota_package_window(d->p, w, &s->off, &len);
    s->done = 0;
    while (!err && more == DFOTA_MORE) {
        more = dfota_decoder_poll(d, s->window + s->done, len - s->done, &got);
        s->done += (uint32_t)got;
        err = more < 0 ? more : 0;
    }
    if (err)
        return err;
    if (s->done != len)
        return DFOTA_E_CORRUPT;
    err = check_window(d, s, w, crypto);
    end = (s->off + len + s->sector - 1) & ~(s->sector - 1);
    memset(s->bytes + s->off, 0xFF, end - s->off);
    memcpy(s->bytes + s->off, s->window, len);
    *stream = dfota_decoder_next(d);
    return err;
}

static int decode_all(const struct dfota_package *p,
                      const struct dfota_decoder_io *io, struct slot *s,
                      const struct dfota_crypto *crypto)
{
    struct dfota_decoder d;
    void *arena = malloc((size_t)p->m.arena_kib * 1024);
    uint32_t stream;
    int err = arena ? dfota_decoder_init(&d, p, io, arena,
                                         (size_t)p->m.arena_kib * 1024)
                    : DFOTA_E_NOMEM;

    stream = err ? 0 : dfota_decoder_first(&d);
    for (uint32_t w = 0; w < p->windows && !err; w++)
        err = decode_window(&d, s, w, &stream, crypto);
    free(arena);
    return err;
}

int apply_open(struct dfota_package *p, const struct dfota_reader *in)
{
    int err = dfota_package_open(p, in);

    if (!err && in->size > p->body_off + p->m.body_len)
        err = DFOTA_E_CORRUPT;
    return err;
}

int apply_check_source(const struct dfota_package *p, const uint8_t *old,
                       size_t old_len, const struct dfota_crypto *crypto)
{
    uint8_t digest[DFOTA_HASH_LEN];
    int err;

    if (p->m.flags & DFOTA_FLAG_NO_SOURCE)
        return 0;
    if (old_len < p->m.source_len)
        return DFOTA_E_SOURCE;
    err = apply_hash(crypto, old, p->m.source_len, digest);
    if (err)
        return err;
    return memcmp(digest, p->m.source_hash, sizeof p->m.source_hash) == 0
               ? 0
               : DFOTA_E_SOURCE;
}

static int check_target(const struct dfota_package *p, const uint8_t *image,
                        const struct dfota_crypto *crypto)
{
    uint8_t digest[DFOTA_HASH_LEN];
    int err = apply_hash(crypto, image, p->m.target_len, digest);

    if (err)
        return err;
    return memcmp(digest, p->m.target_hash, sizeof digest) == 0
               ? 0
               : DFOTA_E_TARGET;
}

int apply_package(const uint8_t *package, size_t package_len,
                  const uint8_t *old, size_t old_len,
                  const struct dfota_crypto *crypto, struct dfota_package *p,
                  uint8_t **image)
{
    struct dfota_decoder_io io = {.package =
                                      apply_reader(package, package_len)};
    struct slot s = {0};
    size_t room;
    int err = apply_open(p, &io.package);

    if (!err)
        err = apply_check_source(p, old, old_len, crypto);
    if (err)
        return err;
    s.sector = 1U << p->m.sector_log2;
    room = (size_t)dfota_max_u32(p->m.source_len, p->m.target_len) + s.sector;
    s.bytes = calloc(1, room);
    s.window = malloc(p->window_len + 1);
    if (s.bytes && s.window) {
        if (p->m.source_len > 0)
            memcpy(s.bytes, old, p->m.source_len);
        io.old = apply_reader(s.bytes, room);
        io.made = (struct dfota_reader){read_made, &s, p->m.target_len};
        err = decode_all(p, &io, &s, crypto);
    } else {
        err = DFOTA_E_NOMEM;
    }
    if (!err)
        err = check_target(p, s.bytes, crypto);
    free(s.window);
    if (err)
        free(s.bytes);
    else
        *image = s.bytes;
    return err;
}
