/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Contents in the database that several nodes share: what one node has put
 * there, every other can read.
 *
 * Layer: server. A content is whole when its row says how many pieces it has;
 * before and after that its row has 0 of them, and is no content to anybody
 * who reads. Rows of firmware and packages name contents, and are written
 * after them. A content that no row names stays for a day, as it may have been
 * put there for a row to come.
 */
#ifndef DFOTA_SERVER_FLEET_CONTENTS_H
#define DFOTA_SERVER_FLEET_CONTENTS_H

#include <stdbool.h>

#include "server/fleet/secrets.h"
#include "server/store/sql.h"

enum { CONTENTS_PIECE = 256 << 10 };

/** How many pieces so many bytes are; none are one piece, an empty one. */
int64_t contents_pieces(size_t size);

/* ---- writing: each in a transaction ---- */

/** Announce a content. whole: out: it is there already, and stays for another
 * day. errors: those of sql_run() */
int contents_begin(struct sql *sql, const char *sha256, size_t size,
                   int64_t now, bool *whole);

/** Write one piece, also over the one of a node that died. errors: E_NOMEM,
 * those of sql_run(); E_STATE it was not announced */
int contents_put(struct sql *sql, const char *sha256, int64_t part,
                 const void *data, size_t len);

/** All pieces are there. errors: E_STATE it was taken out meanwhile; those of
 * sql_run() */
int contents_finish(struct sql *sql, const char *sha256, size_t size,
                    int64_t now);

/** A row that named a content is gone: so is the content, unless another row
 * names it or it was put there only just now. Its pieces go in
 * contents_sweep(). errors: those of sql_run() */
int contents_let_go(struct sql *sql, const char *sha256, int64_t now);

/** Its pieces are not what its name says: it is none from now on, until a node
 * that has it puts it there again. errors: those of sql_run() */
int contents_reject(struct sql *sql, const char *sha256);

/** Delete some pieces of what no row names. n: out: contents that are gone;
 * over: out: nothing is left to do. errors: those of sql_run() */
int contents_sweep(struct sql *sql, int64_t now, int64_t *n, bool *over);

/* ---- reading ---- */

/** The size of a content. errors: E_NOTFOUND; E_CORRUPT its row makes no
 * sense; those of sql_query() */
int contents_size(struct sql *sql, const char *sha256, size_t *size);

/**
 * Read one piece.
 *
 * out      room for CONTENTS_PIECE
 * errors   E_NOTFOUND; E_CORRUPT it is no piece; those of sql_query()
 */
int contents_get(struct sql *sql, const char *sha256, int64_t part, void *out,
                 size_t *len);

/** The content whose digest begins with 32 digits. errors: as sql_query();
 * E_NOTFOUND */
int contents_find(struct sql *sql, const char *head,
                  char sha256[SECRETS_HEX_ROOM]);

/** Does a row of firmware or packages name it? errors: as sql_query() */
int contents_is_named(struct sql *sql, const char *sha256, bool *named);

/* ---- lists, a page at a time ---- */

enum { CONTENTS_PAGE = 64 };

struct contents_page {
    char sha256[CONTENTS_PAGE][SECRETS_HEX_ROOM];
    unsigned n; /* less than CONTENTS_PAGE: it was the last */
    int64_t at; /* contents_fresh() only: of the last one */
};

/** What rows name, behind a digest ("": from the first on). errors: as
 * sql_query() */
int contents_named(struct sql *sql, const char *behind,
                   struct contents_page *page);

/** Of that, what the database does not have. */
int contents_missing(struct sql *sql, const char *behind,
                     struct contents_page *page);

/** Packages that are ready, by the time when they were put there. */
int contents_fresh(struct sql *sql, int64_t at, const char *behind,
                   struct contents_page *page);

/** Contents whose pieces are not all there. errors: as sql_query() */
int contents_broken(struct sql *sql, int64_t *n);

#endif
