/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The module's file system: DIR/files/, names as AT+QFUPL and its kin see
 * them.
 *
 * Layer: modem. A bare or UFS: name lies in the dialect's folder, a name
 * with a leading / is a path as it stands. No name leaves DIR/files/.
 */
#ifndef DFOTA_MODEM_FILESTORE_H
#define DFOTA_MODEM_FILESTORE_H

#include <stdint.h>
#include <stdio.h>

enum {
    FILE_NAME_MAX = 80,            /* bytes of a name */
    FILESTORE_SIZE = 16 * 1048576, /* bytes in all, as AT+QFLDS says */
};

struct filestore {
    char *root;       /* DIR/files, owned */
    const char *home; /* where bare names lie, "/datatx" */
};

/** errors: E_IO (errno), E_NOMEM */
int filestore_open(struct filestore *f, const char *state, const char *home);
void filestore_close(struct filestore *f);

/**
 * The host's path of a name.
 *
 * path     out: malloc'd
 * errors   E_ARG a name that is none (RAM:, SD:, .., empty, too long)
 */
int filestore_path(const struct filestore *f, const char *name, char **path);

/** Size of a file. errors: E_ARG, E_NOTFOUND */
int filestore_size(const struct filestore *f, const char *name, uint32_t *size);

/** Bytes used by all files together. */
uint64_t filestore_used(const struct filestore *f);

/** Open for writing, made new. errors: E_ARG, E_IO */
int filestore_create(const struct filestore *f, const char *name, FILE **out);

/** errors: E_ARG, E_NOTFOUND, E_IO. "*" removes all bare-named files. */
int filestore_remove(const struct filestore *f, const char *name);

/** Call for each file in the home folder whose name matches the pattern
 * (* stands for any run of characters); sorted by name. */
int filestore_list(const struct filestore *f, const char *pattern,
                   void (*each)(void *ctx, const char *name, uint32_t size),
                   void *ctx);

#endif
