/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Trials: bodies coded side by side, in as many threads as are wished for.
 *
 * Layer: delta. The trials of a set are compared with one rival from before,
 * never with each other: what each gives does not depend on how many run at
 * once, nor on which ends first.
 */
#ifndef DFOTA_DELTA_TRIAL_H
#define DFOTA_DELTA_TRIAL_H

#include "delta/body.h"

/* What a body is coded with, beside the map. */
struct setting {
    uint8_t arch, flags, data_top, regions;
    struct dfota_region region[DFOTA_REGIONS_MAX];
};

/** Put a setting where coding looks for it. */
void setting_apply(const struct setting *with, struct dfota_package *p,
                   struct dfota_project *project);

struct trial {
    struct setting with;
    int err;                    /* out: as body_encode() returns */
    const struct segments *map; /* cut at windows, T marked */
    struct body body;           /* out; the caller's to release */
};

/**
 * Run every trial of list.
 *
 * in       arch and flags of in->p are replaced by each trial's own
 * rival, same_map  as for body_encode()
 * threads  at most so many at once, at least 1
 */
void trials_run(struct trial *list, size_t len, const struct plan_input *in,
                const struct body *rival, bool same_map, unsigned threads);

#endif
