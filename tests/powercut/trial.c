/* SPDX-License-Identifier: Apache-2.0 */
#include "powercut/trial.h"

#include <string.h>

#include "base/err.h"

#define POLLS_MAX 20000 /* of one boot: more is a hang */
#define CALM_BOOTS 12   /* without a cut: by then it must have ended */

/* Unit states above PROGRAMMED were left by a cut. */
#define UNIT_WHOLE 1

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

static void rot_hook(void *ctx, const struct sim_flash *f, enum sim_op op,
                     uint32_t off, uint32_t len)
{
    void **both = ctx;
    struct world *w = both[0];
    const struct plan *p = both[1];
    struct sim_flash *area = &w->area[p->rot.area % AREA_COUNT];

    (void)f;
    (void)off;
    (void)len;
    if (op != SIM_OP_READ && w->power.total + 1 == p->rot.at)
        sim_flash_rot(area, p->rot.bit / 8 % area->flash.size, p->rot.bit);
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
    if (boot == 0)
        w->power.fault = p->fault;
}

/* The image is about to run. */
static void judge_boot(struct trial *t, struct world *w)
{
    const struct dfota_journal *j = &w->u.journal;
    bool is_new = slot_holds(w, w->new_image, w->new_len);
    bool is_old = slot_holds(w, w->old_image, w->old_len);

    t->ended_new = is_new;
    if (!is_new && !is_old && t->rot_in_slot && !t->copying)
        return; /* the journal had nothing to say about it yet */
    if (!is_new && !is_old)
        brick(t, "boots neither the old nor the new image");
    else if (!is_new && t->copying && !t->rotten)
        brick(t, "boots the old image after RESTORE");
    if (j->state.type == DFOTA_RECORD_FINISHED && !is_new)
        brick(t, "FINISHED, but not the new image");
    if (j->state.type == DFOTA_RECORD_FINISHED && slot_weak(w, w->new_len) &&
        !t->rot_in_backup)
        brick(t, "the new image lies in torn cells");
    if (j->state.type == DFOTA_RECORD_FINISHED && j->head.counter > 0 &&
        !t->was_held)
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
    if (!t->rotten || t->lied)
        brick(t, "held although nothing rotted");
    (void)sim_flash_load(f, 0, w->full, w->full_len);
    err = dfota_updater_recover(&w->u);
    if (err && !w->power.off)
        brick(t, "held, and a full image does not help");
}

/* One boot. True when the device runs an image and all is settled. */
static bool boot_once(struct trial *t, struct world *w, bool first)
{
    enum dfota_action action;
    bool resumed;

    dfota_updater_init(&w->u, &w->config);
    w->config.progress = progress;
    w->config.progress_ctx = t;
    (void)dfota_updater_boot(&w->u, &action, &resumed);
    if (w->power.off)
        return false;
    if (first) {
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
             (j->state.type == DFOTA_RECORD_FAILED && t->rotten);
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

void trial_run(struct trial *t, struct world *w, const struct plan *p)
{
    void *both[2] = {w, (void *)(uintptr_t)p};
    unsigned limit = (p->loop ? PLAN_LOOP_BOOTS : p->cuts) + CALM_BOOTS;
    bool settled = false;
    uint32_t worst;

    memset(t, 0, sizeof(*t));
    world_reset(w, p->seed);
    t->rotten = p->rot.at || p->fault.at;
    t->lied = p->fault.at;
    t->undisturbed = !t->rotten && p->cuts == 0;
    t->rot_in_slot = p->rot.at && p->rot.area == AREA_SLOT;
    t->rot_in_backup = p->rot.at && p->rot.area == AREA_BACKUP;
    if (p->rot.at) {
        w->power.hook = rot_hook;
        w->power.ctx = both;
    }
    for (t->boots = 0; !settled && !t->brick && t->boots < limit; t->boots++) {
        plan_boot(w, p, t->boots);
        settled = boot_once(t, w, t->boots == 0);
        if (t->boots == 0)
            t->first_ops = w->power.ops;
    }
    w->power.hook = NULL;
    if (!settled && !t->brick)
        brick(t, "did not come to an end");
    if (!t->brick)
        judge_end(t, w);
    t->erases = sim_flash_erases(&w->area[AREA_SLOT], &worst) +
                sim_flash_erases(&w->area[AREA_BACKUP], &worst);
}
