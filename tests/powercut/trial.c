/* SPDX-License-Identifier: Apache-2.0 */
#include "powercut/trial.h"

#include <string.h>

#include "base/err.h"

#define POLLS_MAX 20000   /* of one boot: more is a hang */
#define TRIES 5           /* of a window whose package is wrong */
#define TARGET_HASH_AT 48 /* in the manifest */
#define CALM_BOOTS 12     /* without a cut: by then it must have ended */

/* Unit states above PROGRAMMED were left by a cut. */
#define UNIT_WHOLE 1

/* What the hook needs to know. */
struct run {
    struct trial *t;
    struct world *w;
    const struct plan *p;
};

static void brick(struct trial *t, const char *what)
{
    if (!t->brick)
        t->brick = what;
}

static bool slot_holds(const struct world *w, const uint8_t *image,
                       uint32_t len)
{
    return memcmp(w->area[AREA_SLOT].cells, image, len) == 0;
}

/* An image that reads right out of cells that were never finished may read
 * otherwise tomorrow. */
static bool slot_weak(const struct world *w, uint32_t len)
{
    const struct sim_flash *f = &w->area[AREA_SLOT];

    for (uint32_t u = 0; u < len / f->flash.prog_size; u++) {
        if (f->states[u] > UNIT_WHOLE)
            return true;
    }
    return false;
}

static void progress(void *ctx, enum dfota_stage stage, uint32_t done,
                     uint32_t total)
{
    struct trial *t = ctx;

    if (stage == DFOTA_STAGE_COPY)
        t->copying = true;
    if (done > total)
        brick(t, "progress past its total");
}

/* Whatever the package area holds: what is programmed in the slot is of the
 * old image or of the new one. */
static bool slot_signed(const struct world *w)
{
    const struct sim_flash *f = &w->area[AREA_SLOT];

    for (uint32_t k = 0; k < f->flash.size; k++) {
        uint8_t cell = f->cells[k];

        if (f->states[k / f->flash.prog_size] == UNIT_WHOLE &&
            cell != w->pristine[AREA_SLOT].cells[k] &&
            !(k < w->new_len && cell == w->new_image[k]) &&
            !(k >= w->new_len && cell == f->flash.erased_byte))
            return false;
    }
    return true;
}

static void do_harm(struct world *w, const struct plan_harm *h)
{
    struct sim_flash *package = &w->area[AREA_PACKAGE];
    uint64_t seed = h->bit;

    switch (h->what) {
    case HARM_NO_PACKAGE:
        memset(package->cells, 0xFF, package->flash.size);
        break;
    case HARM_SWAPPED:
        (void)sim_flash_load(package, 0, w->other, w->other_len);
        break;
    case HARM_FORGED:
        for (uint32_t k = w->package_len / 2; k < w->package_len; k++)
            package->cells[k] = (uint8_t)sim_random(&seed);
        break;
    default:
        sim_flash_rot(&w->area[h->what],
                      h->bit / 8 % w->area[h->what].flash.size, h->bit);
        break;
    }
}

/* Not before start() has looked at the package: what is there then is what
 * was asked for. */
static void harm_hook(void *ctx, const struct sim_flash *f, enum sim_op op,
                      uint32_t off, uint32_t len)
{
    struct run *r = ctx;

    (void)f;
    (void)off;
    (void)len;
    if (op == SIM_OP_READ || !r->t->starting || r->t->harmed ||
        r->w->power.total + 1 < r->p->harm.at)
        return;
    r->t->harmed = true;
    r->t->harmed_early = r->w->u.journal.state.type < DFOTA_RECORD_RESTORE ||
                         r->w->u.journal.state.type == DFOTA_RECORD_DONE;
    do_harm(r->w, &r->p->harm);
}

