/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "base/crc32.h"
#include "base/err.h"
#include "base/mem.h"
#include "device/updater_parts.h"

static int check_geometry(const struct dfota_updater *u,
                          const struct dfota_package *p)
{
    const struct dfota_updater_config *c = u->c;

    if (p->m.class_id && c->class_id && p->m.class_id != c->class_id)
        return DFOTA_E_CLASS;
    if (p->m.target_len > c->slot->size)
        return DFOTA_E_SLOT;
    /* The package counts on old bytes behind the sectors it knows of: an
     * erase block of the slot must not be larger. */
    if (dfota_min_u32(p->window_len, p->m.target_len) > c->backup->size ||
        (p->windows > 1 &&
         (c->slot->erase_size >> p->m.sector_log2 > 1 || !c->crypto->ctx2)))
        return DFOTA_E_BACKUP;
    if (!dfota_journal_fits(&u->journal, p->windows, DFOTA_MAP_WORDS))
        return DFOTA_E_FULL;
    return dfota_decoder_arena_len(p) > c->arena_len ? DFOTA_E_ARENA : 0;
}

/* A permit is for one use: a list that is full takes no more. */
static int check_counter(const struct dfota_updater *u,
                         const struct dfota_package *p)
{
    const struct dfota_head *h = &u->journal.head;
    uint32_t id;

    if (p->m.counter >= h->counter)
        return 0;
    if (!p->permit_off)
        return DFOTA_E_COUNTER;
    id = dfota_crc32(0, &p->m, sizeof(p->m));
    for (unsigned k = 0; k < DFOTA_PERMITS_MAX; k++) {
        if (h->permits[k] == id)
            return DFOTA_E_PERMIT;
    }
    if (h->permits[DFOTA_PERMITS_MAX - 1])
        return DFOTA_E_PERMIT;
    return dfota_package_permit(p, &u->io.package, u->c->crypto, u->c->id_hash);
}

int dfota_trust_check(struct dfota_updater *u, struct dfota_package *p,
                      bool broken)
{
    int err = dfota_package_open(p, &u->io.package);

    if (!err)
        err = dfota_package_verify(p, &u->io.package, u->c->crypto);
    if (!err)
        err = check_geometry(u, p);
    if (err)
        return err;
    if ((broken && !(p->m.flags & DFOTA_FLAG_NO_SOURCE)) ||
        !dfota_image_is_source(u, &p->m))
        return DFOTA_E_SOURCE;
    return check_counter(u, p);
}
