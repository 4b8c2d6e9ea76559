/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the files of the port share: ports.c moves bytes, ports_socket.c
 * listens, ports_tty.c opens ptys and serial devices.
 *
 * Layer: modem.
 */
#ifndef DFOTA_MODEM_PORTS_PRIV_H
#define DFOTA_MODEM_PORTS_PRIV_H

#include "modem/ports.h"
#include "modem/rfc2217.h"
#include "os/buffer.h"

struct sp_port;

struct ports {
    uv_loop_t *loop;
    struct ports_host host;
    int listener, fd, slave; /* -1: none */
    uv_poll_t *listen_poll, *poll;
    struct buffer out;  /* the module's bytes that wait for the client */
    struct buffer wire; /* telnet's answers and what it made of out */
    char *link;         /* symbolic link or socket to remove at the end */
    char name[128];

    /* A serial device; NULL for all others, and for ptys by name. */
    struct sp_port *serial;
    uv_timer_t *watch_dtr;
    bool rate_due; /* to be set once out is empty */

    bool telnet;   /* rfc2217: */
    bool ready;    /* the module is on */
    bool held;     /* the client wants no output now */
    uint32_t rate; /* of the module, bit/s; 0: that of the client */
    struct rfc2217_ops telnet_ops;
    struct rfc2217 remote; /* while fd >= 0 */
};

/** Take fd as the line. errors: E_NOMEM, fd is closed then */
int ports_carry(struct ports *p, int fd);

/** A poll handle on the port's loop, its data the port. NULL: no memory. */
uv_poll_t *ports_make_poll(struct ports *p, int fd);

/** Listen on "tcp:", "unix:" or "rfc2217:" and name the port by it. */
int ports_open_socket(struct ports *p, const char *spec);

int ports_open_pty(struct ports *p, const char *link);
int ports_open_tty(struct ports *p, const char *path);

/** Give the serial device back; p->fd is closed with it. */
void ports_close_tty(struct ports *p);

/** Set the device to p->rate; everything sent has left. */
void ports_tty_rate(struct ports *p);

#endif
