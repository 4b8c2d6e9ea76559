/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Contents by their SHA-256: written once, whole, and never changed.
 *
 * Of a node that shares its database with others they are in there, too, and
 * the folder is what this node has of them: what is missing or damaged there
 * comes from the database (porter.h).
 *
 *   blobs/sha256/<64 hex>   the content
 *   blobs/id/<22>           a link to it, under its name in package URLs
 *
 * Layer: server. Safe from any thread. A content that has its name is on the
 * disk: write, fsync, rename, fsync of the folder.
 */
#ifndef DFOTA_SERVER_DEPOT_VAULT_H
#define DFOTA_SERVER_DEPOT_VAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "server/fleet/secrets.h"
#include "server/fleet/server_clock.h"
#include "server/store/store.h"

enum {
    VAULT_CONTENT_MAX = 64 << 20,
    VAULT_HEX_ROOM = 65,
    VAULT_PATH_ROOM = 1200
};

struct vault;

/* Have a content brought: by its name in URLs, or by its digest. */
struct errand {
    char name[SECRETS_SIG_ROOM]; /* "": by the digest */
    char sha256[VAULT_HEX_ROOM];
    /* Once, from another thread. The errand is the callee's from then on.
     * err: 0: it is in the folder; E_NOTFOUND: nor is it in the database;
     * else as vault_get() */
    void (*done)(struct errand *errand, int err);
    STAILQ_ENTRY(errand) next;
};

/** Open below a folder, making what is missing. errors: E_IO (said in the
 * log), E_NOMEM */
int vault_open(const char *data_folder, struct vault **out);
void vault_close(struct vault *vault);

/** The folder "blobs", for folder_open_file(); borrowed. */
int vault_folder(const struct vault *vault);

/** Contents are shared through this database from now on, if it is one of
 * several nodes. store, clock: borrowed until vault_quiesce(). errors: E_NOMEM
 */
int vault_connect(struct vault *vault, struct store *store,
                  const struct server_clock *clock);

/** No more of that: who waits is answered with E_CONNECT. NULL is harmless. */
void vault_quiesce(struct vault *vault);

/** Keep some bytes; in the shared database before it returns. again is
 * harmless. errors: E_IO (errno), E_NOMEM, E_CONNECT the database does not
 * take them now */
int vault_put(struct vault *vault, const void *data, size_t len,
              char sha256[VAULT_HEX_ROOM]);

/** Read a content whole. One that has to come from the database is waited
 * for. errors: E_NOTFOUND, E_IO, E_NOMEM, E_FULL; E_CORRUPT it is not what its
 * name says; E_CONNECT the database does not answer */
int vault_get(struct vault *vault, const char *sha256, uint8_t **data,
              size_t *len);

/** The same, as the folder has it. */
int vault_read(struct vault *vault, const char *sha256, uint8_t **data,
               size_t *len);

/** Have a content in the folder, as it should be. As vault_get(). */
int vault_bring(struct vault *vault, const char *sha256);

/** The same later. errors: E_UNSUPPORTED the folder is all there is; the
 * errand is still the caller's */
int vault_want(struct vault *vault, struct errand *errand);

/** May a content come from elsewhere? NULL: no. */
bool vault_shares(const struct vault *vault);

/** Is the file there? Is it what its name says? errors: as vault_read() */
bool vault_has(const struct vault *vault, const char *sha256);
int vault_check(struct vault *vault, const char *sha256);

/** Where a content is, or would be. */
void vault_path(const struct vault *vault, const char *sha256,
                char path[VAULT_PATH_ROOM]);

/** Is this the content of "id/NAME"? Other paths have no name to fail. */
bool vault_is_named(const char *path, const uint8_t sha256[32]);

/** Put a content into a database, one piece a transaction. errors: E_NOMEM,
 * E_CONNECT */
int vault_share(struct store *store, const struct server_clock *clock,
                const char *sha256, const void *data, size_t len);

/** Make it reachable under its name in URLs. errors: E_IO (errno) */
int vault_publish(struct vault *vault, const char *sha256);

/** Everything into another data folder: by links where the disk is the same,
 * else by copies. What comes meanwhile may be missing. errors: E_IO (errno),
 * E_NOMEM */
int vault_copy(struct vault *vault, const char *data_folder);

/** Take a content out; what is being read stays until it is closed. */
void vault_remove(struct vault *vault, const char *sha256);

#endif
