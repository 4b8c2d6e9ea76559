/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decoder.h over a trivial body, so that a power-cut run takes microseconds:
 * the body is {i32 shift}, then each window's bytes xor'ed with the old byte
 * `shift` further on. The rule of absent bytes is the real one, so a wrong
 * read of overwritten old bytes shows. With SELF the byte is xor'ed with the
 * new one SELF_BACK before instead.
 */
#include "powercut/stand_in.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/decoder.h"

size_t dfota_decoder_arena_len(const struct dfota_package *p)
{
    return (size_t)p->m.arena_kib * 1024;
}

int dfota_decoder_init(struct dfota_decoder *d, const struct dfota_package *p,
                       const struct dfota_decoder_io *io, void *arena,
                       size_t len)
{
    uint8_t raw[4];
    int err;

    (void)arena;
    memset(d, 0, sizeof(*d));
    if (len < dfota_decoder_arena_len(p))
        return DFOTA_E_ARENA;
    if (p->m.body_len != p->m.target_len + STAND_IN_HEAD)
        return DFOTA_E_CORRUPT;
    d->p = p;
    d->io = io;
    err = io->package.read(io->package.ctx, p->body_off, raw, sizeof(raw));
    d->windows_mapped = dfota_get_le32(raw); /* the shift */
    return err;
}

uint32_t dfota_decoder_first(const struct dfota_decoder *d)
{
    return d->p->body_off + STAND_IN_HEAD;
}

int dfota_decoder_open(struct dfota_decoder *d, uint32_t w, uint32_t off)
{
    uint32_t start;
    uint32_t len;

    if (w >= d->p->windows)
        return DFOTA_E_ARG;
    dfota_package_window(d->p, w, &start, &len);
    if (off < d->p->body_off || len > d->p->m.body_len - (off - d->p->body_off))
        return DFOTA_E_CORRUPT;
    d->first = off;
    d->absent = start;
    d->pos = start;
    d->end = start + len;
    return 0;
}

uint8_t stand_in_guess(const struct dfota_package *p, uint32_t window_off,
                       uint32_t window_end, uint32_t pos, uint32_t shift,
                       const uint8_t *old, const uint8_t *made)
{
    uint32_t from = pos + shift;

    if (p->m.flags & DFOTA_FLAG_SELF)
        return pos >= STAND_IN_SELF_BACK ? made[pos - STAND_IN_SELF_BACK] : 0;
    if ((p->m.flags & DFOTA_FLAG_NO_SOURCE) || from >= p->m.source_len)
        return 0;
    if (p->m.flags & DFOTA_FLAG_DESCENDING)
        return from >= window_end ? 0 : old[from];
    return from < window_off ? 0 : old[from];
}

/* What stand_in_guess() says, by the readers. */
static int guess(struct dfota_decoder *d, uint32_t pos, uint8_t *out)
{
    const struct dfota_package *p = d->p;
    uint32_t from = pos + d->windows_mapped;

    *out = 0;
    if (p->m.flags & DFOTA_FLAG_SELF)
        return pos < STAND_IN_SELF_BACK
                   ? 0
                   : d->io->made.read(d->io->made.ctx, pos - STAND_IN_SELF_BACK,
                                      out, 1);
    if ((p->m.flags & DFOTA_FLAG_NO_SOURCE) || from >= p->m.source_len)
        return 0;
    if (p->m.flags & DFOTA_FLAG_DESCENDING ? from >= d->end : from < d->absent)
        return 0;
    return d->io->old.read(d->io->old.ctx, from, out, 1);
}

int dfota_decoder_poll(struct dfota_decoder *d, uint8_t *out, size_t cap,
                       size_t *len)
{
    uint32_t n = dfota_min_u32((uint32_t)cap, d->end - d->pos);
    int err;

    /* SELF may only look at what earlier polls have returned. */
    n = dfota_min_u32(n, STAND_IN_SELF_BACK);
    err = d->io->package.read(d->io->package.ctx,
                              d->first + (d->pos - d->absent), out, n);
    for (uint32_t k = 0; !err && k < n; k++) {
        uint8_t old;

        err = guess(d, d->pos + k, &old);
        out[k] ^= old;
    }
    if (err)
        return err;
    d->pos += n;
    *len = n;
    return d->pos == d->end ? DFOTA_DONE : DFOTA_MORE;
}

uint32_t dfota_decoder_next(const struct dfota_decoder *d)
{
    return d->first + (d->end - d->absent);
}
