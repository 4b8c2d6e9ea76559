/* SPDX-License-Identifier: Apache-2.0 */
/**
 * CBOR: encoder of definite lengths, and a reader of one item at a time.
 *
 * source   RFC 8949 3
 */
#ifndef DEMO_CBOR_H
#define DEMO_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cbor_writer {
    uint8_t *out;
    size_t cap, len;
    bool failed; /* did not fit */
};

void cbor_begin(struct cbor_writer *w, uint8_t *out, size_t cap);
void cbor_int(struct cbor_writer *w, int32_t value);
void cbor_text(struct cbor_writer *w, const char *text);
void cbor_bytes(struct cbor_writer *w, const void *data, size_t len);
void cbor_array(struct cbor_writer *w, uint32_t items);
void cbor_map(struct cbor_writer *w, uint32_t pairs);
void cbor_bool(struct cbor_writer *w, bool value);
void cbor_null(struct cbor_writer *w);
/** In half precision where that loses nothing, else in single. */
void cbor_float(struct cbor_writer *w, float value);

enum cbor_type {
    CBOR_END,
    CBOR_UINT,
    CBOR_NEGATIVE, /* value n means -1 - n */
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_FLOAT,
    CBOR_SIMPLE, /* 20 false, 21 true, 22 null */
    CBOR_BAD,
};

struct cbor_item {
    enum cbor_type type;
    uint32_t value; /* number, length, count, tag */
    float real;
    const uint8_t *data; /* of BYTES and TEXT, inside the input */
};

/** Read the item at *p and move behind it (not behind its children). */
struct cbor_item cbor_next(const uint8_t **p, const uint8_t *end);

/** Diagnostic notation of a whole message: its length, or -1. */
int cbor_describe(const uint8_t *in, size_t len, char *out, size_t cap);

#endif
