/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/updater_parts.h"

/*
 * A window is decoded, in the dry run into hashes only, else into the backup.
 *
 * The dry run comes before the first erase of slot or backup. One pass makes
 * the table; in ascending packages its windows make the image's hash as well,
 * in descending ones they come in the wrong order for that, so a second pass
 * goes by address, with the offsets that the first has found, and holds every
 * window against the table.
 */

static struct dfota_head *head_of(struct dfota_updater *u)
{
    return &u->journal.head;
}

static int arm(struct dfota_updater *u)
{
    u->pass = DFOTA_PASS_REAL;
    dfota_updater_seek(u, 0);
    return dfota_journal_put(&u->journal, DFOTA_RECORD_ARMED, 0, 0);
}

/* A package of one window needs no table; that of a SELF one was signed. */
static int begin_table(struct dfota_updater *u)
{
    struct dfota_head *h = head_of(u);
    int err = 0;

    if (h->package.windows > 1) {
        h->windows = h->package.windows;
        u->journal.state.off = 0;
        dfota_journal_begin(&u->journal);
        u->pass = DFOTA_PASS_TABLE;
        if (!dfota_updater_is_self(u))
            return u->c.crypto->hash_init(u->c.crypto->ctx2);
        err = dfota_trust_table(u);
    }
    return err ? err : arm(u);
}

static int begin(struct dfota_updater *u)
{
    struct dfota_head *h = head_of(u);
    bool dry = u->journal.state.type == DFOTA_RECORD_PENDING;
    struct dfota_package p;
    int err;

    if (dry)
        err = dfota_trust_check(u, &p, h->flags & DFOTA_JOURNAL_BROKEN);
    else
        err = dfota_package_open(&p, &u->io.package);
    /* Is it the one that was asked for? */
    if (!err && memcmp(&p.m, &h->package.m, sizeof(p.m)) != 0)
        err = DFOTA_E_NOPACKAGE;
    if (!err && dry) {
        err = begin_table(u);
        if (u->pass == DFOTA_PASS_REAL) /* armed */
            return err;
    }
    if (!err)
        err = dfota_decoder_init(&u->decoder, &h->package, &u->io, u->c.arena,
                                 u->c.arena_len);
    u->decoding = !err;
    return err;
}

static int open_window(struct dfota_updater *u)
{
    struct dfota_state *s = &u->journal.state;
    bool self = dfota_updater_is_self(u);
    struct dfota_entry e;
    int err = 0;

    /* Nothing to do, or done before: its offset is in the table. */
    if (u->pass == DFOTA_PASS_REAL && !self &&
        dfota_window_is_in(u, u->c.slot)) {
        dfota_updater_seek(u, u->window + 1);
        return 0;
    }
    if (u->window == 0) {
        s->off = dfota_decoder_first(&u->decoder);
    } else if (u->pass != DFOTA_PASS_TABLE && !self) {
        err = dfota_journal_entry(&u->journal, u->window, &e);
        s->off = e.off;
    }
    if (!err)
        err = dfota_decoder_open(&u->decoder, u->window, s->off);
    memset(s->map, 0, sizeof(s->map));
    u->ready = true;
    return err ? err : u->c.crypto->hash_init(u->c.crypto->ctx);
}

/* A granule that the slot holds already is left out of the backup and marked
 * in the map: it costs no erase at all. When it differs after all, what was
 * equal up to here goes into the backup first. Errors show when the backup
 * is read back. */
static void keep_or_write(struct dfota_updater *u, const void *data,
                          uint32_t len)
{
    struct dfota_pages *pages = &u->journal.pages;
    uint32_t rel = u->done;
    uint32_t begun = rel & ~dfota_granule_mask(u);
    uint32_t g = rel >> head_of(u)->granule_log2;
    uint32_t *word = &u->journal.state.map[g >> 5];
    uint32_t bit = (uint32_t)1 << (g & 31);

    if (rel == begun)
        *word |= bit;
    if (*word & bit) {
        dfota_pages_begin(pages, u->c.slot, u->off + rel, 0);
        if (!dfota_each_equal(u, data, len))
            return;
        *word &= ~bit;
        dfota_pages_begin(
            pages, u->c.backup, begun,
            dfota_min_u32(dfota_granule_mask(u) + 1, u->len - begun));
        (void)dfota_image_walk(u, u->c.slot, u->off + begun, rel - begun,
                               dfota_each_write);
    }
    dfota_pages_write(pages, data, len);
}

