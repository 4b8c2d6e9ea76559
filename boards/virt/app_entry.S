/* SPDX-License-Identifier: Apache-2.0 */
/* The application's first instruction, and the table that fills its image:
 * boards/virt/build makes app-table.bin. */
    .syntax unified
    .section .entry, "ax"
    .thumb
    .thumb_func
    .global app_entry
app_entry:
    ldr r1, =app_stack_top
    mov sp, r1
    ldr r1, =app_main
    bx r1
    .ltorg
    .section .table, "a"
    .incbin "app-table.bin"
