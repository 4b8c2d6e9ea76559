/* SPDX-License-Identifier: Apache-2.0 */
#include "server/delivery/etag.h"

#include <string.h>

void etag_make(const uint8_t sha256[32], char out[ETAG_ROOM])
{
    static const char digits[] = "0123456789abcdef";
    char *at = out;

    *at++ = '"';
    for (int i = 0; i < 32; i++) {
        *at++ = digits[sha256[i] >> 4];
        *at++ = digits[sha256[i] & 15];
    }
    *at++ = '"';
    *at = '\0';
}

/* One member of the list, at its end afterwards; what is malformed matches
 * nothing and ends the list. */
static bool member_is(const char **at, const char *etag, bool weak)
{
    bool is_weak = strncmp(*at, "W/\"", 3) == 0;
    const char *tag = *at + (is_weak ? 2 : 0);
    const char *end = *tag == '"' ? strchr(tag + 1, '"') : NULL;

    if (!end) {
        *at += strlen(*at);
        return false;
    }
    *at = end + 1;
    return (weak || !is_weak) && (size_t)(end + 1 - tag) == strlen(etag) &&
           memcmp(tag, etag, strlen(etag)) == 0;
}

bool etag_in_list(const char *list, const char *etag, bool weak)
{
    if (!list)
        return false;
    list += strspn(list, " \t,");
    if (*list == '*')
        return true;
    while (*list != '\0') {
        if (member_is(&list, etag, weak))
            return true;
        list += strspn(list, " \t,");
    }
    return false;
}

bool etag_if_range(const char *value, const char *etag)
{
    return !value || strcmp(value, etag) == 0;
}
