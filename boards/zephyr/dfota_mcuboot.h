/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A stored package becomes MCUboot's next image.
 */
#ifndef DFOTA_ZEPHYR_MCUBOOT_H
#define DFOTA_ZEPHYR_MCUBOOT_H

#include <stdint.h>

#include "dfota_raw_key.h"

/**
 * Decode the package in partition dfota_package against slot0_partition into
 * slot1_partition, and ask MCUboot to test that at the next reset. The new
 * firmware calls boot_write_img_confirmed() when it has proven itself.
 *
 * key      whose packages are taken
 * errors   those of fill_slot() and of dfota_partition_open(); E_IO MCUboot
 *          cannot be asked, or the PSA library does not start
 */
int dfota_mcuboot_fill(const uint8_t key[RAW_KEY_LEN]);

#endif
