/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/zone.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "os/files.h"

enum { FILE_MAX = 256 * 1024, HEADER_LEN = 44, DAY_S = 86400 };

/* A day on which the rule of the footer changes the time. */
struct change_day {
    char kind;            /* 'M' month.week.day, 'J' 1..365, 'n' 0..365 */
    int month, week, day; /* day alone for 'J' and 'n' */
    int32_t at;           /* seconds of local time from that midnight */
};

/* What holds behind the last transition: RFC 8536 3.3, POSIX TZ. */
struct footer {
    bool given, has_summer;
    int32_t standard, summer; /* seconds to add to UTC */
    struct change_day begin, end;
};

struct zone {
    size_t n;         /* transitions */
    int64_t *moments; /* in rising order */
    int32_t *offsets; /* from that moment on */
    int32_t first;    /* before all of them */
    struct footer footer;
};

static uint64_t get_be64(const uint8_t *p)
{
    return (uint64_t)dfota_get_be32(p) << 32 | dfota_get_be32(p + 4);
}

/* ---- the footer ---- */

static bool skip_name(const char **at)
{
    const char *start = *at;

    if (**at == '<') {
        *at += strcspn(*at, ">");
        return *(*at)++ == '>';
    }
    while (isalpha((unsigned char)**at))
        ++*at;
    return *at - start >= 3;
}

static bool take_number(const char **at, int max, int *out)
{
    char *end;
    long number;

    if (!isdigit((unsigned char)**at))
        return false;
    number = strtol(*at, &end, 10);
    *at = end;
    *out = (int)number;
    return number <= max;
}

/* [+-]hh[:mm[:ss]], up to 167 hours */
static bool take_time(const char **at, int32_t *seconds)
{
    int hours = 0, minutes = 0, rest = 0;
    bool minus = **at == '-';

    if (**at == '-' || **at == '+')
        ++*at;
    if (!take_number(at, 167, &hours))
        return false;
    if (**at == ':' && (++*at, !take_number(at, 59, &minutes)))
        return false;
    if (**at == ':' && (++*at, !take_number(at, 59, &rest)))
        return false;
    *seconds = hours * 3600 + minutes * 60 + rest;
    if (minus)
        *seconds = -*seconds;
    return true;
}

static bool take_day(const char **at, struct change_day *day)
{
    *day = (struct change_day){.kind = 'n', .at = 2 * 3600};
    if (*(*at)++ != ',')
        return false;
    if (**at == 'M') {
        ++*at;
        day->kind = 'M';
        if (!take_number(at, 12, &day->month) || *(*at)++ != '.' ||
            !take_number(at, 5, &day->week) || *(*at)++ != '.' ||
            !take_number(at, 6, &day->day) || day->month < 1 || day->week < 1)
            return false;
    } else {
        if (**at == 'J') {
            ++*at;
            day->kind = 'J';
        }
        if (!take_number(at, 365, &day->day))
            return false;
    }
    return **at != '/' || (++*at, take_time(at, &day->at));
}

static bool parse_footer(const char *at, struct footer *footer)
{
    int32_t west = 0;

    if (*at == '\0')
        return true;
    footer->given = true;
    if (!skip_name(&at) || !take_time(&at, &west))
        return false;
    footer->standard = -west;
    if (*at == '\0')
        return true;
    footer->has_summer = true;
    if (!skip_name(&at))
        return false;
    footer->summer = footer->standard + 3600;
    if (*at != ',') {
        if (!take_time(&at, &west))
            return false;
        footer->summer = -west;
    }
    return take_day(&at, &footer->begin) && take_day(&at, &footer->end) &&
           *at == '\0';
}

