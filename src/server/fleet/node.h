/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What one dfotad has: the services of a node hang on it.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_FLEET_NODE_H
#define DFOTA_SERVER_FLEET_NODE_H

#include <stdatomic.h>

#include "server/fleet/events.h"
#include "server/fleet/fleet.h"
#include "server/fleet/ledger.h"
#include "server/fleet/server_clock.h"
#include "server/store/store.h"

enum { NODE_NAME_ROOM = 64, NODE_URL_ROOM = 160, NODE_CLOCK_JUMP_S = 300 };

struct recheck;

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
    bool second_person;       /* a plan's maker may not approve it */
    bool loopback;            /* its modules are on this machine */
    struct recheck *recheck;  /* NULL: no other node has the database */
    atomic_bool clock_is_off; /* no grant, no deadline until it is right */
    atomic_bool has_clock_offset;
    _Atomic int64_t clock_offset_s; /* wall less steady clock, as accepted */
    atomic_bool database_is_off;    /* the last round of upkeep failed */
};

/** Is the wall clock another than it was a moment ago? Then nothing is
 * granted, also before upkeep has noticed. */
static inline bool node_clock_is_off(const struct node *node)
{
    int64_t by = clock_wall(node->clock) - clock_steady(node->clock) -
                 atomic_load(&node->clock_offset_s);

    return atomic_load(&node->clock_is_off) ||
           (atomic_load(&node->has_clock_offset) &&
            (by > NODE_CLOCK_JUMP_S || by < -NODE_CLOCK_JUMP_S));
}

/** An entry of the audit log, by this node, now; and an event of it. */
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

    int err = ledger_add(sql, &entry);

    return err ? err
               : events_add(sql, tenant, "audit", 0,
                            json_pack("{s:s, s:s, s:s, s:s}", "actor", actor,
                                      "action", action, "object", object,
                                      "detail", detail),
                            entry.at);
}

#endif
