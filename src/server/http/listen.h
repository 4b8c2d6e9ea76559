/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Listening sockets from what people write: 127.0.0.1:8080, [::1]:0,
 * localhost:8443, *:80.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_HTTP_LISTEN_H
#define DFOTA_SERVER_HTTP_LISTEN_H

#include <stddef.h>

/**
 * Bind and listen, non-blocking.
 *
 * address  ADDR:PORT; port 0 takes a free one; * is every address
 * fd       out: owned by the caller
 * errors   E_SYNTAX, E_CONNECT (no such address, in use, not permitted),
 *          E_NOMEM; said in the log
 */
int listen_open(const char *address, int *fd);

void listen_close(int fd);

/** The bound address as ADDR:PORT, with brackets for IPv6. */
void listen_name(int fd, char *name, size_t room);

#endif
