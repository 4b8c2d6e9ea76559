/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The range encoder behind the coder's primitive, and a meter.
 *
 * Layer: delta. Put `&e->coder` where a decoder has its own; what is coded
 * comes out as bytes, and the bits each part cost are counted on the way.
 * source   docs/format.md 3
 */
#ifndef DFOTA_DELTA_ENCODER_H
#define DFOTA_DELTA_ENCODER_H

#include <stdbool.h>
#include <stddef.h>

#include "device/coder.h"

struct encoder {
    uint64_t low;
    uint32_t range;
    uint64_t cost;  /* of all bits so far, in 1/65536 bit */
    uint32_t first; /* the cost of the first bit since this was 0 */
    uint8_t *bytes; /* all streams so far; NULL while only metering */
    size_t len, room;
    int err;
};

/** Allocates nothing. */
void encoder_init(struct encoder *e);
void encoder_release(struct encoder *e);

/** Begin a stream: c codes through e from now on. */
void encoder_attach(struct encoder *e, struct dfota_coder *c);

/** The same, but only the cost is counted. */
void encoder_attach_meter(struct encoder *e, struct dfota_coder *c);

/** End a stream; last: nothing follows, so that zeros may be left out. */
void encoder_finish(struct encoder *e, bool last);

/** Once before the first encoder_cost() of a program that has no encoder. */
void encoder_prepare(void);

/** What a bit of probability p / 65536 costs, in 1/65536 bit. */
uint32_t encoder_cost(uint32_t p);

#endif
