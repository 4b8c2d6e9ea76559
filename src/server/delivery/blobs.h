/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Contents ready to be sent: digest always, bytes in memory where they fit.
 *
 * Layer: server. Safe from any thread.
 *
 * Invariants:
 *  - A blob's bytes and digest belong together: both are of one read of the
 *    file, and the file did not change while it was read.
 *  - The bytes in memory, in the cache or still being sent, are never more
 *    than the cap. What does not fit goes by file descriptor.
 *  - A file is known by device, inode, size, mtime and ctime; a changed or
 *    replaced one is therefore another blob. One that changed a moment ago
 *    is not cached: a second change within the clock's tick would not show.
 */
#ifndef DFOTA_SERVER_DELIVERY_BLOBS_H
#define DFOTA_SERVER_DELIVERY_BLOBS_H

#include <stddef.h>
#include <stdint.h>

struct blobs;

struct blob {
    uint64_t size;       /* bytes */
    const uint8_t *data; /* NULL: not in memory, send it from the file */
    uint8_t sha256[32];
};

/**
 * memory_cap   most bytes of content in memory
 * blob_max     larger contents are always sent from the file
 * returns      NULL: out of memory
 */
struct blobs *blobs_create(size_t memory_cap, size_t blob_max);

/** Every blob must have been released. NULL is harmless. */
void blobs_destroy(struct blobs *blobs);

/**
 * The content of an open regular file.
 *
 * blob     out: valid until blobs_release(); one release a get
 * errors   E_BUSY it changes while it is read; E_IO (errno); E_NOMEM
 * cost     the first time the file is read once; after that one fstat
 */
int blobs_get(struct blobs *blobs, int fd, const struct blob **blob);

/** From any thread, once a get. */
void blobs_release(const struct blob *blob);

#endif
