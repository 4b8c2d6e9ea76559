/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The updater: windowed redo from a stored package, safe at any power cut.
 *
 * Layer: device (freestanding). One engine, two modes: a backup at least as
 * large as the image means one window and "no READY: the original boots";
 * a smaller one means many windows and "no READY: decode again".
 * docs/design.md tells why, docs/invariants.md numbers the rules.
 *
 * Order of calls, a boot loader or an emulated module:
 *
 *   init, boot -> BOOT     run the slot; application may check() and start()
 *              -> UPDATE   poll() until DONE or an error, then boot() again
 *              -> HELD     nothing may run; see DFOTA_E_HELD
 *   application, after it has proven itself: confirm()
 */
#ifndef DFOTA_DEVICE_UPDATER_H
#define DFOTA_DEVICE_UPDATER_H

#include <stdbool.h>

#include "device/decoder.h"
#include "device/journal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the updater is doing, for a progress display. */
enum dfota_stage {
    DFOTA_STAGE_IDLE,
    DFOTA_STAGE_PREPARE, /* several windows: decode dry, digest only */
    DFOTA_STAGE_DECODE,  /* window into the backup (URC UPDATING) */
    DFOTA_STAGE_COPY,    /* backup into the slot (URC RESTORE) */
    DFOTA_STAGE_FINISHED,
};

enum dfota_action {
    DFOTA_ACTION_BOOT,   /* the slot holds a whole image: run it */
    DFOTA_ACTION_UPDATE, /* an update is open: poll() */
    DFOTA_ACTION_HELD,   /* neither image is whole: stay, ask for help */
};

struct dfota_updater_config {
    const struct dfota_flash *slot, *backup, *package, *journal;
    const struct dfota_crypto *crypto;
    void *arena;       /* aligned to 4 */
    size_t arena_len;  /* bytes; a package that wants more is refused */
    uint32_t class_id; /* this device's class, 0: takes any package */
    uint8_t tries;     /* failed decodes before FAILED or HELD, 0: 5 */
    uint8_t id_hash[DFOTA_HASH_LEN]; /* SHA-256 of the device id (permits) */
    /* Called as work goes on; total > 0, done <= total, both in bytes of
     * the whole stage over all windows. May be NULL. */
    void (*progress)(void *ctx, enum dfota_stage stage, uint32_t done,
                     uint32_t total);
    void *progress_ctx;
};

enum dfota_pass {
    DFOTA_PASS_REAL,
    DFOTA_PASS_TABLE, /* dry run: decode into the table of windows */
    DFOTA_PASS_PROOF, /* dry run of a descending package: by address */
};

/* What is used most comes first, as in struct dfota_journal. */
struct dfota_updater {
    uint8_t pass;         /* enum dfota_pass */
    uint8_t fails;        /* failed flash operations of this window */
    bool ready;           /* the window is open, or its backup is proven */
    bool decoding;        /* the decoder has been begun at this boot */
    uint32_t off, len;    /* of the window in the image, bytes */
    uint32_t done;        /* bytes of it */
    uint32_t rewrite_end; /* up to here sectors are written unseen */
    const struct dfota_updater_config *c;
    /* Its state has the window that is being made, its head the package. */
    struct dfota_journal journal;
    struct dfota_reader window; /* as made, from where its bytes are */
    struct dfota_decoder_io io;
    struct dfota_decoder decoder;
};

/** Bind an updater to its areas. Reads nothing; allocates nothing. c and what
 * it points to must stay valid while the updater is used; that the geometries
 * are as flash.h has them was the port's to check. */
void dfota_updater_init(struct dfota_updater *u,
                        const struct dfota_updater_config *c);

/**
 * Decide what this boot does; the first call after init() at every boot,
 * and after any call below has returned an error.
 *
 * action   out: what to do now
 * resumed  out: the update had already been begun before this boot; with
 *          BOOT: it was one, has been discarded, and the old image runs
 * errors   E_FLASH (action is BOOT when the slot is known to be whole, else
 *          HELD), E_HELD (with action HELD)
 * power    may be cut anywhere: docs/invariants.md
 */
int dfota_updater_boot(struct dfota_updater *u, enum dfota_action *action,
                       bool *resumed);

/**
 * Check the stored package against this device: everything under "Trust",
 * nothing written. Uses the arena.
 *
 * errors   E_NOPACKAGE, E_CORRUPT, E_TRUNCATED, E_VERSION, E_ARCH,
 *          E_SIGNATURE, E_KEY, E_CLASS, E_SLOT, E_BACKUP, E_SOURCE,
 *          E_COUNTER, E_PERMIT, E_ARENA, E_FLASH, E_FULL the journal has
 *          no room for so many windows
 */
int dfota_updater_check(struct dfota_updater *u);

/** check(), then record that the update is to be made. Errors of check(),
 * E_BUSY when one is open, E_HELD. */
int dfota_updater_start(struct dfota_updater *u);

/**
 * Do the next piece of an open update: about a sector's worth.
 *
 * returns  DFOTA_MORE | DFOTA_DONE (FINISHED is recorded)
 * errors   as check(); E_TARGET, E_FLASH: the update was given up (FAILED
 *          or HELD is recorded) or the journal could not be written; boot()
 *          tells which. E_STATE no update is open
 * cost     at most one erase of slot or backup a call, journal apart
 * power    may be cut anywhere: docs/invariants.md
 */
int dfota_updater_poll(struct dfota_updater *u);

/** The new image has proven itself: raise the counter, record CLEAN.
 * errors: E_STATE an update is open or the device is held, E_FLASH */
int dfota_updater_confirm(struct dfota_updater *u);

/**
 * HELD only: take the stored package as the way out. It must be the one of
 * the journal (and the window at fault not half written), or a full image
 * that passes check(). Then boot() again.
 *
 * errors   E_STATE, E_HELD this package does not help, those of check()
 */
int dfota_updater_recover(struct dfota_updater *u);

/** Why the last update FAILED or is HELD: a negative error; else 0. */
int dfota_updater_reason(const struct dfota_updater *u);

#ifdef __cplusplus
}
#endif

#endif
