/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/chip_areas.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "device/journal.h"
#include "os/log.h"

enum { PROG_SIZE = 16 };

static const char *const names[] = {"slot", "backup", "package", "journal"};

/* What a power cut is: no last words. The shared mapping keeps the cells. */
static void on_cut(void *ctx)
{
    (void)ctx;
    kill(getpid(), SIGKILL);
}

/* True for the operation that the cut was set for. */
static bool is_cut(struct chip_areas *a, const struct sim_flash *f,
                   enum sim_op op)
{
    if (a->cut_at == 0 || (a->cut_area && a->cut_area != f))
        return false;
    if (++a->cut_seen < a->cut_at)
        return false;
    return a->cut != CHIP_CUT_ERASE || op == SIM_OP_ERASE;
}

static void before_operation(void *ctx, const struct sim_flash *f,
                             enum sim_op op, uint32_t off, uint32_t len)
{
    struct chip_areas *a = ctx;

    (void)off;
    if (op == SIM_OP_READ)
        return;
    if (op == SIM_OP_PROG)
        a->time_us += ((uint64_t)a->program_us * len + 255) / 256;
    else
        a->time_us += a->erase_us;
    if (!is_cut(a, f, op))
        return;
    if (a->cut == CHIP_FAIL) {
        a->power.fault =
            (struct sim_fault){.at = a->power.ops + 1, .lie = SIM_LIE_ERROR};
        return;
    }
    a->power.cut = (struct sim_cut){
        .at = a->power.ops + 1,
        .when = a->cut == CHIP_CUT_BEFORE ? SIM_CUT_BEFORE : SIM_CUT_TORN,
        .torn = a->cut == CHIP_CUT_TORN ? SIM_TORN_BITS : SIM_TORN_PREFIX};
}

static int say(int err, const char *path)
{
    if (err == DFOTA_E_ARG)
        log_error("%s: was made with another geometry; give the same --slot, "
                  "--sector and --backup, or a new --state",
                  path);
    else if (err == DFOTA_E_CORRUPT)
        log_error("%s: is damaged; give --firmware IMAGE to keep it aside and "
                  "start anew, or a new --state",
                  path);
    else
        log_error("%s: %s", path,
                  err == DFOTA_E_IO ? strerror(errno) : dfota_strerror(err));
    return err;
}

static char *path_of(const char *folder, int i, const char *end)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s.flash%s", folder, names[i], end) < 0 ? NULL
                                                                       : path;
}

static int open_area(struct chip_areas *a, const char *folder, int i,
                     const struct sim_geometry *g)
{
    char *path = path_of(folder, i, "");
    int err;

    if (!path)
        return DFOTA_E_NOMEM;
    err = sim_flash_create(&a->flash[i], names[i], &a->power, g, path);
    if (err)
        say(err, path);
    a->open[i] = err == 0;
    free(path);
    return err;
}

static int keep_aside(const char *folder, int i)
{
    char *path = path_of(folder, i, "");
    char *aside = path_of(folder, i, ".damaged");
    int err = path && aside ? 0 : DFOTA_E_NOMEM;

    if (!err && rename(path, aside) != 0 && errno != ENOENT)
        err = say(DFOTA_E_IO, path);
    free(path);
    free(aside);
    return err;
}

/* The areas belong together, so all of them go; the damaged one is the last,
 * so that a kill on the way finds it again. */
static int keep_all_aside(const char *folder, int damaged)
{
    int err = 0;

    log_warn("%s/%s.flash: is damaged; the flash is kept as *.flash.damaged "
             "and started anew from --firmware",
             folder, names[damaged]);
    for (int i = 0; !err && i < AREA_COUNT; i++) {
        if (i != damaged)
            err = keep_aside(folder, i);
    }
    return err ? err : keep_aside(folder, damaged);
}

/* Look at all files before one of them is touched: what was made with other
 * options is wanted, damaged or not. */
static int check_areas(const char *folder, const struct sim_geometry *g,
                       bool renew)
{
    int damaged = -1;

    for (int i = 0; i < AREA_COUNT; i++) {
        char *path = path_of(folder, i, "");
        int err = path ? sim_flash_check(&g[i], path) : DFOTA_E_NOMEM;

        if (err == DFOTA_E_CORRUPT && renew) {
            damaged = i;
            err = 0;
        }
        if (err)
            say(err, path ? path : folder);
        free(path);
        if (err)
            return err;
    }
    return damaged < 0 ? 0 : keep_all_aside(folder, damaged);
}

int chip_areas_open(struct chip_areas *a, const char *folder,
                    const struct memory *memory, bool renew, uint64_t seed)
{
    uint32_t windows = (memory->slot + memory->backup - 1) / memory->backup;
    uint32_t sizes[AREA_COUNT] = {
        [AREA_SLOT] = memory->slot,
        [AREA_BACKUP] = memory->backup,
        [AREA_PACKAGE] = memory->package,
        [AREA_JOURNAL] = dfota_journal_len(memory->sector, PROG_SIZE, windows),
    };
    struct sim_geometry g[AREA_COUNT];
    int err;

    for (int i = 0; i < AREA_COUNT; i++)
        g[i] = (struct sim_geometry){sizes[i], memory->sector, PROG_SIZE, 0xFF};
    err = check_areas(folder, g, renew);
    sim_power_init(&a->power, seed);
    a->power.hook = before_operation;
    a->power.on_cut = on_cut;
    a->power.ctx = a;
    a->erase_us = memory->erase_ms * 1000;
    a->program_us = memory->program_us;
    for (int i = 0; !err && i < AREA_COUNT; i++) {
        err = open_area(a, folder, i, &g[i]);
        chip_areas_rest(a);
    }
    if (!err)
        sim_power_on(&a->power);
    for (int i = 0; !err && i < AREA_COUNT; i++)
        sim_flash_reboot(&a->flash[i]);
    return err;
}

void chip_areas_rest(struct chip_areas *a)
{
    for (int i = 0; i < AREA_COUNT; i++) {
        const struct sim_flash *f = &a->flash[i];

        if (a->open[i] && f->mapped)
            madvise(f->memory, f->memory_len, MADV_DONTNEED);
    }
}

void chip_areas_close(struct chip_areas *a)
{
    for (int i = 0; i < AREA_COUNT; i++) {
        if (a->open[i])
            sim_flash_destroy(&a->flash[i]);
        a->open[i] = false;
    }
}

const struct dfota_flash *chip_area(struct chip_areas *a,
                                    enum chip_area_name name)
{
    return &a->flash[name].flash;
}

int chip_areas_cut_at(struct chip_areas *a, const char *area, uint64_t n,
                      enum chip_cut how)
{
    const struct sim_flash *f = NULL;

    for (int i = 0; area && i < AREA_COUNT; i++) {
        if (strcmp(area, names[i]) == 0)
            f = &a->flash[i];
    }
    if (area && !f)
        return DFOTA_E_ARG;
    a->cut_area = f;
    a->cut_at = n;
    a->cut_seen = f ? 0 : a->power.ops;
    a->cut = how;
    return 0;
}

bool chip_is_blank(const struct dfota_flash *f, uint32_t off)
{
    uint8_t part[512];

    for (uint32_t at = 0; at < f->erase_size; at += sizeof part) {
        if (f->read(f->ctx, off + at, part, sizeof part) != 0)
            return false;
        for (size_t i = 0; i < sizeof part; i++) {
            if (part[i] != f->erased_byte)
                return false;
        }
    }
    return true;
}
