/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The head of a body: projection's parameters and the copy map.
 *
 * Layer: device (freestanding). The map lists, window by window in
 * production order, which old bytes each stretch of the new image is copied
 * from; what no segment covers is literal. A segment lies in one window.
 * It is read once to build T, then again in step with the output; it is
 * never held. The same functions write it (see coder.h).
 *
 * Invariants: segments of a window ascend and do not overlap; every segment
 * has at least one byte; sources lie inside the old image.
 * source   docs/format.md 4.1, 5.1
 */
#ifndef DFOTA_DEVICE_COPYMAP_H
#define DFOTA_DEVICE_COPYMAP_H

#include "device/model.h"
#include "device/package.h"
#include "device/project.h"

#ifdef __cplusplus
extern "C" {
#endif

struct dfota_segment {
    uint32_t pos;    /* offset in the new image */
    uint32_t len;    /* bytes */
    uint32_t src;    /* offset in the old image */
    uint32_t anchor; /* 1: it enters T */
};

enum { DFOTA_COPYMAP_COUNTERS = 3 * DFOTA_VALUE_COUNTERS + 8 };

struct dfota_copymap {
    struct dfota_coder *coder;
    dfota_counter *counters; /* DFOTA_COPYMAP_COUNTERS */
    uint32_t source_len;
    uint32_t pos, end; /* of the window: where we are, where it ends */
    uint32_t src;      /* behind the source of the segment before */
    uint32_t shift;    /* of the segment before, modulo 2^32 */
};

/**
 * Code the parameters at the head of the body; resets the counters.
 *
 * m        coder, counters and source_len are set
 * p        regions and data_top: read by an encoder, written by a decoder
 * errors   E_CORRUPT
 */
int dfota_copymap_head(struct dfota_copymap *m, struct dfota_project *p);

/** Begin the window at new offset off, len bytes long. */
void dfota_copymap_window(struct dfota_copymap *m, uint32_t off, uint32_t len);

/**
 * Code the window's next segment.
 *
 * s        in: the segment, for an encoder, NULL for "no more"; out
 * out      the segment; not written with DONE
 * returns  DFOTA_MORE a segment | DFOTA_DONE no more in this window
 * errors   E_CORRUPT
 */
int dfota_copymap_next(struct dfota_copymap *m, const struct dfota_segment *s,
                       struct dfota_segment *out);

#ifdef __cplusplus
}
#endif

#endif
