/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The fleet's memory, shared by the files that make it up: asking (fleet.c),
 * reading (fleet_read.c), writing behind (fleet_seen.c).
 *
 * Layer: server. refreshing is taken before lock.
 */
#ifndef DFOTA_SERVER_FLEET_FLEET_PRIV_H
#define DFOTA_SERVER_FLEET_FLEET_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/fleet/fleet.h"
#include "server/fleet/fleet_plans.h"
#include "server/fleet/module_table.h"
#include "server/fleet/names.h"

enum { FLEET_KEYS_MAX = 8 };

struct named_key {
    char kind[12];
    struct fleet_key key;
};

struct fleet {
    struct store *store;
    bool shared; /* several nodes may work on the database */
    pthread_mutex_t lock;
    pthread_mutex_t refreshing;
    struct names *names;
    struct module_table *modules;
    struct fleet_plans plans;
    struct named_key keys[FLEET_KEYS_MAX];
    unsigned n_keys;
    int64_t last_change;
    _Atomic int64_t fresh_ms; /* since boot: when the changes were read */
    atomic_bool outdated;     /* the database is that of a newer program */
    uint64_t *dirty;          /* IMEIs with something to write */
    size_t n_dirty, dirty_room;
};

#endif
