/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/updater_parts.h"

uint32_t dfota_granule_len(const struct dfota_updater *u)
{
    return (uint32_t)1 << u->journal.head.granule_log2;
}

uint32_t *dfota_window_map(struct dfota_updater *u, uint32_t rel, uint32_t *bit)
{
    uint32_t g = rel >> u->journal.head.granule_log2;

    *bit = (uint32_t)1 << (g & 31);
    return &u->journal.state.map[g >> 5];
}

bool dfota_window_is_kept(struct dfota_updater *u, uint32_t rel)
{
    uint32_t bit;

    return *dfota_window_map(u, rel, &bit) & bit;
}

int dfota_window_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct dfota_updater *u = ctx;
    const struct dfota_flash *f = u->c->backup;

    if (dfota_window_is_kept(u, off)) {
        f = u->c->slot;
        off += u->off;
    }
    return dfota_flash_read(f, off, buf, len);
}

static bool hash_area(const struct dfota_updater *u,
                      const struct dfota_reader *r, uint32_t off, uint32_t len,
                      uint8_t digest[DFOTA_HASH_LEN])
{
    const struct dfota_crypto *c = u->c->crypto;

    return !c->hash_init(c->ctx) &&
           !dfota_reader_walk(r, off, len, c->hash_update, c->ctx) &&
           !c->hash_final(c->ctx, digest);
}

static bool slot_is(const struct dfota_updater *u, uint32_t len,
                    const uint8_t *hash, uint32_t hash_len)
{
    uint8_t digest[DFOTA_HASH_LEN];

    return len <= u->io.old.size && hash_area(u, &u->io.old, 0, len, digest) &&
           memcmp(digest, hash, hash_len) == 0;
}

bool dfota_image_is_source(const struct dfota_updater *u,
                           const struct dfota_manifest *m)
{
    return (m->flags & DFOTA_FLAG_NO_SOURCE) ||
           slot_is(u, m->source_len, m->source_hash, DFOTA_SOURCE_HASH_LEN);
}

bool dfota_image_is_target(const struct dfota_updater *u)
{
    const struct dfota_manifest *m = &u->journal.head.package.m;

    return slot_is(u, m->target_len, m->target_hash, DFOTA_HASH_LEN);
}

bool dfota_window_accepts(struct dfota_updater *u, const uint8_t *digest)
{
    const struct dfota_package *p = &u->journal.head.package;
    const uint8_t *wanted = p->m.target_hash;
    struct dfota_entry e;

    if (p->windows > 1) {
        if (dfota_journal_entry(&u->journal, u->journal.state.window, &e))
            return false;
        wanted = e.digest;
    }
    return memcmp(digest, wanted, DFOTA_DIGEST_LEN) == 0;
}

bool dfota_window_is_in(struct dfota_updater *u, const struct dfota_reader *r)
{
    uint8_t digest[DFOTA_HASH_LEN];

    return hash_area(u, r, r == &u->io.old ? u->off : 0, u->len, digest) &&
           dfota_window_accepts(u, digest);
}
