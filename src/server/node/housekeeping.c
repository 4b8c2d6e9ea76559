/* SPDX-License-Identifier: Apache-2.0 */
#include "server/node/housekeeping.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/err.h"
#include "os/log.h"
#include "server/node/audit_heads.h"

enum {
    PAUSE_MS = 50, /* between two pieces: others write meanwhile */
    PASS_EVERY_S = 600,
    HEAD_EVERY_S = 3600,
    DISK_EVERY_S = 60,
    CLAIM_S = 120,
    SAMPLES = 24, /* of an hour each */
    SAMPLE_S = 3600
};

struct sample {
    int64_t at, free;
};

struct housekeeping {
    struct node *node;
    struct retention keep;
    struct retention_pass pass;
    pthread_t thread;
    pthread_mutex_t lock; /* of stopping and the disk */
    pthread_cond_t wake;
    bool stopping;
    struct housekeeping_disk disk;
    struct sample samples[SAMPLES]; /* the newest at n_samples - 1 */
    unsigned n_samples;
};

static int64_t steady_s(const struct housekeeping *h)
{
    return clock_steady(h->node->clock);
}

/* ---- old rows ---- */

struct piece {
    struct job job;
    struct housekeeping *h;
    struct retention_pass pass;
    bool mine;
};

/* One node at a time, so that the others need not look for the same rows. */
static int claim(const struct node *node, struct sql *sql, bool *mine)
{
    int64_t now = clock_wall(node->clock), changed = 0;
    int err = sql_run(
        sql,
        "INSERT INTO claim (name, node, until) VALUES "
        "('retention', $1, $2) ON CONFLICT (name) DO UPDATE SET "
        "node = excluded.node, until = excluded.until WHERE "
        "claim.node = excluded.node OR claim.until < $3",
        SQL_ARGS(SQL_TEXT(node->name), SQL_INT(now + CLAIM_S), SQL_INT(now)),
        &changed);

    *mine = changed > 0;
    return err;
}

static int run_piece(struct sql *sql, struct job *job)
{
    struct piece *piece = (struct piece *)job;
    struct housekeeping *h = piece->h;
    int err = claim(h->node, sql, &piece->mine);

    piece->pass = h->pass; /* it may run again */
    if (!err && piece->mine)
        err = retention_step(sql, &h->keep, clock_wall(h->node->clock),
                             &piece->pass);
    return err;
}

/* returns whether there is more to do at once */
static bool delete_piece(struct housekeeping *h)
{
    struct piece piece = {.job = {.run = run_piece}, .h = h};

    if (atomic_load(&h->node->clock_is_off) ||
        store_do(h->node->store, &piece.job) != 0 || !piece.mine)
        return false;
    h->pass = piece.pass;
    if (!retention_is_over(&h->pass))
        return true;
    if (h->pass.deleted > 0)
        log_info("%lld rows were over their time", (long long)h->pass.deleted);
    return false;
}

/* ---- the disk ---- */

static int64_t forecast(const struct sample *first, int64_t at, int64_t free)
{
    int64_t lost = first->free - free, seconds = at - first->at;

    if (seconds <= 0 || lost <= 0)
        return -1;
    return (int64_t)((double)free * (double)seconds / (double)lost);
}

static void watch_disk(struct housekeeping *h)
{
    struct statvfs disk;
    int64_t at = steady_s(h), free;

    if (statvfs(h->node->folder, &disk) != 0)
        return;
    free = (int64_t)(disk.f_bavail * disk.f_frsize);
    pthread_mutex_lock(&h->lock);
    if (h->n_samples == 0 || at - h->samples[h->n_samples - 1].at >= SAMPLE_S) {
        if (h->n_samples == SAMPLES) {
            for (unsigned i = 1; i < SAMPLES; i++)
                h->samples[i - 1] = h->samples[i];
            h->n_samples--;
        }
        h->samples[h->n_samples++] = (struct sample){at, free};
    }
    h->disk = (struct housekeeping_disk){
        .free = free,
        .size = (int64_t)(disk.f_blocks * disk.f_frsize),
        .full_in_s = forecast(&h->samples[0], at, free)};
    pthread_mutex_unlock(&h->lock);
}

void housekeeping_disk(struct housekeeping *h, struct housekeeping_disk *out)
{
    pthread_mutex_lock(&h->lock);
    *out = h->disk;
    pthread_mutex_unlock(&h->lock);
}

/* ---- the thread ---- */

/* returns whether it goes on */
static bool wait_ms(struct housekeeping *h, int64_t ms)
{
    struct timespec until;
    bool stopping;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&h->lock);
    if (!h->stopping)
        pthread_cond_timedwait(&h->wake, &h->lock, &until);
    stopping = h->stopping;
    pthread_mutex_unlock(&h->lock);
    return !stopping;
}

static bool is_due(int64_t *last, int64_t now, int64_t every)
{
    if (*last >= 0 && now - *last < every)
        return false;
    *last = now;
    return true;
}

static void *keep_house(void *ctx)
{
    struct housekeeping *h = ctx;
    int64_t pass_at = -1, head_at = -1, disk_at = -1;
    bool more = false;

    do {
        int64_t now = steady_s(h);

        if (is_due(&disk_at, now, DISK_EVERY_S))
            watch_disk(h);
        if (is_due(&head_at, now, HEAD_EVERY_S))
            audit_heads_note(h->node);
        if (!more && is_due(&pass_at, now, PASS_EVERY_S)) {
            h->pass = (struct retention_pass){0};
            more = true;
        }
        if (more)
            more = delete_piece(h);
    } while (wait_ms(h, more ? PAUSE_MS : 1000));
    audit_heads_note(h->node);
    return NULL;
}

int housekeeping_start(struct node *node, const struct retention *keep,
                       struct housekeeping **out)
{
    struct housekeeping *h = calloc(1, sizeof *h);
    pthread_condattr_t steady;

    if (!h)
        return DFOTA_E_NOMEM;
    h->node = node;
    h->keep = *keep;
    h->disk.full_in_s = -1;
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, &steady);
    pthread_condattr_destroy(&steady);
    if (pthread_create(&h->thread, NULL, keep_house, h) != 0) {
        free(h);
        return DFOTA_E_NOMEM;
    }
    *out = h;
    return 0;
}

void housekeeping_stop(struct housekeeping *h)
{
    if (!h)
        return;
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
