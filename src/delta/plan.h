/* SPDX-License-Identifier: Apache-2.0 */
/**
 * From a copy map to everything a package's body needs.
 *
 * Layer: delta. Cuts segments at windows, drops what is absent there,
 * chooses what enters T, finds the image's base and data pages by voting.
 */
#ifndef DFOTA_DELTA_PLAN_H
#define DFOTA_DELTA_PLAN_H

#include "delta/segments.h"
#include "device/decoder.h"

struct plan_input {
    const uint8_t *old, *image;
    const struct dfota_package *p; /* lengths, windows, flags, arena */
};

/**
 * Cut the map at the windows' bounds, in production order; what would copy
 * absent bytes becomes literal.
 *
 * errors   E_NOMEM
 */
int plan_windows(const struct plan_input *in, const struct segments *map,
                 struct segments *out);

/** Choose the segments that enter T, mark them, fill T. errors: E_NOMEM */
int plan_t(const struct plan_input *in, struct segments *map,
           struct dfota_project *project);

/* A base at which the old image may have run, and how well it explains. */
struct plan_candidate {
    uint32_t base;
    int64_t score;
};

enum { PLAN_BASES = 2 };

/**
 * Bases found by the old image's changed words, the best first; T must be
 * filled. Words that point into the project's regions are not heard. None
 * when nothing votes.
 *
 * errors   E_NOMEM
 */
int plan_bases(const struct plan_input *in, const struct segments *map,
               const struct dfota_project *project,
               struct plan_candidate list[PLAN_BASES], size_t *len);

/** The high byte most changed words outside the image share, 0: none. */
uint8_t plan_data_top(const struct plan_input *in, const struct segments *map,
                      const struct dfota_project *project);

#endif
