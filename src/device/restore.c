/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "base/err.h"
#include "device/updater_parts.h"

static int window_done(struct dfota_updater *u)
{
    struct dfota_state *s = &u->journal.state;

    s->off = s->next;
    dfota_updater_seek(u, s->window + 1u);
    return dfota_journal_put(&u->journal, DFOTA_RECORD_DONE, 0);
}

static int failed_once(struct dfota_updater *u)
{
    if (dfota_updater_is_last(u, ++u->fails))
        return dfota_updater_give_up(u, DFOTA_E_FLASH);
    return 0;
}

/* Granules of 16 make a group. */
static uint32_t group_log2(const struct dfota_updater *u)
{
    return u->journal.head.granule_log2 + 4u;
}

/* Has the backup what READY promised (invariant 6)? A group that was being
 * written when power went is written whole, also where it reads right: its
 * cells may be weak (invariant 7). */
static int prove(struct dfota_updater *u)
{
    const struct dfota_head *h = &u->journal.head;
    const struct dfota_state *s = &u->journal.state;
    bool torn = s->type == DFOTA_RECORD_RESTORE;

    if (!dfota_window_is_in(u, &u->window)) {
        if (dfota_window_is_in(u, &u->io.old))
            return window_done(u);
        if (torn || (h->flags & DFOTA_JOURNAL_ROLL))
            return dfota_updater_give_up(u, DFOTA_E_FLASH);
        return dfota_updater_again(u);
    }
    if (torn) {
        u->done = (uint32_t)s->tries << group_log2(u);
        u->rewrite_end = u->done + ((uint32_t)1 << group_log2(u));
    }
    u->ready = true;
    return 0;
}

/* The sector of the slot at done: pass what it shall be to a sink. */
static int walk_sector(struct dfota_updater *u, uint32_t len, uint32_t erase,
                       dfota_sink *sink)
{
    struct dfota_pages *pages = &u->journal.pages;

    dfota_pages_begin(pages, u->c->slot, u->off + u->done, erase);
    return dfota_reader_walk(&u->window, u->done, len, sink, pages);
}

static bool sector_equal(struct dfota_updater *u, uint32_t len)
{
    return !walk_sector(u, len, 0, dfota_pages_equal);
}

static void write_sector(struct dfota_updater *u, uint32_t len)
{
    (void)walk_sector(u, len, len, dfota_pages_write);
    (void)dfota_pages_flush(&u->journal.pages);
}

/* RESTORE is on record before the first erase of a group. */
static int copy_sector(struct dfota_updater *u)
{
    const struct dfota_state *s = &u->journal.state;
    uint32_t group = u->done >> group_log2(u);
    uint32_t len = dfota_min_u32(u->c->slot->erase_size, u->len - u->done);

    if (!dfota_window_is_kept(u, u->done) &&
        (u->done < u->rewrite_end || !sector_equal(u, len))) {
        if (s->type != DFOTA_RECORD_RESTORE || s->tries != group) {
            int err =
                dfota_journal_put(&u->journal, DFOTA_RECORD_RESTORE, group);

            if (err)
                return err;
        }
        write_sector(u, len);
        if (!sector_equal(u, len)) {
            u->rewrite_end = dfota_max_u32(u->rewrite_end, u->done + len);
            return failed_once(u);
        }
    }
    u->done += len;
    dfota_updater_tell(u, DFOTA_STAGE_COPY);
    return 0;
}

int dfota_restore_poll(struct dfota_updater *u)
{
    int err;

    if (!u->ready) {
        err = prove(u);
    } else if (u->done < u->len) {
        err = copy_sector(u);
    } else if (dfota_window_is_in(u, &u->io.old)) {
        err = window_done(u);
    } else {
        u->done = 0;
        u->rewrite_end = u->len;
        err = failed_once(u);
    }
    return err ? err : DFOTA_MORE;
}
