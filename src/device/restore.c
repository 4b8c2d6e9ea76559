/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "base/err.h"
#include "device/updater_parts.h"

/* RESTORE and DONE carry the offset of the next window. */
static int put(struct dfota_updater *u, uint8_t type, uint32_t tries)
{
    u->journal.state.off = u->next_off;
    return dfota_journal_put(&u->journal, type, tries, u->window);
}

static int window_done(struct dfota_updater *u)
{
    int err = put(u, DFOTA_RECORD_DONE, 0);

    dfota_updater_seek(u, u->window + 1);
    return err;
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

    /* Behind READY of a SELF package nobody knows where the next window
     * begins but who has decoded this one. */
    if (!torn && !u->decoding && dfota_updater_is_self(u))
        return dfota_updater_again(u);
    if (!dfota_window_is_in(u, u->c.backup)) {
        if (dfota_window_is_in(u, u->c.slot))
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

static bool sector_equal(struct dfota_updater *u, uint32_t len)
{
    dfota_pages_begin(&u->journal.pages, u->c.slot, u->off + u->done, 0);
    return !dfota_image_walk(u, u->c.backup, u->done, len, dfota_each_equal);
}

static void write_sector(struct dfota_updater *u, uint32_t len)
{
    dfota_pages_begin(&u->journal.pages, u->c.slot, u->off + u->done, len);
    (void)dfota_image_walk(u, u->c.backup, u->done, len, dfota_each_write);
    (void)dfota_pages_flush(&u->journal.pages);
}

/* RESTORE is on record before the first erase of a group. */
static int copy_sector(struct dfota_updater *u)
{
    const struct dfota_state *s = &u->journal.state;
    uint32_t group = u->done >> group_log2(u);
    uint32_t len = dfota_min_u32(u->c.slot->erase_size, u->len - u->done);

    if (!dfota_window_is_kept(u, u->done) &&
        (u->done < u->rewrite_end || !sector_equal(u, len))) {
        if (s->type != DFOTA_RECORD_RESTORE || s->tries != group) {
            int err = put(u, DFOTA_RECORD_RESTORE, group);

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
    } else if (dfota_window_is_in(u, u->c.slot)) {
        err = window_done(u);
    } else {
        u->done = 0;
        u->rewrite_end = u->len;
        err = failed_once(u);
    }
    return err ? err : DFOTA_MORE;
}
