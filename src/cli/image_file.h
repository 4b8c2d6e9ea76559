/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Firmware images named on a command line.
 *
 * Layer: cli.
 */
#ifndef DFOTA_CLI_IMAGE_FILE_H
#define DFOTA_CLI_IMAGE_FILE_H

#include "delta/image_load.h"

struct image_file {
    uint8_t *file; /* what was read; image.bytes may point into it */
    struct image image;
};

/**
 * Read an image; of a container say on standard error which it is.
 *
 * what     "old image", ..
 * raw      take the file as it is, whatever it looks like
 * returns  CLI_DONE, or CLI_FAILED after one line that says why;
 *          image_file_release() in any case
 */
int image_file_read(const char *what, const char *path, bool raw,
                    struct image_file *out);

/** Harmless on a zeroed struct. */
void image_file_release(struct image_file *f);

#endif
