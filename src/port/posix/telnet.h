/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Telnet with the options that a serial line needs: BINARY, SGA, COM-PORT.
 *
 * Layer: port. Either end. No I/O and no allocation: bytes of the peer go
 * in, what they mean comes out by callbacks; an answer to an option is 3
 * bytes, and there is at most one for 3 bytes of the peer.
 *
 * source   RFC 854 (telnet), 856 (binary), 858 (SGA), 2217 (COM-PORT)
 */
#ifndef DFOTA_PORT_POSIX_TELNET_H
#define DFOTA_PORT_POSIX_TELNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TELNET_SUB_MAX = 32, /* bytes of a subnegotiation that are looked at */
    TELNET_OPTIONS = 3,
};
enum { TELNET_BINARY = 0, TELNET_SGA = 3, TELNET_COM_PORT = 44 };

struct telnet_ops {
    /* Bytes for the line, valid until it returns. */
    void (*data)(void *ctx, const uint8_t *data, size_t len);
    /* Bytes for the peer, as they are. */
    void (*reply)(void *ctx, const uint8_t *data, size_t len);
    /* COM-PORT is on; once. */
    void (*agreed)(void *ctx);
    /* A subnegotiation of COM-PORT: command and value, 1 to 31 bytes. */
    void (*sub)(void *ctx, const uint8_t *data, size_t len);
    void *ctx;
};

struct telnet {
    const struct telnet_ops *ops;
    uint8_t state, verb; /* of the parser; of WILL, WONT, DO, DONT */
    /* Per option: off, asked for, on. */
    uint8_t us[TELNET_OPTIONS], him[TELNET_OPTIONS];
    uint8_t sub[TELNET_SUB_MAX];
    uint8_t sub_len; /* TELNET_SUB_MAX + 1: longer than anything known */
    bool agreed;
    bool rx_cr, tx_cr; /* the last byte was a CR (only without BINARY) */
};

/** A peer is there: say what is offered. client: we ask for the line. */
void telnet_init(struct telnet *t, const struct telnet_ops *ops, bool client);

/** Bytes of the peer, any split. */
void telnet_feed(struct telnet *t, const uint8_t *in, size_t len);

/**
 * Bytes of the line as the peer wants them.
 *
 * out      room for 2 * len + 1
 * returns  bytes written
 */
size_t telnet_encode(struct telnet *t, const uint8_t *in, size_t len,
                     uint8_t *out);

/** A subnegotiation of COM-PORT. len: at most TELNET_SUB_MAX */
void telnet_send_sub(struct telnet *t, uint8_t command, const void *value,
                     size_t len);

#endif
