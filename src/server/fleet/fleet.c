/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/fleet/fleet_priv.h"

enum { NAMES_MAX = 1000000, MODULES_AT_ONCE = 4096 };

struct fleet *fleet_create(struct store *store)
{
    struct fleet *fleet = calloc(1, sizeof *fleet);

    if (!fleet)
        return NULL;
    pthread_mutex_init(&fleet->lock, NULL);
    pthread_mutex_init(&fleet->refreshing, NULL);
    fleet->store = store;
    fleet->names = names_create(NAMES_MAX);
    fleet->modules = module_table_create();
    if (fleet->names && fleet->modules)
        return fleet;
    fleet_destroy(fleet);
    return NULL;
}

void fleet_destroy(struct fleet *fleet)
{
    if (!fleet)
        return;
    fleet_plans_release(&fleet->plans);
    names_destroy(fleet->names);
    module_table_destroy(fleet->modules);
    pthread_mutex_destroy(&fleet->refreshing);
    pthread_mutex_destroy(&fleet->lock);
    free(fleet->dirty);
    free(fleet);
}

static void view_of(const struct fleet *fleet, const struct module_row *row,
                    struct module_view *out)
{
    *out = (struct module_view){
        .id = row->id,
        .tenant = row->tenant,
        .imei = row->imei,
        .model = names_text(fleet->names, row->model),
        .version = names_text(fleet->names, row->version),
        .class_name = names_text(fleet->names, row->class_name),
        .group = names_text(fleet->names, row->group),
        .tags = names_text(fleet->names, row->tags),
        .state = row->state,
        .tried = row->tried,
        .updates = row->updates,
        .last_seen = row->last_seen,
        .battery = row->battery,
        .rssi = row->rssi};
}

int fleet_find(struct fleet *fleet, uint64_t imei, struct module_view *out)
{
    struct module_row *row;

    pthread_mutex_lock(&fleet->lock);
    row = module_table_find(fleet->modules, imei);
    if (row)
        view_of(fleet, row, out);
    pthread_mutex_unlock(&fleet->lock);
    return row && row->state != MODULE_RETIRED ? 0 : DFOTA_E_NOTFOUND;
}

int fleet_choose(struct fleet *fleet, const struct module_view *module,
                 const struct poll *poll, int64_t now, struct choice *choices,
                 unsigned *n_choices)
{
    int code;

    pthread_mutex_lock(&fleet->lock);
    code = fleet_plans_choose(&fleet->plans, module, poll, now, choices,
                              n_choices);
    pthread_mutex_unlock(&fleet->lock);
    return code;
}

bool fleet_is_shared(const struct fleet *fleet)
{
    return fleet->shared;
}

void fleet_set_tried(struct fleet *fleet, uint64_t imei)
{
    struct module_row *row;

    pthread_mutex_lock(&fleet->lock);
    row = module_table_find(fleet->modules, imei);
    if (row)
        row->tried = true;
    pthread_mutex_unlock(&fleet->lock);
}

void fleet_plan_is_full(struct fleet *fleet, int64_t plan, int64_t now)
{
    pthread_mutex_lock(&fleet->lock);
    for (size_t i = 0; i < fleet->plans.n; i++) {
        if (fleet->plans.all[i].id == plan)
            fleet->plans.all[i].full_until = now;
    }
    pthread_mutex_unlock(&fleet->lock);
}

void fleet_slot_is_free(struct fleet *fleet)
{
    pthread_mutex_lock(&fleet->lock);
    for (size_t i = 0; i < fleet->plans.n; i++)
        fleet->plans.all[i].full_until = 0;
    pthread_mutex_unlock(&fleet->lock);
}

static bool each_of(struct fleet *fleet, int64_t tenant, size_t *at,
                    void (*take)(void *ctx, const struct module_view *module),
                    void *ctx)
{
    size_t end = module_table_count(fleet->modules);
    bool last = end - *at <= MODULES_AT_ONCE;

    if (!last)
        end = *at + MODULES_AT_ONCE;
    for (; *at < end; ++*at) {
        const struct module_row *row = module_table_at(fleet->modules, *at);
        struct module_view view;

        if (row->tenant != tenant || row->state == MODULE_RETIRED)
            continue;
        view_of(fleet, row, &view);
        take(ctx, &view);
    }
    return !last;
}

void fleet_each_module(struct fleet *fleet, int64_t tenant,
                       void (*take)(void *ctx,
                                    const struct module_view *module),
                       void *ctx)
{
    size_t at = 0;
    bool more = true;

    while (more) {
        pthread_mutex_lock(&fleet->lock);
        more = each_of(fleet, tenant, &at, take, ctx);
        pthread_mutex_unlock(&fleet->lock);
    }
}

void fleet_each_plan(struct fleet *fleet, int64_t tenant,
                     void (*take)(void *ctx, const struct plan *plan),
                     void *ctx)
{
    pthread_mutex_lock(&fleet->lock);
    for (size_t i = 0; i < fleet->plans.n; i++) {
        if (fleet->plans.all[i].tenant == tenant)
            take(ctx, &fleet->plans.all[i]);
    }
    pthread_mutex_unlock(&fleet->lock);
}

int fleet_key(struct fleet *fleet, const char *kind, int64_t id,
              struct fleet_key *out)
{
    int err = DFOTA_E_NOTFOUND;
    unsigned generation = 0;

    pthread_mutex_lock(&fleet->lock);
    for (unsigned i = 0; err && i < fleet->n_keys && generation < 2; i++) {
        if (strcmp(fleet->keys[i].kind, kind) != 0)
            continue;
        generation++;
        if (id == 0 || fleet->keys[i].key.id == id ||
            (id == FLEET_KEY_BEFORE && generation == 2)) {
            *out = fleet->keys[i].key;
            err = 0;
        }
    }
    pthread_mutex_unlock(&fleet->lock);
    return err;
}

int fleet_add_key(struct sql *sql, const char *kind, int64_t now)
{
    uint8_t secret[SECRETS_KEY_LEN];
    char hex[SECRETS_HEX_ROOM];
    int err;

    secrets_random(secret, sizeof secret);
    secrets_to_hex(secret, sizeof secret, hex);
    err = sql_run(sql,
                  "INSERT INTO secret_key (kind, secret, created) "
                  "VALUES ($1, $2, $3)",
                  SQL_ARGS(SQL_TEXT(kind), SQL_TEXT(hex), SQL_INT(now)), NULL);
    return err ? err : fleet_note_change(sql, "key", 0, now);
}

size_t fleet_module_count(struct fleet *fleet)
{
    size_t n;

    pthread_mutex_lock(&fleet->lock);
    n = module_table_count(fleet->modules);
    pthread_mutex_unlock(&fleet->lock);
    return n;
}

size_t fleet_plan_count(struct fleet *fleet)
{
    size_t n;

    pthread_mutex_lock(&fleet->lock);
    n = fleet->plans.n;
    pthread_mutex_unlock(&fleet->lock);
    return n;
}
