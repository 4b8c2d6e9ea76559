/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/mem.h"
#include "device/updater_parts.h"

/*
 * The dry run, before the first erase of slot or backup: every window is
 * decoded into hashes only. In ascending packages one pass makes the table
 * and the image's hash; in descending ones the windows come in the wrong
 * order for that hash, so a second pass goes by address, with the offsets
 * that the first has found, and holds every window against the table.
 */
enum step {
    STEP_CHECK,
    STEP_TABLE, /* first pass */
    STEP_PROOF, /* second pass */
};

static bool descending(const struct dfota_updater *u)
{
    return u->package.m.flags & DFOTA_FLAG_DESCENDING;
}

/* The first window of a pass, and the one that comes after w. */
static int open_window(struct dfota_updater *u, uint32_t w)
{
    const struct dfota_crypto *c = u->c.crypto;
    uint8_t digest[DFOTA_DIGEST_LEN];
    uint32_t off =
        w ? dfota_decoder_next(&u->decoder) : dfota_decoder_first(&u->decoder);
    int err = 0;

    if (u->step == STEP_PROOF)
        err = dfota_journal_entry(&u->journal, w, digest, &off);
    if (!err)
        err = dfota_decoder_open(&u->decoder, w, off);
    if (!err)
        err = c->hash_init(c->ctx);
    u->window = w;
    u->done = 0;
    u->coded_off = off;
    return err;
}

static int arm(struct dfota_updater *u, uint8_t flags)
{
    u->journal.head.flags = flags;
    dfota_updater_seek(u, 0);
    return dfota_journal_commit(&u->journal, DFOTA_RECORD_ARMED, 0, 0);
}

static int copy_digests(struct dfota_updater *u, struct dfota_trusted *t)
{
    const struct dfota_flash *f = u->c.package;
    uint8_t digest[DFOTA_DIGEST_LEN];
    int err = 0;

    for (uint32_t w = 0; !err && w < u->package.windows; w++) {
        err = f->read(f->ctx, u->package.digests_off + w * DFOTA_DIGEST_LEN,
                      digest, sizeof(digest));
        if (!err)
            err = dfota_journal_add(&u->journal, digest, 0);
    }
    if (!err)
        err = dfota_journal_flush(&u->journal);
    t->digests = true;
    return err ? err : dfota_trust_verify(t);
}

static int begin_table(struct dfota_updater *u, struct dfota_trusted *t)
{
    struct dfota_head *head = &u->journal.head;
    bool self = u->package.m.flags & DFOTA_FLAG_SELF;
    int err;

    memcpy(head->manifest, t->manifest, sizeof(head->manifest));
    head->windows = u->package.windows > 1 ? (uint16_t)u->package.windows : 0;
    head->flags = (uint8_t)u->journal.state.window;
    err = dfota_journal_begin(&u->journal);
    if (err)
        return err;
    if (head->windows == 0)
        err = dfota_journal_flush(&u->journal);
    else if (self)
        err = copy_digests(u, t);
    if (err || head->windows == 0 || self)
        return err ? err : arm(u, head->flags);
    u->step = STEP_TABLE;
    u->proof = false;
    err = dfota_decode_begin(u);
    if (!err)
        err = u->c.crypto->hash_init(u->c.crypto->ctx2);
    return err ? err : open_window(u, 0);
}

static int check(struct dfota_updater *u)
{
    struct dfota_trusted t;
    bool broken = u->journal.state.window & DFOTA_JOURNAL_BROKEN;
    int err = dfota_trust_check(&t, u, broken);

    if (!err && t.id != u->journal.id)
        err = DFOTA_E_NOPACKAGE; /* not the one that was asked for */
    if (err)
        return err;
    u->package = t.package;
    return begin_table(u, &t);
}

/* The last window of a pass is done: to the proof, or armed. */
static int end_pass(struct dfota_updater *u)
{
    const struct dfota_crypto *c = u->c.crypto;
    uint8_t digest[DFOTA_HASH_LEN];
    int err = 0;

    if (u->step == STEP_TABLE)
        err = dfota_journal_flush(&u->journal);
    if (err)
        return err;
    if (u->step == STEP_TABLE && descending(u)) {
        u->step = STEP_PROOF;
        u->proof = true;
        return open_window(u, u->package.windows - 1);
    }
    err = c->hash_final(c->ctx2, digest);
    if (!err && memcmp(digest, u->package.m.target_hash, sizeof(digest)) != 0)
        err = DFOTA_E_TARGET;
    return err ? err : arm(u, u->journal.head.flags);
}

static int end_window(struct dfota_updater *u)
{
    const struct dfota_crypto *c = u->c.crypto;
    uint8_t digest[DFOTA_HASH_LEN];
    uint32_t w = u->window;
    int err = c->hash_final(c->ctx, digest);

    if (err)
        return err;
    if (u->step == STEP_PROOF) {
        if (!dfota_window_accepts(u, w, digest))
            return DFOTA_E_TARGET;
        return w == 0 ? end_pass(u) : open_window(u, w - 1);
    }
    err = dfota_journal_add(&u->journal, digest, u->coded_off);
    if (err)
        return err;
    return w + 1 == u->package.windows ? end_pass(u) : open_window(u, w + 1);
}

/* About a sector: what one step of the real decode does. */
static int dry_piece(struct dfota_updater *u)
{
    const struct dfota_crypto *c = u->c.crypto;
    bool image = u->step == STEP_PROOF || !descending(u);
    uint32_t off;
    uint32_t len;
    uint32_t n;

    dfota_package_window(&u->package, u->window, &off, &len);
    for (unsigned k = 0; k < 16 && u->done < len; k++) {
        int err = dfota_decode_page(u, len, &n);

        if (!err)
            err = c->hash_update(c->ctx, u->page, n);
        if (!err && image)
            err = c->hash_update(c->ctx2, u->page, n);
        if (err)
            return err;
        u->done += n;
    }
    return u->done == len ? end_window(u) : 0;
}

int dfota_prepare_poll(struct dfota_updater *u)
{
    int err = u->step == STEP_CHECK ? check(u) : dry_piece(u);

    if (err)
        return dfota_updater_give_up(u, err);
    if (u->step != STEP_CHECK)
        dfota_updater_tell(u, DFOTA_STAGE_PREPARE);
    return DFOTA_MORE;
}
