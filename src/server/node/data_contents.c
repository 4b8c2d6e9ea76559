/* SPDX-License-Identifier: Apache-2.0 */
#include "server/node/data_contents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "os/log.h"
#include "server/depot/porter.h"
#include "server/fleet/contents.h"
#include "server/store/schema.h"

struct walk {
    struct vault *vault;
    struct sql *from, *to; /* of a move */
};

/* For each content that a database names. */
static int each(struct sql *sql, struct walk *walk,
                int (*visit)(struct walk *walk, const char *sha256))
{
    char behind[SECRETS_HEX_ROOM] = "";
    struct contents_page page;
    int err;

    do {
        err = contents_named(sql, behind, &page);
        for (unsigned i = 0; !err && i < page.n; i++) {
            err = visit(walk, page.sha256[i]);
            if (err == DFOTA_E_NOTFOUND || err == DFOTA_E_CORRUPT) {
                log_error("content %s is nowhere, or damaged: upload it, or "
                          "restore it from a backup",
                          page.sha256[i]);
                err = 0;
            }
        }
        if (page.n > 0)
            memcpy(behind, page.sha256[page.n - 1], sizeof behind);
    } while (!err && page.n == CONTENTS_PAGE);
    return err;
}

/* ---- a move ---- */

struct load {
    const char *sha256;
    const uint8_t *data;
    size_t len;
    bool whole;
};

static int begin(struct sql *sql, struct load *l, int64_t part)
{
    (void)part;
    return contents_begin(sql, l->sha256, l->len, time(NULL), &l->whole);
}

static int piece(struct sql *sql, struct load *l, int64_t part)
{
    size_t off = (size_t)part * CONTENTS_PIECE, left = l->len - off;

    return contents_put(sql, l->sha256, part, l->data + off,
                        left < CONTENTS_PIECE ? left : (size_t)CONTENTS_PIECE);
}

static int finish(struct sql *sql, struct load *l, int64_t part)
{
    (void)part;
    return contents_finish(sql, l->sha256, l->len, time(NULL));
}

static int in_transaction(struct sql *sql, struct load *l, int64_t part,
                          int (*run)(struct sql *sql, struct load *l,
                                     int64_t part))
{
    int err = sql_begin(sql);

    if (err)
        return err;
    err = run(sql, l, part);
    if (!err)
        return sql_commit(sql);
    sql_rollback(sql);
    return err;
}

static int put(struct sql *to, const char *sha256, const uint8_t *data,
               size_t len)
{
    struct load l = {.sha256 = sha256, .data = data, .len = len};
    int64_t n = contents_pieces(len);
    int err = in_transaction(to, &l, 0, begin);

    for (int64_t i = 0; !err && !l.whole && i < n; i++)
        err = in_transaction(to, &l, i, piece);
    return err || l.whole ? err : in_transaction(to, &l, 0, finish);
}

static int move_one(struct walk *walk, const char *sha256)
{
    uint8_t *data = NULL;
    size_t len;
    int err = vault_read(walk->vault, sha256, &data, &len);

    if ((err == DFOTA_E_NOTFOUND || err == DFOTA_E_CORRUPT) &&
        sql_is_shared(walk->from)) {
        err = porter_fetch(walk->vault, walk->from, sha256);
        if (!err)
            err = vault_read(walk->vault, sha256, &data, &len);
    }
    if (!err && sql_is_shared(walk->to))
        err = put(walk->to, sha256, data, len);
    free(data);
    return err;
}

int contents_move(const char *folder, struct sql *from, struct sql *to)
{
    struct walk walk = {.from = from, .to = to};
    int err = vault_open(folder, &walk.vault);

    if (!err)
        err = schema_migrate(from, schema_steps);
    if (!err)
        err = schema_migrate(to, schema_steps);
    if (!err)
        err = each(from, &walk, move_one);
    vault_close(walk.vault);
    return err;
}

/* ---- a backup, a look ---- */

static int bring(struct walk *walk, const char *sha256)
{
    return vault_has(walk->vault, sha256) ? 0
                                          : vault_bring(walk->vault, sha256);
}

int contents_complete(struct vault *vault, struct sql *sql)
{
    struct walk walk = {.vault = vault};

    return each(sql, &walk, bring);
}

int contents_lost(const struct vault *vault, struct sql *sql, int64_t *n,
                  char first[VAULT_HEX_ROOM])
{
    char behind[SECRETS_HEX_ROOM] = "";
    struct contents_page page;
    int err;

    *n = 0;
    *first = '\0';
    do {
        err = contents_missing(sql, behind, &page);
        for (unsigned i = 0; !err && i < page.n; i++) {
            if (vault_has(vault, page.sha256[i]))
                continue;
            if (++*n == 1)
                memcpy(first, page.sha256[i], VAULT_HEX_ROOM);
        }
        if (page.n > 0)
            memcpy(behind, page.sha256[page.n - 1], sizeof behind);
    } while (!err && page.n == CONTENTS_PAGE);
    return err;
}
