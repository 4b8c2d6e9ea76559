/* SPDX-License-Identifier: Apache-2.0 */
#include "device/project.h"

#include "base/bytes.h"
#include "base/mem.h"

/* A data word is guessed from a neighbour at most this far away. */
enum { NEIGHBOUR_MAX = 4096 };

/* Index of the first entry behind off. */
static unsigned t_upper(const struct dfota_project *p, uint32_t off)
{
    unsigned low = 0, high = p->t_len;

    while (low < high) {
        unsigned mid = (low + high) / 2;

        if (p->t[mid].start <= off)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool dfota_project_enter(struct dfota_project *p, uint32_t start,
                         uint32_t shift)
{
    unsigned i = t_upper(p, start);

    if (p->t_len == p->t_cap)
        return false;
    memmove(p->t + i + 1, p->t + i, (p->t_len - i) * sizeof *p->t);
    p->t[i].start = start;
    p->t[i].shift = shift;
    p->t_len++;
    return true;
}

uint32_t dfota_project_offset(const struct dfota_project *p, uint32_t off)
{
    unsigned i = t_upper(p, off);

    if (p->t_len == 0)
        return off;
    return off + p->t[i ? i - 1 : 0].shift;
}

void dfota_project_reset(struct dfota_project *p)
{
    p->code.len = p->code.next = 0;
    p->data.len = p->data.next = 0;
    memset(p->first, DFOTA_REG_NONE, sizeof p->first);
}

/* The region of an old address or offset; NULL: none. */
static const struct dfota_region *region_of(const struct dfota_project *p,
                                            uint32_t a, bool address)
{
    for (const struct dfota_region *r = p->region; r < p->region + p->regions;
         r++) {
        if (a - (address ? r->old_bias : 0) - r->off < r->len)
            return r;
    }
    return NULL;
}

bool dfota_project_covers(const struct dfota_project *p, uint32_t address)
{
    return region_of(p, address, true) != NULL;
}

/* The entry nearest to a, the last of them; NULL when there is none. */
static struct dfota_known *nearest(const struct dfota_memory *m, uint32_t a)
{
    struct dfota_known *best = NULL;
    uint32_t distance = 0xFFFFFFFF;

    for (unsigned i = 0; i < m->len; i++) {
        uint32_t from = m->entry[i].from;
        uint32_t d = from > a ? from - a : a - from;

        if (d <= distance) {
            distance = d;
            best = &m->entry[i];
        }
    }
    return best;
}

/* Data is learnt apart from what lies in the image. */
static struct dfota_memory *memory_of(struct dfota_project *p, unsigned kind)
{
    return kind == DFOTA_KIND_DATA ? &p->data : &p->code;
}

static void remember(struct dfota_memory *m, uint32_t from, uint32_t to)
{
    struct dfota_known *k = nearest(m, from);

    if (!k || k->from != from) {
        k = &m->entry[m->next];
        m->next = (uint16_t)(m->next + 1 == m->cap ? 0 : m->next + 1);
        if (m->len < m->cap)
            m->len++;
    }
    k->from = from;
    k->to = to;
}

/* The new value of an old address. */
static uint32_t project(struct dfota_project *p, uint32_t a, unsigned kind)
{
    const struct dfota_known *k = nearest(memory_of(p, kind), a);
    const struct dfota_region *r;

    if (k && k->from == a)
        return k->to;
    r = kind == DFOTA_KIND_DATA ? NULL : region_of(p, a, true);
    if (r)
        return dfota_project_offset(p, a - r->old_bias) + r->new_bias;
    if (!k || (kind >= DFOTA_KIND_LITERAL &&
               k->from - a + NEIGHBOUR_MAX >= 2 * NEIGHBOUR_MAX))
        return a;
    return a + (k->to - k->from);
}

static struct dfota_first *first_of(struct dfota_project *p, unsigned reg)
{
    return &p->first[reg & (DFOTA_FIRSTS - 1)];
}

static void read_operand(const struct dfota_project *p, const uint8_t *at,
                         uint32_t len, uint32_t pc, struct dfota_operand *op)
{
    memset(op, 0, sizeof *op);
    op->reg = op->writes = DFOTA_REG_NONE;
    p->isa->parse(at, len, pc, op);
}

/* The operand at old; false: no address is named that can be told. */
static bool operand_at(struct dfota_project *p, const uint8_t *old, uint32_t pc,
                       uint32_t look, struct dfota_operand *op)
{
    const struct dfota_first *first;

    read_operand(p, old, look, pc, op);
    if (op->kind == 0 || op->half != DFOTA_SECOND)
        return op->kind != 0;
    first = first_of(p, op->reg);
    op->target += first->from;
    return first->reg == op->reg;
}

static void operand_unit(struct dfota_project *p,
                         const struct dfota_operand *op, struct dfota_unit *u)
{
    uint32_t pc = u->new_pc;

    u->kind = op->kind;
    u->len = op->len;
    u->from = op->target;
    if (op->half == DFOTA_SECOND)
        pc = first_of(p, op->reg)->to;
    /* What cannot be reached is no address; a half still teaches. */
    if (!p->isa->write(u->bytes, pc, project(p, op->target, op->kind)) &&
        op->half == DFOTA_WHOLE)
        u->kind = DFOTA_KIND_PLAIN;
}

/* A word that is an address, in the image or elsewhere. */
static bool word_unit(struct dfota_project *p, unsigned kind,
                      struct dfota_unit *u)
{
    uint32_t w = dfota_get_le32(u->bytes), thumb = 0;

    if (kind == DFOTA_KIND_DATA) {
        if (!p->data_top || w >> 24 != p->data_top)
            return false;
    } else {
        /* Bit 0 of a code address is Thumb state, not place. */
        if (p->isa)
            thumb = w & p->isa->state;
        w -= thumb;
        if (!region_of(p, w, true))
            return false;
    }
    u->kind = (uint8_t)kind;
    u->len = 4;
    u->from = w;
    dfota_put_le32(u->bytes, project(p, w, kind) + thumb);
    return true;
}

/* The instruction writes reg: what a first half had loaded is gone. */
static void forget_first(struct dfota_project *p, unsigned reg)
{
    if (reg == DFOTA_REG_ALL)
        memset(p->first, DFOTA_REG_NONE, sizeof p->first);
    else if (first_of(p, reg)->reg == reg)
        first_of(p, reg)->reg = DFOTA_REG_NONE;
}

/* How many bytes from here on have no operand: whole instructions, at least
 * to the end of the word, so that the next unit begins with one, too. */
static uint32_t plain_len(struct dfota_project *p, const struct dfota_unit *u)
{
    uint32_t word = 4 - (u->n & 3), apart = u->o ^ u->n, i, step;
    struct dfota_operand op;

    if (!p->isa)
        return word;
    step = p->isa->align;
    if (apart & (step - 1))
        return word;
    for (i = (0 - u->n) & (step - 1); i < word; i += op.len ? op.len : step) {
        if (operand_at(p, u->old + i, u->o + i, DFOTA_LOOK_AHEAD - i, &op) && i)
            break;
        forget_first(p, op.writes);
    }
    /* Not over a pointer: this may be data. */
    if (i > word && (apart & 3) == 0 &&
        region_of(p, dfota_get_le32(u->old + word), true))
        return word;
    return i;
}

void dfota_project_unit(struct dfota_project *p, struct dfota_unit *u,
                        uint32_t avail)
{
    const struct dfota_region *r = region_of(p, u->o, false);
    uint32_t places = u->o | u->n;
    bool word = (places & 3) == 0 && avail >= 4, has = false;
    struct dfota_operand op;

    u->from = 0;
    u->old_pc = u->o;
    u->new_pc = u->n;
    if (r) {
        u->old_pc += r->old_bias;
        u->new_pc += r->new_bias;
    }
    memcpy(u->bytes, u->old, DFOTA_UNIT_MAX);
    if (p->isa && (places & (p->isa->align - 1U)) == 0)
        has = operand_at(p, u->old, u->old_pc, DFOTA_LOOK_AHEAD, &op);
    /* A word that loads half an address may look like a pointer. */
    if ((has && op.half == DFOTA_FIRST) || !word ||
        !word_unit(p, DFOTA_KIND_POINTER, u)) {
        if (has && op.len <= avail) {
            operand_unit(p, &op, u);
        } else if (!(word && word_unit(p, DFOTA_KIND_DATA, u))) {
            u->kind = DFOTA_KIND_PLAIN;
            u->len = (uint8_t)dfota_min_u32(plain_len(p, u), avail);
        }
    }
    if (memcmp(u->bytes, u->old, u->len) != 0)
        u->kind |= DFOTA_KIND_DIFFERS;
}

/* A first half is kept for its second ones. */
static void learn_half(struct dfota_project *p, const struct dfota_operand *was,
                       const struct dfota_operand *is)
{
    struct dfota_first *first = first_of(p, was->reg);

    if (was->half == DFOTA_FIRST) {
        first->reg = was->reg;
        first->from = was->value;
        first->to = is->value;
        if (is->half != DFOTA_FIRST || is->reg != was->reg)
            first->reg = DFOTA_REG_NONE;
    } else if (was->half == DFOTA_SECOND) {
        forget_first(p, was->writes);
    }
}

/* hit: the unit was as predicted */
static void learn_operand(struct dfota_project *p, const struct dfota_unit *u,
                          unsigned kind, bool hit)
{
    struct dfota_operand was, is;

    read_operand(p, u->old, u->len, u->old_pc, &was);
    read_operand(p, u->made, u->len, u->new_pc, &is);
    if (is.half == DFOTA_SECOND) {
        /* The halves may have missed together. */
        is.target += first_of(p, is.reg)->to;
        hit = is.target == project(p, u->from, kind);
    }
    /* What T gets right needs no memory; what lies outside has no T. */
    if (is.kind == kind && is.half == was.half && is.half != DFOTA_FIRST &&
        (!hit || (kind == DFOTA_KIND_CALL && !region_of(p, u->from, true))))
        remember(&p->code, u->from, is.target);
    learn_half(p, &was, &is);
}

void dfota_project_learn(struct dfota_project *p, const struct dfota_unit *u)
{
    unsigned kind = u->kind & ~(unsigned)DFOTA_KIND_DIFFERS;
    bool hit = memcmp(u->made, u->bytes, u->len) == 0;
    uint32_t is = dfota_get_le32(u->made);

    if (kind == DFOTA_KIND_CALL || kind == DFOTA_KIND_LITERAL)
        learn_operand(p, u, kind, hit);
    else if (!hit && (kind == DFOTA_KIND_POINTER ||
                      (kind == DFOTA_KIND_DATA && is >> 24 == p->data_top)))
        /* The old word may have had Thumb's bit. */
        remember(memory_of(p, kind), u->from,
                 is - (dfota_get_le32(u->old) - u->from));
}
