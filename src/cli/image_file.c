/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/image_file.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "os/log.h"

static void tell(const char *what, const char *path, const struct image *image)
{
    if (!image->container)
        return;
    if (image->has_base)
        log_info("%s %s: %s, %zu bytes at 0x%08" PRIX32, what, path,
                 image->format, image->len, image->base);
    else
        log_info("%s %s: %s, %zu bytes", what, path, image->format, image->len);
}

int image_file_read(const char *what, const char *path, bool raw,
                    struct image_file *out)
{
    size_t len;
    int status;

    *out = (struct image_file){0};
    status = cli_read_file(what, path, &out->file, &len);
    if (status)
        return status;
    if (raw)
        image_load_raw(out->file, len, &out->image);
    else if (image_load(out->file, len, &out->image) != 0) {
        log_error("%s %s, read as %s: %s", what, path, out->image.format,
                  out->image.why);
        return CLI_FAILED;
    }
    tell(what, path, &out->image);
    return CLI_DONE;
}

void image_file_release(struct image_file *f)
{
    image_release(&f->image);
    free(f->file);
    f->file = NULL;
}
