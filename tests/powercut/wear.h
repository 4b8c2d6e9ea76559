/* SPDX-License-Identifier: Apache-2.0 */
/** What an update costs in erases: docs/testing.md 7. */
#ifndef DFOTA_POWERCUT_WEAR_H
#define DFOTA_POWERCUT_WEAR_H

#include <stdint.h>

/**
 * Update from old.bin to new.bin of every folder of dir, with backups of one
 * sector, of 64 KiB and of the whole image, and print a row of erases for
 * each: sectors of 4 KiB, the journal apart.
 *
 * unit     bytes of a program unit
 * returns  0; 1 a row is over the budget; 2 there was nothing to read
 */
int wear_print(const char *dir, uint16_t unit);

#endif
