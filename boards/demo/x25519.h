/* SPDX-License-Identifier: Apache-2.0 */
/**
 * X25519 key agreement.
 *
 * source   RFC 7748 5
 */
#ifndef DEMO_X25519_H
#define DEMO_X25519_H

#include <stdint.h>

/** The shared u coordinate; time does not depend on the scalar. */
void x25519(uint8_t out[32], const uint8_t scalar[32], const uint8_t point[32]);

/** The public key of a private one. */
void x25519_public(uint8_t out[32], const uint8_t scalar[32]);

#endif
