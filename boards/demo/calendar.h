/* SPDX-License-Identifier: Apache-2.0 */
/** Civil time in UTC, Gregorian, from 1970 to 2105. */
#ifndef DEMO_CALENDAR_H
#define DEMO_CALENDAR_H

#include <stddef.h>
#include <stdint.h>

struct calendar {
    int year, month, day, hour, minute, second; /* month and day from 1 */
    int weekday;                                /* 0 is Sunday */
};

void calendar_from_seconds(struct calendar *c, uint32_t seconds);
uint32_t calendar_to_seconds(const struct calendar *c);

/** "2026-01-31T23:59:59Z", 21 bytes with NUL. */
void calendar_iso(uint32_t seconds, char *out, size_t cap);

/** Parse what calendar_iso() writes; 0 or -1. */
int calendar_parse(const char *text, uint32_t *seconds);

#endif
