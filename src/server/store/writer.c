/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "os/log.h"

enum {
    BATCH_MAX = 256,
    TRIES_OF_A_BATCH = 2, /* that collides; then its jobs one by one */
    TRIES_OF_A_JOB = 6,
    WAIT_DOUBLES = 5, /* times, from the first one */
    FIRST_WAIT_MS = 20,
    OUTAGE_MS = 10000 /* of the database that a job waits out */
};

STAILQ_HEAD(queue, job);

struct writer {
    struct writer_config config;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct queue queue;
    unsigned waiting;
    bool stopping, refusing;
    unsigned long commits, jobs;
    _Atomic int64_t lost_since_ms; /* the connection is; 0: it stands */
};

void writer_end_process(int err)
{
    log_error("the database cannot be written (%s): the server ends, so that "
              "it acknowledges nothing that could be lost",
              dfota_strerror(err));
    _exit(1);
}

static int64_t steady_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_before(unsigned try)
{
    long ms = (long)FIRST_WAIT_MS << (try < WAIT_DOUBLES ? try : WAIT_DOUBLES);
    const struct timespec wait = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&wait, NULL);
}

/* returns 0: all jobs ran and the transaction is on the disk */
static int run_all(struct writer *writer, struct queue *batch)
{
    struct sql *sql = writer->config.sql;
    struct job *job;
    int err = sql_begin(sql);

    if (err)
        return err;
    STAILQ_FOREACH(job, batch, next)
    {
        job->changed = false;
        err = job->run(sql, job);
        if (err < 0) {
            sql_rollback(sql);
            return err;
        }
    }
    err = sql_commit(sql);
    if (err)
        sql_rollback(sql);
    return err && err != DFOTA_E_BUSY && err != DFOTA_E_FULL &&
                   !sql_is_shared(sql)
               ? DFOTA_E_IO
               : err;
}

/* Notes whether the connection stands. */
static int run_once(struct writer *writer, struct queue *batch)
{
    int64_t lost_since = atomic_load(&writer->lost_since_ms);
    int err = run_all(writer, batch);

    if (err == DFOTA_E_IO && !sql_is_shared(writer->config.sql))
        writer_end_process(err);
    if (err != DFOTA_E_CONNECT && lost_since)
        log_info("the database is there again");
    if (err != DFOTA_E_CONNECT)
        atomic_store(&writer->lost_since_ms, 0);
    else if (!lost_since)
        atomic_store(&writer->lost_since_ms, steady_ms());
    return err;
}

static bool is_stopping(struct writer *writer)
{
    bool stopping;

    pthread_mutex_lock(&writer->lock);
    stopping = writer->stopping;
    pthread_mutex_unlock(&writer->lock);
    return stopping;
}

/* Two nodes collided, or the connection is lost. A database that restarts is
 * waited for, since a refusal costs a module two weeks; once it was away for
 * so long, each batch finds out anew and is refused at once. */
static int run_with_retries(struct writer *writer, struct queue *batch,
                            unsigned tries)
{
    int err = run_once(writer, batch);

    for (unsigned try = 0; err == DFOTA_E_BUSY && try < tries; try++) {
        pause_before(try);
        err = run_once(writer, batch);
    }
    for (unsigned try = 0;
         err == DFOTA_E_CONNECT && !is_stopping(writer) &&
         steady_ms() - atomic_load(&writer->lost_since_ms) < OUTAGE_MS;
         try++) {
        pause_before(try);
        err = run_once(writer, batch);
    }
    return err;
}

static void answer(struct writer *writer, struct queue *batch, int err)
{
    struct job *job;
    bool changed = false;
    unsigned long n = 0;

    STAILQ_FOREACH(job, batch, next)
    {
        changed |= job->changed;
        n++;
    }
    if (!err) {
        pthread_mutex_lock(&writer->lock);
        writer->commits++;
        writer->jobs += n;
        pthread_mutex_unlock(&writer->lock);
    }
    if (!err && changed && writer->config.committed)
        writer->config.committed(writer->config.ctx);
    while ((job = STAILQ_FIRST(batch))) {
        STAILQ_REMOVE_HEAD(batch, next);
        job->done(job, err);
    }
}

static void run_one_by_one(struct writer *writer, struct queue *batch)
{
    struct queue one;
    struct job *job;

    while ((job = STAILQ_FIRST(batch))) {
        STAILQ_REMOVE_HEAD(batch, next);
        STAILQ_INIT(&one);
        STAILQ_INSERT_TAIL(&one, job, next);
        answer(writer, &one, run_with_retries(writer, &one, TRIES_OF_A_JOB));
    }
}

static void run_batch(struct writer *writer, struct queue *batch)
{
    bool single = !STAILQ_NEXT(STAILQ_FIRST(batch), next);
    int err;

    if (single) {
        run_one_by_one(writer, batch);
        return;
    }
    err = run_with_retries(writer, batch, TRIES_OF_A_BATCH);
    if (err && err != DFOTA_E_CONNECT)
        run_one_by_one(writer, batch);
    else
        answer(writer, batch, err);
}

