/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/updater_parts.h"

bool dfota_window_is_kept(const struct dfota_updater *u, uint32_t rel)
{
    uint32_t g = rel >> u->granule_log2;

    return (u->journal.notes[g >> 5] >> (g & 31)) & 1;
}

/* An area, with the kept granules of a window at slot offset kept_at read
 * from the slot. */
static int hash_area(struct dfota_updater *u, const struct dfota_flash *f,
                     uint32_t off, uint32_t len, uint32_t kept_at,
                     uint8_t digest[DFOTA_HASH_LEN])
{
    const struct dfota_crypto *c = u->c.crypto;
    int err = c->hash_init(c->ctx);

    for (uint32_t rel = 0; !err && rel < len; rel += DFOTA_PAGE_LEN) {
        uint32_t n = dfota_min_u32(DFOTA_PAGE_LEN, len - rel);
        const struct dfota_flash *from = f;
        uint32_t at = off + rel;

        if (f == u->c.backup && dfota_window_is_kept(u, rel)) {
            from = u->c.slot;
            at = kept_at + rel;
        }
        err = from->read(from->ctx, at, u->page, n);
        if (!err)
            err = c->hash_update(c->ctx, u->page, n);
    }
    return err ? err : c->hash_final(c->ctx, digest);
}

bool dfota_image_is_source(struct dfota_updater *u,
                           const struct dfota_manifest *m)
{
    uint8_t digest[DFOTA_HASH_LEN];

    if (m->flags & DFOTA_FLAG_NO_SOURCE)
        return true;
    return m->source_len <= u->c.slot->size &&
           !hash_area(u, u->c.slot, 0, m->source_len, 0, digest) &&
           memcmp(digest, m->source_hash, DFOTA_SOURCE_HASH_LEN) == 0;
}

bool dfota_image_is_target(struct dfota_updater *u)
{
    const struct dfota_manifest *m = &u->package.m;
    uint8_t digest[DFOTA_HASH_LEN];

    return m->target_len <= u->c.slot->size &&
           !hash_area(u, u->c.slot, 0, m->target_len, 0, digest) &&
           memcmp(digest, m->target_hash, DFOTA_HASH_LEN) == 0;
}

bool dfota_window_accepts(const struct dfota_updater *u, uint32_t w,
                          const uint8_t digest[DFOTA_HASH_LEN])
{
    uint8_t wanted[DFOTA_DIGEST_LEN];
    uint32_t off;

    if (u->package.windows == 1)
        return memcmp(digest, u->package.m.target_hash, DFOTA_HASH_LEN) == 0;
    return !dfota_journal_entry(&u->journal, w, wanted, &off) &&
           memcmp(digest, wanted, sizeof(wanted)) == 0;
}

static bool window_in(struct dfota_updater *u, uint32_t w, bool backup)
{
    uint8_t digest[DFOTA_HASH_LEN];
    uint32_t off;
    uint32_t len;

    dfota_package_window(&u->package, w, &off, &len);
    return !hash_area(u, backup ? u->c.backup : u->c.slot, backup ? 0 : off,
                      len, off, digest) &&
           dfota_window_accepts(u, w, digest);
}

bool dfota_window_in_slot(struct dfota_updater *u, uint32_t w)
{
    return window_in(u, w, false);
}

bool dfota_window_in_backup(struct dfota_updater *u, uint32_t w)
{
    return window_in(u, w, true);
}

int dfota_image_program(const struct dfota_flash *f, uint32_t off,
                        uint8_t *data, uint32_t len)
{
    uint32_t mask = f->prog_size - 1u;
    uint32_t whole = (len + mask) & ~mask;
    int err;

    memset(data + len, f->erased_byte, whole - len);
    err = f->prog(f->ctx, off, data, whole);
    return err ? err : f->sync(f->ctx);
}
