/* SPDX-License-Identifier: Apache-2.0 */
#include "link/coap_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

static int take_scheme(struct coap_url *u, const char **at)
{
    static const struct {
        const char *text;
        bool secure;
        uint16_t port;
    } schemes[] = {{"coap://", false, COAP_PORT},
                   {"coaps://", true, COAPS_PORT}};

    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i].text);

        if (strncasecmp(*at, schemes[i].text, len) == 0) {
            u->secure = schemes[i].secure;
            u->port = schemes[i].port;
            *at += len;
            return 0;
        }
    }
    return DFOTA_E_UNSUPPORTED;
}

static int take_host(struct coap_url *u, const char **at)
{
    const char *begin = *at;
    size_t len;

    if (*begin == '[') {
        begin++;
        len = strcspn(begin, "]");
        if (begin[len] != ']')
            return DFOTA_E_SYNTAX;
        *at = begin + len + 1;
    } else {
        len = strcspn(begin, ":/?#");
        *at = begin + len;
    }
    if (len == 0 || len > COAP_HOST_MAX || memchr(begin, '@', len))
        return DFOTA_E_SYNTAX;
    /* Names are compared without regard to case: one spelling on the wire. */
    for (size_t i = 0; i < len; i++)
        u->host[i] = (char)tolower((unsigned char)begin[i]);
    u->host[len] = '\0';
    return 0;
}

static int take_port(struct coap_url *u, const char **at)
{
    char *end;
    long port;

    if (**at != ':')
        return 0;
    if (!isdigit((unsigned char)(*at)[1]))
        return DFOTA_E_SYNTAX;
    port = strtol(*at + 1, &end, 10);
    if (port < 1 || port > 65535)
        return DFOTA_E_SYNTAX;
    u->port = (uint16_t)port;
    *at = end;
    return 0;
}

int coap_url_parse(struct coap_url *u, const char *text)
{
    const char *at = text;
    int err = take_scheme(u, &at);

    if (!err)
        err = take_host(u, &at);
    if (!err)
        err = take_port(u, &at);
    if (!err && *at != '\0' && *at != '/' && *at != '?')
        err = DFOTA_E_SYNTAX;
    if (!err && strchr(at, '#'))
        err = DFOTA_E_SYNTAX;
    u->path = at;
    return err;
}

static bool is_address(const char *host)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || strchr(host, ':');
}

int coap_url_options(const struct coap_url *u, struct coap_options *o)
{
    if (!is_address(u->host))
        coap_options_add_str(o, COAP_URI_HOST, u->host);
    return coap_options_add_path(o, u->path);
}
