/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the files of the updater share: trust.c (checks), image.c (digests of
 * windows and images), window.c (decode, dry or into the backup), restore.c
 * (backup into slot), updater.c (boot, poll and the rest).
 *
 * Layer: device (freestanding), inside the updater. Everything here takes an
 * updater that has been booted.
 */
#ifndef DFOTA_DEVICE_UPDATER_PARTS_H
#define DFOTA_DEVICE_UPDATER_PARTS_H

#include "device/updater.h"

/** Read the stored package's head into p and check everything under "Trust";
 * broken: the slot holds nothing. */
int dfota_trust_check(struct dfota_updater *u, struct dfota_package *p,
                      bool broken);

/** The signature of the SELF package in the head once more, over digests
 * that are added to the table as they are read. */
int dfota_trust_table(struct dfota_updater *u);

/** Bits that say where in a granule an offset is. */
uint32_t dfota_granule_mask(const struct dfota_updater *u);

/** Is byte rel of the window taken from the slot, where it already is? */
bool dfota_window_is_kept(const struct dfota_updater *u, uint32_t rel);

typedef int dfota_each(struct dfota_updater *u, const void *data, uint32_t len);

/** Call each() on every piece of an area; of the backup with the granules
 * that are kept read from the slot. 0 or E_FLASH */
int dfota_image_walk(struct dfota_updater *u, const struct dfota_flash *f,
                     uint32_t off, uint32_t len, dfota_each *each);
dfota_each dfota_each_write; /* to u->journal.pages */
dfota_each dfota_each_equal; /* to what flash has at pages; E_FLASH: no */

/** Does the slot hold what the manifest says it replaces? */
bool dfota_image_is_source(struct dfota_updater *u,
                           const struct dfota_manifest *m);
bool dfota_image_is_target(struct dfota_updater *u);

/** Is that the digest u->window must have? */
bool dfota_window_accepts(const struct dfota_updater *u, const uint8_t *digest);

/** Does that area, slot or backup, hold u->window? */
bool dfota_window_is_in(struct dfota_updater *u, const struct dfota_flash *f);

int dfota_window_poll(struct dfota_updater *u);
int dfota_restore_poll(struct dfota_updater *u);

/** Go to window w, nothing of it done. */
void dfota_updater_seek(struct dfota_updater *u, uint32_t w);

/** Decode u->window again: record the state before it. */
int dfota_updater_again(struct dfota_updater *u);

/** One try more of u->window has failed, DFOTA_MORE while there are any. */
bool dfota_updater_is_last(const struct dfota_updater *u, uint32_t tries);

/** Record FAILED, or HELD when the old image is gone. Returns err, or why
 * that could not be recorded. */
int dfota_updater_give_up(struct dfota_updater *u, int err);

/** Call progress: u->done bytes of u->window are made. */
void dfota_updater_tell(struct dfota_updater *u, enum dfota_stage stage);

/** Windows whose package offsets are learnt only by decoding: such a package
 * cannot be run dry. */
static inline bool dfota_updater_is_self(const struct dfota_updater *u)
{
    return u->journal.head.flags & DFOTA_JOURNAL_SELF;
}

#endif
