/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A private key in a PKCS#11 token, through GnuTLS.
 *
 * Layer: port.
 */
#ifndef DFOTA_PORT_PKCS11_TOKEN_KEY_H
#define DFOTA_PORT_PKCS11_TOKEN_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "device/crypto.h"

struct token_key;

/** why: out, on an error. errors: E_KEY, E_NOMEM */
int token_key_open(const char *uri, struct token_key **out, char *why,
                   size_t room);

/** NULL is harmless. */
void token_key_close(struct token_key *key);

/** errors: E_IO */
int token_key_sign(struct token_key *key, const uint8_t digest[DFOTA_HASH_LEN],
                   uint8_t signature[DFOTA_SIGNATURE_LEN]);

/** The URI without what a PIN follows. */
void token_key_name(const char *uri, char *name, size_t room);

#endif
