/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The flash chip of the board: what a new port fills in, and all of it.
 *
 * Layer: port. Addresses are the chip's own. port_flash.c has checked every
 * argument before it calls: ranges lie in an area, programs are whole units
 * that read erased, erases are on sector bounds. What is left is the
 * hardware: unlock, command, wait, look at the error bits.
 *
 * Each function returns when the cells have taken what was asked; a port
 * with a watchdog feeds it while it waits.
 */
#ifndef DFOTA_PORT_NOR_H
#define DFOTA_PORT_NOR_H

#include <stdint.h>

/** 0, or DFOTA_E_FLASH: ECC error, bus error. */
int port_nor_read(uint32_t addr, void *buf, uint32_t len);

/** One run of program units. 0, or DFOTA_E_FLASH. */
int port_nor_program(uint32_t addr, const void *buf, uint32_t len);

/** The one sector that begins at addr. 0, or DFOTA_E_FLASH. */
int port_nor_erase(uint32_t addr);

#endif
