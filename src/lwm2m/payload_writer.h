/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Records become a payload of any LwM2M format.
 *
 * Layer: lwm2m. Records come in ascending order of their paths (as a walk
 * over objects gives them), all under one base: the path of the request.
 */
#ifndef DFOTA_LWM2M_PAYLOAD_WRITER_H
#define DFOTA_LWM2M_PAYLOAD_WRITER_H

#include "lwm2m/value.h"
#include "os/buffer.h"

/**
 * Append the payload.
 *
 * n        text, opaque and CBOR take exactly one record, whose path is the
 *          base; the others any number
 * errors   E_UNSUPPORTED no such format, or not of this base; E_FULL, E_NOMEM
 *          of the buffer; E_ARG a record that is not under the base
 */
int lwm2m_write(unsigned format, const struct lwm2m_path *base,
                const struct lwm2m_record *records, size_t n,
                struct buffer *out);

/**
 * What stands before the bytes of one opaque resource of len bytes, so that
 * a package of any size is sent from where it lies: nothing follows the
 * bytes in any of these formats.
 *
 * format   opaque, TLV, SenML CBOR
 * errors   E_UNSUPPORTED; E_ARG longer than the format can say
 */
int lwm2m_write_prefix(unsigned format, const struct lwm2m_path *resource,
                       uint32_t len, struct buffer *out);

/* For payload_writer.c: the formats that have a file of their own. */
int lwm2m_write_tlv(const struct lwm2m_path *base,
                    const struct lwm2m_record *records, size_t n,
                    struct buffer *out);
int lwm2m_write_json(unsigned format, const struct lwm2m_path *base,
                     const struct lwm2m_record *records, size_t n,
                     struct buffer *out);
int lwm2m_tlv_head(struct buffer *out, unsigned type, unsigned id, size_t len);

#endif
