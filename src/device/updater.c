/* SPDX-License-Identifier: Apache-2.0 */
#include "device/updater.h"

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/updater_parts.h"

#define HELD_RESTORING 0x80 /* in tries: the window is half written */

static void bind(struct dfota_reader *r, const struct dfota_flash *f)
{
    r->read = f->read;
    r->ctx = f->ctx;
    r->size = f->size;
}

void dfota_updater_init(struct dfota_updater *u,
                        const struct dfota_updater_config *c)
{
    memset(u, 0, sizeof(*u));
    u->c = c;
    bind(&u->io.package, c->package);
    bind(&u->io.old, c->slot);
    dfota_self_bind(u);
    u->window.read = dfota_window_read;
    u->window.ctx = u;
}

void dfota_updater_seek(struct dfota_updater *u, uint32_t w)
{
    u->journal.state.window = (uint16_t)w;
    dfota_package_window(&u->journal.head.package, w, &u->off, &u->len);
    u->done = 0;
    u->rewrite_end = 0;
    u->fails = 0;
    u->ready = false;
}

bool dfota_updater_is_last(const struct dfota_updater *u, uint32_t tries)
{
    return tries >= (u->c->tries ? u->c->tries : 5u);
}

/* In production order; the last window may be shorter than the others. The
 * proof has no share of its own. */
void dfota_updater_tell(struct dfota_updater *u, enum dfota_stage stage)
{
    const struct dfota_package *p = &u->journal.head.package;
    uint32_t total = p->m.target_len;
    uint32_t done = total;

    if (!u->c->progress)
        return;
    if (u->pass != DFOTA_PASS_PROOF && stage != DFOTA_STAGE_FINISHED)
        done = dfota_min_u32(u->journal.state.window * p->window_len + u->done,
                             total);
    u->c->progress(u->c->progress_ctx, stage, done, total);
}

int dfota_updater_give_up(struct dfota_updater *u, int err)
{
    struct dfota_journal *j = &u->journal;
    uint8_t type = j->state.type;
    uint8_t to = DFOTA_RECORD_HELD;
    uint32_t why = (uint32_t)-err;
    int failed;

    if (type <= DFOTA_RECORD_PENDING || type == DFOTA_RECORD_RESTORE)
        why |= HELD_RESTORING;
    /* Booted is only what hashes to what the journal says. */
    if (type >= DFOTA_RECORD_PENDING && type <= DFOTA_RECORD_READY &&
        !(type == DFOTA_RECORD_READY && j->state.tries) &&
        !(j->head.flags & DFOTA_JOURNAL_BROKEN) &&
        dfota_image_is_source(u, &j->head.package.m))
        to = DFOTA_RECORD_FAILED;
    if (type == DFOTA_RECORD_PENDING)
        j->head.windows = 0; /* the table may be incomplete */
    failed = dfota_journal_put(j, to, why);
    return failed ? failed : err;
}

int dfota_updater_again(struct dfota_updater *u)
{
    const struct dfota_state *s = &u->journal.state;

    dfota_updater_seek(u, s->window);
    return dfota_journal_put(
        &u->journal, s->tries ? DFOTA_RECORD_DONE : DFOTA_RECORD_ARMED, 0);
}

/* Decide, record, then act (invariant 2): states of an open update are
 * recorded anew at each boot; closed ones only to repair a mirror. A cut
 * before READY, one window, the old image untouched: it boots. */
static int decide(struct dfota_updater *u, bool *resumed)
{
    struct dfota_journal *j = &u->journal;
    struct dfota_state *s = &j->state;
    uint8_t type = s->type;
    int err = 0;

    *resumed = type >= DFOTA_RECORD_PENDING && type <= DFOTA_RECORD_DONE &&
               (type != DFOTA_RECORD_PENDING || s->tries);
    if (*resumed && type <= DFOTA_RECORD_ARMED &&
        (j->head.flags & DFOTA_JOURNAL_ROLL)) {
        if (!dfota_image_is_source(u, &j->head.package.m))
            return dfota_updater_give_up(u, DFOTA_E_SOURCE);
        return dfota_journal_put(j, DFOTA_RECORD_CLEAN, 0);
    }
    if (type == DFOTA_RECORD_PENDING)
        s->tries = 1;
    if ((type >= DFOTA_RECORD_PENDING && type <= DFOTA_RECORD_DONE) ||
        !dfota_journal_whole(j))
        err = dfota_journal_put(j, type, s->tries);
    if (!err && type == DFOTA_RECORD_FINISHED && !dfota_image_is_target(u))
        err = dfota_updater_give_up(u, DFOTA_E_TARGET);
    return err;
}

int dfota_updater_boot(struct dfota_updater *u, enum dfota_action *action,
                       bool *resumed)
{
    const struct dfota_state *s = &u->journal.state;
    int err = dfota_journal_open(&u->journal, u->c->journal);

    *action = DFOTA_ACTION_HELD;
    *resumed = false;
    u->decoding = false;
    u->pass = DFOTA_PASS_REAL;
    if (err)
        return err;
    err = decide(u, resumed);
    dfota_updater_seek(u, s->window);
    if (s->type < DFOTA_RECORD_PENDING)
        *action = DFOTA_ACTION_BOOT;
    else if (s->type == DFOTA_RECORD_HELD)
        err = DFOTA_E_HELD;
    else if (!err)
        *action = DFOTA_ACTION_UPDATE;
    return err;
}

