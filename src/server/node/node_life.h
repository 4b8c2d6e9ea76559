/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A node from its first start to its end.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_NODE_NODE_LIFE_H
#define DFOTA_SERVER_NODE_NODE_LIFE_H

#include "server/depot/vault.h"
#include "server/fleet/node.h"
#include "server/fleet/upkeep.h"

struct node_config {
    const char *folder;   /* --data */
    const char *database; /* for sql_open(); NULL: an SQLite file in folder */
    const char *name;     /* NULL: host name */
    unsigned disk_percent_min;
    bool approve_self; /* a plan's maker may approve it alone */
};

/**
 * Open database and memory; at the first start make the keys. Nobody has an
 * account then: root and the server's user make the first one through the
 * socket in the data folder.
 *
 * errors   said in the log
 */
int node_open(const struct node_config *config, struct node *node,
              struct vault **vault);

/** Copy the database of a node that does not run to another, empty one, and
 * the contents where that one keeps them.
 * errors: said in the log */
int node_migrate(const struct node_config *config, const char *to);

/** Everything queued is done and answered. Harmless on a zeroed node. */
void node_quiesce(struct node *node);
void node_close(struct node *node, struct vault *vault);

#endif
