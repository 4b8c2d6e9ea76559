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

enum { FLEET_CHOICES_MAX = 16, FLEET_VERSION_MAX = 64, FLEET_ASKED_MAX = 256 };

/* A plan that selects the module, by the memory. */
struct choice {
    int code; /* 0: it would take it; else why not now */
    int64_t plan, generation, firmware;
    int64_t stage;
    int64_t stage_count; /* modules the stage takes; 0: no such limit */
    int64_t concurrency, attempts;
    int64_t download_s, update_s;
    int64_t pace_grants, pace_bytes, pace_s;
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
 * The plans that select it, the best first: of those that would take it now,
 * and of those that would not, at most half of FLEET_CHOICES_MAX each.
 *
 * choices   out: FLEET_CHOICES_MAX of them
 * returns   0: one would take it; else the number to refuse with, as long as
 *           it has not tried any of them yet
 */
int fleet_choose(struct fleet *fleet, const struct module_view *module,
                 const struct poll *poll, int64_t now, struct choice *choices,
                 unsigned *n_choices);

/** It has an attempt, as far as this node knows. */
void fleet_set_tried(struct fleet *fleet, uint64_t imei);

/** Do other nodes grant attempts that this one does not hear of? */
bool fleet_is_shared(const struct fleet *fleet);

/**
 * Read what changed, and whether one of these modules has an attempt that is
 * open or of a plan under way, at whatever node: then only a transaction can
 * tell what it gets. For the others the memory is right, as of this call.
 *
 * ids      numbers of modules
 * tried    out
 * n        at most FLEET_ASKED_MAX
 * cost     three statements
 * errors   those of the store
 */
int fleet_ask_tried(struct fleet *fleet, const int64_t *ids, bool *tried,
                    size_t n);

/** The transaction saw no free slot: for a second nobody needs to ask. */
void fleet_plan_is_full(struct fleet *fleet, int64_t plan, int64_t now);

/** A slot may be free again. */
void fleet_slot_is_free(struct fleet *fleet);

/** Call with every module of a tenant that is not retired, some thousand at a
 * time under the fleet's lock. */
void fleet_each_module(struct fleet *fleet, int64_t tenant,
                       void (*take)(void *ctx,
                                    const struct module_view *module),
                       void *ctx);

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

/** Running plans that go over LwM2M. */
size_t fleet_led_plans(struct fleet *fleet);

size_t fleet_module_count(struct fleet *fleet);
size_t fleet_plan_count(struct fleet *fleet);

#endif
