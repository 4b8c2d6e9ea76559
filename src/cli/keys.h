/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Keys and certificates from the command line, errors in one line.
 *
 * Layer: cli.
 */
#ifndef DFOTA_CLI_KEYS_H
#define DFOTA_CLI_KEYS_H

#include "delta/build.h"
#include "device/crypto.h"

/** Hashes, and signatures by cert (certificate or public key, PEM); NULL:
 * signatures are not checked. returns an exit status */
int keys_crypto(struct dfota_crypto *crypto, const char *cert);

/** A signer with the private key in a PEM file. returns an exit status */
int keys_signer(struct build_signer *signer, const char *path);

#endif
