/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The adaptive models: how probable the next bit is, and what it teaches.
 *
 * Layer: device (freestanding). Three families, all in integers, so that
 * every machine computes the same probabilities:
 *
 *   value   numbers of the copy map: a bucket tree, then its mantissa
 *   flag    "this unit is as predicted": three counters, mixed
 *   byte    what is left: hashed contexts and expectations, mixed
 *
 * The tables' sizes follow from the arena class and are part of the format.
 * source   docs/format.md 4
 */
#ifndef DFOTA_DEVICE_MODEL_H
#define DFOTA_DEVICE_MODEL_H

#include <stdbool.h>

#include "device/coder.h"

#ifdef __cplusplus
extern "C" {
#endif

/* 12 bits of probability of a 1, 4 bits of how often it was updated. */
typedef uint16_t dfota_counter;

/* Counters of one value model: the bucket's tree, the first bit of the
 * mantissa by bucket, its last two. */
#define DFOTA_VALUE_COUNTERS (32 + 32 + 3)

#define DFOTA_BYTE_CONTEXTS 6
#define DFOTA_BYTE_EXPECTS 3
#define DFOTA_BYTE_INPUTS (DFOTA_BYTE_CONTEXTS + DFOTA_BYTE_EXPECTS + 1)
#define DFOTA_BYTE_SETS 16
#define DFOTA_FLAG_INPUTS 3
#define DFOTA_FLAG_SETS 16

/* How large the tables are; by arena class. */
struct dfota_model_size {
    uint8_t slot_log2, expect_log2, flag_log2;
};

struct dfota_model {
    uint16_t *slots;   /* DFOTA_BYTE_CONTEXTS << slot_log2 counters */
    uint16_t *expects; /* DFOTA_BYTE_EXPECTS << DFOTA_EXPECT_LOG2 */
    int32_t *weights;  /* DFOTA_BYTE_SETS x DFOTA_BYTE_INPUTS */
    uint32_t *flags;   /* DFOTA_FLAG_INPUTS << flag_log2 */
    int32_t *fweights; /* DFOTA_FLAG_SETS x DFOTA_FLAG_INPUTS */
    uint32_t history;  /* flags coded before, a 1 for each miss */
    const struct dfota_model_size *size;
};

/* What surrounds a byte that is to be coded. */
struct dfota_byte_ctx {
    uint8_t copied;     /* 1: an old byte stands against it */
    bool expected;      /* predicted and old[0] say what may come */
    uint8_t predicted;  /* what the unit's prediction said */
    uint8_t old[2];     /* the old byte, the one behind */
    uint8_t kind;       /* enum dfota_kind of the unit */
    uint8_t index;      /* 0 .. 7 in the unit */
    uint8_t align;      /* address mod 4 */
    uint8_t odd;        /* and mod 2 */
    uint8_t agreed;     /* byte before: 0 missed, 1 as predicted, 2 none */
    uint8_t difference; /* byte before, less its prediction */
    uint8_t last;       /* last difference of a new byte to its old one */
    uint8_t made[4];    /* the new image behind: nearest first */
};

/** Lay the model out at mem, aligned to 4; returns the end of its tables.
 * Nothing is written there before dfota_model_reset(). */
void *dfota_model_init(struct dfota_model *m, void *mem,
                       const struct dfota_model_size *size);

/** Forget everything learnt: the state at the head of a window. */
void dfota_model_reset(struct dfota_model *m);

/** Code "the unit is as predicted". key: kind of prediction and old bytes */
unsigned dfota_model_flag(struct dfota_model *m, struct dfota_coder *c,
                          unsigned kind, unsigned key, unsigned actual);

/** Code one byte in its context. */
uint8_t dfota_model_byte(struct dfota_model *m, struct dfota_coder *c,
                         const struct dfota_byte_ctx *x, uint8_t actual);

/** Reset DFOTA_VALUE_COUNTERS counters, or any number of them. */
void dfota_counters_reset(dfota_counter *t, uint32_t n);

/** Code one bit by one counter. */
unsigned dfota_counter_bit(dfota_counter *t, struct dfota_coder *c,
                           unsigned actual);

/** Code a number 0 .. 2^32-2 by a value model. */
uint32_t dfota_value(dfota_counter *t, struct dfota_coder *c, uint32_t actual);

/** ln(p / (1 - p)) in 1/256, for p in 1/65536; -2839 .. 2839 */
int32_t dfota_stretch(uint32_t p);

/** The inverse, clamped: 1 .. 65535 for any x */
uint32_t dfota_squash(int32_t x);

#ifdef __cplusplus
}
#endif

#endif
