/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The cheapest row of tokens for a stretch of the new image.
 *
 * Layer: delta. Forward dynamic programming over prices that stand still:
 * for each place the cheapest few ways to get there that differ in their
 * last distance, because what is cheap later depends on it.
 */
#ifndef DFOTA_DELTA_SELF_PARSE_H
#define DFOTA_DELTA_SELF_PARSE_H

#include "delta/self_price.h"

enum { SELF_BLOCK = 8192 }; /* bytes between two sets of prices */

struct self_tokens {
    struct dfota_token *list;
    size_t len, room;
};

struct self_parser;

struct self_parse_input {
    const uint8_t *image;
    const struct self_matches *matches;
    const uint16_t *literals; /* what a literal costs at each place */
};

/** NULL: out of memory */
struct self_parser *self_parser_create(const struct self_parse_input *in);
void self_parser_destroy(struct self_parser *p);

/** Forget the distances: the head of a window. */
void self_parser_reset(struct self_parser *p);

/**
 * Tokens for about a block from pos on, appended to out.
 *
 * end      no token may go past it
 * next     out: the place behind the last token, more than pos
 * errors   E_NOMEM
 */
int self_parser_block(struct self_parser *p, const struct self_prices *prices,
                      uint32_t pos, uint32_t end, struct self_tokens *out,
                      uint32_t *next);

#endif
