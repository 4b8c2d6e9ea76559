/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLV, content format 11542 (OMA LwM2M 1.0, 6.4.3; 1.1 Core, 7.4.3).
 *
 *   byte 0   bits 7-6  0 object instance, 1 resource instance,
 *                      2 multiple resource, 3 resource with a value
 *            bit 5     the identifier has 2 bytes, else 1
 *            bits 4-3  bytes of the length field; 0: bits 2-0 are the length
 *   then     identifier, length, value
 *
 * Containers (0, 2) nest at most twice, so two levels are all the state.
 */
#include <string.h>

#include "base/err.h"
#include "lwm2m/reader_parts.h"

enum { TLV_INSTANCE, TLV_RESOURCE_INSTANCE, TLV_MULTIPLE, TLV_RESOURCE };

static void tlv_init(struct lwm2m_reader *r)
{
    struct tlv_reader *t = &r->tlv;

    memset(t, 0, sizeof *t);
    /* Resources without an instance around them are those of the request's
     * instance, or of one that the client is to name. */
    t->path = r->base;
    t->need = 1;
}

static uint8_t head_len(uint8_t type)
{
    return (uint8_t)(2 + (type >> 5 & 1) + (type >> 3 & 3));
}

/* The path of an element of this type; its place must suit the type. */
static int place(struct lwm2m_reader *r, unsigned type, unsigned id)
{
    static const uint8_t depth_of[] = {LWM2M_DEPTH_INSTANCE, LWM2M_DEPTH_MAX,
                                       LWM2M_DEPTH_RESOURCE,
                                       LWM2M_DEPTH_RESOURCE};
    struct tlv_reader *t = &r->tlv;
    unsigned depth = depth_of[type];

    if (id >= LWM2M_NO_ID || r->base.depth == 0)
        return DFOTA_E_SYNTAX;
    /* A request for one resource is answered with that resource's element,
     * one for one instance with it or its resources. */
    if (t->levels == 0 && t->path.depth >= depth)
        t->path.depth = (uint8_t)(depth - 1);
    if (type != TLV_INSTANCE && t->levels == 0 &&
        t->path.depth == LWM2M_DEPTH_OBJECT && depth == LWM2M_DEPTH_RESOURCE) {
        t->path.id[1] = LWM2M_NO_ID;
        t->path.depth = LWM2M_DEPTH_INSTANCE;
    }
    if (t->path.depth != depth - 1)
        return DFOTA_E_SYNTAX;
    t->path.id[depth - 1] = (uint16_t)id;
    t->path.depth = (uint8_t)depth;
    return 0;
}

/* Elements that are through, and containers that are with them. */
static void close_levels(struct lwm2m_reader *r)
{
    struct tlv_reader *t = &r->tlv;

    while (t->levels > 0 && t->level[t->levels - 1].left == 0)
        t->levels--;
    if (t->levels > 0)
        t->path.depth = t->level[t->levels - 1].depth;
    else
        t->path = r->base;
}

/* The bytes of an element count against every container around it. */
static int account(struct tlv_reader *t, uint64_t len)
{
    if (t->levels == 0)
        return 0;
    if (len > t->level[t->levels - 1].left)
        return DFOTA_E_SYNTAX;
    t->level[t->levels - 1].left -= (uint32_t)len;
    return 0;
}

static int open_container(struct lwm2m_reader *r, uint32_t len)
{
    struct tlv_reader *t = &r->tlv;
    static const struct lwm2m_value empty = {.kind = LWM2M_EMPTY};
    struct lwm2m_path path = t->path;

    if (len == 0) {
        close_levels(r);
        return reader_value(r, &path, &empty);
    }
    if (t->levels == 2)
        return DFOTA_E_SYNTAX;
    t->level[t->levels++] =
        (struct tlv_level){.left = len, .depth = t->path.depth};
    return 0;
}

static int end_value(struct lwm2m_reader *r)
{
    struct lwm2m_path path = r->tlv.path;

    r->tlv.in_value = false;
    close_levels(r);
    return reader_end(r, &path, LWM2M_RAW);
}

static int on_head(struct lwm2m_reader *r)
{
    struct tlv_reader *t = &r->tlv;
    unsigned type = t->head[0] >> 6, at = 1, id = t->head[at++];
    uint32_t len = t->head[0] & 7;
    int err;

    if (t->head[0] & 0x20)
        id = id << 8 | t->head[at++];
    if (t->head[0] & 0x18)
        len = 0;
    while (at < t->have)
        len = len << 8 | t->head[at++];
    t->have = 0;
    t->need = 1;
    err = account(t, (uint64_t)at + len);
    if (!err)
        err = place(r, type, id);
    if (err)
        return err;
    if (type == TLV_INSTANCE || type == TLV_MULTIPLE)
        return open_container(r, len);
    t->in_value = true;
    t->value_left = len;
    err = reader_begin(r, &t->path);
    if (!err && !r->streaming && len > LWM2M_VALUE_MAX)
        err = DFOTA_E_FULL;
    return err || len > 0 ? err : end_value(r);
}

static int tlv_feed(struct lwm2m_reader *r, const uint8_t *data, size_t len)
{
    struct tlv_reader *t = &r->tlv;
    int err = 0;

    while (len > 0 && !err) {
        size_t n = len < t->value_left ? len : t->value_left;

        if (t->in_value) {
            err = reader_data(r, data, n);
            data += n;
            len -= n;
            t->value_left -= (uint32_t)n;
            if (!err && t->value_left == 0)
                err = end_value(r);
            continue;
        }
        t->head[t->have++] = *data++;
        len--;
        if (t->have == 1)
            t->need = head_len(t->head[0]);
        if (t->have == t->need)
            err = on_head(r);
    }
    return err;
}

static int tlv_finish(struct lwm2m_reader *r)
{
    const struct tlv_reader *t = &r->tlv;

    return t->have || t->in_value || t->levels ? DFOTA_E_TRUNCATED : 0;
}

const struct lwm2m_codec lwm2m_codec_tlv = {LWM2M_FORMAT_TLV, tlv_init,
                                            tlv_feed, tlv_finish};
