/* SPDX-License-Identifier: Apache-2.0 */
#include "device/updater.h"

#include "base/err.h"
#include "base/mem.h"
#include "device/updater_parts.h"

#define HELD_RESTORING 0x80 /* in tries: the window is half written */

static bool area_valid(const struct dfota_flash *f)
{
    return f->erase_size >= 512 && !(f->erase_size & (f->erase_size - 1)) &&
           f->prog_size >= 1 && f->prog_size <= DFOTA_PAGE_LEN &&
           !(f->prog_size & (f->prog_size - 1));
}

int dfota_updater_init(struct dfota_updater *u,
                       const struct dfota_updater_config *c)
{
    memset(u, 0, sizeof(*u));
    u->c = *c;
    if (!area_valid(c->slot) || !area_valid(c->backup) ||
        !area_valid(c->package) || !area_valid(c->journal))
        return DFOTA_E_ARG;
    return 0;
}

static uint8_t log2_of(uint32_t len)
{
    uint8_t log2 = 0;

    while (len >>= 1)
        log2++;
    return log2;
}

static void set_grains(struct dfota_updater *u)
{
    uint32_t erase = u->c.slot->erase_size;
    uint32_t len = u->package.window_len;

    u->group_log2 = (uint8_t)(log2_of(erase) + 4);
    while ((len - 1) >> u->group_log2 > 0xFF)
        u->group_log2++;
    if (u->c.backup->erase_size > erase)
        erase = u->c.backup->erase_size;
    u->granule_log2 = log2_of(erase);
    while ((len - 1) >> u->granule_log2 >= 32 * DFOTA_NOTE_OFFSET)
        u->granule_log2++;
}

int dfota_updater_load(struct dfota_updater *u)
{
    int err = dfota_manifest_parse(&u->package.m, u->journal.head.manifest);

    if (!err)
        err = dfota_package_layout(&u->package);
    if (!err)
        set_grains(u);
    return err;
}

void dfota_updater_seek(struct dfota_updater *u, uint32_t w)
{
    set_grains(u);
    u->window = w;
    u->done = 0;
    u->step = 0;
    u->tries = 0;
}

/* The second pass of a dry run goes the other way round: both count half. */
void dfota_updater_tell(struct dfota_updater *u, enum dfota_stage stage)
{
    const struct dfota_manifest *m = &u->package.m;
    uint32_t done = m->target_len;
    uint32_t off;
    uint32_t len;

    if (!u->c.progress)
        return;
    if (u->window < u->package.windows) {
        dfota_package_window(&u->package, u->window, &off, &len);
        done = off;
        if (m->flags & DFOTA_FLAG_DESCENDING)
            done = m->target_len - off - len;
        if (stage == DFOTA_STAGE_PREPARE && u->proof)
            done = off;
        done += u->done;
        if (stage == DFOTA_STAGE_PREPARE && (m->flags & DFOTA_FLAG_DESCENDING))
            done = done / 2 + (u->proof ? m->target_len / 2 : 0);
    }
    u->c.progress(u->c.progress_ctx, stage, done, m->target_len);
}

int dfota_updater_give_up(struct dfota_updater *u, int err)
{
    struct dfota_journal *j = &u->journal;
    const struct dfota_state s = j->state;
    bool asked = s.type == DFOTA_RECORD_PENDING;
    bool broken = (asked ? s.window : j->head.flags) & DFOTA_JOURNAL_BROKEN;
    bool restoring = s.type == DFOTA_RECORD_RESTORE;
    bool held = broken || restoring || s.type == DFOTA_RECORD_DONE ||
                s.type == DFOTA_RECORD_FINISHED ||
                (s.type == DFOTA_RECORD_READY && s.tries);
    uint8_t why = (uint8_t)-err;
    int failed;

    /* Booted is only what hashes to what the journal says. */
    if (!held && !asked && !dfota_image_is_source(u, &u->package.m))
        held = true;
    if (restoring || s.type == DFOTA_RECORD_FINISHED || (asked && broken))
        why |= HELD_RESTORING;
    if (asked)
        j->head.windows = 0; /* a head begun may have no table yet */
    failed = dfota_journal_put(
        j, held ? DFOTA_RECORD_HELD : DFOTA_RECORD_FAILED, why, u->window);
    return failed ? failed : err;
}

