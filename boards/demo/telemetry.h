/* SPDX-License-Identifier: Apache-2.0 */
/** Frames about the node: JSON for people, sealed CBOR for the air. */
#ifndef DEMO_TELEMETRY_H
#define DEMO_TELEMETRY_H

#include <stddef.h>
#include <stdint.h>

/** The node as a JSON object: length, or -1. */
int telemetry_json(uint32_t now_ms, char *out, size_t cap);

/** The same as CBOR with numbered keys: length, or -1. */
int telemetry_cbor(uint32_t now_ms, uint8_t *out, size_t cap);

/**
 * The CBOR sealed with ChaCha20-Poly1305 under the key of the settings,
 * inside a CoAP POST, in base64: length, or -1.
 */
int telemetry_sealed(uint32_t now_ms, char *out, size_t cap);

/** Apply {"target":21.5,"quiet":true,"settings":{..}}: how many members
 * were understood, or -1 when it is no JSON object. */
int telemetry_command(const char *text);

#endif
