/* SPDX-License-Identifier: Apache-2.0 */
/** The two serial ports: console (UART0) and cellular module (UART1). */
#ifndef DEMO_UART_H
#define DEMO_UART_H

#include <stddef.h>
#include <stdint.h>

enum uart_port {
    UART_CONSOLE,
    UART_MODEM,
};

/** Open a port; bytes received go to a ring from now on. */
void uart_open(enum uart_port port, uint32_t rate);

/** The oldest byte received, or -1. */
int uart_get(enum uart_port port);

/** Send bytes; waits while the port is busy. */
void uart_write(enum uart_port port, const void *data, size_t len);

/** Bytes lost because nobody read them in time. */
uint32_t uart_lost(enum uart_port port);

void uart_console_irq(void);
void uart_modem_irq(void);

#endif
