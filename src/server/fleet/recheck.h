/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Polls that the memory would refuse, looked at once more with what other
 * nodes did meanwhile: a refusal costs a module two weeks, so none is given
 * that is a second old.
 *
 * Layer: server. One thread takes all that wait with one look at the
 * database, so a storm of refusals costs as little as a few of them. Only
 * where several nodes share a database; a node alone knows all.
 */
#ifndef DFOTA_SERVER_FLEET_RECHECK_H
#define DFOTA_SERVER_FLEET_RECHECK_H

#include <sys/queue.h>

#include "server/fleet/fleet.h"

struct doubt {
    int64_t module;
    /* In the thread of the recheck, once. err 0: the memory is as new as the
     * call; tried: only a transaction can tell what the module gets */
    void (*settled)(struct doubt *doubt, bool tried, int err);
    STAILQ_ENTRY(doubt) next;
};

struct recheck;

/** NULL: no memory, no thread. fleet: borrowed */
struct recheck *recheck_create(struct fleet *fleet);

/** What waits is settled, and nothing more taken. NULL is harmless. */
void recheck_quiesce(struct recheck *recheck);
void recheck_destroy(struct recheck *recheck);

/** errors: E_FULL; the doubt is still the caller's */
int recheck_post(struct recheck *recheck, struct doubt *doubt);

#endif
