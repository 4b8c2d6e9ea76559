/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/guess.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
    CHUNK = 4096,     /* bytes looked at in one go */
    SAMPLE = 1 << 19, /* bytes in all, about */
    KNOWN = 64,       /* addresses remembered, as in a middling arena */
    HIT = 4,          /* a changed operand foretold, in wrong changes */
    ARCHITECTURES = DFOTA_ARCH_X86 + 1,
};

struct sample {
    const struct plan_input *in;
    const struct segments *map;
    const uint8_t *old; /* zeros in front and behind */
    uint32_t stride;    /* every so many bytes a chunk is looked at */
    struct dfota_project project;
};

/* What foretelling gains on bytes pos .. pos + len - 1 of the new image. */
static int64_t score_chunk(struct sample *s, uint32_t pos, uint32_t src,
                           uint32_t len)
{
    int64_t score = 0;

    for (uint32_t i = 0; i < len;) {
        const uint8_t *old = s->old + src + i, *made = s->in->image + pos + i;
        struct dfota_unit u = {.old = old, .o = src + i, .n = pos + i};

        dfota_project_unit(&s->project, &u, len - i);
        if (u.kind & DFOTA_KIND_DIFFERS) {
            if (memcmp(u.bytes, made, u.len) == 0)
                score += HIT;
            else if (memcmp(old, made, u.len) == 0)
                score--;
        }
        memcpy(u.made, made, u.len);
        dfota_project_learn(&s->project, &u);
        i += u.len;
    }
    return score;
}

static int64_t score_arch(struct sample *s, unsigned arch)
{
    bool found;
    uint32_t from = 0;
    int64_t score = 0;

    s->project.isa = dfota_isa_find(arch, &found);
    if (!found)
        return INT64_MIN;
    dfota_project_reset(&s->project);
    for (size_t i = 0; i < s->map->len; i++) {
        const struct dfota_segment *g = &s->map->list[i];

        /* The next chunk begins at a multiple of stride, or right here. */
        from = dfota_max_u32(from, g->pos);
        while (from < g->pos + g->len) {
            uint32_t into = from - g->pos;
            uint32_t len = dfota_min_u32(g->len - into, CHUNK);

            score += score_chunk(s, from, g->src + into, len);
            from += dfota_max_u32(s->stride, len);
        }
    }
    return score;
}

/* The last place is for those that ought to be heard always. */
static unsigned last_place(const bool *taken)
{
    if (!taken[DFOTA_ARCH_RAW])
        return DFOTA_ARCH_RAW;
    return !taken[DFOTA_ARCH_THUMB2] ? DFOTA_ARCH_THUMB2 : DFOTA_ARCH_RAW;
}

static void best_of(const int64_t *score, uint8_t list[GUESS_ARCHITECTURES])
{
    bool taken[ARCHITECTURES] = {false};

    for (unsigned i = 0; i + 1 < GUESS_ARCHITECTURES; i++) {
        unsigned best = 0;

        while (taken[best])
            best++;
        for (unsigned k = best + 1; k < ARCHITECTURES; k++) {
            if (!taken[k] && score[k] > score[best])
                best = k;
        }
        taken[best] = true;
        list[i] = (uint8_t)best;
    }
    list[GUESS_ARCHITECTURES - 1] = (uint8_t)last_place(taken);
    /* RV64 reads much of RV32: of equals the first one tried stays. */
    if (list[0] == DFOTA_ARCH_RV64 && list[1] == DFOTA_ARCH_RV32) {
        list[0] = DFOTA_ARCH_RV32;
        list[1] = DFOTA_ARCH_RV64;
    }
}

int guess_architectures(const struct plan_input *in, const struct segments *map,
                        const struct dfota_project *project,
                        uint8_t list[GUESS_ARCHITECTURES])
{
    size_t room = in->p->m.source_len + DFOTA_LOOK_AHEAD;
    uint8_t *padded = calloc(1, room);
    struct dfota_known *known = calloc((size_t)2 * KNOWN, sizeof *known);
    int64_t score[ARCHITECTURES];
    struct sample s = {.in = in, .map = map, .project = *project};
    int err = padded && known ? 0 : DFOTA_E_NOMEM;

    if (err)
        goto out;
    memcpy(padded, in->old, in->p->m.source_len);
    s.old = padded;
    s.stride = in->p->m.target_len / (SAMPLE / CHUNK);
    s.project.code = (struct dfota_memory){.entry = known, .cap = KNOWN};
    s.project.data =
        (struct dfota_memory){.entry = known + KNOWN, .cap = KNOWN};
    for (unsigned i = 0; i < ARCHITECTURES; i++)
        score[i] = score_arch(&s, i);
    best_of(score, list);
out:
    free(padded);
    free(known);
    return err;
}
