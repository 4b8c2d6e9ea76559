/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/normal.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

/* ---- addresses outside the image ----------------------------------------- */

static int by_old(const void *a, const void *b)
{
    const struct dfota_known *x = a, *y = b;

    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return x->to < y->to ? -1 : x->to > y->to;
}

int normal_known_make(const struct plan_input *in, const struct segments *map,
                      uint8_t data_top, struct normal_known *out)
{
    struct words words = {0};
    int err = data_top ? words_aligned(in, map, &words) : 0;

    *out = (struct normal_known){0};
    if (!err && words.len > 0)
        out->list = malloc(words.len * sizeof *out->list);
    if (words.len > 0 && !out->list)
        err = DFOTA_E_NOMEM;
    for (size_t i = 0; i < words.len && !err; i++) {
        if (words.list[i].was >> 24 == data_top &&
            words.list[i].is >> 24 == data_top)
            out->list[out->len++] =
                (struct dfota_known){words.list[i].was, words.list[i].is};
    }
    if (out->list && out->len > 0)
        qsort(out->list, out->len, sizeof *out->list, by_old);
    free(words.list);
    return err;
}

void normal_known_release(struct normal_known *k)
{
    free(k->list);
    *k = (struct normal_known){0};
}

/* As a device will guess it: like its nearest neighbour. */
static uint32_t known_address(const struct normal_known *k, uint32_t address)
{
    size_t low = 0, high = k->len;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (k->list[mid].from < address)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == k->len ||
        (low > 0 && k->list[low].from != address &&
         address - k->list[low - 1].from < k->list[low].from - address))
        low--;
    return address + (k->list[low].to - k->list[low].from);
}

/* ---- the image ----------------------------------------------------------- */

struct walk {
    const struct dfota_project *p;
    const struct normal_known *known;
    const uint8_t *in;
    uint8_t *out;
    uint32_t len;
    bool old;
    struct dfota_first first[DFOTA_FIRSTS]; /* from in, to in out */
};

static uint32_t bias_at(const struct walk *w, uint32_t off)
{
    for (unsigned i = 0; i < w->p->regions; i++) {
        const struct dfota_region *r = &w->p->region[i];

        if (off - r->off < r->len)
            return w->old ? r->old_bias : r->new_bias;
    }
    return 0;
}

/* The address as the new image has it. false: it is not in the image. */
static bool new_address(const struct walk *w, uint32_t address, uint32_t *out)
{
    for (unsigned i = 0; i < w->p->regions; i++) {
        const struct dfota_region *r = &w->p->region[i];
        uint32_t off = address - (w->old ? r->old_bias : r->new_bias);

        if (off - r->off >= r->len)
            continue;
        *out = w->old ? dfota_project_offset(w->p, off) + r->new_bias : address;
        return true;
    }
    return false;
}

static bool pointer(const struct walk *w, uint32_t i)
{
    uint32_t v = dfota_get_le32(w->in + i), moved;
    uint32_t thumb = w->p->isa ? v & w->p->isa->state : 0;

    if (new_address(w, v - thumb, &moved))
        moved += thumb;
    else if (w->known->len > 0 && v >> 24 == w->p->data_top)
        moved = w->old ? known_address(w->known, v) : v;
    else
        return false;
    dfota_put_le32(w->out + i, moved);
    return true;
}

/* A half: the address loaded is written, so that the next half adds to it. */
static void write_first(struct walk *w, uint32_t i,
                        const struct dfota_operand *op, uint32_t moved)
{
    struct dfota_first *first = &w->first[op->reg & (DFOTA_FIRSTS - 1)];
    struct dfota_operand now = {0};

    if (op->kind)
        w->p->isa->write(w->out + i, bias_at(w, 0), moved);
    w->p->isa->parse(w->out + i, op->len, bias_at(w, 0), &now);
    *first = (struct dfota_first){op->reg, op->value, now.value};
}

/* Not over a pointer: this may be data. */
static uint32_t plain_len(const struct walk *w, uint32_t i, uint32_t len)
{
    uint32_t word = 4 - (i & 3), moved;

    if (len > word && new_address(w, dfota_get_le32(w->in + i + word), &moved))
        return word;
    return len;
}

/* Calls are written as if they stood at the head of the image: what is there
 * is their target. Returns how many bytes the instruction has. */
static uint32_t instruction(struct walk *w, uint32_t i)
{
    struct dfota_operand op = {.reg = DFOTA_REG_NONE, .writes = DFOTA_REG_NONE};
    struct dfota_first *first;
    uint32_t moved;

    if (w->len - i < DFOTA_UNIT_MAX)
        return w->len - i;
    w->p->isa->parse(w->in + i, dfota_min_u32(w->len - i, DFOTA_LOOK_AHEAD),
                     i + bias_at(w, i), &op);
    first = &w->first[op.reg & (DFOTA_FIRSTS - 1)];
    if (op.half == DFOTA_SECOND)
        op.target += first->from;
    if (!new_address(w, op.target, &moved))
        moved = op.target;
    if (op.half == DFOTA_FIRST)
        write_first(w, i, &op, moved);
    else if (op.half == DFOTA_SECOND && first->reg == op.reg)
        w->p->isa->write(w->out + i, first->to, moved);
    else if (op.kind == DFOTA_KIND_CALL)
        w->p->isa->write(w->out + i, bias_at(w, 0), moved);
    first = &w->first[op.writes & (DFOTA_FIRSTS - 1)];
    if (op.writes == DFOTA_REG_ALL)
        memset(w->first, DFOTA_REG_NONE, sizeof w->first);
    else if (op.half != DFOTA_FIRST && first->reg == op.writes)
        first->reg = DFOTA_REG_NONE;
    if (op.kind)
        return op.len;
    return plain_len(w, i, op.len ? op.len : w->p->isa->align);
}

void normal_image(const struct dfota_project *project,
                  const struct normal_known *known, const uint8_t *in,
                  uint32_t len, bool old, uint8_t *out)
{
    struct walk w = {project, known, in, out, len, old, {{0}}};
    uint32_t i = 0;

    memcpy(out, in, len);
    memset(w.first, DFOTA_REG_NONE, sizeof w.first);
    while (i < len) {
        if ((i & 3) == 0 && len - i >= 4 && pointer(&w, i))
            i += 4;
        else
            i += project->isa ? instruction(&w, i) : 1;
    }
}
