/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A read-only run of bytes: the stored package, the old image.
 *
 * Layer: device (freestanding).
 */
#ifndef DFOTA_DEVICE_WALK_H
#define DFOTA_DEVICE_WALK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* read returns 0 or an error; it is never asked past size. */
struct dfota_reader {
    int (*read)(void *ctx, uint32_t off, void *buf, uint32_t len);
    void *ctx;
    uint32_t size; /* bytes */
};

/* Takes the next piece; 0, or an error that ends the walk. */
typedef int dfota_sink(void *ctx, const void *data, size_t len);

/** read(), again when it fails: a bus may err once, and an error in the
 * journal or under a digest has consequences. */
int dfota_read(int (*read)(void *ctx, uint32_t off, void *buf, uint32_t len),
               void *ctx, uint32_t off, void *buf, uint32_t len);

/**
 * Pass [off, off + len) to a sink, in pieces of at most 64 bytes: all but the
 * last one are 64.
 *
 * returns  0, or the first error of the reader or the sink
 * cost     stack <= 112 bytes
 */
int dfota_reader_walk(const struct dfota_reader *r, uint32_t off, uint32_t len,
                      dfota_sink *sink, void *ctx);

#ifdef __cplusplus
}
#endif

#endif
