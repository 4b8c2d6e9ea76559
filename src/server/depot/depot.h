/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Packages of a node: built by worker threads through the delta library,
 * signed here or elsewhere, checked through the device's decoder.
 *
 *   waiting -> building -> unsigned -> ready
 *                 |   \-> waiting (the worker died, or the disk or the memory
 *                 |                was full: after a pause, 5 times at most)
 *                 \-----> failed  (no other try could mend it)
 *
 * Layer: server. A job is a row of the database, claimed with an expiry that
 * its node renews, so several nodes may build and a dead one's jobs go on.
 * The workers of a node share a bound of memory: a package that would not fit
 * beside the others waits for them.
 */
#ifndef DFOTA_SERVER_DEPOT_DEPOT_H
#define DFOTA_SERVER_DEPOT_DEPOT_H

#include <stdbool.h>

#include "server/depot/vault.h"
#include "server/fleet/node.h"

struct depot;

struct depot_config {
    struct node *node;
    struct vault *vault;
    unsigned workers;
    /* PEM file or pkcs11: URI; NULL: packages are signed elsewhere */
    const char *signing_key;
};

/** errors: E_KEY (said in the log), E_NOMEM */
int depot_start(const struct depot_config *config, struct depot **out);

/** End the workers; what they build is built anew at the next start. NULL is
 * harmless. */
void depot_stop(struct depot *depot);

/** Read the signing key again; that of before stays when it cannot be read.
 * errors: E_KEY (said in the log) */
int depot_reload(struct depot *depot);

/** Does this server sign? */
bool depot_signs(const struct depot *depot);

/** A package may wait now. */
void depot_wake(struct depot *depot);

/** Have a package, in a transaction: source 0 is a full image. A failed one
 * is tried again. id: out. errors: those of sql_run() */
int depot_want(struct sql *sql, int64_t tenant, int64_t source, int64_t target,
               int64_t now, int64_t *id);

/** The bytes that a signature covers. errors: E_NOTFOUND; those of the vault */
int depot_head(struct depot *depot, struct sql *sql, int64_t tenant, int64_t id,
               uint8_t **bytes, size_t *len);

/**
 * Put a signature into a package, check it with the class's public key and
 * the package with the decoder, keep it.
 *
 * sha256, size  out: of the signed package
 * errors        E_NOTFOUND, E_KEY the class has none, E_SIGNATURE, those of
 *               the vault and the decoder
 */
int depot_sign(struct depot *depot, struct sql *sql, int64_t tenant, int64_t id,
               const uint8_t *signature, char sha256[VAULT_HEX_ROOM],
               int64_t *size);

/** The picture of a package, SVG; *svg is the caller's, also on an error.
 * errors: E_NOTFOUND; those of the vault and of package_map_read() */
int depot_map(struct depot *depot, struct sql *sql, int64_t tenant, int64_t id,
              char **svg, size_t *len);

/** An ECDSA P-256 public key or certificate in PEM? */
bool depot_is_public_key(const char *pem);

#endif
