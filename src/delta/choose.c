/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/choose.h"

#include <stdlib.h>

#include "base/err.h"
#include "delta/match.h"
#include "delta/normal.h"

/* Architectures that --arch auto tries. */
static const uint8_t architectures[] = {DFOTA_ARCH_RAW, DFOTA_ARCH_THUMB2};

/* How often matching starts again with what the round before found. */
enum { ROUNDS = 2 };

struct trial {
    const struct plan_input *in;
    struct dfota_package *p;
    const struct build_options *o;
    const struct segments *first; /* the map of the bare images */
    struct segments map;          /* the one that is tried */
    struct segments windows;      /* the same, cut */
    struct dfota_project project;
    struct body *best;
    uint8_t best_arch, best_flags, best_top;
    uint32_t best_base;
};

static void keep_smaller(struct trial *t, struct body *b)
{
    if (t->best->encoder.bytes && t->best->encoder.len <= b->encoder.len) {
        body_release(b);
        return;
    }
    body_release(t->best);
    *t->best = *b;
    t->best_arch = t->p->m.arch;
    t->best_flags = t->p->m.flags;
    t->best_base = t->project.region[0].old_bias;
    t->best_top = t->project.data_top;
}

static int try_body(struct trial *t, uint32_t base, uint8_t data_top)
{
    struct body b;
    int err;

    t->project.regions = 1;
    t->project.region[0] =
        (struct dfota_region){0, t->p->m.source_len, base, base};
    t->project.data_top = data_top;
    err = body_encode(&b, t->in, &t->windows, &t->project);
    if (err)
        body_release(&b);
    else
        keep_smaller(t, &b);
    return err;
}

static int try_base(struct trial *t, uint32_t base)
{
    uint8_t top;
    int err = try_body(t, base, 0);

    t->project.regions = 1;
    t->project.region[0] =
        (struct dfota_region){0, t->p->m.source_len, base, base};
    top = plan_data_top(t->in, &t->windows, &t->project);
    if (!err && top)
        err = try_body(t, base, top);
    return err;
}

static int try_bases(struct trial *t)
{
    struct plan_candidate list[PLAN_BASES];
    size_t len = 0;
    int err;

    if (t->o->base_given)
        return try_base(t, t->o->base);
    err = plan_bases(t->in, &t->windows, &t->project, list, &len);
    if (!err)
        err = try_base(t, 0);
    for (size_t i = 0; i < len && !err; i++)
        err = try_base(t, list[i].base);
    return err;
}

/* Match again on images whose operands are projected by the best so far. */
static int rematch(struct trial *t)
{
    const struct dfota_package *p = t->p;
    uint8_t *old = malloc(p->m.source_len + 1U);
    uint8_t *image = malloc(p->m.target_len + 1U);
    struct match_index index = {0};
    int err = old && image ? 0 : DFOTA_E_NOMEM;

    if (!err) {
        normal_image(&t->project, t->in->old, p->m.source_len, true, old);
        normal_image(&t->project, t->in->image, p->m.target_len, false, image);
        err = match_index_create(&index, old, p->m.source_len);
    }
    t->map.len = 0;
    if (!err)
        err = match_find(&index, image, p->m.target_len, &t->map);
    match_index_destroy(&index);
    free(old);
    free(image);
    return err;
}

static int lay_out(struct trial *t)
{
    int err;

    t->windows.len = 0;
    err = plan_windows(t->in, &t->map, &t->windows);
    return err ? err : plan_t(t->in, &t->windows, &t->project);
}

/* One order of windows, one architecture. */
static int try_arch(struct trial *t)
{
    int err = 0;

    t->map.len = 0;
    for (size_t i = 0; i < t->first->len && !err; i++)
        err = segments_add(&t->map, t->first->list[i].pos,
                           t->first->list[i].len, t->first->list[i].src);
    if (!err)
        err = lay_out(t);
    if (!err)
        err = try_bases(t);
    for (int round = 0; round < ROUNDS && !err; round++) {
        uint8_t top = t->best_top;

        t->project.regions = 1;
        t->project.region[0] = (struct dfota_region){
            0, t->p->m.source_len, t->best_base, t->best_base};
        err = rematch(t);
        if (!err)
            err = lay_out(t);
        if (!err)
            err = try_body(t, t->best_base, top);
    }
    return err;
}

/* One order of windows, every architecture. */
static int try_order(struct trial *t)
{
    int err = 0;

    for (size_t i = 0; i < sizeof architectures && !err; i++) {
        t->p->m.arch = t->o->arch == BUILD_ARCH_AUTO ? architectures[i]
                                                     : (uint8_t)t->o->arch;
        t->project.isa = dfota_isa_find(t->p->m.arch, &(bool){false});
        err = try_arch(t);
        if (t->o->arch != BUILD_ARCH_AUTO)
            break;
    }
    return err;
}

static int try_orders(struct trial *t)
{
    uint8_t flags = t->p->m.flags;
    int err = try_order(t);

    if (!err && t->p->windows > 1) {
        t->p->m.flags = flags | DFOTA_FLAG_DESCENDING;
        err = try_order(t);
    }
    return err;
}

int choose_body(struct body *best, const struct plan_input *in,
                struct dfota_package *p, const struct build_options *o)
{
    struct match_index index = {0};
    struct segments map = {0};
    struct trial t = {.in = in, .p = p, .o = o, .first = &map, .best = best};
    int err = match_index_create(&index, in->old, p->m.source_len);

    t.project.t_cap = dfota_decoder_t_cap(p);
    t.project.t = calloc(t.project.t_cap + 1U, sizeof *t.project.t);
    if (!err && !t.project.t)
        err = t.project.t_cap ? DFOTA_E_NOMEM : DFOTA_E_ARENA;
    if (!err && p->m.source_len > 0)
        err = match_find(&index, in->image, p->m.target_len, &map);
    match_index_destroy(&index);
    if (!err)
        err = try_orders(&t);
    if (!err) {
        p->m.arch = t.best_arch;
        p->m.flags = t.best_flags;
    }
    segments_release(&t.windows);
    segments_release(&t.map);
    segments_release(&map);
    free(t.project.t);
    return err;
}
