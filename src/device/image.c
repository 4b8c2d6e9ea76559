/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/updater_parts.h"

#define CHUNK 64 /* divides every sector */

uint32_t dfota_granule_mask(const struct dfota_updater *u)
{
    return ((uint32_t)1 << u->journal.head.granule_log2) - 1;
}

bool dfota_window_is_kept(const struct dfota_updater *u, uint32_t rel)
{
    uint32_t g = rel >> u->journal.head.granule_log2;

    return (u->journal.state.map[g >> 5] >> (g & 31)) & 1;
}

int dfota_image_walk(struct dfota_updater *u, const struct dfota_flash *f,
                     uint32_t off, uint32_t len, dfota_each *each)
{
    uint32_t chunk[CHUNK / 4];

    while (len) {
        uint32_t n = dfota_min_u32(sizeof(chunk), len);
        const struct dfota_flash *from = f;
        uint32_t at = off;

        if (f == u->c.backup && dfota_window_is_kept(u, off)) {
            from = u->c.slot;
            at += u->off;
        }
        if (dfota_flash_read(from, at, chunk, n) || each(u, chunk, n))
            return DFOTA_E_FLASH;
        off += n;
        len -= n;
    }
    return 0;
}

int dfota_each_write(struct dfota_updater *u, const void *data, uint32_t len)
{
    dfota_pages_write(&u->journal.pages, data, len);
    return 0;
}

int dfota_each_equal(struct dfota_updater *u, const void *data, uint32_t len)
{
    struct dfota_pages *p = &u->journal.pages;
    uint32_t chunk[CHUNK / 4];
    int err = dfota_flash_read(p->flash, p->out, chunk, len);

    p->out += len;
    return err || memcmp(chunk, data, len) != 0 ? DFOTA_E_FLASH : 0;
}

static int each_hash(struct dfota_updater *u, const void *data, uint32_t len)
{
    return u->c.crypto->hash_update(u->c.crypto->ctx, data, len);
}

static bool hash_area(struct dfota_updater *u, const struct dfota_flash *f,
                      uint32_t off, uint32_t len,
                      uint8_t digest[DFOTA_HASH_LEN])
{
    const struct dfota_crypto *c = u->c.crypto;

    return !c->hash_init(c->ctx) &&
           !dfota_image_walk(u, f, off, len, each_hash) &&
           !c->hash_final(c->ctx, digest);
}

static bool slot_is(struct dfota_updater *u, uint32_t len, const uint8_t *hash,
                    uint32_t hash_len)
{
    uint8_t digest[DFOTA_HASH_LEN];

    return len <= u->c.slot->size && hash_area(u, u->c.slot, 0, len, digest) &&
           memcmp(digest, hash, hash_len) == 0;
}

bool dfota_image_is_source(struct dfota_updater *u,
                           const struct dfota_manifest *m)
{
    return (m->flags & DFOTA_FLAG_NO_SOURCE) ||
           slot_is(u, m->source_len, m->source_hash, DFOTA_SOURCE_HASH_LEN);
}

bool dfota_image_is_target(struct dfota_updater *u)
{
    const struct dfota_manifest *m = &u->journal.head.package.m;

    return slot_is(u, m->target_len, m->target_hash, DFOTA_HASH_LEN);
}

bool dfota_window_accepts(const struct dfota_updater *u, const uint8_t *digest)
{
    const struct dfota_package *p = &u->journal.head.package;
    const uint8_t *wanted = p->m.target_hash;
    struct dfota_entry e;

    if (p->windows > 1) {
        if (dfota_journal_entry(&u->journal, u->window, &e))
            return false;
        wanted = e.digest;
    }
    return memcmp(digest, wanted, DFOTA_DIGEST_LEN) == 0;
}

bool dfota_window_is_in(struct dfota_updater *u, const struct dfota_flash *f)
{
    uint8_t digest[DFOTA_HASH_LEN];

    return hash_area(u, f, f == u->c.slot ? u->off : 0, u->len, digest) &&
           dfota_window_accepts(u, digest);
}
