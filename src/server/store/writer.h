/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The one writer of a node: it drains what is queued into one transaction
 * and answers after COMMIT.
 *
 * Layer: server.
 *
 * Invariants:
 *  - done(job, 0) means: on the disk.
 *  - A job that fails takes nothing of itself and nothing of others with it:
 *    a batch with a failed job is rolled back and run again one by one.
 *  - Jobs run in the order of the queue; each may run more than once, also
 *    after it was committed (a connection that broke at COMMIT), so its ids
 *    are made before it is posted.
 *  - Transactions that collided with another node's are tried again; one
 *    whose connection is lost is, for ten seconds from the loss on.
 *  - A write that failed where no other node holds the data ends the process
 *    (exit 1): what was acknowledged is on the disk, and nothing that is
 *    said later would be.
 */
#ifndef DFOTA_SERVER_STORE_WRITER_H
#define DFOTA_SERVER_STORE_WRITER_H

#include <stdbool.h>
#include <sys/queue.h>

#include "server/store/sql.h"

struct job {
    /* In a transaction. 0: keep what was written; negative: none of it */
    int (*run)(struct sql *sql, struct job *job);
    /* In the writer's thread, once; the job is the callee's from then on */
    void (*done)(struct job *job, int err);
    bool changed; /* set by run: what the memory holds is to be read again */
    STAILQ_ENTRY(job) next;
};

struct writer;

struct writer_config {
    struct sql *sql;    /* borrowed; used by the writer's thread alone */
    unsigned queue_max; /* jobs that may wait */
    /* After COMMIT of a batch with a changed job, before it is answered. */
    void (*committed)(void *ctx);
    void *ctx;
};

/** errors: E_NOMEM */
int writer_start(const struct writer_config *config, struct writer **out);

/** Finish what is queued and take no more. */
void writer_quiesce(struct writer *writer);

/** Finish what is queued, then end. NULL is harmless. */
void writer_stop(struct writer *writer);

/** errors: E_FULL: the queue is, or the disk; the job is still the caller's */
int writer_post(struct writer *writer, struct job *job);

/** Post and wait. errors: as writer_post(), and those of the job. */
int writer_do(struct writer *writer, struct job *job);

/** false: the last transaction found no database, and none did since. */
bool writer_is_connected(struct writer *writer);

/** What was written last may not be on the disk: say so and end with status 1
 * before anything more is acknowledged. systemd starts it again. */
_Noreturn void writer_end_process(int err);

/** While refusing, nothing more is queued. */
void writer_refuse(struct writer *writer, bool refuse);

/** Jobs that wait. */
unsigned writer_waiting(struct writer *writer);

/** Transactions and jobs so far. */
void writer_count(struct writer *writer, unsigned long *commits,
                  unsigned long *jobs);

#endif
