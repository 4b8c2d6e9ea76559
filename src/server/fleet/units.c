/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct unit {
    const char *name;
    int64_t factor;
};

static bool leading(const char *text, int64_t *number, const char **rest)
{
    char *end;

    if (!isdigit((unsigned char)text[0]) ||
        (text[0] == '0' && isdigit((unsigned char)text[1])))
        return false;
    errno = 0;
    *number = strtoll(text, &end, 10);
    *rest = end;
    return errno == 0;
}

static bool with_unit(const char *text, const struct unit *units, int64_t low,
                      int64_t high, int64_t *out)
{
    const char *rest;
    int64_t number, scaled;

    if (!leading(text, &number, &rest))
        return false;
    for (; units->name; units++) {
        if (strcmp(rest, units->name) != 0)
            continue;
        if (__builtin_mul_overflow(number, units->factor, &scaled) ||
            scaled < low || scaled > high)
            return false;
        *out = scaled;
        return true;
    }
    return false;
}

bool units_number(const char *text, int64_t low, int64_t high, int64_t *out)
{
    static const struct unit plain[] = {{"", 1}, {NULL, 0}};
    int64_t positive;

    if (text[0] != '-')
        return with_unit(text, plain, low, high, out);
    if (!with_unit(text + 1, plain, 1, INT64_MAX, &positive) ||
        -positive < low || -positive > high)
        return false;
    *out = -positive;
    return true;
}

bool units_duration(const char *text, int64_t low, int64_t high, int64_t *out)
{
    static const struct unit units[] = {
        {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0}};

    return with_unit(text, units, low, high, out);
}

bool units_size(const char *text, int64_t low, int64_t high, int64_t *out)
{
    static const struct unit units[] = {{"", 1},
                                        {"KiB", 1 << 10},
                                        {"MiB", 1 << 20},
                                        {"GiB", 1 << 30},
                                        {NULL, 0}};

    return with_unit(text, units, low, high, out);
}

bool units_bool(const char *text, bool *out)
{
    *out = strcmp(text, "true") == 0;
    return *out || strcmp(text, "false") == 0;
}

static bool two_digits(const char *text, int max, int *out)
{
    if (!isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[1]))
        return false;
    *out = (text[0] - '0') * 10 + text[1] - '0';
    return *out <= max;
}

bool units_time_of_day(const char *text, int *minutes)
{
    int hour, minute;

    if (strlen(text) != 5 || text[2] != ':' || !two_digits(text, 24, &hour) ||
        !two_digits(text + 3, 59, &minute))
        return false;
    *minutes = hour * 60 + minute;
    return *minutes <= 24 * 60;
}

bool units_moment(const char *text, int64_t *out)
{
    struct tm parts = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    int day = parts.tm_mday;

    if (!end || *end != '\0')
        return false;
    *out = timegm(&parts);
    return parts.tm_mday == day; /* the 30th of February became the 1st */
}

void units_moment_text(int64_t moment, char text[32])
{
    time_t seconds = (time_t)moment;
    struct tm parts;

    if (!gmtime_r(&seconds, &parts) ||
        strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(text, 32, "?");
}
