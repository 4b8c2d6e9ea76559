/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Vector table, C start-up and the millisecond tick of the board.
 *
 * source   ARMv7-M Architecture Reference Manual B1.5
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "board.h"
#include "uart.h"

extern uint32_t board_stack_top[], board_data_load[], board_data_start[],
    board_data_end[], board_bss_start[], board_bss_end[], board_tls_base[];

int main(void);
void _set_tls(void *tls);
void board_start(void);
void board_tick(void);
void board_fault(void);

static volatile uint32_t ticks;

void board_start(void)
{
    size_t data_len =
        (size_t)((char *)board_data_end - (char *)board_data_start);
    size_t bss_len = (size_t)((char *)board_bss_end - (char *)board_bss_start);

    memcpy(board_data_start, board_data_load, data_len);
    memset(board_bss_start, 0, bss_len);
    _set_tls(board_tls_base);
    BOARD_SYSTICK->reload = BOARD_CLOCK_HZ / 1000 - 1;
    BOARD_SYSTICK->value = 0;
    BOARD_SYSTICK->ctrl = 7; /* core clock, interrupt, on */
    main();
    board_reset();
}

void board_tick(void)
{
    ticks++;
}

/* Nothing sensible can be done with a corrupt stack: begin again. */
void board_fault(void)
{
    board_reset();
}

uint32_t board_now_ms(void)
{
    return ticks;
}

void board_reset(void)
{
    BOARD_AIRCR = 0x05FA0004u;
    for (;;)
        board_sleep();
}

void board_sleep(void)
{
    __asm__ volatile("wfi");
}

typedef void (*board_vector)(void);

/* Entry 0 is the stack pointer: a number in a table of functions. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    board_vector system[15];
    board_vector irq[32];
} vectors = {
    board_stack_top,
    {board_start, board_fault, board_fault, board_fault, board_fault,
     board_fault, NULL, NULL, NULL, NULL, board_fault, board_fault, NULL,
     board_fault, board_tick},
    {uart_console_irq, board_fault, uart_modem_irq, board_fault},
};
