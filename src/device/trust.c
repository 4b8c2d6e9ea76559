/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/updater_parts.h"

/* A piece of the package that ends where its kind ends; *len is cut. */
static int read_piece(const struct dfota_trusted *t, uint32_t off, void *buf,
                      uint32_t *len)
{
    const struct dfota_flash *f = t->u->c.package;
    uint32_t digests = t->package.digests_off;
    uint8_t digest[DFOTA_DIGEST_LEN];
    uint32_t unused;
    int err;

    if (off < DFOTA_MANIFEST_LEN) {
        *len = dfota_min_u32(*len, DFOTA_MANIFEST_LEN - off);
        memcpy(buf, t->manifest + off, *len);
        return 0;
    }
    if (t->digests && off < digests)
        *len = dfota_min_u32(*len, digests - off);
    if (t->digests && off >= digests && off < t->package.signature_off) {
        uint32_t at = (off - digests) % DFOTA_DIGEST_LEN;

        *len = dfota_min_u32(*len, DFOTA_DIGEST_LEN - at);
        err = dfota_journal_entry(&t->u->journal,
                                  (off - digests) / DFOTA_DIGEST_LEN, digest,
                                  &unused);
        memcpy(buf, digest + at, *len);
        return err;
    }
    return f->read(f->ctx, off, buf, *len);
}

static int trusted_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct dfota_trusted *t = ctx;
    uint8_t *out = buf;

    while (len) {
        uint32_t piece = len;
        int err = read_piece(t, off, out, &piece);

        if (err)
            return err;
        out += piece;
        off += piece;
        len -= piece;
    }
    return 0;
}

static struct dfota_reader reader_of(struct dfota_trusted *t)
{
    struct dfota_reader r = {trusted_read, t, t->u->c.package->size};

    return r;
}

static int check_geometry(const struct dfota_updater *u,
                          const struct dfota_package *p)
{
    const struct dfota_updater_config *c = &u->c;
    uint32_t len = dfota_min_u32(p->window_len, p->m.target_len);

    if (p->m.class_id && c->class_id && p->m.class_id != c->class_id)
        return DFOTA_E_CLASS;
    if (p->m.target_len > c->slot->size)
        return DFOTA_E_SLOT;
    if (len > c->backup->size)
        return DFOTA_E_BACKUP;
    /* The package counts on old bytes behind the sectors it knows of: an
     * erase block of the slot must not be larger. */
    if (p->windows > 1 &&
        ((p->window_len & (c->slot->erase_size - 1)) ||
         c->slot->erase_size > 1U << p->m.sector_log2 || !c->crypto->ctx2))
        return DFOTA_E_BACKUP;
    if (p->windows > 1 && p->windows > dfota_journal_windows(&u->journal))
        return DFOTA_E_FULL;
    return dfota_decoder_arena_len(p) > c->arena_len ? DFOTA_E_ARENA : 0;
}

/* A permit is for one use: a list that is full takes no more. */
static int check_counter(struct dfota_trusted *t, const struct dfota_reader *r)
{
    const struct dfota_updater *u = t->u;
    const uint32_t *used = u->journal.head.permits;

    if (t->package.m.counter >= u->journal.head.counter)
        return 0;
    if (!t->package.permit_off)
        return DFOTA_E_COUNTER;
    for (unsigned k = 0; k < DFOTA_PERMITS_MAX; k++) {
        if (used[k] == t->id)
            return DFOTA_E_PERMIT;
    }
    if (used[DFOTA_PERMITS_MAX - 1] != 0)
        return DFOTA_E_PERMIT;
    return dfota_package_permit(&t->package, r, u->c.crypto, u->c.id_hash);
}

int dfota_trust_read(struct dfota_trusted *t, struct dfota_updater *u)
{
    const struct dfota_crypto *c = u->c.crypto;
    uint8_t digest[DFOTA_HASH_LEN];
    int err = u->c.package->read(u->c.package->ctx, 0, t->manifest,
                                 sizeof(t->manifest));

    t->u = u;
    t->digests = false;
    if (!err)
        err = c->hash_init(c->ctx);
    if (!err)
        err = c->hash_update(c->ctx, t->manifest, sizeof(t->manifest));
    if (!err)
        err = c->hash_final(c->ctx, digest);
    if (!err)
        t->id = dfota_get_le32(digest);
    return err;
}

int dfota_trust_verify(struct dfota_trusted *t)
{
    struct dfota_reader r = reader_of(t);

    return dfota_package_verify(&t->package, &r, t->u->c.crypto);
}

int dfota_trust_check(struct dfota_trusted *t, struct dfota_updater *u,
                      bool broken)
{
    int err = dfota_trust_read(t, u);
    struct dfota_reader r = reader_of(t);

    if (!err)
        err = dfota_package_open(&t->package, &r);
    if (!err)
        err = dfota_trust_verify(t);
    if (!err)
        err = check_geometry(u, &t->package);
    if (!err && broken && !(t->package.m.flags & DFOTA_FLAG_NO_SOURCE))
        err = DFOTA_E_SOURCE;
    if (!err && !dfota_image_is_source(u, &t->package.m))
        err = DFOTA_E_SOURCE;
    return err ? err : check_counter(t, &r);
}
