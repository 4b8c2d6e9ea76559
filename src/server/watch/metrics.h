/* SPDX-License-Identifier: Apache-2.0 */
/**
 * /metrics: what those who watch the server count, in the text format of
 * Prometheus. Of modules there are numbers only, never names.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_WATCH_METRICS_H
#define DFOTA_SERVER_WATCH_METRICS_H

#include "os/buffer.h"
#include "server/watch/admin.h"

/** Append all of it. What cannot be asked of the database is left out, and
 * dfota_database_up says so. */
void metrics_write(const struct admin *admin, struct buffer *out);

#endif
