/* SPDX-License-Identifier: Apache-2.0 */
#include "link/coap_msg.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
    HEADER_LEN = 4,
    VERSION = 1,
    PAYLOAD_MARKER = 0xFF,
    /* Nibbles of option deltas and lengths (RFC 7252 3.1). */
    NIBBLE_8 = 13,
    NIBBLE_16 = 14,
    NIBBLE_BAD = 15,
    BASE_8 = 13,
    BASE_16 = 269,
    OPTION_VALUE_MAX = 1034, /* Proxy-Uri, the longest there is */
};

/* ---- parsing ------------------------------------------------------------- */

/* Delta or length behind its nibble. returns false past the end or for 15 */
static bool take_extended(const uint8_t **at, const uint8_t *end,
                          uint32_t nibble, uint32_t *value)
{
    size_t left = (size_t)(end - *at);

    *value = nibble;
    if (nibble < NIBBLE_8)
        return true;
    if (nibble == NIBBLE_8 && left >= 1) {
        *value = BASE_8 + (uint32_t)(*at)[0];
        *at += 1;
        return true;
    }
    if (nibble == NIBBLE_16 && left >= 2) {
        *value = BASE_16 + (uint32_t)dfota_get_be16(*at);
        *at += 2;
        return true;
    }
    return false;
}

/* One option from *at on; number is that of the one before, then its own. */
static bool take_option(const uint8_t **at, const uint8_t *end,
                        uint32_t *number, struct coap_option *o)
{
    uint32_t delta, len;
    uint8_t first = *(*at)++;

    if (!take_extended(at, end, first >> 4, &delta) ||
        !take_extended(at, end, first & 0x0F, &len))
        return false;
    *number += delta;
    if (*number > UINT16_MAX || len > (size_t)(end - *at))
        return false;
    o->number = (uint16_t)*number;
    o->len = (uint16_t)len;
    o->value = *at;
    *at += len;
    return true;
}

static int take_options(struct coap_msg *m, const uint8_t *at,
                        const uint8_t *end)
{
    struct coap_option option;
    const uint8_t *begin = at;
    uint32_t number = 0;

    while (at < end && *at != PAYLOAD_MARKER) {
        if (!take_option(&at, end, &number, &option))
            return DFOTA_E_SYNTAX;
    }
    m->options_len = (size_t)(at - begin);
    m->options = m->options_len > 0 ? begin : NULL;
    if (at == end)
        return 0;
    at++;
    if (at == end) /* a marker and no payload */
        return DFOTA_E_SYNTAX;
    m->payload = at;
    m->payload_len = (size_t)(end - at);
    return 0;
}

static bool code_is_reserved(uint8_t code)
{
    unsigned c = COAP_CLASS(code);

    return c == 1 || c == 6 || c == 7;
}

int coap_msg_parse(struct coap_msg *m, const uint8_t *data, size_t len)
{
    unsigned token_len;

    *m = (struct coap_msg){0};
    if (len < HEADER_LEN || len > COAP_DATAGRAM_MAX || data[0] >> 6 != VERSION)
        return DFOTA_E_PROTOCOL;
    m->type = (enum coap_type)(data[0] >> 4 & 3);
    m->code = data[1];
    m->mid = dfota_get_be16(data + 2);
    token_len = data[0] & 0x0F;
    if (m->code == COAP_EMPTY)
        return len == HEADER_LEN && token_len == 0 ? 0 : DFOTA_E_SYNTAX;
    if (code_is_reserved(m->code) || token_len > COAP_TOKEN_MAX ||
        token_len > len - HEADER_LEN)
        return DFOTA_E_SYNTAX;
    m->token_len = (uint8_t)token_len;
    memcpy(m->token, data + HEADER_LEN, token_len);
    return take_options(m, data + HEADER_LEN + token_len, data + len);
}

/* ---- writing ------------------------------------------------------------- */

int coap_msg_write(const struct coap_msg *m, uint8_t *out, size_t room,
                   size_t *len)
{
    size_t need = HEADER_LEN + m->token_len + m->options_len;

    if (m->payload_len > 0)
        need += 1 + m->payload_len;
    if (need > room)
        return DFOTA_E_FULL;
    out[0] = (uint8_t)(VERSION << 6 | (unsigned)m->type << 4 | m->token_len);
    out[1] = m->code;
    dfota_put_be16(out + 2, m->mid);
    out += HEADER_LEN;
    memcpy(out, m->token, m->token_len);
    out += m->token_len;
    if (m->options_len > 0)
        memcpy(out, m->options, m->options_len);
    out += m->options_len;
    if (m->payload_len > 0) {
        *out++ = PAYLOAD_MARKER;
        memcpy(out, m->payload, m->payload_len);
    }
    *len = need;
    return 0;
}

