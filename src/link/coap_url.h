/* SPDX-License-Identifier: Apache-2.0 */
/**
 * coap:// and coaps:// URLs (RFC 7252 6): where to, and the options.
 *
 * Layer: link.
 */
#ifndef DFOTA_LINK_COAP_URL_H
#define DFOTA_LINK_COAP_URL_H

#include "link/coap_msg.h"

enum { COAP_HOST_MAX = 255, COAP_PORT = 5683, COAPS_PORT = 5684 };

struct coap_url {
    bool secure;
    char host[COAP_HOST_MAX + 1]; /* brackets of an IPv6 address taken off */
    uint16_t port;                /* 5683 or 5684 when the URL has none */
    const char *path;             /* into the text, "" when it has none */
};

/** errors: E_SYNTAX; E_UNSUPPORTED another scheme */
int coap_url_parse(struct coap_url *u, const char *text);

/**
 * Uri-Host (unless the host is an address), Uri-Path and Uri-Query.
 *
 * errors   E_FULL, E_SYNTAX as coap_options_add_path()
 */
int coap_url_options(const struct coap_url *u, struct coap_options *o);

#endif