/* returns false: there will be no more */
static bool take_batch(struct writer *writer, struct queue *batch)
{
    STAILQ_INIT(batch);
    pthread_mutex_lock(&writer->lock);
    while (STAILQ_EMPTY(&writer->queue) && !writer->stopping)
        pthread_cond_wait(&writer->wake, &writer->lock);
    for (unsigned n = 0; n < BATCH_MAX; n++) {
        struct job *job = STAILQ_FIRST(&writer->queue);

        if (!job)
            break;
        STAILQ_REMOVE_HEAD(&writer->queue, next);
        STAILQ_INSERT_TAIL(batch, job, next);
        writer->waiting--;
    }
    pthread_mutex_unlock(&writer->lock);
    return !STAILQ_EMPTY(batch);
}

static void *work(void *ctx)
{
    struct writer *writer = ctx;
    struct queue batch;

    while (take_batch(writer, &batch))
        run_batch(writer, &batch);
    return NULL;
}

int writer_start(const struct writer_config *config, struct writer **out)
{
    struct writer *writer = calloc(1, sizeof *writer);

    if (!writer)
        return DFOTA_E_NOMEM;
    writer->config = *config;
    STAILQ_INIT(&writer->queue);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->wake, NULL);
    if (pthread_create(&writer->thread, NULL, work, writer) != 0) {
        free(writer);
        return DFOTA_E_NOMEM;
    }
    *out = writer;
    return 0;
}

void writer_quiesce(struct writer *writer)
{
    bool before;

    pthread_mutex_lock(&writer->lock);
    before = writer->stopping;
    writer->stopping = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    if (!before)
        pthread_join(writer->thread, NULL);
}

void writer_stop(struct writer *writer)
{
    if (!writer)
        return;
    writer_quiesce(writer);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

int writer_post(struct writer *writer, struct job *job)
{
    int err = 0;

    pthread_mutex_lock(&writer->lock);
    if (writer->refusing || writer->stopping ||
        writer->waiting >= writer->config.queue_max) {
        err = DFOTA_E_FULL;
    } else {
        STAILQ_INSERT_TAIL(&writer->queue, job, next);
        writer->waiting++;
        pthread_cond_signal(&writer->wake);
    }
    pthread_mutex_unlock(&writer->lock);
    return err;
}

/* A job that somebody waits for. */
struct awaited {
    struct job job;
    struct job *inner;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool over;
    int err;
};

static int run_inner(struct sql *sql, struct job *job)
{
    struct awaited *awaited = (struct awaited *)job;
    int err;

    awaited->inner->changed = false;
    err = awaited->inner->run(sql, awaited->inner);
    job->changed = awaited->inner->changed;
    return err;
}

static void wake_waiter(struct job *job, int err)
{
    struct awaited *awaited = (struct awaited *)job;

    pthread_mutex_lock(&awaited->lock);
    awaited->err = err;
    awaited->over = true;
    pthread_cond_signal(&awaited->wake);
    pthread_mutex_unlock(&awaited->lock);
}

int writer_do(struct writer *writer, struct job *job)
{
    struct awaited awaited = {.job = {.run = run_inner, .done = wake_waiter},
                              .inner = job};
    int err;

    pthread_mutex_init(&awaited.lock, NULL);
    pthread_cond_init(&awaited.wake, NULL);
    err = writer_post(writer, &awaited.job);
    if (!err) {
        pthread_mutex_lock(&awaited.lock);
        while (!awaited.over)
            pthread_cond_wait(&awaited.wake, &awaited.lock);
        err = awaited.err;
        pthread_mutex_unlock(&awaited.lock);
    }
    pthread_cond_destroy(&awaited.wake);
    pthread_mutex_destroy(&awaited.lock);
    return err;
}

void writer_refuse(struct writer *writer, bool refuse)
{
    pthread_mutex_lock(&writer->lock);
    if (refuse != writer->refusing)
        log_warn(refuse ? "the disk is almost full: nothing more is recorded, "
                          "packages are still served"
                        : "there is room on the disk again");
    writer->refusing = refuse;
    pthread_mutex_unlock(&writer->lock);
}

unsigned writer_waiting(struct writer *writer)
{
    unsigned waiting;

    pthread_mutex_lock(&writer->lock);
    waiting = writer->waiting;
    pthread_mutex_unlock(&writer->lock);
    return waiting;
}

void writer_count(struct writer *writer, unsigned long *commits,
                  unsigned long *jobs)
{
    pthread_mutex_lock(&writer->lock);
    *commits = writer->commits;
    *jobs = writer->jobs;
    pthread_mutex_unlock(&writer->lock);
}

bool writer_is_connected(struct writer *writer)
{
    return atomic_load(&writer->lost_since_ms) == 0;
}
