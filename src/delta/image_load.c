/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/image_load.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "delta/image_parts.h"

/* Motorola S-records are recognised in order not to be packed as text. */
static bool is_srec(const uint8_t *file, size_t len)
{
    if (len < 10 || file[0] != 'S' || file[1] < '0' || file[1] > '3')
        return false;
    for (size_t i = 2; i < 10; i++) {
        if (!isxdigit(file[i]))
            return false;
    }
    return true;
}

static int read_srec(const uint8_t *file, size_t len, struct image *out,
                     struct image_parts *p)
{
    (void)file;
    (void)len;
    (void)p;
    return image_fail(out, DFOTA_E_UNSUPPORTED,
                      "Motorola S-records are not read: convert them "
                      "(objcopy -I srec -O ihex IN OUT)");
}

static const struct {
    bool (*is)(const uint8_t *file, size_t len);
    int (*read)(const uint8_t *file, size_t len, struct image *out,
                struct image_parts *p);
} formats[] = {
    {image_is_elf, image_read_elf}, {image_is_uf2, image_read_uf2},
    {image_is_hex, image_read_hex}, {is_srec, read_srec},
    {image_is_dfu, image_read_dfu},
};

void image_load_raw(const uint8_t *file, size_t len, struct image *out)
{
    *out = (struct image){.bytes = file, .len = len};
    snprintf(out->format, sizeof out->format, "raw");
}

int image_load(const uint8_t *file, size_t len, struct image *out)
{
    struct image_parts parts = {0};
    size_t i = 0;
    int err;

    image_load_raw(file, len, out);
    while (i < sizeof formats / sizeof *formats && !formats[i].is(file, len))
        i++;
    if (i == sizeof formats / sizeof *formats)
        return 0;
    out->container = true;
    out->bytes = NULL;
    out->len = 0;
    err = formats[i].read(file, len, out, &parts);
    if (!err && !out->bytes)
        err = image_parts_flatten(out, &parts);
    image_parts_release(&parts);
    if (err) {
        out->bytes = NULL;
        out->len = 0;
    }
    return err;
}

void image_release(struct image *image)
{
    free(image->owned);
    image->owned = NULL;
    image->bytes = NULL;
    image->len = 0;
}
