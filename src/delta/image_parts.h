/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the readers of firmware containers share: stretches of bytes with
 * addresses, laid out to one image at the end.
 *
 * Layer: delta, private to image_*.c.
 */
#ifndef DFOTA_DELTA_IMAGE_PARTS_H
#define DFOTA_DELTA_IMAGE_PARTS_H

#include "delta/image_load.h"

struct image_part {
    uint64_t at;
    const uint8_t *bytes; /* borrowed until the layout is done */
    size_t len;
};

struct image_parts {
    struct image_part *list;
    size_t len, room;
    size_t total;     /* bytes in all parts, at most IMAGE_SPAN_MAX */
    uint8_t *scratch; /* what a reader had to decode; freed with the parts */
    uint64_t shift;   /* from the place of a byte to the address that the
                         code knows it under, modulo 2^64 */
};

/** Write out->why. */
void image_why(struct image *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** The same, and it has the value err. A macro, so that an analyser sees that
 * a failure is one. */
#define image_fail(out, err, ...) (image_why((out), __VA_ARGS__), (err))

/** Add bytes; an empty stretch is dropped. One that continues the last in
 * address and memory is merged with it.
 * errors   E_FULL over IMAGE_SPAN_MAX; E_SYNTAX past the last address;
 *          E_NOMEM */
int image_parts_add(struct image *out, struct image_parts *p, uint64_t at,
                    const uint8_t *bytes, size_t len);

/** Lay the parts out: sets bytes, len, owned, base.
 * errors   E_SYNTAX no bytes, or two parts share an address; E_FULL; E_NOMEM */
int image_parts_flatten(struct image *out, struct image_parts *p);

void image_parts_release(struct image_parts *p);

/*
 * One reader a format. image_is_x() looks at the head (DFU: the tail) alone;
 * image_read_x() is called when it said yes, sets out->format and adds parts
 * or, for DFU, sets bytes and len. errors: as image_load()
 */
bool image_is_dfu(const uint8_t *file, size_t len);
bool image_is_elf(const uint8_t *file, size_t len);
bool image_is_hex(const uint8_t *file, size_t len);
bool image_is_uf2(const uint8_t *file, size_t len);
int image_read_dfu(const uint8_t *file, size_t len, struct image *out,
                   struct image_parts *p);
int image_read_elf(const uint8_t *file, size_t len, struct image *out,
                   struct image_parts *p);
int image_read_hex(const uint8_t *file, size_t len, struct image *out,
                   struct image_parts *p);
int image_read_uf2(const uint8_t *file, size_t len, struct image *out,
                   struct image_parts *p);

#endif
