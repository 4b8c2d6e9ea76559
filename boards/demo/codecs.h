/* SPDX-License-Identifier: Apache-2.0 */
/** Small encodings: base64, hexadecimal, Modbus RTU, CoAP messages. */
#ifndef DEMO_CODECS_H
#define DEMO_CODECS_H

#include <stddef.h>
#include <stdint.h>

/** With padding (RFC 4648 4): length, or -1 when it does not fit. */
int base64_encode(const uint8_t *in, size_t len, char *out, size_t cap);
int base64_decode(const char *in, uint8_t *out, size_t cap);

int hex_encode(const uint8_t *in, size_t len, char *out, size_t cap);
int hex_decode(const char *in, uint8_t *out, size_t cap);

/** A decimal number at the head of a text, clamped to int; 0 when none. */
int decimal(const char *text);

/** CRC-16 of Modbus over serial line 6.2.2. */
uint16_t modbus_crc(const uint8_t *in, size_t len);

/** A request to read holding registers (function 3): 8 bytes. */
size_t modbus_read_request(uint8_t out[8], uint8_t unit, uint16_t first,
                           uint16_t count);

/** Its answer: how many registers came, or -1 bad frame, -2 - code when
 * the unit answered an exception. */
int modbus_read_reply(const uint8_t *in, size_t len, uint8_t unit,
                      uint16_t *registers, size_t cap);

/* A CoAP message under construction (RFC 7252 3). */
struct coap_writer {
    uint8_t *out;
    size_t cap, len;
    uint16_t option; /* the last one written */
    int failed;
};

/** type 0 CON, 1 NON; code as class * 32 + detail; token of 0..8 bytes. */
void coap_begin(struct coap_writer *w, uint8_t *out, size_t cap, unsigned type,
                unsigned code, uint16_t id, const void *token,
                size_t token_len);
/** Options in ascending order. */
void coap_option(struct coap_writer *w, uint16_t number, const void *value,
                 size_t len);
void coap_option_uint(struct coap_writer *w, uint16_t number, uint32_t value);
/** A Uri-Path option for each segment. */
void coap_path(struct coap_writer *w, const char *path);
/** Append the payload: length of the message, or -1. */
int coap_end(struct coap_writer *w, const void *payload, size_t len);

#endif
