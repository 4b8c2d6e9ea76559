/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Firmware files: the bytes a device holds, out of what a build leaves.
 *
 * Layer: delta. Raw images, Intel HEX, UF2, ELF, DFU and DfuSe, told apart by
 * content, never by name. Whatever a file says about itself is checked before
 * it is used: every offset lies inside the file, nothing is written twice,
 * and no file makes the reader take more memory than IMAGE_SPAN_MAX beyond
 * its own size.
 */
#ifndef DFOTA_DELTA_IMAGE_LOAD_H
#define DFOTA_DELTA_IMAGE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    IMAGE_SPAN_MAX = 64 << 20, /* bytes from the first to the last */
    IMAGE_SPAN_FREE = 1 << 20, /* up to here holes do not matter */
    IMAGE_SPAN_FACTOR = 16,    /* above, the span is at most so many times
                                  the data */
    IMAGE_FILL = 0xFF,         /* in holes: erased flash */
    IMAGE_FORMAT_LEN = 64,     /* with the NUL */
    IMAGE_WHY_LEN = 192,       /* with the NUL */
};

struct image {
    const uint8_t *bytes; /* valid until release and while the file is */
    size_t len;
    uint8_t *owned; /* what release frees; NULL: bytes are the file's */
    bool has_base;  /* the container knows the address of the first byte */
    uint32_t base;
    bool has_family; /* UF2: the chip family the bytes are for */
    uint32_t family;
    bool container;                /* not raw */
    char format[IMAGE_FORMAT_LEN]; /* "raw", "Intel HEX", .. for people */
    char why[IMAGE_WHY_LEN];       /* after an error: a sentence, else "" */
};

/**
 * Read a firmware file: flat bytes, holes filled with IMAGE_FILL.
 *
 * file     borrowed: a raw image is not copied
 * out      set in any case; image_release() after success
 * errors   E_SYNTAX the container is damaged or contradicts itself;
 *          E_UNSUPPORTED it is well-formed, but not one firmware image;
 *          E_FULL the bytes are spread too far; E_NOMEM. out->why says which
 *          and what to do. A file that begins like a container and is none is
 *          an error, never taken for a raw image
 * cost     O(n log n) in the number of stretches; memory at most
 *          IMAGE_SPAN_MAX and twice the file
 */
int image_load(const uint8_t *file, size_t len, struct image *out);

/** The file as it is, whatever it looks like. Never fails. */
void image_load_raw(const uint8_t *file, size_t len, struct image *out);

/** Give the memory back. Harmless on a zeroed struct and after an error. */
void image_release(struct image *image);

#endif
