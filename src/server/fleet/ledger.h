/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The audit log: what people, tokens and the server decide. Every entry's
 * hash covers the one before it, one chain a node, so an entry that was
 * changed or taken out shows; the head, told elsewhere, shows a cut tail.
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
    int64_t entries;
    char node[64];  /* on an error: where */
    int64_t number; /* on an error: which */
    char hash[65];  /* of the last entry of the last node */
};

/**
 * Check all chains.
 *
 * errors   E_CORRUPT: head says which entry does not fit its hash, or is
 *          missing; those of sql_query()
 */
int ledger_verify(struct sql *sql, struct ledger_head *head);

#endif
