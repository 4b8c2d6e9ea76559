/* SPDX-License-Identifier: Apache-2.0 */
#include "powercut/wear.h"

#include <glob.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "powercut/world.h"

#define SECTOR 4096
#define IMAGE_MAX 0x4000000 /* bytes */

static struct world world; /* large */

/* An image with room up to the end of the slot; NULL: it cannot be read. */
static uint8_t *read_image(const char *dir, const char *name, uint32_t *len)
{
    char path[4096];
    uint8_t *image = NULL;
    FILE *f;
    long size;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "rb");
    if (!f)
        return NULL;
    if (!fseek(f, 0, SEEK_END) && (size = ftell(f)) > 0 && size < IMAGE_MAX &&
        !fseek(f, 0, SEEK_SET))
        image = calloc(1, (size_t)size + SECTOR);
    if (image) {
        *len = (uint32_t)fread(image, 1, (size_t)size, f);
        if (*len != (uint32_t)size) {
            free(image);
            image = NULL;
        }
    }
    (void)fclose(f);
    return image;
}

/* From start() to confirm(), nothing disturbs it. */
static int update(struct world *w)
{
    enum dfota_action action;
    bool resumed;
    int err;

    dfota_updater_init(&w->u, &w->config);
    err = dfota_updater_boot(&w->u, &action, &resumed);
    if (!err)
        err = dfota_updater_start(&w->u);
    if (err)
        return err;
    do {
        err = dfota_updater_poll(&w->u);
    } while (err == DFOTA_MORE);
    if (err != DFOTA_DONE)
        return err;
    err = dfota_updater_boot(&w->u, &action, &resumed);
    if (!err && action == DFOTA_ACTION_BOOT)
        err = dfota_updater_confirm(&w->u);
    return err ? err
               : memcmp(w->area[AREA_SLOT].cells, w->new_image, w->new_len);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* The budget: 2.05 erases a changed sector and 8, a sector no more often than
 * there are windows, and 2. */
static bool print_row(const struct world *w, const char *name)
{
    uint32_t worst[3];
    uint64_t slot = sim_flash_erases(&w->area[AREA_SLOT], &worst[0]);
    uint64_t backup = sim_flash_erases(&w->area[AREA_BACKUP], &worst[1]);
    uint64_t journal = sim_flash_erases(&w->area[AREA_JOURNAL], &worst[2]);
    uint32_t bar = w->changed * 205 / 100 + 8;
    uint32_t most = larger(worst[0], worst[1]);
    bool kept = slot + backup <= bar && most <= w->windows + 2;

    printf("%-26s %6u %7u %7u %6" PRIu64 " %6" PRIu64 " %6u %5u %5u %5" PRIu64
           " %5u  %s\n",
           name, w->window, w->windows, w->changed, slot, backup, bar, most,
           w->windows + 2, journal, worst[2], kept ? "kept" : "OVER");
    return kept;
}

/* returns 0, 1 over the budget, 2 it cannot be done; said */
static int try_window(const char *dir, const char *name, uint32_t window,
                      uint16_t unit)
{
    struct world_geometry g = {0, SECTOR, SECTOR, SECTOR, unit, 0xFF};
    struct world *w = &world;
    int status = 2;
    int err = DFOTA_E_IO;

    memset(w, 0, sizeof(*w));
    w->window = window;
    w->counter = 1;
    w->old_image = read_image(dir, "old.bin", &w->old_len);
    w->new_image = read_image(dir, "new.bin", &w->new_len);
    if (w->old_image && w->new_image) {
        g.sectors = (larger(w->old_len, w->new_len) + SECTOR - 1) / SECTOR;
        err = world_build(w, &g, 0);
    }
    if (!err) {
        world_reset(w, 1);
        err = update(w);
    }
    if (!err)
        status = !print_row(w, name);
    else
        fprintf(stderr, "powercut: %s: %s\n", dir,
                err < 0 ? dfota_strerror(err) : "not the new image");
    world_destroy(w);
    return status;
}

int wear_print(const char *dir, uint16_t unit)
{
    static const uint32_t windows[] = {1, 16, 0};
    char pattern[4096];
    glob_t found;
    int status = 0;

    (void)snprintf(pattern, sizeof(pattern), "%s/*/old.bin", dir);
    if (glob(pattern, 0, NULL, &found) != 0) {
        fprintf(stderr, "powercut: no %s\n", pattern);
        return 2;
    }
    printf("%-26s %6s %7s %7s %6s %6s %6s %5s %5s %5s %5s\n", "pair", "backup",
           "windows", "changed", "slot", "backup", "bar", "worst", "bar",
           "jrnl", "worst");
    for (size_t k = 0; k < found.gl_pathc; k++) {
        const char *pair = dirname(found.gl_pathv[k]);
        const char *name = strrchr(pair, '/') + 1;

        for (unsigned n = 0; n < 3; n++) {
            int row = try_window(pair, name, windows[n], unit);

            status = row > status ? row : status;
        }
    }
    globfree(&found);
    printf("wear: %s\n", status ? "over the budget" : "within the budget");
    return status;
}
