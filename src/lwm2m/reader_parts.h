/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the formats' readers share; for them alone.
 *
 * Layer: lwm2m. A value is begun at its path, given its bytes, and ended
 * with what the format said of it.
 */
#ifndef DFOTA_LWM2M_READER_PARTS_H
#define DFOTA_LWM2M_READER_PARTS_H

#include "lwm2m/reader.h"

struct lwm2m_codec {
    unsigned format;
    void (*init)(struct lwm2m_reader *r);
    int (*feed)(struct lwm2m_reader *r, const uint8_t *data, size_t len);
    int (*finish)(struct lwm2m_reader *r);
};

extern const struct lwm2m_codec lwm2m_codec_tlv, lwm2m_codec_senml_cbor,
    lwm2m_codec_cbor, lwm2m_codec_senml_json, lwm2m_codec_json,
    lwm2m_codec_text, lwm2m_codec_opaque;

/* A value of bytes: errors E_SYNTAX the path is outside the request */
int reader_begin(struct lwm2m_reader *r, const struct lwm2m_path *path);
/* errors: E_FULL */
int reader_data(struct lwm2m_reader *r, const void *data, size_t len);
int reader_end(struct lwm2m_reader *r, const struct lwm2m_path *path,
               enum lwm2m_kind kind);

/* A value that is known at once. */
int reader_value(struct lwm2m_reader *r, const struct lwm2m_path *path,
                 const struct lwm2m_value *value);

/** The path that SenML's base name and name make; relative to nothing, with
 * or without slashes at the seam. errors: E_SYNTAX */
int reader_join(const char *base_name, const char *name,
                struct lwm2m_path *path);

#endif
