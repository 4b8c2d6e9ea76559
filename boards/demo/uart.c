/* SPDX-License-Identifier: Apache-2.0 */
#include "uart.h"

#include <stdio.h>

#include "board.h"
#include "ring.h"

#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u
#define INT_RX 2u

static struct ring received[2];

static struct board_uart *regs(enum uart_port port)
{
    return port == UART_CONSOLE ? BOARD_UART0 : BOARD_UART1;
}

void uart_open(enum uart_port port, uint32_t rate)
{
    struct board_uart *u = regs(port);

    u->baud_div = BOARD_CLOCK_HZ / rate;
    u->ctrl = 1u | 2u | 8u;
    BOARD_NVIC_ENABLE = port == UART_CONSOLE ? 1u << 0 : 1u << 2;
}

static void take(enum uart_port port)
{
    struct board_uart *u = regs(port);

    /* First, or a byte that comes behind the loop would never interrupt. */
    u->int_status = INT_RX;
    while (u->state & STATE_RX_FULL)
        ring_put(&received[port], (uint8_t)u->data);
}

void uart_console_irq(void)
{
    take(UART_CONSOLE);
}

void uart_modem_irq(void)
{
    take(UART_MODEM);
}

int uart_get(enum uart_port port)
{
    return ring_get(&received[port]);
}

void uart_write(enum uart_port port, const void *data, size_t len)
{
    struct board_uart *u = regs(port);
    const uint8_t *p = data;

    while (len--) {
        while (u->state & STATE_TX_FULL)
            ;
        u->data = *p++;
    }
}

uint32_t uart_lost(enum uart_port port)
{
    return received[port].lost;
}

static int put_char(char c, FILE *f)
{
    (void)f;
    if (c == '\n')
        uart_write(UART_CONSOLE, "\r", 1);
    uart_write(UART_CONSOLE, &c, 1);
    return 0;
}

static FILE console =
    FDEV_SETUP_STREAM(put_char, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &console;
