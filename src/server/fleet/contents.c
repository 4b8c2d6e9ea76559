/* SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/contents.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum {
    JUST_NOW_S = 600, /* from a content to the row that names it */
    DAY_S = 86400,
    SWEPT = 16 /* pieces that go at once */
};

#define NAMED_BY_NONE                                                          \
    "NOT EXISTS (SELECT 1 FROM firmware f WHERE f.sha256 = content.sha256) "   \
    "AND NOT EXISTS (SELECT 1 FROM package p WHERE p.sha256 = "                \
    "content.sha256)"
#define NAMED                                                                  \
    "(SELECT sha256 FROM firmware UNION SELECT sha256 FROM package WHERE "     \
    "sha256 IS NOT NULL)"

int64_t contents_pieces(size_t size)
{
    return size == 0 ? 1
                     : (int64_t)((size + CONTENTS_PIECE - 1) / CONTENTS_PIECE);
}

/* ---- writing ---- */

/* The row is locked from here to COMMIT, so that nobody takes the content out
 * between the question and the answer. */
int contents_begin(struct sql *sql, const char *sha256, size_t size,
                   int64_t now, bool *whole)
{
    int64_t parts = 0;
    int err = sql_one_int(
        sql, &parts,
        "INSERT INTO content (sha256, size, parts, at) VALUES ($1, $2, 0, $3) "
        "ON CONFLICT (sha256) DO UPDATE SET at = excluded.at, "
        "size = excluded.size RETURNING parts",
        SQL_ARGS(SQL_TEXT(sha256), SQL_INT((int64_t)size), SQL_INT(now)));

    *whole = !err && parts == contents_pieces(size);
    return err;
}

/* Texts are all that both databases take alike. */
int contents_put(struct sql *sql, const char *sha256, int64_t part,
                 const void *data, size_t len)
{
    gnutls_datum_t bytes = {(void *)(uintptr_t)data, (unsigned)len}, text;
    int err;

    if (len == 0)
        text = (gnutls_datum_t){(void *)(uintptr_t) "", 0};
    else if (gnutls_base64_encode2(&bytes, &text) < 0)
        return DFOTA_E_NOMEM;
    err = sql_run(sql,
                  "INSERT INTO content_part (sha256, part, data) VALUES "
                  "($1, $2, $3) ON CONFLICT (sha256, part) DO UPDATE SET "
                  "data = excluded.data",
                  SQL_ARGS(SQL_TEXT(sha256), SQL_INT(part),
                           SQL_TEXT((const char *)text.data)),
                  NULL);
    if (len > 0)
        gnutls_free(text.data);
    return err;
}

int contents_finish(struct sql *sql, const char *sha256, size_t size,
                    int64_t now)
{
    int64_t changed = 0;
    int err = sql_run(
        sql,
        "UPDATE content SET parts = $2, at = $3 WHERE sha256 = $1 AND "
        "size = $4 AND (SELECT count(*) FROM content_part c WHERE c.sha256 = "
        "content.sha256 AND c.part < CAST($2 AS BIGINT)) = $2",
        SQL_ARGS(SQL_TEXT(sha256), SQL_INT(contents_pieces(size)), SQL_INT(now),
                 SQL_INT((int64_t)size)),
        &changed);

    return err ? err : changed == 1 ? 0 : DFOTA_E_STATE;
}

int contents_let_go(struct sql *sql, const char *sha256, int64_t now)
{
    return sql_run(sql,
                   "UPDATE content SET parts = 0, at = 0 WHERE sha256 = $1 "
                   "AND at < $2 AND " NAMED_BY_NONE,
                   SQL_ARGS(SQL_TEXT(sha256), SQL_INT(now - JUST_NOW_S)), NULL);
}

int contents_reject(struct sql *sql, const char *sha256)
{
    return sql_run(sql, "UPDATE content SET parts = 0 WHERE sha256 = $1",
                   SQL_ARGS(SQL_TEXT(sha256)), NULL);
}

