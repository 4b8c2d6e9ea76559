/* SPDX-License-Identifier: Apache-2.0 */
#include "server/depot/porter.h"

#include <dirent.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"
#include "server/fleet/contents.h"
#include "server/fleet/token.h"

enum {
    LOOK_S = 1, /* for packages that became ready */
    PAUSE_S = 60,
    PASS_S = 600,
    FETCH_S = 120,
    SLACK_S = 120, /* clocks of nodes, and from a content to its row */
    YOUNG_S = 86400
};

STAILQ_HEAD(errands, errand);

struct porter {
    struct vault *vault;
    struct store *store;
    const struct server_clock *clock;
    pthread_t thread;
    pthread_mutex_t lock; /* of the queue and stopping */
    pthread_cond_t wake;
    struct errands queue;
    bool stopping, joined;
    int64_t again_at; /* after one that could not be fetched */
    int64_t latest;   /* of the contents that were looked at: when they came */
};

/* ---- one content ---- */

static int64_t steady_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* Pieces into the file and the hash; one in memory at a time. */
static int receive(struct sql *sql, const char *sha256, size_t size, FILE *file,
                   gnutls_hash_hd_t hash)
{
    uint8_t *piece = malloc(CONTENTS_PIECE);
    int64_t n = contents_pieces(size), until = steady_s() + FETCH_S;
    size_t len, have = 0;
    int err = piece ? 0 : DFOTA_E_NOMEM;

    for (int64_t i = 0; !err && i < n; i++) {
        err = contents_get(sql, sha256, i, piece, &len);
        have += err ? 0 : len;
        if (!err && have > size)
            err = DFOTA_E_CORRUPT;
        if (!err && len > 0 && gnutls_hash(hash, piece, len) < 0)
            err = DFOTA_E_NOMEM;
        if (!err && fwrite(piece, 1, len, file) != len)
            err = DFOTA_E_IO;
        if (!err && steady_s() > until)
            err = DFOTA_E_CONNECT;
    }
    free(piece);
    return err;
}

static int receive_and_check(struct sql *sql, const char *sha256, size_t size,
                             FILE *file)
{
    char found[SECRETS_HEX_ROOM];
    gnutls_hash_hd_t hash;
    uint8_t digest[32];
    int err;

    if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
        return DFOTA_E_NOMEM;
    err = receive(sql, sha256, size, file, hash);
    gnutls_hash_deinit(hash, digest);
    secrets_to_hex(digest, sizeof digest, found);
    if (!err && strcmp(found, sha256) != 0)
        err = DFOTA_E_CORRUPT;
    return err;
}

int porter_fetch(struct vault *vault, struct sql *sql, const char *sha256)
{
    char path[VAULT_PATH_ROOM];
    struct files_writer w = {0};
    size_t size = 0;
    int err = contents_size(sql, sha256, &size);

    if (!err && size > VAULT_CONTENT_MAX)
        err = DFOTA_E_CORRUPT;
    vault_path(vault, sha256, path);
    if (!err)
        err = files_begin(&w, path);
    if (!err)
        err = receive_and_check(sql, sha256, size, w.file);
    if (!err)
        err = files_commit(&w);
    files_abort(&w);
    if (!err)
        err = vault_publish(vault, sha256);
    if (err == DFOTA_E_CORRUPT)
        log_error("content %.16s.. in the database is not what its name says: "
                  "a node that has it puts it back, or upload it again",
                  sha256);
    return err;
}

struct rejection {
    struct job job;
    const char *sha256;
};

static int run_rejection(struct sql *sql, struct job *job)
{
    return contents_reject(sql, ((struct rejection *)job)->sha256);
}

/* What somebody misses may have come meanwhile. */
static int bring(struct porter *porter, const char *sha256)
{
    struct sql *sql;
    int err;

    if (vault_check(porter->vault, sha256) == 0)
        return vault_publish(porter->vault, sha256);
    err = store_read_begin(porter->store, &sql);
    if (err)
        return err;
    err = porter_fetch(porter->vault, sql, sha256);
    store_read_end(porter->store, sql);
    if (err == DFOTA_E_CORRUPT) {
        struct rejection r = {.job.run = run_rejection, .sha256 = sha256};

        store_do(porter->store, &r.job);
    }
    if (!err)
        log_debug("content %.16s.. came from the database", sha256);
    return err;
}

