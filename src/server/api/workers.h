/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A few threads for what is slow (passwords, uploads, backups), so that the
 * threads that serve connections never wait for it.
 *
 * Layer: server. Safe from any thread.
 */
#ifndef DFOTA_SERVER_API_WORKERS_H
#define DFOTA_SERVER_API_WORKERS_H

#include <stdbool.h>
#include <sys/queue.h>

/* Embedded in what is to be done; run owns it from then on. */
struct work {
    void (*run)(struct work *work);
    bool of_stranger; /* of somebody who has not yet shown who they are */
    STAILQ_ENTRY(work) next;
};

struct workers;

enum {
    WORKERS_WAITING_MAX = 128,
    WORKERS_STRANGERS_MAX = 32 /* of those, so that they fill it for nobody */
};

/** NULL: no memory, no thread. */
struct workers *workers_create(unsigned threads);

/** errors: E_FULL as much waits as may; the work is still the caller's */
int workers_post(struct workers *workers, struct work *work);

/** Finish what waits, take no more. NULL is harmless. */
void workers_quiesce(struct workers *workers);
void workers_destroy(struct workers *workers);

#endif
