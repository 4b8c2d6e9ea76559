/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/updater_parts.h"

enum step { STEP_PROVE, STEP_COPY };

#define NO_GROUP 0xFFFF

static int put(struct dfota_updater *u, uint8_t type, uint32_t tries,
               uint32_t w)
{
    int err = dfota_journal_put(&u->journal, type, (uint8_t)tries, w);

    return err ? err : DFOTA_MORE;
}

static int window_done(struct dfota_updater *u)
{
    uint32_t w = u->window;

    dfota_updater_seek(u, w + 1);
    return put(u, DFOTA_RECORD_DONE, 0, w);
}

/* The backup has not what READY promised (invariant 6). */
static int backup_lost(struct dfota_updater *u)
{
    const struct dfota_state s = u->journal.state;
    bool may_discard = u->package.windows == 1 &&
                       !(u->journal.head.flags & DFOTA_JOURNAL_BROKEN);

    if (dfota_window_in_slot(u, u->window))
        return window_done(u);
    if (s.type == DFOTA_RECORD_RESTORE || may_discard)
        return dfota_updater_give_up(u, DFOTA_E_FLASH);
    dfota_updater_seek(u, u->window);
    if (s.tries && u->window)
        return put(u, DFOTA_RECORD_DONE, 0, u->window - 1);
    return put(u, DFOTA_RECORD_ARMED, 0, 0);
}

/* A group that was being written when power went is written whole, also
 * where it reads right: its cells may be weak (invariant 5). */
static int prove(struct dfota_updater *u)
{
    const struct dfota_state s = u->journal.state;
    bool torn = s.type == DFOTA_RECORD_RESTORE;

    if (!dfota_window_in_backup(u, u->window))
        return backup_lost(u);
    u->group = torn ? s.tries : NO_GROUP;
    u->done = torn ? (uint32_t)s.tries << u->group_log2 : 0;
    u->rewrite_end = torn ? u->done + ((uint32_t)1 << u->group_log2) : 0;
    u->step = STEP_COPY;
    return DFOTA_MORE;
}

static bool sector_equal(struct dfota_updater *u, uint32_t off, uint32_t rel,
                         uint32_t len)
{
    const struct dfota_flash *slot = u->c.slot;
    const struct dfota_flash *backup = u->c.backup;
    uint8_t *other = u->journal.page;

    while (len) {
        uint32_t n = dfota_min_u32(DFOTA_PAGE_LEN, len);

        if (slot->read(slot->ctx, off, u->page, n) ||
            backup->read(backup->ctx, rel, other, n) ||
            memcmp(u->page, other, n) != 0)
            return false;
        off += n;
        rel += n;
        len -= n;
    }
    return true;
}

static int write_sector(struct dfota_updater *u, uint32_t off, uint32_t rel,
                        uint32_t len)
{
    const struct dfota_flash *slot = u->c.slot;
    const struct dfota_flash *backup = u->c.backup;
    int err = slot->erase(slot->ctx, off);

    while (!err && len) {
        uint32_t n = dfota_min_u32(DFOTA_PAGE_LEN, len);

        err = backup->read(backup->ctx, rel, u->page, n);
        if (!err)
            err = dfota_image_program(slot, off, u->page, n);
        off += n;
        rel += n;
        len -= n;
    }
    return err;
}

static int failed_once(struct dfota_updater *u)
{
    if (++u->tries >= dfota_updater_tries(u))
        return dfota_updater_give_up(u, DFOTA_E_FLASH);
    return DFOTA_MORE;
}

/* RESTORE is on record before the first erase of a group. */
static int copy_sector(struct dfota_updater *u, uint32_t off, uint32_t len)
{
    uint32_t rel = u->done;
    uint32_t group = rel >> u->group_log2;
    uint32_t n = dfota_min_u32(u->c.slot->erase_size, len - rel);

    if (dfota_window_is_kept(u, rel) ||
        (rel >= u->rewrite_end && sector_equal(u, off + rel, rel, n))) {
        u->done += n;
        return DFOTA_MORE;
    }
    if (group != u->group) {
        int err = dfota_journal_put(&u->journal, DFOTA_RECORD_RESTORE,
                                    (uint8_t)group, u->window);

        if (err)
            return err;
        u->group = (uint16_t)group;
    }
    if (write_sector(u, off + rel, rel, n) ||
        !sector_equal(u, off + rel, rel, n)) {
        u->rewrite_end = dfota_max_u32(u->rewrite_end, rel + n);
        return failed_once(u);
    }
    u->done += n;
    return DFOTA_MORE;
}

int dfota_restore_poll(struct dfota_updater *u)
{
    uint32_t off;
    uint32_t len;
    int err;

    if (u->step == STEP_PROVE)
        return prove(u);
    dfota_package_window(&u->package, u->window, &off, &len);
    if (u->done < len) {
        err = copy_sector(u, off, len);
        dfota_updater_tell(u, DFOTA_STAGE_COPY);
        return err;
    }
    if (dfota_window_in_slot(u, u->window))
        return window_done(u);
    u->done = 0;
    u->rewrite_end = len;
    return failed_once(u);
}
