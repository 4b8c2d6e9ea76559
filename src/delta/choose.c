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
#include "delta/trial.h"

/* How often matching starts again with what the round before found. */
enum { ROUNDS = 2 };

/* A delta below this share of the image, padding not counted, is smaller
 * than any full image. */
enum { LITTLE = 4 };

/* New bytes from which on copies from the new image are tried. */
enum { FRESH_MIN = 256, FRESH_PART = 640 };

struct search {
    const struct plan_input *in;
    struct dfota_package *p;
    const struct build_options *o;
    struct segments map; /* of the whole image */
    /* The same, cut, with T marked, by the order of windows. */
    struct segments windows, descending;
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
    setting_apply(with, s->p, &s->project);
}

static int lay_out_one(struct search *s, struct segments *windows)
{
    int err;

    windows->len = 0;
    err = plan_windows(s->in, &s->map, windows);
    return err ? err : plan_t(s->in, windows, &s->project);
}

/* Cut the map at windows in either order, choose what enters T; the search
 * goes on with the ascending one's. */
static int lay_out(struct search *s)
{
    uint8_t *flags = &s->p->m.flags;
    int err = 0;

    if (s->p->windows > 1) {
        *flags |= DFOTA_FLAG_DESCENDING;
        err = lay_out_one(s, &s->descending);
    }
    *flags &= (uint8_t)~DFOTA_FLAG_DESCENDING;
    return err ? err : lay_out_one(s, &s->windows);
}

/* The trial with the smallest body, the first of equals; NULL: none is
 * smaller than the rival. */
static struct trial *smallest(struct trial *list, size_t len,
                              const struct body *rival)
{
    size_t limit = rival ? rival->encoder.len : SIZE_MAX;
    struct trial *won = NULL;

    for (struct trial *t = list; t < list + len; t++) {
        if (t->err == 0 && t->body.encoder.len < limit) {
            limit = t->body.encoder.len;
            won = t;
        }
    }
    return won;
}

/* Code all, keep the smallest of them and of the best before. */
static int try_all(struct search *s, struct trial *list, size_t len,
                   bool same_map)
{
    const struct body *rival = s->best->encoder.bytes ? s->best : NULL;
    struct trial *won;
    int err = 0;

    trials_run(list, len, s->in, rival, same_map, s->o->threads);
    for (struct trial *t = list; t < list + len; t++)
        err = t->err < 0 ? t->err : err;
    won = smallest(list, len, rival);
    if (!err && won) {
        struct body before = *s->best;

        *s->best = won->body;
        won->body = before;
        s->chosen = won->with;
        err = copy_map(&s->best_map, &s->map);
    }
    for (struct trial *t = list; t < list + len; t++)
        body_release(&t->body);
    return err;
}

static int try_setting(struct search *s, const struct setting *with)
{
    struct trial t = {.with = *with, .map = &s->windows};

    return try_all(s, &t, 1, true);
}

/* The likeliest first: as the others' rival it ends most of them early. */
static int try_architectures(struct search *s, uint32_t base)
{
    struct setting with = with_base(s, base);
    uint8_t list[GUESS_ARCHITECTURES];
    struct trial rest[GUESS_ARCHITECTURES - 1];
    int err;

    with.arch = (uint8_t)s->o->arch;
    if (s->o->arch != BUILD_ARCH_AUTO)
        return try_setting(s, &with);
    apply_setting(s, &with);
    err = guess_architectures(s->in, &s->windows, &s->project, list);
    if (err)
        return err;
    with.arch = list[0];
    err = try_setting(s, &with);
    for (size_t i = 1; i < GUESS_ARCHITECTURES; i++) {
        rest[i - 1] = (struct trial){.with = with, .map = &s->windows};
        rest[i - 1].with.arch = list[i];
    }
    return err ? err : try_all(s, rest, GUESS_ARCHITECTURES - 1, true);
}

static int try_data_top(struct search *s)
{
    struct setting with = s->chosen;

    apply_setting(s, &with);
    with.data_top = plan_data_top(s->in, &s->windows, &s->project);
    return with.data_top ? try_setting(s, &with) : 0;
}

/* The voted bases but the first, which had its turn, and 0. */
static int try_bases(struct search *s, const struct plan_candidate *list,
                     size_t len)
{
    struct trial trial[PLAN_BASES + 2];
    size_t n = 0;

    for (size_t i = 1; i <= len; i++)
        trial[n++] = (struct trial){
            .with = with_base(s, i < len ? list[i].base : 0),
            .map = &s->windows,
        };
    return try_all(s, trial, n, true);
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
    if (!err && len && !s->o->base_given)
        err = try_bases(s, list, len);
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

/* The present map in either order of windows. */
static int try_orders(struct search *s)
{
    struct trial list[2] = {
        {.with = s->chosen, .map = &s->windows},
        {.with = s->chosen, .map = &s->descending},
    };

    list[0].with.flags &= (uint8_t)~DFOTA_FLAG_DESCENDING;
    list[1].with.flags |= DFOTA_FLAG_DESCENDING;
    return try_all(s, list, s->p->windows > 1 ? 2 : 1, false);
}

static int search_maps(struct search *s)
{
    size_t before = SIZE_MAX;
    int err = s->p->windows > 1 ? try_orders(s) : 0;

    /* A round that gained nothing will not gain at the second try. */
    for (int round = 0;
         round < ROUNDS && !err && s->best->encoder.len < before - before / 64;
         round++) {
        before = s->best->encoder.len;
        err = rematch(s);
        if (!err)
            err = lay_out(s);
        if (!err)
            err = try_orders(s);
    }
    return err;
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

/* The best so far with copies from the new image in its gaps; not in several
 * windows: nothing could show before the first erase that the stored body is
 * damaged. */
static int try_self(struct search *s)
{
    struct setting with = s->chosen;
    uint32_t fresh = s->p->m.target_len;
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
    apply_setting(s, &with);
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
    if (!err)
        err = try_self(&s);
    apply_setting(&s, &s.chosen);
    segments_release(&s.map);
    segments_release(&s.windows);
    segments_release(&s.descending);
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
