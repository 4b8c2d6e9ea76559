/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A payload of any LwM2M format, fed in pieces, comes out as records.
 *
 * Layer: lwm2m. Values are collected up to LWM2M_VALUE_MAX and handed over
 * whole, but for the one path that the sink streams: its bytes come as they
 * are fed, so that a package needs no memory. TLV, SenML CBOR, CBOR, text
 * and opaque are read byte by byte; the two JSON formats are kept, up to
 * LWM2M_JSON_MAX bytes, until finish(), and stream nothing.
 *
 * Every path handed over lies under the path of the request. Nothing is
 * undone: who must not act on half a payload collects the records first.
 */
#ifndef DFOTA_LWM2M_READER_H
#define DFOTA_LWM2M_READER_H

#include "lwm2m/cbor.h"
#include "lwm2m/value.h"
#include "os/buffer.h"

enum { LWM2M_JSON_MAX = 32768 };

struct lwm2m_sink {
    void *ctx;
    /* A value, whole, valid until the call returns. A negative result ends
     * the reading with it. */
    int (*record)(void *ctx, const struct lwm2m_record *record);
    /* Bytes of the value of `stream`; the last call may have none. NULL:
     * nothing is streamed. */
    int (*chunk)(void *ctx, const void *data, size_t len, bool last);
    struct lwm2m_path stream;
};

struct tlv_level {
    uint32_t left; /* bytes inside the container that are not read yet */
    uint8_t depth; /* of the path outside */
};

struct tlv_reader {
    uint8_t head[6], have, need;
    uint8_t levels;
    struct tlv_level level[2];
    struct lwm2m_path path;
    bool in_value;
    uint32_t value_left;
};

enum { SENML_NAME_MAX = 32 };

struct senml_reader {
    struct cbor_reader cbor;
    uint8_t state;             /* senml_cbor.c */
    bool array_open, map_open; /* indefinite: ended by a break */
    uint64_t maps_left, pairs_left;
    int key; /* label of the pair; SenML's numbers, or one of our own */
    char word[SENML_NAME_MAX], name[SENML_NAME_MAX], base_name[SENML_NAME_MAX];
    uint8_t word_len;
    bool has_value, begun, named;
    struct lwm2m_path path; /* of the value begun */
    struct lwm2m_value value;
};

struct lwm2m_codec;

struct lwm2m_reader {
    const struct lwm2m_codec *codec;
    struct lwm2m_path base;
    struct lwm2m_sink sink;
    int err;
    bool streaming;
    uint16_t len; /* of value */
    uint8_t value[LWM2M_VALUE_MAX];
    union {
        struct tlv_reader tlv;
        struct senml_reader senml;
    };
    struct buffer text; /* JSON */
};

/**
 * Begin. A reader allocates only for JSON.
 *
 * format   a number of CoAP's Content-Format
 * base     path of the request
 * errors   E_UNSUPPORTED no such format here (4.15)
 */
int lwm2m_reader_init(struct lwm2m_reader *r, unsigned format,
                      const struct lwm2m_path *base,
                      const struct lwm2m_sink *sink);

/**
 * Bytes of the payload, any split.
 *
 * errors   E_SYNTAX malformed; E_FULL a value or a text over its limit; what
 *          the sink returned; after one every further call returns it again
 */
int lwm2m_reader_feed(struct lwm2m_reader *r, const void *data, size_t len);

/** The payload is whole. errors: as feed(); E_TRUNCATED it is not */
int lwm2m_reader_finish(struct lwm2m_reader *r);

/** Give back what JSON allocated; harmless on a zeroed struct. */
void lwm2m_reader_release(struct lwm2m_reader *r);

/** init, feed, finish, release. errors: as those */
int lwm2m_read(unsigned format, const struct lwm2m_path *base, const void *data,
               size_t len, const struct lwm2m_sink *sink);

#endif
