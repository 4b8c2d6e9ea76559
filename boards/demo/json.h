/* SPDX-License-Identifier: Apache-2.0 */
/**
 * JSON: a writer into a caller's buffer and a reader that walks a text in
 * place. Neither allocates; nesting is bounded, not recursive.
 *
 * source   RFC 8259
 */
#ifndef DEMO_JSON_H
#define DEMO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH 16 /* deepest nesting, both ways */

struct json_writer {
    char *out;
    size_t cap, len;
    uint32_t comma; /* bit d: a comma is due before the next item at depth d */
    uint8_t depth;
    bool failed; /* did not fit, or nested too deep */
};

void json_begin(struct json_writer *w, char *out, size_t cap);
/** NULL as key: an item of an array, or the outermost. */
void json_object(struct json_writer *w, const char *key);
void json_array(struct json_writer *w, const char *key);
/** Close an object with '}' or an array with ']'. */
void json_close(struct json_writer *w, char bracket);
void json_string(struct json_writer *w, const char *key, const char *value);
void json_int(struct json_writer *w, const char *key, long value);
/** A number with digits after the point; null when it is not finite. */
void json_float(struct json_writer *w, const char *key, double value,
                int digits);
void json_bool(struct json_writer *w, const char *key, bool value);
/** Bytes written, NUL behind them; -1 when something failed. */
int json_end(struct json_writer *w);

enum json_type {
    JSON_NONE, /* not there, or malformed */
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

/* A value inside the text it was found in. */
struct json_value {
    const char *text; /* its first byte */
    size_t len;       /* bytes, brackets and quotes included */
    enum json_type type;
};

/** Check a whole text; its value has type JSON_NONE when it is malformed. */
struct json_value json_parse(const char *text, size_t len);

/** The member of an object, or JSON_NONE. */
struct json_value json_member(struct json_value object, const char *key);

/** The n-th item of an array, or JSON_NONE. */
struct json_value json_item(struct json_value array, size_t n);

/** A dotted path of member names and numbers: "radio.bands.0". */
struct json_value json_path(struct json_value root, const char *path);

/** The number, or other when it is none. */
double json_number(struct json_value value, double other);

/** Copy a string without its escapes: its length, or -1. */
int json_copy(struct json_value value, char *out, size_t cap);

#endif
