/* SPDX-License-Identifier: Apache-2.0 */
#include "device/decoder.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

static const struct dfota_arena_class classes[DFOTA_ARENA_CLASSES] = {
    {8, {8, 7, 7}, 128, 32, 16},
    {16, {9, 9, 8}, 256, 64, 32},
    {32, {10, 9, 8}, 1024, 64, 32},
    {64, {12, 9, 8}, 1024, 64, 32},
};

static bool is_self(const struct dfota_package *p)
{
    return p->m.flags & DFOTA_FLAG_SELF;
}

/* NULL: no such class */
static const struct dfota_arena_class *class_of(const struct dfota_package *p)
{
    const struct dfota_self_code *self = dfota_self_find();
    const struct dfota_arena_class *k = classes;

    if (self && is_self(p))
        k = p->m.flags & DFOTA_FLAG_NO_SOURCE ? self->full : self->delta;
    for (unsigned i = 0; i < DFOTA_ARENA_CLASSES; i++, k++) {
        if (k->kib == p->m.arena_kib)
            return k;
    }
    return NULL;
}

uint16_t dfota_decoder_t_cap(const struct dfota_package *p)
{
    const struct dfota_arena_class *k = class_of(p);

    return k ? k->t : 0;
}

size_t dfota_decoder_arena_len(const struct dfota_package *p)
{
    return (size_t)p->m.arena_kib * 1024;
}

static void *take(uint32_t **at, size_t words)
{
    void *mem = *at;

    *at += words;
    return mem;
}

/* Words that so many counters take. */
static size_t counter_words(size_t n)
{
    return (n * sizeof(dfota_counter) + 3) / 4;
}

int dfota_decoder_layout(struct dfota_decoder *d, const struct dfota_package *p,
                         const struct dfota_decoder_io *io, void *arena,
                         size_t len)
{
    const struct dfota_arena_class *k = class_of(p);
    uint32_t *at = arena;
    bool found;

    memset(d, 0, sizeof *d);
    if (is_self(p) && !dfota_self_find())
        return DFOTA_E_ARCH;
    if (!k || len < dfota_decoder_arena_len(p))
        return DFOTA_E_ARENA;
    d->p = p;
    d->io = io;
    d->project.isa = dfota_isa_find(p->m.arch, &found);
    if (!found)
        return DFOTA_E_ARCH;
    /* A token may reach all that lies before it. */
    if (is_self(p) && (p->m.flags & DFOTA_FLAG_DESCENDING))
        return DFOTA_E_CORRUPT;
    if (is_self(p))
        d->self.counters = take(&at, counter_words(DFOTA_SELF_COUNTERS));
    d->project.t = take(&at, k->t * sizeof *d->project.t / 4);
    d->project.t_cap = k->t;
    d->project.code.entry = take(&at, k->code * sizeof(struct dfota_known) / 4);
    d->project.code.cap = k->code;
    d->project.data.entry = take(&at, k->data * sizeof(struct dfota_known) / 4);
    d->project.data.cap = k->data;
    if (k->t)
        d->map.counters = take(&at, counter_words(DFOTA_COPYMAP_COUNTERS));
    d->map.source_len = p->m.source_len;
    d->map.coder = &d->map_coder;
    at = dfota_model_init(&d->model, at, &k->model);
    return (size_t)(at - (uint32_t *)arena) > len / 4 ? DFOTA_E_ARENA
                                                      : DFOTA_OK;
}

/* ---- the copy map -------------------------------------------------------- */

static int map_rewind(struct dfota_decoder *d)
{
    uint32_t end = d->p->body_off + d->p->m.body_len;
    int err =
        dfota_coder_open(&d->map_coder, &d->io->package, d->p->body_off, end);

    d->windows_mapped = 0;
    return err ? err : dfota_copymap_head(&d->map, &d->project);
}

static int map_next(struct dfota_decoder *d, struct dfota_segment *out)
{
    int got = dfota_copymap_next(&d->map, NULL, out);
    int err = dfota_coder_check(&d->map_coder);

    return err ? err : got;
}

static void map_begin(struct dfota_decoder *d, uint32_t w)
{
    uint32_t off, len;

    dfota_package_window(d->p, w, &off, &len);
    dfota_copymap_window(&d->map, off, len);
    d->windows_mapped = w + 1;
}

/* Pass the segments of the windows before w; enter: put them into T. */
static int map_pass(struct dfota_decoder *d, uint32_t w, bool enter)
{
    struct dfota_segment s;
    int got = DFOTA_DONE;

    while (d->windows_mapped < w && got == DFOTA_DONE) {
        map_begin(d, d->windows_mapped);
        while ((got = map_next(d, &s)) == DFOTA_MORE) {
            if (enter && s.anchor &&
                !dfota_project_enter(&d->project, s.src, s.pos - s.src))
                return DFOTA_E_CORRUPT;
        }
    }
    return got < 0 ? got : DFOTA_OK;
}

