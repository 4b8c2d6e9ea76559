/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The flash areas of a module in its state folder, the time they take, and
 * the power cut that can be set on them.
 *
 * Layer: modem.
 */
#ifndef DFOTA_MODEM_CHIP_AREAS_H
#define DFOTA_MODEM_CHIP_AREAS_H

#include <stdbool.h>
#include <stdint.h>

#include "device/flash.h"
#include "modem/chip.h"
#include "modem/dialect.h"
#include "port/sim/sim_flash.h"

enum chip_area_name {
    AREA_SLOT,
    AREA_BACKUP,
    AREA_PACKAGE,
    AREA_JOURNAL,
    AREA_COUNT
};

struct chip_areas {
    struct sim_power power;
    struct sim_flash flash[AREA_COUNT];
    bool open[AREA_COUNT];
    /* The cut that is set: the cut_at'th operation counts, on one area or
     * all; 0: none. */
    const struct sim_flash *cut_area;
    uint64_t cut_at, cut_seen;
    enum chip_cut cut;
    uint64_t time_us;
    uint32_t erase_us, program_us; /* of a sector, of 256 bytes */
};

/**
 * Open the areas' files, or make them.
 *
 * renew    when one is damaged, keep all as *.flash.damaged and begin with
 *          erased ones
 * errors   E_IO, E_ARG another geometry, E_CORRUPT damaged, E_NOMEM; said
 */
int chip_areas_open(struct chip_areas *a, const char *folder,
                    const struct memory *memory, bool renew, uint64_t seed);
void chip_areas_close(struct chip_areas *a);

const struct dfota_flash *chip_area(struct chip_areas *a,
                                    enum chip_area_name name);

/** Let go of the pages that were touched: the files keep them. A fleet of
 * modules on one machine needs memory for what it works on only. */
void chip_areas_rest(struct chip_areas *a);

/** Set the cut that chip_cut_at() describes. errors: E_ARG */
int chip_areas_cut_at(struct chip_areas *a, const char *area, uint64_t n,
                      enum chip_cut how);

/** The sector at off reads erased. Good enough for a sector that nobody
 * will take for erased, see docs/invariants.md. */
bool chip_is_blank(const struct dfota_flash *f, uint32_t off);

#endif
