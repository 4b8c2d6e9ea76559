/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The decoder: package and old image in by pull, new image out in order.
 *
 * Layer: device (freestanding). It does no I/O but the readers it is given,
 * never writes flash, and trusts no byte of the body: whatever the body
 * says, reads stay inside the readers, writes inside out and the arena, and
 * each output byte costs bounded work.
 *
 * Windows are independent but for T and the copy map, which come from the
 * head of the body: any window can be decoded again after a reboot, from
 * the package offset noted when it was decoded first.
 *
 *   init -> open(0, first) -> poll .. DONE -> open(1, next) -> poll .. DONE
 *
 * source   docs/format.md 3 .. 6
 */
#ifndef DFOTA_DEVICE_DECODER_H
#define DFOTA_DEVICE_DECODER_H

#include "device/package.h"

struct dfota_decoder_io {
    struct dfota_reader package; /* the whole package, manifest at 0 */
    struct dfota_reader old;     /* the old image; size >= source_len */
    /* The new image as produced so far; used by SELF packages only. Every
     * byte that poll() has returned must be readable at the next poll(). */
    struct dfota_reader made;
};

struct dfota_decoder {
    const struct dfota_decoder_io *io;
    uint32_t next; /* package offset behind the window decoded last */
};

/**
 * Bytes of arena a package needs, as its manifest says; never more than
 * 64 KiB. All of a decoder's variable memory beside struct dfota_decoder.
 */
size_t dfota_decoder_arena_len(const struct dfota_package *p);

/**
 * Begin a package: read the head of its body, build T in the arena.
 *
 * p, io    must stay valid while the decoder is used
 * arena    aligned to 4; len at least dfota_decoder_arena_len()
 * errors   E_ARENA, E_CORRUPT, E_TRUNCATED, E_ARCH, E_FLASH
 */
int dfota_decoder_init(struct dfota_decoder *d, const struct dfota_package *p,
                       const struct dfota_decoder_io *io, void *arena,
                       size_t len);

/** Package offset of the first window's coded bytes. */
uint32_t dfota_decoder_first(const struct dfota_decoder *d);

/**
 * Begin window w (production order), whose coded bytes begin at off.
 *
 * off      dfota_decoder_first() for w == 0, else what dfota_decoder_next()
 *          said after window w-1, now or before a reboot
 * errors   E_ARG, E_CORRUPT, E_TRUNCATED, E_FLASH
 */
int dfota_decoder_open(struct dfota_decoder *d, uint32_t w, uint32_t off);

/**
 * Produce the next bytes of the open window, in ascending order of address.
 *
 * out      at most cap bytes are written
 * len      out: how many
 * returns  DFOTA_MORE | DFOTA_DONE with the window's last byte
 * errors   E_CORRUPT, E_TRUNCATED, E_FLASH; after one only open() or init()
 *          is legal
 * cost     stack <= 512 bytes in all
 */
int dfota_decoder_poll(struct dfota_decoder *d, uint8_t *out, size_t cap,
                       size_t *len);

/** After DONE: package offset of the next window's coded bytes; after the
 * last window the end of the body. */
uint32_t dfota_decoder_next(const struct dfota_decoder *d);

#endif
