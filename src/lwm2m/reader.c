/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of reading that all formats have, and the two that are nothing
 * but a value: text and opaque.
 */
#include "lwm2m/reader.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "lwm2m/reader_parts.h"

int reader_begin(struct lwm2m_reader *r, const struct lwm2m_path *path)
{
    r->len = 0;
    r->streaming = r->sink.chunk && lwm2m_path_equal(path, &r->sink.stream);
    return lwm2m_path_covers(&r->base, path) ? 0 : DFOTA_E_SYNTAX;
}

int reader_data(struct lwm2m_reader *r, const void *data, size_t len)
{
    if (len == 0)
        return 0;
    if (r->streaming)
        return r->sink.chunk(r->sink.ctx, data, len, false);
    if (len > sizeof r->value - r->len)
        return DFOTA_E_FULL;
    memcpy(r->value + r->len, data, len);
    r->len = (uint16_t)(r->len + len);
    return 0;
}

int reader_value(struct lwm2m_reader *r, const struct lwm2m_path *path,
                 const struct lwm2m_value *value)
{
    struct lwm2m_record record = {.path = *path, .value = *value};

    if (!lwm2m_path_covers(&r->base, path))
        return DFOTA_E_SYNTAX;
    return r->sink.record(r->sink.ctx, &record);
}

int reader_end(struct lwm2m_reader *r, const struct lwm2m_path *path,
               enum lwm2m_kind kind)
{
    struct lwm2m_value v = {.kind = kind, .data = r->value, .len = r->len};

    if (r->streaming)
        return r->sink.chunk(r->sink.ctx, NULL, 0, true);
    return reader_value(r, path, &v);
}

int reader_join(const char *base_name, const char *name,
                struct lwm2m_path *path)
{
    char text[2 * SENML_NAME_MAX + 2];
    size_t base_len = strlen(base_name);
    bool seam = base_len > 0 && base_name[base_len - 1] == '/';

    /* "/3/0" + "1" is written by some, "/3/0" + "/1" by others. */
    if (seam && name[0] == '/')
        name++;
    snprintf(text, sizeof text, "%s%s%s", base_name,
             !seam && name[0] && name[0] != '/' ? "/" : "", name);
    return lwm2m_path_parse(text, strlen(text), path);
}

static void alone_init(struct lwm2m_reader *r)
{
    /* A value without a name is a resource's, or an instance of one. */
    r->err = r->base.depth < LWM2M_DEPTH_RESOURCE ? DFOTA_E_UNSUPPORTED
                                                  : reader_begin(r, &r->base);
}

static int alone_feed(struct lwm2m_reader *r, const uint8_t *data, size_t len)
{
    return reader_data(r, data, len);
}

static int text_finish(struct lwm2m_reader *r)
{
    return reader_end(r, &r->base, LWM2M_TEXT);
}

static int opaque_finish(struct lwm2m_reader *r)
{
    return reader_end(r, &r->base, LWM2M_BYTES);
}

/* A streamed resource in text would be base64: it is collected instead. */
static void text_init(struct lwm2m_reader *r)
{
    r->sink.chunk = NULL;
    alone_init(r);
}

const struct lwm2m_codec lwm2m_codec_text = {LWM2M_FORMAT_TEXT, text_init,
                                             alone_feed, text_finish};
const struct lwm2m_codec lwm2m_codec_opaque = {LWM2M_FORMAT_OPAQUE, alone_init,
                                               alone_feed, opaque_finish};

int lwm2m_reader_init(struct lwm2m_reader *r, unsigned format,
                      const struct lwm2m_path *base,
                      const struct lwm2m_sink *sink)
{
    static const struct lwm2m_codec *const codecs[] = {
        &lwm2m_codec_text,       &lwm2m_codec_opaque,     &lwm2m_codec_tlv,
        &lwm2m_codec_senml_cbor, &lwm2m_codec_senml_json, &lwm2m_codec_json,
        &lwm2m_codec_cbor,
    };

    r->codec = NULL;
    r->base = *base;
    r->sink = *sink;
    r->err = 0;
    r->streaming = false;
    r->len = 0;
    buffer_init(&r->text, LWM2M_JSON_MAX);
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++)
        if (codecs[i]->format == format)
            r->codec = codecs[i];
    if (!r->codec)
        return r->err = DFOTA_E_UNSUPPORTED;
    r->codec->init(r);
    return r->err;
}

int lwm2m_reader_feed(struct lwm2m_reader *r, const void *data, size_t len)
{
    if (!r->err && len > 0)
        r->err = r->codec->feed(r, data, len);
    return r->err;
}

int lwm2m_reader_finish(struct lwm2m_reader *r)
{
    if (!r->err)
        r->err = r->codec->finish(r);
    return r->err;
}

void lwm2m_reader_release(struct lwm2m_reader *r)
{
    if (r->codec)
        buffer_release(&r->text);
}

int lwm2m_read(unsigned format, const struct lwm2m_path *base, const void *data,
               size_t len, const struct lwm2m_sink *sink)
{
    struct lwm2m_reader r;
    int err = lwm2m_reader_init(&r, format, base, sink);

    if (!err)
        err = lwm2m_reader_feed(&r, data, len);
    if (!err)
        err = lwm2m_reader_finish(&r);
    lwm2m_reader_release(&r);
    return err;
}
