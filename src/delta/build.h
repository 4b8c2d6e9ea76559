/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Make a package: two images and a few wishes in, signed bytes out.
 *
 * Layer: delta. The same inputs and options give the same bytes on every
 * host. A package is only returned once the device's decoder has turned it
 * into the new image.
 */
#ifndef DFOTA_DELTA_BUILD_H
#define DFOTA_DELTA_BUILD_H

#include <stdbool.h>

#include "delta/body.h"
#include "device/package.h"

enum { BUILD_ARCH_AUTO = -1 };

struct build_options {
    int arch;                 /* enum dfota_arch, or BUILD_ARCH_AUTO */
    uint8_t arena_kib;        /* 8, 16, 32, 64 */
    uint32_t sector;          /* bytes, a power of two, 512 .. 262144 */
    uint32_t slot;            /* bytes, 0: the larger image, rounded up */
    uint32_t backup;          /* bytes, 0: as large as the image */
    const char *class_name;   /* NULL: any */
    const char *from_version; /* NULL: unknown */
    const char *to_version;   /* NULL: unknown */
    uint32_t counter;         /* security counter */
    uint8_t key_id;           /* 0 or 1 */
    bool full;                /* needs no old image */
    bool base_given;
    uint32_t base; /* address of the image's first byte */
    bool base_hinted;
    uint32_t base_hint; /* one more to try: what a container says may err */
    unsigned threads;   /* at most so many at once; the package is the same */
};

/* Puts a signature; NULL: the package stays unsigned. */
struct build_signer {
    int (*sign)(void *ctx, const uint8_t digest[DFOTA_HASH_LEN],
                uint8_t signature[DFOTA_SIGNATURE_LEN]);
    void *ctx;
};

struct build_result {
    uint8_t *bytes; /* the package, malloc'd, the caller's */
    size_t len;
    struct dfota_package p;
    struct body_costs costs;
};

/**
 * errors   E_ARG a size that is no geometry; E_SLOT an image larger than
 *          the slot; E_BACKUP it makes too many windows; E_NOMEM; E_TARGET
 *          the decoder disagrees (a bug of ours)
 */
int build_package(const struct build_options *o, const uint8_t *old,
                  size_t old_len, const uint8_t *image, size_t image_len,
                  const struct dfota_crypto *crypto,
                  const struct build_signer *signer, struct build_result *out);

/** The number of a class or version name: the head of its SHA-256; 0 for
 * NULL. */
uint32_t build_name_id(const struct dfota_crypto *crypto, const char *name);

#endif