/* ---- reading options ----------------------------------------------------- */

void coap_cursor_init(struct coap_cursor *c, const struct coap_msg *m)
{
    c->at = m->options;
    c->end = m->options ? m->options + m->options_len : NULL;
    c->number = 0;
}

bool coap_cursor_next(struct coap_cursor *c, struct coap_option *o)
{
    uint32_t number = c->number;

    if (c->at == c->end || !take_option(&c->at, c->end, &number, o)) {
        c->at = c->end;
        return false;
    }
    c->number = o->number;
    return true;
}

bool coap_msg_find(const struct coap_msg *m, uint16_t number,
                   struct coap_option *o)
{
    struct coap_cursor c;

    coap_cursor_init(&c, m);
    while (coap_cursor_next(&c, o)) {
        if (o->number == number)
            return true;
    }
    return false;
}

int coap_msg_uint(const struct coap_msg *m, uint16_t number, uint32_t *value)
{
    struct coap_option o;

    if (!coap_msg_find(m, number, &o))
        return DFOTA_E_NOTFOUND;
    if (o.len > 4)
        return DFOTA_E_SYNTAX;
    *value = 0;
    for (size_t i = 0; i < o.len; i++)
        *value = *value << 8 | o.value[i];
    return 0;
}

static bool may_repeat(uint16_t number)
{
    return number == COAP_IF_MATCH || number == COAP_ETAG ||
           number == COAP_LOCATION_PATH || number == COAP_URI_PATH ||
           number == COAP_URI_QUERY || number == COAP_LOCATION_QUERY;
}

uint16_t coap_msg_critical(const struct coap_msg *m, const uint16_t *known,
                           size_t count)
{
    struct coap_cursor c;
    struct coap_option o;
    uint32_t before = UINT32_MAX;

    coap_cursor_init(&c, m);
    while (coap_cursor_next(&c, &o)) {
        bool is_known = false;

        for (size_t i = 0; i < count; i++)
            is_known |= known[i] == o.number;
        if (o.number == before && !may_repeat(o.number))
            is_known = false;
        if ((o.number & 1) && !is_known)
            return o.number;
        before = o.number;
    }
    return 0;
}

/* Appends one byte as a path has it. returns false without room */
static bool put_path_byte(char **at, const char *end, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";

    if (byte > 0x20 && byte < 0x7F && byte != '/' && byte != '%' &&
        byte != '?' && byte != '#') {
        if (*at >= end)
            return false;
        *(*at)++ = (char)byte;
        return true;
    }
    if (end - *at < 3)
        return false;
    *(*at)++ = '%';
    *(*at)++ = digits[byte >> 4];
    *(*at)++ = digits[byte & 15];
    return true;
}

int coap_msg_path(const struct coap_msg *m, char *out, size_t room)
{
    struct coap_cursor c;
    struct coap_option o;
    char *at = out;
    const char *end = out + room - 1;
    bool fits = room > 1;

    coap_cursor_init(&c, m);
    while (fits && coap_cursor_next(&c, &o)) {
        if (o.number != COAP_URI_PATH)
            continue;
        fits = at < end;
        if (fits)
            *at++ = '/';
        for (size_t i = 0; fits && i < o.len; i++)
            fits = put_path_byte(&at, end, o.value[i]);
    }
    if (fits && at == out)
        *at++ = '/';
    if (!fits)
        at = out;
    if (room > 0)
        *at = '\0';
    return fits ? 0 : DFOTA_E_FULL;
}

int coap_msg_query(const struct coap_msg *m, const char *name,
                   const uint8_t **value, size_t *len)
{
    struct coap_cursor c;
    struct coap_option o;
    size_t name_len = strlen(name);

    coap_cursor_init(&c, m);
    while (coap_cursor_next(&c, &o)) {
        if (o.number != COAP_URI_QUERY || o.len < name_len ||
            memcmp(o.value, name, name_len) != 0)
            continue;
        if (o.len > name_len && o.value[name_len] != '=')
            continue;
        *value = o.value + name_len + (o.len > name_len ? 1 : 0);
        *len = o.len - name_len - (o.len > name_len ? 1 : 0);
        return 0;
    }
    return DFOTA_E_NOTFOUND;
}

/* ---- making options ------------------------------------------------------ */

void coap_options_init(struct coap_options *o, uint8_t *data, size_t room)
{
    *o = (struct coap_options){.data = data, .room = room};
}

/* Writes the extension of a nibble; returns the nibble. */
static unsigned put_extended(uint8_t **at, uint32_t value)
{
    if (value < BASE_8)
        return value;
    if (value < BASE_16) {
        *(*at)++ = (uint8_t)(value - BASE_8);
        return NIBBLE_8;
    }
    dfota_put_be16(*at, (uint16_t)(value - BASE_16));
    *at += 2;
    return NIBBLE_16;
}