static int find(struct porter *porter, struct errand *errand)
{
    char head[SECRETS_ID_ROOM];
    struct sql *sql;
    int err;

    if (token_content_head(errand->name, head) != 0)
        return DFOTA_E_NOTFOUND;
    err = store_read_begin(porter->store, &sql);
    if (err)
        return err;
    err = contents_find(sql, head, errand->sha256);
    store_read_end(porter->store, sql);
    return err;
}

static void run(struct porter *porter, struct errand *errand)
{
    int err = errand->name[0] ? find(porter, errand) : 0;

    if (!err)
        err = bring(porter, errand->sha256);
    errand->done(errand, err);
}

/* ---- the queue ---- */

static struct errand *take(struct porter *porter)
{
    struct errand *errand;

    pthread_mutex_lock(&porter->lock);
    errand = STAILQ_FIRST(&porter->queue);
    if (errand)
        STAILQ_REMOVE_HEAD(&porter->queue, next);
    pthread_mutex_unlock(&porter->lock);
    return errand;
}

/* What somebody waits for goes before all else. returns whether to go on */
static bool serve(struct porter *porter)
{
    struct errand *errand;
    bool stopping = false;

    while (!stopping && (errand = take(porter))) {
        run(porter, errand);
        pthread_mutex_lock(&porter->lock);
        stopping = porter->stopping;
        pthread_mutex_unlock(&porter->lock);
    }
    pthread_mutex_lock(&porter->lock);
    stopping = porter->stopping;
    pthread_mutex_unlock(&porter->lock);
    return !stopping;
}

void porter_want(struct porter *porter, struct errand *errand)
{
    bool stopping;

    pthread_mutex_lock(&porter->lock);
    stopping = porter->stopping;
    if (!stopping) {
        STAILQ_INSERT_TAIL(&porter->queue, errand, next);
        pthread_cond_signal(&porter->wake);
    }
    pthread_mutex_unlock(&porter->lock);
    if (stopping)
        errand->done(errand, DFOTA_E_CONNECT);
}

/* ---- what nobody waits for ---- */

typedef int (*lister)(struct porter *porter, struct sql *sql,
                      struct contents_page *page);

static int next_page(struct porter *porter, lister list,
                     struct contents_page *page)
{
    struct sql *sql;
    int err = store_read_begin(porter->store, &sql);

    if (err)
        return err;
    err = list(porter, sql, page);
    store_read_end(porter->store, sql);
    return err;
}

static int list_fresh(struct porter *porter, struct sql *sql,
                      struct contents_page *page)
{
    char behind[SECRETS_HEX_ROOM] = "";
    int64_t at = porter->latest - SLACK_S;

    if (page->n > 0) {
        at = page->at;
        memcpy(behind, page->sha256[page->n - 1], sizeof behind);
    }
    return contents_fresh(sql, at, behind, page);
}

static int list_missing(struct porter *porter, struct sql *sql,
                        struct contents_page *page)
{
    char behind[SECRETS_HEX_ROOM] = "";

    (void)porter;
    if (page->n > 0)
        memcpy(behind, page->sha256[page->n - 1], sizeof behind);
    return contents_missing(sql, behind, page);
}

/* So that a module that comes here does not wait. A clock that is ahead makes
 * nobody miss what others put there. */
static void fetch_fresh(struct porter *porter)
{
    struct contents_page page = {.n = 0};
    int64_t latest = 0;

    do {
        if (next_page(porter, list_fresh, &page) != 0)
            return;
        for (unsigned i = 0; i < page.n; i++) {
            if (!serve(porter))
                return;
            if (!vault_has(porter->vault, page.sha256[i]) &&
                bring(porter, page.sha256[i]) != 0)
                porter->again_at = steady_s() + PAUSE_S;
        }
        latest = page.n > 0 ? page.at : latest;
    } while (page.n == CONTENTS_PAGE);
    if (latest > clock_wall(porter->clock))
        latest = clock_wall(porter->clock);
    if (latest > porter->latest)
        porter->latest = latest;
}

