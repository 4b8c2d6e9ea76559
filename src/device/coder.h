/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The binary arithmetic coder: one primitive, a bit with a probability.
 *
 * Layer: device (freestanding). Everything that models (model, copymap,
 * decoder) is written once, against this primitive: "code a bit that is 1
 * with probability p". On a device the primitive decodes: it ignores
 * `actual` and returns what the package says. The generator puts an encoder
 * behind the same pointer and passes the truth in `actual`. So generator and
 * decoder cannot disagree about a model: there is only one.
 *
 * Firmware is built with DFOTA_DECODE_ONLY: then nothing but a decoder can be
 * behind the primitive, and the compiler leaves out what computes the truth.
 *
 * Invariant: after every bit range >= 2^24 and code < range.
 * source   docs/format.md 3
 */
#ifndef DFOTA_DEVICE_CODER_H
#define DFOTA_DEVICE_CODER_H

#include "device/flash.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DFOTA_CODER_BUF 32   /* bytes read from the package at a time */
#define DFOTA_CODER_TAIL 2   /* bytes read ahead that belong to what follows */
#define DFOTA_P_HALF 0x8000U /* probability one half */

#ifdef DFOTA_DECODE_ONLY
enum { DFOTA_GENERATES = 0 };
#else
enum { DFOTA_GENERATES = 1 };
#endif

struct dfota_coder {
    /* Code one bit; an encoder's or a decoder's. */
    unsigned (*bit)(struct dfota_coder *c, uint32_t p1, unsigned actual);
    void *peer; /* an encoder's; unused on a device */
    const struct dfota_reader *in;
    uint32_t range, code;
    uint32_t pos;     /* offset of the next byte to shift in */
    uint32_t end;     /* offset behind the body: zeros from here */
    uint32_t buf_off; /* offset of buf[0] */
    uint32_t buf_len; /* bytes valid in buf */
    int err;          /* first read error; bits are 0 from then on */
    uint8_t buf[DFOTA_CODER_BUF];
};

/**
 * Begin decoding the stream at off. Bytes from end on read as 0.
 *
 * errors   E_FLASH
 */
int dfota_coder_open(struct dfota_coder *c, const struct dfota_reader *in,
                     uint32_t off, uint32_t end);

/** Decode one bit. p1: as below */
unsigned dfota_coder_decode(struct dfota_coder *c, uint32_t p1);

/**
 * Code one bit.
 *
 * p1       probability of a 1 in 1/65536, 1 .. 65535
 * actual   the bit, for an encoder
 * returns  the bit
 */
static inline unsigned dfota_coder_bit(struct dfota_coder *c, uint32_t p1,
                                       unsigned actual)
{
    return DFOTA_GENERATES ? c->bit(c, p1, actual) : dfota_coder_decode(c, p1);
}

/** Offset at which the stream behind this one begins. */
uint32_t dfota_coder_next(const struct dfota_coder *c);

/** 0; or the read error; or E_TRUNCATED when more was read than there is. */
int dfota_coder_check(const struct dfota_coder *c);

#ifdef __cplusplus
}
#endif

#endif
