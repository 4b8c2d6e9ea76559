/* SPDX-License-Identifier: Apache-2.0 */
#include "port/skeleton/port_flash.h"

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"
#include "port/skeleton/port_nor.h"

#define CHECK_LEN 32u

static bool inside(const struct port_area *a, uint32_t off, uint32_t len)
{
    return off <= a->flash.size && len <= a->flash.size - off;
}

static int area_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct port_area *a = ctx;

    if (!inside(a, off, len))
        return DFOTA_E_FLASH;
    return port_nor_read(a->start + off, buf, len);
}

static int check_erased(const struct port_area *a, uint32_t off, uint32_t len)
{
    uint8_t seen[CHECK_LEN];

    while (len) {
        uint32_t n = dfota_min_u32(len, sizeof(seen));
        int err = port_nor_read(a->start + off, seen, n);

        if (err)
            return err;
        for (uint32_t i = 0; i < n; i++) {
            if (seen[i] != a->flash.erased_byte)
                return DFOTA_E_FLASH;
        }
        off += n;
        len -= n;
    }
    return 0;
}

static int area_prog(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    const struct port_area *a = ctx;
    int err = DFOTA_E_FLASH;

    if (inside(a, off, len) && ((off | len) & (a->flash.prog_size - 1u)) == 0)
        err = check_erased(a, off, len);
    return err ? err : port_nor_program(a->start + off, buf, len);
}

static int area_erase(void *ctx, uint32_t off)
{
    const struct port_area *a = ctx;

    if (!inside(a, off, a->flash.erase_size) ||
        (off & (a->flash.erase_size - 1)))
        return DFOTA_E_FLASH;
    return port_nor_erase(a->start + off);
}

/* The chip's functions return when they are through. */
static int area_sync(void *ctx)
{
    (void)ctx;
    return 0;
}

static bool is_power_of_two(uint32_t n)
{
    return n && !(n & (n - 1));
}

int port_area_init(struct port_area *a, uint32_t start, uint32_t size,
                   uint32_t erase_size, uint16_t prog_size, uint8_t erased)
{
    if (!is_power_of_two(erase_size) || !is_power_of_two(prog_size) ||
        erase_size < 512 || erase_size > 262144 || prog_size > 256 || !size ||
        start > UINT32_MAX - size || ((start | size) & (erase_size - 1)))
        return DFOTA_E_ARG;
    a->flash.read = area_read;
    a->flash.prog = area_prog;
    a->flash.erase = area_erase;
    a->flash.sync = area_sync;
    a->flash.ctx = a;
    a->flash.size = size;
    a->flash.erase_size = erase_size;
    a->flash.prog_size = prog_size;
    a->flash.erased_byte = erased;
    a->start = start;
    return 0;
}
