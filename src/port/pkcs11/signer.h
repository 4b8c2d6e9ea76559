/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Who signs packages: an ECDSA P-256 key in a PEM file, or one that never
 * leaves its PKCS#11 token (RFC 7512).
 *
 * Layer: port. A token's PIN is in the URI (pin-source=FILE, pin-value=..), in
 * the environment as DFOTA_PIN, or is asked for on the terminal; a wrong one
 * is not tried again, since tokens lock themselves.
 */
#ifndef DFOTA_PORT_PKCS11_SIGNER_H
#define DFOTA_PORT_PKCS11_SIGNER_H

#include <stdbool.h>
#include <stdint.h>

#include "device/crypto.h"

enum { SIGNER_WHY_ROOM = 256 };

struct signer;

/** Is that a key in a token rather than a file? */
bool signer_is_token(const char *name);

/**
 * Open a key.
 *
 * name     path of a PEM file, or "pkcs11:token=..;object=.."
 * why      out, on an error: a line that names the key, never its PIN
 * errors   E_IO unreadable, E_SYNTAX no key, E_KEY not ECDSA P-256 or refused
 *          by the token, E_NOMEM
 */
int signer_open(const char *name, struct signer **out,
                char why[SIGNER_WHY_ROOM]);

/** As signer_open(), and a file that others may read is refused (E_KEY): for
 * who keeps the key, that is servers. */
int signer_open_private(const char *name, struct signer **out,
                        char why[SIGNER_WHY_ROOM]);

/** NULL is harmless. */
void signer_close(struct signer *signer);

/** As psa_signer_sign(); a token takes its time, 1 s and more. One call at a
 * time. errors: E_IO */
int signer_sign(struct signer *signer, const uint8_t digest[DFOTA_HASH_LEN],
                uint8_t signature[DFOTA_SIGNATURE_LEN]);

/** The name without a PIN, to be said. */
void signer_name(const struct signer *signer, char name[SIGNER_WHY_ROOM]);

#endif
