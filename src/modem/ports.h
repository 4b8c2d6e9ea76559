/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The module's serial line: pty:LINK, tcp:HOST:PORT, rfc2217:HOST:PORT,
 * unix:PATH (unix:@NAME without a file), or a serial device.
 *
 * Layer: modem. One client at a time; a second one on a socket is told so
 * and let go. Output that nobody takes is dropped past a cap, as a UART
 * without a listener drops it.
 *
 * Where the other end's bit rate is known (rfc2217:), bytes at another rate
 * than the module's arrive as NULs, in both directions: what a UART makes of
 * framing errors.
 */
#ifndef DFOTA_MODEM_PORTS_H
#define DFOTA_MODEM_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct ports;

/* Who is behind the line: the module. */
struct ports_host {
    void (*feed)(void *ctx, const void *data, size_t len);
    /* The client's DTR, where the line has one; called when it changes. */
    void (*dtr)(void *ctx, bool on);
    void *ctx;
};

/**
 * Open a line.
 *
 * host     copied
 * out      the line; closed with ports_close()
 * errors   E_ARG, E_IO, E_NOMEM; all said
 */
int ports_open(struct ports **out, uv_loop_t *loop, const char *spec,
               const struct ports_host *host);
void ports_close(struct ports *p);

/** Where it can be reached, for people: the pty's name, host:port, path. */
const char *ports_name(const struct ports *p);

void ports_send(struct ports *p, const void *data, size_t len);

/** Set the module's bit rate, behind what was sent so far. 0: it takes the
 * rate of its host. No effect on lines without a rate. */
void ports_set_rate(struct ports *p, uint32_t rate);

/** The module is on: it drives CTS and DSR. */
void ports_set_ready(struct ports *p, bool ready);

/* The same sockets serve the control line: */

/** Listen on "unix:PATH", "unix:@NAME", a bare path or "tcp:HOST:PORT".
 * fd: out. errors as above */
int ports_listen(const char *spec, int *fd);

#endif
