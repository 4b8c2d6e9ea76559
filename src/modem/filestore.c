/* SPDX-License-Identifier: Apache-2.0 */
#include "modem/filestore.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"

int filestore_open(struct filestore *f, const char *state, const char *home)
{
    char *folder = NULL;
    int err;

    *f = (struct filestore){.home = home};
    if (asprintf(&f->root, "%s/files", state) < 0) {
        f->root = NULL;
        return DFOTA_E_NOMEM;
    }
    if (asprintf(&folder, "%s%s", f->root, home) < 0)
        return DFOTA_E_NOMEM;
    err = files_make_folder(folder);
    free(folder);
    return err;
}

void filestore_close(struct filestore *f)
{
    free(f->root);
    f->root = NULL;
}

/* A part of a path: not empty, not . or .., printable. */
static bool parts_are_good(const char *name)
{
    while (*name) {
        size_t len = strcspn(name, "/");

        if (len == 0 || (len == 1 && name[0] == '.') ||
            (len == 2 && name[0] == '.' && name[1] == '.'))
            return false;
        for (size_t i = 0; i < len; i++) {
            if ((unsigned char)name[i] < 0x20 || strchr(":*?\"<>|", name[i]))
                return false;
        }
        name += len;
        if (*name && !*++name)
            return false;
    }
    return true;
}

static const char *without_drive(const char *name)
{
    return strncasecmp(name, "UFS:", 4) == 0 ? name + 4 : name;
}

int filestore_path(const struct filestore *f, const char *name, char **path)
{
    const char *bare = without_drive(name);
    bool absolute = bare[0] == '/';
    int len;

    if (strlen(name) > FILE_NAME_MAX || bare[absolute] == '\0' ||
        !parts_are_good(bare + absolute))
        return DFOTA_E_ARG;
    len = asprintf(path, "%s%s%s%s", f->root, absolute ? "" : f->home,
                   absolute || f->home[1] == '\0' ? "" : "/", bare);
    return len < 0 ? DFOTA_E_NOMEM : 0;
}

int filestore_size(const struct filestore *f, const char *name, uint32_t *size)
{
    struct stat st;
    char *path;
    int err = filestore_path(f, name, &path);

    if (err)
        return err;
    err = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? 0 : DFOTA_E_NOTFOUND;
    if (!err)
        *size = (uint32_t)st.st_size;
    free(path);
    return err;
}

static uint64_t used;

static int add_size(const char *path, const struct stat *st, int flag,
                    struct FTW *ftw)
{
    (void)path;
    (void)ftw;
    if (flag == FTW_F)
        used += (uint64_t)st->st_size;
    return 0;
}

uint64_t filestore_used(const struct filestore *f)
{
    used = 0;
    nftw(f->root, add_size, 16, FTW_PHYS);
    return used;
}

int filestore_create(const struct filestore *f, const char *name, FILE **out)
{
    char *path, *slash;
    int err = filestore_path(f, name, &path);

    if (err)
        return err;
    slash = strrchr(path, '/');
    *slash = '\0';
    err = files_make_folder(path);
    *slash = '/';
    *out = err ? NULL : fopen(path, "wbe");
    free(path);
    if (*out)
        setvbuf(*out, NULL, _IONBF, 0); /* a power cut keeps what came */
    return *out ? 0 : DFOTA_E_IO;
}

static char *home_folder(const struct filestore *f)
{
    char *folder;

    return asprintf(&folder, "%s%s", f->root, f->home) < 0 ? NULL : folder;
}

static void remove_each(void *ctx, const char *name, uint32_t size)
{
    const struct filestore *f = ctx;
    char *path;

    (void)size;
    if (filestore_path(f, name, &path) == 0) {
        unlink(path);
        free(path);
    }
}

int filestore_remove(const struct filestore *f, const char *name)
{
    char *path;
    int err;

    if (strcmp(without_drive(name), "*") == 0)
        return filestore_list(f, "*", remove_each, (void *)f);
    err = filestore_path(f, name, &path);
    if (err)
        return err;
    if (unlink(path) != 0)
        err =
            errno == ENOENT || errno == ENOTDIR ? DFOTA_E_NOTFOUND : DFOTA_E_IO;
    free(path);
    return err;
}

int filestore_list(const struct filestore *f, const char *pattern,
                   void (*each)(void *ctx, const char *name, uint32_t size),
                   void *ctx)
{
    char *folder = home_folder(f);
    struct dirent **entries;
    int count;

    if (!folder)
        return DFOTA_E_NOMEM;
    pattern = without_drive(pattern);
    count = scandir(folder, &entries, NULL, alphasort);
    free(folder);
    if (count < 0)
        return DFOTA_E_IO;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        uint32_t size;

        if (fnmatch(pattern, name, FNM_NOESCAPE) == 0 &&
            filestore_size(f, name, &size) == 0)
            each(ctx, name, size);
        free(entries[i]);
    }
    free(entries);
    return 0;
}
