/* SPDX-License-Identifier: Apache-2.0 */
#include "device/walk.h"

#include "base/bytes.h"

int dfota_reader_walk(const struct dfota_reader *r, uint32_t off, uint32_t len,
                      dfota_sink *sink, void *ctx)
{
    uint32_t piece[16];
    uint32_t end = off + len;
    int err = 0;

    while (!err && off != end) {
        len = dfota_min_u32(sizeof(piece), end - off);
        err = r->read(r->ctx, off, piece, len);
        if (!err)
            err = sink(ctx, piece, len);
        off += len;
    }
    return err;
}
