/* SPDX-License-Identifier: Apache-2.0 */
#include "codecs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(const uint8_t *in, size_t len, char *out, size_t cap)
{
    size_t n = 0;

    if ((len + 2) / 3 * 4 >= cap)
        return -1;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16;

        if (i + 1 < len)
            v |= (uint32_t)in[i + 1] << 8;
        if (i + 2 < len)
            v |= in[i + 2];
        out[n++] = letters[v >> 18];
        out[n++] = letters[v >> 12 & 63];
        out[n++] = i + 1 < len ? letters[v >> 6 & 63] : '=';
        out[n++] = i + 2 < len ? letters[v & 63] : '=';
    }
    out[n] = '\0';
    return (int)n;
}

int base64_decode(const char *in, uint8_t *out, size_t cap)
{
    uint32_t bits = 0;
    size_t n = 0, chars = 0;

    for (; *in && *in != '='; in++, chars++) {
        const char *at = strchr(letters, *in);

        if (!at)
            return -1;
        bits = bits << 6 | (uint32_t)(at - letters);
        if (chars % 4 == 0)
            continue;
        if (n == cap)
            return -1;
        out[n++] = (uint8_t)(bits >> (6 - 2 * (chars % 4)));
    }
    return chars % 4 == 1 ? -1 : (int)n;
}

int hex_encode(const uint8_t *in, size_t len, char *out, size_t cap)
{
    static const char digits[] = "0123456789abcdef";

    if (len * 2 >= cap)
        return -1;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * len] = '\0';
    return (int)(2 * len);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_decode(const char *in, uint8_t *out, size_t cap)
{
    size_t n = 0;

    for (; in[0]; in += 2) {
        int high = hex_digit(in[0]), low = in[1] ? hex_digit(in[1]) : -1;

        if (high < 0 || low < 0 || n == cap)
            return -1;
        out[n++] = (uint8_t)(high * 16 + low);
    }
    return (int)n;
}

int decimal(const char *text)
{
    long n = strtol(text, NULL, 10);

    if (n > INT_MAX)
        return INT_MAX;
    return n < INT_MIN ? INT_MIN : (int)n;
}

uint16_t modbus_crc(const uint8_t *in, size_t len)
{
    uint16_t crc = 0xFFFF;

    while (len--) {
        crc ^= *in++;
        for (int i = 0; i < 8; i++)
            crc = (uint16_t)(crc >> 1 ^ (crc & 1 ? 0xA001 : 0));
    }
    return crc;
}

size_t modbus_read_request(uint8_t out[8], uint8_t unit, uint16_t first,
                           uint16_t count)
{
    out[0] = unit;
    out[1] = 3;
    dfota_put_be16(out + 2, first);
    dfota_put_be16(out + 4, count);
    dfota_put_le16(out + 6, modbus_crc(out, 6));
    return 8;
}

int modbus_read_reply(const uint8_t *in, size_t len, uint8_t unit,
                      uint16_t *registers, size_t cap)
{
    size_t count;

    if (len < 5 || in[0] != unit ||
        modbus_crc(in, len - 2) != dfota_get_le16(in + len - 2))
        return -1;
    if (in[1] == 0x83)
        return -2 - in[2];
    count = in[2] / 2;
    if (in[1] != 3 || in[2] % 2 || len != 5 + (size_t)in[2] || count > cap)
        return -1;
    for (size_t i = 0; i < count; i++)
        registers[i] = dfota_get_be16(in + 3 + 2 * i);
    return (int)count;
}

static void coap_put(struct coap_writer *w, const void *data, size_t len)
{
    if (w->failed || len > w->cap - w->len) {
        w->failed = 1;
        return;
    }
    if (len)
        memcpy(w->out + w->len, data, len);
    w->len += len;
}

void coap_begin(struct coap_writer *w, uint8_t *out, size_t cap, unsigned type,
                unsigned code, uint16_t id, const void *token, size_t token_len)
{
    uint8_t head[4];

    memset(w, 0, sizeof(*w));
    w->out = out;
    w->cap = cap;
    head[0] = (uint8_t)(0x40 | type << 4 | (token_len & 15));
    head[1] = (uint8_t)code;
    dfota_put_be16(head + 2, id);
    coap_put(w, head, sizeof(head));
    coap_put(w, token, token_len);
}

/* A nibble of the option head, with its extension bytes. */
static unsigned nibble(size_t v, uint8_t *ext, size_t *n)
{
    if (v < 13)
        return (unsigned)v;
    if (v < 269) {
        ext[(*n)++] = (uint8_t)(v - 13);
        return 13;
    }
    dfota_put_be16(ext + *n, (uint16_t)(v - 269));
    *n += 2;
    return 14;
}

void coap_option(struct coap_writer *w, uint16_t number, const void *value,
                 size_t len)
{
    uint8_t head[5];
    size_t n = 1;
    unsigned delta, length;

    if (number < w->option) {
        w->failed = 1;
        return;
    }
    delta = nibble((size_t)(number - w->option), head, &n);
    length = nibble(len, head, &n);
    head[0] = (uint8_t)(delta << 4 | length);
    coap_put(w, head, n);
    coap_put(w, value, len);
    w->option = number;
}

void coap_option_uint(struct coap_writer *w, uint16_t number, uint32_t value)
{
    uint8_t b[4];
    size_t skip = 0;

    dfota_put_be32(b, value);
    while (skip < 4 && b[skip] == 0)
        skip++;
    coap_option(w, number, b + skip, 4 - skip);
}

void coap_path(struct coap_writer *w, const char *path)
{
    while (*path) {
        size_t n = strcspn(path, "/");

        if (n)
            coap_option(w, 11, path, n);
        path += n + (path[n] == '/');
    }
}

int coap_end(struct coap_writer *w, const void *payload, size_t len)
{
    if (len) {
        coap_put(w, "\xff", 1);
        coap_put(w, payload, len);
    }
    return w->failed ? -1 : (int)w->len;
}
