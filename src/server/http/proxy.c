/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/proxy.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "lwm2m/value.h"

enum { ELEMENT_MAX = 64, V4_AT = 12, V4_BITS = 96, ALL_BITS = 128 };

static const uint8_t v4_prefix[V4_AT] = {[10] = 0xff, [11] = 0xff};

/* ---- addresses ---- */

static int read_address(const char *text, struct proxy_address *address)
{
    if (inet_pton(AF_INET, text, address->bytes + V4_AT) == 1) {
        memcpy(address->bytes, v4_prefix, sizeof v4_prefix);
        return 0;
    }
    return inet_pton(AF_INET6, text, address->bytes) == 1 ? 0 : DFOTA_E_SYNTAX;
}

static bool is_v4(const struct proxy_address *address)
{
    return memcmp(address->bytes, v4_prefix, sizeof v4_prefix) == 0;
}

void proxy_address_text(const struct proxy_address *address,
                        char text[PROXY_TEXT_ROOM])
{
    if (is_v4(address))
        inet_ntop(AF_INET, address->bytes + V4_AT, text, PROXY_TEXT_ROOM);
    else
        inet_ntop(AF_INET6, address->bytes, text, PROXY_TEXT_ROOM);
}

/* At most max, digits only. */
static bool read_number(const char *text, unsigned max, unsigned *number)
{
    size_t len = strlen(text);

    *number = 0;
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
        return false;
    for (; *text; text++)
        *number = *number * 10 + (unsigned)(*text - '0');
    return *number <= max;
}

int proxy_address_parse(const char *text, size_t len,
                        struct proxy_address *address)
{
    char element[ELEMENT_MAX], *first = element, *colon;
    unsigned port;

    if (len >= sizeof element || memchr(text, '\0', len))
        return DFOTA_E_SYNTAX;
    memcpy(element, text, len);
    element[len] = '\0';
    if (element[0] == '[') {
        char *end = strchr(++first, ']');

        if (!end || (end[1] && (end[1] != ':' ||
                                !read_number(end + 2, UINT16_MAX, &port))))
            return DFOTA_E_SYNTAX;
        *end = '\0';
        return inet_pton(AF_INET6, first, address->bytes) == 1 ? 0
                                                               : DFOTA_E_SYNTAX;
    }
    colon = strchr(element, ':');
    if (colon && colon == strrchr(element, ':')) {
        if (!read_number(colon + 1, UINT16_MAX, &port))
            return DFOTA_E_SYNTAX;
        *colon = '\0';
    }
    return read_address(element, address);
}

/* ---- networks ---- */

static bool bit(const struct proxy_address *address, unsigned i)
{
    return address->bytes[i / 8] >> (7 - i % 8) & 1;
}

int proxy_net_parse(const char *text, struct proxy_net *net)
{
    size_t len = strcspn(text, "/");
    char address[ELEMENT_MAX];
    unsigned offset, bits;

    if (len >= sizeof address)
        return DFOTA_E_SYNTAX;
    memcpy(address, text, len);
    address[len] = '\0';
    if (read_address(address, &net->first) != 0)
        return DFOTA_E_SYNTAX;
    offset = strchr(address, ':') ? 0 : V4_BITS;
    bits = ALL_BITS - offset;
    if (text[len] && !read_number(text + len + 1, bits, &bits))
        return DFOTA_E_SYNTAX;
    if (bits == 0)
        return DFOTA_E_ARG;
    net->bits = offset + bits;
    for (unsigned i = net->bits; i < ALL_BITS; i++) {
        if (bit(&net->first, i))
            return DFOTA_E_SYNTAX;
    }
    return 0;
}

static bool net_holds(const struct proxy_net *net,
                      const struct proxy_address *address)
{
    unsigned bytes = net->bits / 8;

    if (memcmp(net->first.bytes, address->bytes, bytes) != 0)
        return false;
    for (unsigned i = bytes * 8; i < net->bits; i++) {
        if (bit(&net->first, i) != bit(address, i))
            return false;
    }
    return true;
}

bool proxies_hold(const struct proxies *proxies,
                  const struct proxy_address *address)
{
    for (unsigned i = 0; i < proxies->n; i++) {
        if (net_holds(&proxies->nets[i], address))
            return true;
    }
    return false;
}

/* ---- the fields of a request ---- */

static bool is_name(const char *name, size_t len, const char *wanted)
{
    return len == strlen(wanted) && strncasecmp(name, wanted, len) == 0;
}

