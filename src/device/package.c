/* SPDX-License-Identifier: Apache-2.0 */
#include "device/package.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

/* No image or body is larger: sums of three such lengths stay in 32 bits. */
#define LEN_MAX 0x40000000u

/* The manifest's 32-bit fields, bytes. */
#define FIRST_WORD 12
#define END_WORD 40

/* Words of the manifest, from the package's byte order or to it. */
static void copy_words(uint8_t *to, const uint8_t *from)
{
    for (unsigned k = FIRST_WORD; k < END_WORD; k += 4) {
        uint32_t word = dfota_get_le32(from + k);

        memcpy(to + k, &word, 4);
    }
}

static int check_ranges(const struct dfota_manifest *m)
{
    if (m->arch > DFOTA_ARCH_X86)
        return DFOTA_E_ARCH;
    /* The arena: 8, 16, 32 or 64 KiB. */
    if (m->reserved || m->key_id > 1 || m->arena_kib - 8u > 56 ||
        (m->arena_kib & (m->arena_kib - 1)) ||
        m->sector_log2 - 9u > DFOTA_SECTOR_LOG2_MAX - 9u ||
        m->window > LEN_MAX >> m->sector_log2 || m->source_len > LEN_MAX ||
        m->target_len - 1 >= LEN_MAX || m->body_len > LEN_MAX ||
        /* Nobody compares an old image with what a full package says. */
        ((m->flags & DFOTA_FLAG_NO_SOURCE) && m->source_len != 0))
        return DFOTA_E_CORRUPT;
    return 0;
}

int dfota_manifest_parse(struct dfota_manifest *m,
                         const uint8_t in[DFOTA_MANIFEST_LEN])
{
    if (in[0] != 'D' || in[1] != 'F')
        return DFOTA_E_NOPACKAGE;
    if (in[2] != DFOTA_MANIFEST_VERSION)
        return DFOTA_E_VERSION;
    memcpy(m, in, DFOTA_MANIFEST_LEN);
    copy_words((uint8_t *)m, in);
    m->flags = in[3] & 0x0F;
    m->arch = in[3] >> 4;
    m->zero = 0;
    m->window = dfota_get_le16(in + 8);
    return check_ranges(m);
}

void dfota_manifest_write(const struct dfota_manifest *m,
                          uint8_t out[DFOTA_MANIFEST_LEN])
{
    memcpy(out, m, DFOTA_MANIFEST_LEN);
    copy_words(out, (const uint8_t *)m);
    out[0] = 'D';
    out[1] = 'F';
    out[2] = DFOTA_MANIFEST_VERSION;
    out[3] = (uint8_t)((m->flags & 0x0F) | m->arch << 4);
    dfota_put_le16(out + 8, m->window);
    dfota_put_le16(out + 10, 0);
}

/* Windows by counting: a division would cost more text than it saves time,
 * and the count is bounded anyway. */
static int count_windows(struct dfota_package *p)
{
    p->window_len = (uint32_t)p->m.window << p->m.sector_log2;
    if (p->window_len == 0)
        p->window_len = p->m.target_len;
    p->windows = 1;
    for (uint32_t end = p->window_len; end < p->m.target_len;
         end += p->window_len) {
        if (++p->windows > DFOTA_WINDOWS_MAX)
            return DFOTA_E_CORRUPT;
    }
    return 0;
}

int dfota_package_layout(struct dfota_package *p)
{
    uint32_t at = DFOTA_MANIFEST_LEN + p->m.label_len;
    int err = count_windows(p);

    if (err)
        return err;
    p->digests_off = 0;
    if (p->m.flags & DFOTA_FLAG_SELF) {
        p->digests_off = at;
        at += p->windows * DFOTA_DIGEST_LEN;
    }
    p->signature_off = at;
    at += DFOTA_SIGNATURE_LEN;
    p->permit_off = 0;
    if (p->m.flags & DFOTA_FLAG_PERMIT) {
        p->permit_off = at;
        at += DFOTA_PERMIT_LEN;
    }
    p->body_off = at;
    return 0;
}

