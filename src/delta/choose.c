/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search, greedy from what decides most to what decides least: the
 * architecture, the base, the page of data addresses, the copy map, the
 * order of windows. Each trial is coded for real and given up as soon as it
 * is larger than the best before.
 */
#include "delta/choose.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "delta/guess.h"
#include "delta/match.h"
#include "delta/normal.h"
#include "delta/refine.h"
#include "delta/regions.h"
#include "delta/self_body.h"

/* How often matching starts again with what the round before found. */
enum { ROUNDS = 2 };

/* A delta below this share of the image, padding not counted, is smaller
 * than any full image. */
enum { LITTLE = 4 };

/* New bytes from which on copies from the new image are tried. */
enum { FRESH_MIN = 256, FRESH_PART = 640 };

/* What a body is coded with, beside the map. */
struct setting {
    uint8_t arch, flags, data_top, regions;
    struct dfota_region region[DFOTA_REGIONS_MAX];
};

struct search {
    const struct plan_input *in;
    struct dfota_package *p;
    const struct build_options *o;
    struct segments map;     /* of the whole image */
    struct segments windows; /* the same, cut, with T marked */
    struct dfota_project project;
    struct body *best;
    struct setting chosen;                        /* of the best */
    struct segments best_map;                     /* of the best */
    struct dfota_region found[REGIONS_FOUND_MAX]; /* by the image's headers */
    uint8_t n_found;
};

static int copy_map(struct segments *to, const struct segments *from)
{
    int err = 0;

    to->len = 0;
    for (size_t i = 0; i < from->len && !err; i++)
        err = segments_add(to, from->list[i].pos, from->list[i].len,
                           from->list[i].src);
    return err;
}

/* Bytes of the old image that the regions found do not cover. */
static uint32_t uncovered(const struct search *s)
{
    uint32_t rest = s->p->m.source_len;

    for (unsigned i = 0; i < s->n_found; i++)
        rest -= s->found[i].len;
    return rest;
}

/* The regions found and, unless they are nearly all, one for the rest. */
static struct setting with_base(const struct search *s, uint32_t base)
{
    struct setting out = s->chosen;

    memcpy(out.region, s->found, sizeof s->found);
    out.regions = s->n_found;
    if (uncovered(s) > s->p->m.source_len / 8 || s->n_found == 0)
        out.region[out.regions++] =
            (struct dfota_region){0, s->p->m.source_len, base, base};
    return out;
}

static void apply_setting(struct search *s, const struct setting *with)
{
    bool found;

    s->p->m.arch = with->arch;
    s->p->m.flags = with->flags;
    s->project.isa = dfota_isa_find(with->arch, &found);
    s->project.data_top = with->data_top;
    s->project.regions = with->regions;
    memcpy(s->project.region, with->region, sizeof with->region);
}

/* Cut the map at windows, choose what enters T. */
static int lay_out(struct search *s)
{
    int err;

    s->windows.len = 0;
    err = plan_windows(s->in, &s->map, &s->windows);
    return err ? err : plan_t(s->in, &s->windows, &s->project);
}

static int try_setting(struct search *s, const struct setting *with,
                       bool same_map)
{
    const struct body *rival = s->best->encoder.bytes ? s->best : NULL;
    struct body b;
    int err;

    apply_setting(s, with);
    err = body_encode(&b, s->in, &s->windows, &s->project, rival, same_map);
    if (err || (rival && b.encoder.len >= rival->encoder.len)) {
        body_release(&b);
        return err < 0 ? err : 0;
    }
    body_release(s->best);
    *s->best = b;
    s->chosen = *with;
    return copy_map(&s->best_map, &s->map);
}

