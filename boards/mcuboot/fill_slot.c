/* SPDX-License-Identifier: Apache-2.0 */
#include "fill_slot.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

static int read_flash(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct dfota_flash *flash = ctx;

    return flash->read(flash->ctx, off, buf, len);
}

static struct dfota_reader reader_of(const struct dfota_flash *flash)
{
    struct dfota_reader r = {read_flash, (void *)(uintptr_t)flash, flash->size};

    return r;
}

/* The new image so far: what is not in the slot yet is in the page. */
static int read_made(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct fill *f = ctx;
    uint8_t *out = buf;

    while (len) {
        uint32_t n = len;
        int err = 0;

        if (off - f->off < f->used) {
            n = dfota_min_u32(n, f->used - (off - f->off));
            memcpy(out, f->page + (off - f->off), n);
        } else {
            if (off < f->off)
                n = dfota_min_u32(n, f->off - off);
            err = read_flash((void *)(uintptr_t)f->c->secondary, off, out, n);
        }
        if (err)
            return err;
        off += n;
        out += n;
        len -= n;
    }
    return 0;
}

/* SHA-256 of the head of a slot. */
static int hash_slot(struct fill *f, const struct dfota_flash *slot,
                     uint32_t len, uint8_t digest[DFOTA_HASH_LEN])
{
    const struct dfota_crypto *c = f->c->crypto;
    int err = c->hash_init(c->ctx);

    for (uint32_t off = 0; !err && off < len; off += FILL_PAGE) {
        uint32_t n = dfota_min_u32(FILL_PAGE, len - off);

        err = slot->read(slot->ctx, off, f->page, n);
        if (!err)
            err = c->hash_update(c->ctx, f->page, n);
    }
    return err ? err : c->hash_final(c->ctx, digest);
}

static int check_source(struct fill *f)
{
    const struct dfota_manifest *m = &f->package.m;
    uint8_t digest[DFOTA_HASH_LEN];
    int err;

    if (m->flags & DFOTA_FLAG_NO_SOURCE)
        return 0;
    if (m->source_len > f->c->primary->size)
        return DFOTA_E_SOURCE;
    err = hash_slot(f, f->c->primary, m->source_len, digest);
    if (!err && memcmp(digest, m->source_hash, sizeof(m->source_hash)) != 0)
        err = DFOTA_E_SOURCE;
    return err;
}

static int check(struct fill *f)
{
    const struct fill_config *c = f->c;
    const struct dfota_manifest *m = &f->package.m;
    int err = dfota_package_open(&f->package, &f->reader);

    if (!err)
        err = dfota_package_verify(&f->package, &f->reader, c->crypto);
    if (err)
        return err;
    if (m->class_id && c->class_id && m->class_id != c->class_id)
        return DFOTA_E_CLASS;
    if (c->trailer_len > c->secondary->size ||
        m->target_len > c->secondary->size - c->trailer_len)
        return DFOTA_E_SLOT;
    if (dfota_decoder_arena_len(&f->package) > c->arena_len)
        return DFOTA_E_ARENA;
    return check_source(f);
}

/* All of it: a trailer of the update before this one would be believed. */
static int erase_slot(const struct dfota_flash *slot)
{
    int err = 0;

    for (uint32_t off = 0; !err && off < slot->size; off += slot->erase_size)
        err = slot->erase(slot->ctx, off);
    return err ? err : slot->sync(slot->ctx);
}

/* Into the slot; the last unit of an image is filled up. */
static int flush(struct fill *f)
{
    const struct dfota_flash *slot = f->c->secondary;
    uint32_t unit = slot->prog_size;
    uint32_t len = (f->used + unit - 1) & ~(unit - 1);
    int err;

    memset(f->page + f->used, slot->erased_byte, len - f->used);
    err = slot->prog(slot->ctx, f->off, f->page, len);
    f->off += f->used;
    f->used = 0;
    return err;
}

static int fill_window(struct fill *f, uint32_t w, uint32_t coded)
{
    uint32_t len;
    int err = dfota_decoder_open(&f->decoder, w, coded);
    int more = DFOTA_MORE;

    dfota_package_window(&f->package, w, &f->off, &len);
    while (!err && more == DFOTA_MORE) {
        size_t n = 0;

        more = dfota_decoder_poll(&f->decoder, f->page + f->used,
                                  FILL_PAGE - f->used, &n);
        if (more < 0)
            return more;
        if (n > len || (n == 0 && more == DFOTA_MORE))
            return DFOTA_E_CORRUPT;
        f->used += (uint32_t)n;
        len -= (uint32_t)n;
        f->done += (uint32_t)n;
        if (f->used == FILL_PAGE || more == DFOTA_DONE)
            err = flush(f);
        if (f->c->progress)
            f->c->progress(f->c->progress_ctx, f->done,
                           f->package.m.target_len);
    }
    return !err && len ? DFOTA_E_CORRUPT : err;
}

static int decode(struct fill *f)
{
    int err = dfota_decoder_init(&f->decoder, &f->package, &f->io, f->c->arena,
                                 f->c->arena_len);
    uint32_t coded = dfota_decoder_first(&f->decoder);

    for (uint32_t w = 0; !err && w < f->package.windows; w++) {
        err = fill_window(f, w, coded);
        coded = dfota_decoder_next(&f->decoder);
    }
    return err ? err : f->c->secondary->sync(f->c->secondary->ctx);
}

int fill_slot(struct fill *f, const struct fill_config *c)
{
    uint8_t digest[DFOTA_HASH_LEN];
    int err;

    memset(f, 0, sizeof(*f));
    f->c = c;
    f->reader = reader_of(c->package);
    err = check(f);
    if (err)
        return err;
    f->io.package = f->reader;
    f->io.old = reader_of(c->primary);
    f->io.made.read = read_made;
    f->io.made.ctx = f;
    f->io.made.size = f->package.m.target_len;
    err = erase_slot(c->secondary);
    if (!err)
        err = decode(f);
    if (!err)
        err = hash_slot(f, c->secondary, f->package.m.target_len, digest);
    if (!err && memcmp(digest, f->package.m.target_hash, sizeof(digest)) != 0)
        err = DFOTA_E_TARGET;
    return err;
}
