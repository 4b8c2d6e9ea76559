/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel HEX, one record a line (Intel, Hexadecimal Object File Format
 * Specification, revision A, 1988):
 *   ':' length address(16) type data.. checksum, all in hexadecimal digits;
 *   the bytes of a record add up to 0 modulo 256.
 *   00 data  01 end  02 segment base  03 CS:IP  04 linear base  05 EIP
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "delta/image_parts.h"

enum { RECORD_MAX = 5 + 255, DATA = 0, END = 1, SEGMENT = 2, LINEAR = 4 };

struct hex {
    const uint8_t *file;
    size_t len, pos;
    unsigned line;
    struct image *out;
    struct image_parts *parts;
    uint8_t *next; /* where decoded data goes */
    uint32_t base;
    bool segmented; /* base is a segment's: addresses have 16 bits */
    bool ended;
    uint8_t record[RECORD_MAX];
};

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* -1: these are not two digits */
static int byte_at(const struct hex *h, size_t pos)
{
    int high, low;

    if (pos >= h->len || h->len - pos < 2)
        return -1;
    high = digit(h->file[pos]);
    low = digit(h->file[pos + 1]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' ||
           c == '\0' || c == 0x1A; /* what CP/M and its heirs end texts with */
}

/* Up to the next record; a line ends with CR, LF or both. */
static void skip_blanks(struct hex *h)
{
    for (; h->pos < h->len && is_blank(h->file[h->pos]); h->pos++) {
        uint8_t c = h->file[h->pos];

        if (c == '\n' || (c == '\r' && (h->pos + 1 == h->len ||
                                        h->file[h->pos + 1] != '\n')))
            h->line++;
    }
}

/* The digits behind the colon to h->record; its sum must be 0. */
static int read_record(struct hex *h)
{
    size_t count = 1;
    uint8_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        int byte = byte_at(h, h->pos);

        if (byte < 0)
            return image_fail(h->out, DFOTA_E_SYNTAX,
                              "line %u: the record is cut short, or has a "
                              "character that is no hexadecimal digit",
                              h->line);
        if (i == 0)
            count = (size_t)byte + 5;
        h->record[i] = (uint8_t)byte;
        sum = (uint8_t)(sum + byte);
        h->pos += 2;
    }
    if (sum != 0)
        return image_fail(h->out, DFOTA_E_SYNTAX,
                          "line %u: the checksum is wrong (%02X, not %02X): "
                          "the file is damaged",
                          h->line, h->record[count - 1],
                          (uint8_t)(h->record[count - 1] - sum));
    if (h->pos < h->len && !is_blank(h->file[h->pos]))
        return image_fail(h->out, DFOTA_E_SYNTAX,
                          "line %u: there is more than the record's length",
                          h->line);
    return 0;
}

static int add_data(struct hex *h)
{
    size_t n = h->record[0];
    uint32_t offset = dfota_get_be16(h->record + 1);
    uint64_t at = (uint64_t)h->base + offset;

    if ((h->segmented && offset + n > 0x10000) || at + n > 1ULL << 32)
        return image_fail(h->out, DFOTA_E_SYNTAX,
                          "line %u: the record runs over the end of its "
                          "segment",
                          h->line);
    for (size_t i = 0; i < n; i++)
        h->next[i] = h->record[4 + i];
    h->next += n;
    return image_parts_add(h->out, h->parts, at, h->next - n, n);
}

/* Types 02 .. 05; where a program starts is no business of an image. */
static int change_base(struct hex *h, unsigned type)
{
    bool moves = type == SEGMENT || type == LINEAR;

    if (type > 5)
        return image_fail(h->out, DFOTA_E_SYNTAX,
                          "line %u: record type %02X is unknown", h->line,
                          type);
    if (h->record[0] != (moves ? 2 : 4))
        return image_fail(h->out, DFOTA_E_SYNTAX,
                          "line %u: a record of type %02X cannot have %u bytes",
                          h->line, type, h->record[0]);
    if (moves) {
        h->segmented = type == SEGMENT;
        h->base = (uint32_t)dfota_get_be16(h->record + 4)
                  << (h->segmented ? 4 : 16);
    }
    return 0;
}

static int use_record(struct hex *h)
{
    switch (h->record[3]) {
    case DATA:
        return add_data(h);
    case END:
        h->ended = true;
        return 0;
    default:
        return change_base(h, h->record[3]);
    }
}

static size_t skip_byte_order_mark(const uint8_t *file, size_t len)
{
    return len >= 3 && file[0] == 0xEF && file[1] == 0xBB && file[2] == 0xBF
               ? 3
               : 0;
}

/* A colon, length, address and a type there is. */
bool image_is_hex(const uint8_t *file, size_t len)
{
    size_t pos = skip_byte_order_mark(file, len);
    struct hex h = {.file = file, .len = len};

    while (pos < len && is_blank(file[pos]) && file[pos] != '\0')
        pos++;
    if (len - pos < 9 || file[pos] != ':')
        return false;
    for (size_t i = 0; i < 4; i++) {
        if (byte_at(&h, pos + 1 + 2 * i) < 0)
            return false;
    }
    return byte_at(&h, pos + 7) <= 5;
}

int image_read_hex(const uint8_t *file, size_t len, struct image *out,
                   struct image_parts *p)
{
    struct hex h = {.file = file, .len = len, .line = 1, .out = out};
    int err = 0;

    snprintf(out->format, sizeof out->format, "Intel HEX");
    h.parts = p;
    h.pos = skip_byte_order_mark(file, len);
    /* Two digits a byte: it can never be too small. */
    h.next = p->scratch = malloc(len / 2 + 1);
    if (!h.next)
        return image_fail(out, DFOTA_E_NOMEM, "out of memory");
    for (skip_blanks(&h); h.pos < len && !err; skip_blanks(&h)) {
        if (h.ended)
            return image_fail(out, DFOTA_E_SYNTAX,
                              "line %u: there is more behind the end record: "
                              "two files in one?",
                              h.line);
        if (file[h.pos++] != ':')
            return image_fail(out, DFOTA_E_SYNTAX,
                              "line %u: a record begins with a colon", h.line);
        err = read_record(&h);
        if (!err)
            err = use_record(&h);
    }
    if (!err && !h.ended)
        err = image_fail(out, DFOTA_E_SYNTAX,
                         "line %u: the end record is missing: the file is "
                         "cut short",
                         h.line);
    return err;
}
