/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The few things the AT client does with NUL-terminated text.
 *
 * Layer: at (freestanding). Not a string library: each function is here
 * because <string.h> is not.
 */
#ifndef DFOTA_AT_TEXT_H
#define DFOTA_AT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

size_t dfota_text_len(const char *s);

bool dfota_text_equal(const char *a, const char *b);

/** What follows prefix in s; NULL when s, or NULL, does not begin with it. */
const char *dfota_text_after(const char *s, const char *prefix);

/** What follows the first needle in s; NULL when there is none, or no s. */
const char *dfota_text_past(const char *s, const char *needle);

/**
 * Read a decimal number after blanks.
 *
 * value    out: of its first nine digits, so a number of any length is read
 *          and stays out of every range; -1 without digits
 * s        NULL has no digits
 * returns  what follows the digits; NULL when there are none
 */
const char *dfota_text_int(const char *s, int32_t *value);

/** Read hexadecimal digits of either case; none are 0. What does not fit into
 * 32 bits falls out at the top. */
uint32_t dfota_text_hex(const char *s);

#define DFOTA_NUMBER_ROOM 11

/**
 * Write value in decimal into the end of dst, with a NUL.
 *
 * returns  where in dst it begins
 */
char *dfota_text_number(char dst[DFOTA_NUMBER_ROOM], uint32_t value);

#ifdef __cplusplus
}
#endif

#endif
