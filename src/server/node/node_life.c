/* SPDX-License-Identifier: Apache-2.0 */
#include "server/node/node_life.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"
#include "server/fleet/recheck.h"
#include "server/node/data_contents.h"
#include "server/store/move.h"

/* After COMMIT of what changed, so that the next request sees it. */
static void on_committed(void *ctx)
{
    struct node *node = ctx;

    if (node->fleet)
        fleet_refresh(node->fleet);
}

struct first_job {
    struct job job;
    struct node *node;
};

static int make_keys(struct sql *sql, int64_t now)
{
    int64_t n;
    int err = sql_one_int(sql, &n, "SELECT count(*) FROM secret_key", SQL_NONE);

    if (err || n > 0)
        return err;
    err = fleet_add_key(sql, "token", now);
    return err ? err : fleet_add_key(sql, "url", now);
}

static int run_first(struct sql *sql, struct job *job)
{
    struct first_job *first = (struct first_job *)job;

    job->changed = true;
    return make_keys(sql, clock_wall(first->node->clock));
}

static int first_start(struct node *node)
{
    struct first_job first = {.job = {.run = run_first}, .node = node};

    return store_do(node->store, &first.job);
}

static int open_store(const struct node_config *config, struct node *node)
{
    char url[1100];
    const struct store_config to_open = {
        .url = config->database ? config->database : url,
        .folder = node->folder,
        .disk_percent_min = config->disk_percent_min,
        .committed = on_committed,
        .ctx = node};

    snprintf(url, sizeof url, "sqlite:%s/dfotad.db", node->folder);
    return store_open(&to_open, &node->store);
}

static int name_node(const struct node_config *config, struct node *node)
{
    if (config->name)
        snprintf(node->name, sizeof node->name, "%s", config->name);
    else if (gethostname(node->name, sizeof node->name - 1) != 0)
        snprintf(node->name, sizeof node->name, "node");
    return 0;
}

int node_open(const struct node_config *config, struct node *node,
              struct vault **vault)
{
    char path[1100];
    int err;

    node->clock = &server_clock_real;
    node->second_person = !config->approve_self;
    snprintf(node->folder, sizeof node->folder, "%s", config->folder);
    name_node(config, node);
    if (files_make_folder(node->folder) != 0) {
        log_error("%s: %s; choose another data folder with --data",
                  node->folder, strerror(errno));
        return DFOTA_E_IO;
    }
    snprintf(path, sizeof path, "%s/secret.key", node->folder);
    err = secrets_file(path, node->secret);
    if (!err)
        err = vault_open(node->folder, vault);
    if (!err)
        err = open_store(config, node);
    if (!err)
        err = first_start(node);
    if (!err) {
        node->fleet = fleet_create(node->store);
        err = node->fleet ? fleet_load(node->fleet) : DFOTA_E_NOMEM;
    }
    if (!err && fleet_is_shared(node->fleet)) {
        node->recheck = recheck_create(node->fleet);
        err = node->recheck ? 0 : DFOTA_E_NOMEM;
    }
    if (!err && fleet_is_shared(node->fleet))
        err = vault_connect(*vault, node->store, node->clock);
    if (!err)
        log_info("%zu modules, %zu running plans",
                 fleet_module_count(node->fleet),
                 fleet_plan_count(node->fleet));
    return err;
}

int node_migrate(const struct node_config *config, const char *to)
{
    struct sql *source = NULL, *target = NULL;
    char url[1100];
    int64_t rows = 0;
    int err;

    snprintf(url, sizeof url, "sqlite:%.1000s/dfotad.db", config->folder);
    err = sql_open(config->database ? config->database : url, &source);
    if (!err)
        err = sql_open(to, &target);
    /* the rows last, so that what was interrupted can be repeated */
    if (!err)
        err = contents_move(config->folder, source, target);
    if (!err)
        err = move_all(source, target, &rows);
    if (err && err != DFOTA_E_ARG) /* said already */
        log_error("nothing was copied: %s", dfota_strerror(err));
    if (!err)
        printf("dfotad: %" PRId64 " rows copied; start with --database %s\n",
               rows, to);
    sql_close(target);
    sql_close(source);
    return err;
}

void node_quiesce(struct node *node)
{
    if (node->fleet && node->store)
        fleet_write_seen(node->fleet);
    recheck_quiesce(node->recheck);
    store_quiesce(node->store);
}

void node_close(struct node *node, struct vault *vault)
{
    recheck_destroy(node->recheck);
    store_close(node->store);
    fleet_destroy(node->fleet);
    vault_close(vault);
    explicit_bzero(node->secret, sizeof node->secret);
}
