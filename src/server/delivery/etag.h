/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Entity tags: made from the digest of the content, compared as HTTP says.
 *
 * Layer: server. Pure.
 */
#ifndef DFOTA_SERVER_DELIVERY_ETAG_H
#define DFOTA_SERVER_DELIVERY_ETAG_H

#include <stdbool.h>
#include <stdint.h>

/* Two quotes, 64 hex digits, NUL. */
enum { ETAG_ROOM = 67 };

/** The strong tag of content with this SHA-256. */
void etag_make(const uint8_t sha256[32], char out[ETAG_ROOM]);

/**
 * Is the tag in a list such as that of If-Match?
 *
 * weak     a member W/"x" matches "x" too (If-None-Match); else it never does
 * returns  true also for "*"; false for NULL
 * source   RFC 9110 8.8.3.2, 13.1.1, 13.1.2
 */
bool etag_in_list(const char *list, const char *etag, bool weak);

/**
 * Does If-Range let the Range stand? Only the very tag does: there is no
 * Last-Modified here that a date could be compared with.
 *
 * returns  true also for NULL (no If-Range)
 * source   RFC 9110 13.1.5
 */
bool etag_if_range(const char *value, const char *etag);

#endif