/* ---- the calendar: days since 1970, proleptic Gregorian ---- */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_before_year(int64_t year)
{
    int64_t y = year - 1;

    return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

static int64_t year_of(int64_t days)
{
    int64_t year = 1970 + days / 366;

    while (days_before_year(year + 1) <= days)
        year++;
    return year;
}

static int days_before_month(int month, bool leap)
{
    static const int before[] = {0,   31,  59,  90,  120, 151,
                                 181, 212, 243, 273, 304, 334};

    if (month < 1 || month > 12) /* take_day() lets none of these in */
        return 0;
    return before[month - 1] + (leap && month > 2);
}

static int64_t day_of_change(const struct change_day *change, int64_t year)
{
    bool leap = is_leap(year);
    int64_t first = days_before_year(year), day;

    if (change->kind == 'n')
        return first + change->day;
    if (change->kind == 'J') /* the 29th of February is never counted */
        return first + change->day - 1 + (leap && change->day >= 60);
    first += days_before_month(change->month, leap);
    /* 1970-01-01 was a Thursday */
    day = first + (change->day - (first + 4) % 7 + 7) % 7 +
          (int64_t)7 * (change->week - 1);
    /* week 5 is the last one */
    while (day >= days_before_year(year) +
                      (change->month == 12
                           ? 365 + leap
                           : days_before_month(change->month + 1, leap)))
        day -= 7;
    return day;
}

static int32_t offset_by_footer(const struct footer *footer, int64_t utc)
{
    int64_t begin, end, year;
    bool summer;

    if (!footer->has_summer)
        return footer->standard;
    year = year_of((utc + footer->standard) / DAY_S);
    begin = day_of_change(&footer->begin, year) * DAY_S + footer->begin.at -
            footer->standard;
    end = day_of_change(&footer->end, year) * DAY_S + footer->end.at -
          footer->summer;
    if (begin < end)
        summer = utc >= begin && utc < end;
    else /* the southern half */
        summer = utc >= begin || utc < end;
    return summer ? footer->summer : footer->standard;
}

/* ---- the file ---- */

struct header {
    uint32_t n_isut, n_isstd, n_leap, n_times, n_types, n_chars;
};

static bool parse_header(const uint8_t *p, size_t len, struct header *h)
{
    if (len < HEADER_LEN || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return false;
    *h = (struct header){dfota_get_be32(p + 20), dfota_get_be32(p + 24),
                         dfota_get_be32(p + 28), dfota_get_be32(p + 32),
                         dfota_get_be32(p + 36), dfota_get_be32(p + 40)};
    return h->n_isut <= 256 && h->n_isstd <= 256 && h->n_leap <= 4096 &&
           h->n_times <= 16384 && h->n_types >= 1 && h->n_types <= 256 &&
           h->n_chars <= 4096;
}

static size_t block_len(const struct header *h, size_t time_len)
{
    return h->n_times * (time_len + 1) + (size_t)h->n_types * 6 + h->n_chars +
           h->n_leap * (time_len + 4) + h->n_isstd + h->n_isut;
}

static int32_t offset_of_type(const uint8_t *types, unsigned type)
{
    return (int32_t)dfota_get_be32(types + (size_t)type * 6);
}

static bool fill(struct zone *zone, const struct header *h, const uint8_t *p)
{
    const uint8_t *kinds = p + (size_t)h->n_times * 8;
    const uint8_t *types = kinds + h->n_times;

    zone->n = h->n_times;
    zone->first = offset_of_type(types, 0);
    for (size_t i = 0; i < zone->n; i++) {
        zone->moments[i] = (int64_t)get_be64(p + i * 8);
        if (kinds[i] >= h->n_types ||
            (i > 0 && zone->moments[i] <= zone->moments[i - 1]))
            return false;
        zone->offsets[i] = offset_of_type(types, kinds[i]);
    }
    return true;
}

static bool parse_rest(struct zone *zone, const uint8_t *p, size_t len)
{
    char text[128];

    if (len < 2 || len - 2 >= sizeof text || p[0] != '\n' || p[len - 1] != '\n')
        return false;
    memcpy(text, p + 1, len - 2);
    text[len - 2] = '\0';
    return strlen(text) == len - 2 && parse_footer(text, &zone->footer);
}

int zone_parse(const uint8_t *bytes, size_t len, struct zone **out)
{
    struct header h;
    struct zone *zone;
    size_t skip, body;

    if (!parse_header(bytes, len, &h))
        return DFOTA_E_SYNTAX;
    skip = HEADER_LEN + block_len(&h, 4);
    if (len < skip || !parse_header(bytes + skip, len - skip, &h))
        return DFOTA_E_SYNTAX;
    bytes += skip + HEADER_LEN;
    len -= skip + HEADER_LEN;
    body = block_len(&h, 8);
    if (len < body)
        return DFOTA_E_SYNTAX;
    zone = calloc(1, sizeof *zone);
    if (!zone)
        return DFOTA_E_NOMEM;
    zone->moments = calloc(h.n_times + 1, sizeof *zone->moments);
    zone->offsets = calloc(h.n_times + 1, sizeof *zone->offsets);
    if (!zone->moments || !zone->offsets) {
        zone_free(zone);
        return DFOTA_E_NOMEM;
    }
    if (!fill(zone, &h, bytes) || !parse_rest(zone, bytes + body, len - body)) {
        zone_free(zone);
        return DFOTA_E_SYNTAX;
    }
    *out = zone;
    return 0;
}

static bool is_name(const char *name)
{
    if (!isalpha((unsigned char)name[0]) || strlen(name) > 60)
        return false;
    for (; *name; name++) {
        if (!isalnum((unsigned char)*name) && !strchr("/_+-", *name))
            return false;
    }
    return name[-1] != '/';
}

int zone_load(const char *name, struct zone **out)
{
    char path[96];
    uint8_t *bytes;
    size_t len;
    int err;

    if (!is_name(name))
        return DFOTA_E_NOTFOUND;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    err = files_read(path, FILE_MAX, &bytes, &len);
    if (err)
        return err == DFOTA_E_NOMEM ? err : DFOTA_E_NOTFOUND;
    err = zone_parse(bytes, len, out);
    free(bytes);
    return err;
}

void zone_free(struct zone *zone)
{
    if (!zone)
        return;
    free(zone->moments);
    free(zone->offsets);
    free(zone);
}

int32_t zone_offset(const struct zone *zone, int64_t utc)
{
    size_t low = 0, high = zone->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (zone->moments[middle] <= utc)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->n && zone->footer.given)
        return offset_by_footer(&zone->footer, utc);
    return low == 0 ? zone->first : zone->offsets[low - 1];
}
