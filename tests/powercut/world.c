/* SPDX-License-Identifier: Apache-2.0 */
#include "powercut/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static const struct world_geometry geometries[] = {
    {6, 512, 512, 512, 1, 0xFF},         {6, 512, 512, 1024, 4, 0xFF},
    {6, 1024, 1024, 512, 8, 0x00},       {24, 512, 512, 512, 8, 0xFF},
    {5, 1024, 1024, 2048, 16, 0xFF},     {5, 1024, 512, 1024, 16, 0x00},
    {4, 2048, 2048, 4096, 256, 0xFF},    {5, 512, 1024, 512, 4, 0xFF},
    {4, 4096, 4096, 4096, 8, 0xFF},      {24, 512, 512, 4096, 32, 0x00},
    {3, 8192, 2048, 512, 16, 0xFF},      {5, 2048, 8192, 1024, 8, 0x00},
    {2, 131072, 4096, 16384, 256, 0xFF},
};

const unsigned world_geometries = sizeof(geometries) / sizeof(geometries[0]);

static void fill(uint8_t *data, uint32_t len, uint64_t *seed)
{
    for (uint32_t k = 0; k < len; k++)
        data[k] = (uint8_t)sim_random(seed);
}

/* The new image: what the shape says of the old one. */
static void shape_image(struct world *w, const struct world_geometry *g,
                        uint64_t *seed)
{
    uint32_t slot = g->sectors * g->slot;

    w->old_len = slot - g->slot - 100;
    w->new_len = w->old_len;
    if (w->id.shape == SHAPE_GROW)
        w->new_len = slot;
    if (w->id.shape == SHAPE_SHRINK)
        w->new_len = w->old_len / 2 + 7;
    if (w->id.shape == SHAPE_MIXED)
        w->new_len += 61;
    fill(w->old_image, slot, seed);
    memcpy(w->new_image, w->old_image, slot);
    if (w->id.shape == SHAPE_NEW || w->id.shape == SHAPE_GROW)
        fill(w->new_image, w->new_len, seed);
    if (w->id.shape == SHAPE_BYTE)
        w->new_image[sim_random(seed) % w->new_len] ^= 0x5A;
    if (w->id.shape == SHAPE_MIXED || w->id.shape == SHAPE_SHRINK) {
        for (uint32_t s = 0; s < g->sectors; s++) {
            if (sim_random(seed) % 3)
                w->new_image[(size_t)s * g->slot +
                             sim_random(seed) % g->slot] ^= 1;
        }
    }
}

static uint32_t round_up(uint32_t len, uint32_t unit)
{
    return (len + unit - 1) / unit * unit;
}

static int make_areas(struct world *w, const struct world_geometry *g)
{
    uint32_t slot = g->sectors * g->slot;
    uint32_t window = w->window * g->slot;
    uint32_t backup = window && window < slot ? window : slot;
    struct sim_geometry s[AREA_COUNT] = {
        {slot, g->slot, g->prog, g->erased},
        {round_up(backup, g->backup), g->backup, g->prog, g->erased},
        {round_up(2 * slot + 4096, 4096), 4096, 1, 0xFF},
        {dfota_journal_len(g->journal, g->prog, w->windows), g->journal,
         g->prog, g->erased}};
    static const char *const names[] = {"slot", "backup", "package", "journal"};

    for (unsigned a = 0; a < AREA_COUNT; a++) {
        if (sim_flash_create(&w->area[a], names[a], &w->power, &s[a], NULL) ||
            sim_flash_create(&w->pristine[a], names[a], &w->power, &s[a], NULL))
            return DFOTA_E_NOMEM;
    }
    (void)sim_flash_load(&w->pristine[AREA_SLOT], 0, w->old_image, w->old_len);
    return sim_flash_load(&w->pristine[AREA_PACKAGE], 0, w->package,
                          w->package_len);
}

static void configure(struct world *w)
{
    memset(&w->config, 0, sizeof(w->config));
    fast_crypto_init(&w->crypto_state, &w->crypto, true);
    w->config.slot = &w->area[AREA_SLOT].flash;
    w->config.backup = &w->area[AREA_BACKUP].flash;
    w->config.package = &w->area[AREA_PACKAGE].flash;
    w->config.journal = &w->area[AREA_JOURNAL].flash;
    w->config.crypto = &w->crypto;
    w->config.arena = w->arena;
    w->config.arena_len = sizeof(w->arena);
}

/* Sectors of the granule at off that an update erases, in the slot and in the
 * backup; 0 when nothing differs. */
static uint32_t granule_erases(const struct world *w, uint32_t off,
                               uint32_t len, uint32_t *slot)
{
    uint32_t slot_len = w->area[AREA_SLOT].flash.erase_size;
    uint32_t backup_len = w->area[AREA_BACKUP].flash.erase_size;

    if (memcmp(w->pristine[AREA_SLOT].cells + off, w->new_image + off, len) ==
        0)
        return 0;
    *slot += (len + slot_len - 1) / slot_len;
    return (len + slot_len - 1) / slot_len +
           (len + backup_len - 1) / backup_len;
}

/* The wear that the update may cost: what differs is erased once in the slot
 * and once in the backup. A cut costs a window's decode and a group of 16. */
