/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Copies from the new image: the tokens of packages with flag SELF.
 *
 * Layer: device (freestanding), inside the decoder. What no segment of the
 * copy map covers is a row of tokens: a literal, coded by the byte model, or
 * a match, so many bytes from so far back in the new image. The last four
 * distances are at hand, and what came before decides what is likely now.
 *
 * Invariant: a match that was accepted begins inside what has been produced
 * and ends inside the room it was given. SELF packages go in ascending
 * order, so that everything before the place to fill has been produced.
 * source   docs/format.md 6
 */
#ifndef DFOTA_DEVICE_SELF_H
#define DFOTA_DEVICE_SELF_H

#include "device/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DFOTA_SELF_REPS 4
#define DFOTA_SELF_STATES 12 /* from 7 on the last token was a match */
#define DFOTA_SELF_ALIGNS 4
#define DFOTA_SELF_LEN_MIN 2   /* of a match that is not the last distance */
#define DFOTA_SELF_LEN_SHORT 8 /* lengths of each of the two short trees */
#define DFOTA_SELF_SLOT_BITS 6
#define DFOTA_SELF_SLOT_SETS 4   /* by length: 2, 3, 4, more */
#define DFOTA_SELF_FIRST_SPLIT 4 /* slots below are distances themselves */
#define DFOTA_SELF_FIRST_RAW 14  /* from this slot on: raw bits, then align */
#define DFOTA_SELF_ALIGN_BITS 4

/* Counters of one length model. */
enum {
    DFOTA_SELF_LEN_LOW = 2,
    DFOTA_SELF_LEN_MID =
        DFOTA_SELF_LEN_LOW + DFOTA_SELF_ALIGNS * DFOTA_SELF_LEN_SHORT,
    DFOTA_SELF_LEN_HIGH = DFOTA_SELF_LEN_MID + DFOTA_SELF_LEN_SHORT,
    DFOTA_SELF_LEN_COUNTERS = DFOTA_SELF_LEN_HIGH + DFOTA_VALUE_COUNTERS,
};

/* Where each model lies in the counters. */
enum {
    DFOTA_SELF_MATCH = 0, /* by state and alignment */
    DFOTA_SELF_REP = DFOTA_SELF_STATES * DFOTA_SELF_ALIGNS, /* by state */
    DFOTA_SELF_REP_LATER = DFOTA_SELF_REP + DFOTA_SELF_STATES,
    DFOTA_SELF_REP_LONG = DFOTA_SELF_REP_LATER + 3 * DFOTA_SELF_STATES,
    DFOTA_SELF_LEN =
        DFOTA_SELF_REP_LONG + DFOTA_SELF_STATES * DFOTA_SELF_ALIGNS,
    DFOTA_SELF_REP_LEN = DFOTA_SELF_LEN + DFOTA_SELF_LEN_COUNTERS,
    DFOTA_SELF_SLOT = DFOTA_SELF_REP_LEN + DFOTA_SELF_LEN_COUNTERS,
    DFOTA_SELF_SPLIT =
        DFOTA_SELF_SLOT + (DFOTA_SELF_SLOT_SETS << DFOTA_SELF_SLOT_BITS),
    /* Each slot's tree needs as many counters as its bits tell apart. */
    DFOTA_SELF_ALIGN = DFOTA_SELF_SPLIT + 128 - DFOTA_SELF_FIRST_RAW,
    DFOTA_SELF_COUNTERS = DFOTA_SELF_ALIGN + (1 << DFOTA_SELF_ALIGN_BITS),
};

/* A match; len 0: a literal. */
struct dfota_token {
    uint32_t len, dist; /* bytes */
};

struct dfota_decoder;
struct dfota_arena_class;
struct dfota_self;

/* The code as the decoder calls it; a device that takes no SELF packages
 * does not link it. */
struct dfota_self_code {
    void (*reset)(struct dfota_self *s);
    int (*unit)(struct dfota_decoder *d, uint32_t room);
    /* Deltas have tokens' counters, too; without a source there are no T and
     * no flags. */
    const struct dfota_arena_class *delta, *full;
};

struct dfota_self {
    dfota_counter *counters;       /* DFOTA_SELF_COUNTERS */
    uint32_t rep[DFOTA_SELF_REPS]; /* distances, the last one first */
    uint32_t left;                 /* bytes of the match yet to copy */
    uint8_t state;
};

/** The code. Firmware that defines this function itself, to return NULL,
 * refuses SELF packages by E_ARCH and does not take self.c out of the
 * library. */
const struct dfota_self_code *dfota_self_find(void);

/** The state at the head of a window. */
void dfota_self_reset(struct dfota_self *s);

/**
 * Code the token for the new byte at pos; left and rep[0] say what it is,
 * left == 0 for a literal.
 *
 * room     bytes a match may fill, at least 1
 * actual   for an encoder; NULL on a device
 * errors   E_CORRUPT
 */
int dfota_self_token(struct dfota_self *s, struct dfota_coder *c, uint32_t pos,
                     uint32_t room, const struct dfota_token *actual);

/** The state after a token; rep: which distance, DFOTA_SELF_REPS: a new
 * one. A literal is len 0. */
uint8_t dfota_self_state(uint8_t state, uint32_t len, unsigned rep);

/** The distance slot of a distance - 1. */
unsigned dfota_self_slot(uint32_t back);

#ifdef __cplusplus
}
#endif

#endif
