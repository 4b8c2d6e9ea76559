/* SPDX-License-Identifier: Apache-2.0 */
#include "device/walk.h"

#include "base/bytes.h"

int dfota_read(int (*read)(void *ctx, uint32_t off, void *buf, uint32_t len),
               void *ctx, uint32_t off, void *buf, uint32_t len)
{
    int tries = 3;
    int err;

    do {
        err = read(ctx, off, buf, len);
    } while (err && --tries);
    return err;
}

int dfota_reader_walk(const struct dfota_reader *r, uint32_t off, uint32_t len,
                      dfota_sink *sink, void *ctx)
{
    uint32_t piece[16];
    uint32_t end = off + len;
    int err = 0;

    while (!err && off != end) {
        len = dfota_min_u32(sizeof(piece), end - off);
        err = dfota_read(r->read, r->ctx, off, piece, len);
        if (!err)
            err = sink(ctx, piece, len);
        off += len;
    }
    return err;
}
