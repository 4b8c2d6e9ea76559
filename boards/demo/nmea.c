/* SPDX-License-Identifier: Apache-2.0 */
#include "nmea.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calendar.h"
#include "codecs.h"

#define FIELDS 20
#define LINE_MAX 100

static int checksum_ok(const char *line)
{
    const char *star = strchr(line, '*');
    unsigned sum = 0;

    if (line[0] != '$' || !star)
        return 0;
    for (const char *p = line + 1; p < star; p++)
        sum ^= (unsigned char)*p;
    return strtoul(star + 1, NULL, 16) == sum;
}

static int split(char *line, char *fields[FIELDS])
{
    int n = 0;

    fields[n++] = line;
    for (; *line && *line != '*'; line++) {
        if (*line == ',' && n < FIELDS) {
            *line = '\0';
            fields[n++] = line + 1;
        }
    }
    *line = '\0';
    return n;
}

/* "4807.038","N": degrees and minutes to degrees. */
static double degrees(const char *number, const char *side)
{
    double v = strtod(number, NULL), whole = floor(v / 100);
    double d = whole + (v - whole * 100) / 60;

    return *side == 'S' || *side == 'W' ? -d : d;
}

static unsigned two(const char *p)
{
    return (unsigned)((p[0] - '0') * 10 + p[1] - '0');
}

static uint32_t day_seconds(const char *hhmmss)
{
    if (strspn(hhmmss, "0123456789") < 6)
        return 0;
    return two(hhmmss) * 3600 + two(hhmmss + 2) * 60 + two(hhmmss + 4);
}

static int gga(struct nmea_fix *fix, char **f, int n)
{
    if (n < 11 || *f[6] == '0' || *f[6] == '\0')
        return -1;
    fix->lat = degrees(f[2], f[3]);
    fix->lon = degrees(f[4], f[5]);
    fix->quality = decimal(f[6]);
    fix->satellites = decimal(f[7]);
    fix->altitude = strtod(f[9], NULL);
    if (!fix->date_known)
        fix->time = day_seconds(f[1]);
    return 0;
}

static int rmc(struct nmea_fix *fix, char **f, int n)
{
    struct calendar c = {0};
    const char *d;

    if (n < 10 || *f[2] != 'A')
        return -1;
    fix->lat = degrees(f[3], f[4]);
    fix->lon = degrees(f[5], f[6]);
    fix->knots = strtod(f[7], NULL);
    fix->course = strtod(f[8], NULL);
    d = f[9];
    if (strspn(d, "0123456789") < 6)
        return 0;
    c.day = (int)two(d);
    c.month = (int)two(d + 2);
    c.year = 2000 + (int)two(d + 4);
    fix->time = calendar_to_seconds(&c) + day_seconds(f[1]);
    fix->date_known = true;
    return 0;
}

int nmea_line(struct nmea_fix *fix, const char *line)
{
    char copy[LINE_MAX], *fields[FIELDS];
    int n;

    if (strlen(line) >= sizeof(copy) || !checksum_ok(line))
        return -1;
    snprintf(copy, sizeof(copy), "%s", line + 1);
    n = split(copy, fields);
    if (strlen(fields[0]) != 5)
        return -1;
    if (strcmp(fields[0] + 2, "GGA") == 0)
        return gga(fix, fields, n);
    if (strcmp(fields[0] + 2, "RMC") == 0)
        return rmc(fix, fields, n);
    return -1;
}
