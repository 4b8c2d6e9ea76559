/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people and modules send to a node: contents of calls, through the
 * schema and into the call itself (in a transaction that is rolled back);
 * addresses of packages; cookies; tokens. The first byte says which.
 */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "os/log.h"
#include "server/api/api_schema.h"
#include "server/fleet/sessions.h"
#include "server/fleet/token.h"
#include "server/node/node_life.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Those without files and without other threads. */
static const struct {
    enum http_method method;
    const char *path, *part;
} calls[] = {{HTTP_POST, "users", NULL},
             {HTTP_PATCH, "users/{}", "ada"},
             {HTTP_POST, "tokens", NULL},
             {HTTP_POST, "tenants", NULL},
             {HTTP_POST, "webhooks", NULL},
             {HTTP_POST, "modules/import", NULL},
             {HTTP_PATCH, "modules/{}", "350000000000001"},
             {HTTP_POST, "modules/{}/move", "350000000000001"}};

static struct node node;
static struct vault *vault;
static char folder[] = "/tmp/fuzz-api-XXXXXX";

static int remove_one(const char *path, const struct stat *status, int kind,
                      struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static void clean_up(void)
{
    node_quiesce(&node);
    node_close(&node, vault);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A node with a person and a module, in a folder that goes at the end. */
static void set_up(void)
{
    struct node_config config = {.folder = folder, .name = "fuzz"};
    struct sql *sql;

    if (node.store)
        return;
    log_init("fuzz", LOG_LEVEL_NONE);
    if (!mkdtemp(folder) || node_open(&config, &node, &vault) != 0 ||
        store_read_begin(node.store, &sql) != 0)
        abort();
    if (sql_script(sql, "INSERT INTO person (tenant, name, role, created) "
                        "VALUES (1, 'ada', 'viewer', 1);"
                        "INSERT INTO module (tenant, imei, name, model, "
                        "version, class, grp, tags, state, updates, created) "
                        "VALUES (1, '350000000000001', 'one', 'm', '1', '', "
                        "'', '', 'active', 0, 1)") != 0)
        abort();
    store_read_end(node.store, sql);
    atexit(clean_up);
}

static const struct api_route *route_of(enum http_method method,
                                        const char *path)
{
    for (unsigned t = 0; api_table(t); t++) {
        for (const struct api_route *r = api_table(t); r->path; r++) {
            if (r->method == method && strcmp(r->path, path) == 0)
                return r;
        }
    }
    abort();
}

/* An answer is a sentence for whoever is refused, and an object. */
static void check_answer(const struct api_call *call, int err)
{
    if (err == DFOTA_E_CANCELLED && call->status >= 400 &&
        json_string_length(json_object_get(call->answer, "detail")) == 0)
        abort();
    if (!err && (call->status < 200 || call->status > 299 ||
                 !json_is_object(call->answer)))
        abort();
}

static void run_call(struct api_call *call)
{
    struct sql *sql;
    int err = api_schema_check(call);

    if (!err && store_read_begin(node.store, &sql) == 0) {
        if (sql_begin(sql) != 0)
            abort();
        err = call->route->run(call, sql);
        sql_rollback(sql);
        store_read_end(node.store, sql);
    }
    check_answer(call, err);
}

static void try_call(unsigned which, const char *text, size_t len)
{
    struct api api = {.node = &node};
    struct http_request request = {
        .body = text, .body_len = len, .body_fd = -1, .path = ""};
    struct api_call call = {
        .api = &api,
        .request = &request,
        .actor = {.name = "ada", .role = ROLE_SITE, .tenant = 1}};

    which %= sizeof calls / sizeof calls[0];
    request.method = calls[which].method;
    call.route = route_of(calls[which].method, calls[which].path);
    call.parts[0] = calls[which].part;
    call.body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(call.body))
        run_call(&call);
    json_decref(call.body);
    json_decref(call.answer);
}

static void try_cookie(const char *text)
{
    char word[SECRETS_WORD_ROOM];

    if (sessions_cookie(text, word) && strlen(word) != SECRETS_WORD_ROOM - 1)
        abort();
}

static void try_token(const char *text)
{
    struct token token;

    if (token_check(&node, text, 1800000000, &token) == 0)
        abort(); /* it was not signed here */
}

static void try_path(const char *text)
{
    char package[SECRETS_SIG_ROOM];

    if (token_check_path(&node, text, 1800000000, package) == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text;

    if (len < 2)
        return 0;
    set_up();
    text = malloc(len);
    if (!text)
        return 0;
    memcpy(text, data + 1, len - 1);
    text[len - 1] = '\0';
    if (data[0] % 4 == 0)
        try_call(data[1], text + 1, len - 2);
    else if (data[0] % 4 == 1)
        try_path(text);
    else if (data[0] % 4 == 2)
        try_cookie(text);
    else
        try_token(text);
    free(text);
    return 0;
}
