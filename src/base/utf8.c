/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdint.h>

/* The bytes of one character; 0: it is none. */
static size_t char_len(const uint8_t *at, size_t left)
{
    uint32_t code = at[0];
    size_t len = code < 0x80 ? 1 : code < 0xe0 ? 2 : code < 0xf0 ? 3 : 4;
    static const uint32_t least[] = {0x20, 0x80, 0x800, 0x10000};

    if ((code >= 0x80 && code < 0xc0) || code > 0xf4 || len > left)
        return 0;
    if (len > 1)
        code &= 0x7fU >> len;
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fU);
    }
    if (code < least[len - 1] || code > 0x10ffff || code == 0x7f ||
        (code >= 0xd800 && code < 0xe000))
        return 0;
    return len;
}

bool dfota_is_text(const char *text, size_t len)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t n;

    for (; len > 0; at += n, len -= n) {
        n = char_len(at, len);
        if (n == 0)
            return false;
    }
    return true;
}
