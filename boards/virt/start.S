/* SPDX-License-Identifier: Apache-2.0 */
/* Reset and faults of the boot loader: Arm state, MMU and caches off, as the
 * core comes out of reset. Arm ARM DDI 0406C B1.8.1. */
    .syntax unified
    .section .vectors, "ax"
    .arm
    .global virt_vectors
virt_vectors:
    b reset
    b fault
    b fault
    b fault
    b fault
    b fault
    b fault
    b fault
reset:
    cpsid if
    ldr sp, =virt_stack_top
    ldr r0, =boot_start
    bx r0
/* A fault has a stack of its own mode; what it interrupted is lost. */
fault:
    ldr sp, =virt_stack_top
    ldr r0, =boot_fault
    bx r0
    .ltorg
