/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Contents by their SHA-256: written once, whole, and never changed.
 *
 *   blobs/sha256/<64 hex>   the content
 *   blobs/id/<22>           a link to it, under its name in package URLs
 *
 * Layer: server. Safe from any thread. A content that has its name is on the
 * disk: write, fsync, rename, fsync of the folder.
 */
#ifndef DFOTA_SERVER_DEPOT_VAULT_H
#define DFOTA_SERVER_DEPOT_VAULT_H

#include <stddef.h>
#include <stdint.h>

enum { VAULT_CONTENT_MAX = 64 << 20, VAULT_HEX_ROOM = 65 };

struct vault;

/** Open below a folder, making what is missing. errors: E_IO (said in the
 * log), E_NOMEM */
int vault_open(const char *data_folder, struct vault **out);
void vault_close(struct vault *vault);

/** The folder "blobs", for folder_open_file(); borrowed. */
int vault_folder(const struct vault *vault);

/** Keep some bytes. again is harmless. errors: E_IO (errno), E_NOMEM */
int vault_put(struct vault *vault, const void *data, size_t len,
              char sha256[VAULT_HEX_ROOM]);

/** Read a content whole. errors: E_NOTFOUND, E_IO, E_NOMEM, E_FULL; E_CORRUPT
 * it is not what its name says */
int vault_get(struct vault *vault, const char *sha256, uint8_t **data,
              size_t *len);

/** Make it reachable under its name in URLs. errors: E_IO (errno) */
int vault_publish(struct vault *vault, const char *sha256);

/** Everything into another data folder: by links where the disk is the same,
 * else by copies. What comes meanwhile may be missing. errors: E_IO (errno),
 * E_NOMEM */
int vault_copy(struct vault *vault, const char *data_folder);

/** Take a content out; what is being read stays until it is closed. */
void vault_remove(struct vault *vault, const char *sha256);

#endif
