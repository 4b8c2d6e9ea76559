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

static const struct dfota_region *
region_of_offset(const struct dfota_project *p, uint32_t o)
{
    for (unsigned i = 0; i < p->regions; i++) {
        if (o - p->region[i].off < p->region[i].len)
            return &p->region[i];
    }
    return NULL;
}

static const struct dfota_region *
region_of_address(const struct dfota_project *p, uint32_t a)
{
    for (unsigned i = 0; i < p->regions; i++) {
        uint32_t o = a - p->region[i].old_bias;

        if (o - p->region[i].off < p->region[i].len)
            return &p->region[i];
    }
    return NULL;
}

bool dfota_project_covers(const struct dfota_project *p, uint32_t address)
{
    return region_of_address(p, address) != NULL;
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
static uint32_t project(const struct dfota_project *p, uint32_t a,
                        unsigned kind)
{
    const struct dfota_known *k = nearest(&p->code, a);
    const struct dfota_region *r;

    if (k && k->from == a)
        return k->to;
    r = region_of_address(p, a);
    if (r)
        return dfota_project_offset(p, a - r->old_bias) + r->new_bias;
    if (!k || (kind == DFOTA_KIND_LITERAL &&
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
    *op =
        (struct dfota_operand){.reg = DFOTA_REG_NONE, .writes = DFOTA_REG_NONE};
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

/* A word that loads half an address may look like a pointer. */
static bool is_first(const struct dfota_project *p, const uint8_t *old)
{
    struct dfota_operand op;

    if (!p->isa)
        return false;
    read_operand(p, old, 4, 0, &op);
    return op.kind != 0 && op.half == DFOTA_FIRST;
}

static bool operand_unit(struct dfota_project *p, const uint8_t *old,
                         uint32_t o, uint32_t n, uint32_t avail,
                         struct dfota_unit *u)
{
    const struct dfota_region *r = region_of_offset(p, o);
    uint32_t old_bias = r ? r->old_bias : 0, new_bias = r ? r->new_bias : 0;
    struct dfota_operand op;

    if (!p->isa || ((o | n) & (p->isa->align - 1U)))
        return false;
    if (!operand_at(p, old, o + old_bias, DFOTA_LOOK_AHEAD, &op) ||
        op.len > avail)
        return false;
    u->kind = op.kind;
    u->len = op.len;
    u->from = op.target;
    memcpy(u->bytes, old, op.len);
    n += new_bias;
    if (op.half == DFOTA_SECOND)
        n = first_of(p, op.reg)->to;
    /* What cannot be reached is no address; a half still teaches. */
    if (!p->isa->write(u->bytes, n, project(p, op.target, op.kind)) &&
        op.half == DFOTA_WHOLE)
        u->kind = DFOTA_KIND_PLAIN;
    return true;
}

static bool pointer_unit(struct dfota_project *p, const uint8_t *old,
                         struct dfota_unit *u)
{
    uint32_t w = dfota_get_le32(old);
    /* Bit 0 of a code address is Thumb state, not place. */
    uint32_t thumb = p->isa ? w & p->isa->state : 0;

    if (!region_of_address(p, w - thumb))
        return false;
    u->kind = DFOTA_KIND_POINTER;
    u->len = 4;
    u->from = w - thumb;
    dfota_put_le32(u->bytes, project(p, u->from, u->kind) + thumb);
    return true;
}

static bool data_unit(struct dfota_project *p, const uint8_t *old,
                      struct dfota_unit *u)
{
    uint32_t w = dfota_get_le32(old);
    const struct dfota_known *k;

    if (!p->data_top || w >> 24 != p->data_top)
        return false;
    u->kind = DFOTA_KIND_DATA;
    u->len = 4;
    u->from = w;
    k = nearest(&p->data, w);
    if (k && k->from - w + NEIGHBOUR_MAX < 2 * NEIGHBOUR_MAX)
        w += k->to - k->from;
    dfota_put_le32(u->bytes, w);
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
static uint32_t plain_len(struct dfota_project *p, const uint8_t *old,
                          uint32_t o, uint32_t n, uint32_t word)
{
    uint32_t step = p->isa->align, i = n & (step - 1);
    struct dfota_operand op;

    if (i > 0) {
        i = step - i;
    } else {
        operand_at(p, old, o, DFOTA_LOOK_AHEAD, &op);
        forget_first(p, op.writes);
        i = op.len ? op.len : step;
    }
    while (i < word &&
           !operand_at(p, old + i, o + i, DFOTA_LOOK_AHEAD - i, &op)) {
        forget_first(p, op.writes);
        i += op.len ? op.len : step;
    }
    /* Not over a pointer: this may be data. */
    if (i > word && ((o ^ n) & 3) == 0 &&
        region_of_address(p, dfota_get_le32(old + word)))
        return word;
    return i;
}

static void plain_unit(struct dfota_project *p, const uint8_t *old, uint32_t o,
                       uint32_t n, uint32_t avail, struct dfota_unit *u)
{
    uint32_t len = 4 - (n & 3);

    if (p->isa && ((o ^ n) & (p->isa->align - 1U)) == 0)
        len = plain_len(p, old, o, n, len);
    len = dfota_min_u32(len, avail);
    u->kind = DFOTA_KIND_PLAIN;
    u->len = (uint8_t)len;
    u->from = 0;
    memcpy(u->bytes, old, len);
}

void dfota_project_unit(struct dfota_project *p, const uint8_t *old, uint32_t o,
                        uint32_t n, uint32_t avail, struct dfota_unit *u)
{
    bool word = ((o | n) & 3) == 0 && avail >= 4;

    if (!(word && !is_first(p, old) && pointer_unit(p, old, u)) &&
        !operand_unit(p, old, o, n, avail, u) &&
        !(word && data_unit(p, old, u)))
        plain_unit(p, old, o, n, avail, u);
    if (memcmp(u->bytes, old, u->len) != 0)
        u->kind |= DFOTA_KIND_DIFFERS;
}

/* A first half is kept for its second ones. */
static void learn_half(struct dfota_project *p, const struct dfota_operand *was,
                       const struct dfota_operand *is)
{
    struct dfota_first *first = first_of(p, was->reg);

    if (was->half == DFOTA_FIRST) {
        *first = (struct dfota_first){was->reg, was->value, is->value};
        if (is->half != DFOTA_FIRST || is->reg != was->reg)
            first->reg = DFOTA_REG_NONE;
    } else if (was->half == DFOTA_SECOND) {
        forget_first(p, was->writes);
    }
}

static void learn_operand(struct dfota_project *p, const struct dfota_unit *u,
                          const uint8_t *old, const uint8_t *made, uint32_t o,
                          uint32_t n)
{
    const struct dfota_region *r = region_of_offset(p, o);
    struct dfota_operand was, op;
    unsigned kind = u->kind & ~(unsigned)DFOTA_KIND_DIFFERS;
    bool hit = memcmp(made, u->bytes, u->len) == 0;

    read_operand(p, old, u->len, o + (r ? r->old_bias : 0), &was);
    read_operand(p, made, u->len, n + (r ? r->new_bias : 0), &op);
    if (op.half == DFOTA_SECOND) {
        /* The halves may have missed together. */
        op.target += first_of(p, op.reg)->to;
        hit = op.target == project(p, u->from, kind);
    }
    /* What T gets right needs no memory; what lies outside has no T. */
    if (op.kind == kind && op.half == was.half && op.half != DFOTA_FIRST &&
        (!hit || (kind == DFOTA_KIND_CALL && !region_of_address(p, u->from))))
        remember(&p->code, u->from, op.target);
    learn_half(p, &was, &op);
}

void dfota_project_learn(struct dfota_project *p, const struct dfota_unit *u,
                         const uint8_t *old, const uint8_t *made, uint32_t o,
                         uint32_t n)
{
    uint32_t was = u->from, is;

    switch (u->kind & ~(unsigned)DFOTA_KIND_DIFFERS) {
    case DFOTA_KIND_CALL:
    case DFOTA_KIND_LITERAL:
        learn_operand(p, u, old, made, o, n);
        break;
    case DFOTA_KIND_POINTER:
        is = dfota_get_le32(made);
        if (memcmp(made, u->bytes, 4) != 0)
            remember(&p->code, was, is - (dfota_get_le32(old) - was));
        break;
    case DFOTA_KIND_DATA:
        is = dfota_get_le32(made);
        if (is >> 24 == p->data_top && memcmp(made, u->bytes, 4) != 0)
            remember(&p->data, was, is);
        break;
    default:
        break;
    }
}
