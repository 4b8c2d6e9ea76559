/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The audit log: what people, tokens and the server decide. Every entry's
 * hash covers the one before it, one chain a node, so an entry that was
 * changed or taken out shows; the head, told elsewhere, shows a cut tail.
 * Entries that were too old to keep leave the number and hash of their last
 * one behind (audit_anchor), where the chain goes on.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_FLEET_LEDGER_H
#define DFOTA_SERVER_FLEET_LEDGER_H

#include "server/store/sql.h"

struct ledger_entry {
    const char *node;
    int64_t at, tenant;
    const char *actor;  /* "ada", "token:ci", "server" */
    const char *action; /* "plan.approve" */
    const char *object; /* "plan:12" */
    const char *detail; /* "" or a sentence */
};

/** Append, in the transaction of what it tells. Only the node's writer does
 * it, so the chain has no forks. errors: those of sql_run() */
int ledger_add(struct sql *sql, const struct ledger_entry *entry);

struct ledger_head {
    int64_t entries; /* of all nodes, for ledger_verify() */
    char node[64];   /* on an error: where */
    int64_t number;  /* on an error: which */
    char hash[65];   /* of the last entry of the last node */
};

/**
 * Check all chains.
 *
 * errors   E_CORRUPT: head says which entry does not fit its hash, or is
 *          missing; those of sql_query()
 */
int ledger_verify(struct sql *sql, struct ledger_head *head);

/** The head of a node's chain; number 0: it has none. node may be
 * head->node. errors: those of sql_query() */
int ledger_head_of(struct sql *sql, const char *node, struct ledger_head *head);

/** Is that entry there, with that hash, or cut off as too old? errors:
 * E_CORRUPT no; those of sql_query() */
int ledger_has_head(struct sql *sql, const struct ledger_head *head);

/** The node after this one; "" before the first. returns DFOTA_MORE; 0: there
 * is none; errors of sql_query() */
int ledger_next_node(struct sql *sql, char node[64]);

#endif
