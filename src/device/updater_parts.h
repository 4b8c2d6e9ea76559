/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the files of the updater share: trust.c (checks), image.c (digests of
 * windows and images), prepare.c (dry run), window.c (decode a window into the
 * backup), restore.c (backup into slot), updater.c (boot, poll and the rest).
 *
 * Layer: device (freestanding), inside the updater. Everything here takes an
 * updater that has been booted.
 */
#ifndef DFOTA_DEVICE_UPDATER_PARTS_H
#define DFOTA_DEVICE_UPDATER_PARTS_H

#include "device/updater.h"

/* A package whose manifest was read once and is served from memory since:
 * what has been verified is what is used, whatever the area holds later. */
struct dfota_trusted {
    struct dfota_updater *u;
    struct dfota_package package;
    uint8_t manifest[DFOTA_MANIFEST_LEN];
    uint32_t id;  /* head of the manifest's SHA-256 */
    bool digests; /* serve SELF's digests from the journal's table */
};

/** Everything under "Trust"; broken: the slot holds nothing. */
int dfota_trust_check(struct dfota_trusted *t, struct dfota_updater *u,
                      bool broken);

/** The signature once more, over what memory and journal hold. */
int dfota_trust_verify(struct dfota_trusted *t);

/** Read the manifest of the stored package; t->package is not set. */
int dfota_trust_read(struct dfota_trusted *t, struct dfota_updater *u);

/** SHA-256 of len bytes of an area, through u->page. E_FLASH, E_IO */
int dfota_image_hash(struct dfota_updater *u, const struct dfota_flash *f,
                     uint32_t off, uint32_t len,
                     uint8_t digest[DFOTA_HASH_LEN]);

/** Does the slot hold what the manifest says it replaces? */
bool dfota_image_is_source(struct dfota_updater *u,
                           const struct dfota_manifest *m);
bool dfota_image_is_target(struct dfota_updater *u);

/** Is that the digest window w must have? */
bool dfota_window_accepts(const struct dfota_updater *u, uint32_t w,
                          const uint8_t digest[DFOTA_HASH_LEN]);

/** Does the slot, or the backup completed by the sectors that the map
 * leaves to the slot, hold window w? */
bool dfota_window_in_slot(struct dfota_updater *u, uint32_t w);
bool dfota_window_in_backup(struct dfota_updater *u, uint32_t w);

/** Is byte rel of the window taken from the slot, where it already is? */
bool dfota_window_is_kept(const struct dfota_updater *u, uint32_t rel);

/** Program len bytes, the last unit filled up; data has room for that. */
int dfota_image_program(const struct dfota_flash *f, uint32_t off,
                        uint8_t *data, uint32_t len);

/** Begin the decoder on the stored package. */
int dfota_decode_begin(struct dfota_updater *u);
/** Get a whole page of window w, from done on, into u->page. */
int dfota_decode_page(struct dfota_updater *u, uint32_t window_len,
                      uint32_t *len);

int dfota_prepare_poll(struct dfota_updater *u);
int dfota_decode_poll(struct dfota_updater *u);
int dfota_restore_poll(struct dfota_updater *u);

/** Take the package the journal is about into u->package. */
int dfota_updater_load(struct dfota_updater *u);

/** Go to window w, nothing of it done. */
void dfota_updater_seek(struct dfota_updater *u, uint32_t w);

/** Record FAILED, or HELD when the old image is gone. Returns err, or why
 * that could not be recorded. */
int dfota_updater_give_up(struct dfota_updater *u, int err);

/** Call progress: u->done bytes of u->window are made. */
void dfota_updater_tell(struct dfota_updater *u, enum dfota_stage stage);

static inline uint8_t dfota_updater_tries(const struct dfota_updater *u)
{
    return u->c.tries ? u->c.tries : 5;
}

#endif
