/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Bytes on their way into flash: gathered to pages, programmed in order.
 *
 * Layer: device (freestanding), inside the updater. One stream is enough:
 * a mirror of the journal, the backup and the slot are never written at the
 * same time. An error stays until the next dfota_pages_begin(), so that only
 * the end has to be asked.
 */
#ifndef DFOTA_DEVICE_PAGES_H
#define DFOTA_DEVICE_PAGES_H

#include "device/flash.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DFOTA_PAGE_LEN 256 /* bytes; a multiple of every program unit */

struct dfota_pages {
    const struct dfota_flash *flash;
    uint32_t out;  /* offset in flash of page */
    uint32_t fill; /* bytes in page */
    int err;
    uint32_t *page; /* DFOTA_PAGE_LEN bytes */
};

/** Read len bytes at off. */
int dfota_flash_read(const struct dfota_flash *f, uint32_t off, void *buf,
                     uint32_t len);

/** Erase the sectors that begin in [off, off + len), then write from off on.
 * Bytes not flushed before are dropped. */
void dfota_pages_begin(struct dfota_pages *p, const struct dfota_flash *f,
                       uint32_t off, uint32_t len);

/** Append; whole pages are programmed. pages: struct dfota_pages, as a
 * dfota_sink has it. Returns 0. */
int dfota_pages_write(void *pages, const void *data, size_t len);

/** A sink as well: is that what the flash has, from the last begin() on?
 * len at most 64; 0, or E_FLASH */
int dfota_pages_equal(void *pages, const void *data, size_t len);

/** Program what is left, the last unit filled up; it ends behind that.
 * errors: the first one since begin() */
int dfota_pages_flush(struct dfota_pages *p);

#ifdef __cplusplus
}
#endif

#endif
