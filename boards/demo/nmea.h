/* SPDX-License-Identifier: Apache-2.0 */
/** Sentences of a satellite receiver: GGA and RMC. */
#ifndef DEMO_NMEA_H
#define DEMO_NMEA_H

#include <stdbool.h>
#include <stdint.h>

struct nmea_fix {
    double lat, lon, altitude; /* degrees, degrees, metres */
    double knots, course;
    uint32_t time; /* seconds since 1970 when date is known, else of the day */
    int satellites, quality;
    bool date_known;
};

/**
 * Take in a line "$..*hh": 0 when something was learnt, -1 for a wrong
 * checksum, a field that is no number, or a sentence of no interest.
 */
int nmea_line(struct nmea_fix *fix, const char *line);

#endif
