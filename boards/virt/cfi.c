/* SPDX-License-Identifier: Apache-2.0 */
#include "cfi.h"

#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "virt.h"

#define BOTH(byte) ((uint32_t)(byte)*0x00010001u)

#define CMD_ERASE BOTH(0x20)
#define CMD_CLEAR_STATUS BOTH(0x50)
#define CMD_LOCKS BOTH(0x60)
#define CMD_QUERY BOTH(0x98)
#define CMD_CONFIRM BOTH(0xD0)
#define CMD_BUFFER BOTH(0xE8)
#define CMD_ARRAY BOTH(0xFF)

#define STATUS_READY BOTH(0x80)
#define STATUS_ERRORS BOTH(0x3A) /* erase, program, voltage, lock */

/* Polls before a chip counts as dead: seconds of any real part's erase. */
#define POLLS 100000000u

#define QUERY_ADDRESS 0x55 /* in bus words */
#define QUERY_ID 0x10      /* "QRY" */
#define QUERY_COMMANDS 0x13
#define QUERY_SIZE 0x27      /* log2, bytes of a chip */
#define QUERY_BUFFER 0x2A    /* log2, bytes of a chip */
#define QUERY_REGIONS 0x2C   /* of blocks of one size */
#define QUERY_BLOCK_LEN 0x2F /* 256 bytes each, of a chip */

static int wait_ready(const struct cfi_bank *b, uint32_t word)
{
    for (uint32_t i = 0; i < POLLS; i++) {
        uint32_t status = b->base[word];

        if ((status & STATUS_READY) == STATUS_READY)
            return status & STATUS_ERRORS ? DFOTA_E_FLASH : 0;
    }
    return DFOTA_E_FLASH;
}

/* Errors stay in the status until they are cleared; blocks of many parts
 * come locked out of reset. */
static void prepare(const struct cfi_bank *b, uint32_t word)
{
    b->base[word] = CMD_CLEAR_STATUS;
    b->base[word] = CMD_LOCKS;
    b->base[word] = CMD_CONFIRM;
}

static int leave(const struct cfi_bank *b, uint32_t word, int err)
{
    b->base[word] = CMD_CLEAR_STATUS;
    b->base[word] = CMD_ARRAY;
    return err;
}

static int erase_block(const struct cfi_bank *b, uint32_t off)
{
    uint32_t word = off / 4;
    int err;

    prepare(b, word);
    b->base[word] = CMD_ERASE;
    b->base[word] = CMD_CONFIRM;
    err = wait_ready(b, word);
    return leave(b, word, err);
}

/* One load of the write buffers; it does not cross their bound. */
static int program_buffer(const struct cfi_bank *b, uint32_t off,
                          const uint8_t *in, uint32_t len)
{
    uint32_t word = off / 4;
    uint32_t words = len / 4;
    int err;

    prepare(b, word);
    b->base[word] = CMD_BUFFER;
    err = wait_ready(b, word);
    if (err)
        return leave(b, word, err);
    b->base[word] = BOTH(words - 1);
    for (uint32_t i = 0; i < words; i++) {
        uint32_t value;

        memcpy(&value, in + 4 * (size_t)i, 4);
        b->base[word + i] = value;
    }
    b->base[word] = CMD_CONFIRM;
    err = wait_ready(b, word);
    return leave(b, word, err);
}

static bool inside(const struct cfi_area *a, uint32_t off, uint32_t len)
{
    return off <= a->len && len <= a->len - off;
}

static int area_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct cfi_area *a = ctx;

    if (!inside(a, off, len))
        return DFOTA_E_FLASH;
    memcpy(buf, (const uint8_t *)(uintptr_t)a->bank->base + a->start + off,
           len);
    return 0;
}

/* NOR cells go from 1 to 0 alone: a unit that is not erased is refused here,
 * where a chip would quietly mix old bits with new ones. */
static bool is_erased(const struct cfi_bank *b, uint32_t off, uint32_t len)
{
    for (uint32_t i = 0; i < len / 4; i++) {
        if (b->base[off / 4 + i] != 0xFFFFFFFFu)
            return false;
    }
    return true;
}

static int area_prog(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    const struct cfi_area *a = ctx;
    const uint8_t *in = buf;

    if (!inside(a, off, len) || (off | len) % VIRT_UNIT ||
        !is_erased(a->bank, a->start + off, len))
        return DFOTA_E_FLASH;
    for (uint32_t at = a->start + off; len;) {
        uint32_t n = a->bank->buffer - (at & (a->bank->buffer - 1));
        int err;

        n = n < len ? n : len;
        err = program_buffer(a->bank, at, in, n);
        if (err)
            return err;
        at += n;
        in += n;
        len -= n;
    }
    return 0;
}

static int area_erase(void *ctx, uint32_t off)
{
    const struct cfi_area *a = ctx;

    if (!inside(a, off, a->bank->block) || off % a->bank->block)
        return DFOTA_E_FLASH;
    return erase_block(a->bank, a->start + off);
}

/* Every command has been waited for. */
static int area_sync(void *ctx)
{
    (void)ctx;
    return 0;
}

/* The low chip's answer at a place of the query table; both must agree. */
static uint32_t query(const struct cfi_bank *b, uint32_t place)
{
    uint32_t both = b->base[place];

    return both == BOTH(both & 0xFF) ? both & 0xFF : 0x100;
}

static int read_query(struct cfi_bank *b)
{
    uint32_t size, buffer, len;

    if (query(b, QUERY_ID) != 'Q' || query(b, QUERY_ID + 1) != 'R' ||
        query(b, QUERY_ID + 2) != 'Y' || query(b, QUERY_COMMANDS) != 1 ||
        query(b, QUERY_COMMANDS + 1) != 0 || query(b, QUERY_REGIONS) != 1)
        return DFOTA_E_UNSUPPORTED;
    size = query(b, QUERY_SIZE);
    buffer = query(b, QUERY_BUFFER);
    len = query(b, QUERY_BLOCK_LEN) | query(b, QUERY_BLOCK_LEN + 1) << 8;
    if (size > 30 || buffer < 1 || buffer > 16 || len == 0 || len > 0xFFFF ||
        (len & (len - 1)))
        return DFOTA_E_UNSUPPORTED;
    b->size = 2u << size;
    b->buffer = 2u << buffer;
    b->block = 2u * 256u * len;
    return 0;
}

int cfi_open(struct cfi_bank *b, uintptr_t base)
{
    int err;

    b->base = (volatile uint32_t *)base;
    b->base[QUERY_ADDRESS] = CMD_QUERY;
    err = read_query(b);
    return leave(b, 0, err);
}

int cfi_area_init(struct cfi_area *a, const struct cfi_bank *b, uint32_t start,
                  uint32_t len, struct dfota_flash *f)
{
    if (start % b->block || len % b->block || start > b->size ||
        len > b->size - start)
        return DFOTA_E_ARG;
    a->bank = b;
    a->start = start;
    a->len = len;
    f->read = area_read;
    f->prog = area_prog;
    f->erase = area_erase;
    f->sync = area_sync;
    f->ctx = a;
    f->size = len;
    f->erase_size = b->block;
    f->prog_size = VIRT_UNIT;
    f->erased_byte = 0xFF;
    return 0;
}
