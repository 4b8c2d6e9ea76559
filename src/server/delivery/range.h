/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The Range header of HTTP: what part of a representation was asked for.
 *
 * Layer: server. Pure: text and a size in, a verdict out.
 */
#ifndef DFOTA_SERVER_DELIVERY_RANGE_H
#define DFOTA_SERVER_DELIVERY_RANGE_H

#include <stdint.h>

enum range_verdict {
    RANGE_WHOLE,        /* none, not understood, or several: answer 200 */
    RANGE_PART,         /* answer 206 */
    RANGE_UNSATISFIABLE /* answer 416 */
};

struct range {
    uint64_t first; /* bytes from the start */
    uint64_t len;   /* bytes, at least 1 */
};

/**
 * Read a Range header.
 *
 * value    the field's value; NULL: there is none
 * size     bytes of the whole representation
 * part     out: set for RANGE_PART only, always inside 0..size
 * returns  the verdict; a malformed value is as good as none, which RFC 9110
 *          14.2 allows, and so is a list of several ranges (docs/decisions)
 * source   RFC 9110 14.1, 14.2
 */
enum range_verdict range_parse(const char *value, uint64_t size,
                               struct range *part);

#endif
