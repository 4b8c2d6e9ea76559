/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Quantities as people write them, strictly: what is not wholly understood
 * is refused.
 *
 * Layer: server. Used by the configuration, the options and the plans.
 */
#ifndef DFOTA_SERVER_FLEET_UNITS_H
#define DFOTA_SERVER_FLEET_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/** A whole decimal number without leading zeros. */
bool units_number(const char *text, int64_t low, int64_t high, int64_t *out);

/** "90s", "15m", "24h", "14d": seconds. */
bool units_duration(const char *text, int64_t low, int64_t high, int64_t *out);

/** "65536", "64KiB", "16MiB", "2GiB": bytes. */
bool units_size(const char *text, int64_t low, int64_t high, int64_t *out);

/** "true" and "false", and no other word. */
bool units_bool(const char *text, bool *out);

/** "06:30": minutes since midnight, up to "24:00". */
bool units_time_of_day(const char *text, int *minutes);

/** "2026-11-20T06:30:00Z": seconds since 1970, and back. */
bool units_moment(const char *text, int64_t *out);
void units_moment_text(int64_t moment, char text[32]);

#endif