int dfota_decoder_init(struct dfota_decoder *d, const struct dfota_package *p,
                       const struct dfota_decoder_io *io, void *arena,
                       size_t len)
{
    int err = dfota_decoder_layout(d, p, io, arena, len);

    if (DFOTA_GENERATES)
        d->next_segment = map_next;
    d->first = p->body_off;
    if (err || !d->map.counters)
        return err;
    err = map_rewind(d);
    if (!err)
        err = map_pass(d, p->windows, true);
    d->first = dfota_coder_next(&d->map_coder);
    return err;
}

uint32_t dfota_decoder_first(const struct dfota_decoder *d)
{
    return d->first;
}

uint32_t dfota_decoder_next(const struct dfota_decoder *d)
{
    return dfota_coder_next(&d->coder);
}

int dfota_decoder_open(struct dfota_decoder *d, uint32_t w, uint32_t off)
{
    uint32_t end = d->p->body_off + d->p->m.body_len;
    int err = DFOTA_OK;

    if (w >= d->p->windows || off < d->p->body_off)
        return DFOTA_E_ARG;
    /* An over-read of the map must not become an offset. */
    if (off > end + 4)
        return DFOTA_E_TRUNCATED;
    if (d->windows_mapped > w && d->map.counters)
        err = map_rewind(d);
    if (!err && d->map.counters)
        err = map_pass(d, w, false);
    if (!err)
        err = dfota_coder_open(&d->coder, &d->io->package, off, end);
    if (err)
        return err;
    map_begin(d, w);
    dfota_decoder_begin_window(d, w);
    return DFOTA_OK;
}

/* ---- the old image ------------------------------------------------------- */

/* Which old bytes the windows produced before this one may have overwritten:
 * whole sectors of the slot, the last one with its tail. */
static void set_absent(struct dfota_decoder *d)
{
    uint32_t inside = (1U << d->p->m.sector_log2) - 1;

    d->absent = 0;
    d->absent_end = d->pos;
    if (d->p->m.flags & DFOTA_FLAG_DESCENDING) {
        d->absent = (d->end + inside) & ~inside;
        d->absent_end = (d->p->m.target_len + inside) & ~inside;
    }
}

static void cache_fill(struct dfota_decoder *d, uint32_t o)
{
    uint32_t len = dfota_min_u32(d->p->m.source_len - o, DFOTA_OLD_CACHE);

    /* Bytes behind the image are 0, like absent ones. */
    memset(d->cache, 0, sizeof d->cache);
    d->cache_off = o;
    if (!d->err)
        d->err = d->io->old.read(d->io->old.ctx, o, d->cache, len);
    for (uint32_t i = 0; i < len; i++) {
        if (o + i - d->absent < d->absent_end - d->absent)
            d->cache[i] = 0;
    }
}

/* Old bytes from offset o on, LOOK_AHEAD of them. */
static const uint8_t *old_at(struct dfota_decoder *d, uint32_t o)
{
    if (o - d->cache_off > DFOTA_OLD_CACHE - DFOTA_LOOK_AHEAD)
        cache_fill(d, o);
    return d->cache + (o - d->cache_off);
}

/* ---- windows ------------------------------------------------------------- */

void dfota_decoder_begin_window(struct dfota_decoder *d, uint32_t w)
{
    const struct dfota_self_code *self = dfota_self_find();
    uint32_t len;

    dfota_package_window(d->p, w, &d->pos, &len);
    d->end = d->pos + len;
    set_absent(d);
    d->cache_off = 0x80000000;
    d->segment.len = 0;
    d->segment.pos = d->pos;
    d->more_segments = d->map.counters;
    d->unit.len = d->unit_at = 0;
    d->err = DFOTA_OK;
    memset(&d->x, 0, sizeof d->x);
    dfota_model_reset(&d->model);
    dfota_project_reset(&d->project);
    if (self && is_self(d->p))
        self->reset(&d->self);
}

/* The segment at pos or the next one behind; after the last an empty one at
 * the window's end. */
static int find_segment(struct dfota_decoder *d)
{
    int got;

    while (d->more_segments && d->pos >= d->segment.pos + d->segment.len) {
        got = DFOTA_GENERATES ? d->next_segment(d, &d->segment)
                              : map_next(d, &d->segment);
        if (got < 0)
            return got;
        if (got == DFOTA_DONE) {
            d->more_segments = false;
            d->segment.pos = d->end;
            d->segment.len = 0;
        }
    }
    return DFOTA_OK;
}

/* Bytes from the old offset o on that are all there, or all absent. */
static uint32_t same_presence(const struct dfota_decoder *d, uint32_t o,
                              uint32_t len, bool *absent)
{
    *absent = o - d->absent < d->absent_end - d->absent;
    if (*absent)
        return dfota_min_u32(len, d->absent_end - o);
    if (o < d->absent && d->absent < d->absent_end)
        return dfota_min_u32(len, d->absent - o);
    return len;
}

