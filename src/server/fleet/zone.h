/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Time zones: how far local time is from UTC at a moment.
 *
 * Layer: server. The C library knows one zone a process; a server has plans
 * in many. Files are those of the tz database (RFC 8536, version 2 on).
 */
#ifndef DFOTA_SERVER_FLEET_ZONE_H
#define DFOTA_SERVER_FLEET_ZONE_H

#include <stddef.h>
#include <stdint.h>

struct zone;

/**
 * Load a zone of this machine.
 *
 * name     "Europe/Berlin", "UTC"
 * errors   E_NOTFOUND there is no such zone; E_SYNTAX its file is damaged;
 *          E_NOMEM
 */
int zone_load(const char *name, struct zone **out);

/** From the bytes of a file. errors: E_SYNTAX, E_NOMEM */
int zone_parse(const uint8_t *bytes, size_t len, struct zone **out);

/** NULL is harmless. */
void zone_free(struct zone *zone);

/** Seconds to add to UTC to get local time, at a moment (seconds since
 * 1970). */
int32_t zone_offset(const struct zone *zone, int64_t utc);

#endif
