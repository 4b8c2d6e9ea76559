/* SPDX-License-Identifier: Apache-2.0 */
/* Packages of the real generator, for the real decoder. It chooses the
 * direction itself, and SELF when that is smaller. */
#include "base/err.h"
#include "delta/build.h"
#include "powercut/world.h"

static int sign(void *ctx, const uint8_t digest[DFOTA_HASH_LEN],
                uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    (void)ctx;
    fast_sign(0, digest, signature);
    return 0;
}

int world_pack(struct world *w, uint32_t sector, uint8_t flags, uint8_t **out,
               uint32_t *out_len)
{
    const struct build_signer signer = {sign, NULL};
    struct build_options o = {.arch = w->id.seed & 1 ? DFOTA_ARCH_THUMB2
                                                     : DFOTA_ARCH_RAW,
                              .arena_kib = 16,
                              .sector = sector,
                              .backup = w->window * sector,
                              .counter = w->counter};
    struct build_result r;
    int err;

    o.full = flags & DFOTA_FLAG_NO_SOURCE;
    fast_crypto_init(&w->crypto_state, &w->crypto, true);
    err = build_package(&o, w->old_image, w->old_len, w->new_image, w->new_len,
                        &w->crypto, &signer, &r);
    if (err)
        return err;
    *out = r.bytes;
    *out_len = (uint32_t)r.len;
    w->windows = r.p.windows;
    return 0;
}
