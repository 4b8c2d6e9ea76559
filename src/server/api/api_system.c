/* SPDX-License-Identifier: Apache-2.0 */
/* The server itself: is all well, the clock, a check of the data. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "server/api/api_call.h"
#include "server/fleet/contents.h"
#include "server/node/audit_heads.h"
#include "server/node/data_contents.h"
#include "server/store/move.h"
#include "server/watch/doctor.h"

/* ---- is all well? ---- */

static struct doctor doctor_of(const struct api_call *call)
{
    return (struct doctor){.node = call->api->node,
                           .depot = call->api->depot,
                           .vault = call->api->vault,
                           .housekeeping = call->api->housekeeping,
                           .tls = call->api->tls};
}

/* It asks this server over the network, so it is a worker's. */
static int reach(struct api_call *call)
{
    const struct doctor doctor = doctor_of(call);

    call->body = doctor_reach(&doctor);
    return call->body ? 0 : DFOTA_E_NOMEM;
}

static int doctor(struct api_call *call, struct sql *sql)
{
    const struct doctor d = doctor_of(call);
    json_t *list = json_deep_copy(call->body); /* it may run again */

    doctor_look(&d, sql, call->actor.tenant, list);
    return api_answer(
        call, 200,
        json_pack("{s:s, s:o}", "node", call->api->node->name, "checks", list));
}

/* Certificates, keys: as they are on the disk now. */
static int reload(struct api_call *call)
{
    return call->api->reload(call->api->reload_ctx) == 0
               ? 0
               : api_refuse(call, 409,
                            "not all of it could be read, and stays as it "
                            "was; the server's log says what");
}

static int tell_reload(struct api_call *call, struct sql *sql)
{
    int err = api_audit(call, sql, "reload", "server", "");

    return err ? err : api_answer(call, 200, json_object());
}

/* ---- does it hold together? ---- */

int api_check_heads(struct api_call *call, struct sql *sql)
{
    struct ledger_head wrong = {0};
    int err = audit_heads_check(call->api->node, sql, &wrong);

    if (err == DFOTA_E_SYNTAX)
        return api_refuse(call, 409,
                          "data/audit-heads has a line that is none");
    if (err == DFOTA_E_CORRUPT)
        return api_refuse(call, 409,
                          "the audit log of node %s has lost its tail: entry "
                          "%lld was there, and is not or is another one",
                          wrong.node, (long long)wrong.number);
    return err;
}

/* In the folder of this node, or in the database of all. */
static int check_contents(struct api_call *call, struct sql *sql)
{
    char first[VAULT_HEX_ROOM];
    int64_t lost = 0, broken = 0;
    int err = contents_lost(call->api->vault, sql, &lost, first);

    if (!err)
        err = contents_broken(sql, &broken);
    if (!err && lost > 0)
        return api_refuse(call, 409,
                          "%lld contents are neither in the folder nor in the "
                          "database, %s among them",
                          (long long)lost, first);
    if (!err && broken > 0)
        return api_refuse(call, 409,
                          "%lld contents in the database lack pieces",
                          (long long)broken);
    return err;
}

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
    if (!err)
        err = api_check_heads(call, sql);
    if (!err)
        err = check_contents(call, sql);
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

/* The log is checked in the copy, where nobody waits for it. Heads of later
 * than the copy would be missing there. */
static int write_heads(struct api_call *call, const char *folder)
{
    struct ledger_head head;
    char url[1100];
    struct sql *copy;
    int err;

    snprintf(url, sizeof url, "sqlite:%.1000s/dfotad.db", folder);
    err = sql_open(url, &copy);
    if (err)
        return err;
    err = ledger_verify(copy, &head);
    if (!err)
        err = audit_heads_write(copy, folder, api_now(call));
    sql_close(copy);
    return err;
}

/* What other nodes built may not have come here yet. */
static int bring_contents(struct api_call *call, const char *folder)
{
    char url[1100];
    struct sql *copy;
    int err;

    if (!vault_shares(call->api->vault))
        return 0;
    snprintf(url, sizeof url, "sqlite:%.1000s/dfotad.db", folder);
    err = sql_open(url, &copy);
    if (err)
        return err;
    err = contents_complete(call->api->vault, copy);
    sql_close(copy);
    return err;
}

/* What comes out is a data folder: dfotad --data FOLDER starts on it. The
 * database first: whatever it names is in the vault by then. */
static int make_backup(struct api_call *call)
{
    const char *folder = api_text(call, "folder", 1000, false);
    struct store *store = call->api->node->store;
    char path[1200];
    struct sql *sql;
    int64_t rows;
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
    if (err == DFOTA_E_UNSUPPORTED) { /* PostgreSQL becomes SQLite */
        snprintf(path, sizeof path, "sqlite:%.1000s/dfotad.db", folder);
        err = move_copy(sql, path, &rows);
    }
    store_read_end(store, sql);
    if (!err)
        err = copy_secret(call->api->node, folder);
    if (!err)
        err = bring_contents(call, folder);
    if (!err)
        err = vault_copy(call->api->vault, folder);
    if (!err)
        err = write_heads(call, folder);
    if (err == DFOTA_E_CORRUPT)
        return api_refuse(call, 409,
                          "the copy was made, but its audit log does not "
                          "hold: dfotactl audit verify");
    return err == DFOTA_E_IO
               ? api_refuse(call, 409, "%.200s: %s", folder, strerror(errno))
               : err;
}

static int tell_backup(struct api_call *call, struct sql *sql)
{
    const char *folder = api_text(call, "folder", 1000, false);
    struct ledger_head head;
    int err = ledger_head_of(sql, call->api->node->name, &head);

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
    {HTTP_GET, "doctor", ROLE_ADMIN, API_WRITES | API_SLOW | API_NO_KEY, doctor,
     reach},
    {HTTP_POST, "reload", ROLE_SITE, API_WRITES | API_SLOW, tell_reload,
     reload},
    {HTTP_GET, "verify", ROLE_SITE, false, verify, NULL},
    {HTTP_POST, "backup", ROLE_SITE, API_WRITES | API_SLOW, tell_backup,
     make_backup},
    {HTTP_POST, "clock/accept", ROLE_SITE, true, accept_clock, NULL},
    {HTTP_POST, "keys/rotate", ROLE_SITE, true, rotate_keys, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, false, NULL, NULL}};
