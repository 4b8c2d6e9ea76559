/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The contents that a whole database names: moved with it, brought for a
 * backup, looked for.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_NODE_DATA_CONTENTS_H
#define DFOTA_SERVER_NODE_DATA_CONTENTS_H

#include "server/depot/vault.h"

/**
 * For a database that moves: what `from` names goes from the folder, or from
 * `from` itself, into `to`, if nodes share that, and else into the folder. For
 * a node that does not run. What is nowhere is said in the log, and no error.
 *
 * errors   those of the vault and of sql_run()
 */
int contents_move(const char *folder, struct sql *from, struct sql *to);

/** Have all that a database names in the folder. What is nowhere is said in
 * the log, and no error. errors: as vault_bring() */
int contents_complete(struct vault *vault, struct sql *sql);

/** Contents that rows name and that are neither in the folder nor in the
 * database. n: out: how many; first: out: one of them. errors: as
 * sql_query() */
int contents_lost(const struct vault *vault, struct sql *sql, int64_t *n,
                  char first[VAULT_HEX_ROOM]);

#endif