static int try_architectures(struct search *s, uint32_t base)
{
    struct setting with = with_base(s, base);
    uint8_t list[GUESS_ARCHITECTURES] = {(uint8_t)s->o->arch};
    size_t n = 1;
    int err = 0;

    if (s->o->arch == BUILD_ARCH_AUTO) {
        apply_setting(s, &with);
        err = guess_architectures(s->in, &s->windows, &s->project, list);
        n = GUESS_ARCHITECTURES;
    }
    for (size_t i = 0; i < n && !err; i++) {
        with.arch = list[i];
        err = try_setting(s, &with, true);
    }
    return err;
}

static int try_base(struct search *s, uint32_t base)
{
    struct setting with = with_base(s, base);

    return try_setting(s, &with, true);
}

static int try_data_top(struct search *s)
{
    struct setting with = s->chosen;

    apply_setting(s, &with);
    with.data_top = plan_data_top(s->in, &s->windows, &s->project);
    return with.data_top ? try_setting(s, &with, true) : 0;
}

/* Architecture, base and data page on the first map. */
static int search_settings(struct search *s)
{
    struct plan_candidate list[PLAN_BASES + 1];
    size_t len = 0;
    int err = 0;

    if (s->o->base_given) {
        len = 1;
        list[0].base = s->o->base;
    } else {
        memcpy(s->project.region, s->found, sizeof s->found);
        s->project.regions = s->n_found;
        err = plan_bases(s->in, &s->windows, &s->project, list, &len);
        if (s->o->base_hinted)
            list[len++].base = s->o->base_hint;
    }
    if (!err)
        err = try_architectures(s, len ? list[0].base : 0);
    for (size_t i = 1; i < len && !err; i++)
        err = try_base(s, list[i].base);
    if (!err && len && !s->o->base_given)
        err = try_base(s, 0);
    return err ? err : try_data_top(s);
}

/* Match again on images whose operands are projected by the best so far. */
static int rematch(struct search *s)
{
    const struct dfota_package *p = s->p;
    uint8_t *old = malloc(p->m.source_len + 1U);
    uint8_t *image = malloc(p->m.target_len + 1U);
    struct match_index index = {0};
    struct normal_known known = {0};
    int err = old && image ? 0 : DFOTA_E_NOMEM;

    apply_setting(s, &s->chosen);
    if (!err)
        err = normal_known_make(s->in, &s->windows, s->chosen.data_top, &known);
    if (!err) {
        normal_image(&s->project, &known, s->in->old, p->m.source_len, true,
                     old);
        normal_image(&s->project, &known, s->in->image, p->m.target_len, false,
                     image);
        err = match_index_create(&index, old, p->m.source_len);
    }
    s->map.len = 0;
    if (!err)
        err = match_find(&index, image, p->m.target_len, &s->map);
    if (!err)
        err = refine_map(&index, image, p->m.target_len,
                         s->project.isa ? s->project.isa->align : 1, &s->map);
    match_index_destroy(&index);
    normal_known_release(&known);
    free(old);
    free(image);
    return err;
}

static int search_maps(struct search *s)
{
    size_t before = SIZE_MAX;
    int err = 0;

    /* A round that gained nothing will not gain at the second try. */
    for (int round = 0;
         round < ROUNDS && !err && s->best->encoder.len < before - before / 64;
         round++) {
        before = s->best->encoder.len;
        err = rematch(s);
        if (!err)
            err = lay_out(s);
        if (!err)
            err = try_setting(s, &s->chosen, false);
    }
    return err;
}

static int try_descending(struct search *s)
{
    struct setting with = s->chosen;
    int err = copy_map(&s->map, &s->best_map);

    with.flags |= DFOTA_FLAG_DESCENDING;
    apply_setting(s, &with);
    if (!err)
        err = lay_out(s);
    return err ? err : try_setting(s, &with, false);
}

static int first_map(struct search *s)
{
    struct match_index index;
    int err = match_index_create(&index, s->in->old, s->p->m.source_len);

    if (!err && s->p->m.source_len > 0)
        err = match_find(&index, s->in->image, s->p->m.target_len, &s->map);
    match_index_destroy(&index);
    return err ? err : lay_out(s);
}