static void plan_boot(struct world *w, const struct plan *p, unsigned boot)
{
    sim_power_on(&w->power);
    for (unsigned a = 0; a < AREA_COUNT; a++)
        sim_flash_reboot(&w->area[a]);
    if (p->loop && boot < PLAN_LOOP_BOOTS)
        w->power.cut = p->cut[0];
    else if (!p->loop && boot < p->cuts)
        w->power.cut = p->cut[boot];
    if (boot == p->fault_boot)
        w->power.fault = p->fault;
}

static bool is_whole(const struct world *w)
{
    return slot_holds(w, w->new_image, w->new_len) ||
           slot_holds(w, w->old_image, w->old_len);
}

/* The update that is watched, not the one before it? */
static bool is_finished(const struct world *w)
{
    const struct dfota_journal *j = &w->u.journal;

    return j->state.type == DFOTA_RECORD_FINISHED &&
           memcmp(j->head.package.m.target_hash, w->package + TARGET_HASH_AT,
                  DFOTA_HASH_LEN) == 0;
}

/* The image is about to run. */
static void judge_boot(struct trial *t, struct world *w)
{
    bool is_new = slot_holds(w, w->new_image, w->new_len);

    t->ended_new = is_new;
    if (t->harm == HARM_SLOT && !t->copying && !is_whole(w))
        return; /* the journal had nothing to say about it yet */
    if (!is_whole(w))
        brick(t, "boots neither the old nor the new image");
    else if (!is_new && t->copying && !t->rotten)
        brick(t, "boots the old image after RESTORE");
    if (!is_finished(w))
        return;
    if (!is_new)
        brick(t, "FINISHED, but not the new image");
    if (slot_weak(w, w->new_len) && t->harm != HARM_BACKUP)
        brick(t, "the new image lies in torn cells");
    if (w->u.journal.head.counter > 0 && !t->was_held)
        brick(t, "the counter was raised before the image has confirmed");
}

static void poll_all(struct trial *t, struct world *w)
{
    unsigned polls = 0;
    int err = DFOTA_MORE;

    while (err == DFOTA_MORE && !w->power.off && polls++ < POLLS_MAX)
        err = dfota_updater_poll(&w->u);
    if (polls >= POLLS_MAX)
        brick(t, "hangs");
}

/* What a service man does with a held device. */
static void help(struct trial *t, struct world *w)
{
    struct sim_flash *f = &w->area[AREA_PACKAGE];
    int err;

    t->was_held = true;
    if (!t->rotten || t->lied_once)
        brick(t, "held although nothing rotted");
    if (t->harm == HARM_BACKUP && t->harmed_early)
        brick(t, "held although the window could be decoded again");
    (void)sim_flash_load(f, 0, w->full, w->full_len);
    err = dfota_updater_recover(&w->u);
    if (err && !w->power.off && !t->lied)
        brick(t, "held, and a full image does not help");
}

/* One boot. True when the device runs an image and all is settled. */
static bool boot_once(struct trial *t, struct world *w, bool first)
{
    enum dfota_action action;
    bool whole = is_whole(w);
    bool resumed;
    int err;

    dfota_updater_init(&w->u, &w->config);
    w->config.progress = progress;
    w->config.progress_ctx = t;
    err = dfota_updater_boot(&w->u, &action, &resumed);
    if (w->power.off || (t->lied && err == DFOTA_E_FLASH))
        return false; /* it could not do anything: try once more */
    if (resumed && !whole && action == DFOTA_ACTION_BOOT &&
        w->id.kind == KIND_DELTA)
        brick(t, "an open update was left for a slot that is not whole");
    if (first) {
        t->starting = true;
        t->asked = dfota_updater_start(&w->u) == 0;
        if (!t->asked)
            return false;
        poll_all(t, w);
        return false;
    }
    switch (action) {
    case DFOTA_ACTION_UPDATE:
        poll_all(t, w);
        return false;
    case DFOTA_ACTION_HELD:
        help(t, w);
        return t->brick != NULL;
    default:
        judge_boot(t, w);
        return dfota_updater_confirm(&w->u) == 0 && !w->power.off;
    }
}

