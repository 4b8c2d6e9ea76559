/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firmware files. The last four bytes of a DFU file are a CRC that no fuzzer
 * guesses: it is put right, so that what is behind it is reached.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32.h"
#include "delta/image_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_load(const uint8_t *file, size_t len)
{
    volatile uint8_t sum = 0;
    struct image image;

    if (image_load(file, len, &image) != 0) {
        assert(image.why[0] != '\0' && image.container);
        assert(!image.bytes && !image.owned && image.len == 0);
        return;
    }
    assert(image.why[0] == '\0' && image.format[0] != '\0');
    assert(!image.container || image.len > 0);
    assert(image.len <= len || image.len <= IMAGE_SPAN_MAX);
    assert(!image.container || image.len <= IMAGE_SPAN_FREE ||
           image.len / IMAGE_SPAN_FACTOR <= len);
    for (size_t i = 0; i < image.len; i++)
        sum = (uint8_t)(sum + image.bytes[i]);
    image_release(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *copy;

    try_load(data, len);
    if (len < 16 || memcmp(data + len - 8, "UFD", 3) != 0)
        return 0;
    copy = malloc(len);
    if (!copy)
        return 0;
    memcpy(copy, data, len);
    dfota_put_le32(copy + len - 4, ~dfota_crc32(0, copy, len - 4));
    try_load(copy, len);
    free(copy);
    return 0;
}
