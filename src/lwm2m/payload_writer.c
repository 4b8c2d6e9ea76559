/* SPDX-License-Identifier: Apache-2.0 */
#include "lwm2m/payload_writer.h"

#include <string.h>

#include "base/err.h"
#include "lwm2m/cbor.h"

enum { LABEL_BN = -2, LABEL_N = 0, LABEL_V = 2, LABEL_VS, LABEL_VB };
enum { LABEL_VD = 8, MAJOR_BYTES = 2, MAJOR_ARRAY = 4, MAJOR_MAP = 5 };
enum { CBOR_FALSE = 0xf4, CBOR_TRUE = 0xf5 };

static int put_link(struct buffer *out, const struct lwm2m_value *v)
{
    struct buffer text;

    buffer_init(&text, 16);
    lwm2m_value_print(&text, v);
    cbor_put_text(out, text.data, text.len);
    buffer_release(&text);
    return out->err;
}

/* The value alone, and as which label SenML has it. */
static int put_cbor_value(struct buffer *out, const struct lwm2m_value *v)
{
    switch (v->kind) {
    case LWM2M_INTEGER:
        return cbor_put_integer(out, v->integer);
    case LWM2M_BOOLEAN: {
        uint8_t byte = v->integer ? CBOR_TRUE : CBOR_FALSE;

        return buffer_add(out, &byte, 1);
    }
    case LWM2M_REAL:
        return cbor_put_real(out, v->real);
    case LWM2M_LINK:
        return put_link(out, v);
    case LWM2M_BYTES:
        cbor_put_head(out, MAJOR_BYTES, v->len);
        return buffer_add(out, v->data, v->len);
    default:
        return cbor_put_text(out, v->data, v->len);
    }
}

static int put_label(struct buffer *out, enum lwm2m_kind kind)
{
    switch (kind) {
    case LWM2M_INTEGER:
    case LWM2M_REAL:
        return cbor_put_integer(out, LABEL_V);
    case LWM2M_BOOLEAN:
        return cbor_put_integer(out, LABEL_VB);
    case LWM2M_BYTES:
        return cbor_put_integer(out, LABEL_VD);
    case LWM2M_LINK:
        return cbor_put_text(out, "vlo", 3);
    default:
        return cbor_put_integer(out, LABEL_VS);
    }
}

/* One map; the first one carries the base name, with its slash. */
static int put_senml_head(struct buffer *out, const struct lwm2m_path *base,
                          const struct lwm2m_path *path, bool first,
                          unsigned values)
{
    char text[LWM2M_PATH_TEXT], base_text[LWM2M_PATH_TEXT + 1] = "";
    size_t base_len = 0;
    const char *name = lwm2m_path_print(path, text);
    bool alone = lwm2m_path_equal(base, path);

    if (base->depth > 0) {
        lwm2m_path_print(base, base_text);
        base_len = strlen(base_text);
        name += base_len;
        if (!alone) {
            base_text[base_len++] = '/';
            name++;
        }
    }
    first = first && base->depth > 0;
    cbor_put_head(out, MAJOR_MAP, values + first + (name[0] != '\0'));
    if (first) {
        cbor_put_integer(out, LABEL_BN);
        cbor_put_text(out, base_text, base_len);
    }
    if (name[0]) {
        cbor_put_integer(out, LABEL_N);
        cbor_put_text(out, name, strlen(name));
    }
    return out->err;
}

static int write_senml_cbor(const struct lwm2m_path *base,
                            const struct lwm2m_record *records, size_t n,
                            struct buffer *out)
{
    cbor_put_head(out, MAJOR_ARRAY, n);
    for (size_t i = 0; i < n; i++) {
        bool empty = records[i].value.kind == LWM2M_EMPTY;

        put_senml_head(out, base, &records[i].path, i == 0, empty ? 0 : 1);
        if (empty)
            continue;
        put_label(out, records[i].value.kind);
        put_cbor_value(out, &records[i].value);
    }
    return out->err;
}

static int write_alone(unsigned format, const struct lwm2m_path *base,
                       const struct lwm2m_record *records, size_t n,
                       struct buffer *out)
{
    const struct lwm2m_value *v = &records[0].value;

    if (n != 1 || base->depth < LWM2M_DEPTH_RESOURCE ||
        !lwm2m_path_equal(base, &records[0].path))
        return DFOTA_E_UNSUPPORTED;
    if (format == LWM2M_FORMAT_CBOR)
        return put_cbor_value(out, v);
    if (format == LWM2M_FORMAT_TEXT)
        return lwm2m_value_print(out, v);
    if (v->kind != LWM2M_BYTES && v->kind != LWM2M_RAW)
        return DFOTA_E_UNSUPPORTED;
    return buffer_add(out, v->data, v->len);
}

int lwm2m_write(unsigned format, const struct lwm2m_path *base,
                const struct lwm2m_record *records, size_t n,
                struct buffer *out)
{
    for (size_t i = 0; i < n; i++)
        if (!lwm2m_path_covers(base, &records[i].path))
            return DFOTA_E_ARG;
    switch (format) {
    case LWM2M_FORMAT_TEXT:
    case LWM2M_FORMAT_OPAQUE:
    case LWM2M_FORMAT_CBOR:
        return write_alone(format, base, records, n, out);
    case LWM2M_FORMAT_TLV:
        return lwm2m_write_tlv(base, records, n, out);
    case LWM2M_FORMAT_SENML_CBOR:
        return write_senml_cbor(base, records, n, out);
    case LWM2M_FORMAT_SENML_JSON:
    case LWM2M_FORMAT_JSON:
        return lwm2m_write_json(format, base, records, n, out);
    default:
        return DFOTA_E_UNSUPPORTED;
    }
}

int lwm2m_write_prefix(unsigned format, const struct lwm2m_path *resource,
                       uint32_t len, struct buffer *out)
{
    enum { TLV_RESOURCE = 3 };

    switch (format) {
    case LWM2M_FORMAT_OPAQUE:
        return 0;
    case LWM2M_FORMAT_TLV:
        return lwm2m_tlv_head(out, TLV_RESOURCE, resource->id[2], len);
    case LWM2M_FORMAT_SENML_CBOR:
        cbor_put_head(out, MAJOR_ARRAY, 1);
        put_senml_head(out, resource, resource, true, 1);
        cbor_put_integer(out, LABEL_VD);
        return cbor_put_head(out, MAJOR_BYTES, len);
    default:
        return DFOTA_E_UNSUPPORTED;
    }
}
