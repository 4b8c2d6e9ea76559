/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A partition of Zephyr's flash map as struct dfota_flash.
 *
 * source   Zephyr 3.7 and 4.x: storage/flash_map.h, drivers/flash.h
 */
#ifndef DFOTA_ZEPHYR_PARTITION_H
#define DFOTA_ZEPHYR_PARTITION_H

#include <zephyr/storage/flash_map.h>

#include "device/flash.h"

struct dfota_partition {
    struct dfota_flash flash; /* give &flash to the updater or fill_slot() */
    const struct flash_area *area;
};

/**
 * Open a partition, FIXED_PARTITION_ID(label).
 *
 * errors   E_NOTFOUND no such partition, or its device is not there;
 *          E_UNSUPPORTED pages of several sizes in it, or sizes that
 *          device/flash.h does not allow
 */
int dfota_partition_open(struct dfota_partition *p, uint8_t id);

void dfota_partition_close(struct dfota_partition *p);

#endif
