/* SPDX-License-Identifier: Apache-2.0 */
#include "port/skeleton/port_selftest.h"

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

#define PIECE 256u /* bytes; whole units of every size there may be */
#define SECTOR_MIN 512u
#define SECTOR_MAX 262144u

struct test {
    const struct dfota_flash *f;
    struct port_finding *found;
};

static int fail(struct test *t, enum port_check check, uint32_t off, int err)
{
    t->found->check = check;
    t->found->off = off;
    t->found->err = err;
    return DFOTA_E_FLASH;
}

/* A byte that says where it is: an address line that is stuck, swapped or
 * short gives a byte of another place. */
static uint8_t mark(uint32_t off)
{
    uint32_t x = off * 2654435761u;

    return (uint8_t)((x >> 24) ^ (x >> 13) ^ off);
}

static void fill(uint8_t *out, uint32_t off, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        out[i] = mark(off + i);
}

/* Is [off, off + len) all marks, or all erased? */
static int expect(struct test *t, uint32_t off, uint32_t len, bool marks,
                  enum port_check check)
{
    uint8_t seen[PIECE];

    while (len) {
        uint32_t n = dfota_min_u32(len, sizeof(seen));
        int err = t->f->read(t->f->ctx, off, seen, n);

        if (err)
            return fail(t, check, off, err);
        for (uint32_t i = 0; i < n; i++) {
            if (seen[i] != (marks ? mark(off + i) : t->f->erased_byte))
                return fail(t, check, off + i, 0);
        }
        off += n;
        len -= n;
    }
    return 0;
}

static int erase(struct test *t, uint32_t off)
{
    int err = t->f->erase(t->f->ctx, off);

    if (!err)
        err = t->f->sync(t->f->ctx);
    if (err)
        return fail(t, PORT_CHECK_ERASE, off, err);
    return expect(t, off, t->f->erase_size, false, PORT_CHECK_ERASE);
}

static int program(struct test *t, uint32_t off, uint32_t len)
{
    uint8_t data[PIECE];
    int err;

    fill(data, off, len);
    err = t->f->prog(t->f->ctx, off, data, len);
    if (!err)
        err = t->f->sync(t->f->ctx);
    if (err)
        return fail(t, PORT_CHECK_PROGRAM, off, err);
    return expect(t, off, len, true, PORT_CHECK_PROGRAM);
}

static bool is_power_of_two(uint32_t n)
{
    return n && !(n & (n - 1));
}

static int check_geometry(struct test *t)
{
    const struct dfota_flash *f = t->f;

    if (!is_power_of_two(f->erase_size) || f->erase_size < SECTOR_MIN ||
        f->erase_size > SECTOR_MAX || !is_power_of_two(f->prog_size) ||
        f->prog_size > PIECE || !f->size || (f->size & (f->erase_size - 1)) ||
        (f->erased_byte != 0xFF && f->erased_byte != 0x00))
        return fail(t, PORT_CHECK_GEOMETRY, 0, 0);
    return 0;
}

/* What must be refused; a driver that does it instead may have changed what
 * does not belong to the area. */
static int check_bounds(struct test *t)
{
    const struct dfota_flash *f = t->f;
    uint32_t end = f->size;
    uint32_t unit = f->prog_size;
    uint8_t data[PIECE];

    memset(data, f->erased_byte, sizeof(data));
    if (f->read(f->ctx, end, data, 1) == 0 ||
        f->read(f->ctx, end - 1, data, 2) == 0 ||
        f->read(f->ctx, UINT32_MAX, data, 2) == 0)
        return fail(t, PORT_CHECK_BOUNDS, end, 0);
    if (f->prog(f->ctx, end, data, unit) == 0 ||
        (2 * unit <= PIECE && f->prog(f->ctx, end - unit, data, 2 * unit) == 0))
        return fail(t, PORT_CHECK_BOUNDS, end - unit, 0);
    if (unit > 1 && (f->prog(f->ctx, 1, data, unit) == 0 ||
                     f->prog(f->ctx, 0, data, unit - 1) == 0))
        return fail(t, PORT_CHECK_BOUNDS, 0, 0);
    if (f->erase(f->ctx, end) == 0 || f->erase(f->ctx, unit) == 0)
        return fail(t, PORT_CHECK_BOUNDS, end, 0);
    return 0;
}

