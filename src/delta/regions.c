/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image format: 0xE9, how many segments, flash mode, size and speed, the
 * entry address; on the ESP32 family 16 bytes more; then per segment its
 * address, its length and its bytes. All numbers are little endian. Images
 * may follow each other: boot loader, application, ESP8266's flash code in
 * front of the one that is loaded.
 */
#include "delta/regions.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum {
    MAGIC = 0xE9,
    SEGMENTS_MAX = 16, /* of one image, as the boot ROMs have it */
    FOUND_MAX = 64,
    HEADER_ESP8266 = 8,
    HEADER_ESP32 = 24,
};

struct part {
    uint32_t address, off, len;
    uint8_t image, index; /* which image of the file, which part of it */
};

struct parts {
    struct part list[FOUND_MAX];
    size_t len;
    uint8_t images;
};

/* The parts of the image at off, its headers being header bytes long; 0: it
 * is none. The entry must lie in one of the parts. */
static size_t read_parts(const uint8_t *p, size_t len, size_t off,
                         size_t header, struct part *out)
{
    uint32_t entry = dfota_get_le32(p + off + 4);
    size_t count = p[off + 1], at = off + header;
    bool entered = false;

    for (size_t i = 0; i < count; i++) {
        struct part *part = &out[i];

        if (at > len || len - at < 8)
            return 0;
        part->address = dfota_get_le32(p + at);
        part->len = dfota_get_le32(p + at + 4);
        part->off = (uint32_t)at + 8;
        part->index = (uint8_t)i;
        at += 8;
        if (part->len == 0 || (part->len | part->address) & 3 ||
            part->len > len - at)
            return 0;
        at += part->len;
        entered |= entry - part->address < part->len;
    }
    return entered ? count : 0;
}

static void find_parts(const uint8_t *p, size_t len, struct parts *out)
{
    out->len = 0;
    out->images = 0;
    /* Images begin at multiples of 16. */
    for (size_t off = 0; off + HEADER_ESP32 < len;) {
        struct part *part = &out->list[out->len];
        size_t n = 0;

        if (out->len > FOUND_MAX - SEGMENTS_MAX)
            return;
        if (p[off] == MAGIC && p[off + 1] <= SEGMENTS_MAX) {
            n = read_parts(p, len, off, HEADER_ESP32, part);
            if (n == 0)
                n = read_parts(p, len, off, HEADER_ESP8266, part);
        }
        for (size_t i = 0; i < n; i++)
            part[i].image = out->images;
        out->len += n;
        out->images = (uint8_t)(out->images + (n > 0));
        if (n > 0)
            off = part[n - 1].off + part[n - 1].len;
        off = (off + 16) & ~(size_t)15;
    }
}

/* The part of the other version that a part became: it has the same place in
 * the list, or else the same high byte of its address. */
static const struct part *became(const struct part *part,
                                 const struct parts *in)
{
    const struct part *like = NULL;

    for (size_t i = 0; i < in->len; i++) {
        const struct part *other = &in->list[i];

        if (other->image != part->image ||
            other->address >> 24 != part->address >> 24)
            continue;
        if (other->index == part->index)
            return other;
        if (!like)
            like = other;
    }
    return like;
}

static int longest_first(const void *a, const void *b)
{
    const struct dfota_region *x = a, *y = b;

    if (x->len != y->len)
        return x->len > y->len ? -1 : 1;
    return x->off < y->off ? -1 : x->off > y->off;
}

static int by_place(const void *a, const void *b)
{
    const struct dfota_region *x = a, *y = b;

    return x->off < y->off ? -1 : x->off > y->off;
}

/* Addresses in what stayed as and where it was need no projection. */
static bool is_the_same(const struct part *was, const struct part *is,
                        const uint8_t *old, const uint8_t *image)
{
    return was->off == is->off && was->len == is->len &&
           was->address == is->address &&
           memcmp(old + was->off, image + is->off, was->len) == 0;
}

uint8_t regions_find(const uint8_t *old, size_t old_len, const uint8_t *image,
                     size_t image_len,
                     struct dfota_region out[REGIONS_FOUND_MAX])
{
    struct parts was, is;
    struct dfota_region all[FOUND_MAX];
    size_t n = 0;

    find_parts(old, old_len, &was);
    find_parts(image, image_len, &is);
    for (size_t i = 0; i < was.len; i++) {
        const struct part *part = &was.list[i], *now = became(part, &is);

        if (now && !is_the_same(part, now, old, image))
            all[n++] = (struct dfota_region){part->off, part->len,
                                             part->address - part->off,
                                             now->address - now->off};
    }
    qsort(all, n, sizeof *all, longest_first);
    n = n < REGIONS_FOUND_MAX ? n : REGIONS_FOUND_MAX;
    qsort(all, n, sizeof *all, by_place);
    for (size_t i = 0; i < n; i++)
        out[i] = all[i];
    return (uint8_t)n;
}
