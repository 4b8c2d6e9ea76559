/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A value of a resource, and a record: a path with its value.
 *
 * Layer: lwm2m. Formats differ in what they tell of a value: TLV gives bytes
 * without a type, text gives characters, SenML and JSON give types. Readers
 * hand over what the format said; who knows the resource takes it with the
 * lwm2m_as_..() of the type the object's definition has. Writers write by
 * kind.
 * source   OMA LwM2M 1.1 Core, appendix C (data types)
 */
#ifndef DFOTA_LWM2M_VALUE_H
#define DFOTA_LWM2M_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lwm2m/path.h"

/* Content formats, as numbers of CoAP's option. */
enum lwm2m_format {
    LWM2M_FORMAT_TEXT = 0,
    LWM2M_FORMAT_LINK = 40,
    LWM2M_FORMAT_OPAQUE = 42,
    LWM2M_FORMAT_CBOR = 60, /* one value alone (1.1) */
    LWM2M_FORMAT_SENML_JSON = 110,
    LWM2M_FORMAT_SENML_CBOR = 112,
    LWM2M_FORMAT_TLV = 11542,
    LWM2M_FORMAT_JSON = 11543,
    LWM2M_FORMAT_NONE = 65535, /* no such option */
};

enum lwm2m_kind {
    LWM2M_RAW,     /* data, len: TLV's bytes, type unknown; read only */
    LWM2M_TEXT,    /* data, len: UTF-8, no NUL behind */
    LWM2M_INTEGER, /* integer; also of time */
    LWM2M_REAL,    /* real */
    LWM2M_BOOLEAN, /* integer, 0 or 1 */
    LWM2M_BYTES,   /* data, len */
    LWM2M_LINK,    /* integer: object << 16 | instance */
    LWM2M_EMPTY,   /* a path alone: a container with nothing inside (TLV), what
                    * a composite operation asks for (SenML) */
};

struct lwm2m_value {
    enum lwm2m_kind kind;
    int64_t integer;
    double real;
    const void *data; /* borrowed: valid as long as whoever gave it says */
    size_t len;
};

struct lwm2m_record {
    struct lwm2m_path path;
    struct lwm2m_value value;
};

enum { LWM2M_VALUE_MAX = 4096 }; /* bytes of a value that is not streamed */

static inline struct lwm2m_value lwm2m_integer(int64_t v)
{
    return (struct lwm2m_value){.kind = LWM2M_INTEGER, .integer = v};
}

static inline struct lwm2m_value lwm2m_boolean(bool v)
{
    return (struct lwm2m_value){.kind = LWM2M_BOOLEAN, .integer = v};
}

static inline struct lwm2m_value lwm2m_real(double v)
{
    return (struct lwm2m_value){.kind = LWM2M_REAL, .real = v};
}

/** s is borrowed. */
struct lwm2m_value lwm2m_text(const char *s);
struct lwm2m_value lwm2m_bytes(const void *data, size_t len);

/* What a value is by the type its resource has. errors: E_SYNTAX it is not
 * of that type or out of its range */
int lwm2m_as_integer(const struct lwm2m_value *v, int64_t *out);
int lwm2m_as_boolean(const struct lwm2m_value *v, bool *out);
int lwm2m_as_real(const struct lwm2m_value *v, double *out);
int lwm2m_as_link(const struct lwm2m_value *v, uint32_t *out);

/** Copy text and a NUL. errors: also E_FULL len + 1 > room; a NUL inside is
 * E_SYNTAX */
int lwm2m_as_text(const struct lwm2m_value *v, char *out, size_t room);

/** Copy bytes; text is base64 (with or without its =, both alphabets).
 * errors: also E_FULL */
int lwm2m_as_bytes(const struct lwm2m_value *v, void *out, size_t room,
                   size_t *len);

/** Read base64 of either alphabet. errors: E_SYNTAX, E_FULL */
int lwm2m_base64_read(const char *text, size_t text_len, void *out, size_t room,
                      size_t *len);

struct buffer;

/** Append base64; url: RFC 4648 5, without =. errors: those of buffer_add */
int lwm2m_base64_write(struct buffer *b, const void *data, size_t len,
                       bool url);

/** Append v as text/plain has it. */
int lwm2m_value_print(struct buffer *b, const struct lwm2m_value *v);

#endif
