/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A listener for HTTP or HTTPS on libmicrohttpd, with the checks that every
 * request passes before a service sees it.
 *
 * Layer: server. A service (packages, the admin pages) is a function from a
 * clean request to an answer. docs/design-server.md says what is done here
 * that the library does not do, and why.
 */
#ifndef DFOTA_SERVER_HTTP_HTTP_H
#define DFOTA_SERVER_HTTP_HTTP_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/proxy.h"
#include "server/http/tls.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OTHER
};

struct http_later;

struct http_request {
    struct MHD_Connection *connection;
    enum http_method method;
    const char *path; /* from url_path_decode() */
    const char *body; /* body_len bytes and a NUL; "" */
    size_t body_len;
    int body_fd; /* the content as a nameless file; -1: in body */
    struct http_later *later;
    bool again; /* after http_again(), with its err */
    int err;
    bool is_secure; /* TLS, up to here or to a trusted proxy */
};

/* What content a request may have. */
struct http_content {
    size_t max;         /* bytes; 0: none */
    const char *folder; /* into a nameless file there; NULL: into memory */
};

struct http_service {
    /* Queue an answer. Called from several threads; all of the request is
     * valid during the call, and until http_resume() after http_suspend().
     * returns what the handler of libmicrohttpd has to return */
    enum MHD_Result (*answer)(void *ctx, const struct http_request *request);
    void *ctx;
    /* Asked for requests with content, when only their head is here. NULL:
     * no request may have any */
    struct http_content (*content)(void *ctx,
                                   const struct http_request *request);
};

/**
 * Answer later, from any thread: the service's call returns MHD_YES and
 * queues nothing. Suspend before the work is given away.
 */
struct http_later *http_suspend(const struct http_request *request);

/** Queue the answer; once after each suspend. response: taken over; NULL:
 * the connection is closed */
void http_resume(struct http_later *later, unsigned status,
                 struct MHD_Response *response);

/** What was waited for is over: call the service once more, in a thread of the
 * connection's. Instead of http_resume(). */
void http_again(struct http_later *later, int err);

/** The answer to it is a stream without an end: it may be slow, but not
 * stand still. */
void http_streams(const struct http_request *request);

/** Does the client's certificate, of the handshake or handed over by a proxy,
 * name this one? returns as tls_peer_is(), and E_NOTFOUND for plain HTTP */
int http_peer_is(const struct http_request *request, const char *name);

/** A header field or query argument; NULL: not there. */
const char *http_header(const struct http_request *request, const char *name);
const char *http_query(const struct http_request *request, const char *name);

struct http_config {
    const char *address; /* ADDR:PORT or unix:PATH, for listen_open() */
    struct tls *tls;     /* NULL: plain HTTP; borrowed */
    /* Of plain HTTP, borrowed: who is believed of its clients, and what then
     * checks their certificates; NULL: nobody, nothing. */
    const struct proxies *proxies;
    struct tls *clients;
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
