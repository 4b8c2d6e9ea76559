/* SPDX-License-Identifier: Apache-2.0 */
#include "lwm2m/value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "os/buffer.h"

struct lwm2m_value lwm2m_text(const char *s)
{
    return (struct lwm2m_value){
        .kind = LWM2M_TEXT, .data = s, .len = strlen(s)};
}

struct lwm2m_value lwm2m_bytes(const void *data, size_t len)
{
    return (struct lwm2m_value){.kind = LWM2M_BYTES, .data = data, .len = len};
}

/* Big-endian two's complement of 1, 2, 4 or 8 bytes, as TLV has it. */
static int raw_integer(const struct lwm2m_value *v, int64_t *out)
{
    const uint8_t *p = v->data;
    uint64_t u;

    if (v->len != 1 && v->len != 2 && v->len != 4 && v->len != 8)
        return DFOTA_E_SYNTAX;
    u = p[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < v->len; i++)
        u = u << 8 | p[i];
    *out = (int64_t)u;
    return 0;
}

/* A copy with a NUL, for the C library's readers of numbers. */
static int number_text(const struct lwm2m_value *v, char out[64])
{
    if (v->len == 0 || v->len >= 64 || memchr(v->data, 0, v->len))
        return DFOTA_E_SYNTAX;
    memcpy(out, v->data, v->len);
    out[v->len] = '\0';
    /* strtol() and strtod() skip blanks and know words; a value has none. */
    if (strspn(out, "+-0123456789.eE") != v->len)
        return DFOTA_E_SYNTAX;
    return 0;
}

static int text_integer(const struct lwm2m_value *v, int64_t *out)
{
    char text[64], *end;
    long long i;

    if (number_text(v, text) != 0)
        return DFOTA_E_SYNTAX;
    errno = 0;
    i = strtoll(text, &end, 10);
    if (errno || *end)
        return DFOTA_E_SYNTAX;
    *out = i;
    return 0;
}

static int real_integer(double r, int64_t *out)
{
    /* 2^63 is no int64_t, so the upper bound is open. */
    if (!(r >= -9223372036854775808.0 && r < 9223372036854775808.0) ||
        r != floor(r))
        return DFOTA_E_SYNTAX;
    *out = (int64_t)r;
    return 0;
}

int lwm2m_as_integer(const struct lwm2m_value *v, int64_t *out)
{
    switch (v->kind) {
    case LWM2M_RAW:
        return raw_integer(v, out);
    case LWM2M_TEXT:
        return text_integer(v, out);
    case LWM2M_REAL:
        return real_integer(v->real, out);
    case LWM2M_INTEGER:
        *out = v->integer;
        return 0;
    default:
        return DFOTA_E_SYNTAX;
    }
}

int lwm2m_as_boolean(const struct lwm2m_value *v, bool *out)
{
    int64_t i = v->integer;
    int err = v->kind == LWM2M_BOOLEAN ? 0 : lwm2m_as_integer(v, &i);

    if (v->kind == LWM2M_TEXT && v->len == 4 && !memcmp(v->data, "true", 4))
        i = 1, err = 0;
    if (v->kind == LWM2M_TEXT && v->len == 5 && !memcmp(v->data, "false", 5))
        i = 0, err = 0;
    if (err || (i != 0 && i != 1))
        return DFOTA_E_SYNTAX;
    *out = i;
    return 0;
}

static int raw_real(const struct lwm2m_value *v, double *out)
{
    const uint8_t *p = v->data;

    if (v->len == 4) {
        uint32_t u = dfota_get_be32(p);
        float f;

        memcpy(&f, &u, sizeof f);
        *out = (double)f;
        return 0;
    }
    if (v->len == 8) {
        uint64_t u = (uint64_t)dfota_get_be32(p) << 32 | dfota_get_be32(p + 4);

        memcpy(out, &u, sizeof u);
        return 0;
    }
    return DFOTA_E_SYNTAX;
}

int lwm2m_as_real(const struct lwm2m_value *v, double *out)
{
    char text[64], *end;
    double r;

    switch (v->kind) {
    case LWM2M_RAW:
        return raw_real(v, out);
    case LWM2M_TEXT:
        if (number_text(v, text) != 0)
            return DFOTA_E_SYNTAX;
        r = strtod(text, &end);
        if (*end || !isfinite(r))
            return DFOTA_E_SYNTAX;
        *out = r;
        return 0;
    case LWM2M_REAL:
        *out = v->real;
        return 0;
    case LWM2M_INTEGER:
        *out = (double)v->integer;
        return 0;
    default:
        return DFOTA_E_SYNTAX;
    }
}