static void judge_end(struct trial *t, struct world *w)
{
    const struct dfota_journal *j = &w->u.journal;
    enum dfota_action action;
    bool resumed;
    bool closed;

    /* A mirror that read right by chance may be found out and repaired once
     * more; then nothing is left to do. */
    for (unsigned n = 0; n < 4; n++) {
        sim_power_on(&w->power);
        dfota_updater_init(&w->u, &w->config);
        (void)dfota_updater_boot(&w->u, &action, &resumed);
        if (w->power.ops == 0)
            break;
    }
    if (action != DFOTA_ACTION_BOOT || w->power.ops != 0)
        brick(t, "one more boot changes something");
    judge_boot(t, w);
    closed = j->state.type == DFOTA_RECORD_CLEAN ||
             (j->state.type == DFOTA_RECORD_FAILED &&
              (t->rotten || (w->id.past == PAST_FAILED && !t->asked)));
    if (!closed)
        brick(t, "the journal is not CLEAN in the end");
    /* After an erase that lied a program is wrong, and cannot know. */
    if (w->power.violations && !t->lied)
        brick(t, w->power.violation);
    if (t->rotten)
        return;
    if (t->ended_new && t->asked && t->copying && j->head.counter != w->counter)
        brick(t, "the counter was not raised");
    if (t->asked && w->windows > 1 && !t->ended_new)
        brick(t, "a forced upgrade did not end at the new image");
    if (t->undisturbed && !t->ended_new)
        brick(t, "not updated although nothing happened");
}

/* Wear: each sector once in the slot and once in the backup, a window and a
 * group again for each boot but the one that updates and the one that
 * confirms. */
static void judge_wear(struct trial *t, const struct world *w)
{
    uint32_t resumed = t->boots > 2 ? t->boots - 2 : 0;
    bool spoilt = t->harm >= HARM_PACKAGE && t->harm < HARM_COUNT;
    uint32_t worst;

    t->erases = sim_flash_erases(&w->area[AREA_SLOT], &t->worst);
    t->erases += sim_flash_erases(&w->area[AREA_BACKUP], &worst);
    if (worst > t->worst)
        t->worst = worst;
    if (t->lied || t->was_held || t->harm <= HARM_BACKUP)
        return;
    if (spoilt)
        resumed += TRIES;
    if (t->erases > w->erases + resumed * w->erases_again ||
        t->worst > w->windows + 2 + resumed)
        brick(t, "more erases than the budget");
}

static void begin(struct trial *t, struct world *w, const struct plan *p)
{
    memset(t, 0, sizeof(*t));
    world_reset(w, p->seed);
    t->harm = p->harm.at ? p->harm.what : HARM_COUNT;
    t->lied = p->fault.at;
    t->lied_once =
        t->lied && p->fault.count < 3; /* fewer than there are tries */
    t->rotten = t->lied || p->harm.at;
    t->undisturbed = !t->rotten && p->cuts == 0;
}

void trial_run(struct trial *t, struct world *w, const struct plan *p)
{
    struct run run = {t, w, p};
    unsigned limit = (p->loop ? PLAN_LOOP_BOOTS : p->cuts) + CALM_BOOTS;
    bool settled = false;

    begin(t, w, p);
    if (p->harm.at) {
        w->power.hook = harm_hook;
        w->power.ctx = &run;
    }
    for (t->boots = 0; !settled && !t->brick && t->boots < limit; t->boots++) {
        plan_boot(w, p, t->boots);
        settled = boot_once(t, w, t->boots == 0);
        if (t->boots == 0)
            t->first_ops = w->power.ops;
        if (t->harm >= HARM_NO_PACKAGE && t->harm < HARM_COUNT && !t->lied &&
            !slot_signed(w))
            brick(t, "the slot holds what nobody has signed");
    }
    w->power.hook = NULL;
    if (!settled && !t->brick)
        brick(t, "did not come to an end");
    if (!t->brick)
        judge_end(t, w);
    judge_wear(t, w);
}
