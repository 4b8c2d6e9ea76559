/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes through a proxy: lines, each with its kind in the first byte.
 * Whom the fields name is an address, and a certificate stays in its room.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_certificate(const char *text, size_t len)
{
    uint8_t der[600];
    size_t der_len;

    if (proxy_certificate_read(text, len, der, sizeof der, &der_len) == 0)
        assert(der_len >= 2 && der_len <= sizeof der && der[0] == 0x30);
}

static void try_net(const char *text, struct proxies *proxies)
{
    struct proxy_net net;

    if (proxies->n == PROXY_NETS_MAX || proxy_net_parse(text, &net) != 0)
        return;
    proxies->nets[proxies->n++] = net;
    assert(net.bits >= 1 && net.bits <= 128);
    assert(proxies_hold(proxies, &net.first));
}

static void check(const struct proxy_said *said)
{
    char text[PROXY_TEXT_ROOM];
    struct proxy_address again;

    proxy_refusal(said);
    if (!said->has_client)
        return;
    proxy_address_text(&said->client, text);
    assert(proxy_address_parse(text, strlen(text), &again) == 0);
    assert(memcmp(&again, &said->client, sizeof again) == 0);
}

static void take(char *line, struct proxies *proxies, struct proxy_said *said)
{
    static const char *const names[] = {"X-Forwarded-For", "X-Forwarded-Proto",
                                        "X-Client-Cert", "Host"};
    const char *name = names[line[0] & 3];
    size_t len = strlen(line + 1);
    char *value = malloc(len + 1); /* so that its end is seen */

    assert(value);
    memcpy(value, line + 1, len + 1);
    proxy_add(said, name, strlen(name), value, len);
    check(said);
    try_certificate(value, len);
    try_net(value, proxies);
    proxy_header_fits(value);
    said->certificate = ""; /* it was borrowed */
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct proxies proxies = {.certificate_header = "X-Client-Cert"};
    struct proxy_said said = {.proxies = &proxies};
    char *text = malloc(len + 1), *line = text;

    assert(text);
    if (len > 0)
        memcpy(text, data, len);
    text[len] = '\0';
    while (line) {
        char *next = strchr(line, '\n');

        if (next)
            *next++ = '\0';
        if (*line)
            take(line, &proxies, &said);
        line = next;
    }
    free(text);
    return 0;
}