int lwm2m_as_link(const struct lwm2m_value *v, uint32_t *out)
{
    struct lwm2m_path p;
    char text[16];

    if (v->kind == LWM2M_LINK) {
        *out = (uint32_t)v->integer;
        return 0;
    }
    if (v->kind == LWM2M_RAW && v->len == 4) {
        *out = dfota_get_be32(v->data);
        return 0;
    }
    if (v->kind != LWM2M_TEXT || v->len == 0 || v->len > sizeof text - 2)
        return DFOTA_E_SYNTAX;
    /* "3:0" is "/3/0" with other signs. */
    text[0] = '/';
    memcpy(text + 1, v->data, v->len);
    for (size_t i = 1; i <= v->len; i++)
        text[i] = text[i] == ':' ? '/' : text[i];
    if (lwm2m_path_parse(text, v->len + 1, &p) != 0 || p.depth != 2)
        return DFOTA_E_SYNTAX;
    *out = (uint32_t)p.id[0] << 16 | p.id[1];
    return 0;
}

int lwm2m_as_text(const struct lwm2m_value *v, char *out, size_t room)
{
    if (v->kind != LWM2M_TEXT && v->kind != LWM2M_RAW)
        return DFOTA_E_SYNTAX;
    if (v->len > 0 && memchr(v->data, 0, v->len))
        return DFOTA_E_SYNTAX;
    if (v->len >= room)
        return DFOTA_E_FULL;
    if (v->len > 0)
        memcpy(out, v->data, v->len);
    out[v->len] = '\0';
    return 0;
}

int lwm2m_as_bytes(const struct lwm2m_value *v, void *out, size_t room,
                   size_t *len)
{
    if (v->kind == LWM2M_TEXT)
        return lwm2m_base64_read(v->data, v->len, out, room, len);
    if (v->kind != LWM2M_BYTES && v->kind != LWM2M_RAW)
        return DFOTA_E_SYNTAX;
    if (v->len > room)
        return DFOTA_E_FULL;
    if (v->len > 0)
        memcpy(out, v->data, v->len);
    *len = v->len;
    return 0;
}

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int sextet(char c)
{
    const char *at;

    if (c == '-' || c == '_')
        return c == '-' ? 62 : 63;
    at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

int lwm2m_base64_read(const char *text, size_t text_len, void *out, size_t room,
                      size_t *len)
{
    uint8_t *to = out;
    uint32_t bits = 0;
    unsigned have = 0;
    size_t end = text_len;

    *len = 0;
    while (end > 0 && text_len - end < 2 && text[end - 1] == '=')
        end--;
    if (end % 4 == 1 || (end < text_len && text_len % 4 != 0))
        return DFOTA_E_SYNTAX;
    for (size_t i = 0; i < end; i++) {
        int six = sextet(text[i]);

        if (six < 0)
            return DFOTA_E_SYNTAX;
        bits = bits << 6 | (uint32_t)six;
        have += 6;
        if (have < 8)
            continue;
        if (*len == room)
            return DFOTA_E_FULL;
        have -= 8;
        to[(*len)++] = (uint8_t)(bits >> have);
    }
    return 0;
}

int lwm2m_base64_write(struct buffer *b, const void *data, size_t len, bool url)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)p[i] << 16;
        char four[4] = {'=', '=', '=', '='};

        bits |= n > 1 ? (uint32_t)p[i + 1] << 8 : 0;
        bits |= n > 2 ? p[i + 2] : 0;
        for (size_t k = 0; k <= n; k++) {
            four[k] = alphabet[bits >> (18 - 6 * k) & 63];
            if (url && four[k] == '+')
                four[k] = '-';
            else if (url && four[k] == '/')
                four[k] = '_';
        }
        buffer_add(b, four, url ? n + 1 : 4);
    }
    return b->err;
}

int lwm2m_value_print(struct buffer *b, const struct lwm2m_value *v)
{
    switch (v->kind) {
    case LWM2M_INTEGER:
        return buffer_printf(b, "%" PRId64, v->integer);
    case LWM2M_BOOLEAN:
        return buffer_add_str(b, v->integer ? "1" : "0");
    case LWM2M_REAL:
        return buffer_printf(b, "%.17g", v->real);
    case LWM2M_LINK:
        return buffer_printf(b, "%u:%u", (unsigned)(v->integer >> 16) & 0xffff,
                             (unsigned)v->integer & 0xffff);
    case LWM2M_BYTES:
        return lwm2m_base64_write(b, v->data, v->len, false);
    case LWM2M_TEXT:
    case LWM2M_RAW:
        return buffer_add(b, v->data, v->len);
    default:
        return 0;
    }
}
