/* SPDX-License-Identifier: Apache-2.0 */
/**
 * QEMU's `virt` machine with a Cortex-A15: addresses, the layout of its two
 * flash banks, and the few services the boot loader has for the application.
 *
 *   bank 0   0x00000000   the boot loader, runs in place, never written
 *   bank 1   0x04000000   slot 1 MiB | backup 256 KiB | package 1 MiB |
 *                         journal 512 KiB
 *   RAM      0x40000000   QEMU's device tree, first 2 MiB
 *            0x40200000   the boot loader's data and stack, 1 MiB
 *            0x40300000   the application's, 1 MiB
 *
 * source   QEMU 7.2 hw/arm/virt.c (memory map); Arm DEN0022 5.1 (PSCI)
 */
#ifndef VIRT_H
#define VIRT_H

#include <stdint.h>

#define VIRT_BANK 0x04000000u
#define VIRT_BLOCK 0x40000u /* bytes, an erase block of two chips */
#define VIRT_UNIT 4u        /* bytes, one bus word: 16 bits of each chip */

/* Offsets and lengths in bank 1; boards/virt/build reads them, too. */
#define VIRT_SLOT 0x000000u
#define VIRT_SLOT_LEN 0x100000u
#define VIRT_BACKUP 0x100000u
#define VIRT_BACKUP_LEN 0x040000u
#define VIRT_PACKAGE 0x140000u
#define VIRT_PACKAGE_LEN 0x100000u
#define VIRT_JOURNAL 0x240000u
#define VIRT_JOURNAL_LEN 0x080000u

/* What the application is started with: its entry is the slot's first
 * (Thumb) instruction, its first argument a pointer to this. The functions
 * run in the boot loader's own flash and memory: bank 1 cannot be executed
 * while it is written. */
struct virt_services {
    void (*print)(const char *text);
    /* This firmware has proven itself: dfota_updater_confirm(). */
    int (*confirm)(void);
};

typedef void (*virt_entry)(const struct virt_services *services);

/** Switch the PL011's transmitter on; QEMU needs no baud rate. */
void uart_open(void);

/** Write text to the PL011; "\n" as it is. */
void uart_print(const char *text);

/** A decimal number. */
void uart_number(int32_t n);

/** Sleep for good: nothing wakes this machine but its host. */
void virt_stop(void) __attribute__((noreturn));

#endif
