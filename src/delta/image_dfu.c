/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DFU: raw bytes and a suffix (USB Device Firmware Upgrade 1.1, appendix B),
 * counted from the end: -16 device  -14 product  -12 vendor  -10 DFU version
 * -8 "UFD"  -5 suffix length  -4 CRC-32 of all before it, not inverted.
 *
 * DfuSe (ST UM0391) has inside it, little endian:
 *   "DfuSe" version(1) length(4) targets(1)
 *   target: "Target" setting(1) named(4) name(255) length(4) elements(4)
 *   element: address(4) length(4) bytes
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/err.h"
#include "delta/image_parts.h"

enum {
    SUFFIX = 16,
    PREFIX = 11,
    TARGET = 274,
    TARGET_SETTING = 6,
    TARGET_LENGTH = 266,
    TARGET_ELEMENTS = 270,
    ELEMENT = 8,
};

/* A cursor: what is left. */
struct rest {
    const uint8_t *at;
    size_t len;
};

static bool is_dfuse(const uint8_t *file, size_t len)
{
    return len >= PREFIX && memcmp(file, "DfuSe\1", 6) == 0;
}

static bool has_suffix(const uint8_t *file, size_t len)
{
    const uint8_t *tail = file + len - SUFFIX;
    unsigned version;

    if (len < SUFFIX || memcmp(tail + 8, "UFD", 3) != 0)
        return false;
    version = dfota_get_le16(tail + 6);
    return tail[11] >= SUFFIX &&
           (version == 0x0100 || version == 0x0110 || version == 0x011A);
}

/* body: bytes in front of the suffix */
static int check_suffix(const uint8_t *file, size_t len, struct image *out,
                        size_t *body)
{
    uint32_t crc = ~dfota_crc32(0, file, len - 4);
    uint32_t stored = dfota_get_le32(file + len - 4);
    size_t suffix = file[len - 5];

    if (crc != stored)
        return image_fail(out, DFOTA_E_SYNTAX,
                          "the CRC of the DFU suffix is wrong (%08" PRIX32
                          ", not %08" PRIX32 "): the file is damaged",
                          stored, crc);
    if (suffix > len)
        return image_fail(out, DFOTA_E_SYNTAX,
                          "the DFU suffix is longer than the file");
    *body = len - suffix;
    return 0;
}

/* NULL: so much is not left */
static const uint8_t *take(struct rest *r, size_t n)
{
    const uint8_t *at = r->at;

    if (n > r->len)
        return NULL;
    r->at += n;
    r->len -= n;
    return at;
}

static int cut_short(struct image *out)
{
    return image_fail(out, DFOTA_E_SYNTAX,
                      "a length in the DfuSe file points outside it: it is "
                      "damaged");
}

/* inside: the target's elements and nothing else */
static int read_elements(struct image *out, struct rest *inside, uint32_t n,
                         struct image_parts *p)
{
    const uint8_t *head, *bytes;
    int err = 0;

    for (uint32_t i = 0; i < n && !err; i++) {
        head = take(inside, ELEMENT);
        if (!head)
            return cut_short(out);
        bytes = take(inside, dfota_get_le32(head + 4));
        if (!bytes)
            return cut_short(out);
        err = image_parts_add(out, p, dfota_get_le32(head), bytes,
                              dfota_get_le32(head + 4));
    }
    if (!err && inside->len > 0)
        return cut_short(out);
    return err;
}

/* A setting is a memory: addresses of two are not comparable. */
static int read_targets(struct image *out, struct rest *r, unsigned n,
                        struct image_parts *p)
{
    int setting = -1, err = 0;

    for (unsigned i = 0; i < n && !err; i++) {
        const uint8_t *head = take(r, TARGET);
        struct rest inside;

        if (!head || memcmp(head, "Target", 6) != 0)
            return cut_short(out);
        inside.len = dfota_get_le32(head + TARGET_LENGTH);
        inside.at = take(r, inside.len);
        if (!inside.at)
            return cut_short(out);
        if (inside.len > 0 && setting >= 0 && setting != head[TARGET_SETTING])
            return image_fail(out, DFOTA_E_UNSUPPORTED,
                              "the DfuSe file is for several memories "
                              "(alternate settings %d and %u): make one with "
                              "the image alone",
                              setting, head[TARGET_SETTING]);
        if (inside.len > 0)
            setting = head[TARGET_SETTING];
        err = read_elements(out, &inside,
                            dfota_get_le32(head + TARGET_ELEMENTS), p);
    }
    return err;
}

/* The length in the prefix counts the suffix or does not: both are about. */
static int read_dfuse(const uint8_t *file, size_t len, size_t body,
                      struct image *out, struct image_parts *p)
{
    struct rest r = {file + PREFIX, body - PREFIX};
    uint32_t told = dfota_get_le32(file + 6);
    int err;

    snprintf(out->format, sizeof out->format, "DfuSe");
    if (told != body && told != len)
        return cut_short(out);
    err = read_targets(out, &r, file[10], p);
    if (!err && r.len > 0)
        err = cut_short(out);
    return err;
}

bool image_is_dfu(const uint8_t *file, size_t len)
{
    return is_dfuse(file, len) || has_suffix(file, len);
}

int image_read_dfu(const uint8_t *file, size_t len, struct image *out,
                   struct image_parts *p)
{
    size_t body;
    int err;

    snprintf(out->format, sizeof out->format, "DFU");
    if (!has_suffix(file, len))
        return image_fail(out, DFOTA_E_SYNTAX,
                          "the DfuSe file has no DFU suffix: it is cut short");
    err = check_suffix(file, len, out, &body);
    if (err)
        return err;
    if (is_dfuse(file, body))
        return read_dfuse(file, len, body, out, p);
    if (body == 0)
        return image_fail(out, DFOTA_E_SYNTAX, "it holds no bytes of firmware");
    out->bytes = file;
    out->len = body;
    return 0;
}
