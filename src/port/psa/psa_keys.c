/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "port/psa/psa_crypto_port.h"

#define PEM_MAX 65536
#define POINT_LEN 65  /* 0x04, x, y */
#define SCALAR_LEN 32 /* private key */

static int random_bytes(void *ctx, unsigned char *out, size_t len)
{
    (void)ctx;
    return psa_generate_random(out, len) == PSA_SUCCESS ? 0 : -1;
}

static bool is_p256(const mbedtls_pk_context *pk)
{
    return mbedtls_pk_can_do(pk, MBEDTLS_PK_ECDSA) &&
           mbedtls_pk_ec(*pk)->grp.id == MBEDTLS_ECP_DP_SECP256R1;
}

static void key_attributes(psa_key_attributes_t *a, psa_key_type_t type,
                           psa_key_usage_t usage)
{
    psa_algorithm_t algorithm = PSA_ALG_ECDSA(PSA_ALG_SHA_256);

    /* RFC 6979: the same package is the same bytes, whenever it is signed,
     * and a bad random generator cannot give the key away. */
    if (usage & PSA_KEY_USAGE_SIGN_HASH)
        algorithm = PSA_ALG_DETERMINISTIC_ECDSA(PSA_ALG_SHA_256);
    psa_set_key_type(a, type);
    psa_set_key_bits(a, 256);
    psa_set_key_usage_flags(a, usage);
    psa_set_key_algorithm(a, algorithm);
}

static int import_public(mbedtls_pk_context *pk, psa_key_id_t *key)
{
    psa_key_attributes_t a = PSA_KEY_ATTRIBUTES_INIT;
    uint8_t point[POINT_LEN];
    mbedtls_ecp_keypair *ec;
    size_t len;

    if (!is_p256(pk))
        return DFOTA_E_KEY;
    ec = mbedtls_pk_ec(*pk);
    if (mbedtls_ecp_point_write_binary(&ec->grp, &ec->Q,
                                       MBEDTLS_ECP_PF_UNCOMPRESSED, &len, point,
                                       sizeof(point)))
        return DFOTA_E_KEY;
    key_attributes(&a, PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1),
                   PSA_KEY_USAGE_VERIFY_HASH);
    return psa_import_key(&a, point, len, key) == PSA_SUCCESS ? 0 : DFOTA_E_KEY;
}

/* A certificate counts for its key alone: who signed it, and until when it
 * is valid, is no business of a device that is given it. */
static int parse_public(const uint8_t *pem, size_t len, psa_key_id_t *key)
{
    mbedtls_x509_crt crt;
    mbedtls_pk_context pk;
    int err = DFOTA_E_SYNTAX;

    mbedtls_x509_crt_init(&crt);
    mbedtls_pk_init(&pk);
    if (mbedtls_x509_crt_parse(&crt, pem, len + 1) == 0)
        err = import_public(&crt.pk, key);
    else if (mbedtls_pk_parse_public_key(&pk, pem, len + 1) == 0)
        err = import_public(&pk, key);
    mbedtls_pk_free(&pk);
    mbedtls_x509_crt_free(&crt);
    return err;
}

int psa_trust_load(struct psa_trust *t, uint8_t key_id, const char *path)
{
    psa_key_id_t key = 0;
    uint8_t *pem;
    size_t len;
    int err;

    if (key_id > 1 && key_id != DFOTA_KEY_PERMIT)
        return DFOTA_E_ARG;
    err = files_read(path, PEM_MAX, &pem, &len);
    if (err)
        return err;
    err = parse_public(pem, len, &key);
    free(pem);
    if (err)
        return err;
    if (key_id == DFOTA_KEY_PERMIT) {
        (void)psa_destroy_key(t->permit);
        t->permit = key;
    } else {
        (void)psa_destroy_key(t->keys[key_id]);
        t->keys[key_id] = key;
    }
    return 0;
}

static int import_private(mbedtls_pk_context *pk, psa_key_id_t *key)
{
    psa_key_attributes_t a = PSA_KEY_ATTRIBUTES_INIT;
    uint8_t scalar[SCALAR_LEN];
    int err = DFOTA_E_KEY;

    if (!is_p256(pk))
        return err;
    key_attributes(&a, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1),
                   PSA_KEY_USAGE_SIGN_HASH);
    if (mbedtls_mpi_write_binary(&mbedtls_pk_ec(*pk)->d, scalar,
                                 sizeof(scalar)) == 0 &&
        psa_import_key(&a, scalar, sizeof(scalar), key) == PSA_SUCCESS)
        err = 0;
    mbedtls_platform_zeroize(scalar, sizeof(scalar));
    return err;
}

int psa_signer_load(struct psa_signer *s, const char *path)
{
    mbedtls_pk_context pk;
    uint8_t *pem;
    size_t len;
    int err;

    s->key = 0;
    err = files_read(path, PEM_MAX, &pem, &len);
    if (err)
        return err;
    mbedtls_pk_init(&pk);
    err = DFOTA_E_SYNTAX;
    if (mbedtls_pk_parse_key(&pk, pem, len + 1, NULL, 0) == 0)
        err = import_private(&pk, &s->key);
    mbedtls_pk_free(&pk);
    mbedtls_platform_zeroize(pem, len);
    free(pem);
    return err;
}

/* KEY.pem gives KEY.pub.pem. */
static char *public_path(const char *path)
{
    static const char ending[] = ".pub.pem";
    size_t len = strlen(path);
    size_t room = len + sizeof(ending);
    char *out = malloc(room);

    if (!out)
        return NULL;
    if (len > 4 && strcmp(path + len - 4, ".pem") == 0)
        len -= 4;
    (void)snprintf(out, room, "%.*s%s", (int)len, path, ending);
    return out;
}

/* A key is written once and never over another one. */
static int write_new(const char *path, const char *pem, mode_t mode)
{
    size_t len = strlen(pem);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int saved;

    if (fd < 0)
        return DFOTA_E_IO;
    errno = ENOSPC; /* what a short write means and does not say */
    if (write(fd, pem, len) == (ssize_t)len && fsync(fd) == 0 && close(fd) == 0)
        return 0;
    saved = errno;
    (void)close(fd);
    (void)unlink(path);
    errno = saved;
    return DFOTA_E_IO;
}

static int write_pair(const char *path, const char *pub, const char *key_pem,
                      const char *pub_pem)
{
    int saved;
    int err = write_new(path, key_pem, 0600);

    if (err)
        return err;
    err = write_new(pub, pub_pem, 0644);
    if (err) {
        saved = errno;
        (void)unlink(path);
        errno = saved;
    }
    return err;
}

int psa_keygen_write(const char *path)
{
    unsigned char key_pem[1024];
    unsigned char pub_pem[1024];
    mbedtls_pk_context pk;
    char *pub = public_path(path);
    int err = DFOTA_E_NOMEM;

    mbedtls_pk_init(&pk);
    if (pub &&
        mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) ==
            0 &&
        mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk),
                            random_bytes, NULL) == 0 &&
        mbedtls_pk_write_key_pem(&pk, key_pem, sizeof(key_pem)) == 0 &&
        mbedtls_pk_write_pubkey_pem(&pk, pub_pem, sizeof(pub_pem)) == 0)
        err = write_pair(path, pub, (char *)key_pem, (char *)pub_pem);
    mbedtls_platform_zeroize(key_pem, sizeof(key_pem));
    mbedtls_pk_free(&pk);
    free(pub);
    return err;
}
