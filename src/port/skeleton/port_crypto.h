/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Cryptography of a new port, before it has any.
 *
 * Layer: port. Nothing is hashed and no signature is right: a device with
 * this in it boots what it has and refuses every package. Copy port/psa, or
 * fill these four with the vendor's calls.
 */
#ifndef DFOTA_PORT_CRYPTO_H
#define DFOTA_PORT_CRYPTO_H

#include "device/crypto.h"

/** Every call fails with E_UNSUPPORTED; verify is never NULL, which would
 * mean that unsigned packages are taken. */
void port_crypto_init(struct dfota_crypto *c);

#endif
