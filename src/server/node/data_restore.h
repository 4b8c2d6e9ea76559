/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A data folder from a backup.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_NODE_DATA_RESTORE_H
#define DFOTA_SERVER_NODE_DATA_RESTORE_H

#include "server/node/node_life.h"

/**
 * Copy a backup into config->folder, which has no database yet: contents and
 * key first, the database last, so that what was interrupted can be repeated.
 * The audit log and every content are checked on the way.
 *
 * errors   said in the log
 */
int restore_data(const char *backup, const struct node_config *config);

#endif
