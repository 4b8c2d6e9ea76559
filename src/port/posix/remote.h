/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The client's side of a serial line over telnet: COM-PORT-OPTION.
 *
 * Layer: port. On a connected, non-blocking socket that the caller keeps.
 * Nothing is allocated; what the peer does not take is bounded.
 *
 * source   RFC 2217 2, 3
 */
#ifndef DFOTA_PORT_POSIX_REMOTE_H
#define DFOTA_PORT_POSIX_REMOTE_H

#include "port/posix/telnet.h"

enum { REMOTE_IN_MAX = 256, REMOTE_OUT_MAX = 1024 };

struct remote {
    struct telnet telnet;
    struct telnet_ops ops;
    int fd;
    uint32_t rate;
    bool rate_told, full;
    uint8_t in[REMOTE_IN_MAX]; /* of the line, by one read */
    size_t in_len;
    uint8_t out[REMOTE_OUT_MAX]; /* for the peer, not taken yet */
    size_t out_len;
};

/**
 * Agree with the peer: 8N1, no flow control, DTR and RTS on. What the line
 * has said by then is lost, as before a tty is opened.
 *
 * fd       borrowed; *r stays where it is
 * errors   E_CONNECT (errno) it closed, or did not agree within 3 s
 */
int remote_begin(struct remote *r, int fd, uint32_t rate);

/** As serial_read(). errors: E_IO */
int remote_read(struct remote *r, uint8_t *data, size_t room, size_t *len);

/** As serial_write(). errors: E_IO */
int remote_write(struct remote *r, const uint8_t *data, size_t len,
                 size_t *used);

/** Behind all that was written. errors: E_IO */
int remote_set_rate(struct remote *r, uint32_t rate);

#endif
