/* SPDX-License-Identifier: Apache-2.0 */
/** What sim_flash.c and sim_tear.c share. Layer: port. */
#ifndef DFOTA_PORT_SIM_PARTS_H
#define DFOTA_PORT_SIM_PARTS_H

#include "port/sim/sim_flash.h"

enum sim_unit_state {
    SIM_UNIT_ERASED,
    SIM_UNIT_PROGRAMMED,
    SIM_UNIT_TORN,       /* needs an erase; reads as its cells say */
    SIM_UNIT_TORN_BOOT,  /* the same, rolled anew at each power-on */
    SIM_UNIT_TORN_READ,  /* the same, at each read */
    SIM_UNIT_TORN_ERROR, /* the same, cannot be read */
    SIM_UNIT_TORN_SWING  /* the same, the other way at each power-on */
};

/** Leave what a cut in the middle of that operation leaves; data is NULL
 * for an erase. */
void sim_tear(struct sim_flash *f, const struct sim_cut *cut, uint32_t off,
              const uint8_t *data, uint32_t len);

/** A unit's state, weak_count kept. */
void sim_set_state(struct sim_flash *f, uint32_t unit, uint8_t state);

/* What a metastable unit settles to. */
enum sim_settle {
    SIM_SETTLE_ERASED,
    SIM_SETTLE_BEFORE,
    SIM_SETTLE_WANTED,
    SIM_SETTLE_BETWEEN, /* any subset of the bits that differ */
    SIM_SETTLE_RANDOM,
    SIM_SETTLE_SAME, /* as it read last */
    SIM_SETTLE_COUNT
};
enum sim_settle sim_settle(struct sim_flash *f);

/** New bits for a metastable unit. */
void sim_roll(struct sim_flash *f, uint32_t unit, enum sim_settle how);

/** From what a unit was to be to what it was before, or back. */
void sim_swing(struct sim_flash *f, uint32_t unit);

#endif
