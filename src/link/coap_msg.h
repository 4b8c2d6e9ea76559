/* SPDX-License-Identifier: Apache-2.0 */
/**
 * CoAP messages as bytes: parse, options, write (RFC 7252 section 3).
 *
 * Layer: link. Nothing here allocates, keeps state or knows of time. A parsed
 * message points into the datagram; a message to be written points at option
 * bytes that struct coap_options made. Options travel in their wire form, so
 * a message is passed on without being taken apart.
 *
 *   0                   1                   2                   3
 *  |Ver| T |  TKL  |      Code     |          Message ID           |
 *  |   Token (TKL bytes, 0..8) ..  |   Options ..  | 0xFF | Payload |
 */
#ifndef DFOTA_LINK_COAP_MSG_H
#define DFOTA_LINK_COAP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COAP_TOKEN_MAX = 8,
    COAP_PAYLOAD_MAX = 1024, /* the largest block over UDP */
    /* Room that every message written here fits into; longer datagrams
     * are not read. */
    COAP_DATAGRAM_MAX = 2048,
    COAP_OPTIONS_MAX = 960, /* bytes of options in a request or answer */
    COAP_ETAG_MAX = 8,
    COAP_PATH_MAX = 512, /* bytes that coap_msg_path() writes at most */
};

enum coap_type { COAP_CON, COAP_NON, COAP_ACK, COAP_RST };

/* c.dd as it is written in the RFCs: COAP_CODE(4, 4) is 4.04. */
#define COAP_CODE(c, dd) ((uint8_t)((c) << 5 | (dd)))
#define COAP_CLASS(code) ((code) >> 5)
#define COAP_DETAIL(code) ((code)&0x1F)

enum coap_code {
    COAP_EMPTY = 0,
    COAP_GET = 1,
    COAP_POST = 2,
    COAP_PUT = 3,
    COAP_DELETE = 4,
    COAP_FETCH = 5,
    COAP_PATCH = 6,
    COAP_IPATCH = 7,
    COAP_CREATED = COAP_CODE(2, 1),
    COAP_DELETED = COAP_CODE(2, 2),
    COAP_VALID = COAP_CODE(2, 3),
    COAP_CHANGED = COAP_CODE(2, 4),
    COAP_CONTENT = COAP_CODE(2, 5),
    COAP_CONTINUE = COAP_CODE(2, 31),
    COAP_BAD_REQUEST = COAP_CODE(4, 0),
    COAP_UNAUTHORIZED = COAP_CODE(4, 1),
    COAP_BAD_OPTION = COAP_CODE(4, 2),
    COAP_FORBIDDEN = COAP_CODE(4, 3),
    COAP_NOT_FOUND = COAP_CODE(4, 4),
    COAP_NOT_ALLOWED = COAP_CODE(4, 5),
    COAP_NOT_ACCEPTABLE = COAP_CODE(4, 6),
    COAP_INCOMPLETE = COAP_CODE(4, 8),
    COAP_CONFLICT = COAP_CODE(4, 9),
    COAP_PRECONDITION = COAP_CODE(4, 12),
    COAP_TOO_LARGE = COAP_CODE(4, 13),
    COAP_UNSUPPORTED_FORMAT = COAP_CODE(4, 15),
    COAP_SERVER_ERROR = COAP_CODE(5, 0),
    COAP_NOT_IMPLEMENTED = COAP_CODE(5, 1),
    COAP_UNAVAILABLE = COAP_CODE(5, 3),
};

/* Odd numbers are critical (RFC 7252 5.4.6). */
enum coap_option_number {
    COAP_IF_MATCH = 1,
    COAP_URI_HOST = 3,
    COAP_ETAG = 4,
    COAP_IF_NONE_MATCH = 5,
    COAP_OBSERVE = 6,
    COAP_URI_PORT = 7,
    COAP_LOCATION_PATH = 8,
    COAP_URI_PATH = 11,
    COAP_CONTENT_FORMAT = 12,
    COAP_MAX_AGE = 14,
    COAP_URI_QUERY = 15,
    COAP_ACCEPT = 17,
    COAP_LOCATION_QUERY = 20,
    COAP_BLOCK2 = 23,
    COAP_BLOCK1 = 27,
    COAP_SIZE2 = 28,
    COAP_PROXY_URI = 35,
    COAP_PROXY_SCHEME = 39,
    COAP_SIZE1 = 60,
};

struct coap_msg {
    enum coap_type type;
    uint8_t code;
    uint16_t mid;
    uint8_t token_len;
    uint8_t token[COAP_TOKEN_MAX];
    const uint8_t *options; /* wire form; NULL when none */
    size_t options_len;
    const uint8_t *payload; /* NULL when none */
    size_t payload_len;
};

