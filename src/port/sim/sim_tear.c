/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "port/sim/sim_parts.h"

static uint32_t below(struct sim_flash *f, uint32_t n)
{
    return n ? (uint32_t)(sim_random(&f->power->seed) % n) : 0;
}

static uint8_t state_of(enum sim_decay decay)
{
    switch (decay) {
    case SIM_DECAY_BOOT:
        return SIM_UNIT_TORN_BOOT;
    case SIM_DECAY_READ:
        return SIM_UNIT_TORN_READ;
    case SIM_DECAY_READ_ERROR:
        return SIM_UNIT_TORN_ERROR;
    case SIM_DECAY_SWING:
        return SIM_UNIT_TORN_SWING;
    default:
        return SIM_UNIT_TORN;
    }
}

enum sim_settle sim_settle(struct sim_flash *f)
{
    return (enum sim_settle)below(f, SIM_SETTLE_COUNT);
}

void sim_roll(struct sim_flash *f, uint32_t unit, enum sim_settle how)
{
    size_t off = (size_t)unit * f->flash.prog_size;
    uint32_t len = f->flash.prog_size;
    uint8_t *cells = f->cells + off;
    const uint8_t *before = f->before + off;
    const uint8_t *wanted = f->wanted + off;

    switch (how) {
    case SIM_SETTLE_ERASED:
        memset(cells, f->flash.erased_byte, len);
        break;
    case SIM_SETTLE_BEFORE:
        memcpy(cells, before, len);
        break;
    case SIM_SETTLE_WANTED:
        memcpy(cells, wanted, len);
        break;
    case SIM_SETTLE_BETWEEN:
        for (uint32_t k = 0; k < len; k++)
            cells[k] = before[k] ^ (uint8_t)((before[k] ^ wanted[k]) &
                                             sim_random(&f->power->seed));
        break;
    case SIM_SETTLE_RANDOM:
        for (uint32_t k = 0; k < len; k++)
            cells[k] = (uint8_t)sim_random(&f->power->seed);
        break;
    default:
        break;
    }
}

void sim_swing(struct sim_flash *f, uint32_t unit)
{
    size_t off = (size_t)unit * f->flash.prog_size;
    bool is_wanted =
        memcmp(f->cells + off, f->wanted + off, f->flash.prog_size) == 0;

    sim_roll(f, unit, is_wanted ? SIM_SETTLE_BEFORE : SIM_SETTLE_WANTED);
}

/* Remember what units were and were to be, before they are torn. */
static void remember(struct sim_flash *f, uint32_t off, uint32_t len,
                     const uint8_t *wanted)
{
    memcpy(f->before + off, f->cells + off, len);
    if (wanted)
        memcpy(f->wanted + off, wanted, len);
    else
        memset(f->wanted + off, f->flash.erased_byte, len);
}

static void garbage(struct sim_flash *f, uint32_t off, uint32_t end,
                    uint8_t state)
{
    uint32_t prog = f->flash.prog_size;

    assert(prog > 0);
    remember(f, off, end - off, f->cells + off);
    for (; off < end; off += prog) {
        for (uint32_t k = 0; k < prog; k++)
            f->cells[off + k] = (uint8_t)sim_random(&f->power->seed);
        sim_set_state(f, off / prog, state);
    }
}

/* Take some of the way from the bytes that are there to the ones that were
 * to be; both are len bytes. */
static void mix(struct sim_flash *f, enum sim_torn torn, uint8_t *cells,
                const uint8_t *wanted, uint32_t len)
{
    uint32_t n = below(f, len + 1);
    uint32_t bit = below(f, len * 8);
    uint8_t mask = (uint8_t)(1u << (bit & 7));

    switch (torn) {
    case SIM_TORN_PREFIX:
        memcpy(cells, wanted, n);
        break;
    case SIM_TORN_SUFFIX:
        memcpy(cells + n, wanted + n, len - n);
        break;
    case SIM_TORN_BITS:
        for (uint32_t k = 0; k < len; k++)
            cells[k] ^=
                (uint8_t)((cells[k] ^ wanted[k]) & sim_random(&f->power->seed));
        break;
    case SIM_TORN_ONE_MISSING:
        mask &= (uint8_t)(cells[bit / 8] ^ wanted[bit / 8]);
        memcpy(cells, wanted, len);
        cells[bit / 8] ^= mask;
        break;
    case SIM_TORN_ONE_DONE:
        cells[bit / 8] ^= (cells[bit / 8] ^ wanted[bit / 8]) & mask;
        break;
    case SIM_TORN_COMPLETE:
        memcpy(cells, wanted, len);
        break;
    case SIM_TORN_NOTHING:
        break;
    default:
        for (uint32_t k = 0; k < len; k++)
            cells[k] = (uint8_t)sim_random(&f->power->seed);
        break;
    }
}

static void tear_program(struct sim_flash *f, const struct sim_cut *cut,
                         uint32_t off, const uint8_t *data, uint32_t len)
{
    uint32_t prog = f->flash.prog_size;
    uint32_t erase = f->flash.erase_size;
    uint32_t whole = below(f, len / prog) * prog;
    uint32_t start = (off + whole) & ~(erase - 1);

    memcpy(f->cells + off, data, whole);
    for (uint32_t k = 0; k < whole; k += prog)
        sim_set_state(f, (off + k) / prog, SIM_UNIT_PROGRAMMED);
    remember(f, off + whole, prog, data + whole);
    mix(f, cut->torn, f->cells + off + whole, data + whole, prog);
    sim_set_state(f, (off + whole) / prog, state_of(cut->decay));
    if (cut->torn == SIM_TORN_SPOIL_REST)
        garbage(f, off + whole, start + erase, state_of(cut->decay));
    if (cut->torn == SIM_TORN_SPOIL_SECTOR)
        garbage(f, start, start + erase, state_of(cut->decay));
}

static bool is_metastable(enum sim_decay decay)
{
    return decay == SIM_DECAY_BOOT || decay == SIM_DECAY_READ ||
           decay == SIM_DECAY_SWING;
}

/* A sector whose erase was cut reads as it was, always, or never again: what
 * flash.h asks for. docs/decisions/0104 */
static void forget(struct sim_flash *f, uint32_t off)
{
    for (uint32_t k = 0; k < f->flash.prog_size; k++)
        f->cells[off + k] = f->before[off + k] =
            (uint8_t)sim_random(&f->power->seed);
}

static void tear_erase(struct sim_flash *f, const struct sim_cut *cut,
                       uint32_t off)
{
    uint32_t prog = f->flash.prog_size;
    uint32_t len = f->flash.erase_size;
    uint8_t page[256];
    uint32_t split = below(f, len / prog + 1) * prog;

    memset(page, f->flash.erased_byte, sizeof(page));
    remember(f, off, len, NULL);
    for (uint32_t k = 0; k < len; k += prog) {
        uint8_t *cells = f->cells + off + k;

        if ((cut->torn == SIM_TORN_PREFIX && k < split) ||
            (cut->torn == SIM_TORN_SUFFIX && k >= split))
            memcpy(cells, page, prog);
        else if (cut->torn != SIM_TORN_PREFIX && cut->torn != SIM_TORN_SUFFIX)
            mix(f, cut->torn, cells, page, prog);
        sim_set_state(f, (off + k) / prog, state_of(cut->decay));
    }
    if (is_metastable(cut->decay))
        forget(f, off);
}

void sim_tear(struct sim_flash *f, const struct sim_cut *cut, uint32_t off,
              const uint8_t *data, uint32_t len)
{
    if (data)
        tear_program(f, cut, off, data, len);
    else
        tear_erase(f, cut, off);
}