void dfota_decoder_push(struct dfota_decoder *d, uint8_t byte)
{
    uint8_t *made = d->x.made;

    made[3] = made[2];
    made[2] = made[1];
    made[1] = made[0];
    made[0] = byte;
}

/* The new image, if there is one; a device has none. */
static const uint8_t *truth_of(const struct dfota_decoder *d)
{
    return DFOTA_GENERATES ? d->truth : NULL;
}

/* Byte i of the unit. */
static void code_byte(struct dfota_decoder *d, unsigned i)
{
    const uint8_t *truth = truth_of(d);
    uint32_t pos = d->pos + i;
    uint8_t byte;

    d->x.align = pos & 3;
    d->x.odd = pos & 1;
    d->x.kind = d->unit.kind;
    byte =
        dfota_model_byte(&d->model, &d->coder, &d->x, truth ? truth[pos] : 0);
    d->unit.made[i] = byte;
    dfota_decoder_push(d, byte);
}

void dfota_decoder_literal(struct dfota_decoder *d, bool expected)
{
    d->x.copied = 0;
    d->x.expected = expected;
    d->x.agreed = 2;
    d->unit.kind = DFOTA_KIND_LITERAL_BYTE;
    d->unit.len = 1;
    code_byte(d, 0);
}

/* What no segment covers, up to the next one or the window's end. */
static int code_gap(struct dfota_decoder *d)
{
    const struct dfota_self_code *self = dfota_self_find();
    uint32_t end = d->more_segments ? d->segment.pos : d->end;

    if (self && is_self(d->p))
        return self->unit(d, end - d->pos);
    dfota_decoder_literal(d, false);
    return DFOTA_OK;
}

/* The bytes of a unit that is not as predicted. */
static void code_bytes(struct dfota_decoder *d)
{
    const uint8_t *old = d->unit.old;
    struct dfota_byte_ctx *x = &d->x;

    x->copied = 1;
    x->expected = true;
    x->agreed = 2;
    x->difference = 0;
    for (unsigned i = 0; i < d->unit.len; i++, old++) {
        uint8_t byte;

        x->predicted = d->unit.bytes[i];
        x->old[0] = old[0];
        x->old[1] = old[1];
        x->index = (uint8_t)i;
        code_byte(d, i);
        byte = x->made[0];
        x->difference = (uint8_t)(byte - x->predicted);
        x->agreed = x->difference == 0;
        if (byte != old[0])
            x->last = (uint8_t)(byte - old[0]);
    }
}

static void code_unit(struct dfota_decoder *d, uint32_t o, uint32_t avail)
{
    const uint8_t *truth = truth_of(d);
    struct dfota_unit *u = &d->unit;
    bool hit = false;

    u->old = old_at(d, o);
    u->o = o;
    u->n = d->pos;
    dfota_project_unit(&d->project, u, avail);
    if (truth)
        hit = memcmp(truth + d->pos, u->bytes, u->len) == 0;
    if (dfota_model_flag(&d->model, &d->coder, u->kind, dfota_get_le16(u->old),
                         hit)) {
        memcpy(u->made, u->bytes, sizeof u->made);
        for (unsigned i = 0; i < u->len; i++)
            dfota_decoder_push(d, u->made[i]);
    } else {
        code_bytes(d);
    }
    dfota_project_learn(&d->project, u);
}

/* Produce the next unit into d->unit. */
static int next_unit(struct dfota_decoder *d)
{
    uint32_t into, o, avail;
    bool absent;
    int err = find_segment(d);

    if (err)
        return err;
    d->unit_at = 0;
    into = d->pos - d->segment.pos;
    if (into >= d->segment.len) {
        err = code_gap(d);
    } else {
        o = d->segment.src + into;
        avail = same_presence(d, o, d->segment.len - into, &absent);
        if (absent)
            dfota_decoder_literal(d, false);
        else
            code_unit(d, o, avail);
    }
    if (err)
        return err;
    d->pos += d->unit.len;
    return d->err ? d->err : dfota_coder_check(&d->coder);
}

int dfota_decoder_poll(struct dfota_decoder *d, uint8_t *out, size_t cap,
                       size_t *len)
{
    size_t done = 0;
    int err = DFOTA_OK;

    d->out = out;
    d->out_pos = d->pos - (d->unit.len - d->unit_at);
    while (done < cap && !err) {
        if (d->unit_at < d->unit.len)
            out[done++] = d->unit.made[d->unit_at++];
        else if (d->pos < d->end)
            err = next_unit(d);
        else
            break;
    }
    *len = done;
    if (err)
        return err;
    return d->pos == d->end && d->unit_at == d->unit.len ? DFOTA_DONE
                                                         : DFOTA_MORE;
}
