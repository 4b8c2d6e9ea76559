/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/mirror.h"
#include "device/updater_parts.h"

enum step { STEP_OPEN, STEP_DECODE };

/* The decoder's view of the old image and of the package. */
static int read_flash(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct dfota_flash *f = ctx;

    return f->read(f->ctx, off, buf, len);
}

/* One byte of the new image as far as it is made, wherever it is now. */
static int made_byte(const struct dfota_updater *u, uint32_t off, uint8_t *out)
{
    const struct dfota_flash *f = u->c.slot;
    uint32_t start;
    uint32_t len;
    uint32_t rel;

    dfota_package_window(&u->package, u->window, &start, &len);
    rel = off - start;
    if (off >= start && rel < len) {
        uint32_t granule = u->done >> u->granule_log2;

        if (rel >= u->done) {
            *out = u->page[rel - u->done];
            return 0;
        }
        if (rel >> u->granule_log2 == granule ? !u->same
                                              : !dfota_window_is_kept(u, rel)) {
            f = u->c.backup;
            off = rel;
        }
    }
    return f->read(f->ctx, off, out, 1);
}

static int read_made(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    uint8_t *out = buf;
    int err = 0;

    for (; !err && len; len--)
        err = made_byte(ctx, off++, out++);
    return err;
}

static struct dfota_reader reader(int (*read)(void *, uint32_t, void *,
                                              uint32_t),
                                  const void *ctx, uint32_t size)
{
    struct dfota_reader r = {read, (void *)(uintptr_t)ctx, size};

    return r;
}

int dfota_decode_begin(struct dfota_updater *u)
{
    const struct dfota_updater_config *c = &u->c;

    u->io.package = reader(read_flash, c->package, c->package->size);
    u->io.old = reader(read_flash, c->slot, c->slot->size);
    u->io.made = reader(read_made, u, u->package.m.target_len);
    return dfota_decoder_init(&u->decoder, &u->package, &u->io, c->arena,
                              c->arena_len);
}

int dfota_decode_page(struct dfota_updater *u, uint32_t window_len,
                      uint32_t *len)
{
    uint32_t want = dfota_min_u32(DFOTA_PAGE_LEN, window_len - u->done);
    int err = DFOTA_MORE;
    size_t n;

    for (u->fill = 0; u->fill < want; u->fill = (uint16_t)(u->fill + n)) {
        n = 0;
        if (err == DFOTA_MORE)
            err = dfota_decoder_poll(&u->decoder, u->page + u->fill,
                                     want - u->fill, &n);
        if (err < 0)
            return err;
        if (n == 0)
            return DFOTA_E_CORRUPT;
    }
    *len = want;
    return (err == DFOTA_DONE) == (u->done + want == window_len)
               ? 0
               : DFOTA_E_CORRUPT;
}

/* A completed decode with a wrong digest, a malformed package and a flash
 * that failed count; a cut does not (invariant 8). */
static int try_again(struct dfota_updater *u, int err)
{
    const struct dfota_state s = u->journal.state;

    if (s.tries + 1 >= dfota_updater_tries(u))
        return dfota_updater_give_up(u, err);
    u->decoding = false;
    u->step = STEP_OPEN;
    err = dfota_journal_put(&u->journal, s.type, (uint8_t)(s.tries + 1),
                            s.window);
    return err ? err : DFOTA_MORE;
}

static bool offsets_noted(const struct dfota_updater *u)
{
    return (u->package.m.flags & DFOTA_FLAG_SELF) && u->package.windows > 1;
}

static int begin(struct dfota_updater *u)
{
    struct dfota_trusted t;
    int err = dfota_trust_read(&t, u);

    if (!err &&
        memcmp(t.manifest, u->journal.head.manifest, sizeof(t.manifest)) != 0)
        err = DFOTA_E_NOPACKAGE;
    if (!err)
        err = dfota_decode_begin(u);
    u->decoding = !err;
    return err;
}

static int open_window(struct dfota_updater *u)
{
    const struct dfota_crypto *c = u->c.crypto;
    struct dfota_journal *j = &u->journal;
    uint8_t digest[DFOTA_DIGEST_LEN];
    uint32_t w = u->window;
    uint32_t off;
    int err = 0;

    if (!u->decoding)
        err = begin(u);
    if (err)
        return err;
    off = dfota_decoder_first(&u->decoder);
    if (offsets_noted(u) && w)
        off = j->notes[DFOTA_NOTE_OFFSET + (w & 1)];
    else if (w)
        err = dfota_journal_entry(j, w, digest, &off);
    if (!err)
        err = dfota_decoder_open(&u->decoder, w, off);
    dfota_notes_forget(j->notes, DFOTA_RECORD_DONE);
    u->done = 0;
    u->step = STEP_DECODE;
    return err ? err : c->hash_init(c->ctx);
}