/* A full image, packed with copies from itself. It needs no source but
 * carries a digest for each window. */
static int try_full(struct body *best, const struct plan_input *in,
                    struct dfota_package *p)
{
    struct dfota_package full = *p;
    struct plan_input alone = {NULL, in->image, &full};
    const struct segments none = {0};
    const struct dfota_project raw = {0};
    size_t digests = (size_t)p->windows * DFOTA_DIGEST_LEN, limit = SIZE_MAX;
    struct body b;
    int err;

    if (best->encoder.bytes)
        limit = best->encoder.len > digests ? best->encoder.len - digests : 0;
    full.m.flags = DFOTA_FLAG_NO_SOURCE | DFOTA_FLAG_SELF;
    full.m.arch = DFOTA_ARCH_RAW;
    full.m.source_len = 0;
    memset(full.m.source_hash, 0, sizeof full.m.source_hash);
    err = self_body_encode(&b, &alone, &none, &raw);
    if (err || b.encoder.len >= limit) {
        body_release(&b);
        return err;
    }
    body_release(best);
    *best = b;
    *p = full;
    return 0;
}

/* Bytes that do not go on as the last one, two or four did. */
static size_t busy_bytes(const uint8_t *image, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += i < 4 || (image[i] != image[i - 1] && image[i] != image[i - 2] &&
                       image[i] != image[i - 4]);
    return n;
}

/* The best so far with copies from the new image in its gaps; in several
 * windows the digests and the lost dry run would cost more. */
static int try_self(struct search *s)
{
    uint32_t fresh = s->p->m.target_len;
    struct setting with = s->chosen;
    struct body b;
    int err;

    for (size_t i = 0; i < s->best_map.len; i++)
        fresh -= s->best_map.list[i].len;
    if (s->p->windows > 1 || fresh < FRESH_MIN ||
        fresh < s->p->m.target_len / FRESH_PART)
        return 0;
    with.flags |= DFOTA_FLAG_SELF;
    apply_setting(s, &with);
    err = copy_map(&s->map, &s->best_map);
    if (!err)
        err = lay_out(s);
    if (err)
        return err;
    err = self_body_encode(&b, s->in, &s->windows, &s->project);
    if (err || b.encoder.len + DFOTA_DIGEST_LEN >= s->best->encoder.len) {
        body_release(&b);
        return err;
    }
    body_release(s->best);
    *s->best = b;
    s->chosen = with;
    return 0;
}

static int choose_delta(struct body *best, const struct plan_input *in,
                        struct dfota_package *p, const struct build_options *o)
{
    struct search s = {.in = in, .p = p, .o = o, .best = best};
    int err = dfota_decoder_t_cap(p) ? 0 : DFOTA_E_ARENA;

    s.chosen.flags = p->m.flags;
    s.project.t_cap = dfota_decoder_t_cap(p);
    s.project.t = calloc(s.project.t_cap + 1U, sizeof *s.project.t);
    if (!s.project.t)
        err = DFOTA_E_NOMEM;
    s.n_found = regions_find(in->old, p->m.source_len, in->image,
                             p->m.target_len, s.found);
    if (!err)
        err = first_map(&s);
    if (!err)
        err = search_settings(&s);
    if (!err && p->m.source_len > 0)
        err = search_maps(&s);
    if (!err && p->windows > 1)
        err = try_descending(&s);
    if (!err)
        err = try_self(&s);
    apply_setting(&s, &s.chosen);
    segments_release(&s.map);
    segments_release(&s.windows);
    segments_release(&s.best_map);
    free(s.project.t);
    return err;
}

int choose_body(struct body *best, const struct plan_input *in,
                struct dfota_package *p, const struct build_options *o)
{
    int err = o->full ? 0 : choose_delta(best, in, p, o);
    size_t busy = busy_bytes(in->image, p->m.target_len);

    if (!err && (o->full || best->encoder.len > busy / LITTLE))
        err = try_full(best, in, p);
    return err;
}
