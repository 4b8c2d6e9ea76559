/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The base by voting. A word of the old image that changed by d, copied from
 * a place that did not matter, votes for every base under which it points
 * into a stretch that moved by d. Words that did not change do not vote:
 * most small numbers look like pointers under some base. They are heard
 * only at the end, as witnesses against the candidates.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "delta/plan.h"
#include "delta/words.h"

enum {
    EVENTS_MAX = 1 << 21,
    CANDIDATES = 64,
    EXPLAINED = 16,
    VOTES_MIN = 4, /* fewer are chance */
};

/* At base `at` the number of votes changes by one. */
struct event {
    uint32_t at;
    int32_t step;
};

struct events {
    struct event *list;
    size_t len;
};

static void range(struct events *e, uint32_t low, uint32_t high)
{
    if (e->len + 2 > EVENTS_MAX)
        return;
    e->list[e->len++] = (struct event){low, 1};
    if (high != 0xFFFFFFFF)
        e->list[e->len++] = (struct event){high + 1, -1};
}

/* Votes of one word: base = word - offset, for offsets start .. end - 1; a
 * base below 0 (a header in front of an image at 0) wraps. */
static void vote(const struct dfota_project *t, uint32_t old_len,
                 const struct word *w, struct events *e)
{
    uint32_t was = w->was & ~1U, d = w->is - w->was;

    for (unsigned i = 0; i < t->t_len; i++) {
        uint32_t start = t->t[i].start;
        uint32_t end = i + 1U < t->t_len ? t->t[i + 1].start : old_len;

        if (t->t[i].shift != d || end <= start)
            continue;
        if (was - start < was - (end - 1)) {
            range(e, 0, was - start);
            range(e, was - (end - 1), 0xFFFFFFFF);
        } else {
            range(e, was - (end - 1), was - start);
        }
    }
}

static int by_place(const void *a, const void *b)
{
    const struct event *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x->step - y->step;
}

/* The number in low .. high with the most zero bits behind. */
static uint32_t roundest(uint32_t low, uint32_t high)
{
    uint32_t mask = 0xFFFFFFFF;

    if (low == 0)
        return 0;
    while (mask && (high & mask) < low)
        mask <<= 1;
    while (mask && (high & mask << 1) >= low)
        mask <<= 1;
    return high & mask;
}

static int32_t most_votes(const struct events *e)
{
    int32_t votes = 0, most = 0;

    for (size_t i = 0; i < e->len; i++) {
        votes += e->list[i].step;
        if (votes > most)
            most = votes;
    }
    return most;
}

/* Every stretch of bases with at least `enough` votes gives its roundest. */
static size_t collect(const struct events *e, int32_t enough, uint32_t *list,
                      size_t len)
{
    int32_t votes = 0;
    uint32_t low = 0;

    for (size_t i = 0; i < e->len && len < CANDIDATES; i++) {
        int32_t before = votes;

        votes += e->list[i].step;
        if (before < enough && votes >= enough)
            low = e->list[i].at;
        else if (before >= enough && votes < enough && e->list[i].at > low)
            list[len++] = roundest(low, e->list[i].at - 1);
    }
    return len;
}

/* Bases with nearly the most votes; the wider the net, the rounder. */
static size_t candidates(struct events *e, uint32_t *list)
{
    int32_t most;
    size_t len = 0;

    qsort(e->list, e->len, sizeof *e->list, by_place);
    most = most_votes(e);
    if (most < VOTES_MIN)
        return 0;
    len = collect(e, most, list, 0);
    for (int32_t part = 1024; part >= 4; part /= 4)
        len = collect(e, most - most / part, list, len);
    return len;
}

/* What the base is worth: a changed word explained saves bytes, one changed
 * wrongly costs part of a bit, once its kind is known to be unreliable. */
static int64_t judge(const struct dfota_project *t, uint32_t old_len,
                     const struct words *words, uint32_t base)
{
    int64_t score = 0;

    for (size_t i = 0; i < words->len; i++) {
        const struct word *w = &words->list[i];
        uint32_t off = (w->was & ~1U) - base, moved;

        if (off >= old_len)
            continue;
        moved = dfota_project_offset(t, off) - off;
        if (moved != 0)
            score += moved == w->is - w->was ? EXPLAINED : -1;
    }
    return score;
}

static int by_score(const void *a, const void *b)
{
    const struct plan_candidate *x = a, *y = b;
    uint32_t xz = x->base & (0 - x->base), yz = y->base & (0 - y->base);

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return xz > yz ? -1 : xz < yz;
}

/* Words that point into a region that is known already have no vote. */
static void drop_known(const struct dfota_project *project, struct words *words)
{
    size_t n = 0;

    for (size_t i = 0; i < words->len; i++) {
        if (!dfota_project_covers(project, words->list[i].was))
            words->list[n++] = words->list[i];
    }
    words->len = n;
}

int plan_bases(const struct plan_input *in, const struct segments *map,
               const struct dfota_project *project,
               struct plan_candidate list[PLAN_BASES], size_t *len)
{
    struct plan_candidate all[CANDIDATES];
    uint32_t base[CANDIDATES];
    struct events e = {.list = malloc(EVENTS_MAX * sizeof *e.list)};
    struct words words = {0};
    int err = e.list ? words_aligned(in, map, &words) : DFOTA_E_NOMEM;
    size_t n = 0, kept = 0;

    if (!err)
        drop_known(project, &words);
    for (size_t i = 0; i < words.len && !err; i++) {
        if (words.list[i].was != words.list[i].is)
            vote(project, in->p->m.source_len, &words.list[i], &e);
    }
    if (!err)
        n = candidates(&e, base);
    for (size_t i = 0; i < n; i++)
        all[i] = (struct plan_candidate){
            base[i], judge(project, in->p->m.source_len, &words, base[i])};
    qsort(all, n, sizeof *all, by_score);
    for (size_t i = 0; i < n && kept < PLAN_BASES; i++) {
        if (all[i].score > 0 &&
            (kept == 0 || all[i].base != list[kept - 1].base))
            list[kept++] = all[i];
    }
    *len = kept;
    free(words.list);
    free(e.list);
    return err;
}
