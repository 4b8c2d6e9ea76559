/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The URLs that AT+QFOTADL takes: scheme://host[:port][/path].
 *
 * Layer: modem. Two steps, as in the module: url_parse() is the check of the
 * command (a command error when it fails), url_usable() what shows only on
 * the network (a URC).
 */
#ifndef DFOTA_MODEM_URL_H
#define DFOTA_MODEM_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    URL_HTTP = 1,
    URL_HTTPS = 2,
    URL_COAP = 4,
    URL_COAPS = 8,
};
enum {
    URL_SCHEMES = 4,
    URL_MAX = 700, /* bytes, the longest limit of any dialect */
    URL_HOST_MAX = 255,
};

/* What a dialect takes. */
struct url_rules {
    uint8_t schemes; /* URL_* or'ed */
    uint16_t max;    /* bytes between the quotes, <= URL_MAX */
    /* Ports when the URL names none: http, https, coap, coaps. */
    uint16_t ports[URL_SCHEMES];
};

struct url {
    uint8_t scheme; /* one URL_* */
    bool v6;        /* host is an IPv6 literal, brackets taken off */
    bool has_port;  /* the URL named it */
    uint16_t port;
    char host[URL_HOST_MAX + 1];
    char path[URL_MAX + 2]; /* with its /, and the query */
};

/** Parse and check. errors: E_SYNTAX, E_FULL longer than the rules allow,
 * E_UNSUPPORTED a scheme that the rules do not have */
int url_parse(struct url *u, const char *s, size_t len,
              const struct url_rules *rules);

/** False for a bad %-escape, a label over 63 bytes, or an IPv6 literal when
 * v6 is not allowed. */
bool url_usable(const struct url *u, bool v6_allowed);

/** The lower-case name of a scheme. */
const char *url_scheme_name(uint8_t scheme);

/** Write scheme://host:port/path, always with the port; room as snprintf. */
void url_write(const struct url *u, char *out, size_t room);

#endif
