/* SPDX-License-Identifier: Apache-2.0 */
/**
 * How long a plan takes with modules that poll every 14 to 15 days.
 *
 * Layer: server. Pure: the same numbers give the same answer.
 */
#ifndef DFOTA_SERVER_FLEET_FORECAST_H
#define DFOTA_SERVER_FLEET_FORECAST_H

struct forecast {
    int days_50, days_95, days_99; /* until that share has polled inside */
};

/**
 * Simulate modules that poll at a random moment and then every 14 days and 0
 * to 24 random hours, until they poll inside of a daily window.
 *
 * from, to  minutes of the day; equal: all day
 * cost      some 10 ms for a window of an hour
 */
void forecast_polls(int from, int to, struct forecast *out);

#endif
