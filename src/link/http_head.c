/* SPDX-License-Identifier: Apache-2.0 */
#include "link/http_head.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

static int decode_base64(const char *from, size_t len, uint8_t *digest)
{
    gnutls_datum_t in = {(unsigned char *)from, (unsigned)len}, out;
    int good;

    if (gnutls_base64_decode2(&in, &out) < 0)
        return DFOTA_E_SYNTAX;
    good = out.size == LINK_DIGEST_LEN;
    if (good)
        memcpy(digest, out.data, LINK_DIGEST_LEN);
    gnutls_free(out.data);
    return good ? 0 : DFOTA_E_SYNTAX;
}

/* Repr-Digest and Content-Digest (RFC 9530): sha-256=:base64:, and the older
 * Digest (RFC 3230): sha-256=base64. One that cannot be read is a lie too:
 * a zero digest, which nothing matches. */
static void take_digest(struct http_head *h, const char *value)
{
    const char *at = strcasestr(value, "sha-256=");
    size_t len;

    if (!at)
        return;
    at += 8;
    at += *at == ':';
    len = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789+/=");
    h->has_digest = true;
    if (decode_base64(at, len, h->digest) != 0)
        memset(h->digest, 0, sizeof h->digest);
}

static void take_range(struct http_head *h, const char *value)
{
    char *at;
    uint64_t first;

    if (strncasecmp(value, "bytes ", 6) != 0)
        return;
    first = strtoull(value + 6, &at, 10);
    if (*at != '-')
        return;
    strtoull(at + 1, &at, 10);
    h->range_from = first;
    if (*at == '/' && at[1] >= '0' && at[1] <= '9')
        h->total = strtoll(at + 1, NULL, 10);
}

static void take_etag(struct http_head *h, const char *value)
{
    size_t len = strlen(value);

    h->has_etag = value[0] == '"' && len > 1 && len < LINK_ETAG_MAX;
    if (h->has_etag)
        memcpy(h->etag, value, len + 1);
}

static bool named(const char *line, const char *name, const char **value)
{
    size_t len = strlen(name);

    if (strncasecmp(line, name, len) != 0 || line[len] != ':')
        return false;
    *value = line + len + 1 + strspn(line + len + 1, " \t");
    return true;
}

/* What is no number is as good as nothing: the body then ends with the
 * connection. */
static int64_t take_length(const char *value)
{
    size_t digits = strspn(value, "0123456789");

    if (digits == 0 || digits > 18 || value[digits] != '\0')
        return -1;
    return strtoll(value, NULL, 10);
}

void http_head_reset(struct http_head *h)
{
    *h = (struct http_head){.content_len = -1, .total = -1};
}

void http_head_take(struct http_head *h, const char *line, bool part)
{
    const char *value;

    if (strncmp(line, "HTTP/", 5) == 0)
        http_head_reset(h);
    else if (named(line, "Content-Length", &value) && !h->chunked)
        h->content_len = take_length(value);
    else if (named(line, "Content-Range", &value))
        take_range(h, value);
    else if (named(line, "ETag", &value))
        take_etag(h, value);
    else if (named(line, "Repr-Digest", &value) ||
             named(line, "Digest", &value) ||
             (!part && named(line, "Content-Digest", &value)))
        take_digest(h, value);
    if (named(line, "Transfer-Encoding", &value)) {
        h->chunked = true; /* it wins over a length, RFC 9112 6.3 */
        h->content_len = -1;
    }
}
