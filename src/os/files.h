/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Files: read whole ones with a limit, write so that no half file stays.
 *
 * Layer: os. Messages are left to the caller, who knows what the file was
 * for; errno is kept.
 */
#ifndef DFOTA_OS_FILES_H
#define DFOTA_OS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/**
 * Read a regular file whole; "-" is standard input.
 *
 * data     out: malloc'd, owned by the caller, len + 1 bytes, NUL behind
 * max      most bytes taken
 * errors   E_IO (errno), E_FULL larger than max, E_NOMEM, E_ARG a directory
 *          or a device
 */
int files_read(const char *path, size_t max, uint8_t **data, size_t *len);

/* A file in the making: written beside its place, renamed when whole. */
struct files_writer {
    FILE *file; /* write here; NULL after commit or abort */
    char *path; /* the place it will have; NULL: written in place */
    char *temp;
};

/** "-" is standard output; pipes and devices are written in place. errors:
 * E_IO (errno), E_NOMEM */
int files_begin(struct files_writer *w, const char *path);

/** Flush, fsync, rename over the place, fsync the folder. errors: E_IO
 * (errno); the place is then as it was. */
int files_commit(struct files_writer *w);

/** Leave nothing behind. Harmless after commit and on a zeroed struct. */
void files_abort(struct files_writer *w);

/** begin, write, commit. errors: E_IO (errno), E_NOMEM */
int files_write(const char *path, const void *data, size_t len);

/** Both name the same regular file, or both are "-". */
bool files_same(const char *a, const char *b);

/** Make a folder and its parents, mode 0777 less umask. errors: E_IO */
int files_make_folder(const char *path);

/**
 * On SIGINT, SIGTERM, SIGHUP and SIGQUIT remove the files in the making,
 * then die of the signal; a file that grows over the limit is an error of
 * writing and no signal. Call once, before the first begin.
 */
void files_clean_up_on_signals(void);

#endif
