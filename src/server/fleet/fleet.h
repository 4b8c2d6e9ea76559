/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a node holds in memory: modules, running plans, keys. It answers
 * refusals from here; whatever takes a slot is decided by a transaction, for
 * which this only proposes.
 *
 * Layer: server. Safe from any thread.
 */
#ifndef DFOTA_SERVER_FLEET_FLEET_H
#define DFOTA_SERVER_FLEET_FLEET_H

#include "server/fleet/decide.h"
#include "server/fleet/secrets.h"
#include "server/store/store.h"

enum { FLEET_CHOICES_MAX = 8, FLEET_VERSION_MAX = 64 };

/* A plan that would take the module, by the memory. */
struct choice {
    int64_t plan, generation, firmware;
    int64_t stage;
    int64_t stage_count; /* modules the stage takes; 0: no such limit */
    int64_t concurrency, attempts;
    int64_t download_s, update_s;
    unsigned transport;
    char version[FLEET_VERSION_MAX + 1];
};

struct fleet;

/** NULL: no memory. store: borrowed */
struct fleet *fleet_create(struct store *store);
void fleet_destroy(struct fleet *fleet);

/** Read everything. errors: those of the store */
int fleet_load(struct fleet *fleet);

/** Read what changed since. Cheap when nothing did. errors: those of the
 * store; the memory is then as old as it was */
int fleet_refresh(struct fleet *fleet);

/** Note in a transaction that others have to read that again: kind is
 * "module" (with its id), "plan" or "key". The job sets job->changed too. */
int fleet_note_change(struct sql *sql, const char *kind, int64_t object,
                      int64_t now);

/** errors: E_NOTFOUND */
int fleet_find(struct fleet *fleet, uint64_t imei, struct module_view *out);

/** What a module told of itself: kept here, written behind within a second
 * or two by fleet_write_seen(). */
void fleet_seen(struct fleet *fleet, const struct poll *poll, int64_t now);

/**
 * The plans that would take it, the best first.
 *
 * choices   out: at most FLEET_CHOICES_MAX
 * returns   0: there is one; else the number to refuse with
 */
int fleet_choose(struct fleet *fleet, const struct module_view *module,
                 const struct poll *poll, int64_t now, struct choice *choices,
                 unsigned *n_choices);

/** May the module have an open attempt? On a database of several nodes always
 * true: only the database knows. */
bool fleet_may_be_open(struct fleet *fleet, uint64_t imei);
void fleet_set_open(struct fleet *fleet, uint64_t imei, bool open);

/** The transaction saw no free slot: for a second nobody needs to ask. */
void fleet_plan_is_full(struct fleet *fleet, int64_t plan, int64_t now);

/** A slot may be free again. */
void fleet_slot_is_free(struct fleet *fleet);

/** Call with every running plan of a tenant, the first to be asked first,
 * under the fleet's lock. */
void fleet_each_plan(struct fleet *fleet, int64_t tenant,
                     void (*take)(void *ctx, const struct plan *plan),
                     void *ctx);

/** Post the job that writes what was seen. errors: as store_post(); then it
 * is written next time */
int fleet_write_seen(struct fleet *fleet);

enum { FLEET_KEY_BEFORE = -1 };

/* Keys have a number and two generations: new ones sign, both are taken. */
struct fleet_key {
    int64_t id;
    uint8_t secret[SECRETS_KEY_LEN];
};

/** kind: "token" or "url". id 0: the one to sign with;
 * FLEET_KEY_BEFORE: the one before it. errors: E_NOTFOUND */
int fleet_key(struct fleet *fleet, const char *kind, int64_t id,
              struct fleet_key *out);

/** Make a new key of that kind the one that signs. In a transaction. */
int fleet_add_key(struct sql *sql, const char *kind, int64_t now);

size_t fleet_module_count(struct fleet *fleet);
size_t fleet_plan_count(struct fleet *fleet);

#endif
