/* SPDX-License-Identifier: Apache-2.0 */
/* What packages that copy from the new image ask of the updater. */
#include "base/mem.h"
#include "device/updater_parts.h"

/* The new image as far as it is made, wherever its bytes are now. */
static int read_made(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct dfota_updater *u = ctx;
    const struct dfota_pages *pages = &u->journal.pages;
    uint8_t *out = buf;
    int err = 0;

    for (; !err && len; len--, off++, out++) {
        uint32_t rel = off - u->off;

        if (off < u->off || rel >= u->len)
            err = dfota_flash_read(u->c->slot, off, out, 1);
        else if (rel < pages->out || dfota_window_is_kept(u, rel))
            err = dfota_window_read(u, rel, out, 1);
        else
            *out = ((const uint8_t *)pages->page)[rel - pages->out];
    }
    return err;
}

void dfota_self_bind(struct dfota_updater *u)
{
    u->io.made.read = read_made;
    u->io.made.ctx = u;
    u->io.made.size = u->c->slot->size;
}

bool dfota_updater_is_self(const struct dfota_updater *u)
{
    return u->journal.head.flags & DFOTA_JOURNAL_SELF;
}

struct digests {
    struct dfota_updater *u;
    uint8_t digest[DFOTA_DIGEST_LEN]; /* as far as it has been read */
};

static int read_and_add(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct digests *d = ctx;
    const struct dfota_package *p = &d->u->journal.head.package;
    const uint8_t *in = buf;
    int err = dfota_flash_read(d->u->c->package, off, buf, len);

    for (; !err && len; len--, off++, in++) {
        uint32_t k = (off - p->digests_off) % DFOTA_DIGEST_LEN;

        if (off < p->digests_off || off >= p->signature_off)
            continue;
        d->digest[k] = *in;
        if (k == DFOTA_DIGEST_LEN - 1)
            dfota_journal_add(&d->u->journal, d->digest);
    }
    return err;
}

int dfota_self_table(struct dfota_updater *u)
{
    struct digests d = {.u = u};
    struct dfota_reader r = {read_and_add, &d, u->c->package->size};

    return dfota_package_verify(&u->journal.head.package, &r, u->c->crypto);
}
