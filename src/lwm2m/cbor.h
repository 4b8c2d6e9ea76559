/* SPDX-License-Identifier: Apache-2.0 */
/**
 * CBOR (RFC 8949) as tokens, from bytes fed in pieces.
 *
 * Layer: lwm2m. Knows heads and strings, not nesting: a caller that wants
 * one shape of document tracks that shape and is deep by no more than it.
 * Strings come as they are fed, so their length costs no memory.
 */
#ifndef DFOTA_LWM2M_CBOR_H
#define DFOTA_LWM2M_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cbor_kind {
    CBOR_UNSIGNED, /* number */
    CBOR_NEGATIVE, /* the value is -1 - number */
    CBOR_BYTES,    /* a string begins; CHUNKs follow, the last one last */
    CBOR_TEXT,
    CBOR_CHUNK,  /* data, len, last */
    CBOR_ARRAY,  /* number of items, or indefinite */
    CBOR_MAP,    /* number of pairs, or indefinite */
    CBOR_TAG,    /* number */
    CBOR_SIMPLE, /* number: 20 false, 21 true, 22 null.. */
    CBOR_REAL,
    CBOR_BREAK,
};

struct cbor_token {
    enum cbor_kind kind;
    uint64_t number;
    double real;
    bool indefinite, last;
    const uint8_t *data; /* of the piece that was fed */
    size_t len;
};

struct cbor_reader {
    uint8_t head[9], have;
    bool in_string, open_string; /* open: made of parts, ended by a break */
    uint8_t major;               /* of that string */
    uint64_t left;               /* bytes of the (part of the) string */
};

/** Zero it to begin. */
static inline void cbor_reader_init(struct cbor_reader *r)
{
    *r = (struct cbor_reader){0};
}

/**
 * The next token of the piece *data, *len, both moved on.
 *
 * returns  DFOTA_DONE t is filled | DFOTA_MORE the piece is used up
 * errors   E_SYNTAX a reserved head, a part of a string that is none
 */
int cbor_next(struct cbor_reader *r, const uint8_t **data, size_t *len,
              struct cbor_token *t);

struct buffer;

/* Append. errors: those of buffer_add() */
int cbor_put_head(struct buffer *b, unsigned major, uint64_t number);
int cbor_put_integer(struct buffer *b, int64_t v);
int cbor_put_real(struct buffer *b, double v);
int cbor_put_text(struct buffer *b, const char *s, size_t len);

#endif