/* A cut before READY, one window, the old image untouched: it boots. */
static bool discards(struct dfota_updater *u)
{
    const struct dfota_state *s = &u->journal.state;
    uint8_t flags = u->journal.head.flags;

    if (s->type == DFOTA_RECORD_PENDING) {
        flags = (uint8_t)s->window;
        if (!s->tries)
            return false;
    } else if (s->type != DFOTA_RECORD_ARMED) {
        return false;
    }
    return (flags & DFOTA_JOURNAL_SINGLE) && !(flags & DFOTA_JOURNAL_BROKEN);
}

/* Decide, record, then act (invariant 2): states of an open update are
 * recorded anew at each boot; closed ones only to repair a mirror. */
static int decide(struct dfota_updater *u, bool *resumed)
{
    struct dfota_journal *j = &u->journal;
    struct dfota_state s = j->state;

    *resumed = s.type >= DFOTA_RECORD_ARMED && s.type <= DFOTA_RECORD_DONE;
    if (s.type == DFOTA_RECORD_PENDING)
        *resumed = s.tries != 0;
    if (discards(u)) {
        if (s.type == DFOTA_RECORD_ARMED &&
            !dfota_image_is_source(u, &u->package.m))
            return dfota_updater_give_up(u, DFOTA_E_SOURCE);
        return dfota_journal_put(j, DFOTA_RECORD_CLEAN, 0, 0);
    }
    if (s.type == DFOTA_RECORD_FINISHED && !dfota_image_is_target(u))
        return dfota_updater_give_up(u, DFOTA_E_TARGET);
    if (s.type == DFOTA_RECORD_PENDING)
        s.tries = 1;
    else if ((s.type < DFOTA_RECORD_ARMED || s.type > DFOTA_RECORD_DONE) &&
             dfota_journal_whole(j))
        return 0;
    return dfota_journal_put(j, s.type, s.tries, s.window);
}

static void seek_state(struct dfota_updater *u)
{
    const struct dfota_state *s = &u->journal.state;
    uint32_t w = 0;

    if (s->type == DFOTA_RECORD_DONE)
        w = s->window + 1u;
    else if (s->type == DFOTA_RECORD_READY || s->type == DFOTA_RECORD_RESTORE)
        w = s->window;
    dfota_updater_seek(u, w);
}

static bool is_booted(uint8_t type)
{
    return type == DFOTA_RECORD_CLEAN || type == DFOTA_RECORD_FAILED ||
           type == DFOTA_RECORD_FINISHED;
}

static bool is_open(uint8_t type)
{
    return type >= DFOTA_RECORD_PENDING && type <= DFOTA_RECORD_DONE;
}

int dfota_updater_boot(struct dfota_updater *u, enum dfota_action *action,
                       bool *resumed)
{
    struct dfota_journal *j = &u->journal;
    int err;

    *action = DFOTA_ACTION_HELD;
    *resumed = false;
    u->decoding = false;
    err = dfota_journal_open(j, u->c.journal);
    if (err)
        return err;
    if (j->state.type >= DFOTA_RECORD_ARMED &&
        j->state.type <= DFOTA_RECORD_FINISHED)
        err = dfota_updater_load(u);
    if (!err) {
        err = decide(u, resumed);
        seek_state(u);
    }
    if (is_booted(j->state.type))
        *action = DFOTA_ACTION_BOOT;
    else if (is_open(j->state.type) && !err)
        *action = DFOTA_ACTION_UPDATE;
    else if (j->state.type == DFOTA_RECORD_HELD)
        err = DFOTA_E_HELD;
    return err;
}

int dfota_updater_check(struct dfota_updater *u)
{
    struct dfota_trusted t;

    return dfota_trust_check(&t, u, false);
}

static int ask(struct dfota_updater *u, const struct dfota_trusted *t,
               uint16_t flags)
{
    if (t->package.windows == 1)
        flags |= DFOTA_JOURNAL_SINGLE;
    u->package = t->package;
    u->journal.id = t->id;
    dfota_updater_seek(u, 0);
    return dfota_journal_put(&u->journal, DFOTA_RECORD_PENDING, 0, flags);
}

int dfota_updater_start(struct dfota_updater *u)
{
    struct dfota_trusted t;
    int err;

    if (u->journal.state.type == DFOTA_RECORD_HELD)
        return DFOTA_E_HELD;
    if (is_open(u->journal.state.type))
        return DFOTA_E_BUSY;
    err = dfota_trust_check(&t, u, false);
    return err ? err : ask(u, &t, 0);
}