bool proxy_header_fits(const char *name)
{
    static const char *const others[] = {
        "X-Forwarded-For", "X-Forwarded-Proto", "Host",  "Content-Length",
        "Authorization",   "Transfer-Encoding", "Cookie"};
    size_t len = strlen(name);

    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcasecmp(name, others[i]) == 0)
            return false;
    }
    return len > 0 && len <= PROXY_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-_") == len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The last element of text; its start takes the place of *len, without the
 * comma before it. */
static const char *last_element(const char *text, size_t *len,
                                size_t *element_len)
{
    size_t end = *len, from;

    while (end > 0 && is_blank(text[end - 1]))
        end--;
    for (from = end; from > 0 && text[from - 1] != ',';)
        from--;
    *len = from > 0 ? from - 1 : 0;
    while (from < end && is_blank(text[from]))
        from++;
    *element_len = end - from;
    return text + from;
}

/* From the right: each trusted proxy vouches for the element before its own,
 * nobody for what stands before the first stranger or what is no address.
 * Several fields are one list; they come from the left. */
static void take_chain(struct proxy_said *said, const char *value, size_t len)
{
    struct proxy_address nearest = {{0}};
    bool found = false, ended = false;

    while (len > 0 && !ended) {
        size_t element_len;
        const char *element = last_element(value, &len, &element_len);
        struct proxy_address address;

        if (element_len == 0)
            continue;
        ended = proxy_address_parse(element, element_len, &address) != 0;
        if (ended)
            break;
        nearest = address;
        found = true;
        ended = !proxies_hold(said->proxies, &address);
    }
    if (ended || (found && !said->has_client)) {
        said->client = nearest;
        said->has_client = found;
    }
}

void proxy_add(struct proxy_said *said, const char *name, size_t name_len,
               const char *value, size_t value_len)
{
    if (!value) {
        value = "";
        value_len = 0;
    }
    if (is_name(name, name_len, "X-Forwarded-For")) {
        take_chain(said, value, value_len);
    } else if (is_name(name, name_len, "X-Forwarded-Proto")) {
        said->n_schemes++;
        said->https = is_name(value, value_len, "https");
        said->scheme_malformed |=
            !said->https && !is_name(value, value_len, "http");
    } else if (is_name(name, name_len, said->proxies->certificate_header)) {
        said->n_certificates++;
        said->certificate = value;
        said->certificate_len = value_len;
    }
}

const char *proxy_refusal(const struct proxy_said *said)
{
    if (said->n_schemes > 1)
        return "more than one X-Forwarded-Proto";
    if (said->scheme_malformed)
        return "an X-Forwarded-Proto that is neither http nor https";
    if (said->n_certificates > 1)
        return "more than one field with a client certificate";
    if (said->certificate_len > PROXY_CERTIFICATE_MAX)
        return "a client certificate that is too long";
    return NULL;
}

/* ---- the certificate ---- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-encoding undone and line ends left out. */
static int unescape(const char *text, size_t text_len, char *out, size_t room,
                    size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < text_len; i++) {
        char c = text[i];

        if (c == '%') {
            int high = i + 2 < text_len ? hex(text[i + 1]) : -1;
            int low = high >= 0 ? hex(text[i + 2]) : -1;

            if (low < 0)
                return DFOTA_E_SYNTAX;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\n' || c == '\r')
            continue;
        if (*len == room)
            return DFOTA_E_FULL;
        out[(*len)++] = c;
    }
    return 0;
}

/* One SEQUENCE and nothing behind it: who reads on must not find more. */
static bool is_whole(const uint8_t *der, size_t len)
{
    size_t head = 2, content = 0;

    if (len < head || der[0] != 0x30)
        return false;
    content = der[1];
    if (der[1] & 0x80) {
        unsigned n = der[1] & 0x7fU;

        if (n < 1 || n > 2 || len < head + n)
            return false;
        content = der[2];
        if (n == 2)
            content = content << 8 | der[3];
        head += n;
    }
    return len - head == content;
}

int proxy_certificate_read(const char *text, size_t text_len, uint8_t *der,
                           size_t room, size_t *len)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    static const char end[] = "-----END CERTIFICATE-----";
    char pem[PROXY_CERTIFICATE_MAX];
    const char *body = pem;
    size_t body_len;
    int err = unescape(text, text_len, pem, sizeof pem, &body_len);

    if (err)
        return err;
    if (body_len >= strlen(begin) + strlen(end) && pem[0] == '-') {
        body_len -= strlen(begin) + strlen(end);
        body += strlen(begin);
        if (memcmp(pem, begin, strlen(begin)) != 0 ||
            memcmp(body + body_len, end, strlen(end)) != 0)
            return DFOTA_E_SYNTAX;
    }
    err = lwm2m_base64_read(body, body_len, der, room, len);
    if (err)
        return err;
    return is_whole(der, *len) ? 0 : DFOTA_E_SYNTAX;
}
