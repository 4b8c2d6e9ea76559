/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/selfsigned.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "os/files.h"
#include "os/log.h"

enum { DAY_S = 24 * 3600, LIFE_DAYS = 3650 };

static int make_key(gnutls_x509_privkey_t *key)
{
    int code = gnutls_x509_privkey_init(key);

    if (code < 0)
        return code;
    return gnutls_x509_privkey_generate(
        *key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
        0);
}

static int add_names(gnutls_x509_crt_t cert)
{
    static const uint8_t v4[4] = {127, 0, 0, 1};
    static const uint8_t v6[16] = {[15] = 1};
    int code = gnutls_x509_crt_set_dn(cert, "CN=dfotad", NULL);

    if (code >= 0)
        code = gnutls_x509_crt_set_subject_alt_name(
            cert, GNUTLS_SAN_DNSNAME, "localhost", 9, GNUTLS_FSAN_SET);
    if (code >= 0)
        code = gnutls_x509_crt_set_subject_alt_name(
            cert, GNUTLS_SAN_IPADDRESS, v4, sizeof v4, GNUTLS_FSAN_APPEND);
    if (code >= 0)
        code = gnutls_x509_crt_set_subject_alt_name(
            cert, GNUTLS_SAN_IPADDRESS, v6, sizeof v6, GNUTLS_FSAN_APPEND);
    return code;
}

/* Valid from a day ago: the clocks of modules are not exact. */
static int set_validity(gnutls_x509_crt_t cert)
{
    time_t now = time(NULL);
    int code = gnutls_x509_crt_set_activation_time(cert, now - DAY_S);

    if (code >= 0)
        code = gnutls_x509_crt_set_expiration_time(
            cert, now + (time_t)LIFE_DAYS * DAY_S);
    return code;
}

static int set_uses(gnutls_x509_crt_t cert)
{
    int code = gnutls_x509_crt_set_basic_constraints(cert, 0, -1);

    if (code >= 0)
        code =
            gnutls_x509_crt_set_key_usage(cert, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (code >= 0)
        code = gnutls_x509_crt_set_key_purpose_oid(cert,
                                                   GNUTLS_KP_TLS_WWW_SERVER, 0);
    return code;
}

static int set_serial(gnutls_x509_crt_t cert)
{
    uint8_t serial[16];
    int code = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);

    serial[0] =
        (uint8_t)((serial[0] & 0x3f) | 0x40); /* positive, full length */
    return code < 0 ? code
                    : gnutls_x509_crt_set_serial(cert, serial, sizeof serial);
}

static int make_cert(gnutls_x509_privkey_t key, gnutls_x509_crt_t *cert)
{
    int code = gnutls_x509_crt_init(cert);

    if (code >= 0)
        code = gnutls_x509_crt_set_version(*cert, 3);
    if (code >= 0)
        code = set_serial(*cert);
    if (code >= 0)
        code = set_validity(*cert);
    if (code >= 0)
        code = add_names(*cert);
    if (code >= 0)
        code = set_uses(*cert);
    if (code >= 0)
        code = gnutls_x509_crt_set_key(*cert, key);
    if (code >= 0)
        code = gnutls_x509_crt_sign2(*cert, *cert, key, GNUTLS_DIG_SHA256, 0);
    return code;
}

static int write_pem(const char *path, gnutls_datum_t *pem)
{
    int err = files_write(path, pem->data, pem->size);

    if (err)
        log_error("%s: %s; the data folder (--data) must be writable", path,
                  strerror(errno));
    gnutls_memset(pem->data, 0, pem->size);
    gnutls_free(pem->data);
    return err;
}

/* The certificate goes last: without one the next start makes both anew. */
static int write_both(const char *cert_path, gnutls_x509_crt_t cert,
                      const char *key_path, gnutls_x509_privkey_t key)
{
    gnutls_datum_t pem;
    int err = DFOTA_E_NOMEM;

    if (gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
                                          GNUTLS_PKCS_PLAIN, &pem) >= 0)
        err = write_pem(key_path, &pem);
    if (err)
        return err;
    if (gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &pem) < 0)
        return DFOTA_E_NOMEM;
    return write_pem(cert_path, &pem);
}

int selfsigned_provide(const char *cert_path, const char *key_path)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t cert = NULL;
    int code, err;

    if (access(cert_path, F_OK) == 0 && access(key_path, F_OK) == 0)
        return 0;
    unlink(cert_path);
    code = make_key(&key);
    if (code >= 0)
        code = make_cert(key, &cert);
    if (code < 0) {
        log_error("no certificate could be made: %s", gnutls_strerror(code));
        err = DFOTA_E_NOMEM;
    } else {
        err = write_both(cert_path, cert, key_path, key);
    }
    if (!err)
        log_info("made a self-signed certificate for localhost: %s", cert_path);
    if (cert)
        gnutls_x509_crt_deinit(cert);
    if (key)
        gnutls_x509_privkey_deinit(key);
    return err;
}
