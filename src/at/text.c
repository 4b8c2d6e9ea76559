/* SPDX-License-Identifier: Apache-2.0 */
#include "at/text.h"

size_t dfota_text_len(const char *s)
{
    size_t len = 0;

    while (s[len])
        len++;
    return len;
}

const char *dfota_text_after(const char *s, const char *prefix)
{
    while (s && *prefix) {
        if (*s++ != *prefix++)
            s = NULL;
    }
    return s;
}

bool dfota_text_equal(const char *a, const char *b)
{
    const char *rest = dfota_text_after(a, b);

    return rest && !*rest;
}

const char *dfota_text_past(const char *s, const char *needle)
{
    const char *rest = NULL;

    for (; s && *s && !rest; s++)
        rest = dfota_text_after(s, needle);
    return rest;
}

const char *dfota_text_int(const char *s, int32_t *value)
{
    int32_t sum = 0;
    bool minus;
    bool any = false;

    *value = -1;
    if (!s)
        return NULL;
    while (*s == ' ')
        s++;
    minus = *s == '-';
    if (minus)
        s++;
    for (; *s >= '0' && *s <= '9'; s++) {
        any = true;
        if (sum < 100000000)
            sum = sum * 10 + (*s - '0');
    }
    if (!any)
        return NULL;
    *value = minus ? -sum : sum;
    return s;
}

uint32_t dfota_text_hex(const char *s)
{
    uint32_t sum = 0;

    for (;; s++) {
        uint8_t digit = (uint8_t)(*s - '0');

        if (digit > 9)
            digit = (uint8_t)((*s | 0x20) - 'a') < 6
                        ? (uint8_t)((*s | 0x20) - 'a' + 10)
                        : 16;
        if (digit > 15)
            return sum;
        sum = sum << 4 | digit;
    }
}

char *dfota_text_number(char dst[DFOTA_NUMBER_ROOM], uint32_t value)
{
    char *at = dst + DFOTA_NUMBER_ROOM - 1;

    *at = '\0';
    do {
        /* A tenth by shifts, at most one too small (Hacker's Delight 10-3):
         * a Cortex-M0 has no division, and its library's is larger than
         * half of this file. */
        uint32_t tenth = (value >> 1) + (value >> 2);

        tenth += tenth >> 4;
        tenth += tenth >> 8;
        tenth += tenth >> 16;
        tenth >>= 3;
        if (value - tenth * 10 > 9)
            tenth++;
        *--at = (char)('0' + (value - tenth * 10));
        value = tenth;
    } while (value);
    return at;
}
