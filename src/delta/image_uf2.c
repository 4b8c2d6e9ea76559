/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UF2 (github.com/microsoft/uf2), blocks of 512 bytes, little endian:
 *   0 magic  4 magic  8 flags  12 address  16 payload length, at most 476
 *   20 block number  24 blocks  28 family (or file size)  32 payload
 *   508 magic
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/err.h"
#include "delta/image_parts.h"

enum {
    BLOCK = 512,
    PAYLOAD = 32,
    PAYLOAD_MAX = 476,
    MD5_LEN = 24,

    NOT_MAIN_FLASH = 0x0001,
    FILE_CONTAINER = 0x1000,
    HAS_FAMILY = 0x2000,
    HAS_MD5 = 0x4000,
};

static const uint32_t magic_0 = 0x0A324655, magic_1 = 0x9E5D5157,
                      magic_end = 0x0AB16F30;

/* The RP2350's tools put one block that no chip keeps in front of the image
 * (RP2350 datasheet, erratum E10). */
static const uint32_t absolute_family = 0xE48BFF57, absolute_at = 0x10FFFF00;

struct block {
    uint32_t flags, at, len, number, blocks, family;
};

struct uf2 {
    const uint8_t *file;
    size_t len;
    struct image *out;
    bool known;         /* a block with bytes was seen */
    bool has_family;    /* of the first such block */
    uint32_t family;    /* the same */
    unsigned others;    /* blocks of other families */
    uint32_t announced; /* how many blocks there should be */
    uint32_t found, all;
};

static int broken(struct image *out, size_t block, const char *what)
{
    return image_fail(out, DFOTA_E_SYNTAX, "UF2 block %zu: %s", block, what);
}

static int parse_block(struct uf2 *u, size_t i, struct block *b)
{
    const uint8_t *at = u->file + i * BLOCK;
    uint32_t room;

    if (dfota_get_le32(at) != magic_0 || dfota_get_le32(at + 4) != magic_1 ||
        dfota_get_le32(at + 508) != magic_end)
        return broken(u->out, i, "a magic number is wrong, it is damaged");
    *b = (struct block){.flags = dfota_get_le32(at + 8),
                        .at = dfota_get_le32(at + 12),
                        .len = dfota_get_le32(at + 16),
                        .number = dfota_get_le32(at + 20),
                        .blocks = dfota_get_le32(at + 24),
                        .family = dfota_get_le32(at + 28)};
    room = PAYLOAD_MAX - (b->flags & HAS_MD5 ? MD5_LEN : 0);
    if (b->len > room)
        return broken(u->out, i, "it claims more bytes than a block has");
    if (b->number >= b->blocks)
        return broken(u->out, i, "its number is over the number of blocks");
    if (b->flags & FILE_CONTAINER)
        return image_fail(u->out, DFOTA_E_UNSUPPORTED,
                          "this UF2 carries files, not flash contents");
    return 0;
}

static bool is_no_ones(const struct block *b)
{
    return (b->flags & HAS_FAMILY) && b->family == absolute_family &&
           b->at == absolute_at && b->blocks == 2;
}

static bool is_of_the_first(struct uf2 *u, const struct block *b)
{
    bool has = (b->flags & HAS_FAMILY) != 0;

    if (!u->known) {
        u->known = true;
        u->has_family = has;
        u->family = has ? b->family : 0;
        u->announced = b->blocks;
    }
    return has == u->has_family && (!has || b->family == u->family);
}

static int use_block(struct uf2 *u, size_t i, struct image_parts *p)
{
    struct block b;
    int err = parse_block(u, i, &b);

    if (err || is_no_ones(&b))
        return err;
    u->all++;
    if (!is_of_the_first(u, &b)) {
        if (!u->has_family || !(b.flags & HAS_FAMILY))
            return broken(u->out, i,
                          "some blocks name a chip family and some do not: "
                          "whose they are is unclear; make a UF2 for one chip");
        u->others++;
        return 0;
    }
    u->found++;
    if (b.blocks != u->announced)
        return broken(u->out, i,
                      "it counts other blocks than the first: two files in "
                      "one?");
    if (b.flags & NOT_MAIN_FLASH)
        return 0;
    return image_parts_add(u->out, p, b.at, u->file + i * BLOCK + PAYLOAD,
                           b.len);
}

static int finish(struct uf2 *u)
{
    struct image *out = u->out;

    /* In a file for several chips blocks are counted for each or for all. */
    if (u->found != u->announced && u->all != u->announced)
        return image_fail(out, DFOTA_E_SYNTAX,
                          "the UF2 has %" PRIu32 " of %" PRIu32
                          " blocks: it is cut short, or two files in one",
                          u->found, u->announced);
    out->has_family = u->has_family;
    out->family = u->family;
    if (u->has_family)
        snprintf(out->format, sizeof out->format,
                 "UF2, family 0x%08" PRIX32 "%s", u->family,
                 u->others ? ", the first of several" : "");
    return 0;
}

bool image_is_uf2(const uint8_t *file, size_t len)
{
    return len >= 8 && dfota_get_le32(file) == magic_0 &&
           dfota_get_le32(file + 4) == magic_1;
}

int image_read_uf2(const uint8_t *file, size_t len, struct image *out,
                   struct image_parts *p)
{
    struct uf2 u = {.file = file, .len = len, .out = out};
    int err = 0;

    snprintf(out->format, sizeof out->format, "UF2");
    if (len % BLOCK != 0)
        return image_fail(out, DFOTA_E_SYNTAX,
                          "the UF2 is cut short: it is not whole blocks of "
                          "512 bytes");
    for (size_t i = 0; i < len / BLOCK && !err; i++)
        err = use_block(&u, i, p);
    return err ? err : finish(&u);
}
