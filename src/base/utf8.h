/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Is it text? What strangers say ends in JSON, logs and databases, and each of
 * those refuses, or loses, all that stands beside a byte that is none.
 *
 * Layer: base (freestanding).
 */
#ifndef DFOTA_BASE_UTF8_H
#define DFOTA_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * UTF-8 in its shortest form, without surrogates and control characters.
 *
 * len      bytes; "" is text
 * source   RFC 3629 4
 */
bool dfota_is_text(const char *text, size_t len);

#ifdef __cplusplus
}
#endif

#endif
