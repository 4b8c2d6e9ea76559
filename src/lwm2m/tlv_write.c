/* SPDX-License-Identifier: Apache-2.0 */
/* TLV, written inside out: a container's length stands before it. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "lwm2m/payload_writer.h"

enum { TLV_INSTANCE, TLV_RESOURCE_INSTANCE, TLV_MULTIPLE, TLV_RESOURCE };

int lwm2m_tlv_head(struct buffer *out, unsigned type, unsigned id, size_t len)
{
    uint8_t head[6] = {(uint8_t)(type << 6)};
    size_t at = 1;
    unsigned bytes = len < 8 ? 0 : len < 256 ? 1 : len < 65536 ? 2 : 3;

    if (len >= 1 << 24)
        return DFOTA_E_ARG;
    if (id > 255) {
        head[0] |= 0x20;
        head[at++] = (uint8_t)(id >> 8);
    }
    head[at++] = (uint8_t)id;
    head[0] |= (uint8_t)(bytes ? bytes << 3 : len);
    for (unsigned i = bytes; i > 0; i--)
        head[at++] = (uint8_t)(len >> 8 * (i - 1));
    return buffer_add(out, head, at);
}

/* Big-endian two's complement in 1, 2, 4 or 8 bytes, the fewest. */
static size_t put_integer(int64_t v, uint8_t out[8])
{
    size_t len = v >= INT8_MIN && v <= INT8_MAX     ? 1
                 : v >= INT16_MIN && v <= INT16_MAX ? 2
                 : v >= INT32_MIN && v <= INT32_MAX ? 4
                                                    : 8;

    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)((uint64_t)v >> 8 * (len - 1 - i));
    return len;
}

static size_t put_real(double v, uint8_t out[8])
{
    uint64_t u;

    if (fabs(v) <= (double)FLT_MAX && (double)(float)v == v) {
        float f = (float)v;
        uint32_t u32;

        memcpy(&u32, &f, sizeof u32);
        dfota_put_be32(out, u32);
        return 4;
    }
    memcpy(&u, &v, sizeof u);
    dfota_put_be32(out, (uint32_t)(u >> 32));
    dfota_put_be32(out + 4, (uint32_t)u);
    return 8;
}

static int put_value(struct buffer *out, unsigned type, unsigned id,
                     const struct lwm2m_value *v)
{
    uint8_t bytes[8] = {0};
    const void *data = bytes;
    size_t len = 0;
    int err;

    switch (v->kind) {
    case LWM2M_INTEGER:
    case LWM2M_BOOLEAN:
        len = put_integer(v->integer, bytes);
        break;
    case LWM2M_REAL:
        len = put_real(v->real, bytes);
        break;
    case LWM2M_LINK:
        dfota_put_be32(bytes, (uint32_t)v->integer);
        len = 4;
        break;
    case LWM2M_EMPTY:
        break;
    default:
        data = v->data;
        len = v->len;
    }
    err = lwm2m_tlv_head(out, type, id, len);
    return err ? err : buffer_add(out, data, len);
}

/* Records from *at on that lie under prefix, in one container or in out. */
static size_t run_of(const struct lwm2m_record *records, size_t n,
                     const struct lwm2m_path *prefix)
{
    size_t run = 0;

    while (run < n && lwm2m_path_covers(prefix, &records[run].path))
        run++;
    return run;
}

static int wrap(struct buffer *out, unsigned type, unsigned id,
                struct buffer *inner)
{
    int err = inner->err;

    if (!err)
        err = lwm2m_tlv_head(out, type, id, inner->len);
    if (!err)
        err = buffer_add(out, inner->data, inner->len);
    buffer_release(inner);
    return err;
}

/* A resource: one value, or its instances in a container. */
static int put_resource(struct buffer *out, const struct lwm2m_record *records,
                        size_t n)
{
    struct buffer inner;
    int err = 0;

    if (records[0].path.depth == LWM2M_DEPTH_RESOURCE)
        return put_value(out, TLV_RESOURCE, records[0].path.id[2],
                         &records[0].value);
    buffer_init(&inner, out->cap);
    for (size_t i = 0; i < n && !err; i++)
        err = put_value(&inner, TLV_RESOURCE_INSTANCE, records[i].path.id[3],
                        &records[i].value);
    if (err && !inner.err)
        inner.err = err;
    return wrap(out, TLV_MULTIPLE, records[0].path.id[2], &inner);
}

static int put_resources(struct buffer *out, const struct lwm2m_record *records,
                         size_t n)
{
    size_t at = 0;
    int err = 0;

    while (at < n && !err) {
        struct lwm2m_path prefix = records[at].path;
        size_t run;

        if (prefix.depth < LWM2M_DEPTH_RESOURCE)
            return records[at].value.kind == LWM2M_EMPTY ? 0 : DFOTA_E_ARG;
        prefix.depth = LWM2M_DEPTH_RESOURCE;
        run = run_of(records + at, n - at, &prefix);
        err = put_resource(out, records + at, run);
        at += run;
    }
    return err;
}

static int put_instances(struct buffer *out, const struct lwm2m_record *records,
                         size_t n)
{
    size_t at = 0;
    int err = 0;

    while (at < n && !err) {
        struct lwm2m_path prefix = records[at].path;
        struct buffer inner;
        size_t run;

        if (prefix.depth < LWM2M_DEPTH_INSTANCE)
            return DFOTA_E_ARG;
        prefix.depth = LWM2M_DEPTH_INSTANCE;
        run = run_of(records + at, n - at, &prefix);
        buffer_init(&inner, out->cap);
        err = put_resources(&inner, records + at, run);
        if (err && !inner.err)
            inner.err = err;
        err = wrap(out, TLV_INSTANCE, prefix.id[1], &inner);
        at += run;
    }
    return err;
}

int lwm2m_write_tlv(const struct lwm2m_path *base,
                    const struct lwm2m_record *records, size_t n,
                    struct buffer *out)
{
    switch (base->depth) {
    case 0:
        return DFOTA_E_UNSUPPORTED;
    case LWM2M_DEPTH_OBJECT:
        return put_instances(out, records, n);
    default:
        return put_resources(out, records, n);
    }
}
