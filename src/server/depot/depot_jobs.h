/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Claims on packages and what came of them: jobs of the writer.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_DEPOT_DEPOT_JOBS_H
#define DFOTA_SERVER_DEPOT_DEPOT_JOBS_H

#include "server/depot/depot_priv.h"

struct claim {
    struct job job;
    const struct depot *depot;
    int64_t id;    /* 0: nothing waits */
    int64_t tries; /* this one counted: only its own outcome is taken */
    bool again;    /* there may be more */
};

/** Take the next one, if any; one that a dead worker left behind waits
 * again. */
int depot_run_claim(struct sql *sql, struct job *job);

/** Of a claim: what this node left at its last end. */
int depot_run_take_up(struct sql *sql, struct job *job);

/** Of a claim with an id: it is still being built. */
int depot_run_renewal(struct sql *sql, struct job *job);

struct outcome {
    struct job job;
    const struct depot *depot;
    int64_t id, tenant, tries;
    bool full;          /* it became a full image */
    int64_t not_before; /* when it waits again */
    const char *state;
    char sha256[VAULT_HEX_ROOM], digest[VAULT_HEX_ROOM], why[160];
    int64_t size; /* 0: nothing was built */
};

/** Keep what came of it, unless another worker has it by now. */
int depot_run_outcome(struct sql *sql, struct job *job);

#endif
