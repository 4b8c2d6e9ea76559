/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What an HTTP response says about the resource before its body comes.
 *
 * Layer: link.
 *
 * source   RFC 9110 8.6, 8.8.3, 14.4; RFC 9530; RFC 3230
 */
#ifndef DFOTA_LINK_HTTP_HEAD_H
#define DFOTA_LINK_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/link.h"

struct http_head {
    int64_t content_len; /* bytes of this response's body, -1 not said */
    int64_t total;       /* bytes of the resource, of a 206, -1 not said */
    uint64_t range_from; /* first byte, of a 206 */
    bool has_etag, has_digest, chunked;
    char etag[LINK_ETAG_MAX]; /* strong, with its quotes */
    uint8_t digest[LINK_DIGEST_LEN];
};

/** Nothing is known yet. */
void http_head_reset(struct http_head *h);

/**
 * Take one header line, without its end.
 *
 * part     a part of the resource was asked for: Content-Digest is then of
 *          the part, and of no use
 */
void http_head_take(struct http_head *h, const char *line, bool part);

#endif
