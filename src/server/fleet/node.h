/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What one dfotad has: the services of a node hang on it.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_FLEET_NODE_H
#define DFOTA_SERVER_FLEET_NODE_H

#include <stdatomic.h>

#include "server/fleet/fleet.h"
#include "server/fleet/ledger.h"
#include "server/fleet/server_clock.h"
#include "server/store/store.h"

enum { NODE_NAME_ROOM = 64, NODE_URL_ROOM = 160 };

struct node {
    char name[NODE_NAME_ROOM]; /* of this node, in attempts and audit */
    char folder[1024];         /* --data */
    struct store *store;
    struct fleet *fleet;
    const struct server_clock *clock;
    uint8_t secret[SECRETS_KEY_LEN]; /* passwords are hashed with it; never
                                        in the database */
    /* How modules reach it, or "". */
    char public_http[NODE_URL_ROOM], public_https[NODE_URL_ROOM];
    char public_coap[NODE_URL_ROOM], public_coaps[NODE_URL_ROOM];
    bool second_person;          /* a plan's maker may not approve it */
    atomic_bool clock_is_off;    /* no grant, no deadline until it is right */
    atomic_bool database_is_off; /* the last round of upkeep failed */
};

/** An entry of the audit log, by this node, now. */
static inline int node_audit(const struct node *node, struct sql *sql,
                             int64_t tenant, const char *actor,
                             const char *action, const char *object,
                             const char *detail)
{
    const struct ledger_entry entry = {.node = node->name,
                                       .at = clock_wall(node->clock),
                                       .tenant = tenant,
                                       .actor = actor,
                                       .action = action,
                                       .object = object,
                                       .detail = detail};

    return ledger_add(sql, &entry);
}

#endif