static int put_backup(struct dfota_updater *u, uint32_t rel, uint8_t *data,
                      uint32_t len)
{
    const struct dfota_flash *f = u->c.backup;
    int err = 0;

    if ((rel & (f->erase_size - 1)) == 0)
        err = f->erase(f->ctx, rel);
    return err ? err : dfota_image_program(f, rel, data, len);
}

/* The granule differs after all: what was equal up to here goes into the
 * backup first. The journal's page is free while windows are decoded. */
static int put_equal_head(struct dfota_updater *u, uint32_t window_off)
{
    const struct dfota_flash *f = u->c.slot;
    uint8_t *page = u->journal.page;
    uint32_t rel = u->done >> u->granule_log2 << u->granule_log2;
    int err = 0;

    for (; !err && rel < u->done; rel += DFOTA_PAGE_LEN) {
        err = f->read(f->ctx, window_off + rel, page, DFOTA_PAGE_LEN);
        if (!err)
            err = put_backup(u, rel, page, DFOTA_PAGE_LEN);
    }
    return err;
}

static bool equals_slot(struct dfota_updater *u, uint32_t off, uint32_t len)
{
    const struct dfota_flash *f = u->c.slot;

    return f->read(f->ctx, off, u->journal.page, len) == 0 &&
           memcmp(u->page, u->journal.page, len) == 0;
}

/* A granule that the slot holds already is left out of the backup and marked
 * in the map: it costs no erase at all. */
static int store_page(struct dfota_updater *u, uint32_t window_off,
                      uint32_t len)
{
    uint32_t mask = ((uint32_t)1 << u->granule_log2) - 1;
    bool was_same;
    int err = 0;

    if ((u->done & mask) == 0)
        u->same = dfota_journal_takes_notes(&u->journal);
    was_same = u->same;
    if (u->same)
        u->same = equals_slot(u, window_off + u->done, len);
    if (was_same && !u->same)
        err = put_equal_head(u, window_off);
    if (!err && !u->same)
        err = put_backup(u, u->done, u->page, len);
    return err;
}

static void mark_granule(struct dfota_updater *u, uint32_t rel)
{
    struct dfota_journal *j = &u->journal;
    uint32_t g = rel >> u->granule_log2;

    if (u->same)
        dfota_journal_note(j, g >> 5,
                           j->notes[g >> 5] | (uint32_t)1 << (g & 31));
}

/* READY only when the backup, read back, has the digest (invariant 6). */
static int close_window(struct dfota_updater *u)
{
    const struct dfota_crypto *c = u->c.crypto;
    struct dfota_journal *j = &u->journal;
    uint8_t digest[DFOTA_HASH_LEN];
    uint32_t w = u->window;
    int err = c->hash_final(c->ctx, digest);

    if (!err && !dfota_window_accepts(u, w, digest))
        err = DFOTA_E_TARGET;
    if (!err && !dfota_window_in_backup(u, w))
        err = DFOTA_E_FLASH;
    if (err)
        return try_again(u, err);
    if (offsets_noted(u))
        dfota_journal_note(j, DFOTA_NOTE_OFFSET + ((w + 1) & 1),
                           dfota_decoder_next(&u->decoder));
    dfota_updater_seek(u, w);
    err = dfota_journal_put(j, DFOTA_RECORD_READY,
                            j->state.type == DFOTA_RECORD_DONE, w);
    return err ? err : DFOTA_MORE;
}

static int decode_piece(struct dfota_updater *u, uint32_t off, uint32_t len)
{
    const struct dfota_crypto *c = u->c.crypto;
    uint32_t rel;
    uint32_t n;

    do {
        int err = dfota_decode_page(u, len, &n);

        if (!err)
            err = c->hash_update(c->ctx, u->page, n);
        if (!err)
            err = store_page(u, off, n);
        if (err)
            return err;
        rel = u->done;
        u->done += n;
    } while (u->done < len &&
             u->done >> u->granule_log2 == rel >> u->granule_log2);
    mark_granule(u, rel);
    return 0;
}

int dfota_decode_poll(struct dfota_updater *u)
{
    uint32_t off;
    uint32_t len;
    int err;

    if (u->step == STEP_OPEN) {
        /* Nothing to do, or done before: its offset is in the table. */
        if (!offsets_noted(u) && dfota_window_in_slot(u, u->window)) {
            dfota_updater_seek(u, u->window + 1);
            return DFOTA_MORE;
        }
        err = open_window(u);
        return err ? try_again(u, err) : DFOTA_MORE;
    }
    dfota_package_window(&u->package, u->window, &off, &len);
    err = decode_piece(u, off, len);
    if (err)
        return try_again(u, err);
    dfota_updater_tell(u, DFOTA_STAGE_DECODE);
    return u->done == len ? close_window(u) : DFOTA_MORE;
}
