/* SPDX-License-Identifier: Apache-2.0 */
/**
 * How old the memory of a node may be that proposes a grant.
 *
 * Layer: server. Upkeep reads the changes every second; a node that stood
 * still, or had no database, has not.
 */
#ifndef DFOTA_SERVER_FLEET_FLEET_FRESH_H
#define DFOTA_SERVER_FLEET_FLEET_FRESH_H

#include "server/fleet/fleet.h"

enum { FLEET_FRESH_MS = 2000 };

/**
 * Read what changed unless it was read at most so long ago, by the clock that
 * also runs while the machine sleeps. Where no other node writes there is
 * nothing to read.
 *
 * errors   then nothing may be granted: as fleet_refresh(); E_VERSION a newer
 *          program, which this one cannot work beside, has taken the database
 *          over (said in the log, once)
 */
int fleet_renew(struct fleet *fleet, int64_t max_age_ms);

#endif
