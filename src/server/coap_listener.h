/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One UDP address that CoAP clients come to: socket and endpoint.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_COAP_LISTENER_H
#define DFOTA_SERVER_COAP_LISTENER_H

#include "link/coap_endpoint.h"

struct coap_listener {
    int fd;
    bool secure;
    struct coap_endpoint *endpoint; /* the caller's, made after open() */
    char name[96];                  /* coap://ADDR:PORT as it is bound */
    uint64_t received;              /* datagrams */
    void *user;                     /* the caller's */
};

/**
 * Bind the address of a URI, coap://ADDR:PORT or coaps://..; port 0 takes a
 * free one, a host of * is every address.
 *
 * errors   E_SYNTAX, E_CONNECT, said
 */
int coap_listener_open(struct coap_listener *l, const char *uri);
void coap_listener_close(struct coap_listener *l);

/** Hand what has come to the endpoint, at most 256 datagrams. returns how
 * many */
unsigned coap_listener_read(struct coap_listener *l, uint64_t now);

/** For the ops of the endpoint: addr is what read() gave. */
void coap_listener_send(struct coap_listener *l, const void *addr,
                        size_t addr_len, const uint8_t *data, size_t len);

#endif
