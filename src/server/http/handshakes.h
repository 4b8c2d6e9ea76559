/* SPDX-License-Identifier: Apache-2.0 */
/**
 * TLS connections whose handshake waits for the peer.
 *
 * libmicrohttpd 0.9.75 takes a socket for readable until a read of a request
 * says otherwise. A handshake does not say so: between the server's flight
 * and the client's, the thread that serves the connection asks the socket
 * again and again, a whole processor for a module that is two seconds away,
 * or for a stranger who says hello and nothing more. So such a connection is
 * suspended as soon as GnuTLS finds nothing to read, and resumed by a thread
 * that waits for the socket.
 *
 * Layer: server. One thread; any number of connections.
 */
#ifndef DFOTA_SERVER_HTTP_HANDSHAKES_H
#define DFOTA_SERVER_HTTP_HANDSHAKES_H

#include <gnutls/gnutls.h>
#include <microhttpd.h>

struct handshakes;
struct handshake;

/** returns NULL: out of memory, of descriptors or of threads */
struct handshakes *handshakes_create(void);

/** All go on and none waits any more: the library does not stand a suspended
 * connection when it stops. NULL is harmless. */
void handshakes_stop(struct handshakes *all);

/** After handshakes_stop() and handshake_end() of each. NULL is harmless. */
void handshakes_destroy(struct handshakes *all);

/**
 * Before the handshake of a connection: its session reads through here.
 *
 * fd       borrowed, not blocking
 * returns  NULL: out of memory; the connection is as it was
 */
struct handshake *handshake_begin(struct handshakes *all,
                                  struct MHD_Connection *connection,
                                  gnutls_session_t session, int fd);

/** The peer has nothing more to say in it: requests come. NULL is harmless. */
void handshake_over(struct handshake *h);

/** The session is gone. NULL is harmless. */
void handshake_end(struct handshake *h);

#endif
