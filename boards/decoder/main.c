/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The decoder on a Cortex-M3 of QEMU: how many instructions and how much
 * stack a package costs. tools/decoder-cost builds and runs it. What it finds
 * out it says by semihosting, and ends by it.
 *
 * The host puts a job, the package and the old image into PSRAM before the
 * start; the new image goes there, too. QEMU runs with -icount shift=0, one
 * nanosecond an instruction, so that one tick of the 25 MHz timer is forty.
 *
 * source   Arm semihosting 2.0, 4.2 (BKPT 0xAB), 6.18 (SYS_WRITE0), 6.6
 *          (SYS_EXIT)
 */
#include <stddef.h>
#include <stdint.h>

#include "base/crc32.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/decoder.h"

#define JOB ((volatile const struct job *)0x21000000u)
#define PACKAGE ((const uint8_t *)0x21010000u)
#define OLD ((const uint8_t *)0x21400000u)
#define NEW ((uint8_t *)0x21A00000u)
#define STACK_PAINT 4096u
#define PAINT 0xA5u
#define OUT_LEN 256

#define SYS_WRITE0 0x04u
#define SYS_EXIT 0x18u
#define EXIT_DONE 0x20026u /* ADP_Stopped_ApplicationExit */
#define TIMER_CTRL (*(volatile uint32_t *)0x40000000u)
#define TIMER_VALUE (*(volatile uint32_t *)0x40000004u)
#define TIMER_RELOAD (*(volatile uint32_t *)0x40000008u)

struct job {
    uint32_t package_len, old_len;
};

struct cost {
    uint32_t ticks, stack;
};

extern uint32_t board_stack_top[], board_data_load[], board_data_start[],
    board_data_end[], board_bss_start[], board_bss_end[];

void board_start(void);
void board_fault(void);

static struct dfota_decoder decoder;
static uint32_t arena[65536 / 4];

static void ask_host(uint32_t what, uintptr_t argument)
{
    register uint32_t r0 __asm__("r0") = what;
    register uintptr_t r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

static void print(const char *text)
{
    ask_host(SYS_WRITE0, (uintptr_t)text);
}

static void end(void)
{
    print("end\n");
    ask_host(SYS_EXIT, EXIT_DONE);
}

static void print_hex(const char *name, uint32_t v)
{
    char text[10];

    for (int i = 7; i >= 0; i--, v >>= 4)
        text[i] = "0123456789abcdef"[v & 15];
    text[8] = ' ';
    text[9] = '\0';
    print(name);
    print("=");
    print(text);
}

static int read_memory(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    memcpy(buf, (const uint8_t *)ctx + off, len);
    return 0;
}

static struct dfota_reader reader(const uint8_t *at, uint32_t len)
{
    struct dfota_reader r = {read_memory, (void *)(uintptr_t)at, len};

    return r;
}

static int decode_window(const struct dfota_package *p, uint32_t w,
                         uint32_t *next)
{
    uint8_t out[OUT_LEN];
    uint32_t off, len;
    size_t n;
    int rc = dfota_decoder_open(&decoder, w, *next);

    dfota_package_window(p, w, &off, &len);
    if (rc < 0)
        return rc;
    do {
        rc = dfota_decoder_poll(&decoder, out, sizeof(out), &n);
        if (rc < 0)
            return rc;
        memcpy(NEW + off, out, n);
        off += (uint32_t)n;
    } while (rc == DFOTA_MORE);
    *next = dfota_decoder_next(&decoder);
    return 0;
}

static int decode(struct dfota_package *p)
{
    struct dfota_decoder_io io = {
        .package = reader(PACKAGE, JOB->package_len),
        .old = reader(OLD, JOB->old_len),
        .made = reader(NEW, 0x500000),
    };
    uint32_t next;
    int rc = dfota_package_open(p, &io.package);

    if (rc == 0)
        rc = dfota_decoder_init(&decoder, p, &io, arena, sizeof(arena));
    if (rc < 0)
        return rc;
    next = dfota_decoder_first(&decoder);
    for (uint32_t w = 0; w < p->windows && rc >= 0; w++)
        rc = decode_window(p, w, &next);
    return rc;
}

/* Run the decoder on painted stack, and see how far the paint is gone. */
static int measure(struct dfota_package *p, struct cost *cost)
{
    uint8_t here;
    volatile uint8_t *low = &here - STACK_PAINT, *at = low;
    uint32_t begin;
    int rc;

    while (at < &here - 64)
        *at++ = PAINT;
    begin = TIMER_VALUE;
    rc = decode(p);
    cost->ticks = begin - TIMER_VALUE;
    for (at = low; *at == PAINT; at++)
        ;
    cost->stack = (uint32_t)(&here - at);
    return rc;
}

void board_start(void)
{
    struct dfota_package p;
    struct cost cost;
    int rc;

    memcpy(board_data_start, board_data_load,
           (size_t)((char *)board_data_end - (char *)board_data_start));
    memset(board_bss_start, 0,
           (size_t)((char *)board_bss_end - (char *)board_bss_start));
    TIMER_RELOAD = 0xFFFFFFFFu;
    TIMER_VALUE = 0xFFFFFFFFu;
    TIMER_CTRL = 1;
    rc = measure(&p, &cost);
    print_hex("rc", (uint32_t)rc);
    print_hex("ticks", cost.ticks);
    print_hex("stack", cost.stack);
    print_hex("decoder", sizeof(decoder));
    if (rc >= 0) {
        print_hex("arena", (uint32_t)dfota_decoder_arena_len(&p));
        print_hex("len", p.m.target_len);
        print_hex("crc", dfota_crc32(0, NEW, p.m.target_len));
    }
    end();
}

void board_fault(void)
{
    print("fault=1 ");
    end();
}

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*start)(void);
    void (*faults[5])(void);
} vectors = {board_stack_top,
             board_start,
             {board_fault, board_fault, board_fault, board_fault, board_fault}};
