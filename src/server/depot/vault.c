/* SPDX-License-Identifier: Apache-2.0 */
#include "server/depot/vault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"
#include "server/depot/porter.h"
#include "server/fleet/contents.h"
#include "server/fleet/token.h"

struct vault {
    char root[1024]; /* ../blobs */
    int folder;
    struct store *store; /* shared with other nodes; NULL: there are none */
    const struct server_clock *clock;
    struct porter *porter; /* with a store */
};

void vault_path(const struct vault *vault, const char *sha256,
                char path[VAULT_PATH_ROOM])
{
    snprintf(path, VAULT_PATH_ROOM, "%s/sha256/%s", vault->root, sha256);
}

static int open_root(struct vault *vault)
{
    char path[VAULT_PATH_ROOM];

    snprintf(path, sizeof path, "%s/sha256", vault->root);
    if (files_make_folder(path) != 0)
        return DFOTA_E_IO;
    snprintf(path, sizeof path, "%s/id", vault->root);
    if (files_make_folder(path) != 0)
        return DFOTA_E_IO;
    vault->folder = open(vault->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return vault->folder >= 0 ? 0 : DFOTA_E_IO;
}

int vault_open(const char *data_folder, struct vault **out)
{
    struct vault *vault = calloc(1, sizeof *vault);
    int err;

    if (!vault)
        return DFOTA_E_NOMEM;
    vault->folder = -1;
    snprintf(vault->root, sizeof vault->root, "%s/blobs", data_folder);
    err = open_root(vault);
    if (err) {
        log_error("%s: %s", vault->root, strerror(errno));
        vault_close(vault);
        return err;
    }
    *out = vault;
    return 0;
}

void vault_close(struct vault *vault)
{
    if (!vault)
        return;
    porter_stop(vault->porter);
    if (vault->folder >= 0)
        close(vault->folder);
    free(vault);
}

int vault_folder(const struct vault *vault)
{
    return vault->folder;
}

int vault_connect(struct vault *vault, struct store *store,
                  const struct server_clock *clock)
{
    int err = porter_start(vault, store, clock, &vault->porter);

    if (err)
        return err;
    vault->store = store;
    vault->clock = clock;
    return 0;
}

void vault_quiesce(struct vault *vault)
{
    if (vault)
        porter_quiesce(vault->porter);
}

/* ---- into the database ---- */

struct piece {
    struct job job;
    const char *sha256;
    const uint8_t *data; /* of all of it */
    size_t size;
    int64_t part, now;
    bool whole;
};

static int run_begin(struct sql *sql, struct job *job)
{
    struct piece *p = (struct piece *)job;

    return contents_begin(sql, p->sha256, p->size, p->now, &p->whole);
}

static int run_piece(struct sql *sql, struct job *job)
{
    const struct piece *p = (const struct piece *)job;
    size_t off = (size_t)p->part * CONTENTS_PIECE;
    size_t len =
        p->size - off < CONTENTS_PIECE ? p->size - off : (size_t)CONTENTS_PIECE;

    return contents_put(sql, p->sha256, p->part, p->data + off, len);
}

static int run_finish(struct sql *sql, struct job *job)
{
    const struct piece *p = (const struct piece *)job;

    return contents_finish(sql, p->sha256, p->size, p->now);
}

static int do_now(struct store *store, const struct server_clock *clock,
                  struct piece *p, int (*run)(struct sql *sql, struct job *job))
{
    p->now = clock_wall(clock);
    p->job.run = run;
    return store_do(store, &p->job);
}

int vault_share(struct store *store, const struct server_clock *clock,
                const char *sha256, const void *data, size_t len)
{
    struct piece p = {.sha256 = sha256, .data = data, .size = len};
    int err = do_now(store, clock, &p, run_begin);

    for (int64_t n = contents_pieces(len); !err && !p.whole && p.part < n;
         p.part++)
        err = do_now(store, clock, &p, run_piece);
    if (!err && !p.whole)
        err = do_now(store, clock, &p, run_finish);
    if (!err)
        return 0;
    log_error("content %.16s..: the database does not take it: %s", sha256,
              dfota_strerror(err));
    return err == DFOTA_E_NOMEM ? err : DFOTA_E_CONNECT;
}

/* ---- contents ---- */

bool vault_has(const struct vault *vault, const char *sha256)
{
    char path[VAULT_PATH_ROOM];

    vault_path(vault, sha256, path);
    return access(path, F_OK) == 0;
}

/* A file that is wanted again is young again, and one that is damaged is
 * written anew: these are the right bytes. */
static int put_file(struct vault *vault, const char *sha256, const void *data,
                    size_t len)
{
    char path[VAULT_PATH_ROOM];

    vault_path(vault, sha256, path);
    if (vault_check(vault, sha256) == 0)
        return utimensat(AT_FDCWD, path, NULL, 0) == 0 ? 0 : DFOTA_E_IO;
    return files_write(path, data, len);
}

int vault_put(struct vault *vault, const void *data, size_t len,
              char sha256[VAULT_HEX_ROOM])
{
    int err;

    secrets_hash(data, len, sha256);
    err = put_file(vault, sha256, data, len);
    return err || !vault->store
               ? err
               : vault_share(vault->store, vault->clock, sha256, data, len);
}

int vault_read(struct vault *vault, const char *sha256, uint8_t **data,
               size_t *len)
{
    char path[VAULT_PATH_ROOM], hash[SECRETS_HEX_ROOM];
    int err;

    vault_path(vault, sha256, path);
    err = files_read(path, VAULT_CONTENT_MAX, data, len);
    if (err)
        return err == DFOTA_E_IO && errno == ENOENT ? DFOTA_E_NOTFOUND : err;
    secrets_hash(*data, *len, hash);
    if (strcmp(hash, sha256) == 0)
        return 0;
    log_error("%s: the content is not what its name says%s", path,
              vault->store ? "" : "; restore it from a backup");
    free(*data);
    *data = NULL;
    return DFOTA_E_CORRUPT;
}

int vault_check(struct vault *vault, const char *sha256)
{
    uint8_t *data = NULL;
    size_t len;
    int err = vault_read(vault, sha256, &data, &len);

    free(data);
    return err;
}

bool vault_is_named(const char *path, const uint8_t sha256[32])
{
    char hex[SECRETS_HEX_ROOM], name[SECRETS_SIG_ROOM];

    if (strncmp(path, "id/", 3) != 0)
        return true;
    secrets_to_hex(sha256, 32, hex);
    token_content_name(hex, name);
    return strcmp(path + 3, name) == 0;
}

/* ---- from the database ---- */

bool vault_shares(const struct vault *vault)
{
    return vault && vault->porter;
}

int vault_want(struct vault *vault, struct errand *errand)
{
    if (!vault_shares(vault))
        return DFOTA_E_UNSUPPORTED;
    porter_want(vault->porter, errand);
    return 0;
}

struct awaited {
    struct errand errand;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool over;
    int err;
};

static void wake_waiter(struct errand *errand, int err)
{
    struct awaited *a = (struct awaited *)errand;

    pthread_mutex_lock(&a->lock);
    a->err = err;
    a->over = true;
    pthread_cond_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
}

int vault_bring(struct vault *vault, const char *sha256)
{
    struct awaited a = {.errand.done = wake_waiter};
    int err;

    snprintf(a.errand.sha256, sizeof a.errand.sha256, "%s", sha256);
    pthread_mutex_init(&a.lock, NULL);
    pthread_cond_init(&a.wake, NULL);
    err = vault_want(vault, &a.errand);
    pthread_mutex_lock(&a.lock);
    while (!err && !a.over)
        pthread_cond_wait(&a.wake, &a.lock);
    pthread_mutex_unlock(&a.lock);
    pthread_cond_destroy(&a.wake);
    pthread_mutex_destroy(&a.lock);
    return err == DFOTA_E_UNSUPPORTED ? vault_check(vault, sha256) : a.err;
}

int vault_get(struct vault *vault, const char *sha256, uint8_t **data,
              size_t *len)
{
    int err = vault_read(vault, sha256, data, len);

    if (!vault_shares(vault) ||
        (err != DFOTA_E_NOTFOUND && err != DFOTA_E_CORRUPT))
        return err;
    err = vault_bring(vault, sha256);
    return err ? err : vault_read(vault, sha256, data, len);
}

int vault_publish(struct vault *vault, const char *sha256)
{
    char link[VAULT_PATH_ROOM], target[96], name[SECRETS_SIG_ROOM];

    token_content_name(sha256, name);
    snprintf(link, sizeof link, "%s/id/%s", vault->root, name);
    snprintf(target, sizeof target, "../sha256/%s", sha256);
    return symlink(target, link) == 0 || errno == EEXIST ? 0 : DFOTA_E_IO;
}

static int copy_one(struct vault *vault, struct vault *to, const char *name)
{
    char from[VAULT_PATH_ROOM], path[VAULT_PATH_ROOM], sha256[VAULT_HEX_ROOM];
    uint8_t *data;
    size_t len;
    int err = 0;

    vault_path(vault, name, from);
    vault_path(to, name, path);
    if (link(from, path) != 0 && errno != EEXIST) {
        err = vault_get(vault, name, &data, &len);
        if (!err) {
            err = vault_put(to, data, len, sha256);
            free(data);
        }
    }
    return err ? err : vault_publish(to, name);
}

int vault_copy(struct vault *vault, const char *data_folder)
{
    char path[VAULT_PATH_ROOM];
    struct vault *to;
    struct dirent *entry;
    DIR *folder;
    int err = vault_open(data_folder, &to);

    if (err)
        return err;
    vault_path(vault, ".", path);
    folder = opendir(path);
    if (!folder)
        err = DFOTA_E_IO;
    while (!err && (entry = readdir(folder))) {
        if (strlen(entry->d_name) == VAULT_HEX_ROOM - 1)
            err = copy_one(vault, to, entry->d_name);
    }
    if (folder)
        closedir(folder);
    vault_close(to);
    return err;
}

void vault_remove(struct vault *vault, const char *sha256)
{
    char path[VAULT_PATH_ROOM], name[SECRETS_SIG_ROOM];

    token_content_name(sha256, name);
    snprintf(path, sizeof path, "%s/id/%s", vault->root, name);
    unlink(path);
    vault_path(vault, sha256, path);
    unlink(path);
}