static void predict(struct world *w)
{
    const struct dfota_flash *slot = &w->area[AREA_SLOT].flash;
    const struct dfota_flash *backup = &w->area[AREA_BACKUP].flash;
    uint32_t granule = slot->erase_size > backup->erase_size
                           ? slot->erase_size
                           : backup->erase_size;
    uint32_t window = w->window * slot->erase_size;

    if (window == 0 || window > w->new_len)
        window = w->new_len;
    w->changed = 0;
    w->erases = 0;
    for (uint32_t off = 0; off < w->new_len;) {
        uint32_t end = off - off % window + window;
        uint32_t len = granule;

        if (end > w->new_len)
            end = w->new_len;
        if (len > end - off)
            len = end - off;
        w->erases += granule_erases(w, off, len, &w->changed);
        off += len;
    }
    w->erases_again =
        backup->size / backup->erase_size + 16 * (granule / slot->erase_size);
}

static int pack_other(struct world *w, uint32_t sector, uint8_t flags)
{
    int err;

    for (uint32_t k = 0; k < w->new_len; k++)
        w->new_image[k] ^= 0x55;
    err = world_pack(w, sector, flags, &w->other, &w->other_len);
    for (uint32_t k = 0; k < w->new_len; k++)
        w->new_image[k] ^= 0x55;
    return err;
}

int world_build(struct world *w, const struct world_geometry *g, uint8_t flags)
{
    int err = world_pack(w, g->slot, flags, &w->package, &w->package_len);

    if (!err)
        err = make_areas(w, g);
    configure(w);
    if (!err)
        predict(w);
    return err;
}

static bool id_valid(const struct world_id *id)
{
    return id->geometry < world_geometries && id->mode < MODE_COUNT &&
           id->shape < SHAPE_COUNT && id->kind < KIND_COUNT &&
           id->descending <= 1 && id->past < PAST_COUNT &&
           !(id->descending && id->kind == KIND_SELF);
}

int world_create(struct world *w, const struct world_id *id)
{
    static const uint8_t kinds[KIND_COUNT] = {
        0, DFOTA_FLAG_NO_SOURCE, DFOTA_FLAG_NO_SOURCE | DFOTA_FLAG_SELF};
    static const uint32_t windows[MODE_COUNT] = {0, 1, 3, 20};
    const struct world_geometry *g;
    uint64_t seed = id->seed;
    uint8_t flags;
    int err;

    memset(w, 0, sizeof(*w));
    if (!id_valid(id))
        return DFOTA_E_ARG;
    g = &geometries[id->geometry];
    w->id = *id;
    w->window = windows[id->mode];
    w->counter = 1;
    w->old_image = malloc((size_t)g->sectors * g->slot);
    w->new_image = malloc((size_t)g->sectors * g->slot);
    if (!w->old_image || !w->new_image)
        return DFOTA_E_NOMEM;
    shape_image(w, g, &seed);
    flags = kinds[id->kind] | (id->descending ? DFOTA_FLAG_DESCENDING : 0);
    err = world_pack(w, g->slot, flags | DFOTA_FLAG_NO_SOURCE, &w->full,
                     &w->full_len);
    if (!err)
        err = pack_other(w, g->slot, flags | DFOTA_FLAG_NO_SOURCE);
    if (!err)
        err = world_build(w, g, flags);
    if (!err)
        err = world_age(w);
    if (!err)
        predict(w); /* what lies behind the image may be another now */
    return err;
}

void world_destroy(struct world *w)
{
    for (unsigned a = 0; a < AREA_COUNT; a++) {
        sim_flash_destroy(&w->area[a]);
        sim_flash_destroy(&w->pristine[a]);
    }
    free(w->old_image);
    free(w->new_image);
    free(w->package);
    free(w->full);
    free(w->other);
}

void world_reset(struct world *w, uint64_t seed)
{
    sim_power_init(&w->power, seed);
    for (unsigned a = 0; a < AREA_COUNT; a++)
        sim_flash_copy(&w->area[a], &w->pristine[a]);
}

void world_name(const struct world_id *id, char out[48])
{
    (void)snprintf(out, 48, "g%u.m%u.s%u.k%u.d%u.p%u.%u", id->geometry,
                   id->mode, id->shape, id->kind, id->descending, id->past,
                   id->seed);
}

bool world_number(const char **in, const char *before, uint64_t *out)
{
    size_t len = strlen(before);
    char *end;

    if (strncmp(*in, before, len) != 0 || (*in)[len] < '0' || (*in)[len] > '9')
        return false;
    *out = strtoull(*in + len, &end, 10);
    *in = end;
    return true;
}

int world_parse(struct world_id *id, const char *name)
{
    static const char *const before[] = {"g",  ".m", ".s", ".k",
                                         ".d", ".p", "."};
    unsigned *const fields[] = {&id->geometry, &id->mode,       &id->shape,
                                &id->kind,     &id->descending, &id->past,
                                &id->seed};
    uint64_t n;

    for (unsigned k = 0; k < sizeof(before) / sizeof(before[0]); k++) {
        if (!world_number(&name, before[k], &n))
            return DFOTA_E_SYNTAX;
        *fields[k] = (unsigned)n;
    }
    return 0;
}
