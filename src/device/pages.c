/* SPDX-License-Identifier: Apache-2.0 */
#include "device/pages.h"

#include "base/err.h"
#include "base/mem.h"

int dfota_flash_read(const struct dfota_flash *f, uint32_t off, void *buf,
                     uint32_t len)
{
    return dfota_read(f->read, f->ctx, off, buf, len);
}

void dfota_pages_begin(struct dfota_pages *p, const struct dfota_flash *f,
                       uint32_t off, uint32_t len)
{
    uint32_t end = off + len;

    p->flash = f;
    p->out = off;
    p->fill = 0;
    p->err = 0;
    for (; !p->err && off < end; off += f->erase_size)
        p->err = f->erase(f->ctx, off);
}

int dfota_pages_write(void *pages, const void *data, size_t len)
{
    struct dfota_pages *p = pages;
    const uint8_t *in = data;

    while (len--) {
        ((uint8_t *)p->page)[p->fill++] = *in++;
        if (p->fill == DFOTA_PAGE_LEN)
            (void)dfota_pages_flush(p);
    }
    return 0;
}

int dfota_pages_equal(void *pages, const void *data, size_t len)
{
    struct dfota_pages *p = pages;
    uint32_t at = p->out;

    p->out += (uint32_t)len;
    return dfota_flash_read(p->flash, at, p->page, (uint32_t)len) ||
                   memcmp(p->page, data, len) != 0
               ? DFOTA_E_FLASH
               : 0;
}

int dfota_pages_flush(struct dfota_pages *p)
{
    const struct dfota_flash *f = p->flash;
    uint32_t whole = (p->fill + f->prog_size - 1) & -(uint32_t)f->prog_size;

    memset((uint8_t *)p->page + p->fill, f->erased_byte, whole - p->fill);
    if (whole && !p->err) {
        p->err = f->prog(f->ctx, p->out, p->page, whole);
        if (!p->err)
            p->err = f->sync(f->ctx);
    }
    p->out += whole;
    p->fill = 0;
    return p->err;
}
