/* SPDX-License-Identifier: Apache-2.0 */
#include "os/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static char nothing[1] = "";

void buffer_init(struct buffer *b, size_t cap)
{
    *b = (struct buffer){.data = nothing, .cap = cap};
}

void buffer_release(struct buffer *b)
{
    if (b->data != nothing)
        free(b->data);
    buffer_init(b, b->cap);
}

void buffer_clear(struct buffer *b)
{
    b->len = 0;
    b->err = 0;
    if (b->room > 0)
        b->data[0] = '\0';
}

static int grow(struct buffer *b, size_t need)
{
    size_t room = b->room ? b->room : 64;
    char *data;

    while (room < need)
        room *= 2;
    data = realloc(b->data == nothing ? NULL : b->data, room);
    if (!data)
        return b->err = DFOTA_E_NOMEM;
    b->data = data;
    b->room = room;
    return 0;
}

static int reserve(struct buffer *b, size_t len)
{
    if (b->err)
        return b->err;
    if (len > b->cap - b->len)
        return b->err = DFOTA_E_FULL;
    if (b->len + len + 1 > b->room)
        return grow(b, b->len + len + 1);
    return 0;
}

int buffer_add(struct buffer *b, const void *data, size_t len)
{
    int err = reserve(b, len);

    if (err)
        return err;
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return 0;
}

int buffer_add_str(struct buffer *b, const char *s)
{
    return buffer_add(b, s, strlen(s));
}

int buffer_vprintf(struct buffer *b, const char *format, va_list args)
{
    va_list again;
    int len, err;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    err = len < 0 ? (b->err = DFOTA_E_ARG) : reserve(b, (size_t)len);
    if (err)
        return err;
    vsnprintf(b->data + b->len, (size_t)len + 1, format, args);
    b->len += (size_t)len;
    return 0;
}

int buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list args;
    int err;

    va_start(args, format);
    err = buffer_vprintf(b, format, args);
    va_end(args);
    return err;
}

void buffer_drop(struct buffer *b, size_t len)
{
    if (len >= b->len) {
        buffer_clear(b);
        return;
    }
    b->len -= len;
    memmove(b->data, b->data + len, b->len + 1);
}
