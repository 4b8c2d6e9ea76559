/* SPDX-License-Identifier: Apache-2.0 */
#include "dfota_partition.h"

#include <stdbool.h>
#include <zephyr/drivers/flash.h>

#include "base/err.h"

/* The flash map checks bounds, the driver alignment: errors of both are the
 * flash's here. */
static int partition_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct dfota_partition *p = ctx;

    return flash_area_read(p->area, (off_t)off, buf, len) ? DFOTA_E_FLASH : 0;
}

static int partition_prog(void *ctx, uint32_t off, const void *buf,
                          uint32_t len)
{
    const struct dfota_partition *p = ctx;

    return flash_area_write(p->area, (off_t)off, buf, len) ? DFOTA_E_FLASH : 0;
}

static int partition_erase(void *ctx, uint32_t off)
{
    const struct dfota_partition *p = ctx;

    return flash_area_erase(p->area, (off_t)off, p->flash.erase_size)
               ? DFOTA_E_FLASH
               : 0;
}

/* Zephyr's drivers return when the chip is through. */
static int partition_sync(void *ctx)
{
    (void)ctx;
    return 0;
}

static bool is_power_of_two(size_t n)
{
    return n && !(n & (n - 1));
}

/* The one size that all pages of the partition have, or 0. */
static uint32_t page_size(const struct flash_area *area)
{
    const struct device *dev = flash_area_get_device(area);
    struct flash_pages_info page;
    off_t end = area->fa_off + (off_t)area->fa_size;
    size_t size = 0;

    for (off_t off = area->fa_off; off < end; off += (off_t)size) {
        if (flash_get_page_info_by_offs(dev, off, &page) ||
            page.start_offset != off || (size && page.size != size) ||
            page.size < 512 || page.size > 262144)
            return 0;
        size = page.size;
    }
    return (uint32_t)size;
}

static int fill_in(struct dfota_partition *p)
{
    const struct flash_area *area = p->area;
    uint32_t erase = page_size(area);
    uint32_t unit = flash_area_align(area);

    if (!is_power_of_two(erase) || !is_power_of_two(unit) || unit > 256 ||
        area->fa_size > UINT32_MAX || area->fa_size % erase)
        return DFOTA_E_UNSUPPORTED;
    p->flash.read = partition_read;
    p->flash.prog = partition_prog;
    p->flash.erase = partition_erase;
    p->flash.sync = partition_sync;
    p->flash.ctx = p;
    p->flash.size = (uint32_t)area->fa_size;
    p->flash.erase_size = erase;
    p->flash.prog_size = (uint16_t)unit;
    p->flash.erased_byte = flash_area_erased_val(area);
    return 0;
}

int dfota_partition_open(struct dfota_partition *p, uint8_t id)
{
    int err;

    if (flash_area_open(id, &p->area))
        return DFOTA_E_NOTFOUND;
    err = fill_in(p);
    if (err)
        flash_area_close(p->area);
    return err;
}

void dfota_partition_close(struct dfota_partition *p)
{
    flash_area_close(p->area);
}
