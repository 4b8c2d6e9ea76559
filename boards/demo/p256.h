/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ECDSA verification on the curve P-256. Not for secrets: its time depends
 * on the numbers, which are all public here.
 *
 * source   FIPS 186-5 6.4.2; SP 800-186 3.2.1.3
 */
#ifndef DEMO_P256_H
#define DEMO_P256_H

#include <stdint.h>

/**
 * key        x then y, big endian
 * digest     SHA-256 of the message
 * signature  r then s, big endian
 * returns    0 the signature is right | -1 it is not, or the key is no point
 */
int p256_verify(const uint8_t key[64], const uint8_t digest[32],
                const uint8_t signature[64]);

#endif