/**
 * Take a datagram apart and check all of it, every option included.
 *
 * errors   E_PROTOCOL: under 4 bytes, over COAP_DATAGRAM_MAX, or another
 *          version; nothing in m is valid and nothing is to be answered.
 *          E_SYNTAX: a message format error (RFC 7252 3); type and mid are
 *          valid, a CON is to be answered with RST (4.2)
 * cost     one pass, no allocation
 * source   RFC 7252 3, 3.1, 4.1 (an empty message is 4 bytes), 12.1.1
 *          (classes 1, 6 and 7 are reserved)
 */
int coap_msg_parse(struct coap_msg *m, const uint8_t *data, size_t len);

/**
 * The bytes of a message.
 *
 * room     COAP_DATAGRAM_MAX is always enough when options_len is at most
 *          COAP_OPTIONS_MAX and payload_len at most COAP_PAYLOAD_MAX
 * len      out: bytes written
 * errors   E_FULL
 */
int coap_msg_write(const struct coap_msg *m, uint8_t *out, size_t room,
                   size_t *len);

static inline bool coap_msg_is_request(const struct coap_msg *m)
{
    return m->code != COAP_EMPTY && COAP_CLASS(m->code) == 0;
}

static inline bool coap_msg_is_response(const struct coap_msg *m)
{
    return COAP_CLASS(m->code) >= 2;
}

static inline bool coap_msg_has_token(const struct coap_msg *m,
                                      const uint8_t *token, size_t token_len)
{
    if (m->token_len != token_len)
        return false;
    for (size_t i = 0; i < token_len; i++) {
        if (m->token[i] != token[i])
            return false;
    }
    return true;
}

/* ---- options of a parsed message ----------------------------------------- */

struct coap_option {
    uint16_t number;
    uint16_t len;
    const uint8_t *value;
};

/* Walks options in wire form, which must have passed coap_msg_parse() or
 * come from struct coap_options. */
struct coap_cursor {
    const uint8_t *at, *end;
    uint16_t number;
};

void coap_cursor_init(struct coap_cursor *c, const struct coap_msg *m);

/** The next option, in ascending order of numbers; false at the end. */
bool coap_cursor_next(struct coap_cursor *c, struct coap_option *o);

/** The first option of a number; false when there is none. */
bool coap_msg_find(const struct coap_msg *m, uint16_t number,
                   struct coap_option *o);

/** An option that is a uint of up to 4 bytes (RFC 7252 3.2). errors:
 * E_NOTFOUND, E_SYNTAX longer than 4 bytes */
int coap_msg_uint(const struct coap_msg *m, uint16_t number, uint32_t *value);

/**
 * The first critical option that the caller does not know, or 0.
 *
 * known    ascending or not, count of them
 * A request with one is answered 4.02, a response with one is as good as
 * none (RFC 7252 5.4.1). An option that may come once only and comes again
 * counts as unknown (5.4.5).
 */
uint16_t coap_msg_critical(const struct coap_msg *m, const uint16_t *known,
                           size_t count);

/**
 * The path of a request, "/a/b" ("/" when it has none), for comparing.
 *
 * A "/", "%", "?" or "#" in a segment and bytes outside 0x21..0x7E come
 * %-escaped, so that two paths are the same if and only if the texts are, and
 * the text is the path of a URL.
 * errors   E_FULL; out is "" then
 */
int coap_msg_path(const struct coap_msg *m, char *out, size_t room);

/**
 * The value of Uri-Query "name=..", for ep=, lt=, pmin= ..; name alone gives
 * an empty value.
 *
 * value    out: into the message, not NUL-terminated
 * errors   E_NOTFOUND
 */
int coap_msg_query(const struct coap_msg *m, const char *name,
                   const uint8_t **value, size_t *len);

/* ---- making options ------------------------------------------------------ */

/* Options in wire form in the caller's memory, kept in order whatever order
 * they are added in. Like struct buffer it stays failed after one failure,
 * so a caller may add many and look at err once. */
struct coap_options {
    uint8_t *data;
    size_t len, room;
    int err; /* 0 or E_FULL */
};

/** Allocates nothing; data stays the caller's. */
void coap_options_init(struct coap_options *o, uint8_t *data, size_t room);

/**
 * Add one option behind those of the same or a lower number.
 *
 * value    at most 1034 bytes (no option of any RFC is longer); may be NULL
 *          when len is 0
 * errors   E_FULL, also every call after one
 * cost     one pass over what is there
 */
int coap_options_add(struct coap_options *o, uint16_t number, const void *value,
                     size_t len);
int coap_options_add_str(struct coap_options *o, uint16_t number,
                         const char *value);

/** Without leading zero bytes; 0 is no bytes (RFC 7252 3.2). */
int coap_options_add_uint(struct coap_options *o, uint16_t number,
                          uint32_t value);

/** All options of another list, e.g. those of a request with one more. */
int coap_options_add_all(struct coap_options *o, const uint8_t *options,
                         size_t options_len);

/**
 * Uri-Path and Uri-Query of "/a/b?c=1&d", %-escapes undone.
 *
 * errors   E_FULL, E_SYNTAX a bad %-escape, a segment over 255 bytes
 * source   RFC 7252 6.4
 */
int coap_options_add_path(struct coap_options *o, const char *path);

#endif
