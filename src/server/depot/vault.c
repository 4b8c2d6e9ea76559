/* SPDX-License-Identifier: Apache-2.0 */
#include "server/depot/vault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"
#include "server/fleet/token.h"

enum { PATH_ROOM = 1200 };

struct vault {
    char root[1024]; /* ../blobs */
    int folder;
};

static void path_of(const struct vault *vault, const char *sha256,
                    char path[PATH_ROOM])
{
    snprintf(path, PATH_ROOM, "%s/sha256/%s", vault->root, sha256);
}

static int open_root(struct vault *vault)
{
    char path[PATH_ROOM];

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
    if (vault->folder >= 0)
        close(vault->folder);
    free(vault);
}

int vault_folder(const struct vault *vault)
{
    return vault->folder;
}

int vault_put(struct vault *vault, const void *data, size_t len,
              char sha256[VAULT_HEX_ROOM])
{
    char path[PATH_ROOM];

    secrets_hash(data, len, sha256);
    path_of(vault, sha256, path);
    if (access(path, F_OK) == 0)
        return 0;
    return files_write(path, data, len);
}

int vault_get(struct vault *vault, const char *sha256, uint8_t **data,
              size_t *len)
{
    char path[PATH_ROOM], hash[SECRETS_HEX_ROOM];
    int err;

    path_of(vault, sha256, path);
    err = files_read(path, VAULT_CONTENT_MAX, data, len);
    if (err)
        return err == DFOTA_E_IO && errno == ENOENT ? DFOTA_E_NOTFOUND : err;
    secrets_hash(*data, *len, hash);
    if (strcmp(hash, sha256) == 0)
        return 0;
    log_error("%s: the content is not what its name says; restore it from a "
              "backup",
              path);
    free(*data);
    *data = NULL;
    return DFOTA_E_CORRUPT;
}

int vault_publish(struct vault *vault, const char *sha256)
{
    char link[PATH_ROOM], target[96], name[SECRETS_SIG_ROOM];

    token_content_name(sha256, name);
    snprintf(link, sizeof link, "%s/id/%s", vault->root, name);
    snprintf(target, sizeof target, "../sha256/%s", sha256);
    return symlink(target, link) == 0 || errno == EEXIST ? 0 : DFOTA_E_IO;
}

static int copy_one(struct vault *vault, struct vault *to, const char *name)
{
    char from[PATH_ROOM], path[PATH_ROOM], sha256[VAULT_HEX_ROOM];
    uint8_t *data;
    size_t len;
    int err = 0;

    path_of(vault, name, from);
    path_of(to, name, path);
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
    char path[PATH_ROOM];
    struct vault *to;
    struct dirent *entry;
    DIR *folder;
    int err = vault_open(data_folder, &to);

    if (err)
        return err;
    path_of(vault, ".", path);
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
    char path[PATH_ROOM], name[SECRETS_SIG_ROOM];

    token_content_name(sha256, name);
    snprintf(path, sizeof path, "%s/id/%s", vault->root, name);
    unlink(path);
    path_of(vault, sha256, path);
    unlink(path);
}