/* The last window of a pass is done: to the proof, or armed. */
static int end_pass(struct dfota_updater *u)
{
    const struct dfota_crypto *c = u->c.crypto;
    const struct dfota_package *p = &head_of(u)->package;
    uint8_t digest[DFOTA_HASH_LEN];
    int err;

    if (u->pass == DFOTA_PASS_TABLE && (p->m.flags & DFOTA_FLAG_DESCENDING)) {
        u->pass = DFOTA_PASS_PROOF;
        dfota_updater_seek(u, p->windows - 1);
        err = dfota_pages_flush(&u->journal.pages);
        return err ? err : c->hash_init(c->ctx2);
    }
    err = c->hash_final(c->ctx2, digest);
    if (!err && memcmp(digest, p->m.target_hash, sizeof(digest)) != 0)
        err = DFOTA_E_TARGET;
    return err ? err : arm(u);
}

static int close_dry(struct dfota_updater *u)
{
    uint32_t w = u->window;
    bool last = w == 0;

    if (u->pass == DFOTA_PASS_TABLE) {
        u->journal.state.off = u->next_off;
        w += 2;
        last = w > head_of(u)->windows;
    }
    if (last)
        return end_pass(u);
    dfota_updater_seek(u, w - 1);
    return 0;
}

/* READY only when the backup, read back, has the digest (invariant 6). */
static int close_window(struct dfota_updater *u)
{
    const struct dfota_crypto *c = u->c.crypto;
    struct dfota_journal *j = &u->journal;
    uint8_t digest[DFOTA_HASH_LEN];
    int err = c->hash_final(c->ctx, digest);

    if (err)
        return err;
    u->next_off = dfota_decoder_next(&u->decoder);
    if (u->pass == DFOTA_PASS_TABLE)
        dfota_journal_add(j, digest);
    else if (!dfota_window_accepts(u, digest))
        return DFOTA_E_TARGET;
    if (u->pass != DFOTA_PASS_REAL)
        return close_dry(u);
    if (dfota_pages_flush(&j->pages) || !dfota_window_is_in(u, u->c.backup))
        return DFOTA_E_FLASH;
    dfota_updater_seek(u, u->window);
    return dfota_journal_put(j, DFOTA_RECORD_READY,
                             j->state.type == DFOTA_RECORD_DONE, u->window);
}

/* Up to the end of a granule: about a sector. */
static int decode_piece(struct dfota_updater *u)
{
    const struct dfota_crypto *c = u->c.crypto;
    uint8_t chunk[64];
    size_t n;
    int err;

    do {
        n = 0;
        err = dfota_decoder_poll(&u->decoder, chunk,
                                 sizeof(chunk) - u->done % sizeof(chunk), &n);
        if (err < 0)
            return err;
        if (n == 0 || (err == DFOTA_DONE) != (u->done + n == u->len))
            return DFOTA_E_CORRUPT;
        if (c->hash_update(c->ctx, chunk, n) ||
            (u->pass && c->hash_update(c->ctx2, chunk, n)))
            return DFOTA_E_IO;
        if (!u->pass)
            keep_or_write(u, chunk, (uint32_t)n);
        u->done += (uint32_t)n;
    } while (err != DFOTA_DONE && (u->done & dfota_granule_mask(u)));
    dfota_updater_tell(u, u->pass ? DFOTA_STAGE_PREPARE : DFOTA_STAGE_DECODE);
    return err == DFOTA_DONE ? close_window(u) : 0;
}

/* A completed decode with a wrong digest, a malformed package and a flash
 * that failed count; a cut does not (invariant 8). */
int dfota_window_poll(struct dfota_updater *u)
{
    const struct dfota_state *s = &u->journal.state;
    int err;

    if (!u->decoding)
        err = begin(u);
    else if (!u->ready)
        err = open_window(u);
    else
        err = decode_piece(u);
    if (!err)
        return DFOTA_MORE;
    if (s->type == DFOTA_RECORD_PENDING ||
        dfota_updater_is_last(u, s->tries + 1u))
        return dfota_updater_give_up(u, err);
    u->decoding = false;
    u->ready = false;
    u->done = 0;
    err = dfota_journal_put(&u->journal, s->type, s->tries + 1u, s->window);
    return err ? err : DFOTA_MORE;
}
