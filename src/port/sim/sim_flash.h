/* SPDX-License-Identifier: Apache-2.0 */
/**
 * NOR flash for tests and emulated modules: areas in memory or in files,
 * with the rules of real cells, their wear, and power that goes away.
 *
 * Layer: port. Every area hangs on a sim_power: one count of operations
 * (program and erase) and one supply for all areas of a device. A cut is
 * planned by the number of the operation it hits; from then on every call
 * fails with E_FLASH until sim_power_on(). A file-backed area is a shared
 * mapping of cells, unit states and wear: a process that is killed leaves
 * exactly what it had done.
 *
 * Broken rules are counted, not refused, as on a real part: programming a
 * unit that is not freshly erased (programmed before, torn, or erased by an
 * erase that was cut), ranges that are not whole units or sectors.
 */
#ifndef DFOTA_PORT_SIM_FLASH_H
#define DFOTA_PORT_SIM_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/flash.h"

enum sim_op { SIM_OP_READ, SIM_OP_PROG, SIM_OP_ERASE };

enum sim_when {
    SIM_CUT_BEFORE, /* nothing of the operation happens */
    SIM_CUT_TORN,   /* some of it, as sim_torn says */
    SIM_CUT_AFTER,  /* all of it, but nobody learns of it */
};

/* What a torn operation leaves. Programs stop in a random unit; the units
 * before it are whole, those behind untouched. */
enum sim_torn {
    SIM_TORN_PREFIX,       /* n bytes of the unit / sectors' head erased */
    SIM_TORN_SUFFIX,       /* the unit's / sector's other end */
    SIM_TORN_BITS,         /* a random subset of the bits */
    SIM_TORN_ONE_MISSING,  /* all bits but one */
    SIM_TORN_ONE_DONE,     /* one bit only */
    SIM_TORN_GARBAGE,      /* random bytes */
    SIM_TORN_NOTHING,      /* reads as before, but was touched */
    SIM_TORN_COMPLETE,     /* reads as done, but weak */
    SIM_TORN_SPOIL_REST,   /* the rest of the sector is garbage */
    SIM_TORN_SPOIL_SECTOR, /* all of the sector is */
    SIM_TORN_COUNT
};

/* How units that were being changed read later. Metastable ones read as they
 * were before the operation, as they were to be, or anything else, and what
 * was wrong at one time may be right at another; but a sector whose erase was
 * cut is not whole at one time and gone at another (flash.h). */
enum sim_decay {
    SIM_DECAY_NONE,       /* always the same */
    SIM_DECAY_BOOT,       /* metastable: anew at each power-on */
    SIM_DECAY_READ,       /* metastable: anew at each read */
    SIM_DECAY_READ_ERROR, /* ECC: reading one fails */
    SIM_DECAY_SWING,      /* as before and as wanted, in turn at power-on */
    SIM_DECAY_COUNT
};

/* One power cut. */
struct sim_cut {
    uint64_t at; /* operations from sim_power_on() on, from 1; 0: none */
    enum sim_when when;
    enum sim_torn torn;
    enum sim_decay decay;
};

/* One operation that goes wrong with the power on. */
enum sim_lie {
    SIM_LIE_NONE,
    SIM_LIE_NOOP,  /* says done, does nothing */
    SIM_LIE_ERROR, /* does nothing and fails */
    SIM_LIE_LATE,  /* does it all and fails */
    SIM_LIE_READ,  /* a read fails; `at` counts reads */
    SIM_LIE_COUNT
};
struct sim_fault {
    uint64_t at;    /* as sim_cut.at */
    uint32_t count; /* so many operations in a row; 0: one */
    enum sim_lie lie;
};

struct sim_flash;

struct sim_power {
    uint64_t ops;   /* since sim_power_on() */
    uint64_t reads; /* the same of reads */
    uint64_t total; /* since init */
    uint64_t seed;  /* of everything random, moves on */
    uint64_t violations;
    const char *violation; /* the first one; a static string */
    struct sim_cut cut;
    struct sim_fault fault;
    uint32_t boots;
    bool off;
    /* Before every operation, reads included; may set cut, wait, count.
     * NULL: none. */
    void (*hook)(void *ctx, const struct sim_flash *f, enum sim_op op,
                 uint32_t off, uint32_t len);
    /* When the power has gone, cells as they are then; a process that
     * stands for the device may _exit here. NULL: E_FLASH from then on. */
    void (*on_cut)(void *ctx);
    void *ctx;
};

struct sim_flash {
    struct dfota_flash flash; /* give &flash to the updater */
    struct sim_power *power;
    const char *name; /* for messages */
    uint8_t *cells;
    uint8_t *states;      /* enum sim_unit_state, one a unit */
    uint32_t *wear;       /* erases, one a sector */
    uint32_t *weak_count; /* units that do not read reliably */
    uint8_t *before;      /* of torn units: their bytes before, */
    uint8_t *wanted;      /* and what they were to be */
    void *memory;
    size_t memory_len;
    bool mapped;
};

struct sim_geometry {
    uint32_t size;
    uint32_t erase_size;
    uint16_t prog_size;
    uint8_t erased_byte;
};

/** Power on, nothing planned. */
void sim_power_init(struct sim_power *p, uint64_t seed);

/** Power comes back: operation count 0, cut and fault cleared. The areas'
 * metastable units are rolled anew by sim_flash_reboot(). */
void sim_power_on(struct sim_power *p);

/** Next number of a repeatable sequence (SplitMix64). */
uint64_t sim_random(uint64_t *seed);

/**
 * Create an area: erased, or as its file has it.
 *
 * path     NULL: in memory. A file of another geometry is refused.
 * errors   E_NOMEM, E_IO (errno), E_ARG the geometry or the file's,
 *          E_CORRUPT the file is damaged
 */
int sim_flash_create(struct sim_flash *f, const char *name, struct sim_power *p,
                     const struct sim_geometry *g, const char *path);
void sim_flash_destroy(struct sim_flash *f);

/**
 * Look at an area's file and leave it as it is; none yet is fine.
 *
 * errors   E_IO (errno), E_ARG a whole file of another geometry, E_CORRUPT
 *          no such file at all, or not as long as its header says
 */
int sim_flash_check(const struct sim_geometry *g, const char *path);

/** What power-on does to units of SIM_DECAY_BOOT and SIM_DECAY_SWING. */
void sim_flash_reboot(struct sim_flash *f);

/** Put bytes in place as a factory does: no operation, no wear. The rest of
 * the last sector is erased. errors: E_ARG past the end */
int sim_flash_load(struct sim_flash *f, uint32_t off, const void *data,
                   size_t len);

/** Cells of src into dst, of the same geometry. */
void sim_flash_copy(struct sim_flash *dst, const struct sim_flash *src);

/** Flip one bit: rot. */
void sim_flash_rot(struct sim_flash *f, uint32_t off, unsigned bit);

/** Erases of the area, and of its most worn sector. */
uint64_t sim_flash_erases(const struct sim_flash *f, uint32_t *worst);

#endif