static int take_text(struct sql_rows *rows, int err,
                     char sha256[SECRETS_HEX_ROOM])
{
    if (!err)
        err = sql_next(rows);
    if (err == DFOTA_MORE) {
        snprintf(sha256, SECRETS_HEX_ROOM, "%s", sql_text(rows, 0));
        err = 0;
    } else if (!err) {
        err = DFOTA_E_NOTFOUND;
    }
    sql_done(rows);
    return err;
}

static int sweep_pieces(struct sql *sql, const char *sha256, int64_t *n)
{
    int64_t pieces = 0;
    int err = sql_run(sql,
                      "DELETE FROM content_part WHERE sha256 = $1 AND part IN "
                      "(SELECT part FROM content_part WHERE sha256 = $1 "
                      "ORDER BY part LIMIT $2)",
                      SQL_ARGS(SQL_TEXT(sha256), SQL_INT(SWEPT)), &pieces);

    if (!err && pieces < SWEPT)
        err = sql_run(sql, "DELETE FROM content WHERE sha256 = $1",
                      SQL_ARGS(SQL_TEXT(sha256)), n);
    return err;
}

int contents_sweep(struct sql *sql, int64_t now, int64_t *n, bool *over)
{
    char sha256[SECRETS_HEX_ROOM];
    int64_t changed = 0;
    struct sql_rows rows;
    int err =
        sql_query(sql, &rows,
                  "SELECT sha256 FROM content WHERE at < $1 AND " NAMED_BY_NONE
                  " LIMIT 1",
                  SQL_ARGS(SQL_INT(now - DAY_S)));

    *n = 0;
    err = take_text(&rows, err, sha256);
    *over = err == DFOTA_E_NOTFOUND;
    if (err)
        return *over ? 0 : err;
    /* Whoever puts it there again waits for this, or is waited for. */
    err = sql_run(sql,
                  "UPDATE content SET parts = 0 WHERE sha256 = $1 AND at < $2 "
                  "AND " NAMED_BY_NONE,
                  SQL_ARGS(SQL_TEXT(sha256), SQL_INT(now - DAY_S)), &changed);
    return err || changed == 0 ? err : sweep_pieces(sql, sha256, n);
}

/* ---- reading ---- */

int contents_size(struct sql *sql, const char *sha256, size_t *size)
{
    struct sql_rows rows;
    int64_t parts = 0, found = 0;
    int err = sql_query(sql, &rows,
                        "SELECT size, parts FROM content WHERE sha256 = $1 "
                        "AND parts > 0",
                        SQL_ARGS(SQL_TEXT(sha256)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE) {
        found = sql_int(&rows, 0);
        parts = sql_int(&rows, 1);
    }
    sql_done(&rows);
    if (err != DFOTA_MORE)
        return err ? err : DFOTA_E_NOTFOUND;
    *size = (size_t)found;
    return found < 0 || parts != contents_pieces(*size) ? DFOTA_E_CORRUPT : 0;
}

static int decode(const char *text, void *out, size_t *len)
{
    gnutls_datum_t from, bytes;
    int err = DFOTA_E_CORRUPT;

    *len = 0;
    if (!text)
        return DFOTA_E_CORRUPT;
    if (*text == '\0')
        return 0;
    from = (gnutls_datum_t){(void *)(uintptr_t)text, (unsigned)strlen(text)};
    if (gnutls_base64_decode2(&from, &bytes) < 0)
        return DFOTA_E_CORRUPT;
    if (bytes.size <= CONTENTS_PIECE) {
        memcpy(out, bytes.data, bytes.size);
        *len = bytes.size;
        err = 0;
    }
    gnutls_free(bytes.data);
    return err;
}

int contents_get(struct sql *sql, const char *sha256, int64_t part, void *out,
                 size_t *len)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows,
                        "SELECT data FROM content_part WHERE sha256 = $1 AND "
                        "part = $2",
                        SQL_ARGS(SQL_TEXT(sha256), SQL_INT(part)));

    if (!err)
        err = sql_next(&rows);
    if (err == DFOTA_MORE)
        err = decode(sql_text(&rows, 0), out, len);
    else if (!err)
        err = DFOTA_E_NOTFOUND;
    sql_done(&rows);
    return err;
}

