/* SPDX-License-Identifier: Apache-2.0 */
/* What boards/zephyr needs of Zephyr's flash map, for a test that has no
 * Zephyr: the names and types of its documentation, and no more. */
#ifndef STUB_ZEPHYR_STORAGE_FLASH_MAP_H
#define STUB_ZEPHYR_STORAGE_FLASH_MAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct device {
    int number;
};

struct flash_area {
    uint8_t fa_id;
    off_t fa_off; /* in the device */
    size_t fa_size;
    const struct device *fa_dev;
};

enum { stub_slot0_partition = 1, stub_slot1_partition, stub_dfota_package };
#define FIXED_PARTITION_ID(label) stub_##label

int flash_area_open(uint8_t id, const struct flash_area **fa);
void flash_area_close(const struct flash_area *fa);
int flash_area_read(const struct flash_area *fa, off_t off, void *dst,
                    size_t len);
int flash_area_write(const struct flash_area *fa, off_t off, const void *src,
                     size_t len);
int flash_area_erase(const struct flash_area *fa, off_t off, size_t len);
uint32_t flash_area_align(const struct flash_area *fa);
uint8_t flash_area_erased_val(const struct flash_area *fa);
const struct device *flash_area_get_device(const struct flash_area *fa);

#endif
