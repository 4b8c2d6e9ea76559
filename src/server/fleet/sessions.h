/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Sessions of people at the page. The browser holds a word, the database its
 * hash, so a session holds at every node and ends at all of them.
 *
 * Layer: server.
 */
#ifndef DFOTA_SERVER_FLEET_SESSIONS_H
#define DFOTA_SERVER_FLEET_SESSIONS_H

#include "server/fleet/people.h"

enum { SESSION_S = 12 * 3600, SESSIONS_OF_ONE_MAX = 16 };

#define SESSION_COOKIE "dfota_session"

/**
 * Begin, in a transaction. Of more than SESSIONS_OF_ONE_MAX the oldest end.
 *
 * word     of secrets_word(), made before
 */
int sessions_add(struct sql *sql, const char *word, int64_t person,
                 int64_t now);

/** End one by its hash, or all of a person but one ("": all). In a
 * transaction. */
int sessions_end(struct sql *sql, const char *hash);
int sessions_end_all(struct sql *sql, int64_t person, const char *but);

/** What a request that writes has to say in a field of its own, as a form of
 * another site cannot. It follows from the word and the server's secret. */
void sessions_guard(const struct node *node, const char *word,
                    char out[SECRETS_WORD_ROOM]);

/**
 * The session's word in a Cookie field.
 *
 * header   the field's value; NULL: none
 * returns  false: it is not there, there twice, or none of ours
 */
bool sessions_cookie(const char *header, char word[SECRETS_WORD_ROOM]);

#endif
