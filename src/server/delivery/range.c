/* SPDX-License-Identifier: Apache-2.0 */
#include "server/delivery/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number too large for 64 bits is as good as the largest: it can only lie
 * behind the end. */
static uint64_t read_number(const char **at)
{
    uint64_t number = 0;

    for (; is_digit(**at); (*at)++) {
        uint64_t digit = (uint64_t)(**at - '0');

        number = number > (UINT64_MAX - digit) / 10 ? UINT64_MAX
                                                    : number * 10 + digit;
    }
    return number;
}

static enum range_verdict suffix(uint64_t wanted, uint64_t size,
                                 struct range *part)
{
    if (wanted == 0 || size == 0)
        return RANGE_UNSATISFIABLE;
    part->len = wanted < size ? wanted : size;
    part->first = size - part->len;
    return RANGE_PART;
}

static enum range_verdict between(uint64_t first, uint64_t last, uint64_t size,
                                  struct range *part)
{
    if (first >= size)
        return RANGE_UNSATISFIABLE;
    if (last >= size)
        last = size - 1;
    *part = (struct range){first, last - first + 1};
    return RANGE_PART;
}

/* A list may have empty members; they count for nothing. */
static const char *skip_separators(const char *at)
{
    return at + strspn(at, " \t,");
}

enum range_verdict range_parse(const char *value, uint64_t size,
                               struct range *part)
{
    uint64_t first, last = UINT64_MAX;
    bool has_first, has_last;
    const char *at;

    if (!value || strncasecmp(value, "bytes=", 6) != 0)
        return RANGE_WHOLE;
    at = skip_separators(value + 6);
    has_first = is_digit(*at);
    first = read_number(&at);
    if (*at++ != '-')
        return RANGE_WHOLE;
    has_last = is_digit(*at);
    if (has_last)
        last = read_number(&at);
    if (*skip_separators(at) != '\0' || (!has_first && !has_last))
        return RANGE_WHOLE;
    if (!has_first)
        return suffix(last, size, part);
    return last < first ? RANGE_WHOLE : between(first, last, size, part);
}
