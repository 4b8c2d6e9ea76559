/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Everything from one database into another, empty one.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_STORE_MOVE_H
#define DFOTA_SERVER_STORE_MOVE_H

#include "server/store/sql.h"

/**
 * Copy all tables in one transaction of the target, which gets its tables
 * first. No server may work on the source.
 *
 * rows     out: how many
 * errors   E_ARG the target is not empty (said in the log); those of
 *          sql_run()
 */
int move_all(struct sql *from, struct sql *to, int64_t *rows);

/** The same into a new database, as it is at one moment, while others go on
 * writing. url: of the new one. errors: as move_all() */
int move_copy(struct sql *from, const char *url, int64_t *rows);

#endif
