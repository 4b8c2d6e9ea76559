/* SPDX-License-Identifier: Apache-2.0 */
/* What a device has been through before the update that is watched. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "powercut/world.h"

/* Sequence numbers half way to the wrap, and shortly before it: each is
 * newer than the one before. */
#define HALF_SEQ 0x7FFFFFF0u
#define LAST_SEQ 0xFFFFFFF0u

static int boot(struct world *w)
{
    enum dfota_action action;
    bool resumed;

    dfota_updater_init(&w->u, &w->config);
    return dfota_updater_boot(&w->u, &action, &resumed);
}

static int poll_all(struct world *w)
{
    int err;

    do {
        err = dfota_updater_poll(&w->u);
    } while (err == DFOTA_MORE);
    return err;
}

/* Start a full package to what is the new image now. */
static int start_full(struct world *w)
{
    struct sim_flash *area = &w->area[AREA_PACKAGE];
    uint8_t flags =
        DFOTA_FLAG_NO_SOURCE | (w->id.descending ? DFOTA_FLAG_DESCENDING : 0);
    uint8_t *package;
    uint32_t len;
    int err = world_pack(w, w->config.slot->erase_size, flags, &package, &len);

    if (err)
        return err;
    err = sim_flash_load(area, 0, package, len);
    free(package);
    if (!err)
        err = boot(w);
    if (w->id.past == PAST_WRAP)
        w->u.journal.state.seq = HALF_SEQ;
    return err ? err : dfota_updater_start(&w->u);
}

static void swap_images(struct world *w)
{
    uint8_t *image = w->old_image;
    uint32_t len = w->old_len;

    w->old_image = w->new_image;
    w->old_len = w->new_len;
    w->new_image = image;
    w->new_len = len;
}

/* From the new image to the old one: the watched update goes back. */
static int update_before(struct world *w)
{
    int err;

    swap_images(w);
    err = sim_flash_load(&w->area[AREA_SLOT], 0, w->old_image, w->old_len);
    if (!err)
        err = start_full(w);
    if (!err && poll_all(w) != DFOTA_DONE)
        err = DFOTA_E_STATE;
    if (!err)
        err = boot(w);
    if (w->id.past == PAST_WRAP)
        w->u.journal.state.seq = LAST_SEQ;
    if (!err && w->id.past != PAST_FINISHED)
        err = dfota_updater_confirm(&w->u);
    swap_images(w);
    return err;
}

/* The package is gone when the device comes to it. */
static int fail_before(struct world *w)
{
    int err = start_full(w);

    if (!err)
        err = w->config.package->erase(w->config.package->ctx, 0);
    if (!err && poll_all(w) != DFOTA_E_NOPACKAGE)
        err = DFOTA_E_STATE;
    return err ? err : boot(w);
}

static int fill_journal(struct world *w)
{
    struct sim_flash *f = &w->area[AREA_JOURNAL];
    uint64_t seed = w->id.seed;
    uint8_t *noise = malloc(f->flash.size);
    int err = noise ? 0 : DFOTA_E_NOMEM;

    for (uint32_t k = 0; noise && k < f->flash.size; k++)
        noise[k] = (uint8_t)sim_random(&seed);
    if (!err)
        err = sim_flash_load(f, 0, noise, f->flash.size);
    free(noise);
    return err;
}

static int live(struct world *w)
{
    switch (w->id.past) {
    case PAST_CLEAN:
    case PAST_FINISHED:
    case PAST_WRAP:
        return update_before(w);
    case PAST_FAILED:
        return fail_before(w);
    case PAST_NOISE:
        return fill_journal(w);
    default:
        return 0;
    }
}

int world_age(struct world *w)
{
    uint32_t counter = w->counter;
    uint32_t windows = w->windows;
    int err;

    world_reset(w, w->id.seed);
    w->counter = 0;
    err = live(w);
    w->counter = counter;
    w->windows = windows;
    if (err || w->power.violations)
        return err ? err : DFOTA_E_STATE;
    (void)sim_flash_load(&w->area[AREA_PACKAGE], 0, w->package, w->package_len);
    for (unsigned a = 0; a < AREA_COUNT; a++) {
        memset(w->area[a].wear, 0,
               w->area[a].flash.size / w->area[a].flash.erase_size *
                   sizeof(*w->area[a].wear));
        sim_flash_copy(&w->pristine[a], &w->area[a]);
    }
    return 0;
}
