/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Parallel NOR flash that answers the Common Flash Interface and takes the
 * Intel command set: two chips of 16 bits side by side on a 32-bit bus.
 *
 * Each command goes to both chips, each status comes from both. Areas are
 * struct dfota_flash; all areas of a bank share one struct cfi_bank.
 *
 * source   JEDEC JESD68.01 (CFI), Intel 297859 command set 0001
 */
#ifndef VIRT_CFI_H
#define VIRT_CFI_H

#include <stdint.h>

#include "device/flash.h"

struct cfi_bank {
    volatile uint32_t *base;
    uint32_t size;   /* bytes, both chips */
    uint32_t block;  /* bytes of an erase block, both chips */
    uint32_t buffer; /* bytes of the write buffers, both chips */
};

struct cfi_area {
    const struct cfi_bank *bank;
    uint32_t start; /* offset in the bank, on a block */
    uint32_t len;   /* bytes, whole blocks */
};

/**
 * Ask the chips at base who they are.
 *
 * errors   E_UNSUPPORTED no answer, another command set, or blocks of
 *          several sizes
 */
int cfi_open(struct cfi_bank *b, uintptr_t base);

/**
 * An area of the bank as the updater wants it.
 *
 * a        must stay valid while f is used
 * errors   E_ARG not whole blocks, or outside the bank
 */
int cfi_area_init(struct cfi_area *a, const struct cfi_bank *b, uint32_t start,
                  uint32_t len, struct dfota_flash *f);

#endif