/* The permit that let a lower counter in is used up with FINISHED. */
static int record_finished(struct dfota_updater *u)
{
    struct dfota_journal *j = &u->journal;
    unsigned k = 0;
    int err;

    if (u->package.m.counter >= j->head.counter)
        return dfota_journal_put(j, DFOTA_RECORD_FINISHED, 0, 0);
    while (k < DFOTA_PERMITS_MAX - 1 && j->head.permits[k])
        k++;
    j->head.permits[k] = j->id;
    j->head.windows = 0;
    err = dfota_journal_begin(j);
    if (!err)
        err = dfota_journal_flush(j);
    return err ? err : dfota_journal_commit(j, DFOTA_RECORD_FINISHED, 0, 0);
}

static int finish(struct dfota_updater *u)
{
    int err;

    /* DONE of the only window has just been the image's own hash. */
    if ((u->package.windows > 1 ||
         u->journal.state.type != DFOTA_RECORD_DONE) &&
        !dfota_image_is_target(u))
        return dfota_updater_give_up(u, DFOTA_E_TARGET);
    err = record_finished(u);
    if (err)
        return err;
    dfota_updater_tell(u, DFOTA_STAGE_FINISHED);
    return DFOTA_DONE;
}

int dfota_updater_poll(struct dfota_updater *u)
{
    switch (u->journal.state.type) {
    case DFOTA_RECORD_PENDING:
        return dfota_prepare_poll(u);
    case DFOTA_RECORD_ARMED:
    case DFOTA_RECORD_DONE:
        if (u->window >= u->package.windows)
            return finish(u);
        return dfota_decode_poll(u);
    case DFOTA_RECORD_READY:
    case DFOTA_RECORD_RESTORE:
        return dfota_restore_poll(u);
    default:
        return DFOTA_E_STATE;
    }
}

int dfota_updater_confirm(struct dfota_updater *u)
{
    struct dfota_journal *j = &u->journal;
    int err;

    if (j->state.type == DFOTA_RECORD_CLEAN ||
        j->state.type == DFOTA_RECORD_FAILED)
        return 0;
    if (j->state.type != DFOTA_RECORD_FINISHED)
        return DFOTA_E_STATE;
    if (u->package.m.counter <= j->head.counter)
        return dfota_journal_put(j, DFOTA_RECORD_CLEAN, 0, 0);
    j->head.counter = u->package.m.counter;
    j->head.windows = 0;
    err = dfota_journal_begin(j);
    if (!err)
        err = dfota_journal_flush(j);
    return err ? err : dfota_journal_commit(j, DFOTA_RECORD_CLEAN, 0, 0);
}

/* The journal's own package, and the window at fault can be decoded again. */
static int resume_held(struct dfota_updater *u, struct dfota_trusted *t)
{
    struct dfota_journal *j = &u->journal;
    uint8_t why = j->state.tries;
    uint32_t w = j->state.window;
    int err = dfota_updater_load(u);

    t->package = u->package;
    if (!err)
        err = dfota_trust_verify(t);
    if (err)
        return err;
    if ((why & HELD_RESTORING) ||
        ((u->package.m.flags & DFOTA_FLAG_SELF) && u->package.windows > 1))
        return DFOTA_E_HELD;
    if (w == 0)
        return dfota_journal_put(j, DFOTA_RECORD_ARMED, 0, 0);
    return dfota_journal_put(j, DFOTA_RECORD_DONE, 0, w - 1);
}

int dfota_updater_recover(struct dfota_updater *u)
{
    struct dfota_trusted t;
    int err;

    if (u->journal.state.type != DFOTA_RECORD_HELD)
        return DFOTA_E_STATE;
    err = dfota_trust_check(&t, u, true);
    if (!err)
        return ask(u, &t, DFOTA_JOURNAL_BROKEN);
    if (err != DFOTA_E_SOURCE)
        return err;
    if (memcmp(t.manifest, u->journal.head.manifest, sizeof(t.manifest)) != 0)
        return DFOTA_E_HELD;
    return resume_held(u, &t);
}

int dfota_updater_reason(const struct dfota_updater *u)
{
    const struct dfota_state *s = &u->journal.state;

    if (s->type != DFOTA_RECORD_FAILED && s->type != DFOTA_RECORD_HELD)
        return 0;
    return -(s->tries & ~HELD_RESTORING);
}
