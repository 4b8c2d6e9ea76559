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

size_t dfota_text_len(const char *s);

bool dfota_text_equal(const char *a, const char *b);

/** What follows prefix in s; NULL when s does not begin with it. */
const char *dfota_text_after(const char *s, const char *prefix);

/** The first place of needle in s; NULL when there is none. */
const char *dfota_text_find(const char *s, const char *needle);

/** Copy with a NUL, cut at room - 1 bytes. */
void dfota_text_copy(char *dst, size_t room, const char *src);

/**
 * Read a decimal number after blanks.
 *
 * value    out: saturates at INT32_MAX and -INT32_MAX, so a number of any
 *          length is read and stays out of every range
 * returns  what follows the digits; NULL when there are none
 */
const char *dfota_text_int(const char *s, int32_t *value);

/** Write value in decimal with a NUL; dst holds 11 bytes. */
void dfota_text_number(char *dst, uint32_t value);

#endif
