/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An area of the chip as struct dfota_flash, with every argument checked.
 *
 * Layer: port. The checks cost a read of what is about to be programmed; a
 * chip that checks that itself (ECC) may go without.
 */
#ifndef DFOTA_PORT_FLASH_H
#define DFOTA_PORT_FLASH_H

#include "device/flash.h"

struct port_area {
    struct dfota_flash flash; /* give &flash to the updater */
    uint32_t start;           /* address in the chip */
};

/**
 * start, size   whole sectors of the chip
 * erase_size    bytes, see device/flash.h
 * prog_size     bytes a program unit
 * erased        what an erased byte reads as
 * errors        E_ARG
 */
int port_area_init(struct port_area *a, uint32_t start, uint32_t size,
                   uint32_t erase_size, uint16_t prog_size, uint8_t erased);

#endif
