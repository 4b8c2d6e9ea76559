/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Registers of the mps2-an385 board (Cortex-M3) that the demo uses.
 *
 * source   Arm DAI 0385, memory map; Cortex-M System Design Kit TRM 4.3 (UART)
 */
#ifndef DEMO_BOARD_H
#define DEMO_BOARD_H

#include <stdint.h>

#define BOARD_CLOCK_HZ 25000000u

struct board_uart {
    volatile uint32_t data;
    volatile uint32_t state;      /* bit 0 TX full, 1 RX full */
    volatile uint32_t ctrl;       /* bit 0 TX on, 1 RX on, 3 RX interrupt */
    volatile uint32_t int_status; /* write 1 to clear: bit 0 TX, 1 RX */
    volatile uint32_t baud_div;   /* clock / rate, at least 16 */
};

#define BOARD_UART0 ((struct board_uart *)0x40004000u)
#define BOARD_UART1 ((struct board_uart *)0x40005000u)

struct board_systick {
    volatile uint32_t ctrl;
    volatile uint32_t reload;
    volatile uint32_t value;
};

#define BOARD_SYSTICK ((struct board_systick *)0xE000E010u)
#define BOARD_NVIC_ENABLE (*(volatile uint32_t *)0xE000E100u)
#define BOARD_AIRCR (*(volatile uint32_t *)0xE000ED0Cu)
#define BOARD_LED (*(volatile uint32_t *)0x40028000u)

/** Milliseconds since the start; wraps after 49 days. */
uint32_t board_now_ms(void);

/** Reset the micro-controller; does not return. */
void board_reset(void);

/** Sleep until the next interrupt. */
void board_sleep(void);

#endif
