/* SPDX-License-Identifier: Apache-2.0 */
#include "server/tls.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/log.h"

struct tls_credentials {
    gnutls_certificate_credentials_t certificates;
    gnutls_datum_t ticket_key;
    unsigned users; /* connections, and one for being the current ones */
};

struct tls {
    pthread_mutex_t lock; /* of current, and of all users */
    const struct tls_pair *pairs;
    size_t n_pairs;
    const char *client_ca;
    struct tls_credentials *current;
};

static void free_credentials(struct tls_credentials *credentials)
{
    if (credentials->certificates)
        gnutls_certificate_free_credentials(credentials->certificates);
    if (credentials->ticket_key.data) {
        gnutls_memset(credentials->ticket_key.data, 0,
                      credentials->ticket_key.size);
        gnutls_free(credentials->ticket_key.data);
    }
    free(credentials);
}

static int load_client_ca(const struct tls *tls,
                          struct tls_credentials *credentials)
{
    int n;

    if (!tls->client_ca)
        return 0;
    n = gnutls_certificate_set_x509_trust_file(
        credentials->certificates, tls->client_ca, GNUTLS_X509_FMT_PEM);
    if (n > 0)
        return 0;
    log_error("%s: %s; give the certificate that clients' follow from, PEM",
              tls->client_ca,
              n < 0 ? gnutls_strerror(n) : "there is no certificate in it");
    return DFOTA_E_KEY;
}

static int load(const struct tls *tls, struct tls_credentials *credentials)
{
    int code =
        gnutls_certificate_allocate_credentials(&credentials->certificates);

    if (code >= 0)
        code = gnutls_session_ticket_key_generate(&credentials->ticket_key);
    if (code < 0) {
        log_error("TLS cannot start: %s", gnutls_strerror(code));
        return DFOTA_E_NOMEM;
    }
    for (size_t i = 0; i < tls->n_pairs; i++) {
        const struct tls_pair *pair = &tls->pairs[i];

        code = gnutls_certificate_set_x509_key_file(credentials->certificates,
                                                    pair->cert, pair->key,
                                                    GNUTLS_X509_FMT_PEM);
        if (code < 0) {
            log_error("%s with %s: %s; give a PEM certificate and the key that "
                      "belongs to it",
                      pair->cert, pair->key, gnutls_strerror(code));
            return DFOTA_E_KEY;
        }
    }
    return load_client_ca(tls, credentials);
}

static int make_credentials(const struct tls *tls, struct tls_credentials **out)
{
    struct tls_credentials *credentials = calloc(1, sizeof *credentials);
    int err = credentials ? load(tls, credentials) : DFOTA_E_NOMEM;

    if (err) {
        if (credentials)
            free_credentials(credentials);
        return err;
    }
    credentials->users = 1;
    *out = credentials;
    return 0;
}

int tls_create(const struct tls_pair *pairs, size_t n_pairs,
               const char *client_ca, struct tls **tls)
{
    struct tls *made = calloc(1, sizeof *made);
    int err;

    if (!made)
        return DFOTA_E_NOMEM;
    made->pairs = pairs;
    made->n_pairs = n_pairs;
    made->client_ca = client_ca;
    pthread_mutex_init(&made->lock, NULL);
    err = make_credentials(made, &made->current);
    if (err)
        tls_destroy(made);
    else
        *tls = made;
    return err;
}

void tls_destroy(struct tls *tls)
{
    if (!tls)
        return;
    tls_detach(tls, tls->current);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

int tls_reload(struct tls *tls)
{
    struct tls_credentials *fresh, *old;
    int err = make_credentials(tls, &fresh);

    if (err)
        return err;
    pthread_mutex_lock(&tls->lock);
    old = tls->current;
    tls->current = fresh;
    pthread_mutex_unlock(&tls->lock);
    tls_detach(tls, old);
    return 0;
}

/* For the purpose of clients: else every server with a certificate of that
 * authority would be a client of ours. */
static int verify_client(gnutls_session_t session)
{
    gnutls_typed_vdata_st purpose = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID,
        .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT,
        .size = 0};
    unsigned status = 0;
    int code = gnutls_certificate_verify_peers(session, &purpose, 1, &status);

    return code < 0 || status != 0 ? GNUTLS_E_CERTIFICATE_ERROR : 0;
}

int tls_peer_name(gnutls_session_t session, char *name, size_t room)
{
    unsigned n = 0;
    const gnutls_datum_t *list = gnutls_certificate_get_peers(session, &n);
    gnutls_x509_crt_t crt;
    int code;

    if (!list || n == 0)
        return DFOTA_E_NOTFOUND;
    if (gnutls_x509_crt_init(&crt) < 0)
        return DFOTA_E_SYNTAX;
    code = gnutls_x509_crt_import(crt, &list[0], GNUTLS_X509_FMT_DER);
    if (code >= 0)
        code = gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME,
                                             0, 0, name, &room);
    gnutls_x509_crt_deinit(crt);
    return code < 0 ? DFOTA_E_SYNTAX : 0;
}

struct tls_credentials *tls_attach(struct tls *tls, gnutls_session_t session)
{
    struct tls_credentials *credentials;

    pthread_mutex_lock(&tls->lock);
    credentials = tls->current;
    credentials->users++;
    pthread_mutex_unlock(&tls->lock);
    if (tls->client_ca) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_function(session, verify_client);
    }
    if (gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
                               credentials->certificates) >= 0 &&
        gnutls_session_ticket_enable_server(session,
                                            &credentials->ticket_key) >= 0)
        return credentials;
    tls_detach(tls, credentials);
    return NULL;
}

void tls_detach(struct tls *tls, struct tls_credentials *credentials)
{
    unsigned left;

    if (!credentials)
        return;
    pthread_mutex_lock(&tls->lock);
    left = --credentials->users;
    pthread_mutex_unlock(&tls->lock);
    if (left == 0)
        free_credentials(credentials);
}
