/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A world: one device (geometry), one pair of images, one package, one mode
 * and direction, and what the device has been through before. It is made from
 * seven small numbers, so that a failure can be named in a line and made again.
 */
#ifndef DFOTA_POWERCUT_WORLD_H
#define DFOTA_POWERCUT_WORLD_H

#include "device/updater.h"
#include "port/sim/sim_flash.h"
#include "powercut/fast_crypto.h"

enum { AREA_SLOT, AREA_BACKUP, AREA_PACKAGE, AREA_JOURNAL, AREA_COUNT };

enum world_mode {
    MODE_WHOLE, /* one window, backup as large as the image */
    MODE_ONE,   /* windows of one sector */
    MODE_THREE, /* of three */
    MODE_MANY,  /* of twenty: more than one group */
    MODE_COUNT
};

enum world_shape {
    SHAPE_MIXED, /* some sectors differ, some do not */
    SHAPE_SAME,
    SHAPE_BYTE,
    SHAPE_GROW, /* to exactly the slot */
    SHAPE_SHRINK,
    SHAPE_NEW, /* nothing in common */
    SHAPE_COUNT
};

enum world_kind {
    KIND_DELTA,
    KIND_FULL, /* NO_SOURCE */
    KIND_SELF, /* SELF with its digests, NO_SOURCE */
    KIND_COUNT
};

enum world_past {
    PAST_NEW,      /* the journal was never written */
    PAST_CLEAN,    /* an earlier update, confirmed; its table is there still */
    PAST_FINISHED, /* one that was not confirmed */
    PAST_FAILED,   /* one that was given up */
    PAST_NOISE,    /* the journal is full of noise */
    PAST_WRAP,     /* sequence numbers are about to wrap */
    PAST_COUNT
};

/* Sectors of the slot, bytes a sector of the three areas, program unit,
 * erased byte. */
struct world_geometry {
    uint32_t sectors;
    uint32_t slot, backup, journal;
    uint16_t prog;
    uint8_t erased;
};

struct world_id {
    unsigned geometry; /* below world_geometries */
    unsigned mode, shape, kind, descending, past;
    unsigned seed;
};

extern const unsigned world_geometries;

struct world {
    struct world_id id;
    uint32_t window; /* sectors, 0: the whole image */
    struct sim_power power;
    struct sim_flash area[AREA_COUNT];
    struct sim_flash pristine[AREA_COUNT]; /* before the update */
    struct fast_crypto crypto_state;
    struct dfota_crypto crypto;
    struct dfota_updater_config config;
    struct dfota_updater u;
    uint8_t *old_image, *new_image;
    uint32_t old_len, new_len;
    uint8_t *package, *full; /* full: a full image to the same target */
    uint8_t *other; /* a full image to another target, signed as well */
    uint32_t package_len, full_len, other_len;
    uint32_t windows;
    uint32_t counter; /* the package's; the device's is 0 */
    uint32_t changed; /* sectors of the slot that differ */
    /* Erases of slot and backup: of an update without a cut, and at most for
     * each boot more. */
    uint64_t erases, erases_again;
    uint64_t arena[2048];
};

/** errors: E_NOMEM, E_ARG no such world, or one that makes no sense */
int world_create(struct world *w, const struct world_id *id);
void world_destroy(struct world *w);

/** Package, areas and prediction for the images and the window in w.
 * flags: DFOTA_FLAG_* asked for. errors: E_NOMEM, those of world_pack() */
int world_build(struct world *w, const struct world_geometry *g, uint8_t flags);

/**
 * Make the package from old to new image: pack_stand_in.c, pack_codec.c.
 *
 * flags    DFOTA_FLAG_* asked for
 * out      malloc'd
 */
int world_pack(struct world *w, uint32_t sector, uint8_t flags, uint8_t **out,
               uint32_t *out_len);

/** Give the device its past: past.c. errors: E_STATE it went otherwise */
int world_age(struct world *w);

/** All areas as before the update. */
void world_reset(struct world *w, uint64_t seed);

/** "g2.m1.s0.k0.d1.p0.7", and back. */
void world_name(const struct world_id *id, char out[48]);
int world_parse(struct world_id *id, const char *name);

/** Take `before` and a decimal number behind it; false: not there. */
bool world_number(const char **in, const char *before, uint64_t *out);

#endif
