/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Code a body: the copy map, then window by window.
 *
 * Layer: delta. The coding itself is the device's own decoder, run with the
 * truth at hand (device/coder.h).
 */
#ifndef DFOTA_DELTA_BODY_H
#define DFOTA_DELTA_BODY_H

#include "delta/encoder.h"
#include "delta/plan.h"

/* What the units of one kind cost; costs in 1/65536 bit. */
struct body_kind {
    uint32_t units, misses; /* a miss: not as predicted */
    uint64_t flags, bytes;
};

/* Where the bits of a body went, in 1/65536 bit. */
struct body_costs {
    uint64_t head, map, literals;
    struct body_kind kind[16]; /* by enum dfota_kind, with DIFFERS */
};

/** Enter the unit that d has just coded: its first bit, and all of them. */
void body_account(struct body_costs *costs, const struct dfota_decoder *d,
                  uint32_t first, uint64_t cost);

enum { BODY_PARTS = 64 };

struct body {
    struct encoder encoder; /* the coded bytes */
    struct body_costs costs;
    uint64_t pace[BODY_PARTS + 1]; /* spent by each part of the image */
};

/* The generator's seat behind a decoder: what its callbacks need. */
struct body_seat {
    const struct plan_input *in;
    const struct segments *map;
    size_t next; /* segment; 0 before the first window is coded */
    struct dfota_decoder_io io;
    struct dfota_decoder d;
    void *arena;
};

/**
 * Take the seat; it must not move. map, project: as below
 *
 * errors   E_NOMEM, E_ARENA, E_ARCH
 */
int body_seat_open(struct body_seat *s, const struct plan_input *in,
                   const struct segments *map,
                   const struct dfota_project *project);
void body_seat_close(struct body_seat *s);

/**
 * Code the whole body.
 *
 * map      cut by plan_windows(), in production order; of a SELF package
 *          with the tokens of its gaps
 * project  regions, data_top; T is built again as a device would
 * rival    the best body so far, NULL: none. One that is as large is
 *          given up: DFOTA_DONE is returned, and b is of no use
 * same_map the rival has the same map, so that the two can be compared on the
 *          way: given up, too, when it is behind somewhere, or not better by
 *          half of the image
 * returns  0 | DFOTA_DONE
 * errors   E_NOMEM, E_ARENA, E_ARCH
 */
int body_encode(struct body *b, const struct plan_input *in,
                const struct segments *map, const struct dfota_project *project,
                const struct body *rival, bool same_map);

void body_release(struct body *b);

#endif
