/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a proxy that ends TLS says of its client: whom to believe, and how to
 * read it.
 *
 * Layer: server. Pure: texts in, addresses and bytes out.
 * docs/decisions/0445-what-a-proxy-may-say.md says why each rule is as it is.
 */
#ifndef DFOTA_SERVER_HTTP_PROXY_H
#define DFOTA_SERVER_HTTP_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROXY_NETS_MAX = 16,
    PROXY_NAME_MAX = 64,         /* bytes of a header's name */
    PROXY_TEXT_ROOM = 48,        /* an address as text, with its NUL */
    PROXY_CERTIFICATE_MAX = 8192 /* bytes of a certificate's header */
};

/* IPv4 is ::ffff:a.b.c.d, so that both are compared alike. */
struct proxy_address {
    uint8_t bytes[16];
};

struct proxy_net {
    struct proxy_address first;
    unsigned bits; /* of first that count, 1 to 128 */
};

/* Who is believed. */
struct proxies {
    struct proxy_net nets[PROXY_NETS_MAX];
    unsigned n;
    const char *certificate_header; /* borrowed */
};

/**
 * "192.0.2.7", "192.0.2.0/24", "2001:db8::/32".
 *
 * errors   E_SYNTAX neither, or bits behind the network's are set; E_ARG
 *          the network is all addresses there are
 */
int proxy_net_parse(const char *text, struct proxy_net *net);

/** An address, or an element of X-Forwarded-For: with a port, or IPv6 in
 * brackets. errors: E_SYNTAX */
int proxy_address_parse(const char *text, size_t len,
                        struct proxy_address *address);

/** As people write it. */
void proxy_address_text(const struct proxy_address *address,
                        char text[PROXY_TEXT_ROOM]);

bool proxies_hold(const struct proxies *proxies,
                  const struct proxy_address *address);

/** May a header be named so? At most PROXY_NAME_MAX bytes, and none of those
 * that mean something else here. */
bool proxy_header_fits(const char *name);

/* One request of a trusted proxy. Zero it, set proxies, add every field in
 * its order. */
struct proxy_said {
    const struct proxies *proxies;
    unsigned n_schemes, n_certificates;
    bool https, scheme_malformed;
    bool has_client; /* said, and believed */
    struct proxy_address client;
    const char *certificate; /* borrowed; "": none */
    size_t certificate_len;
};

/** value: NULL is taken as empty. Lengths in bytes. */
void proxy_add(struct proxy_said *said, const char *name, size_t name_len,
               const char *value, size_t value_len);

/** returns NULL: fine; else why the request is refused (400), one static
 * phrase */
const char *proxy_refusal(const struct proxy_said *said);

/**
 * The certificate of a header: PEM in percent-encoding, as nginx's
 * $ssl_client_escaped_cert, or DER in base64, as HAProxy's ssl_c_der,base64.
 *
 * der      out, room bytes
 * errors   E_SYNTAX it is neither, or more than one; E_FULL
 */
int proxy_certificate_read(const char *text, size_t text_len, uint8_t *der,
                           size_t room, size_t *len);

#endif
