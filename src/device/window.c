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
    return dfota_journal_put(&u->journal, DFOTA_RECORD_ARMED, 0);
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
            return u->c->crypto->hash_init(u->c->crypto->ctx2);
        err = dfota_self_table(u);
    }
    return err ? err : arm(u);
}

static int begin(struct dfota_updater *u)
{
    struct dfota_head *h = head_of(u);
    struct dfota_state *s = &u->journal.state;
    bool dry = s->type == DFOTA_RECORD_PENDING;
    struct dfota_package p;
    int err;

    if (dry)
        err = dfota_trust_check(u, &p, h->flags & DFOTA_JOURNAL_BROKEN);
    else
        err = dfota_package_open(&p, &u->io.package);
    /* Is it the one that was asked for? */
    if (!err && memcmp(&p.m, &h->package.m, sizeof(p.m)) != 0)
        err = DFOTA_E_NOPACKAGE;
    if (!err && dry)
        err = begin_table(u);
    if (!err)
        err = dfota_decoder_init(&u->decoder, &h->package, &u->io, u->c->arena,
                                 u->c->arena_len);
    if (!err && s->window == 0)
        s->off = dfota_decoder_first(&u->decoder);
    u->decoding = !err;
    return err;
}

static int open_window(struct dfota_updater *u)
{
    const struct dfota_crypto *c = u->c->crypto;
    struct dfota_state *s = &u->journal.state;
    struct dfota_entry e;
    int err = 0;

    /* Nothing to do, or done before: the next one's offset is in the table. */
    if (u->pass == DFOTA_PASS_REAL && !dfota_updater_is_self(u) &&
        dfota_window_is_in(u, &u->io.old)) {
        dfota_updater_seek(u, s->window + 1u);
        return 0;
    }
    if (u->pass != DFOTA_PASS_TABLE && head_of(u)->windows) {
        err = dfota_journal_entry(&u->journal, s->window, &e);
        if (e.off)
            s->off = e.off;
    }
    if (!err)
        err = dfota_decoder_open(&u->decoder, s->window, s->off);
    u->ready = true;
    return err ? err : c->hash_init(c->ctx);
}

/* The last window of a pass is done: to the proof, or armed. */
static int end_pass(struct dfota_updater *u)
{
    const struct dfota_crypto *c = u->c->crypto;
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
    const struct dfota_crypto *c = u->c->crypto;
    struct dfota_state *s = &u->journal.state;
    uint8_t digest[DFOTA_HASH_LEN];
    uint32_t w = s->window;
    bool last = w == 0;

    if (c->hash_final(c->ctx, digest))
        return DFOTA_E_IO;
    if (u->pass == DFOTA_PASS_TABLE) {
        dfota_journal_add(&u->journal, digest);
        s->off = dfota_decoder_next(&u->decoder);
        w += 2;
        last = w > head_of(u)->windows;
    } else if (!dfota_window_accepts(u, digest)) {
        return DFOTA_E_TARGET;
    }
    if (last)
        return end_pass(u);
    dfota_updater_seek(u, w - 1);
    return 0;
}

/* READY only when the backup, read back, has the digest (invariant 6). */
static int close_window(struct dfota_updater *u)
{
    struct dfota_state *s = &u->journal.state;

    if (dfota_pages_flush(&u->journal.pages))
        return DFOTA_E_FLASH;
    if (!dfota_window_is_in(u, &u->window))
        return DFOTA_E_TARGET;
    s->next = dfota_decoder_next(&u->decoder);
    dfota_updater_seek(u, s->window);
    return dfota_journal_put(&u->journal, DFOTA_RECORD_READY,
                             s->type == DFOTA_RECORD_DONE);
}

/* A granule that the slot holds already is left out of the backup and marked
 * in the map: it costs no erase at all. When it differs after all, what was
 * equal up to here goes into the backup first. Errors show when the backup
 * is read back. */
static void keep_or_write(struct dfota_updater *u, uint32_t begun,
                          const void *data, size_t len)
{
    struct dfota_pages *pages = &u->journal.pages;
    uint32_t equal = u->done - begun;
    uint32_t bit;
    uint32_t *word = dfota_window_map(u, begun, &bit);

    if (equal == 0) {
        *word |= bit;
        dfota_pages_begin(pages, u->c->slot, u->off + begun, 0);
    }
    if (*word & bit) {
        if (!dfota_pages_equal(pages, data, len))
            return;
        *word &= ~bit;
        dfota_pages_begin(pages, u->c->backup, begun,
                          dfota_min_u32(dfota_granule_len(u), u->len - begun));
        (void)dfota_reader_walk(&u->io.old, u->off + begun, equal,
                                dfota_pages_write, pages);
    }
    (void)dfota_pages_write(pages, data, len);
}

/* A granule, about a sector: the decoder fills the chunk up to the end of the
 * window. */
static int decode_granule(struct dfota_updater *u)
{
    const struct dfota_crypto *c = u->c->crypto;
    uint32_t begun = u->done;
    uint8_t chunk[64];
    size_t n;
    int err;

    do {
        err = dfota_decoder_poll(&u->decoder, chunk, sizeof(chunk), &n);
        if (err < 0)
            return err;
        if (!u->pass)
            keep_or_write(u, begun, chunk, n);
        else if (c->hash_update(c->ctx, chunk, n) ||
                 c->hash_update(c->ctx2, chunk, n))
            return DFOTA_E_IO;
        u->done += (uint32_t)n;
        if (err == DFOTA_DONE)
            break;
    } while (u->done - begun < dfota_granule_len(u));
    dfota_updater_tell(u, u->pass ? DFOTA_STAGE_PREPARE : DFOTA_STAGE_DECODE);
    if (err != DFOTA_DONE)
        return 0;
    return u->pass ? close_dry(u) : close_window(u);
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
        err = decode_granule(u);
    if (!err)
        return DFOTA_MORE;
    if (s->type == DFOTA_RECORD_PENDING ||
        dfota_updater_is_last(u, s->tries + 1u))
        return dfota_updater_give_up(u, err);
    u->decoding = false;
    u->ready = false;
    u->done = 0;
    err = dfota_journal_put(&u->journal, s->type, s->tries + 1u);
    return err ? err : DFOTA_MORE;
}
