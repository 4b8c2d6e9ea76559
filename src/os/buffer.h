/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The one growing buffer of the host programs: bytes with a cap.
 *
 * Layer: os. A buffer never grows past the cap given at init, so no peer can
 * make a program take more memory than somebody decided. Once an append
 * failed the buffer stays failed (its content ends before that append)
 * until clear(), so a caller may append many times and look once.
 */
#ifndef DFOTA_OS_BUFFER_H
#define DFOTA_OS_BUFFER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    char *data; /* NUL behind the last byte; "" when empty, never NULL */
    size_t len; /* bytes, without that NUL */
    size_t room;
    size_t cap;
    int err; /* 0, DFOTA_E_FULL or DFOTA_E_NOMEM */
};

/** cap: most bytes the buffer may hold. Allocates nothing. */
void buffer_init(struct buffer *b, size_t cap);

/** Give the memory back; the buffer may be used again with its old cap. */
void buffer_release(struct buffer *b);

/** Empty, memory kept, err cleared. */
void buffer_clear(struct buffer *b);

/** errors: E_FULL past the cap, E_NOMEM; also every call after one. */
int buffer_add(struct buffer *b, const void *data, size_t len);
int buffer_add_str(struct buffer *b, const char *s);
int buffer_printf(struct buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int buffer_vprintf(struct buffer *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/** Drop the first len bytes (at most all). */
void buffer_drop(struct buffer *b, size_t len);

#endif
