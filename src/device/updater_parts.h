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

/** Bytes of the window that a bit of the map is for. */
uint32_t dfota_granule_len(const struct dfota_updater *u);

/** Where the map has the granule of the window's byte rel. */
uint32_t *dfota_window_map(struct dfota_updater *u, uint32_t rel,
                           uint32_t *bit);

/** Is byte rel of the window taken from the slot, where it already is? */
bool dfota_window_is_kept(struct dfota_updater *u, uint32_t rel);

/** u->window's read(), ctx the updater: the window that is in the backup, with
 * the granules that are kept from the slot. */
int dfota_window_read(void *ctx, uint32_t off, void *buf, uint32_t len);

/** Does the slot hold what the manifest says it replaces? */
bool dfota_image_is_source(const struct dfota_updater *u,
                           const struct dfota_manifest *m);
bool dfota_image_is_target(const struct dfota_updater *u);

/** Is that the digest the window must have? */
bool dfota_window_accepts(struct dfota_updater *u, const uint8_t *digest);

/** Does &u->io.old, the slot, or &u->window hold the window? */
bool dfota_window_is_in(struct dfota_updater *u, const struct dfota_reader *r);

int dfota_window_poll(struct dfota_updater *u);
int dfota_restore_poll(struct dfota_updater *u);

/** Go to window w of the journal's state, nothing of it done. */
void dfota_updater_seek(struct dfota_updater *u, uint32_t w);

/** Decode the window again: record the state before it. */
int dfota_updater_again(struct dfota_updater *u);

/** Were those the last tries? */
bool dfota_updater_is_last(const struct dfota_updater *u, uint32_t tries);

/** Record FAILED, or HELD when the old image is gone. Returns err, or why
 * that could not be recorded. */
int dfota_updater_give_up(struct dfota_updater *u, int err);

/** Call progress: u->done bytes of the window are made. */
void dfota_updater_tell(struct dfota_updater *u, enum dfota_stage stage);

/*
 * SELF's share, in self_parts.c: firmware that takes no such packages brings
 * its own three functions instead, see boards/decoder/only_thumb2.c.
 */

/** Set u->io.made. */
void dfota_self_bind(struct dfota_updater *u);

/** The signature of the package in the head once more, over digests that are
 * added to the table as they are read. */
int dfota_self_table(struct dfota_updater *u);

/** Windows whose package offsets are learnt only by decoding: such a package
 * cannot be run dry. */
bool dfota_updater_is_self(const struct dfota_updater *u);

#endif
