/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One flash area of the device: what a port provides.
 *
 * Layer: device (freestanding). An area is a range of whole erase blocks
 * ("sectors") of one size; the updater is given four of them: slot, backup,
 * package, journal. They may lie on one chip or on several.
 *
 * What the updater relies on (docs/invariants.md): a program unit is written
 * at most once between two erases; prog and erase are not atomic, and power
 * may go at any point inside them; read of a unit that was being written or
 * erased when power went may return anything, anything else at the next
 * read, or an error. One thing it must not do: a sector whose erase was cut
 * must not read as before the erase, all of it, at one power-on and otherwise
 * at a later one (docs/decisions/0104).
 */
#ifndef DFOTA_DEVICE_FLASH_H
#define DFOTA_DEVICE_FLASH_H

#include <stdint.h>

#include "device/walk.h"

#ifdef __cplusplus
extern "C" {
#endif

struct dfota_flash {
    /* Read len bytes at off. 0, or DFOTA_E_FLASH (ECC, bus). */
    int (*read)(void *ctx, uint32_t off, void *buf, uint32_t len);
    /* Program len bytes at off; both are multiples of prog_size, and the
     * range is erased. 0, or DFOTA_E_FLASH. */
    int (*prog)(void *ctx, uint32_t off, const void *buf, uint32_t len);
    /* Erase the one sector that begins at off. 0, or DFOTA_E_FLASH. */
    int (*erase)(void *ctx, uint32_t off);
    /* Return once everything before is in the cells. 0, or DFOTA_E_FLASH. */
    int (*sync)(void *ctx);
    void *ctx;
    uint32_t size;       /* bytes, a multiple of erase_size */
    uint32_t erase_size; /* bytes, a power of two, 512 .. 262144 */
    uint16_t prog_size;  /* bytes, a power of two, 1 .. 256 */
    uint8_t erased_byte; /* 0xFF or 0x00 */
};

#ifdef __cplusplus
}
#endif

#endif
