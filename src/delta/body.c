/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/body.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

static int next_segment(struct dfota_decoder *d, struct dfota_segment *out)
{
    struct body_seat *s = d->ctx;

    if (s->next == s->map->len || s->map->list[s->next].pos >= d->end ||
        s->map->list[s->next].pos < d->pos)
        return DFOTA_DONE;
    *out = s->map->list[s->next++];
    return DFOTA_MORE;
}

static int read_old(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct plan_input *in = ctx;

    memcpy(buf, in->old + off, len);
    return 0;
}

static int read_made(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct plan_input *in = ctx;

    memcpy(buf, in->image + off, len);
    return 0;
}

int body_seat_open(struct body_seat *s, const struct plan_input *in,
                   const struct segments *map,
                   const struct dfota_project *project)
{
    size_t arena_len = dfota_decoder_arena_len(in->p);
    void *ctx = (void *)(uintptr_t)in;
    int err;

    *s = (struct body_seat){.in = in, .map = map};
    s->io.old = (struct dfota_reader){read_old, ctx, in->p->m.source_len};
    s->io.made = (struct dfota_reader){read_made, ctx, in->p->m.target_len};
    s->arena = malloc(arena_len);
    err = s->arena
              ? dfota_decoder_layout(&s->d, in->p, &s->io, s->arena, arena_len)
              : DFOTA_E_NOMEM;
    if (err)
        return err;
    s->d.next_segment = next_segment;
    s->d.truth = in->image;
    s->d.tokens = map->tokens;
    s->d.ctx = s;
    s->d.project.regions = project->regions;
    memcpy(s->d.project.region, project->region, sizeof s->d.project.region);
    s->d.project.data_top = project->data_top;
    for (size_t i = 0; i < map->len && !err; i++) {
        const struct dfota_segment *seg = &map->list[i];

        if (seg->anchor &&
            !dfota_project_enter(&s->d.project, seg->src, seg->pos - seg->src))
            err = DFOTA_E_ARG;
    }
    return err;
}

void body_seat_close(struct body_seat *s)
{
    free(s->arena);
    s->arena = NULL;
}

static int code_map(struct dfota_decoder *d, struct encoder *e,
                    struct body_costs *costs, const struct segments *map)
{
    size_t i = 0;
    int err;

    encoder_attach(e, &d->map_coder);
    err = dfota_copymap_head(&d->map, &d->project);
    costs->head = e->cost;
    for (uint32_t w = 0; w < d->p->windows && !err; w++) {
        uint32_t off, len;
        struct dfota_segment s;
        int got = DFOTA_MORE;

        dfota_package_window(d->p, w, &off, &len);
        dfota_copymap_window(&d->map, off, len);
        while (got == DFOTA_MORE) {
            bool here = i < map->len && map->list[i].pos - off < len;

            got = dfota_copymap_next(&d->map, here ? &map->list[i] : NULL, &s);
            if (got == DFOTA_MORE)
                i++;
        }
        err = got < 0 ? got : 0;
    }
    encoder_finish(e, false);
    costs->map = e->cost - costs->head;
    return err;
}

void body_account(struct body_costs *costs, const struct dfota_decoder *d,
                  uint32_t first, uint64_t cost)
{
    struct body_kind *k = &costs->kind[d->unit.kind];

    if (d->unit.kind == DFOTA_KIND_LITERAL_BYTE) {
        costs->literals += cost;
        return;
    }
    k->units++;
    k->flags += first;
    k->bytes += cost - first;
    if (cost != first)
        k->misses++;
}

/* A trial in its course. */
struct race {
    struct body *b;
    const struct body *rival;
    bool same_map;
    uint32_t done; /* bytes of the image, over all windows */
    unsigned part;
};

enum {
    BYTE = 8 << 16,    /* in units of cost */
    BEHIND_BYTES = 64, /* so far behind, and a 32nd: hopeless */
    AHEAD_BYTES = 4,   /* a minor change has to be ahead by half */
};

/* At the end of each part of the image: worth going on? */
static bool hopeless(struct race *r, uint32_t target_len)
{
    uint64_t now = r->b->encoder.cost, then;
    unsigned part = (unsigned)((uint64_t)r->done * BODY_PARTS /
                               (target_len ? target_len : 1));

    if (part == r->part)
        return false;
    while (r->part < part)
        r->b->pace[++r->part] = now;
    if (!r->rival)
        return false;
    if (r->b->encoder.len >= r->rival->encoder.len)
        return true;
    then = r->rival->pace[part];
    if (!r->same_map)
        return false;
    if (now > then + then / 32 + (uint64_t)BEHIND_BYTES * BYTE)
        return true;
    return part >= BODY_PARTS / 2 && now + (uint64_t)AHEAD_BYTES * BYTE > then;
}

static int code_window(struct dfota_decoder *d, struct race *r, uint32_t w)
{
    struct encoder *e = &r->b->encoder;
    uint8_t page[DFOTA_UNIT_MAX];
    size_t len;
    int got = DFOTA_MORE;
    bool stop = false;

    encoder_attach(e, &d->coder);
    dfota_decoder_begin_window(d, w);
    while (got == DFOTA_MORE && !stop) {
        uint64_t before = e->cost;

        e->first = 0;
        got = dfota_decoder_poll(d, page, 1, &len);
        if (e->cost != before)
            body_account(&r->b->costs, d, e->first, e->cost - before);
        r->done += (uint32_t)len;
        stop = hopeless(r, d->p->m.target_len);
    }
    encoder_finish(e, w + 1 == d->p->windows);
    if (got < 0 || e->err)
        return got < 0 ? got : e->err;
    return stop ? DFOTA_DONE : DFOTA_OK;
}

int body_encode(struct body *b, const struct plan_input *in,
                const struct segments *map, const struct dfota_project *project,
                const struct body *rival, bool same_map)
{
    struct race race = {.b = b, .rival = rival, .same_map = same_map};
    struct body_seat seat;
    int err;

    encoder_init(&b->encoder);
    b->costs = (struct body_costs){0};
    memset(b->pace, 0, sizeof b->pace);
    err = body_seat_open(&seat, in, map, project);
    /* A full SELF package has no map. */
    if (!err && seat.d.map.counters)
        err = code_map(&seat.d, &b->encoder, &b->costs, map);
    for (uint32_t w = 0; w < in->p->windows && !err; w++)
        err = code_window(&seat.d, &race, w);
    body_seat_close(&seat);
    return err;
}

void body_release(struct body *b)
{
    encoder_release(&b->encoder);
}