/* A digest is the head and 32 digits more, so it is between the two, however
 * the database sorts letters. */
int contents_find(struct sql *sql, const char *head,
                  char sha256[SECRETS_HEX_ROOM])
{
    char first[SECRETS_HEX_ROOM], last[SECRETS_HEX_ROOM];
    struct sql_rows rows;
    int err;

    snprintf(first, sizeof first, "%.32s00000000000000000000000000000000",
             head);
    snprintf(last, sizeof last, "%.32sffffffffffffffffffffffffffffffff", head);
    err = sql_query(sql, &rows,
                    "SELECT sha256 FROM content WHERE sha256 >= $1 AND "
                    "sha256 <= $2 AND parts > 0",
                    SQL_ARGS(SQL_TEXT(first), SQL_TEXT(last)));
    return take_text(&rows, err, sha256);
}

int contents_is_named(struct sql *sql, const char *sha256, bool *named)
{
    int64_t n = 0;
    int err =
        sql_one_int(sql, &n,
                    "SELECT (SELECT count(*) FROM firmware WHERE sha256 = $1) "
                    "+ (SELECT count(*) FROM package WHERE sha256 = $1)",
                    SQL_ARGS(SQL_TEXT(sha256)));

    *named = n > 0;
    return err;
}

/* ---- lists ---- */

static int list(struct sql *sql, struct contents_page *page, const char *text,
                const struct sql_arg *args, size_t n_args)
{
    struct sql_rows rows;
    int err = sql_query(sql, &rows, text, args, n_args);

    page->n = 0;
    while (!err && page->n < CONTENTS_PAGE &&
           (err = sql_next(&rows)) == DFOTA_MORE) {
        snprintf(page->sha256[page->n++], SECRETS_HEX_ROOM, "%s",
                 sql_text(&rows, 0));
        page->at = sql_int(&rows, 1);
        err = 0;
    }
    sql_done(&rows);
    return err;
}

int contents_named(struct sql *sql, const char *behind,
                   struct contents_page *page)
{
    return list(sql, page,
                "SELECT n.sha256, 0 FROM " NAMED " n WHERE n.sha256 > $1 "
                "ORDER BY n.sha256 LIMIT 64",
                SQL_ARGS(SQL_TEXT(behind)));
}

int contents_missing(struct sql *sql, const char *behind,
                     struct contents_page *page)
{
    return list(sql, page,
                "SELECT n.sha256, 0 FROM " NAMED " n WHERE n.sha256 > $1 AND "
                "NOT EXISTS (SELECT 1 FROM content c WHERE c.sha256 = "
                "n.sha256 AND c.parts > 0) ORDER BY n.sha256 LIMIT 64",
                SQL_ARGS(SQL_TEXT(behind)));
}

int contents_fresh(struct sql *sql, int64_t at, const char *behind,
                   struct contents_page *page)
{
    return list(sql, page,
                "SELECT c.sha256, c.at FROM content c WHERE (c.at, c.sha256) > "
                "($1, $2) AND c.parts > 0 AND EXISTS (SELECT 1 FROM package k "
                "WHERE k.sha256 = c.sha256 AND k.state = 'ready') ORDER BY "
                "c.at, c.sha256 LIMIT 64",
                SQL_ARGS(SQL_INT(at), SQL_TEXT(behind)));
}

int contents_broken(struct sql *sql, int64_t *n)
{
    return sql_one_int(
        sql, n,
        "SELECT count(*) FROM content c WHERE c.parts > 0 AND c.parts <> "
        "(SELECT count(*) FROM content_part p WHERE p.sha256 = c.sha256)",
        SQL_NONE);
}
