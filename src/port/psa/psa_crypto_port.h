/* SPDX-License-Identifier: Apache-2.0 */
/**
 * struct dfota_crypto on the PSA Crypto API (Mbed TLS here; TF-M or a
 * vendor's hardware offer the same calls), and the keys of the host tools.
 *
 * Layer: port. Keys are ECDSA P-256: PEM certificates, public keys or
 * private keys. Every function but psa_port_init() wants that to have been
 * called once in the process.
 */
#ifndef DFOTA_PORT_PSA_CRYPTO_PORT_H
#define DFOTA_PORT_PSA_CRYPTO_PORT_H

#include <psa/crypto.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/crypto.h"

/** Start the PSA library; again is harmless. errors: E_IO */
int psa_port_init(void);

/* What a device trusts, and the state of its hashes. */
struct psa_trust {
    psa_hash_operation_t hash[2];
    psa_key_id_t keys[2]; /* of packages, by key id; 0: none */
    psa_key_id_t permit;  /* of downgrade permits; 0: none */
};

/** Nothing trusted yet. Never copy or move one that is in use. */
void psa_trust_init(struct psa_trust *t);

/** Forget the keys, drop unfinished hashes. */
void psa_trust_release(struct psa_trust *t);

/**
 * Load a certificate or public key (PEM file) as a trusted key.
 *
 * key_id   0, 1 or DFOTA_KEY_PERMIT
 * errors   E_IO (errno), E_SYNTAX no PEM certificate or key, E_KEY not an
 *          ECDSA P-256 key, E_ARG
 */
int psa_trust_load(struct psa_trust *t, uint8_t key_id, const char *path);

/**
 * The device's view of t; valid while t lives. Without a package key
 * verify is NULL: unsigned packages are taken.
 */
void psa_trust_crypto(struct psa_trust *t, struct dfota_crypto *crypto);

/** Sign with a private key. A key in the making is 0. */
struct psa_signer {
    psa_key_id_t key;
};

/** Load a private key (PEM file). errors: as psa_trust_load() */
int psa_signer_load(struct psa_signer *s, const char *path);
void psa_signer_release(struct psa_signer *s);

/** ECDSA over a SHA-256 digest; signature is r, s, big endian. E_IO */
int psa_signer_sign(const struct psa_signer *s,
                    const uint8_t digest[DFOTA_HASH_LEN],
                    uint8_t signature[DFOTA_SIGNATURE_LEN]);

/**
 * Make a key pair.
 *
 * path     the private key's file, mode 0600; the public key's is the same
 *          name with ".pub.pem" in place of ".pem" (or behind the name)
 * errors   E_IO (errno; EEXIST: neither file is overwritten), E_NOMEM
 */
int psa_keygen_write(const char *path);

/** SHA-256 in one call. errors: E_IO */
int psa_sha256(const void *data, size_t len, uint8_t digest[DFOTA_HASH_LEN]);

/** Class and version ids: the first 4 bytes of a string's SHA-256, little
 * endian; 0 for NULL and "". */
uint32_t psa_string_id(const char *s);

#endif
