/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The package service over CoAP and CoAPS: the files that HTTP delivers, by
 * GET with Block2, Size2 and ETag.
 *
 * Layer: server. One thread for both sockets. A download is no state here:
 * each request names its file, its block and its block size, and is answered
 * from the contents that HTTP has in memory, too. What is kept per address is
 * what coap_endpoint keeps of the last requests, and the DTLS session; both
 * are bounded, the one silent longest makes room.
 *
 *   2.05  a block: Block2 as asked or smaller, Size2 with the first, ETag
 *         (the first 8 bytes of the SHA-256), Content-Format octet-stream
 *   2.03  the request names that ETag
 *   4.00  the path or Block2 is malformed      4.02  a critical option that
 *   4.03  the signature of the path is wrong,        is not known, a block
 *         or over its time                           behind the end
 *   4.04  no such file                         4.05  another method than GET
 *   4.06  Accept wants another format          4.12  If-Match, If-None-Match
 *   5.01  larger than 2^20 blocks of 1024      5.03  it cannot be read now
 *   5.05  it would have to be a proxy
 */
#ifndef DFOTA_SERVER_DELIVERY_COAP_PACKAGES_H
#define DFOTA_SERVER_DELIVERY_COAP_PACKAGES_H

#include <stdbool.h>

#include "server/delivery/deliver.h"

struct coap_packages;

/* Texts are kept by pointer. */
struct coap_packages_config {
    const char *coap, *coaps; /* ADDR:PORT; NULL: not wanted */
    const char *keys;         /* file of pre-shared keys, or NULL */
    /* X.509: with ca clients without a key need a certificate. */
    const char *ca, *cert, *key;
    struct deliver deliver; /* folder and contents, borrowed */
    /*
     * The path in the folder of a request's path, both as from
     * url_path_decode(). returns 0, E_NOTFOUND, E_SIGNATURE, E_TIMEOUT.
     * NULL: they are the same.
     */
    int (*resolve)(const void *ctx, const char *path, char *out, size_t room);
    const void *ctx;
};

/** Bind and start the thread. errors: E_SYNTAX, E_CONNECT, E_NOMEM, E_ARG,
 * E_IO: said */
int coap_packages_start(const struct coap_packages_config *config,
                        struct coap_packages **out);

/** NULL is harmless. */
void coap_packages_stop(struct coap_packages *p);

/** Does it serve coaps? */
bool coap_packages_has_credentials(const struct coap_packages *p);

/** Read keys and certificate again, for handshakes to come. errors: said; the
 * old ones stay */
int coap_packages_reload(struct coap_packages *p);

/** Where it listens, the i-th, coap://ADDR:PORT; NULL: no more. */
const char *coap_packages_name(const struct coap_packages *p, unsigned i);

#endif
