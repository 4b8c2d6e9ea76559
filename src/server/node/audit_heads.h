/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Heads of the audit log, told outside of the database: in the server's log,
 * in data/audit-heads and in each backup, so that a tail that was cut off
 * shows.
 *
 * Layer: server. A line of the file: moment, node, number, hash.
 */
#ifndef DFOTA_SERVER_NODE_AUDIT_HEADS_H
#define DFOTA_SERVER_NODE_AUDIT_HEADS_H

#include "server/fleet/node.h"

/** Tell the head of this node's log, if it is another one than last time.
 * What fails is said in the log. */
void audit_heads_note(const struct node *node);

/** Read "node:number:hash", as a person copied it from the log. false: that is
 * none */
bool audit_heads_read(const char *text, struct ledger_head *head);

/** All nodes' heads of now into folder/audit-heads. errors: E_IO, those of
 * the database */
int audit_heads_write(struct sql *sql, const char *folder, int64_t now);

/**
 * Does the database still have every head that was told?
 *
 * wrong    out: the one that it has not, or has otherwise
 * errors   E_CORRUPT; E_SYNTAX the file cannot be read; those of sql_query()
 */
int audit_heads_check(const struct node *node, struct sql *sql,
                      struct ledger_head *wrong);

#endif
