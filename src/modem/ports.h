/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The module's serial line: pty:LINK, tcp:HOST:PORT, unix:PATH, /dev/ttyX.
 *
 * Layer: modem. One client at a time; a second one on a socket is told so
 * and let go. Output that nobody takes is dropped past a cap, as a UART
 * without a listener drops it.
 */
#ifndef DFOTA_MODEM_PORTS_H
#define DFOTA_MODEM_PORTS_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct ports;

/**
 * Open a line.
 *
 * feed     called with what the client sends
 * out      the line; closed with ports_close()
 * errors   E_ARG, E_IO, E_NOMEM; all said
 */
int ports_open(struct ports **out, uv_loop_t *loop, const char *spec,
               void (*feed)(void *ctx, const void *data, size_t len),
               void *ctx);
void ports_close(struct ports *p);

/** Where it can be reached, for people: the pty's name, host:port, path. */
const char *ports_name(const struct ports *p);

void ports_send(struct ports *p, const void *data, size_t len);

/** Set the bit rate where there is one. */
void ports_set_rate(struct ports *p, uint32_t rate);

/* The same sockets serve the control line: */

/** Listen on "unix:PATH" or "tcp:HOST:PORT". fd: out. errors as above */
int ports_listen(const char *spec, int *fd);

#endif
