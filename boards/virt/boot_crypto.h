/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Cryptography of the boot loader. Two files implement it; boards/virt/build
 * links one: crypto_mbed.c on Mbed TLS, crypto_plain.c without it.
 */
#ifndef VIRT_BOOT_CRYPTO_H
#define VIRT_BOOT_CRYPTO_H

#include "device/crypto.h"

/* What it is, for the boot loader's first line. */
extern const char boot_crypto_name[];

/* Public key of packages, x then y, big endian; boards/virt/build makes the
 * file that defines it. */
extern const uint8_t boot_key[64];

/** Fill c. errors: E_KEY boot_key is no point of the curve */
int boot_crypto_init(struct dfota_crypto *c);

#endif
