/* SPDX-License-Identifier: Apache-2.0 */
/* What came of it: results of attempts, and the audit log. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/api/api_call.h"
#include "server/audit_heads.h"

/* In the order of the grants; the cursor is a count, as attempts have no
 * number of their own. */
static int list(struct api_call *call, struct sql *sql)
{
    int64_t plan = 0, first = api_cursor(call, 0), limit = api_limit(call);
    const char *wanted = api_query(call, "plan");
    json_t *items, *answer;
    char cursor[24];
    int err;

    if (*wanted && !api_number(wanted, &plan))
        return api_refuse(call, 400, "plan: a number is wanted");
    err = api_rows(
        sql,
        "attempt:s plan:i stage:i imei:s from:s target:s state:s step:s "
        "cause:s http_err:i update_err:i version:s granted:t deadline:t "
        "closed:t node:s via:s",
        &items,
        "SELECT id, plan, plan_stage + 1, imei, from_version, to_version, "
        "state, stage, cause, http_err, update_err, version, granted, "
        "deadline, closed, node, via FROM attempt WHERE tenant = $1 AND "
        "($2 = 0 OR plan = $2) AND ($3 = '' OR state = $3) AND "
        "($4 = '' OR imei = $4) ORDER BY granted, id LIMIT $5 OFFSET $6",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(plan),
                 SQL_TEXT(api_query(call, "state")),
                 SQL_TEXT(api_query(call, "imei")), SQL_INT(limit + 1),
                 SQL_INT(first)));
    if (err)
        return err;
    answer = json_pack("{s:o, s:n}", "items", items, "next");
    if ((int64_t)json_array_size(items) > limit) {
        json_array_remove(items, (size_t)limit);
        snprintf(cursor, sizeof cursor, "%" PRId64, first + limit);
        json_object_set_new(answer, "next", json_string(cursor));
    }
    return api_answer(call, 200, answer);
}

static int list_audit(struct api_call *call, struct sql *sql)
{
    int64_t first = api_cursor(call, 0), limit = api_limit(call);
    json_t *items, *answer;
    char cursor[24];
    int err = api_rows(
        sql, "node:s number:i at:t actor:s action:s object:s detail:s hash:s",
        &items,
        "SELECT node, number, at, actor, action, object, detail, hash FROM "
        "audit WHERE tenant IN (0, $1) ORDER BY at, node, number LIMIT $2 "
        "OFFSET $3",
        SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(limit + 1),
                 SQL_INT(first)));

    if (err)
        return err;
    answer = json_pack("{s:o, s:n}", "items", items, "next");
    if ((int64_t)json_array_size(items) > limit) {
        json_array_remove(items, (size_t)limit);
        snprintf(cursor, sizeof cursor, "%" PRId64, first + limit);
        json_object_set_new(answer, "next", json_string(cursor));
    }
    return api_answer(call, 200, answer);
}

/* "node:number:hash", as the server's log told it. */
static int check_head(struct api_call *call, struct sql *sql)
{
    const char *text = api_query(call, "head");
    struct ledger_head head;
    int err;

    if (!*text)
        return 0;
    if (!audit_heads_read(text, &head))
        return api_refuse(call, 400, "head: NODE:NUMBER:HASH is wanted");
    err = ledger_has_head(sql, &head);
    return err == DFOTA_E_CORRUPT
               ? api_refuse(call, 409,
                            "the audit log of node %s has lost its tail: entry "
                            "%lld was there, and is not or is another one",
                            head.node, (long long)head.number)
               : err;
}

static int verify_audit(struct api_call *call, struct sql *sql)
{
    struct ledger_head head;
    int err = ledger_verify(sql, &head);

    if (err == DFOTA_E_CORRUPT)
        return api_refuse(call, 409,
                          "entry %" PRId64 " of node %s is not what "
                          "was written",
                          head.number, head.node);
    if (!err)
        err = api_check_heads(call, sql);
    if (!err)
        err = check_head(call, sql);
    return err ? err
               : api_answer(call, 200,
                            json_pack("{s:I, s:s}", "entries",
                                      (json_int_t)head.entries, "head",
                                      head.hash));
}

const struct api_route api_result_routes[] = {
    {HTTP_GET, "results", ROLE_VIEWER, false, list, NULL},
    {HTTP_GET, "audit", ROLE_ADMIN, false, list_audit, NULL},
    {HTTP_GET, "audit/verify", ROLE_ADMIN, false, verify_audit, NULL},
    {HTTP_OTHER, NULL, ROLE_SITE, false, NULL, NULL}};
