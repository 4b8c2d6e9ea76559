/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A delta package decoded into the slot that another boot loader takes new
 * images from: MCUboot's secondary slot (docs/mcuboot.md).
 *
 * The decoder alone, without journal and updater: the running image is only
 * read, so a cut costs the work so far and nothing else. Freestanding, as
 * device/ is; the caller owns every byte.
 */
#ifndef MCUBOOT_FILL_SLOT_H
#define MCUBOOT_FILL_SLOT_H

#include "device/decoder.h"

#define FILL_PAGE 256 /* bytes; a multiple of every program unit */

struct fill_config {
    const struct dfota_flash *primary;   /* the running image, as signed */
    const struct dfota_flash *secondary; /* where the new one goes */
    const struct dfota_flash *package;   /* the package, as received */
    const struct dfota_crypto *crypto;
    void *arena; /* aligned to 4 */
    size_t arena_len;
    uint32_t class_id;    /* this device's, 0: takes any package */
    uint32_t trailer_len; /* bytes at the secondary's end that stay erased */
    /* May be NULL. done <= total, bytes of the new image. */
    void (*progress)(void *ctx, uint32_t done, uint32_t total);
    void *progress_ctx;
};

struct fill {
    const struct fill_config *c;
    struct dfota_package package;
    struct dfota_reader reader; /* of the package */
    struct dfota_decoder decoder;
    struct dfota_decoder_io io;
    uint32_t done; /* bytes of the image, all windows */
    uint32_t off;  /* image offset of page */
    uint32_t used; /* bytes in page */
    uint8_t page[FILL_PAGE];
};

/**
 * Check the package, erase the secondary slot, decode into it, read it back.
 *
 * returns  0: the slot holds the image whose hash was signed; what makes the
 *          boot loader take it is the caller's
 * errors   E_NOPACKAGE, E_CORRUPT, E_TRUNCATED, E_VERSION, E_ARCH,
 *          E_SIGNATURE, E_KEY, E_CLASS, E_SLOT, E_SOURCE, E_ARENA: nothing
 *          has been erased; E_TARGET, E_FLASH, E_CORRUPT later on: the slot
 *          holds no image
 * cost     one erase a sector of the secondary; stack <= 512 bytes
 * power    may be cut anywhere: begin again
 */
int fill_slot(struct fill *f, const struct fill_config *c);

#endif
