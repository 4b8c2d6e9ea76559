/* SPDX-License-Identifier: Apache-2.0 */
/* Mbed TLS for a boot loader: SHA-256, and ECDSA verification on P-256. */
#ifndef VIRT_MBED_CONFIG_H
#define VIRT_MBED_CONFIG_H

#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
/* Nothing here signs: there is no secret to blind. */
#define MBEDTLS_ECP_NO_INTERNAL_RNG
#define MBEDTLS_MEMORY_BUFFER_ALLOC_C
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_PLATFORM_NO_STD_FUNCTIONS
/* The heap's answer to a damaged list; crypto_mbed.c. */
void boot_heap_damaged(int status);
#define MBEDTLS_PLATFORM_EXIT_MACRO boot_heap_damaged
#define MBEDTLS_SHA256_C
#define MBEDTLS_VERSION_C
#define MBEDTLS_HAVE_ASM

#include "mbedtls/check_config.h"

#endif
