/* SPDX-License-Identifier: Apache-2.0 */
#include "device/package.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

/* No image or body is larger: sums of three such lengths stay in 32 bits. */
#define LEN_MAX 0x40000000u

/* Numbers of a manifest, from the package's byte order or to it. */
static void swap_numbers(struct dfota_manifest *m)
{
    m->window = dfota_le16(m->window);
    m->reserved = dfota_le16(m->reserved);
    m->class_id = dfota_le32(m->class_id);
    m->counter = dfota_le32(m->counter);
    m->source_len = dfota_le32(m->source_len);
    m->target_len = dfota_le32(m->target_len);
    m->body_len = dfota_le32(m->body_len);
    m->from_version = dfota_le32(m->from_version);
    m->to_version = dfota_le32(m->to_version);
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

/* m has been filled with the 80 bytes. */
static int parse(struct dfota_manifest *m)
{
    uint8_t *in = (uint8_t *)m;

    if (in[0] != 'D' || in[1] != 'F')
        return DFOTA_E_NOPACKAGE;
    if (in[2] != DFOTA_MANIFEST_VERSION)
        return DFOTA_E_VERSION;
    in[1] = in[3] >> 4;   /* arch */
    in[0] = in[3] & 0x0F; /* flags */
    m->zero = 0;
    swap_numbers(m);
    return check_ranges(m);
}

int dfota_manifest_parse(struct dfota_manifest *m,
                         const uint8_t in[DFOTA_MANIFEST_LEN])
{
    memcpy(m, in, sizeof(*m));
    return parse(m);
}

void dfota_manifest_write(const struct dfota_manifest *m,
                          uint8_t out[DFOTA_MANIFEST_LEN])
{
    struct dfota_manifest raw = *m;

    swap_numbers(&raw);
    memcpy(out, &raw, sizeof(raw));
    out[0] = 'D';
    out[1] = 'F';
    out[2] = DFOTA_MANIFEST_VERSION;
    out[3] = (uint8_t)((m->flags & 0x0F) | m->arch << 4);
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
    int err;

    if (in->size < DFOTA_MANIFEST_LEN)
        return DFOTA_E_TRUNCATED;
    err = in->read(in->ctx, 0, &p->m, sizeof(p->m));
    if (!err)
        err = parse(&p->m);
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

/* The signature over manifest, label and digests, or with an id_hash the
 * permit's over purpose, device and manifest. A permit is added to what is
 * signed already: its flag counts as 0. */
static int verify(const struct dfota_package *p, const struct dfota_reader *in,
                  const struct dfota_crypto *crypto, const uint8_t *id_hash)
{
    static const char purpose[12] = "DFOTA permit";
    uint32_t more = p->signature_off - DFOTA_MANIFEST_LEN;
    uint32_t signature_off = p->signature_off;
    uint8_t key = p->m.key_id;
    uint8_t raw[DFOTA_MANIFEST_LEN];
    uint8_t digest[DFOTA_HASH_LEN];
    int err = crypto->hash_init(crypto->ctx);

    if (!err && id_hash) {
        err = crypto->hash_update(crypto->ctx, purpose, sizeof(purpose));
        if (!err)
            err = crypto->hash_update(crypto->ctx, id_hash, DFOTA_HASH_LEN);
        more = 0;
        key = DFOTA_KEY_PERMIT;
        signature_off = p->permit_off + DFOTA_HASH_LEN;
    }
    dfota_manifest_write(&p->m, raw);
    raw[3] &= (uint8_t)~DFOTA_FLAG_PERMIT;
    if (!err)
        err = crypto->hash_update(crypto->ctx, raw, sizeof(raw));
    if (!err)
        err = dfota_reader_walk(in, DFOTA_MANIFEST_LEN, more,
                                crypto->hash_update, crypto->ctx);
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
    return crypto->verify ? verify(p, in, crypto, NULL) : 0;
}

int dfota_package_permit(const struct dfota_package *p,
                         const struct dfota_reader *in,
                         const struct dfota_crypto *crypto,
                         const uint8_t id_hash[DFOTA_HASH_LEN])
{
    if (!p->permit_off || !crypto->verify || verify(p, in, crypto, id_hash))
        return DFOTA_E_PERMIT;
    return 0;
}
