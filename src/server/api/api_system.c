/* SPDX-License-Identifier: Apache-2.0 */
/* The server itself: is all well, the clock, a check of the data. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "server/api/api_call.h"

/* ---- is all well? ---- */

static void tell(json_t *list, const char *check, bool fine, const char *what)
{
    json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "check", check,
                                          "fine", fine, "what", what));
}

static bool is_loopback(const char *url)
{
    return strstr(url, "//127.") || strstr(url, "//localhost") ||
           strstr(url, "//[::1]");
}

static void check_address(const struct node *node, json_t *list)
{
    const char *url =
        node->public_https[0] ? node->public_https : node->public_http;

    if (*url == '\0')
        tell(list, "address", false,
             "no public address: packages have no URL; give --public-https "
             "or --public-http");
    else if (is_loopback(url))
        tell(list, "address", false,
             "the public address is this machine's own: modules cannot reach "
             "it");
    else
        tell(list, "address", true, url);
}

static int64_t count(struct sql *sql, const char *question, int64_t argument)
{
    int64_t n = -1;

    sql_one_int(sql, &n, question, SQL_ARGS(SQL_INT(argument)));
    return n;
}

static int doctor(struct api_call *call, struct sql *sql)
{
    const struct node *node = call->api->node;
    json_t *list = json_array();
    char text[120];
    int64_t n;

    check_address(node, list);
    tell(list, "clock", !atomic_load(&node->clock_is_off),
         atomic_load(&node->clock_is_off)
             ? "the clock jumped: dfotactl clock accept when it is right"
             : "no jump");
    n = count(sql,
              "SELECT count(*) FROM package WHERE state = 'unsigned' AND "
              "tenant = $1",
              call->actor.tenant);
    snprintf(text, sizeof text, "%lld packages wait for a signature%s",
             (long long)n, n > 0 ? ": dfotactl delta sign" : "");
    tell(list, "signatures", n == 0, text);
    n = count(sql,
              "SELECT count(*) FROM package WHERE state = 'failed' AND "
              "tenant = $1",
              call->actor.tenant);
    snprintf(text, sizeof text, "%lld packages could not be built",
             (long long)n);
    tell(list, "packages", n == 0, text);
    n = count(sql,
              "SELECT count(*) FROM person WHERE tenant = $1 AND gone IS NULL "
              "AND role IN ('approver', 'admin', 'site')",
              call->actor.tenant);
    snprintf(text, sizeof text, "%lld people may approve", (long long)n);
    tell(list, "approval", n > 1 || !node->second_person, text);
    return api_answer(
        call, 200, json_pack("{s:s, s:o}", "node", node->name, "checks", list));
}

/* ---- does it hold together? ---- */

static int verify(struct api_call *call, struct sql *sql)
{
    struct ledger_head head = {0};
    int64_t wrong = 0;
    int err = sql_one_int(
        sql, &wrong,
        "SELECT count(*) FROM plan p WHERE p.open <> (SELECT count(*) FROM "
        "attempt a WHERE a.plan = p.id AND a.state = 'open')",
        SQL_NONE);

    if (!err && wrong > 0)
        return api_refuse(call, 409,
                          "%lld plans count their open attempts "
                          "wrong",
                          (long long)wrong);
    if (!err)
        err = ledger_verify(sql, &head);
    if (err == DFOTA_E_CORRUPT)
        return api_refuse(call, 409,
                          "the audit log does not hold at entry "
                          "%lld of node %s",
                          (long long)head.number, head.node);
    return err ? err
               : api_answer(call, 200,
                            json_pack("{s:s, s:I, s:s}", "verdict", "fine",
                                      "audit_entries", (json_int_t)head.entries,
                                      "audit_head", head.hash));
}

/* ---- a copy of everything ---- */

static int copy_secret(const struct node *node, const char *folder)
{
    char path[1200], hex[SECRETS_HEX_ROOM];

    secrets_to_hex(node->secret, sizeof node->secret, hex);
    snprintf(path, sizeof path, "%.1000s/secret.key", folder);
    return files_write(path, hex, strlen(hex));
}

/* What comes out is a data folder: dfotad --data FOLDER starts on it. The
 * database first: whatever it names is in the vault by then. */
static int make_backup(struct api_call *call)
{
    const char *folder = api_text(call, "folder", 1000, false);
    struct store *store = call->api->node->store;
    char path[1200];
    struct sql *sql;
    int err;

    if (!folder)
        return DFOTA_E_CANCELLED;
    if (folder[0] != '/' || access(folder, F_OK) == 0)
        return api_refuse(call, 400,
                          "folder: the absolute path of one that is "
                          "not there yet");
    if (files_make_folder(folder) != 0)
        return api_refuse(call, 409, "%.200s: %s", folder, strerror(errno));
    snprintf(path, sizeof path, "%s/dfotad.db", folder);
    err = store_read_begin(store, &sql);
    if (err)
        return err;
    err = sql_backup(sql, path);
    store_read_end(store, sql);
    if (!err)
        err = copy_secret(call->api->node, folder);
    if (!err)
        err = vault_copy(call->api->vault, folder);
    if (err == DFOTA_E_UNSUPPORTED)
        return api_refuse(call, 409,
                          "PostgreSQL is backed up by pg_dump; keep "
                          "data/blobs and data/secret.key with it");
    return err == DFOTA_E_IO
               ? api_refuse(call, 409, "%.200s: %s", folder, strerror(errno))
               : err;
}

static int tell_backup(struct api_call *call, struct sql *sql)
{
    const char *folder = api_text(call, "folder", 1000, false);
    struct ledger_head head;
    int err = ledger_verify(sql, &head);

    if (!err)
        err = api_audit(call, sql, "backup", "data", folder);
    return err ? err
               : api_answer(call, 201,
                            json_pack("{s:s, s:s}", "folder", folder,
                                      "audit_head", head.hash));
}

/* ---- the clock ---- */

static int accept_clock(struct api_call *call, struct sql *sql)
{
    int err = api_audit(call, sql, "clock.accept", "clock", "");

    if (!err)
        upkeep_accept_clock(call->api->upkeep);
    return err ? err : api_answer(call, 200, json_object());
}

/* New keys of tokens and URLs; those of before hold until the next time. */
static int rotate_keys(struct api_call *call, struct sql *sql)
{
    int64_t now = api_now(call);
    int err = fleet_add_key(sql, "token", now);

    if (!err)
        err = fleet_add_key(sql, "url", now);
    if (!err)
        err = api_audit(call, sql, "keys.rotate", "keys", "");
    call->job.changed = true;
    return err ? err : api_answer(call, 200, json_object());
}

const struct api_route api_system_routes[] = {
    {HTTP_GET, "doctor", ROLE_ADMIN, false, doctor, NULL},
    {HTTP_GET, "verify", ROLE_SITE, false, verify, NULL},
    {HTTP_POST, "backup", ROLE_SITE, true, tell_backup, make_backup},
    {HTTP_POST, "clock/accept", ROLE_SITE, true, accept_clock, NULL},
    {HTTP_POST, "keys/rotate", ROLE_SITE, true, rotate_keys, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, false, NULL, NULL}};
