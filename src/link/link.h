/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A transport that fetches one resource: open, then events until the end.
 *
 * Layer: link. Transports stack: one that drops or delays (fault.c) looks
 * like the one it stands on. Nothing here names the library beneath. All
 * callbacks come from the libuv loop given at creation, never from inside
 * open(); after END or ERROR, and after close(), none comes. A callback may
 * open() again at END and ERROR; at HEAD and DATA it returns non-zero
 * instead of calling close().
 */
#ifndef DFOTA_LINK_LINK_H
#define DFOTA_LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct fault;

enum { LINK_ETAG_MAX = 128, LINK_DIGEST_LEN = 32 };

/* What went wrong, told apart as far as a caller acts differently. */
enum link_error {
    LINK_OK,
    LINK_CONNECT, /* not resolved, refused, no way there, no answer yet */
    LINK_TLS,     /* handshake, certificate, key */
    LINK_ALIEN,   /* what answered does not speak this protocol */
    LINK_LOST,    /* the connection broke after it stood */
    LINK_SILENT,  /* no byte for the time-out */
    LINK_REFUSED, /* the callback refused the event */
    LINK_FAILED,  /* memory, files, a bad URL: our side */
};

enum link_event_kind {
    LINK_HEAD, /* the status is known, before any data; over CoAP again,
                * with from 0, when the resource changed meanwhile: what
                * came before is void */
    LINK_DATA, /* bytes of the body, in order */
    LINK_END,  /* the body is whole */
    LINK_ERROR,
};

struct link_event {
    enum link_event_kind kind;
    /* LINK_HEAD */
    int status;            /* HTTP's number; of CoAP 2.05 comes as 200, or
                            * 206 with from > 0, others as 404 for 4.04 */
    uint64_t from;         /* offset of the first byte that will come */
    int64_t length;        /* bytes of the whole resource, -1: not said */
    bool length_is_hint;   /* good for a refusal, no more (CoAP's Size2) */
    const char *etag;      /* strong entity tag with its quotes, or NULL */
    const uint8_t *digest; /* SHA-256 of the whole resource, or NULL */
    /* LINK_DATA; valid until the callback returns */
    const uint8_t *data;
    size_t len;
    /* LINK_ERROR */
    enum link_error error;
    const char *text; /* for people */
};

/** Returns 0, or anything else to end with LINK_REFUSED (no event then). */
typedef int link_callback(void *ctx, const struct link_event *event);

struct link_request {
    const char *url;
    uint64_t from;    /* first byte wanted; 0: all */
    const char *etag; /* with from > 0: only if it is still this one */
    uint8_t ip_type;  /* 0 IPv4, 1 IPv6, 2 both */
    uint64_t connect_ms, silence_ms; /* real milliseconds */
    /* CoAP only: how long a request is sent again and waited for, in the
     * place of MAX_TRANSMIT_WAIT (93 s); the other times follow it. */
    uint64_t exchange_ms;
    uint16_t block_size; /* CoAP only: 16 to 1024; 0: 1024 */
    /* PEM files. No ca: the server is not verified. cert and key together
     * or not at all. */
    const char *ca, *cert, *key;
    const char *psk; /* CoAPS only: psk_file.h; then no certificates */
    /* HTTP only. json: POST this instead of GET; bearer: a token for the
     * Authorization header. NULL: none */
    const char *json, *bearer;
    link_callback *callback;
    void *ctx;
};

struct link_ops;

struct link {
    const struct link_ops *ops;
};

struct link_ops {
    /* Begin. errors: E_NOMEM, E_ARG; no callback comes then. Strings of the
     * request are copied. */
    int (*open)(struct link *l, const struct link_request *r);
    /* Give up what is under way; harmless when nothing is. */
    void (*close)(struct link *l);
    /* Close and free. */
    void (*destroy)(struct link *l);
};

static inline int link_open(struct link *l, const struct link_request *r)
{
    return l->ops->open(l, r);
}

static inline void link_close(struct link *l)
{
    if (l)
        l->ops->close(l);
}

static inline void link_destroy(struct link *l)
{
    if (l)
        l->ops->destroy(l);
}

/** HTTP and HTTPS by libcurl. fault: the network it runs over, kept by
 * pointer; NULL: a good one. returns NULL without memory. The loop must run
 * once more after destroy() before it is closed. */
struct link *link_http_create(uv_loop_t *loop, struct fault *fault);

/** CoAP and CoAPS, the same way. */
struct link *link_coap_create(uv_loop_t *loop, struct fault *fault);

#endif
