/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/image_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void image_why(struct image *out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(out->why, sizeof out->why, format, args);
    va_end(args);
}

static int grow(struct image *out, struct image_parts *p)
{
    size_t room = p->room ? 2 * p->room : 64;
    struct image_part *list = realloc(p->list, room * sizeof *list);

    if (!list)
        return image_fail(out, DFOTA_E_NOMEM, "out of memory");
    p->list = list;
    p->room = room;
    return 0;
}

static bool continues(const struct image_parts *p, uint64_t at,
                      const uint8_t *bytes)
{
    const struct image_part *last;

    if (p->len == 0)
        return false;
    last = &p->list[p->len - 1];
    return at - last->at == last->len && bytes == last->bytes + last->len;
}

int image_parts_add(struct image *out, struct image_parts *p, uint64_t at,
                    const uint8_t *bytes, size_t len)
{
    int err;

    if (len == 0)
        return 0;
    if (len > IMAGE_SPAN_MAX - p->total)
        return image_fail(out, DFOTA_E_FULL,
                          "it holds more than %d MiB: no device of this kind "
                          "has so much flash",
                          IMAGE_SPAN_MAX >> 20);
    if (len - 1 > UINT64_MAX - at)
        return image_fail(out, DFOTA_E_SYNTAX,
                          "bytes at 0x%" PRIX64 " run over the end of memory",
                          at);
    p->total += len;
    if (continues(p, at, bytes)) {
        p->list[p->len - 1].len += len;
        return 0;
    }
    if (p->len == p->room && (err = grow(out, p)) != 0)
        return err;
    p->list[p->len++] = (struct image_part){at, bytes, len};
    return 0;
}

static int by_address(const void *a, const void *b)
{
    const struct image_part *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

static int check_overlaps(struct image *out, const struct image_parts *p)
{
    for (size_t i = 1; i < p->len; i++) {
        const struct image_part *last = &p->list[i - 1];

        if (p->list[i].at - last->at < last->len)
            return image_fail(out, DFOTA_E_SYNTAX,
                              "two stretches of it claim the byte at 0x%" PRIX64
                              ": were two images merged into one file?",
                              p->list[i].at);
    }
    return 0;
}

static int check_span(struct image *out, const struct image_parts *p,
                      uint64_t less_one)
{
    uint64_t low = p->list[0].at;
    uint64_t most = (uint64_t)p->total * IMAGE_SPAN_FACTOR;

    if (less_one < IMAGE_SPAN_FREE ||
        (less_one < IMAGE_SPAN_MAX && less_one < most))
        return 0;
    return image_fail(out, DFOTA_E_FULL,
                      "its %zu bytes are spread from 0x%" PRIX64
                      " to 0x%" PRIX64 ": take fuses, options and other "
                      "memories out (objcopy -R SECTION) and keep the image",
                      p->total, low, low + less_one);
}

/* A base the codec can use has 32 bits. */
static void set_base(struct image *out, const struct image_parts *p)
{
    uint64_t base = p->list[0].at + p->shift;

    out->has_base = base <= UINT32_MAX;
    out->base = out->has_base ? (uint32_t)base : 0;
}

int image_parts_flatten(struct image *out, struct image_parts *p)
{
    const struct image_part *last;
    uint64_t less_one;
    int err;

    if (p->len == 0)
        return image_fail(out, DFOTA_E_SYNTAX, "it holds no bytes of firmware");
    qsort(p->list, p->len, sizeof *p->list, by_address);
    last = &p->list[p->len - 1];
    less_one = last->at - p->list[0].at + (last->len - 1);
    err = check_overlaps(out, p);
    if (!err)
        err = check_span(out, p, less_one);
    if (err)
        return err;
    out->len = (size_t)less_one + 1;
    out->owned = malloc(out->len);
    if (!out->owned)
        return image_fail(out, DFOTA_E_NOMEM, "out of memory");
    memset(out->owned, IMAGE_FILL, out->len);
    for (size_t i = 0; i < p->len; i++)
        memcpy(out->owned + (p->list[i].at - p->list[0].at), p->list[i].bytes,
               p->list[i].len);
    out->bytes = out->owned;
    set_base(out, p);
    return 0;
}

void image_parts_release(struct image_parts *p)
{
    free(p->list);
    free(p->scratch);
    *p = (struct image_parts){0};
}
