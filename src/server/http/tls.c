/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http/tls.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "os/log.h"

/* As the library bounds what a peer sends. */
enum { CHAIN_MAX = 16, KEY_BITS_MAX = 16 * 1024 };

struct tls_credentials {
    gnutls_certificate_credentials_t certificates;
    gnutls_datum_t ticket_key;
    int64_t expires; /* the first of the server's certificates */
    unsigned users;  /* connections, and one for being the current ones */
};

struct tls {
    pthread_mutex_t lock; /* of current, and of all users */
    const struct tls_pair *pairs;
    size_t n_pairs;
    const char *client_ca, *client_crl;
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

static int load_client_crl(const struct tls *tls,
                           struct tls_credentials *credentials)
{
    int n;

    if (!tls->client_crl)
        return 0;
    n = gnutls_certificate_set_x509_crl_file(
        credentials->certificates, tls->client_crl, GNUTLS_X509_FMT_PEM);
    if (n > 0)
        return 0;
    log_error("%s: %s; give the authority's list of revoked certificates, PEM",
              tls->client_crl,
              n < 0 ? gnutls_strerror(n) : "there is no list in it");
    return DFOTA_E_KEY;
}

/* Of all pairs, and of what is sent along. */
static int64_t first_expiry(const struct tls_credentials *credentials)
{
    gnutls_x509_crt_t *list;
    int64_t first = 0;
    unsigned n;

    for (unsigned pair = 0;
         gnutls_certificate_get_x509_crt(credentials->certificates, pair, &list,
                                         &n) >= 0;
         pair++) {
        for (unsigned i = 0; i < n; i++) {
            int64_t end = gnutls_x509_crt_get_expiration_time(list[i]);

            if (end > 0 && (first == 0 || end < first))
                first = end;
            gnutls_x509_crt_deinit(list[i]);
        }
        gnutls_free(list);
    }
    return first;
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
    credentials->expires = first_expiry(credentials);
    code = load_client_ca(tls, credentials);
    return code ? code : load_client_crl(tls, credentials);
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
               const char *client_ca, const char *client_crl, struct tls **tls)
{
    struct tls *made = calloc(1, sizeof *made);
    int err;

    if (!made)
        return DFOTA_E_NOMEM;
    made->pairs = pairs;
    made->n_pairs = n_pairs;
    made->client_ca = client_ca;
    made->client_crl = client_crl;
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
static bool is_valid(gnutls_certificate_credentials_t credentials,
                     gnutls_x509_crt_t *chain, unsigned n)
{
    gnutls_typed_vdata_st purpose = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID,
        .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT,
        .size = 0};
    gnutls_x509_trust_list_t trusted;
    unsigned status = 0, bits = 0;

    for (unsigned i = 0; i < n; i++) {
        if (gnutls_x509_crt_get_pk_algorithm(chain[i], &bits) < 0 ||
            bits > KEY_BITS_MAX)
            return false;
    }
    gnutls_certificate_get_trust_list(credentials, &trusted);
    return gnutls_x509_trust_list_verify_crt2(
               trusted, chain, n, &purpose, 1,
               GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_LOW), &status,
               NULL) >= 0 &&
           status == 0;
}

/* list: DER, the client's first. The one check of clients' certificates. */
static int check_chain(gnutls_certificate_credentials_t credentials,
                       const gnutls_datum_t *list, unsigned n)
{
    gnutls_x509_crt_t chain[CHAIN_MAX];
    unsigned have = 0;
    bool fine = n > 0 && n <= CHAIN_MAX;

    while (fine && have < n) {
        fine = gnutls_x509_crt_init(&chain[have]) >= 0;
        have += fine;
        fine = fine && gnutls_x509_crt_import(chain[have - 1], &list[have - 1],
                                              GNUTLS_X509_FMT_DER) >= 0;
    }
    fine = fine && is_valid(credentials, chain, n);
    while (have > 0)
        gnutls_x509_crt_deinit(chain[--have]);
    return fine ? 0 : DFOTA_E_SIGNATURE;
}

static int verify_client(gnutls_session_t session)
{
    gnutls_certificate_credentials_t credentials = NULL;
    unsigned n = 0;
    const gnutls_datum_t *list = gnutls_certificate_get_peers(session, &n);

    if (!list ||
        gnutls_credentials_get(session, GNUTLS_CRD_CERTIFICATE,
                               (void **)&credentials) < 0 ||
        check_chain(credentials, list, n) != 0)
        return GNUTLS_E_CERTIFICATE_ERROR;
    return 0;
}

static bool has_other_name(gnutls_x509_crt_t crt, const char *name)
{
    char found[256];
    size_t len;
    int code;

    for (unsigned i = 0;; i++) {
        len = sizeof found - 1;
        code = gnutls_x509_crt_get_subject_alt_name(crt, i, found, &len, NULL);
        if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return false;
        if (code < 0 && code != GNUTLS_E_SHORT_MEMORY_BUFFER)
            return false;
        if (code >= 0 && len == strlen(name) && memcmp(found, name, len) == 0)
            return true;
    }
}

static bool names(gnutls_x509_crt_t crt, const char *name)
{
    char found[256];
    size_t len = sizeof found;

    /* With a NUL inside it is another name. */
    if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0,
                                      found, &len) >= 0 &&
        strnlen(found, len) + 1 >= len && strcmp(found, name) == 0)
        return true;
    return has_other_name(crt, name);
}

int tls_peer_is(gnutls_session_t session, const char *name)
{
    unsigned n = 0;
    const gnutls_datum_t *list = gnutls_certificate_get_peers(session, &n);

    return list && n > 0 ? tls_names(&list[0], name) : DFOTA_E_NOTFOUND;
}

int tls_names(const gnutls_datum_t *der, const char *name)
{
    gnutls_x509_crt_t crt;
    bool fits;

    if (gnutls_x509_crt_init(&crt) < 0)
        return DFOTA_E_SIGNATURE;
    fits = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) >= 0 &&
           names(crt, name);
    gnutls_x509_crt_deinit(crt);
    return fits ? 0 : DFOTA_E_SIGNATURE;
}

bool tls_asks_clients(const struct tls *tls)
{
    return tls->client_ca != NULL;
}

int64_t tls_expiry(struct tls *tls)
{
    int64_t expires;

    pthread_mutex_lock(&tls->lock);
    expires = tls->current->expires;
    pthread_mutex_unlock(&tls->lock);
    return expires;
}

static struct tls_credentials *hold_current(struct tls *tls)
{
    struct tls_credentials *credentials;

    pthread_mutex_lock(&tls->lock);
    credentials = tls->current;
    credentials->users++;
    pthread_mutex_unlock(&tls->lock);
    return credentials;
}

int tls_check_client(struct tls *tls, const gnutls_datum_t *der)
{
    struct tls_credentials *credentials;
    int err;

    if (!tls->client_ca)
        return DFOTA_E_NOTFOUND;
    credentials = hold_current(tls);
    err = check_chain(credentials->certificates, der, 1);
    tls_detach(tls, credentials);
    return err;
}

struct tls_credentials *tls_attach(struct tls *tls, gnutls_session_t session)
{
    struct tls_credentials *credentials = hold_current(tls);

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
