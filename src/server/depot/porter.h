/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Contents between the folder of a node and the database that it shares with
 * others: a thread that brings what is asked for, one after the other, and
 * before anybody asks the packages that became ready.
 *
 * Layer: server. For the vault alone; it holds no lock while it reads, and of
 * a content one piece at a time. Beside that, at the start and every ten
 * minutes, it puts what the database lacks there, and takes files out of the
 * folder that no row names, if they are older than a day.
 */
#ifndef DFOTA_SERVER_DEPOT_PORTER_H
#define DFOTA_SERVER_DEPOT_PORTER_H

#include "server/depot/vault.h"

struct porter;

/** vault, store, clock: borrowed. errors: E_NOMEM */
int porter_start(struct vault *vault, struct store *store,
                 const struct server_clock *clock, struct porter **out);

/** What is asked for is answered with E_CONNECT, now and from now on. NULL is
 * harmless. */
void porter_quiesce(struct porter *porter);
void porter_stop(struct porter *porter);

/** See vault_want(). */
void porter_want(struct porter *porter, struct errand *errand);

/**
 * Read a content from a database into the folder.
 *
 * errors   E_NOTFOUND, E_CORRUPT (said in the log), E_IO (errno), E_NOMEM,
 *          E_CONNECT, also when it took minutes
 */
int porter_fetch(struct vault *vault, struct sql *sql, const char *sha256);

#endif