/* From before contents were in the database, or as another database was. */
static void offer(struct porter *porter)
{
    struct contents_page page = {.n = 0};
    uint8_t *data;
    size_t len;

    do {
        if (next_page(porter, list_missing, &page) != 0)
            return;
        for (unsigned i = 0; i < page.n; i++) {
            if (!serve(porter))
                return;
            if (!vault_has(porter->vault, page.sha256[i]) ||
                vault_read(porter->vault, page.sha256[i], &data, &len) != 0)
                continue;
            vault_share(porter->store, porter->clock, page.sha256[i], data,
                        len);
            free(data);
        }
    } while (page.n == CONTENTS_PAGE);
}

static bool is_old(const struct porter *porter, const char *sha256)
{
    char path[VAULT_PATH_ROOM];
    struct stat st;

    vault_path(porter->vault, sha256, path);
    return lstat(path, &st) == 0 &&
           clock_wall(porter->clock) - st.st_mtim.tv_sec > YOUNG_S;
}

/* returns whether the database answers */
static bool drop_if_nameless(struct porter *porter, const char *sha256)
{
    bool named = true;
    struct sql *sql;
    int err = store_read_begin(porter->store, &sql);

    if (err)
        return false;
    err = contents_is_named(sql, sha256, &named);
    store_read_end(porter->store, sql);
    if (!err && !named) {
        log_info("content %.16s.. is no longer named: its file goes", sha256);
        vault_remove(porter->vault, sha256);
    }
    return err == 0;
}

static void drop_nameless(struct porter *porter)
{
    char path[VAULT_PATH_ROOM];
    struct dirent *entry;
    DIR *folder;

    vault_path(porter->vault, ".", path);
    folder = opendir(path);
    if (!folder)
        return;
    while ((entry = readdir(folder)) && serve(porter)) {
        if (strlen(entry->d_name) == VAULT_HEX_ROOM - 1 &&
            is_old(porter, entry->d_name) &&
            !drop_if_nameless(porter, entry->d_name))
            break;
    }
    closedir(folder);
}

/* ---- the thread ---- */

static void rest(struct porter *porter)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_S;
    pthread_mutex_lock(&porter->lock);
    if (STAILQ_EMPTY(&porter->queue) && !porter->stopping)
        pthread_cond_timedwait(&porter->wake, &porter->lock, &until);
    pthread_mutex_unlock(&porter->lock);
}

static void *work(void *ctx)
{
    struct porter *porter = ctx;
    int64_t looked = -LOOK_S, passed = -PASS_S;
    struct errand *errand;

    while (serve(porter)) {
        int64_t now = steady_s();
        bool is_there = store_is_connected(porter->store);

        if (is_there && now - looked >= LOOK_S && now >= porter->again_at) {
            looked = now;
            fetch_fresh(porter);
        }
        if (is_there && now - passed >= PASS_S) {
            passed = now;
            offer(porter);
            drop_nameless(porter);
        }
        rest(porter);
    }
    while ((errand = take(porter)))
        errand->done(errand, DFOTA_E_CONNECT);
    return NULL;
}

int porter_start(struct vault *vault, struct store *store,
                 const struct server_clock *clock, struct porter **out)
{
    struct porter *porter = calloc(1, sizeof *porter);
    pthread_condattr_t steady;

    if (!porter)
        return DFOTA_E_NOMEM;
    porter->vault = vault;
    porter->store = store;
    porter->clock = clock;
    STAILQ_INIT(&porter->queue);
    pthread_mutex_init(&porter->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&porter->wake, &steady);
    pthread_condattr_destroy(&steady);
    if (pthread_create(&porter->thread, NULL, work, porter) != 0) {
        free(porter);
        return DFOTA_E_NOMEM;
    }
    *out = porter;
    return 0;
}

void porter_quiesce(struct porter *porter)
{
    if (!porter || porter->joined)
        return;
    pthread_mutex_lock(&porter->lock);
    porter->stopping = true;
    pthread_cond_signal(&porter->wake);
    pthread_mutex_unlock(&porter->lock);
    pthread_join(porter->thread, NULL);
    porter->joined = true;
}

void porter_stop(struct porter *porter)
{
    if (!porter)
        return;
    porter_quiesce(porter);
    pthread_cond_destroy(&porter->wake);
    pthread_mutex_destroy(&porter->lock);
    free(porter);
}
