/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The module's memory chip: slot, backup, package area and journal on
 * simulated flash, and the updater that works on them.
 *
 * Layer: modem. The same updater that a device links, driven one step at a
 * time. Each flash operation is counted; the one that a cut was set for
 * ends this process as a power cut would.
 */
#ifndef DFOTA_MODEM_CHIP_H
#define DFOTA_MODEM_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/updater.h"
#include "modem/dialect.h"

struct chip_parts; /* flash areas, crypto, updater */

/* What an update has done so far, for the percentages. */
struct chip_progress {
    bool prepares; /* this boot began with a dry run */
    bool based;    /* base is known */
    unsigned base; /* per mille done when this boot began */
    enum dfota_stage stage;
    uint32_t done[DFOTA_STAGE_FINISHED + 1];
    uint32_t total[DFOTA_STAGE_FINISHED + 1];
};

enum { CHIP_UNIT = 256 }; /* bytes of package collected for one program */

struct chip {
    struct chip_parts *parts;
    struct chip_progress progress;
    uint32_t polls; /* steps of the updater */
    /* The package being stored: bytes on flash, and the last few that do
     * not fill a unit yet. */
    uint32_t package_at, tail_len;
    uint8_t tail[CHIP_UNIT];
};

struct chip_config {
    const char *folder;
    const struct memory *memory;
    uint32_t ram;
    const char *class_name;
    const char *device_id;   /* for downgrade permits */
    const char *cert;        /* NULL: signatures are not checked */
    const char *permit_cert; /* NULL: no downgrade permit is taken */
    bool renew;              /* begin anew when a flash file is damaged */
    uint64_t seed;           /* of torn operations */
};

/** Open or make the areas. errors: E_IO, E_NOMEM, E_ARG geometry, E_CORRUPT a
 * damaged file, E_KEY a certificate; all said */
int chip_open(struct chip *c, const struct chip_config *config);
void chip_close(struct chip *c);

/** No image was ever put in the slot. */
bool chip_is_empty(struct chip *c);

/** Put an image in the slot as the vendor's flash tool does, journal and
 * package erased. errors: E_SLOT, E_FLASH */
int chip_install(struct chip *c, const uint8_t *image, uint32_t len);

/* The updater, see device/updater.h. */
int chip_boot(struct chip *c, enum dfota_action *action, bool *resumed);
/** The stored package is one that chip_start() would take, and len bytes long.
 * errors: as it; E_TRUNCATED, E_CORRUPT: it is longer, shorter than len */
int chip_check(struct chip *c, uint32_t len);
int chip_start(struct chip *c);
int chip_poll(struct chip *c);
int chip_confirm(struct chip *c);

/** Progress of the stages of UPDATING since this boot, 0..1000; restore is
 * part of it when in_updating. */
unsigned chip_permille(struct chip *c, bool in_updating);

/** Progress of RESTORE alone, 0..1000. */
unsigned chip_restore_permille(const struct chip *c);

/** The slot holds a new image whose update is finished and not confirmed;
 * len: out, its bytes. */
bool chip_finished(struct chip *c, uint32_t *len);

/* Store a package: begin, write.., end. The older one is no package from
 * begin() on; sectors are erased as the bytes come; end() erases what is
 * left of the older one behind them. errors: E_FLASH */
int chip_package_begin(struct chip *c);
/** errors: E_FULL past the area, E_FLASH */
int chip_package_write(struct chip *c, const void *data, size_t len);
int chip_package_end(struct chip *c);
/** Go on with a package of which the first off bytes are there; off: whole
 * sectors. errors: E_ARG */
int chip_package_resume(struct chip *c, uint32_t off);
/** Bytes of whole sectors written since begin() or resume(): what a cut
 * leaves for sure. */
uint32_t chip_package_kept(const struct chip *c);
/** errors: E_FLASH, E_ARG */
int chip_package_read(const struct chip *c, uint32_t off, void *buf,
                      uint32_t len);
/** Make the area hold no package. */
int chip_package_erase(struct chip *c);

/** The version of an image of len bytes in the slot: behind the marker
 * DFOTAVER, else eight hex digits of its SHA-256. len 0: not known, up to
 * the last byte that is not erased. room >= 16 */
int chip_version(struct chip *c, uint32_t len, char *out, size_t room);

/** Flash operations (program, erase) done in this process. */
uint64_t chip_operations(const struct chip *c);

/** Microseconds of flash time spent since the last call. */
uint64_t chip_take_time_us(struct chip *c);

/* How the power cut of chip_cut_at() leaves the cells. */
enum chip_cut {
    CHIP_CUT_BEFORE, /* the operation has not begun */
    CHIP_CUT_TORN,   /* some of its bits have changed */
    CHIP_CUT_ERASE,  /* the first erase from it on, half done */
    CHIP_FAIL,       /* no cut: it and all behind it fail, the power is on */
};

/** End the process at flash operation number n (1 is the first), as SIGKILL
 * does.
 *
 * area     NULL: n counts from the start of the process; "slot", "backup",
 *          "package", "journal": operations on that one, from now on
 * errors   E_ARG no such area */
int chip_cut_at(struct chip *c, const char *area, uint64_t n,
                enum chip_cut how);

#endif
