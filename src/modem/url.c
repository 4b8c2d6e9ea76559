/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

static const char *const names[URL_SCHEMES] = {"http", "https", "coap",
                                               "coaps"};

const char *url_scheme_name(uint8_t scheme)
{
    for (int i = 0; i < URL_SCHEMES; i++) {
        if (scheme == 1U << i)
            return names[i];
    }
    return "?";
}

static int take_scheme(struct url *u, const char **s, const char *end,
                       const struct url_rules *rules)
{
    for (int i = 0; i < URL_SCHEMES; i++) {
        size_t len = strlen(names[i]);

        if ((size_t)(end - *s) < len + 3 ||
            strncasecmp(*s, names[i], len) != 0 ||
            memcmp(*s + len, "://", 3) != 0)
            continue;
        u->scheme = (uint8_t)(1U << i);
        u->port = rules->ports[i];
        *s += len + 3;
        return rules->schemes & u->scheme ? 0 : DFOTA_E_UNSUPPORTED;
    }
    return DFOTA_E_SYNTAX;
}

static int take_literal(struct url *u, const char **s, const char *end)
{
    const char *close = memchr(*s, ']', (size_t)(end - *s));
    struct in6_addr address;
    size_t len;

    if (!close)
        return DFOTA_E_SYNTAX;
    len = (size_t)(close - *s) - 1;
    if (len > URL_HOST_MAX)
        return DFOTA_E_SYNTAX;
    memcpy(u->host, *s + 1, len);
    u->host[len] = '\0';
    if (inet_pton(AF_INET6, u->host, &address) != 1)
        return DFOTA_E_SYNTAX;
    u->v6 = true;
    *s = close + 1;
    return 0;
}

static int take_host(struct url *u, const char **s, const char *end)
{
    size_t len = 0;

    if (*s < end && **s == '[')
        return take_literal(u, s, end);
    for (; *s < end && **s != ':' && **s != '/'; (*s)++) {
        if (!isalnum((unsigned char)**s) && !strchr("-._", **s))
            return DFOTA_E_SYNTAX;
        if (len == URL_HOST_MAX)
            return DFOTA_E_SYNTAX;
        u->host[len++] = **s;
    }
    u->host[len] = '\0';
    return len > 0 ? 0 : DFOTA_E_SYNTAX;
}

static int take_port(struct url *u, const char **s, const char *end)
{
    uint32_t port = 0;

    if (*s == end || **s != ':')
        return 0;
    for ((*s)++; *s < end && isdigit((unsigned char)**s); (*s)++) {
        port = port * 10 + (uint32_t)(**s - '0');
        if (port > 65535)
            return DFOTA_E_SYNTAX;
    }
    u->port = (uint16_t)port;
    u->has_port = true;
    return port > 0 ? 0 : DFOTA_E_SYNTAX;
}

int url_parse(struct url *u, const char *s, size_t len,
              const struct url_rules *rules)
{
    const char *end = s + len;
    int err;

    *u = (struct url){0};
    if (len > rules->max || len > URL_MAX)
        return DFOTA_E_FULL;
    for (size_t i = 0; i < len; i++) {
        if (s[i] <= 0x20 || s[i] == 0x7F || s[i] == '"' || s[i] == '#')
            return DFOTA_E_SYNTAX; /* char is signed: non-ASCII is < 0 */
    }
    err = take_scheme(u, &s, end, rules);
    if (!err)
        err = take_host(u, &s, end);
    if (!err)
        err = take_port(u, &s, end);
    if (err)
        return err;
    if (s < end && *s != '/')
        return DFOTA_E_SYNTAX;
    len = (size_t)(end - s);
    memcpy(u->path, s, len);
    if (len == 0)
        u->path[len++] = '/';
    u->path[len] = '\0';
    return 0;
}

static bool labels_fit(const char *host)
{
    while (*host) {
        size_t len = strcspn(host, ".");

        if (len > 63)
            return false;
        host += len + (host[len] == '.');
    }
    return true;
}

bool url_usable(const struct url *u, bool v6_allowed)
{
    if (u->v6 ? !v6_allowed : !labels_fit(u->host))
        return false;
    for (const char *p = u->path; *p; p++) {
        if (*p == '%' &&
            (!isxdigit((unsigned char)p[1]) || !isxdigit((unsigned char)p[2])))
            return false;
    }
    return true;
}

void url_write(const struct url *u, char *out, size_t room)
{
    snprintf(out, room, u->v6 ? "%s://[%s]:%u%s" : "%s://%s:%u%s",
             url_scheme_name(u->scheme), u->host, u->port, u->path);
}
