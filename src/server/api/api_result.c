/* SPDX-License-Identifier: Apache-2.0 */
/* What came of it: results of attempts, and the audit log. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "server/api/api_call.h"
#include "server/node/audit_heads.h"

enum { NODE_ROOM = 64 };

/* A page's end: a moment, and what parts those of the same moment. */
struct place {
    int64_t at, number;
    char name[NODE_ROOM];
};

/* Up to a full stop. */
static bool take_number(const char **text, int64_t *out)
{
    size_t len = strcspn(*text, ".");
    char number[24];

    if ((*text)[len] == '\0' || len >= sizeof number)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)len, *text);
    *text += len + 1;
    return api_number(number, out);
}

/* "1790000000.7.node", as the last page's "next" was. first: none was given */
static int take_place(struct api_call *call, bool newest, struct place *place)
{
    const char *text = api_query(call, "cursor");

    *place = newest ? (struct place){INT64_MAX, INT64_MAX, "\x7f"}
                    : (struct place){-1, -1, ""};
    if (*text == '\0' ||
        (take_number(&text, &place->at) && take_number(&text, &place->number) &&
         snprintf(place->name, NODE_ROOM, "%s", text) < NODE_ROOM))
        return 0;
    return api_refuse(call, 400, "cursor: that of a page's \"next\" is wanted");
}

static bool is_newest(const struct api_call *call)
{
    return strcmp(api_query(call, "newest"), "true") == 0;
}

/* The fields tell where the last row's place is. */
static int answer_page(struct api_call *call, json_t *items,
                       const char *number_field, const char *name_field)
{
    json_t *answer = json_pack("{s:o, s:n}", "items", items, "next"), *last;
    size_t limit = (size_t)api_limit(call), i;
    char cursor[120];

    if (json_array_size(items) > limit) {
        json_array_remove(items, limit);
        last = json_array_get(items, limit - 1);
        snprintf(
            cursor, sizeof cursor, "%lld.%lld.%.63s",
            (long long)json_integer_value(json_object_get(last, "second")),
            (long long)json_integer_value(json_object_get(last, number_field)),
            json_string_value(json_object_get(last, name_field)));
        json_object_set_new(answer, "next", json_string(cursor));
    }
    json_array_foreach(items, i, last)
    {
        json_object_del(last, "second");
    }
    return api_answer(call, 200, answer);
}

#define RESULT_COLUMNS                                                         \
    "attempt:s plan:i stage:i imei:s from:s target:s state:s step:s cause:s "  \
    "http_err:i update_err:i version:s granted:t deadline:t closed:t node:s "  \
    "via:s second:i"
#define RESULT_QUERY                                                           \
    "SELECT id, plan, plan_stage + 1, imei, from_version, to_version, state, " \
    "stage, cause, http_err, update_err, version, granted, deadline, closed, " \
    "node, via, granted FROM attempt WHERE tenant = $1 AND ($2 = 0 OR plan = " \
    "$2) "                                                                     \
    "AND ($3 = '' OR state = $3) AND ($4 = '' OR imei = $4) "

static int list(struct api_call *call, struct sql *sql)
{
    const char *wanted = api_query(call, "plan");
    bool newest = is_newest(call);
    struct place place;
    int64_t plan = 0;
    json_t *items;
    int err = take_place(call, newest, &place);

    if (!err && *wanted && !api_number(wanted, &plan))
        err = api_refuse(call, 400, "plan: a number is wanted");
    if (!err)
        err = api_rows(sql, RESULT_COLUMNS, &items,
                       newest ? RESULT_QUERY
                           "AND (granted < $5 OR (granted = $5 AND id < $6)) "
                           "ORDER BY granted DESC, id DESC LIMIT $7"
                              : RESULT_QUERY
                           "AND (granted > $5 OR (granted = $5 AND id > $6)) "
                           "ORDER BY granted, id LIMIT $7",
                       SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(plan),
                                SQL_TEXT(api_query(call, "state")),
                                SQL_TEXT(api_query(call, "imei")),
                                SQL_INT(place.at), SQL_TEXT(place.name),
                                SQL_INT(api_limit(call) + 1)));
    return err ? err : answer_page(call, items, "stage", "attempt");
}

#define AUDIT_COLUMNS                                                          \
    "node:s number:i at:t actor:s action:s object:s detail:s hash:s second:i"
#define AUDIT_QUERY                                                            \
    "SELECT node, number, at, actor, action, object, detail, hash, at FROM "   \
    "audit WHERE tenant IN (0, $1) AND ($6 = '' OR object = $6) "

static int list_audit(struct api_call *call, struct sql *sql)
{
    bool newest = is_newest(call);
    struct place place;
    json_t *items;
    int err = take_place(call, newest, &place);

    if (!err)
        err = api_rows(
            sql, AUDIT_COLUMNS, &items,
            newest ? AUDIT_QUERY
                "AND (at < $2 OR (at = $2 AND (number < $3 OR (number = $3 AND "
                "node < $4)))) ORDER BY at DESC, number DESC, node DESC "
                "LIMIT $5"
                   : AUDIT_QUERY
                "AND (at > $2 OR (at = $2 AND (number > $3 OR (number = $3 AND "
                "node > $4)))) ORDER BY at, number, node LIMIT $5",
            SQL_ARGS(SQL_INT(call->actor.tenant), SQL_INT(place.at),
                     SQL_INT(place.number), SQL_TEXT(place.name),
                     SQL_INT(api_limit(call) + 1),
                     SQL_TEXT(api_query(call, "object"))));
    return err ? err : answer_page(call, items, "number", "node");
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