/* Head of an option: at most 5 bytes. */
static size_t put_head(uint8_t *out, uint32_t delta, uint32_t len)
{
    uint8_t *at = out + 1;
    unsigned high = put_extended(&at, delta);
    unsigned low = put_extended(&at, len);

    out[0] = (uint8_t)(high << 4 | low);
    return (size_t)(at - out);
}

/* Where a new option of `number` goes: behind all of its number or less. */
struct place {
    size_t off;              /* of the option behind it, or the end */
    uint32_t before;         /* number of the option before it */
    struct coap_option next; /* the one behind it; value NULL: none */
};

static struct place find_place(const struct coap_options *o, uint16_t number)
{
    struct coap_msg all = {.options = o->len > 0 ? o->data : NULL,
                           .options_len = o->len};
    struct place place = {0};
    struct coap_cursor c;
    struct coap_option option;

    coap_cursor_init(&c, &all);
    while (coap_cursor_next(&c, &option)) {
        if (option.number > number) {
            place.next = option;
            break;
        }
        place.before = option.number;
        place.off = (size_t)(c.at - o->data);
    }
    return place;
}

int coap_options_add(struct coap_options *o, uint16_t number, const void *value,
                     size_t len)
{
    struct place p;
    uint8_t head[5], next_head[5];
    size_t head_len, next_len = 0, tail_off, tail_len, need;

    if (o->err)
        return o->err;
    if (len > OPTION_VALUE_MAX)
        return o->err = DFOTA_E_FULL;
    p = find_place(o, number);
    head_len = put_head(head, number - p.before, (uint32_t)len);
    tail_off = p.off;
    if (p.next.value) {
        /* The one behind counts from the new one: its head is made anew. */
        next_len =
            put_head(next_head, (uint32_t)(p.next.number - number), p.next.len);
        tail_off = (size_t)(p.next.value - o->data);
    }
    tail_len = o->len - tail_off;
    need = p.off + head_len + len + next_len + tail_len;
    if (need > o->room)
        return o->err = DFOTA_E_FULL;
    memmove(o->data + need - tail_len, o->data + tail_off, tail_len);
    memcpy(o->data + p.off, head, head_len);
    if (len > 0)
        memcpy(o->data + p.off + head_len, value, len);
    memcpy(o->data + p.off + head_len + len, next_head, next_len);
    o->len = need;
    return 0;
}

int coap_options_add_str(struct coap_options *o, uint16_t number,
                         const char *value)
{
    return coap_options_add(o, number, value, strlen(value));
}

int coap_options_add_uint(struct coap_options *o, uint16_t number,
                          uint32_t value)
{
    uint8_t bytes[4];
    size_t skip = 0;

    dfota_put_be32(bytes, value);
    while (skip < 4 && bytes[skip] == 0)
        skip++;
    return coap_options_add(o, number, bytes + skip, 4 - skip);
}

int coap_options_add_all(struct coap_options *o, const uint8_t *options,
                         size_t options_len)
{
    struct coap_msg all = {.options = options_len > 0 ? options : NULL,
                           .options_len = options_len};
    struct coap_cursor c;
    struct coap_option option;

    coap_cursor_init(&c, &all);
    while (coap_cursor_next(&c, &option))
        coap_options_add(o, option.number, option.value, option.len);
    return o->err;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One segment or argument, up to a byte of `ends`. */
static int add_part(struct coap_options *o, uint16_t number, const char **text,
                    const char *ends)
{
    uint8_t value[255];
    size_t len = 0;
    const char *at = *text;

    for (; *at != '\0' && !strchr(ends, *at); at++) {
        int byte = (unsigned char)*at;

        if (len == sizeof value)
            return DFOTA_E_SYNTAX;
        if (byte == '%') {
            int high = hex_digit(at[1]);
            int low = high < 0 ? -1 : hex_digit(at[2]);

            if (low < 0)
                return DFOTA_E_SYNTAX;
            byte = high << 4 | low;
            at += 2;
        }
        value[len++] = (uint8_t)byte;
    }
    *text = at;
    return coap_options_add(o, number, value, len);
}

int coap_options_add_path(struct coap_options *o, const char *path)
{
    int err = 0;

    if (*path == '/')
        path++;
    /* "/" alone is no segment; "/a/" has an empty one behind "a". */
    if (*path != '\0' && *path != '?') {
        err = add_part(o, COAP_URI_PATH, &path, "/?");
        while (!err && *path == '/') {
            path++;
            err = add_part(o, COAP_URI_PATH, &path, "/?");
        }
    }
    while (!err && (*path == '?' || *path == '&')) {
        path++;
        err = add_part(o, COAP_URI_QUERY, &path, "&");
    }
    return err;
}
