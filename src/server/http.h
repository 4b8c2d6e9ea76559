/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A listener for HTTP or HTTPS on libmicrohttpd, with the checks that every
 * request passes before a service sees it.
 *
 * Layer: server. A service (packages, the admin pages) is a function from a
 * clean request to an answer. docs/design-server.md says what is done here
 * that the library does not do, and why.
 */
#ifndef DFOTA_SERVER_HTTP_H
#define DFOTA_SERVER_HTTP_H

#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>

#include "server/tls.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

struct http_request {
    struct MHD_Connection *connection;
    enum http_method method;
    const char *path; /* from url_path_decode(), valid during the call */
};

struct http_service {
    /* Queue an answer. Called from several threads. returns what the handler
     * of libmicrohttpd has to return */
    enum MHD_Result (*answer)(void *ctx, const struct http_request *request);
    void *ctx;
};

struct http_config {
    const char *address; /* ADDR:PORT, for listen_open() */
    struct tls *tls;     /* NULL: plain HTTP; borrowed */
    struct http_service service;
    unsigned threads;         /* at least 1 */
    unsigned connections_max; /* over all threads */
};

struct http_listener;

/** errors: E_SYNTAX, E_CONNECT, E_NOMEM; said in the log */
int http_open(const struct http_config *config, struct http_listener **out);

/** The address it listens on, with the real port. */
void http_name(const struct http_listener *listener, char *name, size_t room);

/** End the slow and the idle connections. Call once a second.
 * now_ms: a clock that never goes back */
void http_sweep(struct http_listener *listener, int64_t now_ms);

/** Stop at once, cutting running answers off. NULL is harmless. */
void http_close(struct http_listener *listener);

#endif
