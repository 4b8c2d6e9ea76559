/* SPDX-License-Identifier: Apache-2.0 */
#include "calendar.h"

#include <stdio.h>

/* Days before a month in a year that begins in March. */
static int month_days(int m)
{
    return (153 * m + 2) / 5;
}

void calendar_from_seconds(struct calendar *c, uint32_t seconds)
{
    int days = (int)(seconds / 86400), rest = (int)(seconds % 86400);
    int z = days + 719468, era = z / 146097, doe = z % 146097;
    int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int m = (5 * doy + 2) / 153;

    c->day = doy - month_days(m) + 1;
    c->month = m < 10 ? m + 3 : m - 9;
    c->year = yoe + era * 400 + (c->month <= 2);
    c->hour = rest / 3600;
    c->minute = rest / 60 % 60;
    c->second = rest % 60;
    c->weekday = (days + 4) % 7;
}

uint32_t calendar_to_seconds(const struct calendar *c)
{
    int y = c->year - (c->month <= 2), era = y / 400, yoe = y % 400;
    int doy =
        month_days(c->month > 2 ? c->month - 3 : c->month + 9) + c->day - 1;
    int days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;

    return (uint32_t)days * 86400u +
           (uint32_t)(c->hour * 3600 + c->minute * 60 + c->second);
}

void calendar_iso(uint32_t seconds, char *out, size_t cap)
{
    struct calendar c;

    calendar_from_seconds(&c, seconds);
    snprintf(out, cap, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day,
             c.hour, c.minute, c.second);
}

/* count digits at *p as a number, or -1; *p moves on by one more. */
static int digits(const char **p, int count)
{
    int v = 0;

    for (; count; count--, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        v = v * 10 + **p - '0';
    }
    if (**p)
        (*p)++;
    return v;
}

int calendar_parse(const char *text, uint32_t *seconds)
{
    struct calendar c = {0}, back;

    c.year = digits(&text, 4);
    c.month = digits(&text, 2);
    c.day = digits(&text, 2);
    c.hour = digits(&text, 2);
    c.minute = digits(&text, 2);
    c.second = digits(&text, 2);
    if (c.year < 1970 || c.year > 2105 || c.month < 1 || c.month > 12 ||
        c.day < 1 || c.day > 31 || c.hour < 0 || c.hour > 23 || c.minute < 0 ||
        c.minute > 59 || c.second < 0 || c.second > 59)
        return -1;
    *seconds = calendar_to_seconds(&c);
    calendar_from_seconds(&back, *seconds);
    return back.day == c.day ? 0 : -1; /* 31 of a month of 30 */
}
