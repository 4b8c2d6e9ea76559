/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The machine below the boot loader: its serial port, and the four functions
 * that every C program may call.
 *
 * The MMU is off, so all memory is Device memory: accesses that are not
 * aligned fault, and a C library's memcpy() makes them. These do not.
 *
 * source   Arm DDI 0183 3.3 (PL011); Arm DDI 0406C A3.2
 */
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "virt.h"

#define UART_DATA (*(volatile uint32_t *)0x09000000u)
#define UART_FLAGS (*(volatile uint32_t *)0x09000018u)
#define UART_LINE (*(volatile uint32_t *)0x0900002Cu)
#define UART_CTRL (*(volatile uint32_t *)0x09000030u)
#define UART_TX_FULL 0x20u

void uart_open(void)
{
    UART_CTRL = 0;
    UART_LINE = 0x70;  /* 8 bits, FIFOs */
    UART_CTRL = 0x101; /* on, transmit */
}

void uart_print(const char *text)
{
    while (*text) {
        while (UART_FLAGS & UART_TX_FULL)
            ;
        UART_DATA = (uint8_t)*text++;
    }
}

void uart_number(int32_t n)
{
    char text[12];
    char *p = text + sizeof(text) - 1;
    uint32_t left = n < 0 ? 0u - (uint32_t)n : (uint32_t)n;

    *p = '\0';
    do {
        *--p = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (n < 0)
        *--p = '-';
    uart_print(p);
}

void virt_stop(void)
{
    for (;;)
        __asm__ volatile("wfi");
}

static int aligned(const void *a, const void *b)
{
    return (((uintptr_t)a | (uintptr_t)b) & 3u) == 0;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t len)
{
    uint8_t *d = dst;
    const uint8_t *s = src;

    if (aligned(d, s)) {
        for (; len >= 4; len -= 4, d += 4, s += 4)
            *(uint32_t *)(void *)d = *(const uint32_t *)(const void *)s;
    }
    while (len--)
        *d++ = *s++;
    return dst;
}

void *memmove(void *dst, const void *src, size_t len)
{
    uint8_t *d = dst;
    const uint8_t *s = src;

    if (d > s) {
        while (len--)
            d[len] = s[len];
    } else {
        while (len--)
            *d++ = *s++;
    }
    return dst;
}

void *memset(void *dst, int byte, size_t len)
{
    uint8_t *d = dst;

    while (len--)
        *d++ = (uint8_t)byte;
    return dst;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a;
    const uint8_t *y = b;

    for (; len; len--, x++, y++) {
        if (*x != *y)
            return *x - *y;
    }
    return 0;
}
