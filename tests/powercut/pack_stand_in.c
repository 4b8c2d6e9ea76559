/* SPDX-License-Identifier: Apache-2.0 */
/* Packages for the stand-in codec. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "powercut/stand_in.h"
#include "powercut/world.h"

static void write_body(uint8_t *out, const struct dfota_package *p,
                       const struct world *w, uint32_t shift)
{
    dfota_put_le32(out, shift);
    out += STAND_IN_HEAD;
    for (uint32_t n = 0; n < p->windows; n++) {
        uint32_t off;
        uint32_t len;

        dfota_package_window(p, n, &off, &len);
        for (uint32_t k = 0; k < len; k++)
            *out++ = w->new_image[off + k] ^
                     stand_in_guess(p, off, off + len, off + k, shift,
                                    w->old_image, w->new_image);
    }
}

static void write_digests(uint8_t *out, const struct dfota_package *p,
                          const struct world *w)
{
    uint8_t digest[DFOTA_HASH_LEN];

    for (uint32_t n = 0; n < p->windows; n++) {
        uint32_t off;
        uint32_t len;

        dfota_package_window(p, n, &off, &len);
        fast_hash(w->new_image + off, len, digest);
        memcpy(out + (size_t)n * DFOTA_DIGEST_LEN, digest, DFOTA_DIGEST_LEN);
    }
}

int world_pack(struct world *w, uint32_t sector, uint8_t flags, uint8_t **out,
               uint32_t *out_len)
{
    struct dfota_package p;
    uint8_t digest[DFOTA_HASH_LEN];
    uint32_t log2 = 9;
    int err;

    while ((1u << log2) < sector)
        log2++;
    memset(&p, 0, sizeof(p));
    p.m.flags = flags;
    p.m.arena_kib = 8;
    p.m.sector_log2 = (uint8_t)log2;
    p.m.label_len = 11;
    p.m.window = (uint16_t)w->window;
    p.m.counter = w->counter;
    p.m.source_len = flags & DFOTA_FLAG_NO_SOURCE ? 0 : w->old_len;
    p.m.target_len = w->new_len;
    p.m.body_len = w->new_len + STAND_IN_HEAD;
    fast_hash(w->old_image, w->old_len, digest);
    memcpy(p.m.source_hash, digest, DFOTA_SOURCE_HASH_LEN);
    fast_hash(w->new_image, w->new_len, p.m.target_hash);
    err = dfota_package_layout(&p);
    if (err)
        return err;
    w->windows = p.windows;
    *out_len = p.body_off + p.m.body_len;
    *out = calloc(1, *out_len);
    if (!*out)
        return DFOTA_E_NOMEM;
    dfota_manifest_write(&p.m, *out);
    memcpy(*out + DFOTA_MANIFEST_LEN, "1.0 -> 1.1 ", 11);
    if (p.digests_off)
        write_digests(*out + p.digests_off, &p, w);
    fast_hash(*out, p.signature_off, digest);
    fast_sign(0, digest, *out + p.signature_off);
    write_body(*out + p.body_off, &p, w,
               w->id.descending ? (uint32_t)-300 : 300);
    return 0;
}
