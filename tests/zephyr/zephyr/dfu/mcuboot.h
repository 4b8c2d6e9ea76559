/* SPDX-License-Identifier: Apache-2.0 */
/* See storage/flash_map.h beside it. */
#ifndef STUB_ZEPHYR_DFU_MCUBOOT_H
#define STUB_ZEPHYR_DFU_MCUBOOT_H

#define BOOT_UPGRADE_TEST 0

int boot_request_upgrade(int permanent);

#endif
