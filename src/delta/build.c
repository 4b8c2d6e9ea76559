/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/build.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "delta/apply.h"
#include "delta/choose.h"

uint32_t build_name_id(const struct dfota_crypto *crypto, const char *name)
{
    uint8_t digest[DFOTA_HASH_LEN];

    if (!name || apply_hash(crypto, name, strlen(name), digest) != 0)
        return 0;
    return dfota_get_le32(digest);
}

static uint32_t round_up(uint32_t n, uint32_t step)
{
    return (n + step - 1) & ~(step - 1);
}

static int check_options(const struct build_options *o, size_t old_len,
                         size_t image_len)
{
    uint32_t slot = o->slot;

    if (o->sector < 512 || o->sector > 262144 || (o->sector & (o->sector - 1)))
        return DFOTA_E_ARG;
    if (o->slot % o->sector || o->backup % o->sector)
        return DFOTA_E_ARG;
    if (image_len == 0 || image_len > 1U << 30 || old_len > 1U << 30)
        return DFOTA_E_ARG;
    if (slot && (image_len > slot || (!o->full && old_len > slot)))
        return DFOTA_E_SLOT;
    return 0;
}

/* The geometry a device sees: whole image, or windows of the backup. */
static void set_windows(struct dfota_package *p, const struct build_options *o)
{
    uint32_t whole = round_up(p->m.target_len, o->sector);

    p->m.window = 0;
    p->window_len = p->m.target_len;
    p->windows = 1;
    if (o->backup && o->backup < whole) {
        uint32_t sectors = dfota_min_u32(o->backup / o->sector, 0xFFFF);

        p->m.window = (uint16_t)sectors;
        p->window_len = sectors * o->sector;
        p->windows = (p->m.target_len + p->window_len - 1) / p->window_len;
    }
}

static int fill_manifest(struct dfota_manifest *m,
                         const struct build_options *o, const uint8_t *old,
                         size_t old_len, const uint8_t *image, size_t image_len,
                         const struct dfota_crypto *crypto)
{
    uint8_t digest[DFOTA_HASH_LEN];
    int err;

    m->flags = o->full ? DFOTA_FLAG_NO_SOURCE : 0;
    m->key_id = o->key_id;
    m->arena_kib = o->arena_kib;
    while (1U << m->sector_log2 < o->sector)
        m->sector_log2++;
    m->class_id = build_name_id(crypto, o->class_name);
    m->counter = o->counter;
    m->source_len = o->full ? 0 : (uint32_t)old_len;
    m->target_len = (uint32_t)image_len;
    m->from_version = build_name_id(crypto, o->from_version);
    m->to_version = build_name_id(crypto, o->to_version);
    err = apply_hash(crypto, image, image_len, m->target_hash);
    if (!err && !o->full)
        err = apply_hash(crypto, old, old_len, digest);
    if (!err && !o->full)
        memcpy(m->source_hash, digest, sizeof m->source_hash);
    return err;
}

/* "from>to", what is known of it, cut to what fits. */
static size_t make_label(const struct build_options *o, char *label)
{
    size_t len = 0;
    const char *parts[3] = {o->from_version, ">", o->to_version};

    if (!o->from_version && !o->to_version)
        return 0;
    for (int i = 0; i < 3; i++) {
        size_t n = parts[i] ? strlen(parts[i]) : 0;

        if (n > DFOTA_LABEL_MAX - len)
            n = DFOTA_LABEL_MAX - len;
        for (size_t k = 0; k < n; k++)
            label[len++] = parts[i][k];
    }
    return len;
}

/* Of every window, where a dry run could not make them. */
static int put_digests(const struct build_result *out, const uint8_t *image,
                       const struct dfota_crypto *crypto)
{
    const struct dfota_package *p = &out->p;
    uint8_t digest[DFOTA_HASH_LEN];
    int err = 0;

    for (uint32_t w = 0; p->digests_off && w < p->windows && !err; w++) {
        uint32_t off, len;

        dfota_package_window(p, w, &off, &len);
        err = apply_hash(crypto, image + off, len, digest);
        memcpy(out->bytes + p->digests_off + (size_t)w * DFOTA_DIGEST_LEN,
               digest, DFOTA_DIGEST_LEN);
    }
    return err;
}

static int assemble(struct build_result *out, const char *label,
                    const struct body *body, const uint8_t *image,
                    const struct dfota_crypto *crypto,
                    const struct build_signer *signer)
{
    struct dfota_package *p = &out->p;
    uint32_t head;
    uint8_t digest[DFOTA_HASH_LEN];
    int err;

    p->m.body_len = (uint32_t)body->encoder.len;
    err = dfota_package_layout(p);
    if (err)
        return err;
    head = p->body_off;
    out->len = head + p->m.body_len;
    out->bytes = calloc(1, out->len);
    if (!out->bytes)
        return DFOTA_E_NOMEM;
    dfota_manifest_write(&p->m, out->bytes);
    memcpy(out->bytes + DFOTA_MANIFEST_LEN, label, p->m.label_len);
    memcpy(out->bytes + head, body->encoder.bytes, p->m.body_len);
    err = put_digests(out, image, crypto);
    if (err || !signer)
        return err;
    err = apply_hash(crypto, out->bytes, head - DFOTA_SIGNATURE_LEN, digest);
    if (!err)
        err = signer->sign(signer->ctx, digest,
                           out->bytes + head - DFOTA_SIGNATURE_LEN);
    return err;
}

/* The proof: nothing leaves that the device's own decoder does not turn into
 * the new image. */
static int prove(struct build_result *out, const uint8_t *old, size_t old_len,
                 const uint8_t *image, const struct dfota_crypto *crypto)
{
    uint8_t *made = NULL;
    int err = apply_package(out->bytes, out->len, old, old_len, crypto, &out->p,
                            &made);

    if (!err && memcmp(made, image, out->p.m.target_len) != 0)
        err = DFOTA_E_TARGET;
    free(made);
    return err;
}

int build_package(const struct build_options *o, const uint8_t *old,
                  size_t old_len, const uint8_t *image, size_t image_len,
                  const struct dfota_crypto *crypto,
                  const struct build_signer *signer, struct build_result *out)
{
    char label[DFOTA_LABEL_MAX + 1];
    struct body body = {0};
    struct plan_input in = {old, image, &out->p};
    int err = check_options(o, old_len, image_len);

    memset(out, 0, sizeof *out);
    if (!err)
        err =
            fill_manifest(&out->p.m, o, old, old_len, image, image_len, crypto);
    if (err)
        return err;
    out->p.m.label_len = (uint8_t)make_label(o, label);
    set_windows(&out->p, o);
    if (out->p.windows > DFOTA_WINDOWS_MAX)
        return DFOTA_E_BACKUP;
    err = choose_body(&body, &in, &out->p, o);
    if (!err)
        err = assemble(out, label, &body, image, crypto, signer);
    out->costs = body.costs;
    body_release(&body);
    if (!err)
        err = prove(out, old, old_len, image, crypto);
    if (err) {
        free(out->bytes);
        out->bytes = NULL;
    }
    return err;
}
