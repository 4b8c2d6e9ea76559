/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The four functions a freestanding C implementation must have all the same.
 *
 * Layer: base (freestanding). Declared here because <string.h> is not one of
 * the headers that base, device and at may include.
 */
#ifndef DFOTA_BASE_MEM_H
#define DFOTA_BASE_MEM_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

#endif