static int erase_all(struct test *t)
{
    int err = 0;

    for (uint32_t off = 0; !err && off < t->f->size; off += t->f->erase_size)
        err = erase(t, off);
    return err;
}

/* Every second unit of a sector alone, then those between. */
static int check_units(struct test *t)
{
    uint32_t unit = t->f->prog_size;
    uint32_t len = dfota_min_u32(t->f->erase_size, 16 * unit);
    int err = 0;

    for (uint32_t off = 0; !err && off < len; off += 2 * unit) {
        err = program(t, off, unit);
        if (!err)
            err = expect(t, off + unit, unit, false, PORT_CHECK_UNIT);
    }
    for (uint32_t off = unit; !err && off < len; off += 2 * unit)
        err = program(t, off, unit);
    if (!err)
        err = expect(t, 0, len, true, PORT_CHECK_UNIT);
    if (!err)
        err = expect(t, len, t->f->erase_size - len, false, PORT_CHECK_UNIT);
    return err ? err : erase(t, 0);
}

/* The whole area in pieces; all of it is looked at when all of it is there. */
static int check_addresses(struct test *t)
{
    int err = 0;

    for (uint32_t off = 0; !err && off < t->f->size; off += PIECE)
        err = program(t, off, PIECE);
    return err ? err : expect(t, 0, t->f->size, true, PORT_CHECK_ADDRESS);
}

/* Reads need not be aligned to anything. */
static int check_reads(struct test *t)
{
    uint32_t most = dfota_min_u32(2u * t->f->prog_size + 3, t->f->size / 2);
    int err = 0;

    for (uint32_t off = 0; !err && off < most; off++) {
        uint32_t len = dfota_min_u32(most, PIECE - 1);

        err = expect(t, off, len, true, PORT_CHECK_READ);
        if (!err)
            err =
                expect(t, t->f->size - 1 - off, off + 1, true, PORT_CHECK_READ);
    }
    return err;
}

/* One sector goes; the marks of all others stay. */
static int check_neighbours(struct test *t)
{
    const struct dfota_flash *f = t->f;
    uint32_t middle = (f->size / 2) & ~(f->erase_size - 1);
    int err = erase(t, middle);

    if (!err)
        err = expect(t, 0, middle, true, PORT_CHECK_NEIGHBOUR);
    middle += f->erase_size;
    if (!err && middle < f->size)
        err = expect(t, middle, f->size - middle, true, PORT_CHECK_NEIGHBOUR);
    return err;
}

/* The sector in the middle is erased: a unit of it is programmed, and then
 * once more with other bits. */
static int check_twice(struct test *t)
{
    const struct dfota_flash *f = t->f;
    uint32_t off = (f->size / 2) & ~(f->erase_size - 1);
    uint8_t data[PIECE];
    int err = program(t, off, f->prog_size);

    if (err)
        return err;
    memset(data, (uint8_t)~f->erased_byte, sizeof(data));
    if (f->prog(f->ctx, off, data, f->prog_size) == 0)
        return fail(t, PORT_CHECK_TWICE, off, 0);
    return expect(t, off, f->prog_size, true, PORT_CHECK_TWICE);
}

int port_selftest(const struct dfota_flash *f, struct port_finding *found)
{
    static int (*const checks[])(struct test *) = {
        check_geometry,   check_bounds,    erase_all,
        check_units,      check_addresses, check_reads,
        check_neighbours, check_twice,     erase_all,
    };
    struct test t = {f, found};
    int err = 0;

    memset(found, 0, sizeof(*found));
    for (unsigned i = 0; !err && i < sizeof(checks) / sizeof(checks[0]); i++)
        err = checks[i](&t);
    return err;
}

const char *port_check_name(enum port_check check)
{
    static const char *const names[] = {
        "passed", "geometry", "bounds", "erase",     "program",
        "unit",   "address",  "read",   "neighbour", "twice"};

    if ((unsigned)check >= sizeof(names) / sizeof(names[0]))
        return "unknown";
    return names[check];
}
