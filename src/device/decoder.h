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

#include "device/copymap.h"
#include "device/package.h"
#include "device/project.h"
#include "device/self.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Called from places that are full already: as functions of their own these
 * are smaller. */
#ifdef __GNUC__
#define DFOTA_APART __attribute__((noinline))
#else
#define DFOTA_APART
#endif

struct dfota_decoder_io {
    struct dfota_reader package; /* the whole package, manifest at 0 */
    struct dfota_reader old;     /* the old image; size >= source_len */
    /* The new image as produced so far; used by SELF packages only. Every
     * byte that poll() has returned must be readable at the next poll(). */
    struct dfota_reader made;
};

/* Bytes of the old image kept at hand around the place that is copied. */
#define DFOTA_OLD_CACHE 64

/* What the arena of a class holds. docs/format.md 4.4 */
struct dfota_arena_class {
    uint8_t kib;
    struct dfota_model_size model;
    uint16_t t, code, data; /* entries; t 0: there is no copy map */
};

#define DFOTA_ARENA_CLASSES 4

/* What is used most comes first: Thumb reaches words in the first 128 bytes
 * of a struct, bytes in the first 32, by one instruction. */
struct dfota_decoder {
    uint32_t pos, end;       /* in the new image: next byte, window's end */
    struct dfota_byte_ctx x; /* of the byte that is coded; its history */
    uint8_t unit_at;         /* bytes of the unit handed out */
    bool more_segments;
    struct dfota_unit unit;
    struct dfota_segment segment;
    int err;
    const uint8_t *out;          /* this poll's, and its place in the image: */
    uint32_t out_pos;            /* copies may want what io->made has not yet */
    uint32_t absent, absent_end; /* old bytes that may be gone */
    uint32_t cache_off;
    uint32_t windows_mapped; /* whose segments the map has passed */
    uint32_t first;          /* package offset of window 0's stream */
    const struct dfota_package *p;
    const struct dfota_decoder_io *io;
    struct dfota_copymap map;
    struct dfota_coder coder; /* the open window's stream */
    struct dfota_model model;
    struct dfota_project project;
    uint8_t cache[DFOTA_OLD_CACHE];
    struct dfota_coder map_coder;
    struct dfota_self self;
    /* The generator's side: where segments come from and what is true. A
     * device has the map's and NULL. */
    int (*next_segment)(struct dfota_decoder *d, struct dfota_segment *out);
    const uint8_t *truth;
    const struct dfota_token *tokens; /* the next one */
    void *ctx;
};

/**
 * Bytes of arena a package needs, as its manifest says; never more than
 * 64 KiB. All of a decoder's variable memory beside struct dfota_decoder.
 */
size_t dfota_decoder_arena_len(const struct dfota_package *p);

/** Entries T may have in the package's arena class; 0: no such class. */
uint16_t dfota_decoder_t_cap(const struct dfota_package *p);

/**
 * Begin a package: read the head of its body, build T in the arena. A SELF
 * package without a source has neither.
 *
 * p, io    must stay valid while the decoder is used
 * arena    aligned to 4; len at least dfota_decoder_arena_len()
 * errors   E_ARENA, E_CORRUPT, E_TRUNCATED, E_ARCH, E_FLASH
 */
int dfota_decoder_init(struct dfota_decoder *d, const struct dfota_package *p,
                       const struct dfota_decoder_io *io, void *arena,
                       size_t len);

/**
 * Lay the arena out and set everything but the map: what init() does first,
 * and all of it that the generator needs. errors: E_ARENA, E_ARCH
 */
int dfota_decoder_layout(struct dfota_decoder *d, const struct dfota_package *p,
                         const struct dfota_decoder_io *io, void *arena,
                         size_t len);

/** Set the window's bounds and forget what was learnt; open() calls it once
 * the stream is open, the generator before it codes one. */
void dfota_decoder_begin_window(struct dfota_decoder *d, uint32_t w);

/** Code the literal at pos as the next unit. expected: d->x says what */
void dfota_decoder_literal(struct dfota_decoder *d, bool expected);

/** Note a new byte for the contexts of the next ones. */
void dfota_decoder_push(struct dfota_decoder *d, uint8_t byte);

/** Package offset of the first window's coded bytes. */
uint32_t dfota_decoder_first(const struct dfota_decoder *d);

/**
 * Begin window w (production order), whose coded bytes begin at off.
 *
 * off      dfota_decoder_first() for w == 0, else what dfota_decoder_next()
 *          said after window w-1, now or before a reboot
 * errors   E_ARG, E_CORRUPT, E_TRUNCATED, E_FLASH
 */
DFOTA_APART
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
DFOTA_APART
int dfota_decoder_poll(struct dfota_decoder *d, uint8_t *out, size_t cap,
                       size_t *len);

/** After DONE: package offset of the next window's coded bytes; after the
 * last window the end of the body. */
uint32_t dfota_decoder_next(const struct dfota_decoder *d);

#ifdef __cplusplus
}
#endif

#endif
