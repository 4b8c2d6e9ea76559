/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "os/buffer.h"
#include "server/fleet/secrets.h"

/* Lengths in front, so that no two entries give the same bytes. */
static void add_text(struct buffer *b, const char *text)
{
    buffer_printf(b, "%zu:%s,", strlen(text), text);
}

static int hash_entry(const struct ledger_entry *e, int64_t number,
                      const char *before, char hash[SECRETS_HEX_ROOM])
{
    struct buffer b;
    int err;

    buffer_init(&b, 1 << 20);
    add_text(&b, before);
    add_text(&b, e->node);
    buffer_printf(&b, "%" PRId64 ",%" PRId64 ",%" PRId64 ",", number, e->at,
                  e->tenant);
    add_text(&b, e->actor);
    add_text(&b, e->action);
    add_text(&b, e->object);
    add_text(&b, e->detail);
    err = b.err;
    if (!err)
        secrets_hash(b.data, b.len, hash);
    buffer_release(&b);
    return err;
}

static int last_entry(struct sql *sql, const char *node, int64_t *number,
                      char hash[SECRETS_HEX_ROOM])
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT number, hash FROM audit WHERE node = $1 "
                        "ORDER BY number DESC LIMIT 1",
                        SQL_ARGS(SQL_TEXT(node)));

    *number = 0;
    hash[0] = '\0';
    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        *number = sql_int(&rows, 0);
        snprintf(hash, SECRETS_HEX_ROOM, "%s", sql_text(&rows, 1));
    }
    sql_done(&rows);
    return err < 0 ? err : 0;
}

int ledger_add(struct sql *sql, const struct ledger_entry *entry)
{
    char before[SECRETS_HEX_ROOM], hash[SECRETS_HEX_ROOM];
    int64_t number;
    int err = last_entry(sql, entry->node, &number, before);

    if (!err)
        err = hash_entry(entry, ++number, before, hash);
    if (err)
        return err;
    return sql_run(sql,
                   "INSERT INTO audit (node, number, at, tenant, actor, "
                   "action, object, detail, hash) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                   SQL_ARGS(SQL_TEXT(entry->node), SQL_INT(number),
                            SQL_INT(entry->at), SQL_INT(entry->tenant),
                            SQL_TEXT(entry->actor), SQL_TEXT(entry->action),
                            SQL_TEXT(entry->object), SQL_TEXT(entry->detail),
                            SQL_TEXT(hash)),
                   NULL);
}

static int check_row(const struct sql_rows *rows, struct ledger_head *head)
{
    char hash[SECRETS_HEX_ROOM];
    const struct ledger_entry entry = {.node = sql_text(rows, 0),
                                       .at = sql_int(rows, 2),
                                       .tenant = sql_int(rows, 3),
                                       .actor = sql_text(rows, 4),
                                       .action = sql_text(rows, 5),
                                       .object = sql_text(rows, 6),
                                       .detail = sql_text(rows, 7)};
    bool same_node = strcmp(entry.node, head->node) == 0;
    int64_t wanted = same_node ? head->number + 1 : sql_int(rows, 9) + 1;
    int err;

    if (!same_node)
        snprintf(head->hash, sizeof head->hash, "%s", sql_text(rows, 10));
    snprintf(head->node, sizeof head->node, "%s", entry.node);
    head->number = wanted;
    if (sql_int(rows, 1) != wanted)
        return DFOTA_E_CORRUPT;
    err = hash_entry(&entry, wanted, head->hash, hash);
    if (err)
        return err;
    snprintf(head->hash, sizeof head->hash, "%s", hash);
    head->entries++;
    return strcmp(hash, sql_text(rows, 8)) == 0 ? 0 : DFOTA_E_CORRUPT;
}

int ledger_verify(struct sql *sql, struct ledger_head *head)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT a.node, a.number, a.at, a.tenant, a.actor, "
                        "a.action, a.object, a.detail, a.hash, "
                        "coalesce(c.number, 0), coalesce(c.hash, '') "
                        "FROM audit a LEFT JOIN audit_anchor c ON "
                        "c.node = a.node ORDER BY a.node, a.number",
                        SQL_NONE);

    *head = (struct ledger_head){0};
    while (!err && (err = sql_next(&rows)) == DFOTA_MORE)
        err = check_row(&rows, head);
    sql_done(&rows);
    return err;
}

int ledger_head_of(struct sql *sql, const char *node, struct ledger_head *head)
{
    char name[sizeof head->node];

    snprintf(name, sizeof name, "%s", node);
    *head = (struct ledger_head){0};
    snprintf(head->node, sizeof head->node, "%s", name);
    return last_entry(sql, name, &head->number, head->hash);
}

int ledger_has_head(struct sql *sql, const struct ledger_head *head)
{
    int64_t n = 0;
    int err = sql_one_int(
        sql, &n,
        "SELECT (SELECT count(*) FROM audit WHERE node = $1 AND number = $2 "
        "AND hash = $3) + (SELECT count(*) FROM audit_anchor WHERE node = $1 "
        "AND (number > $2 OR (number = $2 AND hash = $3)))",
        SQL_ARGS(SQL_TEXT(head->node), SQL_INT(head->number),
                 SQL_TEXT(head->hash)));

    return err ? err : n > 0 ? 0 : DFOTA_E_CORRUPT;
}

int ledger_next_node(struct sql *sql, char node[64])
{
    struct sql_rows rows;
    int err =
        sql_query(sql, &rows, "SELECT min(node) FROM audit WHERE node > $1",
                  SQL_ARGS(SQL_TEXT(node)));
    bool found;

    if (!err)
        err = sql_next(&rows);
    found = err == DFOTA_MORE && sql_text(&rows, 0);
    if (found)
        snprintf(node, 64, "%s", sql_text(&rows, 0));
    sql_done(&rows);
    return err < 0 ? err : found ? DFOTA_MORE : 0;
}
