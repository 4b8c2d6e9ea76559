/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The server's side of a serial line over telnet: COM-PORT-OPTION.
 *
 * Layer: modem. No I/O: bytes from the client go in, what they mean comes
 * out by callbacks. The line is the module's UART, 8 bits, no parity, 1 stop
 * bit and nothing else: other requests are answered with what it is, which
 * a client reports as refused. Nothing is allocated, and every answer is
 * shorter than twice the request it answers plus 40 bytes.
 *
 * source   RFC 854 (telnet), 856 (binary), 858 (SGA), 2217 (COM-PORT)
 */
#ifndef DFOTA_MODEM_RFC2217_H
#define DFOTA_MODEM_RFC2217_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port/posix/telnet.h"

enum {
    RFC2217_RATE_MAX = 4000000, /* bit/s */
};

/* The lines that the module drives, as bits of NOTIFY-MODEMSTATE. */
enum {
    RFC2217_CTS = 0x10,
    RFC2217_DSR = 0x20,
    RFC2217_RI = 0x40,
    RFC2217_DCD = 0x80,
};

/* Of PURGE-DATA, seen from the client. */
enum rfc2217_purge { RFC2217_PURGE_IN = 1, RFC2217_PURGE_OUT = 2 };

struct rfc2217_ops {
    /* Bytes for the module, valid until it returns. */
    void (*data)(void *ctx, const uint8_t *data, size_t len);
    /* Bytes for the client, as they are. */
    void (*reply)(void *ctx, const uint8_t *data, size_t len);
    void (*dtr)(void *ctx, bool on);    /* only when it changes */
    void (*hold)(void *ctx, bool hold); /* output shall wait */
    void (*purge)(void *ctx, enum rfc2217_purge what); /* bits */
    void *ctx;
};

struct rfc2217 {
    const struct rfc2217_ops *ops;
    uint32_t rate; /* that the client has set, bit/s; 115200 at the start */
    struct telnet telnet;
    struct telnet_ops telnet_ops;
    uint8_t flow_out, flow_in; /* SET-CONTROL's numbers */
    uint8_t lines, modem_mask, line_mask;
    bool dtr, rts, broken, suspended, held;
};

/** A client has come: say what is offered. *r stays where it is. DTR is off
 * until it says so. lines: see rfc2217_set_lines() */
void rfc2217_init(struct rfc2217 *r, const struct rfc2217_ops *ops,
                  uint8_t lines);

/** Bytes of the client, any split. */
void rfc2217_feed(struct rfc2217 *r, const uint8_t *in, size_t len);

/**
 * Bytes of the module as the client's telnet wants them.
 *
 * out      room for 2 * len + 1
 * returns  bytes written
 */
size_t rfc2217_encode(struct rfc2217 *r, const uint8_t *in, size_t len,
                      uint8_t *out);

/** The module drives these lines now: RFC2217_CTS and so on, or'ed. */
void rfc2217_set_lines(struct rfc2217 *r, uint8_t lines);

#endif