uint32_t dfota_package_head_len(const struct dfota_manifest *m)
{
    struct dfota_package p = {.m = *m};

    (void)dfota_package_layout(&p);
    return p.body_off;
}

int dfota_package_open(struct dfota_package *p, const struct dfota_reader *in)
{
    uint8_t raw[DFOTA_MANIFEST_LEN];
    int err;

    if (in->size < DFOTA_MANIFEST_LEN)
        return DFOTA_E_TRUNCATED;
    err = in->read(in->ctx, 0, raw, sizeof(raw));
    if (!err)
        err = dfota_manifest_parse(&p->m, raw);
    if (!err)
        err = dfota_package_layout(p);
    if (err)
        return err;
    if (p->body_off > in->size || p->m.body_len > in->size - p->body_off)
        return DFOTA_E_TRUNCATED;
    return 0;
}

void dfota_package_window(const struct dfota_package *p, uint32_t w,
                          uint32_t *off, uint32_t *len)
{
    if (p->m.flags & DFOTA_FLAG_DESCENDING)
        w = p->windows - 1 - w;
    *off = w * p->window_len;
    *len = dfota_min_u32(p->window_len, p->m.target_len - *off);
}

/* Hash package bytes [off, end) into the running hash. Digests are read in
 * whole ones. */
static int hash_range(const struct dfota_package *p,
                      const struct dfota_reader *in,
                      const struct dfota_crypto *crypto, uint32_t off,
                      uint32_t end)
{
    uint8_t chunk[64];
    int err = 0;

    while (!err && off < end) {
        uint32_t stop = off < p->digests_off ? p->digests_off : end;
        uint32_t len = dfota_min_u32(sizeof(chunk), stop - off);

        err = in->read(in->ctx, off, chunk, len);
        if (!err)
            err = crypto->hash_update(crypto->ctx, chunk, len);
        off += len;
    }
    return err;
}

/* The manifest into the running hash, package bytes from off to end behind
 * it, and the signature that follows them. A permit is added to what is
 * signed already: its flag counts as 0. */
static int verify(const struct dfota_package *p, const struct dfota_reader *in,
                  const struct dfota_crypto *crypto, uint32_t end, uint8_t key,
                  uint32_t signature_off)
{
    uint8_t raw[DFOTA_MANIFEST_LEN];
    uint8_t digest[DFOTA_HASH_LEN];
    int err;

    dfota_manifest_write(&p->m, raw);
    raw[3] &= (uint8_t)~DFOTA_FLAG_PERMIT;
    err = crypto->hash_update(crypto->ctx, raw, sizeof(raw));
    if (!err)
        err = hash_range(p, in, crypto, DFOTA_MANIFEST_LEN, end);
    if (!err)
        err = crypto->hash_final(crypto->ctx, digest);
    if (!err)
        err = in->read(in->ctx, signature_off, raw, DFOTA_SIGNATURE_LEN);
    return err ? err : crypto->verify(crypto->ctx, key, digest, raw);
}

int dfota_package_verify(const struct dfota_package *p,
                         const struct dfota_reader *in,
                         const struct dfota_crypto *crypto)
{
    int err;

    if (!crypto->verify)
        return 0;
    err = crypto->hash_init(crypto->ctx);
    return err ? err
               : verify(p, in, crypto, p->signature_off, p->m.key_id,
                        p->signature_off);
}

int dfota_package_permit(const struct dfota_package *p,
                         const struct dfota_reader *in,
                         const struct dfota_crypto *crypto,
                         const uint8_t id_hash[DFOTA_HASH_LEN])
{
    static const char purpose[12] = "DFOTA permit";

    if (!p->permit_off || !crypto->verify)
        return DFOTA_E_PERMIT;
    if (crypto->hash_init(crypto->ctx) ||
        crypto->hash_update(crypto->ctx, purpose, sizeof(purpose)) ||
        crypto->hash_update(crypto->ctx, id_hash, DFOTA_HASH_LEN) ||
        verify(p, in, crypto, 0, DFOTA_KEY_PERMIT,
               p->permit_off + DFOTA_HASH_LEN))
        return DFOTA_E_PERMIT;
    return 0;
}
