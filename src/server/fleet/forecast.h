/* SPDX-License-Identifier: Apache-2.0 */
/**
 * How long a plan takes with modules that poll every 14 to 15 days.
 *
 * Layer: server. Pure: the same numbers give the same answer.
 */
#ifndef DFOTA_SERVER_FLEET_FORECAST_H
#define DFOTA_SERVER_FLEET_FORECAST_H

#include <stdint.h>

struct forecast_question {
    int from, to;           /* minutes of the day; equal: all day */
    int64_t modules;        /* that the plan takes */
    int64_t concurrency;    /* attempts at a time; each is taken to last an
                               hour */
    int64_t pace, pace_min; /* grants in so many minutes; 0: no such limit */
};

enum { FORECAST_DAYS_MAX = 3650 };

struct forecast {
    /* Until that share has got it; FORECAST_DAYS_MAX: or longer. */
    int days_50, days_95, days_99;
    int permille_30; /* that have got it after 30 days */
};

/**
 * Simulate modules that poll at a random moment and then every 14 days and 0
 * to 24 random hours, until they get a package: inside of the window, and
 * while the limits let them. Always 4000 are simulated, with limits as much
 * smaller or larger.
 *
 * cost     some 10 ms for a window of an hour
 */
void forecast(const struct forecast_question *q, struct forecast *out);

#endif