int dfota_updater_check(struct dfota_updater *u)
{
    struct dfota_package p;

    return dfota_trust_check(u, &p, false);
}

/* A bit of the map for a sector of the larger kind, or for more of them. */
static void set_map(const struct dfota_updater *u, struct dfota_head *h)
{
    uint32_t erase = u->c->slot->erase_size | u->c->backup->erase_size;
    uint32_t len =
        dfota_min_u32(h->package.window_len, h->package.m.target_len) - 1;
    uint8_t log2 = 9;

    while (erase >> log2 > 1 || len >> log2 >= 32 * DFOTA_MAP_WORDS)
        log2++;
    h->granule_log2 = log2;
    h->map_words = (uint8_t)((len >> log2 >> 5) + 1);
}

static int ask(struct dfota_updater *u, const struct dfota_package *p,
               uint8_t flags)
{
    struct dfota_head *h = &u->journal.head;

    if (p->windows == 1)
        flags |= flags ? 0 : DFOTA_JOURNAL_ROLL;
    else if (p->digests_off)
        flags |= DFOTA_JOURNAL_SELF;
    h->package = *p;
    h->flags = flags;
    set_map(u, h);
    u->decoding = false;
    dfota_updater_seek(u, 0);
    return dfota_journal_put(&u->journal, DFOTA_RECORD_PENDING, 0);
}

int dfota_updater_start(struct dfota_updater *u)
{
    struct dfota_package p;
    uint8_t type = u->journal.state.type;
    int err = DFOTA_E_BUSY;

    if (type == DFOTA_RECORD_HELD)
        err = DFOTA_E_HELD;
    else if (type < DFOTA_RECORD_PENDING)
        err = dfota_trust_check(u, &p, false);
    return err ? err : ask(u, &p, 0);
}

/* The permit that let a lower counter in is used up with FINISHED. */
static int finish(struct dfota_updater *u)
{
    struct dfota_head *h = &u->journal.head;
    const struct dfota_manifest *m = &h->package.m;
    unsigned k = 0;
    int err;

    if (!dfota_image_is_target(u))
        return dfota_updater_give_up(u, DFOTA_E_TARGET);
    if (m->counter < h->counter) {
        while (k < DFOTA_PERMITS_MAX - 1 && h->permits[k])
            k++;
        h->permits[k] = dfota_crc32(0, m, sizeof(*m));
    }
    err = dfota_journal_put(&u->journal, DFOTA_RECORD_FINISHED, 0);
    if (err)
        return err;
    dfota_updater_tell(u, DFOTA_STAGE_FINISHED);
    return DFOTA_DONE;
}

int dfota_updater_poll(struct dfota_updater *u)
{
    uint8_t type = u->journal.state.type;

    if (type < DFOTA_RECORD_PENDING || type == DFOTA_RECORD_HELD)
        return DFOTA_E_STATE;
    if (type == DFOTA_RECORD_READY || type == DFOTA_RECORD_RESTORE)
        return dfota_restore_poll(u);
    if (u->journal.state.window >= u->journal.head.package.windows)
        return finish(u);
    return dfota_window_poll(u);
}

int dfota_updater_confirm(struct dfota_updater *u)
{
    struct dfota_head *h = &u->journal.head;

    if (u->journal.state.type != DFOTA_RECORD_FINISHED)
        return u->journal.state.type < DFOTA_RECORD_PENDING ? 0 : DFOTA_E_STATE;
    h->counter = dfota_max_u32(h->counter, h->package.m.counter);
    return dfota_journal_put(&u->journal, DFOTA_RECORD_CLEAN, 0);
}

int dfota_updater_recover(struct dfota_updater *u)
{
    const struct dfota_state *s = &u->journal.state;
    struct dfota_package p;
    int err;

    if (s->type != DFOTA_RECORD_HELD || !u->journal.seed)
        return DFOTA_E_STATE;
    err = dfota_trust_check(u, &p, true);
    if (!err)
        return ask(u, &p, DFOTA_JOURNAL_BROKEN);
    if (err != DFOTA_E_SOURCE)
        return err;
    /* The journal's own, and the window at fault can be decoded again? */
    if (memcmp(&p.m, &u->journal.head.package.m, sizeof(p.m)) != 0 ||
        (s->tries & HELD_RESTORING))
        return DFOTA_E_HELD;
    return dfota_updater_again(u);
}

int dfota_updater_reason(const struct dfota_updater *u)
{
    const struct dfota_state *s = &u->journal.state;

    if (s->type != DFOTA_RECORD_FAILED && s->type != DFOTA_RECORD_HELD)
        return 0;
    return -(s->tries & ~HELD_RESTORING);
}
