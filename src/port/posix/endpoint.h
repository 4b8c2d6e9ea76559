/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Reaching a stream socket: HOST:PORT over TCP, PATH over Unix sockets.
 *
 * Layer: port.
 */
#ifndef DFOTA_PORT_POSIX_ENDPOINT_H
#define DFOTA_PORT_POSIX_ENDPOINT_H

/** errors: E_ARG not HOST:PORT or [HOST]:PORT with a port of 1..65535 */
int endpoint_check(const char *name);

/**
 * Connect; the socket is non-blocking, without delay, closed on exec.
 *
 * fd       out: owned by the caller; as it was on error
 * errors   E_ARG, E_CONNECT (errno) within 3 s an address
 */
int endpoint_connect_tcp(const char *name, int *fd);

/** errors: E_ARG too long for a socket's name, E_CONNECT (errno) */
int endpoint_connect_unix(const char *path, int *fd);

#endif
