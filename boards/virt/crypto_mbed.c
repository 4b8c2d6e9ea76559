/* SPDX-License-Identifier: Apache-2.0 */
#include <mbedtls/ecdsa.h>
#include <mbedtls/memory_buffer_alloc.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#include "base/err.h"
#include "base/mem.h"
#include "boot_crypto.h"
#include "virt.h"

const char boot_crypto_name[] = MBEDTLS_VERSION_STRING_FULL;

static mbedtls_sha256_context hashes[2];
static mbedtls_ecp_group group;
static mbedtls_ecp_point point;
/* Verification takes about 9 KiB of it. */
static unsigned char heap[32768];

void boot_heap_damaged(int status)
{
    (void)status;
    uart_print("boot: the heap is damaged\n");
    virt_stop();
}

static int hash_init(void *ctx)
{
    mbedtls_sha256_init(ctx);
    return mbedtls_sha256_starts_ret(ctx, 0) ? DFOTA_E_IO : 0;
}

static int hash_update(void *ctx, const void *data, size_t len)
{
    return mbedtls_sha256_update_ret(ctx, data, len) ? DFOTA_E_IO : 0;
}

static int hash_final(void *ctx, uint8_t digest[DFOTA_HASH_LEN])
{
    return mbedtls_sha256_finish_ret(ctx, digest) ? DFOTA_E_IO : 0;
}

static int verify(void *ctx, uint8_t key_id,
                  const uint8_t digest[DFOTA_HASH_LEN],
                  const uint8_t signature[DFOTA_SIGNATURE_LEN])
{
    mbedtls_mpi r, s;
    int err = DFOTA_E_SIGNATURE;

    (void)ctx;
    if (key_id != 0)
        return DFOTA_E_KEY;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    if (mbedtls_mpi_read_binary(&r, signature, 32) == 0 &&
        mbedtls_mpi_read_binary(&s, signature + 32, 32) == 0 &&
        mbedtls_ecdsa_verify(&group, digest, DFOTA_HASH_LEN, &point, &r, &s) ==
            0)
        err = 0;
    mbedtls_mpi_free(&s);
    mbedtls_mpi_free(&r);
    return err;
}

static int load_key(void)
{
    uint8_t bytes[65] = {4}; /* uncompressed */

    memcpy(bytes + 1, boot_key, sizeof(boot_key));
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&point);
    if (mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) ||
        mbedtls_ecp_point_read_binary(&group, &point, bytes, sizeof(bytes)) ||
        mbedtls_ecp_check_pubkey(&group, &point))
        return DFOTA_E_KEY;
    return 0;
}

int boot_crypto_init(struct dfota_crypto *c)
{
    mbedtls_memory_buffer_alloc_init(heap, sizeof(heap));
    c->hash_init = hash_init;
    c->hash_update = hash_update;
    c->hash_final = hash_final;
    c->verify = verify;
    c->ctx = &hashes[0];
    c->ctx2 = &hashes[1];
    return load_key();
}
