/* SPDX-License-Identifier: Apache-2.0 */
#include "device/package.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

/* No image or body is larger: sums of three such lengths stay in 32 bits. */
#define LEN_MAX 0x40000000u

static bool arena_known(uint8_t kib)
{
    return kib == 8 || kib == 16 || kib == 32 || kib == 64;
}

static int check_ranges(const struct dfota_manifest *m)
{
    if (m->arch > DFOTA_ARCH_X86)
        return DFOTA_E_ARCH;
    if (m->key_id > 1 || !arena_known(m->arena_kib) || m->sector_log2 < 9 ||
        m->sector_log2 > DFOTA_SECTOR_LOG2_MAX ||
        m->window > LEN_MAX >> m->sector_log2 || m->source_len > LEN_MAX ||
        m->target_len == 0 || m->target_len > LEN_MAX || m->body_len > LEN_MAX)
        return DFOTA_E_CORRUPT;
    /* Nobody compares an old image with what a full package says of it. */
    if ((m->flags & DFOTA_FLAG_NO_SOURCE) && m->source_len != 0)
        return DFOTA_E_CORRUPT;
    return 0;
}

int dfota_manifest_parse(struct dfota_manifest *m,
                         const uint8_t in[DFOTA_MANIFEST_LEN])
{
    if (in[0] != 'D' || in[1] != 'F')
        return DFOTA_E_CORRUPT;
    if (in[2] != DFOTA_MANIFEST_VERSION)
        return DFOTA_E_VERSION;
    m->flags = in[3] & 0x0F;
    m->arch = in[3] >> 4;
    m->key_id = in[4];
    m->arena_kib = in[5];
    m->sector_log2 = in[6];
    m->label_len = in[7];
    m->window = dfota_get_le16(in + 8);
    if (in[10] != 0 || in[11] != 0)
        return DFOTA_E_CORRUPT;
    m->class_id = dfota_get_le32(in + 12);
    m->counter = dfota_get_le32(in + 16);
    m->source_len = dfota_get_le32(in + 20);
    m->target_len = dfota_get_le32(in + 24);
    m->body_len = dfota_get_le32(in + 28);
    m->from_version = dfota_get_le32(in + 32);
    m->to_version = dfota_get_le32(in + 36);
    memcpy(m->source_hash, in + 40, DFOTA_SOURCE_HASH_LEN);
    memcpy(m->target_hash, in + 48, DFOTA_HASH_LEN);
    return check_ranges(m);
}

void dfota_manifest_write(const struct dfota_manifest *m,
                          uint8_t out[DFOTA_MANIFEST_LEN])
{
    out[0] = 'D';
    out[1] = 'F';
    out[2] = DFOTA_MANIFEST_VERSION;
    out[3] = (uint8_t)((m->flags & 0x0F) | m->arch << 4);
    out[4] = m->key_id;
    out[5] = m->arena_kib;
    out[6] = m->sector_log2;
    out[7] = m->label_len;
    dfota_put_le16(out + 8, m->window);
    dfota_put_le16(out + 10, 0);
    dfota_put_le32(out + 12, m->class_id);
    dfota_put_le32(out + 16, m->counter);
    dfota_put_le32(out + 20, m->source_len);
    dfota_put_le32(out + 24, m->target_len);
    dfota_put_le32(out + 28, m->body_len);
    dfota_put_le32(out + 32, m->from_version);
    dfota_put_le32(out + 36, m->to_version);
    memcpy(out + 40, m->source_hash, DFOTA_SOURCE_HASH_LEN);
    memcpy(out + 48, m->target_hash, DFOTA_HASH_LEN);
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
    if (err)
        return err;
    if (raw[0] != 'D' || raw[1] != 'F')
        return DFOTA_E_NOPACKAGE;
    err = dfota_manifest_parse(&p->m, raw);
    if (err)
        return err;
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

/* Hash package bytes [off, end) into the running hash. */
static int hash_range(const struct dfota_reader *in,
                      const struct dfota_crypto *crypto, uint32_t off,
                      uint32_t end)
{
    uint8_t chunk[64];

    while (off < end) {
        uint32_t len = dfota_min_u32(sizeof(chunk), end - off);
        int err = in->read(in->ctx, off, chunk, len);

        if (!err)
            err = crypto->hash_update(crypto->ctx, chunk, len);
        if (err)
            return err;
        off += len;
    }
    return 0;
}

int dfota_package_verify(const struct dfota_package *p,
                         const struct dfota_reader *in,
                         const struct dfota_crypto *crypto)
{
    uint8_t digest[DFOTA_HASH_LEN];
    uint8_t signature[DFOTA_SIGNATURE_LEN];
    int err;

    if (!crypto->verify)
        return 0;
    err = crypto->hash_init(crypto->ctx);
    if (!err)
        err = hash_range(in, crypto, 0, p->signature_off);
    if (!err)
        err = crypto->hash_final(crypto->ctx, digest);
    if (!err)
        err = in->read(in->ctx, p->signature_off, signature, sizeof(signature));
    if (!err)
        err = crypto->verify(crypto->ctx, p->m.key_id, digest, signature);
    return err;
}

int dfota_package_permit(const struct dfota_package *p,
                         const struct dfota_reader *in,
                         const struct dfota_crypto *crypto,
                         const uint8_t id_hash[DFOTA_HASH_LEN])
{
    uint8_t permit[DFOTA_PERMIT_LEN];
    uint8_t digest[DFOTA_HASH_LEN];
    int err;

    if (!p->permit_off || !crypto->verify)
        return DFOTA_E_PERMIT;
    err = in->read(in->ctx, p->permit_off, permit, sizeof(permit));
    if (err)
        return err;
    if (memcmp(permit, id_hash, DFOTA_HASH_LEN) != 0)
        return DFOTA_E_PERMIT;
    err = crypto->hash_init(crypto->ctx);
    if (!err)
        err = crypto->hash_update(crypto->ctx, "DFOTA permit", 12);
    if (!err)
        err = crypto->hash_update(crypto->ctx, permit, DFOTA_HASH_LEN);
    if (!err)
        err = hash_range(in, crypto, 0, DFOTA_MANIFEST_LEN);
    if (!err)
        err = crypto->hash_final(crypto->ctx, digest);
    if (err)
        return err;
    err = crypto->verify(crypto->ctx, DFOTA_KEY_PERMIT, digest,
                         permit + DFOTA_HASH_LEN);
    return err == DFOTA_E_SIGNATURE ? DFOTA_E_PERMIT : err;
}
