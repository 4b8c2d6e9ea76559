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
    while (*prefix) {
        if (*s++ != *prefix++)
            return NULL;
    }
    return s;
}

bool dfota_text_equal(const char *a, const char *b)
{
    const char *rest = dfota_text_after(a, b);

    return rest && !*rest;
}

const char *dfota_text_find(const char *s, const char *needle)
{
    for (; *s; s++) {
        if (dfota_text_after(s, needle))
            return s;
    }
    return NULL;
}

void dfota_text_copy(char *dst, size_t room, const char *src)
{
    size_t i = 0;

    for (; i + 1 < room && src[i]; i++)
        dst[i] = src[i];
    dst[i] = '\0';
}

const char *dfota_text_int(const char *s, int32_t *value)
{
    int32_t sum = 0;
    bool minus;
    bool any = false;

    while (*s == ' ')
        s++;
    minus = *s == '-';
    if (minus)
        s++;
    for (; *s >= '0' && *s <= '9'; s++) {
        any = true;
        sum = sum > (INT32_MAX - 9) / 10 ? INT32_MAX : sum * 10 + (*s - '0');
    }
    *value = minus ? -sum : sum;
    return any ? s : NULL;
}

/* By subtraction: a Cortex-M0 has no division, and its library function is
 * larger than all of this file. */
void dfota_text_number(char *dst, uint32_t value)
{
    static const uint32_t powers[] = {1000000000, 100000000, 10000000, 1000000,
                                      100000,     10000,     1000,     100,
                                      10,         1};
    const char *start = dst;

    for (size_t i = 0; i < sizeof(powers) / sizeof(powers[0]); i++) {
        char digit = '0';

        for (; value >= powers[i]; value -= powers[i])
            digit++;
        if (digit > '0' || dst > start || powers[i] == 1)
            *dst++ = digit;
    }
    *dst = '\0';
}
